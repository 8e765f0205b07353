//! The messages of the WebSocket protocol (contract, section 3).

use crate::station::{Request, now_micros};
use serde::Deserialize;
use serde_json::json;
use tungstenite::Message;
use tungstenite::protocol::WebSocketConfig;

/// Largest message of a client, in bytes.
pub const MOST_MESSAGE: usize = 64 << 10;
/// What is read at once, in bytes: kept for each listener.
const READ: usize = 512;
/// Letters of what is wrong with a message: it may repeat what stands in it.
const MOST_COMPLAINT: usize = 300;

/// What holds for a listener's WebSocket.
pub fn config() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ)
        .write_buffer_size(0)
        .max_message_size(Some(MOST_MESSAGE))
        .max_frame_size(Some(MOST_MESSAGE))
}

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

impl FromClient {
    /// Reads a message, if it says anything to the station.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(message: &Message) -> Option<Result<Self, String>> {
        let read = match message {
            Message::Text(text) => serde_json::from_str(text).map_err(|wrong| wrong.to_string()),
            Message::Binary(_) => Err("it is binary; messages are JSON text".to_string()),
            _ => return None,
        };
        Some(read.map_err(|wrong| wrong.chars().take(MOST_COMPLAINT).collect()))
    }
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
    /// The chunk that it plays, where it knows.
    #[serde(default)]
    pub played_chunk_index: Option<u64>,
    /// Milliseconds to the station and back, as it measured them.
    #[serde(default)]
    pub round_trip_ms: Option<f64>,
    /// Milliseconds by which its ear is behind the station's clock, as it measured them; below zero where it is ahead.
    #[serde(default)]
    pub delay_ms: Option<f64>,
}

/// A `pong` message.
pub fn pong(client_time: &serde_json::Value) -> String {
    json!({ "type": "pong", "client_time": client_time, "server_time": super::timestamp(now_micros()) })
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn client_messages_are_read_by_their_type() {
        let read = |text: &str| FromClient::read(&Message::text(text)).expect("it says something");
        assert!(matches!(read(r#"{"type":"status_request"}"#), Ok(FromClient::StatusRequest)));
        assert!(
            matches!(read(r#"{"type":"ping","client_time":12.5}"#), Ok(FromClient::Ping { client_time }) if client_time == 12.5)
        );
        assert!(
            matches!(read(r#"{"type":"control","bpm":70,"timestamp":"x"}"#), Ok(FromClient::Control(r)) if r.bpm.is_some())
        );
        let report = r#"{"type":"report","buffer_ms":250,"round_trip_ms":3.5,"delay_ms":-120.25}"#;
        assert!(
            matches!(read(report), Ok(FromClient::Report(r)) if r.round_trip_ms == Some(3.5) && r.delay_ms == Some(-120.25))
        );
        assert!(
            matches!(read(r#"{"type":"report"}"#), Ok(FromClient::Report(r)) if r.round_trip_ms.is_none() && r.delay_ms.is_none())
        );
        for wrong in ["", "5", "{}", r#"{"type":"dance"}"#, r#"{"type":"report","buffer_ms":"x"}"#] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
        let refused =
            read(&format!(r#"{{"type":"{}"}}"#, "dance".repeat(1000))).expect_err("it is no message");
        assert!(
            refused.starts_with("unknown variant `dancedance") && refused.len() == MOST_COMPLAINT,
            "{refused}"
        );
    }
}
