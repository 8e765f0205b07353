//! Scores to look at and engines to listen to.

use auralis_graph::Built;
use auralis_graph::engine::NoteOut;
use auralis_graph::music::{Key, Meter, Mode};
use auralis_graph::note::NoteKind;
use auralis_graph::plan::Socket;
use auralis_graph::settings::Settings;
use auralis_graph::testing::realtime::take_violations;
use auralis_graph::testing::{RATE, build_at};
use auralis_nodes::catalogue;
use auralis_nodes::composer::{ComposerConfig, Note, Part, Phrase, Score};

pub const INTENSITIES: [f32; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];

pub fn score(config: &ComposerConfig) -> Score {
    score_in(config, "4/4")
}

pub fn score_in(config: &ComposerConfig, meter: &str) -> Score {
    Score::new(config, meter.parse().unwrap(), "composer").unwrap()
}

pub fn settings(seed: u64, intensity: f32) -> Settings {
    Settings { seed, intensity, ..Settings::default() }
}

pub fn in_mode(mode: Mode, settings: Settings) -> Settings {
    Settings { key: Key::A_MINOR.with_mode(mode), ..settings }
}

/// Composes phrases one after the other and shows each.
pub fn each_phrase(
    score: &Score,
    settings: &Settings,
    numbers: std::ops::Range<i64>,
    mut look: impl FnMut(&Phrase),
) {
    let mut phrase = Phrase::default();
    for number in numbers {
        score.compose(settings, number, &mut phrase);
        look(&phrase);
    }
}

pub fn notes(phrase: &Phrase, part: Part) -> Vec<Note> {
    phrase.part(part).copied().collect()
}

/// Ticks of a bar.
pub fn bar(meter: &str) -> u32 {
    meter.parse::<Meter>().unwrap().bar_ticks() as u32
}

/// A note as it left the engine: frames from its start to its end.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Heard {
    pub channel: u8,
    pub id: u32,
    pub key: u8,
    pub velocity: f32,
    pub from: i64,
    pub to: i64,
}

/// A preset with a composer of the given keys, and `head` above its nodes.
pub fn preset(head: &str, keys: &str) -> String {
    let comma = if keys.is_empty() { "" } else { ", " };
    format!(
        "auralis: 1\n{head}nodes:\n  composer: {{ type: composer{comma}{keys} }}\n  out: {{ type: midi_out, in: [composer.melody] }}\n  pads: {{ type: midi_out, in: composer.chords }}\n  low: {{ type: midi_out, in: composer.bass }}\n"
    )
}

pub fn engine(head: &str, keys: &str) -> Built {
    build_at(&preset(head, keys), &catalogue(), RATE, Socket::Play)
}

/// Runs an engine and gives what left it.
///
/// # Panics
/// If the audio thread allocates or makes a system call.
pub fn run(built: &mut Built, frames: i64) -> Vec<NoteOut> {
    let mut out = Vec::new();
    take_violations();
    let end = built.engine.frame() + frames;
    while built.engine.frame() < end {
        built.engine.quantum();
        out.extend_from_slice(built.engine.notes_out());
    }
    assert_eq!(take_violations(), 0);
    out
}

/// Joins starts and ends. Notes that still sound end at `end`.
///
/// # Panics
/// If an end has no start, a start comes twice, or a key of a channel sounds twice at once.
pub fn joined(events: &[NoteOut], end: i64) -> Vec<Heard> {
    let mut sounding: Vec<Heard> = Vec::new();
    let mut done = Vec::new();
    for NoteOut { frame, event, .. } in events {
        match event.kind {
            NoteKind::On { key, velocity } => {
                let (key, channel) = (key as u8, event.channel);
                let twice = sounding.iter().any(|h| (h.channel, h.key) == (channel, key) || h.id == event.id);
                assert!(!twice, "{event:?} at {frame} sounds already: {sounding:?}");
                sounding.push(Heard { channel, id: event.id, key, velocity, from: *frame, to: end });
            }
            NoteKind::Off { .. } => {
                let at = sounding.iter().position(|heard| heard.id == event.id);
                let heard =
                    sounding.swap_remove(at.unwrap_or_else(|| panic!("{event:?} ends what never began")));
                done.push(Heard { to: *frame, ..heard });
            }
            other => panic!("a composer sends notes only: {other:?}"),
        }
    }
    done.extend(sounding);
    done.sort_by_key(|heard| (heard.from, heard.channel, heard.key));
    done
}

/// What sounds at a frame, by channel and key.
pub fn sounding_at(heard: &[Heard], frame: i64) -> Vec<(u8, u8)> {
    let mut keys: Vec<(u8, u8)> =
        heard.iter().filter(|h| h.from <= frame && frame < h.to).map(|h| (h.channel, h.key)).collect();
    keys.sort_unstable();
    keys
}
