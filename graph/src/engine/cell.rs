//! A running node: its processor and its parameters. Owned by a schedule, used by the thread whose
//! turn its step has.

use super::fade::Centre;
use super::io::ParamValue;
use super::levels::Peaks;
use super::params::{Glide, Move, Slot, settle};
use crate::dsp::{Block, QUANTUM};
use crate::node::Processor;
use crate::param::{Amount, gain_factor};
use crate::voices::Voices;
use std::cell::UnsafeCell;
use std::sync::atomic::{AtomicU32, Ordering};

/// Most parameters a node may have, the common ones included: one bit each in a mask.
pub(crate) const MAX_PARAMS: usize = 64;

/// A node while it runs. What every quantum looks at comes first, within one line of the cache.
#[repr(C, align(64))]
pub(crate) struct Cell {
    pub processor: Box<dyn Processor>,
    /// As the processor sees them, by index.
    pub values: Box<[ParamValue]>,
    /// Slots that glide or get a new target in this quantum, as bits.
    moving: u64,
    /// Slots that came to rest in the last quantum, as bits.
    settling: u64,
    /// The common gain and mute as one factor; NaN while either moves or is modulated.
    factor: f32,
    /// The last sample of its first two wires, before its level: from there it fades when it fails.
    pub last: [f32; 2],
    /// Whether the common gain and mute leave the outputs as they are.
    pub unity: bool,
    pub asleep: bool,
    /// Set when the node failed; it stays silent until it is rebuilt.
    pub faulted: bool,
    /// Whether it is silent because the machine does not keep up.
    shed: bool,
    /// The same parameters on their way.
    pub slots: Box<[Slot]>,
    /// Index of `gain`; `mute` follows. None on nodes that make no audio.
    pub level: Option<usize>,
    /// Slots that another node modulates, as bits.
    modulated: u64,
    first_move: u32,
    last_move: u32,
    /// A tempo of the node's own, for its musical lengths.
    pub tempo: Option<f64>,
    /// Quanta that a failed node still fades.
    pub fading: u32,
    /// Quanta in a row that it took too long.
    pub strikes: u8,
    /// How loud its outputs are, for who watches.
    pub peaks: Peaks,
    /// How many voices it sounds, if it is an instrument.
    pub voices: Option<Voices>,
}

impl Cell {
    pub fn new(
        processor: Box<dyn Processor>,
        slots: Box<[Slot]>,
        modulated: u64,
        level: Option<usize>,
    ) -> Self {
        let value = |(index, slot): (usize, &Slot)| ParamValue {
            value: slot.glide.target(),
            signal: modulated & (1 << index) != 0,
        };
        let values = slots.iter().enumerate().map(value).collect();
        let mut cell = Self {
            processor,
            values,
            moving: 0,
            settling: 0,
            asleep: false,
            faulted: false,
            last: [0.0; 2],
            factor: 1.0,
            unity: true,
            slots,
            level,
            modulated,
            first_move: Move::LAST,
            last_move: Move::LAST,
            tempo: None,
            fading: 0,
            strikes: 0,
            shed: false,
            peaks: Peaks::default(),
            voices: None,
        };
        cell.find_factor();
        cell
    }

    fn find_factor(&mut self) {
        self.factor = match self.level {
            None => 1.0,
            Some(gain) => {
                let (level, mute) = (self.values[gain], self.values[gain + 1]);
                match (level.signal || mute.signal, mute.value >= 0.5) {
                    (true, _) => f32::NAN,
                    (false, true) => 0.0,
                    (false, false) => gain_factor(level.value),
                }
            }
        };
        self.unity = self.factor == 1.0;
    }

    /// The common gain and mute as one factor; none while either moves or is modulated.
    #[inline(always)]
    pub fn factor(&self) -> Option<f32> {
        (!self.factor.is_nan()).then_some(self.factor)
    }

    /// Enters a new target for a slot. Returns false when the list of moves is full.
    pub fn enter(&mut self, slot: u16, offset: usize, amount: Amount, tempo: f64, moves: &mut Moves) -> bool {
        let index = usize::from(slot);
        let Some(state) = self.slots.get_mut(index) else { return true };
        if self.shed && self.level.is_some_and(|gain| index == gain + 1) {
            // It is muted already; this is for later.
            state.amount = amount;
            return true;
        }
        let target = state.goal(amount, self.tempo.unwrap_or(tempo));
        let Some(at) = moves.push(Move { slot, offset: offset as u8, target, next: Move::LAST }) else {
            return false;
        };
        state.amount = amount;
        match moves.list.get_mut(self.last_move as usize) {
            Some(last) => last.next = at,
            None => self.first_move = at,
        }
        self.last_move = at;
        self.moving |= 1 << index;
        self.asleep = false;
        true
    }

