//! When a station is rendered: always, or while somebody hears it. Time goes on while it sleeps.

use super::Shared;
use crate::pool::Waker;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// A station that nobody hears is rendered for so long after it was last asked for something.
const AWAKE: Duration = Duration::from_secs(3);

/// When a station is rendered, and for whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tenure {
    /// Always.
    Always,
    /// While somebody hears it.
    Heard,
    /// The same, for one listener: its text does not change.
    Private,
}

/// Whether a station sleeps.
pub struct Sleep {
    tenure: Tenure,
    waker: Waker,
    asleep: AtomicBool,
    /// How many hear its sound.
    hearers: AtomicUsize,
    since: Instant,
    /// Until when it shall not sleep, in milliseconds after `since`.
    awake_until: AtomicU64,
}

impl Sleep {
    /// Of a station that is awake.
    pub fn new(tenure: Tenure, waker: Waker) -> Self {
        Self {
            tenure,
            waker,
            asleep: AtomicBool::new(false),
            hearers: AtomicUsize::new(0),
            since: Instant::now(),
            awake_until: AtomicU64::new(0),
        }
    }

    /// What wakes its rendering.
    pub fn waker(&self) -> &Waker {
        &self.waker
    }

    fn is_wanted(&self) -> bool {
        let awake = u128::from(self.awake_until.load(Ordering::SeqCst));
        let heard = self.hearers.load(Ordering::SeqCst) > 0;
        self.tenure == Tenure::Always || heard || self.since.elapsed().as_millis() < awake
    }

    /// Falls asleep if nobody hears it, nor will soon. Render thread.
    pub fn begins(&self) -> bool {
        if self.is_wanted() {
            return false;
        }
        self.asleep.store(true, Ordering::SeqCst);
        // Somebody may have come in between, and not have found it asleep.
        if self.is_wanted() {
            self.asleep.store(false, Ordering::SeqCst);
            return false;
        }
        true
    }

    /// Ends it, once everything is where it would be. Render thread.
    pub fn end(&self) {
        self.asleep.store(false, Ordering::SeqCst);
    }

    fn wake(&self) {
        let until = self.since.elapsed() + AWAKE;
        self.awake_until.fetch_max(until.as_millis() as u64, Ordering::SeqCst);
        if self.asleep.load(Ordering::SeqCst) {
            self.waker.wake();
        }
    }
}

/// Somebody hears a station's sound, until this is dropped.
#[derive(Debug)]
pub struct Hearing(Arc<Shared>);

impl Drop for Hearing {
    fn drop(&mut self) {
        self.0.sleep.hearers.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Shared {
    /// Whether nobody hears it, so that it is not rendered. Time goes on.
    pub fn is_asleep(&self) -> bool {
        self.sleep.asleep.load(Ordering::SeqCst)
    }

    /// Begins to hear it: it is rendered until what this returns is dropped.
    pub fn hear(self: &Arc<Self>) -> Hearing {
        self.sleep.hearers.fetch_add(1, Ordering::SeqCst);
        self.wake();
        Hearing(Arc::clone(self))
    }

    /// Has it rendered from now on, and for a while even if nobody hears it.
    pub fn wake(&self) {
        self.sleep.wake();
    }

    /// The same, and waits until it is.
    pub(super) fn wake_and_wait(&self) {
        self.wake();
        let began = Instant::now();
        while self.is_asleep() && self.is_rendering() && began.elapsed() < AWAKE {
            std::thread::sleep(Duration::from_millis(2));
        }
    }
}
