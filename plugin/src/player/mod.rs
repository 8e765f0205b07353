//! What runs on the host's audio thread: the engine, a quantum behind the host, fed with what the host says. It neither
//! allocates nor locks; what it needs comes by a queue, and what it has no more use for goes back by another. Only where
//! the host renders offline does it wait, for what was asked for before to be built.

mod automation;
mod departures;
mod follow;
mod keys;
mod patch;
mod running;

pub use follow::Moment;
pub use patch::{Orphans, Patch};
pub use running::Running;

use crate::desk::{Desk, Setup};
use crate::wishes::Wishes;
use auralis_graph::dsp::QUANTUM;
use crossbeam_queue::ArrayQueue;
use departures::Departures;
use keys::Keys;
use nice_plug::prelude::NoteEvent as HostEvent;
use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What comes to the audio thread.
enum Arrival {
    /// An engine to be faded to.
    Start(Box<Running>),
    /// What the engine that plays, or the last that came, is to be steered by from now on, since it is edited.
    Edit(Box<Patch>),
}

/// Arrivals and returns that can be under way.
const UNDER_WAY: usize = 32;

/// The two queues between the audio thread and the one that builds.
pub struct Stage {
    arrivals: ArrayQueue<Arrival>,
    /// What the audio thread has no more use for: engines, and what they were steered by.
    returns: ArrayQueue<Box<dyn Any + Send>>,
}

impl Stage {
    /// Nothing is under way.
    pub fn new() -> Self {
        // More can come back than arrive: an engine brings what it is steered by.
        Self { arrivals: ArrayQueue::new(UNDER_WAY), returns: ArrayQueue::new(4 * UNDER_WAY) }
    }

    /// Hands an engine to the audio thread, in the place of all that it has not taken yet. Not from there.
    pub fn start(&self, running: Running) {
        self.sweep(true);
        // There is one that sends, and it has just made room.
        let _ = self.arrivals.push(Arrival::Start(Box::new(running)));
    }

    /// Hands over what the last engine is steered by from now on. Returns whether there was room: there is, unless the
    /// audio thread takes nothing for now. Not from there.
    pub fn edit(&self, patch: Patch) -> bool {
        self.arrivals.push(Arrival::Edit(Box::new(patch))).is_ok()
    }

    /// Drops what came back, and all that is under way where `all` says so. Not for the audio thread.
    pub fn sweep(&self, all: bool) {
        while self.returns.pop().is_some() {}
        while all && self.arrivals.pop().is_some() {}
    }

    fn give_back(&self, gone: Box<dyn Any + Send>) {
        if let Err(gone) = self.returns.push(gone) {
            // Nobody sweeps any more. To leak is better than to free on this thread.
            std::mem::forget(gone);
        }
    }
}

impl Default for Stage {
    fn default() -> Self {
        Self::new()
    }
}

/// The host as the player needs it.
pub trait Host {
    /// The next event of the block, in order of time.
    fn next_event(&mut self) -> Option<HostEvent<()>>;
    /// Takes an event out; whether there was room.
    fn send(&mut self, event: HostEvent<()>) -> bool;
}

/// A host's block, besides its events.
pub struct Block<'a> {
    /// The left channel, to be written.
    pub left: &'a mut [f32],
    /// The right one.
    pub right: &'a mut [f32],
    /// What the host's transport says at the first frame.
    pub moment: Moment,
    /// What its parameters say there.
    pub wishes: Wishes,
}

/// Seconds over which one engine fades to another.
const CROSSFADE: f32 = 0.2;
/// Seconds over which a bypass fades.
const BYPASS_FADE: f32 = 0.01;

/// See the module.
pub struct Player {
    desk: Arc<Desk>,
    stage: Arc<Stage>,
    running: Option<Box<Running>>,
    leaving: Option<Leaving>,
    /// What has arrived and waits for a fade to end.
    next_running: Option<Box<Running>>,
    /// Whether nothing was computed since activation or reset.
    fresh: bool,
    /// Frames since activation or reset.
    clock: i64,
    sample_rate: f32,
    offline: bool,
    keys: Keys,
    departures: Departures,
    /// Whether all notes in the host are to be ended.
    flush: bool,
    /// How loud the output is, for the bypass.
    volume: f32,
    /// The event of the host's that is due next.
    next: Option<HostEvent<()>>,
}

/// An engine that fades.
struct Leaving {
    running: Box<Running>,
    faded: usize,
}

