//! From a chunk to what goes over connections, in every way to listen to one format. Render thread, but for what makes
//! an encoder; allocates nothing once warm.

use super::outlet::Plan;
use super::{Format, head};
use crate::encoding::EncodingError;
use crate::encoding::flac::FlacEncoder;
use crate::encoding::frame::{Coding, FRAME_HEAD, packet_frame, pcm_frame};
use crate::encoding::ogg::{FlacHead, FlacPages, OpusHead, OpusPages};
use crate::encoding::opus::OpusEncoder;
use auralis_nodes::encoder::{ChunkHeader, ENVELOPE, MessageEncoder};
use tungstenite::protocol::frame::coding::Data;

/// Ways to listen to one format, at most.
pub const MOST_FRAMINGS: usize = 3;
/// Bytes of the head of a WebSocket message, at most.
const MESSAGE_HEAD: usize = 10;
/// Bytes of what is around packets, in any container, at most.
const AROUND: usize = 2048;

/// What the headers of a format's streams say.
#[derive(Debug, Clone, Copy)]
pub enum Head {
    /// Messages need none.
    None,
    /// Of Ogg Opus.
    Opus(OpusHead),
    /// Of FLAC, in Ogg and native.
    Flac(FlacHead),
}

/// Makes messages and pages of chunks.
#[derive(Debug)]
pub struct Encoder {
    codec: Codec,
    most_bytes: usize,
    samples: Vec<i16>,
    payload: Vec<u8>,
}

#[derive(Debug)]
enum Codec {
    Json(MessageEncoder),
    Pcm16,
    Opus(Box<OpusEncoder>, OpusPages),
    Flac(Box<FlacEncoder>, FlacPages),
}

impl Encoder {
    /// For a format and a station's chunks.
    ///
    /// # Errors
    /// The format cannot carry them.
    pub fn new(format: Format, plan: &Plan) -> Result<Self, EncodingError> {
        let Plan { sample_rate, frames, bitrate, serial, .. } = *plan;
        let pcm = frames * 4;
        let (codec, bytes) = match format {
            Format::Json => (Codec::Json(MessageEncoder::new(pcm)), pcm.div_ceil(3) * 4 + ENVELOPE),
            Format::Pcm16 => (Codec::Pcm16, pcm + FRAME_HEAD),
            Format::Opus => {
                let encoder = OpusEncoder::new(sample_rate, frames, bitrate)?;
                let pages = OpusPages::new(serial, &encoder, 0);
                let (packets, bytes) = encoder.most();
                (Codec::Opus(Box::new(encoder), pages), bytes + 2 * packets + AROUND)
            }
            Format::Flac => {
                let encoder = FlacEncoder::new(sample_rate, frames)?;
                let pages = FlacPages::new(serial, &encoder);
                // What cannot be made smaller is a little larger.
                (Codec::Flac(Box::new(encoder), pages), pcm + pcm / 8 + AROUND)
            }
        };
        let most_bytes = bytes + MESSAGE_HEAD;
        let samples = Vec::with_capacity(frames * 2);
        Ok(Self { codec, most_bytes, samples, payload: Vec::with_capacity(most_bytes) })
    }

    /// Ways to listen: a WebSocket; of Opus Ogg, of FLAC Ogg and its own stream.
    pub fn framings(&self) -> usize {
        match self.codec {
            Codec::Json(_) | Codec::Pcm16 => 1,
            Codec::Opus(..) => 2,
            Codec::Flac(..) => 3,
        }
    }

    /// What headers say of it.
    pub fn head(&self) -> Head {
        match &self.codec {
            Codec::Json(_) | Codec::Pcm16 => Head::None,
            Codec::Opus(_, pages) => Head::Opus(pages.head()),
            Codec::Flac(_, pages) => Head::Flac(pages.head()),
        }
    }

    /// Bytes of a chunk, at most.
    pub fn most_bytes(&self) -> usize {
        self.most_bytes
    }

    /// Appends a chunk, for each way to listen; none if it cannot be encoded.
    pub fn encode(
        &mut self,
        header: &ChunkHeader,
        pcm: &[u8],
        out: &mut [Vec<u8>; MOST_FRAMINGS],
    ) -> Option<()> {
        let Self { codec, samples, payload, .. } = self;
        samples.clear();
        payload.clear();
        if let Codec::Opus(..) | Codec::Flac(..) = codec {
            samples.extend(pcm.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])));
        }
        let [message, first, second] = out;
        let kind = match codec {
            Codec::Json(encoder) => {
                payload.extend_from_slice(encoder.encode(header, pcm)?);
                Data::Text
            }
            Codec::Pcm16 => {
                pcm_frame(header, pcm, payload);
                Data::Binary
            }
            Codec::Opus(encoder, pages) => {
                let packets = encoder.encode(samples).ok()?;
                packet_frame(Coding::Opus, header, packets, payload).ok()?;
                first.extend_from_slice(pages.page(packets));
                Data::Binary
            }
            Codec::Flac(encoder, pages) => {
                let packets = encoder.encode(header.index, samples).ok()?;
                packet_frame(Coding::Flac, header, packets, payload).ok()?;
                first.extend_from_slice(pages.page(header.index, packets));
                second.extend_from_slice(packets.bytes());
                Data::Binary
            }
        };
        head(kind, payload.len(), message);
        message.extend_from_slice(payload);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_has_room_however_unevenly_its_rate_divides() {
        // Nine of ten chunks give no packet, the tenth all of a second.
        let (sample_rate, frames) = (44_101, 4_410);
        let plan = Plan { sample_rate, frames, chunks: 8, bitrate: 510_000, serial: 1 };
        let mut encoder = Encoder::new(Format::Opus, &plan).unwrap();
        let mut out: [Vec<u8>; MOST_FRAMINGS] = Default::default();
        let noise = (0..frames as u32 * 4).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8);
        let (pcm, mut longest): (Vec<u8>, usize) = (noise.collect(), 0);
        for index in 0..23 {
            out.iter_mut().for_each(Vec::clear);
            let header = ChunkHeader { index, sample_rate, channels: 2, micros: 0 };
            encoder.encode(&header, &pcm, &mut out).unwrap();
            longest = out.iter().map(Vec::len).fold(longest, usize::max);
        }
        assert!((30_000..=encoder.most_bytes()).contains(&longest), "{longest} bytes");
    }
}
