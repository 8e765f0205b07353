//! A ring of encoded chunks: one writer that never waits, many readers with a cursor each.
//!
//! Chunks live in a pool of buffers that is larger than the ring. The writer fills a buffer that no entry names
//! and no reader holds, then points an entry at it. A reader pins the buffer that an entry names and looks again
//! whether the entry still names it: both sides order their store before their look (sequentially consistent),
//! so either the reader sees the new entry, or the writer sees the pin and leaves the buffer alone.

use auralis_graph::packet::{Packet, PacketFormat};
use crossbeam_utils::CachePadded;
use std::cell::UnsafeCell;
use std::ops::Deref;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Buffers beyond the ring's capacity: as many chunks may be held by readers after they left the ring.
const SPARE: usize = 16;
/// An entry that names no chunk.
const EMPTY: u64 = u64::MAX;
/// Low bits of an entry: the buffer. The rest is the chunk's index.
const BUFFER_BITS: u32 = 16;

/// Most chunks a ring can hold.
pub const MOST_CHUNKS: usize = 32_768;

#[derive(Debug)]
struct Buffer {
    pins: AtomicU32,
    chunk: UnsafeCell<Chunk>,
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
    sample_rate: u32,
    seconds_per_chunk: f64,
}

// SAFETY: a chunk is written only by the one writer while no entry names it and no pin holds it, and read only
// while pinned; see the top of this file.
unsafe impl Sync for ChunkRing {}

/// A chunk that is held while it is read. The writer goes on meanwhile.
#[derive(Debug)]
pub struct ChunkRef<'a> {
    buffer: &'a Buffer,
}

impl Deref for ChunkRef<'_> {
    type Target = Chunk;

    fn deref(&self) -> &Chunk {
        // SAFETY: the buffer is pinned while `self` lives, so the writer does not touch it.
        unsafe { &*self.buffer.chunk.get() }
    }
}

