//! A composer under a transport: any place is found as if it had been played up to, and every note ends.

use crate::scores::*;
use auralis_graph::command::{Change, Command, When};
use auralis_graph::engine::{NoteOut, Start};
use auralis_graph::journal::Journal;
use auralis_graph::note::NoteKind;
use auralis_graph::places::Places;
use auralis_graph::plan::{Options, Socket};
use auralis_graph::render::{Render, StartAt};
use auralis_graph::testing::{RATE, read, seek};
use auralis_nodes::catalogue;
use auralis_nodes::composer::*;

/// At 300 beats a minute a tick lasts 10 frames of 48 kHz, and a phrase of 8 bars 307,200.
const FAST: &str = "tempo: 300\nseed: 5\nintensity: 0.7\n";
const PHRASE: i64 = 307_200;
const TICK: i64 = 10;

fn from_tick(keys: &str, tick: i64, frames: i64) -> Vec<NoteOut> {
    let mut built = engine(FAST, keys);
    let settings = built.engine.initial_settings();
    let seconds = tick as f64 / 4800.0;
    built.engine.reset(&Start { tick: tick as f64, seconds, ..Start::beginning(settings) });
    run(&mut built, frames)
}

/// What is heard from a frame on, as if the piece began there.
fn cut(heard: &[Heard], at: i64) -> Vec<Heard> {
    let mut rest: Vec<Heard> = heard
        .iter()
        .filter(|heard| heard.to > at)
        .map(|heard| Heard { from: (heard.from - at).max(0), to: heard.to - at, ..*heard })
        .collect();
    rest.sort_by_key(|heard| (heard.from, heard.channel, heard.key));
    rest
}

/// Like notes in like order, each start and end within so many frames.
fn assert_alike(found: &[Heard], wanted: &[Heard], slack: i64, place: &str) {
    let alike = |a: &Heard, b: &Heard| {
        let same = |h: &Heard| (h.channel, h.id, h.key, h.velocity);
        same(a) == same(b) && (a.from - b.from).abs() <= slack && (a.to - b.to).abs() <= slack
    };
    assert_eq!(found.len(), wanted.len(), "{place}");
    for (found, wanted) in found.iter().zip(wanted) {
        assert!(alike(found, wanted), "{place}: {found:?} is not {wanted:?}");
    }
}

#[test]
fn the_engine_plays_what_the_score_says() {
    let frames = 3 * PHRASE;
    let heard = joined(&run(&mut engine(FAST, ""), frames), frames);
    let settings = engine(FAST, "").engine.initial_settings();
    let mut wanted = Vec::new();
    each_phrase(&score(&ComposerConfig::default()), &settings, 0..3, |phrase| {
        for note in &phrase.notes {
            let at = |tick: u32| phrase.number * PHRASE + i64::from(tick) * TICK;
            wanted.push((at(note.start()), note.part as u8, note.key, note.velocity, at(note.end())));
        }
    });
    wanted.sort_by_key(|note| (note.0, note.1, note.2));
    let told: Vec<_> = heard.iter().map(|h| (h.from, h.channel, h.key, h.velocity, h.to)).collect();
    assert_eq!(told.len(), wanted.len());
    assert_eq!(told, wanted);
    assert!(heard.iter().enumerate().all(|(i, h)| heard[..i].iter().all(|other| other.id != h.id)));
}

#[test]
fn any_place_is_found_as_if_it_had_been_played_up_to() {
    for keys in ["", "follow: beat, phrase: 16 bars", "texture: broken, refrain: 3"] {
        for phrase in [0, 7, 1_000_000, 100_000_000] {
            let length = if keys.contains("16") { 2 * PHRASE } else { PHRASE };
            let start = phrase * length / TICK;
            let played = joined(&from_tick(keys, start, 2 * length), 2 * length);
            assert!(played.len() > 40);
            for part in [1, 977, 3840, 12_345, 20_000, 30_719, 30_720] {
                let frames = 2 * length - part * TICK;
                let found = joined(&from_tick(keys, start + part, frames), frames);
                // Far out the position's last bits are worth more than the engine's rounding allows for: a
                // frame is the next one then.
                let slack = i64::from(phrase > 1000);
                assert_alike(&found, &cut(&played, part * TICK), slack, &format!("{keys} {phrase} {part}"));
            }
        }
    }
}

