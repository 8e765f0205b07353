//! What holds for all bytes that come over a WebSocket, whoever sends them. For the fuzz target `client`, and for the test
//! below.

use super::messages::{FromClient, MOST_MESSAGE, config, pong};
use auralis_graph::Preset;
use auralis_graph::places::Places;
use auralis_graph::source::Source;
use std::io::{Read, Result, Write};
use std::sync::{Arc, LazyLock};
use tungstenite::protocol::{Role, WebSocketContext};

/// Longest words in which a station says what is wrong, in bytes.
const MOST_WORDS: usize = 2048;
/// So many times longer than the message may an answer be that gives something back: `1e15` is told as a number of 18 letters.
const SPELLED_OUT: usize = 5;

/// The preset whose controls are turned.
static PLAYING: LazyLock<Arc<Preset>> = LazyLock::new(|| {
    let text = "auralis: 1\nnodes:\n  hiss: { type: noise }\n  out: { type: output, in: hiss }\n\
                expose:\n  level: { to: hiss.gain }\n";
    let source = Source::new("text.yaml", text);
    Arc::new(Preset::read(&source, &auralis_nodes::catalogue(), &Places::default()).expect("it is a preset"))
});

/// A connection over which bytes come as a stranger cut them.
struct Line<'a> {
    bytes: &'a [u8],
    /// Bytes that come at once.
    piece: usize,
    answered: usize,
}

impl Read for Line<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let most = buffer.len().min(self.piece);
        self.bytes.read(&mut buffer[..most])
    }
}

impl Write for Line<'_> {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        self.answered += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> Result<()> {
        Ok(())
    }
}

/// Hears bytes as a station does, until they end or the connection would. The first byte says how many of the others come
/// at once. Returns how many controls were legal.
///
/// # Panics
/// Something was larger than it may be.
pub fn hear(bytes: &[u8]) -> usize {
    let Some((piece, bytes)) = bytes.split_first() else { return 0 };
    let mut line = Line { bytes, piece: usize::from(*piece) + 1, answered: 0 };
    let mut socket = WebSocketContext::new(Role::Server, Some(config()));
    let mut legal = 0;
    while let Ok(message) = socket.read(&mut line) {
        assert!(message.len() <= MOST_MESSAGE, "{} bytes in a message", message.len());
        let said = match FromClient::read(&message) {
            None => continue,
            Some(Ok(said)) => said,
            Some(Err(wrong)) => {
                assert!(wrong.len() <= MOST_WORDS, "{wrong}");
                continue;
            }
        };
        match said {
            FromClient::Control(request) => match request.check(|_| Ok(Arc::clone(&PLAYING))) {
                Ok(_) => legal += 1,
                Err(wrong) => assert!(wrong.to_string().len() <= MOST_WORDS, "{wrong}"),
            },
            FromClient::Ping { client_time } => {
                let answer = pong(&client_time).len();
                assert!(answer <= SPELLED_OUT * message.len() + 100, "{answer} bytes for {message}");
            }
            FromClient::StatusRequest | FromClient::Report(_) => {}
        }
    }
    // The protocol itself answers pings, and a farewell in words of its own.
    assert!(line.answered <= bytes.len() + 64, "{} bytes of answers", line.answered);
    legal
}

#[cfg(test)]
mod tests {
    use super::*;
    use auralis_graph::chance::Chance;
    use std::time::{Duration, Instant};

    const TEXTS: [&str; 10] = [
        r#"{"type":"control","key":"C# minor","bpm":190.5,"intensity":0.8,"timestamp":"x"}"#,
        r#"{"type":"control","params":{"level":-20,"level":true}}"#,
        r#"{"type":"control","params":{"level":1e400}}"#,
        r#"{"type":"control","preset":"night_drift"}"#,
        r#"{"type":"ping","client_time":[[[{"a":12.5}]]]}"#,
        r#"{"type":"status_request"}"#,
        r#"{"type":"report","buffer_ms":250,"underruns":3,"played_chunk_index":18446744073709551615,"delay_ms":-1e300}"#,
        r#"{"type":"dance","\u0000":"\ud800"}"#,
        "[[[[[[[[[[[[[[[[",
        "\u{feff}{}\u{0}",
    ];
    const CONNECTIONS: u64 = 50_000;
    /// Longest that one may take, on a machine that does other things too.
    const PATIENCE: Duration = Duration::from_secs(5);

    fn below(most: usize, chance: &mut Chance) -> usize {
        chance.below(most as u32) as usize
    }

    /// Takes out, puts in or repeats some bytes.
    fn spoil(bytes: &mut Vec<u8>, chance: &mut Chance) {
        let place = below(bytes.len() + 1, chance);
        let end = (place + below(12, chance)).min(bytes.len());
        let with = match chance.below(3) {
            0 => Vec::new(),
            1 => vec![chance.bits() as u8],
            _ => bytes[place..end].repeat(1 + below(6_000, chance)),
        };
        bytes.splice(place..end, with);
    }

    /// A frame of a client, mostly a text's.
    fn frame(payload: &[u8], chance: &mut Chance) -> Vec<u8> {
        let first = [0x81, 0x81, 0x81, 0x81, 0x01, 0x80, 0x00, 0x82, 0x88, 0x89, 0x8a][below(11, chance)];
        let mask = (chance.bits() as u32).to_le_bytes();
        let mut frame = vec![first, 0x80 | 127];
        frame.extend((payload.len() as u64).to_be_bytes());
        frame.extend(mask);
        frame.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
        frame
    }

    /// What one says that means no good: a few messages, some of them spoilt, and perhaps what carries them.
    fn connection(chance: &mut Chance) -> Vec<u8> {
        let mut bytes = vec![chance.bits() as u8];
        for _ in 0..1 + chance.below(5) {
            let mut payload = TEXTS[below(TEXTS.len(), chance)].as_bytes().to_vec();
            if chance.happens(0.5) {
                spoil(&mut payload, chance);
            }
            bytes.extend(frame(&payload, chance));
        }
        if chance.happens(0.3) {
            spoil(&mut bytes, chance);
        }
        bytes
    }

    #[test]
    fn what_strangers_say_is_heard_or_refused_in_few_words() {
        let mut legal = 0;
        for number in 0..CONNECTIONS {
            let bytes = connection(&mut Chance::new(number));
            let asked = Instant::now();
            legal += hear(&bytes);
            assert!(asked.elapsed() < PATIENCE, "connection {number} took {:?}", asked.elapsed());
        }
        assert!(legal > 1_000, "{legal} controls were legal");
    }
}