    /// Silences the node for as long as the machine does not keep up, or lets it sound again: `mute` glides, and what it
    /// was set to stays. A node whose `mute` something else moves is left alone.
    pub fn shed(&mut self, shed: bool, moves: &mut Moves) {
        let Some(mute) = self.level.map(|gain| gain + 1).filter(|mute| self.modulated & (1 << mute) == 0)
        else {
            return;
        };
        self.shed = false;
        let amount = self.slots[mute].amount;
        if self.enter(mute as u16, 0, if shed { Amount::Value(1.0) } else { amount }, 60.0, moves) {
            self.shed = shed;
            self.slots[mute].amount = amount;
        }
    }

    /// No voice of it sounds, since it does not run.
    pub fn hush(&self) {
        if let Some(voices) = &self.voices {
            voices.sound(0);
        }
    }

    /// Whether the node is silent because the machine does not keep up.
    pub fn is_shed(&self) -> bool {
        self.shed && self.factor == 0.0
    }

    /// Sets a slot without a glide.
    pub fn jump(&mut self, slot: u16, amount: Amount, tempo: f64) {
        let index = usize::from(slot);
        let Some(state) = self.slots.get_mut(index) else { return };
        state.amount = amount;
        state.glide = Glide::at(state.goal(amount, self.tempo.unwrap_or(tempo)));
        self.moving &= !(1 << index);
        self.settling &= !(1 << index);
        if self.modulated & (1 << index) == 0 {
            settle(&mut self.values[index], state);
        }
        self.find_factor();
    }

    /// Begins an edit that gives a slot another modulation: until [`Cell::end_blend`] its values are rendered from
    /// without. Returns where it stands before and after.
    pub fn begin_blend(
        &mut self,
        slot: u16,
        amount: Option<Amount>,
        centred: bool,
        tempo: f64,
    ) -> [Centre; 2] {
        let index = usize::from(slot);
        let Some(state) = self.slots.get_mut(index) else { return Default::default() };
        let range = state.spec.range;
        let centre = |number: f32, centred: bool| match centred {
            true => Centre { value: range.value(number), position: number },
            false => Centre { value: number, position: range.position(number) },
        };
        let before = centre(state.glide.now(), state.centred);
        (state.centred, state.amount) = (centred, amount.unwrap_or(state.amount));
        let after = centre(state.goal(state.amount, self.tempo.unwrap_or(tempo)), centred);
        state.glide = Glide::at(if centred { after.position } else { after.value });
        self.moving &= !(1 << index);
        self.settling &= !(1 << index);
        self.modulated |= 1 << index;
        self.values[index].signal = true;
        self.asleep = false;
        self.find_factor();
        [before, after]
    }

    /// Ends it: from now on the slot is modulated as usual, or stands still.
    pub fn end_blend(&mut self, slot: u16, modulated: bool) {
        let index = usize::from(slot);
        if !modulated && index < self.slots.len() {
            self.modulated &= !(1 << index);
            if self.moving & (1 << index) == 0 {
                settle(&mut self.values[index], &self.slots[index]);
            }
            self.find_factor();
        }
    }

    /// Whether the node is awake, sound, and all its parameters rest.
    #[inline]
    pub fn is_plain(&self) -> bool {
        !self.asleep && !self.faulted && !self.shed && !self.stirs()
    }

    /// Whether any parameter has to be rendered before the node runs.
    #[inline]
    pub fn stirs(&self) -> bool {
        (self.moving | self.settling) != 0
    }

    /// Whether a slot was rendered into its signal in this quantum.
    #[inline]
    pub fn moves(&self, slot: u16) -> bool {
        self.moving & (1 << slot) != 0
    }

