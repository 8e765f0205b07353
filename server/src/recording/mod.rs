//! Recordings of stations: FLAC files, a new one with each hour of the station's clock. A thread of its own for each
//! station reads its ring, so that neither rendering nor listeners wait for a disk.
#![allow(clippy::disallowed_types, reason = "the thread that records locks; it computes no sound")]

mod tape;

use crate::encoding::EncodingError;
use crate::encoding::flac::FlacEncoder;
use crate::station::Shared;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tape::{Tape, TapeError};

/// Seconds of sound that a recorded station keeps, so that a disk may be slow for a while.
pub const KEPT: f64 = 30.0;
/// Pause between two looks at the ring.
const NAP: Duration = Duration::from_millis(100);
/// Pause before it is tried again to write where that failed.
const REST: Duration = Duration::from_secs(5);
/// Recording that has gone well for so long has no trouble any more: the next is told in the log again.
const WELL: Duration = Duration::from_secs(60);

/// Why a station cannot be recorded.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// A folder that cannot be made.
    #[error("cannot record to {}: {error}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// Chunks that FLAC cannot have.
    #[error("cannot be recorded: {0}")]
    Encoding(#[from] EncodingError),
    /// The system refused a thread.
    #[error("cannot start a thread: {0}")]
    Thread(std::io::Error),
}

/// How a recording goes.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Progress {
    /// The file that is being written, below the folder of recordings.
    pub file: Option<String>,
    /// Chunks that are in no file, or silent.
    pub missing_chunks: u64,
    /// Why nothing is being written.
    pub trouble: Option<String>,
}

