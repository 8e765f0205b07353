//! A station's sound in one format: encoded once, and framed once for each way to listen, only while somebody does.

use super::encoder::{Encoder, Head, MOST_FRAMINGS};
use super::{Format, lock};
use crate::encoding::EncodingError;
use auralis_graph::packet::Packet;
use auralis_nodes::encoder::ChunkHeader;
use auralis_nodes::ring_buffer::{Chunk, ChunkRing, ChunkWriter};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

/// Chunks before the live one that a format has from its first listener on.
const BACKLOG: u64 = 20;

/// What all outlets of a station stand on.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Frames per second.
    pub sample_rate: u32,
    /// Frames in a chunk.
    pub frames: usize,
    /// Chunks that are kept.
    pub chunks: usize,
    /// Of Opus, bits per second.
    pub bitrate: u32,
    /// What no other stream of the station has.
    pub serial: u32,
}

/// A station's sound in all formats.
#[derive(Debug)]
pub struct Outlets([Arc<Outlet>; Format::ALL.len()]);

/// One format.
#[derive(Debug)]
pub struct Outlet {
    format: Format,
    plan: Plan,
    framed: OnceLock<Framed>,
    wanted: AtomicUsize,
    /// The encoder that the first listener made, on its way to the thread that renders.
    made: Mutex<Option<Tap>>,
    /// Chunks that could not be encoded.
    failed: AtomicU64,
}

/// A format in each way to listen to it.
#[derive(Debug)]
struct Framed {
    /// The last chunks.
    rings: Box<[ChunkRing]>,
    head: Head,
}

/// Somebody hears a format, until this is dropped.
#[derive(Debug)]
pub struct Wanted(Arc<Outlet>);

