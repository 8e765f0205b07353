//! The instrument's sessions, and what no host should do to it: states that are kept, odd ones, edits while it plays, many
//! activations, several instances.

mod instrument;

use auralis_graph::testing::measure::{cents_off, level_db, peak};
use auralis_tests::clap_host::{Event, hanging, packed, unpacked};
use instrument::{KEYS, PLAYING, STOPPED, TUNE, differ, instance_of, library, settled, shipped};
use std::time::{Duration, Instant};

#[test]
fn a_session_that_is_reopened_sounds_the_same() {
    let library = library();
    let mut instance = instance_of(&library, TUNE);
    for (name, text) in
        [("Key", "F"), ("Seed", "1234"), ("Slot 1", "-20 dB"), ("Bus 2", "-3.0 dB"), ("Intensity", "40 %")]
    {
        let id = instance.param(name);
        let value = instance.read(id, text).unwrap();
        instance.set(id, value);
    }
    let kept = instance.save();
    let mut active = instance.activate(48_000.0, 512);
    let original = active.render(240_000, &[512], PLAYING, &[]);
    instance.deactivate(active);
    for mut reopened in [library.instance(), library.instance()] {
        assert!(reopened.load(&kept));
        let slot = reopened.param("Slot 1");
        let value = reopened.value(slot);
        assert_eq!(reopened.text(slot, value), "-20 dB");
        let mut active = reopened.activate(48_000.0, 512);
        let sound = active.render(240_000, &[512], PLAYING, &[]);
        assert_eq!(differ(&sound[0], &original[0]) + differ(&sound[1], &original[1]), 0);
        reopened.deactivate(active);
        assert_eq!(unpacked(&reopened.save()), unpacked(&kept), "what was kept is kept again");
    }
    let mut plain = instance_of(&library, TUNE);
    let mut active = plain.activate(48_000.0, 512);
    let [left, _] = active.render(240_000, &[512], PLAYING, &[]);
    assert!(differ(&left, &original[0]) > 10_000, "what was set is heard");
    plain.deactivate(active);
}

#[test]
fn sessions_of_old_versions_are_read() {
    let fixture = include_str!("../fixtures/session-1.json");
    let library = library();
    let mut instance = library.instance();
    assert!(instance.load(&packed(&serde_json::from_str(fixture).unwrap())));
    let (seed, slot) = (instance.param("Seed"), instance.param("Slot 2"));
    let (seed_value, slot_value) = (instance.value(seed), instance.value(slot));
    assert_eq!(instance.text(seed, seed_value), "4711");
    assert_eq!(instance.text(slot, slot_value), "-11 dB");
    let mut active = instance.activate(48_000.0, 512);
    let [left, _] = active.render(96_000, &[512], PLAYING, &[]);
    assert!(level_db(&left) > -60.0, "it is heard");
    instance.deactivate(active);
}

#[test]
fn odd_states_leave_what_plays_as_it_is() {
    let library = library();
    let mut instance = instance_of(&library, KEYS);
    let mut active = instance.activate(48_000.0, 512);
    let good = instance.save();
    let huge = "x".repeat(24 << 20);
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let mut strange = unpacked(&good);
    strange["fields"]["piece"] = serde_json::json!({ "format": 99, "piece": 3 }).to_string().into();
    let mut mistaken = unpacked(&good);
    let text = "auralis: 1\nnodes: { out: { type: outptu } }";
    let piece = serde_json::json!({ "format": 1, "piece": { "name": "x", "text": text, "folder": null } });
    mistaken["fields"]["piece"] = piece.to_string().into();
    let states: [Vec<u8>; 7] = [
        Vec::new(),
        vec![0; 8],
        b"not a state at all".to_vec(),
        packed(&serde_json::json!(huge)),
        [&(deep.len() as u64).to_le_bytes()[..], deep.as_bytes()].concat(),
        packed(&strange),
        packed(&mistaken),
    ];
    for (nth, state) in states.iter().enumerate() {
        instance.load(state);
        let events = [(0, Event::On(0, 69, 0.8)), (24_000, Event::Off(0, 69))];
        let [left, _] = active.render(48_000, &[512], STOPPED, &events);
        assert!(level_db(&left[4_800..24_000]) > -40.0, "state {nth}");
    }
    assert!(instance.load(&good));
    instance.deactivate(active);
}

