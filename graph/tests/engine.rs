//! The compiler and the engine, heard through small graphs of test nodes.

mod plain;

use auralis_graph::command::{Command, Failure, Report, When};
use auralis_graph::engine::{NoteOut, Start};
use auralis_graph::note::{NoteEvent, NoteKind};
use auralis_graph::param::Amount;
use auralis_graph::places::Places;
use auralis_graph::plan::{Editor, Options, Socket};
use auralis_graph::settings::{Setting, Settings};
use auralis_graph::testing::measure::{level_db, peak, pitch, rms};
use auralis_graph::testing::realtime::{self, CheckedAllocator};
use auralis_graph::testing::{RATE, build_at, build_text, read, render, render_blocks, seek};
use plain::catalogue;
use proptest::prelude::*;
use std::sync::atomic::{AtomicU64, Ordering};

#[global_allocator]
static ALLOCATOR: CheckedAllocator = CheckedAllocator;

fn nodes(nodes: &str) -> String {
    format!("auralis: 1\nnodes:\n{nodes}")
}

#[test]
fn a_tone_arrives_at_its_pitch_and_level_on_both_channels() {
    let text = nodes("  t: { type: tone, freq: 1 kHz, gain: -6 dB }\n  out: { type: output, in: t }\n");
    let [left, right] = render(&text, &catalogue(), 1.0);
    assert!((pitch(&left, 900.0, 1100.0, f64::from(RATE)) - 1000.0).abs() < 0.1);
    assert!((level_db(&left) - (-9.03 - 6.0)).abs() < 0.05, "{}", level_db(&left));
    assert_eq!(left, right);
}

#[test]
fn lists_sum_in_text_order_with_their_gains() {
    let text = nodes(
        "  a: { type: tone }\n  b: { type: tone, gain: -90 dB }\n  out: { type: output, in: [a, { from: a, gain: -6.0206 dB }, b] }\n",
    );
    let both = render(&text, &catalogue(), 0.1);
    let one = render(&nodes("  a: { type: tone }\n  out: { type: output, in: a }\n"), &catalogue(), 0.1);
    for (both, one) in both[0].iter().zip(&one[0]) {
        assert!((both - one * 1.5).abs() < 1e-4);
    }
}

const BUSY: &str = "auralis: 1
tempo: 180
nodes:
  tick: { type: ticker }
  keys: { type: keys }
  blip: { type: blip, in: [tick, keys] }
  slow: { type: wobble }
  tone: { type: tone, freq: { from: slow, min: 200 Hz, max: 900 Hz } }
  late: { type: ahead, frames: 100, in: tone }
  back: { type: echo, frames: 777, in: [blip, { from: damp, gain: -6 dB }] }
  damp: { type: amp, in: back, level: { value: 0.5, from: tone, depth: 0.3 } }
  mix: { type: amp, in: [late, back, blip], level: 0.7 }
  out: { type: output, in: mix }
expose:
  level: { to: mix.level }
  both: { to: [mix.jump, { param: tone.gain, min: -20, max: 0 }], default: 1 }
";

/// Renders the busy graph with the same commands at the same frames, whatever the blocks.
fn busy(blocks: &[usize]) -> [Vec<f32>; 2] {
    let mut built = build_text(BUSY, &catalogue());
    let send = |change, when| built.controller.send(Command { when, change }).unwrap();
    built.controller.set_control("level", 0.2, When::Frame(5_000)).unwrap();
    built.controller.set_control("both", 0.5, When::Tick(700)).unwrap();
    built.controller.set(Setting::Tempo(97.5), When::Frame(7_001)).unwrap();
    built.controller.set_param("tone", "mute", Amount::Value(1.0), When::Frame(9_999)).unwrap();
    built.controller.note("keys", NoteEvent::on(0, 0, 9, 72.0, 1.0), When::Frame(3_333)).unwrap();
    send(seek(10), When::Frame(12_345));
    render_blocks(&mut built, 24_000, blocks)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]
    #[test]
    fn samples_do_not_depend_on_the_callers_blocks(blocks in prop::collection::vec(1usize..5000, 1..8)) {
        prop_assert!(busy(&blocks) == busy(&[64]));
    }
}

