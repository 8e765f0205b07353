//! No phrase returns note for note, unless a refrain is asked for.

use crate::scores::*;
use auralis_graph::music::Mode;
use auralis_graph::settings::{MAX_TEMPO, Settings};
use auralis_nodes::composer::*;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// A phrase's melody on the grid: what the hand adds is left out.
fn print(phrase: &Phrase) -> u64 {
    let mut hasher = DefaultHasher::new();
    for note in phrase.part(Part::Melody) {
        (note.key, note.onset, note.length).hash(&mut hasher);
    }
    hasher.finish()
}

/// The least distance in phrases between two like melodies; none if there are none.
fn nearest_return(score: &Score, settings: &Settings, phrases: i64) -> Option<i64> {
    let mut last: HashMap<u64, i64> = HashMap::new();
    let mut nearest = None;
    each_phrase(score, settings, 0..phrases, |phrase| {
        if let Some(before) = last.insert(print(phrase), phrase.number) {
            let distance = phrase.number - before;
            nearest = Some(nearest.map_or(distance, |nearest: i64| nearest.min(distance)));
        }
    });
    nearest
}

/// Phrases that begin within 30 minutes at the fastest tempo.
fn window(score: &Score) -> i64 {
    let seconds = score.grid().ticks as f64 / 960.0 * 60.0 / MAX_TEMPO;
    (1800.0 / seconds).ceil() as i64
}

#[test]
fn not_even_a_melody_returns_within_30_minutes_at_any_tempo() {
    // A day at 400 beats a minute: more than five days at 70.
    for (meter, length, phrases) in [
        ("4/4", PhraseLength::Eight, 18_000),
        ("7/8", PhraseLength::Eight, 6_000),
        ("3/4", PhraseLength::Sixteen, 6_000),
    ] {
        let score = score_in(&ComposerConfig { phrase: length, ..ComposerConfig::default() }, meter);
        for (seed, intensity, mode) in [
            (1, 0.0, Mode::Aeolian),
            (2, 0.0, Mode::MinorPentatonic),
            (3, 0.1, Mode::Aeolian),
            (4, 0.5, Mode::Dorian),
            (5, 1.0, Mode::MajorPentatonic),
        ] {
            let settings = in_mode(mode, settings(seed, intensity));
            let nearest = nearest_return(&score, &settings, phrases);
            assert!(nearest.is_none_or(|nearest| nearest > window(&score)), "{meter} {seed}: {nearest:?}");
        }
    }
}

#[test]
fn an_hour_of_the_shortest_phrases_is_fresh_too() {
    // A phrase of 1/32 lasts 0.15 seconds at 400 beats a minute.
    for meter in ["1/4", "3/16", "1/32"] {
        let score = score_in(&ComposerConfig::default(), meter);
        let nearest = nearest_return(&score, &settings(6, 0.0), 2 * window(&score));
        assert!(nearest.is_none_or(|nearest| nearest > window(&score)), "{meter}: {nearest:?}");
    }
}

#[test]
fn a_refrain_returns_note_for_note_and_nothing_else_does() {
    for (length, chapter) in [(PhraseLength::Eight, 48), (PhraseLength::Sixteen, 24)] {
        let config = ComposerConfig { refrain: Some(6), phrase: length, ..ComposerConfig::default() };
        let score = score(&config);
        let mut phrases = Vec::new();
        each_phrase(&score, &settings(8, 0.6), 0..200, |phrase| phrases.push(phrase.clone()));
        let like = |a: usize, b: usize| {
            let (a, b): (&Phrase, &Phrase) = (&phrases[a], &phrases[b]);
            (&a.notes, &a.chords) == (&b.notes, &b.chords)
        };
        let mut refrains = 0;
        for a in 0..phrases.len() {
            for b in a + 1..phrases.len() {
                let refrain = a % 6 == 0 && b % 6 == 0 && a / chapter == b / chapter;
                assert_eq!(like(a, b), refrain, "{a} {b}");
                refrains += usize::from(refrain);
            }
        }
        assert!(refrains > 40, "{refrains}");
        // What follows a refrain begins on the degree that its last chord leads to.
        for n in (6..chapter).step_by(6) {
            assert_eq!(phrases[n + 1].chords[0].degree, phrases[1].chords[0].degree);
        }
    }
}

#[test]
fn one_seed_is_one_piece_and_two_are_two() {
    let score = score(&ComposerConfig::default());
    let piece = |seed: u64| {
        let mut prints = Vec::new();
        each_phrase(&score, &settings(seed, 0.5), 1..200, |phrase| prints.push(print(phrase)));
        prints
    };
    assert_eq!(piece(1), piece(1));
    let (a, b) = (piece(1), piece(2));
    assert!(a.iter().all(|print| !b.contains(print)));
    let other = Score::new(&ComposerConfig::default(), auralis_graph::music::Meter::COMMON, "bells").unwrap();
    each_phrase(&other, &settings(1, 0.5), 1..200, |phrase| assert!(!a.contains(&print(phrase))));
}
