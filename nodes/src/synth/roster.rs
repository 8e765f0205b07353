//! Which note has which voices: starting, stealing, releasing, the pedal, mono and legato playing. Audio thread.

use super::SynthMode;
use super::lanes::{self, Change, Edit, Edits, Expression, Onset, Retune};
use crate::voice::state::Group;
use crate::voice::wide::LANES;
use auralis_graph::note::{NoteEvent, NoteKind};

/// Where a note is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Free,
    /// Its key is down.
    Held,
    /// Its key is up, the pedal is down.
    Sustained,
    /// It dies away.
    Released,
    /// It fades quickly, for another note took its place.
    Fading,
}

/// A note, and the voices that lie at its place: as many as the unison has strands.
#[derive(Debug, Clone, Copy)]
struct Slot {
    state: State,
    id: u32,
    channel: u8,
    /// Which note this is, counted since reset.
    order: u64,
    onset: Onset,
    own: Expression,
}

/// A key that is down in mono and legato playing.
#[derive(Debug, Clone, Copy)]
struct Key {
    id: u32,
    channel: u8,
    onset: Onset,
}

/// Keys that can be down at once in mono and legato playing; the oldest is forgotten.
const KEYS: usize = 64;

#[derive(Debug, Clone, Copy)]
struct Channel {
    expression: Expression,
    pedal: bool,
}

impl Channel {
    const REST: Channel = Channel { expression: Expression::REST, pedal: false };
}

/// What a note needs to know of the patch when it starts.
#[derive(Debug, Clone, Copy)]
pub struct Manner {
    /// How much velocity tells, 0 to 1.
    pub velocity: f32,
    /// Seconds of glide, in frames.
    pub glide: f32,
    /// How much voices vary, 0 to 1.
    pub variation: f32,
    /// Amplitude of one strand at full velocity.
    pub level: f32,
}

/// All notes of a synth.
pub struct Roster {
    mode: SynthMode,
    limit: usize,
    /// Notes that may sound now, up to the limit.
    most: usize,
    unison: usize,
    seed: u64,
    slots: Box<[Slot]>,
    /// Voices that are not free, in each group.
    busy: Box<[u16]>,
    channels: [Channel; 16],
    keys: Vec<Key>,
    edits: Edits,
    /// Slots that are not free; those of them that are not fading.
    live: usize,
    sounding: usize,
    order: u64,
    last_key: Option<f32>,
}

/// Slots above the limit, in which stolen notes fade.
fn spare(limit: usize) -> usize {
    limit.clamp(8, 64)
}

const FREE: Slot = Slot {
    state: State::Free,
    id: 0,
    channel: 0,
    order: 0,
    onset: Onset {
        key: 0.0,
        velocity: 0.0,
        loudness: 0.0,
        glide: (0.0, 0.0),
        seed: 0,
        variation: 0.0,
        placed: false,
    },
    own: Expression::REST,
};

impl Roster {
    /// For `limit` notes of `unison` voices each. Allocates; the only place that does.
    pub fn new(mode: SynthMode, limit: usize, unison: usize, seed: u64) -> Self {
        let limit = if mode == SynthMode::Poly { limit } else { 1 };
        let slots = limit + spare(limit);
        let groups = (slots * unison).div_ceil(LANES);
        Self {
            mode,
            limit,
            most: limit,
            unison,
            seed,
            slots: vec![FREE; slots].into_boxed_slice(),
            busy: vec![0; groups].into_boxed_slice(),
            channels: [Channel::REST; 16],
            keys: Vec::with_capacity(KEYS),
            // A slot starts, is released and fades at most once in a quantum, in at most two groups.
            edits: Edits::new(groups, (6 * slots).max(1024)),
            live: 0,
            sounding: 0,
            order: 0,
            last_key: None,
        }
    }

    /// Groups that the voices need.
    pub fn groups(&self) -> usize {
        self.busy.len()
    }

    /// Whether no voice sounds.
    pub fn is_silent(&self) -> bool {
        self.live == 0
    }

    /// Notes that sound, those that die away among them, but not those that fade for others.
    pub fn sounding(&self) -> usize {
        self.sounding
    }

    /// Whether no voice of a group sounds.
    pub fn is_free(&self, group: usize) -> bool {
        self.busy[group] == 0
    }

    /// The changes of this quantum.
    pub fn edits(&self) -> &Edits {
        &self.edits
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        self.slots.fill(FREE);
        self.busy.fill(0);
        self.channels = [Channel::REST; 16];
        self.keys.clear();
        self.edits.clear();
        (self.live, self.sounding, self.order, self.last_key) = (0, 0, 0, None);
    }

