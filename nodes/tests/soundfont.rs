//! The soundfont node, measured: pitch, timing, programs, polyphony, levels, its reverb, and what its author is told.

use auralis_graph::command::When;
use auralis_graph::engine::Start;
use auralis_graph::note::{NoteEvent, NoteKind};
use auralis_graph::param::Amount;
use auralis_graph::places::Places;
use auralis_graph::plan::Socket;
use auralis_graph::testing::measure::{self, amplitude_at, level_db, peak, rms};
use auralis_graph::testing::realtime::{self, CheckedAllocator};
use auralis_graph::testing::{RATE, build_at, render_blocks};
use auralis_graph::{Built, Preset, Source};
use auralis_nodes::catalogue;
use std::path::PathBuf;

#[global_allocator]
static ALLOCATOR: CheckedAllocator = CheckedAllocator;

fn text(config: &str) -> String {
    format!(
        "auralis: 1\nnodes:\n  keys: {{ type: midi_in }}\n  font: {{ type: soundfont, in: keys{}{config} }}\n  \
         out: {{ type: output, in: font }}\n",
        if config.is_empty() { "" } else { ", " }
    )
}

fn built(config: &str) -> Built {
    build_at(&text(config), &catalogue(), RATE, Socket::Play)
}

/// Sends an event at a frame.
fn at(built: &Built, frame: i64, event: NoteEvent) {
    built.controller.note("keys", event, When::Frame(frame)).unwrap();
}

fn note(built: &Built, id: u32, channel: u8, key: f32, velocity: f32, from: i64, to: i64) {
    at(built, from, NoteEvent::on(0, channel, id, key, velocity));
    at(built, to, NoteEvent::off(0, channel, id));
}

fn seconds(seconds: f64) -> usize {
    (seconds * f64::from(RATE)) as usize
}

/// Notes held for the whole time.
fn chord(config: &str, keys: &[f32], velocity: f32, length: f64) -> [Vec<f32>; 2] {
    let mut built = built(config);
    for (id, key) in keys.iter().enumerate() {
        at(&built, 0, NoteEvent::on(0, 0, id as u32, *key, velocity));
    }
    render_blocks(&mut built, seconds(length), &[512])
}

fn hertz(key: f64) -> f64 {
    440.0 * ((key - 69.0) / 12.0).exp2()
}

/// Cents by which a sound is off a frequency.
fn cents_off(samples: &[f32], hertz: f64) -> f64 {
    measure::cents_off(samples, hertz, f64::from(RATE))
}

#[test]
fn every_program_of_the_shipped_font_is_in_tune() {
    for program in 0..16 {
        let struck = [0, 1, 4, 7, 8, 9, 10, 12, 15].contains(&program);
        // Ensembles wander around the pitch; what is struck stands on it.
        let tolerance = if struck { 1.0 } else { 4.0 };
        let keys: &[f64] = if [8, 11, 15].contains(&program) { &[33.0, 45.0] } else { &[57.0, 64.0, 75.0] };
        for key in keys {
            let config = format!("program: {program}, reverb_level: 0");
            let [left, right] = chord(&config, &[*key as f32], 0.7, 2.6);
            let middle: Vec<f32> = left.iter().zip(&right).map(|(l, r)| l + r).skip(seconds(0.6)).collect();
            let cents = cents_off(&middle, hertz(*key));
            assert!(cents.abs() < tolerance, "program {program}, key {key}: {cents} cents");
        }
    }
}

#[test]
fn tones_have_no_images() {
    // The sub is three sines: whatever else there is comes from interpolation.
    let [left, _] = chord("program: 15, reverb_level: 0", &[62.0], 0.9, 2.0);
    let samples = &left[seconds(0.5)..];
    let clean = amplitude_at(samples, hertz(62.0), f64::from(RATE));
    let residue = |from: f64, to: f64| {
        let count = 400;
        let step = (to - from) / f64::from(count);
        (0..count)
            .map(|i| amplitude_at(&samples[..8192], from + step * f64::from(i), f64::from(RATE)))
            .fold(0.0, f64::max)
    };
    let worst = residue(2_000.0, 22_000.0);
    assert!(worst < clean * 1e-4, "{} dB", 20.0 * (worst / clean).log10());
}