#[test]
fn common_block_sizes_give_the_same_bits() {
    let reference = busy(&[24_000]);
    for blocks in [&[1][..], &[64], &[333], &[512], &[4096], &[1, 4096, 63, 65]] {
        assert!(busy(blocks) == reference, "{blocks:?}");
    }
    assert!(peak(&reference[0]) > 0.1);
}

#[test]
fn the_audio_thread_neither_allocates_nor_calls_the_system() {
    realtime::take_violations();
    busy(&[64, 333]);
    assert_eq!(realtime::take_violations(), 0);
}

#[test]
fn the_checker_catches_what_it_is_for() {
    realtime::take_violations();
    {
        let _mark = realtime::Mark::new();
        drop(std::hint::black_box(Vec::<u8>::with_capacity(10)));
    }
    assert_eq!(realtime::take_violations(), 2);
    {
        let _mark = realtime::Mark::new();
        // SAFETY: takes nothing, gives a number.
        std::hint::black_box(std::process::id());
        std::thread::yield_now();
    }
    if cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        assert_eq!(
            realtime::take_violations(),
            1,
            "a system call goes unseen: is the kernel older than 5.11?"
        );
    }
}

#[test]
fn parallel_paths_stay_aligned_whatever_their_latency() {
    for frames in [1, 63, 64, 65, 1000] {
        // Both paths in step make the direct one twice as loud, sample for sample.
        let text = nodes(&format!(
            "  t: {{ type: tone }}\n  late: {{ type: ahead, frames: {frames}, in: t }}\n  \
             out: {{ type: output, in: [t, late] }}\n"
        ));
        let mut built = build_text(&text, &catalogue());
        assert_eq!(built.engine.latency(), frames);
        let [late, _] = render_blocks(&mut built, 8_000, &[512]);
        let direct =
            render(&nodes("  t: { type: tone }\n  out: { type: output, in: t }\n"), &catalogue(), 0.2);
        let shifted = &late[frames as usize..];
        for (doubled, direct) in shifted.iter().zip(&direct[0]) {
            assert_eq!(*doubled, direct * 2.0, "{frames}");
        }
    }
}

#[test]
fn modulation_and_automation_arrive_with_the_sound_they_belong_to() {
    let frames = 200;
    let text = |chain: &str| {
        nodes(&format!(
            "  t: {{ type: tone }}\n  slow: {{ type: wobble }}\n{chain}  amp: {{ type: amp, in: x, level: {{ from: slow, min: 0, max: 1 }} }}\n  out: {{ type: output, in: amp }}\n"
        ))
    };
    let run = |chain: &str| {
        let mut built = build_text(&text(chain), &catalogue());
        built.controller.set_param("amp", "jump", Amount::Value(0.0), When::Frame(4_000)).unwrap();
        let latency = built.engine.latency() as usize;
        let [mut left, _] = render_blocks(&mut built, 8_000 + latency, &[512]);
        left.split_off(latency)
    };
    let direct = run("  x: { type: amp, in: t }\n");
    let late = run(&format!("  x: {{ type: ahead, frames: {frames}, in: t }}\n"));
    assert!(peak(&direct[3_000..4_000]) > 0.01 && peak(&direct[4_000..]) == 0.0);
    assert!(direct == late);
}

#[test]
fn notes_wait_for_late_neighbours() {
    let text = nodes(
        "  tick: { type: ticker, tempo: 120 }\n  b: { type: blip, in: tick }\n  late: { type: ahead, frames: 150, in: b }\n  out: { type: output, in: late }\n  notes: { type: notes_out, in: tick }\n",
    );
    let mut built = build_at(&text, &catalogue(), RATE, Socket::Play);
    assert_eq!(built.engine.latency(), 150);
    let mut notes: Vec<NoteOut> = Vec::new();
    for _ in 0..(RATE / 64) {
        built.engine.quantum();
        notes.extend(built.engine.notes_out());
    }
    let ons: Vec<i64> =
        notes.iter().filter(|n| matches!(n.event.kind, NoteKind::On { .. })).map(|n| n.frame).collect();
    assert_eq!(ons, [150, 24_150]);
}

