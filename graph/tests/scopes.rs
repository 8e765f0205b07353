//! What a tap shows of a node: its very samples, in order, through edits, and nothing while nobody taps.

mod plain;

use auralis_graph::command::When;
use auralis_graph::engine::Start;
use auralis_graph::param::Amount;
use auralis_graph::places::Places;
use auralis_graph::testing::measure::{peak, pitch};
use auralis_graph::testing::realtime::{CheckedAllocator, take_violations};
use auralis_graph::testing::{RATE, build_text, read, render_blocks};
use auralis_graph::{Built, Tap};
use plain::catalogue;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};

#[global_allocator]
static ALLOCATOR: CheckedAllocator = CheckedAllocator;

const GRAPH: &str = "  tone: { type: tone, freq: 997 Hz, gain: -6 dB }
  half: { type: amp, in: tone, level: 0.5 }
  hush: { type: amp, in: tone, mute: true }
  keys: { type: keys }
  out: { type: output, in: [half, hush] }
  notes: { type: notes_out, in: keys }
";

fn text(nodes: &str) -> String {
    format!("auralis: 1\nnodes:\n{nodes}")
}

fn edit(built: &mut Built, nodes: &str) {
    let (preset, settings) = (read(&text(nodes), &catalogue()), built.engine.settings());
    let edited = built.editor.edit(&preset, &catalogue(), settings, Places::anywhere(), &BTreeSet::new());
    built.controller = edited.unwrap().controller;
}

/// Renders so many frames, in blocks that are no quanta.
fn heard(built: &mut Built, frames: usize) -> Vec<f32> {
    let [left, _] = render_blocks(built, frames, &[333, 64, 1]);
    assert_eq!(take_violations(), 0);
    left
}

fn newest(tap: &Tap, frames: usize) -> Vec<f32> {
    let mut into = vec![9.0; frames];
    let count = tap.read(&mut into);
    into.truncate(count);
    into
}

#[test]
fn a_tap_shows_the_samples_that_are_heard_and_so_their_pitch() {
    let mut built = build_text(&text(GRAPH), &catalogue());
    let tap = built.controller.tap("out").unwrap();
    assert!(newest(&tap, 100).is_empty(), "nothing has been computed");
    let first = heard(&mut built, 640);
    assert_eq!(newest(&tap, 4_096), first, "no more than there was");
    let all = heard(&mut built, 192 * 64);
    for frames in [1, 63, 64, 65, 1_000, 4_096] {
        assert_eq!(newest(&tap, frames), all[all.len() - frames..], "{frames}");
    }
    let most = newest(&tap, 10_000);
    assert_eq!(most.len(), 4_096);
    let found = pitch(&most, 900.0, 1_100.0, f64::from(RATE));
    assert!((found - 997.0).abs() < 1.0, "{found}");
}

#[test]
fn gain_and_mute_are_seen_and_a_silent_node_is_silence() {
    let mut built = build_text(&text(GRAPH), &catalogue());
    let tap = built.controller.tap("tone").unwrap();
    heard(&mut built, 6_400);
    let before = peak(&newest(&tap, 2_048));
    assert!((20.0 * before.log10() + 12.02).abs() < 0.05, "{before}");
    built.controller.set_param("tone", "mute", Amount::Value(1.0), When::Now).unwrap();
    heard(&mut built, 12_800);
    assert_eq!(peak(&newest(&tap, 2_048)), 0.0);
    let tap = built.controller.tap("hush").unwrap();
    heard(&mut built, 6_400);
    assert_eq!(newest(&tap, 2_048), [0.0f32; 2_048]);
}

#[test]
fn one_tap_is_in_force_at_a_time_and_shows_nothing_from_before_it() {
    let mut built = build_text(&text(GRAPH), &catalogue());
    let first = built.controller.tap("tone").unwrap();
    heard(&mut built, 1_280);
    let second = built.controller.tap("half").unwrap();
    heard(&mut built, 640);
    assert!(newest(&first, 64).is_empty());
    let seen = newest(&second, 1_000);
    assert!(seen[..360].iter().all(|x| *x == 0.0) && peak(&seen[360..]) > 0.1, "{:?}", &seen[350..370]);
    // That the first one ends is nothing to the second.
    drop(first);
    heard(&mut built, 640);
    assert!(peak(&newest(&second, 64)) > 0.1);
    drop(second);
    let third = built.controller.tap("half").unwrap();
    heard(&mut built, 64);
    assert_eq!(peak(&newest(&third, 1_000)[..936]), 0.0);
    for unknown in ["nobody", "keys", "notes"] {
        assert!(built.controller.tap(unknown).is_none(), "{unknown}");
    }
    assert!(peak(&newest(&third, 64)) > 0.0, "a tap that was refused takes nobody's place");
}

