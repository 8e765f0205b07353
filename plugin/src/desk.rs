//! What the instrument plays and what is asked of it: the meeting point of the host, the editor and the thread that
//! builds. The audio thread comes here for atomics only.
#![allow(clippy::disallowed_types, reason = "control threads lock, the audio thread does not")]

use crate::gauges::Gauges;
use crate::identity::MADE;
use crate::params::InstrumentParams;
use crate::reading::{Asset, Piece, Reading};
use crate::slots::SlotShape;
use crate::wishes::Wishes;
use auralis_graph::diagnostic::Diagnostics;
use auralis_graph::preset::Control;
use auralis_graph::settings::Settings;
use auralis_graph::{Catalogue, Controller};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

/// What became of the piece that was asked for last.
#[derive(Debug, Clone, Default)]
pub struct Outcome {
    /// Counts pieces, from 1: which one this is about.
    pub number: u64,
    /// The mistakes that keep it from being played; what played before goes on.
    pub mistakes: Option<Arc<Diagnostics>>,
    /// What is probably not as meant.
    pub warnings: Option<Arc<Diagnostics>>,
    /// What is missing or has changed on this machine, a sentence each; the rest plays.
    pub notices: Vec<String>,
}

/// What plays.
#[derive(Debug, Clone)]
pub struct Scene {
    /// The number of the piece.
    pub number: u64,
    /// It.
    pub reading: Arc<Reading>,
    /// The hand on the engine: levels, position, names of nodes that run.
    pub controller: Controller,
    /// Frames per second.
    pub sample_rate: u32,
    /// Nodes that failed and are silent, with what they did.
    pub failed: Vec<(String, String)>,
}

/// How the host renders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setup {
    /// Frames per second.
    pub sample_rate: u32,
    /// Whether there are no deadlines.
    pub offline: bool,
}

/// What the thread that builds is to do.
pub enum Job {
    /// To bring what plays to what is asked for.
    Build {
        /// Which request this is, for [`Desk::settle`].
        version: u64,
        /// The number of the piece.
        number: u64,
        /// The piece.
        piece: Piece,
        /// What was read of it already, if it was.
        reading: Option<Arc<Reading>>,
        /// How the host renders; none before it has activated the instrument.
        setup: Option<Setup>,
    },
    /// To look after what plays.
    Look,
    /// To end.
    End,
}

/// See the module.
pub struct Desk {
    /// Every kind of node.
    pub catalogue: Catalogue,
    /// What the audio thread says of itself.
    pub gauges: Gauges,
    state: Mutex<State>,
    changed: Condvar,
    /// Requests so far, and the last that was dealt with, for the audio thread.
    asked: AtomicU64,
    settled: AtomicU64,
}

struct State {
    piece: Piece,
    number: u64,
    setup: Option<Setup>,
    params: Weak<InstrumentParams>,
    outcome: Outcome,
    /// The last text that was read without mistakes, and the number of its piece.
    reading: Option<(u64, Arc<Reading>)>,
    scene: Option<Arc<Scene>>,
    ended: bool,
}

impl Default for Desk {
    fn default() -> Self {
        Self::new()
    }
}

