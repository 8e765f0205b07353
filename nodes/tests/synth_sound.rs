//! What `synth` sounds like, measured: pitch, harmonics, aliasing, level, width, and that no patch breaks it.

mod sound;

use auralis_graph::command::When;
use auralis_graph::engine::Start;
use auralis_graph::note::NoteEvent;
use auralis_graph::param::Amount;
use auralis_graph::testing::measure::{amplitude_at, level_db, peak, pitch, rms};
use auralis_graph::testing::{RATE, build_text};
use auralis_nodes::catalogue;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use sound::{Note, Spectrum, cut, hertz, play, synth, with};

/// One oscillator through an open filter, without anything that moves.
const PURE: &str = "osc2_level: -90 dB, sub_level: -90 dB, detune: 0, variation: 0, spread: 0, lfo_pitch: 0, \
    lfo_cutoff: 0, lfo_pan: 0, cutoff: 20 kHz, filter_envelope: 5, resonance: 0, sustain: 1, attack: 1 ms, \
    velocity: 0, velocity_cutoff: 0";

fn pure(rest: &str) -> String {
    with(PURE, rest)
}

/// A whole second in the middle of one long note, left channel.
fn steady(params: &str, key: f32) -> Vec<f32> {
    let [left, _] = play(params, &[Note(0.0, 9.0, key, 1.0)], 1.3);
    cut(&left, 0.3, 1.3).to_vec()
}

#[test]
fn every_key_is_in_tune_within_half_a_cent() {
    for key in [21.0, 33.3, 45.0, 57.5, 69.0, 81.0, 93.25, 108.0] {
        for shape in [0, 2] {
            let tone = steady(&pure(&format!("osc1_shape: {shape}")), key);
            let wanted = hertz(key);
            let found = pitch(&tone, wanted * 0.97, wanted * 1.03, f64::from(RATE));
            let cents = 1200.0 * (found / wanted).log2();
            assert!(cents.abs() < 0.5, "key {key}: {cents} ct");
        }
    }
}

#[test]
fn saw_square_and_triangle_have_the_harmonics_of_the_book() {
    let fundamental = hertz(45.0);
    for (shape, law) in [
        (1.0, (|n| if n % 2 == 1 { -40.0 * f64::from(n).log10() } else { -200.0 }) as fn(u32) -> f64),
        (2.0, |n| -20.0 * f64::from(n).log10()),
        (3.0, |n| if n % 2 == 1 { -20.0 * f64::from(n).log10() } else { -200.0 }),
    ] {
        let spectrum = Spectrum::of(&steady(&pure(&format!("osc1_shape: {shape}")), 45.0));
        let first = spectrum.line(fundamental);
        for n in 2..=140 {
            let (found, wanted) = (spectrum.line(fundamental * f64::from(n)) - first, law(n));
            // The kernel takes 0.1 dB at 10 kHz and 0.4 dB at 15 kHz.
            assert!(
                (found - wanted).abs() < 0.5 || (found < -90.0 && wanted < -90.0),
                "shape {shape}, {n}: {found} {wanted}"
            );
        }
    }
}

#[test]
fn a_pulse_has_the_harmonics_of_its_width() {
    for width in [0.1, 0.3] {
        let spectrum = Spectrum::of(&steady(&pure(&format!("osc1_shape: 3, osc1_width: {width}")), 57.0));
        let law = |n: f64| 20.0 * ((std::f64::consts::PI * n * width).sin().abs() / n).max(1e-6).log10();
        let offset = spectrum.line(220.0) - law(1.0);
        for n in 2..=60 {
            let (found, wanted) = (spectrum.line(220.0 * f64::from(n)) - offset, law(f64::from(n)));
            assert!(
                (found - wanted).abs() < 0.5 || (found < -70.0 && wanted < -70.0),
                "{width}, {n}: {found} {wanted}"
            );
        }
        let mean: f32 =
            steady(&pure(&format!("osc1_shape: 3, osc1_width: {width}")), 57.0).iter().sum::<f32>() / 48e3;
        assert!(mean.abs() < 1e-4, "a pulse of width {width} has a mean of {mean}");
    }
}