#[test]
fn a_tap_follows_its_node_by_name_through_edits() {
    let mut built = build_text(&text(GRAPH), &catalogue());
    let tap = built.controller.tap("half").unwrap();
    heard(&mut built, 6_400);
    // The same node goes on; then another kind has its name; then it is gone.
    edit(&mut built, &GRAPH.replace("level: 0.5", "level: 0.1"));
    heard(&mut built, 9_600);
    let level = peak(&newest(&tap, 2_048));
    assert!((level - 0.025).abs() < 0.001, "{level}");
    edit(&mut built, &GRAPH.replace("type: amp, in: tone, level: 0.5", "type: tone, freq: 331 Hz"));
    let all = heard(&mut built, 9_600);
    assert_eq!(newest(&tap, 4_096), all[all.len() - 4_096..]);
    let found = pitch(&newest(&tap, 4_096), 300.0, 360.0, f64::from(RATE));
    assert!((found - 331.0).abs() < 1.0, "{found}");
    edit(&mut built, "  tone: { type: tone }\n  out: { type: output, in: tone }\n");
    heard(&mut built, 9_600);
    assert_eq!(newest(&tap, 2_048), [0.0f32; 2_048]);
}

#[test]
fn time_that_begins_anew_shows_nothing_of_before() {
    let mut built = build_text(&text(GRAPH), &catalogue());
    let tap = built.controller.tap("half").unwrap();
    heard(&mut built, 6_400);
    let settings = built.engine.initial_settings();
    built.engine.reset(&Start::beginning(settings));
    assert!(newest(&tap, 64).is_empty());
    built.controller.set_param("half", "mute", Amount::Value(1.0), When::Now).unwrap();
    heard(&mut built, 3_200);
    assert_eq!(peak(&newest(&tap, 2_000)), 0.0);
}

#[test]
fn tapping_changes_nothing_of_what_is_heard() {
    let plain = heard(&mut build_text(&text(GRAPH), &catalogue()), 9_600);
    let mut built = build_text(&text(GRAPH), &catalogue());
    let _tap = built.controller.tap("tone").unwrap();
    assert!(heard(&mut built, 9_600) == plain);
}

#[test]
fn a_tap_measures_no_levels() {
    let mut built = build_text(&text(GRAPH), &catalogue());
    let _tap = built.controller.tap("tone").unwrap();
    heard(&mut built, 640);
    assert!(built.controller.take_levels().all(|level| level == 0.0));
    let _watch = built.controller.watch_levels();
    heard(&mut built, 640);
    assert!(built.controller.take_levels().any(|level| level > 0.1), "both at once");
}

#[test]
fn what_is_read_while_it_is_written_is_whole_or_silence() {
    let mut built = build_text(&text(GRAPH), &catalogue());
    let tap = built.controller.tap("tone").unwrap();
    let ends = AtomicBool::new(false);
    let turn = 2.0 * (std::f64::consts::TAU * 997.0 / f64::from(RATE)).cos();
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut whole = 0;
            while !ends.load(Ordering::Relaxed) {
                for quantum in newest(&tap, 4_096).chunks_exact(64) {
                    if quantum.iter().all(|x| *x == 0.0) {
                        continue;
                    }
                    // A sine is told by any three samples in a row.
                    for x in quantum.windows(3) {
                        let error = f64::from(x[0]) + f64::from(x[2]) - turn * f64::from(x[1]);
                        assert!(error.abs() < 1e-4, "{x:?}");
                    }
                    whole += 1;
                }
            }
            whole
        });
        for _ in 0..40 {
            heard(&mut built, 64 * 1_000);
            std::thread::sleep(std::time::Duration::from_millis(1));
        }
        ends.store(true, Ordering::Relaxed);
        assert!(reader.join().unwrap() > 1_000);
    });
}
