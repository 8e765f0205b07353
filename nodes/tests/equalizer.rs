//! `eq`, measured against the filters' formulas, at rest and in motion.

mod probe;

use auralis_graph::command::When;
use auralis_graph::param::Amount;
use auralis_graph::testing::measure::{amplitude_at, sharpest};
use probe::{RATE, built, frames, hear, noise, pulse, sine};
use std::f64::consts::PI;

/// The gain in dB at a frequency, from the response to one sample.
fn gain_db(response: &[f32], hertz: f64, rate: u32) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (i, x) in response.iter().enumerate() {
        let phase = 2.0 * PI * hertz * i as f64 / f64::from(rate);
        re += f64::from(*x) * phase.cos();
        im -= f64::from(*x) * phase.sin();
    }
    10.0 * (re * re + im * im).log10()
}

fn response(settings: &str, rate: u32) -> Vec<f32> {
    let node = format!("y: {{ type: eq, in: x, {settings} }}");
    frames(&mut built(&[pulse(1)], &node, rate), rate as usize)[0].clone()
}

/// Analogue prototypes at a frequency that the bilinear transform warps: |H|^2 by w = f / middle.
fn warped(hertz: f64, middle: f64, rate: u32) -> f64 {
    let warp = |hertz: f64| (PI * hertz / f64::from(rate)).tan();
    warp(hertz) / warp(middle)
}

fn decibels(above: (f64, f64), below: (f64, f64)) -> f64 {
    10.0 * ((above.0.powi(2) + above.1.powi(2)) / (below.0.powi(2) + below.1.powi(2))).log10()
}

/// R. Bristow-Johnson, "Audio EQ Cookbook": H(s) of a peak, with A = 10^(gain/40).
fn peak_db(w: f64, gain: f64, q: f64) -> f64 {
    let a = 10f64.powf(gain / 40.0);
    decibels((1.0 - w * w, w * a / q), (1.0 - w * w, w / (a * q)))
}

fn low_shelf_db(w: f64, gain: f64, q: f64) -> f64 {
    let a = 10f64.powf(gain / 40.0);
    20.0 * a.log10() + decibels((a - w * w, w * a.sqrt() / q), (1.0 - a * w * w, w * a.sqrt() / q))
}

fn high_shelf_db(w: f64, gain: f64, q: f64) -> f64 {
    low_shelf_db(1.0 / w, gain, q)
}

const PLACES: [f64; 9] = [30.0, 90.0, 200.0, 450.0, 1_000.0, 2_500.0, 6_000.0, 12_000.0, 18_000.0];

#[test]
fn every_band_has_the_response_of_its_formula() {
    for rate in [44_100, 48_000, 96_000, 192_000] {
        for (gain, q) in [(6.0, 0.707), (-12.0, 2.0), (15.0, 0.4), (-18.0, 6.0)] {
            for (name, middle) in
                [("peak1", 200.0), ("peak2", 2_500.0), ("peak3", 9_000.0), ("low", 90.0), ("high", 6_000.0)]
            {
                let text = format!("{name}_freq: {middle}, {name}_gain: {gain}, {name}_q: {q}");
                let heard = response(&text, rate);
                for hertz in PLACES {
                    let w = warped(hertz, middle, rate);
                    let expected = match name {
                        "low" => low_shelf_db(w, gain, q),
                        "high" => high_shelf_db(w, gain, q),
                        _ => peak_db(w, gain, q),
                    };
                    let found = gain_db(&heard, hertz, rate);
                    assert!((found - expected).abs() < 0.02, "{rate} {text} at {hertz}: {found} {expected}");
                }
            }
        }
    }
}

#[test]
fn cuts_are_down_by_3_db_at_their_frequency_and_fall_by_their_slope() {
    for (slope, order) in [(12, 2), (24, 4)] {
        for rate in [44_100, 96_000] {
            let low = response(&format!("low_cut: 100 Hz, slope: {slope}"), rate);
            let high = response(&format!("high_cut: 5 kHz, slope: {slope}"), rate);
            for hertz in PLACES {
                // Butterworth: 1 / (1 + w^2n).
                let cut = |w: f64| -10.0 * (1.0 + w.powi(2 * order)).log10();
                let (l, h) = (gain_db(&low, hertz, rate), gain_db(&high, hertz, rate));
                assert!((l - cut(1.0 / warped(hertz, 100.0, rate))).abs() < 0.02, "{slope} {hertz}: {l}");
                assert!((h - cut(warped(hertz, 5_000.0, rate))).abs() < 0.05, "{slope} {hertz}: {h}");
            }
        }
    }
    let ringing = response("low_cut: 1 kHz, low_cut_q: 4", RATE);
    assert!((gain_db(&ringing, 1_000.0, RATE) - 12.04).abs() < 0.02);
}

