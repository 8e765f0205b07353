//! Reads a recording between its frames and at any speed: windowed sincs, tabled by phase, narrowed as the speed
//! rises so that nothing folds back. Made once, on the control side; reading is real-time safe.
//!
//! Smith and Gossett, "A flexible sampling-rate conversion method" (ICASSP 1984), with a table for each quarter
//! octave of speed in place of a stretched one. dasp_interpolate's sinc computes its sines tap by tap, which costs
//! about as much a frame as a whole voice does here, and lets fast reading alias.

use crate::kaiser::kaiser;
use std::f64::consts::PI;
use std::sync::OnceLock;

/// A table for speeds up to one.
#[derive(Debug)]
pub struct Kernel {
    taps: usize,
    phases: usize,
    /// `phases + 1` rows of `taps`.
    rows: Vec<f32>,
}

/// Taps at speeds up to 1.
const TAPS: usize = 48;
/// Phases at speeds up to 1; straight lines between them err by less than -90 dB.
const PHASES: usize = 256;
/// Cutoff as a share of the lower of both Nyquist frequencies.
const CUTOFF: f64 = 0.92;
/// Stopband: Kaiser's shape for 80 dB.
const SHAPE: f64 = 8.0;
/// Tables for each octave of speed.
const STEPS: usize = 4;
/// Octaves of speed above 1.
const OCTAVES: usize = 4;

/// Fastest reading, in source frames for each frame.
pub const FASTEST: f64 = (1 << OCTAVES) as f64;

/// Frames on either side of a place that the widest table reads.
pub const REACH: usize = (TAPS << OCTAVES) / 2 + 8;

/// The table for a speed. The first call makes all tables; make it on the control side.
pub fn kernel(speed: f64) -> &'static Kernel {
    let kernels = kernels();
    let step = (speed.max(1.0).log2() * STEPS as f64 - 1e-9).ceil().max(0.0) as usize;
    &kernels[step.min(kernels.len() - 1)]
}

/// All tables, by speed.
pub fn kernels() -> &'static [Kernel] {
    static KERNELS: OnceLock<Vec<Kernel>> = OnceLock::new();
    KERNELS.get_or_init(|| {
        (0..=STEPS * OCTAVES).map(|step| Kernel::new(2f64.powf(step as f64 / STEPS as f64))).collect()
    })
}

impl Kernel {
    fn new(speed: f64) -> Self {
        let taps = ((TAPS as f64 * speed).ceil() as usize).next_multiple_of(8);
        let phases = ((PHASES as f64 / speed).ceil() as usize).max(16);
        let (cutoff, half) = (CUTOFF / speed, taps as f64 / 2.0);
        let mut rows = Vec::with_capacity((phases + 1) * taps);
        for phase in 0..=phases {
            let fraction = phase as f64 / phases as f64;
            let tap = |index: usize| {
                let x = index as f64 - (half - 1.0) - fraction;
                let sinc = if x.abs() < 1e-9 { cutoff } else { (PI * cutoff * x).sin() / (PI * x) };
                sinc * kaiser(x / half, SHAPE)
            };
            let row: Vec<f64> = (0..taps).map(tap).collect();
            // Each row passes a constant as it is.
            let sum: f64 = row.iter().sum();
            rows.extend(row.iter().map(|tap| (tap / sum) as f32));
        }
        Self { taps, phases, rows }
    }

    /// The sound of both sides at `frame + fraction`; frames within [`REACH`] of it must be there.
    #[inline]
    pub fn read(&self, left: &[f32], right: &[f32], frame: usize, fraction: f64) -> (f32, f32) {
        let place = fraction * self.phases as f64;
        let row = (place as usize).min(self.phases - 1);
        let between = (place - row as f64) as f32;
        let (low, high) = self.rows[row * self.taps..][..2 * self.taps].split_at(self.taps);
        let start = frame + 1 - self.taps / 2;
        let (left, right) = (&left[start..][..self.taps], &right[start..][..self.taps]);
        let (mut l, mut r) = ([0.0f32; 8], [0.0f32; 8]);
        for at in (0..self.taps).step_by(8) {
            for lane in 0..8 {
                let weight = low[at + lane] + (high[at + lane] - low[at + lane]) * between;
                l[lane] += left[at + lane] * weight;
                r[lane] += right[at + lane] * weight;
            }
        }
        // A fixed order, the same on every machine.
        let sum = |x: [f32; 8]| ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
        (sum(l), sum(r))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sine_is_read_exactly_at_any_speed_below_the_band_and_vanishes_above() {
        for (speed, cycles, heard) in [
            (0.37, 0.3, true),
            (1.0, 0.35, true),
            (2.6, 0.12, true),
            (5.3, 0.06, true),
            (2.6, 0.25, false),
            (7.9, 0.09, false),
            (16.0, 0.04, false),
        ] {
            let length = 40_000;
            let sine: Vec<f32> =
                (0..length).map(|i| (cycles * 2.0 * PI * f64::from(i)).sin() as f32).collect();
            let mut worst = 0.0f64;
            for index in 0..1_500 {
                let place = REACH as f64 + f64::from(index) * speed;
                let (l, r) = kernel(speed).read(&sine, &sine, place as usize, place.fract());
                assert_eq!(l, r);
                let exact = if heard { (cycles * 2.0 * PI * place).sin() } else { 0.0 };
                worst = worst.max((f64::from(l) - exact).abs());
            }
            assert!(worst < 3e-4, "speed {speed}, {cycles} cycles a frame: {worst}");
        }
    }
}
