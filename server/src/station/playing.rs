//! A graph that plays on a station, and how its phrases are counted.

use super::{Current, StationError, build_for, options};
use crate::settings::Settings;
use auralis_graph::places::Places;
use auralis_graph::settings as piece;
use auralis_graph::{Built, Catalogue, Preset};
use auralis_nodes::composer::PhraseGrid;
use auralis_nodes::ring_buffer::{ChunkRing, Read};
use std::collections::VecDeque;
use std::sync::Arc;

/// How the phrases of a graph are counted: by its first composer, else eight bars each.
fn grid_of(built: &Built, piece: piece::Settings) -> PhraseGrid {
    let ticks = piece.meter.bar_ticks() * 8;
    let plain = PhraseGrid { ticks, bars: 8, change: ticks };
    built.offers.of::<PhraseGrid>().next().map_or(plain, |(_, grid)| *grid)
}

/// A built graph and the samples it has made.
pub struct Playing {
    built: Built,
    ring: Arc<ChunkRing>,
    cursor: u64,
    /// Interleaved samples that no chunk has taken yet.
    waiting: VecDeque<i16>,
    current: Current,
}

impl Playing {
    /// Builds a preset for a station.
    pub fn new(
        settings: &Settings,
        catalogue: &Catalogue,
        id: &str,
        preset: Arc<Preset>,
        piece: piece::Settings,
        places: Places,
    ) -> Result<Self, StationError> {
        let built = build_for(&preset, catalogue, &options(settings, piece, places))?;
        let ring = built.offers.of::<ChunkRing>().next().map(|(_, ring)| ring);
        let ring = ring.ok_or(StationError::NothingToHear)?;
        let grid = grid_of(&built, piece);
        let controller = built.controller.clone();
        let current = Current { id: id.into(), preset, controller, grid, piece };
        Ok(Self { built, ring, cursor: 0, waiting: VecDeque::new(), current })
    }

    /// What others may know of it.
    pub fn current(&self) -> Current {
        self.current.clone()
    }

    /// How its phrases are counted.
    pub fn grid(&self) -> PhraseGrid {
        self.current.grid
    }

    /// Sound in a chunk of the preset's own encoder, in seconds.
    pub fn chunk_seconds(&self) -> f64 {
        self.ring.seconds_per_chunk()
    }

    /// Sound that the preset's own ring keeps, in seconds.
    pub fn kept_seconds(&self) -> f64 {
        self.ring.capacity() as f64 * self.ring.seconds_per_chunk()
    }

    /// Musical position of what is computed next.
    pub fn tick(&self) -> f64 {
        self.built.engine.tick()
    }

    /// Ticks that pass in some frames at the present tempo.
    pub fn ticks_in(&self, frames: usize) -> f64 {
        let rate = f64::from(self.built.engine.sample_rate());
        frames as f64 / rate * self.built.engine.settings().tempo / 60.0 * 960.0
    }

    /// Renders until so many frames wait.
    fn fill(&mut self, frames: usize) {
        while self.waiting.len() < frames * 2 {
            self.built.engine.quantum();
            while let Read::Chunk(chunk) = self.ring.read(&mut self.cursor) {
                let pcm = match chunk.format {
                    auralis_graph::packet::PacketFormat::Pcm16 => std::borrow::Cow::Borrowed(&chunk.bytes),
                    auralis_graph::packet::PacketFormat::Pcm16Json => {
                        match auralis_nodes::encoder::decode(&chunk.bytes) {
                            Ok((_, pcm)) => std::borrow::Cow::Owned(pcm),
                            Err(error) => {
                                tracing::error!("a chunk of the preset's own encoder is skipped: {error}");
                                continue;
                            }
                        }
                    }
                };
                let samples = pcm.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
                self.waiting.extend(samples);
            }
        }
    }

    /// Renders the next frames as interleaved samples into `out`, which is replaced.
    pub fn render(&mut self, frames: usize, out: &mut Vec<i16>) {
        self.fill(frames);
        out.clear();
        out.extend(self.waiting.drain(..frames * 2));
    }
}