impl Drop for Wanted {
    fn drop(&mut self) {
        self.0.wanted.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Outlets {
    /// For a station whose chunks are those of a plan.
    pub fn new(plan: Plan) -> Self {
        Self(Format::ALL.map(|format| {
            Arc::new(Outlet {
                format,
                plan,
                framed: OnceLock::new(),
                wanted: AtomicUsize::new(0),
                made: Mutex::default(),
                failed: AtomicU64::new(0),
            })
        }))
    }

    /// The outlet of a format.
    pub fn of(&self, format: Format) -> &Arc<Outlet> {
        &self.0[format as usize]
    }

    /// Forgets the chunks of all formats; indices go on.
    pub fn clear(&self) {
        let framed = self.0.iter().filter_map(|outlet| outlet.framed.get());
        framed.flat_map(|framed| &framed.rings).for_each(ChunkRing::clear);
    }

    /// Bytes of the rings of all formats that were wanted.
    pub fn bytes(&self) -> usize {
        let framed = self.0.iter().filter_map(|outlet| outlet.framed.get());
        framed.flat_map(|framed| &framed.rings).map(ChunkRing::bytes).sum()
    }

    /// Chunks that could not be encoded, in all formats.
    pub fn failed(&self) -> u64 {
        self.0.iter().map(|outlet| outlet.failed.load(Ordering::Relaxed)).sum()
    }
}

impl Outlet {
    /// Begins to hear the format. Control side: whoever is first makes the encoder.
    ///
    /// # Errors
    /// The format cannot carry this station's chunks.
    pub fn want(self: &Arc<Self>) -> Result<Wanted, EncodingError> {
        if self.framed.get().is_none() {
            let mut made = lock(&self.made);
            // Of two who come together the second finds what the first has made.
            if self.framed.get().is_none() {
                let encoder = Encoder::new(self.format, &self.plan)?;
                let Plan { sample_rate, frames, chunks, .. } = self.plan;
                let seconds = frames as f64 / f64::from(sample_rate);
                let bytes = encoder.most_bytes();
                let ring = |_| ChunkRing::new(chunks, bytes, sample_rate, seconds);
                let rings: Box<[ChunkRing]> = (0..encoder.framings()).map(ring).collect();
                let writers = rings.iter().map(ChunkRing::writer).collect();
                let frames = std::array::from_fn(|_| Vec::with_capacity(bytes));
                let head = encoder.head();
                *made = Some(Tap { encoder, writers, frames });
                // The lock is held: nobody else has set them.
                let _ = self.framed.set(Framed { rings, head });
            }
        }
        self.wanted.fetch_add(1, Ordering::AcqRel);
        Ok(Wanted(Arc::clone(self)))
    }

    /// The last chunks as messages of a WebSocket; none before somebody wanted them.
    pub fn ring(&self) -> Option<&ChunkRing> {
        self.framing(0)
    }

    /// The last chunks as they are for one way to listen, of those that the encoder makes.
    pub(super) fn framing(&self, number: usize) -> Option<&ChunkRing> {
        self.framed.get()?.rings.get(number)
    }

    /// What headers say of it; nothing before somebody wanted it.
    pub(super) fn head(&self) -> Head {
        self.framed.get().map_or(Head::None, |framed| framed.head)
    }

    /// How many hear it.
    pub fn wanted(&self) -> usize {
        self.wanted.load(Ordering::Acquire)
    }
}

/// The end at which chunks come in. Render thread.
#[derive(Debug)]
struct Tap {
    encoder: Encoder,
    writers: Box<[ChunkWriter]>,
    frames: [Vec<u8>; MOST_FRAMINGS],
}

/// The taps of all outlets of a station. Render thread.
#[derive(Debug, Default)]
pub struct Taps([Option<Tap>; Format::ALL.len()]);

impl Taps {
    /// Brings every format that somebody hears up to what was rendered. Allocates nothing.
    pub fn pour(&mut self, outlets: &Outlets, pcm: &ChunkRing, due: impl Fn(u64) -> i64) {
        for (outlet, tap) in outlets.0.iter().zip(&mut self.0) {
            let Some(Framed { rings, .. }) = outlet.framed.get() else { continue };
            // Somebody else holds it only for the moment in which the encoder is put there.
            if tap.is_none() {
                *tap = outlet.made.try_lock().ok().and_then(|mut made| made.take());
            }
            rings.iter().for_each(|ring| ring.set_live(pcm.live()));
            if let Some(tap) = tap.as_mut().filter(|_| outlet.wanted() > 0) {
                tap.pour(outlet, rings, pcm, &due);
            }
        }
    }
}

impl Tap {
    fn pour(&mut self, outlet: &Outlet, rings: &[ChunkRing], pcm: &ChunkRing, due: &impl Fn(u64) -> i64) {
        let Some(ring) = rings.first() else { return };
        let first = pcm.live().saturating_sub(BACKLOG).max(pcm.oldest());
        if ring.written() < first {
            // Nobody listened for a while.
            self.skip_to(rings, first);
        }
        while let Some(chunk) = pcm.get(ring.written()) {
            let (index, micros) = (chunk.index, due(chunk.index));
            let header = ChunkHeader { index, sample_rate: pcm.sample_rate(), channels: 2, micros };
            self.frames.iter_mut().for_each(Vec::clear);
            let encoded = self.encoder.encode(&header, &chunk.bytes, &mut self.frames);
            let Chunk { format, frame, frames, channels, .. } = *chunk;
            let framed = rings.iter().zip(&mut self.writers).zip(&self.frames);
            let written = framed.fold(encoded, |sound, ((ring, writer), bytes)| {
                let packet = Packet { format, index, frame, frames, channels, bytes };
                writer.write(ring, &packet).and(sound)
            });
            if written.is_none() {
                outlet.failed.fetch_add(1, Ordering::Relaxed);
                self.skip_to(rings, index + 1);
            }
        }
    }

    fn skip_to(&mut self, rings: &[ChunkRing], index: u64) {
        for (ring, writer) in rings.iter().zip(&mut self.writers) {
            writer.skip_to(ring, index);
        }
    }
}