    /// Settles what came to rest and renders what moves, each into the signal of its index.
    pub fn render_params(&mut self, signals: &mut [Block], moves: &Moves) {
        let mut settled = self.settling & !self.moving & !self.modulated;
        while settled != 0 {
            let index = settled.trailing_zeros() as usize;
            settled &= settled - 1;
            settle(&mut self.values[index], &self.slots[index]);
        }
        self.settling = 0;
        let mut moving = self.moving;
        while moving != 0 {
            let index = moving.trailing_zeros() as usize;
            moving &= moving - 1;
            let still = self.slots[index].render(&mut signals[index], &moves.list, self.first_move, index);
            self.values[index].signal = true;
            if !still {
                self.settling |= 1 << index;
            }
        }
        self.first_move = Move::LAST;
        self.last_move = Move::LAST;
        self.find_factor();
    }

    /// Ends the quantum: slots that came to rest no longer move.
    #[inline]
    pub fn end_params(&mut self) {
        self.moving &= !self.settling;
    }

    /// The common gain and mute as one factor for each frame.
    pub fn render_factor(&self, signals: &[Block], out: &mut Block) {
        let Some(gain) = self.level else { return out.fill(1.0) };
        let (level, mute) = (self.values[gain], self.values[gain + 1]);
        for frame in 0..QUANTUM {
            let db = if level.signal { signals[gain][frame] } else { level.value };
            let muted = if mute.signal { signals[gain + 1][frame] } else { mute.value };
            out[frame] = gain_factor(db) * (1.0 - muted);
        }
    }

    /// Ends all glides at their targets and forgets all signal.
    pub fn reset(&mut self) {
        self.processor.reset();
        self.last = [0.0; 2];
        self.asleep = false;
        self.moving = 0;
        self.settling = 0;
        self.first_move = Move::LAST;
        self.last_move = Move::LAST;
        for (index, slot) in self.slots.iter_mut().enumerate() {
            slot.glide = Glide::at(slot.glide.target());
            if self.modulated & (1 << index) == 0 {
                settle(&mut self.values[index], slot);
            }
        }
        self.find_factor();
    }
}

/// The moves of all nodes in one quantum.
pub(crate) struct Moves {
    list: Vec<Move>,
}

impl Moves {
    /// Most parameter moves in one quantum, over all nodes.
    pub const CAPACITY: usize = 4096;

    pub fn new() -> Self {
        Self { list: Vec::with_capacity(Self::CAPACITY) }
    }

    fn push(&mut self, step: Move) -> Option<u32> {
        if self.list.len() == Self::CAPACITY {
            return None;
        }
        self.list.push(step);
        Some((self.list.len() - 1) as u32)
    }

    pub fn clear(&mut self) {
        self.list.clear();
    }
}

/// A cell that a schedule shares with the control side, which only keeps it alive and drops it.
pub(crate) struct SharedCell {
    cell: UnsafeCell<Cell>,
    /// Nanoseconds that it takes for a quantum, about, as the bits of an `f32`; 0 while nobody knows.
    cost: AtomicU32,
}

// SAFETY: only the thread whose turn the cell's step has looks inside (through `get`), one after the other: tasks that
// share a cell wait for each other. The control side holds the `Arc` and drops the cell after the engine gave its schedule back. `Cell` itself is `Send`.
unsafe impl Sync for SharedCell {}

impl SharedCell {
    pub fn new(cell: Cell) -> Self {
        Self { cell: UnsafeCell::new(cell), cost: AtomicU32::new(0) }
    }

    /// Nanoseconds that it takes for a quantum, about; 0 while nobody knows. Any thread.
    pub fn cost(&self) -> f32 {
        f32::from_bits(self.cost.load(Ordering::Relaxed))
    }

    /// Notes how long it took. One measurement counts for a quarter, and one that was interrupted for little.
    pub fn note_cost(&self, nanoseconds: f32) {
        let before = self.cost();
        let now = if before == 0.0 {
            nanoseconds.max(1.0)
        } else {
            before + (nanoseconds.min(before * 4.0 + 1_000.0) - before) * 0.25
        };
        self.cost.store(now.to_bits(), Ordering::Relaxed);
    }

    /// The cell.
    ///
    /// # Safety
    /// The caller is the thread whose turn the cell's step has in an engine's quantum, or the one that runs the engine
    /// between quanta, and no other reference from this function is alive.
    #[allow(clippy::mut_from_ref)]
    #[inline]
    pub unsafe fn get(&self) -> &mut Cell {
        // SAFETY: by the contract above.
        unsafe { &mut *self.cell.get() }
    }
}
