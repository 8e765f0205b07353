//! Many stations in one program, and those that single listeners have for themselves.

use auralis_tests::presets::PULSE;
use auralis_tests::{Heard, Listener, Server, Wire};
use serde_json::{Value as Json, json};
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A folder of presets.
fn folder() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("low.yaml"), PULSE.replace("440 Hz", "220 Hz")).unwrap();
    std::fs::write(folder.path().join("high.yaml"), PULSE.replace("440 Hz", "880 Hz")).unwrap();
    let path = folder.path().to_path_buf();
    (folder, path)
}

fn serve(arguments: &[&str]) -> Server {
    Server::start_with(&[], arguments)
}

/// The next so many chunks of PCM as samples of the left channel.
fn hear(listener: &mut Listener, chunks: usize) -> Vec<f32> {
    let mut left = Vec::new();
    let mut heard = 0;
    while heard < chunks {
        let Heard::Binary(frame) = listener.hear() else { continue };
        let samples = frame[24..].chunks_exact(4);
        left.extend(samples.map(|pair| f32::from(i16::from_le_bytes([pair[0], pair[1]])) / 32_768.0));
        heard += 1;
    }
    left
}

fn rms(samples: &[f32]) -> f32 {
    (samples.iter().map(|sample| sample * sample).sum::<f32>() / samples.len() as f32).sqrt()
}

/// How often a sound crosses zero on its way up, in a second.
fn pitch(samples: &[f32]) -> f64 {
    let ups = samples.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
    ups as f64 * 44_100.0 / samples.len() as f64
}

