//! How many voices an instrument sounds: a number that its audio half writes, and any thread reads. Neither waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The voices of one instrument, from [`crate::Prepare::voices`]: it says how many sound whenever that may have changed.
#[derive(Debug, Clone)]
pub struct Voices(Arc<Count>);

#[derive(Debug)]
struct Count {
    most: u32,
    now: AtomicU32,
}

impl Voices {
    pub(crate) fn new(most: u32) -> Self {
        Self(Arc::new(Count { most, now: AtomicU32::new(0) }))
    }

    /// Says how many sound from now on; 0 before the node sleeps and when it is reset. Costs one store; real-time safe.
    pub fn sound(&self, count: usize) {
        self.0.now.store(u32::try_from(count).unwrap_or(u32::MAX).min(self.0.most), Ordering::Relaxed);
    }

    /// How many sound.
    pub(crate) fn now(&self) -> u32 {
        self.0.now.load(Ordering::Relaxed)
    }

    /// How many can sound at most.
    pub(crate) fn most(&self) -> u32 {
        self.0.most
    }
}
