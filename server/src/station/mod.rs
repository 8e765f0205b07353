//! A station: one graph, rendered once by a thread of its own, heard by all its listeners.
#![allow(
    clippy::disallowed_types,
    reason = "control threads and listeners' tasks lock; the render thread does so between quanta, never within"
)]

mod change;
mod clock;
mod control;
mod edit;
mod fault;
mod history;
mod lead;
mod levels;
mod listeners;
mod news;
mod playing;
mod render;
mod sleep;
mod stats;
mod title;

pub use control::{Change, ControlError, Request};
pub use edit::Edited;
pub use fault::Fault;
pub use history::Next;
pub use levels::{LevelFrame, Watching};
pub use listeners::{FormatError, House, Listener, ListenerError, Listeners, Seat};
pub use sleep::{Hearing, Tenure};
pub use stats::RenderStats;

use crate::delivery::{Audience, Outlets, Plan, Punctuality, Senders};
use crate::memory::Memory;
use crate::metrics::{Figures, Metrics};
use crate::pool::{Hold, Pool};
use crate::recording;
use crate::settings::Settings;
use crate::state::{Keeper, StateError, States};
use crate::watch::Watch;
use auralis_graph::diagnostic::Diagnostics;
use auralis_graph::node::{Pace, Role};
use auralis_graph::places::Places;
use auralis_graph::plan::{EditError, Editor, Options, Socket, build};
use auralis_graph::preset::NodeEntry;
use auralis_graph::settings as piece;
use auralis_graph::{Catalogue, Controller, Preset};
use auralis_library as library;
use auralis_nodes::composer::PhraseGrid;
use auralis_nodes::ring_buffer::ChunkRing;
use control::Wishes;
use history::History;
use levels::Levels;
use news::News;
use playing::{Coming, Playing};
use sleep::Sleep;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::watch;

/// Chunks from the building of another preset to its first.
const AHEAD: u64 = 2;

