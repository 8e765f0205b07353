//! The default SoundFont, measured: it is what the recipe makes, complete, in tune, seamless and balanced.

use auralis_graph::testing::measure::{peak, rms, sharpest};
use auralis_soundfonts::font;
use auralis_soundfonts::sf2::Font;
use auralis_soundfonts::wave::{BEYOND, key_hertz};
use ebur128::{EbuR128, Mode};
use rustysynth::{SoundFont, Synthesizer, SynthesizerSettings};
use std::sync::{Arc, LazyLock};

const COMMITTED: &[u8] = include_bytes!("../auralis.sf2");
const RATE: u32 = 48_000;

static FONT: LazyLock<Font> = LazyLock::new(font);
static LOADED: LazyLock<Arc<SoundFont>> =
    LazyLock::new(|| Arc::new(SoundFont::new(&mut &COMMITTED[..]).expect("the committed font loads")));

fn play(program: u16, keys: &[i32], velocity: i32, seconds: f64) -> [Vec<f32>; 2] {
    let mut settings = SynthesizerSettings::new(RATE as i32);
    settings.enable_reverb_and_chorus = false;
    let mut synthesizer = Synthesizer::new(&LOADED, &settings).unwrap();
    synthesizer.process_midi_message(0, 0xC0, i32::from(program), 0);
    keys.iter().for_each(|key| synthesizer.note_on(0, *key, velocity));
    let frames = (seconds * f64::from(RATE)) as usize;
    let (mut left, mut right) = (vec![0.0; frames], vec![0.0; frames]);
    synthesizer.render(&mut left, &mut right);
    [left, right]
}

fn named(name: &str) -> u16 {
    FONT.programs.iter().find(|program| program.name == name).expect(name).program
}

#[test]
fn the_committed_font_is_what_the_recipe_makes_and_small() {
    assert!(FONT.bytes() == COMMITTED, "run `cargo xtask soundfont` and commit soundfonts/auralis.sf2");
    assert!(COMMITTED.len() < 8_000_000, "{} bytes", COMMITTED.len());
}

#[test]
fn the_samplers_own_sound_is_what_the_recipe_makes() {
    let committed = include_bytes!("../../nodes/assets/glass.wav");
    assert!(
        auralis_soundfonts::tone::wav() == committed,
        "run `cargo xtask soundfont` and commit nodes/assets/glass.wav"
    );
}

#[test]
fn programs_count_from_0_and_answer_every_key_and_velocity() {
    assert!(FONT.programs.len() >= 10);
    for (number, program) in FONT.programs.iter().enumerate() {
        assert_eq!((program.bank, usize::from(program.program)), (0, number));
    }
    for preset in LOADED.get_presets() {
        let instrument = &LOADED.get_instruments()[preset.get_regions()[0].get_instrument_id()];
        for key in 0..128 {
            for velocity in 1..128 {
                let voices = instrument.get_regions().iter().filter(|region| region.contains(key, velocity));
                let voices = voices.count();
                assert!((1..=3).contains(&voices), "{}: {voices} at {key} {velocity}", preset.get_name());
            }
        }
    }
}

#[test]
fn keys_are_sampled_at_least_every_six_semitones() {
    for program in &FONT.programs {
        let mut keys: Vec<u8> =
            program.zones.iter().map(|zone| &FONT.samples[zone.sample]).map(|s| s.key).collect();
        keys.sort_unstable();
        keys.dedup();
        assert!(keys.windows(2).all(|pair| pair[1] - pair[0] <= 6), "{}: {keys:?}", program.name);
    }
}

