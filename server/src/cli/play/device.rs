//! The audio device: its callback renders.

use super::Play;
use super::live::{self, Live};
use super::midi::{self, Instruments, Keyboards};
use crate::adjust::Sets;
use crate::cli::{Failure, Outcome, print, signals};
use auralis_graph::engine::NoteOut;
use auralis_graph::node::Pace;
use auralis_graph::plan::{Options, Socket, build};
use auralis_graph::{Built, Engine};
use auralis_library as library;
use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{Device, FromSample, OutputCallbackInfo, SampleFormat, SizedSample, StreamConfig};
use std::sync::PoisonError;
use std::time::{Duration, Instant};

/// Frames that are rendered at once; larger callbacks are served in parts.
const PART: usize = 1024;

/// Lists devices and ports.
pub fn list() -> Outcome {
    let host = cpal::default_host();
    // Not every system lists the device that it plays on by default.
    let default = host.default_output_device().map(|device| name(&device));
    let names: Vec<String> = host.output_devices()?.map(|device| name(&device)).collect();
    for name in default.iter().filter(|default| !names.contains(default)).chain(&names) {
        let mark = if Some(name) == default.as_ref() { " (default)" } else { "" };
        print(format!("audio     {name}{mark}"))?;
    }
    for name in midi::inputs() {
        print(format!("MIDI in   {name}"))?;
    }
    for name in midi::outputs() {
        print(format!("MIDI out  {name}"))?;
    }
    Ok(())
}

fn name(device: &Device) -> String {
    device.description().map_or_else(|_| "unknown".into(), |description| description.name().to_string())
}

fn find(wanted: Option<&str>) -> Result<Device, Failure> {
    let host = cpal::default_host();
    let Some(wanted) = wanted else {
        let none = || Failure::Message("this machine has no audio device".into());
        return host.default_output_device().ok_or_else(none);
    };
    let names = |device: &Device| name(device).to_lowercase().contains(&wanted.to_lowercase());
    let found = host.output_devices()?.find(names);
    found.ok_or_else(|| {
        Failure::Message(format!("no audio device is called `{wanted}`; see `auralis play --list`"))
    })
}

/// Plays until Ctrl-C or the given length.
pub fn play(command: &Play) -> Outcome {
    let catalogue = auralis_nodes::catalogue();
    let loaded = library::find(&command.preset)?;
    let sets = Sets::read(&command.sets, None).map_err(Failure::Message)?;
    let preset = live::read(&loaded, &catalogue, &sets)?;
    let device = find(command.device.as_deref())?;
    let config = device.default_output_config()?;
    let rate = config.sample_rate();
    let options = Options {
        socket: Socket::Play,
        pace: Pace::RealTime,
        ..Options::render(rate, preset.settings(), loaded.places)
    };
    let Built { engine, controller, editor, .. } = build(&preset, &catalogue, &options)?;
    let keyboards = Keyboards::open(command.midi_in.as_deref(), &controller, live::entrances(&preset))?;
    let (_instruments, notes) = Instruments::open(command.midi_out.as_deref(), rate)?;
    let format = config.sample_format();
    let player = Player { engine, notes, left: vec![0.0; PART], right: vec![0.0; PART] };
    let stream = match format {
        SampleFormat::F32 => player.start::<f32>(&device, config.into())?,
        SampleFormat::I16 => player.start::<i16>(&device, config.into())?,
        SampleFormat::U16 => player.start::<u16>(&device, config.into())?,
        SampleFormat::I32 => player.start::<i32>(&device, config.into())?,
        SampleFormat::F64 => player.start::<f64>(&device, config.into())?,
        other => {
            return Err(Failure::Message(format!(
                "the device takes {other} samples, which are not supported"
            )));
        }
    };
    // Whoever hears it can end it.
    let runtime = signals::runtime()?;
    let interrupted = {
        let _within = runtime.enter();
        signals::interrupted()
    };
    stream.play()?;
    print(format!("{} plays on {} at {rate} Hz; Ctrl-C ends it", preset.title(), name(&device)))?;
    let path = loaded.path.filter(|path| path.is_file());
    let failed = Default::default();
    let live =
        Live { catalogue, sets, preset, path, editor, controller, keyboards, failed, watch: None }.watched();
    let look = || live.lock().unwrap_or_else(PoisonError::into_inner).listen();
    runtime.block_on(wait(command.length, interrupted, look));
    Ok(())
}

/// How often it is asked whether a node failed.
const LOOK: Duration = Duration::from_millis(250);

/// Waits for the given time, or until the program is interrupted, and looks after what plays meanwhile.
async fn wait(length: Option<f64>, interrupted: impl Future<Output = ()>, mut look: impl FnMut()) {
    let ends = async {
        match length {
            None => std::future::pending().await,
            Some(seconds) => tokio::time::sleep(Duration::from_secs_f64(seconds)).await,
        }
    };
    let mut looks = tokio::time::interval(LOOK);
    tokio::pin!(ends, interrupted);
    loop {
        tokio::select! {
            () = &mut ends => break,
            () = &mut interrupted => break,
            _ = looks.tick() => look(),
        }
    }
}

/// What the device's callback owns.
struct Player {
    engine: Engine,
    notes: Option<rtrb::Producer<(NoteOut, Instant)>>,
    left: Vec<f32>,
    right: Vec<f32>,
}

impl Player {
    fn start<T: SizedSample + FromSample<f32>>(
        mut self,
        device: &Device,
        config: StreamConfig,
    ) -> Result<cpal::Stream, Failure> {
        let channels = usize::from(config.channels);
        let callback = move |out: &mut [T], _: &OutputCallbackInfo| self.fill(out, channels);
        let failed = |error| tracing::warn!("audio device: {error}");
        Ok(device.build_output_stream(config, callback, failed, None)?)
    }

    /// The audio callback: renders, and spreads stereo over the device's channels.
    fn fill<T: SizedSample + FromSample<f32>>(&mut self, out: &mut [T], channels: usize) {
        let now = Instant::now();
        for part in out.chunks_mut(PART * channels) {
            let frames = part.len() / channels;
            let (left, right) = (&mut self.left[..frames], &mut self.right[..frames]);
            let notes = &mut self.notes;
            self.engine.render_with(left, right, |leaving| {
                for note in leaving {
                    if let Some(notes) = notes {
                        // When nobody takes them they are lost: the callback does not wait.
                        let _ = notes.push((*note, now));
                    }
                }
            });
            for (frame, out) in part.chunks_mut(channels).enumerate() {
                for (channel, sample) in out.iter_mut().enumerate() {
                    *sample = match (channel, channels) {
                        (0, 1) => T::from_sample((left[frame] + right[frame]) * 0.5),
                        (0, _) => T::from_sample(left[frame]),
                        (1, _) => T::from_sample(right[frame]),
                        _ => T::EQUILIBRIUM,
                    };
                }
            }
        }
    }
}
