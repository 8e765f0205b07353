//! The `audio` message of the WebSocket protocol (contract, section 3): PCM in base64 inside JSON. Encoding
//! is real-time safe: it writes into memory that it owns.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::io::{Cursor, Write};
use time::OffsetDateTime;

/// Room for everything in a message but the data.
pub const ENVELOPE: usize = 256;

/// What is said of a chunk besides its samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkHeader {
    /// Number of the chunk.
    pub index: u64,
    /// Frames per second.
    pub sample_rate: u32,
    /// Channels.
    pub channels: u16,
    /// Microseconds since the Unix epoch at which its first frame is due.
    pub micros: i64,
}

/// Encodes chunks into one buffer that is used again and again.
#[derive(Debug)]
pub struct MessageEncoder {
    buffer: Box<[u8]>,
    length: usize,
}

/// Why a text is no `audio` message.
#[derive(Debug, thiserror::Error)]
pub enum MessageError {
    /// Not JSON of the right shape.
    #[error("not an audio message: {0}")]
    Json(#[from] serde_json::Error),
    /// The data is not base64.
    #[error("the data is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    /// Another sample format than `int16_le`.
    #[error("unknown sample format `{0}`")]
    Format(String),
}

#[derive(serde::Deserialize)]
struct Message {
    data: String,
    chunk_index: u64,
    sample_rate: u32,
    channels: u16,
    format: String,
}

impl MessageEncoder {
    /// For chunks of up to this many bytes of PCM; the only allocation.
    pub fn new(pcm_bytes: usize) -> Self {
        let length = pcm_bytes.div_ceil(3) * 4 + ENVELOPE;
        Self { buffer: vec![0; length].into_boxed_slice(), length: 0 }
    }

    /// Encodes one chunk. None, and nothing is sent, if it is larger than was said.
    pub fn encode(&mut self, header: &ChunkHeader, pcm: &[u8]) -> Option<&[u8]> {
        self.length = self.write(header, pcm)?;
        Some(&self.buffer[..self.length])
    }

    fn write(&mut self, header: &ChunkHeader, pcm: &[u8]) -> Option<usize> {
        let mut out = Cursor::new(&mut *self.buffer);
        out.write_all(b"{\"type\":\"audio\",\"data\":\"").ok()?;
        let start = out.position() as usize;
        let end = start + STANDARD.encode_slice(pcm, &mut self.buffer[start..]).ok()?;
        let mut out = Cursor::new(&mut *self.buffer);
        out.set_position(end as u64);
        out.write_all(b"\",\"timestamp\":\"").ok()?;
        write_timestamp(&mut out, header.micros)?;
        let ChunkHeader { index, sample_rate, channels, .. } = header;
        write!(
            out,
            "\",\"chunk_index\":{index},\"sample_rate\":{sample_rate},\"channels\":{channels},\"format\":\"int16_le\"}}"
        )
        .ok()?;
        Some(out.position() as usize)
    }
}

/// ISO 8601 in UTC with microseconds.
fn write_timestamp(out: &mut impl Write, micros: i64) -> Option<()> {
    let at = OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1000).ok()?;
    let (year, month, day) = at.to_calendar_date();
    let (hour, minute, second, micro) = at.to_hms_micro();
    let month = u8::from(month);
    write!(out, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micro:06}Z").ok()
}

/// Microseconds since the Unix epoch as ISO 8601 in UTC. Control side.
pub fn timestamp(micros: i64) -> String {
    let mut text = Vec::with_capacity(27);
    let _ = write_timestamp(&mut text, micros);
    String::from_utf8(text).unwrap_or_default()
}

/// The microseconds since the Unix epoch of a time of RFC 3339. Control side.
pub fn micros_of(text: &str) -> Option<i64> {
    let at = OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).ok()?;
    i64::try_from(at.unix_timestamp_nanos() / 1000).ok()
}

/// Reads an `audio` message back into its header (without the time) and PCM bytes. Control side.
///
/// # Errors
/// What is wrong with the text.
pub fn decode(text: &[u8]) -> Result<(ChunkHeader, Vec<u8>), MessageError> {
    let message: Message = serde_json::from_slice(text)?;
    if message.format != "int16_le" {
        return Err(MessageError::Format(message.format));
    }
    let Message { chunk_index: index, sample_rate, channels, .. } = message;
    Ok((ChunkHeader { index, sample_rate, channels, micros: 0 }, STANDARD.decode(message.data)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunk_of_the_contract_comes_back_as_it_was() {
        let pcm: Vec<u8> = (0..17_640u32).map(|i| (i * 7) as u8).collect();
        let header =
            ChunkHeader { index: 12, sample_rate: 44_100, channels: 2, micros: 1_700_000_000_123_456 };
        let mut encoder = MessageEncoder::new(pcm.len());
        let text = encoder.encode(&header, &pcm).unwrap().to_vec();
        let json: serde_json::Value = serde_json::from_slice(&text).unwrap();
        assert_eq!(json["type"], "audio");
        assert_eq!(json["timestamp"], "2023-11-14T22:13:20.123456Z");
        assert_eq!(json["data"].as_str().unwrap().len(), 23_520);
        let (read, bytes) = decode(&text).unwrap();
        assert_eq!((read.index, read.sample_rate, bytes), (12, 44_100, pcm.clone()));
        let overhead = text.len() as f64 / pcm.len() as f64;
        assert!((1.333..1.345).contains(&overhead), "{overhead}");
        assert!(MessageEncoder::new(10).encode(&header, &pcm).is_none(), "too large is left out, not cut");
    }

    #[test]
    fn what_is_no_message_is_named() {
        assert!(decode(b"{}").is_err());
        let wrong = br#"{"data":"","chunk_index":0,"sample_rate":1,"channels":1,"format":"mp3"}"#;
        assert_eq!(decode(wrong).unwrap_err().to_string(), "unknown sample format `mp3`");
    }
}
