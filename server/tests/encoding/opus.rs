//! How near what one hears of an Opus stream is to its source, beside libopus at the same bitrate.

use super::ears::{self, Sound};
use auralis::encoding::EncodingError;
use auralis::encoding::ogg::OpusPages;
use auralis::encoding::opus::OpusEncoder;

/// An encoder's stream, decoded by ffmpeg, and beside it the source at 48 kHz that it should be.
fn heard(source: &[i16], bitrate: u32) -> (Sound, usize) {
    let mut encoder = OpusEncoder::new(48_000, 4_800, bitrate).unwrap();
    let mut pages = OpusPages::new(1, &encoder, 0);
    let mut stream = pages.head().header(&[]);
    for pcm in source.chunks_exact(9_600) {
        stream.extend(pages.page(encoder.encode(pcm).unwrap()));
    }
    (ears::ffmpeg(&stream, 48_000), stream.len())
}

/// Eight seconds of a preset that ships.
fn preset() -> Sound {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("preset.wav");
    let path = file.to_str().unwrap();
    let length = ["--from", "20s", "--length", "8s", "--rate", "48000", "--bits", "16"];
    let done = std::process::Command::new(env!("CARGO_BIN_EXE_auralis"))
        .args(["render", "night_drift", "-o", path])
        .args(length)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    hound::WavReader::open(&file).unwrap().into_samples().map(Result::unwrap).collect()
}

/// Tones that begin twice a second, and fade.
fn attacks() -> Sound {
    let tones = ears::tones(48_000, 8.0, &[(880.0, 0.3), (1_320.0, 0.2), (5_000.0, 0.1)]);
    let fading = |i: usize, x: i16| (f64::from(x) * (-((i / 2 % 24_000) as f64) / 2_000.0).exp()) as i16;
    tones.iter().enumerate().map(|(i, x)| fading(i, *x)).collect()
}

#[test]
fn it_is_as_near_to_its_source_as_libopus_is() {
    let chord: Vec<(f64, f64)> = [220.0, 261.63, 329.63, 392.0]
        .iter()
        .flat_map(|hz| (1..8).map(move |k| (hz * f64::from(k), 0.1 / f64::from(k))))
        .collect();
    let sounds = [
        ("a tone", ears::tones(48_000, 8.0, &[(440.0, 0.5)])),
        ("a chord", ears::tones(48_000, 8.0, &chord)),
        ("noise", ears::noise(48_000, 8.0, 0.2)),
        ("attacks", attacks()),
        ("a preset", preset()),
    ];
    for bitrate in [64_000, 128_000, 256_000] {
        for (name, source) in &sounds {
            let (ours, bytes) = heard(source, bitrate);
            let theirs = ears::ffmpeg(&ears::libopus(source, bitrate), 48_000);
            // Ours leaves out 3,840 frames while the decoder settles, of which the encoder's delay is a part.
            let (from, length) = (2 * (3_840 - 120), ours.len().min(2 * 48_000 * 7));
            let near = ears::nearness(&source[from..from + length], &ours[..length]);
            let libopus = ears::nearness(&source[from..from + length], &theirs[from..from + length]);
            let loud = ears::louder(&source[from..from + length], &ours[..length]);
            eprintln!("{name} at {bitrate}: {near:.1} dB, libopus {libopus:.1} dB, level {loud:+.2} dB");
            assert!(near > libopus - 1.5, "{name} at {bitrate}: {near:.1} dB, libopus {libopus:.1} dB");
            let theirs_loud = ears::louder(&source[from..from + length], &theirs[from..from + length]);
            assert!(
                (loud - theirs_loud).abs() < 0.3,
                "{name} at {bitrate}: {loud:+.2} dB, libopus {theirs_loud:+.2}"
            );
            let rate = bytes as f64 * 8.0 / (source.len() as f64 / 96_000.0);
            // Ten pages a second take 30 to 40 bytes each besides.
            assert!(rate < 1.02 * f64::from(bitrate) + 3_500.0, "{name} at {bitrate}: {rate:.0} bit/s");
        }
    }
}

#[test]
fn silence_costs_next_to_nothing_and_stays_silent() {
    let (ours, bytes) = heard(&vec![0; 8 * 96_000], 128_000);
    assert!(ours.iter().all(|x| *x == 0));
    assert!(bytes < 10_000, "{bytes}");
}

#[test]
fn bitrates_that_opus_does_not_have_are_refused() {
    for wrong in [0, 15_999, 510_001, u32::MAX] {
        let refused = OpusEncoder::new(44_100, 4_410, wrong).unwrap_err();
        assert_eq!(refused.to_string(), format!("Opus takes 16000 to 510000 bit/s, not {wrong}"));
    }
    let mut encoder = OpusEncoder::new(44_100, 4_410, 16_000).unwrap();
    assert!(matches!(encoder.encode(&[0; 4]), Err(EncodingError::Length { found: 4, expected: 8_820 })));
}
