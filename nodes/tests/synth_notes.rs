//! How `synth` plays notes: envelopes, stealing, mono and legato, glide, expression, the pedal; that its samples do not
//! depend on blocks or instruction sets; and that the audio thread's promises hold while it plays.

mod sound;

use auralis_graph::chance::Chance;
use auralis_graph::command::When;
use auralis_graph::engine::Start;
use auralis_graph::note::{NoteEvent, NoteKind};
use auralis_graph::param::Amount;
use auralis_graph::testing::measure::{amplitude_at, level_db, peak, pitch, rms};
use auralis_graph::testing::realtime::{self, CheckedAllocator};
use auralis_graph::testing::{build_text, render_blocks};
use auralis_graph::{Built, Catalogue, Kind};
use auralis_nodes::catalogue;
use auralis_nodes::synth::{Instructions, Synth};
use fearless_simd::Level;
use sound::{Note, Spectrum, cut, enter, frame, hertz, play, play_on, synth, with};

#[global_allocator]
static ALLOCATOR: CheckedAllocator = CheckedAllocator;

/// A sine of constant level that starts and ends at once: what it does beside that is to be heard.
const TONE: &str = "osc1_shape: 0, osc1_level: 0 dB, osc2_level: -90 dB, sub_level: -90 dB, detune: 0, variation: 0, \
    spread: 0, lfo_pitch: 0, lfo_cutoff: 0, lfo_pan: 0, cutoff: 20 kHz, filter_envelope: 5, resonance: 0, \
    sustain: 1, attack: 1 ms, decay: 1 ms, release: 20 ms, velocity: 0, velocity_cutoff: 0";

fn tone(rest: &str) -> String {
    with(TONE, rest)
}

fn level_at(samples: &[f32], seconds: f64) -> f64 {
    rms(cut(samples, seconds - 0.005, seconds + 0.005))
}

#[test]
fn the_envelope_keeps_its_times_and_levels() {
    let params = tone("attack: 0.4, decay: 0.6, sustain: 0.5, release: 0.8");
    let [left, _] = play(&params, &[Note(0.1, 2.0, 81.0, 1.0)], 4.0);
    let full = play(TONE, &[Note(0.0, 9.0, 81.0, 1.0)], 1.0);
    let full = level_at(&full[0], 0.5);
    let share = |seconds: f64| level_at(&left, seconds) / full;
    assert!(share(0.05) == 0.0, "before the note");
    // A capacitor on its way to 1.3: half-way up after a third of the time.
    let attack = |part: f64| 1.3 * (1.0 - (0.3f64 / 1.3).powf(part));
    for part in [0.25, 0.5, 0.75] {
        assert!((share(0.1 + 0.4 * part) - attack(part)).abs() < 0.02, "{part}: {}", share(0.1 + 0.4 * part));
    }
    assert!((share(0.5) - 0.98).abs() < 0.03, "{}", share(0.5));
    for part in [0.1, 0.3, 0.6] {
        let wanted = 0.5 + 0.5 * 0.001f64.powf(part);
        assert!((share(0.5 + 0.6 * part) - wanted).abs() < 0.02, "{part}: {}", share(0.5 + 0.6 * part));
    }
    assert!((share(1.9) - 0.5).abs() < 0.005, "{}", share(1.9));
    for part in [0.1, 0.3, 0.6] {
        let wanted = 0.5 * 0.001f64.powf(part);
        assert!((share(2.0 + 0.8 * part) - wanted).abs() < 0.01, "{part}: {}", share(2.0 + 0.8 * part));
    }
    assert_eq!(peak(cut(&left, 2.9, 4.0)), 0.0, "after the release there is exact silence");
}

#[test]
fn a_note_starts_and_ends_at_its_frame() {
    for start in [0, 1, 15, 16, 17, 63, 64, 1000, 1001] {
        let mut built = build_text(&synth(TONE), &catalogue());
        let (on, off) = (NoteEvent::on(0, 0, 1, 69.0, 1.0), NoteEvent::off(0, 0, 1));
        built.controller.note("keys", on, When::Frame(start)).unwrap();
        built.controller.note("keys", off, When::Frame(start + 5000)).unwrap();
        let [left, _] = render_blocks(&mut built, 8000, &[512]);
        let first = left.iter().position(|x| *x != 0.0).expect("it sounds") as i64;
        assert!((start..=start + 1).contains(&first), "asked for {start}, heard at {first}");
        let peak_of = |from: i64| peak(&left[(start + from) as usize..(start + from + 110) as usize]);
        assert!(peak_of(4880) > 0.5 && peak_of(5400) < 0.15, "{} {}", peak_of(4880), peak_of(5400));
    }
}

