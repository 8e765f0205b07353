//! Reading presets: what is legal, what it means, and what a reader is told of mistakes.

mod plain;

use auralis_graph::diagnostic::Diagnostics;
use auralis_graph::param::Amount;
use auralis_graph::places::Places;
use auralis_graph::preset::json_schema;
use auralis_graph::testing::{build_text, read, render_blocks};
use auralis_graph::{Preset, Source};
use plain::catalogue;
use proptest::prelude::*;

fn mistakes(text: &str) -> Diagnostics {
    let source = Source::new("p.yaml", text);
    match Preset::read(&source, &catalogue(), &Places::anywhere()) {
        Ok(preset) => preset.warnings,
        Err(mistakes) => mistakes,
    }
}

/// Every case: a text, and what its one diagnostic must say, place included.
const CASES: &[(&str, &[&str])] = &[
    ("", &["p.yaml:1:1", "the preset is empty", "auralis: 1"]),
    ("- a\n", &["a preset is a mapping, not a list"]),
    ("nodes: {}\n", &["does not say its format version", "auralis: 1"]),
    (
        "auralis: 2\nnodes: {}\n",
        &["p.yaml:1:10", "format version `2` is unknown", "a newer Auralis is needed"],
    ),
    ("auralis: one\nnodes: {}\n", &["format version `one` is unknown"]),
    ("auralis: 1\n", &["the preset has no `nodes`"]),
    ("auralis: 1\nnodes: 5\n", &["`nodes` is a mapping from names to nodes, not a single value"]),
    (
        "auralis: 1\nnodez: {}\nnodes: { o: { type: output, in: t }, t: { type: tone } }\n",
        &["p.yaml:2:1", "a preset has no key `nodez`", "did you mean `nodes`?"],
    ),
    (
        "auralis: 1\nkey: H minor\nnodes: { o: { type: output, in: t }, t: { type: tone } }\n",
        &["p.yaml:2:6", "`H minor` is not a key", "harmonic minor"],
    ),
    (
        "auralis: 1\ntempo: 4000\nnodes: { o: { type: output, in: t }, t: { type: tone } }\n",
        &["`tempo` must be between 20 and 400"],
    ),
    (
        "auralis: 1\nintensity: .nan\nnodes: { o: { type: output, in: t }, t: { type: tone } }\n",
        &["`.nan` is not a number"],
    ),
    (
        "auralis: 1\nnodes:\n  t: { type: toan }\n  o: { type: output, in: t }\n",
        &["p.yaml:3:14", "unknown node type `toan`", "did you mean `tone`?"],
    ),
    (
        "auralis: 1\nnodes:\n  t: { freq: 5 }\n  o: { type: output, in: t }\n",
        &["p.yaml:3:3", "`t` has no `type`"],
    ),
    (
        "auralis: 1\nnodes:\n  t: { type: tone, frek: 500 }\n  o: { type: output, in: t }\n",
        &["p.yaml:3:20", "`tone` has no `frek`", "did you mean `freq`?"],
    ),
    (
        "auralis: 1\nnodes:\n  t: { type: tone, freq: 3 dB }\n  o: { type: output, in: t }\n",
        &["p.yaml:3:26", "wrong unit", "a frequency between 20 Hz and 20000 Hz"],
    ),
    (
        "auralis: 1\nnodes:\n  t: { type: tone, freq: 30 kHz }\n  o: { type: output, in: t }\n",
        &["`freq` must be a frequency between"],
    ),
    (
        "auralis: 1\nnodes:\n  t: { type: tone, freq: 5 zz }\n  o: { type: output, in: t }\n",
        &["`zz` is not a unit", "kHz"],
    ),
    (
        "auralis: 1\nnodes:\n  t: { type: tone, freq: wob }\n  o: { type: output, in: t }\n",
        &["to let a node move it: `freq: { from: wob, min: …, max: … }`"],
    ),
    (
        "auralis: 1\nnodes:\n  t: { type: tone, in: o }\n  o: { type: output, in: t }\n",
        &["p.yaml:3:20", "`tone` has no `in`", "nothing goes into it"],
    ),
    (
        "auralis: 1\nnodes:\n  t: { type: tone }\n  o: { type: output, in: tt }\n",
        &["p.yaml:4:26", "no node is called `tt`", "did you mean `t`?"],
    ),
    (
        "auralis: 1\nnodes:\n  t: { type: tone }\n  o: { type: output, in: t.left }\n",
        &["`t` has no output `left`", "outputs: out"],
    ),
    (
        "auralis: 1\nnodes:\n  k: { type: ticker }\n  o: { type: output, in: k }\n",
        &["p.yaml:4:26", "`k` gives notes, but `in` takes audio", "p.yaml", "a ticker, which gives notes"],
    ),
    (
        "auralis: 1\nnodes:\n  t: { type: tone }\n  o: { type: output, in: [{ gain: 3 }] }\n",
        &["comes from nowhere"],
    ),
    (
        "auralis: 1\nnodes:\n  t: { type: tone }\n  o: { type: output, in: { from: t, gain: 3 Hz } }\n",
        &["wrong unit"],
    ),
    (
        "auralis: 1\nnodes:\n  t: { type: tone, mute: maybe }\n  o: { type: output, in: t }\n",
        &["`mute` is a switch: true or false"],
    ),
    (
        "auralis: 1\nnodes:\n  t: { type: tone, mute: { from: t } }\n  o: { type: output, in: t }\n",
        &["`mute` cannot be modulated"],
    ),
    (
        "auralis: 1\nnodes:\n  w: { type: wobble }\n  t: { type: tone, freq: { from: w, min: 100, depth: 3 st } }\n  o: { type: output, in: t }\n",
        &["exclude each other"],
    ),
    (
        "auralis: 1\nnodes:\n  w: { type: wobble }\n  t: { type: tone, freq: { from: w, depth: 3 dB } }\n  o: { type: output, in: t }\n",
        &["`depth` of `freq` is in Hz, st or ct, or % of its whole range"],
    ),
    (
        "auralis: 1\nnodes:\n  k: { type: ticker }\n  b: { type: blip, in: k }\n  t: { type: tone, freq: { from: k } }\n  o: { type: output, in: [t, b] }\n",
        &["`k` gives notes, which cannot move a parameter"],
    ),
    (
        "auralis: 1\nnodes:\n  a: { type: amp, in: b }\n  b: { type: amp, in: a }\n  o: { type: output, in: b }\n",
        &["feed each other without a delay: a -> b -> a", "put a `delay` into the loop"],
    ),
    (
        "auralis: 1\nnodes:\n  a: { type: amp, in: a }\n  o: { type: output, in: a }\n",
        &["without a delay: a -> a"],
    ),
    ("auralis: 1\nnodes:\n  t: { type: tone }\n", &["there is no `output`"]),
    (
        "auralis: 1\nnodes:\n  t: { type: tone }\n  u: { type: tone }\n  o: { type: output, in: t }\n",
        &["warning", "p.yaml:4:3", "`u` is not used"],
    ),
    (
        "auralis: 1\nnodes:\n  a: { type: amp }\n  o: { type: output, in: a }\n",
        &["warning", "nothing is connected to `in` of `a`"],
    ),
    (
        "auralis: 1\nnodes:\n  t: { type: tone }\n  o: { type: output, in: t }\nexpose:\n  x: { to: t.frek }\n",
        &["p.yaml:6:12", "`t` has no parameter `frek`", "did you mean `freq`?"],
    ),
    (
        "auralis: 1\nnodes:\n  t: { type: tone }\n  o: { type: output, in: t }\nexpose:\n  key: { to: t.freq }\n",
        &["`key` is always a control"],
    ),
    (
        "auralis: 1\nnodes:\n  t: { type: tone }\n  o: { type: output, in: t }\nexpose:\n  x: { to: [t.freq, t.gain] }\n",
        &["`x` needs a `default`"],
    ),
    (
        "auralis: 1\nnodes:\n  w: { type: wobble }\n  t: { type: tone, freq: { from: w } }\n  o: { type: output, in: t }\nexpose:\n  x: { to: t.freq }\n",
        &["is moved by a node from end to end"],
    ),
    (
        "auralis: 1\nnodes:\n  t: { type: tone }\n  o: { type: output, in: t }\nexpose:\n  x: { to: { param: t.gain, min: -20, max: 0, curve: exp } }\n",
        &["an exponential curve cannot reach zero"],
    ),
    (
        "auralis: 1\nnodes:\n  b: { type: bomb, in: t }\n  t: { type: tone }\n  o: { type: output, in: b }\n",
        &["p.yaml:3:3", "`b`: missing field `what`"],
    ),
    (
        "auralis: 1\nnodes:\n  e: { type: echo, in: t, frames: many }\n  t: { type: tone }\n  o: { type: output, in: e }\n",
        &["p.yaml:3:35", "`frames`: invalid type"],
    ),
    (
        "auralis: 1\nnodes:\n  Tone: { type: tone }\n  o: { type: output, in: Tone }\n",
        &["`Tone` is not a name", "lower-case"],
    ),
    ("auralis: 1\nnodes: [\n", &["not valid YAML: ", "p.yaml:2:8"]),
];

