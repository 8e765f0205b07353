//! The binary frame of the WebSocket protocol (contract, section 3), little-endian: u8 version, u8 format, u16 packet
//! count, u32 sample rate, u64 chunk index, u64 microseconds since the Unix epoch, then packets each with a u16 length;
//! of PCM the rest is samples.

use super::opus::RATE;
use super::{EncodingError, Packets};
use auralis_nodes::encoder::ChunkHeader;

/// Bytes before the packets.
pub const FRAME_HEAD: usize = 24;
/// Version of the frame.
const VERSION: u8 = 1;
/// Format number of 16-bit PCM.
const PCM16: u8 = 1;

/// What packets are, with the number of the format.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Coding {
    /// Opus, at 48,000 Hz whatever the station's rate is.
    Opus = 2,
    /// FLAC.
    Flac = 3,
}

/// Appends a frame with one chunk of PCM, which is given as bytes.
pub fn pcm_frame(header: &ChunkHeader, pcm: &[u8], out: &mut Vec<u8>) {
    head(PCM16, 1, header.sample_rate, header.index, header.micros, out);
    out.extend_from_slice(pcm);
}

/// Appends a frame with what a chunk became. Its time is that of the first frame that a decoder gives.
///
/// # Errors
/// More packets, or longer ones, than 16 bits count; no encoder here makes any. Nothing is appended then.
pub fn packet_frame(
    coding: Coding,
    header: &ChunkHeader,
    packets: &Packets,
    out: &mut Vec<u8>,
) -> Result<(), EncodingError> {
    let counted = |number: usize| u16::try_from(number).map_err(|_| EncodingError::Count(number));
    packets.iter().try_for_each(|packet| counted(packet.len()).map(drop))?;
    let rate = if coding == Coding::Opus { RATE } else { header.sample_rate };
    let micros = header.micros.saturating_add(packets.offset_micros());
    head(coding as u8, counted(packets.len())?, rate, header.index, micros, out);
    for packet in packets.iter() {
        out.extend((packet.len() as u16).to_le_bytes());
        out.extend_from_slice(packet);
    }
    Ok(())
}

fn head(format: u8, packets: u16, rate: u32, index: u64, micros: i64, out: &mut Vec<u8>) {
    out.extend([VERSION, format]);
    out.extend(packets.to_le_bytes());
    out.extend(rate.to_le_bytes());
    out.extend(index.to_le_bytes());
    out.extend((micros.max(0) as u64).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    const MICROS: i64 = 1_700_000_000_000_000;
    const HEADER: ChunkHeader =
        ChunkHeader { index: 0x0102, sample_rate: 44_100, channels: 2, micros: MICROS };

    fn packets(of: &[&[u8]], offset_micros: i64) -> Packets {
        let mut packets = Packets { offset_micros, ..Packets::default() };
        for packet in of {
            packets.bytes.extend(*packet);
            packets.end();
        }
        packets
    }

    #[test]
    fn a_frame_of_pcm_is_a_head_of_24_bytes_and_samples_behind_what_is_there() {
        let mut frame = vec![9];
        pcm_frame(&HEADER, &[1, 2, 3, 4], &mut frame);
        assert_eq!(frame[..5], [9, 1, 1, 1, 0]);
        assert_eq!(frame[5..9], 44_100u32.to_le_bytes());
        assert_eq!(frame[9..17], [2, 1, 0, 0, 0, 0, 0, 0]);
        assert_eq!(frame[17..25], (MICROS as u64).to_le_bytes());
        assert_eq!(frame[1 + FRAME_HEAD..], [1, 2, 3, 4]);
    }

    #[test]
    fn packets_follow_each_other_with_their_lengths_and_begin_at_their_own_time() {
        let mut frame = Vec::new();
        packet_frame(Coding::Opus, &HEADER, &packets(&[b"abc", b"", b"de"], -9_167), &mut frame).unwrap();
        assert_eq!(frame[..4], [1, 2, 3, 0]);
        assert_eq!(frame[4..8], 48_000u32.to_le_bytes());
        assert_eq!(frame[16..24], (MICROS as u64 - 9_167).to_le_bytes());
        assert_eq!(frame[24..], *b"\x03\0abc\0\0\x02\0de");
        frame.clear();
        packet_frame(Coding::Flac, &HEADER, &packets(&[], 0), &mut frame).unwrap();
        assert_eq!((frame.len(), &frame[..4]), (FRAME_HEAD, &[1, 3, 0, 0][..]));
        assert_eq!(frame[4..8], 44_100u32.to_le_bytes());
    }

    #[test]
    fn what_16_bits_cannot_count_is_refused_whole() {
        let mut frame = Vec::new();
        let long = packets(&[b"abc", &[0; 65_536]], 0);
        let refused = packet_frame(Coding::Flac, &HEADER, &long, &mut frame).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "a binary frame counts packets and their bytes with 16 bits, and cannot say 65536"
        );
        assert!(frame.is_empty());
        assert!(packet_frame(Coding::Flac, &HEADER, &packets(&[&[0; 65_535]], 0), &mut frame).is_ok());
    }
}
