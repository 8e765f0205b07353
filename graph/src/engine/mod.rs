//! The machine that runs a compiled graph: one quantum after the other, the same samples whoever calls.

mod bank;
mod cell;
mod context;
pub(crate) mod crew;
mod edit;
mod fade;
mod front;
pub(crate) mod glue;
mod io;
mod levels;
mod memory;
mod params;
mod pending;
mod pressure;
mod schedule;
mod scope;
mod sharing;
mod sums;
pub(crate) mod tasks;
mod tile;
mod turn;

pub use bank::{Bank, MOST_SIGNALS, Recursion, STRIDE};
pub use context::Context;
pub use edit::Reclaimed;
pub use front::Engine;
pub use io::{AudioIn, AudioOut, Io, Param};
pub use pressure::MOST_RELIEF;

pub(crate) use bank::BANK;
pub(crate) use cell::{Cell, SharedCell};
pub(crate) use edit::{Edit, Order, Page, Remodulated, Renumbering};
pub(crate) use fade::{Blend, Fade, Fader, Law};
pub(crate) use levels::{Peak, Peaks};
pub(crate) use memory::{Memory, NOTHING, NotesCell, PacketsCell, notes_cell, packets_cell};
pub(crate) use params::{Modulation, Reach, Slot};
pub(crate) use schedule::{
    Company, Extra, NO_NODE, Plug, Schedule, Seat, Seats, Segment, Step, Stretch, Sum, Term,
};
pub(crate) use scope::{REACH, Scope, Tapped};

use crate::command::{Change, Command, NodeId, Report};
use crate::controller::Link;
use crate::dsp::{Block, QUANTUM};
use crate::expose::ControlMap;
use crate::node::Pace;
use crate::note::NoteEvent;
use crate::param::Amount;
use crate::settings::{Setting, Settings, SettingsLog};
use crate::transport::{Anchor, Timeline};
use cell::Moves;
use crew::{Job, Progress};
use fearless_simd::{Level, dispatch};
use pending::{Pending, Waiting};
use pressure::Pressure;
use sharing::Sharing;
use std::sync::Arc;
use std::time::{Duration, Instant};
use turn::{Probe, Scratch, Shared, Turn};

/// A note that leaves the program, with its frame of the engine's clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NoteOut {
    /// Frame of the engine's clock, latency included: it sounds with the audio of the same frame.
    pub frame: i64,
    /// Musical position in ticks.
    pub tick: f64,
    /// Which of the graph's outputs for notes it left by, in the order of the text.
    pub source: u16,
    /// The event.
    pub event: NoteEvent,
}

/// A compiled graph, running. What workers read of it stays where it is, and as it is, until they are done: an
/// [`Engine`] sees to that.
pub(crate) struct Machine {
    schedule: Box<Schedule>,
    controls: Arc<[ControlMap]>,
    sample_rate: u32,
    pace: Pace,
    /// Frames computed since reset.
    frame: i64,
    timeline: Timeline,
    log: SettingsLog,
    pending: Pending,
    moves: Moves,
    link: Link,
    simd: Level,
    /// What workers help with, where the graph is spread over threads.
    job: Option<Arc<Job>>,
    /// Whether they may.
    sharing: Sharing,
    /// When the quantum began.
    began: Instant,
    /// The last steps whose time was taken.
    probe: Probe,
    pressure: Pressure,
    /// Whether nodes of low priority are silent.
    shed: bool,
    output: [Block; 2],
    notes_out: Vec<NoteOut>,
    initial: Settings,
    /// The edit that is under way.
    edit: Option<Box<Edit>>,
    /// How many edits there were, and where the nodes of the graph before the last are found.
    edition: u32,
    renumbering: Renumbering,
    /// A command for a graph whose edit has not begun.
    early: Option<(u32, Command)>,
}

