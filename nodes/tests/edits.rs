//! Graphs that are edited while they sound: what was not edited goes on to the bit, what was does not click, and no
//! note hangs.

use auralis_graph::chance::Chance;
use auralis_graph::command::When;
use auralis_graph::engine::Start;
use auralis_graph::note::NoteEvent;
use auralis_graph::places::Places;
use auralis_graph::plan::{Edited, Editor};
use auralis_graph::testing::measure::{amplitude_at, level_db, peak, rms};
use auralis_graph::testing::realtime::{CheckedAllocator, take_violations};
use auralis_graph::testing::{RATE, build_text, read};
use auralis_graph::{Built, Controller, Engine};
use auralis_nodes::catalogue;
use std::collections::BTreeSet;

#[global_allocator]
static ALLOCATOR: CheckedAllocator = CheckedAllocator;

/// A running graph.
struct Running {
    engine: Engine,
    editor: Editor,
    controller: Controller,
}

fn text(nodes: &str) -> String {
    format!("auralis: 1\nseed: 4\ntempo: 120\nnodes:\n{nodes}")
}

impl Running {
    fn new(nodes: &str) -> Self {
        let Built { engine, editor, controller, .. } = build_text(&text(nodes), &catalogue());
        Self { engine, editor, controller }
    }

    fn edit(&mut self, nodes: &str) -> Edited {
        let preset = read(&text(nodes), &catalogue());
        let edited = self.editor.edit(
            &preset,
            &catalogue(),
            self.engine.settings(),
            Places::anywhere(),
            &BTreeSet::new(),
        );
        let edited = edited.unwrap_or_else(|error| panic!("{error}\n{nodes}"));
        self.controller = edited.controller.clone();
        edited
    }

    fn render(&mut self, seconds: f64) -> [Vec<f32>; 2] {
        let frames = (seconds * f64::from(RATE)) as usize;
        let (mut left, mut right) = (vec![0.0; frames], vec![0.0; frames]);
        self.engine.render(&mut left, &mut right);
        assert_eq!(take_violations(), 0);
        [left, right]
    }

    fn note(&self, event: NoteEvent) {
        self.controller.note("keys", event, When::Now).expect("the engine takes notes");
    }
}

/// The largest sixth difference: what is smooth at some hundred Hz leaves next to nothing, a step of 0.05 one.
fn sharpest(samples: &[f32]) -> f32 {
    let mut differences = samples.to_vec();
    for _ in 0..6 {
        differences = differences.windows(2).map(|pair| pair[1] - pair[0]).collect();
    }
    peak(&differences)
}

/// A tone and what stands behind it, edited from each to the next without a click.
fn no_click(graphs: &[&str]) {
    let mut running = Running::new(graphs[0]);
    running.render(0.5);
    for pair in graphs.windows(2) {
        running.edit(pair[1]);
        for side in running.render(0.3) {
            let sharpest = sharpest(&side);
            assert!(sharpest < 0.006, "{sharpest} from\n{}\nto\n{}", pair[0], pair[1]);
        }
    }
}

const TONE: &str = "  tone: { type: oscillator, frequency: 220 Hz, gain: -12 dB }\n";

fn behind(nodes: &str) -> String {
    format!("{TONE}{nodes}")
}

#[test]
fn an_edit_that_changes_nothing_changes_nothing() {
    let nodes = "  keys: { type: composer }
  pad: { type: synth, in: keys.chords, voices: 8 }
  lead: { type: soundfont, in: keys.melody }
  space: { type: reverb, in: [pad, lead], mix: 0.4 }
  out: { type: output, in: space }
";
    let (mut plain, mut edited) = (Running::new(nodes), Running::new(nodes));
    let mut heard = Vec::new();
    for _ in 0..20 {
        assert_eq!(edited.edit(nodes).prepared, [""; 0]);
        heard.push(edited.render(0.1));
    }
    for part in heard {
        assert!(part == plain.render(0.1), "they differ");
    }
}

