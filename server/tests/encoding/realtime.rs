//! Encoding happens on a rendering thread.

use super::ears;
use auralis::encoding::flac::FlacEncoder;
use auralis::encoding::frame::{self, Coding};
use auralis::encoding::ogg::{FlacPages, OpusPages};
use auralis::encoding::opus::OpusEncoder;
use auralis_graph::testing::realtime::{Mark, take_violations};
use auralis_nodes::encoder::ChunkHeader;

/// Chunks that are as different as can be.
fn chunks(rate: u32, frames: usize) -> Vec<Vec<i16>> {
    let seconds = frames as f64 / f64::from(rate) + 0.001;
    let sounds = [
        vec![0; 2 * frames],
        ears::tones(rate, seconds, &[(440.0, 0.9)]),
        ears::noise(rate, seconds, 1.0),
        ears::noise(rate, seconds, 0.001),
        vec![i16::MIN; 2 * frames],
        (0..2 * frames).map(|i| if i % 4 < 2 { i16::MIN } else { i16::MAX }).collect(),
        (0..2 * frames).map(|i| if i % 2 == 0 { i16::MAX } else { -i16::MAX }).collect(),
        (0..2 * frames).map(|i| if i == frames { i16::MAX } else { 0 }).collect(),
        ears::tones(rate, seconds, &[(0.4 * f64::from(rate), 0.5), (60.0, 0.4)]),
    ];
    sounds
        .into_iter()
        .map(|mut sound| {
            sound.truncate(2 * frames);
            sound
        })
        .collect()
}

#[test]
fn nothing_allocates_once_an_encoder_is_made() {
    for (rate, frames) in [(44_100, 4_410), (48_000, 480), (8_000, 80), (192_000, 192_000), (11_025, 1_103)] {
        let chunks = chunks(rate, frames);
        let mut opus = OpusEncoder::new(rate, frames, 510_000).unwrap();
        let mut opus_pages = OpusPages::new(1, &opus, 0);
        let mut flac = FlacEncoder::new(rate, frames).unwrap();
        let mut flac_pages = FlacPages::new(2, &flac);
        let mut frame = Vec::with_capacity(1 << 21);
        let _ = take_violations();
        for index in 0..40u64 {
            let pcm = &chunks[(index * index + index / 9) as usize % chunks.len()];
            let header = ChunkHeader { index, sample_rate: rate, channels: 2, micros: 0 };
            frame.clear();
            let watched = Mark::new();
            let packets = opus.encode(pcm).unwrap();
            opus_pages.page(packets);
            frame::packet_frame(Coding::Opus, &header, packets, &mut frame).unwrap();
            let packets = flac.encode(index, pcm).unwrap();
            flac_pages.page(index, packets);
            frame::packet_frame(Coding::Flac, &header, packets, &mut frame).unwrap();
            drop(watched);
            assert_eq!(take_violations(), 0, "chunk {index} of {frames} frames at {rate} Hz");
        }
    }
}
