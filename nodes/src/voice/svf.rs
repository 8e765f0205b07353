//! The state-variable filter of voices and of the node `filter`: topology-preserving, solved without a delay in its
//! loop, stable however fast its cutoff moves. Real-time safe, for one channel or lanes.
//!
//! Zavalishin, "The Art of VA Filter Design" (revision 2.1.2, 2018), chapter 4; in the form of Simper, "Solving the
//! continuous SVF equations using trapezoidal integration and equivalent currents" (Cytomic, 2014), with sines in
//! place of the tangent: with s = sin(pi x), c = cos(pi x) and g = s / c, 1 + g (g + k) is (1 + k s c) / c^2.

use auralis_graph::dsp::{Block, QUANTUM};
use auralis_graph::lanes::{Lanes, quarter_sine};
use fearless_simd::{Simd, f32x8, prelude::*};

/// A cutoff as an angle: sine and cosine of pi times its part of the sample rate.
#[derive(Debug, Clone, Copy)]
pub struct Angle<V> {
    /// The sine.
    pub sine: V,
    /// The cosine.
    pub cosine: V,
}

impl<V: Lanes> Angle<V> {
    /// For a cutoff in [0, 1/2] of the sample rate.
    #[inline(always)]
    pub fn new(cutoff: V) -> Self {
        let half = cutoff * 0.5;
        Self { sine: quarter_sine(half), cosine: quarter_sine(-(half - 0.25)) }
    }
}

/// What follows from cutoff and damping.
#[derive(Debug, Clone, Copy)]
pub struct Coefs<V> {
    /// From input to band-pass, and from the first charge to low-pass.
    pub g0: V,
    /// From the first charge to band-pass.
    pub g1: V,
    /// From input to low-pass.
    pub g2: V,
}

impl<V: Lanes> Coefs<V> {
    /// For an angle, and the damping: the inverse of the quality, above 0.
    ///
    /// On the straight way between two angles sine and cosine are a little short of the circle. That mixes the
    /// filter's step with standing still, and a mixture of the two is as stable as the filter: only damped a trifle
    /// more.
    #[inline(always)]
    pub fn new(angle: Angle<V>, damping: V) -> Self {
        let double = angle.sine * angle.cosine * 2.0;
        let square = angle.sine * angle.sine * 2.0;
        let damped = damping * double;
        let norm = damped.like(1.0) / (damped + 2.0);
        Self { g0: double * norm, g1: -(square + damped) * norm, g2: square * norm }
    }
}

/// What passes, as weights of the input and of the filter's band-pass and low-pass.
#[derive(Debug, Clone, Copy)]
pub struct Tap<V> {
    /// Weight of the input.
    pub input: V,
    /// Weight of the band-pass.
    pub band: V,
    /// Weight of the low-pass.
    pub low: V,
}

impl<V: Lanes> Tap<V> {
    /// One sample of what passes.
    #[inline(always)]
    pub fn of(&self, input: V, (band, low): (V, V)) -> V {
        self.input * input + self.band * band + self.low * low
    }
}

/// Samples that a filter whose cutoff rests takes at once.
pub const STRIDE: usize = 4;

/// A filter whose cutoff rests, four samples at a time: these and the charges after them are each a weighted sum
/// of the charges before and of the four inputs, with no sample waiting for the one before.
#[derive(Debug, Clone, Copy)]
#[repr(align(32))]
pub struct Steady {
    /// What each of the first charge, the second charge and the four inputs adds to the four outputs and then to
    /// the two charges.
    columns: [[f32; 8]; 2 + STRIDE],
}

impl Steady {
    /// Four steps with these coefficients.
    pub fn new(coefs: &Coefs<f32>, tap: &Tap<f32>) -> Self {
        let [g0, g1, g2] = [coefs.g0, coefs.g1, coefs.g2].map(f64::from);
        let [weigh_input, weigh_band, weigh_low] = [tap.input, tap.band, tap.low].map(f64::from);
        let column = |index: usize| {
            let unit = |at: usize| f64::from(u8::from(index == at));
            let (mut first, mut second) = (unit(0), unit(1));
            let mut column = [0.0; 8];
            for (frame, out) in column[..STRIDE].iter_mut().enumerate() {
                // `Svf::tick`, more exactly.
                let input = unit(2 + frame);
                let band = first + g0 * (input - second) + g1 * first;
                let low = second + g2 * (input - second) + g0 * first;
                (first, second) = (2.0 * band - first, 2.0 * low - second);
                *out = (weigh_input * input + weigh_band * band + weigh_low * low) as f32;
            }
            (column[STRIDE], column[STRIDE + 1]) = (first as f32, second as f32);
            column
        };
        Self { columns: std::array::from_fn(column) }
    }
}

