//! The instrument in hosts that there are on Linux only: a session of Ardour, Qtractor's scanner, and a host's window.
#![cfg(target_os = "linux")]

use auralis_tests::hosts::{rendered, script};
use auralis_tests::sound::{db, wav};
use auralis_tests::{Display, Room, Said, bundles, finish, hosts, signal, wait};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

/// The id in `tests/hosts/floats.preset`.
const FLOATS: &str = "6b2fcd44-5e0e-4f0f-9d44-2f3a1f1d8e10";
/// Where Debian keeps Ardour's programs and libraries.
const ARDOUR: &str = "/usr/lib/ardour7";

/// A command in a home of its own.
fn at_home(room: &Room, program: impl AsRef<std::ffi::OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env("HOME", room.path("home")).env_remove("XDG_CONFIG_HOME").env_remove("XDG_CACHE_HOME");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// A home in which Ardour knows the instrument.
fn home(room: &Room) {
    let (plugins, exports) = (room.path("home/.vst3"), room.path("home/.config/ardour7/export"));
    for folder in [&plugins, &exports] {
        fs::create_dir_all(folder).unwrap();
    }
    fs::copy(script("floats.preset"), exports.join("floats.preset")).unwrap();
    let bundle = plugins.join("Auralis.vst3");
    copy(bundles::vst3(), &bundle);
    let mut scanner = at_home(room, format!("{ARDOUR}/ardour-vst3-scanner"));
    let said = finish(scanner.arg("-f").arg(&bundle).env("LD_LIBRARY_PATH", ARDOUR));
    assert!(
        said.ok().contains("Found Plugin: Auralis") || said.err.contains("Found Plugin: Auralis"),
        "{said:?}"
    );
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        fs::create_dir_all(to).unwrap();
        for entry in fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        fs::copy(from, to).unwrap();
        // Ardour counts in whole seconds, and scans anew what is younger than what it knows.
        File::options()
            .write(true)
            .open(to)
            .unwrap()
            .set_modified(SystemTime::now() - Duration::from_secs(60))
            .unwrap();
    }
}

/// How often Ardour may fall. Version 7.3 does in one export of ten or twenty, where it frees the channels of an export,
/// before or after the file is whole; sessions are left as they were.
const FALLS: usize = 4;

/// Runs the script in Ardour; gives the lines that it has seen something in.
#[track_caller]
fn ardour(room: &Room, arguments: &[&str]) -> Vec<String> {
    let run = || -> Said {
        finish(at_home(room, "ardour7-lua").arg("--").arg(script("ardour.lua")).args(arguments))
    };
    let mut said = run();
    for _ in 0..FALLS {
        if arguments[0] != "export" || said.status < 128 {
            break;
        }
        eprintln!("Ardour fell ({}), and is started again", said.status);
        said = run();
    }
    assert_eq!(said.status, 0, "{}\n{}", said.out, said.err);
    said.out.lines().filter_map(|line| line.strip_prefix("seen ")).map(str::to_string).collect()
}

/// Loads a session and exports it.
#[track_caller]
fn export(
    room: &Room,
    session: &str,
    seconds: &str,
    set: &str,
    moved: &str,
    name: &str,
) -> (Vec<String>, PathBuf) {
    let seen = ardour(room, &["export", session, FLOATS, seconds, set, moved, name]);
    assert_eq!(seen.last().map(String::as_str), Some(&*format!("exported\t{name}")), "{seen:?}");
    (seen, Path::new(session).join("export").join(format!("{name}.wav")))
}