impl Player {
    /// A player of what is sent to a stage.
    pub fn new(desk: Arc<Desk>, stage: Arc<Stage>, setup: Setup) -> Self {
        Self {
            desk,
            stage,
            running: None,
            leaving: None,
            next_running: None,
            fresh: true,
            clock: 0,
            sample_rate: setup.sample_rate as f32,
            offline: setup.offline,
            keys: Keys::new(),
            departures: Departures::new(),
            flush: false,
            volume: 1.0,
            next: None,
        }
    }

    /// Takes over all that has arrived, without a fade: nothing was heard yet. Not for the audio thread.
    pub fn settle(&mut self) {
        self.leaving = None;
        if let Some(running) = self.next_running.take() {
            self.running = Some(running);
        }
        while let Some(arrival) = self.stage.arrivals.pop() {
            match arrival {
                Arrival::Start(running) if self.suits(&running) => self.running = Some(running),
                Arrival::Start(_) => {}
                Arrival::Edit(patch) => {
                    if let Some(running) = &mut self.running {
                        running.edit(patch, self.clock);
                    }
                }
            }
        }
        if let Some(running) = &mut self.running {
            running.begin(self.clock);
        }
        self.fresh = true;
    }

    /// Whether an engine was made for this host as it is now.
    fn suits(&self, running: &Running) -> bool {
        running.sample_rate() as f32 == self.sample_rate
    }

    /// Frames by which the output lags behind the host: a quantum, and the graph's own.
    pub fn latency(&self) -> u32 {
        QUANTUM as u32 + self.running.as_ref().map_or(0, |running| running.patch.latency)
    }

    /// What plays.
    pub fn patch(&self) -> Option<&Patch> {
        Some(&self.running.as_ref()?.patch)
    }

    /// Voices that it can sound, `most` at most.
    pub fn voice_limit(&self, most: u32) -> u32 {
        self.patch().map_or(1, |patch| patch.voices.clamp(1, most))
    }

    /// Voices that sound.
    fn voices(&self) -> u32 {
        self.patch().map_or(0, |patch| patch.controller.voices())
    }

    /// Forgets all signal, and that time has passed. Real-time safe but for its length, which grows with the graph.
    pub fn reset(&mut self) {
        if let Some(Leaving { running, .. }) = self.leaving.take() {
            self.stage.give_back(running);
        }
        if let Some(next) = self.next_running.take()
            && let Some(before) = self.running.replace(next)
        {
            self.stage.give_back(before);
        }
        if self.clock > 0 {
            self.clock = 0;
            self.flush = true;
            self.fresh = true;
            self.keys.forget();
            if let Some(running) = &mut self.running {
                running.restart();
            }
        }
    }

    /// Computes a block.
    pub fn process(&mut self, block: Block<'_>, host: &mut impl Host) {
        let began = Instant::now();
        self.turn();
        while self.offline && self.leaving.is_none() && !self.desk.is_settled() {
            // Offline there are no deadlines: what was asked for before is heard from here on.
            std::thread::sleep(Duration::from_millis(1));
            self.turn();
        }
        let Block { left, right, moment, wishes } = block;
        let frames = left.len().min(right.len());
        let muted = wishes.bypass;
        self.place(&moment, &wishes);
        if std::mem::take(&mut self.flush) || (muted && !self.departures.are_none()) {
            self.departures.release(0, &mut |event| host.send(event));
            // What found no room is ended by the next block.
            self.flush = self.departures.are_sounding();
        }
        let leaving = self.leaving.as_mut().map(|leaving| &mut leaving.running);
        for running in self.running.iter_mut().chain(leaving) {
            running.follow(&moment, &wishes, self.clock, frames);
        }
        let mut done = 0;
        while done < frames {
            let within = (self.clock % QUANTUM as i64) as usize;
            let step = (QUANTUM - within).min(frames - done);
            self.listen(done, step, host);
            self.mix(within, &mut left[done..done + step], &mut right[done..done + step], muted);
            if !muted {
                self.departures.give(self.clock, step, done, &mut |event| host.send(event));
            }
            self.clock += step as i64;
            done += step;
            if within + step == QUANTUM {
                self.quantum(muted);
            }
        }
        // A host may give an event of the next block's first frame with this one.
        self.listen(frames, usize::MAX - frames, host);
        let seconds = frames as f32 / self.sample_rate;
        let playing = self.running.as_ref().is_some_and(|running| running.is_playing());
        self.desk.gauges.note(began.elapsed().as_secs_f32(), seconds, self.voices(), playing);
    }

