//! `delay`, measured: its time to the frame, its loops, its step back, and that nothing clicks.

mod probe;

use auralis_graph::command::When;
use auralis_graph::engine::Start;
use auralis_graph::param::Amount;
use auralis_graph::settings::{Setting, Settings};
use auralis_graph::testing::measure::{amplitude_at, level_db, peak, pitch, sharpest};
use probe::{RATE, built, frames, hear, noise, pulse, sine};

/// Frames and heights of everything above a thousandth.
fn hits(samples: &[f32]) -> Vec<(usize, f32)> {
    samples.iter().enumerate().filter(|(_, x)| x.abs() > 1e-3).map(|(i, x)| (i, *x)).collect()
}

fn places(hits: &[(usize, f32)]) -> Vec<usize> {
    hits.iter().map(|hit| hit.0).collect()
}

#[test]
fn echoes_come_to_the_frame_at_every_rate_and_tempo() {
    let times = [
        ("10 ms", 120.0, 0.01),
        ("1/8d", 120.0, 0.375),
        ("1/4", 70.0, 60.0 / 70.0),
        ("1/16t", 93.5, 10.0 / 93.5),
    ];
    for rate in [44_100, 48_000, 96_000, 192_000] {
        for (time, tempo, seconds) in times {
            let node = format!("y: {{ type: delay, in: x, time: {time}, feedback: 0.5, mix: 1 }}");
            let mut built = built(&[pulse(4)], &node, rate);
            built.controller.set(Setting::Tempo(tempo), When::Now).unwrap();
            let delay = (seconds * f64::from(rate)).round() as usize;
            let [left, _] = frames(&mut built, delay * 3 + 10);
            let hits = hits(&left);
            assert_eq!(places(&hits), [delay, 2 * delay, 3 * delay], "{rate} {time}");
            assert_eq!(hits[0].1, 1.0, "the first echo is the sound itself");
            assert!((hits[1].1 - 0.5).abs() < 1e-3 && (hits[2].1 - 0.25).abs() < 1e-3, "{hits:?}");
        }
    }
}

#[test]
fn a_start_at_another_tempo_has_its_echoes_at_that_tempo() {
    let node = "y: { type: delay, in: x, time: 1/4, feedback: 0.5, mix: 1 }";
    let mut built = built(&[pulse(4)], node, RATE);
    let before = Settings { tempo: 120.0, ..built.engine.initial_settings() };
    built.engine.reset(&Start::beginning(before));
    let delay = RATE as usize / 2;
    let [left, _] = frames(&mut built, delay * 2 + 10);
    assert_eq!(places(&hits(&left)), [delay, 2 * delay]);
}

#[test]
fn a_loop_of_the_graph_repeats_at_the_same_frames_as_its_own_feedback() {
    for (time, late) in [("10 ms", ""), ("64 ms", ""), ("64 ms", "shortest: 0.06, ")] {
        let own = format!("y: {{ type: delay, in: x, time: {time}, feedback: 0.5, mix: 1 }}");
        let own = hear(&[pulse(20_000)], &own);
        // The limiter has latency, which counts towards the loop.
        let (back, extra) = match late {
            "" => ("y", ""),
            _ => ("z", "z: { type: limiter, in: y, ceiling: 0 dB }\n"),
        };
        for (outer, inner) in [(-6.0206, 0.0), (-300.0, 0.5)] {
            let (outer, inner) =
                if outer < -90.0 { ("-90 dB".to_string(), inner) } else { (format!("{outer} dB"), inner) };
            let node = format!(
                "{extra}y: {{ type: delay, in: [x, {{ from: {back}, gain: {outer} }}], time: {time}, {late}feedback: {inner}, mix: 1 }}"
            );
            let mut built = built(&[pulse(20_000)], &node, RATE);
            let latency = built.engine.latency() as usize;
            let [looped, _] = frames(&mut built, 20_000 + latency);
            let (looped, own) = (hits(&looped[latency..]), hits(&own[0]));
            assert_eq!(places(&looped), places(&own), "{node}");
            for (a, b) in looped.iter().zip(&own) {
                assert!((a.1 - b.1).abs() < 2e-3 * b.1 + 1e-3, "{node}: {a:?} {b:?}");
            }
            assert!(own.len() >= 4);
        }
    }
}

#[test]
fn ping_pong_goes_from_side_to_side() {
    let node = "y: { type: delay, in: x, time: 0.01, feedback: 0.5, mix: 1, ping_pong: true }";
    let [left, right] = hear(&[pulse(3_000)], node);
    assert_eq!(places(&hits(&left))[..3], [480, 1440, 2400]);
    assert_eq!(places(&hits(&right))[..2], [960, 1920]);
    assert!((hits(&right)[0].1 - 0.5).abs() < 1e-3);
}

