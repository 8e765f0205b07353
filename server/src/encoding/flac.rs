//! FLAC, 16 bits: a chunk becomes one frame, or several of one length. On the rendering thread.

use super::{EncodingError, Packets, check_length};
use auralis_graph::chance::Chance;
use flac_codec::encode::{FlacStreamWriter, Options};
use flac_codec::stream::{FrameHeader, FrameNumber};

/// Frames of a block that every decoder takes, by the rate (RFC 9639, section 7, the streamable subset).
const SUBSET_BLOCK: usize = 4_608;
/// Frames of a block whose bytes are counted by 16 bits, come what may.
const MOST_BLOCK: usize = 15_800;
/// Frames below which the head of a block weighs too much, where a chunk is to be cut.
const LEAST_BLOCK: usize = 256;
/// A stream's frames are numbered by 31 bits; then they begin again.
const NUMBERS: u64 = 1 << 31;

/// The sum at a frame's end (RFC 9639, section 9.3).
const CRC: crc::Crc<u16> = crc::Crc::<u16>::new(&crc::CRC_16_UMTS);

/// What a stream of 16-bit stereo is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FlacFormat {
    rate: u32,
    block: usize,
}

/// What is known of a whole stream once it has ended; nothing of one that goes on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Extent {
    /// Bytes of the shortest and of the longest frame.
    pub frame_bytes: (u32, u32),
    /// Samples of one channel.
    pub samples: u64,
    /// MD5 of the samples, interleaved and little-endian.
    pub sum: [u8; 16],
}

/// Bytes of `fLaC`, behind which STREAMINFO stands.
pub const MAGIC: usize = 4;

impl FlacFormat {
    /// Samples of one channel in a block; a chunk has a whole number of them.
    pub fn block(&self) -> usize {
        self.block
    }

    /// The head of a native stream: `fLaC`, what the stream is, and tags as (name, value). Chunks follow.
    pub fn header(&self, tags: &[(&str, &str)]) -> Vec<u8> {
        let mut head = b"fLaC".to_vec();
        head.extend(self.stream_info(&Extent::default()));
        head.extend(comment_block(tags));
        head
    }

    /// The metadata block STREAMINFO (RFC 9639, section 8.2) with its head.
    pub fn stream_info(&self, extent: &Extent) -> [u8; 38] {
        let mut info = [0; 38];
        info[3] = 34;
        let size = (self.block as u16).to_be_bytes();
        info[4..6].copy_from_slice(&size);
        info[6..8].copy_from_slice(&size);
        let (shortest, longest) = extent.frame_bytes;
        info[8..11].copy_from_slice(&shortest.min(0xFF_FFFF).to_be_bytes()[1..]);
        info[11..14].copy_from_slice(&longest.min(0xFF_FFFF).to_be_bytes()[1..]);
        // 20 bits of rate, 3 of channels less one, 5 of bits less one, 36 of length, where 0 is one that nobody knows.
        let samples = if extent.samples < 1 << 36 { extent.samples } else { 0 };
        let facts = u64::from(self.rate) << 44 | 1 << 41 | 15 << 36 | samples;
        info[14..22].copy_from_slice(&facts.to_be_bytes());
        info[22..38].copy_from_slice(&extent.sum);
        info
    }
}

/// Encodes a station's chunks. What was heard of a stream before does not matter: a listener may join at any chunk.
pub struct FlacEncoder {
    writer: FlacStreamWriter<rtrb::Producer<u8>>,
    written: rtrb::Consumer<u8>,
    format: FlacFormat,
    samples: usize,
    block_samples: Vec<i32>,
    block_bytes: Vec<u8>,
    packets: Packets,
}

impl std::fmt::Debug for FlacEncoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FlacEncoder").field("format", &self.format).finish_non_exhaustive()
    }
}

