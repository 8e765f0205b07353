//! The instrument in real hosts: what they play is what `auralis render` makes, to the bit.

use auralis_tests::Room;
use auralis_tests::bundles::{self, Bundles};
use auralis_tests::clap_host::Library;
use auralis_tests::hosts::{rendered, run};
use auralis_tests::sound::{Frame, db, floats, same};
use serde_json::{Value as Json, json};
use std::path::Path;

/// The preset that the general instrument begins with, and its tempo.
const FIRST: (&str, f64) = ("night_drift", 66.0);

/// Two instruments of their own: one with files of its own, one with a name of another alphabet.
const BELLS: &str = "auralis: 1
name: Bell Tower
author: Jané Doe
key: D dorian
tempo: 90
nodes:
  composer: { type: composer }
  bells: { type: sampler, in: composer.melody, file: sounds/bell.wav, gain: -6 dB }
  low: { type: sampler, in: composer.bass, file: sounds/bell.wav, gain: -9 dB }
  master: { type: limiter, in: [bells, low] }
  out: { type: output, in: master }
expose:
  loud: { to: bells.gain, label: Bells }
  deep: { to: low.gain, label: Deep Bells }
";
const NIGHT: &str = "auralis: 1
name: Nacht
tempo: 72
nodes:
  composer: { type: composer }
  pad: { type: synth, in: composer.chords, gain: -9 dB }
  keys: { type: soundfont, in: composer.melody }
  out: { type: output, in: [pad, keys] }
expose:
  bright: { to: pad.cutoff, label: Brightness }
";

/// A path as hosts are told it.
fn text(path: &Path) -> &str {
    path.to_str().expect("a plain path")
}

/// Plays one instrument in DawDreamer; gives what it said, and its frames without the latency.
fn dawdreamer(room: &Room, plugin: &Path, bpm: f64, more: &Json) -> (Json, Vec<Frame>) {
    let mut row = json!({ "plugin": plugin, "out": room.path("heard") });
    merge(&mut row, &more["plugin"]);
    let mut job = json!({ "rate": 48_000, "block": 512, "bpm": bpm, "seconds": 8, "plugins": [row] });
    merge(&mut job, &more["job"]);
    let said = run("in_dawdreamer.py", &job)[0].clone();
    let frames = job["rate"].as_u64().unwrap() * job["seconds"].as_u64().unwrap();
    let heard = without_latency(&said, &room.path("heard"), frames as usize);
    (said, heard)
}

/// What was heard of so many frames, from the first on that is the piece's.
#[track_caller]
fn without_latency(said: &Json, heard: &Path, frames: usize) -> Vec<Frame> {
    let mut heard = floats(heard);
    assert_eq!(heard.len(), frames);
    heard.split_off(said["latency"].as_u64().unwrap() as usize)
}

fn merge(into: &mut Json, from: &Json) {
    for (key, value) in from.as_object().into_iter().flatten() {
        into[key] = value.clone();
    }
}

#[test]
fn dawdreamer_plays_what_auralis_renders_at_any_rate_and_block() {
    let room = Room::new();
    for (rate, block) in [(48_000, 512), (44_100, 333), (96_000, 64)] {
        let more = json!({ "job": { "rate": rate, "block": block, "seconds": 6 } });
        let (said, heard) = dawdreamer(&room, bundles::vst3(), FIRST.1, &more);
        assert!(said["latency"].as_u64().unwrap() >= 64, "a quantum is kept for the host's blocks: {said}");
        same(&heard, &rendered(&room, FIRST.0, rate, 6.0, &[])[..heard.len()]);
    }
}

#[test]
fn dawdreamer_moves_parameters_as_its_curve_says() {
    let room = Room::new();
    let still = dawdreamer(&room, bundles::vst3(), 60.0, &json!({})).1;
    // A value a beat, and a beat a second: every bus goes down, and comes back.
    let levels = json!([0.8333333, 0.8333333, 0.0, 0.0, 0.0, 0.0, 0.8333333, 0.8333333, 0.8333333]);
    let curves: serde_json::Map<String, Json> =
        (1..=8).map(|n| (format!("Bus {n}"), levels.clone())).collect();
    let moved = dawdreamer(&room, bundles::vst3(), 60.0, &json!({ "plugin": { "automation": curves } })).1;
    let second = |frames: &[Frame], n: usize| db(frames.chunks(48_000).nth(n).unwrap());
    assert_eq!(moved[..48_000], still[..48_000], "nothing has moved yet");
    let fall = second(&moved, 5) - second(&still, 5);
    assert!(fall < -20.0, "{fall} dB: only what rings on is left");
    let back = second(&moved, 7) - second(&still, 7);
    assert!(back > -12.0 && back > fall + 6.0, "{back} dB");
}

