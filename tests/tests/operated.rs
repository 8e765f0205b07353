//! What an operator does with a station: checks its configuration, has it read again, ends it.

use auralis_tests::presets::TONE;
use auralis_tests::{Heard, Listener, Room, Server};
use std::path::Path;
use std::time::{Duration, Instant};

fn write(folder: &Path, stations: &str) -> String {
    for (name, frequency) in [("low", "220 Hz"), ("high", "880 Hz"), ("third", "1320 Hz")] {
        let text = TONE.replace("440 Hz", frequency).replace("Tone", name);
        std::fs::write(folder.join(format!("{name}.yaml")), text).unwrap();
    }
    let config = folder.join("stations.conf");
    std::fs::write(&config, stations.replace("DIR", &folder.to_string_lossy())).unwrap();
    config.to_string_lossy().into_owned()
}

fn names(server: &Server) -> Vec<String> {
    let said = server.get("/api/v1/stations");
    let stations = said["stations"].as_array().expect("stations");
    stations.iter().map(|station| station["name"].as_str().expect("a name").to_string()).collect()
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// The indices of the next so many chunks.
fn chunks(listener: &mut Listener, count: usize) -> Vec<u64> {
    let mut heard = Vec::new();
    while heard.len() < count {
        if let Heard::Binary(frame) = listener.hear() {
            heard.push(u64::from_le_bytes(frame[8..16].try_into().expect("a frame has a head")));
        }
    }
    heard
}

#[test]
fn a_configuration_that_is_read_again_starts_changes_and_ends_stations_and_disturbs_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let config = write(folder.path(), "stations:\n  one: DIR/low.yaml\n  two: DIR/high.yaml\n");
    let server = Server::start_with(&[], &["--config", &config]);
    assert_eq!(names(&server), ["one", "two"]);
    let mut stays = Listener::join(&server, "/ws/stream?format=pcm16");
    let mut goes = Listener::join(&server, "/s/two/ws/stream?format=pcm16");
    let (first, _) = (chunks(&mut stays, 5), chunks(&mut goes, 5));

    write(folder.path(), "max_clients: 7\nstations:\n  one: DIR/third.yaml\n  three: DIR/low.yaml\n");
    server.signal("HUP");
    wait_until("the stations are others", || names(&server) == ["one", "three"]);
    wait_until("the preset is another", || server.get("/api/v1/status")["current_preset"] == "third");
    // Who listened to what stays has missed nothing.
    let second = chunks(&mut stays, 30);
    assert_eq!(first[4] + 1, second[0]);
    assert!(second.windows(2).all(|pair| pair[1] == pair[0] + 1), "{second:?}");
    // Who listened to what went is told.
    let end = std::iter::repeat_with(|| goes.hear()).find_map(|heard| match heard {
        Heard::End(end) => Some(end),
        _ => None,
    });
    assert_eq!(end.flatten().map(|(code, _)| code), Some(1000));

    // What is wrong changes nothing, not even what is right beside it.
    for wrong in [
        "stations:\n  one: /nowhere.yaml\n  four: /nowhere.yaml\n",
        "stations:\n  one: DIR/high.yaml\n  three: /nowhere.yaml\n",
        "stations:\n  one: DIR/high.yaml\n  three: { preset: DIR/low.yaml, record: true }\n",
    ] {
        write(folder.path(), wrong);
        server.signal("HUP");
        server.wait_until_said(&["the configuration is not taken over"]);
        std::thread::sleep(Duration::from_millis(500));
        assert_eq!(names(&server), ["one", "three"]);
        assert_eq!(server.get("/api/v1/status")["current_preset"], "third");
        assert_eq!(chunks(&mut stays, 3).len(), 3);
    }
    // What only a start can take is named.
    write(
        folder.path(),
        "stations:\n  one: DIR/third.yaml\n  three: { preset: DIR/low.yaml, default_bpm: 90 }\n",
    );
    server.signal("HUP");
    let said = server.wait_until_said(&["at the next start"]);
    assert!(said.contains("three: default-bpm"), "{said}");
}

#[test]
fn a_configuration_is_checked_without_playing() {
    let (room, folder) = (Room::new(), tempfile::tempdir().unwrap());
    let check = |config: &str| room.run(&["serve", "--config", config, "--check-config"]);
    let right = write(
        folder.path(),
        "stations:\n  one: DIR/low.yaml\n  two: { preset: DIR/high.yaml, default_bpm: 90 }\n",
    );
    let said = check(&right);
    assert_eq!((said.status, said.out.trim()), (0, "all is right: 2 stations to play"), "{}", said.err);
    for (config, wants) in [
        ("stations:\n  one: DIR/none.yaml\n", "none.yaml"),
        ("stations:\n  one: { preset: DIR/low.yaml, default_bpm: 500 }\n", "must be a number from 40 to 200"),
        ("stations:\n  'a b': DIR/low.yaml\n", "1 to 64 letters"),
        ("port: 80\nhost: [\n", "line 2: "),
        ("stations:\n  one: { preset: DIR/low.yaml, bpm: 50 }\n", "no setting `bpm`"),
        ("stations:\n  one: { preset: DIR/low.yaml, record: true }\n", "give a folder with --record"),
        ("default_station: other\nstations:\n  one: DIR/low.yaml\n", "there is no station `other`"),
        ("enable_ssl: true\nssl_cert_path: /nowhere.pem\nssl_key_path: /nowhere.pem\n", "nowhere.pem"),
    ] {
        let said = check(&write(folder.path(), config));
        assert!(said.status == 1 && said.err.contains(wants), "{config}: {} {}", said.status, said.err);
    }
    std::fs::write(folder.path().join("low.yaml"), TONE.replace("gain", "gian")).unwrap();
    let said = room.run(&["serve", &folder.path().join("low.yaml").to_string_lossy(), "--check-config"]);
    assert!(said.status == 1 && said.err.contains("did you mean `gain`?"), "{}", said.err);
    // Right as presets are, and yet nothing for listeners.
    let notes =
        "auralis: 1\nnodes:\n  band: { type: composer }\n  out: { type: midi_out, in: band.chords }\n";
    std::fs::write(folder.path().join("notes.yaml"), notes).unwrap();
    let said = check(&write(folder.path(), "stations:\n  one: DIR/low.yaml\n  two: DIR/notes.yaml\n"));
    assert!(said.status == 1 && said.err.contains("nothing that a listener could hear"), "{}", said.err);
}