#[test]
fn notes_land_within_the_precision() {
    let onset = |precision: usize, frame: usize| {
        let mut built = built(&format!("program: 10, reverb_level: 0, precision: {precision}"));
        at(&built, frame as i64, NoteEvent::on(0, 0, 1, 72.0, 0.8));
        let [left, _] = render_blocks(&mut built, 8_192, &[333]);
        left.iter().position(|x| *x != 0.0).unwrap()
    };
    for precision in [8, 16, 32] {
        let first = onset(precision, 1024);
        // The mallet takes a millisecond to be heard.
        assert!((1024..1024 + 60).contains(&first), "{first}");
        for late in [1, 7, 8, 13, 31, 32, 45, 63, 64, 1000] {
            let moved = onset(precision, 1024 + late) - first;
            assert_eq!(moved, late - late % precision, "{late} frames later at {precision}");
        }
    }
}

#[test]
fn a_channel_has_its_own_program_and_channel_9_is_like_any_other() {
    let play = |config: &str, channel: u8| {
        let mut built = built(config);
        note(&built, 5, channel, 60.0, 0.7, 100, 20_000);
        render_blocks(&mut built, 30_000, &[512])
    };
    let (piano, harp) = (play("program: 0", 0), play("program: 7", 0));
    assert!(piano != harp && rms(&harp[0]) > 1e-3);
    let mixed = "program: 0, channels: { 3: { program: 7 }, 9: { bank: 0, program: 7 } }";
    assert!(play(mixed, 3) == harp && play(mixed, 9) == harp && play(mixed, 4) == piano);
    assert!(play("program: 7", 9) == harp && play("program: 7", 15) == harp);
}

#[test]
fn the_systems_font_plays_with_its_drums_where_asked() {
    let Ok(entries) = std::fs::read_dir("/usr/share/sounds/sf2") else {
        panic!("install a General MIDI SoundFont (Debian: apt-get install timgm6mb-soundfont)");
    };
    assert!(
        entries.count() > 0,
        "install a General MIDI SoundFont (Debian: apt-get install timgm6mb-soundfont)"
    );
    let play = |config: &str, key: f32| {
        let mut built = built(config);
        note(&built, 5, 9, key, 0.9, 0, 40_000);
        render_blocks(&mut built, 48_000, &[512])[0].clone()
    };
    let piano = play("file: system, reverb_level: 0", 69.0);
    assert!(cents_off(&piano[4_800..40_000], 440.0).abs() < 10.0);
    let drum = play("file: system, reverb_level: 0, channels: { 9: { bank: 128 } }", 38.0);
    // A snare has no pitch and is over soon.
    assert!(rms(&drum[..9_600]) > 30.0 * rms(&drum[30_000..]) && peak(&drum) > 0.02);
}

#[test]
fn fewer_voices_than_notes_let_the_newest_sound() {
    // The bass has one voice a note.
    let keys: Vec<f32> = (0..12).map(|i| 30.0 + 3.0 * i as f32).collect();
    let level = |config: &str, key: f32| {
        let mut built = built(config);
        for (id, key) in keys.iter().enumerate() {
            at(&built, id as i64 * 4_800, NoteEvent::on(0, 0, id as u32, *key, 0.7));
        }
        let [left, _] = render_blocks(&mut built, 4_800 * 12 + 24_000, &[512]);
        amplitude_at(&left[4_800 * 12..], hertz(f64::from(key)), f64::from(RATE))
    };
    let few = "program: 8, voices: 8, reverb_level: 0";
    let many = "program: 8, voices: 64, reverb_level: 0";
    assert!((level(few, keys[11]) / level(many, keys[11]) - 1.0).abs() < 0.1);
    let sounding = keys.iter().filter(|key| level(few, **key) > 0.3 * level(many, **key)).count();
    assert_eq!(sounding, 8);
}