#[test]
fn tails_and_phases_live_through_an_unrelated_edit_to_the_bit() {
    let graph = |more: &str, right: &str| {
        format!(
            "  keys: {{ type: midi_in }}
  wave: {{ type: lfo, rate: 0.7 Hz }}
  voice: {{ type: synth, in: keys, voices: 4, release: 10 ms, cutoff: {{ value: 2 kHz, from: wave, depth: 12 st }} }}
  echo: {{ type: delay, in: voice, time: 0.21 s, feedback: 0.6 }}
  space: {{ type: reverb, in: echo, size: 0.9, mix: 0.5 }}
  left: {{ type: pan, in: space, pan: -1 }}
{more}  right: {{ type: pan, in: [{right}], pan: 1 }}
  out: {{ type: output, in: [left, right] }}
"
        )
    };
    let before = graph("", "");
    let after = graph("  hiss: { type: noise, gain: -30 dB }\n", "hiss");
    let (mut plain, mut edited) = (Running::new(&before), Running::new(&before));
    for running in [&mut plain, &mut edited] {
        running.note(NoteEvent::on(0, 0, 1, 57.0, 0.9));
        running.render(0.5);
        running.note(NoteEvent::off(0, 0, 1));
        running.render(0.2);
    }
    assert_eq!(edited.edit(&after).prepared, ["hiss"]);
    let (plain, edited) = (plain.render(2.0), edited.render(2.0));
    assert!(rms(&plain[0]) > 1e-3, "the tail sounds");
    assert!(plain[0] == edited[0], "the left side was not edited");
    assert!(rms(&edited[1]) > 1e-3 && rms(&plain[1]) < 1e-6, "the right side was");
}

#[test]
fn removing_adding_rewiring_and_retyping_under_a_tone_do_not_click() {
    let out = |from: &str| behind(&format!("  out: {{ type: output, in: {from} }}\n"));
    let through =
        |node: &str| behind(&format!("  fx: {{ {node}, in: tone }}\n  out: {{ type: output, in: fx }}\n"));
    let low = through("type: filter, cutoff: 400 Hz");
    let high = through("type: filter, mode: high, cutoff: 400 Hz");
    let steep = through("type: filter, slope: 24 dB, cutoff: 400 Hz");
    let delay = through("type: delay, time: 0.13 s, mix: 0.5");
    let space = through("type: reverb, mix: 0.3");
    let limited = through("type: limiter, ceiling: -20 dB");
    let two = behind(
        "  other: { type: oscillator, frequency: 165 Hz, gain: -12 dB }\n  out: { type: output, in: [tone, other] }\n",
    );
    let other = behind(
        "  other: { type: oscillator, frequency: 165 Hz, gain: -12 dB }\n  out: { type: output, in: other }\n",
    );
    let quiet = out("[{ from: tone, gain: -20 dB }]");
    let all =
        [out("tone"), low, high, steep, delay, space, limited, two, other, quiet, out("[]"), out("tone")];
    no_click(&all.each_ref().map(String::as_str));
}

#[test]
fn modulations_come_go_and_change_without_a_step() {
    let with = |cutoff: &str| {
        behind(&format!(
            "  slow: {{ type: lfo, rate: 2 Hz }}
  fast: {{ type: lfo, rate: 3 Hz, shape: triangle }}
  fx: {{ type: filter, in: tone, cutoff: {cutoff} }}
  out: {{ type: output, in: fx }}
"
        ))
    };
    let all = [
        "300 Hz",
        "{ value: 300 Hz, from: slow, depth: 12 st }",
        "{ value: 300 Hz, from: fast, depth: 12 st }",
        "{ value: 900 Hz, from: fast, depth: 3 st }",
        "{ from: slow, min: 100 Hz, max: 2 kHz }",
        "150 Hz",
        "2 kHz",
    ];
    no_click(&all.map(with).each_ref().map(String::as_str));
    let level = |gain: &str| with("1 kHz").replace("in: tone", &format!("in: tone, gain: {gain}"));
    let all = [
        "0 dB",
        "{ value: -6 dB, from: slow, depth: 5 dB }",
        "-30 dB",
        "{ from: fast, min: -20 dB, max: 0 dB }",
    ];
    no_click(&all.map(level).each_ref().map(String::as_str));
}

