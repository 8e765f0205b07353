//! A ring of encoded chunks: one writer that never waits, many readers with a cursor each.
//!
//! Chunks live in a pool of buffers that is larger than the ring. The writer fills a buffer that no entry names
//! and no reader holds, then points an entry at it. A reader pins the buffer that an entry names. Pins and the
//! writer's claim are one number, so that one of the two comes first: a buffer that is pinned cannot be claimed,
//! and a reader that comes to a claimed one turns back. What a pinned buffer holds stands still, and says itself
//! whether it is the chunk that was asked for. `models.rs` runs this in every order that there is.

use auralis_graph::packet::{Packet, PacketFormat};
use auralis_graph::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use auralis_graph::sync::cell::{ConstPtr, UnsafeCell};
use crossbeam_utils::CachePadded;
use std::ops::Deref;

/// Buffers beyond the ring's capacity: as many chunks may be held by readers after they left the ring.
pub(super) const SPARE: usize = if cfg!(loom) { 1 } else { 16 };
/// An entry that names no chunk.
const EMPTY: u64 = u64::MAX;
/// Low bits of an entry: the buffer. The rest is the chunk's index.
const BUFFER_BITS: u32 = 16;
/// In a buffer's pins: the writer fills it.
const CLAIMED: u32 = 1 << 31;

/// Most chunks a ring can hold.
pub const MOST_CHUNKS: usize = 32_768;

#[derive(Debug)]
struct Buffer {
    /// How many readers hold it, or [`CLAIMED`] and how many are about to find that out.
    pins: AtomicU32,
    chunk: UnsafeCell<Chunk>,
}

impl Buffer {
    /// Keeps the writer away while the pin lives; none where the writer was first.
    fn pin(&self) -> Option<Pin<'_>> {
        let before = self.pins.fetch_add(1, Ordering::Acquire);
        let pin = Pin(self);
        // Dropping the pin takes it away again.
        (before & CLAIMED == 0).then_some(pin)
    }

    /// Keeps readers away until [`Buffer::release`]; false where one was first. A reader that turns back sees how far
    /// the writer has come.
    fn claim(&self) -> bool {
        self.pins.compare_exchange(0, CLAIMED, Ordering::AcqRel, Ordering::Relaxed).is_ok()
    }

    fn release(&self) {
        self.pins.fetch_sub(CLAIMED, Ordering::Release);
    }
}

#[derive(Debug)]
struct Pin<'a>(&'a Buffer);

impl Drop for Pin<'_> {
    fn drop(&mut self) {
        self.0.pins.fetch_sub(1, Ordering::Release);
    }
}

/// One encoded chunk.
#[derive(Debug)]
pub struct Chunk {
    /// What the bytes are.
    pub format: PacketFormat,
    /// Number of the chunk since the start of the station.
    pub index: u64,
    /// Its first frame since the start of the station.
    pub frame: u64,
    /// Frames in it.
    pub frames: u32,
    /// Channels.
    pub channels: u16,
    /// The chunk itself.
    pub bytes: Vec<u8>,
}

/// The chunks of the last seconds.
#[derive(Debug)]
pub struct ChunkRing {
    entries: Box<[CachePadded<AtomicU64>]>,
    buffers: Box<[Buffer]>,
    /// Chunks written: the index of the next.
    written: CachePadded<AtomicU64>,
    /// First index that is still valid after a clear.
    floor: AtomicU64,
    /// The chunk that the station's clock has reached.
    live: AtomicU64,
    /// Chunks that found every spare buffer held by readers, and were left out.
    missed: AtomicU64,
    /// Times a reader was moved because its chunk had left the ring.
    overflows: AtomicU64,
    /// Bytes that a chunk may have.
    most_bytes: usize,
    sample_rate: u32,
    seconds_per_chunk: f64,
}

// SAFETY: a chunk is written only while its buffer is claimed, and read only while it is pinned; see the top of
// this file.
unsafe impl Sync for ChunkRing {}

/// A chunk that is held while it is read. The writer goes on meanwhile.
#[derive(Debug)]
pub struct ChunkRef<'a> {
    // In this order they are dropped.
    chunk: ConstPtr<Chunk>,
    _pin: Pin<'a>,
}

