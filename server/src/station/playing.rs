//! A graph that plays on a station, and how its phrases are counted.

use super::{Change, Current, StationError, build_for, options};
use crate::settings::Settings;
use crate::state::{Keeper, Resumed};
use auralis_graph::dsp::QUANTUM;
use auralis_graph::engine::Start;
use auralis_graph::settings as piece;
use auralis_graph::{Built, Catalogue, Engine, Preset};
use auralis_library::Loaded;
use auralis_nodes::composer::PhraseGrid;
use auralis_nodes::ring_buffer::{ChunkRing, Read};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// How the phrases of a graph are counted: by its first composer, else eight bars each.
fn grid_of(built: &Built, piece: piece::Settings) -> PhraseGrid {
    let ticks = piece.meter.bar_ticks() * 8;
    let plain = PhraseGrid { ticks, bars: 8, change: ticks };
    built.offers.of::<PhraseGrid>().next().map_or(plain, |(_, grid)| *grid)
}

/// Longest wait for a thread that helps, in one chunk.
const PATIENCE: Duration = Duration::from_millis(500);
/// How long it is left alone.
const NAP: Duration = Duration::from_millis(1);

/// A preset that is about to play, what others will know of it, and where it is taken up.
pub struct Coming {
    pub playing: Box<Playing>,
    pub current: Current,
    pub resumed: Resumed,
    /// What is wished for with it.
    pub with: Change,
    /// The chunk for which it was made ready.
    pub at: u64,
}

/// A running graph and the samples it has made.
pub struct Playing {
    engine: Engine,
    ring: Arc<ChunkRing>,
    cursor: u64,
    /// Interleaved samples that no chunk has taken yet.
    waiting: VecDeque<i16>,
}

impl Playing {
    /// Builds a preset for a station: what renders, and what others know of it.
    pub fn new(
        settings: &Settings,
        catalogue: &Catalogue,
        id: &str,
        preset: Arc<Preset>,
        piece: piece::Settings,
        loaded: Loaded,
        keeper: Arc<Keeper>,
    ) -> Result<(Self, Current), StationError> {
        let built = build_for(&preset, catalogue, &options(settings, piece, loaded.places.clone()))?;
        let ring = built.offers.of::<ChunkRing>().next().map(|(_, ring)| ring);
        let ring = ring.ok_or(StationError::NothingToHear)?;
        let grid = grid_of(&built, piece);
        let Built { engine, controller, editor, .. } = built;
        let current = Current {
            id: id.into(),
            preset,
            controller,
            grid,
            piece,
            written: Arc::new(Mutex::new(loaded.source.text().into())),
            // A pipe is read once.
            path: loaded.path.filter(|path| path.is_file()),
            places: loaded.places,
            editor: Arc::new(Mutex::new(editor)),
            edition: 0,
            keeper,
        };
        Ok((Self { engine, ring, cursor: 0, waiting: VecDeque::new() }, current))
    }

    /// Goes to a position, without a way there: for a graph that nobody hears.
    pub fn begin(&mut self, start: &Start) {
        self.engine.reset(start);
        self.cursor = self.ring.written();
        self.waiting.clear();
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
        self.engine.tick()
    }

    /// Ticks that pass at most while the next frames are rendered, at the present tempo: the preset's own encoder gives
    /// whole chunks of its own, by whole quanta.
    pub fn reach(&self, frames: usize) -> f64 {
        let quanta = (frames + QUANTUM) as f64 / f64::from(self.engine.sample_rate());
        (quanta + self.chunk_seconds()) * self.engine.settings().tempo / 60.0 * 960.0
    }

    /// Renders until so many frames wait; after each quantum it is told how many there were.
    fn fill(&mut self, frames: usize, mut after_quantum: impl FnMut(u32)) {
        let mut quanta = 0;
        let began = Instant::now();
        while self.waiting.len() < frames * 2 {
            self.engine.quantum();
            if self.engine.is_stalled() {
                // A thread that helps does not come back. There is time, and perhaps it needs this core; but who waits
                // for a chunk shall not wait for good.
                if began.elapsed() > PATIENCE {
                    return self.waiting.resize(frames * 2, 0);
                }
                std::thread::sleep(NAP);
                continue;
            }
            quanta += 1;
            after_quantum(quanta);
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

    /// Renders the next frames as interleaved samples into `out`, which is replaced. After each quantum it is told how
    /// many there were.
    pub fn render(&mut self, frames: usize, out: &mut Vec<i16>, after_quantum: impl FnMut(u32)) {
        self.fill(frames, after_quantum);
        out.clear();
        out.extend(self.waiting.drain(..frames * 2));
    }
}
