//! The score of an endless piece: phrase n, composed from the configuration, the settings and n alone. Making a
//! score allocates; composing does not, and is safe on any thread.

use super::bass;
use super::brief::{Brief, Contour};
use super::chain::Chain;
use super::config::{ComposerConfig, Follow};
use super::fit::Footing;
use super::form::{Bass, Form, Plan};
use super::harmony::{Chord, Palette};
use super::melody;
use super::metre::{Metre, STRONG};
use super::pads;
use super::phrase::{MAX_CHORDS, Note, Part, Phrase, PhraseGrid};
use super::signature::Signatures;
use super::voicing::{self, MAX_VOICES, Space, Voicing};
use arrayvec::ArrayVec;
use auralis_graph::NodeError;
use auralis_graph::chance::Chance;
use auralis_graph::music::Meter;
use auralis_graph::settings::Settings;

/// An endless piece.
#[derive(Debug, Clone)]
pub struct Score {
    config: ComposerConfig,
    metre: Metre,
    chain: Chain,
    form: Form,
    signatures: Signatures,
    /// The name on which the chance hangs.
    name: String,
}

/// How a phrase begins: what its neighbour before it needs to know.
struct Opening {
    plan: Plan,
    chord: Chord,
    space: Space,
    voicing: Voicing,
}

impl Score {
    /// The score of a configuration in a time signature. All chance hangs on the seed of the settings and on
    /// `name`: the composer's name in the preset.
    ///
    /// # Errors
    /// The first mistake in the configuration.
    pub fn new(config: &ComposerConfig, meter: Meter, name: &str) -> Result<Self, NodeError> {
        if let Some(error) = config.check().into_iter().next() {
            return Err(error);
        }
        let metre = Metre::new(meter, config.phrase.bars());
        Ok(Self {
            chain: Chain::new(config.transitions())?,
            form: Form::new(config),
            signatures: Signatures::new(&metre),
            metre,
            config: config.clone(),
            name: name.into(),
        })
    }

    /// How positions divide into phrases.
    pub fn grid(&self) -> PhraseGrid {
        let ticks = self.metre.phrase_ticks();
        let change = match self.config.follow {
            Follow::Phrase => ticks,
            Follow::Bar => i64::from(self.metre.bar_ticks()),
            Follow::Beat => self.metre.beat_ticks,
        };
        PhraseGrid { ticks, bars: self.metre.bars, change }
    }

    /// How a note of a phrase stands on its harmony.
    pub fn footing(&self, phrase: &Phrase, note: &Note) -> Footing {
        let slot = (note.onset / self.metre.slot_ticks) as usize;
        let strong = self.metre.weight(slot) >= STRONG;
        match note.part {
            Part::Chords => Footing::Chord,
            Part::Bass => {
                let is_root = |chord: &Chord| chord.root % 12 == note.key % 12;
                let root = strong || phrase.chord_at(note.onset).is_some_and(is_root);
                if root { Footing::Root } else { Footing::Chord }
            }
            Part::Melody => {
                let long = i64::from(note.length) >= 2 * self.metre.beat_ticks;
                let last = || phrase.part(Part::Melody).last().is_some_and(|last| last.onset == note.onset);
                if strong || long || last() { Footing::Chord } else { Footing::Passing }
            }
        }
    }

    /// What the preset says.
    pub fn config(&self) -> &ComposerConfig {
        &self.config
    }

    fn root(&self, settings: &Settings) -> Chance {
        Chance::new(settings.seed).named(&self.name)
    }

    /// The curve of tension at the start of a phrase, 0 to 1: the form's, raised by the intensity. Phrases before
    /// the piece begins have the tension of the first.
    pub fn tension(&self, settings: &Settings, phrase: i64) -> f32 {
        let index = self.form.source(phrase.max(0) as u64);
        let form = self.form.tension(self.root(settings), index);
        0.6 * settings.intensity.clamp(0.0, 1.0) + 0.4 * form
    }

    /// Composes the phrase of a number under settings that hold throughout, in place of what `phrase` held.
    /// Before the piece begins (numbers below 0) there is nothing. Allocation-free.
    pub fn compose(&self, settings: &Settings, number: i64, phrase: &mut Phrase) {
        phrase.chords.clear();
        phrase.notes.clear();
        phrase.number = number;
        phrase.ticks = self.metre.phrase_ticks();
        let Ok(number) = u64::try_from(number) else { return };
        let palette = Palette::new(settings.key, self.config.diminished);
        let root = self.root(settings);
        let opening = self.opening(root, &palette, settings, number);
        // The next one is asked for by the number that this phrase's content is drawn from, so that a refrain
        // also leads on as it did the first time.
        let next = self.opening(root, &palette, settings, opening.plan.index.saturating_add(1));
        phrase.chords = self.harmony(&palette, &opening, &next);
        let chords = phrase.chords.clone();
        let brief = Brief {
            metre: &self.metre,
            config: &self.config,
            plan: &opening.plan,
            palette: &palette,
            chords: &chords,
            root,
            contour: Contour::draw(opening.plan.chance.named("contour")),
            tempo: settings.tempo,
        };
        pads::write(&brief, &self.voicings(&chords, &opening, &next), phrase);
        melody::write(&brief, &self.signatures, phrase);
        bass::write(&brief, phrase);
        phrase.sort();
    }

