//! The levels that a station pushes to its operator: what sounds, when it sounds, and only while somebody watches.

use auralis_tests::{Events, Server};
use base64::Engine;
use serde_json::{Value as Json, json};
use std::time::{Duration, Instant};

fn tone(more: &str, out: &str) -> String {
    format!(
        "auralis: 1
nodes:
  tone: {{ type: oscillator, frequency: 997 Hz, gain: -12 dB }}
  idle: {{ type: gain, in: tone, mute: true }}
{more}  out: {{ type: output, in: [tone, idle{out}] }}
"
    )
}

fn watch(server: &Server) -> Events {
    let events = Events::open(server.port(), "/api/v1/levels", "localhost");
    assert_eq!(events.status(), 200);
    events
}

/// The level of a node in dB, by an event and what the drawing says of where to find it; none in silence.
fn level(event: &Json, graph: &Json, node: &str) -> Option<f64> {
    let nodes = graph["drawing"]["nodes"].as_array().expect("a drawing has nodes");
    let slot = nodes.iter().find(|drawn| drawn["name"] == node)?["levels"][0].as_u64()?;
    let levels = event["levels"].as_str().expect("levels are a text");
    let levels = base64::engine::general_purpose::STANDARD.decode(levels).expect("levels are base64");
    let byte = levels[slot as usize];
    (byte > 0).then(|| f64::from(byte) / 2.0 - 115.5)
}

fn watchers(server: &Server) -> u64 {
    server.get("/api/status")["level_watchers"].as_u64().expect("a number")
}

/// Waits until so many watch.
fn until_watched_by(server: &Server, wanted: u64) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while watchers(server) != wanted {
        assert!(Instant::now() < deadline, "{} watch, not {wanted}", watchers(server));
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn levels_arrive_as_they_sound_and_end_with_who_watches() {
    let server = Server::start(&[("tone", &tone("", ""))]);
    assert_eq!(watchers(&server), 0);
    let mut events = watch(&server);
    let graph = server.get("/api/v1/graph");
    events.next();
    let begun = Instant::now();
    let mut last = Json::Null;
    for _ in 0..40 {
        last = events.next().expect("levels go on");
    }
    let rate = 40.0 / begun.elapsed().as_secs_f64();
    assert!((15.0..=30.0).contains(&rate), "{rate} times in a second");
    assert_eq!((&last["preset"], &last["edition"], &last["muted"]), (&json!("tone"), &json!(0), &json!([])));
    let heard = level(&last, &graph, "tone").expect("the tone sounds");
    assert!((heard + 12.0).abs() <= 0.5, "{heard}");
    assert_eq!(level(&last, &graph, "idle"), None, "what is muted is silent");
    assert_eq!(watchers(&server), 1);
    drop(events);
    until_watched_by(&server, 0);
}

#[test]
fn a_node_that_an_edit_brings_is_among_the_levels_once_it_sounds() {
    let server = Server::start(&[("tone", &tone("", ""))]);
    let mut events = watch(&server);
    events.next();
    let text = tone("  other: { type: oscillator, frequency: 331 Hz, gain: -20 dB }\n", ", other");
    assert_eq!(server.ask("PUT", "/api/v1/graph", &text).0, 200);
    let graph = server.get("/api/v1/graph");
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let event = events.next().expect("levels go on");
        let new = (event["edition"] == 1).then(|| level(&event, &graph, "other")).flatten();
        if new.is_some_and(|new| (new + 20.0).abs() <= 0.5) {
            assert!(level(&event, &graph, "tone").is_some_and(|tone| (tone + 12.0).abs() <= 0.5));
            break;
        }
        assert!(Instant::now() < deadline, "the new node is never heard: {event}");
    }
}

#[test]
fn another_presets_levels_follow_its_sound() {
    let hush =
        "auralis: 1\nnodes:\n  hiss: { type: noise, gain: -30 dB }\n  out: { type: output, in: hiss }\n";
    let server = Server::start(&[("tone", &tone("", "")), ("hush", hush)]);
    let mut events = watch(&server);
    events.next();
    server.control(&json!({ "preset": "hush" }));
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let event = events.next().expect("levels go on");
        if event["preset"] == "hush" {
            let graph = server.get("/api/v1/graph");
            if level(&event, &graph, "hiss").is_some_and(|hiss| (-42.0..=-28.0).contains(&hiss)) {
                break;
            }
        }
        assert!(Instant::now() < deadline, "the other preset is never measured: {event}");
    }
}

