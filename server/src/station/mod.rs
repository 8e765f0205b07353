//! A station: one graph, rendered once by a thread of its own, heard by all its listeners.
#![allow(
    clippy::disallowed_types,
    reason = "control threads and listeners' tasks lock; the render thread does so between quanta, never within"
)]

mod clock;
mod control;
mod edit;
mod fault;
mod history;
mod lead;
mod levels;
mod listeners;
mod playing;
mod render;
mod stats;

pub use control::{Change, ControlError, Request};
pub use edit::Edited;
pub use fault::Fault;
pub use history::Next;
pub use levels::{LevelFrame, Watching};
pub use listeners::{Listener, ListenerError, Listeners};
pub use stats::RenderStats;

use crate::settings::Settings;
use crate::state::{Keeper, StateError, States};
use crate::watch::Watch;
use auralis_graph::diagnostic::Diagnostics;
use auralis_graph::places::Places;
use auralis_graph::plan::{EditError, Editor, Options, Socket, build};
use auralis_graph::settings as piece;
use auralis_graph::{Catalogue, Controller, Preset, node::Pace};
use auralis_library as library;
use auralis_nodes::composer::PhraseGrid;
use auralis_nodes::ring_buffer::ChunkRing;
use control::Wishes;
use history::History;
use levels::Levels;
use playing::{Coming, Playing};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tokio::sync::{broadcast, watch};

/// Chunks from the building of another preset to its first.
const AHEAD: u64 = 2;
/// Events that a slow listener's task may leave unread.
const EVENTS: usize = 64;

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
    /// The nodes that presets can use.
    pub catalogue: Catalogue,
    /// Chunks as 16-bit samples.
    pub pcm: ChunkRing,
    /// The same chunks as messages of the protocol.
    pub messages: ChunkRing,
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
    /// The number of the next chunk, for those who wait for one.
    written: watch::Sender<u64>,
    events: broadcast::Sender<Arc<str>>,
    phrases: AtomicU64,
    /// Microseconds since the Unix epoch at which chunk 0 would have been due, had the clock never stood still.
    epoch: AtomicI64,
    running: AtomicBool,
    stop: AtomicBool,
    started: Instant,
    /// The same in microseconds since the Unix epoch.
    begun: i64,
}

/// A running station. Dropping it stops the render thread.
pub struct Station {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

/// Microseconds since the Unix epoch.
pub fn now_micros() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_micros() as i64)
}

impl Station {
    /// Loads a preset and starts to render it.
    ///
    /// # Errors
    /// The preset cannot be found or has mistakes, or the system refuses a thread.
    pub fn start(settings: Settings, catalogue: Catalogue, argument: &str) -> Result<Self, StationError> {
        let loaded = library::find(argument)?;
        let id = loaded
            .path
            .as_deref()
            .and_then(|path| path.file_stem())
            .map_or_else(|| argument.to_string(), |stem| stem.to_string_lossy().into_owned());
        let preset = Arc::new(read(&loaded, &catalogue, &settings)?);
        let piece = starting_settings(&settings, &preset);
        let path = loaded.path.clone();
        let states = States::new(settings.state.clone());
        let keeper = states.of(argument, &loaded)?;
        let text = Arc::clone(&preset);
        let (mut playing, current) =
            Playing::new(&settings, &catalogue, &id, text, piece, loaded, Arc::clone(&keeper))?;
        let seconds = settings.chunk_ms.map_or(playing.chunk_seconds(), |ms| ms / 1000.0);
        let frames = (seconds * f64::from(settings.sample_rate)).round() as usize;
        // Whole frames: ten years on a chunk is still where its number says.
        let seconds = frames as f64 / f64::from(settings.sample_rate);
        let kept = settings.buffer_seconds.unwrap_or(playing.kept_seconds());
        let chunks = ((kept / seconds).ceil() as usize).max(lead::Lead::FIRST.chunks() as usize * 2);
        let pcm_bytes = frames * 4;
        let message_bytes = pcm_bytes.div_ceil(3) * 4 + auralis_nodes::encoder::ENVELOPE;
        let rate = settings.sample_rate;
        let now = now_micros();
        let (epoch, first) = match keeper.epoch(settings.epoch) {
            None => (now, 0),
            Some(epoch) => (epoch, keeper.first_chunk(epoch, now, seconds, piece)?),
        };
        let at = (first * frames as u64) as f64 / f64::from(rate);
        let resumed = keeper.resume(at, &preset, piece)?;
        playing.begin(&resumed.start);
        keeper.place(epoch, settings.epoch);
        if first > 0 {
            tracing::info!("{} goes on at {at:.1} s", preset.title());
        }
        let editor = Arc::clone(&current.editor);
        let shared = Arc::new(Shared {
            pcm: ChunkRing::new(chunks, pcm_bytes, rate, seconds).starting_at(first),
            messages: ChunkRing::new(chunks, message_bytes, rate, seconds).starting_at(first),
            listeners: Listeners::new(settings.max_clients),
            stats: RenderStats::default(),
            levels: Levels::default(),
            current: Mutex::new(current),
            wishes: Mutex::new(Wishes::of(&id, &resumed)),
            next: Mutex::new(None),
            states,
            watch: Mutex::new(None),
            history: Mutex::default(),
            muted: Mutex::default(),
            written: watch::Sender::new(first),
            events: broadcast::Sender::new(EVENTS),
            phrases: AtomicU64::new(0),
            epoch: AtomicI64::new(epoch),
            running: AtomicBool::new(true),
            stop: AtomicBool::new(false),
            started: Instant::now(),
            begun: now,
            settings,
            catalogue,
        });
        let work = render::Work::new(Arc::clone(&shared), playing, frames);
        let thread = std::thread::Builder::new().name("auralis-render".into()).spawn(move || work.run())?;
        shared.watch(path.as_deref(), &editor);
        edit::keep_balance(&shared)?;
        Ok(Self { shared, thread: Some(thread) })
    }

