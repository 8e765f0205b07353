//! The memory of the program: what it is now, was at most, and grows by; who holds it; what a piece of work took. Warns
//! once where it is too much or grows as if something leaked. Control side.
#![allow(clippy::disallowed_types, reason = "control threads lock")]

mod allocator;
mod history;
mod trend;

pub use allocator::{Heap, trim};
pub use history::{Alarm, EVERY};

use crate::metrics::{Process, Usage};
use history::History;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Bytes of a megabyte, as memory is counted here.
pub const MB: f64 = (1 << 20) as f64;

/// Thresholds, in MB; 0 is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// From here on it is warned.
    pub warning: u64,
    /// From here on something is wrong.
    pub error: u64,
}

/// The memory at a moment. Nothing is computed on a GPU, so that there is none to count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// Bytes in memory.
    pub resident: u64,
    /// What the allocator has, where it tells.
    pub heap: Option<Heap>,
}

impl Snapshot {
    /// Bytes that somebody holds: of what the allocator has freed nobody leaks.
    pub fn held(&self) -> u64 {
        self.heap.map_or(self.resident, |heap| heap.used)
    }
}

/// What work of a label took, in bytes: what it left allocated. What other threads did meanwhile counts too.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Tracked {
    /// How often it was done.
    pub count: u64,
    /// What it took the last time, below 0 where it gave back.
    pub last: i64,
    /// What it took in all.
    pub total: i64,
}

/// What is known of the memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// Now.
    pub now: Snapshot,
    /// The process, now.
    pub usage: Usage,
    /// Most bytes in memory that were seen.
    pub peak: u64,
    /// Mean of the bytes in memory in the last hour.
    pub average: u64,
    /// Snapshots of which that is the mean, one each ten seconds.
    pub snapshots: usize,
    /// Bytes an hour by which it grows, once half an hour is known.
    pub growth: Option<f64>,
    /// Whether that is as if something leaked.
    pub leaks: bool,
    /// What work took, by label.
    pub tracked: BTreeMap<&'static str, Tracked>,
}

/// Watches over the memory.
#[derive(Debug)]
pub struct Memory {
    limits: Limits,
    process: Process,
    started: Instant,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    history: History,
    tracked: BTreeMap<&'static str, Tracked>,
}

/// Work whose memory is tracked, until this is dropped.
#[derive(Debug)]
pub struct Tracking<'a> {
    memory: &'a Memory,
    label: &'static str,
    before: u64,
}

impl Memory {
    /// With these thresholds.
    pub fn new(limits: Limits) -> Self {
        Self { limits, process: Process::default(), started: Instant::now(), seen: Mutex::default() }
    }

    fn look(&self) -> (Snapshot, Usage) {
        let usage = self.process.usage();
        (Snapshot { resident: usage.resident, heap: allocator::heap() }, usage)
    }

    /// The memory now.
    pub fn snapshot(&self) -> Snapshot {
        self.look().0
    }

    /// Begins to track what work of a label takes.
    pub fn track(&self, label: &'static str) -> Tracking<'_> {
        Tracking { memory: self, label, before: self.snapshot().held() }
    }

    /// Looks, as it is to be done every ten seconds. Returns what has become wrong since.
    pub fn tend(&self) -> Vec<Alarm> {
        let now = self.snapshot();
        let at = self.started.elapsed();
        self.seen().history.note(at, now, self.limits)
    }

    /// What is known.
    pub fn report(&self) -> Report {
        let (now, usage) = self.look();
        let seen = self.seen();
        Report {
            now,
            usage,
            peak: seen.history.peak().max(now.resident),
            average: seen.history.average(),
            snapshots: seen.history.snapshots(),
            growth: seen.history.growth(),
            leaks: seen.history.leaks(),
            tracked: seen.tracked.clone(),
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Tracking<'_> {
    fn drop(&mut self) {
        let took = self.memory.snapshot().held() as i64 - self.before as i64;
        let mut seen = self.memory.seen();
        let tracked = seen.tracked.entry(self.label).or_default();
        *tracked = Tracked { count: tracked.count + 1, last: took, total: tracked.total + took };
    }
}

/// Tests that measure the memory of the process do so by turns: each takes enough of it to be seen by the others.
#[cfg(test)]
pub fn turn() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_work_takes_is_tracked_by_its_label() {
        let _turn = turn();
        let memory = Memory::new(Limits { warning: 0, error: 0 });
        let tracking = memory.track("work");
        let block = std::hint::black_box(vec![1_u8; 100 << 20]);
        drop(tracking);
        let tracking = memory.track("work");
        drop(block);
        drop(tracking);
        let work = memory.report().tracked["work"];
        assert_eq!(work.count, 2);
        // Other tests take and give meanwhile.
        assert!(work.last < -(50 << 20) && work.total.abs() < 50 << 20, "{work:?}");
        let report = memory.report();
        assert!(report.now.resident > 0 && report.peak >= report.now.resident && !report.leaks);
    }
}
