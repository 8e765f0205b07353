//! Files that are read anew while the program runs: when they have changed, and when it is told to (SIGHUP).

use std::fs::metadata;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::task::spawn_blocking;

/// Between two looks at the files. To look finds what systems of notices miss: links that are turned to other files, as
/// those who renew certificates do, and folders of other machines.
const LOOK: Duration = Duration::from_secs(1);

/// What is seen of a file without opening it; nothing where it is not there.
type Seen = Option<(SystemTime, u64)>;

/// Looks after which files that could not be used are tried again: that they may be read is no change of theirs.
const PATIENCE: u32 = 60;

/// Calls `renew` when one of the files has changed and then rested for a look, and on SIGHUP; for ever. It says whether
/// they could be used, and is called where it may block. To be called within a runtime.
pub async fn renew(files: Vec<PathBuf>, renew: impl Fn() -> bool + Send + Sync + 'static) {
    let (files, renew) = (Arc::new(files), Arc::new(renew));
    let mut hangups = Hangups::new();
    let mut read = look(&files).await;
    let mut before = read.clone();
    let mut wait = 0_u32;
    loop {
        let told = tokio::select! {
            () = hangups.next() => true,
            () = tokio::time::sleep(LOOK) => false,
        };
        let now = look(&files).await;
        // Writing takes a while, of two files all the more.
        let rested = now == before;
        wait = if rested { wait.saturating_sub(1) } else { 0 };
        if told || (now != read && rested && wait == 0) {
            let renew = Arc::clone(&renew);
            // It only fails if it panics, which has been reported by the panic itself.
            if spawn_blocking(move || renew()).await.unwrap_or(true) {
                read = now.clone();
            } else {
                wait = PATIENCE;
            }
        }
        before = now;
    }
}

async fn look(files: &Arc<Vec<PathBuf>>) -> Vec<Seen> {
    let files = Arc::clone(files);
    let see = |path: &PathBuf| {
        let found = metadata(path).ok()?;
        Some((found.modified().ok()?, found.len()))
    };
    spawn_blocking(move || files.iter().map(see).collect()).await.unwrap_or_default()
}

/// SIGHUP, where there is such a thing.
pub struct Hangups {
    #[cfg(unix)]
    signals: Option<tokio::signal::unix::Signal>,
}

impl Hangups {
    /// From now on. To be called within a runtime.
    pub fn new() -> Self {
        #[cfg(unix)]
        use tokio::signal::unix::{SignalKind, signal};
        Self {
            #[cfg(unix)]
            signals: signal(SignalKind::hangup()).ok(),
        }
    }

    /// Resolves at the next.
    pub async fn next(&mut self) {
        #[cfg(unix)]
        if let Some(signals) = &mut self.signals
            && signals.recv().await.is_some()
        {
            return;
        }
        std::future::pending().await
    }
}
