//! One listener's connection: written to by the threads that deliver and by the listener's own task, read by the task.

use super::audience::Said;
use super::cable::{Cable, Written};
use super::{Audience, Format, lock, text_frame};
use crate::station::{Fault, Listener};
use auralis_nodes::ring_buffer::Read;
use std::io;
use std::sync::{Arc, Mutex};
use tokio::sync::Notify;

/// Most bytes that wait for a connection besides one chunk: who lets more come up does not read.
const MOST_WAITING: usize = 32 << 10;

/// Chunks that wait in the system for a connection that is slow: who comes behind by more is moved on by the ring, and
/// hears no old sound.
const QUEUE: usize = 5;
/// Bytes for which there is room in any case: chunks of silence are short.
const LEAST_QUEUE: usize = 16 << 10;

/// A connection.
#[derive(Debug)]
pub struct Line {
    cable: Cable,
    /// The figures of whose it is.
    pub listener: Arc<Listener>,
    /// What of the sound goes over it; nothing to a page that is paused.
    format: Option<Format>,
    out: Mutex<Out>,
    /// Told when something waits that the connection did not take.
    pub stuck: Notify,
}

/// What is still to be written.
#[derive(Debug)]
struct Out {
    /// What the connection did not take, and how much of it has gone since.
    rest: Vec<u8>,
    gone: usize,
    /// Whether bytes wait within TLS, besides the rest.
    held: bool,
    /// The next chunk.
    cursor: u64,
    /// The next of what is said to all.
    heard: u64,
    /// Whether it has had a chunk, and bytes of the last one.
    begun: bool,
    sound: usize,
    /// The first chunk that was not there when it came, once it is known: from it on lateness counts.
    prompt: Option<u64>,
    /// Whether the protocol is over: nothing more is delivered.
    hushed: bool,
    broken: bool,
}

/// Where a line stands after it was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pumped {
    /// Everything there is has been written.
    Even,
    /// Something waits until the connection takes more.
    Stuck,
    /// Nothing more can be written.
    Broken,
}

impl Out {
    fn stand(&self) -> Pumped {
        match (self.broken, self.waits()) {
            (true, _) => Pumped::Broken,
            (false, false) => Pumped::Even,
            (false, true) => Pumped::Stuck,
        }
    }

    /// Whether something waits until the connection takes more.
    fn waits(&self) -> bool {
        self.held || !self.rest.is_empty()
    }
}

impl Line {
    /// For a connection that begins to listen at a chunk, and hears what is said to all from number `heard` on.
    pub fn new(
        cable: Cable,
        listener: Arc<Listener>,
        format: Option<Format>,
        cursor: u64,
        heard: u64,
    ) -> Self {
        let out = Out {
            rest: Vec::new(),
            gone: 0,
            held: false,
            cursor,
            heard,
            begun: false,
            sound: 0,
            prompt: None,
            hushed: false,
            broken: false,
        };
        Self { cable, listener, format, out: Mutex::new(out), stuck: Notify::new() }
    }