const JOURNAL: &str = r#"{"tick":1000,"intensity":0.9}
{"tick":9000,"key":"C dorian"}
{"tick":13000,"tempo":180.0,"intensity":0.2}
{"tick":33000,"seed":77}
{"tick":47000,"key":"E minor","intensity":1.0}
{"tick":64000,"intensity":0.4}
"#;

fn rendered(keys: &str, from: f64, seconds: f64) -> Vec<Heard> {
    let preset = read(&preset(FAST, keys), &catalogue());
    let options =
        Options { socket: Socket::Play, ..Options::render(RATE, preset.settings(), Places::anywhere()) };
    let journal = Journal::parse(JOURNAL).unwrap();
    let at = StartAt { seconds: from, preroll: 0.0 };
    let mut render = Render::new(&preset, &catalogue(), &options, &journal, at).unwrap();
    let quanta = (seconds * f64::from(RATE)) as i64 / 64;
    let mut events = Vec::new();
    for _ in 0..quanta {
        events.extend(render.quantum());
    }
    joined(&events, quanta * 64)
}

#[test]
fn a_history_of_settings_is_found_again_at_any_place() {
    for keys in ["follow: phrase", "follow: bar", "follow: beat", "follow: bar, phrase: 16 bars"] {
        let whole = rendered(keys, 0.0, 30.0);
        assert!(whole.len() > 60, "{}", whole.len());
        for from in [0.5, 1.9, 2.5, 3.2, 6.8, 7.7, 11.0, 14.3, 17.2, 21.9] {
            let short = |heard: Vec<Heard>| -> Vec<Heard> {
                heard
                    .into_iter()
                    .filter(|h| h.from < 230_000)
                    .map(|h| Heard { to: h.to.min(230_000), ..h })
                    .collect()
            };
            let found = short(rendered(keys, from, 5.0));
            let wanted = short(cut(&whole, (from * f64::from(RATE)) as i64));
            // The history's tempo changes make ticks that are no whole frames: they may round to the next.
            assert_alike(&found, &wanted, 1, &format!("{keys} from {from}"));
        }
    }
}

fn command(when: When, change: Change) -> Command {
    Command { when, change }
}

#[test]
fn stopping_ends_all_notes_at_once_and_starting_takes_them_up_again() {
    let mut built = engine(FAST, "");
    built.controller.send(command(When::Frame(200_005), Change::Stop)).unwrap();
    built.controller.send(command(When::Frame(300_011), Change::Play)).unwrap();
    let heard = joined(&run(&mut built, 600_000), 600_000);
    let straight = joined(&run(&mut engine(FAST, ""), 600_000), 600_000);
    assert!(!sounding_at(&heard, 200_004).is_empty());
    for frame in [200_005, 250_000, 300_010] {
        assert!(sounding_at(&heard, frame).is_empty(), "{frame}");
    }
    // The position stood still: what was cut off goes on.
    assert_eq!(sounding_at(&heard, 300_011), sounding_at(&straight, 200_005));
    for frame in (301_000..500_000).step_by(997) {
        assert_eq!(sounding_at(&heard, frame), sounding_at(&straight, frame - 100_006), "{frame}");
    }
}

#[test]
fn a_loop_repeats_and_leaves_nothing_hanging() {
    // From the middle of phrase 3 back into phrase 2, ten times, on ticks within a quantum.
    let (from, to) = (2 * 30_720 + 5_003, 3 * 30_720 + 7_001);
    let mut built = engine(FAST, "");
    let settings = built.engine.initial_settings();
    let start = Start { tick: from as f64, seconds: from as f64 / 4800.0, ..Start::beginning(settings) };
    built.engine.reset(&start);
    let length = (to - from) * TICK;
    let mut events = Vec::new();
    for turn in 1..=10 {
        built.controller.send(command(When::Frame(turn * length), seek(from))).unwrap();
        let ahead = turn * length + 64 - built.engine.frame();
        events.extend(run(&mut built, ahead));
    }
    let heard = joined(&events, built.engine.frame());
    let turn = |n: i64| -> Vec<Heard> {
        let within = heard.iter().filter(|h| (n * length..(n + 1) * length).contains(&h.from));
        within.map(|h| Heard { from: h.from - n * length, to: h.to - n * length, ..*h }).collect()
    };
    let straight = joined(&from_tick("", from, length), length);
    for n in 0..10 {
        assert_eq!(turn(n), straight, "turn {n}");
    }
}

