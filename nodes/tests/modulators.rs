//! `lfo` and `envelope`, sample by sample: shapes, speed, the position in the music, chance, and their times.

mod sound;

use auralis_graph::command::{Command, When};
use auralis_graph::note::{NoteEvent, NoteKind};
use auralis_graph::settings::Setting;
use auralis_graph::testing::measure::{peak, rms};
use auralis_graph::testing::{build_text, render, render_blocks, seek};
use auralis_nodes::catalogue;
use sound::{Note, frame};

/// An LFO as it is heard where it is connected as sound.
fn text(params: &str) -> String {
    format!(
        "auralis: 1\ntempo: 120\nnodes:\n  slow: {{ type: lfo, {params} }}\n  out: {{ type: output, in: slow }}\n"
    )
}

fn lfo(params: &str, seconds: f64) -> Vec<f32> {
    render(&text(params), &catalogue(), seconds)[0].clone()
}

#[test]
fn each_shape_is_its_formula() {
    type Formula = fn(f64) -> f64;
    let formulas: [(&str, Formula); 4] = [
        ("sine", |x| (std::f64::consts::TAU * x).sin()),
        ("triangle", |x| 1.0 - ((x + 0.25).fract() - 0.5).abs() * 4.0),
        ("saw", |x| 2.0 * x - 1.0),
        ("square", |x| if x < 0.5 { 1.0 } else { -1.0 }),
    ];
    for (shape, formula) in formulas {
        let wave = lfo(&format!("shape: {shape}, rate: 2 Hz"), 2.0);
        for (i, x) in wave.iter().enumerate() {
            let phase = (i as f64 / 24_000.0).fract();
            // At an edge the one frame on it may be on either side.
            let edge = phase.min(1.0 - phase).min((phase - 0.5).abs()) < 1e-4;
            assert!(edge || (f64::from(*x) - formula(phase)).abs() < 1e-4, "{shape} {i}: {x}");
        }
        let unipolar = lfo(&format!("shape: {shape}, rate: 2 Hz, polarity: unipolar"), 2.0);
        let bipolar = wave.iter().zip(&unipolar).all(|(b, u)| (b * 0.5 + 0.5 - u).abs() < 1e-6);
        assert!(bipolar, "{shape}");
        let ahead = lfo(&format!("shape: {shape}, rate: 2 Hz, phase: 0.3"), 1.0);
        assert!(
            (f64::from(ahead[1_000]) - formula((1_000.0f64 / 24_000.0 + 0.3).fract())).abs() < 1e-4,
            "{shape}"
        );
    }
}

#[test]
fn slow_ones_run_true_for_long() {
    // 0.001 Hz and 7.3 Hz after two minutes.
    for rate in [0.001, 7.3] {
        let wave = lfo(&format!("rate: {rate} Hz"), 120.0);
        let last = wave.len() - 1;
        let wanted = (std::f64::consts::TAU * rate * last as f64 / 48e3).sin();
        // The rate itself is a number of 24 bits.
        assert!((f64::from(wave[last]) - wanted).abs() < 1e-3, "{rate}: {} {wanted}", wave[last]);
    }
}

#[test]
fn a_synced_one_begins_its_cycles_with_the_bars_wherever_playing_starts() {
    // A bar of 4/4 at 120 is 2 s.
    let wave = lfo("shape: saw, sync: 1 bar", 5.0);
    for (i, x) in wave.iter().enumerate() {
        let phase = (i as f64 / 96_000.0).fract();
        assert!(
            !(1e-4..1.0 - 1e-4).contains(&phase) || (f64::from(*x) - (2.0 * phase - 1.0)).abs() < 1e-4,
            "{i}: {x}"
        );
    }
    let mut built = build_text(&text("shape: saw, sync: 1 bar"), &catalogue());
    let command = Command { when: When::Frame(10_000), change: seek(3840 * 1000 + 960) };
    built.controller.send(command).unwrap();
    let [left, _] = render_blocks(&mut built, 60_000, &[512]);
    for i in (10_000..60_000).step_by(97) {
        let phase = (0.25 + (i - 10_000) as f64 / 96_000.0).fract();
        assert!((f64::from(left[i]) - (2.0 * phase - 1.0)).abs() < 2e-4, "{i}: {}", left[i]);
    }
}

