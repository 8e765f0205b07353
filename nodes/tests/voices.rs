//! How many voices sound, and how many can.

use auralis_graph::command::When;
use auralis_graph::engine::Start;
use auralis_graph::note::NoteEvent;
use auralis_graph::places::Places;
use auralis_graph::plan::Socket;
use auralis_graph::testing::realtime::{CheckedAllocator, take_violations};
use auralis_graph::testing::{RATE, build_at, read, render_blocks};
use auralis_graph::{Built, plan::Edited};
use auralis_nodes::catalogue;
use std::collections::BTreeSet;

#[global_allocator]
static ALLOCATOR: CheckedAllocator = CheckedAllocator;

const SYNTH: &str = "synth, voices: 8, attack: 1 ms, release: 50 ms, unison: 2";
const SAMPLER: &str = "sampler, voices: 4, loop: whole, release: 50 ms";
const FONT: &str = "soundfont, voices: 16, program: 2, reverb_level: 0";
const MONO: &str = "synth, mode: mono, voices: 32";

/// A preset with these players on the same keys.
fn text(players: &[&str]) -> String {
    let names: Vec<String> = (0..players.len()).map(|n| format!("play{n}")).collect();
    let nodes: String = names
        .iter()
        .zip(players)
        .map(|(name, player)| format!("  {name}: {{ type: {player}, in: keys }}\n"))
        .collect();
    let sum = names.join(", ");
    format!(
        "auralis: 1\nnodes:\n  keys: {{ type: midi_in }}\n{nodes}  out: {{ type: output, in: [{sum}] }}\n"
    )
}

fn built(players: &[&str]) -> Built {
    build_at(&text(players), &catalogue(), RATE, Socket::Play)
}

fn edit(built: &mut Built, players: &[&str]) -> Edited {
    let (preset, settings) = (read(&text(players), &catalogue()), built.engine.settings());
    let edited = built.editor.edit(&preset, &catalogue(), settings, Places::anywhere(), &BTreeSet::new());
    let edited = edited.unwrap();
    built.controller = edited.controller.clone();
    edited
}

fn press(built: &Built, ids: std::ops::Range<u32>) {
    for id in ids {
        built.controller.note("keys", NoteEvent::on(0, 0, id, 50.0 + id as f32, 0.8), When::Now).unwrap();
    }
}

fn lift(built: &Built, ids: std::ops::Range<u32>) {
    for id in ids {
        built.controller.note("keys", NoteEvent::off(0, 0, id), When::Now).unwrap();
    }
}

/// Plays on and tells how many voices sound then.
fn after(built: &mut Built, seconds: f64) -> u32 {
    render_blocks(built, (seconds * f64::from(RATE)) as usize, &[333]);
    assert_eq!(take_violations(), 0);
    built.controller.voices()
}

#[test]
fn each_kind_of_instrument_counts_its_notes() {
    for (player, most) in [(SYNTH, 8), (SAMPLER, 4), (FONT, 16), (MONO, 1)] {
        let mut built = built(&[player]);
        assert_eq!((built.voices, after(&mut built, 0.1)), (most, 0), "{player}");
        press(&built, 0..3);
        assert_eq!(after(&mut built, 0.1), 3.min(most), "{player}");
        lift(&built, 1..2);
        assert_eq!(after(&mut built, 0.5), 2.min(most), "{player}");
        press(&built, 10..40);
        assert_eq!(after(&mut built, 0.1), most, "{player}: more than it can");
        lift(&built, 0..40);
        let ringing = after(&mut built, 0.005);
        assert!((1..=most).contains(&ringing), "{player}: {ringing} die away");
        assert_eq!(after(&mut built, 30.0), 0, "{player}");
        press(&built, 50..52);
        assert_eq!(after(&mut built, 0.1), 2.min(most), "{player}");
        built.engine.reset(&Start::beginning(built.engine.initial_settings()));
        assert_eq!(built.controller.voices(), 0, "{player}");
    }
}

#[test]
fn all_instruments_are_counted_together_and_through_edits() {
    let mut built = built(&[SYNTH, SAMPLER, FONT]);
    assert_eq!(built.voices, 28);
    press(&built, 0..3);
    assert_eq!(after(&mut built, 0.1), 9);
    let edited = edit(&mut built, &[SYNTH, SAMPLER]);
    assert_eq!(edited.voices, 12);
    assert_eq!(after(&mut built, 0.1), 6);
    // One that is prepared anew is given the notes that are held.
    let edited = edit(&mut built, &[&SYNTH.replace("voices: 8", "voices: 2"), SAMPLER]);
    assert_eq!(edited.voices, 6);
    assert_eq!(after(&mut built, 0.1), 5);
    assert_eq!(edit(&mut built, &[MONO]).voices, 1);
    assert_eq!(after(&mut built, 0.1), 1);
}
