//! Form above the phrase: sections of a few minutes, chapters of about twenty, and slow walks with memory. Every
//! value follows from the seed and the phrase's number alone. Allocation-free.

use super::config::{ComposerConfig, Pedal, Texture};
use auralis_graph::chance::Chance;

/// Eight-bar phrases in a block; a block is cut into two or three sections.
const BLOCK: u64 = 16;
/// Blocks in a chapter, which has its own motifs and one arc of tension.
const CHAPTER: u64 = 3;
/// Where blocks are cut into sections, in eight-bar phrases.
const CUTS: [(u64, u64); 8] = [(6, 11), (5, 11), (4, 11), (7, 11), (6, 12), (5, 9), (8, 16), (5, 10)];
/// Motifs in a chapter's bank.
pub const MOTIFS: u64 = 4;

/// What the melody does in a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Melody {
    /// Leads.
    Lead,
    /// Calls, and answers itself lower.
    Dialogue,
    /// Speaks slowly, in few notes.
    Far,
    /// Keeps still but for a gesture.
    Rest,
}

/// What the bass does in a section.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bass {
    /// Holds roots.
    Roots,
    /// Roots and fifths, with a step between now and then.
    Moving,
    /// Holds the tonic.
    Pedal,
    /// Says the section's motif slowly.
    Motif,
    /// Keeps still.
    Tacet,
}

/// What stays the same for a few minutes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Section {
    /// Tells sections apart; grows with position.
    pub id: u64,
    /// Tells chapters apart.
    pub chapter: u64,
    /// How chords are played; never [`Texture::Auto`].
    pub texture: Texture,
    /// Whether chords end early and let silence in.
    pub breathing: bool,
    /// What the melody does.
    pub melody: Melody,
    /// What the bass does.
    pub bass: Bass,
    /// The motifs of the section, from the chapter's bank: the one that leads and the one that contrasts.
    pub motifs: [u64; 2],
    /// How many of the chords' voices take part, 0.4 to 1.
    pub fullness: f32,
    /// How far apart the chords' voices are, 0.8 (close) to 1.2 (open).
    pub openness: f32,
    /// Semitones by which the section's melody is shifted.
    pub melody_shift: f32,
    /// Semitones by which the section's chords are shifted.
    pub chord_shift: f32,
}

/// What the form says of one phrase.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Plan {
    /// The number from which the phrase's content is drawn; that of another phrase where a refrain returns.
    pub index: u64,
    /// How much happens, 0 to 1.
    pub density: f32,
    /// Where the phrase stands on the curve of tension, 0 to 1.
    pub tension: f32,
    /// Semitones by which the registers are shifted, -5 to 5.
    pub register: f32,
    /// Whether the music holds its breath: a thinning out that is heard as an event.
    pub hush: bool,
    /// The section that it belongs to.
    pub section: Section,
    /// The phrase's own chance.
    pub chance: Chance,
}

/// The form of an endless piece.
#[derive(Debug, Clone)]
pub struct Form {
    /// Phrases in a block.
    block: u64,
    /// Eight-bar phrases in one phrase.
    scale: u64,
    refrain: Option<u64>,
    contrast: f32,
    texture: Texture,
    pedal: Pedal,
}

impl Form {
    /// The form that a configuration asks for.
    pub fn new(config: &ComposerConfig) -> Self {
        let scale = config.phrase.bars() as u64 / 8;
        Self {
            block: BLOCK / scale,
            scale,
            refrain: config.refrain.map(u64::from),
            contrast: config.contrast as f32 * 2.0,
            texture: config.texture,
            pedal: config.pedal,
        }
    }

    /// The number from which a phrase's content is drawn: its own, or that of the chapter's refrain.
    pub fn source(&self, phrase: u64) -> u64 {
        match self.refrain {
            Some(every) if phrase.is_multiple_of(every) => {
                let chapter = self.block * CHAPTER;
                (phrase / chapter * chapter).div_ceil(every) * every
            }
            _ => phrase,
        }
    }

