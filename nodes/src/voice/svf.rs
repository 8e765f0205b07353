//! The state-variable filter of voices and of the node `filter`: topology-preserving, solved without a delay in its
//! loop, stable however fast its cutoff moves. Real-time safe, for one channel or lanes.
//!
//! Zavalishin, "The Art of VA Filter Design" (revision 2.1.2, 2018), chapter 4; in the form of Simper, "Solving the
//! continuous SVF equations using trapezoidal integration and equivalent currents" (Cytomic, 2014), with sines in
//! place of the tangent: with s = sin(pi x), c = cos(pi x) and g = s / c, 1 + g (g + k) is (1 + k s c) / c^2.

use auralis_graph::lanes::{Lanes, quarter_sine};

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

/// The step of a filter whose cutoff rests, as a matrix on its charges: a shorter way from sample to sample.
#[derive(Debug, Clone, Copy)]
pub struct Steady<V> {
    /// What stays of the first charge.
    first: V,
    /// What stays of the second charge.
    second: V,
    /// From input and second to first charge, and from first to second.
    cross: V,
    /// From input to second charge.
    enter: V,
}

impl<V: Lanes> Steady<V> {
    /// The step with these coefficients, again and again.
    #[inline(always)]
    pub fn new(coefs: &Coefs<V>) -> Self {
        let one = coefs.g0.like(1.0);
        let enter = coefs.g2 * 2.0;
        Self { first: coefs.g1 * 2.0 + one, second: one - enter, cross: coefs.g0 * 2.0, enter }
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
    /// The same as [`Svf::tick`], but for rounding.
    #[inline(always)]
    pub fn tick_steady(&mut self, input: V, steady: &Steady<V>) -> (V, V) {
        let first = steady.first * self.first + steady.cross * input - steady.cross * self.second;
        let second = steady.second * self.second + (steady.cross * self.first + steady.enter * input);
        // The outputs lie in the middle of the step: that is what trapezoidal means.
        let (band, low) = ((self.first + first) * 0.5, (self.second + second) * 0.5);
        (self.first, self.second) = (first, second);
        (band, low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_matrix_is_the_same_filter() {
        for (cutoff, damping) in [(0.0005_f32, 1.0 / 32.0), (0.02, 1.414), (0.3, 0.2), (0.49, 2.0)] {
            let coefs = Coefs::new(Angle::new(cutoff), damping);
            let steady = Steady::new(&coefs);
            let (mut one, mut other) = (Svf { first: 0.0, second: 0.0 }, Svf { first: 0.0, second: 0.0 });
            let (mut most, mut apart) = (0.0_f32, 0.0_f32);
            for frame in 0..48_000 {
                let input = ((frame * 7919) % 1009) as f32 / 504.5 - 1.0;
                let (band, low) = one.tick(input, &coefs);
                let (band_too, low_too) = other.tick_steady(input, &steady);
                most = most.max(band.abs()).max(low.abs());
                apart = apart.max((band - band_too).abs()).max((low - low_too).abs());
            }
            assert!(apart < 1e-4 * most, "{cutoff}: {apart} of {most}");
        }
    }
}
