//! The melody: statements of motifs over the phrase, from a first gesture to a long last note. Allocation-free.

use super::brief::Brief;
use super::config::ComposerConfig;
use super::form::{Melody, Plan, motif_chance, smooth};
use super::harmony::{Chord, PitchClasses};
use super::metre::STRONG;
use super::motif::{self, Motif};
use super::phrase::{Note, Part, Phrase};
use super::signature::{Signature, Signatures};
use super::tune::{MAX_LADDER, MAX_LINE, Wanted, tune};
use arrayvec::ArrayVec;
use auralis_graph::chance::Chance;

/// What happens in two bars of a phrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Nothing.
    Rest,
    /// The motif.
    State,
    /// The motif again, from another degree.
    Again,
    /// An answer: the motif turned round, lower and softer.
    Answer,
    /// The other motif, or the first one changed.
    Contrast,
    /// A fragment that leads to the last note.
    Close,
}

use Role::{Again, Answer, Close, Contrast, Rest, State};

/// Courses of a phrase of four units, from the sparsest to the densest.
const SPARSE: [[Role; 4]; 3] =
    [[State, Rest, Rest, Rest], [State, Rest, Rest, Close], [Rest, State, Rest, Rest]];
const THIN: [[Role; 4]; 5] = [
    [State, Rest, Again, Close],
    [State, Rest, Answer, Close],
    [State, Answer, Rest, Close],
    [Rest, State, Rest, Close],
    [State, Rest, Rest, Close],
];
const MIDDLE: [[Role; 4]; 5] = [
    [State, Again, Contrast, Close],
    [State, Rest, Again, Close],
    [State, Answer, State, Close],
    [State, Contrast, Rest, Close],
    [State, Again, Rest, Close],
];
const DENSE: [[Role; 4]; 5] = [
    [State, Again, Contrast, Close],
    [State, Answer, State, Close],
    [State, Contrast, Again, Close],
    [State, Again, Again, Close],
    [State, Contrast, Answer, Close],
];
/// Courses of sections in which the melody speaks with itself.
const DIALOGUE: [[Role; 4]; 3] =
    [[State, Answer, State, Close], [State, Answer, Contrast, Close], [State, Answer, Again, Answer]];

/// A note before it has a pitch.
#[derive(Debug, Clone, Copy)]
struct Event {
    slot: usize,
    /// Slots until the next note of the same statement; the own length of its last.
    slots: usize,
    step: Option<i8>,
    /// Whether its statement ends with it.
    closes: bool,
    answer: bool,
}

type Events = ArrayVec<Event, MAX_LINE>;

/// Writes the melody of a phrase.
pub fn write(brief: &Brief<'_>, signatures: &Signatures, phrase: &mut Phrase) {
    let degrees = (0..12).filter(|class| brief.palette.melody.has(*class)).count();
    let chance = brief.root.named("signature");
    let signature = signatures.of(brief.plan.index, degrees, chance);
    let class = nth_class(brief.palette.melody, signature.degree);
    let slots = brief.metre.phrase_slots();
    let end = signatures.end_slot(signature, slots);
    let density = density(brief);
    let mut events = Statements {
        brief,
        density,
        chance: brief.plan.chance.named("melody"),
        events: Events::new(),
        entry: (signatures, signature, class),
        end,
    }
    .write();
    events.push(Event { slot: end, slots: 1, step: None, closes: true, answer: false });
    let ladder = ladder(brief);
    let mut lengths = [0; MAX_LINE];
    set_lengths(brief, &events, density, &mut lengths);
    lengths[0] = signatures.entry_length(signature, lengths[0], events[1].slot - events[0].slot);
    let last = events.len() - 1;
    let wish = (brief.metre.slots as f32 * (1.5 - 0.9 * density)) as usize;
    lengths[last] = signatures.end_length(signature, wish.min(slots - end), slots - end);
    let line = wanted(brief, &events, &lengths, class);
    let mut keys = [0; MAX_LINE];
    tune(&ladder, &line, &mut keys);
    for (index, event) in events.iter().enumerate().take(last).skip(1) {
        lengths[index] = undisturbed(brief, event.slot, lengths[index], keys[index]);
    }
    let mut touch = brief.plan.chance.named("touch");
    let top = *ladder.last().unwrap_or(&1) - ladder[0];
    for ((event, length), key) in events.iter().zip(lengths).zip(keys) {
        let height = f32::from(key - ladder[0]) / f32::from(top.max(1));
        let lift = 0.1 * (height - 0.5) - if event.answer { 0.07 } else { 0.0 };
        let velocity = brief.velocity(Part::Melody, event.slot, lift, &mut touch);
        phrase.add(Note {
            part: Part::Melody,
            key,
            velocity,
            onset: brief.metre.tick(event.slot),
            delay: brief.delay(0, &mut touch),
            length: brief.metre.tick(length),
        });
    }
}

/// How busy the melody is, 0 to 1.
fn density(brief: &Brief<'_>) -> f32 {
    let section = match brief.plan.section.melody {
        Melody::Lead | Melody::Dialogue => 1.0,
        Melody::Far => 0.5 + 0.35 * brief.plan.density,
        Melody::Rest => 0.2 + 0.3 * brief.plan.density,
    };
    (brief.plan.density * section * brief.config.melody_density as f32).clamp(0.0, 1.0)
}