    /// What all threads share.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A render thread that panicked has been reported by the panic itself.
            let _ = thread.join();
        }
        self.shared.states.close();
    }
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

    /// Messages for all listeners: the updates of what is played.
    pub fn events(&self) -> broadcast::Receiver<Arc<str>> {
        self.events.subscribe()
    }

    /// Milliseconds of sound ahead of the clock.
    pub fn buffer_ms(&self) -> f64 {
        self.pcm.depth() as f64 * self.pcm.seconds_per_chunk() * 1000.0
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

    /// Whether the render thread does its work.
    pub fn is_rendering(&self) -> bool {
        self.running.load(Ordering::Acquire)
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

    /// The `generation_update` message of this moment.
    pub fn generation_update(&self) -> String {
        let current = self.current();
        let sounding = current.controller.settings(current.piece);
        let tick = current.controller.tick();
        let ms = |ticks: f64| ticks / 960.0 * 60_000.0 / sounding.tempo;
        let phrase = current.grid.phrase_at(tick as i64).max(0);
        let left = ms(current.grid.start_of(phrase + 1) as f64 - tick);
        // What is computed is heard once the clock gets there.
        let ahead = self.buffer_ms();
        let pending = lock(&self.wishes).pending();
        json!({
            "type": "generation_update",
            "phrase_id": format!("phrase_{phrase}"),
            "key": sounding.key.to_string(),
            "bpm": sounding.tempo,
            "intensity": rounded(sounding.intensity),
            "next_phrase_in_ms": (left + ahead).round(),
            "phrase_ms": ms(current.grid.ticks as f64).round(),
            "params": self.params(),
            "pending": pending,
            "preset": current.id,
            "preset_name": current.preset.title(),
            "edition": current.edition,
        })
        .to_string()
    }

    /// The `status` message of this moment.
    pub fn status(&self) -> String {
        json!({
            "type": "status",
            "buffer_depth_ms": self.buffer_ms(),
            "active_clients": self.listeners.count(),
            "synthesis_latency_ms": self.stats.average_ms(),
            "server_time": crate::web::timestamp(now_micros()),
            "started": crate::web::timestamp(self.begun),
        })
        .to_string()
    }

    /// When a chunk is due, in microseconds since the Unix epoch: the same for every listener.
    pub fn due_micros(&self, index: u64) -> i64 {
        let since = index as f64 * self.pcm.seconds_per_chunk() * 1e6;
        self.epoch.load(Ordering::Relaxed) + since.round() as i64
    }

    fn tell_all(&self, message: String) {
        // Without listeners nobody needs to know.
        let _ = self.events.send(message.into());
    }

    /// Loads another preset and hands it to the render thread, which fades over to it.
    ///
    /// # Errors
    /// The preset cannot be found or has mistakes: what plays goes on.
    pub fn change_preset(self: &Arc<Self>, id: &str) -> Result<(), StationError> {
        let loaded = library::find(id)?;
        let preset = Arc::new(read(&loaded, &self.catalogue, &self.settings)?);
        let keeper = self.states.of(id, &loaded)?;
        self.play_next(id, preset, loaded, keeper, 0)
    }

    /// Builds a preset and hands it to the render thread, which fades over to it.
    fn play_next(
        self: &Arc<Self>,
        id: &str,
        preset: Arc<Preset>,
        loaded: library::Loaded,
        keeper: Arc<Keeper>,
        edition: u64,
    ) -> Result<(), StationError> {
        let path = loaded.path.clone();
        let piece = starting_settings(&self.settings, &preset);
        let (text, kept) = (Arc::clone(&preset), Arc::clone(&keeper));
        let (playing, current) =
            Playing::new(&self.settings, &self.catalogue, id, text, piece, loaded, kept)?;
        let mut playing = Box::new(playing);
        let at = self.pcm.written() + AHEAD;
        let passed = keeper.epoch(self.settings.epoch).map_or(0, |epoch| self.due_micros(at) - epoch);
        let resumed = keeper.resume(passed.max(0) as f64 / 1e6, &preset, piece)?;
        playing.begin(&resumed.start);
        let current = Current { edition, ..current };
        let editor = Arc::clone(&current.editor);
        *lock(&self.next) = Some(Coming { playing, current, resumed, at });
        self.watch(path.as_deref(), &editor);
        Ok(())
    }
}

/// Shows a float as it was meant: 0.8, not 0.800000011920929.
fn rounded(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
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
