//! A preset that is edited while a station plays it: by saving its file, and over HTTP.

use auralis_graph::testing::measure::{amplitude_at, level_db};
use auralis_tests::{Listener, Server};
use serde_json::{Value as Json, json};
use std::time::{Duration, Instant};

fn tone(frequency: f64, more: &str) -> String {
    format!(
        "auralis: 1
name: Test Tone
tempo: 120
nodes:
  tone: {{ type: oscillator, frequency: {frequency} Hz, gain: -12 dB }}
{more}  out: {{ type: output, in: tone }}
expose:
  level: {{ to: tone.gain, label: Level }}
"
    )
}

/// Chunks as a listener gets them: their numbers have no hole. The left side of one after the other.
struct Sound {
    listener: Listener,
    index: Option<u64>,
}

impl Sound {
    fn of(server: &Server) -> Self {
        Self { listener: Listener::join(server, "/ws/stream"), index: None }
    }

    fn chunk(&mut self) -> Vec<f32> {
        let (index, bytes) = self.listener.chunks(1).remove(0);
        if let Some(last) = self.index.replace(index) {
            assert_eq!(index, last + 1, "a chunk is missing");
        }
        let left = bytes.as_chunks::<4>().0.iter();
        left.map(|frame| f32::from(i16::from_le_bytes([frame[0], frame[1]])) / 32_768.0).collect()
    }

    /// Listens until a tone of this frequency sounds alone; how long that took, and how strongly what came before
    /// clicked: its largest sixth difference.
    fn until(&mut self, hertz: f64) -> (Duration, f32) {
        let begun = Instant::now();
        let mut heard = Vec::new();
        loop {
            let chunk = self.chunk();
            heard.extend_from_slice(&chunk);
            if (amplitude_at(&chunk, hertz, 44_100.0) - 0.251).abs() < 0.005 {
                let mut differences = heard;
                for _ in 0..6 {
                    differences = differences.windows(2).map(|pair| pair[1] - pair[0]).collect();
                }
                let sharpest = differences.iter().fold(0.0f32, |most, x| most.max(x.abs()));
                return (begun.elapsed(), sharpest);
            }
            assert!(begun.elapsed() < Duration::from_secs(20), "{hertz} Hz is not heard");
        }
    }
}

#[test]
fn a_saved_preset_is_heard_without_a_gap_or_a_click() {
    let server = Server::start(&[("tone", &tone(220.0, ""))]);
    let mut sound = Sound::of(&server);
    sound.until(220.0);
    let heard = [330.0, 220.0, 330.0].map(|hertz| {
        server.save("tone", &tone(hertz, "  hiss: { type: noise, gain: -80 dB }\n"));
        let (took, sharpest) = sound.until(hertz);
        // Dither of 16 bits has some; a step of 0.05 has 1.
        assert!(sharpest < 0.03, "{sharpest}");
        took
    });
    // Saving, resting and preparing take 200 ms at most; four chunks of 100 ms lie ready, and one is on its way. (The
    // best of a few: the machine has other things to do.)
    let best = heard.into_iter().min().expect("three");
    assert!(best < Duration::from_millis(200 + 400 + 200), "{heard:?}");
}