impl Desk {
    /// The desk of an instrument on which the piece lies that it begins with.
    pub fn new() -> Self {
        let desk = Self {
            catalogue: auralis_nodes::catalogue(),
            gauges: Gauges::default(),
            state: Mutex::new(State {
                piece: Piece::first(),
                number: 0,
                setup: None,
                params: Weak::new(),
                outcome: Outcome::default(),
                reading: None,
                scene: None,
                ended: false,
            }),
            changed: Condvar::new(),
            asked: AtomicU64::new(0),
            settled: AtomicU64::new(0),
        };
        desk.restore(Piece::first());
        desk
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the thread that builds.
    fn ask(&self) {
        self.asked.fetch_add(1, Ordering::Release);
        self.changed.notify_all();
    }

    /// The piece that was asked for last, whether or not it can be played: what a session keeps.
    pub fn piece(&self) -> Piece {
        self.lock().piece.clone()
    }

    /// The number of the piece that was asked for last.
    pub fn number(&self) -> u64 {
        self.lock().number
    }

    /// Asks for a piece, and returns its number at once: it is read and built on another thread, while what plays goes
    /// on. A further text of the same name is an edit, without a gap; another name is faded to. Asking again before the
    /// last one is built drops that one.
    pub fn play(&self, piece: Piece) -> u64 {
        let mut state = self.lock();
        state.number += 1;
        state.piece = piece;
        self.ask();
        state.number
    }

    /// [`Desk::play`] for a piece that a session kept. It is read at once, so that what the host asks for next, the texts
    /// of parameters, is right.
    pub fn restore(&self, piece: Piece) {
        let reading = Reading::of(&piece, &self.catalogue);
        let mut state = self.lock();
        state.number += 1;
        state.piece = piece;
        if let Ok(reading) = reading {
            state.reading = Some((state.number, Arc::new(reading)));
        }
        self.ask();
    }

    /// What became of the last piece that was looked at.
    pub fn outcome(&self) -> Outcome {
        self.lock().outcome.clone()
    }

    /// The last piece that was read without mistakes.
    pub fn reading(&self) -> Option<Arc<Reading>> {
        self.lock().reading.as_ref().map(|(_, reading)| Arc::clone(reading))
    }

    /// What plays; none before the host has activated the instrument.
    pub fn scene(&self) -> Option<Arc<Scene>> {
        self.lock().scene.clone()
    }

    /// The settings that the text gives.
    pub fn written(&self) -> Settings {
        self.reading().map(|reading| reading.preset.settings()).unwrap_or_default()
    }

    /// The control behind a slot.
    pub fn shape(&self, slot: usize) -> Option<SlotShape> {
        self.reading()?.slots.get(slot).cloned()
    }

    /// The controls that name an instrument's slots; none where slots are for any preset.
    pub fn controls_by_name(&self) -> Option<Vec<Control>> {
        MADE?;
        Some(self.reading()?.preset.controls.clone())
    }

    /// Tells whose parameters say how the piece is to begin.
    pub fn belong_to(&self, params: &Arc<InstrumentParams>) {
        self.lock().params = Arc::downgrade(params);
    }

    /// What the host's parameters say.
    pub fn wishes(&self) -> Option<Wishes> {
        let params = self.lock().params.upgrade()?;
        Some(Wishes::of(&params))
    }

    /// Asks for an engine for a host that renders so, and waits until there is one, or until it is known why not.
    /// Returns whether that took no longer than `patience`. Not for the audio thread.
    pub fn set_up(&self, setup: Setup, patience: Duration) -> bool {
        let until = Instant::now() + patience;
        let mut state = self.lock();
        state.setup = Some(setup);
        self.ask();
        while !self.is_settled() && !state.ended {
            let Some(left) = until.checked_duration_since(Instant::now()) else { return false };
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    /// Whether all that was asked for has been dealt with. Real-time safe.
    pub fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Acquire) >= self.asked.load(Ordering::Acquire)
    }

    /// The next thing to do, after `patience` at the latest. For the thread that builds.
    pub fn next_job(&self, patience: Duration) -> Job {
        let mut state = self.lock();
        if self.is_settled() && !state.ended {
            let waited = self.changed.wait_timeout(state, patience);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        if state.ended {
            return Job::End;
        }
        if self.is_settled() {
            return Job::Look;
        }
        let version = self.asked.load(Ordering::Acquire);
        let reading = state.reading.as_ref().filter(|(number, _)| *number == state.number);
        let reading = reading.map(|(_, reading)| Arc::clone(reading));
        Job::Build { version, number: state.number, piece: state.piece.clone(), reading, setup: state.setup }
    }

    /// Tells that a request has been dealt with.
    pub fn settle(&self, version: u64) {
        // Under the lock, so that nobody misses it between looking and waiting.
        let _state = self.lock();
        self.settled.fetch_max(version, Ordering::Release);
        self.changed.notify_all();
    }

    /// Tells what was read of a piece; a later one knows better.
    pub fn note_reading(&self, number: u64, reading: &Arc<Reading>) {
        let mut state = self.lock();
        if state.number == number {
            state.reading = Some((number, Arc::clone(reading)));
        }
    }

    /// Tells what became of a piece.
    pub fn note_outcome(&self, outcome: Outcome) {
        self.lock().outcome = outcome;
    }

    /// Tells something more of the piece whose outcome was told last.
    pub fn add_notices(&self, notices: impl IntoIterator<Item = String>) {
        self.lock().outcome.notices.extend(notices);
    }

    /// Tells what plays.
    pub fn note_scene(&self, scene: Scene) {
        self.lock().scene = Some(Arc::new(scene));
    }

    /// Tells which files a piece was made from.
    pub fn note_assets(&self, number: u64, assets: Vec<Asset>) {
        let mut state = self.lock();
        if state.number == number {
            state.piece.assets = assets;
        }
    }

    /// Ends the thread that builds; nobody waits for anything any more.
    pub fn end(&self) {
        self.lock().ended = true;
        self.settled.store(u64::MAX, Ordering::Release);
        self.changed.notify_all();
    }
}
