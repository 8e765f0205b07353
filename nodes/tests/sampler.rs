//! The sampler, measured: pitch, rates, levels, timing, loops, voices, and what its author is told.

use auralis_graph::command::When;
use auralis_graph::engine::Start;
use auralis_graph::note::{NoteEvent, NoteKind};
use auralis_graph::param::Amount;
use auralis_graph::places::Places;
use auralis_graph::plan::Socket;
use auralis_graph::testing::measure::{amplitude_at, level_db, peak, pitch, rms, sharpest};
use auralis_graph::testing::realtime::{self, CheckedAllocator};
use auralis_graph::testing::{build_at, read, render_blocks};
use auralis_graph::{Built, Preset, Source};
use auralis_nodes::catalogue;
use std::collections::BTreeSet;
use std::path::PathBuf;

#[global_allocator]
static ALLOCATOR: CheckedAllocator = CheckedAllocator;

const RATE: u32 = 48_000;

fn text(config: &str) -> String {
    format!(
        "auralis: 1\nnodes:\n  keys: {{ type: midi_in }}\n  play: {{ type: sampler, in: keys, {config} }}\n  \
         out: {{ type: output, in: play }}\n"
    )
}

fn built_at(config: &str, rate: u32) -> Built {
    build_at(&text(config), &catalogue(), rate, Socket::Play)
}

fn built(config: &str) -> Built {
    built_at(config, RATE)
}

fn at(built: &Built, frame: i64, event: NoteEvent) {
    built.controller.note("keys", event, When::Frame(frame)).unwrap();
}

fn note(built: &Built, id: u32, key: f32, velocity: f32, from: i64, to: i64) {
    at(built, from, NoteEvent::on(0, 0, id, key, velocity));
    at(built, to, NoteEvent::off(0, 0, id));
}

/// A WAV file that is removed at the end.
struct Wav(PathBuf);

impl Wav {
    fn new(name: &str, rate: u32, channels: &[Vec<f32>]) -> Self {
        let path = std::env::temp_dir().join(format!("auralis-{}-{name}.wav", std::process::id()));
        let count = channels.len() as u16;
        let frames = 0..channels[0].len();
        let data: Vec<u8> =
            frames.flat_map(|i| channels.iter().flat_map(move |c| c[i].to_le_bytes())).collect();
        let mut file = b"RIFF".to_vec();
        file.extend((36 + data.len() as u32).to_le_bytes());
        file.extend(b"WAVEfmt \x10\0\0\0\x03\0");
        file.extend(count.to_le_bytes());
        file.extend(rate.to_le_bytes());
        file.extend((rate * 4 * u32::from(count)).to_le_bytes());
        file.extend((4 * count).to_le_bytes());
        file.extend(b"\x20\0data");
        file.extend((data.len() as u32).to_le_bytes());
        file.extend(data);
        std::fs::write(&path, file).unwrap();
        Self(path)
    }

    /// A sine of 0.5.
    fn sine(name: &str, rate: u32, hertz: f64, seconds: f64) -> Self {
        let turn = std::f64::consts::TAU * hertz / f64::from(rate);
        let wave = (0..(seconds * f64::from(rate)) as usize).map(|i| (0.5 * (turn * i as f64).sin()) as f32);
        Self::new(name, rate, &[wave.collect()])
    }

    fn config(&self, rest: &str) -> String {
        format!("file: {}, {rest}", self.0.display())
    }
}