#[test]
fn an_edit_is_heard_at_once_and_sounds_as_if_it_had_always_been() {
    let graph = |cutoff: &str| {
        behind(&format!(
            "  fx: {{ type: filter, in: tone, cutoff: {cutoff} }}\n  out: {{ type: output, in: fx }}\n"
        ))
    };
    let mut running = Running::new(&graph("100 Hz"));
    let before = level_db(&running.render(0.5)[0][9_600..]);
    assert_eq!(running.edit(&graph("2 kHz")).prepared, [""; 0], "parameters need no new node");
    let after = level_db(&running.render(0.5)[0][9_600..]);
    let fresh = level_db(&Running::new(&graph("2 kHz")).render(0.5)[0][9_600..]);
    assert!(after > before + 5.0 && (after - fresh).abs() < 0.01, "{before} {after} {fresh}");
}

#[test]
fn held_notes_are_released_by_a_connection_that_goes_and_go_on_in_a_new_synth() {
    let graph = |keys: &str, voices: u32| {
        format!(
            "  keys: {{ type: midi_in }}
  voice: {{ type: synth, in: [{keys}], voices: {voices}, osc1_shape: 0, osc2_level: -90 dB, attack: 1 ms, release: 5 ms, sustain: 1 }}
  out: {{ type: output, in: voice }}
"
        )
    };
    let mut running = Running::new(&graph("keys", 4));
    running.note(NoteEvent::on(0, 0, 7, 69.0, 0.8));
    let tone = |running: &mut Running| amplitude_at(&running.render(0.4)[0][4_800..], 440.0, f64::from(RATE));
    let held = tone(&mut running);
    assert!(held > 0.01);
    running.edit(&graph("keys", 5));
    let again = tone(&mut running);
    assert!((again / held - 1.0).abs() < 0.1, "the new synth plays what is held: {again}, not {held}");
    running.edit(&graph("", 5));
    running.render(0.2);
    assert!(tone(&mut running) < 1e-5, "released");
    running.edit(&graph("keys", 5));
    running.note(NoteEvent::off(0, 0, 7));
    running.note(NoteEvent::on(0, 0, 8, 69.0, 0.8));
    assert!(tone(&mut running) > 0.01, "and it plays on");
    running.note(NoteEvent::off(0, 0, 8));
    running.render(0.2);
    assert!(tone(&mut running) < 1e-5, "nothing hangs");
}

#[test]
fn reversed_connections_are_no_loop() {
    let ahead = behind(
        "  a: { type: filter, in: tone, cutoff: 1 kHz }
  b: { type: gain, in: a }
  out: { type: output, in: b }
",
    );
    let back = behind(
        "  b: { type: gain, in: tone }
  a: { type: filter, in: b, cutoff: 1 kHz }
  out: { type: output, in: a }
",
    );
    no_click(&[&ahead, &back, &ahead, &back]);
}

#[test]
fn loops_keep_their_sound() {
    let graph = |more: &str, from: &str| {
        behind(&format!(
            "  ring: {{ type: delay, in: [tone, {{ from: dark, gain: -3 dB }}], time: 0.05 s, feedback: 0, mix: 1 }}
  dark: {{ type: filter, in: ring, cutoff: 800 Hz }}
{more}  left: {{ type: pan, in: ring, pan: -1 }}
  out: {{ type: output, in: [left{from}] }}
"
        ))
    };
    let plain = graph("", "");
    let more = graph("  hiss: { type: noise }\n  right: { type: pan, in: hiss, pan: 1 }\n", ", right");
    let (mut one, mut other) = (Running::new(&plain), Running::new(&plain));
    one.render(0.4);
    other.render(0.4);
    other.edit(&more);
    assert!(one.render(0.5)[0] == other.render(0.5)[0]);
}

#[test]
fn a_loop_that_somebody_else_comes_to_hear_goes_round_as_before() {
    // So many steps that what takes the loop's sound stands far from what makes it; and an ear far before it.
    let rest: String =
        (0..150).map(|n| format!("  z{n}: {{ type: gain, in: early, gain: -90 dB }}\n")).collect();
    let all: Vec<String> = (0..150).map(|n| format!("z{n}")).collect();
    let graph = |cutoff: &str| {
        behind(&format!(
            "  early: {{ type: filter, in: tone, cutoff: {cutoff} }}
  ring: {{ type: delay, in: [tone, {{ from: dark, gain: -3 dB }}], time: 0.05 s, feedback: 0, mix: 1 }}
  dark: {{ type: filter, in: ring, cutoff: 800 Hz }}
  left: {{ type: pan, in: dark, pan: -1 }}
{rest}  all: {{ type: mix, in: [{}] }}
  right: {{ type: pan, in: [early, all], pan: 1 }}
  out: {{ type: output, in: [left, right] }}
",
            all.join(", ")
        ))
    };
    let plain = graph("1 kHz");
    let (mut one, mut other) = (Running::new(&plain), Running::new(&plain));
    one.render(0.4);
    other.render(0.4);
    // It hears the loop of the quantum before it: the source of the loop, or what carries it.
    other.edit(&graph("{ value: 1 kHz, from: dark, depth: 1 st }"));
    assert!(one.render(0.5)[0] == other.render(0.5)[0]);
}

