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

/// Below this amplitude (-120 dB) nothing is heard.
const UNHEARD: f32 = 1e-6;

/// See the module.
pub struct Running {
    engine: Engine,
    /// How it is steered.
    pub patch: Box<Patch>,
    automation: Automation,
    follower: Follower,
    /// The frame of the host's clock that is the engine's frame 0: the first of a quantum.
    base: i64,
}

impl Running {
    /// An engine that has computed nothing yet, and begins where the host's parameters want it. Not for the audio
    /// thread.
    pub fn new(engine: Engine, patch: Patch, wishes: Option<&Wishes>) -> Self {
        let settings = engine.initial_settings();
        let follower = Follower::new(engine.sample_rate(), 0, engine.tick(), settings.tempo);
        let automation = Automation::new(settings, &patch);
        let mut running = Self { engine, patch: Box::new(patch), automation, follower, base: 0 };
        if wishes.is_some_and(|wishes| running.tell_all(wishes)) {
            // What was told is heard from the first frame on.
            running.engine.quantum();
            running.reset(0);
        }
        running
    }

    /// Tells what the host's parameters want; whether that was anything.
    fn tell_all(&mut self, wishes: &Wishes) -> bool {
        let mut told = false;
        let (patch, automation) = (&self.patch, &mut self.automation);
        automation.follow(wishes, patch, |change| {
            told = true;
            tell(patch, When::Frame(0), change);
        });
        told
    }

    /// Begins in the quantum of a frame of the host's clock.
    pub fn begin(&mut self, frame: i64) {
        self.base = frame - frame.rem_euclid(QUANTUM as i64);
        self.follower = self.follower_from(self.base);
    }

    fn follower_from(&self, frame: i64) -> Follower {
        Follower::new(self.engine.sample_rate(), frame, self.engine.tick(), self.engine.settings().tempo)
    }

    /// Forgets all signal, and begins anew in the quantum of a frame of the host's clock.
    pub fn reset(&mut self, frame: i64) {
        // What was sent and not taken yet was for the time before.
        self.engine.quantum();
        self.engine.reset(&Start::beginning(self.engine.settings()));
        self.begin(frame);
    }

    /// Whether time stands still, and nothing of what sounded is heard any more.
    pub fn is_at_rest(&self) -> bool {
        let heard = |x: &f32| x.abs() >= UNHEARD;
        !self.is_playing() && !self.engine.output().iter().any(|channel| channel.iter().any(heard))
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
        let manner = Manner {
            free: wishes.free,
            through: wishes.through,
            offset: wishes.tempo,
            written: self.patch.written.tempo,
        };
        let when = When::Frame(frame - self.base);
        let patch = &self.patch;
        self.follower.follow(moment, manner, frame, frames, |change| tell(patch, when, change));
        self.automation.follow(wishes, patch, |change| tell(patch, when, change));
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
        (self.engine.notes_out(), self.base + QUANTUM as i64)
    }

    /// A channel of the last quantum.
    pub fn output(&self, channel: usize) -> &[f32; QUANTUM] {
        &self.engine.output()[channel]
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