/// Waits until nobody hears a station any more, and it sleeps.
fn until_asleep(server: &Server, name: &str) {
    let begun = Instant::now();
    while !asleep(server, name) {
        assert!(begun.elapsed() < Duration::from_secs(15), "{name} does not fall asleep");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The phrase that a station is in, and the milliseconds that are left of it.
fn place(server: &Server, station: &str) -> (String, f64) {
    let (_, said) = server.ask("POST", &format!("/s/{station}/api/v1/control"), r#"{"intensity":0.5}"#);
    let next = said["generation"]["next_phrase_in_ms"].as_f64().expect("a time");
    (said["generation"]["phrase_id"].as_str().expect("a phrase").to_string(), next)
}

/// Both stations count from the same instant at the same tempo: they are in the same phrase, at the same place.
fn assert_in_step(server: &Server) {
    // Not where one may be over the edge of a phrase already, and the other not.
    while place(server, "low").1 < 2000.0 {
        std::thread::sleep(Duration::from_millis(500));
    }
    let (low, high) = (place(server, "low"), place(server, "high"));
    assert_eq!(low.0, high.0, "{low:?} {high:?}");
    assert!((low.1 - high.1).abs() < 1000.0, "{low:?} {high:?}");
}

fn asleep(server: &Server, name: &str) -> bool {
    let said = server.get("/api/v1/stations");
    let stations = said["stations"].as_array().expect("stations");
    let station = stations.iter().find(|station| station["name"] == name);
    station.unwrap_or_else(|| panic!("no {name} in {said}"))["asleep"] == true
}

#[test]
fn a_folder_is_many_stations_each_under_its_name() {
    let (_folder, path) = folder();
    let server = serve(&[path.to_str().unwrap(), "--default-station", "low"]);
    let mut low = Listener::join(&server, "/ws/stream?format=pcm16");
    let mut high = Listener::join(&server, "/s/high/ws/stream?format=pcm16");
    let (low_sound, high_sound) = (hear(&mut low, 10), hear(&mut high, 10));
    assert!((215.0..=300.0).contains(&pitch(&low_sound)), "{}", pitch(&low_sound));
    assert!((840.0..=920.0).contains(&pitch(&high_sound)), "{}", pitch(&high_sound));
    assert_eq!(server.get("/s/high/api/v1/status")["current_preset"], "high");
    assert_eq!(server.get("/api/v1/status")["current_preset"], "low");
    // What is turned at one station is turned there only.
    let (status, said) = server.ask("POST", "/s/high/api/v1/control", r#"{"params":{"tone":-40}}"#);
    assert_eq!((status, &said["params"]["tone"]), (200, &json!(-40.0)));
    let value = |path: &str| server.get(path)["controls"][0]["value"].clone();
    assert_eq!(value("/api/v1/controls"), json!(-20.0));
    assert_eq!(server.ask("GET", "/s/none/api/v1/status", "").0, 404);
    for (address, leads_to) in [("/s/high", "/s/high/"), ("/s/high?format=json", "/s/high/?format=json")] {
        let moved = Wire::connect(server.port()).ask(&format!("GET {address}"), &[], "");
        assert_eq!((moved.status, moved.header("location")), (308, Some(leads_to)));
    }
    assert_eq!(Listener::try_join(&server, "/s/none/ws/stream", &[]).err(), Some(404));
}

#[test]
fn a_station_that_nobody_hears_sleeps_and_wakes_where_it_would_be() {
    let (_folder, path) = folder();
    let server =
        serve(&[path.to_str().unwrap(), "--default-station", "low", "--epoch", "2026-01-01T00:00:00Z"]);
    until_asleep(&server, "high");
    assert!(!asleep(&server, "low"), "the default station always plays");
    assert_eq!(server.get("/s/high/api/v1/health")["status"], "healthy");
    std::thread::sleep(Duration::from_secs(3));
    // What is turned while it sleeps wakes it, and stays turned.
    let (status, said) = server.ask("POST", "/s/high/api/v1/control", r#"{"params":{"tone":-26}}"#);
    assert_eq!((status, &said["params"]["tone"]), (200, &json!(-26.0)), "{said}");
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(server.get("/s/high/api/v1/controls")["controls"][0]["value"], -26.0);
    until_asleep(&server, "high");
    let mut high = Listener::join(&server, "/s/high/ws/stream?format=pcm16");
    let sound = hear(&mut high, 10);
    let moved = server.get("/s/high/api/metrics")["buffer_overflows"].clone();
    assert_eq!(moved, 0, "who wakes it has missed nothing");
    assert!(
        rms(&sound) > 0.02 && (840.0..=920.0).contains(&pitch(&sound)),
        "{} {}",
        rms(&sound),
        pitch(&sound)
    );
    assert!(!asleep(&server, "high"));
    assert_in_step(&server);
}

#[test]
fn a_preset_that_is_read_again_while_its_station_sleeps_plays_where_it_would_be() {
    let (_folder, path) = folder();
    let server =
        serve(&[path.to_str().unwrap(), "--default-station", "low", "--epoch", "2026-01-01T00:00:00Z"]);
    until_asleep(&server, "high");
    server.signal("HUP");
    server.wait_until_said(&["read again: started"]);
    assert!(asleep(&server, "high"), "nobody wakes it for a text that it has");
    // Longer than what it has rendered ahead.
    std::thread::sleep(Duration::from_secs(3));
    std::fs::write(path.join("high.yaml"), PULSE.replace("440 Hz", "1320 Hz")).unwrap();
    server.signal("HUP");
    let begun = Instant::now();
    let text = || server.get("/s/high/api/v1/graph").to_string();
    while !text().contains("1320 Hz") {
        assert!(begun.elapsed() < Duration::from_secs(15), "it is not read again");
        std::thread::sleep(Duration::from_millis(50));
    }
    let mut high = Listener::join(&server, "/s/high/ws/stream?format=pcm16");
    // The sound of before fades out.
    hear(&mut high, 10);
    let sound = hear(&mut high, 10);
    assert!((1270.0..=1370.0).contains(&pitch(&sound)), "{}", pitch(&sound));
    assert_in_step(&server);
}

#[test]
fn a_configuration_file_names_stations_with_settings_of_their_own() {
    let (_folder, path) = folder();
    let config = path.join("auralis-config");
    let text = format!(
        "log_level: info\nstations:\n  dawn: {{ preset: {low}, default_bpm: 61, default_key: C minor }}\n  dusk: {high}\n",
        low = path.join("low.yaml").display(),
        high = path.join("high.yaml").display()
    );
    std::fs::write(&config, text).unwrap();
    let server = serve(&["--config", config.to_str().unwrap()]);
    let status = |path: &str| {
        let said = server.get(path);
        (said["current_key"].as_str().unwrap_or_default().to_string(), said["current_bpm"].as_f64())
    };
    assert_eq!(status("/api/v1/status"), ("C minor".into(), Some(61.0)), "the first is the default");
    assert_eq!(status("/s/dusk/api/v1/status").1, Some(120.0));
    assert_eq!(status("/s/dawn/api/v1/status"), status("/api/v1/status"));
}

fn make(server: &Server, wish: &Json) -> (u16, Json) {
    server.ask("POST", "/api/v1/stations", &wish.to_string())
}

#[test]
fn a_listener_has_a_station_alone_until_it_has_been_gone_for_a_minute() {
    let server = Server::start_with(&[("pulse", PULSE)], &["--private-stations", "2"]);
    let (status, mine) = make(&server, &json!({ "preset": "pulse", "bpm": 90, "key": "E minor", "seed": 7 }));
    assert_eq!(status, 201, "{mine}");
    let id = mine["station"].as_str().expect("an id");
    assert_eq!((id.len(), id.bytes().all(|b| b.is_ascii_hexdigit())), (32, true), "128 random bits");
    let path = |rest: &str| format!("/s/{id}/{rest}");
    let said = server.get(&path("api/v1/status"));
    assert_eq!((&said["current_bpm"], &said["current_key"]), (&json!(90.0), &json!("E minor")));
    assert_eq!(server.get("/api/v1/status")["current_bpm"], 120.0);
    let mut listener = Listener::join(&server, &path("ws/stream?format=pcm16"));
    let sound = hear(&mut listener, 10);
    assert!((420.0..=480.0).contains(&pitch(&sound)), "{}", pitch(&sound));
    // Nobody else is told of it.
    assert!(!server.get("/api/v1/stations").to_string().contains(id));

    assert_eq!(make(&server, &json!({})).0, 201);
    let (status, refused) = make(&server, &json!({}));
    assert_eq!((status, &refused["code"]), (503, &json!("SERVER_OVERLOAD")), "{refused}");
    assert!(refused["retry_after"].as_u64().is_some_and(|seconds| seconds > 0));

    drop(listener);
    let gone = Instant::now();
    while server.ask("GET", &path("api/v1/health"), "").0 == 200 {
        assert!(gone.elapsed() < Duration::from_secs(80), "it does not end");
        std::thread::sleep(Duration::from_millis(500));
    }
    assert!(gone.elapsed() > Duration::from_secs(50), "it ended after {:?}", gone.elapsed());
    assert_eq!(make(&server, &json!({})).0, 201, "its place is free");
}

#[test]
fn a_private_station_that_cannot_be_says_why() {
    let server =
        Server::start_with(&[("pulse", PULSE)], &["--private-stations", "5", "--private-presets", "pulse"]);
    for (wish, field) in [
        (json!({ "preset": "night_drift" }), "preset"),
        (json!({ "preset": "../pulse.yaml" }), "preset"),
        (json!({ "preset": 5 }), "preset"),
        (json!({ "bpm": 500 }), "bpm"),
        (json!({ "key": "H" }), "key"),
        (json!({ "intensity": "x" }), "intensity"),
        (json!({ "seed": -1 }), "seed"),
        (json!({ "graph": "auralis: 1" }), "graph"),
    ] {
        let (status, said) = make(&server, &wish);
        assert_eq!((status, &said["field"]), (422, &json!(field)), "{wish}: {said}");
    }
    assert_eq!(make(&server, &json!([1])).0, 400);
    let off = Server::start(&[("pulse", PULSE)]);
    assert_eq!(make(&off, &json!({})).0, 403);
}

#[test]
fn nobody_but_this_machine_asks_for_many_private_stations_in_a_minute() {
    let server = Server::start_with(&[("pulse", PULSE)], &["--env", "production", "--private-stations", "2"]);
    let ask =
        |first: &str| Wire::connect(server.port()).ask(first, &[("Host", "radio.test")], "{\"seed\":-1}");
    // Whatever comes of them.
    for _ in 0..5 {
        assert_eq!(ask("POST /api/v1/stations").status, 422);
    }
    for first in ["POST /api/v1/stations", "POST /api/v1/stations/", "POST /s/pulse/api/v1/stations"] {
        let refused = ask(first);
        let said = refused.json();
        assert_eq!((refused.status, &said["error"]), (429, &json!("Rate limit exceeded")), "{said}");
        let after = said["retry_after"].as_u64().expect("seconds");
        assert!((1..=12).contains(&after), "{said}");
        assert_eq!(refused.header("retry-after"), Some(after.to_string().as_str()));
    }
    assert!((0..10).all(|_| ask("GET /api/v1/stations").status == 200), "the list is free");
    for status in [201, 201, 503, 503, 503, 503] {
        assert_eq!(make(&server, &json!({})).0, status, "this machine is told when there are enough");
    }
}
