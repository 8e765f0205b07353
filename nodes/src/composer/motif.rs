//! Motifs: short cells of rhythm and steps, and what becomes of them. Plain values, allocation-free.

use super::metre::{Metre, STRONG};
use arrayvec::ArrayVec;
use auralis_graph::chance::Chance;

/// Most notes of a motif.
pub const MAX_CELL: usize = 6;

/// A note of a motif.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Cell {
    /// Slots until the next note.
    pub slots: u16,
    /// Steps of the scale from the note before; 0 at the first.
    pub step: i8,
}

/// A short cell of rhythm and steps.
pub type Motif = ArrayVec<Cell, MAX_CELL>;

/// The way a motif's line goes.
const SHAPES: [[i8; MAX_CELL]; 8] = [
    [0, 1, 1, 1, -1, -1],
    [0, -1, -1, -1, -1, 1],
    [0, 1, 1, -1, -1, -1],
    [0, -1, 1, 1, -1, 1],
    [0, 1, -1, -1, 1, -1],
    [0, 1, -1, 1, -1, -1],
    [0, -1, 1, -1, -1, 1],
    [0, -1, -1, 1, 1, 1],
];

/// A motif drawn for a metre: 3 to 6 notes over about a bar, mostly by step, with at most one leap, which is
/// filled.
pub fn draw(metre: &Metre, mut chance: Chance) -> Motif {
    let count = 3 + chance.weighted(&[3.0, 4.0, 2.0, 1.0]);
    let bar = metre.slots.min(16);
    let span = match chance.weighted(&[5.0, 2.5, 2.0]) {
        0 if bar > count => bar,
        1 if bar / 2 + bar > count => bar + bar / 2,
        _ => bar * 2,
    };
    let mut motif = Motif::new();
    for slots in rhythm(metre, span, count, &mut chance) {
        motif.push(Cell { slots, step: 0 });
    }
    let shape = SHAPES[chance.below(SHAPES.len() as u32) as usize];
    let (mut leaps, mut owed, mut slot, mut strong) = (1.0, 0, 0, true);
    for index in 1..motif.len() {
        slot += usize::from(motif[index - 1].slots);
        let (from_strong, way) = (strong, shape[index]);
        strong = metre.weight(slot) >= STRONG;
        let cell = &mut motif[index];
        if owed != 0 {
            cell.step = -owed;
            owed = 0;
            continue;
        }
        // Tones of a chord are thirds apart, and on strong slots there will be chords.
        let step = if from_strong && strong { 0.8 } else { 6.0 };
        let size = 1 + chance.weighted(&[step, 2.2, 0.8 * leaps, 0.5 * leaps]) as i8;
        cell.step = way * size;
        if size >= 3 {
            leaps = 0.0;
            owed = way;
        }
    }
    motif
}

/// Cuts a span into so many lengths: at its strongest places, sometimes dotted, the earlier parts sooner, so
/// that the last tends to be long.
fn rhythm(metre: &Metre, span: usize, count: usize, chance: &mut Chance) -> ArrayVec<u16, MAX_CELL> {
    let mut parts: ArrayVec<(usize, usize), MAX_CELL> = ArrayVec::new();
    parts.push((0, span));
    while parts.len() < count.min(span) {
        let mut weights = [0.0; MAX_CELL];
        for (index, (_, length)) in parts.iter().enumerate() {
            let early = 1.0 / (1.0 + index as f32);
            weights[index] = if *length > 1 { (*length * *length) as f32 * early } else { 0.0 };
        }
        let which = chance.weighted(&weights);
        let (start, length) = parts[which];
        let strongest = (start + 1..start + length)
            .max_by_key(|at| (metre.weight(*at), length - (2 * (at - start)).abs_diff(length)))
            .unwrap_or(start + 1);
        let (front, back) = (strongest - start, start + length - strongest);
        let dotted = chance.happens(0.3) && back >= 2;
        let cut = if dotted { front + back / 2 } else { front };
        parts[which] = (start, cut);
        parts.insert(which + 1, (start + cut, length - cut));
    }
    parts.iter().map(|(_, length)| *length as u16).collect()
}

/// Upside down.
pub fn inverted(motif: &Motif) -> Motif {
    motif.iter().map(|cell| Cell { step: -cell.step, ..*cell }).collect()
}

/// From the end to the beginning.
pub fn reversed(motif: &Motif) -> Motif {
    let mut out: Motif = motif.iter().rev().copied().collect();
    // The step into a note becomes the step out of it.
    for (index, cell) in out.iter_mut().enumerate() {
        cell.step = if index == 0 { 0 } else { -motif[motif.len() - index].step };
    }
    out
}