impl FlacEncoder {
    /// For chunks of stereo sound at a rate in Hz, of so many frames each. Allocates, and encodes some chunks so that
    /// later ones need not.
    ///
    /// # Errors
    /// A rate that a stream cannot name, or chunks that cannot be cut into equal blocks.
    pub fn new(rate: u32, chunk_frames: usize) -> Result<Self, EncodingError> {
        if rate == 0 || rate > 655_350 || rate > 65_535 && !rate.is_multiple_of(10) {
            return Err(EncodingError::Rate(rate));
        }
        let block = block(rate, chunk_frames).ok_or(EncodingError::Blocks(chunk_frames))?;
        let (ring, written) = rtrb::RingBuffer::new(most_bytes(2 * block));
        let count = chunk_frames / block;
        let mut encoder = Self {
            // All four ways of sharing between channels would take 1.7 times as long for a hundredth of the bytes.
            writer: FlacStreamWriter::new(ring, Options::default().fast_channel_correlation(true)),
            written,
            format: FlacFormat { rate, block },
            samples: 2 * chunk_frames,
            block_samples: Vec::with_capacity(4 * block),
            block_bytes: Vec::with_capacity(most_bytes(2 * block)),
            packets: Packets::with_capacity(count, count * most_bytes(block)),
        };
        encoder.warm_up()?;
        Ok(encoder)
    }

    /// What its stream is.
    pub fn format(&self) -> FlacFormat {
        self.format
    }

    /// Frames of a chunk.
    pub(super) fn chunk_frames(&self) -> usize {
        self.samples / 2
    }

    /// Packets of a chunk at most, and bytes of them all.
    pub(super) fn most(&self) -> (usize, usize) {
        (self.packets.ends.capacity(), self.packets.bytes.capacity())
    }

    /// The frames of a chunk of interleaved stereo, numbered by the chunk's index. Together they are a piece of a
    /// native stream.
    ///
    /// # Errors
    /// A chunk of another length than all, or what the encoder says.
    pub fn encode(&mut self, index: u64, pcm: &[i16]) -> Result<&Packets, EncodingError> {
        check_length(pcm, self.samples)?;
        self.packets.clear();
        let first = index.wrapping_mul((self.samples / 2 / self.format.block) as u64);
        for (number, samples) in pcm.chunks_exact(2 * self.format.block).enumerate() {
            self.block_samples.clear();
            self.block_samples.extend(samples.iter().map(|x| i32::from(*x)));
            self.writer.write(self.format.rate, 2, 16, &self.block_samples)?;
            self.take_numbered(first.wrapping_add(number as u64) % NUMBERS)?;
        }
        Ok(&self.packets)
    }

    /// Takes the frame that was written, with another number. The library counts from the first one that it wrote.
    fn take_numbered(&mut self, number: u64) -> Result<(), EncodingError> {
        self.block_bytes.clear();
        let count = self.written.slots();
        if let Ok(chunk) = self.written.read_chunk(count) {
            let (a, b) = chunk.as_slices();
            self.block_bytes.extend(a);
            self.block_bytes.extend(b);
            chunk.commit_all();
        }
        let mut rest = self.block_bytes.as_slice();
        let mut header = FrameHeader::read_subset(&mut rest)?;
        header.frame_number = FrameNumber(number);
        let bytes = &mut self.packets.bytes;
        let start = bytes.len();
        header.write_subset(bytes)?;
        bytes.extend(&rest[..rest.len().saturating_sub(2)]);
        let sum = CRC.checksum(&bytes[start..]);
        bytes.extend(sum.to_be_bytes());
        self.packets.end();
        Ok(())
    }

    /// The library's buffers grow with what they are given: here by blocks of each kind, twice as long as any that
    /// comes, since what a length of noise takes varies.
    fn warm_up(&mut self) -> Result<(), EncodingError> {
        let mut noise = Chance::new(0);
        for kind in 0..6 {
            self.block_samples.clear();
            for _ in 0..2 * self.format.block {
                let (a, b) = (i32::from(noise.bits() as i16), i32::from(noise.bits() as i16));
                self.block_samples.extend(match kind {
                    0 => [0, 0],
                    1 => [a, b],
                    2 => [a, 0],
                    3 => [0, a],
                    4 => [a, a],
                    // Where a block's last bits are all zero they are left out, of sums and differences too.
                    _ => [a & !3, b & !3],
                });
            }
            self.writer.write(self.format.rate, 2, 16, &self.block_samples)?;
            self.take_numbered(0)?;
            self.packets.clear();
        }
        Ok(())
    }
}

