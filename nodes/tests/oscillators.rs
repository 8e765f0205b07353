//! `oscillator`, measured: pitch, harmonics, aliasing, phase, and what modulation does to it.

mod sound;

use auralis_graph::testing::measure::{level_db, peak, pitch};
use auralis_graph::testing::render;
use auralis_nodes::catalogue;
use sound::{Spectrum, bessel, cut};

fn tone(params: &str) -> Vec<f32> {
    let text = format!(
        "auralis: 1\nnodes:\n  tone: {{ type: oscillator, {params} }}\n  out: {{ type: output, in: tone }}\n"
    );
    render(&text, &catalogue(), 1.2)[0].clone()
}

fn steady(params: &str) -> Vec<f32> {
    cut(&tone(params), 0.2, 1.2).to_vec()
}

#[test]
fn every_frequency_is_in_tune_within_half_a_cent() {
    for wave in ["sine", "triangle", "saw", "pulse"] {
        for hertz in [27.5, 110.0, 441.3, 3_520.0, 12_000.0] {
            let found = pitch(
                &steady(&format!("wave: {wave}, frequency: {hertz} Hz")),
                hertz * 0.97,
                hertz * 1.03,
                48e3,
            );
            let cents = 1200.0 * (found / hertz).log2();
            assert!(cents.abs() < 0.5, "{wave} {hertz}: {cents} ct");
        }
    }
    let found = pitch(&steady("frequency: 440 Hz, detune: 7 st"), 600.0, 700.0, 48e3);
    assert!((1200.0 * (found / 659.2551).log2()).abs() < 0.5, "{found}");
}

#[test]
fn the_sine_is_pure_and_full_and_starts_upwards_from_nothing() {
    let sine = tone("frequency: 1 kHz");
    assert_eq!(sine[0], 0.0);
    for (i, x) in sine.iter().enumerate().take(4_800) {
        let wanted = (std::f64::consts::TAU * i as f64 / 48.0).sin();
        assert!((f64::from(*x) - wanted).abs() < 5e-5, "{i}: {x} {wanted}");
    }
    let (worst, at) = Spectrum::of(&sine[..48_000]).inharmonic(1_000.0);
    assert!(worst < -110.0, "{worst} dB at {at} Hz");
    assert!(Spectrum::of(&sine[..48_000]).line(2_000.0) < -110.0);
}

#[test]
fn nothing_folds_back_above_70_db_below_the_fundamental() {
    for wave in ["triangle", "saw", "pulse", "pulse, width: 0.1"] {
        for hertz in [110.0, 1_046.5, 2_093.0, 2_960.0, 4_186.0] {
            let spectrum = Spectrum::of(&steady(&format!("wave: {wave}, frequency: {hertz} Hz")));
            let (worst, at) = spectrum.inharmonic(hertz);
            assert!(worst < -70.0, "{wave} {hertz}: {worst} dB at {at} Hz");
        }
    }
}

#[test]
fn harmonics_are_those_of_the_book() {
    let fundamental = |wave: &str| Spectrum::of(&steady(&format!("wave: {wave}, frequency: 200 Hz")));
    let saw = fundamental("saw");
    let square = fundamental("pulse");
    let triangle = fundamental("triangle");
    // 2 / pi, 4 / pi and 8 / pi^2.
    for (spectrum, wanted) in [(&saw, -3.922), (&square, 2.098), (&triangle, -1.825)] {
        assert!((spectrum.line(200.0) - wanted).abs() < 0.02, "{} {wanted}", spectrum.line(200.0));
    }
    for n in [2.0f64, 3.0, 7.0, 20.0, 49.0] {
        let falls = |spectrum: &Spectrum| spectrum.line(200.0) - spectrum.line(200.0 * n);
        assert!((falls(&saw) - 20.0 * n.log10()).abs() < 0.2, "saw {n}: {}", falls(&saw));
        if n % 2.0 == 1.0 {
            assert!((falls(&square) - 20.0 * n.log10()).abs() < 0.2, "square {n}: {}", falls(&square));
            assert!((falls(&triangle) - 40.0 * n.log10()).abs() < 0.2, "triangle {n}: {}", falls(&triangle));
        } else {
            assert!(falls(&square) > 90.0 && falls(&triangle) > 90.0, "{n}");
        }
    }
}

#[test]
fn all_waves_rise_through_nothing_at_the_start_together() {
    let low = |wave: &str| tone(&format!("wave: {wave}, frequency: 20 Hz"));
    let sine = low("sine");
    for wave in ["triangle", "saw", "pulse"] {
        let other = low(wave);
        let together: f32 = sine.iter().zip(&other).map(|(a, b)| a * b).sum();
        let alone: f32 = sine.iter().map(|a| a * a).sum();
        assert!(together > alone * 0.5, "{wave}: {}", together / alone);
    }
}

#[test]
fn a_frequency_that_moves_arrives_where_a_constant_one_is() {
    let text = |frequency: &str| {
        format!(
            "auralis: 1\nnodes:\n  still: {{ type: lfo, shape: square, rate: 0.001 Hz }}\n  tone: {{ type: oscillator, wave: saw, frequency: {frequency} }}\n  out: {{ type: output, in: tone }}\n"
        )
    };
    let moved = render(&text("{ from: still, min: 110 Hz, max: 880 Hz }"), &catalogue(), 1.2);
    let found = pitch(cut(&moved[0], 0.2, 1.2), 860.0, 900.0, 48e3);
    assert!((1200.0 * (found / 880.0).log2()).abs() < 0.5, "{found}");
    let apart = (level_db(&moved[0]) - level_db(&render(&text("880 Hz"), &catalogue(), 1.2)[0])).abs();
    assert!(apart < 0.01, "{apart}");
}

#[test]
fn frequency_modulation_makes_its_sidebands() {
    // An exponential range of 2 octaves around 2 kHz at 100 Hz.
    let text = "auralis: 1\nnodes:\n  fast: { type: oscillator, frequency: 100 Hz }\n  tone: { type: oscillator, frequency: { from: fast, min: 1 kHz, max: 4 kHz } }\n  out: { type: output, in: tone }\n";
    let [left, _] = render(text, &catalogue(), 1.2);
    let spectrum = Spectrum::of(cut(&left, 0.2, 1.2));
    // Two octaves along the exponential curve: in the mean the pitch is 2 kHz x I0(ln 2).
    let carrier = 2_000.0 * bessel(2f64.ln());
    let lines: Vec<f64> = (-10..=15).map(|n| spectrum.line(carrier + f64::from(n) * 100.0)).collect();
    assert!(lines.iter().filter(|line| **line > -30.0).count() > 20, "{lines:?}");
    let between: Vec<f64> =
        (-10..=15).map(|n| spectrum.line(carrier + f64::from(n) * 100.0 + 50.0)).collect();
    assert!(between.iter().all(|line| *line < -80.0), "{between:?}");
    assert!(peak(&left) <= 1.001);
}

#[test]
fn a_sine_past_half_the_sample_rate_is_silent_instead_of_folding_back() {
    let high = steady("frequency: 20 kHz, detune: 5 st");
    assert!(level_db(&high) < -110.0, "{}", level_db(&high));
    let saw = steady("wave: saw, frequency: 20 kHz, detune: 12 st");
    assert!(level_db(&saw) < -55.0, "{}", level_db(&saw));
}