    /// Lets no more notes sound than this, or than the limit: what is too much fades.
    pub fn thin(&mut self, most: usize, groups: &mut [Group]) {
        self.most = most.min(self.limit);
        while self.sounding > self.most {
            self.steal(0, groups);
        }
    }

    /// Takes a note event; `tick` is its musical position, from which, with its id, its chance follows.
    pub fn take(&mut self, event: &NoteEvent, groups: &mut [Group], manner: &Manner, tick: f64) {
        let channel = usize::from(event.channel & 15);
        match event.kind {
            NoteKind::On { key, velocity } if key.is_finite() && velocity.is_finite() => {
                let onset = self.onset(event, key, velocity, manner, tick);
                match self.mode {
                    SynthMode::Poly => self.start_poly(event, onset, groups),
                    SynthMode::Mono | SynthMode::Legato => self.start_mono(event, onset, groups),
                }
                self.last_key = Some(onset.key);
            }
            NoteKind::On { .. } => {}
            NoteKind::Off { .. } => self.release(event, groups),
            NoteKind::Sustain(pedal) => self.pedal(channel, pedal >= 0.5, event.offset, groups),
            NoteKind::ReleaseAll => self.release_all(channel, event.offset, groups),
            NoteKind::Bend(value) => {
                self.express(event, value, groups, |to, value| to.bend = value.clamp(-96.0, 96.0));
            }
            NoteKind::Pressure(value) => {
                self.express(event, value, groups, |to, value| to.pressure = value.clamp(0.0, 1.0));
            }
            NoteKind::Timbre(value) => {
                self.express(event, value, groups, |to, value| to.timbre = value.clamp(0.0, 1.0));
            }
        }
    }

    fn onset(&self, event: &NoteEvent, key: f32, velocity: f32, manner: &Manner, tick: f64) -> Onset {
        let (key, velocity) = (key.clamp(-24.0, 160.0), velocity.clamp(0.0, 1.0));
        let away = if manner.glide > 0.0 { self.last_key.map_or(0.0, |last| last - key) } else { 0.0 };
        let chance = auralis_graph::chance::Chance::new(self.seed);
        Onset {
            key,
            velocity,
            loudness: velocity.powf(2.0 * manner.velocity) * manner.level,
            glide: (away, manner.glide),
            seed: chance
                .at(u64::from(event.id))
                .at(tick.round() as i64 as u64)
                .at(u64::from(key.to_bits()))
                .seed(),
            variation: manner.variation,
            placed: self.mode == SynthMode::Poly,
        }
    }

    /// Lanes of a slot, the first and the last.
    fn lanes(&self, slot: usize) -> (usize, usize) {
        (slot * self.unison, (slot + 1) * self.unison - 1)
    }

    fn expression(&self, slot: &Slot) -> Expression {
        slot.own.with(self.channels[usize::from(slot.channel)].expression)
    }

    /// Enters a change; where there is no room for it, it takes place at once.
    fn enter(&mut self, slot: usize, frame: u8, change: Change, groups: &mut [Group]) {
        let (first, last) = self.lanes(slot);
        if !self.edits.push((first, last), frame, slot as u32, change) {
            for lane in first..=last {
                self.apply_to(slot, change, lane, &mut groups[lane / LANES]);
            }
        }
    }

    /// Makes a change in one of the groups that it concerns.
    pub fn apply(&self, edit: &Edit, index: usize, group: &mut Group) {
        let (first, last) = self.lanes(edit.slot as usize);
        let (from, to) = (index * LANES, (index + 1) * LANES);
        for lane in first.max(from)..(last + 1).min(to) {
            self.apply_to(edit.slot as usize, edit.change, lane, group);
        }
    }

    fn apply_to(&self, index: usize, change: Change, lane: usize, group: &mut Group) {
        let slot = &self.slots[index];
        let at = lane % LANES;
        match change {
            Change::Start => {
                let strand = (lane - self.lanes(index).0) as f32;
                let apart = self.unison as f32 - 1.0;
                let strand = if apart > 0.0 { 2.0 * strand / apart - 1.0 } else { 0.0 };
                lanes::start(group, at, &slot.onset, strand, self.unison > 1, self.expression(slot));
            }
            Change::Retune(index) => {
                let Some(retune) = self.edits.retunes.get(usize::from(index)) else { return };
                lanes::retune(group, at, &retune.onset, retune.retrigger);
                lanes::express(group, at, self.expression(slot));
            }
            Change::Release => group.gate.0[at] = 0.0,
            Change::Fade => group.fade[1].0[at] = 1.0,
        }
    }