impl Deref for ChunkRef<'_> {
    type Target = Chunk;

    fn deref(&self) -> &Chunk {
        // SAFETY: the buffer is pinned while `self` lives, so the writer does not touch it.
        unsafe { self.chunk.deref() }
    }
}

/// What a reader finds at its cursor.
#[derive(Debug)]
pub enum Read<'a> {
    /// The chunk; the cursor moved on.
    Chunk(ChunkRef<'a>),
    /// Nothing new yet.
    Waiting,
    /// The chunk had left the ring: the cursor was moved to the live edge, past this many chunks.
    Moved(u64),
}

/// How full the ring is ahead of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// Less than one chunk ahead.
    Emergency,
    /// One or two chunks ahead.
    Low,
    /// Three or four chunks ahead.
    Healthy,
    /// Five chunks ahead or more.
    Full,
}

impl Health {
    /// The health of a depth in chunks.
    pub fn of(depth: u64) -> Self {
        match depth {
            0 => Self::Emergency,
            1 | 2 => Self::Low,
            3 | 4 => Self::Healthy,
            _ => Self::Full,
        }
    }
}

impl ChunkRing {
    /// A ring of `capacity` chunks (2 to [`MOST_CHUNKS`]) of up to `bytes` bytes each; the only allocation.
    pub fn new(capacity: usize, bytes: usize, sample_rate: u32, seconds_per_chunk: f64) -> Self {
        let capacity = capacity.clamp(2, MOST_CHUNKS);
        let buffer = |_| Buffer {
            pins: AtomicU32::new(0),
            chunk: UnsafeCell::new(Chunk {
                format: PacketFormat::Pcm16,
                index: 0,
                frame: 0,
                frames: 0,
                channels: 0,
                bytes: Vec::with_capacity(bytes),
            }),
        };
        Self {
            entries: (0..capacity).map(|_| CachePadded::new(AtomicU64::new(EMPTY))).collect(),
            buffers: (0..capacity + SPARE).map(buffer).collect(),
            written: CachePadded::new(AtomicU64::new(0)),
            floor: AtomicU64::new(0),
            live: AtomicU64::new(0),
            missed: AtomicU64::new(0),
            overflows: AtomicU64::new(0),
            most_bytes: bytes,
            sample_rate,
            seconds_per_chunk,
        }
    }

    /// Begins at another index than 0; for a ring that nobody writes or reads yet.
    pub fn starting_at(self, index: u64) -> Self {
        self.written.store(index, Ordering::Release);
        self.floor.store(index, Ordering::Release);
        self.live.store(index, Ordering::Release);
        self
    }

    /// The writing end; a ring has one writer.
    pub fn writer(&self) -> ChunkWriter {
        let free = (0..self.buffers.len() as u64).collect();
        ChunkWriter { free, named: vec![None; self.entries.len()] }
    }

    /// Bytes of its buffers.
    pub fn bytes(&self) -> usize {
        self.buffers.len() * self.most_bytes
    }

    /// Chunks that the ring can hold.
    pub fn capacity(&self) -> usize {
        self.entries.len()
    }

    /// Frames per second of what is inside.
    pub fn sample_rate(&self) -> u32 {
        self.sample_rate
    }

    /// Seconds of sound in one chunk.
    pub fn seconds_per_chunk(&self) -> f64 {
        self.seconds_per_chunk
    }

    /// The index of the next chunk: how many were written, where the ring starts at 0.
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    /// The oldest chunk that can still be read.
    pub fn oldest(&self) -> u64 {
        let window = self.written().saturating_sub(self.capacity() as u64);
        window.max(self.floor.load(Ordering::Acquire))
    }

    /// Tells the ring which chunk the station's clock has reached.
    pub fn set_live(&self, index: u64) {
        self.live.store(index, Ordering::Release);
    }

    /// The chunk that the station's clock has reached: where a new listener begins.
    pub fn live(&self) -> u64 {
        self.live.load(Ordering::Acquire).clamp(self.oldest(), self.written())
    }

    /// Chunks ahead of the station's clock.
    pub fn depth(&self) -> u64 {
        self.written().saturating_sub(self.live.load(Ordering::Acquire))
    }

    /// How well the producer keeps ahead.
    pub fn health(&self) -> Health {
        Health::of(self.depth())
    }

    /// Whether as many chunks lie ahead as the ring can hold.
    pub fn is_full(&self) -> bool {
        self.depth() >= self.capacity() as u64
    }

