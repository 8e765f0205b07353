//! `ring_buffer`: the chunks of the last seconds, for many readers. Writing is real-time safe.

mod jitter;
#[cfg(all(test, loom))]
mod models;
mod ring;
#[cfg(all(test, not(loom)))]
mod tests;

pub use jitter::{Confidence, JitterTracker, Tier};
pub use ring::{Chunk, ChunkRef, ChunkRing, ChunkWriter, Health, MOST_CHUNKS, Read};

use auralis_graph::engine::{Context, Io};
use auralis_graph::node::Role;
use auralis_graph::places::Places;
use auralis_graph::port::{PortSpec, Ports};
use auralis_graph::units::Seconds;
use auralis_graph::{Node, NodeError, Prepare, Prepared, Processor, Status};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Copies packets into the ring that listeners read.
pub struct RingBuffer {
    ring: Arc<ChunkRing>,
    writer: ChunkWriter,
}

/// Structural configuration.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct RingBufferConfig {
    /// Sound that late listeners can still ask for, 200 ms to 10 min.
    capacity: Seconds,
}

impl Default for RingBufferConfig {
    fn default() -> Self {
        // 30 chunks of 100 ms.
        Self { capacity: Seconds(3.0) }
    }
}

impl Node for RingBuffer {
    const KIND: &'static str = "ring_buffer";
    const ABOUT: &'static str = "Keeps the last seconds of encoded sound for a station's listeners.

Each listener reads at its own pace; one that falls behind by more than `capacity` is moved to the live edge. The
writer never waits for a reader. Only a server runs it.";
    const EXAMPLE: &'static str = "
hiss: { type: noise, gain: -20 dB }
chunks: { type: encoder, in: hiss }
ring: { type: ring_buffer, in: chunks, capacity: 2 s }";
    const ROLE: Role = Role::Ring;
    type Config = RingBufferConfig;

    fn ports(_config: &RingBufferConfig) -> Ports {
        Ports::new([PortSpec::packets_in("in")], [])
    }

    fn check(config: &RingBufferConfig, _places: &Places) -> Vec<NodeError> {
        if (0.2..=600.0).contains(&config.capacity.0) {
            return Vec::new();
        }
        vec![NodeError::new("a ring holds 200 ms to 10 min").at("capacity").help("2 s is usual")]
    }

    fn prepare(config: &RingBufferConfig, cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        let flow = cx.packets.first().copied().flatten();
        let flow = flow.ok_or_else(|| NodeError::new("nothing is connected").help("add `in: encoder`"))?;
        let chunks = (config.capacity.0 / flow.seconds).ceil() as usize;
        let ring = ChunkRing::new(chunks, flow.bytes(cx.sample_rate), cx.sample_rate, flow.seconds);
        let ring = Arc::new(ring);
        let writer = ring.writer();
        cx.publish(Arc::clone(&ring));
        Ok(Prepared::new(RingBuffer { ring, writer }))
    }
}

impl Processor for RingBuffer {
    fn process(&mut self, _cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        for packet in io.packets(0).iter() {
            // A chunk that cannot be kept is counted by the ring.
            let _ = self.writer.write(&self.ring, &packet);
        }
        Status::Asleep
    }

    fn reset(&mut self) {}
}