#[test]
fn a_session_of_ardour_keeps_what_was_set_and_exports_the_same_bits_each_time() {
    let room = Room::new();
    home(&room);
    let session = room.path("session").to_str().unwrap().to_string();
    // The piano silent, and the pads coming up from nothing in four seconds.
    let made =
        ardour(&room, &["create", &session, "Auralis", "66", "Bus 2", "-60", "Bus 1", "-60", "12", "4"]);
    assert_eq!(made, ["created\ttrack\tAuralis"]);
    let (seen, first) = export(&room, &session, "4", "Bus 2", "Bus 1", "first");
    assert_eq!(seen[0], "Bus 2\t-60.0\t0", "what was set is there again");
    assert_eq!(seen[1], "Bus 1\t-60.0\t5", "and so are five points");
    let (_, second) = export(&room, &session, "4", "Bus 2", "Bus 1", "second");
    let (first, second) = (wav(&first), wav(&second));
    assert_eq!(first.len(), 4 * 48_000);
    let differing = first.iter().zip(&second).filter(|(a, b)| a != b).count();
    assert_eq!((differing, second.len()), (0, first.len()), "frames that differ between two exports");
    let at = |second: usize| db(&first[second * 48_000..][..48_000]);
    assert!(at(3) > at(1) + 10.0, "the curve is heard: {} and {} dB", at(1), at(3));
}

#[test]
fn ardour_exports_what_auralis_renders() {
    let room = Room::new();
    home(&room);
    let session = room.path("session").to_str().unwrap().to_string();
    // Buses that the piece does not have.
    ardour(&room, &["create", &session, "Auralis", "66", "Bus 8", "-60", "Bus 7", "-60", "12", "4"]);
    let (_, file) = export(&room, &session, "4", "Bus 8", "Bus 7", "it");
    let rendered = rendered(&room, "night_drift", 48_000, 4.0, &[]);
    // Ardour neither hides an instrument's latency nor has a tempo of exactly 66.
    let heard = wav(&file);
    let apart = |shift: usize| {
        let error: Vec<[f32; 2]> =
            heard[shift..].iter().zip(&rendered).map(|(a, b)| [a[0] - b[0], a[1] - b[1]]).collect();
        db(&error) - db(&rendered)
    };
    let least = (0..1024).step_by(64).map(apart).fold(f64::INFINITY, f64::min);
    assert!(least < -60.0, "{least} dB apart");
}

#[test]
fn qtractor_reads_the_clap() {
    let mut folders = fs::read_dir("/usr/lib")
        .unwrap()
        .map(|entry| entry.unwrap().path().join("qtractor/qtractor_plugin_scan"));
    let scanner = folders.find(|path| path.exists()).expect("`cargo xtask test` installs qtractor");
    let mut child = Command::new(scanner)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let asked = format!("CLAP:{}\n", bundles::clap().display());
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), asked.as_bytes()).unwrap();
    let said = auralis_tests::collect(child);
    // Type, name, audio and MIDI ins and outs, parameters in and out.
    let row = said.ok().lines().find(|line| line.starts_with("CLAP|")).unwrap_or_else(|| panic!("{said:?}"));
    let fields: Vec<&str> = row.split('|').collect();
    assert_eq!(fields[1..4], ["Auralis", "0:2", "1:1"], "{row}");
    assert!(fields[5].contains("RT") && fields[6].ends_with("Auralis.clap"), "{row}");
}

#[test]
fn the_editor_opens_in_a_host() {
    let room = Room::new();
    let display = Display::new();
    let mut host = Command::new(hosts::python("hosts"));
    host.arg(script("editor.py")).arg(bundles::vst3()).args(["66", "20"]).env("DISPLAY", display.name());
    host.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut host = host.spawn().unwrap();
    let file = room.path("plugin_in_host.png");
    let deadline = Instant::now() + Duration::from_secs(90);
    let picture = loop {
        let picture = display.picture(&file);
        // A window with text, knobs and a graph in it, and not just a frame.
        if picture.iter().zip([600, 400, 200]).all(|(seen, least)| *seen >= least) {
            break picture;
        }
        let ended = wait(&mut host, Duration::from_millis(500));
        if ended.is_some() || Instant::now() > deadline {
            let _ = host.kill();
            panic!("no editor is seen, but {picture:?}: {:?}", auralis_tests::collect(host));
        }
    };
    // All of it is drawn, some frames later.
    std::thread::sleep(Duration::from_secs(2));
    display.picture(&file);
    signal(&host, "KILL");
    host.wait().unwrap();
    eprintln!("the editor: {picture:?}");
    if let Some(folder) = std::env::var_os("AURALIS_PICTURES") {
        fs::copy(file, Path::new(&folder).join("plugin_in_host.png")).unwrap();
    }
}
