//! Connections and requests: too slow, too many, too large, and never finished.

use crate::siege::{Siege, connect, frame, head, narrow, open_files, opening, vanish};
use auralis_tests::{Listener, Wire};
use serde_json::Value as Json;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

#[test]
fn who_dawdles_over_a_request_is_let_go_after_ten_seconds() {
    let siege = Siege::begin(&[]);
    let begun = Instant::now();
    let mut silent: Vec<TcpStream> = (0..100).map(|_| connect(&siege.server)).collect();
    let mut slow: Vec<TcpStream> = (0..100).map(|_| connect(&siege.server)).collect();
    let mut again: Vec<TcpStream> = (0..100).map(|_| connect(&siege.server)).collect();
    for stream in &mut again {
        // One request as it should be, and then another byte by byte.
        stream.write_all(b"GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        head(stream);
    }
    let asked = begun.elapsed();
    for byte in opening("/ws/stream").bytes() {
        if begun.elapsed() > Duration::from_secs(9) {
            break;
        }
        // Those who are let go are let go.
        slow.iter_mut().chain(&mut again).for_each(|stream| drop(stream.write_all(&[byte])));
        std::thread::sleep(Duration::from_millis(200));
    }
    for stream in silent.iter_mut().chain(&mut slow).chain(&mut again) {
        // Ended or reset, but over.
        let _ = stream.read_to_end(&mut Vec::new());
    }
    let took = begun.elapsed() - asked;
    assert!((8..16).contains(&took.as_secs()), "let go after {took:?}");
    siege.is_left(Duration::from_secs(5));
    siege.end(32);
}

#[test]
fn who_takes_nothing_or_is_there_no_more_is_gone_after_a_minute() {
    let siege = Siege::begin(&[]);
    let server = &siege.server;
    // Never reads nor speaks; and one that speaks, and takes nothing.
    let mut dead: Vec<TcpStream> = (0..20).map(|_| narrow(server)).collect();
    let mut deaf: Vec<TcpStream> = (0..20).map(|_| narrow(server)).collect();
    for stream in dead.iter_mut().chain(&mut deaf) {
        stream.write_all(opening("/ws/stream?format=pcm16").as_bytes()).unwrap();
    }
    // Asks for more than it takes, again and again; watches levels and looks away.
    let mut greedy: Vec<TcpStream> = (0..20).map(|_| narrow(server)).collect();
    for stream in &mut greedy {
        stream.set_nonblocking(true).unwrap();
        let page = b"GET /client/audio_client_worklet.js HTTP/1.1\r\nHost: localhost\r\n\r\n".repeat(200);
        let _ = stream.write(&page);
    }
    let mut watcher = narrow(server);
    watcher.write_all(b"GET /api/v1/levels HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    // Sends what it has to say byte by byte.
    let mut slow: Vec<TcpStream> = (0..20).map(|_| connect(server)).collect();
    for stream in &mut slow {
        let head = "POST /api/v1/control HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
    }
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(55) {
        deaf.iter_mut().for_each(|stream| stream.write_all(&frame(0x8a, b"")).unwrap());
        slow.iter_mut().for_each(|stream| stream.write_all(b" ").unwrap());
        std::thread::sleep(Duration::from_secs(1));
    }
    let there = |files: usize| open_files(server) - files;
    assert!(there(siege.files) >= 40, "{} are still there", there(siege.files));
    // The system's own clock for this doubles its pauses.
    while begun.elapsed() < Duration::from_secs(120) && there(siege.files) > 0 {
        deaf.iter_mut().chain(&mut slow).for_each(|stream| drop(stream.write_all(&frame(0x8a, b""))));
        std::thread::sleep(Duration::from_secs(1));
    }
    siege.is_left(Duration::ZERO);
    let watched = Instant::now();
    while server.get("/api/status")["level_watchers"] != 0 {
        assert!(watched.elapsed() < Duration::from_secs(10), "nobody watches the levels any more");
        std::thread::sleep(Duration::from_millis(100));
    }
    siege.end(48);
}

/// An address of this machine under which it is nobody's operator, and is counted.
fn own_address() -> SocketAddr {
    let socket = UdpSocket::bind("0.0.0.0:0").expect("a port is free");
    // Nothing is sent: the system only says by which address it would be.
    socket.connect("198.51.100.1:9").expect("this machine has a network");
    socket.local_addr().expect("a bound socket has an address")
}

#[test]
fn an_address_has_its_share_of_connections_and_no_more() {
    let siege = Siege::begin(&["--clients-per-address", "100", "--trusted-proxies", "127.0.0.9"]);
    let mut address = own_address();
    address.set_port(siege.server.port());
    let mut inside = Vec::new();
    let (mut told, mut closed) = (0, 0);
    for _ in 0..2000 {
        let mut stream = TcpStream::connect(address).expect("the system accepts it");
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        // Whoever is turned away may be gone by now.
        let _ = stream.write_all(opening("/ws/stream?format=none").as_bytes());
        match head(&mut stream) {
            head if head.starts_with("HTTP/1.1 101 ") => inside.push(stream),
            head if head.starts_with("HTTP/1.1 503 ") && head.to_lowercase().contains("retry-after") => {
                told += 1
            }
            head => {
                assert_eq!(head, "", "an answer or none");
                closed += 1;
            }
        }
    }
    assert_eq!(inside.len(), 100, "{told} were told, {closed} were not");
    assert_eq!(siege.server.get("/api/v1/status")["active_clients"], 101);
    drop(inside);
    siege.is_left(Duration::from_secs(15));
    Listener::over(TcpStream::connect(address).unwrap(), &siege.server, "/ws/stream", &[])
        .expect("there is room again")
        .wait("status");
    siege.end(32);
}

#[test]
fn who_comes_and_goes_a_hundred_thousand_times_leaves_nothing() {
    const TIMES: usize = 100_000;
    const HANDS: usize = 4;
    let siege = Siege::begin(&[]);
    let (address, begun) = (SocketAddr::from(([127, 0, 0, 1], siege.server.port())), Instant::now());
    let come_and_go = move |hand: usize| {
        let request = opening("/ws/stream?format=pcm16");
        for turn in (hand..TIMES).step_by(HANDS) {
            let mut stream = TcpStream::connect(address).expect("the station accepts");
            // Before a word, in the middle of one, with the answer on its way, and within the stream.
            let words = [0, 20, request.len(), request.len()][turn / HANDS % 4];
            stream.write_all(&request.as_bytes()[..words]).expect("the station listens");
            if turn / HANDS % 4 == 3 {
                let _ = stream.read(&mut [0; 64]);
            }
            vanish(stream);
        }
    };
    let hands: Vec<JoinHandle<()>> =
        (0..HANDS).map(|hand| std::thread::spawn(move || come_and_go(hand))).collect();
    hands.into_iter().for_each(|hand| hand.join().expect("one was refused"));
    println!("{TIMES} times in {:?}", begun.elapsed());
    siege.is_left(Duration::from_secs(20));
    assert_eq!(siege.server.get("/api/v1/status")["active_clients"], 1);
    siege.end(48);
}

#[test]
fn requests_that_are_too_large_or_too_many_cost_only_whoever_sends_them() {
    let siege = Siege::begin(&[]);
    let server = &siege.server;
    let said = |bytes: &[u8]| {
        let mut stream = connect(server);
        // The station may answer and hang up amid what is sent.
        let _ = stream.write_all(bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said);
        String::from_utf8_lossy(&said).into_owned()
    };
    let long = "x".repeat(10 << 20);
    let many = |line: &dyn Fn(usize) -> String| (0..100_000).map(line).collect::<String>();
    for (what, head) in [
        ("a header", format!("Cookie: {long}\r\n")),
        ("headers", many(&|n| format!("X-{n}: {n}\r\n"))),
        ("names of the host", many(&|n| format!("Host: a{n}\r\n"))),
    ] {
        let said = said(format!("GET / HTTP/1.1\r\nHost: localhost\r\n{head}\r\n").as_bytes());
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 431 "), "{what}: {said:.200}");
    }
    let address = said(format!("GET /{long} HTTP/1.1\r\nHost: localhost\r\n\r\n").as_bytes());
    assert!(
        ["", "HTTP/1.1 414 ", "HTTP/1.1 431 "].iter().any(|start| address.starts_with(start)),
        "{address:.200}"
    );
    for (path, method) in
        [("/api/v1/control", "POST"), ("/api/v1/stations", "POST"), ("/api/v1/graph", "PUT")]
    {
        let request = format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n");
        let whole = format!("{request}Content-Length: {}\r\n\r\n{long}", long.len());
        let parts =
            format!("{request}Transfer-Encoding: chunked\r\n\r\n{:x}\r\n{long}\r\n0\r\n\r\n", long.len());
        for (request, status) in [(whole, "413"), (parts, "411")] {
            let said = said(request.as_bytes());
            assert!(
                said.is_empty() || said.starts_with(&format!("HTTP/1.1 {status} ")),
                "{path}: {said:.200}"
            );
        }
    }

    // Thousands of requests in one breath are answered one after the other.
    let mut stream = connect(server);
    let mut writer = stream.try_clone().unwrap();
    let asker = std::thread::spawn(move || {
        let last = "GET /api/v1/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        let others = last.replace("Connection: close\r\n", "").repeat(9_999);
        writer.write_all((others + last).as_bytes()).expect("the station takes them");
    });
    let mut answers = String::new();
    stream.read_to_string(&mut answers).expect("answers");
    asker.join().unwrap();
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 10_000);

    // So are names by the thousand; none is kept.
    for n in 0..2_000 {
        let answer =
            Wire::connect(server.port()).ask("GET /api/v1/health", &[("Host", &format!("host{n}.test"))], "");
        assert_eq!(answer.status, 200);
    }
    siege.is_left(Duration::from_secs(15));
    siege.end(48);
}

#[test]
fn private_stations_in_a_flood_are_as_many_as_there_may_be() {
    let siege = Siege::begin(&["--private-stations", "8"]);
    let port = siege.server.port();
    let made: Vec<(u16, Json)> = std::thread::scope(|scope| {
        let make = || {
            let turns = (0..25).map(|_| {
                let answer = Wire::connect(port).ask("POST /api/v1/stations", &[], "{\"preset\":\"rain\"}");
                (answer.status, answer.json())
            });
            turns.collect::<Vec<_>>()
        };
        let hands: Vec<_> = (0..16).map(|_| scope.spawn(make)).collect();
        hands.into_iter().flat_map(|hand| hand.join().expect("each is answered")).collect()
    });
    let (there, refused): (Vec<_>, Vec<_>) = made.iter().partition(|(status, _)| *status == 201);
    assert_eq!(there.len(), 8, "{:?}", refused.first());
    for (status, said) in refused {
        assert_eq!((*status, said["code"].as_str()), (503, Some("SERVER_OVERLOAD")), "{said}");
        assert!(said["retry_after"].as_u64() > Some(0), "{said}");
    }
    siege.end(96);
}
