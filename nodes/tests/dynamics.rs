//! `compressor`, measured: its curve, its times, its key, and what it leaves alone.

mod probe;

use auralis_graph::command::When;
use auralis_graph::param::Amount;
use auralis_graph::testing::measure::{amplitude_at, level_db, peak, sharpest};
use probe::{RATE, built, frames, hear, keep, noise, sine};

/// The gain in dB that a steady sine of a level gets.
fn gain(settings: &str, level: f64, hertz: f64) -> f64 {
    let amplitude = 10f64.powf(level / 20.0);
    let node = format!("y: {{ type: compressor, in: x, {settings} }}");
    let [left, _] = hear(&[sine(hertz, amplitude, 2.0, RATE)], &node);
    20.0 * (amplitude_at(&left[48_000..], hertz, 48_000.0) / amplitude).log10()
}

/// The curve of the reference: Giannoulis, Massberg and Reiss 2012, equation 4.
fn curve(level: f64, threshold: f64, ratio: f64, knee: f64) -> f64 {
    let over = level - threshold;
    let slope = 1.0 / ratio - 1.0;
    if 2.0 * over < -knee {
        0.0
    } else if 2.0 * over.abs() <= knee {
        slope * (over + knee / 2.0).powi(2) / (2.0 * knee).max(1e-9)
    } else {
        slope * over
    }
}

#[test]
fn steady_levels_follow_the_curve() {
    for (threshold, ratio, knee) in
        [(-18.0, 3.0, 6.0), (-30.0, 2.0, 0.0), (-24.0, 20.0, 12.0), (-40.0, 4.0, 24.0)]
    {
        for level in [-50.0, -36.0, -27.0, -24.0, -20.0, -17.0, -12.0, -6.0, 0.0] {
            for hertz in [60.0, 1_000.0] {
                let settings = format!("threshold: {threshold}, ratio: {ratio}, knee: {knee}");
                let expected = curve(level, threshold, ratio, knee);
                let found = gain(&settings, level, hertz);
                assert!(
                    (found - expected).abs() < 0.2,
                    "{settings} at {level} dB, {hertz} Hz: {found} {expected}"
                );
                // By power a sine is 3 dB lower.
                let found = gain(&format!("{settings}, detector: rms"), level, hertz);
                let expected = curve(level - 3.01, threshold, ratio, knee);
                assert!(
                    (found - expected).abs() < 0.25,
                    "rms {settings} at {level} dB, {hertz} Hz: {found} {expected}"
                );
            }
        }
    }
}

#[test]
fn makeup_lifts_and_mix_blends() {
    assert!((gain("makeup: 7", -40.0, 500.0) - 7.0).abs() < 0.01);
    // -12 dB of reduction: 0.251; half of it and half of 1 make 0.626, -4.07 dB.
    let found = gain("threshold: -12, ratio: 20, knee: 0, mix: 0.5", 0.63158, 500.0);
    assert!((found + 4.07).abs() < 0.05, "{found}");
    let sound = noise(1, 9_600);
    assert!(hear(&[&sound], "y: { type: compressor, in: x, threshold: -60, mix: 0 }")[0] == sound);
}

#[test]
fn what_is_below_the_corner_passes_to_the_bit() {
    let sound: Vec<f32> = noise(2, 24_000).iter().map(|x| x * 0.08).collect();
    for detector in ["peak", "rms"] {
        let node = format!("y: {{ type: compressor, in: x, threshold: -18, knee: 6, detector: {detector} }}");
        assert!(hear(&[&sound], &node)[0] == sound);
    }
}

/// The gain in dB over time while a tone of 2 kHz steps up at 0.5 s by 20 dB and down again at 1.5 s.
fn stepped(settings: &str) -> Vec<f64> {
    let mut tone = sine(2_000.0, 0.05, 3.0, RATE);
    tone[24_000..72_000].iter_mut().for_each(|x| *x *= 10.0);
    let node = format!("y: {{ type: compressor, in: x, {settings} }}");
    let [left, _] = hear(&[&tone], &node);
    // One reading a period, which is 24 frames.
    let level = |samples: &[f32]| level_db(samples);
    left.chunks_exact(24).zip(tone.chunks_exact(24)).map(|(y, x)| level(y) - level(x)).collect()
}

#[test]
fn attack_and_release_take_their_time_constants() {
    for (attack, release) in [(0.005, 0.1), (0.05, 0.4), (0.1, 0.05)] {
        let gains =
            stepped(&format!("threshold: -26, ratio: 4, knee: 0, attack: {attack}, release: {release}"));
        let full = gains[2_990];
        assert!((full + 0.75 * 19.98).abs() < 0.2, "{full}");
        let part = 1.0 - (-1.0f64).exp();
        let down = gains[1_000..].iter().position(|gain| *gain < full * part).unwrap() as f64 / 2_000.0;
        assert!((down / attack - 1.0).abs() < 0.12, "attack of {attack}: {down}");
        let up = gains[3_000..].iter().position(|gain| *gain > full * (1.0 - part)).unwrap() as f64 / 2_000.0;
        // The detector holds a peak for 10 ms.
        assert!(((up - 0.01) / release - 1.0).abs() < 0.12, "release of {release}: {up}");
    }
}