    fn start_poly(&mut self, event: &NoteEvent, onset: Onset, groups: &mut [Group]) {
        // An id that comes again ends its note.
        self.release(event, groups);
        if self.sounding >= self.most {
            self.steal(event.offset, groups);
        }
        let slot = self.free_slot(groups);
        self.begin(slot, event, onset, groups);
    }

    fn begin(&mut self, slot: usize, event: &NoteEvent, onset: Onset, groups: &mut [Group]) {
        self.order += 1;
        let (id, channel) = (event.id, event.channel & 15);
        if self.slots[slot].state == State::Free {
            self.live += 1;
            self.count(slot, true);
        }
        self.sounding += 1;
        self.slots[slot] =
            Slot { state: State::Held, id, channel, order: self.order, onset, own: Expression::REST };
        self.enter(slot, event.offset, Change::Start, groups);
    }

    fn count(&mut self, slot: usize, more: bool) {
        let (first, last) = self.lanes(slot);
        for lane in first..=last {
            let busy = &mut self.busy[lane / LANES];
            *busy = if more { *busy + 1 } else { *busy - 1 };
        }
    }

    /// Fades the quietest of the notes that die away, else the one that sounds longest.
    fn steal(&mut self, frame: u8, groups: &mut [Group]) {
        let level = |index: usize, slot: &Slot| {
            let lane = index * self.unison;
            groups[lane / LANES].amp[0].0[lane % LANES] * slot.onset.loudness
        };
        let mut quietest: Option<(usize, f32)> = None;
        let mut oldest: Option<(usize, u64)> = None;
        for (index, slot) in self.slots.iter().enumerate() {
            match slot.state {
                State::Released => {
                    let level = level(index, slot);
                    if quietest.is_none_or(|best| level < best.1) {
                        quietest = Some((index, level));
                    }
                }
                State::Held | State::Sustained => {
                    if oldest.is_none_or(|best| slot.order < best.1) {
                        oldest = Some((index, slot.order));
                    }
                }
                State::Free | State::Fading => {}
            }
        }
        let Some(slot) = quietest.map(|q| q.0).or(oldest.map(|o| o.0)) else { return };
        self.slots[slot].state = State::Fading;
        self.sounding -= 1;
        self.enter(slot, frame, Change::Fade, groups);
    }

    /// The first free slot; where all spare ones are fading, the one that has faded most.
    fn free_slot(&self, groups: &[Group]) -> usize {
        let mut faded = (0, f32::INFINITY);
        for (index, slot) in self.slots.iter().enumerate() {
            match slot.state {
                State::Free => return index,
                State::Fading => {
                    let lane = index * self.unison;
                    let left = groups[lane / LANES].fade[0].0[lane % LANES];
                    if left < faded.1 {
                        faded = (index, left);
                    }
                }
                _ => {}
            }
        }
        faded.0
    }

    fn release(&mut self, event: &NoteEvent, groups: &mut [Group]) {
        if self.mode != SynthMode::Poly {
            return self.release_mono(event, groups);
        }
        let pedal = self.channels[usize::from(event.channel & 15)].pedal;
        let of_event = |slot: &Slot| {
            slot.state == State::Held && slot.id == event.id && slot.channel == event.channel & 15
        };
        let Some(slot) = self.slots.iter().position(of_event) else { return };
        if pedal {
            self.slots[slot].state = State::Sustained;
        } else {
            self.let_go(slot, event.offset, groups);
        }
    }

    fn let_go(&mut self, slot: usize, frame: u8, groups: &mut [Group]) {
        self.slots[slot].state = State::Released;
        self.enter(slot, frame, Change::Release, groups);
    }

    fn pedal(&mut self, channel: usize, down: bool, frame: u8, groups: &mut [Group]) {
        self.channels[channel].pedal = down;
        if !down {
            self.let_go_where(frame, groups, |slot| {
                slot.state == State::Sustained && usize::from(slot.channel) == channel
            });
        }
    }

    fn release_all(&mut self, channel: usize, frame: u8, groups: &mut [Group]) {
        self.keys.retain(|key| usize::from(key.channel) != channel);
        self.let_go_where(frame, groups, |slot| {
            matches!(slot.state, State::Held | State::Sustained) && usize::from(slot.channel) == channel
        });
    }

