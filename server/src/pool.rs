//! The threads that render for all stations. Whose buffer would run empty first is rendered first; who waits for nothing
//! costs nothing.
#![allow(clippy::disallowed_types, reason = "threads of the pool lock between two chunks, never within one")]

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Longest sleep of a thread: nobody needs it to wake up earlier than it is told to.
const NAP: Duration = Duration::from_secs(1);

/// What is done piece by piece.
pub trait Work: Send {
    /// Does the next piece.
    fn step(&mut self) -> Next;
    /// The last piece panicked: there will be no other.
    fn failed(&mut self);
}

/// When work goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// From a moment on; of all that can go on, what is due first does.
    From {
        /// When it can go on.
        moment: Instant,
        /// When it has to be done.
        due: Instant,
    },
    /// When it is woken.
    Woken,
}

/// The threads. Dropping it ends them.
pub struct Pool {
    shared: Arc<Shared>,
    handles: Vec<JoinHandle<()>>,
}

/// Work that is in the pool; dropping this takes it out, and waits for the piece that is being done.
pub struct Hold {
    shared: Arc<Shared>,
    id: u64,
}

/// Wakes work that waits for it.
#[derive(Clone)]
pub struct Waker {
    shared: Arc<Shared>,
    id: u64,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// Told when there is something to do.
    work: Condvar,
    /// Told when a piece is done whose work is to be taken out.
    done: Condvar,
    busy_nanos: AtomicU64,
}

#[derive(Default)]
struct Queue {
    waiting: Vec<Job>,
    /// Work that a thread has in its hands.
    running: BTreeSet<u64>,
    /// Work that was woken while it ran, and that is to be taken out.
    woken: BTreeSet<u64>,
    leaving: BTreeSet<u64>,
    named: u64,
    stop: bool,
}

struct Job {
    id: u64,
    next: Next,
    work: Box<dyn Work>,
}

impl Pool {
    /// Starts so many threads.
    ///
    /// # Errors
    /// The system refuses one.
    pub fn start(threads: usize) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let mut pool = Self { shared: Arc::clone(&shared), handles: Vec::new() };
        for number in 0..threads.max(1) {
            let shared = Arc::clone(&shared);
            let name = format!("auralis-render-{number}");
            pool.handles.push(std::thread::Builder::new().name(name).spawn(move || shared.run())?);
        }
        Ok(pool)
    }

    /// How many threads there are.
    pub fn threads(&self) -> usize {
        self.handles.len()
    }

    /// Time that all threads together have worked.
    pub fn busy(&self) -> Duration {
        Duration::from_nanos(self.shared.busy_nanos.load(Ordering::Relaxed))
    }

    /// A name for work that is to come: it can be woken before it is there.
    pub fn waker(&self) -> Waker {
        let mut queue = self.shared.lock();
        queue.named += 1;
        Waker { shared: Arc::clone(&self.shared), id: queue.named }
    }

    /// Takes work in, to begin at once.
    pub fn add(&self, waker: &Waker, work: Box<dyn Work>) -> Hold {
        let now = Instant::now();
        let job = Job { id: waker.id, next: Next::From { moment: now, due: now }, work };
        self.shared.lock().waiting.push(job);
        self.shared.work.notify_one();
        Hold { shared: Arc::clone(&self.shared), id: waker.id }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().stop = true;
        self.shared.work.notify_all();
        let me = std::thread::current().id();
        for handle in self.handles.drain(..).filter(|handle| handle.thread().id() != me) {
            // A panic within work is caught; another one has been reported by itself.
            let _ = handle.join();
        }
    }
}

