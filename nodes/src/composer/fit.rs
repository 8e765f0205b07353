//! Where composed notes go while a chord is held: pads and bass to its tones, the melody to tones that stand on it or
//! fit between. Plain functions; real-time safe.

use super::hands::HeldChord;
use super::harmony::PitchClasses;
use super::voicing::LOW;
use std::ops::RangeInclusive;

/// How a composed note stands on the harmony.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Footing {
    /// It is the chord's foundation: a root, or what the bass plays on a strong beat.
    Root,
    /// It is a tone of the chord, or has the weight of one: on a strong beat, long, or the last of its phrase.
    Chord,
    /// It leads from one tone to another.
    Passing,
}

/// Semitones from its own key within which a voice of a pad looks for a tone of the chord.
const REACH: u8 = 12;

/// The key of a voice of a pad. `told` is where it sounds, and `others` are the keys of the voices around it: none comes
/// twice, low ones keep apart, and what sounds already would rather stay. None where all tones within an octave are taken.
pub fn pad(key: u8, chord: HeldChord, told: Option<u8>, others: &[u8]) -> Option<u8> {
    let cost = |candidate: u8| {
        let crowds = |other: &u8| {
            let (low, apart) = ((*other).min(candidate), other.abs_diff(candidate));
            i32::from(apart < 2) * 6 + i32::from(low < LOW && apart < 7) * 12
        };
        let named = others.iter().any(|other| other % 12 == candidate % 12);
        2 * i32::from(candidate.abs_diff(key)) + others.iter().map(crowds).sum::<i32>()
            - if named { 0 } else { 3 }
            - if told == Some(candidate) { 3 } else { 0 }
    };
    let near = key.saturating_sub(REACH)..=(key + REACH).min(127);
    near.filter(|candidate| chord.tones.has(*candidate) && !others.contains(candidate))
        .min_by_key(|candidate| (cost(*candidate), candidate.abs_diff(key)))
}

/// The key of a note of the bass, in its range of an octave: the lowest of the held keys where the composed note is the
/// foundation, else the nearest tone of the chord.
pub fn bass(key: u8, footing: Footing, chord: HeldChord, mut range: RangeInclusive<u8>) -> u8 {
    let suits = |candidate: &u8| match footing {
        Footing::Root => candidate % 12 == chord.lowest,
        Footing::Chord | Footing::Passing => chord.tones.has(*candidate),
    };
    let found = range.clone().filter(suits).min_by_key(|candidate| candidate.abs_diff(key));
    found.or_else(|| range.find(|candidate| chord.tones.has(*candidate))).unwrap_or(key)
}

/// The key of a note of the melody: the nearest tone of the chord, or for one that leads on the nearest that does not grate
/// against it. The nearest of a set rises with the key, so that the line keeps its course.
pub fn melody(key: u8, footing: Footing, chord: HeldChord, scale: PitchClasses) -> u8 {
    let legal = match footing {
        Footing::Root | Footing::Chord => chord.tones,
        Footing::Passing => {
            let outside = PitchClasses(chord.tones.0 & !scale.0);
            PitchClasses(chord.tones.0 | (scale.0 & !outside.neighbours().0))
        }
    };
    let near = key.saturating_sub(6)..=(key + 6).min(127);
    near.filter(|candidate| legal.has(*candidate))
        .min_by_key(|candidate| candidate.abs_diff(key))
        .unwrap_or(key)
}

#[cfg(test)]
mod tests {
    use super::super::bass::{ABOVE, BELOW};
    use super::*;

    fn chord(keys: &[u8]) -> HeldChord {
        let tones = keys.iter().fold(PitchClasses::default(), |set, key| set.with(*key));
        HeldChord { tones, lowest: keys[0] % 12 }
    }

    /// Fits voices from below, as they are when a chord changes.
    fn voiced(keys: &[u8], chord: HeldChord) -> Vec<u8> {
        let mut voices = Vec::new();
        for key in keys {
            voices.extend(pad(*key, chord, None, &voices));
        }
        voices
    }

    #[test]
    fn voices_go_to_near_tones_none_twice_and_name_the_chord() {
        let all = [[0u8, 4, 7], [2, 5, 9], [6, 10, 1], [0, 3, 6], [11, 2, 8]];
        for held in all {
            for voices in [&[57u8, 60, 64][..], &[45, 57, 60, 64, 69], &[50, 55, 59, 62, 67, 71]] {
                let found = voiced(voices, chord(&held));
                assert_eq!(found.len(), voices.len(), "{held:?} {voices:?}");
                assert!(found.iter().all(|key| chord(&held).tones.has(*key)), "{held:?} {found:?}");
                assert!(found.iter().zip(voices).all(|(a, b)| a.abs_diff(*b) <= 7), "{held:?} {found:?}");
                let named = found.iter().fold(PitchClasses::default(), |set, key| set.with(*key));
                assert_eq!(named, chord(&held).tones, "{held:?} {voices:?} {found:?}");
                let mut sorted = found.clone();
                sorted.sort_unstable();
                assert!(sorted.windows(2).all(|pair| pair[1] - pair[0] >= 2), "{held:?} {found:?}");
            }
        }
        assert_eq!(voiced(&[57, 60, 64], chord(&[57, 60, 64])), [57, 60, 64], "what fits stays");
        assert_eq!(voiced(&[60, 64, 67, 72, 76], chord(&[0, 7])).len(), 5, "two tones carry five voices");
    }

    #[test]
    fn the_bass_stands_on_the_lowest_key_and_stays_in_its_range() {
        let range = || 38 - BELOW..=38 + ABOVE;
        for class in 0..12 {
            let held = chord(&[class, class + 4, class + 7]);
            for key in range() {
                let root = bass(key, Footing::Root, held, range());
                assert!(range().contains(&root) && root % 12 == class, "{class} {key}: {root}");
                let other = bass(key, Footing::Passing, held, range());
                assert!(held.tones.has(other) && other.abs_diff(key) <= 5, "{class} {key}: {other}");
            }
        }
        assert_eq!(bass(33, Footing::Root, chord(&[4, 9, 12]), range()) % 12, 4, "an inversion is one");
    }

    #[test]
    fn a_melody_stands_on_the_chord_and_passes_by_what_fits() {
        let scale = PitchClasses(0b1010_1011_0101);
        let held = chord(&[5, 8, 0]);
        for key in 60..84 {
            assert!(held.tones.has(melody(key, Footing::Chord, held, scale)));
            let passing = melody(key, Footing::Passing, held, scale);
            assert!(held.tones.has(passing) || scale.has(passing));
            // A flat is in the chord: G and A grate.
            assert!(![7, 9].contains(&(passing % 12)), "{key} {passing}");
            let next = melody(key + 1, Footing::Passing, held, scale);
            assert!(next >= passing, "{key} {passing} {next}");
        }
    }
}
