//! `auralis play`: what reaches the audio device. ALSA's file device takes everything down and passes it on to one
//! that takes it as fast as it comes.
#![cfg(target_os = "linux")]

use auralis_graph::testing::measure::{amplitude_at, peak};
use auralis_tests::{Room, Said, collect, finish, signal, wait};
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

/// The frequency that the program names, and the left side of what the device took.
fn heard(room: &Room, said: &Said) -> (f64, Vec<f32>) {
    let rate = said.ok().split(" Hz").next().and_then(|text| text.rsplit(' ').next()).map(str::parse);
    let rate = rate.and_then(Result::ok).unwrap_or_else(|| panic!("no rate in {}", said.out));
    let bytes = room.bytes("heard.raw");
    (
        rate,
        bytes
            .as_chunks::<8>()
            .0
            .iter()
            .map(|[a, b, c, d, ..]| f32::from_le_bytes([*a, *b, *c, *d]))
            .collect(),
    )
}

#[test]
fn the_device_gets_the_sound() {
    let room = room();
    let (rate, left) = heard(&room, &finish(&mut play(&room, &["tone.yaml", "--length", "0.3s"])));
    let second = left.get(..rate as usize).expect("a device that takes all it can takes more than a second");
    assert!(
        (amplitude_at(second, 440.0, rate) - 0.251).abs() < 0.002,
        "{}",
        amplitude_at(second, 440.0, rate)
    );
    assert!(peak(second) < 0.252);

    let quiet = play(&room, &["tone.yaml", "--length", "0.3s", "--set", "level=-32"]).output();
    assert!(quiet.expect("the program starts").status.success());
    let quiet = room.bytes("heard.raw");
    let loudest = quiet.as_chunks::<4>().0.iter().map(|x| f32::from_le_bytes(*x).abs()).fold(0.0, f32::max);
    assert!((loudest - 0.0251).abs() < 0.0003, "{loudest}");
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
