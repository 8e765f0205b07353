//! The thread that writes a sink's file.

use crate::audio_file::{AudioFile, Container, FileError, Format};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// What a sink has done, for any thread to read.
#[derive(Debug, Default)]
pub struct SinkState {
    /// Frames handed to the file system.
    pub written: AtomicU64,
    /// Frames left out because the disk was too slow or failed.
    pub missed: AtomicU64,
    stop: AtomicBool,
}

/// A running writer. Dropping it writes what is left, closes the file and waits for that: control side only.
pub(super) struct FileWriter {
    thread: Option<JoinHandle<()>>,
    state: Arc<SinkState>,
}

/// How long the thread sleeps when there is nothing to write.
const PAUSE: Duration = Duration::from_millis(20);

impl FileWriter {
    /// Opens the file and starts the thread.
    pub fn start(
        path: PathBuf,
        container: Container,
        format: Format,
        overwrite: bool,
        frames: rtrb::Consumer<[f32; 2]>,
        state: Arc<SinkState>,
    ) -> Result<Self, FileError> {
        let first = if overwrite { path.clone() } else { free_name(&path) };
        let file = AudioFile::create(&first, container, format)?;
        let mut job = Job { path, container, format, frames, state: Arc::clone(&state), file: Some(file) };
        let thread = std::thread::Builder::new().name("auralis-file".into()).spawn(move || job.run())?;
        Ok(Self { thread: Some(thread), state })
    }

    /// Whether the thread has ended, after an error or a stop.
    pub fn is_finished(&self) -> bool {
        self.thread.as_ref().is_none_or(JoinHandle::is_finished)
    }
}

impl Drop for FileWriter {
    fn drop(&mut self) {
        self.state.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // A writer that panicked has been reported by the panic itself.
            let _ = thread.join();
        }
    }
}

struct Job {
    path: PathBuf,
    container: Container,
    format: Format,
    frames: rtrb::Consumer<[f32; 2]>,
    state: Arc<SinkState>,
    file: Option<AudioFile>,
}

impl Job {
    fn run(&mut self) {
        let mut since_flush = 0;
        loop {
            let stop = self.state.stop.load(Ordering::Acquire);
            let count = match self.write_waiting() {
                Ok(count) => count,
                Err(error) => {
                    tracing::error!("writing {}: {error}", self.path.display());
                    return self.give_up();
                }
            };
            since_flush += count;
            if since_flush >= self.format.sample_rate as usize {
                since_flush = 0;
                if let Some(Err(error)) = self.file.as_mut().map(AudioFile::flush) {
                    tracing::error!("writing {}: {error}", self.path.display());
                }
            }
            if stop && count == 0 {
                break;
            }
            if count == 0 {
                std::thread::sleep(PAUSE);
            }
        }
        if let Some(Err(error)) = self.file.take().map(AudioFile::finish) {
            tracing::error!("closing {}: {error}", self.path.display());
        }
    }

    /// Writes what waits, up to one second. Returns the frames.
    fn write_waiting(&mut self) -> Result<usize, FileError> {
        let count = self.frames.slots().min(self.format.sample_rate as usize);
        let Ok(chunk) = self.frames.read_chunk(count) else { return Ok(0) };
        let (a, b) = chunk.as_slices();
        for part in [a.as_flattened(), b.as_flattened()] {
            let mut rest = part;
            while !rest.is_empty() {
                let file = match &mut self.file {
                    Some(file) => file,
                    None => {
                        let path = free_name(&self.path);
                        self.file.insert(AudioFile::create(&path, self.container, self.format)?)
                    }
                };
                let room = AudioFile::most_frames(self.container, self.format) - file.frames();
                let now = rest.len().min(room as usize * 2);
                file.write(&rest[..now])?;
                rest = &rest[now..];
                if now == room as usize * 2 {
                    // Full: the sound goes on in the next file.
                    self.file.take().map_or(Ok(()), AudioFile::finish)?;
                }
            }
        }
        chunk.commit_all();
        self.state.written.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }

    /// After an error: take what comes and count it, so that the audio side sees why.
    fn give_up(&mut self) {
        while !self.state.stop.load(Ordering::Acquire) {
            let count = self.frames.slots();
            if let Ok(chunk) = self.frames.read_chunk(count) {
                chunk.commit_all();
                self.state.missed.fetch_add(count as u64, Ordering::Relaxed);
            }
            std::thread::sleep(PAUSE);
        }
    }
}

/// The path itself, or with the first number behind its stem that no file has: `take.wav`, `take-2.wav`, …
fn free_name(path: &Path) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let ending = path.extension().unwrap_or_default().to_string_lossy();
    let numbered = (2..).map(|number: u32| path.with_file_name(format!("{stem}-{number}.{ending}")));
    std::iter::once(path.to_path_buf())
        .chain(numbered)
        .find(|path| !path.exists())
        .unwrap_or(path.to_path_buf())
}
