//! A station that is killed and started again: it is where it would have been, with what listeners moved, and what
//! was heard can be rendered from its journal.

use auralis_graph::journal::Journal;
use auralis_nodes::encoder::to_i16;
use auralis_tests::{Heard, Listener, Server};
use serde_json::{Value as Json, json};
use std::fs::OpenOptions;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Frames of a chunk of 100 ms.
const CHUNK: usize = 4_410;

/// A tone for the first half of each beat, another one each beat: both follow from the position alone.
const CLOCK: &str = "auralis: 1
name: Test Clock
tempo: 120
nodes:
  beat: { type: lfo, shape: square, sync: 1/4, polarity: unipolar }
  note: { type: lfo, shape: steps, sync: 1/4, polarity: unipolar }
  tone: { type: oscillator, frequency: { from: note, min: 300 Hz, max: 3000 Hz } }
  gate: { type: gain, in: tone, gain: { from: beat, min: -90 dB, max: -12 dB } }
  out: { type: output, in: gate }
expose:
  level: { to: tone.gain }
";

/// Everything that goes on by itself: chance, tails, a delay that follows the tempo, a composer that follows at once.
const BUSY: &str = "auralis: 1
name: Test Busy
key: D dorian
tempo: 180
intensity: 0.9
nodes:
  composer: { type: composer, follow: beat }
  drift: { type: lfo, shape: drift, rate: 3 Hz }
  pad: { type: synth, in: composer.chords, cutoff: { value: 900 Hz, from: drift, depth: 12 st } }
  lead: { type: synth, in: composer.melody, gain: -3 dB }
  hiss: { type: noise, colour: pink, gain: -50 dB }
  echo: { type: delay, in: [lead, hiss], time: 1/8d, feedback: 0.5, mix: 0.4 }
  space: { type: reverb, in: [pad, echo], mix: 0.3 }
  loud: { type: limiter, in: space, ceiling: -1 dB }
  out: { type: output, in: loud }
expose:
  echoes: { to: echo.mix }
  brightness: { to: pad.cutoff }
";

fn now_micros() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("it is later").as_micros() as i64
}

fn utc(micros: i64) -> String {
    auralis_nodes::encoder::timestamp(micros)
}

/// Chunks in a row: the number of the first, when it is due in microseconds since the Unix epoch, and all samples.
struct Stretch {
    first: u64,
    due: i64,
    samples: Vec<i16>,
}

fn listen(listener: &mut Listener, chunks: usize) -> Stretch {
    let mut stretch = Stretch { first: 0, due: 0, samples: Vec::new() };
    let mut next = None;
    while stretch.samples.len() < chunks * CHUNK * 2 {
        let Heard::Binary(frame) = listener.hear() else { continue };
        let field = |at: usize| u64::from_le_bytes(frame[at..at + 8].try_into().expect("eight bytes"));
        let (index, due) = (field(8), field(16));
        if next.is_none() {
            (stretch.first, stretch.due) = (index, due as i64);
        }
        assert_eq!(index, next.unwrap_or(index), "a chunk is missing");
        next = Some(index + 1);
        let samples = frame[24..].as_chunks::<2>().0;
        stretch.samples.extend(samples.iter().map(|sample| i16::from_le_bytes(*sample)));
    }
    stretch
}

fn join(server: &Server) -> Listener {
    Listener::join(server, "/ws/stream?format=pcm16")
}

/// What `auralis render` makes of a position, as a station would send it.
fn render(server: &Server, preset: &str, more: &[&str], from: f64, chunks: usize) -> Vec<i16> {
    let (from, length) = (format!("{from}s"), format!("{}s", chunks as f64 / 10.0));
    let out = server.room().path("heard.wav").to_string_lossy().into_owned();
    let arguments = ["render", preset, "-o", &out, "--from", &from, "--length", &length, "--bits", "32f"];
    server.room().run(&[&arguments[..], more].concat()).ok();
    let mut wav = hound::WavReader::open(out).expect("a WAV file");
    wav.samples::<f32>().map(|sample| to_i16(sample.expect("a sample"))).collect()
}

fn journal_of(server: &Server, preset: &str) -> String {
    std::fs::read_to_string(server.state(preset).join("journal.jsonl")).expect("there is a journal")
}