/// Bytes of a block at most: 16 bits of one channel and 17 of the difference between both, uncompressed, and its head.
fn most_bytes(block: usize) -> usize {
    block * 33 / 8 + 64
}

/// Frames of the blocks that a chunk is cut into.
fn block(rate: u32, chunk_frames: usize) -> Option<usize> {
    let subset = if rate <= 48_000 { SUBSET_BLOCK } else { MOST_BLOCK };
    let cut = |most: usize| {
        let blocks = (1..=chunk_frames / LEAST_BLOCK).map(|count| (count, chunk_frames / count));
        blocks
            .filter(|(count, block)| count * block == chunk_frames)
            .map(|(_, block)| block)
            .find(|block| *block <= most)
    };
    // Shorter than 16 frames no block may be.
    if (16..=subset).contains(&chunk_frames) {
        Some(chunk_frames)
    } else {
        cut(subset).or_else(|| cut(MOST_BLOCK))
    }
}

/// The metadata block VORBIS_COMMENT (section 8.6) with its head, as the last one.
pub(super) fn comment_block(tags: &[(&str, &str)]) -> Vec<u8> {
    let comments = super::ogg::comments(tags);
    let mut block = (comments.len() as u32 & 0xFF_FFFF | 0x84 << 24).to_be_bytes().to_vec();
    block.extend(comments);
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_is_cut_into_equal_blocks_that_every_decoder_takes() {
        for (rate, chunk, wanted) in [
            (44_100, 4_410, Some(4_410)),
            (44_100, 44_100, Some(4_410)),
            (48_000, 4_800, Some(2_400)),
            (48_000, 480, Some(480)),
            (8_000, 80, Some(80)),
            (96_000, 9_600, Some(9_600)),
            (192_000, 192_000, Some(12_800)),
            // A prime: one block, which most decoders take.
            (48_000, 4_621, Some(4_621)),
            (44_101, 44_101, None),
            (8_000, 15, None),
            (8_000, 0, None),
        ] {
            assert_eq!(block(rate, chunk), wanted, "{chunk} frames at {rate} Hz");
        }
    }

    #[test]
    fn what_cannot_be_streamed_is_refused_in_words() {
        let rate = FlacEncoder::new(96_001, 9_600).unwrap_err().to_string();
        assert_eq!(
            rate,
            "a FLAC stream cannot name 96001 Hz: choose a rate up to 65,535 Hz, or one in whole tens of Hz"
        );
        let blocks = FlacEncoder::new(44_101, 44_101).unwrap_err().to_string();
        assert!(
            blocks.starts_with("chunks of 44101 frames cannot be cut into equal blocks of FLAC"),
            "{blocks}"
        );
        let mut encoder = FlacEncoder::new(44_100, 4_410).unwrap();
        let length = encoder.encode(0, &[0; 8_818]).unwrap_err().to_string();
        assert_eq!(length, "a chunk of 8818 samples, where all have 8820");
    }

    #[test]
    fn a_frame_is_numbered_by_its_chunk() {
        let mut encoder = FlacEncoder::new(44_100, 44_100).unwrap();
        for (index, first) in [(0, 0), (7, 70), (1 << 31, 0), ((1 << 31) + 3, 30), (u64::MAX, NUMBERS - 10)] {
            let packets = encoder.encode(index, &[5; 88_200]).unwrap();
            let numbers =
                packets.iter().map(|mut frame| FrameHeader::read_subset(&mut frame).unwrap().frame_number.0);
            assert_eq!(numbers.collect::<Vec<_>>(), (first..first + 10).collect::<Vec<_>>(), "chunk {index}");
        }
    }

    #[test]
    fn what_cannot_be_compressed_fits_into_a_packet_of_a_binary_frame() {
        let mut encoder = FlacEncoder::new(192_000, 15_800).unwrap();
        let mut chance = Chance::new(1);
        let noise: Vec<i16> = (0..31_600).map(|_| chance.bits() as i16).collect();
        let longest = encoder.encode(0, &noise).unwrap().iter().map(<[u8]>::len).max();
        assert!(longest.is_some_and(|longest| longest > 62_000 && longest <= 65_535), "{longest:?}");
    }
}
