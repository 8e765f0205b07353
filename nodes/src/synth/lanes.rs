//! Where the notes' voices lie in their groups: starting, changing and releasing one, and what is asked of a group in
//! one quantum. Audio thread.

use crate::voice::state::Group;
use crate::voice::wide::LANES;
use auralis_graph::chance::Chance;

/// A note as its voices are to start.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Onset {
    /// MIDI key.
    pub key: f32,
    /// 0 to 1.
    pub velocity: f32,
    /// Factor of each strand's amplitude.
    pub loudness: f32,
    /// Semitones away from the key at which the pitch starts, and frames until it is there.
    pub glide: (f32, f32),
    /// Root of all that varies from voice to voice.
    pub seed: u64,
    /// How much does.
    pub variation: f32,
    /// Whether its voices are placed to the sides by chance; else they stand in the middle.
    pub placed: bool,
}

/// Expression of a note, its channel's included.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Expression {
    /// Semitones.
    pub bend: f32,
    /// 0 to 1.
    pub pressure: f32,
    /// 0 to 1, 0.5 in the middle.
    pub timbre: f32,
}

impl Expression {
    /// As nobody touched anything.
    pub const REST: Expression = Expression { bend: 0.0, pressure: 0.0, timbre: 0.5 };

    /// A note's with that of its channel.
    pub fn with(self, channel: Expression) -> Self {
        Self {
            bend: self.bend + channel.bend,
            pressure: self.pressure.max(channel.pressure),
            timbre: (self.timbre + channel.timbre - 0.5).clamp(0.0, 1.0),
        }
    }
}

/// How much sooner than all else the start phases are free: from half variation on entirely, for notes that start
/// together would pile up.
const FREEDOM: f32 = 2.0;
/// Tuning at full variation, in semitones to each side.
const DRIFT: f32 = 0.06;
/// The filter's opening at full variation, in octaves to each side.
const SHADE: f32 = 0.4;

/// Starts one strand of a note. `strand` is its place among them, -1 to 1; in a unison the start phases are free, for
/// strands that start alike would cancel and swell.
pub fn start(
    group: &mut Group,
    lane: usize,
    onset: &Onset,
    strand: f32,
    unison: bool,
    expression: Expression,
) {
    let mut chance = Chance::new(onset.seed).at(u64::from(strand.to_bits()));
    let place = if onset.placed { chance.bipolar() } else { 0.0 };
    let phases = if unison { 1.0 } else { (onset.variation * FREEDOM).min(1.0) };
    let mut turn = |spread: f32| (f64::from(chance.unit() * spread) * 4_294_967_296.0) as u32;
    let turns = [turn(phases), turn(phases), turn(phases)];
    let lfo = turn(phases);
    let set = |row: &mut crate::voice::wide::Row, value: f32| row.0[lane] = value;
    set(&mut group.key, onset.key);
    set(&mut group.glide, onset.glide.0);
    set(&mut group.glide_rate, onset.glide.0.abs() / onset.glide.1.max(1.0));
    set(&mut group.drift, chance.bipolar() * DRIFT * onset.variation);
    set(&mut group.strand, strand);
    set(&mut group.place, place);
    set(&mut group.shade, chance.bipolar() * SHADE * onset.variation);
    set(&mut group.velocity, onset.velocity);
    let pairs = [
        (&mut group.loudness, onset.loudness),
        (&mut group.bend, expression.bend),
        (&mut group.pressure, expression.pressure),
        (&mut group.timbre, expression.timbre),
    ];
    for ([now, goal], value) in pairs {
        now.0[lane] = value;
        goal.0[lane] = value;
    }
    set(&mut group.gate, 1.0);
    for [level, rising] in [&mut group.amp, &mut group.filter] {
        set(level, 0.0);
        set(rising, 1.0);
    }
    set(&mut group.fade[0], 1.0);
    set(&mut group.fade[1], 0.0);
    for (phase, turn) in group.phase.iter_mut().zip(turns) {
        phase.0[lane] = turn;
    }
    group.lfo_phase.0[lane] = lfo;
    group.noise.0[lane] = chance.bits() as u32 | 1;
    set(&mut group.lfo_depth, 0.0);
    let silent =
        group.halfband.iter_mut().chain(&mut group.svf).chain(&mut group.left).chain(&mut group.right);
    silent.for_each(|row| row.0[lane] = 0.0);
}

