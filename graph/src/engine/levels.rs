//! How loud the outputs of every node are: peaks that the audio thread writes while somebody watches, and the control
//! side takes. Neither side waits; what nobody watches is not measured.

use super::memory::Memory;
use super::schedule::{Segment, Step};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The peaks of one node's audio outputs. They live as long as the node does, through every edit that keeps it.
pub(crate) type Peaks = Arc<[Peak]>;

/// The largest amplitude of one output since it was last taken.
#[derive(Debug)]
pub(crate) struct Peak {
    /// Which of the node's outputs it is, and its channels.
    pub port: u16,
    channels: u16,
    /// As its bits: those of positive numbers are ordered as the numbers are.
    most: AtomicU32,
    /// The number of the tap that was last put to the node; of its first output only.
    tap: AtomicU32,
}

impl Peak {
    pub fn of(port: usize, channels: u16) -> Self {
        Self { port: port as u16, channels, most: AtomicU32::new(0), tap: AtomicU32::new(0) }
    }

    /// How many channels the output has.
    pub fn channels(&self) -> usize {
        usize::from(self.channels)
    }

    /// Puts a tap to the node; 0 takes it away. What is written begins with the engine's next quantum.
    pub fn put_tap(&self, tap: u32) {
        self.tap.store(tap, Ordering::Relaxed);
    }

    /// Takes the tap that was put to the node.
    pub fn take_tap(&self) -> u32 {
        self.tap.swap(0, Ordering::Relaxed)
    }

    /// Whether this tap was put to the node.
    pub fn is_tapped(&self, tap: u32) -> bool {
        self.tap.load(Ordering::Relaxed) == tap
    }

    /// What was measured since this was last called; 0 where nothing sounded.
    pub fn take(&self) -> f32 {
        f32::from_bits(self.most.swap(0, Ordering::Relaxed))
    }
}

/// Notes how loud a step's outputs are. For the audio thread, right after the step: its buffers are used again in
/// the same quantum.
pub(super) fn note(segment: &Segment, memory: &Memory, step: &Step, peaks: &[Peak]) {
    let mut wires = segment.list(&segment.wires, step.audio_out).iter();
    for peak in peaks {
        let of_port = wires.by_ref().take(usize::from(peak.channels));
        let sounding = of_port.filter(|wire| !memory.is_silent(**wire));
        let most = sounding.map(|wire| largest(memory.block(*wire))).max().unwrap_or(0);
        if most > 0 {
            peak.most.fetch_max(most, Ordering::Relaxed);
        }
    }
}

/// The bits of the largest amplitude. What passed a node's door is finite.
fn largest(samples: &[f32; crate::dsp::QUANTUM]) -> u32 {
    samples.iter().fold(0, |most, x| most.max(x.to_bits() & 0x7fff_ffff))
}
