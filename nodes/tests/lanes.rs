//! Like nodes side by side: what each of them gives is what it would give by itself, to the bit.

use auralis_graph::testing::render;
use auralis_nodes::catalogue;

/// Filters, and waves that need them, of all ways: mono and stereo, steep and gentle, still and moved. Of these only one
/// is heard.
fn bank(heard: usize, others: bool) -> String {
    let mut text = String::from("auralis: 1\nseed: 5\nnodes:\n  rain: { type: noise, gain: -12 dB }\n");
    text += "  left: { type: pan, in: rain, pan: -0.4 }\n  drift: { type: lfo, rate: 3 Hz }\n";
    let mut all = Vec::new();
    for index in (0..24).filter(|index| others || *index == heard) {
        let mute = if index == heard { "" } else { ", mute: true" };
        let slope = ["12 dB", "24 dB"][index / 2 % 2];
        let source = ["rain", "left"][index / 4 % 2];
        let cutoff = match index % 3 {
            0 => "{ from: drift, min: 200 Hz, max: 3 kHz }".to_string(),
            _ => format!("{} Hz", 150 + 120 * index),
        };
        let mode = ["low", "high", "band", "notch"][index % 4];
        text += &format!(
            "  f{index}: {{ type: filter, in: {source}, mode: {mode}, slope: {slope}, cutoff: {cutoff}{mute} }}\n"
        );
        all.push(format!("f{index}"));
    }
    for index in (24..32).filter(|index| others || *index == heard) {
        let mute = if index == heard { "" } else { ", mute: true" };
        let wave = ["saw", "pulse", "triangle"][index % 3];
        let detune = if index % 2 == 0 { "{ value: 0 st, from: drift, depth: 1 st }" } else { "3 ct" };
        text += &format!(
            "  f{index}: {{ type: oscillator, wave: {wave}, frequency: {} Hz, detune: {detune}{mute} }}\n",
            60 + 40 * index
        );
        all.push(format!("f{index}"));
    }
    text + &format!("  out: {{ type: output, in: [{}] }}\n", all.join(", "))
}

#[test]
fn a_node_among_its_like_gives_what_it_gives_alone() {
    let catalogue = catalogue();
    for heard in 0..32 {
        let [alone, together] = [false, true].map(|others| render(&bank(heard, others), &catalogue, 0.05));
        for (alone, together) in alone.iter().zip(&together) {
            assert!(alone.iter().any(|x| x.abs() > 1e-3), "{heard} is silent");
            let apart = alone.iter().zip(together).position(|(a, b)| a.to_bits() != b.to_bits());
            assert_eq!(apart, None, "{heard} differs\n{}", bank(heard, true));
        }
    }
}
