//! WebSockets: frames that break the rules, floods, and what listeners are told of others and of the station.

use crate::siege::{Siege, claim, errors, farewell, frame, open, worked};
use auralis_tests::{Listener, Server};
use serde_json::json;
use std::cell::Cell;
use std::io::Write;
use std::time::{Duration, Instant};

#[test]
fn frames_that_break_the_rules_end_their_own_connection_with_the_code_of_the_rule() {
    let siege = Siege::begin(&[]);
    let mut noise = 1_u32;
    let mut random = || {
        noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (noise >> 24) as u8
    };
    let chain = |kind, count: usize| {
        let part = vec![b'x'; 32 << 10];
        let rest = std::iter::repeat_n(frame(0, &part), count).flatten();
        frame(kind, &part).into_iter().chain(rest).collect::<Vec<u8>>()
    };
    let garbage: Vec<u8> = std::iter::once(0xff).chain((0..5000).map(|_| random())).collect();
    for (what, bytes, code) in [
        ("10 MB", frame(0x81, &vec![b'x'; 10 << 20]), 1009),
        ("10 MB in parts", chain(1, 320), 1009),
        ("10 MB of bytes in parts", chain(2, 320), 1009),
        ("a length that nobody has", claim(0x82, u64::MAX >> 1), 1009),
        ("garbage", garbage, 1002),
        ("HTTP", b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n".to_vec(), 1002),
        ("no mask", vec![0x81, 2, b'{', b'}'], 1002),
        ("a reserved bit", frame(0xc1, b"{}"), 1002),
        ("a kind that is none", frame(0x83, b"{}"), 1002),
        ("a control that is none", frame(0x8b, b""), 1002),
        ("the rest of nothing", frame(0x80, b"{}"), 1002),
        ("a message within another", [frame(1, b"{"), frame(0x81, b"}")].concat(), 1002),
        ("a ping in parts", frame(9, b""), 1002),
        ("a long ping", frame(0x89, &[0; 126]), 1002),
        ("a farewell of one byte", frame(0x88, &[3]), 1002),
        ("no UTF-8", frame(0x81, b"\xff\xfe{}"), 1007),
        ("a surrogate", frame(0x81, b"\xed\xa0\x80"), 1007),
        ("no UTF-8 at the seam of two parts", [frame(1, b"\xc3"), frame(0x80, b"\x28")].concat(), 1007),
    ] {
        let mut stream = open(&siege.server, "/ws/stream?format=none");
        // The station may hang up amid what is sent.
        let _ = stream.write_all(&bytes);
        assert_eq!(farewell(&mut stream).1, Some(code), "{what}");
    }
    siege.is_left(Duration::from_secs(15));
    siege.end(32);
}

#[test]
fn who_floods_a_socket_is_warned_once_and_thrown_out() {
    let siege = Siege::begin(&[]);
    let mut other = Listener::join(&siege.server, "/ws/stream?format=none");
    other.wait("status");
    let control = br#"{"type":"control","params":{"level":-20}}"#;
    for (what, bytes) in [
        ("controls", frame(0x81, control)),
        ("nonsense", frame(0x81, b"?")),
        ("pings", frame(0x89, b"x")),
        ("pongs", frame(0x8a, b"")),
        ("parts without an end", frame(0, b"")),
    ] {
        let mut stream = open(&siege.server, "/ws/stream?format=none");
        let (begun, before) = (Instant::now(), worked(&siege.server));
        let mut writer = stream.try_clone().unwrap();
        let begins = what.starts_with("parts");
        let flood = std::thread::spawn(move || {
            let first = if begins { frame(1, b"") } else { Vec::new() };
            let mut sent = writer.write_all(&first);
            // 10,000 a second, and without an end as fast as it goes.
            let many = bytes.repeat(if begins { 5000 } else { 100 });
            while sent.is_ok() {
                sent = writer.write_all(&many);
                std::thread::sleep(Duration::from_millis(if begins { 0 } else { 10 }));
            }
        });
        let (texts, code) = farewell(&mut stream);
        assert_eq!(code, Some(1008), "{what}: {texts:#?}");
        let warnings = errors(&texts).iter().filter(|code| **code == "INVALID_CONTROL").count();
        let answered = if what == "nonsense" { 80..=200 } else { 0..=0 };
        assert!(warnings > 0 && answered.contains(&(warnings - 1)), "{what}: {warnings} warnings");
        // Whoever hangs up ends the flood.
        drop(stream);
        flood.join().unwrap();
        let (took, worked) = (begun.elapsed().as_secs_f64(), worked(&siege.server) - before);
        // A control is heard before the next is read: where the machine is busy the flood itself has to wait.
        let most = if what == "controls" { 60.0 } else { 15.0 };
        assert!(took < most, "{what}: {took} s");
        assert!(worked < 3.0, "{what}: {worked} s of work");
    }
    // What others change is heard as ever.
    siege.server.control(&json!({ "params": { "level": -33 } }));
    other.wait_for(|message| message["params"]["level"] == -33.0);
    drop(other);
    siege.is_left(Duration::from_secs(15));
    siege.end(48);
}

#[test]
fn controls_of_many_at_once_are_heard_by_all_as_a_few_updates_and_the_last_one_always() {
    let siege = Siege::begin(&[]);
    let server = &siege.server;
    // Where there is no flood the answer is there at once. (The best of a few: the machine has other things to do.)
    let mut calm = Listener::join(server, "/ws/stream?format=none");
    calm.wait("status");
    let answer = |calm: &mut Listener, level: i32| {
        std::thread::sleep(Duration::from_millis(100));
        let asked = Instant::now();
        calm.control(&json!({ "params": { "level": level } }));
        asked.elapsed()
    };
    let best = (0..10).map(|turn| answer(&mut calm, -turn)).min().expect("ten");
    assert!(best < Duration::from_millis(20), "{best:?}");

    for round in 0..3 {
        let begun = Instant::now();
        std::thread::scope(|scope| {
            for hand in 0..20 {
                let mut one = Listener::join(server, "/ws/stream?format=none");
                scope.spawn(move || {
                    for turn in 0..75 {
                        one.say(
                            &json!({ "type": "control", "params": { "level": -(turn % 40) - hand % 2 } }),
                        );
                    }
                    one.say(&json!({ "type": "ping", "client_time": "heard all" }));
                    one.wait("pong");
                });
            }
        });
        let took = begun.elapsed().as_secs_f64();
        let last = -41 - round;
        let mut ender = Listener::join(server, "/ws/stream?format=none");
        ender.wait("status");
        // More than the engine takes at once is refused, and its sender told.
        let wish = json!({ "type": "control", "params": { "level": last } });
        let deadline = Instant::now() + Duration::from_secs(5);
        let refused = |ender: &mut Listener| {
            ender.say(&wish);
            let answer =
                ender.wait_for(|said| said["params"]["level"] == f64::from(last) || said["type"] == "error");
            answer["type"] == "error"
        };
        while refused(&mut ender) {
            assert!(Instant::now() < deadline, "it is never heard");
            std::thread::sleep(Duration::from_millis(100));
        }
        let updates = Cell::new(0);
        calm.wait_for(|message| {
            updates.set(updates.get() + u32::from(message["type"] == "generation_update"));
            message["params"]["level"] == f64::from(last)
        });
        let updates = updates.get();
        // 1,500 changes; what is said of phrases comes on top.
        assert!(f64::from(updates) < 10.0 + 55.0 * (took + 1.0), "{updates} updates in {took} s");
    }
    siege.end(32);
}

#[test]
fn every_fault_of_the_station_is_told_at_the_socket() {
    // A loop that doubles what goes around, once somebody lets it.
    let howl = "auralis: 1
tempo: 120
nodes:
  hiss: { type: noise, gain: -40 dB }
  again: { type: delay, in: [hiss, grow], time: 10 ms, feedback: 0, mix: 1 }
  grow: { type: gain, in: again, gain: -60 dB }
  out: { type: output, in: [hiss, grow] }
expose:
  growth: { to: grow.gain, label: Growth }
";
    let server = Server::start(&[("howl", howl)]);
    let mut listener = Listener::join(&server, "/ws/stream?format=none");
    listener.wait("status");
    listener.say(&json!({ "type": "control", "params": { "growth": 12 } }));
    let error = listener.wait("error");
    assert_eq!(
        (&error["code"], &error["severity"]),
        (&json!("SYNTHESIS_FAILED"), &json!("warning")),
        "{error}"
    );
    assert_eq!(server.get("/api/status")["muted"], json!(["grow"]));

    // A machine that stands still for longer than lies ready.
    server.signal("STOP");
    std::thread::sleep(Duration::from_secs(3));
    server.signal("CONT");
    let error = listener.wait("error");
    assert_eq!(
        (&error["code"], &error["severity"]),
        (&json!("BUFFER_UNDERRUN"), &json!("warning")),
        "{error}"
    );
}