    /// The number from which the degree of a phrase's first chord is drawn: what follows a refrain begins as what
    /// followed it the first time.
    pub fn entry_source(&self, phrase: u64) -> u64 {
        match self.refrain {
            Some(every) if phrase % every == 1 => self.source(phrase - 1) + 1,
            _ => self.source(phrase),
        }
    }

    /// Plans the phrase whose content is drawn from `index`, at an intensity.
    pub fn plan(&self, root: Chance, index: u64, intensity: f32) -> Plan {
        let tension = self.tension(root, index);
        // Grows with intensity for any tension, and leaves neither end: 0 stays alive, 1 keeps its form.
        let density = intensity * (0.58 + 0.42 * tension) + 0.13 * tension * (1.0 - intensity);
        let hush = root.named("hush").at(index).happens(0.14 * self.contrast * (1.0 - tension));
        let density = if hush { density * 0.4 } else { density };
        let walk = slow_walk(root.named("register"), index * self.scale, 9) * 2.0 - 1.0;
        let register = (walk * 3.0 + (tension - 0.5) * 4.0) * self.contrast;
        Plan {
            index,
            density: density.clamp(0.0, 1.0),
            tension,
            register: register.clamp(-5.0, 5.0),
            hush,
            section: self.section(root, index),
            chance: root.named("phrase").at(index),
        }
    }

    /// The curve of tension at a phrase, 0 to 1: a chapter's arc and two walks.
    pub fn tension(&self, root: Chance, index: u64) -> f32 {
        let length = self.block * CHAPTER;
        let mut shape = root.named("arc").at(index / length);
        let (peak, height) = (0.5 + 0.3 * shape.unit(), 0.6 + 0.4 * shape.unit());
        let x = ((index % length) as f32 + 0.5) / length as f32;
        let arc = smooth(if x < peak { x / peak } else { (1.0 - x) / (1.0 - peak) }) * height;
        let near = slow_walk(root.named("tension"), index * self.scale, 5);
        let far = slow_walk(root.named("drift"), index * self.scale, 13);
        let raw = 0.5 * arc + 0.3 * near + 0.2 * far;
        (0.45 + (raw - 0.45) * self.contrast).clamp(0.0, 1.0)
    }

    fn section(&self, root: Chance, index: u64) -> Section {
        let (block, within) = (index / self.block, index % self.block);
        let cuts = CUTS[root.named("cuts").at(block).below(CUTS.len() as u32) as usize];
        let nth = [cuts.0, cuts.1].iter().filter(|cut| within * self.scale >= **cut).count() as u64;
        let id = block * 3 + nth;
        let chapter = block / CHAPTER;
        let mut chance = root.named("section").at(id);
        let tension = self.tension(root, block * self.block + self.block / 2);
        let melody = [4.0, 2.5, 1.5, 1.2 - tension];
        let melody = [Melody::Lead, Melody::Dialogue, Melody::Far, Melody::Rest][chance.weighted(&melody)];
        let pedal = if self.pedal == Pedal::Auto { 0.5 } else { 0.0 };
        let quiet = matches!(melody, Melody::Far | Melody::Rest);
        let bass = [3.0, 2.5, pedal, if quiet { 2.5 } else { 0.5 }, 1.1 - tension];
        let bass = [Bass::Roots, Bass::Moving, Bass::Pedal, Bass::Motif, Bass::Tacet][chance.weighted(&bass)];
        let texture = [3.0, 1.2, 1.5, if quiet { 2.5 } else { 1.0 }];
        let drawn =
            [Texture::Held, Texture::Struck, Texture::Rolled, Texture::Broken][chance.weighted(&texture)];
        let breathing = chance.happens(0.3);
        let first = u64::from(chance.below(MOTIFS as u32));
        let second = (first + 1 + u64::from(chance.below(MOTIFS as u32 - 1))) % MOTIFS;
        let shifts = [-5.0, 0.0, 0.0, 3.0, 5.0];
        let apart = self.contrast.min(1.0);
        let melody_shift = shifts[chance.below(5) as usize] * apart;
        // What is shifted together keeps its distance.
        let chord_shift = chance.bipolar() * 3.0 * apart + 0.4 * melody_shift;
        Section {
            id,
            chapter,
            texture: if self.texture == Texture::Auto { drawn } else { self.texture },
            breathing,
            melody,
            bass: if self.pedal == Pedal::Always { Bass::Pedal } else { bass },
            motifs: [first, second],
            fullness: 1.0 - 0.6 * apart * chance.unit() * chance.unit(),
            openness: 1.0 + 0.2 * apart * chance.bipolar(),
            melody_shift,
            chord_shift,
        }
    }
}

