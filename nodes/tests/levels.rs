//! The plain nodes, measured: levels, panorama, width, the colours of noise.

use auralis_graph::testing::measure::{amplitude_at, level_db, peak, rms};
use auralis_graph::testing::{RATE, render};
use auralis_nodes::catalogue;

fn run(nodes: &str, seconds: f64) -> [Vec<f32>; 2] {
    render(&format!("auralis: 1\nnodes:\n{nodes}"), &catalogue(), seconds)
}

#[test]
fn the_colours_of_noise_fall_by_0_3_and_6_db_an_octave_at_one_loudness() {
    for (colour, slope) in [("white", 0.0), ("pink", -3.0), ("brown", -6.0)] {
        let text = format!("  n: {{ type: noise, colour: {colour} }}\n  out: {{ type: output, in: n }}\n");
        let [left, right] = run(&text, 20.0);
        assert_eq!(left, right);
        let band = |hertz: f64| {
            // Power around a frequency, averaged over many short windows.
            let windows = left.chunks_exact(8192).map(|w| amplitude_at(w, hertz, f64::from(RATE)).powi(2));
            10.0 * (windows.sum::<f64>() / 100.0).log10()
        };
        let low: f64 = (0..24).map(|i| band(400.0 + f64::from(i) * 9.0)).sum::<f64>() / 24.0;
        let high: f64 = (0..24).map(|i| band(3_200.0 + f64::from(i) * 72.0)).sum::<f64>() / 24.0;
        assert!(((high - low) / 3.0 - slope).abs() < 0.5, "{colour}: {}", (high - low) / 3.0);
        assert!((-16.0..-8.0).contains(&level_db(&left)), "{colour}: {}", level_db(&left));
        assert!(peak(&left) <= 1.0, "{colour}: {}", peak(&left));
        let mean: f64 = left.iter().map(|x| f64::from(*x)).sum::<f64>() / left.len() as f64;
        assert!(mean.abs() < 0.01, "{colour}: {mean}");
    }
}

#[test]
fn two_noises_of_one_seed_are_strangers_and_a_renamed_one_keeps_its_stream() {
    let [a, _] = run("  a: { type: noise }\n  out: { type: output, in: a }\n", 1.0);
    let [b, _] = run("  b: { type: noise }\n  out: { type: output, in: b }\n", 1.0);
    let [c, _] = run("  c: { type: noise, seed_as: a }\n  out: { type: output, in: c }\n", 1.0);
    let together: f64 = a.iter().zip(&b).map(|(a, b)| f64::from(a * b)).sum::<f64>() / a.len() as f64;
    assert!(together.abs() < 0.01 * rms(&a) * rms(&a) * 10.0);
    assert!(a != b && a == c);
}

#[test]
fn panning_keeps_the_power_and_ends_at_the_sides() {
    for (pan, left_db, right_db) in [("0", -3.01, -3.01), ("-1", 0.0, -200.0), ("0.5", -8.34, -0.69)] {
        let text = format!(
            "  n: {{ type: noise }}\n  p: {{ type: pan, in: n, pan: {pan} }}\n  out: {{ type: output, in: p }}\n"
        );
        let [left, right] = run(&text, 1.0);
        let mono = level_db(&run("  n: { type: noise }\n  out: { type: output, in: n }\n", 1.0)[0]);
        assert!((level_db(&left) - mono - left_db).abs() < 0.1 || level_db(&left) < -100.0, "{pan}");
        assert!((level_db(&right) - mono - right_db).abs() < 0.1 || level_db(&right) < -100.0, "{pan}");
    }
}

#[test]
fn width_narrows_to_mono_and_one_changes_nothing() {
    let sides = "  a: { type: noise }\n  b: { type: noise }\n  l: { type: pan, in: a, pan: -1 }\n  r: { type: pan, in: b, pan: 1 }\n";
    let run = |rest: &str| run(&format!("{sides}{rest}"), 0.5);
    let plain = run("  out: { type: output, in: [l, r] }\n");
    assert!(run("  m: { type: mix, in: [l, r] }\n  out: { type: output, in: m }\n") == plain);
    let [left, right] = run("  m: { type: mix, in: [l, r], width: 0 }\n  out: { type: output, in: m }\n");
    assert!(left.iter().zip(&right).all(|(l, r)| (l - r).abs() < 1e-6));
    let [left, right] = run("  m: { type: mix, in: [l, r], width: 2 }\n  out: { type: output, in: m }\n");
    let side = |l: &[f32], r: &[f32]| rms(&l.iter().zip(r).map(|(l, r)| l - r).collect::<Vec<_>>());
    assert!((side(&left, &right) / side(&plain[0], &plain[1]) - 2.0).abs() < 1e-3);
}