#[test]
fn loops_shorter_than_a_quantum_never_lose_an_end() {
    let mut built = engine(FAST, "texture: struck, voices: 6");
    let mut events = Vec::new();
    for quantum in 0..2_000i64 {
        for n in 0..12 {
            let target = (quantum * 37 + n * 4_801) % 60_000;
            built.controller.send(command(When::Frame(quantum * 64 + n * 5), seek(target))).unwrap();
        }
        events.extend(run(&mut built, 64));
    }
    built.controller.send(command(When::Now, Change::Stop)).unwrap();
    events.extend(run(&mut built, 640));
    let end = built.engine.frame();
    // A port that is full delays ends by a quantum at most here; a start may then meet its own key.
    let mut sounding = std::collections::BTreeMap::new();
    for NoteOut { event, .. } in &events {
        match event.kind {
            NoteKind::On { .. } => assert!(sounding.insert(event.id, event.channel).is_none(), "{event:?}"),
            _ => assert!(sounding.remove(&event.id).is_some(), "{event:?}"),
        }
    }
    assert!(sounding.is_empty() && events.len() > 20_000, "{} of {} at {end}", sounding.len(), events.len());
}

#[test]
fn seeks_before_the_beginning_wait_for_it() {
    let mut built = engine(FAST, "");
    built.controller.send(command(When::Frame(1_000), seek(-9_600))).unwrap();
    let heard = joined(&run(&mut built, 400_000), 400_000);
    assert!(sounding_at(&heard, 1_000).is_empty() && sounding_at(&heard, 96_999).is_empty());
    let straight = joined(&run(&mut engine(FAST, ""), 300_000), 300_000);
    assert_eq!(sounding_at(&heard, 97_000 + 200_000), sounding_at(&straight, 200_000));
}

#[test]
fn positions_beyond_all_time_are_silent_and_harmless() {
    let mut built = engine(FAST, "follow: beat");
    for tick in [i64::MAX, i64::MIN, i64::MAX / 4 - 10, -i64::MAX / 4] {
        built.controller.send(command(When::Now, seek(tick))).unwrap();
        run(&mut built, 6_400);
    }
    built.controller.send(command(When::Now, seek(0))).unwrap();
    assert!(run(&mut built, 64_000).len() > 5);
}

#[test]
fn every_tempo_and_metre_is_played_to_the_end_of_its_phrases() {
    for meter in ["4/4", "3/4", "7/8", "5/4", "6/8", "1/32"] {
        for tempo in [20.0, 33.3, 70.0, 128.0, 399.9, 400.0] {
            let head = format!("tempo: {tempo}\nmeter: {meter}\nintensity: 0.6\n");
            let mut built = engine(&head, "");
            let grid = *built.offers.of::<PhraseGrid>().next().unwrap().1;
            let seconds = grid.ticks as f64 / 960.0 * 60.0 / tempo;
            let frames = ((2.5 * seconds).min(60.0) * f64::from(RATE)) as i64;
            let heard = joined(&run(&mut built, frames), frames);
            let start = (seconds * f64::from(RATE)) as i64;
            // Nothing sounds over the border of two phrases.
            if frames > start {
                assert!(heard.iter().all(|h| h.from >= start || h.to <= start + 1), "{meter} {tempo}");
                assert!(heard.iter().any(|h| h.from >= start), "{meter} {tempo}");
            }
            assert!(heard.len() > 2, "{meter} {tempo}: {}", heard.len());
        }
    }
}

#[test]
fn the_samples_of_tension_move_slowly_between_0_and_1_and_follow_intensity() {
    let text = "auralis: 1\ntempo: 400\nnodes:\n  composer: { type: composer }\n  level: { type: pan, in: hiss, pan: { from: composer.tension, min: -1, max: 1 } }\n  hiss: { type: noise }\n  out: { type: output, in: level }\n";
    let mean = |intensity: f32| {
        let text = text.replace("nodes:", &format!("intensity: {intensity}\nnodes:"));
        let [left, right] = auralis_graph::testing::render(&text, &catalogue(), 8.0);
        let level = |side: &[f32]| auralis_graph::testing::measure::rms(side);
        level(&right) / (level(&left) + level(&right))
    };
    let (calm, tense) = (mean(0.0), mean(1.0));
    assert!(calm < 0.35 && tense > calm + 0.25, "{calm} {tense}");
}