#[test]
fn nothing_folds_back_above_70_db_below_the_fundamental_up_to_c8() {
    for key in [60.0, 84.0, 96.0, 103.3, 106.6, 108.0] {
        for wave in [
            "osc1_shape: 1",
            "osc1_shape: 1.5",
            "osc1_shape: 2",
            "osc1_shape: 3",
            "osc1_shape: 3, osc1_width: 0.1",
        ] {
            let spectrum = Spectrum::of(&steady(&pure(wave), key));
            let (level, at) = spectrum.inharmonic(hertz(key));
            assert!(level < -70.0, "key {key}, {wave}: {level} dB at {at} Hz");
        }
    }
}

#[test]
fn the_morph_goes_from_wave_to_wave_without_a_hole() {
    let level = |shape: f64| level_db(&steady(&pure(&format!("osc1_shape: {shape}")), 57.0));
    let levels: Vec<f64> = (0..=12).map(|step| level(f64::from(step) / 4.0)).collect();
    let (least, most) = levels.iter().fold((f64::MAX, f64::MIN), |(l, m), x| (l.min(*x), m.max(*x)));
    assert!(most - least < 4.0, "{levels:?}");
    let brightness = |shape: f64| {
        let spectrum = Spectrum::of(&steady(&pure(&format!("osc1_shape: {shape}")), 57.0));
        (2..=40).map(|n| 10f64.powf(spectrum.line(220.0 * f64::from(n)) / 10.0)).sum::<f64>()
    };
    let brightness: Vec<f64> = [0.0, 0.5, 1.0, 1.5, 2.0].map(brightness).to_vec();
    assert!(brightness.windows(2).all(|pair| pair[0] < pair[1]), "{brightness:?}");
}

#[test]
fn one_note_of_the_default_patch_is_near_18_db_and_a_chord_does_not_clip() {
    for key in [36.0, 48.0, 60.0, 72.0, 84.0] {
        let [left, right] = play("", &[Note(0.0, 9.0, key, 0.8)], 6.0);
        let power = (rms(cut(&left, 1.0, 6.0)).powi(2) + rms(cut(&right, 1.0, 6.0)).powi(2)) / 2.0;
        let level = 10.0 * power.log10();
        assert!((level + 18.0).abs() < 2.0, "key {key}: {level} dB");
    }
    let chord = [45.0, 57.0, 60.0, 64.0].map(|key| Note(0.0, 9.0, key, 0.8));
    let [left, right] = play("", &chord, 6.0);
    let loudest = peak(&left).max(peak(&right));
    assert!(loudest < 1.0, "{loudest}");
}

#[test]
fn the_sub_oscillator_and_the_noise_are_where_they_are_said_to_be() {
    let low = Spectrum::of(&steady(&pure("osc1_level: -20 dB, sub_level: 0 dB"), 69.0));
    assert!(low.line(220.0) - low.line(440.0) > 15.0, "{} {}", low.line(220.0), low.line(440.0));
    let hiss = steady(&pure("osc1_level: -90 dB, noise_level: 0 dB"), 69.0);
    let spectrum = Spectrum::of(&hiss);
    let band = |from: f64| (0..40).map(|i| spectrum.line(from + f64::from(i) * 40.0)).sum::<f64>() / 40.0;
    assert!((band(200.0) - band(16_000.0)).abs() < 1.5, "{} {}", band(200.0), band(16_000.0));
    assert!((-14.0..-8.0).contains(&level_db(&hiss)), "{}", level_db(&hiss));
}

