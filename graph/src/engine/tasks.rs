//! The tasks of a quantum and who does them: whoever comes first, the audio thread or a worker. No lock, and nobody
//! waits for a task that no one has begun: the audio thread does it itself. Audio thread.

use super::schedule::Stretch;
use crate::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// Most tasks of a graph: one bit each.
pub(crate) const MAX_TASKS: usize = 64;

/// A part of a graph that one thread runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Task {
    /// Its segments.
    pub segments: Stretch,
    /// Tasks that must be done before.
    pub waits: u32,
    /// Tasks that wait for it, among the schedule's `leads`.
    pub leads: Stretch,
}

/// Which of the tasks that can begin is taken.
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    First,
    Last,
}

/// How far the tasks of a quantum are.
pub(crate) struct Tasks {
    /// Those that can begin, as bits.
    ready: AtomicU64,
    /// For each, how many it waits for.
    waits: [AtomicU32; MAX_TASKS],
    /// Those that are not done.
    left: AtomicU32,
}

impl Tasks {
    /// None.
    pub fn new() -> Self {
        Self {
            ready: AtomicU64::new(0),
            waits: std::array::from_fn(|_| AtomicU32::new(0)),
            left: AtomicU32::new(0),
        }
    }

    /// Offers tasks, at most [`MAX_TASKS`]; those before must be done. What was written before is seen by whoever
    /// claims one.
    pub fn open(&self, tasks: &[Task]) {
        let mut ready = 0;
        for (index, (task, waits)) in tasks.iter().zip(&self.waits).enumerate() {
            waits.store(task.waits, Ordering::Relaxed);
            ready |= u64::from(task.waits == 0) << index;
        }
        self.left.store(tasks.len() as u32, Ordering::Relaxed);
        self.ready.store(ready, Ordering::Release);
    }

    /// Takes a task that can begin. Whoever takes one does it, and says so. The audio thread and the workers begin at the
    /// two ends: so most tasks stay with a thread, whose cache has what they need.
    pub fn claim(&self, end: End) -> Option<usize> {
        let mut ready = self.ready.load(Ordering::Relaxed);
        while ready != 0 {
            let task = match end {
                End::First => ready.trailing_zeros(),
                End::Last => ready.ilog2(),
            };
            let rest = ready & !(1 << task);
            match self.ready.compare_exchange_weak(ready, rest, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return Some(task as usize),
                Err(now) => ready = now,
            }
        }
        None
    }

    /// Whether there is one that can begin.
    pub fn can_begin(&self) -> bool {
        self.ready.load(Ordering::Relaxed) != 0
    }

    /// Says that a task has come to its end: those that waited for it last can begin.
    pub fn let_begin(&self, leads: &[u32]) {
        for lead in leads {
            if self.waits[*lead as usize].fetch_sub(1, Ordering::AcqRel) == 1 {
                self.ready.fetch_or(1 << lead, Ordering::Release);
            }
        }
    }

    /// Says that a task is done, with all that it took. By itself, because after the last one the schedule may be gone,
    /// and with it what else would be handed over here.
    pub fn finish(&self) {
        self.left.fetch_sub(1, Ordering::Release);
    }

    /// Whether all are done; then what they wrote is seen.
    pub fn are_done(&self) -> bool {
        self.left.load(Ordering::Acquire) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A diamond: 0, then 1 and 2, then 3.
    const LEADS: [u32; 4] = [1, 2, 3, 3];

    fn diamond() -> [Task; 4] {
        let task =
            |waits, start, len| Task { segments: Stretch::default(), waits, leads: Stretch { start, len } };
        [task(0, 0, 2), task(1, 2, 1), task(1, 3, 1), task(2, 4, 0)]
    }

    fn end(tasks: &Tasks, task: &Task) {
        tasks.let_begin(&LEADS[task.leads.start as usize..][..task.leads.len as usize]);
        tasks.finish();
    }

    #[test]
    fn tasks_begin_when_what_they_wait_for_is_done() {
        let plan = diamond();
        let tasks = Tasks::new();
        for _ in 0..3 {
            tasks.open(&plan);
            assert_eq!(tasks.claim(End::First), Some(0));
            assert_eq!(tasks.claim(End::First), None);
            end(&tasks, &plan[0]);
            assert_eq!(
                [End::Last, End::First, End::First].map(|end| tasks.claim(end)),
                [Some(2), Some(1), None]
            );
            end(&tasks, &plan[2]);
            assert_eq!(tasks.claim(End::First), None);
            end(&tasks, &plan[1]);
            assert_eq!(tasks.claim(End::First), Some(3));
            assert!(!tasks.are_done());
            end(&tasks, &plan[3]);
            assert!(tasks.are_done());
        }
    }
}