/// How loud the highest octaves are beside the peak of a low tone, in dB: a click is heard there, and nothing else.
fn click(samples: &[f32]) -> f64 {
    // Every stretch alone, so that one click is not thinned out by the rest.
    let stretches = samples.windows(512).step_by(128).map(|stretch| {
        let spectrum = Spectrum::of(stretch);
        spectrum.peak(8_000.0, 20_000.0).0
    });
    stretches.fold(f64::MIN, f64::max) - 20.0 * f64::from(peak(samples)).log10()
}

#[test]
fn no_note_clicks_however_it_starts_ends_or_is_stolen() {
    let soft = tone("attack: 20 ms, release: 20 ms");
    let clicks = |params: &str, notes: &[Note]| click(&play(&with(&soft, params), notes, 1.0)[0]);
    let ends = [Note(0.1, 0.3, 45.0, 1.0), Note(0.3001, 0.3219, 45.0, 1.0), Note(0.5, 0.5003, 45.0, 1.0)];
    let alone = clicks("", &ends);
    assert!(alone < -80.0, "{alone} dB");
    // Notes that are stolen again and again, in mid sound, at any frame.
    let many: Vec<Note> = (0..40).map(|i| Note(0.05 + 0.017_139 * f64::from(i), 3.0, 45.0, 1.0)).collect();
    for params in ["voices: 2", "mode: mono", "mode: legato", "voices: 2, unison: 3"] {
        let found = clicks(params, &many);
        assert!(found < -80.0, "{params}: {found} dB");
    }
    let softer = clicks("mode: mono, velocity: 1", &[Note(0.1, 0.9, 45.0, 1.0), Note(0.3, 0.9, 45.0, 0.1)]);
    assert!(softer < -80.0, "{softer} dB");
    // What the measure says of a note that is cut off in mid sound.
    let mut cut_off = play(&soft, &[Note(0.1, 0.9, 45.0, 1.0)], 1.0)[0].clone();
    cut_off[24_100..].fill(0.0);
    assert!(click(&cut_off) > -50.0, "{}", click(&cut_off));
}

#[test]
fn no_more_notes_sound_than_there_are_voices() {
    let keys = [57.0, 64.0, 71.0, 76.0, 81.0];
    let notes: Vec<Note> =
        keys.iter().zip(0..).map(|(key, i)| Note(0.1 * f64::from(i), 3.0, *key, 1.0)).collect();
    let [left, _] = play(&tone("voices: 3"), &notes, 1.6);
    let heard: Vec<bool> =
        keys.iter().map(|key| amplitude_at(cut(&left, 0.6, 1.6), hertz(*key), 48e3) > 1e-4).collect();
    assert_eq!(heard, [false, false, true, true, true], "the oldest give way");
}

#[test]
fn a_note_that_dies_away_gives_way_before_one_that_is_held() {
    let notes = [
        Note(0.0, 3.0, 57.0, 1.0),
        Note(0.1, 0.3, 64.0, 1.0),
        Note(0.1, 0.4, 71.0, 1.0),
        Note(0.5, 3.0, 81.0, 1.0),
    ];
    let [left, _] = play(&tone("voices: 3, release: 5"), &notes, 1.6);
    let heard = |key: f32| amplitude_at(cut(&left, 0.6, 1.6), hertz(key), 48e3) > 1e-4;
    assert!(heard(57.0), "held, though the oldest");
    assert!(!heard(64.0), "released first, so the quietest");
    assert!(heard(71.0) && heard(81.0));
}

#[test]
fn notes_of_one_key_are_told_apart_by_their_id() {
    let [left, _] = play(TONE, &[Note(0.0, 0.5, 69.0, 1.0), Note(0.2, 1.0, 69.0, 1.0)], 1.5);
    let (both, one) = (level_at(&left, 0.4), level_at(&left, 0.8));
    assert!(one > 0.2 && (both - one).abs() > 0.05, "{both} {one}");
    assert_eq!(level_at(&left, 1.2), 0.0);
}

