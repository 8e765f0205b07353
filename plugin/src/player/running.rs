//! An engine in the host's time. Audio thread, but where it is made and dropped.

use super::automation::Automation;
use super::follow::{Follower, Manner, Moment};
use super::patch::Patch;
use crate::wishes::Wishes;
use auralis_graph::Engine;
use auralis_graph::command::{Change, Command, When};
use auralis_graph::dsp::QUANTUM;
use auralis_graph::engine::{NoteOut, Start};
use auralis_graph::note::NoteEvent;
use auralis_graph::settings::Settings;

/// Below this amplitude (-120 dB) nothing is heard.
const UNHEARD: f32 = 1e-6;
/// Seconds after which a piece that stands still and is not heard is at rest.
const REST: f32 = 1.0;

/// See the module.
pub struct Running {
    engine: Engine,
    /// How it is steered.
    pub patch: Box<Patch>,
    automation: Automation,
    follower: Follower,
    /// The frame of the host's clock that is the engine's frame 0: the first of a quantum.
    base: i64,
    /// Frames for which nothing was heard.
    unheard: u32,
}

impl Running {
    /// An engine that has computed nothing yet, and begins where the host's parameters want it. Not for the audio
    /// thread.
    pub fn new(engine: Engine, patch: Patch, wishes: Option<&Wishes>) -> Self {
        let settings = engine.initial_settings();
        let follower = Follower::new(engine.sample_rate(), 0, engine.tick(), settings.tempo);
        let automation = Automation::new(settings, &patch);
        let mut running = Self { engine, patch: Box::new(patch), automation, follower, base: 0, unheard: 0 };
        if wishes.is_some_and(|wishes| running.tell_all(wishes)) {
            // What was told is heard from the first frame on.
            running.reset(0, settings.tempo);
        }
        running
    }

    /// Tells what the host's parameters want; whether that was anything.
    fn tell_all(&mut self, wishes: &Wishes) -> bool {
        let mut told = false;
        let (patch, automation) = (&self.patch, &mut self.automation);
        automation.follow(wishes, patch, |change| {
            told = true;
            tell(patch, When::Now, change);
        });
        told
    }

    /// Begins in the quantum of a frame of the host's clock.
    pub fn begin(&mut self, frame: i64) {
        self.base = frame - frame.rem_euclid(QUANTUM as i64);
        let (rate, tempo) = (self.engine.sample_rate(), self.engine.settings().tempo);
        self.follower = Follower::new(rate, self.base, self.engine.tick(), tempo);
        self.unheard = 0;
    }

    /// Stands where the host wants it in a frame of its clock, before anything is heard: what would glide there is
    /// there.
    pub fn take_place(&mut self, moment: &Moment, wishes: &Wishes, frame: i64) {
        let (_, tempo) = self.manner(wishes).tempo(moment);
        if self.tell_all(wishes) || tempo != self.follower.tempo() {
            self.reset(frame, tempo);
        }
    }

    /// [`Running::take_place`] where the host starts after nothing was heard for a while: what goes on by itself, such as
    /// slow waves, has run on meanwhile, and the same place is to sound the same each time. Returns whether it did.
    pub fn start_anew(&mut self, moment: &Moment, wishes: &Wishes, frame: i64) -> bool {
        let enough = (REST * self.engine.sample_rate() as f32) as u32;
        let starts = moment.playing && !self.is_playing() && self.unheard >= enough;
        if starts {
            let (_, tempo) = self.manner(wishes).tempo(moment);
            self.tell_all(wishes);
            self.reset(frame, tempo);
        }
        starts
    }

    /// Forgets all signal, and begins anew in frame 0 of the host's clock.
    pub fn restart(&mut self) {
        self.reset(0, self.follower.tempo());
    }

    fn reset(&mut self, frame: i64, tempo: f64) {
        let settings = Settings { tempo, ..self.automation.settings() };
        self.engine.reset(&Start::beginning(settings));
        self.begin(frame);
    }

    /// Is steered by another graph's patch from now on; gives back the one before.
    pub fn edit(&mut self, patch: Box<Patch>, frame: i64) -> Box<Patch> {
        let before = std::mem::replace(&mut self.patch, patch);
        let when = When::Frame(frame - self.base);
        self.automation.turn(&before, &self.patch, |change| tell(&self.patch, when, change));
        before
    }

    /// Follows the host through a block that begins in a frame of its clock.
    pub fn follow(&mut self, moment: &Moment, wishes: &Wishes, frame: i64, frames: usize) {
        let manner = self.manner(wishes);
        let when = When::Frame(frame - self.base);
        let patch = &self.patch;
        self.follower.follow(moment, manner, frame, frames, |change| tell(patch, when, change));
        self.automation.follow(wishes, patch, |change| tell(patch, when, change));
    }

    fn manner(&self, wishes: &Wishes) -> Manner {
        let written = self.patch.written.tempo;
        Manner { free: wishes.free, through: wishes.through, offset: wishes.tempo, written }
    }

    /// Sends a note to every node that takes notes from outside.
    pub fn note(&mut self, event: NoteEvent, frame: i64) {
        for node in &self.patch.entrances {
            tell(&self.patch, When::Frame(frame - self.base), Change::Note { node: *node, event });
        }
    }

    /// Computes a quantum. Gives the notes that leave, and by how many frames the host's clock is ahead of theirs when
    /// they are heard.
    pub fn quantum(&mut self) -> (&[NoteOut], i64) {
        self.engine.quantum();
        let heard = |x: &f32| x.abs() >= UNHEARD;
        self.unheard = match self.engine.output().iter().any(|channel| channel.iter().any(heard)) {
            true => 0,
            false => self.unheard.saturating_add(QUANTUM as u32),
        };
        (self.engine.notes_out(), self.base + QUANTUM as i64)
    }

    /// A channel of the last quantum.
    pub fn output(&self, channel: usize) -> &[f32; QUANTUM] {
        &self.engine.output()[channel]
    }

    /// Frames per second.
    pub fn sample_rate(&self) -> u32 {
        self.engine.sample_rate()
    }

    /// Whether time goes on.
    pub fn is_playing(&self) -> bool {
        self.follower.is_playing()
    }
}

/// Sends a command. The engine takes more in a quantum than a host can ask for in one.
fn tell(patch: &Patch, when: When, change: Change) {
    let _ = patch.controller.send(Command { when, change });
}
