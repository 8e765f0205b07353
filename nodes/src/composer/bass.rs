//! The bass: roots and fifths, low and alone, with a step between now and then. Allocation-free.

use super::brief::Brief;
use super::form::{Bass, motif_chance};
use super::harmony::{Chord, PitchClasses};
use super::metre::STRONG;
use super::motif;
use super::phrase::{MAX_CHORDS, Note, Part, Phrase};
use super::tune::{MAX_LADDER, Wanted, tune};
use arrayvec::ArrayVec;
use auralis_graph::chance::Chance;

/// Semitones that the bass goes below its middle.
pub const BELOW: u8 = 7;
/// Semitones that the bass goes above its middle.
pub const ABOVE: u8 = 5;

/// Writes the bass of a phrase.
pub fn write(brief: &Brief<'_>, phrase: &mut Phrase) {
    let mut line =
        Line { brief, chance: brief.plan.chance.named("bass"), phrase, last: brief.config.bass_at };
    match brief.plan.section.bass {
        Bass::Tacet => {}
        Bass::Pedal => line.pedal(),
        Bass::Motif => line.motif(),
        Bass::Roots => line.roots(false),
        Bass::Moving => line.roots(true),
    }
}

/// The key of a pitch class that is nearest to another key, in the bass's range.
fn near(class: u8, key: u8, middle: u8) -> u8 {
    let range = middle - BELOW..=middle + ABOVE;
    let legal = range.filter(|candidate| candidate % 12 == class % 12);
    // Near to where the line is, and not far from the middle.
    legal.min_by_key(|k| k.abs_diff(key) + k.abs_diff(middle)).unwrap_or(middle)
}

struct Line<'a, 'b> {
    brief: &'a Brief<'a>,
    chance: Chance,
    phrase: &'b mut Phrase,
    last: u8,
}

impl Line<'_, '_> {
    fn add(&mut self, slot: usize, slots: usize, key: u8, lift: f32) {
        let velocity = self.brief.velocity(Part::Bass, slot, lift, &mut self.chance);
        let delay = self.brief.delay(0, &mut self.chance);
        let (onset, length) = (self.brief.metre.tick(slot), self.brief.metre.tick(slots));
        self.phrase.add(Note { part: Part::Bass, key, velocity, onset, delay, length });
        self.last = key;
    }

    fn root(&self, chord: &Chord) -> u8 {
        near(chord.root, self.last, self.brief.config.bass_at)
    }

    /// The tonic throughout, struck again every four bars.
    fn pedal(&mut self) {
        let metre = self.brief.metre;
        let tonic = near(self.brief.palette.root(0), self.last, self.brief.config.bass_at);
        for bar in (0..metre.bars).step_by(4) {
            let slots = metre.slots * 4;
            self.add(bar * metre.slots, slots, tonic, -0.03);
        }
    }

    /// A root for each chord; `moving` adds fifths and steps.
    fn roots(&mut self, moving: bool) {
        let brief = self.brief;
        let density = brief.plan.density;
        let mut index = 0;
        while index < brief.chords.len() {
            let chord = brief.chords[index];
            let (start, mut slots) = brief.slots_of(&chord);
            // Equal roots are one long note.
            let mut next = index + 1;
            while next < brief.chords.len() && brief.chords[next].root == chord.root {
                slots += brief.slots_of(&brief.chords[next]).1;
                next += 1;
            }
            index = next;
            // Where nearly nothing happens, not every chord has a bass.
            if density < 0.1 && start > 0 && self.chance.happens(0.5) {
                continue;
            }
            let root = self.root(&chord);
            if moving {
                self.figure(start, slots, root, &chord, brief.chords.get(next));
            } else {
                let sounding = if density < 0.2 { slots - slots / 4 } else { slots };
                self.add(start, sounding, root, 0.0);
            }
        }
    }

    /// A root, perhaps its fifth, and perhaps a step to the next root.
    fn figure(&mut self, start: usize, slots: usize, root: u8, chord: &Chord, next: Option<&Chord>) {
        let (metre, density) = (self.brief.metre, self.brief.plan.density);
        let mut left = slots;
        let step = next.and_then(|next| self.step(chord, root, next, start + slots));
        let step = step.filter(|_| slots >= metre.slots && self.chance.happens(0.2 + 0.45 * density));
        if step.is_some() {
            left -= metre.pulse;
        }
        let fifth = chord.kind.intervals()[2];
        let half = slots / 2;
        let halved = fifth == 7 && half >= metre.slots.min(4) && self.chance.happens(0.25 + 0.5 * density);
        if halved && left > half {
            self.add(start, half, root, 0.0);
            let key = near(chord.root + fifth, root, self.brief.config.bass_at);
            self.add(start + half, left - half, key, -0.05);
        } else {
            self.add(start, left, root, 0.0);
        }
        if let Some(key) = step {
            self.add(start + left, metre.pulse, key, -0.06);
        }
    }

