//! Workers that help audio threads: one set for all engines of the process. They are there before a quantum begins,
//! look for its tasks by themselves and are never woken, so that an audio thread makes no system call.

#![allow(
    clippy::disallowed_types,
    reason = "control threads and workers lock the list of jobs; audio threads do not"
)]

use super::tasks::{End, Tasks};
use super::turn::{Scratch, Shared, Turn};
use crate::node::Pace;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

/// The work of one engine, as its audio thread and the workers share it.
pub(crate) struct Job {
    tasks: Tasks,
    /// What the quantum's tasks need; holds while any of them is not done.
    quantum: AtomicPtr<Shared<'static>>,
    /// Whether its audio thread has deadlines.
    real_time: bool,
}

impl Job {
    /// Runs all tasks of a quantum, those that no worker took by itself.
    pub fn run(&self, shared: &Shared<'_>, scratch: &mut Scratch) {
        self.quantum.store(std::ptr::from_ref(shared).cast_mut().cast(), Ordering::Relaxed);
        self.tasks.open(&shared.schedule.tasks);
        loop {
            if let Some(task) = self.tasks.claim(End::First) {
                self.perform(task, scratch);
            } else if self.tasks.are_done() {
                return;
            } else {
                std::hint::spin_loop();
            }
        }
    }

    /// Does a task that was claimed.
    fn perform(&self, task: usize, scratch: &mut Scratch) {
        // SAFETY: a task can be claimed only after `run` stored the pointer, which the claim sees, and `run` does not
        // return, so that what it points to stays, before the task is done.
        let shared: &Shared<'_> = unsafe { &*self.quantum.load(Ordering::Relaxed) };
        let task = &shared.schedule.tasks[task];
        let from = task.segments.start as usize;
        Turn::new(shared, scratch).run(from..from + task.segments.len as usize);
        let (from, leads) = (task.leads.start as usize, task.leads.len as usize);
        self.tasks.finish(&shared.schedule.leads[from..from + leads]);
    }
}

/// The jobs that there are, and how many workers look for them.
struct Crew {
    jobs: Mutex<Vec<Weak<Job>>>,
    /// Changes with the list.
    edition: AtomicUsize,
    workers: AtomicUsize,
}

static CREW: Crew =
    Crew { jobs: Mutex::new(Vec::new()), edition: AtomicUsize::new(0), workers: AtomicUsize::new(0) };

/// A job that so many threads work at, that of the engine counted. Control side: makes the threads that are missing.
/// Where the system gives no more, fewer do it.
pub(crate) fn job(threads: usize, pace: Pace) -> Arc<Job> {
    let quantum = AtomicPtr::new(std::ptr::null_mut());
    let job = Arc::new(Job { tasks: Tasks::new(), quantum, real_time: pace == Pace::RealTime });
    let mut jobs = CREW.jobs();
    jobs.retain(|job| job.strong_count() > 0);
    jobs.push(Arc::downgrade(&job));
    while CREW.workers.load(Ordering::Relaxed) + 1 < threads {
        let name = format!("auralis-worker-{}", CREW.workers.load(Ordering::Relaxed));
        if let Err(error) = thread::Builder::new().name(name).spawn(work) {
            tracing::warn!(%error, "the system gives no more threads");
            break;
        }
        CREW.workers.fetch_add(1, Ordering::Relaxed);
    }
    drop(jobs);
    CREW.edition.fetch_add(1, Ordering::Release);
    job
}

impl Crew {
    fn jobs(&self) -> MutexGuard<'_, Vec<Weak<Job>>> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long a worker that found nothing looks on without a pause: quanta of a block follow each other.
const EAGER: Duration = Duration::from_micros(200);
/// How long after that it looks every now and then: the next block comes.
const PATIENT: Duration = Duration::from_secs(2);
const NAP: Duration = Duration::from_micros(50);
const SLEEP: Duration = Duration::from_millis(5);
/// The same where no engine has any work to share.
const REST: Duration = Duration::from_millis(100);

/// A worker's life.
fn work() {
    let mut real_time = false;
    let mut scratch = Scratch::new();
    let (mut jobs, mut edition): (Vec<Weak<Job>>, usize) = (Vec::new(), usize::MAX);
    let mut worked = Instant::now();
    loop {
        let now = CREW.edition.load(Ordering::Acquire);
        if now != edition {
            (jobs, edition) = (CREW.jobs().clone(), now);
        }
        let mut found = false;
        for job in jobs.iter().filter_map(Weak::upgrade) {
            if job.real_time != real_time {
                real_time = job.real_time;
                crate::realtime::prioritise(real_time);
            }
            found |= help(&job, &mut scratch);
        }
        if found {
            worked = Instant::now();
            continue;
        }
        if jobs.iter().all(|job| job.strong_count() == 0) {
            thread::sleep(REST);
            continue;
        }
        match worked.elapsed() {
            idle if idle < EAGER => std::hint::spin_loop(),
            idle if idle < PATIENT => thread::sleep(NAP),
            _ => thread::sleep(SLEEP),
        }
    }
}

/// Does what there is to do. Returns whether there was anything.
fn help(job: &Job, scratch: &mut Scratch) -> bool {
    let Some(first) = job.tasks.claim(End::Last) else { return false };
    let _guard = crate::realtime::enter();
    // SAFETY: as in `Engine::quantum`.
    unsafe {
        no_denormals::no_denormals(|| {
            let mut next = Some(first);
            while let Some(task) = next {
                job.perform(task, scratch);
                next = job.tasks.claim(End::Last);
            }
        });
    }
    true
}