/// Groups of steps whose time is taken in one quantum of every sixteen.
const PROBED: usize = 16;
const PROBE_MASK: i64 = 16 * QUANTUM as i64 - 1;
/// The same after a quantum that took too long: most graphs whole, and of larger ones so few that taking their time
/// does not make the next one late.
const PROBED_WHEN_LATE: usize = 64;

/// Part of a quantum's sound that a call waits for workers where the one before has given them up.
const PATIENCE: f32 = 0.25;

/// Notes that can leave the program in one quantum.
const NOTES_OUT: usize = 1024;

impl Machine {
    fn new(
        schedule: Schedule,
        controls: Arc<[ControlMap]>,
        settings: Settings,
        sample_rate: u32,
        pace: Pace,
        link: Link,
    ) -> Self {
        Self {
            schedule: Box::new(schedule),
            controls,
            sample_rate,
            pace,
            frame: 0,
            timeline: Timeline::new(sample_rate, settings.tempo),
            log: SettingsLog::new(settings),
            pending: Pending::new(),
            moves: Moves::new(),
            link,
            simd: crate::instructions::level(),
            job: None,
            sharing: Sharing::new(sample_rate),
            began: Instant::now(),
            probe: Probe::NOTHING,
            pressure: Pressure::new(sample_rate, pace),
            shed: false,
            output: [Block::SILENCE; 2],
            notes_out: Vec::with_capacity(NOTES_OUT),
            initial: settings,
            edit: None,
            edition: 0,
            renumbering: Renumbering::default(),
            early: None,
        }
    }

    /// Forgets all signal and goes to a position, with the settings in force there and before it.
    fn reset(&mut self, start: &Start) {
        self.catch_up();
        for shared in self.schedule.cells() {
            // SAFETY: `&mut self` is the running thread's, and this is the only reference.
            unsafe { shared.get() }.reset();
        }
        // SAFETY: as above.
        unsafe { self.schedule.memory.clear() };
        self.output = [Block::SILENCE; 2];
        self.notes_out.clear();
        self.link.status.scope.clear();
        self.frame = 0;
        self.sharing = Sharing::new(self.sample_rate);
        self.log.restart(start.before);
        for (tick, settings) in &start.changes {
            self.log.push(*tick, *settings);
        }
        let tempo = self.log.current().tempo;
        let (tick, seconds) = (start.tick, start.seconds);
        self.timeline.restart(Anchor { frame: 0, tick, seconds, tempo, playing: true, jump: true });
        for (node, slot) in &*self.schedule.musical {
            let Some(seat) = self.schedule.seat(NodeId(*node)) else { continue };
            // SAFETY: as above.
            let cell = unsafe { seat.cell.get() };
            cell.jump(*slot, cell.slots[usize::from(*slot)].amount, tempo);
        }
        for (index, value) in &start.controls {
            self.jump_control(*index, *value);
        }
        self.link.status.publish(0, tick, self.log.current());
    }

    /// Begins a quantum and computes it, as far as workers let it in time.
    ///
    /// # Safety
    /// Unless it is done, the machine stays where it is, and as it is, until [`Machine::go_on`] finds that it is.
    unsafe fn run(&mut self, scratch: &mut Scratch) -> Progress {
        self.began = Instant::now();
        self.turn_page();
        self.take_commands();
        let timed = self.next_probe();
        let schedule = &*self.schedule;
        let shared = Shared {
            schedule,
            context: Context {
                sample_rate: self.sample_rate as f32,
                frame: self.frame,
                offline: self.pace == Pace::Offline,
                timeline: &self.timeline,
                log: &self.log,
                overrides: Default::default(),
                relief: self.pressure.relief(),
            },
            moves: &self.moves,
            fader: self.edit.as_ref().map(|edit| &edit.fader),
            watched: self.link.status.is_watched(),
            tapped: self.link.status.tapped(self.frame),
            link: &self.link,
            level: self.simd,
            timed,
            deadline: self.pressure.deadline(),
        };
        let shares = !schedule.tasks.is_empty() && self.sharing.is_on(self.frame);
        match self.job.as_deref().filter(|_| shares) {
            // SAFETY: by the contract above.
            Some(job) => unsafe { job.begin(shared, scratch) },
            None => {
                Turn::new(&shared, scratch).run(0..schedule.segments.len());
                Progress::Done(Duration::ZERO)
            }
        }
    }

