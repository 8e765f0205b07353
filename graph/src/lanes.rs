//! Arithmetic that one source writes for a single `f32` and for SIMD lanes. Real-time safe.
//!
//! Only + - x / and comparisons are used: no fused multiply-add, no approximate reciprocals, no sums across
//! lanes. So a lane equals the single value to the bit, on every instruction set.

use fearless_simd::{
    Select, Simd, f32x4, f32x8, f32x16, i32x4, i32x8, i32x16, mask32x4, mask32x8, mask32x16, prelude::*,
    u32x4, u32x8, u32x16,
};
use std::ops::{Add, Div, Mul, Neg, Sub};

/// One `f32`, or several side by side.
pub trait Lanes:
    Copy
    + Add<Output = Self>
    + Sub<Output = Self>
    + Mul<Output = Self>
    + Div<Output = Self>
    + Neg<Output = Self>
    + Add<f32, Output = Self>
    + Sub<f32, Output = Self>
    + Mul<f32, Output = Self>
    + Div<f32, Output = Self>
{
    /// What a comparison gives: a truth for each lane.
    type Mask: Copy;

    /// The same value in every lane.
    fn like(self, value: f32) -> Self;

    /// Whether each lane is below the other's.
    fn below(self, other: Self) -> Self::Mask;

    /// Lanes of `yes` where the mask is true, of `no` elsewhere.
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self;

    /// 2 to the power of lanes that hold whole numbers from -126 to 127.
    fn power_of_two(self) -> Self;

    /// The smaller of each pair; the other where this one is NaN.
    #[inline(always)]
    fn least(self, other: Self) -> Self {
        Self::select(self.below(other), self, other)
    }

    /// The greater of each pair; the other where this one is NaN.
    #[inline(always)]
    fn greatest(self, other: Self) -> Self {
        Self::select(other.below(self), self, other)
    }

    /// Each lane kept between two numbers.
    #[inline(always)]
    fn between(self, low: f32, high: f32) -> Self {
        self.greatest(self.like(low)).least(self.like(high))
    }

    /// The nearest whole number, for lanes below 2^22 in size.
    #[inline(always)]
    fn nearest(self) -> Self {
        (self + ROUND) - ROUND
    }

    /// The whole number at or below each lane, for lanes below 2^22 in size.
    #[inline(always)]
    fn floor(self) -> Self {
        let near = self.nearest();
        near - Self::select(self.below(near), self.like(1.0), self.like(0.0))
    }

    /// The size of each lane.
    fn size(self) -> Self;

    /// Lanes that are positive and normal, as `e` and `m` with `m` 2^e the lane, `e` whole and `m` in
    /// [0.7071, 1.4142).
    fn parts(self) -> (Self, Self);
}

/// The bits of the root of 1/2, where the mantissas of [`Lanes::parts`] begin, and the bits of a mantissa.
const ROOT: u32 = 0x3f35_04f3;
const MANTISSA: u32 = 0x007f_ffff;

/// 1.5 x 2^23: adding and subtracting it rounds to the nearest whole number.
const ROUND: f32 = 12_582_912.0;

impl Lanes for f32 {
    type Mask = bool;

    #[inline(always)]
    fn like(self, value: f32) -> Self {
        value
    }

    #[inline(always)]
    fn below(self, other: Self) -> bool {
        self < other
    }

    #[inline(always)]
    fn select(mask: bool, yes: Self, no: Self) -> Self {
        if mask { yes } else { no }
    }

    #[inline(always)]
    fn power_of_two(self) -> Self {
        f32::from_bits(((self as i32 + 127) as u32) << 23)
    }

    #[inline(always)]
    fn size(self) -> Self {
        self.abs()
    }

    #[inline(always)]
    fn parts(self) -> (Self, Self) {
        let bits = self.to_bits().wrapping_sub(ROOT);
        (((bits as i32) >> 23) as f32, f32::from_bits((bits & MANTISSA) + ROOT))
    }
}

