//! Changing what plays, over WebSockets and HTTP: what is accepted, what is refused, and that nobody's message
//! harms another.

use auralis_tests::{Heard, Listener, Server, agent};
use serde_json::{Value as Json, json};
use std::time::{Duration, Instant};
use tungstenite::Message;

const RAIN: &str = "auralis: 1
name: Test Rain
tempo: 200
nodes:
  hiss: { type: noise, colour: pink }
  level: { type: gain, in: hiss, gain: -12 dB }
  out: { type: output, in: level }
expose:
  level: { to: level.gain, label: Level }
";

const WIND: &str = "auralis: 1
name: Test Wind
nodes:
  hiss: { type: noise, colour: brown, gain: -12 dB }
  out: { type: output, in: hiss }
expose:
  force: { to: hiss.gain }
";

fn station() -> Server {
    Server::start(&[("rain", RAIN), ("wind", WIND), ("broken", "auralis: 1\nnodes: {}\n")])
}

#[test]
fn a_control_is_answered_and_takes_hold_for_everybody() {
    let server = station();
    let mut one = Listener::join(&server, "/ws/stream?format=none");
    let mut other = Listener::join(&server, "/ws/stream?format=none");
    other.wait("status");
    one.wait("status");
    let wish = json!({ "key": "C# minor", "bpm": 190.5, "intensity": 0.8, "params": { "level": -20 }, "timestamp": "x" });
    for update in [one.control(&wish), other.wait_for(|message| message["params"]["level"] == -20.0)] {
        assert_eq!(
            update["pending"],
            json!({ "key": "C# minor", "bpm": 190.5, "intensity": 0.8 }),
            "{update}"
        );
        assert_eq!(update["params"], json!({ "level": -20.0 }), "what is timbre is there at once");
        assert_eq!(
            (update["key"].as_str(), update["bpm"].as_f64()),
            (Some("A minor"), Some(200.0)),
            "what sounds"
        );
    }
    let update = other.wait_for(|message| message["key"] == "C# minor");
    assert_eq!((update["bpm"].as_f64(), update["intensity"].as_f64()), (Some(190.5), Some(0.8)));
    let status = server.get("/api/v1/status");
    assert_eq!((&status["current_key"], &status["current_bpm"]), (&json!("C# minor"), &json!(190.5)));
    assert_eq!(status["current_intensity"].as_f64().map(|x| (x * 1000.0).round()), Some(800.0));

    // The last wish wins.
    one.control(&json!({ "bpm": 60 }));
    one.control(&json!({ "bpm": 61 }));
    other.wait_for(|message| message["pending"] == json!({ "bpm": 61.0 }));

    let update = one.control(&json!({ "preset": "wind" }));
    assert_eq!(update["type"], "generation_update", "{update}");
    let update = other.wait_for(|message| message["preset"] == "wind");
    assert_eq!(
        (update["preset_name"].as_str(), &update["params"]),
        (Some("Test Wind"), &json!({ "force": -12.0 }))
    );
}