#[test]
fn a_chord_has_the_usual_level_and_programs_differ_little() {
    for program in 0..16 {
        let config = format!("program: {program}, reverb_level: 0");
        let keys =
            if [8, 11, 15].contains(&program) { [36.0, 43.0, 48.0, 52.0] } else { [60.0, 64.0, 67.0, 72.0] };
        let [left, right] = chord(&config, &keys, 0.7, 2.0);
        let both: Vec<f32> = left.into_iter().chain(right).collect();
        let level = level_db(&both);
        assert!((-26.0..-17.0).contains(&level), "program {program}: {level} dBFS");
        assert!(peak(&both) < 0.9, "program {program}: {}", peak(&both));
    }
}

#[test]
fn a_note_ends_when_its_last_holder_lets_go() {
    let mut built = built("program: 5, reverb_level: 0");
    // Two notes on one key: the first to end does not end the other.
    note(&built, 1, 0, 60.0, 0.7, 0, 3 * 48_000);
    note(&built, 2, 0, 60.0, 0.7, 48_000, 2 * 48_000);
    // An off without its on, and an off for a note of another channel, do nothing.
    at(&built, 100_000, NoteEvent::off(0, 0, 77));
    let [left, right] = render_blocks(&mut built, 8 * 48_000, &[512]);
    let level = |from: f64, to: f64| level_db(&left[seconds(from)..seconds(to)]);
    assert!(level(2.2, 2.9) > -45.0, "{}", level(2.2, 2.9));
    assert!(level(5.0, 5.5) < -90.0, "{}", level(5.0, 5.5));
    // Dry, it falls silent to the bit.
    assert!(left[seconds(6.0)..].iter().chain(&right[seconds(6.0)..]).all(|x| *x == 0.0));
}

#[test]
fn the_pedal_holds_notes_and_a_release_of_all_lifts_it() {
    let mut built = built("program: 5, reverb_level: 0");
    let channel = |kind| NoteEvent { offset: 0, channel: 0, id: NoteEvent::CHANNEL, kind };
    at(&built, 0, channel(NoteKind::Sustain(1.0)));
    note(&built, 1, 0, 60.0, 0.7, 10, 24_000);
    at(&built, 4 * 48_000, NoteEvent::release_all(0, 0));
    let [left, _] = render_blocks(&mut built, 8 * 48_000, &[512]);
    assert!(level_db(&left[seconds(3.0)..seconds(3.9)]) > -45.0);
    assert!(left[seconds(6.5)..].iter().all(|x| *x == 0.0));
}

#[test]
fn bends_move_the_pitch_of_their_channel() {
    let mut built = built("program: 15, reverb_level: 0");
    let bend = |id, semitones| NoteEvent { offset: 0, channel: 0, id, kind: NoteKind::Bend(semitones) };
    at(&built, 0, NoteEvent::on(0, 0, 1, 40.4, 0.7));
    at(&built, 1_000, bend(NoteEvent::CHANNEL, 7.0));
    // The only note of its channel bends it too; a stranger does not.
    at(&built, 60_000, bend(1, -2.5));
    at(&built, 60_100, bend(9, 12.0));
    let [left, _] = render_blocks(&mut built, 120_000, &[512]);
    assert!(cents_off(&left[10_000..58_000], hertz(47.0)).abs() < 2.0);
    assert!(cents_off(&left[70_000..118_000], hertz(37.5)).abs() < 2.0);
}

/// A busy half minute's worth of events, within two seconds.
fn busy(config: &str) -> Built {
    let built = built(config);
    for index in 0..80u32 {
        let start = i64::from(index) * 1_111;
        let (channel, key) = ((index % 3) as u8, 40.0 + (index * 7 % 40) as f32);
        note(&built, index, channel, key, 0.3 + 0.008 * index as f32, start, start + 9_000);
    }
    let channel = |kind| NoteEvent { offset: 5, channel: 1, id: NoteEvent::CHANNEL, kind };
    at(&built, 10_000, channel(NoteKind::Sustain(1.0)));
    at(&built, 20_000, channel(NoteKind::Bend(1.3)));
    at(&built, 30_000, channel(NoteKind::Pressure(0.8)));
    at(&built, 40_000, channel(NoteKind::Timbre(0.8)));
    at(&built, 70_000, channel(NoteKind::ReleaseAll));
    built
}

