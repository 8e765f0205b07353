//! Commands that wait for their frame. Audio thread; fixed capacity.

use super::edit::Renumbering;
use crate::command::{Change, Command, When};
use crate::transport::Timeline;

/// A change that is known but not yet due.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Waiting {
    when: When,
    pub change: Change,
    /// Whether a parameter's move has already been delayed by the lateness of its node.
    pub arrived: bool,
}

impl Waiting {
    /// The frame that it was meant for, if it was one.
    pub fn frame(&self) -> Option<i64> {
        match self.when {
            When::Frame(frame) => Some(frame),
            _ => None,
        }
    }
}

/// Changes that are known but not yet due, in order of arrival.
pub(crate) struct Pending {
    list: Vec<Waiting>,
}

impl Pending {
    /// Most commands that can wait; more stay in the controller's queue.
    pub const CAPACITY: usize = 256;

    pub fn new() -> Self {
        Self { list: Vec::with_capacity(Self::CAPACITY) }
    }

    pub fn is_full(&self) -> bool {
        self.list.len() == Self::CAPACITY
    }

    /// Takes a command in. `Now` becomes the first frame not yet computed or, for what the journal records,
    /// the next whole tick, as does a tick that has passed.
    pub fn push(&mut self, command: Command, frame: i64, timeline: &Timeline) {
        if self.is_full() {
            return;
        }
        let journalled = matches!(command.change, Change::Setting(_) | Change::Control { .. });
        let next = (journalled && timeline.last().playing).then(|| timeline.tick_at(frame).ceil() as i64);
        let when = match (command.when, next) {
            (When::Now, Some(next)) => When::Tick(next),
            (When::Now, None) => When::Frame(frame),
            (When::Tick(tick), Some(next)) => When::Tick(tick.max(next)),
            (when, _) => when,
        };
        self.list.push(Waiting { when, change: command.change, arrived: false });
    }

    /// Removes the first that arrived.
    pub fn pop(&mut self) -> Option<Waiting> {
        (!self.list.is_empty()).then(|| self.list.remove(0))
    }

    /// Lets everything mean the graph of now; what is about nodes and controls that are gone is dropped.
    pub fn translate(&mut self, renumbering: &Renumbering) {
        self.list.retain_mut(|waiting| {
            let change = renumbering.translate(waiting.change);
            waiting.change = change.unwrap_or(waiting.change);
            change.is_some()
        });
    }

    /// Takes in a parameter's move that waits for the sound it belongs to. Returns false when there is no room.
    pub fn push_late(&mut self, change: Change, frame: i64) -> bool {
        let room = !self.is_full();
        if room {
            self.list.push(Waiting { when: When::Frame(frame), change, arrived: true });
        }
        room
    }

    /// Removes and returns the earliest change due before `end`, with its frame, which is at least `from`.
    pub fn next_due(&mut self, from: i64, end: i64, timeline: &Timeline) -> Option<(i64, Waiting)> {
        let frame_of = |waiting: &Waiting| match waiting.when {
            When::Now => Some(from),
            When::Frame(frame) => Some(frame.max(from)),
            When::Tick(tick) => timeline.frame_of(tick).map(|frame| frame.max(from)),
        };
        let frames = self.list.iter().enumerate().filter_map(|(i, c)| frame_of(c).map(|frame| (frame, i)));
        let (frame, index) = frames.min()?;
        (frame < end).then(|| (frame, self.list.remove(index)))
    }
}
