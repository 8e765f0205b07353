//! Voicings: which tones of a chord sound where, and how voices lead from one chord to the next. Found by a
//! depth-first search with bounds over the chord's tones in range; allocation-free.

use super::harmony::Chord;
use arrayvec::ArrayVec;
use auralis_graph::chance::Chance;

/// Most voices of a chord.
pub const MAX_VOICES: usize = 6;

/// MIDI key below which nothing is closer than a fifth: 50 is 147 Hz.
pub const LOW: u8 = 50;

/// Farthest that a voice may move from one chord to the next without cause, in semitones.
pub const LEAP: i32 = 7;

/// The keys of a chord, ascending.
pub type Voicing = ArrayVec<u8, MAX_VOICES>;

/// Where a chord may lie.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Space {
    /// How many voices.
    pub voices: usize,
    /// Lowest key.
    pub low: u8,
    /// Highest key.
    pub high: u8,
    /// The middle of the voices.
    pub centre: f32,
    /// How far apart the voices are: 1 is two octaves for six of them.
    pub openness: f32,
    /// Whether the bass plays the roots.
    pub rooted: bool,
}

/// Costs of a tone in a chord.
#[derive(Clone, Copy)]
struct Tone {
    class: u8,
    missing: i32,
    doubled: i32,
}

const FORBIDDEN: i32 = 400;

/// A search for the cheapest voicing.
struct Search<'a> {
    ladder: ArrayVec<(u8, usize), 48>,
    tones: ArrayVec<Tone, 5>,
    /// Cost of a semitone away from each aim, and the aims: one key a voice.
    aims: &'a [(i32, [i32; MAX_VOICES])],
    /// Whether the first aim is where the voices come from, and leaps count.
    leads: bool,
    voices: usize,
    chosen: [u8; MAX_VOICES],
    best: (i32, [u8; MAX_VOICES]),
}

impl Search<'_> {
    fn descend(&mut self, voice: usize, from: usize, cost: i32, used: [u8; 5]) {
        if cost >= self.best.0 {
            return;
        }
        if voice == self.voices {
            let total = cost + self.coverage(used);
            if total < self.best.0 {
                self.best = (total, self.chosen);
            }
            return;
        }
        for at in from..self.ladder.len() {
            let (key, tone) = self.ladder[at];
            let mut more = 0;
            for (weight, keys) in self.aims {
                more += weight * (i32::from(key) - keys[voice]).abs();
            }
            if self.leads {
                let moved = (i32::from(key) - self.aims[0].1[voice]).abs();
                more += 6 * (moved - 4).max(0) + if moved > LEAP { FORBIDDEN } else { 0 };
            }
            more += self.spacing(voice, key);
            self.chosen[voice] = key;
            let mut used = used;
            used[tone] += 1;
            self.descend(voice + 1, at + 1, cost + more, used);
        }
    }

    /// What a key costs above the voices that are chosen.
    fn spacing(&self, voice: usize, key: u8) -> i32 {
        let Some(below) = voice.checked_sub(1).map(|index| self.chosen[index]) else { return 0 };
        let gap = key - below;
        let close = match below {
            below if below < LOW => gap < 7,
            below if below < 55 => gap < 3,
            _ => gap < 2,
        };
        let thick = gap == 2 && below < 60;
        let wide = match gap {
            0..=9 => 0,
            10..=12 => 8,
            _ => 60,
        };
        let ninth = self.chosen[..voice].iter().any(|lower| key - lower == 13);
        let cost = |is: bool, cost: i32| if is { cost } else { 0 };
        wide + cost(close, FORBIDDEN) + cost(thick, 15) + cost(ninth, 25)
    }

    fn coverage(&self, used: [u8; 5]) -> i32 {
        let tones = self.tones.iter().zip(used);
        tones
            .map(|(tone, used)| match used {
                0 => tone.missing,
                _ => tone.doubled * i32::from(used - 1),
            })
            .sum()
    }
}

fn tones(chord: &Chord, rooted: bool) -> ArrayVec<Tone, 5> {
    let cost = |interval: u8| match interval {
        0 => (if rooted { 2 } else { 22 }, 3),
        7 => (6, 0),
        6 | 8 => (24, 8),
        2..=5 => (40, 7),
        _ => (30, 16),
    };
    let intervals = chord.kind.intervals().iter();
    intervals
        .map(|interval| {
            let (missing, doubled) = cost(*interval);
            Tone { class: (chord.root + interval) % 12, missing, doubled }
        })
        .collect()
}

fn find(chord: &Chord, space: &Space, aims: &[(i32, [i32; MAX_VOICES])], leads: bool) -> Voicing {
    let tones = tones(chord, space.rooted);
    let rungs = (space.low..=space.high).filter_map(|key| {
        let tone = tones.iter().position(|tone| tone.class == key % 12)?;
        Some((key, tone))
    });
    let ladder: ArrayVec<(u8, usize), 48> = rungs.take(48).collect();
    let voices = space.voices.min(MAX_VOICES).min(ladder.len());
    let mut search = Search {
        ladder,
        tones,
        aims,
        leads,
        voices,
        chosen: [0; MAX_VOICES],
        best: (i32::MAX, [0; MAX_VOICES]),
    };
    search.descend(0, 0, 0, [0; 5]);
    search.best.1[..voices].iter().copied().collect()
}