#[test]
fn mono_plays_one_note_and_returns_to_the_key_that_is_still_down() {
    for mode in ["mono", "legato"] {
        let notes = [Note(0.0, 1.5, 69.0, 1.0), Note(0.5, 1.0, 81.0, 1.0)];
        let [left, _] = play(&tone(&format!("mode: {mode}")), &notes, 2.0);
        let at = |from: f64, key: f32| amplitude_at(cut(&left, from, from + 0.3), hertz(key), 48e3);
        for (from, sounds, silent) in [(0.1, 69.0, 81.0), (0.6, 81.0, 69.0), (1.1, 69.0, 81.0)] {
            assert!(at(from, sounds) > 0.3 && at(from, silent) < 0.01, "{mode} at {from}");
        }
        assert_eq!(peak(cut(&left, 1.6, 2.0)), 0.0, "{mode}");
    }
}

#[test]
fn legato_has_no_new_attack_and_mono_has_one() {
    let notes = [Note(0.0, 2.0, 69.0, 1.0), Note(1.0, 2.0, 81.0, 1.0)];
    let level = |mode: &str| {
        let params = tone(&format!("mode: {mode}, decay: 0.3, sustain: 0.2, attack: 20 ms"));
        let [left, _] = play(&params, &notes, 2.0);
        (level_at(&left, 0.9), level_at(&left, 1.03))
    };
    let (before, after) = level("legato");
    assert!((after / before - 1.0).abs() < 0.05, "{before} {after}");
    let (before, after) = level("mono");
    assert!(after > before * 3.5, "{before} {after}");
}

#[test]
fn glide_takes_its_time_and_arrives() {
    let heard = |mode: &str, from: f64| {
        let notes = [Note(0.0, 0.5, 69.0, 1.0), Note(0.5, 3.0, 81.0, 1.0)];
        let [left, _] = play(&tone(&format!("mode: {mode}, glide: 0.8, release: 1 ms")), &notes, 2.5);
        let found = pitch(cut(&left, from - 0.02, from + 0.02), 400.0, 1000.0, 48e3);
        69.0 + 12.0 * (found / 440.0).log2()
    };
    for mode in ["poly", "mono"] {
        for (at, key) in [(0.4, 69.0), (0.7, 72.0), (0.9, 75.0), (1.1, 78.0), (1.5, 81.0)] {
            let found = heard(mode, at);
            assert!((found - key).abs() < 0.15, "{mode} at {at} s: {found}, not {key}");
        }
    }
    // The first note was let go before the second came: legato playing does not slide.
    assert!((heard("legato", 0.7) - 81.0).abs() < 0.05);
}

/// Plays one note with events of its channel or its own.
fn expressed(params: &str, events: &[(f64, NoteEvent)], seconds: f64) -> Vec<f32> {
    let mut built = build_text(&synth(params), &catalogue());
    enter(&built, &[Note(0.0, 9.0, 69.0, 0.5)]);
    for (at, event) in events {
        built.controller.note("keys", *event, When::Frame(frame(*at))).unwrap();
    }
    let [left, _] = render_blocks(&mut built, frame(seconds) as usize, &[512]);
    left
}

fn event(channel: u8, id: u32, kind: NoteKind) -> NoteEvent {
    NoteEvent { offset: 0, channel, id, kind }
}

#[test]
fn bend_pressure_and_timbre_are_heard_on_their_note_and_on_their_channel_only() {
    let bent = |channel: u8, id: u32| {
        let left = expressed(TONE, &[(0.5, event(channel, id, NoteKind::Bend(2.0)))], 1.5);
        12.0 * (pitch(cut(&left, 0.6, 1.5), 400.0, 600.0, 48e3) / 440.0).log2()
    };
    assert!((bent(0, 0) - 2.0).abs() < 0.01);
    assert!((bent(0, NoteEvent::CHANNEL) - 2.0).abs() < 0.01);
    assert!(bent(0, 7).abs() < 0.01 && bent(1, NoteEvent::CHANNEL).abs() < 0.01);
    let left = expressed(TONE, &[(0.5, event(0, 0, NoteKind::Bend(2.0)))], 1.0);
    assert!(click(&left) < -80.0, "a bend does not click");
    let dark = with(TONE, "osc1_shape: 2, cutoff: 300 Hz, filter_envelope: 0, tracking: 0");
    for kind in [NoteKind::Pressure(1.0), NoteKind::Timbre(1.0)] {
        let left = expressed(&dark, &[(0.5, event(0, 0, kind))], 1.5);
        let bright = |from: f64| amplitude_at(cut(&left, from, from + 0.4), 440.0 * 6.0, 48e3);
        assert!(bright(0.6) > bright(0.05) * 3.0, "{kind:?}");
    }
}

