//! In a host a composer's notes leave by themselves, together with the sound that belongs to them.

use auralis_graph::Built;
use auralis_graph::engine::NoteOut;
use auralis_graph::places::Places;
use auralis_graph::plan::Socket;
use auralis_graph::testing::realtime::{CheckedAllocator, take_violations};
use auralis_graph::testing::{RATE, build_at, read};
use auralis_nodes::catalogue;
use std::collections::BTreeSet;

#[global_allocator]
static ALLOCATOR: CheckedAllocator = CheckedAllocator;

/// A piece whose output comes late: the limiter looks ahead.
const PIECE: &str = "auralis: 1
tempo: 180
seed: 3
intensity: 0.8
nodes:
  composer: { type: composer }
  pad: { type: synth, in: composer.chords }
  bells: { type: soundfont, in: composer.melody, program: 1 }
  second: { type: composer, intensity: 0.3 }
  low: { type: synth, in: second.bass, mode: mono }
  master: { type: limiter, in: [pad, bells, low] }
  out: { type: output, in: master }
";

/// The same with outlets of its own for all notes.
const TOLD: &str = "  a: { type: midi_out, in: composer.chords }
  b: { type: midi_out, in: composer.melody }
  c: { type: midi_out, in: composer.bass }
  d: { type: midi_out, in: second.chords }
  e: { type: midi_out, in: second.melody }
  f: { type: midi_out, in: second.bass }
";

fn built(text: &str, socket: Socket) -> Built {
    build_at(text, &catalogue(), RATE, socket)
}

fn run(built: &mut Built, seconds: f64) -> (Vec<f32>, Vec<NoteOut>) {
    let (mut sound, mut notes) = (Vec::new(), Vec::new());
    take_violations();
    for _ in 0..(seconds * f64::from(RATE)) as usize / 64 {
        built.engine.quantum();
        sound.extend_from_slice(&built.engine.output()[0].0);
        notes.extend_from_slice(built.engine.notes_out());
    }
    assert_eq!(take_violations(), 0);
    (sound, notes)
}

#[test]
fn what_composers_play_leaves_and_the_sound_stays_as_it_is() {
    let mut plugin = built(PIECE, Socket::Plugin);
    let (sound, notes) = run(&mut plugin, 30.0);
    let (told, by_hand) = run(&mut built(&format!("{PIECE}{TOLD}"), Socket::Plugin), 30.0);
    assert!(sound == told && notes == by_hand);
    let (rendered, none) = run(&mut built(PIECE, Socket::Render), 30.0);
    assert!(sound == rendered, "the outlets change the sound");
    assert!(none.is_empty());
    for source in 0..6 {
        assert!(notes.iter().filter(|note| note.source == source).count() > 10, "nothing from {source}");
    }
    let names: Vec<&str> = plugin.controller.node_names().filter(|name| name.starts_with('(')).collect();
    assert_eq!(names[..2], ["(midi_out composer.chords)", "(midi_out composer.melody)"]);
    assert_eq!((names.len(), names[5]), (6, "(midi_out second.bass)"));
}

#[test]
fn notes_leave_with_the_sound_that_is_late() {
    let mut plugin = built(PIECE, Socket::Plugin);
    let latency = i64::from(plugin.engine.latency());
    assert!(latency > 0 && plugin.latency == plugin.engine.latency());
    let (_, late) = run(&mut plugin, 20.0);
    // Nothing is late where nothing waits.
    let alone = PIECE.replace("in: master", "in: [pad, bells, low]");
    let mut prompt = built(&alone, Socket::Plugin);
    assert_eq!(prompt.engine.latency(), 0);
    let (_, early) = run(&mut prompt, 20.0);
    let until = late.iter().filter(|note| note.frame < 19 * i64::from(RATE)).count();
    for (late, early) in late[..until].iter().zip(&early) {
        let same = NoteOut { frame: early.frame + latency, ..*early };
        let kind = (late.frame, late.source, late.event.id, late.event.kind);
        assert_eq!(kind, (same.frame, same.source, same.event.id, same.event.kind));
        assert!((late.tick - early.tick).abs() < 1e-6);
    }
    assert!(until > 50, "{until}");
}

#[test]
fn a_preset_with_an_outlet_of_its_own_gets_no_other() {
    let own = format!("{PIECE}  thru: {{ type: midi_out, in: second.bass }}\n");
    let mut plugin = built(&own, Socket::Plugin);
    assert!(plugin.controller.node_names().all(|name| !name.starts_with('(')));
    let (_, notes) = run(&mut plugin, 10.0);
    assert!(!notes.is_empty() && notes.iter().all(|note| note.event.channel == 2));
    for socket in [Socket::Render, Socket::Play] {
        assert!(built(PIECE, socket).controller.node_names().all(|name| !name.starts_with('(')));
    }
}

#[test]
fn an_edit_tells_the_latency_that_a_host_is_to_compensate() {
    let mut plugin = built(PIECE, Socket::Plugin);
    let settings = plugin.engine.settings();
    let mut edit = |text: &str| {
        let preset = read(text, &catalogue());
        let places = Places::anywhere();
        let edited = plugin.editor.edit(&preset, &catalogue(), settings, places, &BTreeSet::new()).unwrap();
        let before = plugin.engine.latency();
        run(&mut plugin, 0.1);
        assert_eq!(edited.latency, plugin.engine.latency());
        (before, edited.latency)
    };
    let (with, without) = edit(&PIECE.replace("in: master", "in: [pad, bells, low]"));
    assert!(with > 0 && without == 0, "{with} {without}");
    let twice = PIECE.replace("in: master }", "in: more }\n  more: { type: limiter, in: master }");
    assert!(edit(&twice).1 > with);
}
