//! What the compiler puts between nodes: delays that compensate latency, merges of notes, and the latch that
//! carries a loop's sound to the next quantum. Audio thread.

use super::context::Context;
use super::io::Io;
use crate::dsp::{Block, QUANTUM};
use crate::node::{Processor, Status};
use crate::note::{NoteBuffer, NoteEvent, NoteKind};
use std::collections::VecDeque;

/// How what stands between nodes begins to hear: at once where the graph begins, smoothly where an edit puts it
/// there, or it would give back the step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Onset {
    done: u32,
    frames: u32,
}

impl Onset {
    pub const AT_ONCE: Self = Self { done: 0, frames: 0 };

    /// Within 10 ms.
    pub fn smooth(sample_rate: u32) -> Self {
        Self { done: 0, frames: sample_rate / 100 }
    }

    /// What is heard of a quantum.
    fn of(&self, from: &Block) -> Block {
        let mut heard = *from;
        if self.done < self.frames {
            for (frame, x) in heard.iter_mut().enumerate() {
                let way = ((self.done + frame as u32) as f32 / self.frames as f32).min(1.0);
                *x *= way * way * (3.0 - 2.0 * way);
            }
        }
        heard
    }

    /// Goes on by a quantum.
    fn go_on(&mut self) {
        self.done = (self.done + QUANTUM as u32).min(self.frames);
    }
}

/// Delays all channels of one audio port by a whole number of frames.
pub(crate) struct AudioDelay {
    onset: Onset,
    lines: Box<[Box<[f32]>]>,
    frames: usize,
    at: usize,
    /// Quanta of silence heard in a row; the line is empty once they cover it.
    quiet: usize,
}

impl AudioDelay {
    pub fn new(channels: usize, frames: usize, onset: Onset) -> Self {
        // A whole quantum is written before it is read back.
        let length = frames + QUANTUM;
        let lines = (0..channels).map(|_| vec![0.0; length].into_boxed_slice()).collect();
        Self { onset, lines, frames, at: 0, quiet: usize::MAX }
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
            let (from, to) = (self.onset.of(input.channel(channel)), output.channel(channel));
            for frame in 0..QUANTUM {
                let write = (self.at + frame) % length;
                line[write] = from[frame];
                to[frame] = line[(write + length - self.frames) % length];
            }
        }
        self.onset.go_on();
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

/// Notes that a connection can hold and give back when it goes; more are released with all of their channel.
pub(crate) const HELD: usize = 256;

/// Stands in every connection of notes and knows which of them are held, so that none hangs when the connection
/// goes and none is missing when another node comes in the place of the one that played them. It spreads ids, so
/// that the notes of one source never meet those of another.
pub(crate) struct NoteGate {
    /// The note-ons whose note-offs have not come.
    held: Vec<NoteEvent>,
    /// Channels with more held notes than `held` has room for, and with the pedal down, as bits.
    overfull: u16,
    pedals: u16,
    source: u32,
    turn: GateTurn,
}

/// What a gate does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum GateTurn {
    Pass,
    /// Give what is held, then pass.
    Open,
    /// Release what is held, then nothing.
    Close,
    Closed,
}

impl NoteGate {
    /// For notes from a source that this number stands for.
    pub fn new(source: u32) -> Self {
        let held = Vec::with_capacity(HELD);
        Self { held, overfull: 0, pedals: 0, source, turn: GateTurn::Pass }
    }

    /// Releases what is held in the next quantum, and lets nothing through from then on.
    pub fn close(&mut self) {
        self.turn = GateTurn::Close;
    }

    /// Starts with what another gate of the same source holds.
    pub fn open(&mut self, other: &NoteGate) {
        self.held.clear();
        self.held.extend_from_slice(&other.held);
        (self.overfull, self.pedals) = (other.overfull, other.pedals);
        self.turn = GateTurn::Open;
    }

