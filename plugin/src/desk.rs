//! What the instrument plays and what is asked of it: the meeting point of the host, the editor and the thread that
//! builds. The audio thread never comes here, but for atomics.
#![allow(clippy::disallowed_types, reason = "control threads lock, the audio thread does not")]

use crate::identity::MADE;
use crate::params::{BUSES, CENTRE, SLOTS};
use crate::slots::SlotShape;
use auralis_graph::diagnostic::Diagnostics;
use auralis_graph::places::Places;
use auralis_graph::preset::Control;
use auralis_graph::settings::Settings;
use auralis_graph::{Catalogue, Controller, Preset, Source};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// A text to be played. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// The whole preset.
    pub text: String,
    /// What it is called where it does not say so itself: the file's or the library's name.
    pub name: String,
    /// The folder beside which its files lie; none where it is no file.
    pub folder: Option<PathBuf>,
    /// The files that it was made from when it was last heard.
    #[serde(default)]
    pub assets: Vec<Asset>,
}

/// A file that a piece names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asset {
    /// Where it lay.
    pub path: PathBuf,
    /// The BLAKE3 hash of its bytes, in hexadecimal.
    pub hash: String,
}

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

/// What the audio thread says of itself. All relaxed: for the eye.
#[derive(Debug, Default)]
pub struct Gauges {
    load: AtomicU32,
    peak_load: AtomicU32,
    voices: AtomicU32,
    latency: AtomicU32,
    playing: AtomicBool,
}

impl Gauges {
    /// The part of real time that the last blocks took to compute, 0 to 1.
    pub fn load(&self) -> f32 {
        f32::from_bits(self.load.load(Ordering::Relaxed))
    }

    /// The most that one block took of its own time since this was last asked.
    pub fn take_peak_load(&self) -> f32 {
        f32::from_bits(self.peak_load.swap(0, Ordering::Relaxed))
    }

    /// Voices that sound.
    pub fn voices(&self) -> u32 {
        self.voices.load(Ordering::Relaxed)
    }

    /// Frames of latency that the host has been told of.
    pub fn latency(&self) -> u32 {
        self.latency.load(Ordering::Relaxed)
    }

    /// Whether time goes on.
    pub fn is_playing(&self) -> bool {
        self.playing.load(Ordering::Relaxed)
    }
}

/// See the module.
pub struct Desk {
    /// Every kind of node.
    pub catalogue: Catalogue,
    /// What the audio thread says of itself.
    pub gauges: Gauges,
    state: Mutex<State>,
    asked: Condvar,
    /// The number of the piece that was asked for last, for the audio thread.
    number: AtomicU64,
}

struct State {
    piece: Piece,
    number: u64,
    outcome: Outcome,
    /// The last text that was read without mistakes.
    reading: Option<Arc<Reading>>,
    scene: Option<Arc<Scene>>,
}

/// A text that was read, whether or not it is played yet.
#[derive(Debug, Clone)]
pub struct Reading {
    /// It.
    pub preset: Arc<Preset>,
    /// Its controls by slot.
    pub slots: Arc<[SlotShape]>,
    /// The names of the nodes whose levels the host's "Bus" parameters move, in order.
    pub buses: Arc<[String]>,
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
                outcome: Outcome::default(),
                reading: None,
                scene: None,
            }),
            asked: Condvar::new(),
            number: AtomicU64::new(0),
        };
        desk.restore(Piece::first());
        desk
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The piece that was asked for last, whether or not it can be played: what a session keeps.
    pub fn piece(&self) -> Piece {
        self.lock().piece.clone()
    }

    /// Asks for a piece, and returns its number at once: it is read and built on another thread, while what plays goes
    /// on. Where only details differ from what plays, it is edited without a gap. Asking again before the last one is
    /// built drops that one.
    pub fn play(&self, piece: Piece) -> u64 {
        let mut state = self.lock();
        state.number += 1;
        state.piece = piece;
        let number = state.number;
        self.number.store(number, Ordering::Release);
        drop(state);
        self.asked.notify_all();
        number
    }

    /// [`Desk::play`] for a piece that a session kept. It is read at once, so that what the host asks for next, the texts
    /// of parameters, is right; files that are missing here silence only the nodes that are made of them.
    pub fn restore(&self, piece: Piece) {
        self.play(piece.clone());
        if let Ok(reading) = Reading::of(&piece, &self.catalogue) {
            self.lock().reading = Some(Arc::new(reading));
        }
    }

    /// What became of the last piece that was looked at.
    pub fn outcome(&self) -> Outcome {
        self.lock().outcome.clone()
    }

    /// The last piece that was read without mistakes.
    pub fn reading(&self) -> Option<Arc<Reading>> {
        self.lock().reading.clone()
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
}

impl Piece {
    /// What an instrument begins with.
    pub fn first() -> Self {
        let text = match MADE {
            Some(made) => made.text,
            None => auralis_library::shipped_text(auralis_library::DEFAULT).unwrap_or_default(),
        };
        Self { text: text.into(), name: auralis_library::DEFAULT.into(), folder: None, assets: Vec::new() }
    }

    fn places(&self) -> Places {
        Places { preset: self.folder.clone(), ..Places::anywhere() }
    }
}

impl Reading {
    /// Reads a piece.
    ///
    /// # Errors
    /// All mistakes.
    pub fn of(piece: &Piece, catalogue: &Catalogue) -> Result<Self, Diagnostics> {
        let source = Source::new(piece.name.clone(), &*piece.text);
        let preset = Preset::read(&source, catalogue, &piece.places())?;
        let shape = |control: &Control| {
            let centre = match MADE {
                Some(_) => control.range.position(control.default),
                None => CENTRE,
            };
            SlotShape::new(control.clone(), centre)
        };
        let slots = preset.controls.iter().take(SLOTS).map(shape).collect();
        let buses = preset.sources().into_iter().take(BUSES).map(|node| preset.nodes[node].name.clone());
        Ok(Self { buses: buses.collect(), slots, preset: Arc::new(preset) })
    }
}
