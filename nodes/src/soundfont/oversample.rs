//! Quadruples the rate of sample data. rustysynth interpolates by straight lines, whose images of a tone at f lie
//! (f / (rate - f))^2 below it: at four times the rate they are 24 dB lower, out of hearing. Control side only.

use crate::kaiser::kaiser;
use auralis_graph::instructions::level;
use fearless_simd::{Simd, dispatch, f32x16, prelude::*};
use fearless_simd_macros::simd;
use std::f64::consts::PI;

/// How much denser the data becomes.
pub const FACTOR: usize = 4;

/// Frames of the data on either side that one new frame is made of.
const REACH: usize = 24;

/// Kaiser's shape for 80 dB.
const SHAPE: f64 = 8.0;

/// Frames that are worked on side by side.
const LANES: usize = 16;

/// The filter: between frames, at each quarter, a sinc under a Kaiser window that passes up to 0.45 of the old rate
/// and stops images by 80 dB.
fn taps() -> [[f32; 2 * REACH]; FACTOR] {
    std::array::from_fn(|quarter| {
        let fraction = quarter as f64 / FACTOR as f64;
        let tap = |index: usize| {
            let x = index as f64 - (REACH as f64 - 1.0) - fraction;
            let sinc = if x.abs() < 1e-9 { 1.0 } else { (PI * x).sin() / (PI * x) };
            sinc * kaiser(x / REACH as f64, SHAPE)
        };
        let raw: [f64; 2 * REACH] = std::array::from_fn(tap);
        let sum: f64 = raw.iter().sum();
        raw.map(|tap| (tap / sum) as f32)
    })
}

/// Oversamples 16-bit little-endian frames; the result is four times as long. Works on as many threads as the
/// machine has cores, up to four; the result does not depend on it.
pub fn oversampled(bytes: &[u8]) -> Vec<u8> {
    let frames = bytes.len() / 2;
    let mut padded = vec![0.0f32; frames + 2 * REACH + LANES];
    for (frame, pair) in padded[REACH..].iter_mut().zip(bytes.chunks_exact(2)) {
        *frame = f32::from(i16::from_le_bytes([pair[0], pair[1]]));
    }
    let (taps, mut out) = (taps(), vec![0; frames * 2 * FACTOR]);
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(4);
    let share = frames.div_ceil(threads).max(1);
    std::thread::scope(|scope| {
        for (index, out) in out.chunks_mut(share * 2 * FACTOR).enumerate() {
            let (padded, taps) = (&padded[index * share + 1..], &taps);
            scope.spawn(move || dispatch!(level(), simd => fill(simd, out, padded, taps)));
        }
    });
    out
}

/// Frame by frame the order of each sum is the same on all machines, and with it the bits.
#[simd]
fn fill<S: Simd>(simd: S, out: &mut [u8], padded: &[f32], taps: &[[f32; 2 * REACH]; FACTOR]) {
    let mut dense = [[0i16; FACTOR]; LANES];
    for (index, out) in out.chunks_mut(LANES * 2 * FACTOR).enumerate() {
        let window = &padded[index * LANES..][..2 * REACH + LANES - 1];
        let mut sums = [f32x16::splat(simd, 0.0); FACTOR];
        for tap in 0..2 * REACH {
            let frames = f32x16::from_slice(simd, &window[tap..tap + LANES]);
            sums.iter_mut().zip(taps).for_each(|(sum, taps)| *sum += frames * taps[tap]);
        }
        // The frame itself, then the three between it and the next.
        sums[0] = f32x16::from_slice(simd, &window[REACH - 1..][..LANES]);
        for (quarter, sum) in sums.iter().enumerate() {
            for (dense, x) in dense.iter_mut().zip(sum.as_slice()) {
                dense[quarter] = (x + 0.5f32.copysign(*x)) as i16;
            }
        }
        for (bytes, sample) in out.chunks_exact_mut(2).zip(dense.as_flattened()) {
            bytes.copy_from_slice(&sample.to_le_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use auralis_graph::testing::measure::amplitude_at;

    #[test]
    fn tones_keep_their_level_and_images_vanish() {
        for hertz in [100.0, 1_000.0, 6_000.0, 9_500.0] {
            let wave =
                |i: u32| (16_000.0 * (std::f64::consts::TAU * hertz * f64::from(i) / 22_050.0).sin()).round();
            let bytes: Vec<u8> = (0..8_000).flat_map(|i| (wave(i) as i16).to_le_bytes()).collect();
            let dense = oversampled(&bytes);
            assert_eq!(dense.len(), 4 * bytes.len());
            let frames: Vec<f32> =
                dense.chunks_exact(2).map(|b| f32::from(i16::from_le_bytes([b[0], b[1]]))).collect();
            let at = |hertz| amplitude_at(&frames[2_000..30_000], hertz, 88_200.0);
            assert!((at(hertz) / 16_000.0 - 1.0).abs() < 0.01, "{hertz}: {}", at(hertz));
            for image in [22_050.0 - hertz, 22_050.0 + hertz, 44_100.0 - hertz] {
                assert!(at(image) < 16_000.0 * 2e-4, "{hertz}: image at {image} is {}", at(image));
            }
        }
    }
}
