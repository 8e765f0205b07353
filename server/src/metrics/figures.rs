//! A station's figures: counters and distributions that the rendering and delivering threads write without a lock, and
//! anyone reads.

use super::families::Families;
use super::window::{Summary, Window};
use crate::delivery::Sound;
use auralis_graph::engine::Reclaimed;
use prometheus::{Histogram, IntCounter};

/// A distribution of which the last samples are known as well.
#[derive(Debug)]
pub struct Timing {
    all: Histogram,
    last: Window,
}

impl Timing {
    pub(super) fn new(all: Histogram) -> Self {
        Self { all, last: Window::default() }
    }

    /// Notes a sample, in ms. Lock-free.
    pub fn note(&self, ms: f64) {
        self.all.observe(ms);
        self.last.note(ms);
    }

    /// What the last samples come to, in ms.
    pub fn summary(&self) -> Summary {
        self.last.summary()
    }
}

/// What was sent in one way.
#[derive(Debug)]
pub struct Sent {
    /// Chunks.
    pub chunks: IntCounter,
    /// Bytes, what is around the sound included.
    pub bytes: IntCounter,
}

/// The figures of a station; private ones have theirs in common.
#[derive(Debug)]
pub struct Figures {
    /// Time that a chunk took to render.
    pub synthesis: Timing,
    /// Half of the time to the station and back, as listeners measured it.
    pub network: Timing,
    /// Time by which listeners' ears are behind the station's clock.
    pub end_to_end: Timing,
    /// Seconds by which a chunk was handed to a connection after it was due; 0 where it was in time.
    pub lateness: Histogram,
    /// Seconds from a control that was heard to the `generation_update` for all.
    pub control: Histogram,
    /// Chunks that were due before they were rendered.
    pub underruns: IntCounter,
    /// Times that a listener was too slow and was moved to the live edge.
    pub overflows: IntCounter,
    /// Chunks that these listeners missed.
    pub dropped: IntCounter,
    /// Underruns that listeners reported.
    pub heard_underruns: IntCounter,
    /// Listeners who came.
    pub connects: IntCounter,
    /// Listeners who went.
    pub disconnects: IntCounter,
    /// Nodes that were silenced because they failed.
    pub faults: IntCounter,
    /// What was reclaimed: messages and buffers, nodes, graphs.
    pub reclaimed: [IntCounter; 3],
    sent: [Sent; Sound::ALL.len()],
}

impl Figures {
    pub(super) fn new(families: &Families, station: &str) -> Self {
        let Families { counters, .. } = families;
        let count = |family: &prometheus::IntCounterVec| family.with_label_values(&[station]);
        let sent = |sound: Sound| Sent {
            chunks: families.sent_chunks.with_label_values(&[station, sound.name()]),
            bytes: families.sent_bytes.with_label_values(&[station, sound.name()]),
        };
        let generation = |name| families.reclaimed.with_label_values(&[station, name]);
        Self {
            synthesis: Timing::new(families.synthesis.with_label_values(&[station])),
            network: Timing::new(families.network.with_label_values(&[station])),
            end_to_end: Timing::new(families.end_to_end.with_label_values(&[station])),
            lateness: families.lateness.with_label_values(&[station]),
            control: families.control.with_label_values(&[station]),
            underruns: count(&counters.underruns),
            overflows: count(&counters.overflows),
            dropped: count(&counters.dropped),
            heard_underruns: count(&counters.heard_underruns),
            connects: count(&counters.connects),
            disconnects: count(&counters.disconnects),
            faults: count(&counters.faults),
            reclaimed: ["gen0", "gen1", "gen2"].map(generation),
            sent: Sound::ALL.map(sent),
        }
    }

    /// What was sent in a way.
    pub fn sent(&self, sound: Sound) -> &Sent {
        &self.sent[sound as usize]
    }

    /// Notes what was given back to the system.
    pub fn reclaim(&self, Reclaimed { buffers, nodes, graphs }: Reclaimed) {
        for (count, more) in self.reclaimed.iter().zip([buffers, nodes, graphs]) {
            count.inc_by(more);
        }
    }
}