#[test]
fn detune_beats_at_the_rate_of_the_two_pitches() {
    let params = "osc2_level: -9 dB, osc1_shape: 0, osc2_shape: 0, detune: 20 ct";
    let spectrum = Spectrum::of(&steady(&pure(params), 93.0));
    let (low, high) = (hertz(92.9), hertz(93.1));
    let (floor, middle) = (spectrum.line(low).min(spectrum.line(high)), spectrum.line(hertz(93.0)));
    assert!(
        (spectrum.line(low) - spectrum.line(high)).abs() < 0.5 && middle < floor - 20.0,
        "{floor} {middle}"
    );
}

#[test]
fn a_unison_spreads_its_strands_over_its_detune_at_one_loudness() {
    let params = |unison: u32| {
        pure(&format!("unison: {unison}, osc1_shape: 0, unison_detune: 1 st, unison_spread: 0"))
    };
    let spectrum = Spectrum::of(&steady(&params(3), 93.0));
    for strand in [92.5, 93.0, 93.5] {
        let line = spectrum.line(hertz(strand));
        let beside = spectrum.line(hertz(strand + 0.25));
        assert!(line > beside + 30.0, "{strand}: {line} {beside}");
    }
    let level = |unison: u32| {
        let [left, right] = play(&format!("unison: {unison}"), &[Note(0.0, 9.0, 60.0, 0.8)], 8.0);
        10.0 * (rms(&left).powi(2) + rms(&right).powi(2)).log10()
    };
    let levels = [1, 2, 5, 8].map(level);
    assert!(levels.iter().all(|one| (one - levels[0]).abs() < 2.0), "{levels:?}");
}

#[test]
fn voices_are_placed_evenly_and_without_spread_in_the_middle() {
    let notes: Vec<Note> = (0..64).map(|i| Note(0.0, 9.0, 40.0 + (i % 36) as f32, 0.5)).collect();
    let [left, right] = play("voices: 64, spread: 1", &notes, 4.0);
    let (left_db, right_db) = (level_db(&left), level_db(&right));
    assert!((left_db - right_db).abs() < 1.5, "{left_db} {right_db}");
    let together: f64 = left.iter().zip(&right).map(|(l, r)| f64::from(l * r)).sum::<f64>();
    let correlation = together / (rms(&left) * rms(&right) * left.len() as f64);
    assert!((0.1..0.9).contains(&correlation), "{correlation}");
    let [left, right] = play("spread: 0, lfo_pan: 0, unison: 3, unison_spread: 0", &notes[..6], 1.0);
    assert!(peak(&left) > 0.05);
    assert!(left.iter().zip(&right).all(|(l, r)| (l - r).abs() < 1e-5));
}

#[test]
fn no_two_notes_are_alike_unless_variation_is_off() {
    let twice = |params: &str| {
        let [left, _] = play(params, &[Note(0.0, 0.4, 60.0, 0.8), Note(1.0, 1.4, 60.0, 0.8)], 2.0);
        let (first, second) = (cut(&left, 0.0, 0.9), cut(&left, 1.0, 1.9));
        let apart: Vec<f32> = first.iter().zip(second).map(|(a, b)| a - b).collect();
        level_db(&apart) - level_db(first)
    };
    let short = "release: 0.2, filter_release: 0.2";
    assert!(twice(&format!("{short}, variation: 0.5")) > -10.0);
    assert!(twice(&format!("{short}, variation: 0, spread: 0")) < -80.0);
}