    /// Goes on with a quantum that waits for workers.
    fn go_on(&self, scratch: &mut Scratch) -> Progress {
        let patience = Duration::from_secs_f32(QUANTUM as f32 / self.sample_rate as f32 * PATIENCE);
        self.job.as_deref().map_or(Progress::Done(Duration::ZERO), |job| job.go_on(scratch, Some(patience)))
    }

    /// Ends a quantum that is done, for which workers had to be waited for so long.
    fn end(&mut self, waited: Duration) {
        self.moves.clear();
        self.collect();
        for inbox in &*self.schedule.inboxes {
            // SAFETY: `&mut self` is the running thread's, and this is the only reference.
            unsafe { self.schedule.memory.notes_mut(*inbox) }.clear();
        }
        self.frame += QUANTUM as i64;
        if self.pressure.note(self.began.elapsed().as_nanos() as f32) {
            let (steps, frame) = (self.pressure.relief(), self.frame);
            self.link.report(Report::Relieved { steps, frame });
        }
        if self.sharing.note(self.frame, self.pressure.deadline(), waited, self.pressure.is_late()) {
            self.link.report(Report::Waited { frame: self.frame });
        }
        self.shed();
        self.link.status.publish(self.frame, self.timeline.tick_at(self.frame), self.log.current());
    }

    /// The groups whose time is taken in this quantum: a few of one segment now and then, so that it costs next to
    /// nothing.
    fn next_probe(&mut self) -> Probe {
        let groups = match self.pressure.is_late() {
            true => PROBED_WHEN_LATE,
            false if self.frame & PROBE_MASK == 0 => PROBED,
            false => return Probe::NOTHING,
        };
        let segments = &self.schedule.segments;
        let within = |segment: usize, at: usize| segments.get(segment).is_some_and(|s| at < s.steps.len());
        let (mut segment, mut start) = (self.probe.segment, self.probe.steps.end);
        if !within(segment, start) {
            (segment, start) =
                (if segment.wrapping_add(1) < segments.len() { segment.wrapping_add(1) } else { 0 }, 0);
        }
        let mut end = start;
        for _ in 0..groups {
            if within(segment, end) {
                end = segments[segment].group_end(end);
            }
        }
        self.probe = Probe { segment, steps: start..end };
        self.probe.clone()
    }

    /// Silences nodes of low priority, or lets them sound again, each with the fade of `mute`.
    fn shed(&mut self) {
        let shed = self.pressure.silences();
        if shed != self.shed {
            self.set_shed(shed);
        }
    }

    /// Before another graph takes over, in which others may be of low priority.
    fn let_all_sound(&mut self) {
        if self.shed {
            self.set_shed(false);
        }
    }

    fn set_shed(&mut self, shed: bool) {
        self.shed = shed;
        for node in &*self.schedule.sheddable {
            let Some(seat) = self.schedule.seat(NodeId(*node)) else { continue };
            // SAFETY: `&mut self` is the running thread's, and this is the only reference.
            unsafe { seat.cell.get() }.shed(shed, &mut self.moves);
        }
    }