    /// One-to-one for each source; counters of different sources land far apart.
    fn spread(&self, event: NoteEvent) -> NoteEvent {
        if event.id == NoteEvent::CHANNEL {
            return event;
        }
        let spread = event.id.wrapping_mul(0x9e37_79b1).wrapping_add(self.source);
        NoteEvent { id: if spread == NoteEvent::CHANNEL { 0 } else { spread }, ..event }
    }

    fn note(&mut self, event: &NoteEvent) {
        let channel = 1u16 << (event.channel & 15);
        match event.kind {
            NoteKind::On { .. } if self.held.len() < HELD => self.held.push(*event),
            NoteKind::On { .. } => self.overfull |= channel,
            NoteKind::Off { .. } => self.held.retain(|held| held.id != event.id),
            NoteKind::ReleaseAll => {
                self.held.retain(|held| held.channel != event.channel);
                self.overfull &= !channel;
            }
            NoteKind::Sustain(pedal) if pedal > 0.0 => self.pedals |= channel,
            NoteKind::Sustain(_) => self.pedals &= !channel,
            _ => {}
        }
    }

    fn pedals(&self, down: f32) -> impl Iterator<Item = NoteEvent> + use<> {
        let (pedals, kind, id) = (self.pedals, NoteKind::Sustain(down), NoteEvent::CHANNEL);
        let channels = (0..16u8).filter(move |channel| pedals & (1 << channel) != 0);
        channels.map(move |channel| NoteEvent { offset: 0, channel, id, kind })
    }
}

impl Processor for NoteGate {
    fn process(&mut self, _cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        // The output has room for all that the source can send, and for all that is held.
        match self.turn {
            GateTurn::Pass => {}
            GateTurn::Open => {
                for event in self.pedals(1.0) {
                    let _ = io.send(0, event);
                }
                for event in &self.held {
                    let _ = io.send(0, self.spread(NoteEvent { offset: 0, ..*event }));
                }
                self.turn = GateTurn::Pass;
            }
            GateTurn::Close => {
                for event in &self.held {
                    let _ = io.send(0, self.spread(NoteEvent::off(0, event.channel, event.id)));
                }
                for channel in (0..16u8).filter(|channel| self.overfull & (1 << channel) != 0) {
                    let _ = io.send(0, NoteEvent::release_all(0, channel));
                }
                for event in self.pedals(0.0) {
                    let _ = io.send(0, event);
                }
                self.held.clear();
                self.turn = GateTurn::Closed;
            }
            GateTurn::Closed => {}
        }
        if self.turn == GateTurn::Closed {
            return Status::Silent;
        }
        for event in io.notes(0) {
            self.note(event);
            let _ = io.send(0, self.spread(*event));
        }
        // What happened is done; it need not run until the next note comes.
        Status::Asleep
    }

    fn reset(&mut self) {
        self.held.clear();
        (self.overfull, self.pedals) = (0, 0);
    }
}

/// Joins notes from several sources, in text order within a frame.
pub(crate) struct NoteMerge {
    pub sources: usize,
}

impl Processor for NoteMerge {
    fn process(&mut self, _cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        for source in 0..self.sources {
            for event in io.notes(source) {
                // The output has room for all that its sources can send.
                let _ = io.send(0, *event);
            }
        }
        Status::Asleep
    }

    fn reset(&mut self) {}
}

/// Carries the sound of a loop over to the next quantum. It has two turns: one without inputs at the start of the
/// quantum, which gives what is held, and one without outputs at the end, which takes.
pub(crate) struct Latch {
    onset: Onset,
    held: Box<[Block]>,
    silent: bool,
}

impl Latch {
    pub fn new(channels: usize, onset: Onset) -> Self {
        Self { onset, held: vec![Block::SILENCE; channels].into(), silent: true }
    }
}

impl Processor for Latch {
    fn process(&mut self, _cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        if io.has_inputs() {
            let input = io.input(0);
            self.silent = input.is_silent();
            for (channel, held) in self.held.iter_mut().enumerate() {
                *held = self.onset.of(input.channel(channel));
            }
            self.onset.go_on();
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
