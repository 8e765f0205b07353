//! A connection that a station pushes events to (server-sent events), as a page's EventSource has it.

use serde_json::Value as Json;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

/// An open stream of events. Dropping it cuts the connection.
pub struct Events {
    reader: BufReader<TcpStream>,
    status: u16,
}

impl Events {
    /// Asks a port of this machine for a stream, by this name of the machine.
    ///
    /// # Panics
    /// Nobody answers.
    pub fn open(port: u16, path: &str, host: &str) -> Self {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("nobody listens");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout can be set");
        let request = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: text/event-stream\r\n\r\n");
        stream.write_all(request.as_bytes()).expect("the request is taken");
        let mut reader = BufReader::new(stream);
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).expect("an answer") > 0, "it ends within its head: {head}");
        }
        let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("a status");
        Self { reader, status }
    }

    /// The status of the answer.
    pub fn status(&self) -> u16 {
        self.status
    }
}

impl Iterator for Events {
    type Item = Json;

    /// The next event; none at the end. How it is cut into chunks is passed over: events are a line each.
    fn next(&mut self) -> Option<Json> {
        let mut line = String::new();
        loop {
            line.clear();
            if self.reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if let Some(data) = line.strip_prefix("data:") {
                return serde_json::from_str(data.trim()).ok();
            }
        }
    }
}
