//! `reverb`, measured: decay, density, width, level, and that it moves without clicks or bends.

mod probe;

use auralis_graph::command::When;
use auralis_graph::param::Amount;
use auralis_graph::testing::measure::{amplitude_at, level_db, peak, rms, sharpest};
use probe::{RATE, built, frames, hear, noise, pulse, sine};

/// The answer to one sample.
fn answer(settings: &str, seconds: f64, rate: u32) -> [Vec<f32>; 2] {
    let node = format!("y: {{ type: reverb, in: x, mix: 1, predelay: 0, {settings} }}");
    frames(&mut built(&[pulse(1)], &node, rate), (seconds * f64::from(rate)) as usize)
}

/// An octave around a frequency: two passes of a resonator, forwards only.
fn octave(samples: &[f32], hertz: f64, rate: u32) -> Vec<f64> {
    let g = (std::f64::consts::PI * hertz / f64::from(rate)).tan();
    let k = 0.7;
    let mut state = [[0.0f64; 2]; 2];
    let pass = |state: &mut [f64; 2], x: f64| {
        let a = 1.0 / (1.0 + g * (g + k));
        let v = x - state[1];
        let band = a * state[0] + g * a * v;
        let low = state[1] + g * a * state[0] + g * g * a * v;
        *state = [2.0 * band - state[0], 2.0 * low - state[1]];
        band
    };
    samples
        .iter()
        .map(|x| {
            let [first, second] = &mut state;
            let x = pass(first, f64::from(*x));
            pass(second, x)
        })
        .collect()
}

/// Seconds to fall by 60 dB around a frequency: by Schroeder's backward integral, from -5 to -35 dB (ISO 3382).
fn decay(samples: &[f32], hertz: f64, rate: u32) -> f64 {
    let mut left: Vec<f64> = octave(samples, hertz, rate).iter().map(|x| x * x).collect();
    (0..left.len() - 1).rev().for_each(|i| left[i] += left[i + 1]);
    let at = |db: f64| left.iter().position(|x| *x < left[0] * 10f64.powf(db / 10.0)).unwrap();
    2.0 * (at(-35.0) - at(-5.0)) as f64 / f64::from(rate)
}

/// What the reference promises.
fn promised(size: f64) -> f64 {
    0.4 * 50f64.powf(size)
}

#[test]
fn the_decay_follows_the_size() {
    for (size, space) in
        [(0.0, "hall"), (0.3, "chamber"), (0.5, "hall"), (0.5, "cathedral"), (0.75, "hall"), (0.9, "hall")]
    {
        let expected = promised(size);
        for damping in [0.0, 0.5] {
            let settings = format!("size: {size}, damping: {damping}, space: {space}");
            let [left, right] = answer(&settings, expected * 0.9 + 0.3, RATE);
            for (side, hertz) in [(&left, 250.0), (&right, 500.0), (&left, 1_000.0)] {
                let found = decay(side, hertz, RATE);
                // Halfway up to the crossover damping is felt a little.
                let most = if damping > 0.0 && hertz == 1_000.0 { 0.2 } else { 0.15 };
                assert!((found / expected - 1.0).abs() < most, "{settings} {hertz}: {found} {expected}");
            }
        }
    }
    for rate in [44_100, 96_000, 192_000] {
        let [left, _] = answer("size: 0.4, damping: 0", 2.0, rate);
        let found = decay(&left, 500.0, rate);
        assert!((found / promised(0.4) - 1.0).abs() < 0.15, "{rate}: {found}");
    }
}

#[test]
fn damping_takes_the_highs_sooner() {
    let highs = |damping: f64| {
        let [left, _] = answer(&format!("size: 0.5, damping: {damping}, modulation: 0"), 3.0, RATE);
        decay(&left, 12_000.0, RATE) / promised(0.5)
    };
    // At twice the crossover the shelf is most of the way down; without damping nothing is lost.
    assert!((highs(0.0) - 1.0).abs() < 0.1, "{}", highs(0.0));
    assert!((0.25..0.45).contains(&highs(0.5)), "{}", highs(0.5));
    assert!(highs(1.0) < 0.15, "{}", highs(1.0));
}

/// The part of samples outside of one standard deviation, over that of noise (J. Abel and P. Huang, "A simple,
/// robust measure of reverberation echo density", 121st AES Convention, 2006): 1 is as dense as noise.
fn density(window: &[f32]) -> f64 {
    let deviation = rms(window) as f32;
    window.iter().filter(|x| x.abs() > deviation).count() as f64 / window.len() as f64 / 0.3173
}

#[test]
fn it_is_as_dense_as_noise_within_60_ms() {
    for space in ["chamber", "hall", "cathedral"] {
        let [left, _] = answer(&format!("size: 0.6, damping: 0.2, space: {space}"), 1.0, RATE);
        let onset = left.iter().position(|x| x.abs() > 1e-4).unwrap();
        assert!(onset < 2_600, "{space}: {onset}");
        for window in left[onset + 2_880..40_000].chunks_exact(1_920) {
            assert!((0.8..1.2).contains(&density(window)), "{space}: {}", density(window));
        }
    }
}

