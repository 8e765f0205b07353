//! The instrument in a CLAP host: what is heard is what `auralis render` writes, and everything that a host can ask for.

use auralis_graph::testing::measure::{amplitude_at, cents_off, level_db, peak};
use auralis_tests::clap_host::{Event, Instance, Library, Time, hanging};
use auralis_tests::{Room, bundles};

const PLAYING: Time = Time { playing: true, tempo: 120.0, from: 0.0, looped: None };
const STOPPED: Time = Time { playing: false, ..PLAYING };

/// A piece that plays what is played, and nothing else.
const KEYS: &str = "auralis: 1
name: Keys
tempo: 120
nodes:
  hands: { type: midi_in }
  voice: { type: synth, in: hands, osc1_shape: 0, attack: 1 ms, release: 50 ms, variation: 0, spread: 0, gain: -6 dB }
  out: { type: output, in: voice }
expose:
  level: { to: voice.gain }
";

fn library() -> Library {
    Library::load(bundles::clap())
}

fn instance_of(library: &Library, text: &str) -> Instance {
    let mut instance = library.instance();
    instance.load_piece("test", text);
    instance
}

/// What `auralis render` writes of a preset's text, from the beginning.
fn rendered(text: &str, rate: u32, seconds: u32, more: &[&str]) -> [Vec<f32>; 2] {
    let room = Room::new();
    room.put("piece.yaml", text);
    let (rate, length) = (rate.to_string(), format!("{seconds}s"));
    let mut arguments = vec!["render", "piece.yaml", "-o", "out.wav", "--bits", "32f"];
    arguments.extend(["--rate", &rate, "--length", &length]);
    arguments.extend(more);
    let said = room.run(&arguments);
    assert_eq!(said.status, 0, "{}", said.err);
    let file = hound::WavReader::open(room.path("out.wav")).unwrap();
    let samples: Vec<f32> = file.into_samples::<f32>().map(Result::unwrap).collect();
    [0, 1].map(|channel| samples.iter().skip(channel).step_by(2).copied().collect())
}

fn shipped(name: &str) -> String {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../presets").join(format!("{name}.yaml"));
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn a_bounce_is_what_render_writes_to_the_sample() {
    let library = library();
    for (preset, tempo, rate) in [("night_drift", 66.0, 44_100), ("tidal_clock", f64::NAN, 48_000)] {
        let text = shipped(preset);
        let written = text.lines().find_map(|line| line.strip_prefix("tempo: ")?.parse().ok()).unwrap();
        assert!(tempo.is_nan() || tempo == written);
        let time = Time { tempo: written, ..PLAYING };
        let mut instance = instance_of(&library, &text);
        instance.set_offline(true);
        let mut active = instance.activate(f64::from(rate), 4096);
        let (latency, frames) = (instance.latency() as usize, 20 * rate as usize);
        let bounce = active.render(frames + latency, &[512, 1, 333, 4096, 64], time, &[]);
        instance.deactivate(active);
        let file = rendered(&text, rate, 20, &[]);
        for (bounced, written) in bounce.iter().zip(&file) {
            let differ =
                bounced[latency..].iter().zip(written).filter(|(a, b)| a.to_bits() != b.to_bits()).count();
            assert_eq!(differ, 0, "{preset} at {rate} Hz: samples that differ of {frames}");
            assert!(level_db(written) > -50.0, "something is heard");
        }
    }
}

#[test]
fn keys_sound_at_their_pitch_and_end() {
    let library = library();
    let mut instance = instance_of(&library, KEYS);
    let mut active = instance.activate(48_000.0, 1024);
    let latency = instance.latency() as usize;
    let events = [(4_801, Event::On(0, 69, 0.8)), (33_601, Event::Off(0, 69))];
    let [left, _] = active.render(72_000, &[512], STOPPED, &events);
    assert_eq!(peak(&left[..4_801 + latency]), 0.0, "silence before the key");
    let start = left.iter().position(|x| *x != 0.0).unwrap();
    assert!((4_801 + latency..4_801 + latency + 4).contains(&start), "{start}");
    assert!(cents_off(&left[12_000..30_000], 440.0, 48_000.0).abs() < 5.0);
    assert!(level_db(&left[60_000..]) < -100.0, "the key is lifted");
    instance.deactivate(active);
}

#[test]
fn automation_moves_what_the_preset_exposes_at_its_sample() {
    let library = library();
    let mut instance = instance_of(&library, KEYS);
    let slot = instance.param("Slot 1");
    assert_eq!(instance.text(slot, 0.5), "-6 dB", "in the middle the preset's own value");
    let quiet = instance.read(slot, "-30 dB").unwrap();
    assert_eq!(instance.text(slot, quiet), "-30 dB");
    let mut active = instance.activate(48_000.0, 4096);
    let events = [(0, Event::On(0, 69, 0.8)), (48_000, Event::Param(slot, quiet))];
    let [left, _] = active.render(96_000, &[4096], STOPPED, &events);
    let (before, after) = (level_db(&left[24_000..48_000]), level_db(&left[60_000..]));
    assert!((before - after - 24.0).abs() < 0.2, "{before} {after}");
    // The glide begins at the sample of the event, latency later, whatever the block.
    let mut other = instance_of(&library, KEYS);
    let mut steady = other.activate(48_000.0, 4096);
    let [same, _] = steady.render(96_000, &[4096], STOPPED, &events[..1]);
    let turn = left.iter().zip(&same).position(|(a, b)| a != b).unwrap();
    let latency = instance.latency() as usize;
    assert!((48_000 + latency..48_000 + latency + 60).contains(&turn), "{turn}");
    instance.deactivate(active);
    other.deactivate(steady);
}