#[test]
fn every_mistake_is_named_with_its_place_and_what_would_be_right() {
    for (text, wanted) in CASES {
        let found = mistakes(text);
        assert_eq!(found.iter().count(), 1, "one mistake, one diagnostic:\n{text}\n{found}");
        let shown = found.to_string();
        for words in *wanted {
            assert!(shown.contains(words), "{words:?} is missing in\n{shown}\nof\n{text}");
        }
    }
}

#[test]
fn all_mistakes_come_at_once_in_the_order_of_the_text() {
    let text = "auralis: 1
key: X
nodes:
  a: { type: tone, freq: 1 dB, frek: 2 }
  a: { type: tone }
  b: { type: nothing }
  c: { type: amp, in: [b, d, zz], level: 7 }
  o: { type: output, in: c }
expose:
  q: { to: c.lvl }
";
    let found = mistakes(text);
    let lines: Vec<usize> = found.iter().map(|d| found.source().position(d.span.start).line).collect();
    assert_eq!(lines, [2, 4, 4, 5, 6, 7, 7, 7, 10], "{found}");
}

const RICH: &str = "auralis: 1
name: 'Test: one'
tags: [a, b c]
key: F# dorian
tempo: 92.5
meter: 7/8
intensity: 35 %
seed: 18446744073709551615
nodes:
  tick: { type: ticker, tempo: 50, seed_as: tock }
  blip: { type: blip, in: tick, gain: -3.3 dB }
  w: { type: wobble }
  t: { type: tone, freq: { from: w, min: 300 Hz, max: 2 kHz }, gain: { value: -6, from: w, depth: 10 % } }
  u: { type: tone, freq: { value: 440, from: w, depth: 12 ct } }
  e: { type: echo, frames: 700, in: [blip, { from: m, gain: -inf dB }] }
  m: { type: amp, in: [t, { from: u, gain: -1.5 dB }, e], level: 0.123456789 }
  out: { type: output, in: m }
