//! Listeners by the thousand on one thread: bare sockets that count the chunks they get, and when.

use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};
use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// Time between two chunks.
const CHUNK: f64 = 100.0;
/// Who is refused tries again so much later.
const AGAIN: Duration = Duration::from_secs(1);
/// What asks for a WebSocket.
const UPGRADE: &str = "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
    Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// Many connections to a station.
pub struct Crowd {
    address: SocketAddr,
    poll: Poll,
    events: Events,
    members: Vec<Member>,
    begun: Instant,
    buffer: Box<[u8]>,
}

struct Member {
    stream: TcpStream,
    state: State,
    request: String,
    /// The bytes of a head that is not complete.
    head: Vec<u8>,
    /// When the last chunk came, in ms since the crowd began, and the longest time without one.
    last: Option<f64>,
    gap: f64,
    chunks: u64,
    /// Of each chunk, how much later it came than the earliest in step.
    arrivals: Vec<f32>,
}

/// How one listens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Way {
    /// By WebSocket: chunks are counted.
    Socket,
    /// As a radio player, by plain HTTP: what comes together is counted.
    Player,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Connecting,
    /// The answer to the handshake is on its way.
    Answer,
    /// So many bytes of a message are still to come, which is sound or not.
    Message {
        left: usize,
        sound: bool,
    },
    Head,
    /// Bytes without end.
    Stream,
    Gone,
}

/// What a crowd heard.
#[derive(Debug, Clone, Copy)]
pub struct Heard {
    /// Those who are still there.
    pub listeners: usize,
    /// Those who waited longer than 200 ms for a chunk.
    pub gaps: usize,
    /// The longest wait in ms.
    pub longest: f64,
    /// How much later than the earliest 99 of 100 chunks came, in ms.
    pub late_p99: f64,
}

impl Crowd {
    /// Connects one to each path, all at once.
    pub fn join(address: SocketAddr, way: Way, paths: impl ExactSizeIterator<Item = String>) -> Self {
        let count = paths.len();
        let poll = Poll::new().expect("the system has a poll");
        let mut crowd = Self {
            address,
            poll,
            events: Events::with_capacity(4096),
            members: Vec::with_capacity(count),
            begun: Instant::now(),
            buffer: vec![0; 256 << 10].into(),
        };
        for (index, path) in paths.enumerate() {
            let upgrade = if way == Way::Socket { UPGRADE } else { "" };
            let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{upgrade}\r\n");
            let stream = crowd.connect(index);
            let state = State::Connecting;
            let (head, last, gap, chunks, arrivals) = (Vec::new(), None, 0.0, 0, Vec::new());
            crowd.members.push(Member { stream, state, request, head, last, gap, chunks, arrivals });
            // The queue of who wants to connect is not endless: those before are let in meanwhile.
            if index % 64 == 63 {
                crowd.turn(Duration::ZERO);
            }
        }
        crowd
    }