#[test]
fn the_tail_neither_flutters_nor_rings() {
    for settings in [
        "size: 0.7, damping: 0.2",
        "size: 0.9",
        "size: 0.6, damping: 0, modulation: 0",
        "size: 1, modulation: 1",
    ] {
        let [left, _] = answer(settings, 2.2, RATE);
        let tail = &left[48_000..96_000];
        // Flutter: the tail resembles itself some milliseconds later.
        let power = rms(tail).powi(2) * tail.len() as f64;
        for lag in 480..5_000 {
            let likeness: f64 =
                tail.iter().zip(&tail[lag..]).map(|(a, b)| f64::from(a * b)).sum::<f64>() / power;
            assert!(likeness.abs() < 0.2, "{settings}: {likeness} after {lag} frames");
        }
        // Ringing: one frequency stands out. In noise the strongest of a thousand bins is 8 times the mean.
        let powers: Vec<f64> =
            (0..1_000).map(|i| amplitude_at(tail, 300.0 + f64::from(i), 48_000.0).powi(2)).collect();
        let mean = powers.iter().sum::<f64>() / 1_000.0;
        let most = powers.iter().fold(0.0, |a: f64, b| a.max(*b));
        assert!(most / mean < 20.0, "{settings}: {}", most / mean);
    }
}

fn correlation(left: &[f32], right: &[f32]) -> f64 {
    let product: f64 = left.iter().zip(right).map(|(l, r)| f64::from(l * r)).sum();
    product / left.len() as f64 / rms(left) / rms(right)
}

#[test]
fn a_mono_sound_gets_a_wide_and_even_space() {
    let [left, right] = hear(&[noise(1, 192_000)], "y: { type: reverb, in: x, size: 0.5, mix: 1 }");
    assert!(correlation(&left[48_000..], &right[48_000..]).abs() < 0.1);
    let db = level_db(&left[48_000..]) - level_db(&right[48_000..]);
    assert!(db.abs() < 0.5, "{db}");
}

#[test]
fn a_sound_from_one_side_starts_there_and_fills_the_space() {
    let node = "y: { type: reverb, in: x, size: 0.6, predelay: 0, mix: 1 }";
    let [left, right] = hear(&[pulse(96_000), vec![0.0; 96_000]], node);
    let db = |from: usize, to: usize| level_db(&left[from..to]) - level_db(&right[from..to]);
    assert!(db(1_400, 2_900) > 6.0, "{}", db(1_400, 2_900));
    assert!(db(24_000, 72_000).abs() < 1.0, "{}", db(24_000, 72_000));
}

#[test]
fn it_is_as_loud_as_the_sound_at_any_size() {
    // Noise that falls as music does: 3 dB an octave, roughly.
    let mut states = [0.0f32; 3];
    let pink: Vec<f32> = noise(2, 960_000)
        .iter()
        .map(|x| {
            let [a, b, c] = &mut states;
            *a = 0.997_65 * *a + x * 0.099_046;
            *b = 0.963 * *b + x * 0.296_516_4;
            *c = 0.57 * *c + x * 1.052_691_3;
            (*a + *b + *c + x * 0.184_8) * 0.1
        })
        .collect();
    for size in [0.0, 0.3, 0.6, 0.8] {
        let node = format!("y: {{ type: reverb, in: x, size: {size}, low_cut: 20, mix: 1 }}");
        let [left, _] = hear(&[&pink], &node);
        let db = level_db(&left[600_000..]) - level_db(&pink[600_000..]);
        assert!((-3.0..1.0).contains(&db), "{size}: {db}");
    }
}

#[test]
fn dc_and_rumble_stay_out() {
    let [left, _] = hear(&[vec![0.5; 192_000]], "y: { type: reverb, in: x, size: 0.5, low_cut: 20, mix: 1 }");
    let mean = left[168_000..].iter().sum::<f32>() / 24_000.0;
    assert!(mean.abs() < 1e-4, "{mean}");
    let cut = |low_cut: f64| {
        let node = format!("y: {{ type: reverb, in: x, size: 0.3, low_cut: {low_cut}, mix: 1 }}");
        let [left, _] = hear(&[sine(60.0, 0.5, 3.0, RATE)], &node);
        20.0 * amplitude_at(&left[48_000..], 60.0, 48_000.0).log10()
    };
    // 12 dB an octave below 240 Hz; the tank's own colour at 60 Hz is the same in both.
    let step = cut(20.0) - cut(240.0);
    assert!((step - 24.0).abs() < 1.0, "{step}");
}

