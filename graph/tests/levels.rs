//! What the engine says of how loud its nodes are: it is what sounds, it outlives edits, and it costs nobody who does
//! not ask.

mod plain;

use auralis_graph::command::When;
use auralis_graph::places::Places;
use auralis_graph::testing::measure::peak;
use auralis_graph::testing::realtime::{CheckedAllocator, take_violations};
use auralis_graph::testing::{RATE, build_text, read, render_blocks};
use auralis_graph::{Built, Controller};
use plain::catalogue;
use std::collections::{BTreeMap, BTreeSet};

#[global_allocator]
static ALLOCATOR: CheckedAllocator = CheckedAllocator;

/// A graph that runs, and its hand.
struct Running {
    built: Built,
    controller: Controller,
}

fn text(nodes: &str) -> String {
    format!("auralis: 1\nnodes:\n{nodes}")
}

impl Running {
    fn new(nodes: &str) -> Self {
        let built = build_text(&text(nodes), &catalogue());
        Self { controller: built.controller.clone(), built }
    }

    fn edit(&mut self, nodes: &str) {
        let (preset, settings) = (read(&text(nodes), &catalogue()), self.built.engine.settings());
        let edited =
            self.built.editor.edit(&preset, &catalogue(), settings, Places::anywhere(), &BTreeSet::new());
        self.controller = edited.unwrap_or_else(|error| panic!("{error}\n{nodes}")).controller;
    }

    fn render(&mut self, seconds: f64) -> [Vec<f32>; 2] {
        let frames = (seconds * f64::from(RATE)) as usize;
        let heard = render_blocks(&mut self.built, frames, &[333]);
        assert_eq!(take_violations(), 0);
        heard
    }

    /// The levels since they were last asked for, in dB, by `node` or `node.port` for further ports.
    fn levels(&self) -> BTreeMap<String, f32> {
        let name = |(node, port): (&str, usize)| match port {
            0 => node.to_string(),
            port => format!("{node}.{port}"),
        };
        let db = self.controller.take_levels().map(|peak| 20.0 * peak.log10());
        self.controller.measured().map(name).zip(db).collect()
    }
}

/// A sine of -12 dB, half of it, and silence.
const GRAPH: &str = "  tone: { type: tone, freq: 997 Hz, gain: -5.9794 dB }
  half: { type: amp, in: tone, level: 0.5 }
  hush: { type: amp, in: tone, mute: true }
  rest: { type: amp, in: hush }
  out: { type: output, in: [half, rest] }
";

fn close(level: f32, wanted: f32) -> bool {
    (level - wanted).abs() <= 0.1
}

#[test]
fn levels_are_those_of_the_sound_and_silence_is_silence() {
    let mut running = Running::new(GRAPH);
    let _watch = running.controller.watch_levels();
    let heard = running.render(0.2);
    let levels = running.levels();
    assert!(close(levels["tone"], -12.0) && close(levels["half"], -18.02), "{levels:?}");
    assert!((levels["out"] - 20.0 * peak(&heard[0]).log10()).abs() < 0.01, "{levels:?}");
    for silent in ["hush", "rest"] {
        assert_eq!(levels[silent], f32::NEG_INFINITY, "{silent}");
    }
    let taken = running.levels();
    assert!(taken.values().all(|level| *level == f32::NEG_INFINITY), "taken twice: {taken:?}");
}

#[test]
fn a_level_follows_gain_and_mute_as_they_move() {
    let mut running = Running::new(GRAPH);
    let _watch = running.controller.watch_levels();
    let set = |running: &Running, param: &str, value: f32| {
        let amount = auralis_graph::param::Amount::Value(value);
        running.controller.set_param("tone", param, amount, When::Now).expect("a parameter");
    };
    for (param, value, wanted) in
        [("gain", -26.0, -32.02), ("gain", 0.0, -6.02), ("mute", 1.0, f32::NEG_INFINITY)]
    {
        set(&running, param, value);
        running.render(0.5);
        running.levels();
        running.render(0.1);
        let level = running.levels()["tone"];
        assert!(level == wanted || close(level, wanted), "{param} {value}: {level}");
    }
}

#[test]
fn levels_go_on_through_an_edit_and_the_new_nodes_are_among_them() {
    let mut running = Running::new(GRAPH);
    let _watch = running.controller.watch_levels();
    running.render(0.1);
    running.levels();
    let more = GRAPH.replace("[half, rest]", "[half, rest, new]");
    running.edit(&format!("  new: {{ type: tone, freq: 331 Hz, gain: -20 dB }}\n{more}"));
    let early = running.levels();
    assert_eq!(early["new"], f32::NEG_INFINITY, "it does not run yet");
    running.render(0.2);
    let levels = running.levels();
    assert!(close(levels["new"], -26.02), "{levels:?}");
    assert!(close(levels["tone"], -12.0) && close(levels["half"], -18.02), "{levels:?}");
    running.edit("  half: { type: tone }\n  out: { type: output, in: half }\n");
    running.render(0.1);
    let levels = running.levels();
    assert_eq!(levels.keys().collect::<Vec<_>>(), ["half", "out"]);
    assert!(close(levels["half"], -6.02), "{levels:?}");
}

#[test]
fn nobody_watching_measures_nothing_and_what_is_heard_is_the_same_to_the_bit() {
    let (mut unwatched, mut watched) = (Running::new(GRAPH), Running::new(GRAPH));
    let plain = unwatched.render(0.3);
    assert!(unwatched.levels().values().all(|level| *level == f32::NEG_INFINITY));
    let (first, second) = (watched.controller.watch_levels(), watched.controller.watch_levels());
    assert!(watched.render(0.3) == plain, "watching changes the sound");
    drop(first);
    watched.levels();
    watched.render(0.1);
    assert!(close(watched.levels()["tone"], -12.0), "one still watches");
    drop(second);
    watched.render(0.1);
    assert!(watched.levels().values().all(|level| *level == f32::NEG_INFINITY), "nobody watches any more");
}

#[test]
fn a_node_that_fails_reads_as_silence_and_the_others_as_they_sound() {
    let bomb = "  bomb: { type: bomb, what: nan, in: tone }\n";
    let mut running = Running::new(&format!("{bomb}{}", GRAPH.replace("[half, rest]", "[half, bomb]")));
    let _watch = running.controller.watch_levels();
    running.render(0.01);
    assert!(close(running.levels()["bomb"], -12.0), "it sounds until it fails");
    running.render(0.2);
    running.levels();
    running.render(0.1);
    let levels = running.levels();
    assert!(levels["bomb"] == f32::NEG_INFINITY && close(levels["tone"], -12.0), "{levels:?}");
}
