//! Those who hear a station over connections that are written to as one, and what is said to all of them. Any thread.

use super::cast::Casts;
use super::{Line, Outlets, Pumped, lock, text_frame};
use crate::metrics::Figures;
use crate::station::now_micros;
use slab::Slab;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};

/// Words that are kept for those who are slow: who misses more than these hears the next.
const KEPT: usize = 16;
/// Lines that are written to before others may come and go.
const STRETCH: usize = 64;

/// Everybody on the line.
#[derive(Debug)]
pub struct Audience {
    /// The sound.
    pub outlets: Outlets,
    /// The same as streams for players.
    pub(super) casts: Casts,
    lines: Mutex<Slab<Arc<Line>>>,
    said: Mutex<Said>,
    /// Counts what is new, and how far each thread has delivered.
    news: AtomicU64,
    delivered: Box<[AtomicU64]>,
    threads: OnceLock<Arc<[std::thread::Thread]>>,
    punctuality: Punctuality,
}

/// How it is known whether chunks come in time.
#[derive(Debug)]
pub struct Punctuality {
    /// Microseconds since the Unix epoch at which chunk 0 would have been due.
    pub epoch: Arc<AtomicI64>,
    /// Microseconds of a chunk.
    pub chunk: f64,
    /// Where lateness is counted.
    pub figures: Arc<Figures>,
}

/// The last words to all.
#[derive(Debug, Clone, Default)]
pub struct Said {
    words: VecDeque<Arc<[u8]>>,
    /// The number of the first.
    first: u64,
}

impl Said {
    /// The number of what will be said next.
    pub fn next(&self) -> u64 {
        self.first + self.words.len() as u64
    }

    /// What was said from a number on, as far as it is kept, as frames of a WebSocket.
    pub fn from(&self, heard: u64) -> impl Iterator<Item = (u64, &Arc<[u8]>)> {
        (self.first..).zip(&self.words).filter(move |(number, _)| *number >= heard)
    }

    fn say(&mut self, frame: Arc<[u8]>) {
        self.words.push_back(frame);
        if self.words.len() > KEPT {
            self.words.pop_front();
            self.first += 1;
        }
    }
}

/// A line's chair; leaving it ends the delivery.
#[derive(Debug)]
pub struct Chair {
    audience: Arc<Audience>,
    /// The line.
    pub line: Arc<Line>,
    key: usize,
}

impl Audience {
    /// Nobody yet.
    pub fn new(outlets: Outlets, threads: usize, punctuality: Punctuality) -> Self {
        Self {
            outlets,
            casts: Casts::default(),
            lines: Mutex::default(),
            said: Mutex::default(),
            news: AtomicU64::new(0),
            delivered: (0..threads).map(|_| AtomicU64::new(0)).collect(),
            threads: OnceLock::new(),
            punctuality,
        }
    }

    /// Names the threads that deliver.
    pub(super) fn served_by(&self, threads: Arc<[std::thread::Thread]>) {
        // Told once, by whoever made the audience.
        let _ = self.threads.set(threads);
    }

    /// Takes a line in: from now on it is written to.
    pub fn seat(self: &Arc<Self>, line: Arc<Line>) -> Chair {
        let key = lock(&self.lines).insert(Arc::clone(&line));
        Chair { audience: Arc::clone(self), line, key }
    }

    /// Says something to all, as a text message: at once.
    pub fn tell(&self, text: &str) {
        self.mention(text);
        self.announce();
    }

    /// Says something to all, as a text message: with the next that is announced. A round of its own among thousands
    /// would make the next chunk late.
    pub fn mention(&self, text: &str) {
        lock(&self.said).say(text_frame(text).into());
    }

    /// The number of what will be said next.
    pub fn next_word(&self) -> u64 {
        lock(&self.said).next()
    }

    /// Says that there is something new to deliver. Never waits.
    pub fn announce(&self) {
        self.news.fetch_add(1, Ordering::Release);
        for thread in self.threads.get().into_iter().flat_map(|threads| threads.iter()) {
            thread.unpark();
        }
    }

    /// Notes how late a chunk is that is handed to a connection at a time, in microseconds since the Unix epoch.
    pub(super) fn note_lateness(&self, index: u64, now: i64) {
        let Punctuality { epoch, chunk, figures } = &self.punctuality;
        let due = epoch.load(Ordering::Relaxed) as f64 + index as f64 * chunk;
        figures.lateness.observe((now as f64 - due).max(0.0) / 1e6);
    }

    /// Writes to one line what is there for it.
    pub fn pump(&self, line: &Line) -> Pumped {
        let said = lock(&self.said).clone();
        line.pump(self, &said, now_micros())
    }

    /// Writes to all lines that are the part of one thread, if there is anything new.
    pub(super) fn deliver(&self, thread: usize) {
        let news = self.news.load(Ordering::Acquire);
        if self.delivered[thread].swap(news, Ordering::Relaxed) == news {
            return;
        }
        let (mut next, step) = (thread, self.delivered.len());
        loop {
            // A few at a time, so that nobody who comes or goes waits for all of them. What was said meanwhile goes with
            // the rest.
            let (said, now) = (lock(&self.said).clone(), now_micros());
            let lines = lock(&self.lines);
            let end = lines.capacity().min(next + STRETCH * step);
            while next < end {
                if let Some(line) = lines.get(next)
                    && line.pump(self, &said, now) != Pumped::Even
                {
                    line.stuck.notify_one();
                }
                next += step;
            }
            if next >= lines.capacity() {
                return;
            }
        }
    }
}

impl Chair {
    /// Writes what is there for it.
    pub fn pump(&self) -> Pumped {
        self.audience.pump(&self.line)
    }
}

impl Drop for Chair {
    fn drop(&mut self) {
        lock(&self.audience.lines).try_remove(self.key);
    }
}
