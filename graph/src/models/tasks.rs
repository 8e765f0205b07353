//! The tasks of a quantum, between the audio thread and a worker.

use super::{check_up_to, spawn};
use crate::engine::Stretch;
use crate::engine::tasks::{End, Task, Tasks};
use crate::sync::cell::UnsafeCell;
use std::sync::Arc;

/// A diamond: 0, then 1 and 2, then 3.
const LEADS: [u32; 4] = [1, 2, 3, 3];

fn diamond() -> [Task; 4] {
    let task =
        |waits, start, len| Task { segments: Stretch::default(), waits, leads: Stretch { start, len } };
    [task(0, 0, 2), task(1, 2, 1), task(1, 3, 1), task(2, 4, 0)]
}

/// Tasks, and what they write: each adds up what those before it wrote. loom finds two that touch a number at once.
struct Work {
    tasks: Tasks,
    numbers: [UnsafeCell<u32>; 4],
}

// SAFETY: whoever touches a number has claimed its task, or has seen that all are done; that is what the model shows.
unsafe impl Sync for Work {}

impl Work {
    fn perform(&self, task: usize) {
        let before: &[usize] = [&[][..], &[0], &[0], &[1, 2]][task];
        // SAFETY: who claimed the task writes its number, after those that it waits for; loom holds us to it.
        let sum: u32 = before.iter().map(|before| unsafe { *self.numbers[*before].get().deref() }).sum();
        // SAFETY: as above.
        unsafe { *self.numbers[task].get_mut().deref() += sum + 1 };
        let leads = diamond()[task].leads;
        self.tasks.let_begin(&LEADS[leads.start as usize..][..leads.len as usize]);
        self.tasks.finish();
    }
}

#[test]
fn each_task_is_done_once_after_those_it_waits_for_whoever_does_it() {
    check_up_to(Some(3), || {
        let numbers = std::array::from_fn(|_| UnsafeCell::new(0));
        let work = Arc::new(Work { tasks: Tasks::new(), numbers });
        let worker = spawn({
            let work = Arc::clone(&work);
            move || {
                // It may come before the quantum, look in vain, or do all of it.
                for _ in 0..2 {
                    while let Some(task) = work.tasks.claim(End::Last) {
                        work.perform(task);
                    }
                    loom::thread::yield_now();
                }
            }
        });
        work.tasks.open(&diamond());
        while !work.tasks.are_done() {
            match work.tasks.claim(End::First) {
                Some(task) => work.perform(task),
                None => loom::thread::yield_now(),
            }
        }
        // The audio thread reads what all have written, whoever it was.
        let numbers = work.numbers.each_ref().map(|number| {
            // SAFETY: all tasks are done.
            unsafe { *number.get().deref() }
        });
        assert_eq!(numbers, [1, 2, 2, 5]);
        worker.join().expect("the worker ends");
    });
}

/// What a quantum's tasks need, and the tasks: two that can begin at once.
struct Quantum {
    tasks: Tasks,
    needs: UnsafeCell<u32>,
}

// SAFETY: it is written while all tasks are done, and read by who has claimed one; that is what the model shows.
unsafe impl Sync for Quantum {}

impl Quantum {
    fn help(&self, end: End) {
        while let Some(task) = self.tasks.claim(end) {
            // SAFETY: the task is not done; loom holds us to it.
            let needs = unsafe { *self.needs.get().deref() };
            assert!(needs > 0, "{task} runs before its quantum");
            self.tasks.finish();
        }
    }
}

#[test]
fn what_a_quantum_needs_stays_until_workers_are_done_though_it_was_given_up_meanwhile() {
    check_up_to(Some(3), || {
        let quantum = Arc::new(Quantum { tasks: Tasks::new(), needs: UnsafeCell::new(0) });
        let worker = spawn({
            let quantum = Arc::clone(&quantum);
            move || {
                for _ in 0..3 {
                    quantum.help(End::Last);
                    loom::thread::yield_now();
                }
            }
        });
        for _ in 0..2 {
            // SAFETY: all tasks are done; loom holds us to it.
            unsafe { *quantum.needs.get_mut().deref() += 1 };
            quantum.tasks.open(&[Task::default(); 2]);
            quantum.help(End::First);
            // The audio thread goes away, and looks again with its next call.
            while !quantum.tasks.are_done() {
                loom::thread::yield_now();
            }
        }
        // SAFETY: all tasks are done.
        assert_eq!(unsafe { *quantum.needs.get().deref() }, 2);
        worker.join().expect("the worker ends");
    });
}
