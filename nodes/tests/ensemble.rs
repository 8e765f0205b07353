//! `chorus`, measured: its depth in cents, its width, its level, and that nothing clicks.

mod probe;

use auralis_graph::command::When;
use auralis_graph::param::Amount;
use auralis_graph::testing::measure::{amplitude_at, level_db, peak, pitch, rms, sharpest};
use probe::{RATE, built, frames, hear, noise, pulse, sine};

/// The lowest and highest pitch of a tone of 1 kHz in cents, over windows of 20 ms.
fn sway(samples: &[f32]) -> (f64, f64) {
    let windows = samples.windows(960).step_by(240);
    let cents = windows.map(|w| 1200.0 * (pitch(w, 900.0, 1_100.0, f64::from(RATE)) / 1_000.0).log2());
    cents.fold((0.0, 0.0), |(low, high), cents| (f64::min(low, cents), f64::max(high, cents)))
}

#[test]
fn a_vibrato_goes_as_far_as_its_depth_at_any_rate() {
    for (rate, depth) in [(0.5, 30.0), (2.0, 10.0), (2.0, 50.0), (5.0, 30.0)] {
        let node =
            format!("y: {{ type: chorus, in: x, voices: 1, mix: 1, rate: {rate}, depth: {depth} ct }}");
        let [left, right] = hear(&[sine(1_000.0, 0.5, 3.0, RATE)], &node);
        let (low, high) = sway(&left[12_000..]);
        assert!(
            (high / depth - 1.0).abs() < 0.07 && (low / depth + 1.0).abs() < 0.07,
            "{rate}: {low} {high}"
        );
        assert!(left == right, "one voice stands in the middle");
        assert!((level_db(&left[12_000..]) + 9.03).abs() < 0.1, "{}", level_db(&left[12_000..]));
    }
}

fn correlation(left: &[f32], right: &[f32]) -> f64 {
    let product: f64 = left.iter().zip(right).map(|(l, r)| f64::from(l * r)).sum();
    product / left.len() as f64 / rms(left) / rms(right)
}

#[test]
fn voices_spread_from_mono_to_the_sides_at_one_loudness() {
    let sound = noise(1, 96_000);
    for voices in [2, 3, 4] {
        let run = |spread: f32| {
            let node = format!("y: {{ type: chorus, in: x, voices: {voices}, spread: {spread}, mix: 1 }}");
            hear(&[&sound], &node).map(|mut side| side.split_off(4_800))
        };
        for spread in [0.0, 0.5, 1.0] {
            let [left, right] = run(spread);
            for side in [&left, &right] {
                // Between samples a cubic takes 1 dB from white noise, nearly all of it above 10 kHz.
                let db = level_db(side) - level_db(&sound);
                assert!((-1.2..0.3).contains(&db), "{voices} {spread}: {db}");
            }
        }
        let ([left, right], [wide_left, wide_right]) = (run(0.0), run(1.0));
        assert!(left == right);
        assert!(correlation(&wide_left, &wide_right) < 0.6, "{voices}");
    }
}

#[test]
fn each_side_of_a_stereo_sound_stays_where_it_is() {
    let [left, right] = hear(&[noise(1, 24_000), vec![0.0; 24_000]], "y: { type: chorus, in: x, mix: 1 }");
    assert!(peak(&left) > 0.3 && peak(&right) == 0.0);
}

#[test]
fn the_mix_is_exact_when_dry() {
    let sound = noise(3, 9_600);
    assert!(hear(&[&sound], "y: { type: chorus, in: x, mix: 0 }")[0] == sound);
}

#[test]
fn a_swaying_tone_is_clean() {
    // All that a vibrato of 20 ct adds to a tone lies close beside it.
    let node = "y: { type: chorus, in: x, voices: 1, mix: 1, rate: 1, depth: 20 ct }";
    let [left, _] = hear(&[sine(2_000.0, 0.5, 4.0, RATE)], node);
    for hertz in [500.0, 1_500.0, 2_500.0, 5_000.0, 15_000.0] {
        let db = 20.0 * (amplitude_at(&left[48_000..144_000], hertz, 48_000.0) / 0.5).log10();
        assert!(db < -90.0, "{hertz}: {db}");
    }
}

#[test]
fn parameters_move_without_clicks() {
    let tone = sine(300.0, 0.3, 4.0, RATE);
    let node = "y: { type: chorus, in: x, mix: 1 }";
    let steady = sharpest(&hear(&[&tone], node)[0][12_000..]).1;
    let moves = [
        ("rate", 8.0),
        ("rate", 0.05),
        ("depth", 0.9),
        ("depth", 0.0),
        ("spread", 0.0),
        ("spread", 1.0),
        ("mix", 0.3),
    ];
    let mut built = built(&[&tone], node, RATE);
    for (index, (name, value)) in moves.iter().enumerate() {
        let when = When::Frame(24_000 + index as i64 * 20_000);
        built.controller.set_param("y", name, Amount::Value(*value), when).unwrap();
    }
    let [left, _] = frames(&mut built, 180_000);
    let (at, size) = sharpest(&left[12_000..]);
    assert!(size < 3.0 * steady, "{} times at {at}", size / steady);
}

#[test]
fn it_sleeps_when_its_lines_are_empty() {
    let [left, _] = hear(&[pulse(48_000)], "y: { type: chorus, in: x, mix: 1 }");
    let last = left.iter().rposition(|x| *x != 0.0).unwrap();
    assert!((480..4_800).contains(&last), "{last}");
}
