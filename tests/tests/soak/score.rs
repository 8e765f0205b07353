//! The graphs that the station becomes, one after the other: shipped presets with nodes that come, change, are of
//! another type and go, and graphs that are made up.

use auralis_graph::chance::Chance;
use auralis_graph::testing::read;
use auralis_graph::{Catalogue, Preset};
use auralis_nodes::catalogue;
use std::path::Path;

/// Presets with a metre of 4/4: a graph cannot become one with another metre.
const PRESETS: [&str; 2] = ["night_drift", "tidal_clock"];
/// The last line of every shipped preset's nodes.
const OUT: &str = "  out: { type: output, in: level }\n";
/// What stands behind a preset: nothing, then one thing after the other.
const BEHIND: [&str; 4] = [
    "  behind: { type: filter, in: level, mode: high, cutoff: 60 Hz }
  last: { type: delay, in: behind, time: 1/8d, feedback: 0.3, mix: 0.2 }
",
    "  behind: { type: filter, in: level, mode: high, cutoff: 150 Hz }
  last: { type: delay, in: behind, time: 1/4, feedback: 0.4, mix: 0.3 }
",
    "  sway: { type: lfo, rate: 0.2 Hz }
  behind: { type: filter, in: level, mode: high, cutoff: { value: 150 Hz, from: sway, depth: 12 st } }
  last: { type: chorus, in: behind, mix: 0.3 }
",
    "  sway: { type: lfo, rate: 0.2 Hz }
  hiss: { type: noise, gain: { value: -50 dB, from: sway, depth: 6 dB } }
  behind: { type: eq, in: [level, hiss], low_cut: 60 Hz }
  last: { type: reverb, in: behind, mix: 0.2 }
",
];
/// Graphs of a round that are made up.
const MADE_UP: u64 = 4;

/// A round of graphs.
pub struct Score(Vec<Preset>);

impl Score {
    pub fn new() -> Self {
        let catalogue = catalogue();
        let mut graphs = Vec::new();
        for name in PRESETS {
            let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../presets/{name}.yaml"));
            let text = std::fs::read_to_string(path).expect("the preset ships");
            assert!(text.contains(OUT), "{name} ends in another way");
            graphs.push(read(&text, &catalogue));
            for behind in BEHIND {
                let out = "  limited: { type: limiter, in: last }\n  out: { type: output, in: limited }\n";
                graphs.push(read(&text.replace(OUT, &format!("{behind}{out}")), &catalogue));
            }
        }
        graphs.extend((0..MADE_UP).map(|number| made_up(number, &catalogue)));
        Self(graphs)
    }

    /// Graphs of a round.
    pub fn length(&self) -> usize {
        self.0.len()
    }

    /// The graph after so many edits.
    pub fn graph(&self, edit: usize) -> &Preset {
        &self.0[edit % self.0.len()]
    }
}

/// A composer and two that play it, through nodes that listen to each other.
fn made_up(number: u64, catalogue: &Catalogue) -> Preset {
    const KINDS: [&str; 9] = [
        "type: gain, gain: -3 dB",
        "type: filter, cutoff: 900 Hz",
        "type: filter, cutoff: { value: 700 Hz, from: wave, depth: 6 st }",
        "type: pan, pan: { value: 0, from: wave, depth: 0.5 }",
        "type: delay, time: 1/8, feedback: 0.3",
        "type: chorus",
        "type: reverb, mix: 0.3",
        "type: compressor",
        "type: mix",
    ];
    let mut chance = Chance::new(number);
    let mut pick = |list: &[String]| list[chance.below(list.len() as u32) as usize].clone();
    let mut text = String::from(
        "auralis: 1
nodes:
  composer: { type: composer }
  wave: { type: lfo, rate: 0.3 Hz }
  pad: { type: synth, in: composer.chords, voices: 8, gain: -9 dB }
  lead: { type: soundfont, in: composer.melody, program: 4, gain: -6 dB }
",
    );
    let mut sources = vec!["pad".to_string(), "lead".to_string()];
    for name in ["a", "b", "c", "d"] {
        let kind = pick(&KINDS.map(str::to_string));
        let (first, second) = (pick(&sources), pick(&sources));
        text += &format!("  {name}: {{ {kind}, in: [{first}, {{ from: {second}, gain: -9 dB }}] }}\n");
        sources.push(name.to_string());
    }
    text += "  limited: { type: limiter, in: d }\n  out: { type: output, in: limited }\n";
    read(&text, catalogue)
}
