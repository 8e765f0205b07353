//! Chords, pads and bass.

use crate::scores::*;
use auralis_graph::music::Mode;
use auralis_nodes::composer::*;

#[test]
fn transitions_follow_the_matrix_within_and_across_phrases() {
    // About 4 chords a phrase: 80,000 transitions, 5,000 or more a row, for which a probability of 0.3 has a
    // standard error of 0.0065 at most; 4.5 of them for 49 cells. With as few as 2 chords a phrase (intensity 0)
    // the bridge itself is off by up to 0.01, since two entries are drawn apart: T² is not yet quite stationary.
    for (intensity, bridge) in [(0.0, 0.01), (0.5, 0.002), (1.0, 0.0005)] {
        let mut counts = [[0.0f64; DEGREES]; DEGREES];
        let mut before = None;
        each_phrase(&score(&ComposerConfig::default()), &settings(3, intensity), 1000..21_000, |phrase| {
            for chord in &phrase.chords {
                let degree = usize::from(chord.degree);
                if let Some(before) = before.replace(degree) {
                    counts[before][degree] += 1.0;
                }
            }
        });
        for (row, wanted) in counts.iter().zip(AMBIENT) {
            let total: f64 = row.iter().sum();
            for (count, wanted) in row.iter().zip(wanted) {
                let error = (wanted * (1.0 - wanted) / total).sqrt();
                let off = (count / total - wanted).abs();
                assert!(off < 4.5 * error + bridge, "{intensity}: {} is not {wanted}", count / total);
            }
        }
    }
}

#[test]
fn a_presets_own_chords_go_round_as_it_says() {
    // I V vi IV for ever.
    let mut rows = [[0.0; DEGREES]; DEGREES];
    (0..DEGREES).for_each(|row| rows[row][0] = 1.0);
    for (from, to) in [(0, 4), (4, 5), (5, 3), (3, 0)] {
        rows[from] = [0.0; DEGREES];
        rows[from][to] = 1.0;
    }
    let score = score(&ComposerConfig { transitions: Some(rows), ..ComposerConfig::default() });
    let mut before = None;
    each_phrase(&score, &in_mode(Mode::Ionian, settings(1, 0.5)), 0..500, |phrase| {
        for chord in &phrase.chords {
            let degree = usize::from(chord.degree);
            if let Some(before) = before.replace(degree) {
                assert_eq!(rows[before][degree], 1.0, "{before} to {degree} in phrase {}", phrase.number);
            }
        }
    });
}

#[test]
fn chords_fill_the_phrase_and_change_faster_with_intensity() {
    for length in [PhraseLength::Eight, PhraseLength::Sixteen] {
        let score = score(&ComposerConfig { phrase: length, ..ComposerConfig::default() });
        let mut last = 0;
        for intensity in INTENSITIES {
            let mut count = 0;
            each_phrase(&score, &settings(2, intensity), 0..400, |phrase| {
                let mut at = 0;
                for chord in &phrase.chords {
                    assert_eq!(chord.onset, at);
                    let bars = chord.length / bar("4/4");
                    assert!((1..=4).contains(&bars) && chord.length % bar("4/4") == 0);
                    at += chord.length;
                }
                assert_eq!(i64::from(at), phrase.ticks);
                count += phrase.chords.len();
            });
            assert!(count > last + 100, "{intensity}: {count} after {last}");
            last = count;
        }
    }
}

#[test]
fn a_fixed_harmonic_rhythm_is_kept() {
    for bars in 1..=4 {
        let score = score(&ComposerConfig { chord_bars: Some(bars), ..ComposerConfig::default() });
        each_phrase(&score, &settings(2, 0.5), 0..100, |phrase| {
            assert_eq!(phrase.chords.len(), 8usize.div_ceil(usize::from(bars)));
            let longest = phrase.chords.iter().map(|chord| chord.length / bar("4/4")).max();
            assert_eq!(longest, Some(u32::from(bars)));
        });
    }
}

#[test]
fn every_note_is_in_key_or_belongs_to_its_chord() {
    for mode in Mode::ALL {
        for seed in 0..4 {
            let settings = in_mode(mode, settings(seed, 0.25 * seed as f32 + 0.2));
            let palette = Palette::new(settings.key, false);
            each_phrase(&score(&ComposerConfig::default()), &settings, 0..200, |phrase| {
                for note in &phrase.notes {
                    let chord = phrase.chord_at(note.onset).unwrap();
                    let legal = match note.part {
                        Part::Melody => palette.melody.has(note.key),
                        Part::Chords => chord.tones().has(note.key),
                        Part::Bass => palette.chords.has(note.key) || chord.tones().has(note.key),
                    };
                    assert!(legal, "{mode:?} {note:?} {chord:?}");
                }
            });
        }
    }
}

#[test]
fn without_colour_and_loans_only_triads_sound() {
    let plain = ComposerConfig { colour: 0.0, ..ComposerConfig::default() };
    let own = ComposerConfig { colour: 1.0, borrow: false, ..ComposerConfig::default() };
    let palette = Palette::new(settings(0, 0.0).key, false);
    let mut coloured = 0;
    each_phrase(&score(&plain), &settings(4, 1.0), 0..300, |phrase| {
        let triad = |chord: &Chord| chord.kind == palette.triad(usize::from(chord.degree));
        assert!(phrase.chords.iter().all(triad));
    });
    each_phrase(&score(&own), &settings(4, 1.0), 0..300, |phrase| {
        for chord in phrase.chords.iter().filter(|chord| chord.degree != 1) {
            assert_eq!(chord.tones().0 & !palette.chords.0, 0, "{chord:?}");
            coloured += usize::from(chord.kind != palette.triad(usize::from(chord.degree)));
        }
    });
    assert!(coloured > 500, "{coloured}");
}

