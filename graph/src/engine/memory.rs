//! The buffers that a schedule's steps read and write. The only place where the engine trusts indices: the
//! compiler gives every step inputs that no output of the same step shares.

use super::schedule::Extent;
use crate::dsp::Block;
use crate::note::NoteBuffer;
use crate::packet::PacketBuffer;
use std::cell::UnsafeCell;
use std::sync::Arc;

/// The wire that is always silent; the notes and packets buffers of this index are always empty.
pub(crate) const NOTHING: u32 = 0;

static SILENCE: Block = Block::SILENCE;

/// All buffers of a schedule; schedules of one graph after the other share them, since nothing in them outlasts a
/// quantum. Each is used by one thread at a time: steps on several threads share none, but for those that one task has
/// written before another that waits for it reads.
#[derive(Clone)]
pub(crate) struct Memory {
    blocks: Arc<[Buffer<Block>]>,
    silent: Arc<[Buffer<bool>]>,
    notes: Arc<[NotesCell]>,
    packets: Arc<[PacketsCell]>,
}

/// What steps write and read.
#[repr(transparent)]
pub(crate) struct Buffer<T>(UnsafeCell<T>);

/// A buffer of notes, and one of packets.
pub(crate) type NotesCell = Arc<Buffer<NoteBuffer>>;
pub(crate) type PacketsCell = Arc<Buffer<PacketBuffer>>;

// SAFETY: schedules that share buffers are run one after the other by one engine, and within a schedule each buffer is
// used by one thread at a time, which tasks hand over by acquire and release. The control side never looks inside.
unsafe impl<T: Send> Sync for Buffer<T> {}

impl<T> Buffer<T> {
    pub fn new(content: T) -> Self {
        Self(UnsafeCell::new(content))
    }

    #[inline(always)]
    fn get(&self) -> *mut T {
        self.0.get()
    }
}

/// A buffer for so many notes.
pub(crate) fn notes_cell(capacity: usize) -> NotesCell {
    Arc::new(Buffer::new(NoteBuffer::new(capacity)))
}

/// A buffer for so many packets and bytes.
pub(crate) fn packets_cell(packets: usize, bytes: usize) -> PacketsCell {
    Arc::new(Buffer::new(PacketBuffer::new(packets, bytes)))
}

impl Memory {
    /// So many blocks besides that of [`NOTHING`], and these buffers for events, of which the first is [`NOTHING`].
    pub fn new(blocks: usize, notes: Arc<[NotesCell]>, packets: Arc<[PacketsCell]>) -> Self {
        Self {
            blocks: (0..blocks + 1).map(|_| Buffer::new(Block::SILENCE)).collect(),
            silent: (0..blocks + 1).map(|_| Buffer::new(true)).collect(),
            notes,
            packets,
        }
    }

    /// The same blocks with other buffers for events.
    pub fn with_events(&self, notes: Arc<[NotesCell]>, packets: Arc<[PacketsCell]>) -> Self {
        Self { notes, packets, ..self.clone() }
    }

    /// How many buffers of each kind there are.
    pub fn extent(&self) -> Extent {
        let (blocks, notes, packets) = (self.blocks.len(), self.notes.len(), self.packets.len());
        Extent { blocks: blocks as u32, notes: notes as u32, packets: packets as u32 }
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
    ///
    /// # Safety
    /// No reference to any buffer may be alive: for the thread that runs the engine, between quanta.
    pub unsafe fn clear(&self) {
        for flag in &*self.silent {
            // SAFETY: by the contract above.
            unsafe { *flag.get() = true };
        }
        for notes in &*self.notes {
            // SAFETY: by the contract above.
            unsafe { &mut *notes.get() }.clear();
        }
        for packets in &*self.packets {
            // SAFETY: by the contract above.
            unsafe { &mut *packets.get() }.clear();
        }
    }
}
