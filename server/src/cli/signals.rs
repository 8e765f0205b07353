//! Ctrl-C and requests to terminate.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::runtime::Runtime;

/// Resolves on Ctrl-C or a request to terminate: from this call on, also before it is waited for. To be called within a
/// runtime.
#[cfg(unix)]
pub fn interrupted() -> impl Future<Output = ()> {
    use tokio::signal::unix::{SignalKind, signal};
    let signals =
        signal(SignalKind::interrupt()).and_then(|keys| Ok((keys, signal(SignalKind::terminate())?)));
    async move {
        match signals {
            Ok((mut keys, mut terminate)) => {
                tokio::select! {
                    _ = keys.recv() => {}
                    _ = terminate.recv() => {}
                }
            }
            // Where signals cannot be heard the program runs until it is killed.
            Err(_) => std::future::pending().await,
        }
    }
}

/// Resolves on Ctrl-C.
#[cfg(not(unix))]
pub async fn interrupted() {
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending().await
    }
}

/// A runtime on this thread, for futures that may listen to signals.
///
/// # Errors
/// The system refuses.
pub fn runtime() -> std::io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// A flag that is raised on Ctrl-C or a request to terminate, for work that then cleans up: from this call's return on,
/// whatever other threads do. The second signal ends the program at once.
///
/// # Errors
/// The system refuses.
pub fn flag() -> std::io::Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&flag);
    let runtime = runtime()?;
    let first = {
        let _within = runtime.enter();
        interrupted()
    };
    std::thread::spawn(move || {
        runtime.block_on(async {
            first.await;
            raised.store(true, Ordering::Release);
            interrupted().await;
            std::process::exit(1);
        });
    });
    Ok(flag)
}
