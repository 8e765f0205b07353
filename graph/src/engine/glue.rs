//! What the compiler puts between nodes: delays that compensate latency, merges of notes, and the latch that
//! carries a loop's sound to the next quantum. Audio thread.

use super::context::Context;
use super::io::Io;
use crate::dsp::{Block, QUANTUM};
use crate::node::{Processor, Status};
use crate::note::{NoteBuffer, NoteEvent};
use std::collections::VecDeque;

/// Delays all channels of one audio port by a whole number of frames.
pub(crate) struct AudioDelay {
    lines: Box<[Box<[f32]>]>,
    frames: usize,
    at: usize,
    /// Quanta of silence heard in a row; the line is empty once they cover it.
    quiet: usize,
}

impl AudioDelay {
    pub fn new(channels: usize, frames: usize) -> Self {
        // A whole quantum is written before it is read back.
        let length = frames + QUANTUM;
        let lines = (0..channels).map(|_| vec![0.0; length].into_boxed_slice()).collect();
        Self { lines, frames, at: 0, quiet: usize::MAX }
    }

    fn length(&self) -> usize {
        self.frames + QUANTUM
    }
}

impl Processor for AudioDelay {
    fn process(&mut self, _cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        let input = io.input(0);
        self.quiet = if input.is_silent() { self.quiet.saturating_add(1) } else { 0 };
        if self.quiet.saturating_mul(QUANTUM) > self.length() + QUANTUM {
            return Status::Asleep;
        }
        let length = self.length();
        let mut output = io.output(0);
        for (channel, line) in self.lines.iter_mut().enumerate() {
            let (from, to) = (input.channel(channel), output.channel(channel));
            for frame in 0..QUANTUM {
                let write = (self.at + frame) % length;
                line[write] = from[frame];
                to[frame] = line[(write + length - self.frames) % length];
            }
        }
        self.at = (self.at + QUANTUM) % length;
        Status::Active
    }

    fn reset(&mut self) {
        self.lines.iter_mut().for_each(|line| line.fill(0.0));
        self.at = 0;
        self.quiet = usize::MAX;
    }
}

/// Delays notes by a whole number of frames.
pub(crate) struct NoteDelay {
    waiting: VecDeque<(i64, NoteEvent)>,
    capacity: usize,
    frames: i64,
}

impl NoteDelay {
    pub fn new(frames: usize, capacity: usize) -> Self {
        // As many full quanta as can be under way at once, within reason.
        let capacity = (capacity * (frames / QUANTUM + 2)).min(1 << 16);
        Self { waiting: VecDeque::with_capacity(capacity), capacity, frames: frames as i64 }
    }
}

impl Processor for NoteDelay {
    fn process(&mut self, cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        for event in io.notes(0) {
            if self.waiting.len() < self.capacity {
                self.waiting.push_back((cx.frame + i64::from(event.offset) + self.frames, *event));
            }
        }
        while let Some((due, event)) = self.waiting.front().copied() {
            let offset = due - cx.frame;
            if offset >= QUANTUM as i64 {
                break;
            }
            let event = NoteEvent { offset: offset.max(0) as u8, ..event };
            if io.send(0, event).is_err() {
                break;
            }
            self.waiting.pop_front();
        }
        if self.waiting.is_empty() { Status::Asleep } else { Status::Silent }
    }

    fn reset(&mut self) {
        self.waiting.clear();
    }
}

/// Joins notes from several sources, in text order within a frame. Ids are spread so that the notes of one
/// source never meet those of another.
pub(crate) struct NoteMerge {
    pub sources: usize,
}

impl NoteMerge {
    /// One-to-one for each source; counters of different sources land far apart.
    fn spread(id: u32, source: usize) -> u32 {
        if id == NoteEvent::CHANNEL {
            return id;
        }
        let spread = id.wrapping_mul(0x9e37_79b1).wrapping_add((source as u32).wrapping_mul(0x85eb_ca6b));
        if spread == NoteEvent::CHANNEL { 0 } else { spread }
    }
}

impl Processor for NoteMerge {
    fn process(&mut self, _cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        for source in 0..self.sources {
            for event in io.notes(source) {
                // The output has room for all that its sources can send.
                let _ = io.send(0, NoteEvent { id: Self::spread(event.id, source), ..*event });
            }
        }
        Status::Asleep
    }

    fn reset(&mut self) {}
}

/// Carries the sound of a loop over to the next quantum. It has two turns: one without inputs at the start of the
/// quantum, which gives what is held, and one without outputs at the end, which takes.
pub(crate) struct Latch {
    held: Box<[Block]>,
    silent: bool,
}

impl Latch {
    pub fn new(channels: usize) -> Self {
        Self { held: vec![Block::SILENCE; channels].into(), silent: true }
    }
}

impl Processor for Latch {
    fn process(&mut self, _cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        if io.has_inputs() {
            let input = io.input(0);
            self.silent = input.is_silent();
            self.held.iter_mut().enumerate().for_each(|(channel, held)| *held = *input.channel(channel));
            return Status::Silent;
        }
        if self.silent {
            return Status::Silent;
        }
        let mut output = io.output(0);
        self.held.iter().enumerate().for_each(|(channel, held)| *output.channel(channel) = *held);
        Status::Active
    }

    fn reset(&mut self) {
        self.silent = true;
    }
}

/// The same for notes.
pub(crate) struct NoteLatch {
    held: NoteBuffer,
}

impl NoteLatch {
    pub fn new(capacity: usize) -> Self {
        Self { held: NoteBuffer::new(capacity) }
    }
}

impl Processor for NoteLatch {
    fn process(&mut self, _cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        if io.has_inputs() {
            for event in io.notes(0) {
                // It holds as many as its source can send.
                let _ = self.held.push(*event);
            }
            return Status::Silent;
        }
        for event in self.held.events() {
            let _ = io.send(0, *event);
        }
        self.held.clear();
        Status::Silent
    }

    fn reset(&mut self) {
        self.held.clear();
    }
}
