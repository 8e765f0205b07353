//! The sampler's parts: what its decoder is given, and its loops.

use super::config::{DEFAULT, Loop, SamplerConfig, Word};
use super::decode::{self, Recording};
use super::kernel::kernel;
use super::sound::{Cycle, Place, Sound};
use crate::audio_file::{AudioFile, Container, Depth, Format};
use auralis_graph::places::Asset;
use auralis_graph::places::Places;
use proptest::prelude::*;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;

/// A place for files that is emptied at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("auralis-sampler-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        std::fs::File::create(&path).unwrap().write_all(bytes).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A chunk of a RIFF file.
fn chunk(id: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [id.as_slice(), &(body.len() as u32).to_le_bytes(), body].concat()
}

/// A WAV file of a format tag and width in bits.
fn wav(tag: u16, channels: u16, rate: u32, bits: u16, data: &[u8]) -> Vec<u8> {
    let block = channels * bits / 8;
    let mut format = Vec::new();
    format.extend(tag.to_le_bytes());
    format.extend(channels.to_le_bytes());
    format.extend(rate.to_le_bytes());
    format.extend((rate * u32::from(block)).to_le_bytes());
    format.extend(block.to_le_bytes());
    format.extend(bits.to_le_bytes());
    chunk(b"RIFF", &[b"WAVE".as_slice(), &chunk(b"fmt ", &format), &chunk(b"data", data)].concat())
}

/// CRC of FLAC frames: most significant bit first.
fn crc(bytes: &[u8], polynomial: u32, width: u32) -> u32 {
    let top = 1 << (width - 1);
    bytes.iter().fold(0, |crc, byte| {
        (0..8).fold(crc ^ (u32::from(*byte) << (width - 8)), |crc, _| {
            let shifted = (crc << 1) & ((top << 1) - 1);
            if crc & top != 0 { shifted ^ polynomial } else { shifted }
        })
    })
}

/// A FLAC file of one stereo frame of 16 bits, stored as it is (RFC 9639).
fn flac(left: &[i16], right: &[i16], rate: u32) -> Vec<u8> {
    let length = left.len() as u16;
    let mut info = Vec::new();
    info.extend(length.to_be_bytes());
    info.extend(length.to_be_bytes());
    info.extend([0; 6]);
    // 20 bits of rate, 3 of channels less one, 5 of bits less one, 36 of frames.
    let packed = (u64::from(rate) << 44) | (1 << 41) | (15 << 36) | u64::from(length);
    info.extend(packed.to_be_bytes());
    info.extend([0; 16]);
    let mut file = b"fLaC\x80\0\0\x22".to_vec();
    file.extend(info);
    // Fixed blocks; the length in 16 bits, the rate from the header; two channels; 16 bits; frame 0.
    let mut frame = vec![0xff, 0xf8, 0x70, 0x18, 0];
    frame.extend((length - 1).to_be_bytes());
    frame.push(crc(&frame, 0x07, 8) as u8);
    for channel in [left, right] {
        frame.push(0x02);
        frame.extend(channel.iter().flat_map(|sample| sample.to_be_bytes()));
    }
    frame.extend((crc(&frame, 0x8005, 16) as u16).to_be_bytes());
    file.extend(frame);
    file
}

fn sine(frames: usize, cycles: f64) -> Vec<f32> {
    (0..frames).map(|i| (0.5 * (std::f64::consts::TAU * cycles * i as f64).sin()) as f32).collect()
}

#[test]
fn every_kind_of_wav_and_flac_decodes_to_the_same_sound() {
    let folder = Folder::new("kinds");
    let wave = sine(500, 0.01);
    let ints = |scale: f32, bytes: usize| -> Vec<u8> {
        wave.iter().flat_map(|x| ((x * scale).round() as i32).to_le_bytes()[..bytes].to_vec()).collect()
    };
    let eight: Vec<u8> = wave.iter().map(|x| ((x * 127.0).round() + 128.0) as u8).collect();
    let floats: Vec<u8> = wave.iter().flat_map(|x| x.to_le_bytes()).collect();
    let doubles: Vec<u8> = wave.iter().flat_map(|x| f64::from(*x).to_le_bytes()).collect();
    let short: Vec<i16> = wave.iter().map(|x| (x * 32_767.0).round() as i16).collect();
    for (name, bytes, error) in [
        ("8.wav", wav(1, 1, 44_100, 8, &eight), 1e-2),
        ("16.wav", wav(1, 1, 44_100, 16, &ints(32_767.0, 2)), 1e-4),
        ("24.wav", wav(1, 1, 44_100, 24, &ints(8_388_607.0, 3)), 1e-6),
        ("32.wav", wav(1, 1, 44_100, 32, &ints(2_147_483_520.0, 4)), 1e-6),
        ("f32.wav", wav(3, 1, 44_100, 32, &floats), 1e-7),
        ("f64.wav", wav(3, 1, 44_100, 64, &doubles), 1e-7),
        ("16.flac", flac(&short, &short, 44_100), 1e-4),
    ] {
        let recording = decode::file(&Asset::File(folder.file(name, &bytes)))
            .unwrap_or_else(|refusal| panic!("{name} {refusal}"));
        assert_eq!((recording.rate, recording.channels[0].len()), (44_100, 500), "{name}");
        let worst = recording.channels[0].iter().zip(&wave).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(worst < error, "{name}: {worst}");
    }
}

