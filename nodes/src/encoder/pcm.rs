//! Samples as bytes: the stream format of the contract (section 1). Real-time safe.

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
    let frames = channels.first().map_or(0, |channel| channel.len());
    for frame in 0..frames {
        for channel in channels {
            bytes.extend_from_slice(&to_i16(channel[frame]).to_le_bytes());
        }
    }
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
    fn bytes_are_little_endian_left_first() {
        let mut bytes = Vec::new();
        interleave(&[&[1.0 / 32_767.0, 0.5], &[-1.0 / 32_767.0, 0.0]], &mut bytes);
        assert_eq!(bytes, [1, 0, 255, 255, 0, 64, 0, 0]);
    }
}