#[test]
fn a_text_that_changes_while_it_plays_is_an_edit_and_another_piece_is_faded_to() {
    let library = library();
    let mut instance = instance_of(&library, KEYS);
    let mut active = instance.activate(48_000.0, 512);
    let [before, _] = active.render(96_000, &[512], STOPPED, &[(0, Event::On(0, 57, 0.8))]);
    instance.load_piece("test", &KEYS.replace("gain: -6 dB", "gain: -18 dB"));
    let [left, _] = settled(&mut active);
    let fall = level_db(&before[90_000..]) - level_db(&left[90_000..]);
    assert!((fall - 12.0).abs() < 0.3, "the held note goes on: {fall}");
    let step = |sound: &[f32]| sound.windows(2).map(|w| (w[1] - w[0]).abs()).fold(0.0, f32::max);
    assert!(step(&left) <= step(&before[90_000..]) * 1.05, "no click");

    let other = KEYS.replace("osc1_shape: 0", "osc1_shape: 0\n    osc1_tune: 12 st");
    instance.load_piece("another", &other);
    let [left, _] = settled(&mut active);
    let quietest = left.chunks(2_400).map(level_db).fold(f64::MAX, f64::min);
    assert!(quietest > -40.0, "there is no gap: {quietest} dB");
    let octave = cents_off(&left[60_000..], 440.0, 48_000.0);
    assert!(octave.abs() < 5.0, "the key that is held is struck in the other piece: {octave}");
    let [end, _] = active.render(96_000, &[512], STOPPED, &[(0, Event::Off(0, 57))]);
    assert!(level_db(&end[48_000..]) < -100.0);
    instance.deactivate(active);
}

#[test]
fn offline_nothing_is_rendered_before_it_is_built() {
    let library = library();
    let mut instance = instance_of(&library, KEYS);
    instance.set_offline(true);
    let mut active = instance.activate(48_000.0, 512);
    active.render(4_800, &[512], PLAYING, &[]);
    instance.load_piece("another", TUNE);
    let [left, _] = active.render(96_000, &[512], PLAYING, &[]);
    assert!(peak(&left[..24_000]) > 0.01, "what was asked for is heard at once");
    instance.deactivate(active);
}

#[test]
fn a_file_that_is_missing_silences_only_what_is_made_of_it() {
    let library = library();
    let text = KEYS.replace(
        "  out: { type: output, in: voice }",
        "  tape: { type: sampler, in: hands, file: gone/nowhere.wav }\n  out: { type: output, in: [voice, tape] }",
    );
    let mut instance = instance_of(&library, &text);
    let mut active = instance.activate(48_000.0, 512);
    let [left, _] = active.render(48_000, &[512], STOPPED, &[(0, Event::On(0, 69, 0.8))]);
    assert!(level_db(&left[12_000..]) > -40.0);
    instance.deactivate(active);
}

#[test]
fn it_is_activated_and_deactivated_a_hundred_times() {
    let library = library();
    let mut instance = instance_of(&library, TUNE);
    let mut first = None;
    for nth in 0..100 {
        let rate = if nth % 10 == 9 { 44_100.0 } else { 48_000.0 };
        let mut active = instance.activate(rate, 512);
        let [left, _] = active.render(9_600, &[512], PLAYING, &[]);
        instance.deactivate(active);
        if rate == 48_000.0 {
            let first = first.get_or_insert_with(|| left.clone());
            assert!(level_db(&left) > -60.0, "it is heard: {} dB", level_db(&left));
            let at = first.iter().zip(&left).position(|(a, b)| a.to_bits() != b.to_bits());
            assert_eq!(at, None, "the {nth}th time");
        }
    }
}

#[test]
fn instances_in_threads_of_their_own_do_not_hear_each_other() {
    let library = library();
    let (text, _) = shipped("night_drift");
    let mut instances: Vec<_> = (0..2).map(|_| instance_of(&library, &text)).collect();
    let actives: Vec<_> = instances.iter_mut().map(|instance| instance.activate(48_000.0, 512)).collect();
    let threads = actives.into_iter().enumerate().map(|(nth, mut active)| {
        std::thread::spawn(move || {
            let sound = active.render(240_000, if nth == 0 { &[512] } else { &[77] }, PLAYING, &[]);
            (active, sound)
        })
    });
    let done: Vec<_> = threads.collect::<Vec<_>>().into_iter().map(|thread| thread.join().unwrap()).collect();
    assert_eq!(differ(&done[0].1[0], &done[1].1[0]), 0);
    assert!(level_db(&done[0].1[0]) > -50.0);
    for (instance, (active, _)) in instances.iter_mut().zip(done) {
        instance.deactivate(active);
    }
}

