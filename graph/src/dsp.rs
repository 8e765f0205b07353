//! Blocks, and the few functions that parameters and gains share. Real-time safe.

use crate::lanes;

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

/// [`lanes::exp2`] of one number.
#[inline(always)]
pub fn exp2(x: f32) -> f32 {
    lanes::exp2(x)
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
