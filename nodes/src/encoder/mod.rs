//! `encoder`: audio into chunks for listeners. Audio thread, but for what prepares it.

mod message;
mod pcm;

pub use message::{ChunkHeader, ENVELOPE, MessageEncoder, MessageError, decode, micros_of, timestamp};
pub use pcm::{interleave, soft_knee, to_i16};

use auralis_graph::dsp::QUANTUM;
use auralis_graph::engine::{Context, Io};
use auralis_graph::node::Role;
use auralis_graph::packet::{Packet, PacketFormat};
use auralis_graph::places::Places;
use auralis_graph::port::{PacketFlow, PortSpec, Ports};
use auralis_graph::units::Seconds;
use auralis_graph::{Node, NodeError, Prepare, Prepared, Processor, Status};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Gathers frames into chunks.
pub struct Encoder {
    format: Format,
    sample_rate: u32,
    channels: u16,
    frames: usize,
    epoch: i64,
    chunk: Vec<u8>,
    index: u64,
    message: MessageEncoder,
}

/// What a chunk is sent as.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Signed 16-bit little-endian samples, interleaved.
    #[default]
    Pcm16,
    /// A whole `audio` message of the WebSocket protocol: JSON with the samples in base64.
    Json,
}

/// Structural configuration.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct EncoderConfig {
    /// pcm16 (samples as bytes), or json (the samples in base64 inside a message).
    format: Format,
    /// Sound in one chunk, 10 ms to 1 s.
    chunk: Seconds,
}

impl Default for EncoderConfig {
    fn default() -> Self {
        Self { format: Format::Pcm16, chunk: Seconds(0.1) }
    }
}

impl EncoderConfig {
    fn flow(&self) -> PacketFlow {
        match self.format {
            Format::Pcm16 => PacketFlow { seconds: self.chunk.0, frame_bytes: 4.0, extra_bytes: 0 },
            Format::Json => {
                let extra_bytes = ENVELOPE as u32 + 4;
                PacketFlow { seconds: self.chunk.0, frame_bytes: 16.0 / 3.0, extra_bytes }
            }
        }
    }
}

impl Node for Encoder {
    const KIND: &'static str = "encoder";
    const ABOUT: &'static str = "Turns sound into chunks of bytes for listeners.

A chunk holds `chunk` of stereo sound as 16-bit samples; peaks above -1 dBFS bend softly into the range instead of
clipping. As `json` each is a whole message of the streaming protocol. A station whose preset has no encoder and
ring gets both behind its `output`.";
    const EXAMPLE: &'static str = "
hiss: { type: noise, gain: -20 dB }
chunks: { type: encoder, in: hiss, chunk: 100 ms }
ring: { type: ring_buffer, in: chunks }";
    const ROLE: Role = Role::Encoder;
    type Config = EncoderConfig;

    fn ports(config: &EncoderConfig) -> Ports {
        Ports::new([PortSpec::audio("in", 2)], [PortSpec::packets_out("out", config.flow())])
    }

    fn check(config: &EncoderConfig, _places: &Places) -> Vec<NodeError> {
        if (0.01..=1.0).contains(&config.chunk.0) {
            return Vec::new();
        }
        vec![NodeError::new("a chunk has 10 ms to 1 s").at("chunk").help("100 ms is usual")]
    }

    fn prepare(config: &EncoderConfig, cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        let frames = config.flow().frames(cx.sample_rate) as usize;
        Ok(Prepared::new(Encoder {
            format: config.format,
            sample_rate: cx.sample_rate,
            channels: 2,
            frames,
            epoch: cx.epoch.unwrap_or(0),
            chunk: Vec::with_capacity(frames * 4),
            index: 0,
            message: MessageEncoder::new(frames * 4),
        }))
    }
}

impl Encoder {
    fn send(&mut self, io: &mut Io<'_>) {
        let frame = self.index * self.frames as u64;
        let (index, frames, channels) = (self.index, self.frames as u32, self.channels);
        let (format, bytes) = match self.format {
            Format::Pcm16 => (PacketFormat::Pcm16, Some(&self.chunk[..])),
            Format::Json => {
                let sample_rate = self.sample_rate;
                let micros = self.epoch + (i128::from(frame) * 1_000_000 / i128::from(sample_rate)) as i64;
                let header = ChunkHeader { index, sample_rate, channels, micros };
                (PacketFormat::Pcm16Json, self.message.encode(&header, &self.chunk))
            }
        };
        // The port and the message were made for chunks of this size; should one ever not fit, it is left out.
        if let Some(bytes) = bytes {
            let sent = io.send_packet(0, Packet { format, index, frame, frames, channels, bytes });
            debug_assert!(sent, "the port was made for all chunks of a quantum");
        }
        self.chunk.clear();
        self.index += 1;
    }
}

impl Processor for Encoder {
    fn process(&mut self, cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        let input = io.input(0);
        let (left, right) = (input.channel(0), input.channel(1));
        // Behind latency the first frames lie before position 0: a stream starts at 0.
        let mut frame = usize::try_from(-cx.frame).unwrap_or(0).min(QUANTUM);
        while frame < QUANTUM {
            let missing = self.frames - self.chunk.len() / 4;
            let end = QUANTUM.min(frame + missing);
            interleave(&[&left[frame..end], &right[frame..end]], &mut self.chunk);
            frame = end;
            if self.chunk.len() == self.frames * 4 {
                self.send(io);
            }
        }
        Status::Silent
    }

    fn reset(&mut self) {
        self.chunk.clear();
        self.index = 0;
    }
}