    fn opening(&self, root: Chance, palette: &Palette, settings: &Settings, number: u64) -> Opening {
        let plan = self.form.plan(root, self.form.source(number), settings.intensity.clamp(0.0, 1.0));
        let degree = match self.form.entry_source(number) {
            // A piece begins at home, if its chords ever get there.
            0 if self.chain.stationary()[0] > 0.0 => 0,
            source => self.chain.entry(root.named("entry").at(source)),
        };
        // What follows is not known yet, so nothing is borrowed that would have to lead somewhere.
        let chord = self.chord(palette, &plan, degree, degree, 0);
        let space = self.space(&plan);
        let voicing = voicing::entry(&chord, &space, plan.chance.named("voicing"));
        Opening { plan, chord, space, voicing }
    }

    fn chord(&self, palette: &Palette, plan: &Plan, degree: usize, next: usize, index: u64) -> Chord {
        let config = &self.config;
        let amount = config.colour as f32 * (0.25 + 0.9 * plan.density + 0.25 * plan.tension);
        let chance = plan.chance.named("colour").at(index);
        let kind = palette.coloured(degree, next, amount.min(1.0), config.borrow, chance);
        Chord { onset: 0, length: 0, degree: degree as u8, root: palette.root(degree), kind }
    }

    fn harmony(&self, palette: &Palette, opening: &Opening, next: &Opening) -> ArrayVec<Chord, MAX_CHORDS> {
        let (plan, bars) = (&opening.plan, self.metre.bars);
        let mut chance = plan.chance.named("harmony");
        let (from, to) = (usize::from(opening.chord.degree), usize::from(next.chord.degree));
        let least = bars / 4;
        let wish = match self.config.chord_bars {
            Some(each) => bars.div_ceil(usize::from(each)),
            None => {
                let quick = plan.density * (0.7 + 0.3 * plan.density) + 0.12 * (chance.unit() - 0.5);
                least + (quick.max(0.0) * (bars - least) as f32 + 0.5) as usize
            }
        };
        let count = self.chain.steps(from, to, wish.clamp(least, bars), least, bars);
        let mut path = [0; MAX_CHORDS];
        self.chain.bridge(from, to, chance.named("path"), &mut path[..count]);
        let lengths = spans(bars, count, self.config.chord_bars, &mut chance);
        let mut bar = 0;
        let mut chords = ArrayVec::new();
        for (index, length) in lengths.iter().enumerate() {
            let degree = usize::from(path[index]);
            let after =
                path.get(index + 1).filter(|_| index + 1 < count).map_or(to, |next| usize::from(*next));
            let mut chord = match index {
                0 => opening.chord,
                _ => self.chord(palette, plan, degree, after, index as u64),
            };
            chord.onset = bar * self.metre.bar_ticks();
            chord.length = u32::from(*length) * self.metre.bar_ticks();
            bar += u32::from(*length);
            chords.push(chord);
        }
        chords
    }

    fn voicings(&self, chords: &[Chord], opening: &Opening, next: &Opening) -> ArrayVec<Voicing, MAX_CHORDS> {
        let mut voicings: ArrayVec<Voicing, MAX_CHORDS> = ArrayVec::new();
        voicings.push(opening.voicing.clone());
        for (index, chord) in chords.iter().enumerate().skip(1) {
            // The nearer the next phrase, the more the voices go to where it begins.
            let pull = match chords.len() - index {
                1 => 4,
                2 => 2,
                3 => 1,
                _ => 0,
            };
            let voicing = voicing::lead(chord, &opening.space, &voicings[index - 1], &next.voicing, pull);
            voicings.push(voicing);
        }
        voicings
    }

