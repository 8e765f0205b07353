//! A composed phrase: its chords and the notes of its parts, in arrays of fixed size. Plain values.

use super::harmony::Chord;
use arrayvec::ArrayVec;

/// Most chords in a phrase.
pub const MAX_CHORDS: usize = 16;

/// Most notes in a phrase, of all parts together.
pub const MAX_NOTES: usize = 512;

/// Who plays a note: also the index of the output and the channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// Pads: output `chords`, channel 0.
    Chords = 0,
    /// Output `melody`, channel 1.
    Melody = 1,
    /// Output `bass`, channel 2.
    Bass = 2,
}

/// A note of a phrase.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Note {
    /// Who plays it.
    pub part: Part,
    /// MIDI key.
    pub key: u8,
    /// 0 to 1.
    pub velocity: f32,
    /// Ticks after the start of the phrase, on the grid of slots.
    pub onset: u32,
    /// Ticks by which the hand is late.
    pub delay: u32,
    /// Ticks from the onset on the grid to the release.
    pub length: u32,
}

impl Note {
    /// Ticks after the start of the phrase at which it sounds.
    pub fn start(&self) -> u32 {
        self.onset + self.delay
    }

    /// Ticks after the start of the phrase at which it is released; never behind the phrase's end.
    pub fn end(&self) -> u32 {
        self.onset + self.length
    }
}

/// A phrase of the piece. Fixed in size: filling it again allocates nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Phrase {
    /// The phrase's number, counted from 0 at position 0.
    pub number: i64,
    /// Its length in ticks.
    pub ticks: i64,
    /// Its chords, in order; each ends where the next begins.
    pub chords: ArrayVec<Chord, MAX_CHORDS>,
    /// Its notes, by start.
    pub notes: ArrayVec<Note, MAX_NOTES>,
}

impl Phrase {
    /// The notes of one part, by start.
    pub fn part(&self, part: Part) -> impl Iterator<Item = &Note> {
        self.notes.iter().filter(move |note| note.part == part)
    }

    /// The chord that holds at a tick of the phrase.
    pub fn chord_at(&self, tick: u32) -> Option<&Chord> {
        self.chords.iter().rev().find(|chord| chord.onset <= tick)
    }

    /// Adds a note. What exceeds [`MAX_NOTES`] is left out; no configuration comes near it, as a test shows.
    pub(super) fn add(&mut self, note: Note) {
        let _ = self.notes.try_push(note);
    }

    /// Puts the notes in order of start; the order is total, so that it is the same everywhere.
    pub(super) fn sort(&mut self) {
        self.notes.sort_unstable_by_key(|note| (note.start(), note.part, note.key));
    }
}

/// How positions divide into phrases; published by every composer for the socket around the graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhraseGrid {
    /// Ticks in a phrase.
    pub ticks: i64,
    /// Bars in a phrase.
    pub bars: usize,
    /// Ticks between the moments of a phrase at which changed settings take hold, from its start on.
    pub change: i64,
}

impl PhraseGrid {
    /// The first tick at or after a position at which changed settings take hold.
    pub fn next_change(&self, tick: f64) -> i64 {
        let start = self.start_of(self.phrase_at(tick.floor() as i64));
        let steps = ((tick - start as f64) / self.change as f64).ceil() as i64;
        start + (steps * self.change).min(self.ticks)
    }

    /// The number of the phrase at a tick; below 0 before the piece begins.
    pub fn phrase_at(&self, tick: i64) -> i64 {
        tick.div_euclid(self.ticks)
    }

    /// The tick at which a phrase starts.
    pub fn start_of(&self, phrase: i64) -> i64 {
        phrase.saturating_mul(self.ticks)
    }

    /// Ticks from a tick to the start of the next phrase, at least 1.
    pub fn ticks_to_next(&self, tick: i64) -> i64 {
        self.ticks - tick.rem_euclid(self.ticks)
    }
}
