//! What keeps phrases apart: each carries a number that no other one within 30 minutes carries, written into its
//! melody as where and on which degree it begins, and where it ends and how long that note lasts. The number
//! can be read back from the notes, so two phrases with different numbers cannot be alike. Allocation-free.

use super::metre::{Metre, STRONG};
use auralis_graph::chance::Chance;
use auralis_graph::music::TICKS_PER_QUARTER;
use auralis_graph::settings::MAX_TEMPO;

/// Seconds within which no number returns at any tempo.
const FRESH_SECONDS: f64 = 1800.0;

/// Fewest degrees of a melody's scale.
const FEWEST_DEGREES: usize = 5;

/// Fewest slots that a last note needs before the end of the phrase: for any length modulo 3 or 5.
const ROOM: usize = 5;

/// How numbers are written in a metre.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signatures {
    /// Slots in the unit by which entries and ends are counted.
    pub unit: usize,
    /// The entry's place counts modulo this.
    entries: usize,
    /// The end's place counts modulo this.
    ends: usize,
    /// The first note's length in slots counts modulo this.
    entry_lengths: usize,
    /// The last note's length in slots counts modulo this.
    end_lengths: usize,
}

/// The number of one phrase, as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Signature {
    /// Units from the start to the first note, modulo.
    pub entry: usize,
    /// Degree of the melody's scale on which it begins.
    pub degree: usize,
    /// Length of the first note in slots, modulo.
    pub entry_length: usize,
    /// Units from the last note to the end of the phrase, less one, modulo.
    pub end: usize,
    /// Length of the last note in slots, modulo.
    pub end_length: usize,
}

impl Signatures {
    /// Room for as many numbers as the metre's phrases need at the fastest tempo.
    pub fn new(metre: &Metre) -> Self {
        let mut unit = metre.pulse;
        while unit > 1 && metre.phrase_slots() / unit < 32 {
            unit /= 2;
        }
        let escape = |least: usize| (least..least + 6).min_by_key(|entries| turns(metre, unit, *entries));
        let (short, long) = (escape(8).unwrap_or(8), escape(12).unwrap_or(12));
        let ways = [(short, 8, 1, 3), (short, 8, 4, 3), (long, 12, 5, 5)];
        let of = |(entries, ends, entry_lengths, end_lengths): (usize, usize, usize, usize)| Self {
            unit,
            entries,
            ends,
            entry_lengths,
            end_lengths,
        };
        let needed = phrases_within(metre, FRESH_SECONDS);
        let enough = |way: &Self| way.period(FEWEST_DEGREES) > needed;
        ways.into_iter().map(of).find(enough).unwrap_or_else(|| of(ways[2]))
    }

    /// Phrases after which numbers begin anew, for a scale of so many degrees.
    pub fn period(&self, degrees: usize) -> u64 {
        (self.entries * degrees * self.entry_lengths * self.ends * self.end_lengths) as u64
    }

    /// The number of a phrase: a permutation of its index, so that each occurs once in a period.
    pub fn of(&self, phrase: u64, degrees: usize, chance: Chance) -> Signature {
        let period = self.period(degrees);
        let mut rest = permuted(phrase % period, period, chance) as usize;
        let mut digit = |radix: usize| {
            let digit = rest % radix;
            rest /= radix;
            digit
        };
        Signature {
            entry: digit(self.entries),
            degree: digit(degrees),
            entry_length: digit(self.entry_lengths),
            end: digit(self.ends),
            end_length: digit(self.end_lengths),
        }
    }

    /// Slots at which a phrase with this number may begin, the plainest first: on the counted place, then between
    /// it and the next, then a turn later.
    pub fn entry_slots(&self, signature: Signature) -> impl Iterator<Item = usize> + '_ {
        let turns = (0..3).map(move |turn| (signature.entry + turn * self.entries) * self.unit);
        turns.flat_map(|slot| slot..slot + self.unit)
    }

    /// The slot of the last note in a phrase of so many slots.
    pub fn end_slot(&self, signature: Signature, slots: usize) -> usize {
        let back = |turn: usize| (signature.end + 1 + turn * self.ends) * self.unit;
        let distance = (0..4).map(back).find(|distance| *distance >= ROOM).unwrap_or(ROOM);
        slots - distance
    }

    /// The length of the last note nearest to a wish, within the room there is.
    pub fn end_length(&self, signature: Signature, wish: usize, room: usize) -> usize {
        nearest(signature.end_length, self.end_lengths, wish, room)
    }

    /// The length of the first note nearest to a wish, within the room there is.
    pub fn entry_length(&self, signature: Signature, wish: usize, room: usize) -> usize {
        nearest(signature.entry_length, self.entry_lengths, wish, room)
    }

    /// Most slots that the first note may need for its length to be told.
    pub fn entry_room(&self) -> usize {
        self.entry_lengths
    }
}