/// The first sample that differs, for a message.
fn difference(heard: &[i16], rendered: &[i16]) -> Option<(usize, i16, i16)> {
    assert_eq!(heard.len(), rendered.len());
    let mut pairs = heard.iter().zip(rendered).enumerate();
    pairs.find(|(_, (heard, rendered))| heard != rendered).map(|(at, (h, r))| (at, *h, *r))
}

/// Holds that a stretch is what the journal's render has at its position, sample for sample.
#[track_caller]
fn is_rendered(server: &Server, preset: &str, stretch: &Stretch) {
    let journal = server.state(preset).join("journal.jsonl").to_string_lossy().into_owned();
    let chunks = stretch.samples.len() / CHUNK / 2;
    let from = stretch.first as f64 / 10.0;
    // As far back as the station began.
    let more = ["--controls", &journal, "--preroll", "1h"];
    let rendered = render(server, preset, &more, from, chunks);
    assert!(stretch.samples.iter().any(|sample| sample.abs() > 1000), "silence proves nothing");
    let differs = difference(&stretch.samples, &rendered);
    assert_eq!(differs, None, "from chunk {}: {}", stretch.first, journal_of(server, preset));
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    for _ in 0..200 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(25));
    }
    panic!("{what} does not come");
}

#[test]
fn what_was_heard_is_rendered_from_the_journal_to_the_bit_across_a_kill() {
    let mut server = Server::start(&[("busy", BUSY)]);
    let mut listener = join(&server);
    let steer = || {
        for change in [
            json!({ "key": "E minor", "params": { "echoes": 0.9 } }),
            json!({ "bpm": 131.7 }),
            json!({ "intensity": 0.31, "params": { "brightness": 2500.5, "echoes": 0.13 } }),
            json!({ "bpm": 177 }),
        ] {
            server.control(&change);
            std::thread::sleep(Duration::from_millis(700));
        }
    };
    steer();
    let before = listen(&mut listener, 50);
    server.kill();
    is_rendered(&server, "busy", &before);
    let journal = journal_of(&server, "busy");
    for words in
        ["\"key\":\"E minor\"", "\"tempo\":131.7", "\"intensity\":0.31", "{\"echoes\":0.13}", "\"start\":0.0"]
    {
        assert!(journal.contains(words), "{words} is not in {journal}");
    }

    server.restart();
    assert!(server.said().contains(" goes on at "), "{}", server.said());
    let mut listener = join(&server);
    let update = listener.wait("generation_update");
    assert_eq!((&update["key"], &update["bpm"]), (&json!("E minor"), &json!(177.0)), "{update}");
    let intensity = update["intensity"].as_f64().expect("a number");
    assert!((intensity - 0.31).abs() < 1e-6, "{update}");
    let (echoes, brightness) = (&update["params"]["echoes"], &update["params"]["brightness"]);
    assert_eq!((echoes.as_f64().map(|x| x as f32), brightness), (Some(0.13), &json!(2500.5)), "{update}");
    server.control(&json!({ "key": "F major", "bpm": 99, "params": { "echoes": 0.5 } }));
    let after = listen(&mut listener, 40);
    // What lay ready when it was killed may come again.
    assert!(
        (before.first + 40..before.first + 90).contains(&after.first),
        "{} after {}",
        after.first,
        before.first
    );
    assert_eq!(
        after.due - before.due,
        (after.first - before.first) as i64 * 100_000,
        "chunks keep their times"
    );
    server.kill();
    is_rendered(&server, "busy", &after);
    // From where the second begins on, the journal is its own.
    let whole = (after.first - before.first) as usize * CHUNK * 2;
    let samples = before.samples.iter().copied().take(whole).collect();
    is_rendered(&server, "busy", &Stretch { samples, ..before });
}

#[test]
fn the_default_preset_is_rendered_from_its_journal_to_the_bit() {
    let ten_minutes_ago = utc(now_micros() - 600_000_000);
    let mut server = Server::start_with(
        &[("mine", include_str!("../../presets/night_drift.yaml"))],
        &["--epoch", &ten_minutes_ago],
    );
    let mut listener = join(&server);
    let update = listener.wait("generation_update");
    assert_ne!(update["phrase_id"], "phrase_0", "phrases are counted from the epoch: {update}");
    let heard = listen(&mut listener, 60);
    assert!((6_000..6_200).contains(&heard.first), "{}", heard.first);
    server.kill();
    is_rendered(&server, "mine", &heard);
}

