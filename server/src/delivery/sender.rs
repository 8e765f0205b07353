//! The threads that go along the lines of all stations, whenever there is something new.

use super::{Audience, lock};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::thread::{JoinHandle, Thread};
use std::time::Duration;

/// Longest sleep: what a thread does when nobody calls it is to look whether it is still wanted.
const NAP: Duration = Duration::from_secs(1);

/// The threads. Dropping it ends them.
#[derive(Debug)]
pub struct Senders {
    round: Arc<Round>,
    threads: Arc<[Thread]>,
    handles: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Round {
    audiences: Mutex<Vec<Weak<Audience>>>,
    stop: AtomicBool,
}

impl Senders {
    /// Starts so many threads.
    ///
    /// # Errors
    /// The system refuses one.
    pub fn start(threads: usize) -> std::io::Result<Self> {
        let round = Arc::new(Round::default());
        let run = |number| {
            let round = Arc::clone(&round);
            let name = format!("auralis-send-{number}");
            std::thread::Builder::new().name(name).spawn(move || round.run(number))
        };
        let handles = (0..threads.max(1)).map(run).collect::<Result<Vec<_>, _>>()?;
        let threads = handles.iter().map(|handle| handle.thread().clone()).collect();
        Ok(Self { round, threads, handles })
    }

    /// How many threads there are.
    pub fn count(&self) -> usize {
        self.threads.len()
    }

    /// Delivers to an audience, as long as it is there.
    pub fn serve(&self, audience: &Arc<Audience>) {
        audience.served_by(Arc::clone(&self.threads));
        let mut audiences = lock(&self.round.audiences);
        audiences.retain(|audience| audience.strong_count() > 0);
        audiences.push(Arc::downgrade(audience));
    }
}

impl Round {
    fn run(&self, thread: usize) {
        while !self.stop.load(Ordering::Acquire) {
            let audiences: Vec<_> = lock(&self.audiences).iter().filter_map(Weak::upgrade).collect();
            audiences.iter().for_each(|audience| audience.deliver(thread));
            drop(audiences);
            // What was announced meanwhile has left a token: then this returns at once.
            std::thread::park_timeout(NAP);
        }
    }
}

impl Drop for Senders {
    fn drop(&mut self) {
        self.round.stop.store(true, Ordering::Release);
        self.threads.iter().for_each(Thread::unpark);
        for handle in self.handles.drain(..) {
            // A thread that panicked has been reported by the panic itself.
            let _ = handle.join();
        }
    }
}