impl Waker {
    /// Wakes the work, now or before it sleeps.
    pub fn wake(&self) {
        let mut queue = self.shared.lock();
        let now = Instant::now();
        match queue.waiting.iter_mut().find(|job| job.id == self.id) {
            Some(job) if job.next == Next::Woken => job.next = Next::From { moment: now, due: now },
            Some(_) => return,
            None => drop(queue.woken.insert(self.id)),
        }
        drop(queue);
        self.shared.work.notify_one();
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.leaving.insert(self.id);
        while queue.running.contains(&self.id) {
            queue = self.shared.done.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        queue.leaving.remove(&self.id);
        queue.woken.remove(&self.id);
        let place = queue.waiting.iter().position(|job| job.id == self.id);
        let job = place.map(|place| queue.waiting.swap_remove(place));
        // Its memory is given back where nobody waits for the lock.
        drop(queue);
        drop(job);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The life of a thread.
    fn run(&self) {
        while let Some(mut job) = self.take() {
            let began = Instant::now();
            let next = catch_unwind(AssertUnwindSafe(|| job.work.step()));
            let nanos = u64::try_from(began.elapsed().as_nanos()).unwrap_or(u64::MAX);
            self.busy_nanos.fetch_add(nanos, Ordering::Relaxed);
            job.next = next.unwrap_or_else(|_| {
                job.work.failed();
                Next::Woken
            });
            self.put(job);
        }
    }

    /// Waits for the work that is the most urgent; none when the pool ends.
    fn take(&self) -> Option<Job> {
        let mut queue = self.lock();
        loop {
            if queue.stop {
                return None;
            }
            let now = Instant::now();
            let ready = |job: &Job| match job.next {
                Next::From { moment, due } if moment <= now => Some(due),
                _ => None,
            };
            let places = queue.waiting.iter().enumerate();
            let urgent = places.filter_map(|(place, job)| Some((ready(job)?, place))).min();
            if let Some((_, place)) = urgent {
                let job = queue.waiting.swap_remove(place);
                queue.running.insert(job.id);
                return Some(job);
            }
            let moments = queue.waiting.iter().filter_map(|job| match job.next {
                Next::From { moment, .. } => Some(moment),
                Next::Woken => None,
            });
            let pause = moments.min().map_or(NAP, |moment| moment.saturating_duration_since(now).min(NAP));
            let waited = self.work.wait_timeout(queue, pause);
            queue = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn put(&self, mut job: Job) {
        let mut queue = self.lock();
        queue.running.remove(&job.id);
        if queue.leaving.contains(&job.id) {
            drop(queue);
            drop(job);
            self.done.notify_all();
            return;
        }
        if queue.woken.remove(&job.id) && job.next == Next::Woken {
            let now = Instant::now();
            job.next = Next::From { moment: now, due: now };
        }
        queue.waiting.push(job);
        drop(queue);
        // Others may have been waiting for something later than this.
        self.work.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc::{Receiver, Sender, channel};

    /// Says its name and does what it is told.
    struct Say {
        name: &'static str,
        heard: Sender<&'static str>,
        nexts: Vec<Next>,
    }

    impl Work for Say {
        fn step(&mut self) -> Next {
            let _ = self.heard.send(self.name);
            self.nexts.pop().expect("told what to do")
        }

        fn failed(&mut self) {
            let _ = self.heard.send("failed");
        }
    }

    fn hear(heard: &Receiver<&'static str>) -> &'static str {
        heard.recv_timeout(Duration::from_secs(10)).expect("something is done")
    }

    #[test]
    fn what_is_due_first_is_done_first() {
        let (say, heard) = channel();
        let pool = Pool::start(1).unwrap();
        let now = Instant::now();
        let at = |ms| now + Duration::from_millis(ms);
        // Both could go on at the same time; the one that came last is due first.
        let add = |name, due| {
            let nexts = vec![Next::Woken, Next::From { moment: at(300), due: at(due) }];
            pool.add(&pool.waker(), Box::new(Say { name, heard: say.clone(), nexts }))
        };
        let _holds = (add("late", 900), add("soon", 800));
        let first = [hear(&heard), hear(&heard)];
        assert!(first.contains(&"late") && first.contains(&"soon"));
        assert_eq!([hear(&heard), hear(&heard)], ["soon", "late"]);
    }

    #[test]
    fn who_sleeps_is_woken_and_who_panics_harms_nobody() {
        let (say, heard) = channel();
        let pool = Pool::start(1).unwrap();
        let waker = pool.waker();
        waker.wake();
        let one = Say { name: "one", heard: say.clone(), nexts: vec![Next::Woken; 2] };
        let hold = pool.add(&waker, Box::new(one));
        assert_eq!([hear(&heard), hear(&heard)], ["one", "one"], "woken before it was there");
        waker.wake();
        assert_eq!([hear(&heard), hear(&heard)], ["one", "failed"]);
        let other = Say { name: "other", heard: say.clone(), nexts: vec![Next::Woken] };
        let _other = pool.add(&pool.waker(), Box::new(other));
        assert_eq!(hear(&heard), "other");
        drop(hold);
        // What was heard may not have been put back yet.
        while !pool.shared.lock().running.is_empty() {
            std::thread::yield_now();
        }
        assert_eq!(pool.shared.lock().waiting.len(), 1);
    }

    #[test]
    fn what_is_taken_out_is_not_done_any_more() {
        struct Count(Arc<AtomicU64>);
        impl Work for Count {
            fn step(&mut self) -> Next {
                self.0.fetch_add(1, Ordering::SeqCst);
                std::thread::sleep(Duration::from_millis(2));
                let now = Instant::now();
                Next::From { moment: now, due: now }
            }
            fn failed(&mut self) {}
        }
        let count = Arc::new(AtomicU64::new(0));
        let pool = Pool::start(2).unwrap();
        let hold = pool.add(&pool.waker(), Box::new(Count(Arc::clone(&count))));
        while count.load(Ordering::SeqCst) < 3 {
            std::thread::yield_now();
        }
        drop(hold);
        let at = count.load(Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!((count.load(Ordering::SeqCst), Arc::strong_count(&count)), (at, 1));
        assert!(pool.busy() > Duration::from_millis(4));
    }
}
