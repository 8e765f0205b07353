//! What is recorded is what was heard.

use auralis_tests::{Heard, Listener, Server, ears};
use flac_codec::decode::{FlacSampleReader, Verified, verify};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Never the same twice.
const NOISE: &str = "auralis: 1
name: Surf
author: Ann
nodes:
  noise: { type: noise, gain: -12 dB }
  out: { type: output, in: noise }
";

/// The files of a station's recording, in order.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The samples of a file, which is whole.
#[track_caller]
fn samples(file: &Path) -> Vec<i16> {
    assert_eq!(verify(file).unwrap(), Verified::MD5Match, "{}", file.display());
    let mut reader = FlacSampleReader::open(file).unwrap();
    let mut samples = Vec::new();
    reader.read_to_end(&mut samples).unwrap();
    samples.into_iter().map(|sample| sample as i16).collect()
}

#[track_caller]
fn until(seconds: u64, what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < Duration::from_secs(seconds), "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn recordings_cut_together_are_what_a_listener_heard_over_the_border_between_files() {
    let room = tempfile::tempdir().unwrap();
    let folder = room.path().join("surf");
    let root = room.path().to_str().unwrap();
    let mut server = Server::start_with(&[("surf", NOISE)], &["--record", root, "--record-minutes", "1"]);
    let mut listener = Listener::join(&server, "/ws/stream?format=pcm16");
    let mut heard = Vec::new();
    let mut after = 0;
    // A minute of the clock ends within a minute.
    while after < 30 {
        let Heard::Binary(frame) = listener.hear() else { continue };
        let index = u64::from_le_bytes(frame[8..16].try_into().unwrap()) as usize;
        heard.push((index, ears::samples(&frame[24..])));
        assert!(heard.len() < 700, "no second file: {:?}", files(&folder));
        after += usize::from(files(&folder).len() > 1);
    }
    let said = server.get("/api/status")["recording"].clone();
    assert_eq!((&said["missing_chunks"], said["trouble"].is_null()), (&0.into(), true), "{said}");
    let now = Path::new(said["file"].as_str().unwrap()).to_path_buf();
    assert_eq!(server.end("TERM").0, 0);

    let files = files(&folder);
    assert_eq!((files.len(), room.path().join(now)), (2, files[1].clone()));
    let name = files[1].file_name().unwrap().to_str().unwrap();
    assert!(name.starts_with("20") && name.ends_with("-00Z.flac"), "{name}");
    let parts: Vec<Vec<i16>> = files.iter().map(|file| samples(file)).collect();
    let border = parts[0].len();
    assert!(border.is_multiple_of(8820) && heard.iter().any(|(index, _)| index * 8820 < border));
    let whole = parts.concat();
    assert!(whole.len() >= (heard.last().unwrap().0 + 1) * 8820, "the end is missing");
    for (index, chunk) in heard {
        assert!(whole[index * 8820..][..8820] == chunk, "chunk {index}");
    }
    let tags = ears::ffprobe_tags(files[0].to_str().unwrap());
    let format = ears::ffprobe(files[0].to_str().unwrap());
    assert_eq!(format, "flac,44100,2", "{tags}");
}

#[test]
fn a_killed_station_leaves_whole_files_and_takes_none_away() {
    let room = tempfile::tempdir().unwrap();
    let folder = room.path().join("surf");
    let root = room.path().to_str().unwrap();
    let mut server = Server::start_with(&[("surf", NOISE)], &["--record", root, "--record-minutes", "1440"]);
    std::thread::sleep(Duration::from_secs(4));
    server.kill();
    let first = files(&folder);
    let seconds = first.iter().map(|file| samples(file).len()).sum::<usize>() / 88_200;
    assert!(seconds >= 3, "{seconds} s in {first:?}");
    let before: Vec<Vec<u8>> = first.iter().map(|file| std::fs::read(file).unwrap()).collect();
    server.restart();
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!(server.end("INT").0, 0);
    let second = files(&folder);
    assert_eq!(second.len(), first.len() + 1, "{second:?}");
    let after: Vec<Vec<u8>> = first.iter().map(|file| std::fs::read(file).unwrap()).collect();
    assert!(before == after, "what was recorded before is as it was");
    assert!(second.iter().all(|file| samples(file).len() > 44_100));
}