#[test]
fn the_depth_around_a_musical_length_is_that_of_the_tempo() {
    let graph = |hiss: &str| {
        format!(
            "  tone: {{ type: oscillator, frequency: 50 Hz }}
  slow: {{ type: lfo, rate: 0.5 Hz }}
  fx: {{ type: delay, in: tone, time: {{ value: 1/8, from: slow, depth: 40 ms }}, mix: 1, feedback: 0 }}
{hiss}  out: {{ type: output, in: fx }}
"
        )
    };
    let hiss = "  hiss: { type: noise, gain: -90 dB }\n";
    let sent = |running: &Running, bpm: f64| {
        let sent = running.controller.set(auralis_graph::settings::Setting::Tempo(bpm), When::Now);
        sent.expect("the engine takes it");
    };
    let (mut one, mut other) = (Running::new(&graph("")), Running::new(&graph("")));
    for running in [&mut one, &mut other] {
        sent(running, 60.0);
        running.render(0.5);
    }
    // An edit of something else takes the depth along to the tempo of now, as one of the node itself does.
    let more = graph(hiss).replace("in: fx", "in: [fx, hiss]");
    one.edit(&more);
    other.edit(&more.replace("mix: 1", "mix: 0.999"));
    let (one, other) = (one.render(0.5), other.render(0.5));
    let apart = one[0].iter().zip(&other[0]).skip(9_600).fold(0.0f32, |most, (a, b)| most.max((a - b).abs()));
    assert!(apart < 0.01, "{apart}");
}

#[test]
fn commands_of_before_an_edit_reach_the_same_node() {
    // What comes first in the text runs first: the tone is another one in number.
    let graph =
        |first: &str, also: &str| format!("{first}{TONE}  out: {{ type: output, in: [tone{also}] }}\n");
    let mut running = Running::new(&graph("", ""));
    running.render(0.1);
    let old = running.controller.clone();
    assert_eq!(running.edit(&graph("  hiss: { type: noise, gain: -80 dB }\n", ", hiss")).prepared, ["hiss"]);
    running.render(0.1);
    let quiet = auralis_graph::param::Amount::Value(-60.0);
    old.set_param("tone", "gain", quiet, When::Now).expect("the engine takes it");
    running.render(0.1);
    assert!((level_db(&running.render(0.2)[0]) + 63.0).abs() < 0.5);
}

#[test]
fn commands_for_a_graph_that_is_still_to_come_wait_for_it() {
    let graph = |hisses: &[&str]| {
        let nodes: String =
            hisses.iter().map(|name| format!("  {name}: {{ type: noise, gain: -80 dB }}\n")).collect();
        format!("{nodes}{TONE}  out: {{ type: output, in: [tone, {}] }}\n", hisses.join(", "))
    };
    let mut running = Running::new(&graph(&["a"]));
    running.render(0.1);
    // The second begins when the first is over.
    running.edit(&graph(&["a", "b"]));
    running.edit(&graph(&["a", "b", "c"]));
    let quiet = auralis_graph::param::Amount::Value(-60.0);
    running.controller.set_param("tone", "gain", quiet, When::Now).expect("the engine takes it");
    running.render(0.1);
    assert!((level_db(&running.render(0.2)[0]) + 63.0).abs() < 0.5);
}

#[test]
fn a_reset_keeps_what_was_asked_between_edits_that_wait() {
    let graph = |first: &str, hiss: f32| {
        format!(
            "{first}  hiss: {{ type: noise, gain: {hiss} dB }}\n{TONE}  out: {{ type: output, in: tone }}\n"
        )
    };
    let mut running = Running::new(&graph("", -80.0));
    running.render(0.1);
    running.edit(&graph("", -81.0));
    let quiet = auralis_graph::param::Amount::Value(-60.0);
    running.controller.set_param("tone", "gain", quiet, When::Now).expect("the engine takes it");
    running.edit(&graph("  more: { type: noise }\n", -82.0));
    running.edit(&graph("", -83.0));
    running.engine.reset(&Start::beginning(running.engine.settings()));
    let level = level_db(&running.render(0.2)[0]);
    assert!((level + 63.0).abs() < 0.5, "{level}");
}

