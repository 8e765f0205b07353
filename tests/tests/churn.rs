//! A station's life in real time, at its doors: listeners of every kind come and go, turn its controls and have stations
//! of their own; the operator edits, reloads and looks. Who stays hears every chunk, nothing runs empty, nothing grows.

use auralis_tests::presets::PULSE;
use auralis_tests::{Heard, Listener, Server, Trend, Wire};
use serde_json::{Value as Json, json};
use std::io::{Read, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tungstenite::Message;

/// Bytes that may come on top over a run, after its first quarter, of what is allocated; looked for in runs of minutes,
/// since private stations stay for one after their listeners have gone.
const MORE_ALLOCATED: f64 = 500e3;
/// Files that may be open more at the end than after a quarter: what a thread has just in its hands.
const MORE_FILES: f64 = 3.0;
/// The shortest run in which memory is looked at.
const LONG: f64 = 5.0;

/// Hears every chunk until it is told to stop; returns how many.
fn stay(server: &Server, over: &AtomicBool) -> u64 {
    let mut listener = Listener::join(server, "/ws/stream?format=pcm16");
    let (mut last, mut count) = (None, 0);
    while !over.load(Ordering::Relaxed) {
        match listener.hear() {
            Heard::Binary(frame) => {
                let index = u64::from_le_bytes(frame[8..16].try_into().expect("a frame has a head"));
                if let Some(last) = last.replace(index) {
                    assert_eq!(index, last + 1, "a chunk is missing");
                }
                count += 1;
            }
            Heard::Text(message) => assert_ne!(message["type"], "error", "{message}"),
            Heard::Ping => {}
            Heard::End(why) => panic!("the station hung up: {why:?}"),
        }
    }
    count
}

/// Hears so much of a station, and leaves it, with a word or without.
fn visit(server: &Server, path: &str, messages: usize, polite: bool) {
    let mut listener = Listener::join(server, path);
    for _ in 0..messages {
        if let Heard::End(why) = listener.hear() {
            panic!("{path}: the station hung up: {why:?}");
        }
    }
    if polite {
        listener.send(Message::Close(None)).expect("the station listens");
        listener.wait_for_end();
    }
}

/// Takes some of a stream, and leaves it.
fn tune_in(server: &Server, stream: &str) {
    let mut wire = Wire::connect(server.port());
    write!(wire, "GET {stream} HTTP/1.1\r\nHost: localhost\r\nIcy-MetaData: 1\r\n\r\n")
        .expect("the station listens");
    let mut bytes = vec![0; 48 << 10];
    wire.read_exact(&mut bytes).expect("it plays");
}

/// Ten seconds or so in the life of a station.
fn round(server: &Server, number: usize) {
    std::thread::scope(|scope| {
        for (place, format) in ["json", "pcm16", "opus", "flac"].into_iter().enumerate() {
            let polite = (number + place).is_multiple_of(2);
            scope.spawn(move || {
                for _ in 0..3 {
                    visit(server, &format!("/ws/stream?format={format}"), 25, polite);
                }
            });
        }
        for stream in ["/stream.opus", "/stream.flac", "/stream.wav"] {
            scope.spawn(move || tune_in(server, stream));
        }
        scope.spawn(move || {
            let mut hand = Listener::join(server, "/ws/stream?format=none");
            hand.wait("status");
            for step in 0..20 {
                let wish = json!({ "intensity": f64::from(step) / 20.0, "params": { "tone": -20 - step } });
                hand.control(&wish);
            }
            hand.say(&json!({ "type": "control", "bpm": "fast" }));
            hand.wait("error");
        });
        if number.is_multiple_of(3) {
            scope.spawn(move || {
                let (status, made) = server.ask("POST", "/api/v1/stations", "{}");
                assert_eq!(status, 201, "{made}");
                let path = made["ws"].as_str().expect("an address");
                visit(server, &format!("{path}?format=opus"), 20, true);
            });
        }
        let frequency = if number.is_multiple_of(2) { "440 Hz" } else { "550 Hz" };
        server.save("pulse", &PULSE.replace("440 Hz", frequency));
        if number.is_multiple_of(4) {
            server.signal("HUP");
        }
        for path in ["/api/v1/status", "/api/v1/stations", "/api/v1/presets", "/api/v1/graph"] {
            server.get(path);
        }
    });
}

/// What the station says of itself once those who came have gone.
fn at_rest(server: &Server) -> Json {
    let begun = Instant::now();
    while server.get("/api/v1/status")["active_clients"] != 1 {
        assert!(begun.elapsed() < Duration::from_secs(20), "somebody does not leave");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(server.ask("POST", "/api/v1/reclaim", "").0, 200);
    server.get("/api/metrics")
}

#[test]
fn who_stays_hears_everything_while_others_come_and_go() {
    let minutes = std::env::var("AURALIS_CHURN_MINUTES").ok();
    let minutes: f64 = minutes.map_or(0.5, |minutes| minutes.parse().expect("a number of minutes"));
    let server = Server::start_with(&[("pulse", PULSE)], &["--private-stations", "20"]);
    let files = || std::fs::read_dir(format!("/proc/{}/fd", server.process())).map_or(0, Iterator::count);
    let over = AtomicBool::new(false);
    let (mut allocated, mut open) = (Trend::default(), Trend::default());
    let begun = Instant::now();
    let heard = std::thread::scope(|scope| {
        let stays = scope.spawn(|| stay(&server, &over));
        let mut number = 0;
        while begun.elapsed().as_secs_f64() < minutes * 60.0 && !stays.is_finished() {
            round(&server, number);
            let figures = at_rest(&server);
            assert_eq!(figures["buffer_underruns"], 0, "round {number}");
            allocated.push(figures["memory"]["allocated_mb"].as_f64().unwrap_or_default() * 1e6);
            open.push(files() as f64);
            number += 1;
        }
        over.store(true, Ordering::Relaxed);
        stays.join().expect("it hears to the end")
    });
    let (growth, more) = (allocated.growth(), open.growth());
    println!(
        "{:.1} minutes, {heard} chunks heard by who stayed, {:.3} MB allocated at the end: {:.1} kB more than after a \
         quarter, {more:.1} files more",
        begun.elapsed().as_secs_f64() / 60.0,
        allocated.last() / 1e6,
        growth / 1e3
    );
    // A second of chunks is ten.
    assert!(heard as f64 > begun.elapsed().as_secs_f64() * 9.5, "{heard} chunks");
    assert!(more <= MORE_FILES, "{more:.1} files are not closed");
    if minutes >= LONG {
        assert!(growth <= MORE_ALLOCATED, "memory grew by {:.1} kB: something leaks", growth / 1e3);
    }
}