expose:
  level: { to: m.level, label: How loud? }
  both: { to: [{ param: t.gain, min: -30, max: -3, curve: 2.5 }, m.jump], default: 0.7, unit: '%' }
  pitch: { to: u.freq }
";

#[test]
fn the_canonical_form_is_a_fixed_point_and_sounds_the_same() {
    let preset = read(RICH, &catalogue());
    let expanded = preset.expand();
    let again = read(&expanded, &catalogue());
    assert_eq!(again.expand(), expanded);
    assert_eq!(again.settings(), preset.settings());
    assert_eq!(again.controls.len(), 3);
    assert_eq!(again.controls[0].label, "How loud?");
    let sound = |text: &str| render_blocks(&mut build_text(text, &catalogue()), 10_000, &[512]);
    assert!(sound(RICH) == sound(&expanded));
}

#[test]
fn controls_take_unit_range_and_default_from_a_single_target() {
    let preset = read(RICH, &catalogue());
    let pitch = preset.control("pitch").unwrap();
    assert_eq!((pitch.default, pitch.range.min, pitch.range.max), (440.0, 20.0, 20_000.0));
    assert_eq!(pitch.print(440.0), "440 Hz");
    assert_eq!(pitch.label, "Pitch");
    let both = preset.control("both").unwrap();
    assert_eq!((both.default, both.range.min, both.range.max), (0.7, 0.0, 1.0));
    let (_, tone) = preset.node("t").unwrap();
    let gain = tone.params.iter().find(|param| param.spec.name == "gain").unwrap();
    let Amount::Value(gain) = gain.amount else { panic!("{gain:?}") };
    assert!(
        (gain - (-30.0 + 27.0 * 0.7_f32.powf(2.5))).abs() < 1e-4,
        "the default moves what it stands for: {gain}"
    );
    let (_, mixer) = preset.node("m").unwrap();
    assert_eq!(mixer.params[0].amount, Amount::Value(0.123_456_79));
}

