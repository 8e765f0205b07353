//! Hostile and broken fonts, and fonts that are shared.

use super::config::SoundfontConfig;
use super::font::{Font, Source, load};
use super::player::Player;
use auralis_graph::places::{Asset, Embedded, Places};
use auralis_soundfonts::sf2::{self, Generator, Program, Sample, Zone};
use proptest::prelude::*;
use rustysynth::SoundFont;
use std::io::Cursor;
use std::sync::Arc;

/// A small font that uses what fonts use: loops, offsets, layers, two programs, a bank of drums.
fn small_font() -> Vec<u8> {
    let wave = |length: usize| (0..length).map(|i| ((i * 3_000) % 40_000) as i16).collect();
    let sample = |name: &str, length, cycle| Sample {
        name: name.into(),
        frames: wave(length),
        rate: 22_050,
        key: 60,
        cycle,
    };
    let zone = |sample, generators: &[(Generator, i16)]| Zone { sample, generators: generators.to_vec() };
    let program = |name: &str, bank, program, zones| Program { name: name.into(), bank, program, zones };
    sf2::Font {
        info: Vec::new(),
        samples: vec![sample("a", 300, Some(50..250)), sample("b", 120, None), sample("c", 90, Some(10..42))],
        programs: vec![
            program(
                "one",
                0,
                0,
                vec![
                    zone(
                        0,
                        &[
                            (Generator::KeyRange, 0x4000),
                            (Generator::FilterCutoff, 9_000),
                            (Generator::Pan, -200),
                        ],
                    ),
                    zone(
                        2,
                        &[
                            (Generator::KeyRange, 0x7f41),
                            (Generator::ModLfoToFilter, 900),
                            (Generator::StartOffset, 20),
                        ],
                    ),
                    zone(
                        1,
                        &[
                            (Generator::VelocityRange, 0x7f40),
                            (Generator::Attenuation, 100),
                            (Generator::FineTune, 30),
                        ],
                    ),
                ],
            ),
            program(
                "two",
                0,
                1,
                vec![zone(2, &[(Generator::VibratoLfoToPitch, 50), (Generator::FilterQ, 100)])],
            ),
            program("drums", 128, 0, vec![zone(1, &[(Generator::Release, 2_000)])]),
        ],
    }
    .bytes()
}

/// Plays every program of a font at the ends and the middle of its keys. Returns the loudest sample.
fn play_all(sound: SoundFont) -> f32 {
    let font = Arc::new(Font { sound: Arc::new(sound), name: "a font".into() });
    let programs: Vec<(i64, i64)> = font
        .sound
        .get_presets()
        .iter()
        .map(|preset| (i64::from(preset.get_bank_number()), i64::from(preset.get_patch_number())))
        .filter(|(bank, program)| (0..=16_383).contains(bank) && (0..=127).contains(program))
        .collect();
    let mut loudest = 0.0f32;
    for (bank, program) in programs {
        let config = SoundfontConfig { bank, program, ..SoundfontConfig::default() };
        let mut player = Player::new(Arc::clone(&font), &config, None, 48_000).unwrap();
        loudest = loudest.max(player.trial());
    }
    loudest
}

#[test]
fn the_small_font_plays() {
    let loudest = play_all(load(Cursor::new(small_font())).unwrap());
    assert!((0.05..10.0).contains(&loudest), "{loudest}");
}

#[test]
fn a_scale_of_octaves_for_semitones_stays_within_the_samples() {
    let mut bytes = small_font();
    // Generator 52, 30 cents of fine tuning, becomes generator 56, 1200 cents for each key.
    let tuned = bytes.windows(4).position(|w| w == [52, 0, 30, 0]).unwrap();
    bytes[tuned..tuned + 4].copy_from_slice(&[56, 0, 0xb0, 0x04]);
    assert!(play_all(load(Cursor::new(bytes)).unwrap()).is_finite());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_font_however_mutilated_panics_or_sounds_without_end(
        places in prop::collection::vec((0.0..1.0f64, any::<u8>()), 1..12),
        words in prop::collection::vec((0.0..1.0f64, prop::sample::select(vec![0u16, 1, 0x7fff, 0x8000, 0xffff, 60, 53, 41])), 0..4),
        cut in prop::option::weighted(0.1, 0.0..1.0f64),
        tables_only in any::<bool>(),
    ) {
        let mut bytes = small_font();
        // Most of what can be broken lies in the tables.
        let from = if tables_only { bytes.windows(4).position(|w| w == b"pdta").unwrap() } else { 0 };
        let place = |part: f64, length: usize| from + ((length - from - 2) as f64 * part) as usize;
        for (part, byte) in places {
            let at = place(part, bytes.len());
            bytes[at] = byte;
        }
        for (part, word) in words {
            let at = place(part, bytes.len()) & !1;
            bytes[at..at + 2].copy_from_slice(&word.to_le_bytes());
        }
        if let Some(part) = cut {
            bytes.truncate((bytes.len() as f64 * part) as usize);
        }
        if let Ok(sound) = load(Cursor::new(bytes)) {
            let loudest = play_all(sound);
            prop_assert!(loudest.is_finite(), "{loudest}");
        }
    }
}