#[test]
fn stereo_stays_stereo_and_mono_stays_mono() {
    let node = "y: { type: delay, in: x, time: 0.01, feedback: 0, mix: 0.5 }";
    let [left, right] = hear(&[pulse(1_000), vec![0.0; 1_000]], node);
    assert_eq!(hits(&left), [(0, 0.5), (480, 0.5)]);
    assert_eq!(peak(&right), 0.0);
    let [left, right] = hear(&[pulse(1_000)], node);
    assert!(left == right && hits(&left).len() == 2);
}

#[test]
fn the_mix_is_exact_at_both_ends() {
    let sound = noise(3, 9_600);
    assert!(hear(&[&sound], "y: { type: delay, in: x, mix: 0 }")[0] == sound);
    let [wet, _] = hear(&[&sound], "y: { type: delay, in: x, time: 0.05, feedback: 0.9, mix: 1 }");
    assert!(wet[..2_400].iter().all(|x| *x == 0.0) && wet[2_400..4_800] == sound[..2_400]);
}

#[test]
fn each_echo_is_cut_once_more() {
    let tone = |hertz: f64| sine(hertz, 0.5, 0.1, RATE);
    for (hertz, expected) in [(200.0, -3.01), (100.0, -12.3), (4_000.0, -3.01), (1_000.0, -0.02)] {
        let mut sound = tone(hertz);
        sound.resize(48_000, 0.0);
        let node =
            "y: { type: delay, in: x, time: 0.2, feedback: 1, low_cut: 200 Hz, high_cut: 4 kHz, mix: 1 }";
        let [echoes, _] = hear(&[&sound], node);
        let level =
            |from: usize| 20.0 * (amplitude_at(&echoes[from..from + 2_400], hertz, 48_000.0) / 0.5).log10();
        // Past the start of each burst, where the filters settle.
        let (first, second) = (level(9_600 + 1_200), level(19_200 + 1_200));
        assert!((first - expected).abs() < 0.5, "{hertz}: {first}");
        assert!((second - 2.0 * expected).abs() < 1.0, "{hertz}: {second}");
    }
}

#[test]
fn echoes_step_back_by_what_was_asked_while_the_sound_plays_and_rise_after_it() {
    let mut sound = sine(500.0, 0.3, 2.0, RATE);
    sound.resize(144_000, 0.0);
    let run = |duck: &str| {
        let node = format!("y: {{ type: delay, in: x, time: 0.5, feedback: 0.9, mix: 1, duck: {duck} }}");
        hear(&[&sound], &node)[0].clone()
    };
    let (plain, ducked) = (run("0"), run("12 dB"));
    let step = |from: usize| level_db(&ducked[from..from + 4_800]) - level_db(&plain[from..from + 4_800]);
    assert!((step(60_000) + 12.0).abs() < 0.1, "{}", step(60_000));
    // A second after the sound ended, all but nothing of the step back is left.
    assert!(step(139_000).abs() < 0.1, "{}", step(139_000));
    assert!(plain[..24_000].iter().all(|x| *x == 0.0));
    assert!(sharpest(&ducked).1 < 1.5 * sharpest(&plain).1);
}

/// A tone that goes on while the tempo changes from 120 to 90 in the middle: echoes of 1/4 go from 24,000 to
/// 32,000 frames.
fn retimed(change: &str) -> Vec<f32> {
    let node = format!("y: {{ type: delay, in: x, time: 1/4, feedback: 0.3, mix: 1, change: {change} }}");
    let mut built = built(&[sine(300.0, 0.5, 5.0, RATE)], &node, RATE);
    built.controller.set(Setting::Tempo(90.0), When::Frame(120_000)).unwrap();
    frames(&mut built, 240_000)[0].clone()
}

#[test]
fn a_new_tempo_fades_over_without_a_click_or_a_bend() {
    let heard = retimed("fade");
    let steady = sharpest(&heard[100_000..119_000]).1;
    assert!(sharpest(&heard[119_000..]).1 < 1.6 * steady, "{}", sharpest(&heard[119_000..]).1 / steady);
    // Wherever it stands, the pitch is that of the tone.
    for from in (118_000..230_000).step_by(4_800) {
        let hertz = pitch(&heard[from..from + 4_800], 250.0, 350.0, 48_000.0);
        assert!((hertz - 300.0).abs() < 6.0, "{from}: {hertz}");
    }
}

#[test]
fn a_tape_bends_the_pitch_and_comes_back_to_it() {
    let heard = retimed("tape");
    let steady = sharpest(&heard[100_000..119_000]).1;
    assert!(sharpest(&heard[119_000..]).1 < 3.0 * steady, "{}", sharpest(&heard[119_000..]).1 / steady);
    // 8,000 frames at half speed: the first echo drops an octave for a third of a second.
    let bent = pitch(&heard[122_000..134_000], 100.0, 400.0, 48_000.0);
    assert!((bent - 150.0).abs() < 3.0, "{bent}");
    let after = pitch(&heard[200_000..220_000], 100.0, 400.0, 48_000.0);
    assert!((after - 300.0).abs() < 1.0, "{after}");
}