impl Drop for Wav {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn keys_have_their_pitch_and_level_from_files_of_any_rate_at_any_rate() {
    for file_rate in [44_100, 48_000, 96_000] {
        let wav = Wav::sine(&format!("rates{file_rate}"), file_rate, 440.0, 2.0);
        for rate in [44_100, 48_000, 96_000] {
            for (key, hertz) in
                [(69.0, 440.0), (57.0, 220.0), (76.5, 440.0 * 2f64.powf(7.5 / 12.0)), (93.0, 1_760.0)]
            {
                let mut built = built_at(&wav.config("root: A4"), rate);
                at(&built, 0, NoteEvent::on(0, 0, 1, key, 1.0));
                let [left, right] = render_blocks(&mut built, rate as usize / 3, &[512]);
                assert_eq!(left, right);
                let middle = &left[2_000..];
                let found = pitch(middle, hertz * 0.97, hertz * 1.03, f64::from(rate));
                let cents = 1200.0 * (found / hertz).log2();
                assert!(cents.abs() < 0.5, "{file_rate} at {rate}, key {key}: {cents} cents");
                let level = amplitude_at(middle, found, f64::from(rate));
                assert!((level - 0.5).abs() < 0.004, "{file_rate} at {rate}, key {key}: {level}");
            }
        }
    }
}

#[test]
fn reading_fast_does_not_fold_the_treble_back() {
    // 9 kHz two octaves up would be 36 kHz: nothing may be left of it.
    let wav = Wav::sine("fold", RATE, 9_000.0, 3.0);
    let mut built = built(&wav.config("root: C4"));
    at(&built, 0, NoteEvent::on(0, 0, 1, 84.0, 1.0));
    let [left, _] = render_blocks(&mut built, 20_000, &[512]);
    assert!(level_db(&left[2_000..]) < -75.0, "{}", level_db(&left[2_000..]));
}

#[test]
fn stereo_files_keep_their_sides_and_velocity_is_a_square() {
    let wav = Wav::new("sides", RATE, &[vec![0.5; 48_000], vec![-0.25; 48_000]]);
    for (config, velocity, factor) in
        [("velocity: 1", 0.5, 0.25), ("velocity: 0", 0.5, 1.0), ("velocity: 0.5", 0.5, 0.625)]
    {
        let mut built = built(&wav.config(config));
        at(&built, 0, NoteEvent::on(0, 0, 1, 60.0, velocity));
        let [left, right] = render_blocks(&mut built, 8_000, &[512]);
        assert!(
            (left[4_000] - 0.5 * factor).abs() < 1e-4 && (right[4_000] + 0.25 * factor).abs() < 1e-4,
            "{config}"
        );
    }
}

#[test]
fn notes_start_on_their_frame_rise_and_fall_as_told() {
    let wav = Wav::new("shape", RATE, &[vec![0.5; 200_000]]);
    for frame in [0, 1, 63, 64, 777] {
        let mut built = built(&wav.config("attack: 0"));
        at(&built, frame, NoteEvent::on(0, 0, 1, 60.0, 1.0));
        let [left, _] = render_blocks(&mut built, 4_096, &[333]);
        assert_eq!(left.iter().position(|x| *x != 0.0), Some(frame as usize));
    }
    let mut built = built(&wav.config("attack: 100 ms, release: 500 ms"));
    note(&built, 1, 60.0, 1.0, 0, 48_000);
    let [left, _] = render_blocks(&mut built, 96_000, &[512]);
    assert!(
        (left[2_400] - 0.25).abs() < 0.01 && (left[4_900] - 0.5).abs() < 1e-3,
        "{} {}",
        left[2_400],
        left[4_900]
    );
    let fallen = 20.0 * (left[48_000 + 12_000] / left[47_000]).log10();
    assert!((fallen + 30.0).abs() < 0.5, "{fallen}");
    assert!(left[48_000 + 40_000..].iter().all(|x| *x == 0.0));
}

#[test]
fn a_loop_holds_a_note_without_a_seam_and_without_one_it_ends() {
    // 100 Hz: whole periods from 0.1 s to 0.6 s.
    let wav = Wav::sine("loop", 44_100, 100.0, 0.8);
    let run = |rest: &str| {
        let mut built = built(&wav.config(rest));
        note(&built, 1, 62.0, 1.0, 0, 150_000);
        render_blocks(&mut built, 240_000, &[512])[0].clone()
    };
    let looped = run("root: 60, loop: { start: 0.1, end: 0.6 }");
    let hertz = 100.0 * 2f64.powf(2.0 / 12.0);
    assert!((amplitude_at(&looped[48_000..148_000], hertz, f64::from(RATE)) - 0.5).abs() < 0.002);
    // The sharpest bend of the sine itself.
    let bend = 0.5 * (std::f64::consts::TAU * hertz / f64::from(RATE)).powi(2) as f32;
    assert!(sharpest(&looped[1_000..149_000]).1 < bend * 1.1, "{}", sharpest(&looped[1_000..149_000]).1);
    let once = run("root: 60");
    assert!(rms(&once[20_000..30_000]) > 0.3 && once[40_000..].iter().all(|x| *x == 0.0));
}

#[test]
fn a_one_shot_plays_to_its_end_whatever_the_note_does() {
    let wav = Wav::sine("shot", RATE, 200.0, 1.0);
    let level = |config: &str| {
        let mut built = built(&wav.config(config));
        note(&built, 1, 60.0, 1.0, 0, 4_800);
        level_db(&render_blocks(&mut built, 48_000, &[512])[0][30_000..45_000])
    };
    assert!(level("one_shot: true") > -10.0 && level("one_shot: false") < -80.0);
}

#[test]
fn bends_tuning_and_the_pedal_are_obeyed() {
    let wav = Wav::sine("bend", RATE, 440.0, 4.0);
    let mut built = built(&wav.config("root: A4, tune: 2, release: 50 ms"));
    let event = |id, kind| NoteEvent { offset: 0, channel: 0, id, kind };
    at(&built, 0, NoteEvent::on(0, 0, 1, 69.0, 1.0));
    at(&built, 24_000, event(NoteEvent::CHANNEL, NoteKind::Bend(-2.0)));
    at(&built, 48_000, event(1, NoteKind::Bend(12.0)));
    at(&built, 48_000, event(2, NoteKind::Bend(5.0)));
    at(&built, 60_000, event(NoteEvent::CHANNEL, NoteKind::Sustain(1.0)));
    at(&built, 61_000, NoteEvent::off(0, 0, 1));
    at(&built, 84_000, event(NoteEvent::CHANNEL, NoteKind::Sustain(0.0)));
    let [left, _] = render_blocks(&mut built, 110_000, &[512]);
    for (from, to, hertz) in [(1_000, 23_000, 493.883), (25_000, 47_000, 440.0), (50_000, 83_000, 880.0)] {
        let found = pitch(&left[from..to], hertz * 0.97, hertz * 1.03, f64::from(RATE));
        assert!((1200.0 * (found / hertz).log2()).abs() < 0.5, "{found} for {hertz}");
    }
    assert!(level_db(&left[70_000..83_000]) > -12.0 && left[95_000..].iter().all(|x| *x == 0.0));
}

#[test]
fn ranges_that_adjoin_sound_once_for_every_key() {
    let wav = Wav::new("ranges", RATE, &[vec![0.25; 48_000]]);
    for (key, sides) in [(59.0, 1.0), (59.4, 1.0), (59.6, -1.0), (60.0, -1.0), (47.0, 0.0), (73.0, 0.0)] {
        let preset = format!(
            "auralis: 1\nnodes:\n  keys: {{ type: midi_in }}\n  \
             low: {{ type: sampler, in: keys, {}, lowest: C3, highest: B3 }}\n  \
             high: {{ type: sampler, in: keys, {}, lowest: C4, highest: C5 }}\n  \
             left: {{ type: pan, in: low, pan: -1 }}\n  right: {{ type: pan, in: high, pan: 1 }}\n  \
             out: {{ type: output, in: [left, right] }}\n",
            wav.config("root: C4"),
            wav.config("root: C4"),
        );
        let mut built = build_at(&preset, &catalogue(), RATE, Socket::Play);
        at(&built, 0, NoteEvent::on(0, 0, 1, key, 1.0));
        let [left, right] = render_blocks(&mut built, 8_000, &[512]);
        let (left, right) = (rms(&left[2_000..]), rms(&right[2_000..]));
        let heard = if sides == 0.0 { left + right < 1e-6 } else { sides * (left - right) > 0.2 };
        assert!(heard && left.min(right) < 1e-6, "{key}: {left} {right}");
    }
}

#[test]
fn a_long_release_takes_its_time() {
    let wav = Wav::new("long", 4_000, &[vec![0.5; 4_000]]);
    let mut built = built_at(&wav.config("loop: whole, release: 60 s"), 96_000);
    note(&built, 1, 60.0, 1.0, 0, 96_000);
    let [left, _] = render_blocks(&mut built, 96_000 * 31, &[512]);
    let fallen = 20.0 * (left[96_000 * 31 - 1] / left[95_000]).log10();
    assert!((fallen + 30.0).abs() < 0.05, "{fallen}");
}

#[test]
fn voices_that_give_way_do_not_click() {
    let wav = Wav::sine("steal", RATE, 110.0, 4.0);
    let mut built = built(&wav.config("root: A2, voices: 4, attack: 20 ms"));
    for id in 0..24u32 {
        at(&built, i64::from(id) * 2_000, NoteEvent::on(0, 0, id, 40.0 + (id % 7) as f32, 0.7));
    }
    let [left, _] = render_blocks(&mut built, 60_000, &[512]);
    // Four sines of at most 0.25 at once; the fades of 10 ms are as soft as the tones.
    let bend = 4.0 * 0.25 * (std::f64::consts::TAU * 120.0 / f64::from(RATE)).powi(2) as f32;
    assert!(sharpest(&left).1 < 2.0 * bend, "{} {}", sharpest(&left).1, bend);
    assert!(peak(&left) < 1.2, "{}", peak(&left));
    let (level, one) = (rms(&left[55_000..]), 0.245 / 2f64.sqrt());
    assert!((1.5 * one..2.5 * one).contains(&level), "four voices sound: {level}");
}

fn busy(config: &str) -> Built {
    let built = built(config);
    for index in 0..80u32 {
        let start = i64::from(index) * 1_111;
        note(&built, index, 40.0 + (index * 7 % 60) as f32, 0.3 + 0.008 * index as f32, start, start + 9_000);
    }
    built
}

const BUSY: &str = "file: default, loop: whole, voices: 12";

#[test]
fn the_samples_do_not_depend_on_blocks_and_return_after_a_reset() {
    let frames = 110_000;
    let mut first = busy(BUSY);
    let reference = render_blocks(&mut first, frames, &[frames]);
    assert!(rms(&reference[0]) > 1e-3);
    for blocks in [&[1usize][..], &[64], &[333], &[4096], &[1, 4095, 63, 65]] {
        assert!(render_blocks(&mut busy(BUSY), frames, blocks) == reference, "{blocks:?}");
    }
    let settings = first.engine.initial_settings();
    first.engine.reset(&Start::beginning(settings));
    let one = |built: &mut Built| {
        note(built, 1, 60.0, 0.7, 64, 20_000);
        render_blocks(built, 40_000, &[512])
    };
    assert!(one(&mut first) == one(&mut built(BUSY)));
}

#[test]
fn playing_keeps_the_audio_threads_promises() {
    let mut built = busy(BUSY);
    realtime::take_violations();
    for step in 0..20 {
        let tune = Amount::Value([0.0, -7.0, 12.0][step % 3]);
        built.controller.set_param("play", "tune", tune, When::Now).unwrap();
        at(&built, step as i64 * 6_000, NoteEvent::release_all(0, 0));
        for _ in 0..100 {
            built.engine.quantum();
        }
    }
    assert_eq!(realtime::take_violations(), 0);
}

#[test]
fn wrong_configurations_are_explained() {
    let wav = Wav::sine("wrong", RATE, 100.0, 1.0);
    let bad = Wav::new("bad", RATE, &[vec![0.0; 4]]);
    std::fs::write(&bad.0, b"no sound, but words").unwrap();
    for (config, words) in [
        (wav.config("root: H4"), "a key from 0 to 127, or a note such as C4 (60), F#3 or Bb2"),
        (wav.config("root: 200"), "a key from 0 to 127, or a note such as C4 (60), F#3 or Bb2"),
        (wav.config("loop: forever"), "a loop is `off`, `whole` or { start: …, end: … } in seconds"),
        (wav.config("loop: { start: 0.5, end: 1.5 }"), "the file lasts 1.000 s"),
        (wav.config("loop: { start: 0.5, end: 0.4 }"), "a loop starts before it ends"),
        (wav.config("loop: { start: 0.1, end: 0.9 }, crossfade: 0.2"), "here at most 0.100 s"),
        (wav.config("loop: { start: 0.1, end: 0.9 }, crossfade: -1"), "a crossfade lasts 0 to 30 seconds"),
        (wav.config("voices: 0"), "there can be 1 to 64 voices"),
        (wav.config("crossfade: 0.1"), "a crossfade needs a `loop`"),
        (wav.config("one_shot: true, loop: whole"), "a one-shot ends with its file, and a loop never ends"),
        (wav.config("lowest: C5, highest: C4"), "the lowest key lies above the highest"),
        ("file: no/such.wav".into(), "there is no file `no/such.wav`"),
        (bad.config("root: 60"), "is neither WAV nor FLAC"),
        (bad.config("root: 60"), "a sampler plays WAV and FLAC files, mono or stereo, of at most 10 minutes"),
    ] {
        let source = Source::new("test.yaml", text(&config));
        let Err(mistakes) = Preset::read(&source, &catalogue(), &Places::anywhere()) else {
            panic!("{config}")
        };
        let mistakes = mistakes.to_string();
        assert!(mistakes.contains(words), "{config}: {mistakes}");
    }
}

#[test]
fn a_file_that_is_written_anew_is_heard_after_an_edit_to_the_same_text() {
    let wav = Wav::sine("anew", RATE, 440.0, 2.0);
    let config = wav.config("root: A4, loop: whole");
    let mut built = built(&config);
    let preset = read(&text(&config), &catalogue());
    let edit = |built: &mut Built| {
        let (settings, none) = (preset.settings(), BTreeSet::new());
        let edited = built.editor.edit(&preset, &catalogue(), settings, Places::anywhere(), &none);
        let edited = edited.map_err(|error| error.to_string())?;
        built.controller = edited.controller;
        Ok::<_, String>(edited.prepared)
    };
    let sounds = |built: &mut Built, hertz: f64| {
        let from = built.engine.frame();
        note(built, 1, 69.0, 1.0, from, from + 48_000);
        let [left, _] = render_blocks(built, 96_000, &[512]);
        let found = pitch(&left[4_800..43_200], 300.0, 800.0, f64::from(RATE));
        assert!((found - hertz).abs() < 0.2, "{found} Hz for {hertz}");
    };
    sounds(&mut built, 440.0);
    assert_eq!(edit(&mut built).unwrap(), [""; 0], "it is the same file");
    let _anew = Wav::sine("anew", RATE, 660.0, 1.5);
    sounds(&mut built, 440.0);
    assert_eq!(edit(&mut built).unwrap(), ["play"]);
    sounds(&mut built, 660.0);
    // One that is no sound changes nothing.
    std::fs::write(&wav.0, "no sound").unwrap();
    let failed = edit(&mut built).unwrap_err();
    assert!(failed.contains("anew.wav"), "{failed}");
    sounds(&mut built, 660.0);
}