#[test]
fn the_filter_follows_cutoff_envelope_key_velocity_and_its_shape() {
    let bright = |params: &str, key: f32, velocity: f32| {
        let [left, _] = play(params, &[Note(0.0, 9.0, key, velocity)], 1.3);
        let spectrum = Spectrum::of(cut(&left, 0.3, 1.3));
        spectrum.line(hertz(key) * 8.0) - spectrum.line(hertz(key))
    };
    let base = "osc2_level: -90 dB, sub_level: -90 dB, detune: 0, variation: 0, lfo_cutoff: 0, lfo_pitch: 0, filter_attack: 1 ms, \
                filter_sustain: 1, velocity_cutoff: 0, filter_envelope: 0, tracking: 0, cutoff: 400 Hz";
    let plain = bright(base, 57.0, 0.8);
    let changed = |change: &str| bright(&with(base, change), 57.0, 0.8);
    assert!(changed("cutoff: 1600 Hz") > plain + 15.0);
    assert!(changed("filter_envelope: 2") > plain + 15.0);
    assert!(bright(&with(base, "velocity_cutoff: 2"), 57.0, 1.0) > plain + 15.0);
    // At full tracking the cutoff is the same number of harmonics up at every key.
    let tracked = with(base, "tracking: 1");
    let (low, high) = (bright(&tracked, 48.0, 0.8), bright(&tracked, 72.0, 0.8));
    assert!((low - high).abs() < 1.0, "{low} {high}");
    assert!(changed("filter: 1") > plain + 20.0);
    let resonant = Spectrum::of(&steady(&with(base, "resonance: 0.7, cutoff: 1760 Hz"), 57.0));
    assert!(resonant.line(1760.0) > resonant.line(1540.0) + 6.0);
}

#[test]
fn drive_adds_harmonics_gradually_keeps_the_level_and_stays_clean_of_what_folds_back() {
    let tone = |drive: f64| {
        Spectrum::of(&steady(&pure(&format!("osc1_shape: 0, osc1_level: 0 dB, drive: {drive} dB")), 93.0))
    };
    let fundamental = |spectrum: &Spectrum| spectrum.line(hertz(93.0));
    let third = |spectrum: &Spectrum| spectrum.line(hertz(93.0) * 3.0) - fundamental(spectrum);
    let clean = tone(0.0);
    assert!(third(&clean) < -90.0, "{}", third(&clean));
    let touched = fundamental(&tone(0.02)) - fundamental(&clean);
    assert!(touched.abs() < 0.02, "{touched} dB where it sets in");
    // What the cubic's formula gives for a sine of full height; hard driven it is nearly a square, a third of -9.5 dB.
    for (drive, expected) in [(1.0, -38.2), (3.0, -22.2), (30.0, -9.8)] {
        let found = third(&tone(drive));
        assert!((found - expected).abs() < 0.5, "{drive} dB: {found}, not {expected}");
    }
    let hard = fundamental(&tone(30.0)) - fundamental(&clean);
    assert!((-4.5..-3.0).contains(&hard), "{hard}");
    let (folded, at) = tone(3.0).inharmonic(hertz(93.0));
    assert!(folded < -70.0, "{folded} dB at {at} Hz");
}

#[test]
fn the_lfo_moves_pitch_level_and_place_at_its_rate() {
    let base = pure("osc1_shape: 0, lfo_rate: 5 Hz, lfo_fade: 0");
    let vibrato = steady(&with(&base, "lfo_pitch: 50 ct"), 81.0);
    let pitches: Vec<f64> = vibrato.chunks_exact(1200).map(|part| pitch(part, 800.0, 960.0, 48e3)).collect();
    let (low, high) = pitches.iter().fold((f64::MAX, 0.0f64), |(l, h), p| (l.min(*p), h.max(*p)));
    let (down, up) = (12.0 * (low / hertz(81.0)).log2(), 12.0 * (high / hertz(81.0)).log2());
    assert!((0.4..0.55).contains(&up) && (-0.55..-0.4).contains(&down), "{down} {up}");
    let [left, right] = play(&with(&base, "lfo_amp: 1"), &[Note(0.0, 9.0, 81.0, 1.0)], 2.0);
    // At full depth the level falls to nothing once each 200 ms.
    let quietest = cut(&left, 0.2, 0.4).chunks(96).map(rms).fold(f64::MAX, f64::min);
    let loudest = cut(&left, 0.2, 0.4).chunks(96).map(rms).fold(0.0, f64::max);
    assert!(quietest < loudest * 0.02, "{quietest} {loudest}");
    assert!(left.iter().zip(&right).all(|(l, r)| (l - r).abs() < 1e-4));
    let [left, right] = play(&with(&base, "lfo_pan: 1"), &[Note(0.0, 9.0, 81.0, 1.0)], 2.0);
    let tilt: Vec<bool> =
        left.chunks(2400).zip(right.chunks(2400)).skip(4).map(|(l, r)| rms(l) > rms(r)).collect();
    let turns = tilt.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!((16..=20).contains(&turns), "{turns} changes of side in 1.8 s at 5 Hz");
}