/// Phrases that begin within a time at the fastest legal tempo.
fn phrases_within(metre: &Metre, seconds: f64) -> u64 {
    let quarters = metre.phrase_ticks() as f64 / TICKS_PER_QUARTER as f64;
    (seconds * MAX_TEMPO / 60.0 / quarters).ceil() as u64 + 1
}

/// The number nearest to `wish` that is `digit` modulo `radix`, at least 1 and at most `room`.
fn nearest(digit: usize, radix: usize, wish: usize, room: usize) -> usize {
    let legal = |length: &usize| length % radix == digit && (1..=room).contains(length);
    let found = (0..=room.max(wish)).flat_map(|away| [wish + away, wish.saturating_sub(away)]).find(legal);
    found.unwrap_or(1)
}

/// Most turns that an entry may have to wait for a weak slot.
fn turns(metre: &Metre, unit: usize, entries: usize) -> usize {
    let weak = |slot: usize| (slot..slot + unit).any(|slot| metre.weight(slot) < STRONG);
    let wait = |entry: usize| (0..9).find(|turn| weak((entry + turn * entries) * unit)).unwrap_or(9);
    (0..entries).map(wait).max().unwrap_or(0)
}

/// A permutation of 0..period: a Feistel network over the next even power of two, walked until it lands within
/// (Black and Rogaway, "Ciphers with arbitrary finite domains", CT-RSA 2002, section 3).
fn permuted(value: u64, period: u64, chance: Chance) -> u64 {
    let half = (64 - (period.max(2) - 1).leading_zeros()).div_ceil(2);
    let mask = (1u64 << half) - 1;
    let mut at = value;
    loop {
        let (mut left, mut right) = (at >> half, at & mask);
        for round in 0..4 {
            let scrambled = chance.at(round << 32 | right).bits() & mask;
            (left, right) = (right, left ^ scrambled);
        }
        at = left << half | right;
        if at < period {
            return at;
        }
    }
}

#[cfg(test)]
impl Signatures {
    /// Reads a number back: from the slot, the degree and the length of the first note, and the slot and the
    /// length of the last, in a phrase of so many slots.
    pub fn read(&self, first: (usize, usize, usize), last: (usize, usize), slots: usize) -> Signature {
        Signature {
            entry: first.0 / self.unit % self.entries,
            degree: first.1,
            entry_length: first.2 % self.entry_lengths,
            end: ((slots - last.0) / self.unit - 1) % self.ends,
            end_length: last.1 % self.end_lengths,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use auralis_graph::music::Meter;
    use std::collections::HashSet;

    fn every_metre() -> impl Iterator<Item = (Meter, Metre)> {
        let meters = (1..=32).flat_map(|beats| [1, 2, 4, 8, 16, 32].map(|unit| Meter { beats, unit }));
        meters.flat_map(|meter| [8, 16].map(|bars| (meter, Metre::new(meter, bars))))
    }

    #[test]
    fn no_number_returns_within_30_minutes_at_400_beats_a_minute_in_any_metre() {
        for (meter, metre) in every_metre() {
            let signatures = Signatures::new(&metre);
            let seconds = metre.phrase_ticks() as f64 / 960.0 * 60.0 / 400.0;
            for degrees in [5, 7] {
                assert!(signatures.period(degrees) as f64 * seconds > 1800.0, "{meter}");
            }
        }
    }

    #[test]
    fn a_period_holds_every_number_once() {
        for (meter, metre) in every_metre().step_by(11) {
            let signatures = Signatures::new(&metre);
            let period = signatures.period(7);
            for seed in [0, 1, u64::MAX] {
                let all: HashSet<Signature> = (1_000_000..1_000_000 + period)
                    .map(|phrase| signatures.of(phrase, 7, Chance::new(seed)))
                    .collect();
                assert_eq!(all.len() as u64, period, "{meter}");
            }
        }
    }

    #[test]
    fn every_number_can_be_written_and_read_back() {
        for (meter, metre) in every_metre() {
            let signatures = Signatures::new(&metre);
            let slots = metre.phrase_slots();
            for phrase in 0..signatures.period(7).min(3000) {
                let signature = signatures.of(phrase, 7, Chance::new(5));
                let weak = |slot: &usize| metre.weight(*slot) < STRONG;
                let first = signatures.entry_slots(signature).find(weak).expect("a weak slot to begin on");
                let last = signatures.end_slot(signature, slots);
                assert!(first + 2 <= last, "{meter}: {first} {last} of {slots}");
                let first_length = signatures.entry_length(signature, 2, last - first);
                let last_length = signatures.end_length(signature, 6, slots - last);
                let read =
                    signatures.read((first, signature.degree, first_length), (last, last_length), slots);
                assert_eq!(read, signature, "{meter}");
            }
        }
    }
}