macro_rules! lanes {
    ($($vector:ident, $mask:ident, $bits:ident, $signed:ident;)*) => { $(
        impl<S: Simd> Lanes for $vector<S> {
            type Mask = $mask<S>;

            #[inline(always)]
            fn like(self, value: f32) -> Self {
                Self::splat(self.simd, value)
            }

            #[inline(always)]
            fn below(self, other: Self) -> Self::Mask {
                self.simd_lt(other)
            }

            #[inline(always)]
            fn select(mask: Self::Mask, yes: Self, no: Self) -> Self {
                mask.select(yes, no)
            }

            #[inline(always)]
            fn power_of_two(self) -> Self {
                // The exponent is made in the float: 2^23 + 127 + n has its low bits where the exponent goes.
                let bits: $bits<S> = (self + (8_388_608.0 + 127.0)).bitcast();
                (bits << 23).bitcast()
            }

            #[inline(always)]
            fn size(self) -> Self {
                self.abs()
            }

            #[inline(always)]
            fn parts(self) -> (Self, Self) {
                let bits = self.bitcast::<$bits<S>>() - ROOT;
                let exponent: $signed<S> = bits.bitcast::<$signed<S>>() >> 23;
                (exponent.to_float(), ((bits & MANTISSA) + ROOT).bitcast())
            }

            // On x86 one instruction is exactly `a < b ? a : b`, NaN and signed zeros included; elsewhere its
            // counterpart treats those in another way, and the two instructions of the default stand.
            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            #[inline(always)]
            fn least(self, other: Self) -> Self {
                self.min(other)
            }

            #[cfg(any(target_arch = "x86", target_arch = "x86_64"))]
            #[inline(always)]
            fn greatest(self, other: Self) -> Self {
                self.max(other)
            }
        }
    )* };
}

lanes! {
    f32x4, mask32x4, u32x4, i32x4;
    f32x8, mask32x8, u32x8, i32x8;
    f32x16, mask32x16, u32x16, i32x16;
}

/// 2 to the power of `x`, for `x` in [-126, 127] (clamped), relative error below 2e-7; exact at whole numbers.
#[inline(always)]
pub fn exp2<V: Lanes>(x: V) -> V {
    let x = x.between(-126.0, 127.0);
    let whole = x.nearest();
    let f = x - whole;
    // Minimax polynomial of 2^f on [-0.5, 0.5] with its constant term fixed at 1.
    let p = f * 1.535_336_2e-4 + 1.339_887_4e-3;
    let p = p * f + 9.618_437e-3;
    let p = p * f + 5.550_332_7e-2;
    let p = p * f + 2.402_264_8e-1;
    let p = p * f + 6.931_472e-1;
    let p = p * f + 1.0;
    p * whole.power_of_two()
}

/// The logarithm of `x` to the base 2, for positive normal `x`, error below 2e-7 and 1e-7 of its size; exact at
/// powers of two.
#[inline(always)]
pub fn log2<V: Lanes>(x: V) -> V {
    let (exponent, m) = x.parts();
    // ln m = 2 artanh((m - 1) / (m + 1)), by its series.
    let s = (m - 1.0) / (m + 1.0);
    let z = s * s;
    let p = z * 0.320_598_9 + 0.412_198_58;
    let p = p * z + 0.577_078;
    let p = p * z + 0.961_796_7;
    let p = p * z + 2.885_39;
    exponent + p * s
}

/// The sine of a phase in cycles: sin(2 pi x), for phases below 2^22 in size, error below 2e-7.
#[inline(always)]
pub fn sine<V: Lanes>(phase: V) -> V {
    let x = phase - phase.nearest();
    // Folded at the quarters, the rest is an odd polynomial on [-1/4, 1/4] (minimax by Lawson's iteration).
    quarter_sine(x.least(x.like(0.5) - x).greatest(x.like(-0.5) - x))
}

/// The sine of a phase in cycles, for phases in [-1/4, 1/4]: what [`sine`] comes to where nothing is to fold.
#[inline(always)]
pub fn quarter_sine<V: Lanes>(phase: V) -> V {
    let z = phase * phase;
    let p = z * 39.710_957 - 76.575;
    let p = p * z + 81.602_234;
    let p = p * z - 41.341_68;
    let p = p * z + 6.283_185_5;
    p * phase
}

