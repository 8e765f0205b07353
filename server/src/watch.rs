//! Tells when one of some files was written. Control side.
#![allow(clippy::disallowed_types, reason = "no audio thread comes near what is told of files")]

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// Writing a file takes several steps: after so much rest it is done.
const REST: Duration = Duration::from_millis(40);

/// Watches files until it is dropped.
pub struct Watch(Sender<Said>);

/// What the thread that waits is told.
enum Said {
    /// Files of these paths were written. None of them: something may have been missed.
    Written(Vec<PathBuf>),
    /// Besides the first file these are watched from now on.
    Follow(Vec<PathBuf>),
    Ends,
}

impl Watch {
    /// Calls `changed`, on a thread of its own, each time the file was written or another one came in its place.
    ///
    /// # Errors
    /// The file is gone, or the system cannot watch its folder.
    pub fn new(path: &Path, changed: impl FnMut() + Send + 'static) -> notify::Result<Self> {
        let path = path.canonicalize()?;
        let (said, hears) = channel();
        let tells = said.clone();
        let watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // An error, such as a queue that ran over, may have hidden what is waited for.
            let written = match event {
                Ok(event) if writes(&event.kind) => event.paths,
                Ok(_) => return,
                Err(_) => Vec::new(),
            };
            // Nobody hears it when the watch has just been dropped.
            let _ = tells.send(Said::Written(written));
        })?;
        let mut files =
            Files { watcher, folders: BTreeSet::new(), first: OsString::new(), others: BTreeSet::new() };
        files.first = files.add(&path)?;
        std::thread::Builder::new()
            .name("auralis-watch".into())
            .spawn(move || files.wait(&hears, changed))?;
        Ok(Self(said))
    }

    /// Watches these files, too, and no longer those that were named before.
    pub fn follow<'a>(&self, files: impl Iterator<Item = &'a Path>) {
        // The thread ends with this.
        let _ = self.0.send(Said::Follow(files.map(Path::to_path_buf).collect()));
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ = self.0.send(Said::Ends);
    }
}

/// What is watched: folders, since editors put another file in the place of the old one, and the names of files in them.
struct Files {
    watcher: RecommendedWatcher,
    folders: BTreeSet<PathBuf>,
    first: OsString,
    others: BTreeSet<OsString>,
}

impl Files {
    /// Watches the folder of a file. Returns the file's name.
    fn add(&mut self, path: &Path) -> notify::Result<OsString> {
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(notify::Error::path_not_found().add_path(path.into()));
        };
        if !self.folders.contains(folder) {
            self.watcher.watch(folder, RecursiveMode::NonRecursive)?;
            self.folders.insert(folder.into());
        }
        Ok(name.into())
    }

    fn follow(&mut self, files: &[PathBuf]) {
        let add = |path: &PathBuf| {
            let name = self.add(path);
            name.inspect_err(|error| tracing::warn!("{} is not watched: {error}", path.display())).ok()
        };
        self.others = files.iter().filter_map(add).collect();
    }

    /// Whether one of the files is meant. One of the same name in another folder changes nothing and costs a look.
    fn means(&self, paths: &[PathBuf]) -> bool {
        let is_meant = |name| self.first == name || self.others.contains(name);
        paths.is_empty() || paths.iter().filter_map(|path| path.file_name()).any(is_meant)
    }

    /// The life of the thread.
    fn wait(mut self, hears: &Receiver<Said>, mut changed: impl FnMut()) {
        // When writing will have rested, if something was written.
        let mut done = None;
        loop {
            let said = match done {
                None => hears.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(done) => hears.recv_timeout(Instant::saturating_duration_since(&done, Instant::now())),
            };
            match said {
                Ok(Said::Written(paths)) if self.means(&paths) => done = Some(Instant::now() + REST),
                Ok(Said::Written(_)) => {}
                Ok(Said::Follow(files)) => self.follow(&files),
                Err(RecvTimeoutError::Timeout) => {
                    done = None;
                    changed();
                }
                Ok(Said::Ends) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }
}

/// Whether something was written; reading a file is an event, too.
fn writes(kind: &EventKind) -> bool {
    match kind {
        EventKind::Access(kind) => *kind == AccessKind::Close(AccessMode::Write),
        EventKind::Modify(ModifyKind::Metadata(_)) => false,
        _ => true,
    }
}