/// Why a station cannot start or change.
#[derive(Debug, thiserror::Error)]
pub enum StationError {
    /// No such preset.
    #[error(transparent)]
    Library(#[from] library::LibraryError),
    /// Mistakes in the preset.
    #[error("the preset has mistakes\n{0}")]
    Preset(Box<Diagnostics>),
    /// The engine has not taken the edits before.
    #[error("too many edits are under way; save it again")]
    Busy,
    /// Another preset came in between.
    #[error("another preset plays now: nothing was edited")]
    Replaced,
    /// No text played before this one, or none was taken back.
    #[error("there is no other text to go to")]
    NoText,
    /// The graph has no ring that listeners could read.
    #[error("the preset has nothing that a listener could hear: it needs an `output` or a `ring_buffer`")]
    NothingToHear,
    /// What was kept of it cannot be gone on from.
    #[error(transparent)]
    State(#[from] StateError),
    /// The system refused a thread.
    #[error("cannot start a thread: {0}")]
    Thread(#[from] std::io::Error),
}

impl From<Diagnostics> for StationError {
    fn from(mistakes: Diagnostics) -> Self {
        Self::Preset(Box::new(mistakes))
    }
}

impl From<EditError> for StationError {
    fn from(error: EditError) -> Self {
        match error {
            EditError::Mistakes(mistakes) => Self::Preset(mistakes),
            EditError::Busy => Self::Busy,
        }
    }
}

/// What plays now.
#[derive(Clone)]
pub struct Current {
    /// The name by which the preset is called.
    pub id: String,
    /// The preset.
    pub preset: Arc<Preset>,
    /// The hand on its engine.
    pub controller: Controller,
    /// How its composer counts.
    grid: PhraseGrid,
    /// The settings with which it started.
    piece: piece::Settings,
    /// Its file, if it is one.
    path: Option<PathBuf>,
    /// What that said when it was read last.
    written: Arc<Mutex<Arc<str>>>,
    /// Where its assets are looked for.
    places: Places,
    /// What turns its graph into others.
    editor: Arc<Mutex<Editor>>,
    /// How often its text was edited while it played.
    pub edition: u64,
    /// What is kept of it over a restart.
    keeper: Arc<Keeper>,
}

/// What the render thread and all others share.
pub struct Shared {
    /// What the station runs by.
    pub settings: Settings,
    /// What it stands on.
    kit: Arc<Kit>,
    /// Chunks as 16-bit samples.
    pub pcm: ChunkRing,
    /// Those who hear them, and in which formats.
    pub audience: Arc<Audience>,
    /// Who listens.
    pub listeners: Listeners,
    /// How rendering goes.
    pub stats: RenderStats,
    /// How loud the nodes are.
    pub levels: Levels,
    current: Mutex<Current>,
    wishes: Mutex<Wishes>,
    next: Mutex<Option<Coming>>,
    states: States,
    watch: Mutex<Option<Watch>>,
    /// The texts that played.
    history: Mutex<History>,
    /// The nodes that failed and are silent.
    muted: Mutex<BTreeSet<String>>,
    news: Mutex<News>,
    /// The number of the next chunk, for those who wait for one.
    written: watch::Sender<u64>,
    phrases: AtomicU64,
    /// Microseconds since the Unix epoch at which chunk 0 would have been due, had the clock never stood still.
    epoch: Arc<AtomicI64>,
    running: AtomicBool,
    /// True once it is over: listeners are to go.
    over: watch::Sender<bool>,
    /// Whether it is rendered.
    sleep: Sleep,
    name: Option<String>,
    /// Chunks that late listeners may go on from; there are more where it is recorded.
    kept: u64,
    started: Instant,
    /// The same in microseconds since the Unix epoch.
    begun: i64,
}

/// What all stations of a program stand on.
pub struct Kit {
    /// The nodes that presets can use.
    pub catalogue: Catalogue,
    /// The threads that render.
    pub pool: Pool,
    /// The threads that deliver.
    pub senders: Senders,
    /// What is measured.
    pub metrics: Metrics,
    /// What is known of the memory.
    pub memory: Memory,
    /// The places of all listeners.
    pub house: House,
}

/// A running station. Dropping it ends the rendering.
pub struct Station {
    shared: Arc<Shared>,
    rendering: Mutex<Option<Hold>>,
}

/// Microseconds since the Unix epoch.
pub fn now_micros() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64)
}

impl Station {
    /// Loads a preset and starts to render it: `always`, or only while somebody hears it. Blocks while nodes load files.
    ///
    /// # Errors
    /// The preset cannot be found or has mistakes, or the system refuses a thread.
    pub fn start(
        kit: &Arc<Kit>,
        name: Option<&str>,
        settings: Settings,
        argument: &str,
        tenure: Tenure,
    ) -> Result<Self, StationError> {
        let catalogue = &kit.catalogue;
        let loaded = library::find(argument)?;
        let id = id_of(argument, &loaded);
        let preset = Arc::new(read(&loaded, catalogue, &settings)?);
        let piece = starting_settings(&settings, &preset);
        let path = loaded.path.clone();
        let states = States::new(settings.state.clone());
        let keeper = states.of(argument, &loaded)?;
        let text = Arc::clone(&preset);
        let (mut playing, current) =
            Playing::new(&settings, catalogue, &id, text, piece, loaded, Arc::clone(&keeper))?;
        let seconds = settings.chunk_ms.map_or(playing.chunk_seconds(), |ms| ms / 1000.0);
        let frames = (seconds * f64::from(settings.sample_rate)).round() as usize;
        // Whole frames: ten years on a chunk is still where its number says.
        let seconds = frames as f64 / f64::from(settings.sample_rate);
        let kept = settings.buffer_seconds.unwrap_or(playing.kept_seconds());
        let chunks = ((kept / seconds).ceil() as usize).max(lead::Lead::FIRST.chunks() as usize * 2);
        let rate = settings.sample_rate;
        let recorded = settings.record.as_ref().map_or(0, |_| (recording::KEPT / seconds).ceil() as usize);
        let bitrate = settings.opus_bitrate;
        // Seconds of the clock: a station that is started again is another stream.
        let serial = (now_micros() / 1_000_000) as u32;
        let outlets = Outlets::new(Plan { sample_rate: rate, frames, chunks, bitrate, serial });
        let now = now_micros();
        let (epoch, first) = match keeper.epoch(settings.epoch) {
            None => (now, 0),
            Some(epoch) => (epoch, keeper.first_chunk(epoch, now, seconds, piece)?),
        };
        let figures = kit.metrics.of(name);
        let shared_epoch = Arc::new(AtomicI64::new(epoch));
        let (heard_from, counted) = (Arc::clone(&shared_epoch), Arc::clone(&figures));
        let punctuality = Punctuality { epoch: heard_from, chunk: seconds * 1e6, figures: counted };
        let audience = Arc::new(Audience::new(outlets, kit.senders.count(), punctuality));
        kit.senders.serve(&audience);
        let at = (first * frames as u64) as f64 / f64::from(rate);
        let resumed = keeper.resume(at, &preset, piece)?;
        playing.begin(&resumed.start);
        keeper.place(epoch, settings.epoch);
        if first > 0 {
            tracing::info!("{} goes on at {at:.1} s", preset.title());
        }
        let editor = Arc::clone(&current.editor);
        let shared = Arc::new(Shared {
            pcm: ChunkRing::new(chunks.max(recorded), frames * 4, rate, seconds).starting_at(first),
            audience,
            listeners: Listeners::new(tenure, kit.house.clone(), Arc::clone(&figures)),
            stats: RenderStats::new(figures),
            levels: Levels::default(),
            current: Mutex::new(current),
            wishes: Mutex::new(Wishes::of(&id, &resumed)),
            next: Mutex::new(None),
            states,
            watch: Mutex::new(None),
            history: Mutex::default(),
            muted: Mutex::default(),
            news: Mutex::new(News::new(Instant::now())),
            written: watch::Sender::new(first),
            phrases: AtomicU64::new(0),
            epoch: shared_epoch,
            running: AtomicBool::new(true),
            over: watch::Sender::new(false),
            name: name.map(str::to_string),
            kept: chunks as u64,
            sleep: Sleep::new(tenure, kit.pool.waker()),
            started: Instant::now(),
            begun: now,
            settings,
            kit: Arc::clone(kit),
        });
        let work = render::Work::new(Arc::clone(&shared), playing, frames);
        let rendering = Mutex::new(Some(kit.pool.add(shared.sleep.waker(), Box::new(work))));
        if tenure != Tenure::Private {
            shared.watch(path.as_deref(), &editor);
        }
        if shared.settings.threads > 1 {
            edit::keep_balance(&shared)?;
        }
        Ok(Self { shared, rendering })
    }

