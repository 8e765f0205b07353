//! `filter`, measured against its formula: response, resonance, slopes, calm under modulation, and its end.

mod sound;

use auralis_graph::command::Report;
use auralis_graph::testing::measure::{amplitude_at, level_db, peak, rms};
use auralis_graph::testing::{build_text, render, render_blocks};
use auralis_nodes::catalogue;
use proptest::prelude::*;
use sound::cut;

const RATE: f64 = 48_000.0;

/// A second of a tone through a filter, from 0.5 s on: its gain in dB.
fn gain(filter: &str, hertz: f64) -> f64 {
    let text = format!(
        "auralis: 1\nnodes:\n  tone: {{ type: oscillator, frequency: {hertz} Hz }}\n  f: {{ type: filter, in: tone, {filter} }}\n  out: {{ type: output, in: f }}\n"
    );
    let [left, right] = render(&text, &catalogue(), 1.5);
    assert!(left == right);
    20.0 * amplitude_at(cut(&left, 0.5, 1.5), hertz, RATE).max(1e-9).log10()
}

/// The analogue prototype at a frequency, after the bilinear transform: low, high, band, notch of order 2.
fn theory(mode: &str, cutoff: f64, damping: f64, hertz: f64) -> f64 {
    let warped = |hertz: f64| (std::f64::consts::PI * hertz / RATE).tan();
    let s = warped(hertz) / warped(cutoff);
    let below = ((1.0 - s * s).powi(2) + (damping * s).powi(2)).sqrt();
    let above = match mode {
        "low" => 1.0,
        "high" => s * s,
        "band" => damping * s,
        _ => (1.0 - s * s).abs(),
    };
    20.0 * (above / below).max(1e-9).log10()
}

/// The damping that a resonance stands for.
fn damping(resonance: f64) -> f64 {
    2f64.powf(1.0 - 6.0 * resonance)
}

#[test]
fn every_mode_has_the_response_of_its_formula() {
    for mode in ["low", "high", "band", "notch"] {
        for (cutoff, resonance) in [(200.0, 0.08), (1_000.0, 0.0), (1_000.0, 0.5), (9_000.0, 0.3)] {
            for hertz in [50.0, 200.0, 900.0, 1_000.0, 3_000.0, 9_000.0, 18_000.0] {
                let found =
                    gain(&format!("mode: {mode}, cutoff: {cutoff} Hz, resonance: {resonance}"), hertz);
                let wanted = theory(mode, cutoff, damping(resonance), hertz);
                assert!(
                    (found - wanted).abs() < 0.05 || (found < -70.0 && wanted < -70.0),
                    "{mode} {cutoff} {resonance} {hertz}: {found} {wanted}"
                );
            }
        }
    }
}

#[test]
fn the_cutoff_is_where_3_db_are_lost_and_resonance_lifts_it_by_its_quality() {
    for cutoff in [100.0, 1_000.0, 5_000.0] {
        for mode in ["low", "high"] {
            let found = gain(&format!("mode: {mode}, cutoff: {cutoff} Hz, resonance: 0.083333"), cutoff);
            assert!((found + 3.01).abs() < 0.05, "{mode} {cutoff}: {found}");
        }
        let found = gain(&format!("cutoff: {cutoff} Hz, resonance: 1"), cutoff);
        assert!((found - 30.1).abs() < 0.3, "{cutoff}: {found}");
        let found = gain(&format!("mode: band, cutoff: {cutoff} Hz, resonance: 0.7"), cutoff);
        assert!(found.abs() < 0.05, "{cutoff}: {found}");
        let found = gain(&format!("mode: notch, cutoff: {cutoff} Hz"), cutoff);
        assert!(found < -60.0, "{cutoff}: {found}");
    }
}

#[test]
fn the_steep_slope_is_flat_below_and_falls_twice_as_fast() {
    let flat = "resonance: 0.083333, cutoff: 1 kHz";
    for hertz in [50.0, 200.0, 500.0] {
        assert!(gain(&format!("slope: 24 dB, {flat}"), hertz).abs() < 0.05, "{hertz}");
    }
    let at_cutoff = gain(&format!("slope: 24 dB, {flat}"), 1_000.0);
    assert!((at_cutoff + 3.01).abs() < 0.05, "{at_cutoff}");
    for (slope, octave) in [("12 dB", -12.0), ("24 dB", -24.0)] {
        let low = |hertz: f64| gain(&format!("slope: {slope}, resonance: 0.083333, cutoff: 200 Hz"), hertz);
        let found = low(1_600.0) - low(800.0);
        assert!((found - octave).abs() < 0.6, "{slope}: {found}");
    }
}