#[test]
fn garbage_after_a_good_start_is_refused() {
    let mut chance = auralis_graph::chance::Chance::new(4);
    for length in [0, 1, 4, 11, 12, 20, 100, 5_000] {
        let mut bytes = b"RIFF\0\0\0\0sfbkLIST".to_vec();
        bytes.truncate(length);
        bytes.extend((bytes.len()..length).map(|_| chance.bits() as u8));
        if length >= 8 {
            bytes[4..8].copy_from_slice(&(length as u32 - 8).to_le_bytes());
        }
        assert!(load(Cursor::new(bytes)).is_err(), "{length}");
    }
}

#[test]
fn a_font_that_starts_hundreds_of_voices_for_a_note_is_refused() {
    let zone = Zone { sample: 0, generators: Vec::new() };
    let font = sf2::Font {
        samples: vec![Sample {
            name: "a".into(),
            frames: vec![1_000; 100],
            rate: 22_050,
            key: 60,
            cycle: None,
        }],
        programs: vec![Program { name: "wall".into(), bank: 0, program: 0, zones: vec![zone; 200] }],
        ..sf2::Font::default()
    };
    let error = load(Cursor::new(font.bytes())).unwrap_err().to_string();
    assert_eq!(error, "starts more than 128 voices for one note of `wall`");
}

#[test]
fn one_copy_is_shared_and_let_go() {
    let source = Source::find("default", &Places::anywhere()).unwrap();
    let (a, b) = (source.load().unwrap(), source.load().unwrap());
    assert!(Arc::ptr_eq(&a, &b) && Arc::ptr_eq(&a.sound, &b.sound));
    let folder = auralis_graph::testing::folder();
    let path = folder.join("small.sf2");
    std::fs::write(&path, small_font()).unwrap();
    let file = |path| Source::Asset(Asset::File(path)).load().unwrap();
    let direct = file(path.clone());
    // The same file by another way, then in another state.
    let around = file(folder.join("../").join(folder.file_name().unwrap()).join("small.sf2"));
    assert!(Arc::ptr_eq(&direct, &around));
    std::fs::write(&path, [small_font(), vec![0; 2]].concat()).unwrap();
    let anew = file(path.clone());
    assert!(!Arc::ptr_eq(&direct, &anew));
    // The same bytes under whatever name; equal bytes elsewhere are another file.
    let (bytes, twin): (&'static [u8], &'static [u8]) = (small_font().leak(), small_font().leak());
    let within = |name, bytes| Source::Asset(Asset::Embedded(Embedded { name, bytes })).load().unwrap();
    let embedded = within("a.sf2", bytes);
    assert!(Arc::ptr_eq(&embedded, &within("b.sf2", bytes)));
    assert!(!Arc::ptr_eq(&embedded, &within("a.sf2", twin)) && !Arc::ptr_eq(&embedded, &anew));
    let weak = Arc::downgrade(&anew);
    drop(anew);
    assert!(weak.upgrade().is_none());
}

#[test]
fn the_systems_font_is_asked_for_in_words_that_help() {
    // Where there is none: this only reads, so the environment of other tests stays as it is.
    let Err(error) = super::font::first_font(&["/nowhere/sf2", "/nowhere/soundfonts"]) else {
        unreachable!()
    };
    assert!(error.message.contains("/nowhere/sf2 or /nowhere/soundfonts"), "{}", error.message);
    let help = error.help.unwrap();
    assert!(
        help.contains("fluid-soundfont-gm")
            && help.contains("timgm6mb-soundfont")
            && help.contains("AURALIS_SOUNDFONT")
    );
}