    fn collect(&mut self) {
        let fader = self.edit.as_ref().map(|edit| &edit.fader);
        for (channel, sum) in self.output.iter_mut().zip(&self.schedule.outputs) {
            let (exit, memory) = (&self.schedule.exit, &self.schedule.memory);
            let sounds = dispatch!(self.simd, simd => sums::form(simd, exit, memory, sum, fader, channel));
            if !sounds {
                channel.fill(0.0);
            }
        }
        let memory = &self.schedule.memory;
        self.notes_out.clear();
        for (source, index) in self.schedule.notes_out.iter().enumerate() {
            for event in memory.notes(*index).events() {
                if self.notes_out.len() < NOTES_OUT {
                    let frame = self.frame + i64::from(event.offset);
                    let tick = self.timeline.tick_at(frame - i64::from(self.schedule.latency));
                    // Behind those of the same frame: a key that ends and starts again must not do so the
                    // other way round.
                    let at = self.notes_out.partition_point(|note| note.frame <= frame);
                    let note = NoteOut { frame, tick, source: source as u16, event: *event };
                    self.notes_out.insert(at, note);
                }
            }
        }
    }

    /// Lets parameters stand where they were asked to go, and forgets all else that was asked for and is not done yet:
    /// it was for the time before.
    pub(super) fn keep_values(&mut self) {
        loop {
            self.receive();
            let Some(waiting) = self.pending.pop() else { return };
            match waiting.change {
                Change::Param { node, param, amount } => self.jump(node, param, amount),
                Change::Control { index, value } => self.jump_control(index, value),
                _ => {}
            }
        }
    }

    fn jump_control(&mut self, index: u16, value: f32) {
        let controls = Arc::clone(&self.controls);
        for target in controls.get(usize::from(index)).map_or(&[][..], |control| &control.targets) {
            self.jump(target.node, target.param, Amount::Value(target.value(value)));
        }
    }

    fn jump(&mut self, node: NodeId, param: u16, amount: Amount) {
        let Some(seat) = self.schedule.seat(node) else { return };
        // SAFETY: `&mut self` is the running thread's, and this is the only reference.
        unsafe { seat.cell.get() }.jump(param, amount, self.log.current().tempo);
    }

    /// Takes what was sent, as far as there is room.
    fn receive(&mut self) {
        while !self.pending.is_full() {
            let Some((edition, command)) = self.early.take().or_else(|| self.link.commands.pop()) else {
                break;
            };
            let change = match self.edition.wrapping_sub(edition) {
                0 => Some(command.change),
                // From whoever does not know yet that the graph has changed.
                1 => self.renumbering.translate(command.change),
                // From whoever knows already of an edit that waits its turn.
                behind if behind > u32::MAX / 2 => {
                    self.early = Some((edition, command));
                    break;
                }
                _ => Some(command.change).filter(|change| !change.is_for_a_graph()),
            };
            if let Some(change) = change {
                self.pending.push(Command { change, ..command }, self.frame, &self.timeline);
            }
        }
    }

    fn take_commands(&mut self) {
        self.receive();
        let end = self.frame + QUANTUM as i64;
        let mut from = self.frame;
        while let Some((frame, waiting)) = self.pending.next_due(from, end, &self.timeline) {
            from = frame;
            self.apply(frame, waiting);
        }
    }

    fn apply(&mut self, frame: i64, waiting: Waiting) {
        let change = waiting.change;
        match change {
            Change::Setting(setting) => self.apply_setting(frame, setting),
            Change::Control { index, value } => self.apply_control(index, value, frame),
            Change::Param { node, param, amount } => {
                self.apply_param(node, param, amount, frame, waiting.arrived);
            }
            Change::Note { node, event } => self.apply_note(node, event, frame),
            Change::Play => self.timeline.push(self.timeline.with_playing(frame, true)),
            Change::Stop => self.timeline.push(self.timeline.with_playing(frame, false)),
            Change::Locate { tick, jump } => {
                // A place is that of its frame: what is late has gone on from there.
                let late = waiting.frame().map_or(0, |due| frame - due);
                let tick = tick + self.timeline.ticks_in(late.max(0));
                self.timeline.push(self.timeline.with_place(frame, tick, jump));
                if jump {
                    self.log.restart(self.log.current());
                    self.wake();
                }
            }
        }
        if matches!(change, Change::Setting(_) | Change::Control { .. }) {
            let tick = self.whole_tick(frame);
            self.link.report(Report::Applied { tick, frame, change, edition: self.edition });
        }
    }

