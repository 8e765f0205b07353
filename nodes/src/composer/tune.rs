//! Pitches for a rhythm: the line that best keeps a motif's steps, follows the contour, stands on the chord where
//! it must and fills its leaps. Exact dynamic programming over the tones of a range; allocation-free.

use super::harmony::PitchClasses;
use arrayvec::ArrayVec;

/// Most tones in a range.
pub const MAX_LADDER: usize = 26;

/// Most notes of a line.
pub const MAX_LINE: usize = 128;

/// What is wanted of one note.
#[derive(Debug, Clone, Copy)]
pub struct Wanted {
    /// Steps of the scale from the note before, where a motif says so.
    pub step: Option<i8>,
    /// Place in the range to be near to, 0 to 1.
    pub aim: f32,
    /// Tones of the chord that holds.
    pub tones: PitchClasses,
    /// Tones that grate against it.
    pub grating: PitchClasses,
    /// Pitch class of its root.
    pub root: u8,
    /// Whether it must be a tone of the chord.
    pub stable: bool,
    /// Tones a semitone above one of a chord that sounds under it.
    pub rubbing: PitchClasses,
    /// Whether it lasts long enough for that to be heard as a clash.
    pub long: bool,
    /// The only pitch class that it may have.
    pub only: Option<u8>,
    /// Whether it is the line's one climax.
    pub peak: bool,
    /// Whether the line ends here.
    pub last: bool,
}

/// How the line came to a tone: what it owes.
const NO_LEAP: usize = 0;
const LEAPT_UP: usize = 1;
const LEAPT_DOWN: usize = 2;

/// A leap, in semitones: more than a third.
const LEAP: i32 = 5;

/// Most notes of a line that may keep its climax low.
const FEW: usize = 14;

/// What breaking a rule costs; the weightier ones cost several times as much.
const RULE: i32 = 1_000;

/// More than any line costs.
const NEVER: i32 = i32::MAX / 2;

#[derive(Clone, Copy)]
struct Rung {
    key: i32,
    /// Whether it belongs to the chord.
    chordal: bool,
    cost: i32,
}

/// Fills `keys` with one key for each note wanted. `ladder` holds the legal keys, ascending.
///
/// # Panics
/// If the ladder is empty or longer than [`MAX_LADDER`], or the line is longer than [`MAX_LINE`] or than `keys`.
pub fn tune(ladder: &[u8], line: &[Wanted], keys: &mut [u8]) {
    assert!((1..=MAX_LADDER).contains(&ladder.len()) && line.len() <= MAX_LINE.min(keys.len()));
    let mut table = Table { back: [[[0; 3]; MAX_LADDER]; MAX_LINE] };
    let summits = summits(ladder, line);
    let few = summits.iter().flatten().count();
    let costs = summits.map(|summit| match summit {
        Some(_) if few > 1 => table.fill(ladder, line, summit).0,
        Some(_) => 0,
        None => NEVER,
    });
    let best = (0..summits.len()).min_by_key(|index| costs[*index]).and_then(|index| summits[index]);
    let (_, at, way) = table.fill(ladder, line, best);
    table.read(ladder, (at, way), &mut keys[..line.len()]);
}

/// Rungs that the climax may have: near the top of the range; a line of few notes may keep lower, so that it need
/// not leap.
fn summits(ladder: &[u8], line: &[Wanted]) -> [Option<usize>; 3] {
    let (Some(wanted), Some(top)) = (line.iter().find(|wanted| wanted.peak), ladder.last()) else {
        return [None; 3];
    };
    let suits = |key: u8| {
        let clashes = wanted.grating.has(key) || (wanted.long && wanted.rubbing.has(key));
        wanted.tones.has(key) || (!wanted.stable && !clashes)
    };
    let within = |semitones: u8| move |at: &usize| top - ladder[*at] <= semitones && suits(ladder[*at]);
    let highest = (0..ladder.len()).rev().find(within(5));
    if line.len() > FEW {
        return [highest, None, None];
    }
    let lowest = (0..ladder.len()).find(within(10)).filter(|at| Some(*at) != highest);
    let middle = (0..ladder.len()).find(within(6)).filter(|at| Some(*at) != highest && Some(*at) != lowest);
    [highest, middle, lowest]
}