#[test]
fn a_folder_that_has_the_name_of_a_preset_is_no_folder_of_stations() {
    let room = Room::new();
    std::fs::create_dir(room.path("night_drift")).unwrap();
    room.put("night_drift/one.yaml", TONE);
    let said = |what: &str| room.run(&["serve", what, "--check-config"]).ok().trim().to_string();
    // Such a one is where the state is kept in the folder that the program runs in.
    assert_eq!(said("night_drift"), "all is right: one station to play");
    room.put("night_drift/two.yaml", TONE);
    assert_eq!(said("night_drift"), "all is right: one station to play");
    assert_eq!(said("./night_drift"), "all is right: 2 stations to play");
}

#[test]
fn stations_keep_what_was_turned_whichever_is_the_default_one() {
    let folder = tempfile::tempdir().unwrap();
    let stations = "stations:\n  one: DIR/low.yaml\n  two: DIR/high.yaml\n";
    let config = write(folder.path(), stations);
    let mut server = Server::start_with(&[], &["--config", &config]);
    let levels = [("one", -31.0), ("two", -37.0)];
    for (station, level) in levels {
        let turned = format!("{{\"params\":{{\"level\":{level}}}}}");
        assert_eq!(server.ask("POST", &format!("/s/{station}/api/v1/control"), &turned).0, 200);
    }
    assert_eq!(server.end("TERM").0, 0);
    write(folder.path(), &format!("default_station: two\n{stations}"));
    server.restart();
    assert_eq!(server.get("/api/v1/status")["current_preset"], "high");
    for (station, level) in levels {
        let controls = server.get(&format!("/s/{station}/api/v1/controls"));
        assert_eq!(controls["controls"][0]["value"], level, "{station}");
    }
}

#[test]
fn a_text_that_came_over_the_network_plays_until_its_file_says_something_new() {
    let server = Server::start(&[("tone", TONE)]);
    let playing = |frequency: &str| server.get("/api/v1/graph")["text"].as_str().unwrap().contains(frequency);
    let (status, said) = server.ask("PUT", "/api/v1/graph", &TONE.replace("440 Hz", "550 Hz"));
    assert_eq!(status, 200, "{said}");
    server.signal("HUP");
    server.wait_until_said(&["read again: started"]);
    assert!(playing("550 Hz"), "the file is as it was");
    server.save("tone", &TONE.replace("440 Hz", "660 Hz"));
    wait_until("the file is read", || playing("660 Hz"));
    server.save("tone", TONE);
    wait_until("the file of before is new again", || playing("440 Hz"));
}

#[test]
fn the_log_of_before_stays_when_the_program_starts_again() {
    let room = Room::new();
    room.preset("tone", TONE);
    let logs = || {
        let files = std::fs::read_dir(room.path("logs")).into_iter().flatten();
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect::<String>()
    };
    let play = |times: usize| {
        let mut command = room.command();
        command.args(["serve", "tone", "--host", "127.0.0.1", "--port", "0", "--log-file", "logs/a.log"]);
        command.args(["--log-rotation", "daily", "--log-keep", "1"]);
        let mut child = command.spawn().unwrap();
        wait_until("it plays", || logs().matches("plays on http").count() == times);
        auralis_tests::signal(&child, "TERM");
        assert_eq!(auralis_tests::wait(&mut child, Duration::from_secs(10)), Some(0));
    };
    play(1);
    let before = logs();
    play(2);
    assert!(logs().starts_with(&before), "{before}\n{}", logs());
}

#[test]
fn a_station_that_ends_waits_for_its_listeners_but_no_longer_than_it_says() {
    let mut server = Server::start_with(&[("tone", TONE)], &["--drain-sec", "3"]);
    let mut polite = Listener::join(&server, "/ws/stream?format=none");
    let (_, took) = {
        let answers = std::thread::spawn(move || polite.wait_for_end());
        let ended = server.end("TERM");
        assert_eq!(answers.join().unwrap().map(|(code, _)| code), Some(1000));
        ended
    };
    assert!(took < Duration::from_secs(2), "who hangs up is not waited for: {took:?}");

    let mut server = Server::start_with(&[("tone", TONE)], &["--drain-sec", "3"]);
    // Who reads nothing does not hang up.
    let _silent = Listener::join(&server, "/ws/stream?format=none");
    let (status, took) = server.end("TERM");
    assert_eq!(status, 0);
    assert!((2.5..4.5).contains(&took.as_secs_f64()), "{took:?}");
}

#[test]
fn the_configuration_that_ships_is_right() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../deploy/auralis.yaml");
    let said = Room::new().run(&["serve", "--config", file, "--check-config"]);
    assert_eq!((said.status, said.out.trim()), (0, "all is right: 2 stations to play"), "{}", said.err);
}