    /// Puts the engine where the host is, where nothing of it is heard.
    fn place(&mut self, moment: &Moment, wishes: &Wishes) {
        let Some(running) = &mut self.running else { return };
        if std::mem::take(&mut self.fresh) {
            running.take_place(moment, wishes, self.clock);
        } else if running.start_anew(moment, wishes, self.clock) {
            self.flush = true;
            self.keys.strike(|event| running.note(event, self.clock));
        }
    }

    /// Takes what has arrived; one engine fades at a time.
    fn turn(&mut self) {
        if self.leaving.is_none()
            && let Some(running) = self.next_running.take()
        {
            self.start(running);
        }
        while self.next_running.is_none() {
            let Some(arrival) = self.stage.arrivals.pop() else { return };
            match arrival {
                Arrival::Start(running) if !self.suits(&running) => {
                    self.stage.give_back(running);
                }
                Arrival::Start(running) if self.leaving.is_some() => self.next_running = Some(running),
                Arrival::Start(running) => self.start(running),
                Arrival::Edit(patch) => match &mut self.running {
                    Some(running) => {
                        let before = running.edit(patch, self.clock);
                        self.stage.give_back(before);
                    }
                    None => self.stage.give_back(patch),
                },
            }
        }
    }

    /// Goes over to an engine, by a fade where the one before was heard.
    fn start(&mut self, mut running: Box<Running>) {
        running.begin(self.clock);
        self.keys.strike(|event| running.note(event, self.clock));
        self.flush = true;
        let Some(before) = self.running.replace(running) else { return };
        if self.fresh {
            self.stage.give_back(before);
        } else {
            self.leaving = Some(Leaving { running: before, faded: 0 });
        }
    }

    /// Sends the host's events of a stretch to the graph.
    fn listen(&mut self, done: usize, step: usize, host: &mut impl Host) {
        loop {
            if self.next.is_none() {
                self.next = host.next_event();
            }
            let Some(event) = self.next.as_ref().filter(|event| (event.timing() as usize) < done + step)
            else {
                return;
            };
            let frame = self.clock + (event.timing() as usize).saturating_sub(done) as i64;
            let running = &mut self.running;
            self.keys.take(event, |event| {
                if let Some(running) = running {
                    running.note(event, frame);
                }
            });
            self.next = None;
        }
    }

    /// Writes the frames of a quantum from `within` on.
    fn mix(&mut self, within: usize, left: &mut [f32], right: &mut [f32], muted: bool) {
        let to = within + left.len();
        for (channel, out) in [&mut *left, &mut *right].into_iter().enumerate() {
            match &self.running {
                Some(running) => out.copy_from_slice(&running.output(channel)[within..to]),
                None => out.fill(0.0),
            }
            if let Some(leaving) = &self.leaving {
                let length = self.sample_rate * CROSSFADE;
                let old = &leaving.running.output(channel)[within..to];
                for (frame, (x, old)) in out.iter_mut().zip(old).enumerate() {
                    let way =
                        ((leaving.faded + frame) as f32 / length).min(1.0) * std::f32::consts::FRAC_PI_2;
                    *x = *x * way.sin() + old * way.cos();
                }
            }
        }
        if let Some(leaving) = &mut self.leaving {
            leaving.faded += to - within;
        }
        let aim = if muted { 0.0 } else { 1.0 };
        if self.volume != aim {
            let step = 1.0 / (self.sample_rate * BYPASS_FADE);
            for (left, right) in left.iter_mut().zip(right) {
                self.volume += (aim - self.volume).clamp(-step, step);
                *left *= self.volume;
                *right *= self.volume;
            }
        } else if muted {
            left.fill(0.0);
            right.fill(0.0);
        }
    }

    /// Computes the quantum whose input is complete.
    fn quantum(&mut self, muted: bool) {
        if let Some(running) = &mut self.running {
            let notes = running.quantum();
            if !muted {
                self.departures.take(notes.0, notes.1);
            }
        }
        if let Some(mut leaving) = self.leaving.take() {
            if leaving.faded as f32 >= self.sample_rate * CROSSFADE {
                return self.stage.give_back(leaving.running);
            }
            leaving.running.quantum();
            self.leaving = Some(leaving);
        }
    }
}
