//! What attacks share: a station, one who hears it all the time, and connections on which anything can be said.

use auralis_tests::presets::RAIN;
use auralis_tests::{Heard, Listener, Server};
use serde_json::Value as Json;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A station, and one who hears it all the time.
pub struct Siege {
    pub server: Server,
    over: Arc<AtomicBool>,
    witness: JoinHandle<Vec<u64>>,
    /// KiB that it had at most before anything happened, and files that were open.
    memory: u64,
    pub files: usize,
}

impl Siege {
    pub fn begin(flags: &[&str]) -> Self {
        let server = Server::start_with(&[("rain", RAIN)], flags);
        let over = Arc::new(AtomicBool::new(false));
        let mut listener = Listener::join(&server, "/ws/audio/witness?format=pcm16");
        index_of(&mut listener);
        let (memory, files) = (server.memory("VmHWM"), open_files(&server));
        let until = Arc::clone(&over);
        let witness = std::thread::spawn(move || {
            let mut heard = Vec::new();
            while !until.load(Ordering::Relaxed) {
                heard.push(index_of(&mut listener));
            }
            heard
        });
        Self { server, over, witness, memory, files }
    }

    /// Whoever attacked has gone: nothing is left of it.
    #[track_caller]
    pub fn is_left(&self, patience: Duration) {
        let deadline = Instant::now() + patience;
        while open_files(&self.server) > self.files {
            let files = open_files(&self.server);
            assert!(Instant::now() < deadline, "{files} files are open, and {} were", self.files);
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// The witness has heard all there was, the station had at most so many MB more, and goes on.
    #[track_caller]
    pub fn end(self, most: u64) {
        let Self { server, over, witness, memory, .. } = self;
        assert_eq!(server.get("/api/v1/health")["status"], "healthy");
        over.store(true, Ordering::Relaxed);
        let heard = witness.join().expect("the witness was thrown out");
        assert!(heard.windows(2).all(|pair| pair[1] == pair[0] + 1), "holes: {heard:?}");
        let more = (server.memory("VmHWM") - memory) >> 10;
        assert!(more <= most, "{more} MB more");
    }
}

/// The number of the next chunk of PCM that a listener hears.
#[track_caller]
pub fn index_of(listener: &mut Listener) -> u64 {
    loop {
        match listener.hear() {
            Heard::Binary(frame) => return u64::from_le_bytes(frame[8..16].try_into().expect("eight bytes")),
            Heard::Text(_) | Heard::Ping => {}
            Heard::End(why) => panic!("the station hung up: {why:?}"),
        }
    }
}

pub fn open_files(server: &Server) -> usize {
    std::fs::read_dir(format!("/proc/{}/fd", server.process())).expect("the process is there").count()
}

/// Seconds of processor time that a station has taken.
pub fn worked(server: &Server) -> f64 {
    let stat =
        std::fs::read_to_string(format!("/proc/{}/stat", server.process())).expect("the process is there");
    let (_, fields) = stat.rsplit_once(')').expect("a name in brackets");
    let ticks: u64 =
        fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum();
    ticks as f64 / 100.0
}

pub fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", server.port())).expect("the station listens");
    stream.set_read_timeout(Some(Duration::from_secs(100))).expect("a line has timeouts");
    stream
}

/// Connects with room for little, so that who takes nothing is soon full.
pub fn narrow(server: &Server) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.set_recv_buffer_size(4096).unwrap();
    socket.connect(&SocketAddr::from(([127, 0, 0, 1], server.port())).into()).unwrap();
    socket.into()
}

/// Leaves without a farewell, and without keeping the port for a minute.
pub fn vanish(stream: TcpStream) {
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("a line has options");
}

/// What opens a WebSocket.
pub fn opening(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
    )
}

/// A WebSocket on which anything can be said.
pub fn open(server: &Server, path: &str) -> TcpStream {
    let mut stream = connect(server);
    stream.write_all(opening(path).as_bytes()).unwrap();
    let head = head(&mut stream);
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    stream
}

/// The head of an answer.
pub fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") && stream.read(&mut byte).unwrap_or(0) == 1 {
        head.push(byte[0]);
    }
    String::from_utf8_lossy(&head).into_owned()
}

/// A frame of a client: its first byte (0x80 for the last of a message, and the kind), and what is in it.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = claim(first, payload.len() as u64);
    frame.extend_from_slice(payload);
    frame
}

/// The head of a frame that claims a length. Its mask changes nothing.
pub fn claim(first: u8, length: u64) -> Vec<u8> {
    let mut head = vec![first];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(length), _) if length < 126 => head.push(0x80 | length),
        (_, Ok(length)) => {
            head.push(0x80 | 126);
            head.extend(length.to_be_bytes());
        }
        _ => {
            head.push(0x80 | 127);
            head.extend(length.to_be_bytes());
        }
    }
    head.extend([0; 4]);
    head
}

/// What a station says over a WebSocket until the connection ends: the texts, and the code of its farewell.
pub fn farewell(stream: &mut TcpStream) -> (Vec<Json>, Option<u16>) {
    let mut texts = Vec::new();
    loop {
        let mut head = [0; 2];
        if stream.read_exact(&mut head).is_err() {
            return (texts, None);
        }
        let mut long = [0; 2];
        let length = match head[1] {
            126 => stream.read_exact(&mut long).map(|()| usize::from(u16::from_be_bytes(long))),
            127 => panic!("a long frame"),
            length => Ok(usize::from(length)),
        };
        let mut payload = vec![0; length.unwrap_or(0)];
        if stream.read_exact(&mut payload).is_err() {
            return (texts, None);
        }
        match head[0] & 0xf {
            1 => texts.push(serde_json::from_slice(&payload).expect("texts are JSON")),
            8 => return (texts, payload.first_chunk().map(|code| u16::from_be_bytes(*code))),
            _ => {}
        }
    }
}

/// Those of the messages that are errors.
pub fn errors(texts: &[Json]) -> Vec<&str> {
    let errors = texts.iter().filter(|text| text["type"] == "error");
    errors.map(|error| error["code"].as_str().expect("an error has a code")).collect()
}
