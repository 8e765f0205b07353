//! What all parts of one phrase go by while it is composed. Borrowed values, allocation-free.

use super::config::ComposerConfig;
use super::form::{Plan, smooth};
use super::harmony::{Chord, Palette};
use super::metre::Metre;
use super::phrase::Part;
use auralis_graph::chance::Chance;
use auralis_graph::music::TICKS_PER_QUARTER;

/// The course of a phrase's energy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Contour {
    /// Up to the climax and down again.
    Arch,
    /// Down from an early climax.
    Fall,
    /// Up to a late climax.
    Rise,
    /// Up and down twice.
    Wave,
}

impl Contour {
    /// A contour and the place of its climax, from 0, the start of the phrase, to 1.
    pub fn draw(mut chance: Chance) -> (Self, f32) {
        let spread = chance.unit();
        match chance.weighted(&[4.0, 2.0, 2.5, 2.5]) {
            0 => (Contour::Arch, 0.5 + 0.2 * spread),
            1 => (Contour::Fall, 0.12 + 0.15 * spread),
            2 => (Contour::Rise, 0.72 + 0.12 * spread),
            _ => (Contour::Wave, 0.6 + 0.15 * spread),
        }
    }

    /// The height at a place, 0 to 1, for a climax at `peak`.
    pub fn height(self, place: f32, peak: f32) -> f32 {
        let hill = |place: f32, peak: f32| {
            smooth(if place < peak { place / peak } else { (1.0 - place) / (1.0 - peak) })
        };
        match self {
            Contour::Arch => hill(place, peak),
            Contour::Fall => hill(place, peak).max(0.35 * (1.0 - place)),
            Contour::Rise => hill(place, peak).max(0.2),
            Contour::Wave if place < peak * 0.5 => 0.65 * hill(place / (peak * 0.5), 0.5),
            Contour::Wave => hill((place - peak * 0.5) / (1.0 - peak * 0.5), peak * 0.5 / (1.0 - peak * 0.5)),
        }
    }
}

/// What all parts of one phrase go by.
pub struct Brief<'a> {
    /// The grid.
    pub metre: &'a Metre,
    /// What the preset says.
    pub config: &'a ComposerConfig,
    /// What the form says.
    pub plan: &'a Plan,
    /// The key.
    pub palette: &'a Palette,
    /// The chords of the phrase.
    pub chords: &'a [Chord],
    /// The root of the piece's chance.
    pub root: Chance,
    /// The course of the phrase, and where its climax lies, 0 to 1.
    pub contour: (Contour, f32),
    /// Quarter notes a minute.
    pub tempo: f64,
}

impl Brief<'_> {
    /// The index of the chord that holds at a slot.
    pub fn chord_index(&self, slot: usize) -> usize {
        let tick = self.metre.tick(slot);
        self.chords.iter().rposition(|chord| chord.onset <= tick).unwrap_or(0)
    }

    /// The chord that holds at a slot.
    pub fn chord(&self, slot: usize) -> &Chord {
        &self.chords[self.chord_index(slot)]
    }

    /// The chords that hold at any of so many slots.
    pub fn chords_within(&self, slot: usize, slots: usize) -> &[Chord] {
        let (from, to) = (self.chord_index(slot), self.chord_index(slot + slots.max(1) - 1));
        &self.chords[from..=to]
    }

    /// The slots of a chord: the first, and how many.
    pub fn slots_of(&self, chord: &Chord) -> (usize, usize) {
        let ticks = self.metre.slot_ticks;
        ((chord.onset / ticks) as usize, (chord.length / ticks) as usize)
    }

    /// Where a slot lies in the phrase, 0 to 1.
    pub fn place(&self, slot: usize) -> f32 {
        slot as f32 / self.metre.phrase_slots() as f32
    }

    /// The velocity of a note at a slot: by density, metre, the way to the climax, and a little chance. `lift` is
    /// what the part adds.
    pub fn velocity(&self, part: Part, slot: usize, lift: f32, chance: &mut Chance) -> f32 {
        let (base, reach) = match part {
            Part::Chords => (0.27, 0.22),
            Part::Melody => (0.36, 0.22),
            Part::Bass => (0.34, 0.2),
        };
        let (place, peak) = (self.place(slot), self.contour.1);
        let swell = smooth(if place < peak { place / peak } else { (1.0 - place) / (1.0 - peak) });
        let accent = f32::from(self.metre.weight(slot)) * 0.022;
        let breath = chance.bipolar() * 0.09 * self.config.humanize as f32;
        let velocity = base + reach * self.plan.density + 0.06 * self.plan.tension + 0.1 * swell + accent;
        (velocity + lift + breath).clamp(0.05, 0.95)
    }

    /// Ticks by which a note comes behind the grid: more when little happens, less when much does. `nth` counts
    /// the voices of a chord from below, which never fall quite together.
    pub fn delay(&self, nth: usize, chance: &mut Chance) -> u32 {
        let sparse = 1.0 - self.plan.density;
        let milliseconds = 10.0 * sparse + 9.0 * chance.unit() + 5.0 * sparse * nth as f32;
        let per_millisecond = self.tempo * TICKS_PER_QUARTER as f64 / 60_000.0;
        let ticks = f64::from(milliseconds) * self.config.humanize * per_millisecond;
        (ticks as u32).min(self.metre.slot_ticks / 4)
    }
}
