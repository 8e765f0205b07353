//! `sampler`: plays a recording at the pitch of each note.

mod config;
mod decode;
mod kernel;
mod player;
mod sound;
#[cfg(test)]
mod tests;
mod voice;

use auralis_graph::param::{ParamSpec, Unit};
use auralis_graph::places::Places;
use auralis_graph::port::Ports;
use auralis_graph::{Node, NodeError, Prepare, Prepared, Tail};
use config::SamplerConfig;
pub use config::held;
use player::Player;

/// The node; its audio half is [`Player`].
pub struct Sampler;

const ATTACK: usize = 0;
const RELEASE: usize = 1;
const TUNE: usize = 2;
const VELOCITY: usize = 3;

impl Node for Sampler {
    const KIND: &'static str = "sampler";
    const ABOUT: &'static str = "Plays a recording, a WAV or FLAC file, at the pitch of each note.

At the key `root` the file sounds as it was recorded; other keys are read faster or slower, up to four octaves up.
Files of any rate from 4 to 384 kHz are played at the rate of the whole, mono on both sides. A file is looked for
beside the preset and in the user's `samples` folder, and kept in memory once, however many nodes play it.

`lowest` and `highest` bound the keys that sound. An instrument of several recordings is a few samplers on the same
notes, each with its own range.

`loop` keeps a note alive while it is held: `whole` repeats the file, `{ start: 0.8, end: 3.1 }` a part of it. A
`crossfade` blends the loop's end into what lies before its start, for recordings that do not fit by themselves.
`one_shot` plays to the end whatever the note does, for drums and textures. `attack` and `release` shape each note,
`tune` moves the pitch of all, and `velocity` is how much a soft touch is softer.

Notes start on their very frame. Bends move single notes or whole channels; the sustain pedal is obeyed. Where a note
needs a voice and all are taken, the oldest fades within a few milliseconds.";
    const EXAMPLE: &'static str = "
keys: { type: midi_in }
glass: { type: sampler, in: keys, file: default, root: C4, loop: whole, attack: 300 ms, release: 2 s }
out: { type: output, in: glass }";
    const PARAMS: &'static [ParamSpec] = &[
        ParamSpec::seconds("attack", 0.0, 20.0, 0.002).about("Time in which a note rises to its full level."),
        ParamSpec::seconds("release", 0.001, 60.0, 0.2)
            .about("Time in which a note falls by 60 dB after its end."),
        ParamSpec::new("tune", Unit::Semitones, -24.0, 24.0, 0.0).about("Pitch of all notes, up or down."),
        ParamSpec::ratio("velocity", 1.0)
            .about("How much the level follows velocity: 1 as a square, 0 not at all."),
    ];
    type Config = SamplerConfig;

    fn ports(_config: &SamplerConfig) -> Ports {
        Ports::instrument()
    }

    fn check(config: &SamplerConfig, places: &Places) -> Vec<NodeError> {
        config.check(places)
    }

    fn prepare(config: &SamplerConfig, cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        if let Some(file) = config.version(cx.places)? {
            cx.reads(file);
        }
        let sound = config.sound(cx.places)?;
        // A note sounds on for its release; what is played out lasts as long as the file an octave lower.
        let tail = if config.one_shot { 2.0 * sound.seconds() } else { 10.0 };
        let player = Player::new(sound, config, cx.voices(config.voices as u32), cx.sample_rate);
        Ok(Prepared::new(player).tail(Tail::Frames((tail * f64::from(cx.sample_rate)) as u64)))
    }
}