impl Drop for ChunkRef<'_> {
    fn drop(&mut self) {
        self.buffer.pins.fetch_sub(1, Ordering::Release);
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
        let named = entry.load(Ordering::SeqCst);
        if named == EMPTY || named >> BUFFER_BITS != index {
            return None;
        }
        let buffer = &self.buffers[(named & ((1 << BUFFER_BITS) - 1)) as usize];
        buffer.pins.fetch_add(1, Ordering::SeqCst);
        let pinned = ChunkRef { buffer };
        // Dropping the reference takes the pin away again.
        (entry.load(Ordering::SeqCst) == named).then_some(pinned)
    }

    /// Reads at a cursor and moves it on. A cursor whose chunk has left the ring is moved to the live edge.
    pub fn read(&self, cursor: &mut u64) -> Read<'_> {
        if let Some(chunk) = self.get(*cursor) {
            *cursor += 1;
            return Read::Chunk(chunk);
        }
        if *cursor >= self.written() {
            return Read::Waiting;
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
    /// Writes a chunk and returns its index. Never waits and never allocates. None, and the chunk is counted as
    /// missed, when readers hold every spare buffer or the chunk is larger than the ring was made for.
    pub fn write(&mut self, ring: &ChunkRing, packet: &Packet<'_>) -> Option<u64> {
        let index = ring.written.load(Ordering::Relaxed);
        let Some(place) = self
            .free
            .iter()
            .position(|buffer| ring.buffers[*buffer as usize].pins.load(Ordering::SeqCst) == 0)
        else {
            ring.missed.fetch_add(1, Ordering::Relaxed);
            return None;
        };
        let id = self.free.remove(place)?;
        // SAFETY: no entry names the buffer (it is free) and no pin holds it; a reader that pins it from an old
        // entry finds the entry changed and does not look inside.
        let chunk = unsafe { &mut *ring.buffers[id as usize].chunk.get() };
        if packet.bytes.len() > chunk.bytes.capacity() {
            self.free.push_back(id);
            ring.missed.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        chunk.bytes.clear();
        chunk.bytes.extend_from_slice(packet.bytes);
        let Packet { format, frame, frames, channels, .. } = *packet;
        (chunk.format, chunk.index, chunk.frame) = (format, index, frame);
        (chunk.frames, chunk.channels) = (frames, channels);
        let slot = (index % ring.capacity() as u64) as usize;
        ring.entries[slot].store(index << BUFFER_BITS | id, Ordering::SeqCst);
        if let Some(old) = self.named[slot].replace(id) {
            self.free.push_back(old);
        }
        ring.written.store(index + 1, Ordering::Release);
        Some(index)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::AtomicBool;

    fn packet(bytes: &[u8]) -> Packet<'_> {
        Packet { format: PacketFormat::Pcm16, index: 0, frame: 0, frames: 1, channels: 2, bytes }
    }

    fn write(ring: &ChunkRing, writer: &mut ChunkWriter, value: u64) -> Option<u64> {
        writer.write(ring, &packet(&[value.to_le_bytes(); 4].concat()))
    }

    #[test]
    fn each_reader_has_its_own_cursor_and_indices_count_up() {
        let ring = ChunkRing::new(4, 64, 44_100, 0.1);
        let mut writer = ring.writer();
        assert!(ring.is_empty());
        for value in 0..3 {
            assert_eq!(write(&ring, &mut writer, value), Some(value));
        }
        let (mut a, mut b) = (0, 2);
        let mut seen = Vec::new();
        while let Read::Chunk(chunk) = ring.read(&mut a) {
            seen.push((chunk.index, chunk.bytes[0]));
        }
        assert_eq!(seen, [(0, 0), (1, 1), (2, 2)]);
        assert!(matches!(ring.read(&mut b), Read::Chunk(chunk) if chunk.index == 2));
        assert!(matches!(ring.read(&mut b), Read::Waiting));
    }

    #[test]
    fn a_slow_reader_is_moved_to_the_live_edge_and_counted() {
        let ring = ChunkRing::new(4, 64, 44_100, 0.1);
        let mut writer = ring.writer();
        (0..10).for_each(|value| assert!(write(&ring, &mut writer, value).is_some()));
        ring.set_live(8);
        let mut cursor = 1;
        assert!(matches!(ring.read(&mut cursor), Read::Moved(7)));
        assert_eq!((cursor, ring.overflows()), (8, 1));
        assert!(matches!(ring.read(&mut cursor), Read::Chunk(chunk) if chunk.index == 8));
    }

    #[test]
    fn depth_health_and_clear() {
        let ring = ChunkRing::new(6, 64, 44_100, 0.1);
        let mut writer = ring.writer();
        let mut healths = Vec::new();
        for value in 0..6 {
            healths.push(ring.health());
            write(&ring, &mut writer, value);
        }
        use Health::*;
        assert_eq!(healths, [Emergency, Low, Low, Healthy, Healthy, Full]);
        assert!(ring.is_full());
        ring.set_live(4);
        assert_eq!((ring.depth(), ring.is_full()), (2, false));
        ring.clear();
        assert!(ring.is_empty() && ring.get(5).is_none());
        assert_eq!(write(&ring, &mut writer, 6), Some(6));
        assert!(ring.get(6).is_some());
    }

    #[test]
    fn held_chunks_stay_whole_and_the_writer_goes_on_without_waiting() {
        let ring = ChunkRing::new(2, 64, 44_100, 0.1);
        let mut writer = ring.writer();
        let mut held = Vec::new();
        for value in 0..SPARE as u64 {
            write(&ring, &mut writer, value).unwrap();
            held.push(ring.get(value).unwrap());
        }
        // Two more are in the ring; then every buffer is held.
        assert!(write(&ring, &mut writer, 100).is_some() && write(&ring, &mut writer, 101).is_some());
        let before = ring.missed();
        let missed = (0..3).filter(|_| write(&ring, &mut writer, 7).is_none()).count();
        assert!(missed == 0 || ring.missed() == before + missed as u64);
        for (value, chunk) in held.iter().enumerate() {
            assert_eq!(chunk.bytes[0] as usize, value);
        }
        drop(held);
        assert!(write(&ring, &mut writer, 9).is_some());
        assert!(writer.write(&ring, &packet(&[0; 65])).is_none(), "too large for this ring");
    }

    #[test]
    fn readers_on_other_threads_never_see_a_torn_chunk() {
        let ring = ChunkRing::new(3, 64, 44_100, 0.1);
        let mut writer = ring.writer();
        let stop = AtomicBool::new(false);
        let rounds = if cfg!(miri) { 200 } else { 200_000 };
        std::thread::scope(|scope| {
            let readers: Vec<_> = (0..2)
                .map(|_| {
                    scope.spawn(|| {
                        let (mut cursor, mut read) = (0, 0u64);
                        while !stop.load(Ordering::Relaxed) {
                            match ring.read(&mut cursor) {
                                Read::Chunk(chunk) => {
                                    let value = chunk.index.to_le_bytes();
                                    assert!(chunk.bytes.chunks(8).all(|part| part == value), "torn");
                                    read += 1;
                                }
                                Read::Waiting => std::thread::yield_now(),
                                Read::Moved(_) => {}
                            }
                        }
                        read
                    })
                })
                .collect();
            for _ in 0..rounds {
                let index = ring.written();
                write(&ring, &mut writer, index);
                ring.set_live(index);
            }
            // Let the readers catch up before they are told to stop.
            std::thread::sleep(std::time::Duration::from_millis(20));
            stop.store(true, Ordering::Relaxed);
            for reader in readers {
                assert!(reader.join().unwrap() > 0);
            }
        });
    }
}