    /// Reads a preset as a station would play it, and plays nothing.
    ///
    /// # Errors
    /// The preset cannot be found or has mistakes.
    pub fn check(settings: &Settings, catalogue: &Catalogue, argument: &str) -> Result<(), StationError> {
        let preset = read(&library::find(argument)?, catalogue, settings)?;
        let heard = |node: &Arc<NodeEntry>| matches!(node.kind.role, Role::Output | Role::Ring);
        if preset.nodes.iter().any(heard) { Ok(()) } else { Err(StationError::NothingToHear) }
    }

    /// What all threads share.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Station {
    /// Ends the rendering, and waits until what is kept of it is written. Blocks for a moment.
    pub fn close(&self) {
        self.shared.end();
        drop(lock(&self.rendering).take());
        self.shared.running.store(false, Ordering::Release);
        self.shared.note_moved();
        self.shared.states.close();
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        self.close();
    }
}

/// By which name a preset is called: its file's, or the library's.
fn id_of(argument: &str, loaded: &library::Loaded) -> String {
    let stem = loaded.path.as_deref().and_then(std::path::Path::file_stem);
    stem.map_or_else(|| argument.to_string(), |stem| stem.to_string_lossy().into_owned())
}

/// Reads a preset as this station plays it.
fn read(loaded: &library::Loaded, catalogue: &Catalogue, settings: &Settings) -> Result<Preset, Diagnostics> {
    let mut preset = loaded.preset(catalogue)?;
    if !settings.effects {
        crate::adjust::dry(&mut preset);
    }
    Ok(preset)
}

/// The settings of the piece at the start: flag, environment and file win over the preset.
fn starting_settings(settings: &Settings, preset: &Preset) -> piece::Settings {
    let piece = preset.settings();
    piece::Settings {
        key: settings.key.unwrap_or(piece.key),
        tempo: settings.bpm.unwrap_or(piece.tempo),
        intensity: settings.intensity.unwrap_or(piece.intensity),
        seed: settings.seed.unwrap_or(piece.seed),
        ..piece
    }
}

impl Shared {
    /// What plays now.
    pub fn current(&self) -> Current {
        lock(&self.current).clone()
    }

