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
