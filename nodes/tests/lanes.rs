//! Like nodes side by side: what each of them gives is what it would give by itself, to the bit.

use auralis_graph::instructions::{choose, names};
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

/// A piece with all that computes in vectors.
const PIECE: &str = "auralis: 1
seed: 9
nodes:
  music: { type: composer }
  pad: { type: synth, in: music.chords, voices: 8 }
  voice: { type: synth, in: music.melody, mode: mono }
  hum: { type: oscillator, wave: pulse, frequency: 55 Hz, gain: -30 dB }
  wide: { type: chorus, in: [pad, hum] }
  soft: { type: filter, in: [wide, voice], slope: 24 dB, cutoff: 2 kHz }
  hall: { type: reverb, in: soft, mix: 0.4 }
  calm: { type: compressor, in: hall }
  end: { type: limiter, in: calm }
  out: { type: output, in: end }
";

#[test]
fn every_instruction_set_gives_the_same_samples() {
    let (catalogue, names) = (catalogue(), names());
    let sounds = names.iter().map(|name| {
        assert!(choose(name), "{name} is there");
        render(PIECE, &catalogue, 4.0)
            .map(|channel| channel.into_iter().map(f32::to_bits).collect::<Vec<_>>())
    });
    let sounds: Vec<_> = sounds.collect();
    assert!(choose(names[0]));
    assert!(sounds[0][0].iter().any(|bits| f32::from_bits(*bits).abs() > 0.01), "nothing sounds");
    for (name, sound) in names.iter().zip(&sounds) {
        let apart =
            (0..2).find_map(|side| sound[side].iter().zip(&sounds[0][side]).position(|(a, b)| a != b));
        assert_eq!(apart, None, "{name} differs from {}", names[0]);
    }
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