/// Onsets in a stretch, in seconds since the epoch: where a tone follows silence.
fn onsets(stretch: &Stretch, epoch: i64) -> Vec<f64> {
    let left: Vec<f32> = stretch.samples.chunks_exact(2).map(|frame| f32::from(frame[0])).collect();
    let quiet = |window: &[f32]| window.iter().all(|x| x.abs() < 300.0);
    let begin = |at: &usize| quiet(&left[at - 400..*at]) && left[*at].abs() >= 300.0;
    let begun = (stretch.due - epoch) as f64 / 1e6;
    (400..left.len()).filter(begin).map(|at| begun + at as f64 / 44_100.0).collect()
}

#[test]
fn a_killed_station_is_back_at_the_very_note_after_ten_minutes_and_after_ten_years() {
    for passed in [600, 3_653 * 86_400] {
        let epoch = now_micros() / 1_000_000 * 1_000_000 - passed * 1_000_000 + 123_456;
        let mut server = Server::start_with(&[("clock", CLOCK)], &["--epoch", &utc(epoch)]);
        for round in 0..2 {
            let mut listener = join(&server);
            let heard = listen(&mut listener, 25);
            let late = now_micros() - heard.due;
            assert!((0..8_000_000).contains(&late), "chunks come when they are due: {late} us");
            let onsets = onsets(&heard, epoch);
            assert!(onsets.len() >= 4, "{onsets:?}");
            for onset in &onsets {
                // Two beats a second; the wave takes some samples to be heard.
                let off = (onset * 2.0).rem_euclid(1.0) / 2.0;
                assert!(!(0.003..=0.4999).contains(&off), "round {round}: {off} s after its beat at {onset}");
            }
            let plain = render(&server, "clock", &["--preroll", "1s"], heard.first as f64 / 10.0, 25);
            let crossings = |samples: &[i16], at: usize| {
                let left: Vec<i16> = samples[at..at + 17_640].chunks_exact(2).map(|frame| frame[0]).collect();
                left.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count() as i64
            };
            for onset in &onsets {
                // Pitch over the first fifth of a second of each note that is there as a whole.
                let at = ((onset - (heard.due - epoch) as f64 / 1e6) * 44_100.0).round() as usize * 2;
                if at + 17_640 <= heard.samples.len() {
                    let (here, there) = (crossings(&heard.samples, at), crossings(&plain, at));
                    assert!((here - there).abs() <= 1 && here > 50, "{here} and {there} cycles at {onset}");
                }
            }
            server.kill();
            server.restart();
        }
    }
}

#[test]
fn tempo_changes_count_on_the_way_back_and_no_flag_is_needed() {
    let mut server = Server::start(&[("clock", CLOCK)]);
    let mut listener = join(&server);
    listener.wait("status");
    server.control(&json!({ "bpm": 61 }));
    // The first phrase lasts 16 s; a wish is kept, so it is killed at once, and again.
    for _ in 0..2 {
        wait_until("the wish", || {
            let record = std::fs::read_to_string(server.state("clock").join("station.json"));
            record.is_ok_and(|record| record.contains("{\"tick\":30720,\"tempo\":61"))
        });
        server.kill();
        server.restart();
        let update = join(&server).wait("generation_update");
        assert_eq!(update["pending"], json!({ "bpm": 61.0 }), "{update}");
    }
    let mut listener = join(&server);
    listener.wait_for(|message| message["bpm"] == 61.0);
    server.kill();
    is_rendered_at_tempo(&mut server);
}

/// Holds that a restarted station has counted its past with the tempo of then.
#[track_caller]
fn is_rendered_at_tempo(server: &mut Server) {
    std::thread::sleep(Duration::from_secs(1));
    server.restart();
    let heard = listen(&mut join(server), 20);
    let text = journal_of(server, "clock");
    let journal = Journal::parse(&text).expect("a journal");
    let change = text.lines().find(|line| line.contains("\"tempo\":61")).expect("the change is in it");
    let tick: f64 = serde_json::from_str::<Json>(change).expect("JSON")["tick"].as_f64().expect("a tick");
    let piece = auralis_graph::settings::Settings { tempo: 120.0, ..Default::default() };
    let at = heard.first as f64 / 10.0;
    let expected = tick + (at - tick / 1_920.0) * 976.0;
    assert!((journal.tick_at(at, piece) - expected).abs() < 1e-6);
    server.kill();
    is_rendered(server, "clock", &heard);
}