#[test]
fn a_large_session_is_loaded_while_it_plays_without_a_late_block() {
    let library = library();
    let mut instance = instance_of(&library, KEYS);
    let mut active = instance.activate(48_000.0, 512);
    active.render(48_000, &[512], STOPPED, &[(0, Event::On(0, 69, 0.8))]);
    let filter = |n| format!("  f{n}: {{ type: filter, in: voice, cutoff: {} Hz, gain: -60 dB }}\n", 100 + n);
    let (filters, names): (String, Vec<String>) = (0..300).map(|n| (filter(n), format!("f{n}"))).unzip();
    // An octave higher, so that one hears which piece it is.
    let large = KEYS
        .replace("osc1_shape: 0", "osc1_shape: 0\n    osc1_tune: 12 st")
        .replace("  out:", &format!("{filters}  out:"))
        .replace("in: voice }\nexpose", &format!("in: [voice, {}] }}\nexpose", names.join(", ")))
        + &"# a long remark\n".repeat(20_000);
    assert!(large.contains("f0, f1, f2"));
    let player = std::thread::spawn(move || {
        let mut longest = Duration::ZERO;
        for _ in 0..100 {
            let began = Instant::now();
            active.render(512, &[512], STOPPED, &[]);
            longest = longest.max(began.elapsed());
            std::thread::sleep(Duration::from_millis(4));
        }
        (active, longest)
    });
    let began = Instant::now();
    instance.load_piece("large", &large);
    let took = began.elapsed();
    let (mut active, longest) = player.join().unwrap();
    // The machines that tests run on are busy: the figures themselves are for the bench.
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert!(longest < Duration::from_millis(100), "{longest:?}");
    let [left, _] = settled(&mut active);
    let cents = cents_off(&left[48_000..], 880.0, 48_000.0);
    assert!(level_db(&left[48_000..]) > -40.0 && cents.abs() < 5.0, "the new piece is heard: {cents} cents");
    instance.deactivate(active);
}

/// A tone whose level a control moves, behind a limiter: what moves it waits for the sound that it belongs to.
const BEHIND: &str = "auralis: 1
name: Behind
nodes:
  tone: { type: oscillator, frequency: 440 Hz, gain: -20 dB }
  even: { type: limiter, in: tone }
  late: { type: gain, in: even }
  out: { type: output, in: late }
expose:
  level: { to: late.gain }
";

#[test]
fn what_a_session_has_moved_behind_latency_is_heard_from_the_first_frame() {
    let library = library();
    let mut plain = instance_of(&library, BEHIND);
    let slot = plain.param("Slot 1");
    let quiet = plain.read(slot, "-24 dB").unwrap();
    let mut active = plain.activate(48_000.0, 512);
    let [loud, _] = active.render(48_000, &[512], STOPPED, &[]);
    plain.deactivate(active);
    plain.set(slot, quiet);
    let kept = plain.save();
    for again in 0..3 {
        let mut instance = library.instance();
        assert!(instance.load(&kept));
        let mut active = instance.activate(48_000.0, 512);
        if again == 1 {
            active.render(5_000, &[512], STOPPED, &[]);
            active.reset();
        }
        let [left, _] = active.render(48_000, &[512], STOPPED, &[]);
        let fall = level_db(&loud[2_000..4_000]) - level_db(&left[2_000..4_000]);
        assert!((fall - 24.0).abs() < 0.1, "{again}: {fall}");
        instance.deactivate(active);
    }
}

#[test]
fn a_control_that_a_text_no_longer_has_gives_back_what_it_moved() {
    let library = library();
    let mut instance = instance_of(&library, BEHIND);
    let slot = instance.param("Slot 1");
    let quiet = instance.read(slot, "-24 dB").unwrap();
    let mut active = instance.activate(48_000.0, 512);
    let [loud, _] = active.render(48_000, &[512], STOPPED, &[]);
    active.render(48_000, &[512], STOPPED, &[(0, Event::Param(slot, quiet))]);
    instance.load_piece("test", BEHIND.split("expose:").next().unwrap());
    let [left, _] = settled(&mut active);
    let off = level_db(&loud[40_000..]) - level_db(&left[90_000..]);
    assert!(off.abs() < 0.1, "{off}");
    instance.deactivate(active);
}

#[test]
fn a_piece_that_comes_before_the_first_block_is_not_faded_to() {
    let library = library();
    let mut instance = instance_of(&library, BEHIND);
    instance.set_offline(true);
    let mut active = instance.activate(48_000.0, 512);
    instance.load_piece("silence", KEYS);
    let [left, _] = active.render(48_000, &[512], STOPPED, &[]);
    assert_eq!(peak(&left), 0.0, "nothing is heard of what nobody heard");
    instance.deactivate(active);
}

#[test]
fn a_bypass_in_the_block_of_a_note_leaves_none_hanging() {
    let library = library();
    let text = "auralis: 1\nnodes: { keys: { type: midi_in }, thru: { type: midi_out, in: keys } }";
    let mut instance = instance_of(&library, text);
    let bypass = instance.param("Bypass");
    let mut active = instance.activate(48_000.0, 512);
    active.render(512, &[512], STOPPED, &[(500, Event::On(0, 60, 0.8))]);
    let events =
        [(0, Event::Param(bypass, 1.0)), (100, Event::Off(0, 60)), (2_000, Event::Param(bypass, 0.0))];
    active.render(48_000, &[512], STOPPED, &events);
    assert!(hanging(&active.sent).is_empty(), "{:?}", active.sent);
    instance.deactivate(active);
}
