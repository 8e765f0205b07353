//! Tells when a file was written. Control side.

use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use std::path::Path;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::time::Duration;

/// Writing a file takes several steps: after so much rest it is done.
const REST: Duration = Duration::from_millis(40);

/// Watches a file until it is dropped.
pub struct Watch(#[expect(dead_code, reason = "it watches for as long as it is kept")] RecommendedWatcher);

impl Watch {
    /// Calls `changed`, on a thread of its own, each time the file was written or another one came in its place.
    ///
    /// # Errors
    /// The file is gone, or the system cannot watch its folder.
    pub fn new(path: &Path, mut changed: impl FnMut() + Send + 'static) -> notify::Result<Self> {
        let path = path.canonicalize()?;
        let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
            return Err(notify::Error::path_not_found().add_path(path));
        };
        let (said, hears) = channel::<()>();
        let name = name.to_os_string();
        let mut watcher = notify::recommended_watcher(move |event: notify::Result<Event>| {
            // An error, such as a queue that ran over, may have hidden what is waited for.
            let meant = event.map_or(true, |event| {
                writes(&event.kind) && event.paths.iter().any(|path| path.file_name() == Some(&name))
            });
            if meant {
                // Nobody hears it when the watch has just been dropped.
                let _ = said.send(());
            }
        })?;
        // The folder, since editors put another file in the place of the old one.
        watcher.watch(folder, RecursiveMode::NonRecursive)?;
        std::thread::Builder::new().name("auralis-watch".into()).spawn(move || {
            while hears.recv().is_ok() {
                loop {
                    match hears.recv_timeout(REST) {
                        Ok(()) => {}
                        Err(RecvTimeoutError::Timeout) => break changed(),
                        Err(RecvTimeoutError::Disconnected) => return,
                    }
                }
            }
        })?;
        Ok(Self(watcher))
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
