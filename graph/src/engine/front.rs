//! The engine as its callers have it: whole quanta on time, whatever workers do. Where one has taken a task and does not
//! come back, the quantum is given up for now: what was heard last fades out, silence follows, and when the worker is
//! done the quantum is heard after all, fading in. Time stands still for the graph meanwhile; it loses nothing.

use super::crew::Progress;
use super::turn::Scratch;
use super::{Machine, NoteOut, Schedule, Start};
use crate::command::Report;
use crate::controller::Link;
use crate::dsp::{Block, QUANTUM};
use crate::expose::ControlMap;
use crate::node::Pace;
use crate::settings::Settings;
use std::ptr::NonNull;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A compiled graph, running. `Send`, not `Sync`: one thread at a time renders. Rendering allocates and locks nothing,
/// and waits for no thread longer than 20 ms; making and dropping an engine does.
pub struct Engine {
    /// On the heap, and never moved: workers may read it while a quantum has been given up.
    machine: NonNull<Machine>,
    scratch: Scratch,
    /// Quanta that were given in the place of one that workers have not done.
    missed: u32,
    /// What was given last of them.
    gap: [Block; 2],
    /// Frames of the last quantum that the caller has taken.
    taken: usize,
}

// SAFETY: the engine owns its machine, which is `Send`; workers read of it what is made for several threads.
unsafe impl Send for Engine {}

const _: () = {
    const fn is_send<T: Send>() {}
    is_send::<Machine>();
};

/// Longest wait for workers when an engine is dropped. One that hangs keeps what it looks at.
const FAREWELL: Duration = Duration::from_secs(2);

impl Engine {
    pub(crate) fn new(
        schedule: Schedule,
        controls: Arc<[ControlMap]>,
        settings: Settings,
        sample_rate: u32,
        pace: Pace,
        link: Link,
    ) -> Self {
        let machine = Box::new(Machine::new(schedule, controls, settings, sample_rate, pace, link));
        Self {
            machine: NonNull::from(Box::leak(machine)),
            scratch: Scratch::new(),
            missed: 0,
            gap: [Block::SILENCE; 2],
            taken: QUANTUM,
        }
    }

    fn machine(&self) -> &Machine {
        // SAFETY: it lives as long as this engine; what writes to it has `&mut self`, and workers only read.
        unsafe { self.machine.as_ref() }
    }

    /// Frames per second.
    pub fn sample_rate(&self) -> u32 {
        self.machine().sample_rate
    }

    /// Frames by which the output lags behind the position.
    pub fn latency(&self) -> u32 {
        self.machine().schedule.latency
    }

    /// The engine's clock: frames computed since reset, in whole quanta.
    pub fn frame(&self) -> i64 {
        self.machine().frame
    }

    /// Musical position of the next frame to be computed, in ticks.
    pub fn tick(&self) -> f64 {
        let machine = self.machine();
        machine.timeline.tick_at(machine.frame)
    }

    /// The settings in force.
    pub fn settings(&self) -> Settings {
        self.machine().log.current()
    }

    /// The settings with which the graph was made.
    pub fn initial_settings(&self) -> Settings {
        self.machine().initial
    }

    /// Forgets all signal and goes to a position, with the settings in force there and before it. Not for the
    /// audio thread while it has deadlines: the time it takes grows with the graph, and it waits for workers.
    pub fn reset(&mut self, start: &Start) {
        while self.is_stalled() {
            std::thread::sleep(Duration::from_millis(1));
            self.quantum();
        }
        self.taken = QUANTUM;
        let _guard = crate::realtime::enter();
        // SAFETY: no quantum waits, so that no worker looks at the machine.
        unsafe { self.machine.as_mut() }.reset(start);
    }

    /// Renders `left.len()` frames of stereo. Any length is fine: the rest of a quantum is kept for the next
    /// call, and the samples do not depend on the lengths asked for. Real-time safe.
    ///
    /// # Panics
    /// If the two slices differ in length.
    pub fn render(&mut self, left: &mut [f32], right: &mut [f32]) {
        self.render_with(left, right, |_| {});
    }