    /// How the phrases of what plays are counted.
    fn grid(&self) -> PhraseGrid {
        lock(&self.current).grid
    }

    /// Key, tempo and intensity as they sound now.
    pub fn sounding(&self) -> piece::Settings {
        let current = self.current();
        current.controller.settings(current.piece)
    }

    /// Resolves when more than `seen` chunks were written.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.written.subscribe()
    }

    /// Milliseconds of sound ahead of the clock.
    pub fn buffer_ms(&self) -> f64 {
        self.pcm.depth() as f64 * self.pcm.seconds_per_chunk() * 1000.0
    }

    /// The chunks that a listener may go on from.
    pub fn kept(&self) -> std::ops::RangeInclusive<u64> {
        let written = self.pcm.written();
        self.pcm.oldest().max(written.saturating_sub(self.kept))..=written
    }

    /// Seconds since the start.
    pub fn uptime(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    /// Phrases begun since position 0.
    pub fn phrases(&self) -> u64 {
        self.phrases.load(Ordering::Relaxed)
    }

    /// Whether a restart would find everything again.
    pub fn is_kept(&self) -> bool {
        self.current().keeper.is_kept()
    }

    /// What is measured of it.
    pub fn figures(&self) -> &Arc<Figures> {
        self.stats.figures()
    }

    /// Whether it is rendered, or would be if somebody heard it.
    pub fn is_rendering(&self) -> bool {
        self.running.load(Ordering::Acquire)
    }

    /// The nodes that presets can use.
    pub fn catalogue(&self) -> &Catalogue {
        &self.kit.catalogue
    }

    /// Tells listeners that it is over.
    pub fn end(&self) {
        self.over.send_replace(true);
    }

    /// Becomes true when it is over.
    pub fn ending(&self) -> watch::Receiver<bool> {
        self.over.subscribe()
    }

    /// The nodes that failed and are silent until an edit, by name.
    pub fn muted(&self) -> BTreeSet<String> {
        lock(&self.muted).clone()
    }

    /// The values of the exposed controls as they sound now, by name.
    pub fn params(&self) -> BTreeMap<String, f32> {
        let current = self.current();
        let moved = lock(&self.wishes).params(&current.id);
        let value = |control: &auralis_graph::preset::Control| {
            (control.name.clone(), moved.get(&control.name).copied().unwrap_or(control.default))
        };
        current.preset.controls.iter().map(value).collect()
    }

    /// When a chunk is due, in microseconds since the Unix epoch: the same for every listener.
    pub fn due_micros(&self, index: u64) -> i64 {
        let since = index as f64 * self.pcm.seconds_per_chunk() * 1e6;
        self.epoch.load(Ordering::Relaxed) + since.round() as i64
    }

    /// Reads another preset as this station would play it.
    fn read_preset(&self, id: &str) -> Result<Preset, StationError> {
        Ok(read(&library::find(id)?, &self.kit.catalogue, &self.settings)?)
    }
}

/// Locks, also after a thread panicked with the lock held: the values inside are whole at every moment.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

fn options(settings: &Settings, piece: piece::Settings, places: Places) -> Options {
    let epoch = Some(now_micros());
    Options {
        socket: Socket::Server,
        pace: Pace::RealTime,
        epoch,
        threads: settings.threads,
        ..Options::render(settings.sample_rate, piece, places)
    }
}

fn build_for(
    preset: &Preset,
    catalogue: &Catalogue,
    options: &Options,
) -> Result<auralis_graph::Built, StationError> {
    Ok(build(preset, catalogue, options)?)
}
