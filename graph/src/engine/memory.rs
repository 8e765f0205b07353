//! The buffers that a schedule's steps read and write. The only place where the engine trusts indices: the
//! compiler gives every step inputs that no output of the same step shares.

use crate::dsp::Block;
use crate::note::NoteBuffer;
use crate::packet::PacketBuffer;
use std::cell::UnsafeCell;

/// The wire that is always silent; the notes and packets buffers of this index are always empty.
pub(crate) const NOTHING: u32 = 0;

static SILENCE: Block = Block::SILENCE;

/// All buffers of a schedule. Each is used by one thread at a time: steps on several threads share none, but for those
/// that one task has written before another that waits for it reads.
pub(crate) struct Memory {
    blocks: Box<[UnsafeCell<Block>]>,
    silent: Box<[UnsafeCell<bool>]>,
    notes: Box<[UnsafeCell<NoteBuffer>]>,
    packets: Box<[UnsafeCell<PacketBuffer>]>,
}

/// Capacities of the buffers of one schedule; index 0 of each kind is [`NOTHING`] and added by itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct MemorySize {
    pub blocks: usize,
    pub notes: Vec<usize>,
    pub packets: Vec<(usize, usize)>,
}

impl Memory {
    pub fn new(size: &MemorySize) -> Self {
        let notes = std::iter::once(0).chain(size.notes.iter().copied());
        let packets = std::iter::once((0, 0)).chain(size.packets.iter().copied());
        Self {
            blocks: (0..size.blocks + 1).map(|_| UnsafeCell::new(Block::SILENCE)).collect(),
            silent: (0..size.blocks + 1).map(|_| UnsafeCell::new(true)).collect(),
            notes: notes.map(|capacity| UnsafeCell::new(NoteBuffer::new(capacity))).collect(),
            packets: packets.map(|(n, bytes)| UnsafeCell::new(PacketBuffer::new(n, bytes))).collect(),
        }
    }

    /// Panics if a wire is out of range; see [`super::schedule::Schedule::verified`].
    pub fn check_block(&self, wire: u32) {
        assert!((wire as usize) < self.blocks.len(), "a wire is out of range");
    }

    /// As [`Memory::check_block`].
    pub fn check_notes(&self, index: u32) {
        assert!((index as usize) < self.notes.len(), "a buffer of notes is out of range");
    }

    /// As [`Memory::check_block`].
    pub fn check_packets(&self, index: u32) {
        assert!((index as usize) < self.packets.len(), "a buffer of packets is out of range");
    }

    #[inline]
    pub fn is_silent(&self, wire: u32) -> bool {
        debug_assert!((wire as usize) < self.silent.len());
        // SAFETY: every wire of a schedule was checked when it was made. Flags are plain values, read and
        // written by the thread whose turn the wire's step has; no reference to a flag outlives the call.
        unsafe { *self.silent.get_unchecked(wire as usize).get() }
    }

    #[inline]
    pub fn set_silent(&self, wire: u32, silent: bool) {
        debug_assert!((wire as usize) < self.silent.len() && (wire != NOTHING || silent));
        // SAFETY: as in `is_silent`.
        unsafe { *self.silent.get_unchecked(wire as usize).get() = silent }
    }

    /// What a wire carries; zeros where it is silent.
    #[inline]
    pub fn block(&self, wire: u32) -> &Block {
        if self.is_silent(wire) {
            return &SILENCE;
        }
        // SAFETY: the wire was checked. A block that is an input of the running step is not among its outputs
        // (held by the compiler and its tests), so no `&mut` to it exists while this reference is used.
        unsafe { &*self.blocks.get_unchecked(wire as usize).get() }
    }

    /// The buffer behind a wire, to be written.
    ///
    /// # Safety
    /// No other reference to this wire's block may be alive: the caller is the step whose output it is and
    /// asks for each of its output wires once at a time.
    #[allow(clippy::mut_from_ref)]
    #[inline]
    pub unsafe fn block_mut(&self, wire: u32) -> &mut Block {
        debug_assert!(wire != NOTHING && (wire as usize) < self.blocks.len());
        // SAFETY: the wire was checked; the rest is the contract above.
        unsafe { &mut *self.blocks.get_unchecked(wire as usize).get() }
    }

    pub fn notes(&self, index: u32) -> &NoteBuffer {
        // SAFETY: as in `block`: inputs and outputs of one step are distinct.
        unsafe { &*self.notes[index as usize].get() }
    }

    /// # Safety
    /// As for [`Memory::block_mut`].
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn notes_mut(&self, index: u32) -> &mut NoteBuffer {
        debug_assert_ne!(index, NOTHING);
        // SAFETY: by the contract above.
        unsafe { &mut *self.notes[index as usize].get() }
    }

    pub fn packets(&self, index: u32) -> &PacketBuffer {
        // SAFETY: as in `block`.
        unsafe { &*self.packets[index as usize].get() }
    }

    /// # Safety
    /// As for [`Memory::block_mut`].
    #[allow(clippy::mut_from_ref)]
    pub unsafe fn packets_mut(&self, index: u32) -> &mut PacketBuffer {
        debug_assert_ne!(index, NOTHING);
        // SAFETY: by the contract above.
        unsafe { &mut *self.packets[index as usize].get() }
    }

    /// Silences and empties everything.
    pub fn clear(&mut self) {
        self.silent.iter_mut().for_each(|flag| *flag.get_mut() = true);
        self.notes.iter_mut().for_each(|notes| notes.get_mut().clear());
        self.packets.iter_mut().for_each(|packets| packets.get_mut().clear());
    }
}