    /// Where chords may lie: above the bass, so that it is alone below.
    fn space(&self, plan: &Plan) -> Space {
        let (config, section) = (&self.config, &plan.section);
        let most = usize::from(config.voices).min(MAX_VOICES);
        let least = most.saturating_sub(3).max(2);
        let share = (plan.density * 1.4).min(1.0) * section.fullness;
        let voices = least + (share * (most - least) as f32 + 0.5) as usize;
        let lowest = config.chords_at - 15;
        let low = match section.bass {
            Bass::Tacet => lowest,
            _ => (config.bass_at + bass::ABOVE + 7).max(lowest),
        };
        let shift = section.chord_shift + 0.4 * plan.register + 2.0 * (plan.tension - 0.5);
        // Half of what the voices take up, so that they need not crowd at the bottom.
        let half = [3.0, 6.0, 8.0, 10.0, 12.0][voices - 2] * section.openness;
        let centre = (f32::from(config.chords_at) + shift).max(f32::from(low) + half);
        // The melody keeps the room above its middle to itself.
        let high = (config.chords_at + 14).min(melody::middle(config, plan) as u8 - 1).max(low + 20);
        let rooted = matches!(section.bass, Bass::Roots | Bass::Moving);
        Space { voices, low, high, centre, openness: section.openness, rooted }
    }
}

/// Bars cut into so many chords of 1 to 4 bars: the longest first halved, now and then unevenly unless the preset
/// says how many bars `each` lasts.
fn spans(bars: usize, count: usize, each: Option<u8>, chance: &mut Chance) -> ArrayVec<u8, MAX_CHORDS> {
    let uneven = |chance: &mut Chance, probability: f32| each.is_none() && chance.happens(probability);
    if count * 8 == bars * 3 && (each == Some(3) || uneven(chance, 0.2)) {
        return [3, 3, 2].into_iter().cycle().take(count).collect();
    }
    let mut spans: ArrayVec<u8, MAX_CHORDS> = (0..bars / 4).map(|_| 4).collect();
    while spans.len() < count {
        let longest = spans.iter().copied().max().unwrap_or(1);
        let ties = spans.iter().filter(|span| **span == longest).count();
        let which = chance.below(ties as u32) as usize;
        let mut places = spans.iter().enumerate().filter(|(_, span)| **span == longest);
        let Some((at, _)) = places.nth(which) else { break };
        let front = if longest == 4 && uneven(chance, 0.15) { 3 } else { longest.div_ceil(2) };
        spans[at] = front;
        spans.insert(at + 1, longest - front);
    }
    spans
}

#[cfg(test)]
mod tests {
    use super::super::config::PhraseLength;
    use super::super::phrase::Part;
    use super::*;
    use auralis_graph::music::Mode;

    #[test]
    fn every_phrase_carries_its_number_whatever_the_settings() {
        for (meter, length) in [
            ("4/4", PhraseLength::Eight),
            ("4/4", PhraseLength::Sixteen),
            ("3/4", PhraseLength::Eight),
            ("7/8", PhraseLength::Eight),
            ("31/8", PhraseLength::Eight),
            ("1/4", PhraseLength::Eight),
            ("1/32", PhraseLength::Sixteen),
        ] {
            let config = ComposerConfig { phrase: length, ..ComposerConfig::default() };
            let score = Score::new(&config, meter.parse().unwrap(), "any").unwrap();
            let slots = score.metre.phrase_slots();
            let mut phrase = Phrase::default();
            for number in 0..1500 {
                let mode = [Mode::Aeolian, Mode::Lydian, Mode::MinorPentatonic][number % 3];
                let key = Settings::default().key.transposed(number as i32 % 12).with_mode(mode);
                let intensity = [0.0, 0.1, 0.5, 1.0][number / 3 % 4];
                let settings = Settings { key, intensity, seed: 11, ..Settings::default() };
                score.compose(&settings, number as i64, &mut phrase);
                let scale = Palette::new(key, false).melody;
                let degrees: Vec<u8> = (0..12).filter(|class| scale.has(*class)).collect();
                let line: Vec<_> = phrase.part(Part::Melody).collect();
                let slot = |ticks: u32| (ticks / score.metre.slot_ticks) as usize;
                let degree = degrees.iter().position(|class| *class == line[0].key % 12).unwrap();
                let first = (slot(line[0].onset), degree, slot(line[0].length));
                let last = line[line.len() - 1];
                let read = score.signatures.read(first, (slot(last.onset), slot(last.length)), slots);
                let chance = score.root(&settings).named("signature");
                let written = score.signatures.of(number as u64, degrees.len(), chance);
                assert_eq!(read, written, "{meter} {number}");
            }
        }
    }

    #[test]
    fn chords_last_one_to_four_bars_and_fill_the_phrase() {
        for (bars, least) in [(8, 2), (16, 4)] {
            for count in least..=bars {
                for seed in 0..50 {
                    let each = [None, Some(1), Some(2), Some(3), Some(4)][seed as usize % 5];
                    let spans = spans(bars, count, each, &mut Chance::new(seed));
                    assert_eq!(spans.len(), count);
                    assert_eq!(spans.iter().map(|span| usize::from(*span)).sum::<usize>(), bars);
                    assert!(spans.iter().all(|span| (1..=4).contains(span)), "{spans:?}");
                }
            }
        }
    }
}