    fn let_go_where(&mut self, frame: u8, groups: &mut [Group], which: impl Fn(&Slot) -> bool) {
        for slot in 0..self.slots.len() {
            if which(&self.slots[slot]) {
                self.let_go(slot, frame, groups);
            }
        }
    }

    /// The slot of the one note that mono and legato playing has.
    fn solo(&self) -> Option<usize> {
        self.slots.iter().position(|slot| !matches!(slot.state, State::Free | State::Fading))
    }

    fn start_mono(&mut self, event: &NoteEvent, onset: Onset, groups: &mut [Group]) {
        let (id, channel) = (event.id, event.channel & 15);
        self.keys.retain(|key| (key.id, key.channel) != (id, channel));
        let overlaps = self.solo().is_some_and(|slot| self.slots[slot].state != State::Released);
        // Legato playing glides only from a note that is still held.
        let glides = self.mode == SynthMode::Mono || overlaps;
        let onset = if glides { onset } else { Onset { glide: (0.0, 0.0), ..onset } };
        if self.keys.len() == KEYS {
            self.keys.remove(0);
        }
        self.keys.push(Key { id, channel, onset });
        match self.solo() {
            None => {
                let slot = self.free_slot(groups);
                self.begin(slot, event, onset, groups);
            }
            Some(slot) => {
                let retrigger = self.mode == SynthMode::Mono || !overlaps;
                self.slots[slot] = Slot { state: State::Held, id, channel, onset, ..self.slots[slot] };
                self.retune(slot, event.offset, Retune { onset, retrigger }, groups);
            }
        }
    }

    fn retune(&mut self, slot: usize, frame: u8, retune: Retune, groups: &mut [Group]) {
        if let Some(index) = self.edits.push_retune(retune) {
            self.enter(slot, frame, Change::Retune(index), groups);
        }
    }

    fn release_mono(&mut self, event: &NoteEvent, groups: &mut [Group]) {
        let (id, channel) = (event.id, event.channel & 15);
        let Some(slot) = self.solo() else { return self.keys.clear() };
        let sounds = (self.slots[slot].id, self.slots[slot].channel) == (id, channel);
        let pedal = self.channels[usize::from(channel)].pedal;
        self.keys.retain(|key| (key.id, key.channel) != (id, channel));
        if !sounds || self.slots[slot].state != State::Held {
            return;
        }
        match self.keys.last().copied() {
            // Back to the key that is still down, without a new attack.
            Some(key) => {
                let glide = self.slots[slot].onset.glide.1;
                let onset = Onset { glide: (0.0, glide), ..key.onset };
                let (id, channel) = (key.id, key.channel);
                self.slots[slot] = Slot { id, channel, onset, ..self.slots[slot] };
                self.last_key = Some(onset.key);
                self.retune(slot, event.offset, Retune { onset, retrigger: false }, groups);
            }
            None if pedal => self.slots[slot].state = State::Sustained,
            None => self.let_go(slot, event.offset, groups),
        }
    }

    fn express(
        &mut self,
        event: &NoteEvent,
        value: f32,
        groups: &mut [Group],
        set: impl Fn(&mut Expression, f32),
    ) {
        if !value.is_finite() {
            return;
        }
        let channel = event.channel & 15;
        let whole = event.id == NoteEvent::CHANNEL;
        if whole {
            set(&mut self.channels[usize::from(channel)].expression, value);
        }
        for index in 0..self.slots.len() {
            let slot = &mut self.slots[index];
            if slot.state == State::Free || slot.channel != channel || !(whole || slot.id == event.id) {
                continue;
            }
            if !whole {
                set(&mut slot.own, value);
            }
            let expression = self.expression(&self.slots[index]);
            let (first, last) = self.lanes(index);
            (first..=last)
                .for_each(|lane| lanes::express(&mut groups[lane / LANES], lane % LANES, expression));
        }
    }

    /// Ends the quantum: forgets its changes, and frees the notes that have died away.
    pub fn end(&mut self, groups: &[Group]) {
        self.edits.clear();
        for index in 0..self.slots.len() {
            let state = self.slots[index].state;
            if !matches!(state, State::Released | State::Fading) {
                continue;
            }
            let lane = index * self.unison;
            let (group, at) = (&groups[lane / LANES], lane % LANES);
            if group.amp[0].0[at] <= 0.0 || group.fade[0].0[at] <= 0.0 {
                self.slots[index].state = State::Free;
                self.count(index, false);
                self.live -= 1;
                self.sounding -= usize::from(state == State::Released);
            }
        }
    }
}