/// The way back from each tone of each note: where the best line came from.
struct Table {
    back: [[[u8; 3]; MAX_LADDER]; MAX_LINE],
}

impl Table {
    /// Works out the best line to every last tone. Returns the least cost, its tone, and how that was reached.
    fn fill(&mut self, ladder: &[u8], line: &[Wanted], summit: Option<usize>) -> (i32, usize, usize) {
        let mut costs = [[NEVER; 3]; MAX_LADDER];
        let mut rungs: ArrayVec<(usize, Rung), MAX_LADDER> = ArrayVec::new();
        for (index, wanted) in line.iter().enumerate() {
            let (before, old) = (rungs, costs);
            rungs = open_rungs(ladder, wanted, summit);
            costs = [[NEVER; 3]; MAX_LADDER];
            for (at, rung) in &rungs {
                if index == 0 {
                    costs[*at][NO_LEAP] = rung.cost;
                }
                for (from, source) in &before {
                    let moved = rung.key - source.key;
                    let base = rung.cost + movement(moved, *at as i32 - *from as i32, source, rung, wanted);
                    let came = match moved {
                        LEAP.. => LEAPT_UP,
                        moved if moved <= -LEAP => LEAPT_DOWN,
                        _ => NO_LEAP,
                    };
                    for (way, cost) in old[*from].iter().enumerate().filter(|(_, cost)| **cost < NEVER) {
                        let total = cost + base + debt(way, moved);
                        if total < costs[*at][came] {
                            costs[*at][came] = total;
                            self.back[index][*at][came] = (from * 3 + way) as u8;
                        }
                    }
                }
            }
        }
        let states = (0..ladder.len()).flat_map(|at| [NO_LEAP, LEAPT_UP, LEAPT_DOWN].map(|way| (at, way)));
        let found = states.map(|(at, way)| (costs[at][way], at, way)).min();
        found.unwrap_or((0, 0, NO_LEAP))
    }

    /// Follows the way back from a last tone.
    fn read(&self, ladder: &[u8], (mut at, mut way): (usize, usize), keys: &mut [u8]) {
        for (index, key) in keys.iter_mut().enumerate().rev() {
            *key = ladder[at];
            let from = usize::from(self.back[index][at][way]);
            (at, way) = (from / 3, from % 3);
        }
    }
}

/// The tones that a note may have: all but those that break a rule which others keep.
fn open_rungs(ladder: &[u8], wanted: &Wanted, summit: Option<usize>) -> ArrayVec<(usize, Rung), MAX_LADDER> {
    let keys = ladder.iter().enumerate();
    let mut rungs: ArrayVec<(usize, Rung), MAX_LADDER> =
        keys.map(|(at, key)| (at, rung(ladder.len(), at, *key, wanted, summit))).collect();
    let least = rungs.iter().map(|(_, rung)| rung.cost).min().unwrap_or(0);
    rungs.retain(|(_, rung)| rung.cost < least + RULE / 2);
    rungs
}

/// What a tone costs by itself.
fn rung(ladder: usize, at: usize, key: u8, wanted: &Wanted, summit: Option<usize>) -> Rung {
    let chordal = wanted.tones.has(key);
    let aim = wanted.aim * (ladder - 1) as f32;
    // The contour says where a statement lies; within it the motif leads.
    let pull = if wanted.step.is_none() { 4.0 } else { 1.2 };
    let mut cost = (pull * (at as f32 - aim).abs()) as i32;
    if let Some(class) = wanted.only {
        cost += if key % 12 == class { 0 } else { 100 * RULE };
    } else if wanted.stable && !chordal {
        cost += 10 * RULE;
    }
    if wanted.grating.has(key) && wanted.only.is_none() {
        cost += 5 * RULE;
    }
    if wanted.rubbing.has(key) {
        cost += match (wanted.long, chordal) {
            (true, false) => 70,
            (true, true) => 20,
            (false, _) => 6,
        };
    }
    match summit {
        Some(summit) if wanted.peak => cost += if at == summit { 0 } else { RULE },
        Some(summit) => cost += if at < summit { 0 } else { RULE },
        None => {}
    }
    if wanted.last {
        cost += match (i32::from(key) - i32::from(wanted.root)).rem_euclid(12) {
            0 => 0,
            3 | 4 | 7 => 3,
            _ => 10,
        };
    }
    Rung { key: i32::from(key), chordal, cost }
}