#[test]
fn a_wish_that_fell_due_while_the_station_was_away_took_hold_where_it_would_have() {
    // Eight bars are 16 s: the second phrase begins in three seconds.
    let epoch = now_micros() - 13_000_000;
    let mut server = Server::start_with(&[("clock", CLOCK)], &["--epoch", &utc(epoch)]);
    server.control(&json!({ "key": "E dorian", "intensity": 0.75 }));
    let record = || std::fs::read_to_string(server.state("clock").join("station.json")).unwrap_or_default();
    wait_until("the wish", || record().contains("E dorian"));
    server.kill();
    while now_micros() < epoch + 16_500_000 {
        std::thread::sleep(Duration::from_millis(50));
    }
    server.restart();
    let update = Listener::join(&server, "/ws/stream?format=none").wait("generation_update");
    assert_eq!((&update["key"], &update["intensity"]), (&json!("E dorian"), &json!(0.75)), "{update}");
    assert_eq!(update["pending"], json!({}));
    wait_until("the entries", || {
        journal_of(&server, "clock").contains("{\"tick\":30720,\"key\":\"E dorian\"}")
    });
    assert!(journal_of(&server, "clock").contains("{\"tick\":30720,\"intensity\":0.75}"));
}

#[test]
fn a_torn_line_is_left_out_and_a_damaged_one_refused() {
    let mut server = Server::start(&[("clock", CLOCK)]);
    server.control(&json!({ "params": { "level": -7.5 } }));
    wait_until("the entry", || journal_of(&server, "clock").contains("-7.5"));
    server.kill();
    let path = server.state("clock").join("journal.jsonl");
    let append = |text: &[u8]| {
        let mut file = OpenOptions::new().append(true).open(&path).expect("the journal opens");
        file.write_all(text).expect("it takes a line");
    };
    append(b"{\"tick\":999999,\"contr\0\0");
    server.restart();
    assert!(server.said().contains("the last line was not written to its end"), "{}", server.said());
    let params = |server: &Server| Listener::join(server, "/ws/stream?format=none").wait("generation_update");
    assert_eq!(params(&server)["params"], json!({ "level": -7.5 }));
    server.kill();
    Journal::parse(&journal_of(&server, "clock")).expect("the journal is whole again");

    append(b"nonsense\n");
    append(b"{\"tick\":99999999,\"intensity\":0.5}\n");
    let line = journal_of(&server, "clock").lines().position(|line| line == "nonsense").expect("it is there");
    let words = [&format!("line {}", line + 1), "journal.jsonl", "mend it, or move it away"];
    server.room().run(&["serve", "clock", "--port", "0"]).fails(1, &words);
    let whole = journal_of(&server, "clock").replace("nonsense\n", "");
    std::fs::write(&path, whole).expect("the journal is mended");
    server
        .room()
        .run(&["serve", "clock", "--port", "0"])
        .fails(1, &["has been played up to", "set the clock"]);
    std::fs::remove_file(&path).expect("the journal goes");
    std::fs::write(server.state("clock").join("station.json"), "{\"epoch\":").expect("a record");
    server.room().run(&["serve", "clock", "--port", "0"]).fails(1, &["station.json", "line 1 column"]);
}

#[test]
fn two_stations_do_not_share_a_state() {
    let server = Server::start(&[("clock", CLOCK), ("busy", BUSY)]);
    let process = format!("(process {})", server.process());
    let words = ["is in use by another station", &process, "--state"];
    server.room().run(&["serve", "clock", "--port", "0"]).fails(1, &words);
    let listener = Listener::join(&server, "/ws/stream?format=none").wait("status");
    assert_eq!(listener["type"], "status", "the first one plays on");
}

#[test]
fn a_folder_that_takes_nothing_is_said_and_the_station_plays_on() {
    let file = tempfile::NamedTempFile::new().expect("a file");
    let below = file.path().join("state").to_string_lossy().into_owned();
    let server = Server::start_with(&[("clock", CLOCK)], &["--state", &below]);
    assert!(server.said().contains("cannot be used"), "{}", server.said());
    assert_eq!(server.get("/api/status")["state_kept"], false);
    server.control(&json!({ "params": { "level": -3 } }));
    assert!(listen(&mut join(&server), 10).samples.iter().any(|sample| *sample != 0));
}