/// The pitch class of a degree of a scale, counted from the lowest class.
fn nth_class(scale: PitchClasses, degree: usize) -> u8 {
    (0..12u8).filter(|class| scale.has(*class)).nth(degree).unwrap_or(0)
}

/// The key around which a phrase's melody moves.
pub(super) fn middle(config: &ComposerConfig, plan: &Plan) -> i32 {
    i32::from(config.melody_at) + (plan.register + plan.section.melody_shift) as i32
}

/// The keys of the melody's range, ascending.
fn ladder(brief: &Brief<'_>) -> ArrayVec<u8, MAX_LADDER> {
    let range = i32::from(brief.config.melody_range);
    let low = (middle(brief.config, brief.plan) - range / 2).clamp(24, 108 - range);
    let keys = (low as u8..=(low + range) as u8).filter(|key| brief.palette.melody.has(*key));
    keys.take(MAX_LADDER).collect()
}

/// Statements being written one after the other.
struct Statements<'a> {
    brief: &'a Brief<'a>,
    density: f32,
    chance: Chance,
    events: Events,
    entry: (&'a Signatures, Signature, u8),
    end: usize,
}

impl Statements<'_> {
    fn write(mut self) -> Events {
        let metre = self.brief.metre;
        let unit = metre.slots * 2;
        let halves = metre.bars / 8;
        for half in 0..halves {
            let course = self.course();
            for (index, role) in course.into_iter().enumerate() {
                // The first half of a long phrase ends openly.
                let role = if role == Close && half + 1 < halves { Answer } else { role };
                self.unit((half * 4 + index) * unit, unit, role);
            }
        }
        if self.events.is_empty() {
            self.unit(0, unit, State);
        }
        self.events
    }

    fn course(&mut self) -> [Role; 4] {
        let mut from = |courses: &[[Role; 4]]| courses[self.chance.below(courses.len() as u32) as usize];
        match self.density {
            d if d < 0.16 => from(&SPARSE),
            d if d > 0.25 && self.brief.plan.section.melody == Melody::Dialogue => from(&DIALOGUE),
            d if d < 0.36 => from(&THIN),
            d if d < 0.62 => from(&MIDDLE),
            _ => from(&DENSE),
        }
    }

    /// Fills two bars.
    fn unit(&mut self, start: usize, length: usize, role: Role) {
        if role == Rest {
            return;
        }
        let pulse = self.brief.metre.pulse;
        let motif = self.variant(role);
        let free = self.events.last().map_or(0, |last| last.slot + last.slots);
        let shift = [0, 0, 0, 2 * pulse][self.chance.below(4) as usize];
        let gap = if self.density < 0.75 { pulse } else { 0 };
        let first = self.events.is_empty();
        let at = if first { self.entry_slot(start) } else { (start + shift).max(free + gap) };
        if !first && at >= start + length + length / 2 {
            return;
        }
        self.state(at, &motif, role);
        // Where much happens, a statement goes on with what it began or ended with.
        for _ in 0..2 {
            let after = self.events.last().map_or(0, |last| last.slot + last.slots);
            let room = (start + length).saturating_sub(after);
            if room < 3 * pulse || !self.chance.happens((self.density - 0.3) * 1.6) {
                break;
            }
            let notes = 2 + self.chance.below(2) as usize;
            let more = if self.chance.happens(0.5) {
                motif::tail(&motif, notes)
            } else {
                motif::head(&motif, notes)
            };
            self.state(after + if room > 4 * pulse { pulse } else { 0 }, &more, role);
        }
    }

    /// What a role makes of the section's motifs.
    fn variant(&mut self, role: Role) -> Motif {
        let brief = self.brief;
        let section = &brief.plan.section;
        let bank = |which: usize| {
            motif::draw(brief.metre, motif_chance(brief.root, section.chapter, section.motifs[which]))
        };
        let first = bank(0);
        let plain = match role {
            Rest | State | Again => first,
            Answer => match self.chance.below(3) {
                0 => motif::inverted(&first),
                1 => motif::reversed(&first),
                _ => first,
            },
            Contrast => match self.chance.below(4) {
                0 => motif::inverted(&first),
                _ => bank(1),
            },
            Close => motif::head(&first, 3),
        };
        let slow = match section.melody {
            Melody::Far | Melody::Rest => 1.0 - 0.8 * self.density,
            _ => smooth(1.0 - self.density * 1.8),
        };
        let span: u16 = plain.iter().map(|cell| cell.slots).sum();
        let fits = usize::from(span) * 2 <= 3 * brief.metre.slots;
        let long = usize::from(span) >= brief.metre.slots && plain.iter().all(|cell| cell.slots % 2 == 0);
        // The pace is the section's: what changes is told from what stays.
        let mut pace = brief.root.named("pace").at(section.id);
        let paced = if fits && pace.happens(slow) {
            motif::stretched(&plain, 2)
        } else if long && role != State && self.chance.happens((self.density - 0.55) * 1.5) {
            motif::hurried(&plain)
        } else {
            plain
        };
        let most = (2.2 + self.density * 6.0) as usize;
        let thin = motif::thinned(&paced, most);
        if role == State {
            // Stated plainly, so that it is known again.
            return thin;
        }
        let long = 2 * brief.metre.pulse.max(1);
        motif::ornamented(&thin, long, (self.density - 0.3) * 1.4, &mut self.chance)
    }

    /// The slot of the first note, at or after a unit's start if the signature can be written there: where the
    /// metre is strong its tone must belong to the chord.
    fn entry_slot(&self, start: usize) -> usize {
        let (signatures, signature, class) = self.entry;
        let chord = |slot: usize| self.brief.chord(slot).tones().has(class);
        let legal = |slot: &usize| {
            *slot + signatures.entry_room() < self.end
                && (self.brief.metre.weight(*slot) < STRONG || chord(*slot))
        };
        let slots = || signatures.entry_slots(signature).filter(legal);
        slots().find(|slot| *slot >= start).or_else(|| slots().next()).unwrap_or(0)
    }

    fn state(&mut self, at: usize, motif: &Motif, role: Role) {
        let mut slot = at;
        for (index, cell) in motif.iter().enumerate() {
            // The last note of the phrase needs its moment of quiet before it.
            if slot + 1 >= self.end || self.events.len() + 2 >= MAX_LINE {
                break;
            }
            let first = self.events.is_empty();
            let least = if first { self.entry.0.entry_room() } else { 1 };
            let mut slots = usize::from(cell.slots).max(least);
            if first {
                // A first note that rubs against its chord only leans on the next.
                let (tones, class) = (self.brief.chord(slot).tones(), self.entry.2);
                let rubs = tones.above().has(class) && !tones.has(class);
                slots = if rubs { slots.min(self.brief.metre.pulse.max(least)) } else { slots };
            }
            self.events.push(Event {
                slot,
                slots: slots.min(self.end - slot),
                step: (index > 0).then_some(cell.step),
                closes: index + 1 == motif.len(),
                answer: role == Answer,
            });
            slot += slots;
        }
        if let Some(last) = self.events.last_mut() {
            last.closes = true;
        }
    }
}