#[test]
fn a_sidechain_alone_decides_and_may_be_silent() {
    let pad = sine(400.0, 0.5, 2.0, RATE);
    let mut pulse = sine(60.0, 1.0, 2.0, RATE);
    pulse[48_000..].fill(0.0);
    let keyed = |key: &[f32]| {
        let number = keep(&[key]);
        let node = format!(
            "k: {{ type: signal, number: {number}, channels: 1 }}
            y: {{ type: compressor, in: x, sidechain: k, threshold: -20, ratio: 4, knee: 0, release: 0.05 }}"
        );
        hear(&[&pad], &node)[0].clone()
    };
    let ducked = keyed(&pulse);
    let db = |from: usize| level_db(&ducked[from..from + 4_800]) - level_db(&pad[from..from + 4_800]);
    assert!((db(24_000) + 15.0).abs() < 0.2 && db(80_000).abs() < 0.05, "{} {}", db(24_000), db(80_000));
    assert!(keyed(&[0.0; 10]) == pad, "a silent key compresses nothing");
    let [alone, _] = hear(&[&pad], "y: { type: compressor, in: x, threshold: -20, ratio: 4, knee: 0 }");
    assert!(
        level_db(&alone[48_000..]) < level_db(&pad[48_000..]) - 9.0,
        "without a key it listens to itself"
    );
}

#[test]
fn the_key_goes_on_while_the_sound_rests() {
    // The pad sets in while the pulse is on: it is compressed from its first sample.
    let mut pad = sine(400.0, 0.5, 1.0, RATE);
    pad[..24_000].fill(0.0);
    let number = keep(&[sine(60.0, 1.0, 1.0, RATE)]);
    let node = format!(
        "k: {{ type: signal, number: {number}, channels: 1 }}
        y: {{ type: compressor, in: x, sidechain: k, threshold: -20, ratio: 4, knee: 0 }}"
    );
    let [left, _] = hear(&[&pad], &node);
    let db = level_db(&left[24_000..24_480]) - level_db(&pad[24_000..24_480]);
    assert!((db + 15.0).abs() < 0.2, "{db}");
}

#[test]
fn all_channels_move_together() {
    let (loud, soft) = (sine(400.0, 0.9, 1.0, RATE), sine(700.0, 0.05, 1.0, RATE));
    for detector in ["peak", "rms"] {
        let node = format!("y: {{ type: compressor, in: x, threshold: -20, detector: {detector} }}");
        let [left, right] = hear(&[&loud, &soft], &node);
        let db = |a: &[f32], b: &[f32]| level_db(&a[24_000..]) - level_db(&b[24_000..]);
        assert!((db(&left, &loud) - db(&right, &soft)).abs() < 0.01 && db(&left, &loud) < -6.0);
    }
}

#[test]
fn a_bass_is_not_distorted() {
    // Fast times on a low tone: the hold of the detector keeps the gain still.
    let node = "y: { type: compressor, in: x, threshold: -30, ratio: 4, attack: 0.001, release: 0.05 }";
    let [left, _] = hear(&[sine(60.0, 0.7, 2.0, RATE)], node);
    let at = |hertz: f64| amplitude_at(&left[48_000..], hertz, 48_000.0);
    for harmonic in [120.0, 180.0, 300.0] {
        let db = 20.0 * (at(harmonic) / at(60.0)).log10();
        assert!(db < -60.0, "{harmonic}: {db}");
    }
}

#[test]
fn parameters_move_without_clicks() {
    let tone = sine(300.0, 0.5, 3.0, RATE);
    let node = "y: { type: compressor, in: x, threshold: -20, ratio: 4 }";
    let mut built = built(&[&tone], node, RATE);
    let moves = [
        ("threshold", -50.0),
        ("threshold", 0.0),
        ("ratio", 20.0),
        ("knee", 24.0),
        ("makeup", 12.0),
        ("makeup", 0.0),
        ("mix", 0.0),
        ("attack", 0.0001),
        ("threshold", -40.0),
    ];
    for (index, (name, value)) in moves.iter().enumerate() {
        let when = When::Frame(24_000 + index as i64 * 9_600);
        built.controller.set_param("y", name, Amount::Value(*value), when).unwrap();
    }
    let [left, _] = frames(&mut built, 120_000);
    // 12 dB of makeup are a factor of four.
    assert!(
        sharpest(&left[12_000..]).1 < 4.5 * sharpest(&tone).1,
        "{}",
        sharpest(&left[12_000..]).1 / sharpest(&tone).1
    );
}

#[test]
fn silence_stays_silence_and_is_woken_without_a_memory() {
    let mut sound = noise(5, 24_000);
    sound.extend(vec![0.0; 120_000]);
    sound.extend(noise(5, 24_000));
    let [left, _] = hear(&[&sound], "y: { type: compressor, in: x, threshold: -30, release: 0.1 }");
    assert_eq!(peak(&left[24_000..144_000]), 0.0);
    assert!(left[144_000..] == left[..24_000]);
}
