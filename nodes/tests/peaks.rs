//! `limiter`, measured: nothing above the ceiling between samples, nothing touched below it.

mod probe;

use auralis_graph::command::When;
use auralis_graph::param::Amount;
use auralis_graph::testing::measure::{level_db, peak, sharpest};
use probe::{RATE, built, frames, noise, pulse, sine};
use proptest::prelude::*;

/// The true peak in dB, oversampled 16 times by 128 taps: finer than any meter.
fn true_peak_db(samples: &[f32]) -> f64 {
    const SIDE: i64 = 64;
    let bessel = |x: f64| {
        let mut term = 1.0;
        (1..60).fold(1.0, |sum, n| {
            term *= (x / 2.0 / f64::from(n)).powi(2);
            sum + term
        })
    };
    let weights: Vec<Vec<f64>> = (0..16)
        .map(|place| {
            let weight = |tap: i64| {
                let distance = tap as f64 - f64::from(place) / 16.0;
                let edge = (1.0 - (distance / SIDE as f64).powi(2)).max(0.0).sqrt();
                let sinc = if distance == 0.0 {
                    1.0
                } else {
                    (std::f64::consts::PI * distance).sin() / (std::f64::consts::PI * distance)
                };
                sinc * bessel(8.0 * edge) / bessel(8.0)
            };
            (1 - SIDE..=SIDE).map(weight).collect()
        })
        .collect();
    let mut padded = vec![0.0; SIDE as usize * 2];
    padded.extend(samples.iter().map(|x| f64::from(*x)));
    padded.extend(vec![0.0; SIDE as usize * 2]);
    let highest = padded.windows(SIDE as usize * 2).fold(0.0f64, |highest, window| {
        // Only what may come near matters.
        if window.iter().all(|x| x.abs() < 0.02) {
            return highest;
        }
        weights.iter().fold(highest, |highest, weights| {
            highest.max(weights.iter().zip(window).map(|(w, x)| w * x).sum::<f64>().abs())
        })
    });
    20.0 * highest.log10()
}

/// What leaves a limiter, its latency taken out.
fn limited<S: AsRef<[f32]>>(channels: &[S], settings: &str) -> [Vec<f32>; 2] {
    let mut built = built(channels, &format!("y: {{ type: limiter, in: x, {settings} }}"), RATE);
    let latency = built.engine.latency() as usize;
    assert_eq!(latency, 192);
    frames(&mut built, channels[0].as_ref().len() + latency).map(|mut side| side.split_off(latency))
}

#[test]
fn what_is_below_the_ceiling_passes_to_the_bit() {
    let mut sound = noise(1, 48_000);
    sound.iter_mut().for_each(|x| *x *= 0.4);
    let tone = sine(997.0, 0.88, 1.0, RATE);
    for sound in [&sound, &tone] {
        let [left, right] = limited(&[sound, sound], "ceiling: -1 dB");
        assert!(left == *sound && right == *sound);
    }
    // Also after it had to work, once the gain is back.
    let mut both = noise(2, 9_600);
    both.extend(vec![0.0; 96_000]);
    let from = both.len();
    both.extend(&tone);
    let [left, _] = limited(&[&both], "ceiling: -1 dB, release: 0.1");
    assert!(left[from..] == tone[..] && left[..9_600] != both[..9_600]);
}

/// Signals made to be hard: their peaks are between samples, at once, or everywhere.
fn adversaries() -> Vec<(&'static str, Vec<f32>)> {
    let square = |period: usize, height: f32| -> Vec<f32> {
        (0..24_000).map(|i| if (i / period).is_multiple_of(2) { height } else { -height }).collect()
    };
    let mut burst = vec![0.001; 24_000];
    for (at, x) in noise(7, 6_000).iter().enumerate() {
        burst[9_000 + at] = x.signum() * 4.0;
    }
    let mut blocks = noise(8, 24_000);
    for (at, x) in blocks.iter_mut().enumerate() {
        *x = x.signum() * [0.2, 8.0, 0.9, 1.5][at / 37 % 4];
    }
    let mut swell = sine(11_000.0, 1.0, 0.5, RATE);
    swell.iter_mut().enumerate().for_each(|(i, x)| *x *= i as f32 / 2_000.0);
    let mut spike = vec![0.0; 24_000];
    (0..20).for_each(|i| spike[1_000 + i * 1_001] = if i % 2 == 0 { 10.0 } else { -10.0 });
    // The worst case of the interpolation: signs that all add up at one place between two samples.
    let mut worst = vec![0.0; 24_000];
    for start in (100..23_000).step_by(1_777) {
        for tap in 0..64usize {
            let distance = tap as f64 - 31.5;
            worst[start + tap] =
                if (distance * std::f64::consts::PI).sin() / distance > 0.0 { 1.0 } else { -1.0 };
        }
    }
    // A quarter of the rate, sampled off its peaks: 3 dB between samples.
    let hidden =
        (0..24_000).map(|i| ((i as f32 * 0.25 + 0.125) * std::f32::consts::TAU).sin() * 1.4).collect();
    vec![
        ("square of 100", square(100, 3.0)),
        ("square of 7", square(7, 3.0)),
        ("square of 2", square(2, 1.0)),
        ("burst", burst),
        ("blocks", blocks),
        ("swell", swell),
        ("spikes", spike),
        ("worst", worst),
        ("hidden", hidden),
        ("noise", noise(9, 24_000).iter().map(|x| x * 6.0).collect()),
    ]
}

/// What a meter of the standard's kind reads.
fn metered_db(samples: &[f32]) -> f64 {
    let mut meter = ebur128::EbuR128::new(1, RATE, ebur128::Mode::TRUE_PEAK).unwrap();
    meter.add_frames_f32(samples).unwrap();
    20.0 * meter.true_peak(0).unwrap().log10()
}