#[test]
fn the_time_is_exact_again_after_it_moved() {
    for change in ["fade", "tape"] {
        // The line has to hold something, or the node sleeps through the changes.
        let mut sound = vec![1e-5; 120_000];
        sound[110_000] = 1.0;
        let node = format!("y: {{ type: delay, in: x, time: 0.1, feedback: 0, mix: 1, change: {change} }}");
        let mut built = built(&[sound], &node, RATE);
        for (at, time) in [(10_000, 0.35), (40_000, 0.3501), (70_000, 0.02)] {
            built.controller.set_param("y", "time", Amount::Value(time), When::Frame(at)).unwrap();
        }
        let [left, _] = frames(&mut built, 120_000);
        assert_eq!(hits(&left), [(110_960, 1.0)], "{change}");
    }
}

#[test]
fn a_modulated_time_bends_the_pitch_by_its_slope() {
    let number = probe::keep(&[sine(1.0, 1.0, 6.0, RATE)]);
    let node = format!(
        "lfo: {{ type: signal, number: {number}, channels: 1 }}
        y: {{ type: delay, in: x, time: {{ from: lfo, min: 0.1, max: 0.1042 }}, feedback: 0, mix: 1 }}"
    );
    let [left, _] = hear(&[sine(1_000.0, 0.5, 6.0, RATE)], &node);
    // `time` bends along its curve; the slope at the middle of the swing is what the pitch follows.
    let bends: Vec<f64> = (2..5)
        .flat_map(|second| [0.0, 0.5].map(|part| f64::from(second) + part))
        .map(|second| (second * 48_000.0) as usize)
        .map(|at| pitch(&left[at - 1_500 + 480..at + 1_500 + 480], 950.0, 1_050.0, 48_000.0) - 1_000.0)
        .collect();
    for pair in bends.chunks(2) {
        // 2.1 ms of swing once a second: 13.2 parts in a thousand.
        assert!((pair[0] + 13.2).abs() < 1.0 && (pair[1] - 13.2).abs() < 1.0, "{bends:?}");
    }
    assert!(sharpest(&left[24_000..]).1 < 1.2 * 0.5 * (std::f32::consts::TAU / 48.0).powi(2));
}

#[test]
fn extreme_feedback_stays_within_bounds_and_leaves_no_dc() {
    let mut sound: Vec<f32> = noise(5, 48_000).iter().map(|x| x * 2.0 + 0.5).collect();
    sound.resize(480_000, 0.0);
    for extra in ["", ", ping_pong: true", ", low_cut: 500 Hz, high_cut: 2 kHz"] {
        let node = format!("y: {{ type: delay, in: x, time: 0.02, feedback: 1.1, mix: 1{extra} }}");
        let [left, _] = hear(&[&sound], &node);
        assert!(peak(&left) < 5.0, "{}", peak(&left));
        let end = &left[400_000..];
        assert!(peak(end) < 2.1, "{}", peak(end));
        assert!(level_db(end) > -20.0, "it goes on for ever: {}", level_db(end));
        let mean = end.iter().sum::<f32>() / end.len() as f32;
        assert!(mean.abs() < 0.02, "{mean}");
    }
}

#[test]
fn parameters_move_without_clicks() {
    let node =
        "y: { type: delay, in: x, time: 0.11, feedback: 0.5, low_cut: 60 Hz, high_cut: 9 kHz, mix: 0.5 }";
    let sound = sine(220.0, 0.3, 4.0, RATE);
    let steady = sharpest(&hear(&[&sound], node)[0][24_000..]).1;
    let mut built = built(&[sound], node, RATE);
    let moves: [(&str, [f32; 4]); 5] = [
        ("feedback", [0.0, 0.8, 0.2, 0.5]),
        ("low_cut", [20.0, 400.0, 20.0, 60.0]),
        ("high_cut", [20_000.0, 600.0, 20_000.0, 9_000.0]),
        ("mix", [0.0, 1.0, 0.2, 0.5]),
        ("duck", [20.0, 0.0, 10.0, 0.0]),
    ];
    for (index, (name, values)) in moves.iter().enumerate() {
        for (step, value) in values.iter().enumerate() {
            let when = When::Frame(24_000 + (index * 4 + step) as i64 * 8_000);
            built.controller.set_param("y", name, Amount::Value(*value), when).unwrap();
        }
    }
    let [left, _] = frames(&mut built, 190_000);
    let (at, size) = sharpest(&left[24_000..]);
    assert!(size < 4.0 * steady, "{} times at {at}", size / steady);
}

#[test]
fn it_sleeps_when_the_last_echo_is_gone_and_wakes_to_the_same_sound() {
    let node = "y: { type: delay, in: x, time: 0.05, feedback: 0.5, mix: 1 }";
    let gap = 200_000;
    let mut twice = pulse(gap);
    twice.extend(pulse(20_000));
    let [left, _] = hear(&[twice], node);
    let last = left[..gap].iter().rposition(|x| *x != 0.0).unwrap();
    // 20 halvings: -120 dB.
    assert!((19 * 2_400..=22 * 2_400).contains(&last), "{last}");
    assert!(left[gap..] == left[..20_000]);
}