/// Gives a sounding voice another note; with `retrigger` its envelopes rise again from where they are.
pub fn retune(group: &mut Group, lane: usize, onset: &Onset, retrigger: bool) {
    let sounding = group.key.0[lane] + group.glide.0[lane];
    let (away, frames) = (sounding - onset.key, onset.glide.1);
    group.key.0[lane] = onset.key;
    group.glide.0[lane] = if frames > 0.0 { away } else { 0.0 };
    group.glide_rate.0[lane] = away.abs() / frames.max(1.0);
    group.velocity.0[lane] = onset.velocity;
    group.loudness[1].0[lane] = onset.loudness;
    group.gate.0[lane] = 1.0;
    if retrigger {
        group.amp[1].0[lane] = 1.0;
        group.filter[1].0[lane] = 1.0;
    }
}

/// Sets where a voice's expression goes.
pub fn express(group: &mut Group, lane: usize, expression: Expression) {
    group.bend[1].0[lane] = expression.bend;
    group.pressure[1].0[lane] = expression.pressure;
    group.timbre[1].0[lane] = expression.timbre;
}

/// What happens to a note's voices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// They start, as their slot says.
    Start,
    /// They get the note of this index among the quantum's [`Edits::retunes`].
    Retune(u16),
    /// They are released.
    Release,
    /// They fade quickly: another note takes their place.
    Fade,
}

/// A change of one note's voices within one group.
#[derive(Debug, Clone, Copy)]
pub struct Edit {
    /// Frame within the quantum.
    pub frame: u8,
    /// The note's slot.
    pub slot: u32,
    /// What happens.
    pub change: Change,
    next: u32,
}

/// A note given to a sounding voice.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Retune {
    /// The note.
    pub onset: Onset,
    /// Whether the envelopes rise again.
    pub retrigger: bool,
}

const END: u32 = u32::MAX;

/// The changes of one quantum, group by group, in order of time.
pub struct Edits {
    list: Vec<Edit>,
    /// First and last of each group.
    chains: Box<[(u32, u32)]>,
    /// Notes that sounding voices get.
    pub retunes: Vec<Retune>,
}

impl Edits {
    /// Room for `edits` changes in `groups` groups; the only allocation.
    pub fn new(groups: usize, edits: usize) -> Self {
        Self {
            list: Vec::with_capacity(edits),
            chains: vec![(END, END); groups].into_boxed_slice(),
            retunes: Vec::with_capacity(edits.min(usize::from(u16::MAX))),
        }
    }

    /// Adds a change to the groups that the lanes from `first` to `last` lie in. Returns false where there is no room.
    pub fn push(&mut self, (first, last): (usize, usize), frame: u8, slot: u32, change: Change) -> bool {
        let groups = first / LANES..=last / LANES;
        if self.list.len() + groups.clone().count() > self.list.capacity() {
            return false;
        }
        for group in groups {
            let at = self.list.len() as u32;
            self.list.push(Edit { frame, slot, change, next: END });
            let (head, tail) = &mut self.chains[group];
            match self.list.get_mut(*tail as usize) {
                Some(tail) => tail.next = at,
                None => *head = at,
            }
            *tail = at;
        }
        true
    }

    /// Adds a note for a sounding voice; its index, unless there is no room.
    pub fn push_retune(&mut self, retune: Retune) -> Option<u16> {
        if self.retunes.len() == self.retunes.capacity() {
            return None;
        }
        self.retunes.push(retune);
        Some((self.retunes.len() - 1) as u16)
    }

    /// The first change of a group.
    pub fn first(&self, group: usize) -> Option<&Edit> {
        self.list.get(self.chains[group].0 as usize)
    }

    /// The change after another one.
    pub fn after(&self, edit: &Edit) -> Option<&Edit> {
        self.list.get(edit.next as usize)
    }

    /// Forgets all changes.
    pub fn clear(&mut self) {
        if !self.list.is_empty() {
            self.list.clear();
            self.retunes.clear();
            self.chains.fill((END, END));
        }
    }
}
