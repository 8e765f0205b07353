//! How loud a signal is between its samples: what meters show as true peak and the limiter acts on. Audio
//! thread, but for `new`; allocates nothing after that.
//!
//! ITU-R BS.1770-5, annex 2, takes four times oversampling by 12 taps, which reads up to 3 dB low at 20 kHz, and
//! full-band noise 0.4 dB high. Here 44.1 and 48 kHz are oversampled eight times by 32 taps, right within 0.2 dB
//! at 20 kHz, and the meters' filter is asked too: the higher reading counts, whoever measures it.

use crate::kaiser::kaiser;
use auralis_graph::dsp::QUANTUM;
use auralis_graph::instructions::level;
use fearless_simd::{Level, Simd, dispatch, f32x16, prelude::*};
use fearless_simd_macros::simd;
use std::f64::consts::{PI, TAU};

/// Taps of the fine filter for each place between two samples.
const TAPS: usize = 32;

/// Taps of the filter that meters use.
const METER_TAPS: usize = 12;

/// Frames by which the readings lag behind the samples.
pub const LAG: usize = TAPS / 2;

/// The shape of the Kaiser window: within 0.04 dB up to 0.45 times the sample rate.
const SHAPE: f64 = 5.0;

/// No signal reaches higher between samples than this times its largest sample, as the filters see it.
const MOST_OVERSHOOT: f32 = 2.6;

/// The weights of the samples around each place that is looked at.
pub struct Interpolation {
    places: Box<[Place]>,
    level: Level,
}

/// A place between the middle two of [`TAPS`] samples.
struct Place {
    /// The sample that the first weight is for.
    first: usize,
    weights: Box<[f32]>,
}

impl Interpolation {
    /// Eight times oversampling at usual rates, less at higher ones, where the band that is heard is narrower.
    pub fn new(sample_rate: u32) -> Self {
        let (fine, coarse) = match sample_rate {
            ..64_000 => (8, 4),
            64_000..128_000 => (4, 2),
            _ => (2, 1),
        };
        let places = |times: u32| (1..times).map(move |place| f64::from(place) / f64::from(times));
        let fine = places(fine).map(Place::fine);
        Self { places: fine.chain(places(coarse).map(Place::meter)).collect(), level: level() }
    }
}

fn sinc(x: f64) -> f64 {
    (PI * x).sin() / (PI * x)
}

impl Place {
    /// A sinc in a Kaiser window.
    fn fine(place: f64) -> Self {
        let weight = |distance: f64| sinc(distance) * kaiser(distance / LAG as f64, SHAPE);
        let exact = Self::around(place, TAPS).map(weight);
        let sum: f64 = exact.clone().sum();
        Self { first: 0, weights: exact.map(|weight| (weight / sum) as f32).collect() }
    }

    /// A sinc in a Hann window, as in libebur128 and what follows it.
    fn meter(place: f64) -> Self {
        let weight =
            |distance: f64| sinc(distance) * (0.5 + 0.5 * (TAU * distance / METER_TAPS as f64).cos());
        let weights = Self::around(place, METER_TAPS).map(|distance| weight(distance) as f32).collect();
        Self { first: (TAPS - METER_TAPS) / 2, weights }
    }

    /// Distances of the samples on both sides of a place.
    fn around(place: f64, taps: usize) -> impl Iterator<Item = f64> + Clone {
        (0..taps).map(move |tap| tap as f64 - (taps as f64 / 2.0 - 1.0) - place)
    }

    /// Raises each of 64 peaks to the level at this place in the samples from there on.
    #[simd]
    fn raise<S: Simd>(&self, simd: S, samples: &[f32; TAPS - 1 + QUANTUM], peaks: &mut [f32; QUANTUM]) {
        let mut sums = [f32x16::splat(simd, 0.0); QUANTUM / 16];
        for (tap, weight) in self.weights.iter().enumerate() {
            let from = &samples[self.first + tap..][..QUANTUM];
            for (part, sum) in sums.iter_mut().enumerate() {
                *sum += f32x16::from_slice(simd, &from[part * 16..][..16]) * *weight;
            }
        }
        for (sum, peaks) in sums.iter().zip(peaks.chunks_exact_mut(16)) {
            sum.abs().max(f32x16::from_slice(simd, peaks)).store_slice(peaks);
        }
    }
}

/// One channel that is looked at.
pub struct Peaks {
    /// The last samples of the quantum before, and the present one.
    samples: [f32; TAPS - 1 + QUANTUM],
    /// Largest sample among those kept from before.
    kept: f32,
}

impl Peaks {
    /// A channel that was silent.
    pub fn new() -> Self {
        Self { samples: [0.0; TAPS - 1 + QUANTUM], kept: 0.0 }
    }

    /// Forgets all samples.
    pub fn reset(&mut self) {
        *self = Self::new();
    }

    /// Takes a quantum. Where the signal may exceed `floor` at all, raises `peaks` to its level: frame `f` to
    /// the highest from the sample [`LAG`] frames before `f` up to the next sample. Returns whether it did.
    pub fn raise(
        &mut self,
        by: &Interpolation,
        quantum: &[f32; QUANTUM],
        floor: f32,
        peaks: &mut [f32; QUANTUM],
    ) -> bool {
        self.samples.copy_within(QUANTUM.., 0);
        self.samples[TAPS - 1..].copy_from_slice(quantum);
        let largest = quantum.iter().fold(0.0f32, |largest, x| largest.max(x.abs()));
        let bound = largest.max(std::mem::replace(&mut self.kept, largest)) * MOST_OVERSHOOT;
        if bound <= floor {
            return false;
        }
        for (peak, sample) in peaks.iter_mut().zip(&self.samples[LAG - 1..]) {
            *peak = peak.max(sample.abs());
        }
        dispatch!(by.level, simd => {
            for place in &by.places {
                place.raise(simd, &self.samples, peaks);
            }
        });
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The highest reading of a sine of amplitude 1.
    fn read(cycles: f64, phase: f64, sample_rate: u32) -> f32 {
        let by = Interpolation::new(sample_rate);
        let mut channel = Peaks::new();
        let mut highest = 0.0f32;
        for quantum in 0..200 {
            let sine = |i: usize| ((quantum * QUANTUM + i) as f64 * cycles + phase) * std::f64::consts::TAU;
            let samples = std::array::from_fn(|i| sine(i).sin() as f32);
            let mut peaks = [0.0; QUANTUM];
            channel.raise(&by, &samples, 0.0, &mut peaks);
            // Not the start, where a sine that sets in has a wider spectrum.
            if quantum > 1 {
                highest = peaks.iter().fold(highest, |a, b| a.max(*b));
            }
        }
        highest
    }

    #[test]
    fn sines_read_their_amplitude_wherever_their_samples_fall() {
        for cycles in [0.01, 0.1, 0.25, 1.0 / 3.0, 0.4, 0.45] {
            for phase in [0.0, 0.125, 0.07] {
                let db = 20.0 * read(cycles, phase, 48_000).log10();
                assert!((-0.17..0.1).contains(&db), "{cycles} {phase}: {db}");
                let db = 20.0 * read(cycles / 2.0, phase, 96_000).log10();
                assert!((-0.17..0.1).contains(&db), "{cycles} {phase}: {db}");
            }
        }
    }

    #[test]
    fn nothing_overshoots_by_more_than_the_bound() {
        for rate in [48_000, 96_000, 192_000] {
            for place in &Interpolation::new(rate).places {
                assert!(place.weights.iter().map(|weight| weight.abs()).sum::<f32>() < MOST_OVERSHOOT);
            }
        }
    }
}