    /// Whether no chunk can be read.
    pub fn is_empty(&self) -> bool {
        self.oldest() == self.written()
    }

    /// Forgets all chunks; indices go on.
    pub fn clear(&self) {
        self.floor.store(self.written(), Ordering::Release);
    }

    /// Times a reader was moved because it was too slow.
    pub fn overflows(&self) -> u64 {
        self.overflows.load(Ordering::Relaxed)
    }

    /// Chunks left out because readers held every spare buffer.
    pub fn missed(&self) -> u64 {
        self.missed.load(Ordering::Relaxed)
    }

    /// The chunk of an index, if it is in the ring.
    pub fn get(&self, index: u64) -> Option<ChunkRef<'_>> {
        if index < self.oldest() || index >= self.written() {
            return None;
        }
        let entry = &self.entries[(index % self.capacity() as u64) as usize];
        let named = entry.load(Ordering::Acquire);
        if named == EMPTY || named >> BUFFER_BITS != index {
            return None;
        }
        let buffer = &self.buffers[(named & ((1 << BUFFER_BITS) - 1)) as usize];
        let pin = buffer.pin()?;
        let chunk = ChunkRef { chunk: buffer.chunk.get(), _pin: pin };
        // The writer may have filled it anew since the entry was read.
        (chunk.index == index).then_some(chunk)
    }

    /// Reads at a cursor and moves it on. A cursor whose chunk has left the ring is moved to the live edge.
    pub fn read(&self, cursor: &mut u64) -> Read<'_> {
        // First: a chunk that comes from now on has not left.
        if *cursor >= self.written() {
            return Read::Waiting;
        }
        if let Some(chunk) = self.get(*cursor) {
            *cursor += 1;
            return Read::Chunk(chunk);
        }
        let live = self.live().max(*cursor + 1);
        let passed = live - *cursor;
        *cursor = live;
        self.overflows.fetch_add(1, Ordering::Relaxed);
        Read::Moved(passed)
    }
}

/// The writing end of a ring. Real-time safe.
#[derive(Debug)]
pub struct ChunkWriter {
    /// Buffers that no entry names.
    free: std::collections::VecDeque<u64>,
    /// The buffer that each entry names.
    named: Vec<Option<u64>>,
}

impl ChunkWriter {
    /// Goes on at a later index, as if the chunks up to it had left the ring. Does nothing where that is not later.
    pub fn skip_to(&mut self, ring: &ChunkRing, index: u64) {
        if index > ring.written() {
            // In this order the beginning is never seen behind the end.
            ring.written.store(index, Ordering::Release);
            ring.floor.store(index, Ordering::Release);
        }
    }

    /// Writes a chunk and returns its index. Never waits and never allocates. None, and the chunk is counted as
    /// missed, when readers hold every spare buffer or the chunk is larger than the ring was made for.
    pub fn write(&mut self, ring: &ChunkRing, packet: &Packet<'_>) -> Option<u64> {
        let index = ring.written.load(Ordering::Relaxed);
        let fits = packet.bytes.len() <= ring.most_bytes;
        let claimed = |id: &u64| ring.buffers[*id as usize].claim();
        let Some(place) = fits.then(|| self.free.iter().position(claimed)).flatten() else {
            ring.missed.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        let id = self.free.remove(place)?;
        let buffer = &ring.buffers[id as usize];
        fill(buffer, packet, index);
        buffer.release();
        let slot = (index % ring.capacity() as u64) as usize;
        ring.entries[slot].store(index << BUFFER_BITS | id, Ordering::Release);
        if let Some(old) = self.named[slot].replace(id) {
            self.free.push_back(old);
        }
        ring.written.store(index + 1, Ordering::Release);
        Some(index)
    }
}

/// Copies a packet into a buffer that is claimed.
fn fill(buffer: &Buffer, packet: &Packet<'_>, index: u64) {
    let cell = buffer.chunk.get_mut();
    // SAFETY: the buffer is claimed: no reader looks inside, and no other writer could claim it.
    let chunk = unsafe { cell.deref() };
    chunk.bytes.clear();
    chunk.bytes.extend_from_slice(packet.bytes);
    let Packet { format, frame, frames, channels, .. } = *packet;
    (chunk.format, chunk.index, chunk.frame) = (format, index, frame);
    (chunk.frames, chunk.channels) = (frames, channels);
}