#[test]
fn the_predelay_and_the_early_reflections_come_in_their_time() {
    let onset = |settings: &str| {
        let node = format!("y: {{ type: reverb, in: x, mix: 1, {settings} }}");
        let [left, _] = hear(&[pulse(24_000)], &node);
        left.iter().position(|x| x.abs() > 1e-4).unwrap()
    };
    let none = onset("predelay: 0");
    assert_eq!(onset("predelay: 20 ms"), none + 960);
    assert_eq!(onset("predelay: 1/32"), none + 3_000);
    assert_eq!(onset("predelay: 20 ms, early: 1"), 960 + 292);
}

#[test]
fn the_mix_is_exact_when_dry() {
    let sound = noise(3, 9_600);
    assert!(hear(&[&sound], "y: { type: reverb, in: x, mix: 0 }")[0] == sound);
}

#[test]
fn size_moves_without_a_click_or_a_bend() {
    // A tone's tail, while the size jumps about: only its level may change.
    let mut tone = sine(600.0, 0.5, 1.0, RATE);
    tone.resize(240_000, 0.0);
    let node = "y: { type: reverb, in: x, size: 0.8, mix: 1, modulation: 0 }";
    let steady = hear(&[&tone], node);
    let mut built = built(&[&tone], node, RATE);
    for (step, size) in [0.5, 0.95, 0.3, 1.0, 0.6, 0.8].iter().enumerate() {
        let when = When::Frame(60_000 + step as i64 * 12_000);
        built.controller.set_param("y", "size", Amount::Value(*size), when).unwrap();
    }
    let [left, _] = frames(&mut built, 240_000);
    assert!(sharpest(&left[50_000..]).1 < 1.3 * sharpest(&steady[0][50_000..]).1);
    // The tail rings at the tank's own frequencies around the tone, as it does without any movement.
    let ((middle, spread), (still_middle, still_spread)) = (around_600(&left), around_600(&steady[0]));
    assert!((middle - still_middle).abs() < 1.0, "{middle} {still_middle}");
    // Six changes of level in two seconds widen it by some hertz; a bend by a semitone would by 36.
    assert!(spread < still_spread + 4.0, "{spread} {still_spread}");
}

/// Where the power around 600 Hz lies, and how far it spreads, in Hz.
fn around_600(samples: &[f32]) -> (f64, f64) {
    let powers: Vec<(f64, f64)> = (0..400)
        .map(|i| 550.0 + f64::from(i) * 0.25)
        .map(|hertz| (hertz, amplitude_at(&samples[60_000..140_000], hertz, 48_000.0).powi(2)))
        .collect();
    let total: f64 = powers.iter().map(|(_, power)| power).sum();
    let middle = powers.iter().map(|(hertz, power)| hertz * power).sum::<f64>() / total;
    let spread = powers.iter().map(|(hertz, power)| (hertz - middle).powi(2) * power).sum::<f64>() / total;
    (middle, spread.sqrt())
}

#[test]
fn all_parameters_move_without_clicks() {
    let tone = sine(330.0, 0.3, 4.0, RATE);
    let node = "y: { type: reverb, in: x, size: 0.6, mix: 1, early: 0.3 }";
    let steady = sharpest(&hear(&[&tone], node)[0][24_000..]).1;
    let moves = [
        ("damping", 0.0),
        ("damping", 1.0),
        ("predelay", 0.2),
        ("predelay", 0.0),
        ("low_cut", 1_000.0),
        ("low_cut", 20.0),
        ("early", 1.0),
        ("early", 0.0),
        ("modulation", 1.0),
        ("modulation", 0.0),
        ("mix", 0.3),
    ];
    let mut built = built(&[&tone], node, RATE);
    for (index, (name, value)) in moves.iter().enumerate() {
        let when = When::Frame(24_000 + index as i64 * 12_000);
        built.controller.set_param("y", name, Amount::Value(*value), when).unwrap();
    }
    let [left, _] = frames(&mut built, 180_000);
    let (at, size) = sharpest(&left[24_000..]);
    assert!(size < 3.0 * steady, "{} times at {at}", size / steady);
}

#[test]
fn the_loudest_longest_space_stays_within_bounds() {
    let sound: Vec<f32> = noise(4, 480_000).iter().map(|x| x.signum()).collect();
    let [left, _] = hear(&[&sound], "y: { type: reverb, in: x, size: 1, damping: 0, early: 1, mix: 1 }");
    assert!(peak(&left) < 12.0, "{}", peak(&left));
}

#[test]
fn a_tail_rings_out_sleeps_and_leaves_nothing_behind() {
    let once = "y: { type: reverb, in: x, size: 0.2, mix: 1 }";
    let mut sound = noise(5, 4_800);
    sound.resize(240_000, 0.0);
    let [left, _] = hear(&[&sound], once);
    let last = left.iter().rposition(|x| *x != 0.0).unwrap();
    // From about 0 dB to -120 dB, twice the decay.
    let expected = 2.0 * promised(0.2) * 48_000.0;
    assert!((0.7 * expected..1.3 * expected + 48_000.0).contains(&(last as f64)), "{last} {expected}");
    assert!(peak(&left[last - 2_400..]) < 1e-5);
}