const BUSY: &str = "voices: 32, channels: { 1: { program: 2 }, 2: { program: 7 } }";

#[test]
fn the_samples_do_not_depend_on_blocks_and_return_after_a_reset() {
    let frames = 120_000;
    let mut first = busy(BUSY);
    let reference = render_blocks(&mut first, frames, &[frames]);
    assert!(rms(&reference[0]) > 1e-3);
    for blocks in [&[1usize][..], &[64], &[333], &[4096], &[1, 4095, 63, 65]] {
        assert!(render_blocks(&mut busy(BUSY), frames, blocks) == reference, "{blocks:?}");
    }
    // The same notes after a reset, which forgets all that sounds.
    let mut again = busy(BUSY);
    render_blocks(&mut again, 100_000, &[512]);
    let settings = again.engine.initial_settings();
    again.engine.reset(&Start::beginning(settings));
    let one = |built: &mut Built| {
        note(built, 1, 2, 60.0, 0.7, 64, 20_000);
        render_blocks(built, 40_000, &[512])
    };
    let after = one(&mut again);
    assert!(after == one(&mut built(BUSY)));
}

#[test]
fn playing_keeps_the_audio_threads_promises() {
    let mut built = busy(BUSY);
    let level =
        |level| built.controller.set_param("font", "reverb_level", Amount::Value(level), When::Now).unwrap();
    realtime::take_violations();
    for step in 0..20 {
        level([0.0, 0.5, 0.2][step % 3]);
        for _ in 0..100 {
            built.engine.quantum();
        }
    }
    assert_eq!(realtime::take_violations(), 0);
}

#[test]
fn the_reverb_rings_by_size_dulls_by_damping_and_costs_nothing_at_0() {
    let tail = |config: &str| {
        let mut built = built(&format!("program: 9, {config}"));
        note(&built, 1, 0, 72.0, 0.9, 0, 4_800);
        render_blocks(&mut built, 8 * 48_000, &[512])[0].clone()
    };
    let late = |samples: &[f32]| level_db(&samples[seconds(3.0)..seconds(3.5)]);
    let dry = tail("reverb_level: 0");
    assert!(dry[seconds(6.0)..].iter().all(|x| *x == 0.0));
    let [small, middle, large] = [0.0, 0.5, 1.0].map(|size| late(&tail(&format!("reverb_size: {size}"))));
    assert!(small < middle - 15.0 && middle < large - 10.0, "{small} {middle} {large}");
    // The contract's renderer: size 0.5, damping 0.5, level 0.2.
    let written = tail("reverb_size: 0.5, reverb_damping: 0.5, reverb_level: 0.2");
    assert!(written == tail("reverb_size: 0.5"));
    let treble = |damping: f64| {
        let mut built = built(&format!("program: 12, reverb_damping: {damping}"));
        note(&built, 1, 0, 100.0, 0.9, 0, 4_800);
        late(&render_blocks(&mut built, 4 * 48_000, &[512])[0])
    };
    let [open, middle, dull] = [0.0, 0.5, 1.0].map(treble);
    assert!(open > middle + 1.0 && middle > dull + 1.0, "{open} {middle} {dull}");
}

/// The diagnostics of a preset that is wrong.
fn mistakes(config: &str) -> String {
    let source = Source::new("test.yaml", text(config));
    match Preset::read(&source, &catalogue(), &Places::anywhere()) {
        Ok(_) => panic!("{config} is accepted"),
        Err(mistakes) => mistakes.to_string(),
    }
}