#[test]
fn pedalboard_plays_what_auralis_renders_and_keeps_what_was_set() {
    let room = Room::new();
    let job = json!({
        "plugin": bundles::vst3(), "rate": 44_100, "block": 480, "seconds": 6, "out": room.path("heard"),
        "parameters": { "Play While Stopped": 1, "Intensity": 0.75 }, "keep": room.path("kept"),
    });
    let said = run("in_pedalboard.py", &job);
    assert_eq!((&said["name"], &said["vendor"]), (&json!("Auralis"), &json!("Auralis")));
    assert_eq!(said["instrument"], true);
    let heard = without_latency(&said, &room.path("heard"), 6 * 44_100);
    // Where pedalboard has to name a tempo, this is it.
    let wishes = ["--set", "intensity=0.75", "--set", "tempo=120"];
    same(&heard, &rendered(&room, FIRST.0, 44_100, 6.0, &wishes)[..heard.len()]);

    let again = json!({
        "plugin": bundles::vst3(), "rate": 44_100, "block": 1024, "seconds": 6, "out": room.path("again"),
        "state": room.path("kept"),
    });
    let said = run("in_pedalboard.py", &again);
    let shown =
        said["parameters"].as_array().unwrap().iter().find(|row| row[0] == "Intensity").unwrap().clone();
    assert_eq!(shown, json!(["Intensity", 0.75, "75 %"]));
    same(&without_latency(&said, &room.path("again"), 6 * 44_100), &heard);
}

#[test]
fn two_instruments_of_their_own_and_the_general_one_play_side_by_side() {
    let room = Room::new();
    std::fs::create_dir(room.path("sounds")).unwrap();
    let bell = Path::new(env!("CARGO_MANIFEST_DIR")).join("../nodes/assets/glass.wav");
    std::fs::copy(bell, room.path("sounds/bell.wav")).unwrap();
    let (bells, night) = (room.put("bells.yaml", BELLS), room.put("night.yaml", NIGHT));
    let expected = |preset: &str| rendered(&room, preset, 48_000, 8.0, &["--set", "tempo=80"]);
    let expected = [expected("bells.yaml"), expected("night.yaml"), expected(FIRST.0)];
    let made = [Bundles::of(&bells, "Bell Tower"), Bundles::of(&night, "Nacht")];
    // What it is made of is inside of it.
    std::fs::remove_dir_all(room.path("sounds")).unwrap();
    std::fs::remove_file(bells).unwrap();

    let named = |made: &Bundles| Library::load(&made.clap).instruments();
    let id = |id: &str, name: &str| [(format!("org.auralis.instrument.{id}"), name.to_string())];
    assert_eq!(named(&made[0]), id("jan-doe-226fe55f.bell-tower", "Bell Tower"));
    assert_eq!(named(&made[1]), id("auralis.nacht", "Nacht"));
    let plugins = [&*made[0].vst3, &*made[1].vst3, bundles::vst3()];
    let files = ["bells", "nacht", "general"].map(|file| room.path(file));
    let rows: Vec<Json> =
        plugins.iter().zip(&files).map(|(plugin, out)| json!({ "plugin": plugin, "out": out })).collect();
    let job = json!({ "rate": 48_000, "block": 512, "bpm": 80, "seconds": 8, "plugins": rows });
    let said = run("in_dawdreamer.py", &job);
    for ((file, said), expected) in files.iter().zip(said.as_array().unwrap()).zip(&expected) {
        let heard = without_latency(said, file, 8 * 48_000);
        same(&heard, &expected[..heard.len()]);
    }
    let names = |said: &Json| -> Vec<String> {
        said["parameters"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row[0].as_str().unwrap().to_string())
            .collect()
    };
    for name in ["Bells", "Deep Bells"] {
        assert!(names(&said[0]).contains(&name.to_string()), "{:?}", names(&said[0]));
    }
    assert!(names(&said[1]).contains(&"Brightness".to_string()), "{:?}", names(&said[1]));
    assert!(names(&said[2]).contains(&"Slot 1".to_string()), "{:?}", names(&said[2]));
    let job = json!({ "plugin": text(&made[0].vst3), "rate": 48_000, "block": 512, "seconds": 0.1, "out": files[0] });
    let said = run("in_pedalboard.py", &job);
    assert_eq!((&said["name"], &said["vendor"]), (&json!("Bell Tower"), &json!("Jané Doe")));
}
