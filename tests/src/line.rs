//! A TCP line between a browser and a station, in the test's own process: it can stutter, be cut, and refuse what
//! an older station would.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

/// The longest request line and headers that are looked at.
const MOST_HEAD: usize = 16 << 10;

/// A line to a station. It accepts connections until the test's process ends.
pub struct Line {
    port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    /// Counts cuts: a connection ends when the count is no longer that of its beginning.
    cuts: AtomicU32,
    /// Milliseconds for which the next bytes towards the browser are held back.
    hold: AtomicU64,
    /// A request whose first line has this in it is refused.
    refused: Option<&'static str>,
}

impl Line {
    /// A line to a port of this machine that refuses requests with `refused` in their first line.
    ///
    /// # Panics
    /// No port is free.
    pub fn to(port: u16, refused: Option<&'static str>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("no port is free");
        let state = Arc::new(State { refused, ..State::default() });
        let line = Self { port: listener.local_addr().expect("a bound port has a number").port(), state };
        let state = Arc::clone(&line.state);
        std::thread::spawn(move || {
            for browser in listener.incoming().map_while(Result::ok) {
                let state = Arc::clone(&state);
                std::thread::spawn(move || carry(browser, port, &state));
            }
        });
        line
    }

    /// Its end for the browser.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// Ends all connections that are open.
    pub fn cut(&self) {
        self.state.cuts.fetch_add(1, Ordering::SeqCst);
    }

    /// Holds back what goes to the browser for a while, once.
    pub fn stutter(&self, pause: Duration) {
        self.state.hold.store(pause.as_millis() as u64, Ordering::SeqCst);
    }
}

/// Carries one connection until either side ends it or the line is cut.
fn carry(mut browser: TcpStream, port: u16, state: &Arc<State>) {
    let Some(head) = head_of(&mut browser) else { return };
    let first = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    if state.refused.is_some_and(|word| String::from_utf8_lossy(first).contains(word)) {
        // The browser may have gone by now.
        let _ =
            browser.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return;
    }
    let Ok(mut station) = TcpStream::connect(("127.0.0.1", port)) else { return };
    if station.write_all(&head).is_err() {
        return;
    }
    let (Ok(up_from), Ok(up_to)) = (browser.try_clone(), station.try_clone()) else { return };
    let cuts = state.cuts.load(Ordering::SeqCst);
    let above = Arc::clone(state);
    std::thread::spawn(move || copy(up_from, up_to, &above, cuts, false));
    copy(station, browser, state, cuts, true);
}

/// The request up to the empty line, as it came.
fn head_of(browser: &mut TcpStream) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if head.len() >= MOST_HEAD || browser.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    Some(head)
}

fn copy(mut from: TcpStream, mut to: TcpStream, state: &State, cuts: u32, may_hold: bool) {
    let mut bytes = vec![0; 64 << 10];
    // Now and then it is looked whether the line is cut.
    let _ = from.set_read_timeout(Some(Duration::from_millis(20)));
    while state.cuts.load(Ordering::SeqCst) == cuts {
        let read = match from.read(&mut bytes) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error)
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) =>
            {
                continue;
            }
            Err(_) => break,
        };
        if may_hold {
            std::thread::sleep(Duration::from_millis(state.hold.swap(0, Ordering::SeqCst)));
        }
        if to.write_all(&bytes[..read]).is_err() {
            break;
        }
    }
    // Either end may be gone already.
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
