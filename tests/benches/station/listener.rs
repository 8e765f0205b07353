//! A station and a listener, as bare as they can be: the program, and a WebSocket over a plain socket.

use auralis_tests::program;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// `auralis serve` as it comes: the default preset.
pub struct Station {
    child: Child,
    port: u16,
    _home: TempDir,
}

impl Station {
    pub fn start() -> Self {
        let home = TempDir::new().expect("no temporary folder");
        let free = TcpListener::bind("127.0.0.1:0").and_then(|socket| socket.local_addr());
        let port = free.expect("a port is free").port();
        let child = Command::new(program())
            .args(["serve", "--host", "127.0.0.1", "--port", &port.to_string()])
            .current_dir(home.path())
            .env("XDG_DATA_HOME", home.path())
            .env("XDG_STATE_HOME", home.path().join("state"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        Self { child, port, _home: home }
    }

    /// Connects as soon as it answers.
    pub fn listen(&mut self) -> Listener {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Ok(socket) = TcpStream::connect(("127.0.0.1", self.port)) {
                return Listener::new(socket, self.port);
            }
            assert!(Instant::now() < deadline, "the station does not answer");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    /// Memory that it takes, in bytes: the kernel's `VmRSS`.
    pub fn resident_bytes(&self) -> f64 {
        let path = format!("/proc/{}/status", self.child.id());
        let status = std::fs::read_to_string(path).expect("the program runs, on Linux");
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse::<f64>().ok());
        kilobytes.expect("the kernel says how much") * 1024.0
    }
}

impl Drop for Station {
    fn drop(&mut self) {
        // Both fail only where it has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A listener on `/ws/stream`.
pub struct Listener {
    socket: BufReader<TcpStream>,
}

impl Listener {
    fn new(mut socket: TcpStream, port: u16) -> Self {
        let request = format!(
            "GET /ws/stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        );
        socket.set_read_timeout(Some(PATIENCE)).expect("sockets have a timeout");
        socket.write_all(request.as_bytes()).expect("the station listens");
        let mut socket = BufReader::new(socket);
        let mut line = String::new();
        socket.read_line(&mut line).expect("the station answers");
        assert!(line.starts_with("HTTP/1.1 101"), "the station answers {line}");
        while line.trim() != "" {
            line.clear();
            socket.read_line(&mut line).expect("the station answers");
        }
        Self { socket }
    }

    /// Reads until so many chunks have come.
    pub fn wait_for_chunks(&mut self, chunks: usize) {
        let mut heard = 0;
        while heard < chunks {
            heard += usize::from(self.message().windows(14).any(|part| part == b"\"type\":\"audio\""));
        }
    }

    /// The payload of the next frame (RFC 6455, section 5.2); servers do not mask.
    fn message(&mut self) -> Vec<u8> {
        let [_, length] = self.bytes::<2>();
        let length = match length {
            126 => u64::from(u16::from_be_bytes(self.bytes())),
            127 => u64::from_be_bytes(self.bytes()),
            length => u64::from(length),
        };
        let mut payload = vec![0; length as usize];
        self.socket.read_exact(&mut payload).expect("the station goes on");
        payload
    }

    fn bytes<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.socket.read_exact(&mut bytes).expect("the station goes on");
        bytes
    }
}
