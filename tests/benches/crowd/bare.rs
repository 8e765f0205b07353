//! The floor: bare sends of as many bytes to thousands of sockets, with no server around them. Most of what a listener
//! costs is the system's, and moves with the machine.

use super::listeners::{Crowd, Way};
use super::{WHILE, pin, processor_time};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// Who is sent to: both ends of all of them are files of this process.
const LISTENERS: usize = 5_000;
/// Sends in a second.
const RATE: u32 = 10;

/// Processor time of a listener's second, in us, for who gets messages of so many bytes.
pub fn micros(bytes: usize) -> f64 {
    let door = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = door.local_addr().expect("it has an address");
    let sender = std::thread::spawn(move || {
        pin(0).expect("there is a first core");
        let streams: Vec<TcpStream> = (0..LISTENERS).map(|_| admit(&door)).collect();
        send(&streams, bytes)
    });
    let mut crowd = Crowd::join(address, Way::Socket, std::iter::repeat_n("/".to_string(), LISTENERS));
    assert_eq!(crowd.until_all_have(1, Duration::from_secs(60)).0, LISTENERS, "all of them listen");
    while !sender.is_finished() {
        crowd.listen(Duration::from_secs(1));
    }
    let spent = sender.join().expect("the sends go through");
    eprintln!("{LISTENERS} bare sends of {bytes} bytes, {RATE} times a second: {spent:.1} us each second");
    spent
}

/// Lets one in who asks for a WebSocket.
fn admit(door: &TcpListener) -> TcpStream {
    let (stream, _) = door.accept().expect("one more connects");
    let mut lines = BufReader::new(&stream).lines().map(|line| line.expect("it asks"));
    while lines.next().is_some_and(|line| !line.is_empty()) {}
    (&stream).write_all(b"HTTP/1.1 101 Switching Protocols\r\n\r\n").expect("it takes an answer");
    stream.set_nodelay(true).expect("a socket can go without delay");
    stream
}

/// Sends as long as the crowd listens; returns the processor time of this thread, as [`micros`] does.
fn send(streams: &[TcpStream], bytes: usize) -> f64 {
    // The head of a binary message that is not masked (RFC 6455, section 5.2).
    let length = u16::try_from(bytes).expect("messages are below 64 kB").to_be_bytes();
    let message = [&[0x82, 126, length[0], length[1]], vec![0x55; bytes].as_slice()].concat();
    let (before, begun) = (processor_time("thread-self"), Instant::now());
    let rounds = RATE * WHILE.as_secs() as u32;
    for round in 1..=rounds {
        for mut stream in streams {
            stream.write_all(&message).expect("a socket takes a message");
        }
        std::thread::sleep(
            (begun + round * Duration::from_secs(1) / RATE).saturating_duration_since(Instant::now()),
        );
    }
    let spent = processor_time("thread-self") - before;
    spent.as_secs_f64() * 1e6 / (streams.len() as f64 * f64::from(rounds) / f64::from(RATE))
}