/// The keys around which voices spread: wide below, close above.
fn spread(space: &Space) -> [i32; MAX_VOICES] {
    const ABOVE: [f32; MAX_VOICES] = [0.0, 7.5, 12.5, 16.5, 20.5, 24.0];
    let mean = ABOVE[..space.voices].iter().sum::<f32>() / space.voices as f32;
    ABOVE.map(|above| (space.centre + (above - mean) * space.openness) as i32)
}

/// The voicing with which a phrase begins: near the middle of its space, and otherwise drawn.
pub fn entry(chord: &Chord, space: &Space, mut chance: Chance) -> Voicing {
    let mut aim = spread(space);
    for key in &mut aim {
        *key += chance.below(5) as i32 - 2;
    }
    find(chord, space, &[(4, aim)], false)
}

/// The voicing that follows another: common tones stay, other voices go to the nearest tone. `pull` draws the
/// voices towards where they will have to go, by a cost for each semitone.
pub fn lead(chord: &Chord, space: &Space, previous: &Voicing, next: &Voicing, pull: i32) -> Voicing {
    let aims =
        [(5, stretched(previous, space.voices)), (pull, stretched(next, space.voices)), (1, spread(space))];
    find(chord, space, &aims, true)
}

/// A voicing's keys for another number of voices.
fn stretched(voicing: &Voicing, voices: usize) -> [i32; MAX_VOICES] {
    let mut keys = [0; MAX_VOICES];
    let last = voicing.len().saturating_sub(1);
    for (voice, key) in keys.iter_mut().enumerate().take(voices) {
        let from = if voices > 1 { (voice * last * 2 + voices - 1) / (2 * (voices - 1)) } else { last };
        *key = voicing.get(from).map_or(60, |key| i32::from(*key));
    }
    keys
}

#[cfg(test)]
mod tests {
    use super::super::harmony::{ChordKind, DEGREES, Palette};
    use super::*;
    use auralis_graph::music::{Key, Mode};

    fn spaces() -> impl Iterator<Item = Space> {
        (2..=6).flat_map(|voices| {
            [(45, false), (52, true)].map(|(low, rooted)| Space {
                voices,
                low,
                high: 76,
                centre: 60.0,
                openness: 1.0,
                rooted,
            })
        })
    }

    fn chords(mode: Mode) -> Vec<Chord> {
        let palette = Palette::new(Key::A_MINOR.with_mode(mode), false);
        let chord = |degree: usize, kind| Chord {
            onset: 0,
            length: 1,
            degree: degree as u8,
            root: palette.root(degree),
            kind,
        };
        let kinds = |n: u64, degree| palette.coloured(degree, 0, 0.6, true, Chance::new(n));
        (0..DEGREES as u64 * 8).map(|n| chord((n % 7) as usize, kinds(n, (n % 7) as usize))).collect()
    }

    #[test]
    fn voicings_are_spaced_and_name_their_chord() {
        for mode in Mode::ALL {
            for (n, chord) in chords(mode).iter().enumerate() {
                for space in spaces() {
                    let voicing = entry(chord, &space, Chance::new(n as u64));
                    assert_eq!(voicing.len(), space.voices);
                    let tones = chord.tones();
                    assert!(voicing.iter().all(|key| tones.has(*key)));
                    for pair in voicing.windows(2) {
                        assert!(pair[1] - pair[0] >= if pair[0] < LOW { 7 } else { 2 }, "{voicing:?}");
                    }
                    let third = chord.kind.intervals()[1] + chord.root;
                    assert!(voicing.iter().any(|key| key % 12 == third % 12), "{voicing:?} {chord:?}");
                }
            }
        }
    }

    #[test]
    fn voices_keep_common_tones_and_do_not_leap() {
        for mode in Mode::ALL {
            for space in spaces() {
                let chords = chords(mode);
                let mut voicing = entry(&chords[0], &space, Chance::new(1));
                let target = entry(&chords[3], &space, Chance::new(2));
                for pair in chords.windows(2) {
                    let next = lead(&pair[1], &space, &voicing, &target, 0);
                    for (a, b) in voicing.iter().zip(&next) {
                        assert!(a.abs_diff(*b) <= LEAP as u8, "{voicing:?} {next:?} {pair:?}");
                    }
                    let moved: i32 = voicing.iter().zip(&next).map(|(a, b)| i32::from(a.abs_diff(*b))).sum();
                    assert!(moved <= 5 * space.voices as i32, "{voicing:?} {next:?}");
                    voicing = next;
                }
            }
        }
        // From A minor to F major: A and C stay, E goes to F.
        let a_minor = Chord { onset: 0, length: 1, degree: 0, root: 57, kind: ChordKind::Minor };
        let f_major = Chord { degree: 5, root: 65, kind: ChordKind::Major, ..a_minor };
        let space = Space { voices: 3, low: 45, high: 73, centre: 62.0, openness: 1.0, rooted: false };
        let from: Voicing = [57, 64, 72].into_iter().collect();
        let to = lead(&f_major, &space, &from, &from, 0);
        assert_eq!(to.as_slice(), [57, 65, 72]);
    }
}