#[test]
fn what_cannot_be_done_names_the_field_and_changes_nothing() {
    let server = station();
    let mut listener = Listener::join(&server, "/ws/stream?format=none");
    let before = listener.wait("generation_update");
    listener.wait("status");
    for (wish, words) in [
        (json!({ "key": "H minor" }), "`key`"),
        (json!({ "key": 5 }), "`key`"),
        (json!({ "bpm": 39.9 }), "`bpm` must be a number from 40 to 200"),
        (json!({ "bpm": "fast" }), "`bpm`"),
        (json!({ "intensity": -0.1 }), "`intensity` must be a number from 0 to 1"),
        (json!({ "params": { "lewel": 1 } }), "`params.lewel`"),
        (json!({ "params": { "level": 1000 } }), "`params.level` must be"),
        (json!({ "params": { "level": "loud" } }), "`params.level`"),
        (json!({ "params": [1] }), "`params`"),
        (json!({ "preset": "nope" }), "`preset` must be one of"),
        (json!({ "preset": "../../etc/passwd" }), "`preset`"),
        (json!({ "preset": "broken" }), "has mistakes"),
        (json!({ "bpm": 100, "key": "nope" }), "`key`"),
        (json!({}), "at least one of key, bpm, intensity, params, preset"),
        (json!({ "volume": 3 }), "at least one of"),
    ] {
        let error = listener.control(&wish);
        assert_eq!(error["code"], "INVALID_CONTROL", "{wish}: {error}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains(words), "{wish}: {message}");
    }
    listener.say(&json!({ "type": "status_request" }));
    listener.wait("status");
    let after = listener.control(&json!({ "params": { "level": -12 } }));
    assert_eq!((&after["pending"], &after["params"]), (&json!({}), &before["params"]));
}

#[test]
fn every_message_has_its_answer() {
    let server = station();
    let mut listener = Listener::join(&server, "/ws/stream?format=none");
    listener.wait("status");
    for time in [json!(12.5), json!("noon"), json!({ "a": [1] }), Json::Null] {
        listener.say(&json!({ "type": "ping", "client_time": time }));
        let pong = listener.wait("pong");
        assert_eq!(pong["client_time"], time);
        assert!(pong["server_time"].is_string());
    }
    listener.say(&json!({ "type": "status_request" }));
    assert_eq!(listener.wait("status")["active_clients"], 1);
    // A report is taken without an answer.
    listener.say(&json!({ "type": "report", "buffer_ms": -1e300, "underruns": 3, "played_chunk_index": u64::MAX, "client_time": 5 }));
    listener.say(&json!({ "type": "ping", "client_time": 9 }));
    let Heard::Text(next) = listener.hear() else { panic!("text") };
    assert_eq!(next["type"], "pong");
}

#[test]
fn nonsense_is_answered_or_ends_only_its_own_connection() {
    let server = station();
    let mut good = Listener::join(&server, "/ws/stream");
    good.chunks(1);
    let mut bad = Listener::join(&server, "/ws/audio/bad?format=none");
    bad.wait("status");
    let deep = format!("{{\"type\":{}", "[".repeat(50_000));
    for nonsense in [
        "",
        "{",
        "null",
        "5",
        "[]",
        "{}",
        "{\"type\":\"dance\"}",
        "{\"type\":null}",
        "{\"type\":\"control\",\"params\":",
        "{\"type\":\"report\",\"buffer_ms\":\"x\"}",
        "{\"type\":\"ping\"}x",
        &deep,
        "\u{0}\u{feff}é",
    ] {
        bad.send(Message::text(nonsense)).unwrap();
        let error = bad.wait("error");
        assert_eq!(error["code"], "INVALID_CONTROL", "{nonsense:.50}");
    }
    for bytes in [Vec::new(), vec![0xff; 1000], b"{\"type\":\"control\",\"bpm\":100}".to_vec()] {
        bad.send(Message::binary(bytes)).unwrap();
        assert_eq!(bad.wait("error")["code"], "INVALID_CONTROL", "binary is no message");
    }
    // Too large: the connection ends, and only that one.
    let _ =
        bad.send(Message::text(format!("{{\"type\":\"ping\",\"client_time\":\"{}\"}}", "x".repeat(1 << 20))));
    bad.wait_for_end();
    let mut again = Listener::join(&server, "/ws/audio/bold?format=none");
    for turn in 0..2_000 {
        again
            .send(Message::text(format!("{{\"type\":\"control\",\"params\":{{\"level\":-{}}}}}", turn % 40)))
            .unwrap();
    }
    drop(again);
    let heard = good.chunks(20);
    assert!(heard.windows(2).all(|pair| pair[1].0 == pair[0].0 + 1), "the others hear no gap");
    assert_eq!(server.get("/api/v1/health"), json!({ "status": "healthy", "service": "auralis" }));
}

#[test]
fn controls_over_http() {
    let server = station();
    let post = |body: &str| server.ask("POST", "/api/v1/control", body);
    let (status, said) = post("{\"params\":{\"level\":-18},\"bpm\":120}");
    assert_eq!(
        (status, &said["status"], &said["params"]),
        (200, &json!("updated"), &json!({ "level": -18.0 }))
    );
    for (body, status, field, words) in [
        ("{\"bpm\":201}", 422, json!("bpm"), "40 to 200"),
        ("{\"intensity\":2}", 422, json!("intensity"), "0 to 1"),
        ("{\"key\":\"\"}", 422, json!("key"), "not a key"),
        ("{\"params\":{\"level\":99}}", 422, json!("params.level"), "must be"),
        ("{\"preset\":\"nope\"}", 422, json!("preset"), "rain"),
        ("{\"preset\":\"broken\"}", 422, json!("preset"), "mistakes"),
        ("{}", 422, Json::Null, "at least one"),
        ("", 400, Json::Null, "JSON"),
        ("[\"C minor\", 80]", 400, Json::Null, "JSON"),
        ("{\"bpm\":", 400, Json::Null, "JSON"),
    ] {
        let (got, said) = post(body);
        assert_eq!((got, &said["field"]), (status, &field), "{body}: {said}");
        assert!(
            said["error"].is_string() && said["detail"].as_str().unwrap().contains(words),
            "{body}: {said}"
        );
    }
    assert_eq!(post(&format!("{{\"key\":\"{}\"}}", "x".repeat(100_000))).0, 413);
    let (status, _) = post("{\"preset\":\"wind\"}");
    assert_eq!(status, 200, "this machine may");

    let controls = server.get("/api/v1/controls");
    let row = &controls["controls"][0];
    for field in ["name", "label", "unit", "range", "curve", "default", "value"] {
        assert!(!row[field].is_null(), "{field} is missing: {row}");
    }
    let presets = server.get("/api/v1/presets");
    let ids: Vec<&str> =
        presets["presets"].as_array().unwrap().iter().map(|preset| preset["id"].as_str().unwrap()).collect();
    assert!(["rain", "wind", "night_drift"].iter().all(|id| ids.contains(id)), "{ids:?}");
}

#[test]
fn the_routes_answer_in_json_and_the_pages_are_there() {
    let server = station();
    let mut listener = Listener::join(&server, "/ws/stream");
    listener.chunks(3);
    let status = server.get("/api/status");
    assert_eq!((status["active_connections"].as_u64(), status["device"].as_str()), (Some(1), Some("CPU")));
    assert_eq!(
        (status["soundfont_loaded"].as_bool(), status["synthesis_active"].as_bool()),
        (Some(false), Some(true))
    );
    assert!(status["uptime_sec"].as_f64() > Some(0.0) && status["timestamp"].is_string(), "{status}");
    assert!(status["buffer_depth"].as_u64() <= Some(20), "{status}");
    let status = server.get("/api/v1/status");
    for field in [
        "current_key",
        "current_bpm",
        "current_intensity",
        "buffer_depth_ms",
        "active_clients",
        "synthesis_latency_ms",
        "phrases_generated",
    ] {
        assert!(!status[field].is_null(), "{field} is missing: {status}");
    }
    for (method, path, code) in [
        ("GET", "/nowhere", 404),
        ("GET", "/client/nothing.js", 404),
        ("GET", "/client/../Cargo.toml", 404),
        ("GET", "/client/%2e%2e/Cargo.toml", 404),
        ("GET", "/client/", 404),
        ("POST", "/nowhere", 404),
        ("GET", "/api/v1/control", 405),
        ("POST", "/api/status", 405),
        ("DELETE", "/api/v1/control", 405),
        ("GET", "/ws/stream", 400),
    ] {
        let (got, said) = server.ask(method, path, "");
        assert_eq!(got, code, "{method} {path}: {said}");
        assert!(said["error"].is_string() && said["detail"].is_string(), "{said}");
    }
    for (path, kind) in [
        ("/", "text/html"),
        ("/client/audio_client_worklet.js", "text/javascript"),
        ("/client/audio_worklet_processor.js", "text/javascript"),
        ("/client/styles.css", "text/css"),
    ] {
        let mut page = agent().get(server.url(path)).call().unwrap();
        let header = |name: &str| page.headers()[name].to_str().unwrap().to_string();
        assert_eq!((page.status().as_u16(), header("cache-control").as_str()), (200, "no-cache"), "{path}");
        assert!(header("content-type").starts_with(kind), "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff");
        assert!(page.body_mut().read_to_string().unwrap().len() > 100);
    }
    let public = Server::start_with(&[("rain", RAIN)], &["--env", "production"]);
    let page = agent().get(public.url("/client/styles.css")).call().unwrap();
    assert_eq!(page.headers()["cache-control"], "max-age=3600");
}

/// A phrase of eight bars every 9.6 s, of which the composer takes what is wished for with each beat: every 300 ms.
const BEATS: &str = "auralis: 1
name: Beats
tempo: 200
nodes:
  composer: { type: composer, follow: beat }
  voice: { type: synth, in: composer.chords, voices: 4, gain: -30 dB }
  out: { type: output, in: voice }
";

#[test]
fn a_wish_meets_its_beat_however_short_the_chunks_are() {
    let server = Server::start_with(&[("beats", BEATS)], &["--chunk-duration-ms", "20"]);
    let mut listener = Listener::join(&server, "/ws/stream?format=none");
    for intensity in [0.125, 0.875, 0.25, 0.75, 0.375, 0.625] {
        listener.control(&json!({ "intensity": intensity }));
        let asked = Instant::now();
        while server.get("/api/v1/status")["current_intensity"].as_f64() != Some(intensity) {
            assert!(asked.elapsed() < Duration::from_secs(2), "{intensity} missed its beat");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

#[test]
fn what_is_wished_for_with_a_preset_is_for_that_preset() {
    let server = station();
    let (status, said) = server.ask("POST", "/api/v1/control", r#"{"preset":"wind","params":{"level":-20}}"#);
    assert_eq!((status, &said["field"]), (422, &json!("params.level")), "wind has no `level`: {said}");
    let wish = json!({ "preset": "wind", "bpm": 77, "params": { "force": -30 } });
    assert_eq!(server.ask("POST", "/api/v1/control", &wish.to_string()).0, 200);
    let asked = Instant::now();
    while server.get("/api/v1/status")["current_preset"] != "wind" {
        assert!(asked.elapsed() < Duration::from_secs(10), "the preset does not change");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(server.get("/api/v1/controls")["controls"][0]["value"], -30.0);
    let mut listener = Listener::join(&server, "/ws/stream?format=none");
    let update = listener.wait("generation_update");
    assert!(update["pending"]["bpm"] == 77.0 || update["bpm"] == 77.0, "{update}");
    // What came before is as it was.
    assert_eq!(server.ask("POST", "/api/v1/control", r#"{"preset":"rain"}"#).0, 200);
    let update = listener.wait_for(|message| message["preset"] == "rain");
    assert_eq!((&update["pending"], &update["bpm"]), (&json!({}), &json!(200.0)));
}

#[test]
fn who_takes_a_name_that_is_to_be_given_keeps_nobody_out() {
    let server = station();
    let _squatters: Vec<_> =
        (1..20).map(|n| Listener::join(&server, &format!("/ws/audio/listener-{n}?format=none"))).collect();
    let mut listener = Listener::join(&server, "/ws/stream?format=none");
    listener.wait("generation_update");
}