#[test]
fn a_loop_through_a_delay_repeats_exactly_at_the_delay() {
    for (frames, extra) in
        [(64, ""), (100, ""), (1000, ""), (1000, "  l: { type: ahead, frames: 300, in: e }\n")]
    {
        let back = if extra.is_empty() { "e" } else { "l" };
        let text = nodes(&format!(
            "  p: {{ type: pulse }}\n  e: {{ type: echo, frames: {frames}, in: [p, {{ from: {back}, gain: -6.0206 dB }}] }}\n{extra}  out: {{ type: output, in: e }}\n"
        ));
        let [left, _] = render(&text, &catalogue(), 0.1);
        let hits: Vec<(usize, f32)> =
            left.iter().enumerate().filter(|(_, x)| x.abs() > 0.1).map(|(i, x)| (i, *x)).collect();
        for (n, (frame, height)) in hits.iter().take(3).enumerate() {
            assert_eq!(*frame, (n + 1) * frames, "{text}");
            assert!((height - 0.5f32.powi(n as i32)).abs() < 1e-4, "{height}");
        }
        assert!(hits.len() >= 3, "{hits:?}");
    }
}

#[test]
fn a_loop_shorter_than_its_latency_is_refused() {
    let text = nodes(
        "  p: { type: pulse }\n  e: { type: echo, frames: 200, in: [p, l] }\n  l: { type: ahead, frames: 300, in: e }\n  out: { type: output, in: e }\n",
    );
    let preset = auralis_graph::testing::read(&text, &catalogue());
    let options = Options::render(RATE, Settings::default(), Places::anywhere());
    let mistakes = auralis_graph::build(&preset, &catalogue(), &options).unwrap_err();
    assert!(
        mistakes.to_string().contains("closes a loop that takes 364 frames, but delays by 200"),
        "{mistakes}"
    );
}

#[test]
fn a_fault_stays_in_its_branch_and_is_reported_by_name() {
    for (what, expected) in
        [("nan", Failure::NotFinite), ("inf", Failure::NotFinite), ("panic", Failure::Panicked)]
    {
        let text = nodes(&format!(
            "  a: {{ type: tone, freq: 300 Hz }}\n  b: {{ type: tone, freq: 700 Hz }}\n  bad: {{ type: bomb, what: {what}, in: b }}\n  out: {{ type: output, in: [a, bad] }}\n"
        ));
        let mut built = build_text(&text, &catalogue());
        let [left, _] = render_blocks(&mut built, 9_600, &[512]);
        assert!(left.iter().all(|x| x.is_finite()));
        let alone = render(
            &nodes("  a: { type: tone, freq: 300 Hz }\n  out: { type: output, in: a }\n"),
            &catalogue(),
            0.2,
        );
        assert!(left[2_000..] == alone[0][2_000..], "the rest plays");
        let mut faults = std::iter::from_fn(|| built.controller.report());
        let Some(Report::Failed { node, frame, failure }) = faults.next() else { panic!("no report") };
        assert_eq!(built.controller.node_name(node), "bad");
        assert_eq!((frame, failure), (1024, expected));
        let step =
            |left: &[f32]| left.windows(2).fold(0.0f32, |most, pair| most.max((pair[1] - pair[0]).abs()));
        assert!(step(&left[960..2_000]) < 1.05 * step(&left[..960]), "it fades");
        assert_eq!(faults.next(), None, "told once");
        let preset = read(&text, &catalogue());
        let edit = |editor: &mut Editor, failed: &[&str]| {
            let failed = failed.iter().map(ToString::to_string).collect();
            let edited = editor.edit(&preset, &catalogue(), preset.settings(), Places::anywhere(), &failed);
            edited.expect("it can be edited").prepared
        };
        assert_eq!(edit(&mut built.editor, &[]), [""; 0]);
        assert_eq!(edit(&mut built.editor, &["bad"]), ["bad"], "an edit brings it back");
    }
}