#[test]
fn what_cannot_be_written_is_told_and_goes_on_where_it_can() {
    let room = tempfile::tempdir().unwrap();
    let folder = room.path().join("surf");
    let root = room.path().to_str().unwrap();
    let mut server = Server::start_with(&[("surf", NOISE)], &["--record", root, "--record-minutes", "1"]);
    let recording = || server.get("/api/status")["recording"].clone();
    until(5, "nothing is recorded", || recording()["file"].is_string());
    // The next file cannot be made: something else is where the folder should be.
    let away = room.path().join("away");
    std::fs::rename(&folder, &away).unwrap();
    std::fs::write(&folder, "in the way").unwrap();
    until(70, "no trouble is told", || recording()["trouble"].is_string());
    let said = recording();
    assert!(said["file"].is_null() && said["trouble"].as_str().unwrap().contains("surf"), "{said}");
    assert!(server.get("/api/v1/health")["status"] == "healthy", "the station plays on");
    std::fs::remove_file(&folder).unwrap();
    until(15, "it does not go on", || recording()["trouble"].is_null() && recording()["file"].is_string());
    std::thread::sleep(Duration::from_secs(1));
    let missing = recording()["missing_chunks"].clone();
    assert_eq!(server.end("TERM").0, 0);
    let whole: usize = [away, folder].iter().flat_map(|f| files(f)).map(|file| samples(&file).len()).sum();
    assert_eq!((missing, whole % 8820), (0.into(), 0), "half a minute of sound is kept meanwhile");
}

#[test]
fn stations_of_a_configuration_say_whether_they_are_recorded() {
    let room = tempfile::tempdir().unwrap();
    let preset = room.path().join("surf.yaml");
    std::fs::write(&preset, NOISE).unwrap();
    let config = room.path().join("config");
    let write = |more: &str, third: &str| {
        let surf = preset.display();
        let text = format!(
            "{more}stations:\n  one: {{ preset: {surf}, record: false }}\n  two: {{ preset: {surf}, record: true }}\n  \
             three: {{ preset: {surf}{third} }}\n"
        );
        std::fs::write(&config, text).unwrap();
    };
    let tapes = room.path().join("tapes");
    write(&format!("record: {}\n", tapes.display()), "");
    let arguments = ["--config", config.to_str().unwrap()];
    let mut server = Server::start_with(&[], &arguments);
    std::thread::sleep(Duration::from_secs(6));
    assert!(server.get("/s/two/api/status")["recording"]["file"].as_str().unwrap().starts_with("two"));
    assert!(server.get("/api/status")["recording"].is_null());
    let said = server.get("/api/v1/stations");
    let asleep = said["stations"].as_array().unwrap().iter().map(|s| (s["name"].as_str(), &s["asleep"]));
    let asleep: Vec<_> = asleep.map(|(name, asleep)| (name.unwrap(), asleep == true)).collect();
    assert_eq!(asleep, [("one", false), ("three", true), ("two", false)], "what is recorded never sleeps");
    assert_eq!(server.end("TERM").0, 0);
    assert_eq!(files(&tapes), [tapes.join("two")]);

    write("", "");
    let said = server.room().run(&["serve", "--port", "0", arguments[0], arguments[1]]);
    said.fails(
        1,
        &["the station `two` is to be recorded, but nothing says where: give a folder with --record"],
    );
    write(&format!("record: {}\n", tapes.display()), ", record: now");
    let said = server.room().run(&["serve", "--port", "0", arguments[0], arguments[1]]);
    said.fails(1, &["`record` of the station `three`", "`now`, but must be true or false"]);
    let said = server.room().run(&["serve", "--record-minutes", "0"]);
    said.fails(2, &["--record-minutes", "from 1 to 1440"]);
}