    /// Reads what has come, without waiting.
    ///
    /// # Errors
    /// `WouldBlock` where nothing has, else what became of the connection.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        self.cable.read(buffer)
    }

    /// Resolves when there may be something to read.
    pub async fn readable(&self) {
        self.cable.readable().await;
    }

    /// Resolves when the connection may take more.
    pub async fn writable(&self) {
        self.cable.writable().await;
    }

    /// Writes whole frames, or keeps them until there is room.
    ///
    /// # Errors
    /// The connection is broken, or too much waits already: it is over then.
    pub fn say(&self, frames: &[u8]) -> io::Result<()> {
        let mut out = lock(&self.out);
        self.write(&mut out, frames);
        if out.waits() {
            self.stuck.notify_one();
        }
        if out.broken { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
    }

    /// Writes what is there for it at a time, in microseconds since the Unix epoch: what waits, what is said to all, chunks.
    pub fn pump(&self, audience: &Audience, said: &Said, now: i64) -> Pumped {
        let mut out = lock(&self.out);
        self.empty(&mut out);
        if out.stand() == Pumped::Even && !out.hushed {
            let mut words = Vec::new();
            said.from(out.heard).for_each(|(_, frame)| words.extend_from_slice(frame));
            out.heard = said.next();
            self.feed(&mut out, audience, &mut words, now);
            if !words.is_empty() {
                self.write(&mut out, &words);
            }
        }
        out.stand()
    }

    /// Delivers nothing more: the last that is written is what is said from now on.
    pub fn hush(&self) {
        lock(&self.out).hushed = true;
    }

    /// Tells the other end that nothing more comes.
    pub fn end(&self) {
        self.cable.end();
    }

    /// Writes what waits, and no more.
    pub fn flush(&self) -> Pumped {
        let mut out = lock(&self.out);
        self.empty(&mut out);
        out.stand()
    }

    /// Writes the chunks that are there. Words go with the first of them: a write costs more than all that is in it.
    fn feed(&self, out: &mut Out, audience: &Audience, words: &mut Vec<u8>, now: i64) {
        let Some(ring) = self.format.and_then(|format| audience.outlets.of(format).ring()) else { return };
        let prompt = *out.prompt.get_or_insert_with(|| ring.written());
        while !out.waits() && !out.broken {
            match ring.read(&mut out.cursor) {
                Read::Waiting => return,
                Read::Chunk(chunk) => {
                    if !out.begun {
                        self.cable.queue((chunk.bytes.len() * QUEUE).max(LEAST_QUEUE));
                    }
                    (out.begun, out.sound) = (true, chunk.bytes.len());
                    // First: who has heard it may ask how many there were.
                    self.listener.was_sent(1);
                    if words.is_empty() {
                        self.write(out, &chunk.bytes);
                    } else {
                        words.extend_from_slice(&chunk.bytes);
                        self.write(out, &std::mem::take(words));
                    }
                    if chunk.index >= prompt {
                        audience.note_lateness(chunk.index, now);
                    }
                }
                // Who wakes a station begins where it goes on.
                Read::Moved(_) if !out.begun => {}
                Read::Moved(passed) => {
                    self.listener.was_moved(passed);
                    let text = format!("too slow: {passed} chunks were left out");
                    words.extend(text_frame(&Fault::BufferOverrun.message(&text)));
                }
            }
        }
    }

    /// Writes as much as goes, and keeps the rest.
    fn write(&self, out: &mut Out, frames: &[u8]) {
        if out.broken {
            return;
        }
        let mut taken = 0;
        if out.rest.is_empty() {
            taken = self.try_write(out, frames);
        } else if out.rest.len() - out.gone > MOST_WAITING + out.sound {
            out.broken = true;
        }
        if taken < frames.len() && !out.broken {
            out.rest.extend_from_slice(&frames[taken..]);
        }
        self.listener.was_written(frames.len() as u64);
    }

    fn empty(&self, out: &mut Out) {
        if out.held {
            let flushed = self.cable.flush().map(|waits| Written { taken: 0, waits });
            account(out, flushed);
        }
        while out.gone < out.rest.len() && !out.broken {
            let rest = std::mem::take(&mut out.rest);
            let taken = self.try_write(out, &rest[out.gone..]);
            (out.rest, out.gone) = (rest, out.gone + taken);
            if taken == 0 {
                return;
            }
        }
        // Nothing waits: nor shall memory.
        (out.rest, out.gone) = (Vec::new(), 0);
    }

    /// Bytes that the connection took.
    fn try_write(&self, out: &mut Out, bytes: &[u8]) -> usize {
        account(out, self.cable.write(bytes))
    }
}

/// Notes what became of bytes that were to be written; gives how many were taken.
fn account(out: &mut Out, written: io::Result<Written>) -> usize {
    let Ok(Written { taken, waits }) = written else {
        out.broken = true;
        return 0;
    };
    out.held = waits;
    taken
}