    /// The whole tick at whose first frame a change takes hold; its position may be off by rounding.
    fn whole_tick(&self, frame: i64) -> i64 {
        (self.timeline.tick_at(frame) + 1e-3).floor() as i64
    }

    fn apply_setting(&mut self, frame: i64, setting: Setting) {
        let before = self.log.current();
        let settings = setting.apply(before);
        self.log.push(self.whole_tick(frame), settings);
        if settings.tempo != before.tempo {
            self.timeline.push(self.timeline.with_tempo(frame, settings.tempo));
            for index in 0..self.schedule.musical.len() {
                let (node, slot) = self.schedule.musical[index];
                let Some(seat) = self.schedule.seat(NodeId(node)) else { continue };
                // SAFETY: `&mut self` is the running thread's, and this is the only reference.
                let amount = unsafe { seat.cell.get() }.slots[usize::from(slot)].amount;
                self.apply_param(NodeId(node), slot, amount, frame, false);
            }
        }
    }

    fn apply_control(&mut self, index: u16, value: f32, frame: i64) {
        let Some(control) = self.controls.get(usize::from(index)) else { return };
        for target in 0..control.targets.len() {
            let target = &self.controls[usize::from(index)].targets[target];
            let (node, param, amount) = (target.node, target.param, Amount::Value(target.value(value)));
            self.apply_param(node, param, amount, frame, false);
        }
    }

    fn apply_param(&mut self, node: NodeId, param: u16, amount: Amount, frame: i64, arrived: bool) {
        let Some(seat) = self.schedule.seat(node) else { return };
        let lateness = i64::from(seat.lateness);
        // Automation is delayed like the sound that it belongs to.
        if lateness > 0
            && !arrived
            && self.pending.push_late(Change::Param { node, param, amount }, frame + lateness)
        {
            return;
        }
        // SAFETY: `&mut self` is the running thread's, and this is the only reference.
        let cell = unsafe { seat.cell.get() };
        let offset = (frame - self.frame) as usize;
        if !cell.enter(param, offset, amount, self.log.current().tempo, &mut self.moves) {
            // More moves in one quantum than can be placed on samples: the value still arrives.
            cell.jump(param, amount, self.log.current().tempo);
        }
    }

    fn apply_note(&mut self, node: NodeId, event: NoteEvent, frame: i64) {
        let Some(inbox) = self.schedule.seat(node).map(|seat| seat.inbox).filter(|inbox| *inbox != NOTHING)
        else {
            return;
        };
        let offset = (frame - self.frame) as u8;
        // SAFETY: `&mut self` is the running thread's, and this is the only reference.
        let notes = unsafe { self.schedule.memory.notes_mut(inbox) };
        if notes.push(NoteEvent { offset, ..event }).is_err() {
            self.pending.push_late(Change::Note { node, event }, self.frame + QUANTUM as i64);
        }
    }

    fn wake(&mut self) {
        for shared in self.schedule.cells() {
            // SAFETY: `&mut self` is the running thread's, and this is the only reference.
            unsafe { shared.get() }.asleep = false;
        }
    }
}

/// A position to start from, and what was in force there and before it.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// Position in ticks.
    pub tick: f64,
    /// The same position in seconds since position 0, as it was played.
    pub seconds: f64,
    /// The settings before the first of `changes`.
    pub before: Settings,
    /// Settings from a tick on, in order, up to the position.
    pub changes: Vec<(i64, Settings)>,
    /// Exposed controls that do not stand at their defaults: slot and value.
    pub controls: Vec<(u16, f32)>,
}

impl Start {
    /// Position 0 with settings that have not changed.
    pub fn beginning(settings: Settings) -> Self {
        Self { tick: 0.0, seconds: 0.0, before: settings, changes: Vec::new(), controls: Vec::new() }
    }
}
