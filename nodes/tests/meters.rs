//! `meter` and the loudness behind it, measured with the signals of EBU Tech 3341 and 3342 and against ebur128.

mod probe;

use auralis_nodes::loudness::Loudness;
use auralis_nodes::meter::Levels;
use ebur128::{EbuR128, Mode};
use probe::{RATE, built, frames, hear, noise, sine};
use std::sync::Arc;

/// A stereo tone of 1 kHz that stands at each level in dB for some seconds.
fn tone(parts: &[(f64, f64)]) -> Vec<f32> {
    parts.iter().flat_map(|(db, seconds)| sine(1_000.0, 10f64.powf(db / 20.0), *seconds, RATE)).collect()
}

fn measured(sound: &[f32]) -> Loudness {
    let mut loudness = Loudness::new(2, RATE);
    // In pieces of any length.
    for piece in sound.chunks(1_000) {
        loudness.add(&[piece, piece]);
    }
    loudness
}

#[track_caller]
fn about(found: f64, expected: f64, most: f64) {
    assert!((found - expected).abs() <= most, "{found}, not {expected}");
}

#[test]
fn a_full_sine_of_997_hz_on_one_channel_is_minus_3_01_lufs() {
    let mut loudness = Loudness::new(1, RATE);
    loudness.add(&[&sine(997.0, 1.0, 20.0, RATE)]);
    about(loudness.integrated(), -3.01, 0.02);
}

#[test]
fn steady_tones_read_their_level_in_every_window() {
    // Tech 3341, cases 1 and 2.
    for level in [-23.0, -33.0] {
        let loudness = measured(&tone(&[(level, 20.0)]));
        about(loudness.momentary(), level, 0.1);
        about(loudness.short_term(), level, 0.1);
        about(loudness.integrated(), level, 0.1);
        about(loudness.range(), 0.0, 0.1);
    }
}

#[test]
fn quiet_passages_are_gated() {
    // Tech 3341, cases 3, 4 and 5.
    let cases: [&[(f64, f64)]; 3] = [
        &[(-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0)],
        &[(-72.0, 10.0), (-36.0, 10.0), (-23.0, 60.0), (-36.0, 10.0), (-72.0, 10.0)],
        &[(-26.0, 20.0), (-20.0, 20.1), (-26.0, 20.0)],
    ];
    for case in cases {
        about(measured(&tone(case)).integrated(), -23.0, 0.1);
    }
}

#[test]
fn windows_follow_bursts() {
    // Tech 3341, case 9 (3 s) and case 12 (400 ms): bursts whose mean over the window is steady.
    let burst =
        |parts: &[(f64, f64)], times: usize| (0..times).flat_map(|_| tone(parts)).collect::<Vec<f32>>();
    let short = burst(&[(-20.0, 1.34), (-30.0, 1.66)], 5);
    about(measured(&short).short_term(), -23.0, 0.1);
    let momentary = burst(&[(-20.0, 0.18), (-30.0, 0.22)], 25);
    about(measured(&momentary).momentary(), -23.0, 0.1);
}

#[test]
fn the_range_is_the_distance_of_quiet_and_loud() {
    // Tech 3342, cases 1 to 4.
    let cases: [(&[(f64, f64)], f64); 4] = [
        (&[(-20.0, 20.0), (-30.0, 20.0)], 10.0),
        (&[(-20.0, 20.0), (-15.0, 20.0)], 5.0),
        (&[(-40.0, 20.0), (-20.0, 20.0)], 20.0),
        (&[(-50.0, 20.0), (-35.0, 20.0), (-20.0, 20.0), (-35.0, 20.0), (-50.0, 20.0)], 15.0),
    ];
    for (case, range) in cases {
        about(measured(&tone(case)).range(), range, 1.0);
    }
}

#[test]
fn true_peaks_between_samples_are_seen() {
    // Tech 3341, cases 15 to 18: a quarter of the rate at half of full scale, by phase; case 19: 1.5 dB above.
    for (amplitude, phase, expected) in
        [(0.5, 0.0, -6.0), (0.5, 45.0, -6.0), (0.5, 60.0, -6.0), (0.5, 67.5, -6.0), (1.41, 45.0, 3.0)]
    {
        let wave =
            |i: u32| f64::sin((f64::from(i) * 90.0 + f64::from(phase as f32)).to_radians()) * amplitude;
        let fade = |i: u32| (f64::from(i.min(47_999 - i)) / 4_800.0).min(1.0);
        let samples: Vec<f32> = (0..48_000).map(|i| (wave(i) * fade(i)) as f32).collect();
        let db = 20.0 * f64::from(measured(&samples).true_peak()).log10();
        assert!((expected - 0.4..=expected + 0.2).contains(&db), "{phase}: {db}");
    }
}