/// The recording of one station. Dropping it ends it.
#[derive(Debug)]
pub struct Recorder {
    progress: Arc<Mutex<Progress>>,
    stop: Arc<AtomicBool>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl Recorder {
    /// Begins to record a station into a folder of its name below `root`, from the oldest chunk that it keeps on. A
    /// file has so many minutes, 1 to 1440, counted from midnight in UTC.
    ///
    /// # Errors
    /// The folder cannot be made, FLAC cannot carry the station's chunks, or the system refuses a thread.
    pub fn start(station: &Arc<Shared>, name: &str, root: &Path, minutes: u32) -> Result<Self, RecordError> {
        let folder = root.join(name);
        std::fs::create_dir_all(&folder)
            .map_err(|error| RecordError::Folder { folder: folder.clone(), error })?;
        let frames =
            (station.pcm.seconds_per_chunk() * f64::from(station.pcm.sample_rate())).round() as usize;
        let encoder = FlacEncoder::new(station.pcm.sample_rate(), frames)?;
        let (progress, stop) = (Arc::default(), Arc::default());
        let recording = Recording {
            station: Arc::clone(station),
            name: name.to_string(),
            folder,
            part: Part { micros: i64::from(minutes) * 60_000_000 },
            encoder,
            next: station.pcm.oldest(),
            tape: None,
            samples: Vec::with_capacity(frames * 2),
            silence: vec![0; frames * 2],
            rest: None,
            told: None,
            progress: Arc::clone(&progress),
        };
        let stopped = Arc::clone(&stop);
        let thread = std::thread::Builder::new().name("auralis-record".into());
        let thread = thread.spawn(move || recording.run(&stopped)).map_err(RecordError::Thread)?;
        Ok(Self { progress, stop, thread: Mutex::new(Some(thread)) })
    }

    /// How it goes.
    pub fn progress(&self) -> Progress {
        lock(&self.progress).clone()
    }

    /// Ends it, once all that the station has rendered is written. Blocks for a moment.
    pub fn close(&self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = lock(&self.thread).take() {
            thread.thread().unpark();
            // A panic has been reported by itself.
            let _ = thread.join();
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.close();
    }
}

/// The parts of time that have a file each.
#[derive(Debug, Clone, Copy)]
struct Part {
    /// How long each is, but for the last of a day.
    micros: i64,
}

impl Part {
    /// The one of an instant, in microseconds since the Unix epoch: its day in UTC, and its number in that.
    fn of(self, due: i64) -> (i64, i64) {
        const DAY: i64 = 24 * 3600 * 1_000_000;
        (due.div_euclid(DAY), due.rem_euclid(DAY) / self.micros)
    }
}

/// What the thread works with.
struct Recording {
    station: Arc<Shared>,
    name: String,
    folder: PathBuf,
    part: Part,
    encoder: FlacEncoder,
    /// The next chunk.
    next: u64,
    /// The file that is open, and the part of time that it is for.
    tape: Option<(Tape, (i64, i64))>,
    samples: Vec<i16>,
    silence: Vec<i16>,
    /// Until when nothing is tried, after a failure.
    rest: Option<Instant>,
    /// When the log was told of trouble last.
    told: Option<Instant>,
    progress: Arc<Mutex<Progress>>,
}

impl Recording {
    fn run(mut self, stop: &AtomicBool) {
        loop {
            // First: what was rendered before the end was called for is still written.
            let last = stop.load(Ordering::Acquire);
            self.write_all();
            if last {
                break;
            }
            std::thread::park_timeout(NAP);
        }
        self.close();
    }

    /// Writes what there is.
    fn write_all(&mut self) {
        if self.rest.is_some_and(|until| Instant::now() < until) {
            return;
        }
        while self.next < self.station.pcm.written() {
            let oldest = self.station.pcm.oldest();
            if self.next < oldest {
                self.pass_over(oldest);
            }
            // One that is just leaving is seen to have left by the next look.
            let Some(chunk) = self.station.pcm.get(self.next) else { continue };
            self.samples.clear();
            let samples = chunk.bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]));
            self.samples.extend(samples);
            drop(chunk);
            if let Err(error) = self.write() {
                return self.fail(&error);
            }
            self.next += 1;
        }
    }

    /// Writes the next chunk, to another file where another part of time begins.
    fn write(&mut self) -> Result<(), TapeError> {
        let due = self.station.due_micros(self.next);
        let part = self.part.of(due);
        if self.tape.as_ref().is_some_and(|(_, open)| *open != part) {
            self.close();
        }
        let (tape, _) = match &mut self.tape {
            Some(tape) => tape,
            none => {
                let tape = Tape::begin(&self.folder, due, &self.encoder, &self.station.tags())?;
                none.insert((tape, part))
            }
        };
        tape.write(&mut self.encoder, &self.samples)?;
        let mut progress = lock(&self.progress);
        if progress.trouble.take().is_some() || progress.file.is_none() {
            let file = Path::new(&self.name).join(tape.file_name()).display().to_string();
            tracing::info!("{} is recorded to {file}", self.name);
            progress.file = Some(file);
        }
        self.rest = None;
        Ok(())
    }

    /// Passes over chunks that have left the ring. They are silent in a file that is open, as far as they belong there.
    fn pass_over(&mut self, oldest: u64) {
        let missing = oldest - self.next;
        tracing::warn!("{missing} chunks of {} were not recorded in time", self.name);
        lock(&self.progress).missing_chunks += missing;
        for index in self.next..oldest {
            let part = self.part.of(self.station.due_micros(index));
            let Some((tape, _)) = self.tape.as_mut().filter(|(_, open)| *open == part) else { break };
            if let Err(error) = tape.write(&mut self.encoder, &self.silence) {
                self.fail(&error);
                break;
            }
        }
        self.next = oldest;
    }

    fn fail(&mut self, error: &TapeError) {
        let text = error.to_string();
        if self.told.is_none_or(|told| told.elapsed() > WELL + REST) {
            tracing::error!("{} is not recorded for now: {text}", self.name);
        }
        self.told = Some(Instant::now());
        self.close();
        self.rest = Some(Instant::now() + REST);
        lock(&self.progress).trouble = Some(text);
    }

    fn close(&mut self) {
        lock(&self.progress).file = None;
        if let Some((tape, _)) = self.tape.take()
            && let Err(error) = tape.finish()
        {
            tracing::error!("{}: {error}", self.name);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn files_are_counted_from_midnight_every_day() {
    const MINUTE: i64 = 60_000_000;
    let part = Part { micros: 50 * MINUTE };
    for day in [-1, 0, 20_500] {
        let at = |minutes: i64| part.of((day * 1440 + minutes) * MINUTE);
        assert_eq!([at(0), at(49), at(50), at(1439)], [(day, 0), (day, 0), (day, 1), (day, 28)]);
    }
}