/// What the way from one tone to the next costs.
fn movement(moved: i32, steps: i32, from: &Rung, to: &Rung, wanted: &Wanted) -> i32 {
    let mut cost = match wanted.step {
        Some(step) if steps == i32::from(step) => 0,
        // A changed interval is felt at once, by how much is less important; a changed direction is another motif.
        Some(step) => {
            let turned = steps.signum() != i32::from(step.signum());
            16 + 8 * (steps - i32::from(step)).abs().min(4) + if turned { 14 } else { 0 }
        }
        // From one statement to the next: the nearer the better.
        None => 3 * steps.abs(),
    };
    cost += match moved.abs() {
        0 if wanted.step != Some(0) => 10,
        0..=5 | 7 => 0,
        6 | 8 | 9 => 14,
        10..=12 => 45,
        _ => 2 * RULE,
    };
    // Tones between chords come and go by step.
    if !from.chordal && steps.abs() != 1 {
        cost += 16;
    }
    if !to.chordal && steps.abs() > 1 {
        cost += 8;
    }
    cost
}

/// What it costs not to fill a leap by a step in the other direction.
fn debt(way: usize, moved: i32) -> i32 {
    match way {
        LEAPT_UP if !(-4..0).contains(&moved) => 34,
        LEAPT_DOWN if !(1..=4).contains(&moved) => 34,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const C_MAJOR: [u8; 10] = [60, 62, 64, 65, 67, 69, 71, 72, 74, 76];

    fn wanted(step: Option<i8>) -> Wanted {
        Wanted {
            step,
            aim: 0.5,
            tones: PitchClasses(1 | 1 << 4 | 1 << 7),
            grating: PitchClasses(0),
            rubbing: PitchClasses(0),
            root: 0,
            stable: false,
            long: false,
            only: None,
            peak: false,
            last: false,
        }
    }

    fn run(line: &[Wanted]) -> Vec<u8> {
        let mut keys = vec![0; line.len()];
        tune(&C_MAJOR, line, &mut keys);
        keys
    }

    #[test]
    fn a_motif_keeps_its_steps_where_the_chord_allows() {
        let mut line = [None, Some(1), Some(1), Some(-1), Some(-1)].map(wanted);
        line[0].stable = true;
        line[4].stable = true;
        let keys = run(&line);
        let place = |key: &u8| C_MAJOR.iter().position(|k| k == key).unwrap() as i32;
        let steps: Vec<i32> = keys.windows(2).map(|w| place(&w[1]) - place(&w[0])).collect();
        assert_eq!(steps, [1, 1, -1, -1], "{keys:?}");
    }

    #[test]
    fn rules_win_over_wishes() {
        let mut line = vec![wanted(None); 9];
        line[1].only = Some(11);
        line[4].peak = true;
        line[8].stable = true;
        line[8].last = true;
        let keys = run(&line);
        assert_eq!(keys[1] % 12, 11);
        assert!(keys.iter().enumerate().all(|(i, key)| i == 4 || *key < keys[4]), "{keys:?}");
        assert!([0, 4, 7].contains(&(keys[8] % 12)));
    }

    #[test]
    fn leaps_are_filled_by_step_in_the_other_direction() {
        let keys = run(&[None, Some(4), Some(3), Some(2)].map(wanted));
        for w in keys.windows(3) {
            let (first, second) = (i32::from(w[1]) - i32::from(w[0]), i32::from(w[2]) - i32::from(w[1]));
            assert!(
                first.abs() < LEAP || (second.signum() == -first.signum() && second.abs() <= 4),
                "{keys:?}"
            );
        }
    }

    #[test]
    fn a_line_without_a_legal_tone_still_has_pitches() {
        let mut note = wanted(None);
        note.tones = PitchClasses(1 << 1);
        note.stable = true;
        note.only = Some(3);
        let keys = run(&[note, note]);
        assert!(keys.iter().all(|key| C_MAJOR.contains(key)));
    }
}