#[test]
fn it_agrees_with_ebur128_at_every_rate() {
    for rate in [44_100, 48_000, 88_200, 96_000, 192_000] {
        // A quantum more than whole steps, so that the last step is full on both sides.
        let count = rate as usize * 12 + 64;
        // Two different sides whose level wanders, with a quiet passage.
        let side = |seed: u64| -> Vec<f32> {
            let swell = |at: usize| match at * 4 / count {
                2 => 0.002,
                part => 0.1 + 0.1 * part as f32 * (at as f32 / rate as f32).sin().abs(),
            };
            noise(seed, count).iter().enumerate().map(|(at, x)| x * swell(at)).collect()
        };
        let sound = [side(1), side(2)];
        let mut ours = Loudness::new(2, rate);
        ours.add(&[&sound[0], &sound[1]]);
        let mut theirs = EbuR128::new(2, rate, Mode::I | Mode::S | Mode::TRUE_PEAK).unwrap();
        theirs.add_frames_planar_f32(&[&sound[0], &sound[1]]).unwrap();
        // Gates are kept to a tenth of a LU; Tech 3341 allows as much.
        about(ours.integrated(), theirs.loudness_global().unwrap(), 0.1);
        about(ours.momentary(), theirs.loudness_momentary().unwrap(), 0.05);
        about(ours.short_term(), theirs.loudness_shortterm().unwrap(), 0.05);
        let theirs = theirs.true_peak(0).unwrap().max(theirs.true_peak(1).unwrap());
        // Never less than theirs; more where their filter reads low. At 192 kHz they look at samples alone.
        let more = 20.0 * (f64::from(ours.true_peak()) / theirs).log10();
        assert!(more > -0.001 && (more < 1.5 || rate == 192_000), "{rate}: {more}");
    }
}

fn levels(built: &auralis_graph::Built) -> Arc<Levels> {
    let mut all = built.offers.of::<Levels>();
    let (name, levels) = all.next().unwrap();
    assert!(name == "y" && all.next().is_none());
    levels
}

#[test]
fn a_meter_changes_nothing_and_shows_all_from_another_thread() {
    let (left, right) = (sine(997.0, 0.1, 5.0, RATE), sine(997.0, 0.05, 5.0, RATE));
    let mut built = built(&[&left, &right], "y: { type: meter, in: x }", RATE);
    let levels = levels(&built);
    assert_eq!(levels.channels(), 2);
    assert_eq!((levels.peak(0), levels.integrated()), (f32::NEG_INFINITY, f32::NEG_INFINITY));
    assert!(frames(&mut built, left.len()) == [left, right]);
    let shown = std::thread::spawn(move || {
        [
            levels.peak(0),
            levels.peak(1),
            levels.rms(0),
            levels.rms(1),
            levels.true_peak(),
            levels.momentary(),
            levels.short_term(),
            levels.integrated(),
        ]
    });
    // Powers of 0.1^2 / 2 and a quarter of it.
    let together = -23.01 + 0.97;
    let expected = [-20.0, -26.02, -23.01, -29.03, -20.0, together, together, together];
    for (shown, expected) in shown.join().unwrap().into_iter().zip(expected) {
        about(f64::from(shown), expected, 0.1);
    }
}

#[test]
fn peaks_fall_windows_empty_and_the_whole_stays() {
    let mut sound = sine(997.0, 0.5, 4.0, RATE);
    sound.extend(vec![0.0; 48_000 * 30]);
    let mut built = built(&[&sound], "y: { type: meter, in: x }", RATE);
    let levels = levels(&built);
    frames(&mut built, 48_000 * 4);
    about(f64::from(levels.peak(0)), -6.02, 0.01);
    frames(&mut built, 48_000);
    about(f64::from(levels.peak(0)), -18.02, 0.1);
    assert!(levels.momentary() == f32::NEG_INFINITY && levels.short_term() > -12.0);
    frames(&mut built, 48_000 * 20);
    assert_eq!([levels.peak(0), levels.rms(0), levels.short_term()], [f32::NEG_INFINITY; 3]);
    about(f64::from(levels.true_peak()), -6.02, 0.1);
    // Windows that hold the end of the tone are quieter, and count: Tech 3341 gates 10 LU below.
    about(f64::from(levels.integrated()), -9.03, 0.3);
    let settings = built.engine.initial_settings();
    built.engine.reset(&auralis_graph::engine::Start::beginning(settings));
    assert_eq!((levels.integrated(), levels.true_peak()), (f32::NEG_INFINITY, f32::NEG_INFINITY));
}

#[test]
fn a_meter_at_the_end_of_a_branch_measures_too() {
    let sound = sine(500.0, 0.25, 1.0, RATE);
    let rest = "side: { type: meter, in: x }\ny: { type: gain, in: x }";
    let mut built = built(&[&sound], rest, RATE);
    frames(&mut built, 48_000);
    let (name, levels) = built.offers.of::<Levels>().next().unwrap();
    assert_eq!(name, "side");
    about(f64::from(levels.peak(0)), -12.04, 0.05);
    assert!(hear(&[&sound], rest)[0] == sound);
}

#[test]
fn effects_take_any_number_of_channels() {
    let sides: Vec<Vec<f32>> = (0..4).map(|i| sine(400.0, 0.1 * f64::from(i + 1), 1.0, RATE)).collect();
    let rest = "d: { type: delay, in: x, time: 0.1, mix: 0.25, feedback: 0 }
        e: { type: eq, in: d, peak1_gain: -3, peak1_freq: 6000 }
        c: { type: compressor, in: e, threshold: 0 }
        l: { type: limiter, in: c }
        m: { type: meter, in: l }
        n: { type: noise }
        y: { type: compressor, in: n, sidechain: l }";
    let mut built = built(&sides, rest, RATE);
    frames(&mut built, 48_000);
    let (_, levels) = built.offers.of::<Levels>().next().unwrap();
    assert_eq!(levels.channels(), 4);
    for (channel, side) in sides.iter().enumerate() {
        // 40 periods late: the echo adds up with the tone.
        let expected = auralis_graph::testing::measure::level_db(side);
        about(f64::from(levels.rms(channel)), expected, 0.2);
    }
}