#[test]
fn the_pedal_holds_notes_and_lets_them_go() {
    let mut built = build_text(&synth(TONE), &catalogue());
    enter(&built, &[Note(0.1, 0.3, 69.0, 1.0), Note(0.1, 1.5, 76.0, 1.0)]);
    for (at, pedal) in [(0.2, 1.0), (0.8, 0.0)] {
        built
            .controller
            .note("keys", event(0, NoteEvent::CHANNEL, NoteKind::Sustain(pedal)), When::Frame(frame(at)))
            .unwrap();
    }
    let [left, _] = render_blocks(&mut built, frame(2.0) as usize, &[512]);
    let at = |from: f64, key: f32| amplitude_at(cut(&left, from, from + 0.3), hertz(key), 48e3);
    assert!(at(0.4, 69.0) > 0.3 && at(0.4, 76.0) > 0.3, "the pedal holds");
    assert!(at(0.9, 69.0) < 1e-4 && at(0.9, 76.0) > 0.3, "the key holds");
    assert_eq!(peak(cut(&left, 1.6, 2.0)), 0.0);
}

#[test]
fn release_all_lets_go_of_its_channel() {
    let mut built = build_text(&synth(TONE), &catalogue());
    for (channel, key) in [(0, 69.0), (1, 76.0)] {
        built.controller.note("keys", NoteEvent::on(0, channel, 5, key, 1.0), When::Frame(0)).unwrap();
    }
    built.controller.note("keys", NoteEvent::release_all(0, 1), When::Frame(frame(0.5))).unwrap();
    let [left, _] = render_blocks(&mut built, frame(1.0) as usize, &[512]);
    let at = |key: f32| amplitude_at(cut(&left, 0.6, 1.0), hertz(key), 48e3);
    assert!(at(69.0) > 0.3 && at(76.0) < 1e-4, "{} {}", at(69.0), at(76.0));
}

#[test]
fn velocity_is_heard_as_loud_as_the_patch_wants() {
    let level = |sensitivity: f64, velocity: f32| {
        let [left, _] =
            play(&tone(&format!("velocity: {sensitivity}")), &[Note(0.0, 9.0, 69.0, velocity)], 1.0);
        level_db(cut(&left, 0.5, 1.0))
    };
    assert!((level(0.0, 1.0) - level(0.0, 0.25)).abs() < 0.01);
    assert!((level(1.0, 1.0) - level(1.0, 0.5) - 12.04).abs() < 0.05);
    assert!((level(0.5, 1.0) - level(0.5, 0.5) - 6.02).abs() < 0.05);
}

/// What can be played at random: notes, bends, pedals on a few channels.
fn random_events(built: &Built, seconds: f64) {
    let mut chance = Chance::new(3);
    for index in 0..400 {
        let at = (f64::from(chance.unit()) * seconds * 48e3) as i64;
        let (channel, id) = (chance.below(3) as u8, chance.below(30));
        let value = chance.unit();
        let event = match index % 8 {
            0..=3 => NoteEvent::on(0, channel, id, 30.0 + value * 60.0, chance.unit()),
            4 | 5 => NoteEvent::off(0, channel, id),
            6 => event(
                channel,
                if chance.happens(0.5) { NoteEvent::CHANNEL } else { id },
                NoteKind::Bend(value * 4.0 - 2.0),
            ),
            _ if chance.happens(0.1) => NoteEvent::release_all(0, channel),
            _ => event(channel, NoteEvent::CHANNEL, NoteKind::Sustain(value)),
        };
        built.controller.note("keys", event, When::Frame(at)).unwrap();
    }
}

const BUSY: [&str; 3] = [
    "voices: 12, unison: 3, glide: 0.05, noise_level: -30 dB, drive: 6 dB, release: 0.3, osc1_shape: 0.5, osc2_shape: 2.5",
    "voices: 40, release: 0.2",
    "mode: legato, glide: 0.1, unison: 5, release: 0.1",
];