/// The warped frequency of a trapezoidal filter: tan(pi x) for a cutoff of `x` times the sample rate, in
/// (0, 0.49]; relative error below 4e-6.
#[inline(always)]
pub fn warp<V: Lanes>(x: V) -> V {
    let half = x * 0.5;
    sine(half) / sine(half + 0.25)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;
    use fearless_simd::{Level, dispatch};

    #[test]
    fn sine_and_warp_are_accurate() {
        let (mut worst_sine, mut worst_warp) = (0.0f64, 0.0f64);
        for i in -40_000..40_000 {
            let x = i as f32 / 16_000.0;
            let exact = (f64::from(x) * std::f64::consts::TAU).sin();
            worst_sine = worst_sine.max((f64::from(sine(x)) - exact).abs());
        }
        for i in 1..4_900 {
            let x = i as f32 / 10_000.0;
            let exact = (f64::from(x) * std::f64::consts::PI).tan();
            worst_warp = worst_warp.max((f64::from(warp(x)) / exact - 1.0).abs());
        }
        // The phase itself is only known to 2^-24 of its size: 2e-7 of an angle near 2.5 cycles.
        assert!(worst_sine < 6e-7, "{worst_sine:e}");
        assert!(worst_warp < 4e-6, "{worst_warp:e}");
    }

    #[test]
    fn log2_is_accurate_and_exact_at_powers_of_two() {
        for i in 0..100_000 {
            let x = (-87.0 + f64::from(i) * 0.001_75).exp() as f32;
            let exact = f64::from(x).log2();
            let error = (f64::from(log2(x)) - exact).abs();
            assert!(error < 2e-7 + 1e-7 * exact.abs(), "{x:e}: {error:e}");
        }
        for exponent in -126..=127 {
            assert_eq!(log2(2f32.powi(exponent)), exponent as f32);
        }
    }

    #[test]
    fn floors_are_floors() {
        for x in [-2.5, -2.0, -0.1, -0.0, 0.0, 0.49, 0.5, 0.51, 1.0, 1.5, 2.5, 1e6] {
            assert_eq!(Lanes::floor(x), x.floor(), "{x}");
        }
    }

    fn levels() -> Vec<Level> {
        let mut levels = vec![Level::new(), Level::baseline()];
        #[cfg(target_arch = "x86_64")]
        {
            levels.extend(Level::new().as_avx2().map(Level::Avx2));
            levels.extend(Level::new().as_sse4_2().map(Level::Sse4_2));
        }
        levels
    }

    #[test]
    fn the_lesser_and_the_greater_agree_on_zeros_and_on_what_is_no_number() {
        let odd = [0.0, -0.0, 1.0, -1.0, f32::INFINITY, f32::NEG_INFINITY, f32::NAN, f32::MIN_POSITIVE / 2.0];
        for x in odd {
            for y in odd {
                for level in levels() {
                    let [least, greatest]: [f32; 2] = dispatch!(level, simd => {
                        let (x, y) = (f32x16::splat(simd, x), f32x16::splat(simd, y));
                        [x.least(y)[7], x.greatest(y)[7]]
                    });
                    let same = |a: f32, b: f32| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
                    assert!(same(x.least(y), least), "{level:?}: least of {x} and {y}: {least}");
                    assert!(same(x.greatest(y), greatest), "{level:?}: greatest of {x} and {y}: {greatest}");
                }
            }
        }
    }

    /// All of this module on 16 inputs.
    #[inline(always)]
    fn everything<V: Lanes>(x: V, y: V) -> V {
        let bounded = (x * 1e-3).between(-1000.0, 1000.0);
        exp2(y.between(-30.0, 30.0))
            + log2(x.size().greatest(x.like(f32::MIN_POSITIVE)))
            + sine(bounded) * warp(bounded.size().between(1e-5, 0.49))
            + bounded.floor() * y
            - x.least(y) / x.greatest(y)
    }

    #[test]
    fn a_lane_equals_the_single_value_to_the_bit_on_every_level() {
        let mut chance = Chance::new(5);
        let levels = levels();
        for _ in 0..if cfg!(miri) { 2 } else { 20_000 } {
            let mut draw = || {
                std::array::from_fn::<f32, 16, _>(|_| {
                    let any = f32::from_bits(chance.bits() as u32);
                    if any.is_nan() || any.abs() > 1e30 { chance.bipolar() * 100.0 } else { any }
                })
            };
            let (x, y) = (draw(), draw());
            for level in &levels {
                let lanes: [f32; 16] = dispatch!(*level, simd => {
                    everything(f32x16::from_slice(simd, &x), f32x16::from_slice(simd, &y)).into()
                });
                for lane in 0..16 {
                    let single = everything(x[lane], y[lane]);
                    let same = single.to_bits() == lanes[lane].to_bits()
                        || (single.is_nan() && lanes[lane].is_nan());
                    assert!(same, "{level:?} {} {}: {single} {}", x[lane], y[lane], lanes[lane]);
                }
            }
        }
    }
}
