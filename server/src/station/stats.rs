//! How rendering goes: written by the render thread, read by anyone.

use crate::metrics::Figures;
use auralis_graph::engine::Reclaimed;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

/// Weight of the newest chunk in the moving average.
const SMOOTHING: f64 = 0.05;

/// Figures of the render thread.
#[derive(Debug)]
pub struct RenderStats {
    average_micros: AtomicU64,
    /// Chunks that were due before they were rendered.
    pub underruns: AtomicU64,
    /// Nodes that were silenced because they yielded what is no sound.
    pub faults: AtomicU64,
    /// Steps by which the sound is thinned, because the machine does not keep up.
    pub relief: AtomicU8,
    /// What edits gave back to the system: messages and buffers, nodes, graphs.
    pub reclaimed: [AtomicU64; 3],
    /// What counts the same for operators.
    figures: Arc<Figures>,
}

impl RenderStats {
    /// Nothing rendered yet.
    pub fn new(figures: Arc<Figures>) -> Self {
        Self {
            average_micros: AtomicU64::new(0),
            underruns: AtomicU64::new(0),
            faults: AtomicU64::new(0),
            relief: AtomicU8::new(0),
            reclaimed: Default::default(),
            figures,
        }
    }

    /// What is measured of the station; that of a private one is measured together with all others'.
    pub fn figures(&self) -> &Arc<Figures> {
        &self.figures
    }

    /// Notes what an edit gave back.
    pub fn reclaim(&self, given: Reclaimed) {
        let Reclaimed { buffers, nodes, graphs } = given;
        for (count, more) in self.reclaimed.iter().zip([buffers, nodes, graphs]) {
            count.fetch_add(more, Ordering::Relaxed);
        }
        self.figures.reclaim(given);
    }

    /// Notes chunks that were due before they were rendered.
    pub fn underrun(&self, chunks: u64) {
        self.underruns.fetch_add(chunks, Ordering::Relaxed);
        self.figures.underruns.inc_by(chunks);
    }

    /// Notes a node that was silenced.
    pub fn fault(&self) {
        self.faults.fetch_add(1, Ordering::Relaxed);
        self.figures.faults.inc();
    }

    /// Notes the time that one chunk took. One writer; lock-free.
    pub fn chunk(&self, micros: f64) {
        let average = self.average_ms() * 1000.0;
        let next = if average == 0.0 { micros } else { average + SMOOTHING * (micros - average) };
        self.average_micros.store(next.to_bits(), Ordering::Relaxed);
        self.figures.synthesis.note(micros / 1000.0);
    }

    /// Moving average of the time that one chunk takes, in ms.
    pub fn average_ms(&self) -> f64 {
        f64::from_bits(self.average_micros.load(Ordering::Relaxed)) / 1000.0
    }
}