#[test]
fn bands_add_up_in_decibels() {
    let heard = response("low_gain: 3, peak1_gain: -6, peak3_gain: 4, high_gain: -2, low_cut: 30", RATE);
    for hertz in PLACES {
        let w = |middle| warped(hertz, middle, RATE);
        let expected = low_shelf_db(w(120.0), 3.0, 0.707)
            + peak_db(w(300.0), -6.0, 1.0)
            + peak_db(w(4_000.0), 4.0, 1.0)
            + high_shelf_db(w(8_000.0), -2.0, 0.707)
            - 10.0 * (1.0 + w(30.0).powi(-4)).log10();
        assert!((gain_db(&heard, hertz, RATE) - expected).abs() < 0.02, "{hertz}");
    }
}

#[test]
fn what_is_flat_passes_to_the_bit_on_any_number_of_channels() {
    let sound = noise(1, 9_600);
    let [left, right] =
        hear(&[&sound, &noise(2, 9_600)], "y: { type: eq, in: x, peak1_freq: 50 Hz, high_q: 3 }");
    assert!(left == sound && right == noise(2, 9_600));
    let [left, right] = hear(&[&sound], "y: { type: eq, in: x, low_gain: 4 }");
    assert!(left == right && left != sound);
}

/// What a steady tone sounds like while settings jump, against what it is at the sharpest setting at rest.
fn moved(moves: &[(&str, f32)], node: &str) -> f32 {
    let tone = sine(440.0, 0.25, 3.0, RATE);
    let mut built = built(&[&tone], node, RATE);
    for (index, (name, value)) in moves.iter().enumerate() {
        let when = When::Frame(12_000 + index as i64 * 6_000);
        built.controller.set_param("y", name, Amount::Value(*value), when).unwrap();
    }
    let [left, _] = frames(&mut built, 144_000);
    // Not the start, where the tone sets in. 18 dB is a factor of 8.
    sharpest(&left[6_000..]).1 / sharpest(&tone[6_000..]).1
}

#[test]
fn bands_move_without_clicks_or_zipper_noise() {
    let node = "y: { type: eq, in: x, peak1_gain: 6, peak1_freq: 300 }";
    let frequency = [("peak1_freq", 3_000.0), ("peak1_freq", 100.0), ("peak1_freq", 440.0), ("peak1_q", 8.0)];
    assert!(moved(&frequency, node) < 2.6, "{}", moved(&frequency, node));
    let gain = [
        ("peak2_gain", 12.0),
        ("peak2_gain", 0.0),
        ("low_gain", -18.0),
        ("low_gain", 0.0),
        ("high_gain", 6.0),
    ];
    assert!(moved(&gain, node) < 6.0, "{}", moved(&gain, node));
    let cuts = [
        ("low_cut", 2_000.0),
        ("low_cut", 10.0),
        ("high_cut", 300.0),
        ("high_cut", 22_000.0),
        ("low_cut", 40.0),
    ];
    assert!(moved(&cuts, "y: { type: eq, in: x }") < 3.0, "{}", moved(&cuts, "y: { type: eq, in: x }"));
}

#[test]
fn a_swept_band_adds_no_steps_to_a_tone() {
    // A peak swept three times a second across a tone: what is far from tone and sweep is zipper noise.
    let number = probe::keep(&[sine(3.0, 1.0, 4.0, RATE)]);
    let node = format!(
        "lfo: {{ type: signal, number: {number}, channels: 1 }}
        y: {{ type: eq, in: x, peak1_gain: 12, peak1_q: 2, peak1_freq: {{ from: lfo, min: 200, max: 5000 }} }}"
    );
    let [left, _] = hear(&[sine(500.0, 0.25, 4.0, RATE)], &node);
    for hertz in [3_000.0, 6_111.0, 12_345.0, 20_000.0] {
        let db = 20.0 * amplitude_at(&left[24_000..], hertz, 48_000.0).log10();
        assert!(db < -110.0, "{hertz}: {db}");
    }
}

#[test]
fn it_rings_out_and_sleeps() {
    let last = |settings: &str| {
        let node = format!("y: {{ type: eq, in: x, {settings} }}");
        let [left, _] = frames(&mut built(&[pulse(1)], &node, RATE), 8 * RATE as usize);
        left.iter().rposition(|x| *x != 0.0).unwrap()
    };
    // The poles' Q is 18 times the square root of the gain, 51, and Q / (pi f) the time constant: 0.81 s. From
    // 4e-4, where it starts, to 1e-6 takes 6 of them.
    let narrow = last("peak1_freq: 20, peak1_gain: 18, peak1_q: 18");
    assert!((220_000..250_000).contains(&narrow), "{narrow}");
    assert!(last("peak1_gain: 6") < 12_000);
}
