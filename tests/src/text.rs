//! Waiting for a program to say something.
#![allow(clippy::disallowed_types, reason = "tests lock")]

use std::io::{BufRead, BufReader, Read};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

/// Programs say where they listen within this time, or never.
const PATIENCE: Duration = Duration::from_secs(60);

/// A program that has said what was waited for.
pub struct Ready<T> {
    /// What was found.
    pub found: T,
    /// The lines before it.
    pub before: String,
    /// The lines behind it, as they come; of very many that nobody takes the last are lost.
    pub after: Mutex<mpsc::Receiver<String>>,
}

/// Reads lines until `find` finds something in one, and goes on reading in the background, so that the program
/// never waits for its reader.
///
/// # Panics
/// The program ends or takes too long; the message has what it said.
pub fn wait_for_line<T>(from: impl Read + Send + 'static, find: impl Fn(&str) -> Option<T>) -> Ready<T> {
    let (told, lines) = mpsc::sync_channel::<String>(10_000);
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            // Once nobody listens any more, lines are only read away.
            let _ = told.try_send(line);
        }
    });
    let deadline = Instant::now() + PATIENCE;
    let mut said = String::new();
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let Ok(line) = lines.recv_timeout(left) else {
            panic!("the program did not say that it is ready; it said:\n{said}");
        };
        if let Some(found) = find(&line) {
            return Ready { found, before: said, after: Mutex::new(lines) };
        }
        said.push_str(&line);
        said.push('\n');
    }
}
