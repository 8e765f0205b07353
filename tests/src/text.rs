//! Waiting for a program to say something.

use std::io::{BufRead, BufReader, Read};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Programs say where they listen within this time, or never.
const PATIENCE: Duration = Duration::from_secs(60);

/// Reads lines until `find` finds something in one, and goes on reading in the background, so that the program
/// never waits for its reader.
///
/// # Panics
/// The program ends or takes too long; the message has what it said.
pub fn wait_for_line<T: Send + 'static>(
    from: impl Read + Send + 'static,
    find: impl Fn(&str) -> Option<T> + Send + 'static,
) -> T {
    let (told, lines) = mpsc::sync_channel::<String>(1000);
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
            return found;
        }
        said.push_str(&line);
        said.push('\n');
    }
}