#[test]
fn what_was_rendered_to_a_file_can_be_played() {
    let folder = Folder::new("rendered");
    let waves = [sine(20_000, 0.0123), sine(20_000, 0.0371)];
    let interleaved: Vec<f32> = (0..20_000).flat_map(|i| [waves[0][i], waves[1][i]]).collect();
    for (name, depth, error) in [
        ("24.flac", Depth::Int24, 1e-6),
        ("16.flac", Depth::Int16, 1e-4),
        ("24.wav", Depth::Int24, 1e-6),
        ("float.wav", Depth::Float32, 0.0),
    ] {
        let path = folder.0.join(name);
        let format = Format { sample_rate: 96_000, channels: 2, depth };
        let mut file = AudioFile::create(&path, Container::of(&path).unwrap(), format).unwrap();
        file.write(&interleaved).unwrap();
        file.finish().unwrap();
        assert_eq!(
            decode::header(&Asset::File(path.clone())),
            Ok(decode::Header { rate: 96_000, frames: Some(20_000) }),
            "{name}"
        );
        let recording = decode::file(&Asset::File(path)).unwrap();
        for (there, wave) in recording.channels.iter().zip(&waves) {
            assert_eq!(there.len(), wave.len(), "{name}");
            let worst = there.iter().zip(wave).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
            assert!(worst <= error, "{name}: {worst}");
        }
    }
}

#[test]
fn stereo_keeps_its_sides() {
    let folder = Folder::new("stereo");
    let path = folder.file("a.flac", &flac(&[1_000; 64], &[-2_000; 64], 48_000));
    let recording = decode::file(&Asset::File(path)).unwrap();
    assert!(recording.channels[0].iter().all(|x| (x * 32_768.0 - 1_000.0).abs() < 1.0));
    assert!(recording.channels[1].iter().all(|x| (x * 32_768.0 + 2_000.0).abs() < 1.0));
}

