//! How soon a control is answered, and how soon it is heard.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use tungstenite::{Message, WebSocket};

/// A tone whose level can be turned.
pub const TONE: &str = "auralis: 1
name: Tone
nodes:
  tone: { type: oscillator, frequency: 440 Hz, gain: -6 dB }
  out: { type: output, in: tone }
expose:
  level: { to: tone.gain }
";

/// Times that each is tried.
const RUNS: usize = 21;

/// A listener who turns the level.
pub struct Hand {
    socket: WebSocket<TcpStream>,
}

impl Hand {
    pub fn new(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).expect("the station listens");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("sockets have a timeout");
        let url = format!("ws://{address}/ws/stream?format=pcm16");
        let (socket, _) = tungstenite::client(url, stream).expect("it is let in");
        Self { socket }
    }

    /// Median times from a control to its update, and to the first chunk that sounds so.
    pub fn times(&mut self) -> (Duration, Duration) {
        let (mut answers, mut sounds) = (Vec::new(), Vec::new());
        for run in 0..RUNS {
            let level = if run % 2 == 0 { -40.0 } else { -6.0 };
            // At another place of the chunk each time.
            let calm = Instant::now() + Duration::from_millis(900 + 37 * run as u64);
            while Instant::now() < calm {
                self.socket.read().expect("the station speaks");
            }
            let asked = Instant::now();
            let control = format!(r#"{{"type":"control","params":{{"level":{level}}}}}"#);
            self.socket.send(Message::text(control)).expect("the station hears");
            let (mut answered, mut heard) = (None, None);
            while answered.is_none() || heard.is_none() {
                match self.socket.read().expect("the station speaks") {
                    Message::Text(text) if text.contains("generation_update") => {
                        answered = answered.or(Some(asked.elapsed()));
                    }
                    Message::Binary(frame) if is_so(&frame[24..], level) => {
                        heard = heard.or(Some(asked.elapsed()));
                    }
                    _ => {}
                }
            }
            answers.extend(answered);
            sounds.extend(heard);
        }
        answers.sort();
        sounds.sort();
        (answers[RUNS / 2], sounds[RUNS / 2])
    }
}

/// Whether the end of a chunk is as loud as a level, to 3 dB.
fn is_so(pcm: &[u8], level: f64) -> bool {
    let end = &pcm[pcm.len() - 4 * 441..];
    let peak = end.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]]).unsigned_abs()).max();
    let db = 20.0 * (f64::from(peak.unwrap_or(0)) / 32_768.0).max(1e-6).log10();
    (db - level).abs() < 3.0
}