#[test]
fn what_edits_retire_is_dropped_and_counted() {
    let server = Server::start(&[("tone", &tone(220.0, ""))]);
    Sound::of(&server).until(220.0);
    let counted = || server.get("/api/status")["gc_collections"].clone();
    assert_eq!(counted(), json!({ "gen0": 0, "gen1": 0, "gen2": 0 }));
    // A sine that becomes another wave is another node; the graph before and that of the change are done with.
    server.save("tone", &tone(220.0, "").replace("type: oscillator", "type: oscillator, wave: triangle"));
    let deadline = Instant::now() + Duration::from_secs(20);
    while counted()["gen2"] != 2 {
        assert!(Instant::now() < deadline, "{}", counted());
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(counted()["gen1"], 1);
    assert!(counted()["gen0"].as_u64() > Some(1), "a message and what no graph has any more: {}", counted());
}

#[test]
fn a_bad_text_changes_nothing_and_is_told() {
    let server = Server::start(&[("tone", &tone(220.0, ""))]);
    let mut sound = Sound::of(&server);
    sound.until(220.0);
    server.save("tone", &tone(330.0, "  hiss: { type: noize }\n"));
    let error = sound.listener.wait("error");
    assert_eq!(error["code"], "GENERATION_ERROR");
    assert!(error["message"].as_str().is_some_and(|text| text.contains("noize")), "{error}");
    let mut sound = Sound::of(&server);
    sound.until(220.0);
    server.save("tone", "");
    sound.listener.wait("error");
    server.save("tone", &tone(330.0, ""));
    Sound::of(&server).until(330.0);
}

#[test]
fn what_a_listener_moved_stays_unless_the_author_moves_it() {
    let server = Server::start(&[("tone", &tone(220.0, ""))]);
    let mut listener = Listener::join(&server, "/ws/stream?format=none");
    listener.wait("generation_update");
    listener.control(&json!({ "params": { "level": -30 } }));
    server.save("tone", &tone(220.0, "  hiss: { type: noise }\n"));
    let update = listener.wait_for(|message| message["edition"] == 1);
    assert_eq!(update["params"], json!({ "level": -30.0 }));
    server.save("tone", &tone(220.0, "").replace("-12 dB", "-20 dB").replace("tempo: 120", "tempo: 90"));
    let update = listener.wait_for(|message| message["edition"] == 2);
    assert_eq!(update["params"], json!({ "level": -20.0 }), "the author moved it");
    assert_eq!(update["pending"], json!({ "bpm": 90.0 }));
    let mut sound = Sound::of(&server);
    let deadline = Instant::now() + Duration::from_secs(20);
    while (level_db(&sound.chunk()) + 23.0).abs() > 0.5 {
        assert!(Instant::now() < deadline, "-20 dB are not heard");
    }
}

#[test]
fn a_graph_comes_over_http_from_the_operator_alone() {
    let server = Server::start(&[("tone", &tone(220.0, ""))]);
    let graph = server.get("/api/v1/graph");
    assert_eq!(graph["text"], tone(220.0, "").as_str());
    assert!(graph["canonical"].as_str().is_some_and(|text| text.contains("frequency: 220")), "{graph}");
    let (status, answer) = server.ask("PUT", "/api/v1/graph", &tone(330.0, "  hiss: { type: noise }\n"));
    assert_eq!((status, &answer["status"]), (200, &json!("edited")), "{answer}");
    // Nobody hears it, so it is not kept.
    assert_eq!(answer["prepared"], json!([]));
    Sound::of(&server).until(330.0);
    assert_eq!(server.get("/api/v1/graph")["edition"], 1);

    let (status, answer) = server.ask("POST", "/api/v1/check", &tone(110.0, ""));
    assert_eq!((status, &answer["status"], &answer["diagnostics"]), (200, &json!("right"), &json!([])));
    for (text, words) in [
        (tone(110.0, "  hiss: { type: noize }\n"), "noise"),
        (tone(110.0, "  file: { type: file_sink, in: tone, file: a.wav }\n"), "network"),
        (tone(110.0, "  bell: { type: sampler, in: [], file: ../../bell.wav }\n"), "outside"),
        (tone(110.0, "  bell: { type: sampler, in: [], file: /etc/passwd }\n"), "outside"),
    ] {
        for (method, path) in [("POST", "/api/v1/check"), ("PUT", "/api/v1/graph")] {
            let (status, answer) = server.ask(method, path, &text);
            assert_eq!(status, 422, "{answer}");
            let diagnostic: &Json = &answer["diagnostics"][0];
            assert!(
                diagnostic["line"].as_u64().is_some() && diagnostic.to_string().contains(words),
                "{answer}"
            );
        }
    }
    Sound::of(&server).until(330.0);

    let request = |method: &str, path: &str, host: &str| {
        let request =
            ureq::http::Request::builder().method(method).uri(server.url(path)).header("host", host);
        let answer = auralis_tests::agent().run(request.body(String::new()).expect("a request"));
        answer.expect("the station answers").status().as_u16()
    };
    for (method, path) in [
        ("GET", "/api/v1/graph"),
        ("PUT", "/api/v1/graph"),
        ("POST", "/api/v1/check"),
        ("POST", "/api/v1/undo"),
        ("POST", "/api/v1/redo"),
    ] {
        assert_eq!(request(method, path, "radio.example"), 403, "{method} {path}");
    }
}

#[test]
fn edits_are_taken_back_and_made_again_whoever_made_them() {
    let server = Server::start(&[("tone", &tone(220.0, ""))]);
    let step = |path: &str| server.ask("POST", path, "").0;
    assert_eq!((step("/api/v1/undo"), step("/api/v1/redo")), (409, 409));
    assert_eq!(server.ask("PUT", "/api/v1/graph", &tone(330.0, "")).0, 200);
    Sound::of(&server).until(330.0);
    server.save("tone", &tone(440.0, ""));
    Sound::of(&server).until(440.0);
    let reach = || {
        let graph = server.get("/api/v1/graph");
        [&graph["undo"], &graph["redo"]].map(|count| count.as_u64().expect("a number"))
    };
    assert_eq!(reach(), [2, 0]);
    for (path, hertz, wanted) in
        [("/api/v1/undo", 330.0, [1, 1]), ("/api/v1/undo", 220.0, [0, 2]), ("/api/v1/redo", 330.0, [1, 1])]
    {
        assert_eq!(step(path), 200);
        let mut sound = Sound::of(&server);
        let (_, sharpest) = sound.until(hertz);
        assert!(sharpest < 0.03, "{sharpest}");
        assert_eq!(reach(), wanted);
        assert_eq!(server.get("/api/v1/graph")["text"], tone(hertz, "").as_str());
    }
    // The same text again is no other version; another one ends what was taken back.
    assert_eq!(server.ask("PUT", "/api/v1/graph", &tone(330.0, "")).0, 200);
    assert_eq!(reach(), [1, 1]);
    assert_eq!(
        server.ask("PUT", "/api/v1/graph", &tone(550.0, "").replace("tempo", "meter: 3/4\ntempo")).0,
        200
    );
    Sound::of(&server).until(550.0);
    assert_eq!((reach(), step("/api/v1/redo")), ([2, 0], 409));
    assert_eq!(step("/api/v1/undo"), 200);
    Sound::of(&server).until(330.0);
    assert_eq!(reach(), [1, 1]);
}

#[test]
fn the_operator_lists_the_folders_from_which_the_network_may_name_files() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    wav(&folder.path().join("bell.wav"), 0..1_000);
    let assets = folder.path().to_string_lossy().into_owned();
    let server = Server::start_with(&[("tone", &tone(220.0, ""))], &["--assets", &assets]);
    let bell = |file: &str| {
        let more = format!(
            "  keys: {{ type: composer }}\n  bell: {{ type: sampler, in: keys.melody, file: {file} }}\n"
        );
        tone(220.0, &more).replace("in: tone }", "in: [tone, bell] }")
    };
    let (status, answer) = server.ask("PUT", "/api/v1/graph", &bell("bell.wav"));
    assert_eq!((status, &answer["prepared"]), (200, &json!(["keys", "bell"])), "{answer}");
    let absolute = format!("{assets}/bell.wav");
    for file in ["gone.wav", "../bell.wav", &absolute] {
        let (status, answer) = server.ask("PUT", "/api/v1/graph", &bell(file));
        assert_eq!(status, 422, "{file}: {answer}");
        assert!(answer["text"].as_str().is_some_and(|text| text.contains(file)), "{answer}");
    }
    // A file that is written anew is taken over by the text that plays, of which the preset's own file says nothing.
    wav(&folder.path().join("bell.wav"), 0..2_000);
    let deadline = Instant::now() + Duration::from_secs(20);
    while server.get("/api/v1/graph")["edition"] == 1 {
        assert!(Instant::now() < deadline, "what was written is not taken over");
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!(server.get("/api/v1/graph")["text"], json!(bell("bell.wav")));
}

#[test]
fn a_sample_that_is_written_anew_is_heard() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let file = folder.path().join("sound.wav");
    let square =
        |height: i16| (0..44_000).map(move |frame| if frame / 100 % 2 == 0 { height } else { -height });
    wav(&file, square(0));
    let text = format!(
        "auralis: 1
nodes:
  music: {{ type: composer, texture: held }}
  play: {{ type: sampler, in: music.chords, file: {}, loop: whole, velocity: 0 }}
  out: {{ type: output, in: play }}
",
        file.display()
    );
    let server = Server::start(&[("sampled", &text)]);
    let mut sound = Sound::of(&server);
    (0..20).for_each(|_| assert!(level_db(&sound.chunk()) < -80.0, "there is nothing in the file"));
    // Not what a preset's file is called, and not in its folder.
    wav(&file, square(8_000));
    let deadline = Instant::now() + Duration::from_secs(20);
    while level_db(&sound.chunk()) < -40.0 {
        assert!(Instant::now() < deadline, "what was written is not heard");
    }
    assert_eq!(server.get("/api/v1/graph")["edition"], 1);
    // The file is watched on.
    wav(&file, square(0).take(30_000));
    while level_db(&sound.chunk()) > -80.0 {
        assert!(Instant::now() < deadline, "what was written is not heard");
    }
}

fn wav(path: &std::path::Path, samples: impl Iterator<Item = i16>) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 44_100,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = hound::WavWriter::create(path, spec).expect("a file");
    samples.for_each(|x| file.write_sample(x).expect("a sample"));
    file.finalize().expect("a whole file");
}
