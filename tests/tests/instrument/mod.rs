//! What the tests of the instrument share: pieces, and what `auralis render` makes of them.
#![allow(dead_code, reason = "every test file takes what it needs")]

use auralis_tests::clap_host::{Active, Instance, Library, Sent, Time};
use auralis_tests::{Room, bundles, hosts};
use std::time::Duration;

/// A host that plays from its beginning at 120 beats a minute.
pub const PLAYING: Time = Time { playing: true, tempo: 120.0, from: 0.0, looped: None };
/// A host that stands still.
pub const STOPPED: Time = Time { playing: false, ..PLAYING };

/// A piece that plays what is played, and nothing else.
pub const KEYS: &str = "auralis: 1
name: Keys
tempo: 120
nodes:
  hands: { type: midi_in }
  voice:
    type: synth
    in: hands
    osc1_shape: 0
    osc2_level: -90 dB
    detune: 0 ct
    lfo_pan: 0
    lfo_cutoff: 0
    lfo_pitch: 0 st
    sub_level: -90 dB
    noise_level: -90 dB
    attack: 1 ms
    sustain: 1
    release: 50 ms
    filter_envelope: 0
    cutoff: 12 kHz
    variation: 0
    spread: 0
    gain: -6 dB
  out: { type: output, in: voice }
expose:
  level: { to: voice.gain }
";

/// A piece that plays by itself.
pub const TUNE: &str = "auralis: 1
name: Tune
seed: 3
key: D dorian
tempo: 120
intensity: 0.9
nodes:
  composer: { type: composer, humanize: 0 }
  lead: { type: synth, in: composer.melody, voices: 8, attack: 5 ms, release: 50 ms, gain: -6 dB }
  pad: { type: synth, in: composer.chords, voices: 16, attack: 5 ms, release: 50 ms, gain: -18 dB }
  out: { type: output, in: [lead, pad] }
expose:
  lead: { to: lead.gain }
";

/// The general instrument, loaded.
pub fn library() -> Library {
    Library::load(bundles::clap())
}

/// An instance that plays a text.
pub fn instance_of(library: &Library, text: &str) -> Instance {
    let mut instance = library.instance();
    instance.load_piece("test", text);
    instance
}

/// What `auralis render` writes of a preset's text, from the beginning: both channels.
pub fn rendered(text: &str, rate: u32, seconds: u32, more: &[&str]) -> [Vec<f32>; 2] {
    let room = Room::new();
    room.put("piece.yaml", text);
    let frames = hosts::rendered(&room, "piece.yaml", rate, f64::from(seconds), more);
    [0, 1].map(|channel| frames.iter().map(|frame| frame[channel]).collect())
}

/// The text of a shipped preset, and its tempo.
pub fn shipped(name: &str) -> (String, f64) {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../presets").join(format!("{name}.yaml"));
    let text = std::fs::read_to_string(path).unwrap();
    let tempo = text.lines().find_map(|line| line.strip_prefix("tempo: ")?.parse().ok());
    (text, tempo.expect("every preset that ships has a tempo"))
}

/// Two seconds, slowly enough that what was asked for is built meanwhile.
pub fn settled(active: &mut Active) -> [Vec<f32>; 2] {
    let mut sound = [Vec::new(), Vec::new()];
    for _ in 0..40 {
        let part = active.render(2_400, &[480], STOPPED, &[]);
        sound.iter_mut().zip(part).for_each(|(all, part)| all.extend(part));
        std::thread::sleep(Duration::from_millis(20));
    }
    sound
}

/// How many samples of two stretches differ, which are equally long.
#[track_caller]
pub fn differ(a: &[f32], b: &[f32]) -> usize {
    assert_eq!(a.len(), b.len(), "frames");
    a.iter().zip(b).filter(|(a, b)| a.to_bits() != b.to_bits()).count()
}

/// The notes that began in some frames, as frames from their first, channels and keys, in order.
pub fn begun(sent: &[Sent], from: u64, to: u64) -> Vec<(u64, u16, u16)> {
    let within = sent.iter().filter(|note| note.on && (from..to).contains(&note.frame));
    let mut notes: Vec<_> = within.map(|note| (note.frame - from, note.channel, note.key)).collect();
    notes.sort_unstable();
    notes
}