    /// [`Engine::render`], handing on the notes that leave, a quantum at a time, as they are computed.
    ///
    /// # Panics
    /// If the two slices differ in length.
    pub fn render_with(&mut self, left: &mut [f32], right: &mut [f32], mut notes: impl FnMut(&[NoteOut])) {
        assert_eq!(left.len(), right.len(), "both channels have the same number of frames");
        let mut done = 0;
        while done < left.len() {
            if self.taken == QUANTUM {
                self.quantum();
                self.taken = 0;
                notes(self.notes_out());
            }
            let n = (left.len() - done).min(QUANTUM - self.taken);
            let (from, to) = (self.taken, self.taken + n);
            let output = self.output();
            left[done..done + n].copy_from_slice(&output[0][from..to]);
            right[done..done + n].copy_from_slice(&output[1][from..to]);
            done += n;
            self.taken = to;
        }
    }

    /// Computes one quantum of 64 frames: [`Engine::output`] and [`Engine::notes_out`] hold what came of it.
    /// Real-time safe.
    pub fn quantum(&mut self) {
        if cfg!(miri) {
            // Miri has no control register for denormal numbers.
            return self.run();
        }
        // SAFETY: the closure is ordinary arithmetic; the flags only change how denormal numbers are treated,
        // which no code in it relies on, and they are restored before this returns.
        unsafe { no_denormals::no_denormals(|| self.run()) };
    }

    /// Whether the last quantum was given up, because a worker does not come back: nothing was computed then.
    pub fn is_stalled(&self) -> bool {
        self.missed > 0
    }

    /// The two channels of the last quantum.
    pub fn output(&self) -> &[Block; 2] {
        if self.is_stalled() { &self.gap } else { &self.machine().output }
    }

    /// The notes that left the program in the last quantum, by frame.
    pub fn notes_out(&self) -> &[NoteOut] {
        if self.is_stalled() { &[] } else { &self.machine().notes_out }
    }

    fn run(&mut self) {
        let _guard = crate::realtime::enter();
        let progress = match self.missed {
            // SAFETY: no worker looks at the machine. If the quantum is not done, it counts as missed, and the machine
            // is not touched before it is.
            0 => unsafe { self.machine.as_mut().run(&mut self.scratch) },
            // SAFETY: as in `machine`.
            _ => unsafe { self.machine.as_ref() }.go_on(&mut self.scratch),
        };
        match progress {
            Progress::Done(waited) => self.end(waited),
            Progress::Waits => self.miss(),
        }
    }

    /// Ends a quantum that is done; one that was missed is faded in.
    fn end(&mut self, waited: Duration) {
        let missed = std::mem::take(&mut self.missed);
        // SAFETY: all is done, so that no worker looks.
        let machine = unsafe { self.machine.as_mut() };
        if missed == 0 {
            return machine.end(waited);
        }
        machine.end(Duration::MAX);
        for channel in &mut machine.output {
            channel.iter_mut().enumerate().for_each(|(frame, x)| *x *= rise(frame));
        }
        machine.link.report(Report::Resumed { frame: machine.frame, missed });
    }

    /// Gives something in the place of a quantum that is not done: first the end of what was heard, then silence.
    fn miss(&mut self) {
        if self.missed == 0 {
            let machine = self.machine();
            machine.link.report(Report::Stalled { frame: machine.frame });
            let last = machine.output.each_ref().map(|channel| channel[QUANTUM - 1]);
            for (channel, last) in self.gap.iter_mut().zip(last) {
                *channel = Block(std::array::from_fn(|frame| last * (1.0 - rise(frame))));
            }
        } else {
            self.gap = [Block::SILENCE; 2];
        }
        self.missed = self.missed.saturating_add(1);
    }
}

/// From nothing to all within a quantum, smoothly.
fn rise(frame: usize) -> f32 {
    let way = (frame + 1) as f32 / QUANTUM as f32;
    way * way * (3.0 - 2.0 * way)
}

impl Drop for Engine {
    fn drop(&mut self) {
        let began = Instant::now();
        while self.machine().job.as_deref().is_some_and(|job| !job.is_done()) {
            if began.elapsed() > FAREWELL {
                return tracing::error!("a worker hangs in a node: what it looks at is never given back");
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        // SAFETY: it was made of a box, nobody looks at it any more, and the engine ends here.
        drop(unsafe { Box::from_raw(self.machine.as_ptr()) });
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let segments = self.machine().schedule.segments.len();
        f.debug_struct("Engine")
            .field("frame", &self.frame())
            .field("segments", &segments)
            .finish_non_exhaustive()
    }
}