#[test]
fn wrong_configurations_are_explained() {
    for (config, words) in [
        ("program: 99", "the default font has no program 99 in bank 0"),
        ("program: 99", "programs count from 0; it has 0 Felt Piano, 1 Glass Bells"),
        ("bank: 5", "the default font has no bank 5"),
        ("channels: { 2: { program: 44 } }", "channel 2: the default font has no program 44 in bank 0"),
        ("channels: { 16: { program: 4 } }", "channels count from 0 to 15"),
        ("channels: { 1: { programme: 4 } }", "unknown field `programme`"),
        ("program: 128", "a program is a number from 0 to 127"),
        ("precision: 10", "notes land within 8, 16 or 32 frames"),
        ("voices: 1000", "there can be 8 to 256 voices"),
        ("reverb_size: 2", "a room's size is between 0 and 1"),
        ("file: no/such.sf2", "there is no file `no/such.sf2`"),
        ("file: no/such.sf2", "`system` the machine's General MIDI font"),
    ] {
        let mistakes = mistakes(config);
        assert!(mistakes.contains(words), "{config}: {mistakes}");
    }
}

/// A file that is removed at the end.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("auralis-soundfont-{}-{name}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn broken_files_are_refused_in_words() {
    let shipped = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../soundfonts/auralis.sf2")).unwrap();
    let mut compressed = shipped.clone();
    let smpl = shipped.windows(4).position(|w| w == b"smpl").unwrap();
    compressed[smpl + 8..smpl + 12].copy_from_slice(b"OggS");
    let mut huge = shipped.clone();
    huge[smpl + 4..smpl + 8].copy_from_slice(&u32::MAX.to_le_bytes());
    for (name, bytes, words) in [
        ("empty.sf2", &b""[..], "is no SoundFont"),
        ("text.sf2", b"this is a text and no SoundFont at all", "is no SoundFont"),
        ("wave.sf2", b"RIFF\x10\0\0\0WAVEfmt \0\0\0\0\0\0\0\0", "is no SoundFont"),
        ("short.sf2", &shipped[..5_000_000], "is cut off"),
        ("end.sf2", &shipped[..shipped.len() - 1000], "is cut off"),
        ("ogg.sf2", &compressed, "is compressed (SF3)"),
        ("huge.sf2", &huge, "is cut off: its chunk `smpl` should have 4294967295 bytes"),
    ] {
        let file = Temporary::new(name, bytes);
        let mistakes = mistakes(&format!("file: {}", file.0.display()));
        assert!(mistakes.contains(words) && mistakes.contains(name), "{name}: {mistakes}");
    }
}

#[test]
fn a_font_plays_from_a_file_as_it_does_from_the_program() {
    let file = Temporary::new("copy.sf2", include_bytes!("../../soundfonts/auralis.sf2"));
    let config = |file: &str| format!("file: {file}, program: 10, reverb_level: 0");
    let own = chord(&config("default"), &[60.0], 0.7, 1.0);
    let copy = chord(&config(&file.0.display().to_string()), &[60.0], 0.7, 1.0);
    // The shipped one is oversampled: the same but for its images.
    let rest: Vec<f32> = own[0].iter().zip(&copy[0]).map(|(a, b)| a - b).collect();
    assert!(level_db(&rest) < level_db(&own[0]) - 35.0, "{}", level_db(&rest) - level_db(&own[0]));
}

#[test]
fn a_font_that_is_written_anew_is_taken_by_an_edit_to_the_same_text() {
    let font = std::env::temp_dir().join(format!("auralis-{}-anew.sf2", std::process::id()));
    let shipped = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../soundfonts/auralis.sf2")).unwrap();
    std::fs::write(&font, &shipped).unwrap();
    let config = format!("file: {}", font.display());
    let mut built = built(&config);
    let preset = auralis_graph::testing::read(&text(&config), &catalogue());
    let mut prepared = || {
        let (settings, none) = (preset.settings(), Default::default());
        let places = auralis_graph::places::Places::anywhere();
        let edited = built.editor.edit(&preset, &catalogue(), settings, places, &none);
        edited.unwrap_or_else(|error| panic!("{error}")).prepared
    };
    let same = prepared();
    std::fs::write(&font, &shipped).unwrap();
    let anew = prepared();
    std::fs::remove_file(&font).unwrap();
    assert_eq!((same.len(), anew.len()), (0, 1), "{same:?}, {anew:?}");
}