#[test]
fn a_hundred_megabytes_and_ten_thousand_nodes_end_in_bounded_time() {
    let huge = "a".repeat(100 << 20);
    let start = std::time::Instant::now();
    assert!(mistakes(&huge).to_string().contains("more than a preset may have"));
    assert!(start.elapsed().as_secs() < 20);
    let mut text = String::from("auralis: 1\nnodes:\n  n0: { type: tone }\n");
    for i in 1..10_000 {
        // A chain of ten thousand: nothing may recurse along it.
        text += &format!("  n{i}: {{ type: amp, in: n{}, level: 0.5, gain: -1 dB }}\n", i - 1);
    }
    text += "  out: { type: output, in: n9999 }\n";
    let start = std::time::Instant::now();
    assert!(mistakes(&text).is_empty());
    assert!(start.elapsed().as_secs() < 10);
    build_text(&text, &catalogue());
    let looped = text.replace("n0: { type: tone }", "n0: { type: amp, in: n9999 }");
    let start = std::time::Instant::now();
    assert!(mistakes(&looped).to_string().contains("without a delay"));
    assert!(start.elapsed().as_secs() < 10);
}

#[test]
fn the_schema_knows_every_kind_and_key() {
    let schema = json_schema(&catalogue());
    let tone = &schema["$defs"]["node_tone"];
    assert_eq!(tone["properties"]["freq"]["default"], "440 Hz");
    assert_eq!(tone["additionalProperties"], false);
    assert_eq!(schema["$defs"]["node_bomb"]["required"], serde_json::json!(["type", "what"]));
    assert!(schema["$defs"]["node_ticker"]["properties"]["tempo"].is_object());
}

/// Pieces of presets, legal and not, in any order.
fn fragments() -> impl Strategy<Value = String> {
    let words = [
        "auralis: 1\n",
        "nodes:\n",
        "  a: ",
        "  b: ",
        "{ type: tone }\n",
        "{ type: amp, in: ",
        "a",
        "b",
        " }\n",
        "[",
        "]",
        "{ from: a, gain: -3 dB }",
        ", ",
        "expose:\n",
        "  x: { to: a.freq }\n",
        "&x ",
        "*x",
        "<<: *x",
        "key: A minor\n",
        "  o: { type: output, in: a }\n",
        "level: { from: b, min: 0 }",
        "\"",
        "'",
        "#",
        "\t",
        "- ",
        "!!str ",
        "---\n",
        "1e999",
        "é",
        "\u{0}",
        "freq: 1/8",
        "? ",
        ": ",
        "|\n",
        "type: echo, frames: 99999999999",
    ];
    prop::collection::vec(prop::sample::select(words.to_vec()), 0..40).prop_map(|words| words.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]
    #[test]
    fn no_text_makes_the_reader_panic(text in fragments()) {
        let _ = mistakes(&text).render(true);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(text in "\\PC{0,200}") {
        let _ = mistakes(&text).to_json();
        let _ = mistakes(&format!("auralis: 1\nnodes:\n  a: {{ type: tone, freq: {text} }}\n")).to_json();
    }

    #[test]
    fn no_change_to_a_good_preset_makes_the_reader_panic(at in 0..RICH.len(), with in "\\PC{0,3}", cut in 0usize..20) {
        let at = (0..=at).rev().find(|i| RICH.is_char_boundary(*i)).unwrap_or(0);
        let end = (at + cut).min(RICH.len());
        let text = format!("{}{with}{}", &RICH[..at], &RICH[end..]);
        let source = Source::new("p.yaml", text.as_str());
        if let Ok(preset) = Preset::read(&source, &catalogue(), &Places::anywhere()) {
            // What is accepted is really accepted: it expands to something that is accepted too.
            let again = read(&preset.expand(), &catalogue());
            prop_assert_eq!(again.expand(), preset.expand());
        }
    }
}