/// The root of the chance of a motif in a chapter's bank: the last one comes from the chapter before.
pub fn motif_chance(root: Chance, chapter: u64, motif: u64) -> Chance {
    let bank = root.named("motif");
    if motif == MOTIFS - 1 && chapter > 0 { bank.at(chapter - 1).at(0) } else { bank.at(chapter).at(motif) }
}

/// A walk from 0 to 1 with memory: values drawn every `period` steps, joined smoothly.
fn slow_walk(chance: Chance, at: u64, period: u64) -> f32 {
    let (step, part) = (at / period, (at % period) as f32 / period as f32);
    let (from, to) = (chance.at(step).unit(), chance.at(step + 1).unit());
    from + (to - from) * smooth(part)
}

/// From 0 to 1 without corners.
pub fn smooth(x: f32) -> f32 {
    let x = x.clamp(0.0, 1.0);
    x * x * (3.0 - 2.0 * x)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(config: ComposerConfig) -> Form {
        Form::new(&config)
    }

    #[test]
    fn sections_last_minutes_and_change() {
        let form = form(ComposerConfig::default());
        let ids: Vec<u64> = (0..3200).map(|n| form.section(Chance::new(1), n).id).collect();
        assert!(ids.windows(2).all(|pair| pair[0] <= pair[1]));
        let runs: Vec<usize> = ids.chunk_by(|a, b| a == b).map(<[u64]>::len).collect();
        // At 70 beats a minute a phrase of 8 bars lasts 27 seconds.
        assert!(runs[..runs.len() - 1].iter().all(|run| (4..=9).contains(run)), "{runs:?}");
    }

    #[test]
    fn tension_moves_slowly_and_far() {
        let form = form(ComposerConfig::default());
        for seed in 0..20 {
            let curve: Vec<f32> = (0..480).map(|n| form.tension(Chance::new(seed), n)).collect();
            assert!(curve.windows(2).all(|pair| (pair[0] - pair[1]).abs() < 0.2));
            let (low, high) = curve.iter().fold((1.0f32, 0.0f32), |(l, h), x| (l.min(*x), h.max(*x)));
            assert!(high - low > 0.45, "{low} {high}");
        }
    }

    #[test]
    fn density_grows_with_intensity_at_any_place() {
        let form = form(ComposerConfig { contrast: 1.0, ..ComposerConfig::default() });
        for phrase in 0..200 {
            let at = |i: u32| form.plan(Chance::new(3), phrase, i as f32 / 20.0).density;
            assert!((0..20).all(|i| at(i) < at(i + 1)), "{phrase}");
        }
    }

    #[test]
    fn without_contrast_density_and_register_stand_still() {
        let form = form(ComposerConfig { contrast: 0.0, ..ComposerConfig::default() });
        let first = form.plan(Chance::new(4), 0, 0.5);
        for index in 1..300 {
            let plan = form.plan(Chance::new(4), index, 0.5);
            assert_eq!((plan.density, plan.register, plan.hush), (first.density, 0.0, false));
            assert_eq!((plan.section.melody_shift, plan.section.chord_shift), (0.0, 0.0));
        }
    }

    #[test]
    fn a_refrain_returns_within_its_chapter_and_what_follows_it_begins_alike() {
        let form = form(ComposerConfig { refrain: Some(5), ..ComposerConfig::default() });
        assert_eq!((form.source(45), form.source(5), form.source(7)), (0, 0, 7));
        assert_eq!((form.source(50), form.source(55), form.source(90)), (50, 50, 50));
        assert_eq!((form.entry_source(46), form.entry_source(47)), (1, 47));
    }
}
