//! Workers that help audio threads: one set for all engines of the process. They are there before a quantum begins,
//! look for its tasks by themselves and are never woken, so that an audio thread makes no system call.

#![allow(
    clippy::disallowed_types,
    reason = "control threads and workers lock the list of jobs; audio threads do not"
)]

use super::tasks::{End, Tasks};
use super::turn::{Scratch, Shared, Turn};
use crate::node::Pace;
use crate::sync::cell::UnsafeCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

/// The work of one engine, as its audio thread and the workers share it.
pub(crate) struct Job {
    tasks: Tasks,
    /// What the quantum's tasks need; holds while any of them is not done.
    quantum: UnsafeCell<Option<Shared<'static>>>,
    /// Whether its audio thread has deadlines.
    real_time: bool,
}

// SAFETY: `quantum` is written by the audio thread while all tasks are done, and read by whoever claimed one, which
// sees what was written. What it points to holds until then by the contract of `Job::begin`, and is made for several
// threads: the tasks of a schedule share no cell and no buffer unless one waits for the other.
unsafe impl Sync for Job {}
// SAFETY: as above; no reference in it is followed by who drops it.
unsafe impl Send for Job {}

/// How far a quantum is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    /// All of it is done; workers were waited for so long.
    Done(Duration),
    /// Workers have begun what they have not done.
    Waits,
}

/// Longest wait for workers in one quantum, where there are deadlines: whoever takes longer does not come soon.
const LONGEST: Duration = Duration::from_millis(20);

impl Job {
    /// Runs all tasks of a quantum, those that no worker took by itself. Those of the one before must be done.
    ///
    /// # Safety
    /// What `shared` refers to stays, and is changed by nobody else, until this or [`Job::go_on`] says that all is done.
    pub unsafe fn begin(&self, shared: Shared<'_>, scratch: &mut Scratch) -> Progress {
        let tasks = &shared.schedule.tasks;
        // SAFETY: only the lifetime changes, and nothing is followed any more once all is done.
        let quantum = unsafe { std::mem::transmute::<Shared<'_>, Shared<'static>>(shared) };
        // SAFETY: all tasks are done, and who has none does not look.
        unsafe { *self.quantum.get_mut().deref() = Some(quantum) };
        self.tasks.open(tasks);
        self.go_on(scratch, self.real_time.then_some(LONGEST))
    }

    /// Does what nobody has begun, and waits for what somebody has, so long at most.
    pub fn go_on(&self, scratch: &mut Scratch, longest: Option<Duration>) -> Progress {
        let mut waited = Duration::ZERO;
        loop {
            if let Some(task) = self.tasks.claim(End::First) {
                self.perform(task, scratch);
            } else if self.tasks.are_done() {
                return Progress::Done(waited);
            } else {
                let longest = longest.map(|longest| longest.saturating_sub(waited));
                match self.wait(longest) {
                    Some(time) => waited += time,
                    None => return Progress::Waits,
                }
            }
        }
    }

    /// Waits until there is something to do, or nothing is left. Returns for how long; none where that was too long.
    fn wait(&self, longest: Option<Duration>) -> Option<Duration> {
        let began = Instant::now();
        loop {
            for _ in 0..LOOKS {
                if self.tasks.can_begin() || self.tasks.are_done() {
                    return Some(began.elapsed());
                }
                std::hint::spin_loop();
            }
            if longest.is_some_and(|longest| began.elapsed() >= longest) {
                return None;
            }
        }
    }

    /// Whether workers have nothing of it in their hands.
    pub fn is_done(&self) -> bool {
        self.tasks.are_done()
    }

    /// Does a task that was claimed.
    fn perform(&self, task: usize, scratch: &mut Scratch) {
        {
            let quantum = self.quantum.get();
            // SAFETY: a task can be claimed only after `begin` stored the quantum, which the claim sees, and what it
            // refers to holds before the task is done.
            let Some(shared) = (unsafe { quantum.deref() }) else { return };
            let task = &shared.schedule.tasks[task];
            let from = task.segments.start as usize;
            Turn::new(shared, scratch).run(from..from + task.segments.len as usize);
            let (first, leads) = (task.leads.start as usize, task.leads.len as usize);
            self.tasks.let_begin(&shared.schedule.leads[first..first + leads]);
        }
        // From here on the quantum may be gone.
        self.tasks.finish();
    }
}

/// How often it is looked for tasks between two looks at the clock.
const LOOKS: u32 = 16;

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
    let quantum = UnsafeCell::new(None);
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
    let mut perform = || {
        let mut next = Some(first);
        while let Some(task) = next {
            job.perform(task, scratch);
            next = job.tasks.claim(End::Last);
        }
    };
    if cfg!(miri) {
        perform();
    } else {
        // SAFETY: as in `Engine::quantum`.
        unsafe { no_denormals::no_denormals(perform) };
    }
    true
}
