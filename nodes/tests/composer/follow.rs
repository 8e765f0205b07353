//! When changes of settings take hold.

use crate::scores::*;
use auralis_graph::command::When;
use auralis_graph::settings::{Setting, Settings};
use auralis_nodes::composer::*;

/// At 300 beats a minute a tick lasts 10 frames of 48 kHz.
const HEAD: &str = "tempo: 300\nseed: 5\nintensity: 0.7\n";
const PHRASE: i64 = 30_720;
const BAR: i64 = 3_840;
const BEAT: i64 = 960;

/// Plays two phrases and changes a setting at a tick.
fn changed(keys: &str, setting: Setting, tick: i64) -> Vec<Heard> {
    let mut built = engine(HEAD, keys);
    built.controller.set(setting, When::Tick(tick)).unwrap();
    joined(&run(&mut built, 20 * PHRASE), 20 * PHRASE)
}

fn settings() -> Settings {
    engine(HEAD, "").engine.initial_settings()
}

/// The starts that a score asks for between two ticks, as frames, channels and keys.
fn wanted(settings: &Settings, from: i64, to: i64) -> Vec<(i64, u8, u8)> {
    let mut starts = Vec::new();
    each_phrase(&score(&ComposerConfig::default()), settings, 0..2, |phrase| {
        let at = |note: &Note| phrase.number * phrase.ticks + i64::from(note.start());
        let within = phrase.notes.iter().filter(|note| (from..to).contains(&at(note)));
        starts.extend(within.map(|note| (at(note) * 10, note.part as u8, note.key)));
    });
    starts.sort_unstable();
    starts
}

fn starts(heard: &[Heard], from: i64, to: i64) -> Vec<(i64, u8, u8)> {
    let within = heard.iter().filter(|h| (from * 10..to * 10).contains(&h.from));
    let mut starts: Vec<(i64, u8, u8)> = within.map(|h| (h.from, h.channel, h.key)).collect();
    starts.sort_unstable();
    starts
}

#[test]
fn a_change_waits_for_the_next_phrase_bar_or_beat() {
    let other = "Eb dorian".parse().unwrap();
    let (old, new) = (settings(), Settings { key: other, ..settings() });
    let tick = 2 * BAR + 2 * BEAT + 17;
    for (keys, hold) in [
        ("", PHRASE),
        ("follow: phrase", PHRASE),
        ("follow: bar", 3 * BAR),
        ("follow: beat", 2 * BAR + 3 * BEAT),
    ] {
        let heard = changed(keys, Setting::Key(other), tick);
        assert_eq!(starts(&heard, 0, hold), wanted(&old, 0, hold), "{keys}");
        let after = starts(&heard, hold, 2 * PHRASE);
        let mut taken_up = after.clone();
        let composed = wanted(&new, hold, 2 * PHRASE);
        taken_up.retain(|start| !composed.contains(start));
        // All that the new key asks for is played; harmony and bass that hold already are taken up at once.
        assert_eq!(after.len(), composed.len() + taken_up.len(), "{keys}");
        assert!(taken_up.iter().all(|start| start.0 == hold * 10 && start.1 != 1), "{keys} {taken_up:?}");
        assert_eq!(taken_up.is_empty(), hold == PHRASE, "{keys} {taken_up:?}");
    }
}

#[test]
fn harmony_changes_at_once_and_the_melody_ends_in_its_own_time() {
    let other = "Eb dorian".parse().unwrap();
    let tick = 2 * BAR + 5;
    let (old, new) = (Palette::new(settings().key, false), Palette::new(other, false));
    let heard = changed("follow: bar", Setting::Key(other), tick);
    let plain = joined(&run(&mut engine(HEAD, ""), 20 * PHRASE), 20 * PHRASE);
    let hold = 3 * BAR * 10;
    for h in heard.iter().filter(|h| h.from < hold && h.to > hold) {
        if h.channel == 1 {
            assert!(plain.contains(h), "a melody's note is cut: {h:?}");
        } else {
            assert!(new.chords.has(h.key), "{h:?} hangs over");
        }
    }
    assert!(heard.iter().any(|h| h.to == hold && !new.chords.has(h.key) && old.chords.has(h.key)));
    assert!(!sounding_at(&heard, hold).iter().all(|(channel, _)| *channel == 1), "the new harmony is there");
}

