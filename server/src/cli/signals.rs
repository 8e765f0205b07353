//! Ctrl-C and requests to terminate.

use super::Outcome;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Resolves on Ctrl-C or a request to terminate.
pub async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    // Where signals cannot be heard the program runs until it is killed.
    let _ = tokio::signal::ctrl_c().await;
}

/// Waits on this thread for a future that may listen to signals.
///
/// # Errors
/// The system refuses.
pub fn wait(future: impl Future<Output = ()>) -> Outcome {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(future);
    Ok(())
}

/// A flag that is raised on Ctrl-C or a request to terminate, for work that then cleans up. The second one ends
/// the program at once.
pub fn flag() -> Arc<AtomicBool> {
    let flag = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&flag);
    std::thread::spawn(move || {
        let _ = wait(async {
            interrupted().await;
            raised.store(true, Ordering::Release);
            interrupted().await;
            std::process::exit(1);
        });
    });
    flag
}
