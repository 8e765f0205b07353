//! The shipped font in another player: FluidSynth finds the same pitches and levels in it as the soundfont node.

use auralis_graph::command::When;
use auralis_graph::note::NoteEvent;
use auralis_graph::plan::Socket;
use auralis_graph::testing::measure::{self, level_db};
use auralis_graph::testing::{RATE, build_at, render_blocks};
use auralis_nodes::catalogue;
use std::path::Path;
use std::process::Command;

const FONT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../soundfonts/auralis.sf2");

/// Seconds that are compared, of a note that is held.
const SECONDS: f64 = 1.5;

/// One note of a program as a standard MIDI file of 1 ms a tick, held for 1.6 seconds.
fn midi_file(program: u8, key: u8, velocity: u8) -> Vec<u8> {
    // A tempo of 500 ms a quarter note of 500 ticks.
    let mut track = vec![0, 0xff, 0x51, 3, 0x07, 0xa1, 0x20];
    track.extend([0, 0xc0, program, 0, 0x90, key, velocity]);
    track.extend([0x8c, 0x40, 0x80, key, 64, 0, 0xff, 0x2f, 0]);
    let mut file = b"MThd\0\0\0\x06\0\0\0\x01\x01\xf4MTrk".to_vec();
    file.extend((track.len() as u32).to_be_bytes());
    file.extend(track);
    file
}

fn fluidsynth(folder: &Path, program: u8, key: u8, velocity: u8) -> Vec<f32> {
    let (midi, raw) = (folder.join("note.mid"), folder.join("note.raw"));
    std::fs::write(&midi, midi_file(program, key, velocity)).unwrap();
    let rate = RATE.to_string();
    let run = Command::new("fluidsynth")
        .args(["-ni", "-q", "-R", "0", "-C", "0", "-g", "1", "-r", &rate, "-O", "float", "-T", "raw", "-F"])
        .args([&raw, Path::new(FONT), &midi])
        .output();
    let run = run.expect("this test needs FluidSynth (Debian: apt-get install fluidsynth)");
    let said = String::from_utf8_lossy(&run.stderr);
    // The font has no drums, and General MIDI's channel for them is looked at before the first note.
    let complaints =
        said.lines().filter(|line| !line.trim().is_empty() && !line.contains("channel 9 [bank=128"));
    assert!(run.status.success() && complaints.count() == 0, "{said}");
    let bytes = std::fs::read(&raw).unwrap();
    let frames = bytes.chunks_exact(8).map(|b| {
        let side = |at: usize| f32::from_le_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]]);
        side(0) + side(4)
    });
    frames.take((SECONDS * f64::from(RATE)) as usize).collect()
}

fn node(program: u8, key: u8, velocity: u8) -> Vec<f32> {
    let text = format!(
        "auralis: 1\nnodes:\n  keys: {{ type: midi_in }}\n  font: {{ type: soundfont, in: keys, program: {program}, \
         reverb_level: 0 }}\n  out: {{ type: output, in: font }}\n"
    );
    let mut built = build_at(&text, &catalogue(), RATE, Socket::Play);
    let on = NoteEvent::on(0, 0, 1, f32::from(key), f32::from(velocity) / 127.0);
    built.controller.note("keys", on, When::Frame(0)).unwrap();
    let [left, right] = render_blocks(&mut built, (SECONDS * f64::from(RATE)) as usize, &[512]);
    left.iter().zip(&right).map(|(l, r)| l + r).collect()
}

/// Cents by which a sound is off a frequency.
fn cents_off(samples: &[f32], hertz: f64) -> f64 {
    measure::cents_off(samples, hertz, f64::from(RATE))
}

#[test]
fn fluidsynth_plays_the_shipped_font_at_the_same_pitch_and_level() {
    let folder = auralis_graph::testing::folder();
    let mut apart = Vec::new();
    for program in 0..16 {
        let low = [8, 11, 15].contains(&program);
        for (key, velocity) in if low { [(33, 60), (45, 110)] } else { [(57, 60), (76, 110)] } {
            let (theirs, ours) = (fluidsynth(&folder, program, key, velocity), node(program, key, velocity));
            let hertz = 440.0 * ((f64::from(key) - 69.0) / 12.0).exp2();
            let cents = cents_off(&theirs, hertz) - cents_off(&ours, hertz);
            assert!(cents.abs() < 3.0, "program {program}, key {key}: {cents} cents apart");
            apart.push((level_db(&ours) - level_db(&theirs), program, key));
        }
    }
    // Players differ in overall gain; what counts is that it is the same for all.
    let mean = apart.iter().map(|(decibels, ..)| decibels).sum::<f64>() / apart.len() as f64;
    for (decibels, program, key) in &apart {
        let off = decibels - mean;
        assert!(off.abs() < 1.5, "program {program}, key {key}: {off:.1} dB off the mean of {mean:.1} dB");
    }
}