#[test]
fn a_change_on_a_border_holds_from_it_and_one_behind_it_does_not() {
    let (old, new) = (settings(), Settings { intensity: 0.1, ..settings() });
    for (tick, border) in [(PHRASE, PHRASE), (PHRASE + 1, 2 * PHRASE), (PHRASE - 1, PHRASE)] {
        let heard = changed("", Setting::Intensity(0.1), tick);
        assert_eq!(starts(&heard, 0, border), wanted(&old, 0, border), "{tick}");
        assert_eq!(starts(&heard, border, 2 * PHRASE), wanted(&new, border, 2 * PHRASE), "{tick}");
    }
}

#[test]
fn another_seed_is_another_piece_at_the_same_place() {
    let heard = changed("", Setting::Seed(99), 1_000);
    let new = Settings { seed: 99, ..settings() };
    assert_eq!(starts(&heard, PHRASE, 2 * PHRASE), wanted(&new, PHRASE, 2 * PHRASE));
}

#[test]
fn a_tempo_change_keeps_the_notes_and_moves_their_time() {
    for keys in ["follow: beat", ""] {
        let slow = changed(keys, Setting::Tempo(150.0), 10_000);
        let plain = joined(&run(&mut engine(HEAD, keys), 20 * PHRASE), 20 * PHRASE);
        let keys_of = |heard: &[Heard]| -> Vec<(u8, u8, u32)> {
            heard.iter().map(|h| (h.channel, h.key, h.id)).collect()
        };
        let (slow_keys, plain_keys) = (keys_of(&slow), keys_of(&plain));
        assert!(slow_keys.len() > 20 && slow_keys[..] == plain_keys[..slow_keys.len()]);
        let late = |at: usize| slow[at].from - plain[at].from;
        assert_eq!(late(0), 0);
        // After tick 10,000 everything takes twice as long, but for the hand, which is late in milliseconds.
        let last = slow.len() - 1;
        assert!((late(last) - (plain[last].from - 100_000)).abs() < 1_000, "{}", late(last));
    }
}

#[test]
fn the_same_settings_sent_again_change_nothing() {
    for keys in ["", "follow: bar", "follow: beat"] {
        let plain = joined(&run(&mut engine(HEAD, keys), 20 * PHRASE), 20 * PHRASE);
        assert_eq!(changed(keys, Setting::Intensity(0.7), 7_777), plain, "{keys}");
    }
}

#[test]
fn a_composer_with_settings_of_its_own_keeps_them() {
    let own = "key: D minor, intensity: 0.4, seed: 9";
    let mut built = engine(HEAD, own);
    built.controller.set(Setting::Key("F# major".parse().unwrap()), When::Tick(100)).unwrap();
    built.controller.set(Setting::Seed(1), When::Tick(100)).unwrap();
    let heard = joined(&run(&mut built, 20 * PHRASE), 20 * PHRASE);
    let fixed = Settings { key: "D minor".parse().unwrap(), intensity: 0.4, seed: 9, ..settings() };
    assert_eq!(starts(&heard, 0, 2 * PHRASE), wanted(&fixed, 0, 2 * PHRASE));
}

#[test]
fn a_renamed_composer_keeps_its_piece_even_when_the_seed_changes() {
    let text = preset(HEAD, "seed_as: composer").replace("composer:", "muse:").replace("composer.", "muse.");
    let mut built = auralis_graph::testing::build_at(
        &text,
        &auralis_nodes::catalogue(),
        auralis_graph::testing::RATE,
        auralis_graph::Socket::Play,
    );
    built.controller.set(Setting::Seed(99), When::Tick(1_000)).unwrap();
    let heard = joined(&run(&mut built, 20 * PHRASE), 20 * PHRASE);
    assert_eq!(heard, changed("", Setting::Seed(99), 1_000));
}
