//! Samples as bytes: the stream format of the contract (section 1). Real-time safe.

use auralis_graph::instructions::level;
use fearless_simd::{Simd, SimdCvtTruncate, dispatch, f32x16, i32x16, prelude::*};

/// Below this, samples pass unchanged: -1 dBFS.
const KNEE: f32 = 0.891_250_9;

/// Identity below -1 dBFS, then a soft knee into [-1, 1]: a hyperbolic tangent that continues the line.
#[inline]
pub fn soft_knee(x: f32) -> f32 {
    let size = x.abs();
    if size <= KNEE {
        return x;
    }
    let room = 1.0 - KNEE;
    (KNEE + room * ((size - KNEE) / room).tanh()).copysign(x)
}

/// A sample as a signed 16-bit number.
#[inline]
pub fn to_i16(x: f32) -> i16 {
    // The knee keeps the product within the range; rounding is to the nearest.
    (soft_knee(x) * 32_767.0).round() as i16
}

/// Appends one stereo (or wider) quantum as interleaved little-endian bytes. `channels` are the channels'
/// samples, all of the same length. No allocation while `bytes` has room.
pub fn interleave(channels: &[&[f32]], bytes: &mut Vec<u8>) {
    if let [left, right] = channels {
        return dispatch!(level(), simd => interleave_stereo(simd, left, right, bytes));
    }
    let frames = channels.first().map_or(0, |channel| channel.len());
    for frame in 0..frames {
        for channel in channels {
            bytes.extend_from_slice(&to_i16(channel[frame]).to_le_bytes());
        }
    }
}

/// Frames that are converted side by side.
const LANES: usize = 16;

#[inline(always)]
fn interleave_stereo<S: Simd>(simd: S, left: &[f32], right: &[f32], bytes: &mut Vec<u8>) {
    for (left, right) in left.chunks(LANES).zip(right.chunks(LANES)) {
        let whole = left.len() == LANES && right.len() == LANES;
        if let Some(frames) = whole.then(|| convert(simd, left, right)).flatten() {
            bytes.extend_from_slice(&frames);
            continue;
        }
        for (left, right) in left.iter().zip(right) {
            bytes.extend_from_slice(&to_i16(*left).to_le_bytes());
            bytes.extend_from_slice(&to_i16(*right).to_le_bytes());
        }
    }
}

/// 16 frames, where none is above the knee: [`to_i16`] to the bit.
#[inline(always)]
fn convert<S: Simd>(simd: S, left: &[f32], right: &[f32]) -> Option<[u8; 4 * LANES]> {
    let (left, right) = (f32x16::from_slice(simd, left), f32x16::from_slice(simd, right));
    let below = left.abs().simd_le(KNEE) & right.abs().simd_le(KNEE);
    if !below.all_true() {
        return None;
    }
    let (left, right) = (rounded(simd, left), rounded(simd, right));
    let frames: [i32; LANES] = ((left & 0xffff) | (right << 16)).into();
    let mut bytes = [0; 4 * LANES];
    for (bytes, frame) in bytes.chunks_exact_mut(4).zip(frames) {
        bytes.copy_from_slice(&frame.to_le_bytes());
    }
    Some(bytes)
}

/// Rounds as `f32::round` does, halves away from zero: the greatest number below 1/2 is added, the rest cut off.
#[inline(always)]
fn rounded<S: Simd>(simd: S, x: f32x16<S>) -> i32x16<S> {
    let scaled = x * 32_767.0;
    let half = f32x16::splat(simd, 0.5f32.next_down()).copysign(scaled);
    i32x16::truncate_from(scaled + half)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quiet_samples_are_exact_and_loud_ones_bend_without_a_corner() {
        for step in -890..=890 {
            let x = step as f32 / 1000.0;
            assert_eq!(to_i16(x), (x * 32_767.0).round() as i16);
        }
        let mut last = soft_knee(0.88);
        for step in 881..4_000 {
            let y = soft_knee(step as f32 / 1000.0);
            assert!(y >= last && y <= 1.0 && y - last <= 0.001_01);
            last = y;
        }
        assert_eq!((to_i16(100.0), to_i16(-100.0)), (32_767, -32_767));
        assert_eq!(soft_knee(-2.0), -soft_knee(2.0));
    }

    #[test]
    fn frames_side_by_side_are_those_one_by_one() {
        let mut chance = auralis_graph::chance::Chance::new(3);
        let halves = (-30_000..30_000).step_by(7).map(|n| (n as f32 + 0.5) / 32_767.0);
        let mut samples: Vec<f32> = halves.collect();
        samples.extend((0..100_000).map(|_| chance.bipolar() * 0.88));
        samples.extend((0..10_000).map(|_| chance.bipolar() * 1.5));
        samples.extend([0.0, -0.0, f32::NAN, f32::INFINITY, KNEE, -KNEE, 1e-40]);
        for length in [samples.len() / 2, 1, 15, 17, 64] {
            let (left, right) = (&samples[..length], &samples[samples.len() - length..]);
            let (mut fast, mut slow) = (Vec::new(), Vec::new());
            interleave(&[left, right], &mut fast);
            for (left, right) in left.iter().zip(right) {
                slow.extend([to_i16(*left).to_le_bytes(), to_i16(*right).to_le_bytes()].concat());
            }
            assert!(fast == slow, "{length} frames");
        }
    }

    #[test]
    fn bytes_are_little_endian_left_first() {
        let mut bytes = Vec::new();
        interleave(&[&[1.0 / 32_767.0, 0.5], &[-1.0 / 32_767.0, 0.0]], &mut bytes);
        assert_eq!(bytes, [1, 0, 255, 255, 0, 64, 0, 0]);
    }
}