#[test]
fn a_thousand_random_edits_leave_nothing_behind() {
    let mut chance = Chance::new(11);
    let plain = behind("  out: { type: output, in: tone }\n");
    let mut running = Running::new(&plain);
    running.render(0.2);
    for number in 0..1_000 {
        let graph = random(&mut chance);
        running.edit(&graph);
        // Some edits come while others are under way.
        let sound = running.render(if chance.below(3) == 0 { 0.005 } else { 0.04 });
        for side in &sound {
            assert!(side.iter().all(|x| x.is_finite() && x.abs() < 8.0), "edit {number}:\n{graph}");
            assert!(sharpest(side) < 0.03, "edit {number}: {}\n{graph}", sharpest(side));
        }
    }
    running.edit(&plain);
    running.render(0.5);
    assert_eq!(running.editor.sweep(), 0, "all came back");
    let (edited, fresh) = (running.render(0.3), Running::new(&plain).render(0.3));
    assert!((level_db(&edited[0]) - level_db(&fresh[0])).abs() < 0.01);
}

#[test]
fn random_edits_leave_what_they_do_not_touch_as_it_is_to_the_bit() {
    let mut chance = Chance::new(23);
    // What changes goes right, and what stays left: an echo that an LFO moves. Latency would put it at another time.
    let mut graph = || {
        let changing = random(&mut chance).replace("type: limiter", "type: gain");
        let last = changing.rfind("  out: ").expect("it has an output");
        let source =
            changing[last..].trim().trim_start_matches("out: { type: output, in: ").trim_end_matches(" }");
        format!(
            "{}  right: {{ type: pan, in: {source}, pan: 1 }}
  sway: {{ type: lfo, rate: 3 Hz }}
  still: {{ type: oscillator, wave: saw, frequency: 97 Hz, gain: -20 dB }}
  dark: {{ type: filter, in: still, cutoff: {{ from: sway, min: 200 Hz, max: 2 kHz }} }}
  echo: {{ type: delay, in: dark, time: 0.11 s, feedback: 0.6 }}
  left: {{ type: pan, in: echo, pan: -1 }}
  out: {{ type: output, in: [left, right] }}
",
            &changing[..last]
        )
    };
    let first = graph();
    let (mut still, mut edited) = (Running::new(&first), Running::new(&first));
    for number in 0..300 {
        let seconds = if number % 3 == 0 { 0.005 } else { 0.03 };
        edited.edit(&graph());
        let [before, after] = [&mut still, &mut edited].map(|running| running.render(seconds)[0].clone());
        assert!(before == after, "edit {number}");
    }
}

/// A tone through one to four nodes that listen to each other.
fn random(chance: &mut Chance) -> String {
    let kinds = [
        "type: gain, gain: -3 dB",
        "type: filter, cutoff: 600 Hz",
        "type: filter, cutoff: 300 Hz",
        "type: filter, cutoff: { value: 500 Hz, from: wave, depth: 6 st }",
        "type: pan, pan: 0.3",
        "type: delay, time: 0.05 s, feedback: 0.3",
        "type: mix",
        "type: limiter",
    ];
    let mut text = behind("  wave: { type: lfo, rate: 2 Hz }\n");
    let mut sources = vec!["tone".to_string()];
    for name in ["a", "b", "c", "d"].iter().take(1 + chance.below(4) as usize) {
        let kind = kinds[chance.below(kinds.len() as u32) as usize];
        let mut pick = || sources[chance.below(sources.len() as u32) as usize].clone();
        let (first, second) = (pick(), pick());
        text.push_str(&format!("  {name}: {{ {kind}, in: [{first}, {{ from: {second}, gain: -9 dB }}] }}\n"));
        sources.push((*name).to_string());
    }
    let last = sources.last().expect("the tone is there");
    text.push_str(&format!("  out: {{ type: output, in: {last} }}\n"));
    text
}