#[test]
fn strangers_see_no_levels_and_too_many_watchers_are_refused() {
    let mut server = Server::start(&[("tone", &tone("", ""))]);
    let stranger = Events::open(server.port(), "/api/v1/levels", "radio.example");
    assert_eq!((stranger.status(), watchers(&server)), (403, 0));
    let foreign =
        auralis_tests::agent().get(server.url("/api/v1/levels")).header("origin", "http://evil").call();
    assert_eq!(foreign.expect("the station answers").status(), 403);
    let mut watching: Vec<Events> = (0..16).map(|_| watch(&server)).collect();
    assert_eq!(Events::open(server.port(), "/api/v1/levels", "localhost").status(), 503);
    watching.truncate(1);
    until_watched_by(&server, 1);
    // Nor does anybody who watches keep the station from ending.
    let (status, took) = server.end("TERM");
    assert!(status == 0 && took < Duration::from_secs(5), "{status} after {took:?}");
    while watching[0].next().is_some() {}
}

#[test]
fn the_drawing_has_every_node_and_connection_with_its_place_in_the_text() {
    let text = "auralis: 1
nodes:
  keys: { type: composer }
  wave: { type: lfo, rate: 0.1 Hz }
  pad: { type: synth, in: keys.chords, cutoff: { from: wave, depth: 1 st } }
  echo: { type: delay, in: [pad, { from: echo, gain: -6 dB }], time: 0.2 s }
  alone: { type: noise }
  out: { type: output, in: echo }
";
    let server = Server::start(&[("all", text)]);
    let graph = server.get("/api/v1/graph");
    let drawing = &graph["drawing"];
    let nodes = drawing["nodes"].as_array().expect("nodes");
    let names: Vec<_> = nodes.iter().filter_map(|node| node["name"].as_str()).collect();
    assert_eq!(names, ["keys", "wave", "pad", "echo", "alone", "out"]);
    let places = (3..).zip(names);
    let places: Json = places
        .map(|(line, name)| json!({ "name": name, "line": line, "column": 3, "end_line": line }))
        .collect();
    assert_eq!(graph["nodes"], places);
    let runs: Vec<_> = nodes.iter().filter(|node| node["runs"] == false).map(|node| &node["name"]).collect();
    assert_eq!(runs, ["alone"], "what nobody hears does not run");
    let edges = drawing["edges"].as_array().expect("edges");
    let edge = |edge: &Json| {
        let name = |end: &str| nodes[edge[end].as_u64().expect("an index") as usize]["name"].clone();
        json!([name("from"), name("to"), edge["flow"], edge["label"], edge["gain"], edge["level"].is_u64()])
    };
    assert_eq!(
        edges.iter().map(edge).collect::<Json>(),
        json!([
            ["keys", "pad", "notes", "chords", 0.0, false],
            ["wave", "pad", "modulation", "cutoff", 0.0, false],
            ["pad", "echo", "audio", "", 0.0, true],
            ["echo", "echo", "audio", "-6 dB", -6.0, true],
            ["echo", "out", "audio", "", 0.0, true],
        ])
    );
    // Boxes lie within the drawing and not on each other.
    let number = |json: &Json| json.as_f64().expect("a number");
    let (width, height) = (number(&drawing["box"][0]), number(&drawing["box"][1]));
    for (index, node) in nodes.iter().enumerate() {
        let (x, y) = (number(&node["x"]), number(&node["y"]));
        assert!(x >= 0.0 && x + width <= number(&drawing["size"][0]), "{node}");
        assert!(y >= 0.0 && y + height <= number(&drawing["size"][1]), "{node}");
        for other in &nodes[..index] {
            let apart = (x - number(&other["x"])).abs() >= width || (y - number(&other["y"])).abs() >= height;
            assert!(apart, "{node} lies on {other}");
        }
    }
    let wrong = text.replace("type: lfo", "type: lfoo");
    let (_, answer) = server.ask("POST", "/api/v1/check", &wrong);
    assert_eq!(answer["diagnostics"][0]["node"], "wave");
    assert_eq!(answer["nodes"][3], json!({ "name": "echo", "line": 6, "column": 3, "end_line": 6 }));
}