#[test]
fn noise_on_the_cutoff_at_every_extreme_leaves_it_bounded_and_it_settles() {
    for mode in ["low", "high", "band", "notch"] {
        for slope in ["12 dB", "24 dB"] {
            for resonance in [0.0, 1.0] {
                let text = format!(
                    "auralis: 1\nnodes:\n  shake: {{ type: noise }}\n  tone: {{ type: noise }}\n  f: {{ type: filter, in: tone, mode: {mode}, slope: {slope}, resonance: {resonance}, cutoff: {{ from: shake, min: 20 Hz, max: 20 kHz }} }}\n  out: {{ type: output, in: f }}\n"
                );
                let mut built = build_text(&text, &catalogue());
                let [left, _] = render_blocks(&mut built, 96_000, &[512]);
                let loudest = peak(&left);
                assert!(loudest < 40.0, "{mode} {slope} {resonance}: {loudest}");
                let (early, late) = (level_db(&left[..48_000]), level_db(&left[48_000..]));
                assert!((early - late).abs() < 3.0, "{mode} {slope} {resonance}: {early} {late}");
                while let Some(report) = built.controller.report() {
                    assert!(!matches!(report, Report::Failed { .. }));
                }
            }
        }
    }
}

#[test]
fn a_modulated_filter_that_stands_still_equals_a_constant_one() {
    let run = |cutoff: &str| {
        let text = format!(
            "auralis: 1\nnodes:\n  still: {{ type: lfo, shape: square, rate: 0.001 Hz }}\n  hiss: {{ type: noise }}\n  f: {{ type: filter, in: hiss, resonance: 0.6, cutoff: {cutoff} }}\n  out: {{ type: output, in: f }}\n"
        );
        render(&text, &catalogue(), 1.0)[0].clone()
    };
    let (constant, modulated) = (run("2 kHz"), run("{ from: still, min: 200 Hz, max: 2 kHz }"));
    let apart: Vec<f32> = constant.iter().zip(&modulated).map(|(a, b)| a - b).collect();
    assert!(level_db(&apart) < -90.0, "{}", level_db(&apart));
}

#[test]
fn a_filter_rings_out_and_then_rests_in_exact_silence() {
    let text = "auralis: 1\nnodes:\n  keys: { type: midi_in }\n  pluck: { type: synth, in: keys, attack: 1 ms, decay: 5 ms, sustain: 0, release: 5 ms }\n  f: { type: filter, in: pluck, cutoff: 200 Hz, resonance: 0.9, mode: band }\n  out: { type: output, in: f }\n";
    let [left, right] = sound::play_on(&catalogue(), text, &[sound::Note(0.0, 0.02, 55.0, 1.0)], 6.0);
    assert!(peak(cut(&left, 0.1, 0.3)) > 1e-4, "it rings on");
    assert!(rms(cut(&left, 0.3, 0.4)) < rms(cut(&left, 0.1, 0.2)));
    assert_eq!(peak(cut(&left, 5.0, 6.0)).max(peak(cut(&right, 5.0, 6.0))), 0.0);
}

#[test]
fn each_channel_is_filtered_alone() {
    let text = "auralis: 1\nnodes:\n  low: { type: oscillator, frequency: 100 Hz }\n  high: { type: oscillator, frequency: 5 kHz }\n  l: { type: pan, in: low, pan: -1 }\n  r: { type: pan, in: high, pan: 1 }\n  f: { type: filter, in: [l, r], cutoff: 1 kHz, slope: 24 dB }\n  out: { type: output, in: f }\n";
    let [left, right] = render(text, &catalogue(), 1.0);
    assert!(amplitude_at(cut(&left, 0.5, 1.0), 100.0, RATE) > 0.99);
    assert!(amplitude_at(cut(&left, 0.5, 1.0), 5_000.0, RATE) < 1e-5);
    let found = 20.0 * amplitude_at(cut(&right, 0.5, 1.0), 5_000.0, RATE).log10();
    let wanted = 2.0 * theory("low", 1_000.0, std::f64::consts::SQRT_2, 5_000.0);
    assert!((found - wanted).abs() < 0.5, "{found} {wanted}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_setting_is_stable(cutoff in 20.0f64..20_000.0, resonance in 0.0f64..1.0, mode in 0usize..4, steep: bool) {
        let mode = ["low", "high", "band", "notch"][mode];
        let slope = if steep { "24 dB" } else { "12 dB" };
        let text = format!(
            "auralis: 1\nnodes:\n  hiss: {{ type: noise }}\n  f: {{ type: filter, in: hiss, mode: {mode}, slope: {slope}, cutoff: {cutoff}, resonance: {resonance} }}\n  out: {{ type: output, in: f }}\n"
        );
        let [left, _] = render(&text, &catalogue(), 1.0);
        prop_assert!(left.iter().all(|x| x.is_finite()) && peak(&left) < 40.0);
    }
}
