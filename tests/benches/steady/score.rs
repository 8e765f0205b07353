//! What is played: a shipped preset, and beside it as many strands as it takes. A strand is a chain of effects on
//! something that sounds: a wave, noise, or a synth that a composer of its own plays.

use std::fmt::Write as _;
use std::path::Path;

/// The last line of a shipped preset's nodes.
const OUT: &str = "  out: { type: output, in: level }\n";
/// Nodes of the preset, about, and of a strand.
const OF_PRESET: usize = 14;
const OF_STRAND: usize = 8;

/// Nodes of a graph with so many strands, about.
pub fn nodes(strands: usize) -> usize {
    OF_PRESET + OF_STRAND * strands
}

/// The graph's text.
pub fn text(strands: usize) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../presets/night_drift.yaml");
    let preset = std::fs::read_to_string(path).expect("the preset ships");
    assert!(preset.contains(OUT), "it ends in another way");
    let mut nodes: String = (0..strands).map(strand).collect();
    let ends: Vec<String> =
        (0..strands).map(|strand| format!("{{ from: end{strand}, gain: -30 dB }}")).collect();
    let _ = writeln!(nodes, "  out: {{ type: output, in: [level, {}] }}", ends.join(", "));
    preset.replace(OUT, &nodes)
}

fn strand(index: usize) -> String {
    let hertz = 55 + 17 * index;
    let source = match index % 4 {
        0 => format!(
            "  music{index}: {{ type: composer }}\n  voice{index}: {{ type: synth, in: music{index}.chords, voices: 8 }}\n"
        ),
        1 => format!("  voice{index}: {{ type: noise }}\n"),
        2 => format!(
            "  voice{index}: {{ type: oscillator, wave: saw, frequency: {hertz} Hz, detune: {{ value: 0 st, from: sway{index}, depth: 20 ct }} }}\n"
        ),
        _ => format!("  voice{index}: {{ type: oscillator, wave: pulse, frequency: {hertz} Hz }}\n"),
    };
    let space = match index % 3 {
        0 => "type: reverb, mix: 0.3",
        1 => "type: delay, time: 1/8d, feedback: 0.4, mix: 0.3",
        _ => "type: chorus, mix: 0.4",
    };
    format!(
        "  sway{index}: {{ type: lfo, rate: {} Hz }}
{source}  soft{index}: {{ type: filter, in: voice{index}, slope: 24 dB, cutoff: {{ from: sway{index}, min: 300 Hz, max: 3 kHz }} }}
  side{index}: {{ type: pan, in: soft{index}, pan: {} }}
  tone{index}: {{ type: eq, in: side{index}, low_cut: 60 Hz, peak1_freq: 700 Hz, peak1_gain: 3 dB }}
  space{index}: {{ {space}, in: tone{index} }}
  even{index}: {{ type: compressor, in: space{index} }}
  end{index}: {{ type: gain, in: even{index}, gain: -3 dB }}
",
        0.1 + 0.03 * index as f32,
        (index % 5) as f32 * 0.4 - 0.8,
    )
}
