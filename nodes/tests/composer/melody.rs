//! The melody, and how much happens.

use crate::scores::*;
use auralis_graph::music::Mode;
use auralis_nodes::composer::*;

/// Slots of 4/4 at which melodies stand on the chord: the first and the third beat.
const STRONG: u32 = 1920;

#[test]
fn strong_beats_and_ends_stand_on_the_chord() {
    for mode in Mode::ALL {
        for seed in 0..5 {
            let settings = in_mode(mode, settings(seed, 0.25 * seed as f32));
            each_phrase(&score(&ComposerConfig::default()), &settings, 0..200, |phrase| {
                let line = notes(phrase, Part::Melody);
                for (index, note) in line.iter().enumerate() {
                    let chord = phrase.chord_at(note.onset).unwrap();
                    if note.onset % STRONG == 0 || index + 1 == line.len() {
                        assert!(chord.tones().has(note.key), "{mode:?} {} {note:?} {chord:?}", phrase.number);
                    }
                }
            });
        }
    }
}

#[test]
fn a_melody_is_one_line_with_one_climax_in_its_range() {
    let (mut single, mut all) = (0, 0);
    for seed in 0..10 {
        for intensity in INTENSITIES {
            each_phrase(&score(&ComposerConfig::default()), &settings(seed, intensity), 0..100, |phrase| {
                let line = notes(phrase, Part::Melody);
                assert!(line.len() >= 2);
                assert!(line.windows(2).all(|pair| pair[0].end() <= pair[1].onset), "{line:?}");
                let (low, high) = line.iter().fold((127, 0), |(l, h), n| (n.key.min(l), n.key.max(h)));
                assert!(high - low <= 16 && low >= 58 && high <= 94, "{low} {high}");
                if line.len() > 3 {
                    all += 1;
                    single += usize::from(line.iter().filter(|note| note.key == high).count() == 1);
                }
            });
        }
    }
    assert!(single * 100 > all * 97, "{single} of {all} phrases have one climax");
}

#[test]
fn leaps_are_rare_and_filled_by_steps_the_other_way() {
    for intensity in [0.25, 0.5, 1.0] {
        let (mut steps, mut leaps, mut filled, mut wide) = (0, 0, 0, 0);
        for seed in 0..6 {
            each_phrase(&score(&ComposerConfig::default()), &settings(seed, intensity), 0..200, |phrase| {
                let keys: Vec<i32> = phrase.part(Part::Melody).map(|note| i32::from(note.key)).collect();
                steps += keys.len() - 1;
                for triple in keys.windows(3) {
                    let (first, second) = (triple[1] - triple[0], triple[2] - triple[1]);
                    if first.abs() >= 5 {
                        leaps += 1;
                        wide += usize::from(first.abs() > 9);
                        filled += usize::from(second.signum() == -first.signum() && second.abs() <= 4);
                    }
                }
            });
        }
        assert!(leaps * 5 < steps, "{intensity}: {leaps} leaps in {steps}");
        assert!(filled * 100 > leaps * 80, "{intensity}: {filled} of {leaps} filled");
        assert!(wide * 100 < steps * 2, "{intensity}: {wide} of {steps} wider than a sixth");
    }
}

#[test]
fn phrases_end_on_long_notes_and_sparse_ones_rest_as_long_as_they_sound() {
    let (mut last, mut other) = (Vec::new(), Vec::new());
    let mut sounding = 0.0;
    for seed in 0..6 {
        each_phrase(&score(&ComposerConfig::default()), &settings(seed, 0.5), 0..100, |phrase| {
            let line = notes(phrase, Part::Melody);
            let (end, before) = line.split_last().unwrap();
            last.push(f64::from(end.length));
            other.extend(before.iter().map(|note| f64::from(note.length)));
        });
        each_phrase(&score(&ComposerConfig::default()), &settings(seed, 0.05), 0..100, |phrase| {
            let total: u32 = phrase.part(Part::Melody).map(|note| note.length).sum();
            sounding += f64::from(total) / phrase.ticks as f64 / 600.0;
        });
    }
    let mean = |lengths: &[f64]| lengths.iter().sum::<f64>() / lengths.len() as f64;
    assert!(mean(&last) > 1.5 * mean(&other), "{} {}", mean(&last), mean(&other));
    assert!((0.25..0.6).contains(&sounding), "{sounding}");
}

#[test]
fn pentatonic_melodies_stay_pentatonic_over_full_chords() {
    for (mode, classes) in
        [(Mode::MinorPentatonic, [9, 0, 2, 4, 7]), (Mode::MajorPentatonic, [9, 11, 1, 4, 6])]
    {
        let mut others = 0;
        each_phrase(&score(&ComposerConfig::default()), &in_mode(mode, settings(1, 0.8)), 0..200, |phrase| {
            assert!(phrase.part(Part::Melody).all(|note| classes.contains(&(note.key % 12))));
            others += phrase.part(Part::Chords).filter(|note| !classes.contains(&(note.key % 12))).count();
        });
        assert!(others > 300, "{mode:?}: {others}");
    }
}

