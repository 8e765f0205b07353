//! How rendering goes: written by the render thread, read by anyone.

use auralis_graph::engine::Reclaimed;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// Weight of the newest chunk in the moving average.
const SMOOTHING: f64 = 0.05;

/// Figures of the render thread.
#[derive(Debug, Default)]
pub struct RenderStats {
    average_micros: AtomicU64,
    worst_micros: AtomicU64,
    /// Chunks that were due before they were rendered.
    pub underruns: AtomicU64,
    /// Nodes that were silenced because they yielded what is no sound.
    pub faults: AtomicU64,
    /// Steps by which the sound is thinned, because the machine does not keep up.
    pub relief: AtomicU8,
    /// What edits gave back to the system: messages and buffers, nodes, graphs.
    pub reclaimed: [AtomicU64; 3],
}

impl RenderStats {
    /// Notes what an edit gave back.
    pub fn reclaim(&self, Reclaimed { buffers, nodes, graphs }: Reclaimed) {
        for (count, more) in self.reclaimed.iter().zip([buffers, nodes, graphs]) {
            count.fetch_add(more, Ordering::Relaxed);
        }
    }

    /// Notes the time that one chunk took. One writer.
    pub fn chunk(&self, micros: f64) {
        let average = self.average_ms() * 1000.0;
        let next = if average == 0.0 { micros } else { average + SMOOTHING * (micros - average) };
        self.average_micros.store(next.to_bits(), Ordering::Relaxed);
        self.worst_micros.fetch_max(micros as u64, Ordering::Relaxed);
    }

    /// Moving average of the time that one chunk takes, in ms.
    pub fn average_ms(&self) -> f64 {
        f64::from_bits(self.average_micros.load(Ordering::Relaxed)) / 1000.0
    }

    /// The longest that one chunk took, in ms.
    pub fn worst_ms(&self) -> f64 {
        self.worst_micros.load(Ordering::Relaxed) as f64 / 1000.0
    }
}