#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_is_full_is_said_and_the_station_plays_on() {
    let mut server = Server::start(&[("clock", CLOCK)]);
    assert_eq!(server.get("/api/status")["state_kept"], true);
    server.kill();
    let path = server.state("clock").join("journal.jsonl");
    std::fs::remove_file(&path).expect("the journal goes");
    std::os::unix::fs::symlink("/dev/full", &path).expect("a link");
    server.restart();
    server.control(&json!({ "params": { "level": -3 } }));
    wait_until("the trouble", || server.get("/api/status")["state_kept"] == false);
    assert!(listen(&mut join(&server), 10).samples.iter().any(|sample| *sample != 0));
    std::fs::remove_file(&path).expect("the link goes");
    // It is tried again each second.
    wait_until("the disk", || server.get("/api/status")["state_kept"] == true);
    wait_until("what was kept back", || journal_of(&server, "clock").contains("-3"));
    Journal::parse(&journal_of(&server, "clock")).expect("nothing is torn");
}

#[test]
fn each_preset_has_its_own_state_and_an_edit_keeps_it() {
    let mut server = Server::start(&[("clock", CLOCK), ("busy", BUSY)]);
    let update = |server: &Server| Listener::join(server, "/ws/stream?format=none").wait("generation_update");
    server.control(&json!({ "params": { "level": -9 } }));
    let plays = |server: &Server, preset: &str| {
        server.control(&json!({ "preset": preset }));
        wait_until(preset, || server.get("/api/v1/status")["current_preset"] == preset);
    };
    plays(&server, "busy");
    assert_eq!(update(&server)["phrase_id"], "phrase_0", "it begins when it is first played");
    server.control(&json!({ "params": { "echoes": 0.25 } }));
    // One fades after the other.
    std::thread::sleep(Duration::from_millis(2_200));
    plays(&server, "clock");
    assert_eq!(update(&server)["params"], json!({ "level": -9.0 }), "what was moved before");
    server.save("clock", &CLOCK.replace("min: 300 Hz", "min: 400 Hz"));
    wait_until("the edit", || server.get("/api/v1/graph")["edition"] == 1);
    server.kill();
    server.restart();
    assert_eq!(update(&server)["params"], json!({ "level": -9.0 }), "an edit keeps it");
    // The author moves it while nothing runs: that counts, and only once.
    server.kill();
    server.save("clock", &CLOCK.replace("max: 3000 Hz } }", "max: 3000 Hz }, gain: -4 dB }"));
    server.restart();
    assert_eq!(update(&server)["params"], json!({ "level": -4.0 }));
    server.control(&json!({ "params": { "level": -5 } }));
    wait_until("the entry", || journal_of(&server, "clock").contains("{\"level\":-5.0}"));
    server.kill();
    server.restart();
    assert_eq!(update(&server)["params"], json!({ "level": -5.0 }));
    plays(&server, "busy");
    assert_eq!(update(&server)["params"]["echoes"], json!(0.25));
}

#[test]
fn a_piece_begins_when_its_epoch_says_and_never_in_the_future() {
    let server = Server::start(&[]);
    let serve =
        |epoch: &str| server.room().run(&["serve", "--port", "0", "--state", "none", "--epoch", epoch]);
    for wrong in ["soon", "2026-01-31", "2026-01-31 20:00", "12", &utc(now_micros() + 3_600_000_000)] {
        let words = ["--epoch is", wrong, "an instant that has passed, in UTC, such as 2026-01-31T20:00:00Z"];
        serve(wrong).fails(2, &words);
    }
    let record = r#"{"epoch":"2999-01-01T00:00:00Z"}"#;
    let folder = server.room().path("other/night_drift");
    std::fs::create_dir_all(&folder).expect("a folder");
    std::fs::write(folder.join("station.json"), record).expect("a record");
    let other = server.room().path("other").to_string_lossy().into_owned();
    let said = server.room().run(&["serve", "--port", "0", "--state", &other]);
    said.fails(1, &["position 0 is at 2999-01-01", "still to come", "--epoch"]);
    assert!(Path::new(&folder).join("lock").exists());
}
