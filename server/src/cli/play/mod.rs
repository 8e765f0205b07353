//! `auralis play`: the machine's own audio and MIDI devices.

use super::{Failure, Outcome};

#[cfg(feature = "play")]
mod device;
#[cfg(feature = "play")]
mod live;
#[cfg(feature = "play")]
mod midi;

/// Play a preset on this machine's audio device, with MIDI keyboards and instruments.
///
/// A preset that is a file is edited while it plays: save it, and what changed is heard at once.
///
/// Notes of a keyboard reach the preset's `midi_in` nodes; what its `midi_out` nodes send goes to a MIDI output.
#[derive(Debug, clap::Args)]
#[cfg_attr(
    not(feature = "play"),
    allow(dead_code, reason = "the flags exist in every build, so that its help is the same")
)]
pub struct Play {
    /// The preset.
    #[arg(default_value = auralis_library::DEFAULT)]
    preset: String,
    /// List the devices and ports of this machine, and end.
    #[arg(long)]
    list: bool,
    /// Audio device whose name contains this [default: the system's].
    #[arg(long, value_name = "NAME")]
    device: Option<String>,
    /// MIDI input whose name contains this [default: all].
    #[arg(long, value_name = "NAME")]
    midi_in: Option<String>,
    /// MIDI output whose name contains this [default: none].
    #[arg(long, value_name = "NAME")]
    midi_out: Option<String>,
    /// Set key, tempo, intensity, seed, an exposed control or a parameter, as for `auralis render`.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    sets: Vec<String>,
    /// End after this time [default: at Ctrl-C].
    #[arg(long, value_name = "TIME", value_parser = super::render::duration)]
    length: Option<f64>,
}

impl Play {
    #[cfg(feature = "play")]
    pub(super) fn run(self) -> Outcome {
        if self.list { device::list() } else { device::play(&self) }
    }

    #[cfg(not(feature = "play"))]
    pub(super) fn run(self) -> Outcome {
        let how = if cfg!(target_os = "linux") {
            " (on Linux it needs the ALSA headers: libasound2-dev)"
        } else {
            ""
        };
        Err(Failure::Message(format!(
            "this build has no audio devices; build one with `cargo run --release --features play -- play`{how}"
        )))
    }
}

#[cfg(feature = "play")]
impl From<cpal::Error> for Failure {
    fn from(error: cpal::Error) -> Self {
        Self::Message(format!("audio device: {error}"))
    }
}
