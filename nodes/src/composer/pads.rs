//! The chords as they are played: held, struck, rolled or broken. Allocation-free.

use super::brief::Brief;
use super::config::Texture;
use super::phrase::{MAX_CHORDS, Note, Part, Phrase};
use super::voicing::Voicing;
use arrayvec::ArrayVec;
use auralis_graph::chance::Chance;

/// Most strokes of a broken chord in a bar.
const STROKES: usize = 8;

/// Writes the chords of a phrase, one voicing each.
pub fn write(brief: &Brief<'_>, voicings: &ArrayVec<Voicing, MAX_CHORDS>, phrase: &mut Phrase) {
    let mut pads = Pads { brief, chance: brief.plan.chance.named("pads"), phrase };
    let density = brief.plan.density;
    let breathing = brief.plan.hush || density < 0.1 || (brief.plan.section.breathing && density < 0.6);
    match brief.plan.section.texture {
        Texture::Struck => pads.struck(voicings, breathing),
        Texture::Rolled => pads.rolled(voicings, breathing),
        Texture::Broken if density >= 0.22 || brief.config.texture == Texture::Broken => {
            pads.broken(voicings)
        }
        Texture::Broken => pads.rolled(voicings, breathing),
        Texture::Auto | Texture::Held if breathing => pads.struck(voicings, true),
        Texture::Auto | Texture::Held => pads.held(voicings),
    }
}

struct Pads<'a, 'b> {
    brief: &'a Brief<'a>,
    chance: Chance,
    phrase: &'b mut Phrase,
}

impl Pads<'_, '_> {
    /// Adds a note; `voice` counts from below, of `voices`.
    fn add(&mut self, slot: usize, slots: usize, key: u8, (voice, voices): (usize, usize), lift: f32) {
        // The outer voices are heard, the inner ones fill.
        let inner = if voice > 0 && voice + 1 < voices { -0.03 } else { 0.0 };
        let velocity = self.brief.velocity(Part::Chords, slot, lift + inner, &mut self.chance);
        let delay = self.brief.delay(voice, &mut self.chance);
        let (onset, length) = (self.brief.metre.tick(slot), self.brief.metre.tick(slots));
        self.phrase.add(Note { part: Part::Chords, key, velocity, onset, delay, length });
    }

    /// The slots of a chord that sound: all, or fewer where silence is let in.
    fn sounding(&mut self, slots: usize, breathing: bool) -> usize {
        let least = if self.brief.plan.density < 0.1 { 3 } else { 2 };
        let rest = if breathing { slots * (least + self.chance.below(3) as usize) / 10 } else { 0 };
        slots - rest
    }

    /// Common tones sound on.
    fn held(&mut self, voicings: &ArrayVec<Voicing, MAX_CHORDS>) {
        for (index, voicing) in voicings.iter().enumerate() {
            let start = self.brief.slots_of(&self.brief.chords[index]).0;
            for (voice, key) in voicing.iter().enumerate() {
                if index > 0 && voicings[index - 1].contains(key) {
                    continue;
                }
                let on = voicings[index..].iter().take_while(|voicing| voicing.contains(key)).count();
                let chords = &self.brief.chords[index..index + on];
                let slots = chords.iter().map(|chord| self.brief.slots_of(chord).1).sum();
                self.add(start, slots, *key, (voice, voicing.len()), 0.0);
            }
        }
    }

    /// Every chord anew, and long ones once more where much happens.
    fn struck(&mut self, voicings: &ArrayVec<Voicing, MAX_CHORDS>, breathing: bool) {
        for (index, voicing) in voicings.iter().enumerate() {
            let (start, slots) = self.brief.slots_of(&self.brief.chords[index]);
            let twice = !breathing
                && slots >= 2 * self.brief.metre.slots
                && self.chance.happens(self.brief.plan.density * 0.8);
            let sounding = self.sounding(slots, breathing);
            let first = if twice { slots / 2 } else { sounding };
            for (voice, key) in voicing.iter().enumerate() {
                let place = (voice, voicing.len());
                // The lowest voice lies under both strokes.
                let again = twice && voice > 0;
                self.add(start, if twice && !again { slots } else { first }, *key, place, 0.0);
                if again {
                    self.add(start + first, slots - first, *key, place, -0.05);
                }
            }
        }
    }

    /// From the lowest voice to the highest, then held.
    fn rolled(&mut self, voicings: &ArrayVec<Voicing, MAX_CHORDS>, breathing: bool) {
        let metre = self.brief.metre;
        for (index, voicing) in voicings.iter().enumerate() {
            let (start, slots) = self.brief.slots_of(&self.brief.chords[index]);
            let sounding = self.sounding(slots, breathing);
            // All voices are there by the half of the chord; no two chords unfold quite alike.
            let slow = if self.brief.plan.density < 0.4 { metre.pulse } else { 1 };
            let paces = [slow, slow, 2 * slow, metre.pulse.div_ceil(2), 0];
            let pace = paces[self.chance.below(if index == 0 { 3 } else { 5 }) as usize];
            let apart = pace.min(sounding / 2 / voicing.len().max(1));
            let falls = self.chance.happens(0.15);
            for (voice, key) in voicing.iter().enumerate() {
                let late = apart * if falls { voicing.len() - 1 - voice } else { voice };
                self.add(start + late, sounding - late, *key, (voice, voicing.len()), -0.01 * voice as f32);
            }
        }
    }

    /// The lowest voice held, the others one after the other, up and down.
    fn broken(&mut self, voicings: &ArrayVec<Voicing, MAX_CHORDS>) {
        let (metre, density) = (self.brief.metre, self.brief.plan.density);
        let pace = match density {
            d if d < 0.4 => metre.pulse * 2,
            d if d < 0.72 => metre.pulse,
            _ => metre.pulse.div_ceil(2),
        };
        let pace = pace.max(metre.slots.div_ceil(STROKES));
        let down = self.brief.plan.section.id % 2 == 1;
        for (index, voicing) in voicings.iter().enumerate() {
            let (start, slots) = self.brief.slots_of(&self.brief.chords[index]);
            let voices = voicing.len();
            let Some((lowest, upper)) = voicing.split_first() else { continue };
            self.add(start, slots, *lowest, (0, voices), 0.0);
            let turn = (upper.len() * 2).saturating_sub(2).max(1);
            // How long a tone sounds before the same one comes again, whichever way the figure goes.
            let ring = if upper.len() > 1 { 2 * pace } else { pace };
            for (stroke, slot) in (start..start + slots).step_by(pace).enumerate() {
                let at = stroke % turn;
                let up = if at < upper.len() { at } else { turn - at };
                let which = if down { upper.len() - 1 - up } else { up };
                // Gaps keep the figure from turning into a machine.
                if stroke > 0 && self.chance.happens(0.1 + 0.25 * (1.0 - density)) {
                    continue;
                }
                let sounding = ring.min(start + slots - slot);
                self.add(slot, sounding, upper[which], (which + 1, voices), -0.02);
            }
        }
    }
}