#[test]
fn samples_fill_16_bits_without_dc_and_end_in_silence_or_a_cycle() {
    for sample in &FONT.samples {
        let frames: Vec<f32> = sample.frames.iter().map(|frame| f32::from(*frame) / 32_768.0).collect();
        assert!((0.95..0.99).contains(&peak(&frames)), "{}: {}", sample.name, peak(&frames));
        let (start, end) = sample.cycle.clone().map_or((0, frames.len()), |cycle| (cycle.start, cycle.end));
        let part = &frames[start..end];
        let mean = part.iter().map(|x| f64::from(*x)).sum::<f64>() / part.len() as f64;
        assert!(mean.abs() < 5e-4, "{}: DC of {mean}", sample.name);
        if sample.cycle.is_none() {
            assert!(frames.last().unwrap().abs() < 1e-3, "{} is cut off", sample.name);
        }
    }
}

#[test]
fn cycles_have_no_seam_and_hold_whole_periods() {
    for sample in FONT.samples.iter().filter(|sample| sample.cycle.is_some()) {
        let cycle = sample.cycle.clone().unwrap();
        let length = cycle.end - cycle.start;
        // What follows the cycle is its beginning, to the rounding of 16 bits.
        for frame in 0..BEYOND {
            let apart =
                i32::from(sample.frames[cycle.end + frame]) - i32::from(sample.frames[cycle.start + frame]);
            assert!(apart.abs() <= 1, "{}: {apart} at {frame}", sample.name);
        }
        let looped: Vec<f32> =
            (0..3 * length).map(|i| f32::from(sample.frames[cycle.start + i % length])).collect();
        let seam = sharpest(&looped[length - 2..length + 2]).1;
        let elsewhere = sharpest(&looped[..length]).1;
        assert!(seam <= elsewhere, "{}: {seam} at the seam, {elsewhere} elsewhere", sample.name);
        let hertz = key_hertz(f64::from(sample.key));
        let periods = (hertz * length as f64 / f64::from(sample.rate)).round();
        let cents = 1200.0 * (periods * f64::from(sample.rate) / length as f64 / hertz).log2();
        assert!(cents.abs() < 0.5, "{}: {cents} cents", sample.name);
    }
}

#[test]
fn struck_instruments_open_their_spectrum_with_velocity_and_grow_louder() {
    for name in
        ["Felt Piano", "Glass Bells", "Tine Piano", "Harp", "Bass", "Kalimba", "Vibraphone", "Celesta"]
    {
        for key in [48, 60, 72] {
            // Treble: the second difference raises a spectrum by 12 dB an octave.
            let treble = |velocity| {
                let [left, _] = play(named(name), &[key], velocity, 0.35);
                let bent: Vec<f32> = left.windows(3).map(|w| w[0] - 2.0 * w[1] + w[2]).collect();
                (rms(&bent) / rms(&left), rms(&left))
            };
            let ((soft, quiet), (hard, loud)) = (treble(30), treble(120));
            let brighter = 20.0 * (hard / soft).log10();
            assert!(brighter > 2.0, "{name} {key}: {brighter} dB more treble");
            let decibels = 20.0 * (loud / quiet).log10();
            assert!((18.0..32.0).contains(&decibels), "{name} {key}: {decibels} dB");
        }
    }
}

#[test]
fn programs_are_equally_loud() {
    let loudness = |program: u16, keys: &[i32]| {
        let [left, right] = play(program, keys, 90, 3.0);
        let mut meter = EbuR128::new(2, RATE, Mode::I).unwrap();
        meter.add_frames_planar_f32(&[&left, &right]).unwrap();
        meter.loudness_global().unwrap()
    };
    let all: Vec<(f64, &str)> = FONT
        .programs
        .iter()
        .map(|program| {
            let low = ["Bass", "Drone", "Sub"].contains(&program.name.as_str());
            let keys: &[i32] = if low { &[36, 43, 48, 52] } else { &[60, 64, 67, 72] };
            (loudness(program.program, keys), program.name.as_str())
        })
        .collect();
    let mean = all.iter().map(|(lufs, _)| lufs).sum::<f64>() / all.len() as f64;
    for (lufs, name) in all {
        assert!((lufs - mean).abs() < 2.5, "{name} is at {lufs:.1} LUFS, the mean is {mean:.1}");
    }
}