/// Times as slow.
pub fn stretched(motif: &Motif, times: u16) -> Motif {
    motif.iter().map(|cell| Cell { slots: cell.slots * times, ..*cell }).collect()
}

/// Twice as fast; for motifs whose lengths can be halved.
pub fn hurried(motif: &Motif) -> Motif {
    motif.iter().map(|cell| Cell { slots: (cell.slots / 2).max(1), ..*cell }).collect()
}

/// At most so many notes: the first, the last, and those that move farthest; the others' time and steps go to
/// their neighbours.
pub fn thinned(motif: &Motif, most: usize) -> Motif {
    let mut out = motif.clone();
    while out.len() > most.max(1) {
        let inner = 1..out.len().max(2) - 1;
        let least = inner.min_by_key(|index| out[*index].step.abs()).unwrap_or(out.len() - 1);
        let gone = out.remove(least);
        out[least - 1].slots += gone.slots;
        if let Some(next) = out.get_mut(least) {
            next.step += gone.step;
        }
    }
    out
}

/// Its last notes.
pub fn tail(motif: &Motif, notes: usize) -> Motif {
    let mut out: Motif = motif[motif.len().saturating_sub(notes)..].iter().copied().collect();
    if let Some(first) = out.first_mut() {
        first.step = 0;
    }
    out
}

/// Its first notes.
pub fn head(motif: &Motif, notes: usize) -> Motif {
    motif.iter().take(notes).copied().collect()
}

/// With a neighbouring tone within each long note, each by chance.
pub fn ornamented(motif: &Motif, long: usize, amount: f32, chance: &mut Chance) -> Motif {
    let mut out = Motif::new();
    let mut taken = 0;
    for (index, cell) in motif.iter().enumerate() {
        let mut cell = Cell { step: cell.step - taken, ..*cell };
        taken = 0;
        let room = out.len() + (motif.len() - index) < MAX_CELL;
        if room && usize::from(cell.slots) >= long && index + 1 < motif.len() && chance.happens(amount) {
            let after = motif[index + 1].step;
            // On the way to the next tone if that is a third away, else around it.
            let step = if after.abs() == 2 { after.signum() } else { -after.signum() };
            let half = cell.slots / 2;
            taken = step;
            cell.slots -= half;
            out.push(cell);
            out.push(Cell { slots: half, step });
        } else {
            out.push(cell);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn metre(text: &str) -> Metre {
        Metre::new(text.parse().unwrap(), 8)
    }

    fn span(motif: &Motif) -> u16 {
        motif.iter().map(|cell| cell.slots).sum()
    }

    fn reach(motif: &Motif) -> i8 {
        motif.iter().map(|cell| cell.step).sum()
    }

    #[test]
    fn motifs_are_short_and_fill_their_leaps() {
        for text in ["4/4", "3/4", "7/8", "6/8", "1/4", "31/8"] {
            let metre = metre(text);
            for seed in 0..500 {
                let motif = draw(&metre, Chance::new(seed));
                assert!((3..=6).contains(&motif.len()));
                assert!(motif.iter().all(|cell| cell.slots > 0));
                assert!(usize::from(span(&motif)) <= 2 * metre.slots, "{text}");
                for pair in motif.windows(2).filter(|pair| pair[0].step.abs() >= 3) {
                    assert_eq!(pair[1].step, -pair[0].step.signum(), "{motif:?}");
                }
            }
        }
    }

    #[test]
    fn most_rhythms_of_a_metre_are_distinct() {
        let metre = metre("4/4");
        let rhythms: std::collections::HashSet<Vec<u16>> = (0..200)
            .map(|seed| draw(&metre, Chance::new(seed)).iter().map(|cell| cell.slots).collect())
            .collect();
        assert!(rhythms.len() > 40, "{}", rhythms.len());
    }

    #[test]
    fn transformations_keep_what_they_should() {
        let metre = metre("4/4");
        for seed in 0..200 {
            let motif = draw(&metre, Chance::new(seed));
            assert_eq!(inverted(&inverted(&motif)), motif);
            assert_eq!(reversed(&reversed(&motif)), motif);
            assert_eq!(reach(&reversed(&motif)), -reach(&motif));
            assert_eq!(span(&stretched(&motif, 2)), 2 * span(&motif));
            for most in 2..=6 {
                let thin = thinned(&motif, most);
                assert_eq!(thin.len(), motif.len().min(most));
                assert_eq!((span(&thin), reach(&thin)), (span(&motif), reach(&motif)));
            }
            let rich = ornamented(&motif, 2, 1.0, &mut Chance::new(seed));
            assert_eq!((span(&rich), reach(&rich)), (span(&motif), reach(&motif)));
        }
    }
}