#[test]
fn all_parts_grow_denser_and_louder_with_intensity() {
    for seed in [1, 2, 3] {
        for part in [Part::Chords, Part::Melody, Part::Bass] {
            let (mut count, mut loud) = (0.0, 0.0);
            for step in 0..=10 {
                let (mut notes, mut velocity) = (0.0, 0.0);
                let settings = settings(seed, step as f32 / 10.0);
                each_phrase(&score(&ComposerConfig::default()), &settings, 0..480, |phrase| {
                    notes += phrase.part(part).count() as f64;
                    velocity += phrase.part(part).map(|note| f64::from(note.velocity)).sum::<f64>();
                });
                let mean = velocity / notes;
                assert!(notes > count * 0.99, "{part:?} at {step}: {notes} after {count}");
                assert!(mean > loud, "{part:?} at {step}: {mean} after {loud}");
                (count, loud) = (notes, mean);
            }
        }
    }
}

#[test]
fn nothing_is_nearly_nothing_and_everything_is_not_too_much() {
    let count = |intensity: f32| {
        let (mut melody, mut most, mut loudest) = (0, 0, 0.0f32);
        for seed in 0..10 {
            each_phrase(&score(&ComposerConfig::default()), &settings(seed, intensity), 0..48, |phrase| {
                melody += phrase.part(Part::Melody).count();
                most = most.max(phrase.notes.len());
                loudest = phrase.notes.iter().fold(loudest, |loudest, note| loudest.max(note.velocity));
            });
        }
        (melody as f64 / 480.0, most, loudest)
    };
    let (few, most, loudest) = count(0.0);
    assert!((2.0..4.0).contains(&few) && most < 25 && loudest < 0.7, "{few} {most} {loudest}");
    let (many, most, loudest) = count(1.0);
    assert!((12.0..24.0).contains(&many) && most < 140 && loudest < 0.9, "{many} {most} {loudest}");
}

#[test]
fn hands_are_late_by_milliseconds_and_less_so_when_dense() {
    let mean = |intensity: f32, humanize: f64| {
        let score = score(&ComposerConfig { humanize, ..ComposerConfig::default() });
        let (mut sum, mut count) = (0.0, 0.0);
        each_phrase(&score, &settings(1, intensity), 0..100, |phrase| {
            for note in &phrase.notes {
                // At 70 beats a minute a tick lasts 0.89 ms.
                let milliseconds = f64::from(note.delay) * 60_000.0 / 70.0 / 960.0;
                assert!(milliseconds < 50.0 * humanize + 0.1, "{note:?}");
                sum += milliseconds;
                count += 1.0;
            }
        });
        sum / count
    };
    assert_eq!(mean(0.5, 0.0), 0.0);
    assert!(mean(0.1, 0.5) > mean(0.9, 0.5) + 2.5, "{} {}", mean(0.1, 0.5), mean(0.9, 0.5));
    assert!((1.0..5.0).contains(&mean(0.9, 0.5)));
}

#[test]
fn motifs_come_back_after_minutes() {
    // Figures of four notes, as slots and steps between them, heard again at least nine phrases (four minutes)
    // away: within a chapter far more often than in other chapters.
    let degree = |key: u8| {
        let scale = [0, 2, 3, 5, 7, 8, 10];
        let above = i32::from(key) - 57 + 60;
        above / 12 * 7 + scale.iter().position(|s| *s == above % 12).unwrap() as i32
    };
    let (mut near, mut far) = (0usize, 0usize);
    for seed in 0..6 {
        let mut figures: Vec<Vec<[i32; 6]>> = Vec::new();
        each_phrase(&score(&ComposerConfig::default()), &settings(seed, 0.6), 0..480, |phrase| {
            let line = notes(phrase, Part::Melody);
            let figure = |four: &[Note]| {
                let slots = |i: usize| (four[i + 1].onset - four[i].onset) as i32 / 480;
                let step = |i: usize| degree(four[i + 1].key) - degree(four[i].key);
                [slots(0), slots(1), slots(2), step(0), step(1), step(2)]
            };
            figures.push(line.windows(4).map(figure).filter(|f| f[..3].iter().all(|s| *s <= 8)).collect());
        });
        for (n, own) in figures.iter().enumerate() {
            for (other, theirs) in figures.iter().enumerate().filter(|(other, _)| other.abs_diff(n) >= 9) {
                let common = own.iter().filter(|figure| theirs.contains(figure)).count();
                // As many phrases of other chapters as a chapter has.
                if n / 48 == other / 48 {
                    near += common;
                } else if (n / 48 + 4) % 10 == other / 48 {
                    far += common;
                }
            }
        }
    }
    assert!(near > 4 * far, "{near} {far}");
}
