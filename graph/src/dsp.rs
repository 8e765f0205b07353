//! The few functions that parameters, gains and voices share, as polynomials of + - x / only: the same bits
//! on every instruction set, scalar or in SIMD lanes. Real-time safe.

/// Frames in a quantum: the engine always runs whole quanta.
pub const QUANTUM: usize = 64;

/// One channel of one quantum, aligned for the widest vectors.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub struct Block(pub [f32; QUANTUM]);

impl Block {
    /// All zeros.
    pub const SILENCE: Block = Block([0.0; QUANTUM]);

    /// The same value in every frame.
    pub const fn filled(value: f32) -> Self {
        Block([value; QUANTUM])
    }
}

impl std::ops::Deref for Block {
    type Target = [f32; QUANTUM];
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl std::ops::DerefMut for Block {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

/// 1.5 x 2^23: adding and subtracting it rounds a float to the nearest integer.
const ROUND: f32 = 12_582_912.0;

/// 2 to the power of `x`, for `x` in [-126, 127] (clamped), relative error below 2e-7; exact at whole numbers.
#[inline(always)]
pub fn exp2(x: f32) -> f32 {
    let x = if x > 127.0 { 127.0 } else { x };
    let x = if x < -126.0 { -126.0 } else { x };
    let whole = (x + ROUND) - ROUND;
    let f = x - whole;
    // Minimax polynomial of 2^f on [-0.5, 0.5] with its constant term fixed at 1.
    let p = 1.535_336_2e-4;
    let p = p * f + 1.339_887_4e-3;
    let p = p * f + 9.618_437e-3;
    let p = p * f + 5.550_332_7e-2;
    let p = p * f + 2.402_264_8e-1;
    let p = p * f + 6.931_472e-1;
    let p = p * f + 1.0;
    let scale = f32::from_bits((((whole as i32) + 127) as u32) << 23);
    p * scale
}

/// The amplitude factor of a gain in dB.
#[inline(always)]
pub fn db_to_gain(db: f32) -> f32 {
    exp2(db * 0.166_096_4)
}

/// The gain in dB of an amplitude factor; -inf for 0.
#[inline]
pub fn gain_to_db(gain: f32) -> f32 {
    20.0 * gain.log10()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp2_is_accurate_and_exact_at_whole_numbers() {
        let mut worst = 0.0f64;
        for i in -12_600..12_700 {
            let x = i as f32 / 100.0;
            let exact = f64::from(x).exp2();
            worst = worst.max((f64::from(exp2(x)) / exact - 1.0).abs());
        }
        assert!(worst < 2e-7, "{worst:e}");
        for i in -126..=127 {
            assert_eq!(exp2(i as f32), 2f64.powi(i) as f32);
        }
        assert_eq!(exp2(f32::INFINITY), exp2(127.0));
        assert_eq!(exp2(f32::NEG_INFINITY), exp2(-126.0));
    }

    #[test]
    fn decibels_convert() {
        assert_eq!(db_to_gain(0.0), 1.0);
        assert!((db_to_gain(-20.0) - 0.1).abs() < 1e-7);
        assert!((gain_to_db(0.5) + 6.0206).abs() < 1e-3);
    }
}