#[test]
fn a_cutoff_may_be_modulated_by_sound_itself() {
    let text = "auralis: 1\nnodes:\n  keys: { type: midi_in }\n  tone: { type: oscillator, frequency: 500 Hz }\n  pad: { type: synth, in: keys, osc2_level: -90 dB, sub_level: -90 dB, variation: 0, lfo_pitch: 0, cutoff: { from: tone, min: 200 Hz, max: 8 kHz } }\n  out: { type: output, in: pad }\n";
    let [left, _] = sound::play_on(&catalogue(), text, &[Note(0.0, 9.0, 69.0, 1.0)], 1.5);
    // Sum and difference of 440 and 500 Hz: only a filter that follows each frame makes them.
    let spectrum = Spectrum::of(cut(&left, 0.5, 1.5));
    assert!(
        spectrum.line(940.0) > spectrum.line(440.0) - 40.0
            && spectrum.line(60.0) > spectrum.line(440.0) - 60.0
    );
}

#[test]
fn ten_thousand_patches_stay_finite_and_bounded() {
    let catalogue = catalogue();
    let specs = catalogue.get("synth").expect("it is there").params;
    let mut built = build_text(&synth("voices: 4, unison: 3"), &catalogue);
    let start = Start::beginning(built.engine.initial_settings());
    let positions = prop::collection::vec(
        prop_oneof![1 => Just(0.0f32), 1 => Just(1.0f32), 4 => 0.0f32..1.0],
        specs.len(),
    );
    let strategy = (positions, prop::collection::vec((0usize..2000, 0.0f32..130.0, 0.0f32..1.0), 1..6));
    let mut runner =
        TestRunner::new(Config { cases: 10_000, failure_persistence: None, ..Config::default() });
    let built = std::cell::RefCell::new(&mut built);
    let outcome = runner.run(&strategy, |(positions, notes)| {
        let mut built = built.borrow_mut();
        for (spec, position) in specs.iter().zip(&positions) {
            let value = Amount::Value(spec.range.value(*position).clamp(spec.range.min, spec.range.max));
            built.controller.set_param("pad", spec.name, value, When::Now).expect("there is room");
        }
        built.engine.quantum();
        built.engine.reset(&start);
        for (id, (at, key, velocity)) in (0u32..).zip(&notes) {
            let on = NoteEvent::on(0, 0, id, *key, *velocity);
            built.controller.note("keys", on, When::Frame(*at as i64)).expect("there is room");
            built
                .controller
                .note("keys", NoteEvent::off(0, 0, id), When::Frame(*at as i64 + 1500))
                .expect("there is room");
        }
        let mut loudest = 0.0f32;
        for _ in 0..72 {
            built.engine.quantum();
            loudest = built.engine.output().iter().fold(loudest, |most, block| most.max(peak(&block[..])));
        }
        prop_assert!(built.controller.report().is_none(), "the node was shut");
        prop_assert!(loudest < 30.0, "{loudest}");
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn the_level_of_a_tone_is_what_its_parameters_say() {
    let tone = |level: &str| {
        amplitude_at(&steady(&pure(&format!("osc1_shape: 0, osc1_level: {level}")), 69.0), 440.0, 48e3)
    };
    let ratio = 20.0 * (tone("0 dB") / tone("-12 dB")).log10();
    assert!((ratio - 12.0).abs() < 0.01, "{ratio}");
}
