//! What listeners get besides plain PCM: Opus and FLAC, and the containers that carry them. A chunk is encoded once,
//! whoever listens, on the thread that rendered it: nothing here allocates once it is warm, waits, or does I/O.

pub mod flac;
pub mod frame;
pub mod ogg;
pub mod opus;
mod resample;
pub mod wav;

/// Why sound cannot be encoded.
#[derive(Debug, thiserror::Error)]
pub enum EncodingError {
    /// Outside of what Opus takes.
    #[error("Opus takes {min} to {max} bit/s, not {0}", min = opus::BITRATES.start(), max = opus::BITRATES.end())]
    Bitrate(u32),
    /// A rate that a FLAC stream cannot name.
    #[error("a FLAC stream cannot name {0} Hz: choose a rate up to 65,535 Hz, or one in whole tens of Hz")]
    Rate(u32),
    /// A chunk that FLAC cannot cut into equal blocks.
    #[error("chunks of {0} frames cannot be cut into equal blocks of FLAC: choose another length of chunks")]
    Blocks(usize),
    /// A chunk that is not as long as the encoder was made for.
    #[error("a chunk of {found} samples, where all have {expected}")]
    Length {
        /// Samples of the chunk, both channels together.
        found: usize,
        /// What all chunks have.
        expected: usize,
    },
    /// More than the binary frame can say.
    #[error("a binary frame counts packets and their bytes with 16 bits, and cannot say {0}")]
    Count(usize),
    /// The resampler cannot be made, or refuses.
    #[error("resampling to 48,000 Hz: {0}")]
    Resampling(String),
    /// What the Opus encoder says.
    #[error("Opus: {0}")]
    Opus(&'static str),
    /// What the FLAC encoder says.
    #[error("FLAC: {0}")]
    Flac(#[from] flac_codec::Error),
}

/// What a chunk became: packets one behind the other, kept in one place that is used again.
#[derive(Debug, Default)]
pub struct Packets {
    bytes: Vec<u8>,
    ends: Vec<usize>,
    offset_micros: i64,
}

impl Packets {
    fn with_capacity(packets: usize, bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), ends: Vec::with_capacity(packets), offset_micros: 0 }
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// What was added to the bytes since the last end is a packet.
    fn end(&mut self) {
        self.ends.push(self.bytes.len());
    }

    /// The packets, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> {
        (0..self.ends.len()).map(|i| {
            let start = if i == 0 { 0 } else { self.ends[i - 1] };
            &self.bytes[start..self.ends[i]]
        })
    }

    /// How many there are: none where a chunk is shorter than a packet.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// All packets without anything between them: of FLAC, a piece of a stream.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Microseconds from the first frame of the chunk to the first frame of the first packet, as a decoder gives it:
    /// below zero where packets begin in the chunk before, and by what encoding delays.
    pub fn offset_micros(&self) -> i64 {
        self.offset_micros
    }
}

/// Refuses a chunk of another length.
fn check_length(pcm: &[i16], expected: usize) -> Result<(), EncodingError> {
    if pcm.len() == expected { Ok(()) } else { Err(EncodingError::Length { found: pcm.len(), expected }) }
}