#[test]
fn played_wildly_its_samples_do_not_depend_on_blocks_and_come_again_after_a_reset() {
    for params in BUSY {
        let run = |blocks: &[usize]| {
            let mut built = build_text(&synth(params), &catalogue());
            random_events(&built, 1.0);
            render_blocks(&mut built, 60_000, blocks)
        };
        let reference = run(&[60_000]);
        assert!(peak(&reference[0]) > 0.05);
        for blocks in [&[1usize, 4095, 63][..], &[333], &[64]] {
            assert!(run(blocks) == reference, "{params} {blocks:?}");
        }
        let mut built = build_text(&synth(params), &catalogue());
        for _ in 0..2 {
            let start = Start::beginning(built.engine.initial_settings());
            built.engine.reset(&start);
            random_events(&built, 1.0);
            assert!(render_blocks(&mut built, 60_000, &[512]) == reference, "{params} after a reset");
        }
    }
}

enum Avx2 {}
enum Sse {}
enum Baseline {}

impl Instructions for Avx2 {
    fn level() -> Level {
        #[cfg(target_arch = "x86_64")]
        return Level::new().as_avx2().map_or(Level::baseline(), Level::Avx2);
        #[cfg(not(target_arch = "x86_64"))]
        Level::baseline()
    }
}

impl Instructions for Sse {
    fn level() -> Level {
        #[cfg(target_arch = "x86_64")]
        return Level::new().as_sse4_2().map_or(Level::baseline(), Level::Sse4_2);
        #[cfg(not(target_arch = "x86_64"))]
        Level::baseline()
    }
}

impl Instructions for Baseline {
    fn level() -> Level {
        Level::baseline()
    }
}

/// The catalogue with a synth on another instruction set.
fn on<I: Instructions>() -> Catalogue {
    let all = catalogue();
    let kinds: Vec<Kind> = all.iter().copied().filter(|kind| kind.name != "synth").collect();
    Catalogue::new(kinds.into_iter().chain([Kind::of::<Synth<I>>()]))
}

#[test]
fn every_instruction_set_gives_the_same_bits() {
    for params in BUSY {
        let run = |catalogue: &Catalogue| {
            let mut built = build_text(&synth(params), catalogue);
            random_events(&built, 1.0);
            render_blocks(&mut built, 60_000, &[512])
        };
        let best = run(&catalogue());
        assert!(peak(&best[0]) > 0.05);
        assert!(run(&on::<Avx2>()) == best, "{params}: AVX2");
        assert!(run(&on::<Sse>()) == best, "{params}: SSE4.2");
        assert!(run(&on::<Baseline>()) == best, "{params}: baseline");
    }
}

#[test]
fn a_seed_is_another_performance_and_a_position_the_same_one() {
    let run = |seed: u64| {
        let text = synth("variation: 1").replace("nodes:", &format!("seed: {seed}\nnodes:"));
        play_on(&catalogue(), &text, &[Note(0.1, 0.4, 60.0, 0.8)], 0.5)
    };
    assert!(run(1) == run(1));
    assert!(run(1) != run(2));
}

#[test]
fn the_audio_threads_promises_hold_while_it_plays() {
    for params in BUSY {
        let mut built = build_text(&synth(params), &catalogue());
        random_events(&built, 1.0);
        realtime::take_violations();
        let specs = catalogue().get("synth").expect("it is there").params;
        let mut chance = Chance::new(8);
        for _ in 0..900 {
            for spec in specs {
                let (moves, position) = (chance.happens(0.05), chance.unit());
                if !moves {
                    continue;
                }
                let amount = Amount::Value(spec.range.value(position));
                built.controller.set_param("pad", spec.name, amount, When::Now).unwrap();
            }
            built.engine.quantum();
        }
        assert_eq!(realtime::take_violations(), 0, "{params}");
    }
}

#[test]
fn too_many_voices_are_refused_in_words() {
    use auralis_graph::places::Places;
    use auralis_graph::{Preset, Source};
    let refused = |params: &str, word: &str| {
        let source = Source::new("test.yaml", synth(params));
        let mistakes = Preset::read(&source, &catalogue(), &Places::anywhere()).expect_err(params);
        assert!(mistakes.to_string().contains(word), "{mistakes}");
    };
    refused("voices: 0", "1 to 4096");
    refused("voices: 5000", "1 to 4096");
    refused("unison: 9", "1 to 8");
    refused("voices: 1000, unison: 8", "up to 512 fit");
    refused("mode: poli", "poly");
}