    fn connect(&self, index: usize) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).expect("a connection begins");
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(index), both).expect("it is watched");
        stream
    }

    /// Listens until each has so many chunks, or time is up; who is refused tries again. Returns how many have, and how
    /// long it took.
    pub fn until_all_have(&mut self, chunks: u64, most: Duration) -> (usize, Duration) {
        let mut again = self.begun + AGAIN;
        loop {
            if again < Instant::now() {
                again += AGAIN;
                for index in 0..self.members.len() {
                    if self.members[index].state == State::Gone {
                        let stream = self.connect(index);
                        self.members[index].begin(stream);
                    }
                }
            }
            let there = self.members.iter().filter(|member| member.chunks >= chunks).count();
            if there == self.members.len() || self.begun.elapsed() > most {
                return (there, self.begun.elapsed());
            }
            self.turn(Duration::from_millis(5));
        }
    }

    /// Listens for a while, and forgets what was before.
    pub fn listen(&mut self, time: Duration) -> Heard {
        for member in &mut self.members {
            (member.gap, member.last) = (0.0, None);
            member.arrivals.clear();
        }
        let end = Instant::now() + time;
        while Instant::now() < end {
            self.turn(Duration::from_millis(20));
        }
        let there = || self.members.iter().filter(|member| member.state != State::Gone);
        let mut late: Vec<f32> = Vec::new();
        for member in there() {
            let least = member.arrivals.iter().copied().fold(f32::MAX, f32::min);
            late.extend(member.arrivals.iter().map(|arrival| arrival - least));
        }
        late.sort_by(f32::total_cmp);
        Heard {
            listeners: there().count(),
            gaps: there().filter(|member| member.gap > 200.0).count(),
            longest: there().map(|member| member.gap).fold(0.0, f64::max),
            late_p99: late.get(late.len() * 99 / 100).copied().map_or(f64::NAN, f64::from),
        }
    }

    fn turn(&mut self, most: Duration) {
        self.poll.poll(&mut self.events, Some(most)).expect("the system polls");
        let now = self.begun.elapsed().as_secs_f64() * 1000.0;
        for event in &self.events {
            let member = &mut self.members[event.token().0];
            if member.state == State::Connecting && event.is_writable() {
                member.ask();
            }
            if event.is_readable() || event.is_read_closed() {
                member.read(&mut self.buffer, now);
            }
        }
    }
}

impl Member {
    fn begin(&mut self, stream: TcpStream) {
        (self.stream, self.state) = (stream, State::Connecting);
        self.head.clear();
    }

    fn ask(&mut self) {
        match self.stream.write(self.request.as_bytes()) {
            Ok(written) => {
                assert_eq!(written, self.request.len(), "a new connection takes a request");
                self.state = State::Answer;
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::NotConnected) => {}
            Err(_) => self.state = State::Gone,
        }
    }

    fn read(&mut self, buffer: &mut [u8], now: f64) {
        loop {
            match self.stream.read(buffer) {
                Ok(0) => return self.state = State::Gone,
                Ok(count) => self.take(&buffer[..count], now),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(_) => return self.state = State::Gone,
            }
        }
    }

    fn take(&mut self, mut bytes: &[u8], now: f64) {
        while !bytes.is_empty() {
            match self.state {
                State::Answer => {
                    self.head.push(bytes[0]);
                    bytes = &bytes[1..];
                    if self.head.ends_with(b"\r\n\r\n") {
                        self.state = match self.head.get(9..12) {
                            Some(b"101") => State::Head,
                            Some(b"200") => State::Stream,
                            _ => panic!("refused: {}", String::from_utf8_lossy(&self.head)),
                        };
                        self.head = Vec::new();
                    }
                }
                State::Head => {
                    self.head.push(bytes[0]);
                    bytes = &bytes[1..];
                    self.begin_message();
                }
                State::Message { left, sound } => {
                    let taken = left.min(bytes.len());
                    bytes = &bytes[taken..];
                    self.state = State::Message { left: left - taken, sound };
                    if left == taken {
                        self.state = State::Head;
                        if sound {
                            self.chunk(now);
                        }
                    }
                }
                State::Stream => {
                    bytes = &[];
                    self.chunk(now);
                }
                State::Connecting | State::Gone => return,
            }
        }
    }

    /// Reads the head of a message, once it is complete (RFC 6455, section 5.2; servers mask nothing).
    fn begin_message(&mut self) {
        let (Some(first), Some(second)) = (self.head.first(), self.head.get(1)) else { return };
        let more = match second {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if self.head.len() < 2 + more {
            return;
        }
        let long = self.head[2..].iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        let left = if more == 0 { usize::from(*second) } else { long };
        // What is said is short, sound is not.
        let sound = first & 0x0F == 2 || left > 4096;
        self.head.clear();
        self.state = if left == 0 { State::Head } else { State::Message { left, sound } };
    }

    fn chunk(&mut self, now: f64) {
        if let Some(last) = self.last {
            self.gap = self.gap.max(now - last);
            self.arrivals.push((now - self.arrivals.len() as f64 * CHUNK) as f32);
        }
        self.last = Some(now);
        self.chunks += 1;
    }
}