/// Without what lies above 19 kHz, where no two interpolations agree.
fn audible(samples: &[f32]) -> Vec<f32> {
    let weight = |tap: i32| {
        let window = 0.5 + 0.5 * (std::f64::consts::PI * f64::from(tap) / 256.0).cos();
        let x = std::f64::consts::TAU * 19_000.0 / 48_000.0 * f64::from(tap);
        window * if tap == 0 { 1.0 } else { x.sin() / x } * 2.0 * 19_000.0 / 48_000.0
    };
    let weights: Vec<f64> = (-255..256).map(weight).collect();
    let sum =
        |window: &[f32]| window.iter().zip(&weights).map(|(x, w)| f64::from(*x) * w).sum::<f64>() as f32;
    samples.windows(weights.len()).map(sum).collect()
}

#[test]
fn nothing_is_above_the_ceiling_between_samples_whatever_comes() {
    for (name, sound) in adversaries() {
        for (ceiling, release) in [(-1.0, 0.1), (-12.0, 0.01)] {
            let settings = format!("ceiling: {ceiling} dB, release: {release}");
            let [left, _] = limited(&[&sound], &settings);
            let over = metered_db(&left) - ceiling;
            assert!(over < 0.05, "{name}: {over}");
            let [left, _] = limited(&[audible(&sound)], &settings);
            let over = true_peak_db(&left) - ceiling;
            assert!(over < 0.1, "{name}, audible: {over}");
            assert!(metered_db(&left) > ceiling - 1.0, "{name}: no lower than it has to be");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn nor_in_what_chance_makes(
        parts in prop::collection::vec((0u8..4, 1usize..400, 0.01f32..20.0), 5..40),
        release in 0.01f32..1.0,
    ) {
        let mut sound = Vec::new();
        for (index, (kind, length, height)) in parts.into_iter().enumerate() {
            let noise = noise(index as u64, length);
            sound.extend(noise.iter().enumerate().map(|(at, x)| height * match kind {
                0 => *x,
                1 => x.signum(),
                2 => if at % 2 == 0 { 1.0 } else { -1.0 },
                _ => if at == 0 { 1.0 } else { 0.0 },
            }));
        }
        let [left, _] = limited(&[sound], &format!("ceiling: -1 dB, release: {release}"));
        prop_assert!(metered_db(&left) < -0.9, "{}", metered_db(&left));
        prop_assert!(peak(&left) <= 0.892, "{}", peak(&left));
    }
}

#[test]
fn both_sides_move_together_and_a_lone_peak_leaves_no_dent() {
    let tone = sine(500.0, 0.2, 1.0, RATE);
    let mut left = tone.clone();
    left[20_000] += 1.6;
    let [a, b] = limited(&[&left, &tone], "ceiling: -1 dB, release: 0.05");
    for at in 0..48_000 {
        let (l, r) = (f64::from(a[at]) * f64::from(tone[at]), f64::from(b[at]) * f64::from(left[at]));
        assert!((l - r).abs() < 1e-6, "{at}");
    }
    assert!(b[..19_808] == tone[..19_808], "not before the look-ahead");
    // Five time constants later the gain is back within 0.1 dB; after ten nothing is touched.
    let gone = level_db(&b[32_000..33_000]) - level_db(&tone[32_000..33_000]);
    assert!(gone.abs() < 0.1, "{gone}");
    assert!(b[46_000..] == tone[46_000..]);
    assert!(sharpest(&b).1 < 1.5 * sharpest(&tone).1);
}

#[test]
fn the_latency_is_whole_quanta_at_every_rate_and_is_made_up_for() {
    for (rate, latency) in [(44_100, 192), (48_000, 192), (96_000, 384), (192_000, 768)] {
        let rest = "z: { type: limiter, in: x }\ny: { type: mix, in: [x, { from: z, gain: -6.0206 dB }] }";
        let mut built = built(&[pulse(10)], rest, rate);
        assert_eq!(built.engine.latency(), latency);
        let [left, _] = frames(&mut built, 2_000);
        let at = left.iter().position(|x| *x != 0.0).unwrap();
        assert_eq!(at, latency as usize);
        assert!(left[at] > 1.4 && left[at] < 1.5 && left[at + 1..].iter().all(|x| *x == 0.0), "{}", left[at]);
    }
}

#[test]
fn the_ceiling_moves_without_clicks() {
    let mut built = built(
        &[sine(300.0, 0.9, 2.0, RATE)],
        "y: { type: limiter, in: x, ceiling: -3 dB, release: 0.05 }",
        RATE,
    );
    for (at, ceiling) in [(20_000, -15.0), (40_000, -1.0), (60_000, -24.0), (80_000, 0.0)] {
        built.controller.set_param("y", "ceiling", Amount::Value(ceiling), When::Frame(at)).unwrap();
    }
    let [left, _] = frames(&mut built, 95_000);
    let steady = 0.9 * (300.0 / 48_000.0 * std::f32::consts::TAU).powi(2);
    // Not the start, where the tone sets in.
    assert!(sharpest(&left[1_000..]).1 < 2.0 * steady, "{}", sharpest(&left[1_000..]).1 / steady);
}

#[test]
fn silence_after_sound_is_exact() {
    let mut sound = noise(4, 10_000);
    sound.resize(48_000, 0.0);
    let [left, _] = limited(&[sound], "ceiling: -6 dB");
    assert!(left[9_999] != 0.0 && left[10_000..].iter().all(|x| *x == 0.0));
}
