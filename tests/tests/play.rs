//! `auralis play`: what reaches the audio device. ALSA's file device takes everything down and passes it on to one
//! that takes it as fast as it comes.
#![cfg(target_os = "linux")]

use auralis_graph::testing::measure::{amplitude_at, peak};
use auralis_tests::{Room, collect, finish, signal, wait};
use std::process::Command;
use std::time::{Duration, Instant};

const TONE: &str = "auralis: 1
name: Test Tone
nodes:
  tone: { type: oscillator, frequency: 440 Hz, gain: -12 dB }
  out: { type: output, in: tone }
expose:
  level: { to: tone.gain, label: Level }
";

/// A room with a preset and an audio device.
fn room() -> Room {
    let room = Room::new();
    room.put("tone.yaml", TONE);
    let heard = room.path("heard.raw");
    let device = format!(
        "pcm.!default {{ type file; file \"{}\"; format raw; slave.pcm {{ type null }} }}",
        heard.display()
    );
    room.put("asound.conf", device);
    room
}

fn play(room: &Room, more: &[&str]) -> Command {
    let mut command = room.command();
    command.env("ALSA_CONFIG_PATH", room.path("asound.conf")).arg("play").args(more);
    command
}

/// Plays until the device took more than a second: its rate, and the left side of what it took.
fn heard(room: &Room, more: &[&str]) -> (f64, Vec<f32>) {
    let raw = room.path("heard.raw");
    let _ = std::fs::remove_file(&raw);
    let mut child = play(room, more).spawn().expect("the program starts");
    let deadline = Instant::now() + Duration::from_secs(30);
    // Frames of eight bytes, at any rate that devices have by default.
    while std::fs::metadata(&raw).map_or(0, |file| file.len()) < 8 * 48_100 {
        assert_eq!(child.try_wait().expect("the system knows its children"), None, "it ended by itself");
        assert!(Instant::now() < deadline, "the device gets no sound");
        std::thread::sleep(Duration::from_millis(5));
    }
    signal(&child, "INT");
    let said = collect(child);
    let rate = said.ok().split(" Hz").next().and_then(|text| text.rsplit(' ').next()).map(str::parse);
    let rate = rate.and_then(Result::ok).unwrap_or_else(|| panic!("no rate in {}", said.out));
    let bytes = room.bytes("heard.raw");
    let left = bytes.as_chunks::<8>().0.iter().map(|[a, b, c, d, ..]| f32::from_le_bytes([*a, *b, *c, *d]));
    (rate, left.collect())
}

#[test]
fn the_device_gets_the_sound() {
    let room = room();
    let (rate, left) = heard(&room, &["tone.yaml"]);
    let second = &left[..48_000];
    let level = amplitude_at(second, 440.0, rate);
    assert!((level - 0.251).abs() < 0.002, "{level}");
    assert!(peak(second) < 0.252);
    let (_, quiet) = heard(&room, &["tone.yaml", "--set", "level=-32"]);
    assert!((peak(&quiet) - 0.0251).abs() < 0.0003, "{}", peak(&quiet));
}

#[test]
fn it_ends_after_its_length() {
    let room = room();
    let begun = Instant::now();
    finish(&mut play(&room, &["tone.yaml", "--length", "0.3s"])).ok();
    assert!(begun.elapsed() >= Duration::from_millis(300));
}

#[test]
fn a_request_to_end_ends_it_well() {
    let room = room();
    let mut child = play(&room, &["tone.yaml"]).spawn().expect("the program starts");
    while std::fs::metadata(room.path("heard.raw")).map_or(0, |file| file.len()) == 0 {
        assert_eq!(child.try_wait().expect("the system knows its children"), None, "it ended by itself");
        std::thread::sleep(Duration::from_millis(5));
    }
    signal(&child, "INT");
    assert_eq!(wait(&mut child, Duration::from_secs(10)), Some(0));
}

#[test]
fn devices_are_listed_and_one_that_is_not_there_is_named() {
    let room = room();
    let list = finish(&mut play(&room, &["--list"]));
    assert!(list.ok().lines().any(|line| line.starts_with("audio ")), "{}", list.out);
    finish(&mut play(&room, &["tone.yaml", "--device", "Theremin"])).fails(1, &["Theremin"]);
    finish(&mut play(&room, &["gone.yaml"])).fails(1, &["gone.yaml"]);
}

#[test]
fn a_saved_preset_is_heard() {
    let room = room();
    let mut child = play(&room, &["tone.yaml"]).spawn().expect("the program starts");
    let heard = |from: u64| {
        let bytes = std::fs::read(room.path("heard.raw")).unwrap_or_default();
        let samples = bytes.get(from as usize..).unwrap_or_default().as_chunks::<8>().0.iter();
        samples.map(|[a, b, c, d, ..]| f32::from_le_bytes([*a, *b, *c, *d])).collect::<Vec<f32>>()
    };
    let mut sounds = |hertz: f64| {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            assert_eq!(child.try_wait().expect("the system knows its children"), None, "it ended by itself");
            let length = std::fs::metadata(room.path("heard.raw")).map_or(0, |file| file.len());
            let last = heard((length / 8).saturating_sub(9_600) * 8);
            if last.len() >= 4_800 && (amplitude_at(&last[..4_800], hertz, 48_000.0) - 0.251).abs() < 0.01 {
                return;
            }
            assert!(Instant::now() < deadline, "{hertz} Hz is not heard");
            std::thread::sleep(Duration::from_millis(20));
        }
    };
    sounds(440.0);
    room.put("tone.yaml", TONE.replace("type: oscillator", "type: oscillatr"));
    std::thread::sleep(Duration::from_millis(200));
    sounds(440.0);
    room.put("tone.yaml", TONE.replace("440", "550"));
    sounds(550.0);
    signal(&child, "INT");
    let said = collect(child);
    said.says(0, &["did you mean `oscillator`?", "what played goes on", "tone.yaml is edited"]);
}