#[test]
fn what_is_silent_is_not_run() {
    let text = nodes("  p: { type: pulse }\n  c: { type: counter, in: p }\n  out: { type: output, in: c }\n");
    let mut built = build_text(&text, &catalogue());
    render_blocks(&mut built, 64_000, &[512]);
    let (_, count) = built.offers.of::<AtomicU64>().next().unwrap();
    assert_eq!(count.load(Ordering::Relaxed), 2, "once for the pulse, once to fall asleep");
}

#[test]
fn muting_fades_and_ends_in_exact_silence() {
    let text = nodes("  t: { type: tone }\n  out: { type: output, in: t }\n");
    let mut built = build_text(&text, &catalogue());
    built.controller.set_param("t", "mute", Amount::Value(1.0), When::Frame(1_000)).unwrap();
    built.controller.set_param("t", "mute", Amount::Value(0.0), When::Frame(4_000)).unwrap();
    let [left, _] = render_blocks(&mut built, 8_000, &[512]);
    assert!(rms(&left[1_100..1_200]) > 0.1, "not at once");
    assert!(left[1_480..4_000].iter().all(|x| *x == 0.0));
    assert!(rms(&left[5_000..]) > 0.3);
}

#[test]
fn settings_take_hold_at_whole_ticks_and_are_reported() {
    let text = nodes("  t: { type: ticker }\n  b: { type: blip, in: t }\n  out: { type: output, in: b }\n");
    let mut built = build_text(&text, &catalogue());
    render_blocks(&mut built, 1_000, &[100]);
    built.controller.set(Setting::Tempo(140.0), When::Now).unwrap();
    built.controller.set(Setting::Intensity(1.0), When::Now).unwrap();
    render_blocks(&mut built, 1_000, &[100]);
    let reports: Vec<Report> = std::iter::from_fn(|| built.controller.report()).collect();
    let Report::Applied { tick, frame, .. } = reports[0] else { panic!("{reports:?}") };
    assert_eq!(reports.len(), 2);
    assert!((1_024..1_088).contains(&frame), "{frame}");
    // At 70 bpm and 48 kHz a tick has 42.86 frames.
    assert_eq!(frame, (tick as f64 * 48_000.0 * 60.0 / 70.0 / 960.0).ceil() as i64);
    let now = built.controller.settings(Settings::default());
    assert_eq!((now.tempo, now.intensity), (140.0, 1.0));
}

#[test]
fn a_reset_engine_repeats_itself_and_can_start_anywhere() {
    let mut built = build_text(BUSY, &catalogue());
    let first = render_blocks(&mut built, 10_000, &[512]);
    let settings = built.engine.initial_settings();
    built.engine.reset(&Start::beginning(settings));
    assert!(render_blocks(&mut built, 10_000, &[77]) == first);
    let text = nodes("  t: { type: ticker }\n  b: { type: blip, in: t }\n  out: { type: output, in: b }\n");
    let mut built = build_text(&text, &catalogue());
    let start = Start { tick: 960.0 * 1_000_000.0 + 480.0, ..Start::beginning(settings) };
    built.engine.reset(&start);
    let [left, _] = render_blocks(&mut built, 24_000, &[512]);
    let onset = left.iter().position(|x| x.abs() > 1e-3).unwrap();
    assert!((onset as f64 - 0.5 * 48_000.0 * 60.0 / 180.0).abs() < 10.0, "{onset}");
}

#[test]
fn musical_lengths_follow_the_tempo_only_where_the_node_has_none_of_its_own() {
    let text = nodes(
        "  a: { type: ticker }\n  b: { type: ticker, tempo: 300 }\n  oa: { type: notes_out, in: a }\n  ob: { type: notes_out, in: b }\n",
    );
    let mut built = build_at(&text.replace("nodes:", "tempo: 60\nnodes:"), &catalogue(), RATE, Socket::Play);
    let mut ons = [0, 0];
    for _ in 0..(2 * RATE / 64) {
        built.engine.quantum();
        for note in built.engine.notes_out() {
            if let NoteKind::On { .. } = note.event.kind {
                ons[usize::from(note.frame % 48_000 != 0)] += 1;
            }
        }
    }
    // At 60 bpm one a second; at 300 bpm five a second, of which one falls on the full second too.
    assert_eq!(ons, [4, 8]);
}
