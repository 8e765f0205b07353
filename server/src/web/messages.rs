//! The messages of the WebSocket protocol (contract, section 3).

use crate::station::{Request, now_micros};
use serde::Deserialize;
use serde_json::json;

/// What a client says.
#[derive(Debug, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum FromClient {
    /// Change what is played.
    Control(Box<Request>),
    /// Are you there?
    Ping {
        /// The client's clock, given back as it is.
        #[serde(default)]
        client_time: serde_json::Value,
    },
    /// How are you?
    StatusRequest,
    /// How it sounds at the other end.
    Report(ClientReport),
}

/// What a client reports of itself.
#[derive(Debug, Deserialize)]
pub struct ClientReport {
    /// Milliseconds in its buffer.
    #[serde(default)]
    pub buffer_ms: f64,
    /// Times its buffer ran empty since it connected.
    #[serde(default)]
    pub underruns: u64,
    /// The chunk that it plays.
    #[serde(default)]
    pub played_chunk_index: u64,
}

/// A `pong` message.
pub fn pong(client_time: &serde_json::Value) -> String {
    json!({ "type": "pong", "client_time": client_time, "server_time": super::timestamp(now_micros()) })
        .to_string()
}

/// Version of the binary frame.
const VERSION: u8 = 1;
/// Format number of 16-bit PCM in the binary frame.
const PCM16: u8 = 1;

/// A binary frame with one chunk of PCM: u8 version, u8 format, u16 packet count, u32 sample rate, u64 chunk
/// index, u64 microseconds since the Unix epoch, all little-endian, then the samples.
pub fn pcm_frame(sample_rate: u32, index: u64, micros: i64, pcm: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(24 + pcm.len());
    frame.extend([VERSION, PCM16]);
    frame.extend(1u16.to_le_bytes());
    frame.extend(sample_rate.to_le_bytes());
    frame.extend(index.to_le_bytes());
    frame.extend((micros.max(0) as u64).to_le_bytes());
    frame.extend(pcm);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_messages_are_read_by_their_type() {
        let read = |text: &str| serde_json::from_str::<FromClient>(text);
        assert!(matches!(read(r#"{"type":"status_request"}"#), Ok(FromClient::StatusRequest)));
        assert!(
            matches!(read(r#"{"type":"ping","client_time":12.5}"#), Ok(FromClient::Ping { client_time }) if client_time == 12.5)
        );
        assert!(
            matches!(read(r#"{"type":"control","bpm":70,"timestamp":"x"}"#), Ok(FromClient::Control(r)) if r.bpm.is_some())
        );
        for wrong in ["", "5", "{}", r#"{"type":"dance"}"#, r#"{"type":"report","buffer_ms":"x"}"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_binary_frame_has_24_bytes_of_header() {
        let frame = pcm_frame(44_100, 7, 1_700_000_000_000_000, &[1, 2, 3, 4]);
        assert_eq!(frame.len(), 28);
        assert_eq!(&frame[..4], [1, 1, 1, 0]);
        assert_eq!(u32::from_le_bytes(frame[4..8].try_into().unwrap()), 44_100);
        assert_eq!(u64::from_le_bytes(frame[8..16].try_into().unwrap()), 7);
        assert_eq!(u64::from_le_bytes(frame[16..24].try_into().unwrap()), 1_700_000_000_000_000);
    }
}
