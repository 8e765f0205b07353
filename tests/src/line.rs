//! A TCP line between a browser and a station, in the test's own process: it can stutter, be cut, be far or thin or lose
//! what it carries, and refuse what an older station would.
#![allow(clippy::disallowed_types, reason = "a line between sockets has no audio thread")]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// The longest request line and headers that are looked at.
const MOST_HEAD: usize = 16 << 10;
/// Bytes that travel together.
const SEGMENT: usize = 1400;
/// Segments that are on their way at most, as in the buffers of a router.
const UNDERWAY: usize = 64;
/// The least time after which what was lost is sent again (Linux: `TCP_RTO_MIN`).
const RETRANSMISSION: Duration = Duration::from_millis(200);

/// A line to a station. It accepts connections until the test's process ends.
pub struct Line {
    port: u16,
    state: Arc<State>,
}

/// What a line is like on the way to the browser.
#[derive(Debug, Clone, Copy, Default)]
pub struct Weather {
    /// How long the way takes at least.
    pub delay: Duration,
    /// By how much more at most.
    pub jitter: Duration,
    /// The part of the segments that are lost, 0 to 1. What is behind them waits until they were sent again.
    pub loss: f64,
    /// What the line carries; 0 for as much as comes.
    pub bits_per_second: u64,
}

#[derive(Default)]
struct State {
    /// Counts cuts: a connection ends when the count is no longer that of its beginning.
    cuts: AtomicU32,
    /// Milliseconds for which the next bytes towards the browser are held back.
    hold: AtomicU64,
    weather: Mutex<Weather>,
    /// Until when nothing passes, either way.
    dark: Mutex<Option<Instant>>,
    /// A request whose first line has one of these in it is refused.
    refused: &'static [&'static str],
}

impl Line {
    /// A line to a port of this machine that refuses requests with one of `refused` in their first line.
    ///
    /// # Panics
    /// No port is free.
    pub fn to(port: u16, refused: &'static [&'static str]) -> Self {
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

    /// Changes what the line is like.
    pub fn set(&self, weather: Weather) {
        *lock(&self.state.weather) = weather;
    }

    /// Lets nothing pass for a while; connections stay.
    pub fn darken(&self, time: Duration) {
        *lock(&self.state.dark) = Some(Instant::now() + time);
    }
}

impl State {
    fn wait_for_light(&self) {
        let left = || { *lock(&self.dark) }.and_then(|until| until.checked_duration_since(Instant::now()));
        while let Some(left) = left() {
            std::thread::sleep(left.max(Duration::from_millis(1)));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// When each segment arrives, in the order in which they were sent.
struct Journey {
    /// When the line has carried what came before, and when that arrived.
    free: Instant,
    arrived: Instant,
    chance: u32,
}

impl Journey {
    fn begin() -> Self {
        Self { free: Instant::now(), arrived: Instant::now(), chance: 1 }
    }

    /// From 0 to 1.
    fn chance(&mut self) -> f64 {
        self.chance = self.chance.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(self.chance >> 8) / f64::from(1 << 24)
    }

    fn arrival(&mut self, weather: &Weather, bytes: usize) -> Instant {
        let Weather { delay, jitter, loss, bits_per_second } = *weather;
        self.free = self.free.max(Instant::now());
        if bits_per_second > 0 {
            self.free += Duration::from_secs_f64(bytes as f64 * 8.0 / bits_per_second as f64);
        }
        let mut arrives = self.free + delay + jitter.mul_f64(self.chance());
        let mut again = RETRANSMISSION + delay;
        while self.chance() < loss {
            arrives += again;
            again *= 2;
        }
        self.arrived = self.arrived.max(arrives);
        self.arrived
    }
}

/// Carries one connection until either side ends it or the line is cut.
fn carry(mut browser: TcpStream, port: u16, state: &Arc<State>) {
    let Some(head) = head_of(&mut browser) else { return };
    let first = head.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let first = String::from_utf8_lossy(first);
    if state.refused.iter().any(|word| first.contains(word)) {
        // The browser may have gone by now.
        let _ =
            browser.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        return;
    }
    state.wait_for_light();
    let Ok(mut station) = TcpStream::connect(("127.0.0.1", port)) else { return };
    if station.write_all(&head).is_err() {
        return;
    }
    let (Ok(up_from), Ok(up_to)) = (browser.try_clone(), station.try_clone()) else { return };
    let Ok(down_to) = browser.try_clone() else { return };
    let cuts = state.cuts.load(Ordering::SeqCst);
    let (send, underway) = sync_channel(UNDERWAY);
    let (above, below) = (Arc::clone(state), Arc::clone(state));
    std::thread::spawn(move || {
        read(&up_from, &above, cuts, |bytes| {
            above.wait_for_light();
            (&up_to).write_all(bytes).is_ok()
        });
        end(&up_from, &up_to);
    });
    std::thread::spawn(move || arrive(&underway, &down_to, &below));
    let mut journey = Journey::begin();
    read(&station, state, cuts, |bytes| {
        std::thread::sleep(Duration::from_millis(state.hold.swap(0, Ordering::SeqCst)));
        let weather = *lock(&state.weather);
        bytes.chunks(SEGMENT).all(|segment| travel(&send, &mut journey, &weather, segment))
    });
    if state.cuts.load(Ordering::SeqCst) != cuts {
        end(&browser, &station);
    }
}

/// Sends a segment on its way; false if nobody waits for it any more.
fn travel(
    send: &SyncSender<(Instant, Vec<u8>)>,
    journey: &mut Journey,
    weather: &Weather,
    segment: &[u8],
) -> bool {
    send.send((journey.arrival(weather, segment.len()), segment.to_vec())).is_ok()
}

/// Gives segments to the browser when they arrive.
fn arrive(underway: &Receiver<(Instant, Vec<u8>)>, mut browser: &TcpStream, state: &State) {
    for (when, segment) in underway {
        std::thread::sleep(when.saturating_duration_since(Instant::now()));
        state.wait_for_light();
        if browser.write_all(&segment).is_err() {
            break;
        }
    }
    // It may be gone already.
    let _ = browser.shutdown(Shutdown::Both);
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

/// Reads until the end, the line is cut, or what comes is not taken.
fn read(mut from: &TcpStream, state: &State, cuts: u32, mut take: impl FnMut(&[u8]) -> bool) {
    let mut bytes = vec![0; 64 << 10];
    // Now and then it is looked whether the line is cut.
    let _ = from.set_read_timeout(Some(Duration::from_millis(20)));
    while state.cuts.load(Ordering::SeqCst) == cuts {
        match from.read(&mut bytes) {
            Ok(0) => return,
            Ok(read) if !take(&bytes[..read]) => return,
            Ok(_) => {}
            Err(error)
                if matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut) => {}
            Err(_) => return,
        }
    }
}

/// Ends both ways.
fn end(one: &TcpStream, other: &TcpStream) {
    // Either may be gone already.
    let _ = one.shutdown(Shutdown::Both);
    let _ = other.shutdown(Shutdown::Both);
}