/// What sounds of harmony and bass at a tick of a phrase, by key.
fn standing(phrase: &Phrase, tick: u32) -> Vec<u8> {
    let sounds = |note: &&Note| note.part != Part::Melody && note.onset <= tick && tick < note.end();
    let mut keys: Vec<u8> = phrase.notes.iter().filter(sounds).map(|note| note.key).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn low_notes_are_wide_apart_and_no_key_sounds_twice() {
    for seed in 0..6 {
        for intensity in INTENSITIES {
            each_phrase(&score(&ComposerConfig::default()), &settings(seed, intensity), 0..150, |phrase| {
                for tick in (0..phrase.ticks as u32).step_by(480) {
                    for pair in standing(phrase, tick).windows(2) {
                        // 50 is 147 Hz.
                        let least = if pair[0] < 50 { 7 } else { 1 };
                        assert!(pair[1] - pair[0] >= least, "{pair:?} at {tick} of {}", phrase.number);
                    }
                }
            });
        }
    }
}

#[test]
fn pads_lead_their_voices_within_phrases_and_across_them() {
    let score = score(&ComposerConfig { texture: Texture::Held, ..ComposerConfig::default() });
    for intensity in [0.3, 0.6, 1.0] {
        let (mut inside, mut across) = (Vec::new(), Vec::new());
        let (mut kept, mut chances) = (0usize, 0usize);
        let mut last: Vec<u8> = Vec::new();
        each_phrase(&score, &settings(9, intensity), 0..600, |phrase| {
            for (index, chord) in phrase.chords.iter().enumerate() {
                let sounds = |note: &Note| note.onset <= chord.onset && chord.onset < note.end();
                let mut keys: Vec<u8> =
                    phrase.part(Part::Chords).filter(|note| sounds(note)).map(|note| note.key).collect();
                keys.sort_unstable();
                if keys.len() == last.len() {
                    let moves = keys.iter().zip(&last).map(|(a, b)| a.abs_diff(*b));
                    if index == 0 { &mut across } else { &mut inside }.extend(moves);
                    if index > 0 {
                        let common = last.iter().filter(|key| chord.tones().has(**key));
                        common.for_each(|key| {
                            chances += 1;
                            kept += usize::from(keys.contains(key));
                        });
                    }
                }
                last = keys;
            }
        });
        let mean = |moves: &[u8]| moves.iter().map(|m| f64::from(*m)).sum::<f64>() / moves.len() as f64;
        let within =
            |moves: &[u8], most: u8| moves.iter().filter(|m| **m <= most).count() as f64 / moves.len() as f64;
        assert!(mean(&inside) < 1.5 && within(&inside, 7) == 1.0, "{} {}", mean(&inside), within(&inside, 7));
        assert!(
            mean(&across) < 2.0 && within(&across, 7) > 0.985,
            "{} {}",
            mean(&across),
            within(&across, 7)
        );
        assert!(kept * 10 > chances * 8, "{kept} of {chances} common tones kept");
    }
}

#[test]
fn the_bass_is_one_low_voice_of_roots_and_fifths() {
    let (mut grounded, mut all) = (0, 0);
    for seed in 0..8 {
        each_phrase(&score(&ComposerConfig::default()), &settings(seed, 0.7), 0..150, |phrase| {
            let bass = notes(phrase, Part::Bass);
            assert!(bass.windows(2).all(|pair| pair[0].end() <= pair[1].onset));
            for note in bass {
                assert!((31..=43).contains(&note.key));
                let chord = phrase.chord_at(note.onset).unwrap();
                all += 1;
                grounded += usize::from([0, 7].contains(&((note.key + 120 - chord.root) % 12)));
            }
        });
    }
    assert!(grounded * 10 > all * 7, "{grounded} of {all}");
}

#[test]
fn a_pedal_holds_the_tonic_or_never_comes() {
    let with = |pedal| score(&ComposerConfig { pedal, ..ComposerConfig::default() });
    each_phrase(&with(Pedal::Always), &settings(1, 0.5), 0..60, |phrase| {
        assert!(phrase.part(Part::Bass).all(|note| note.key % 12 == 9));
        assert!(phrase.part(Part::Bass).count() >= 1);
    });
    let mut pedals = 0;
    each_phrase(&with(Pedal::Never), &settings(1, 0.5), 0..600, |phrase| {
        let still = phrase.part(Part::Bass).all(|note| note.key % 12 == 9);
        let moves = phrase.chords.iter().any(|chord| chord.root % 12 != 9);
        pedals += usize::from(still && moves && phrase.part(Part::Bass).count() > 1);
    });
    assert_eq!(pedals, 0);
}

#[test]
fn more_intensity_means_more_voices_and_richer_chords() {
    let mut last = (0.0, 0.0);
    for intensity in [0.0, 0.5, 1.0] {
        let (mut voices, mut rich, mut chords) = (0, 0, 0);
        let config = ComposerConfig { texture: Texture::Struck, ..ComposerConfig::default() };
        let palette = Palette::new(settings(0, 0.0).key, false);
        each_phrase(&score(&config), &settings(5, intensity), 0..400, |phrase| {
            for chord in &phrase.chords {
                chords += 1;
                rich += usize::from(chord.kind != palette.triad(usize::from(chord.degree)));
                voices += phrase.part(Part::Chords).filter(|note| note.onset == chord.onset).count();
            }
        });
        let now = (voices as f64 / chords as f64, rich as f64 / chords as f64);
        assert!(now.0 > last.0 + 0.4 && now.1 > last.1 + 0.08, "{intensity}: {now:?} after {last:?}");
        last = now;
    }
}