#[test]
fn broken_files_are_refused_in_words() {
    let folder = Folder::new("broken");
    let good = flac(&[1_000; 64], &[-2_000; 64], 48_000);
    let mut flipped = good.clone();
    flipped[100] ^= 0xff;
    let data = [0u8; 64];
    for (name, bytes, words) in [
        ("empty.wav", Vec::new(), "is neither WAV nor FLAC"),
        ("text.wav", b"this is a text, and no sound is in it at all".to_vec(), "is neither WAV nor FLAC"),
        ("short.flac", good[..good.len() - 30].to_vec(), "is cut off"),
        ("flipped.flac", flipped, "is cut off or damaged"),
        ("many.wav", wav(1, 6, 44_100, 16, &data), "has 6 channels; mono and stereo can be played"),
        ("slow.wav", wav(1, 1, 100, 16, &data), "has 100 frames a second; 4000 to 384000 can be played"),
        ("law.wav", wav(0x55, 1, 44_100, 16, &data), "is of a kind that cannot be played"),
        ("silent.wav", wav(1, 1, 44_100, 16, &[]), "has no sound in it"),
    ] {
        let refusal = decode::file(&Asset::File(folder.file(name, &bytes))).unwrap_err();
        assert!(refusal.contains(words), "{name} {refusal}");
    }
    assert!(decode::file(&Asset::File(folder.0.join("none.wav"))).unwrap_err().contains("cannot be read"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_file_however_mutilated_panics_or_fills_the_memory(
        flaky in any::<bool>(),
        bytes in prop::collection::vec((0.0..1.0f64, any::<u8>()), 1..10),
        cut in prop::option::weighted(0.2, 0.0..1.0f64),
        head in any::<bool>(),
    ) {
        let wave: Vec<i16> = (0..300).map(|i| (i * 97) as i16).collect();
        let mut file = if flaky {
            flac(&wave, &wave, 44_100)
        } else {
            let data: Vec<u8> = wave.iter().flat_map(|x| x.to_le_bytes()).collect();
            wav(1, 2, 44_100, 16, &data)
        };
        let length = if head { 60 } else { file.len() };
        for (place, byte) in bytes {
            file[(place * length as f64) as usize] = byte;
        }
        if let Some(cut) = cut {
            file.truncate((cut * file.len() as f64) as usize);
        }
        if let Ok(recording) = decode::bytes(file) {
            // A FLAC frame may say much with few bytes, but not minutes.
            prop_assert!(recording.channels[0].len() <= 1 << 20);
            prop_assert!(recording.channels.iter().flatten().all(|x| x.is_finite()));
        }
    }
}

/// Reads a sound on and on.
fn read(sound: &Sound, speed: f64, frames: usize) -> Vec<f32> {
    let mut place = Place::START;
    (0..frames).map_while(|_| sound.read(&mut place, speed, kernel(speed)).map(|(left, _)| left)).collect()
}

#[test]
fn a_loop_of_whole_periods_goes_on_as_if_it_were_endless() {
    let wave = sine(1_000, 0.02);
    let recording = Recording { channels: vec![wave.clone()], rate: 48_000 };
    let sound = Sound::new(&recording, Some(Cycle { start: 200, end: 950, fade: 0 }));
    for speed in [0.5, 1.0, 1.37, 3.1] {
        let heard = read(&sound, speed, 6_000);
        assert_eq!(heard.len(), 6_000);
        for (index, sample) in heard.iter().enumerate().skip(400) {
            let exact = 0.5 * (std::f64::consts::TAU * 0.02 * index as f64 * speed).sin();
            assert!((f64::from(*sample) - exact).abs() < 1e-3, "{speed}: {sample} for {exact} at {index}");
        }
    }
}

#[test]
fn a_crossfade_mends_a_loop_that_does_not_fit() {
    // 0.0213 cycles a frame: no loop of 700 frames holds whole periods.
    let recording = Recording { channels: vec![sine(2_000, 0.0213)], rate: 48_000 };
    let sharpest = |fade| {
        let sound = Sound::new(&recording, Some(Cycle { start: 600, end: 1_310, fade }));
        let heard = read(&sound, 1.0, 6_000);
        auralis_graph::testing::measure::sharpest(&heard[1_000..]).1
    };
    let (hard, soft) = (sharpest(0), sharpest(300));
    assert!(hard > 0.05 && soft < 0.012, "{hard} {soft}");
}

#[test]
fn a_file_that_stops_while_it_sounds_is_faded_and_the_shipped_one_loops() {
    let recording = Recording { channels: vec![vec![0.5; 3_000]], rate: 48_000 };
    let heard = read(&Sound::new(&recording, None), 1.0, 10_000);
    assert_eq!(heard.len(), 3_000);
    assert!(auralis_graph::testing::measure::sharpest(&heard[100..]).1 < 0.01);
    let glass = decode::bytes(DEFAULT).unwrap();
    let frames = glass.channels[0].len();
    let sound = Sound::new(&glass, Some(Cycle { start: 0, end: frames, fade: 0 }));
    let heard = read(&sound, 1.0, 2 * frames);
    let seam = auralis_graph::testing::measure::sharpest(&heard[frames - 400..frames + 400]).1;
    let elsewhere = auralis_graph::testing::measure::sharpest(&heard[frames / 2..frames - 400]).1;
    assert!(seam <= elsewhere, "{seam} {elsewhere}");
}

#[test]
fn a_recording_is_kept_once_for_all_who_play_it_alike_and_read_anew_when_it_changed() {
    let folder = Folder::new("shared");
    let place = |seconds: usize| {
        let path = folder.file("a.wav", &wav(1, 1, 8_000, 16, &vec![7; 16_000 * seconds]));
        SamplerConfig { file: path.display().to_string(), ..SamplerConfig::default() }
    };
    let config = place(1);
    let places = Places::anywhere();
    let (first, second) = (config.sound(&places).unwrap(), config.sound(&places).unwrap());
    assert!(Arc::ptr_eq(&first, &second));
    let looped = SamplerConfig { cycle: Loop::Word(Word::Whole), ..config.clone() };
    assert!(!Arc::ptr_eq(&first, &looped.sound(&places).unwrap()));
    assert_eq!((first.seconds(), place(2).sound(&places).unwrap().seconds()), (1.0, 2.0));
}
