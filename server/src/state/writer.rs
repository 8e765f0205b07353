//! The thread that writes a state: it appends to the journal, replaces the small files, and tries again where that
//! fails. It blocks as long as the disk does.

use super::files::{Checkpoint, Paths, Record, Written, replace_json};
use super::shown;
use auralis_graph::journal::{Entry, Journal};
use auralis_graph::settings::Settings;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// What can wait to be written while the disk is busy.
const QUEUE: usize = 16_384;
/// Pause before what failed is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// Most that is kept for a disk that takes nothing, in bytes of the journal.
const MOST_UNWRITTEN: usize = 4 << 20;
/// A checkpoint is made after so many lines: as many are read at a start, at most.
const CHECKPOINT: usize = 1000;

/// What is to be written.
#[derive(Debug)]
pub enum Order {
    /// An entry of the journal.
    Entry(Entry),
    /// The small file.
    Record(Box<Record>),
}

/// The thread, for as long as it is kept; dropping it waits until all is written.
#[derive(Debug)]
pub struct Writer {
    orders: Option<SyncSender<Order>>,
    thread: Option<JoinHandle<()>>,
}

impl Writer {
    /// Starts the thread, which holds `lock` until it ends and says in `sound` whether all is written.
    pub fn start(
        paths: Paths,
        lock: File,
        written: &Written,
        piece: Settings,
        sound: Arc<AtomicBool>,
    ) -> io::Result<Self> {
        let mut work = Work {
            journal: written.journal.clone(),
            bytes: written.bytes,
            lines: written.lines,
            fresh: written.fresh,
            last: String::new(),
            unwritten: if written.unbroken { "\n".into() } else { String::new() },
            record: None,
            file: None,
            piece,
            paths,
            sound,
            _lock: lock,
        };
        if written.unbroken {
            // Its line break comes with the next entry.
            work.bytes = std::fs::metadata(work.paths.journal())?.len();
        }
        work.open()?;
        let (orders, queue) = sync_channel(QUEUE);
        let thread =
            std::thread::Builder::new().name("auralis-state".into()).spawn(move || work.run(&queue))?;
        Ok(Self { orders: Some(orders), thread: Some(thread) })
    }

    /// Hands something on to be written. Never waits; false where the queue is full.
    pub fn order(&self, order: Order) -> bool {
        self.orders.as_ref().is_some_and(|orders| orders.try_send(order).is_ok())
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        self.orders = None;
        if let Some(thread) = self.thread.take() {
            // A thread that panicked has been reported by the panic itself.
            let _ = thread.join();
        }
    }
}

struct Work {
    paths: Paths,
    file: Option<File>,
    /// The journal as far as it lies on disk, compacted; its length there; and the lines since the last checkpoint.
    journal: Journal,
    bytes: u64,
    lines: usize,
    fresh: usize,
    last: String,
    /// Lines that are still to be written.
    unwritten: String,
    record: Option<Box<Record>>,
    piece: Settings,
    sound: Arc<AtomicBool>,
    _lock: File,
}

impl Work {
    fn run(mut self, queue: &Receiver<Order>) {
        loop {
            let waits = !self.unwritten.is_empty() || self.record.is_some();
            let order = if waits { queue.recv_timeout(RETRY) } else { queue.recv().map_err(Into::into) };
            match order {
                Ok(order) => self.take(order),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => break,
            }
            while let Ok(order) = queue.try_recv() {
                self.take(order);
            }
            self.try_write();
        }
        self.try_write();
    }

    fn take(&mut self, order: Order) {
        match order {
            Order::Record(record) => self.record = Some(record),
            Order::Entry(entry) => {
                let end = self.journal.end();
                self.journal.push(entry);
                let Some(entry) = self.journal.entries().last() else { return };
                debug_assert!(entry.tick >= end, "a journal goes on");
                self.last = entry.to_line();
                self.unwritten.push_str(&self.last);
                self.unwritten.push('\n');
                self.lines += 1;
                self.fresh += 1;
            }
        }
    }

    fn try_write(&mut self) {
        let outcome = self.write();
        if let Err(error) = &outcome
            && self.sound.swap(false, Ordering::Relaxed)
        {
            let folder = shown(self.paths.folder());
            tracing::error!(
                "{folder} cannot be written: {error}; the station plays on, but a restart would not find what is \
                 changed from now on"
            );
        }
        if outcome.is_ok() && !self.sound.swap(true, Ordering::Relaxed) {
            tracing::info!("{} is written again", shown(self.paths.folder()));
        }
        if self.unwritten.len() > MOST_UNWRITTEN {
            tracing::error!("{} bytes of changes are lost: they cannot be written", self.unwritten.len());
            self.unwritten.clear();
            // What is no more in force goes too, since no checkpoint is made meanwhile.
            self.journal.compact(self.piece);
        }
    }

    fn open(&mut self) -> io::Result<&mut File> {
        if self.file.is_none() {
            let file = OpenOptions::new().create(true).append(true).open(self.paths.journal())?;
            // What a power cut tore.
            if file.metadata()?.len() > self.bytes {
                file.set_len(self.bytes)?;
            }
            self.file = Some(file);
        }
        self.file.as_mut().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn write(&mut self) -> io::Result<()> {
        // The journal first: a wish is forgotten when its entries are there.
        if !self.unwritten.is_empty() {
            let text = std::mem::take(&mut self.unwritten);
            let append = |file: &mut File| file.write_all(text.as_bytes()).and_then(|()| file.sync_data());
            if let Err(error) = self.open().and_then(append) {
                // Opened again it is cut where it was whole.
                (self.file, self.unwritten) = (None, text);
                return Err(error);
            }
            self.bytes += text.len() as u64;
        }
        if let Some(record) = &self.record {
            replace_json(&self.paths.record(), record)?;
            self.record = None;
        }
        if self.fresh >= CHECKPOINT && !self.last.is_empty() {
            self.checkpoint()?;
        }
        Ok(())
    }

    fn checkpoint(&mut self) -> io::Result<()> {
        self.journal.compact(self.piece);
        let checkpoint = Checkpoint {
            bytes: self.bytes,
            lines: self.lines,
            last: self.last.clone(),
            turn: self.journal.turn(),
            entries: self.journal.entries().to_vec(),
        };
        replace_json(&self.paths.checkpoint(), &checkpoint)?;
        self.fresh = 0;
        Ok(())
    }
}