    /// A tone of the scale a step from the next root, on the side from which the line comes.
    fn step(&self, chord: &Chord, root: u8, next: &Chord, end: usize) -> Option<u8> {
        let middle = self.brief.config.bass_at;
        if chord.root == next.root || self.brief.metre.weight(end - self.brief.metre.pulse) >= STRONG {
            return None;
        }
        let to = near(next.root, root, middle);
        let scale = self.brief.palette.chords;
        let grating = self.brief.palette.grating(chord);
        let legal = |key: &u8| {
            scale.has(*key) && !grating.has(*key) && (middle - BELOW..=middle + ABOVE).contains(key)
        };
        let steps =
            if root < to { [to - 1, to - 2, to + 1, to + 2] } else { [to + 1, to + 2, to - 1, to - 2] };
        // The nearer of two neighbours may be missing from the scale; both sides of a root have one.
        steps.into_iter().filter(|key| *key != root).find(legal)
    }

    /// The section's motif, slowly, over the first half; then roots.
    fn motif(&mut self) {
        let (brief, metre) = (self.brief, self.brief.metre);
        let section = &brief.plan.section;
        let motif = motif::draw(metre, motif_chance(brief.root, section.chapter, section.motifs[0]));
        let most = 3 + (brief.plan.density * 3.0) as usize;
        let slow = if brief.plan.density > 0.7 { 2 } else { 4 };
        let motif = motif::stretched(&motif::thinned(&motif, most), slow);
        let half = metre.phrase_slots() / 2;
        let mut slots: ArrayVec<(usize, usize), { motif::MAX_CELL }> = ArrayVec::new();
        let mut line: ArrayVec<Wanted, { motif::MAX_CELL }> = ArrayVec::new();
        let mut slot = 0;
        for (index, cell) in motif.iter().enumerate() {
            if slot >= half {
                break;
            }
            line.push(self.wanted((index > 0).then_some(cell.step), slot, index == 0));
            slots.push((slot, usize::from(cell.slots).min(half - slot)));
            slot += usize::from(cell.slots);
        }
        let middle = brief.config.bass_at;
        let range = middle - BELOW..=middle + ABOVE;
        let ladder: ArrayVec<u8, MAX_LADDER> = range.filter(|key| brief.palette.chords.has(*key)).collect();
        let mut keys = [0; motif::MAX_CELL];
        tune(&ladder, &line, &mut keys);
        for ((slot, slots), key) in slots.iter().zip(keys) {
            self.add(*slot, self.sounding(*slot, *slots, key), key, 0.03);
        }
        let said = slots.last().map_or(0, |(slot, _)| slot + 1);
        let rest: ArrayVec<Chord, MAX_CHORDS> =
            brief.chords.iter().filter(|chord| brief.slots_of(chord).0 >= said.max(1)).copied().collect();
        // The motif's last note ends where the first root begins.
        if let (Some(first), Some(note)) = (rest.first(), self.phrase.notes.last_mut()) {
            note.length = note.length.min(first.onset - note.onset);
        }
        for chord in rest {
            let (start, slots) = brief.slots_of(&chord);
            let root = self.root(&chord);
            self.add(start, slots, root, 0.0);
        }
    }

    /// How many of its slots a tone may sound: until a chord comes to which it does not belong.
    fn sounding(&self, slot: usize, slots: usize, key: u8) -> usize {
        let chords = self.brief.chords.iter().skip(self.brief.chord_index(slot) + 1);
        let mut starts =
            chords.filter(|chord| !chord.tones().has(key)).map(|chord| self.brief.slots_of(chord).0);
        starts.next().map_or(slots, |end| slots.min(end - slot))
    }

    fn wanted(&self, step: Option<i8>, slot: usize, rooted: bool) -> Wanted {
        let chord = self.brief.chord(slot);
        Wanted {
            step,
            aim: 0.45,
            tones: if rooted { PitchClasses(1 << (chord.root % 12)) } else { chord.tones() },
            grating: self.brief.palette.grating(chord),
            rubbing: chord.tones().above(),
            root: chord.root % 12,
            stable: rooted || self.brief.metre.weight(slot) >= STRONG,
            long: true,
            only: None,
            peak: false,
            last: false,
        }
    }
}