#[test]
fn a_synced_one_follows_tempo_and_meter() {
    let mut built = build_text(&text("shape: saw, sync: 1 bar"), &catalogue());
    built.controller.set(Setting::Tempo(60.0), When::Frame(48_000)).unwrap();
    let [left, _] = render_blocks(&mut built, 200_000, &[512]);
    // Half a bar in the first second; from then on 4 s each bar.
    let phase = |i: usize| 0.5 + (i - 48_000) as f64 / 192_000.0;
    for i in (48_100..140_000).step_by(997) {
        assert!((f64::from(left[i]) - (2.0 * phase(i).fract() - 1.0)).abs() < 1e-3, "{i}: {}", left[i]);
    }
    let waltz = text("shape: saw, sync: 1 bar").replace("tempo: 120", "tempo: 120\nmeter: 3/4");
    let [left, _] = render(&waltz, &catalogue(), 2.0);
    let drops = left.windows(2).filter(|pair| pair[1] < pair[0] - 1.0).count();
    assert_eq!(drops, 1, "one bar of 3/4 is 1.5 s");
    let own = lfo("shape: saw, sync: 1/4, tempo: 240", 2.0);
    let drops = own.windows(2).filter(|pair| pair[1] < pair[0] - 1.0).count();
    assert!((7..=8).contains(&drops), "a tempo of its own: {drops}");
}

#[test]
fn steps_hold_a_value_each_cycle_and_drift_passes_through_them() {
    let steps = lfo("shape: steps, rate: 10 Hz", 4.0);
    let drift = lfo("shape: drift, rate: 10 Hz", 4.0);
    let values: Vec<f32> = steps.chunks_exact(4_800).map(|cycle| cycle[2_400]).collect();
    for (cycle, value) in steps.chunks_exact(4_800).zip(&values) {
        assert!(cycle[5..4_795].iter().all(|x| x == value));
    }
    let (least, most) = values.iter().fold((1.0f32, -1.0f32), |(l, m), v| (l.min(*v), m.max(*v)));
    assert!(least < -0.6 && most > 0.6, "{least} {most}");
    let mut distinct = values.clone();
    distinct.sort_by(f32::total_cmp);
    distinct.dedup();
    assert_eq!(distinct.len(), values.len());
    // One name, one seed: the drift goes through the same values, at the start of each cycle.
    for (cycle, value) in values.iter().enumerate() {
        assert!((drift[cycle * 4_800 + 1] - value).abs() < 1e-3, "{cycle}");
    }
    let steepest = drift.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
    assert!(steepest < 2.0 * 1.5 / 4_800.0 + 1e-5, "{steepest}");
}

#[test]
fn any_position_of_a_synced_chance_is_found_without_playing_up_to_it() {
    let played = lfo("shape: drift, sync: 1/4", 60.0);
    let mut built = build_text(&text("shape: drift, sync: 1/4"), &catalogue());
    // Bar 26 is at 50 s.
    built.controller.send(Command { when: When::Frame(0), change: seek(25 * 3840) }).unwrap();
    let [found, _] = render_blocks(&mut built, 96_000, &[512]);
    let apart = found.iter().zip(&played[50 * 48_000..]).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(apart < 1e-3, "{apart}");
}

#[test]
fn a_rate_that_moves_does_not_make_the_wave_jump() {
    let text = "auralis: 1\nnodes:\n  slower: { type: lfo, rate: 0.7 Hz }\n  slow: { type: lfo, rate: { from: slower, min: 0.5 Hz, max: 20 Hz } }\n  out: { type: output, in: slow }\n";
    let [left, _] = render(text, &catalogue(), 3.0);
    let steepest = left.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
    assert!(steepest < std::f32::consts::TAU * 20.0 / 48e3 * 1.01, "{steepest}");
    let crossings = left.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
    assert!((8..25).contains(&crossings), "{crossings}");
}

#[test]
fn a_sync_that_is_no_length_is_refused_in_words() {
    use auralis_graph::places::Places;
    use auralis_graph::{Preset, Source};
    for sync in ["2 Hz", "soon", "1.5 s", "0 bars"] {
        let source = Source::new("test.yaml", text(&format!("sync: {sync}")));
        let mistakes = Preset::read(&source, &catalogue(), &Places::anywhere()).expect_err(sync);
        assert!(mistakes.to_string().contains("2 bars"), "{mistakes}");
    }
}

fn envelope(params: &str, notes: &[Note], seconds: f64) -> Vec<f32> {
    let text = format!(
        "auralis: 1\nnodes:\n  keys: {{ type: midi_in }}\n  e: {{ type: envelope, in: keys, {params} }}\n  out: {{ type: output, in: e }}\n"
    );
    sound::play_on(&catalogue(), &text, notes, seconds)[0].clone()
}

const TIMES: &str = "attack: 0.5, decay: 0.4, sustain: 0.25, release: 1";