/// The filter's memory.
#[derive(Debug, Clone, Copy)]
pub struct Svf<V> {
    /// Charge of the first integrator.
    pub first: V,
    /// Charge of the second integrator.
    pub second: V,
}

impl<V: Lanes> Svf<V> {
    /// One sample: band-pass (of gain quality at the cutoff) and low-pass. The high-pass is input - damping x band -
    /// low.
    #[inline(always)]
    pub fn tick(&mut self, input: V, coefs: &Coefs<V>) -> (V, V) {
        let t0 = input - self.second;
        let t1 = coefs.g0 * t0 + coefs.g1 * self.first;
        let t2 = coefs.g2 * t0 + coefs.g0 * self.first;
        let (band, low) = (t1 + self.first, t2 + self.second);
        self.first = band + t1;
        self.second = low + t2;
        (band, low)
    }
}

impl Svf<f32> {
    /// Filters each channel in its place by its own filter, alike for all.
    #[inline(always)]
    pub fn run_steady<S: Simd, const N: usize>(
        simd: S,
        filters: &mut [Self; N],
        steady: &Steady,
        sound: &mut [&mut Block; N],
    ) {
        let columns = steady.columns.each_ref().map(|column| f32x8::from_slice(simd, column));
        let [from_first, from_second, from_0, from_1, from_2, from_3] = columns;
        for frame in (0..QUANTUM).step_by(STRIDE) {
            for (filter, block) in filters.iter_mut().zip(sound.iter_mut()) {
                let x = &mut block[frame..frame + STRIDE];
                let inputs = (from_0 * x[0] + from_1 * x[1]) + (from_2 * x[2] + from_3 * x[3]);
                let sums = (from_first * filter.first + from_second * filter.second) + inputs;
                let sums = sums.as_slice();
                x.copy_from_slice(&sums[..STRIDE]);
                (filter.first, filter.second) = (sums[STRIDE], sums[STRIDE + 1]);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fearless_simd::{Level, dispatch};

    #[test]
    fn four_at_a_time_is_the_same_filter_on_every_level() {
        let tap = Tap { input: 0.3, band: -0.7, low: 1.0 };
        for (cutoff, damping) in [(0.0005_f32, 1.0 / 32.0), (0.02, 1.414), (0.3, 0.2), (0.49, 2.0)] {
            let coefs = Coefs::new(Angle::new(cutoff), damping);
            let steady = Steady::new(&coefs, &tap);
            let silent = Svf { first: 0.0, second: 0.0 };
            let (mut one, mut many, mut plain) = (silent, [silent], [silent]);
            let (mut most, mut apart) = (0.0_f32, 0.0_f32);
            for quantum in 0..750 {
                let noise = |frame: usize| ((quantum * QUANTUM + frame) * 7919 % 1009) as f32 / 504.5 - 1.0;
                let input = Block(std::array::from_fn(noise));
                let mut blocks = [input, input];
                let [block, same] = &mut blocks;
                dispatch!(Level::new(), simd => Svf::run_steady(simd, &mut many, &steady, &mut [block]));
                dispatch!(Level::baseline(), simd => Svf::run_steady(simd, &mut plain, &steady, &mut [same]));
                assert_eq!(blocks[0].0.map(f32::to_bits), blocks[1].0.map(f32::to_bits));
                for (input, out) in input.iter().zip(blocks[0].iter()) {
                    let exact = tap.of(*input, one.tick(*input, &coefs));
                    most = most.max(exact.abs());
                    apart = apart.max((exact - out).abs());
                }
            }
            assert!(apart < 1e-4 * most, "{cutoff}: {apart} of {most}");
        }
    }
}