/// How long notes sound: within a statement to the next note, at its end as long as there is room for, but with
/// rests as long as the notes where little happens.
fn set_lengths(brief: &Brief<'_>, events: &Events, density: f32, lengths: &mut [usize; MAX_LINE]) {
    let slots = brief.metre.slots as f32;
    for (index, pair) in events.windows(2).enumerate() {
        let gap = pair[1].slot - pair[0].slot;
        let length = if pair[0].closes {
            let most = pair[0].slots as f32 + slots * (0.9 - 0.7 * density);
            let rested = gap as f32 * (0.5 + 0.4 * density);
            (most.min(rested) as usize).max(pair[0].slots.min(gap - gap / 3))
        } else {
            gap
        };
        lengths[index] = length.clamp(1, gap.max(1));
    }
}

/// How many of its slots a tone may sound: until a chord comes against which it clashes.
fn undisturbed(brief: &Brief<'_>, slot: usize, slots: usize, key: u8) -> usize {
    let later = &brief.chords_within(slot, slots)[1..];
    let clashes = |chord: &&Chord| chord.tones().above().has(key) && !chord.tones().has(key);
    later.iter().find(clashes).map_or(slots, |chord| brief.slots_of(chord).0 - slot)
}

fn wanted(
    brief: &Brief<'_>,
    events: &Events,
    lengths: &[usize; MAX_LINE],
    class: u8,
) -> ArrayVec<Wanted, MAX_LINE> {
    let (contour, peak_place) = brief.contour;
    let last = events.len() - 1;
    let distance = |event: &Event| (brief.place(event.slot) - peak_place).abs();
    let inner = events.iter().enumerate().take(last).skip(1).filter(|(_, event)| !event.answer);
    let peak = inner.min_by(|a, b| distance(a.1).total_cmp(&distance(b.1))).map(|(index, _)| index);
    let low = 0.12 + 0.16 * (1.0 - brief.plan.tension);
    let want = |(index, event): (usize, &Event)| {
        let chord = brief.chord(event.slot);
        let under = brief.chords_within(event.slot, lengths[index]);
        let height = contour.height(brief.place(event.slot), peak_place);
        let strong = brief.metre.weight(event.slot) >= STRONG;
        let long = lengths[index] >= 2 * brief.metre.pulse.max(1);
        Wanted {
            step: event.step,
            aim: (low + 0.66 * height - if event.answer { 0.3 } else { 0.0 }).clamp(0.0, 1.0),
            tones: chord.tones(),
            grating: brief.palette.grating(chord),
            rubbing: PitchClasses(under.iter().fold(0, |set, chord| set | chord.tones().above().0)),
            root: chord.root % 12,
            stable: strong || index == last || (long && event.closes),
            long,
            only: (index == 0).then_some(class),
            peak: Some(index) == peak,
            last: index == last,
        }
    };
    events.iter().enumerate().map(want).collect()
}
