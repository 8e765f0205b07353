//! What the station tells of itself: figures as JSON and for Prometheus, its memory, its log.

use auralis_tests::presets::TONE;
use auralis_tests::{Events, Heard, Listener, Room, Server, agent, signal, wait};
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The names of the contract that are not as Prometheus would have them.
const ABBREVIATED: [&str; 4] = [
    "auralis_end_to_end_latency_ms",
    "auralis_memory_usage_mb",
    "auralis_network_latency_ms",
    "auralis_synthesis_latency_ms",
];

fn text(server: &Server, path: &str) -> String {
    let mut answer = agent().get(server.url(path)).call().expect("an answer");
    assert_eq!(answer.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    answer.body_mut().read_to_string().expect("a text")
}

/// The samples of an exposition, by name and labels.
fn samples(text: &str) -> BTreeMap<String, f64> {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let sample = |line: &str| {
        let (name, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line}"));
        (name.to_string(), value.parse().unwrap_or_else(|_| panic!("{line}")))
    };
    let rows: Vec<(String, f64)> = lines.map(sample).collect();
    let samples: BTreeMap<String, f64> = rows.iter().cloned().collect();
    assert_eq!(samples.len(), rows.len(), "a sample stands there twice");
    samples
}

/// What promtool has to say, a line each.
fn judged(text: &str) -> Vec<String> {
    let mut promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool of the Debian package prometheus");
    promtool.stdin.take().expect("a pipe").write_all(text.as_bytes()).expect("it reads");
    let said = promtool.wait_with_output().expect("it ends");
    let said = [said.stdout, said.stderr].concat();
    String::from_utf8(said).expect("a text").lines().map(str::to_string).collect()
}

/// Asks until something is so.
fn until<T>(what: &str, mut ask: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return answer;
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Listens until so many chunks came.
fn hear(listener: &mut Listener, chunks: usize) {
    let mut heard = 0;
    while heard < chunks {
        heard += usize::from(matches!(listener.hear(), Heard::Binary(_)));
    }
}

#[test]
fn what_listeners_report_and_get_is_told_in_json_and_to_prometheus() {
    let server = Server::start(&[("tone", TONE)]);
    let mut listener = Listener::join(&server, "/ws/audio/ear?format=pcm16");
    hear(&mut listener, 5);
    let report = |round_trip: f64, underruns: u64| {
        json!({
            "type": "report", "buffer_ms": 300, "underruns": underruns, "played_chunk_index": 1,
            "round_trip_ms": round_trip, "delay_ms": 250.5,
        })
    };
    listener.say(&report(40.0, 2));
    // Only one report a second counts, and what cannot be never.
    listener.say(&report(1e300, 3));
    listener.say(&json!({ "type": "control", "params": { "level": -30 } }));
    listener.wait("generation_update");
    let metrics = until("the report is counted", || {
        let metrics = server.get("/api/metrics");
        (metrics["listener_underruns"] == 2).then_some(metrics)
    });
    let network = json!({ "avg": 20.0, "p50": 20.0, "p95": 20.0, "p99": 20.0, "samples": 1 });
    assert_eq!(metrics["network_latency_ms"], network);
    assert_eq!(metrics["end_to_end_latency_ms"]["p95"], 250.5);
    let synthesis = &metrics["synthesis_latency_ms"];
    assert!(
        synthesis["samples"].as_u64().unwrap() >= 5 && synthesis["p99"].as_f64() >= synthesis["p50"].as_f64()
    );
    for name in ["buffer_underruns", "buffer_overflows", "disconnects"] {
        assert!(metrics[name].is_u64(), "{name} in {metrics}");
    }
    assert!(metrics["memory_usage_mb"].as_f64().unwrap() > 5.0, "{metrics}");
    assert_eq!(metrics["gc_collections"], json!({ "gen0": 0, "gen1": 0, "gen2": 0 }));
    assert_eq!((&metrics["listeners"], &metrics["listeners_by_format"]["pcm16"]), (&json!(1), &json!(1)));
    assert_eq!(server.ask("GET", "/s/tone/api/metrics", "").1["listeners"], 1);

    let exposed = text(&server, "/metrics");
    let said = judged(&exposed);
    let about = |line: &String| line.split(' ').next().unwrap_or_default().to_string();
    assert_eq!(said.iter().map(about).collect::<Vec<_>>(), ABBREVIATED, "{said:#?}");
    assert!(said.iter().all(|line| line.ends_with("metric names should not contain abbreviated units")));
    let samples = samples(&exposed);
    let sample = |name: &str| *samples.get(name).unwrap_or_else(|| panic!("no {name} in {exposed}"));
    assert_eq!(sample(r#"auralis_network_latency_ms_bucket{station="tone",le="10"}"#), 0.0);
    for bound in ["50", "100", "+Inf"] {
        assert_eq!(
            sample(&format!(r#"auralis_network_latency_ms_bucket{{station="tone",le="{bound}"}}"#)),
            1.0
        );
        let rendered = format!(r#"auralis_synthesis_latency_ms_bucket{{station="tone",le="{bound}"}}"#);
        assert!(sample(&rendered) >= 5.0);
    }
    assert_eq!(sample(r#"auralis_end_to_end_latency_ms_sum{station="tone"}"#), 250.5);
    assert_eq!(sample(r#"auralis_control_seconds_count{station="tone"}"#), 1.0);
    assert!(sample(r#"auralis_delivery_lateness_seconds_count{station="tone"}"#) >= 3.0);
    assert_eq!(sample(r#"auralis_listeners{format="pcm16",station="tone"}"#), 1.0);
    assert!((0.3 - sample(r#"auralis_listener_buffer_seconds{stat="mean",station="tone"}"#)).abs() < 1e-9);
    let chunks = sample(r#"auralis_sent_chunks_total{format="pcm16",station="tone"}"#);
    let bytes = sample(r#"auralis_sent_bytes_total{format="pcm16",station="tone"}"#);
    assert!(chunks >= 5.0 && bytes >= chunks * 17_640.0, "{chunks} chunks, {bytes} bytes");
    for name in ["process_resident_memory_bytes", "process_start_time_seconds"] {
        assert!(sample(name) > 0.0, "{name}");
    }
    // A tone takes less than the kernel counts, at first.
    assert!((0.0..60.0).contains(&sample("process_cpu_seconds_total")));
    if cfg!(target_os = "linux") {
        for name in ["process_open_fds", "process_threads", "auralis_allocated_bytes"] {
            assert!(sample(name) > 1.0, "{name}");
        }
    }

    // Who has gone is counted on; what was of the moment is not told any more.
    drop(listener);
    let after = until("the listener goes", || {
        let after = self::samples(&text(&server, "/metrics"));
        (after[r#"auralis_disconnects_total{station="tone"}"#] == 1.0).then_some(after)
    });
    assert!(after[r#"auralis_sent_chunks_total{format="pcm16",station="tone"}"#] >= chunks);
    assert_eq!(after[r#"auralis_listeners{format="pcm16",station="tone"}"#], 0.0);
}

#[test]
fn stations_that_listeners_make_have_one_label_together() {
    let server = Server::start_with(&[("tone", TONE)], &["--private-stations", "3"]);
    let make = || {
        let (status, made) = server.ask("POST", "/api/v1/stations", r#"{"preset":"night_drift"}"#);
        assert_eq!(status, 201, "{made}");
        made["station"].as_str().expect("an id").to_string()
    };
    let ids = [make(), make()];
    let mut listeners =
        ids.each_ref().map(|id| Listener::join(&server, &format!("/s/{id}/ws/stream?format=pcm16")));
    listeners.iter_mut().for_each(|listener| hear(listener, 3));
    let exposed = text(&server, "/metrics");
    assert!(ids.iter().all(|id| !exposed.contains(id.as_str())), "an id is told: {exposed}");
    let samples = samples(&exposed);
    assert_eq!(samples[r#"auralis_listeners{format="pcm16",station="private"}"#], 2.0);
    assert!(samples[r#"auralis_sent_chunks_total{format="pcm16",station="private"}"#] >= 6.0);
    assert_eq!(samples[r#"auralis_stations{kind="private"}"#], 2.0);
    assert_eq!(judged(&exposed).len(), ABBREVIATED.len());
    // Neither do the figures that anybody may see.
    let pushed = Events::open(server.port(), "/api/v1/figures", "localhost").next().expect("an event");
    assert!(ids.iter().all(|id| !pushed.to_string().contains(id.as_str())), "an id is told: {pushed}");
}

#[test]
fn figures_are_pushed_each_second_and_the_table_of_listeners_is_the_operators() {
    let server = Server::start(&[("tone", TONE)]);
    let mut listener = Listener::join(&server, "/ws/audio/ear?format=pcm16");
    hear(&mut listener, 1);
    let mut events = Events::open(server.port(), "/api/v1/figures", "localhost");
    assert_eq!(events.status(), 200);
    let first = events.next().expect("an event");
    let began = Instant::now();
    let second = events.next().expect("another event");
    assert!(began.elapsed() < Duration::from_secs(5) && first["timestamp"] != second["timestamp"]);
    assert_eq!(second["sights"][0]["name"], "tone");
    let client = &second["clients"][0];
    assert_eq!((&client["id"], &client["format"]), (&json!("ear"), &json!("pcm16")));
    let sent = |event: &Json| event["clients"][0]["sent_chunks"].as_u64().expect("a number");
    assert!(sent(&second) >= sent(&first), "{first} {second}");
    // Under a name that is not this machine's nobody is the operator.
    let other = Events::open(server.port(), "/api/v1/figures", "radio.example").next().expect("an event");
    assert!(other.get("clients").is_none() && other["listeners"] == 1, "{other}");
    // So many, and no more.
    let open: Vec<Events> =
        (0..20).map(|_| Events::open(server.port(), "/api/v1/figures", "localhost")).collect();
    assert!(open.iter().filter(|events| events.status() == 503).count() >= 4);
    drop(open);
    until("there is room again", || {
        (Events::open(server.port(), "/api/v1/figures", "localhost").status() == 200).then_some(())
    });
}

#[test]
fn edits_are_reclaimed_and_counted() {
    let server = Server::start(&[("tone", TONE)]);
    for text in [TONE.replace("-20 dB", "-25 dB"), TONE.replace("oscillator, frequency: 440 Hz", "noise")] {
        assert_eq!(server.ask("PUT", "/api/v1/graph", &text).0, 200);
    }
    let (status, said) = server.ask("POST", "/api/v1/reclaim", "");
    assert_eq!((status, &said["status"]), (200, &json!("reclaimed")), "{said}");
    assert!(said["reclaimed"].is_u64() && said["freed_mb"].is_number(), "{said}");
    let all = said["gc_collections"].clone();
    assert!(
        all["gen0"].as_u64() >= Some(2) && all["gen1"].as_u64() >= Some(1) && all["gen2"].as_u64() >= Some(2)
    );
    assert_eq!(server.get("/api/metrics")["gc_collections"], all);
    let samples = samples(&text(&server, "/metrics"));
    let told =
        |name: &str| samples[&format!(r#"auralis_reclaimed_total{{generation="{name}",station="tone"}}"#)];
    for name in ["gen0", "gen1", "gen2"] {
        assert_eq!(Some(told(name)), all[name].as_f64(), "{name}");
    }
    let tracked = server.get("/api/metrics")["memory"]["tracked"].clone();
    let labels: Vec<&Json> = tracked.as_array().expect("labels").iter().map(|one| &one["label"]).collect();
    assert_eq!(labels, ["reclaims", "stations"], "{tracked}");
    // Others may not.
    let request = agent().post(server.url("/api/v1/reclaim")).header("host", "radio.example");
    assert_eq!(request.send("").expect("an answer").status(), 403);
}

#[test]
fn a_log_file_has_lines_of_json_its_day_in_its_name_and_what_memory_does() {
    let room = Room::new();
    room.preset("tone", TONE);
    let path = room.path("logs/station.log");
    let mut child = room
        .command()
        .args([
            "serve",
            "tone",
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--memory-warning-mb",
            "1",
            "--log-file",
        ])
        .arg(&path)
        .args(["--log-format", "json", "--log-rotation", "daily"])
        .stdout(Stdio::null())
        .spawn()
        .expect("the program starts");
    let log = || {
        let files: Vec<_> = std::fs::read_dir(room.path("logs")).ok()?.flatten().collect();
        let [file] = &files[..] else { panic!("{files:?}") };
        Some((file.file_name().into_string().ok()?, std::fs::read_to_string(file.path()).ok()?))
    };
    until("the memory is looked at", || log().filter(|(_, text)| text.contains("memory-warning-mb")));
    signal(&child, "TERM");
    assert_eq!(wait(&mut child, Duration::from_secs(10)), Some(0));
    let (name, lines) = log().expect("a log");
    let day = name.strip_prefix("station.").and_then(|rest| rest.strip_suffix(".log"));
    let day = day.unwrap_or_else(|| panic!("{name}"));
    assert!(day.len() == 10 && day.bytes().filter(|byte| *byte == b'-').count() == 2, "{name}");
    let lines: Vec<Json> = lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let said = |level: &str, words: &str| {
        let is_it = |line: &&Json| {
            line["level"] == level && line["message"].as_str().is_some_and(|m| m.contains(words))
        };
        lines.iter().filter(is_it).count()
    };
    assert_eq!(said("INFO", "Tone plays on http://"), 1, "{lines:#?}");
    assert_eq!(said("WARN", "more than the 1 MB of memory-warning-mb"), 1, "{lines:#?}");
    assert_eq!(said("INFO", "the station ends"), 1, "the last line is written before the end: {lines:#?}");
}

/// The names of figures in a query.
fn names(query: &str) -> impl Iterator<Item = &str> {
    let words = query.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_');
    words.filter(|word| word.starts_with("auralis_") || word.starts_with("process_"))
}

#[test]
fn every_query_of_the_dashboard_names_figures_that_there_are() {
    let server = Server::start(&[("tone", TONE)]);
    let exposed = text(&server, "/metrics");
    let samples = samples(&exposed);
    let known: BTreeSet<&str> = samples.keys().filter_map(|sample| sample.split('{').next()).collect();
    // It is known only after half an hour.
    let late = "auralis_memory_growth_bytes";
    let dashboard: Json = serde_json::from_str(include_str!("../../docs/grafana.json")).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels.iter().flat_map(|panel| panel["targets"].as_array().expect("targets"));
    let mut queries: Vec<&str> = targets.map(|target| target["expr"].as_str().expect("a query")).collect();
    assert!(queries.len() > panels.len() && panels.len() > 10);
    let variables = dashboard["templating"]["list"].as_array().expect("variables");
    queries.extend(variables.iter().filter_map(|variable| variable["query"]["query"].as_str()));
    let mut shown = BTreeSet::new();
    for query in queries {
        assert!(names(query).count() > 0, "{query} shows nothing of ours");
        let selected = query.matches("{instance=~\"$instance\"").count();
        let lists_them = query.starts_with("label_values(auralis_build_info,");
        assert!(selected == names(query).count() || lists_them, "{query} mixes servers");
        for name in names(query).filter(|name| *name != late) {
            assert!(known.contains(name), "{query}: there is no {name}");
            shown.insert(name.trim_end_matches("_bucket").trim_end_matches("_count"));
        }
    }
    // What there is is shown, but for what others say as well.
    let families = exposed.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let besides = ["auralis_memory_usage_mb", "process_virtual_memory_bytes"];
    let missing: Vec<&str> =
        families.filter(|name| !shown.contains(name) && !besides.contains(name)).collect();
    assert!(missing.is_empty(), "not in docs/grafana.json: {missing:?}");
}
