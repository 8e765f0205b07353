//! The state-variable filter of voices and of the node `filter`: topology-preserving, solved without a delay in its
//! loop, stable however fast its cutoff moves. Real-time safe, for one channel or lanes.
//!
//! Zavalishin, "The Art of VA Filter Design" (revision 2.1.2, 2018), chapter 4; in the form of Simper, "Solving the
//! continuous SVF equations using trapezoidal integration and equivalent currents" (Cytomic, 2014), with sines in
//! place of the tangent: with s = sin(pi x), c = cos(pi x) and g = s / c, 1 + g (g + k) is (1 + k s c) / c^2.

use auralis_graph::engine::STRIDE;
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

/// Numbers of a filter whose cutoff rests.
pub const STEADY: usize = 6 * STRIDE;

/// A filter whose cutoff rests, four samples at a time: these and the charges after them are each a weighted sum of
/// the charges before and of the four inputs, with no sample waiting for the one before.
///
/// In groups of four: what the input gives to the outputs from its own on; what each of the two charges gives to the
/// outputs; what each of the inputs gives to the first charge, and to the second; what the charges give to the charges.
#[derive(Debug, Clone, Copy)]
pub struct Steady(pub [f32; STEADY]);

impl Steady {
    /// Four steps with these coefficients.
    pub fn new(coefs: &Coefs<f32>, tap: &Tap<f32>) -> Self {
        let [g0, g1, g2] = [coefs.g0, coefs.g1, coefs.g2].map(f64::from);
        let [weigh_input, weigh_band, weigh_low] = [tap.input, tap.band, tap.low].map(f64::from);
        // What comes of a charge or an input of 1: four outputs, and the charges.
        let response = |index: usize| {
            let unit = |at: usize| f64::from(u8::from(index == at));
            let (mut first, mut second) = (unit(0), unit(1));
            let mut outputs = [0.0; STRIDE];
            for (frame, out) in outputs.iter_mut().enumerate() {
                // `Svf::tick`, more exactly.
                let input = unit(2 + frame);
                let band = first + g0 * (input - second) + g1 * first;
                let low = second + g2 * (input - second) + g0 * first;
                (first, second) = (2.0 * band - first, 2.0 * low - second);
                *out = (weigh_input * input + weigh_band * band + weigh_low * low) as f32;
            }
            (outputs, [first as f32, second as f32])
        };
        let [a, b] = [response(0), response(1)];
        let inputs: [_; STRIDE] = std::array::from_fn(|frame| response(2 + frame));
        let mut numbers = [0.0; STEADY];
        let groups = [
            inputs[0].0,
            a.0,
            b.0,
            inputs.map(|(_, [first, _])| first),
            inputs.map(|(_, [_, second])| second),
            [a.1[0], b.1[0], a.1[1], b.1[1]],
        ];
        numbers.chunks_exact_mut(STRIDE).zip(groups).for_each(|(to, group)| to.copy_from_slice(&group));
        Self(numbers)
    }

    /// Four samples through the filter with these charges and numbers.
    #[inline(always)]
    pub fn stride<V: Lanes>([first, second]: [V; 2], numbers: &[V], x: [V; STRIDE]) -> ([V; 2], [V; STRIDE]) {
        let (h, a, b) = (&numbers[..4], &numbers[4..8], &numbers[8..12]);
        let (to_first, to_second, charges) = (&numbers[12..16], &numbers[16..20], &numbers[20..24]);
        let rest = |frame: usize| a[frame] * first + b[frame] * second;
        let out = [
            rest(0) + h[0] * x[0],
            rest(1) + (h[1] * x[0] + h[0] * x[1]),
            rest(2) + ((h[2] * x[0] + h[1] * x[1]) + h[0] * x[2]),
            rest(3) + ((h[3] * x[0] + h[2] * x[1]) + (h[1] * x[2] + h[0] * x[3])),
        ];
        let all = |w: &[V]| (w[0] * x[0] + w[1] * x[1]) + (w[2] * x[2] + w[3] * x[3]);
        let first_next = (charges[0] * first + charges[1] * second) + all(to_first);
        let second_next = (charges[2] * first + charges[3] * second) + all(to_second);
        ([first_next, second_next], out)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_at_a_time_is_the_same_filter() {
        let tap = Tap { input: 0.3, band: -0.7, low: 1.0 };
        for (cutoff, damping) in [(0.0005_f32, 1.0 / 32.0), (0.02, 1.414), (0.3, 0.2), (0.49, 2.0)] {
            let coefs = Coefs::new(Angle::new(cutoff), damping);
            let steady = Steady::new(&coefs, &tap);
            let mut one = Svf { first: 0.0, second: 0.0 };
            let mut charges = [0.0; 2];
            let (mut most, mut apart) = (0.0_f32, 0.0_f32);
            for from in (0..48_000).step_by(STRIDE) {
                let x: [f32; STRIDE] =
                    std::array::from_fn(|at| ((from + at) * 7919 % 1009) as f32 / 504.5 - 1.0);
                let out;
                (charges, out) = Steady::stride(charges, &steady.0, x);
                for (input, out) in x.iter().zip(out) {
                    let exact = tap.of(*input, one.tick(*input, &coefs));
                    most = most.max(exact.abs());
                    apart = apart.max((exact - out).abs());
                }
            }
            assert!(apart < 1e-4 * most, "{cutoff}: {apart} of {most}");
        }
    }
}
