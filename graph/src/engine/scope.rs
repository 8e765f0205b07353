//! What one node sounds, for whoever draws it: a ring of its newest samples that the audio thread writes while somebody
//! has it tapped, and any thread reads. Neither waits; a quantum that is written while it is read reads as silence.

use super::levels::Peak;
use super::memory::Memory;
use super::schedule::{Segment, Step};
use crate::dsp::QUANTUM;
use crate::sync::atomic::{AtomicI64, AtomicU32, Ordering, fence};
use std::sync::OnceLock;

/// Frames that a reader can have at most: the newest.
pub(crate) const REACH: usize = 4096;

/// Quanta that are kept: twice as many as a reader can have, so that the writer is far from what is read. Models know a
/// few, so that they meet.
const QUANTA: usize = if cfg!(loom) { 2 } else { 2 * REACH / QUANTUM };

/// The ring of an engine, and which tap it is written for.
#[derive(Default)]
pub(crate) struct Scope {
    /// The number of the tap that is in force; 0 for none.
    tap: AtomicU32,
    /// How many there were.
    taps: AtomicU32,
    /// There from the first tap on: most engines are never looked at.
    quanta: OnceLock<Box<[Quantum]>>,
}

/// The samples of one quantum.
struct Quantum {
    /// [`stamp`] of the quantum and the tap; [`WRITING`] while they are written.
    stamp: AtomicI64,
    /// As bits.
    samples: [AtomicU32; SAMPLES],
}

/// Samples that are kept of a quantum: all. Models know two, the first and one more to tear it from.
const SAMPLES: usize = if cfg!(loom) { 2 } else { QUANTUM };

const WRITING: i64 = -1;

/// What a quantum is known by: its place in the engine's time, and the tap for which it was written.
fn stamp(frame: i64, tap: u32) -> i64 {
    frame.div_euclid(QUANTUM as i64) << 16 | i64::from(tap & 0xffff)
}

impl Quantum {
    fn empty() -> Self {
        Self { stamp: AtomicI64::new(WRITING), samples: std::array::from_fn(|_| AtomicU32::new(0)) }
    }
}

impl Scope {
    /// Puts a new tap in the place of the one before, and gives its number. Control side: the first one allocates.
    pub fn open(&self) -> u32 {
        self.quanta.get_or_init(|| std::iter::repeat_with(Quantum::empty).take(QUANTA).collect());
        let mut number = 0;
        while number == 0 {
            number = self.taps.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        }
        // Who sees the tap sees the ring.
        self.tap.store(number, Ordering::Release);
        number
    }

    /// Ends a tap, if it is still in force.
    pub fn close(&self, tap: u32) {
        // Where another one has taken its place, that stays.
        let _ = self.tap.compare_exchange(tap, 0, Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The tap in force; 0 for none.
    pub fn tap(&self) -> u32 {
        self.tap.load(Ordering::Acquire)
    }

    /// Forgets what was written: time begins anew.
    pub fn clear(&self) {
        let quanta = self.quanta.get().into_iter().flatten();
        quanta.for_each(|quantum| quantum.stamp.store(WRITING, Ordering::Relaxed));
    }

    fn quantum(&self, frame: i64) -> Option<&Quantum> {
        self.quanta.get()?.get(frame.div_euclid(QUANTUM as i64).rem_euclid(QUANTA as i64) as usize)
    }

    /// Writes the quantum from a frame on. For the audio thread: by one node in each quantum, but where that node takes
    /// another's place.
    pub fn write(&self, frame: i64, tap: u32, samples: impl Fn(usize) -> f32) {
        let Some(quantum) = self.quantum(frame) else { return };
        quantum.stamp.store(WRITING, Ordering::Relaxed);
        // Who reads one of the new samples sees that they are being written.
        fence(Ordering::Release);
        for (index, sample) in quantum.samples.iter().enumerate() {
            sample.store(samples(index).to_bits(), Ordering::Relaxed);
        }
        quantum.stamp.store(stamp(frame, tap), Ordering::Release);
    }

    /// Reads frames up to `end`, whose quantum has been computed. What was not written, because the node was silent, is
    /// silence, and so is what is being written.
    pub fn read(&self, tap: u32, end: i64, into: &mut [f32]) {
        let mut to = into.len();
        let mut from_frame = end;
        while to > 0 {
            // The frames of one quantum, the last first.
            let start = (from_frame - 1).div_euclid(QUANTUM as i64) * QUANTUM as i64;
            let count = ((from_frame - start) as usize).min(to);
            from_frame -= count as i64;
            let part = &mut into[to - count..to];
            if !self.read_quantum(tap, start, (from_frame - start) as usize, part) {
                part.fill(0.0);
            }
            to -= count;
        }
    }

    fn read_quantum(&self, tap: u32, start: i64, from: usize, into: &mut [f32]) -> bool {
        let Some(quantum) = self.quantum(start) else { return false };
        let wanted = stamp(start, tap);
        if quantum.stamp.load(Ordering::Acquire) != wanted {
            return false;
        }
        for (to, sample) in into.iter_mut().zip(quantum.samples.iter().skip(from)) {
            *to = f32::from_bits(sample.load(Ordering::Relaxed));
        }
        fence(Ordering::Acquire);
        quantum.stamp.load(Ordering::Relaxed) == wanted
    }
}

impl std::fmt::Debug for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Scope").field("tap", &self.tap()).finish_non_exhaustive()
    }
}

/// What a quantum's turns need to know of the scope.
#[derive(Clone, Copy)]
pub(crate) struct Tapped<'a> {
    pub scope: &'a Scope,
    pub tap: u32,
    /// The quantum's first frame by the engine's clock.
    pub frame: i64,
}

/// Takes what a step sounds, if it is the one that is tapped. For the audio thread, right after the step.
pub(super) fn note(tapped: Tapped<'_>, segment: &Segment, memory: &Memory, step: &Step, peaks: &[Peak]) {
    let Some(first) = peaks.first().filter(|peak| peak.is_tapped(tapped.tap)) else { return };
    let wires = segment.list(&segment.wires, step.audio_out).iter().take(first.channels());
    let part = 1.0 / first.channels() as f32;
    let sounding = wires.filter(|wire| !memory.is_silent(**wire)).map(|wire| memory.block(*wire));
    tapped.scope.write(tapped.frame, tapped.tap, |frame| {
        sounding.clone().map(|block| block[frame]).sum::<f32>() * part
    });
}