#[test]
fn the_envelope_is_its_formula_sample_by_sample() {
    let level = envelope(TIMES, &[Note(0.1, 2.0, 60.0, 1.0)], 3.5);
    let at = |seconds: f64| f64::from(level[frame(seconds) as usize]);
    assert!(level[..4_800].iter().all(|x| *x == 0.0));
    for part in [0.1, 0.5, 0.9] {
        let wanted = 1.3 * (1.0 - (0.3f64 / 1.3).powf(part));
        assert!((at(0.1 + 0.5 * part) - wanted).abs() < 1e-3, "attack {part}: {}", at(0.1 + 0.5 * part));
    }
    let top = level.iter().position(|x| *x == 1.0).expect("it reaches 1") as f64 / 48e3;
    assert!((top - 0.6).abs() < 0.001, "{top}");
    for part in [0.2, 0.5, 1.0] {
        let wanted = 0.25 + 0.75 * 0.001f64.powf(part);
        assert!((at(0.6 + 0.4 * part) - wanted).abs() < 2e-3, "decay {part}: {}", at(0.6 + 0.4 * part));
    }
    assert!((at(1.99) - 0.25).abs() < 1e-4);
    for part in [0.1, 0.5] {
        let wanted = (0.25 + 0.001) * (0.001f64 / 1.001).powf(part) - 0.001;
        assert!((at(2.0 + part) - wanted).abs() < 1e-3, "release {part}: {}", at(2.0 + part));
    }
    // From 1 it takes the whole time, from a quarter less; then there is nothing at all.
    assert!(at(2.7) > 0.0 && level[frame(3.0) as usize..].iter().all(|x| *x == 0.0), "{}", at(2.7));
}

#[test]
fn it_is_held_by_any_note_and_never_jumps() {
    let notes = [Note(0.1, 1.0, 60.0, 1.0), Note(0.5, 2.0, 64.0, 1.0), Note(2.2, 2.3, 64.0, 1.0)];
    let level = envelope(TIMES, &notes, 3.0);
    let at = |seconds: f64| level[frame(seconds) as usize];
    assert!(at(1.9) > 0.24, "the second note still holds it");
    assert!(at(2.19) < at(1.99) && at(2.29) > at(2.19), "released, then it rises again");
    let steepest = level.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
    assert!(steepest < 1e-3, "{steepest}");
}

#[test]
fn every_note_starts_an_attack_or_only_the_first() {
    let notes = [Note(0.0, 3.0, 60.0, 1.0), Note(1.5, 3.0, 64.0, 1.0)];
    let top = |trigger: &str| {
        let level = envelope(&format!("{TIMES}, trigger: {trigger}"), &notes, 2.2);
        peak(&level[frame(1.5) as usize..])
    };
    assert_eq!(top("every"), 1.0);
    assert!(top("first") < 0.3, "{}", top("first"));
}

#[test]
fn the_pedal_holds_it_and_release_all_lets_it_go() {
    let text = format!(
        "auralis: 1\nnodes:\n  keys: {{ type: midi_in }}\n  e: {{ type: envelope, in: keys, {TIMES} }}\n  out: {{ type: output, in: e }}\n"
    );
    let mut built = build_text(&text, &catalogue());
    sound::enter(&built, &[Note(0.0, 0.2, 60.0, 1.0), Note(1.5, 9.0, 60.0, 1.0)]);
    let event = |kind| NoteEvent { offset: 0, channel: 0, id: NoteEvent::CHANNEL, kind };
    for (at, kind) in
        [(0.1, NoteKind::Sustain(1.0)), (1.2, NoteKind::Sustain(0.0)), (2.5, NoteKind::ReleaseAll)]
    {
        built.controller.note("keys", event(kind), When::Frame(frame(at))).unwrap();
    }
    let [level, _] = render_blocks(&mut built, frame(4.0) as usize, &[512]);
    let at = |seconds: f64| level[frame(seconds) as usize];
    assert!(at(1.1) > 0.24 && at(1.45) < at(1.1), "{} {}", at(1.1), at(1.45));
    assert!(at(2.4) > 0.24 && at(3.6) == 0.0, "{} {}", at(2.4), at(3.6));
}

#[test]
fn it_moves_what_it_is_connected_to() {
    let text = format!(
        "auralis: 1\nnodes:\n  keys: {{ type: midi_in }}\n  e: {{ type: envelope, in: keys, {TIMES} }}\n  air: {{ type: noise, gain: {{ from: e, min: -90 dB, max: -12 dB }} }}\n  out: {{ type: output, in: air }}\n"
    );
    let [left, _] = sound::play_on(&catalogue(), &text, &[Note(0.5, 1.5, 60.0, 1.0)], 4.0);
    assert_eq!(peak(sound::cut(&left, 0.0, 0.5)), 0.0);
    assert!(rms(sound::cut(&left, 0.95, 1.05)) > 0.02);
    assert_eq!(peak(sound::cut(&left, 3.0, 4.0)), 0.0);
}
