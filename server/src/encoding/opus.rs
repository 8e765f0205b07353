//! Opus: packets of 20 ms at 48,000 Hz, whatever the station's rate is. On the rendering thread.
//!
//! The encoder is opus-rs, libopus in Rust, so that a build needs no C compiler. At the same bitrate its sound is
//! as near to its source as that of libopus (within 1 dB of noise, on presets, chords, noise and attacks, 16 to
//! 510 kbit/s). Only its CELT half is used, which is made for music and looks the least ahead.

use super::resample::Resampler;
use super::{EncodingError, Packets, check_length};
use opus_rs::Application;
use std::ops::RangeInclusive;

/// Frames per second of an Opus stream, whatever the station's rate is.
pub const RATE: u32 = 48_000;
/// Frames of a packet: 20 ms.
pub const PACKET: usize = 960;
/// Bits per second that are possible.
pub const BITRATES: RangeInclusive<u32> = 16_000..=510_000;

/// Bytes of a packet at most (RFC 6716, section 3.2.1: 1,275 for a frame, one for its table of contents).
const MOST_BYTES: usize = 1_276;
/// Frames that the encoder looks ahead: 2.5 ms, the overlap of CELT's windows.
const LOOK_AHEAD: usize = 120;
/// How hard it tries, of 10. Two thirds of the time would do for 5, and attacks have 1 dB more noise.
const COMPLEXITY: i32 = 10;

/// Encodes a station's chunks.
pub struct OpusEncoder {
    resampler: Resampler,
    encoder: opus_rs::OpusEncoder,
    samples: usize,
    /// Sound at 48,000 Hz that waits for a whole packet.
    waiting: Vec<f32>,
    packets: Packets,
}

impl std::fmt::Debug for OpusEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OpusEncoder").field("delay", &self.delay()).finish_non_exhaustive()
    }
}

impl OpusEncoder {
    /// For chunks of stereo sound at a rate in Hz, of so many frames each, to so many bits per second. Allocates.
    ///
    /// # Errors
    /// A bitrate outside of [`BITRATES`], or a rate that cannot be resampled.
    pub fn new(rate: u32, chunk_frames: usize, bitrate: u32) -> Result<Self, EncodingError> {
        if !BITRATES.contains(&bitrate) {
            return Err(EncodingError::Bitrate(bitrate));
        }
        let resampler = Resampler::new(rate, chunk_frames)?;
        let mut encoder = opus_rs::OpusEncoder::new(RATE as i32, 2, Application::RestrictedLowDelay)
            .map_err(EncodingError::Opus)?;
        encoder.bitrate_bps = bitrate as i32;
        encoder.complexity = COMPLEXITY;
        let most = PACKET + resampler.most(chunk_frames);
        let count = most / PACKET;
        Ok(Self {
            resampler,
            encoder,
            samples: 2 * chunk_frames,
            waiting: Vec::with_capacity(2 * most),
            packets: Packets::with_capacity(count, count * MOST_BYTES),
        })
    }

    /// How much later a decoder gives what came in, in frames at 48,000 Hz, where it begins with the first packet.
    pub fn delay(&self) -> usize {
        LOOK_AHEAD + self.resampler.delay()
    }

    /// Packets of a chunk at most, and bytes of them all.
    pub fn most(&self) -> (usize, usize) {
        (self.packets.ends.capacity(), self.packets.bytes.capacity())
    }

    /// The packets that are complete with a chunk of interleaved stereo; the rest waits for the next one.
    ///
    /// # Errors
    /// A chunk of another length than all, or what the encoder says.
    pub fn encode(&mut self, pcm: &[i16]) -> Result<&Packets, EncodingError> {
        check_length(pcm, self.samples)?;
        let before =
            (self.waiting.len() / 2 + self.delay()) as f64 / f64::from(RATE) + self.resampler.waiting();
        self.packets.clear();
        self.packets.offset_micros = (before * -1e6).round() as i64;
        self.resampler.process(pcm, &mut self.waiting)?;
        let whole = self.waiting.len() / (2 * PACKET) * (2 * PACKET);
        for sound in self.waiting[..whole].chunks_exact(2 * PACKET) {
            let start = self.packets.bytes.len();
            self.packets.bytes.resize(start + MOST_BYTES, 0);
            let packet = &mut self.packets.bytes[start..];
            let length = self.encoder.encode(sound, PACKET, packet).map_err(EncodingError::Opus)?;
            self.packets.bytes.truncate(start + length);
            self.packets.end();
        }
        self.waiting.drain(..whole);
        Ok(&self.packets)
    }
}
