//! What every engine's nodes compute: a sine, a gain, a state-variable low-pass and a sum, as the catalogue's own
//! nodes do it, with the same instruction sets. What differs between the engines is then the engines.

use auralis_graph::instructions::level;
use auralis_graph::lanes::sine;
use fearless_simd::{Level, dispatch, f32x8, f32x16, prelude::*};

/// Frames per second.
pub const RATE: f32 = 48_000.0;
/// Frames by which kernels work: all engines' blocks are multiples.
const LANES: usize = 16;
/// A gain of -6 dB.
pub const GAIN: f32 = 0.501_187_2;
/// Groups of the graph that sounds, and chains in each.
pub const GROUPS: usize = 20;
/// Chains of sine, gain and filter that one mixer takes.
pub const CHAINS: usize = 16;
/// Nodes of the graph that sounds: per group the chains of three, their mixer and a gain behind it.
pub const NODES: usize = GROUPS * (CHAINS * 3 + 2);

/// The pitch of a chain.
pub fn frequency(group: usize, chain: usize) -> f32 {
    110.0 + 7.0 * group as f32 + 20.0 * chain as f32
}

/// The cutoff of a chain's filter.
pub fn cutoff(chain: usize) -> f32 {
    600.0 + 50.0 * chain as f32
}

/// A sine.
#[derive(Clone)]
pub struct Sine {
    level: Level,
    phase: f32,
    increment: f32,
}

impl Sine {
    pub fn new(frequency: f32) -> Self {
        Self { level: level(), phase: 0.0, increment: frequency / RATE }
    }

    pub fn run(&mut self, out: &mut [f32]) {
        let (phase, increment) = (self.phase, self.increment);
        dispatch!(self.level, simd => {
            let ramp = f32x16::from_slice(simd, &RAMP);
            for (index, out) in out.chunks_exact_mut(LANES).enumerate() {
                let frames = ramp + (index * LANES) as f32;
                sine(frames * increment + phase).store_slice(out);
            }
        });
        let end = phase + increment * out.len() as f32;
        self.phase = end - end.round();
    }
}

const RAMP: [f32; LANES] = [0., 1., 2., 3., 4., 5., 6., 7., 8., 9., 10., 11., 12., 13., 14., 15.];

/// A gain.
pub fn gain(from: &[f32], out: &mut [f32]) {
    out.iter_mut().zip(from).for_each(|(out, x)| *out = x * GAIN);
}

/// A low-pass of 12 dB an octave, trapezoidal (Simper 2014), four samples at a time, with the damping of the
/// catalogue's filter at its default.
#[derive(Clone)]
pub struct Filter {
    level: Level,
    /// What each charge and each of four inputs adds to four outputs and to the charges.
    columns: [[f32; 8]; 6],
    first: f32,
    second: f32,
}

impl Filter {
    pub fn new(cutoff: f32) -> Self {
        let damping = std::f64::consts::SQRT_2;
        let (sine, cosine) = (std::f64::consts::PI * f64::from(cutoff / RATE)).sin_cos();
        let (double, square) = (2.0 * sine * cosine, 2.0 * sine * sine);
        let norm = 1.0 / (damping * double + 2.0);
        let column = |index: usize| {
            let unit = |at: usize| f64::from(u8::from(index == at));
            let (mut first, mut second) = (unit(0), unit(1));
            let mut column = [0.0; 8];
            for (frame, out) in column[..4].iter_mut().enumerate() {
                let t0 = unit(2 + frame) - second;
                let band = first + (double * t0 - (square + damping * double) * first) * norm;
                let low = second + (square * t0 + double * first) * norm;
                (first, second) = (2.0 * band - first, 2.0 * low - second);
                *out = low as f32;
            }
            (column[4], column[5]) = (first as f32, second as f32);
            column
        };
        Self { level: level(), columns: std::array::from_fn(column), first: 0.0, second: 0.0 }
    }

    pub fn run(&mut self, from: &[f32], out: &mut [f32]) {
        dispatch!(self.level, simd => {
            let column = |index: usize| f32x8::from_slice(simd, &self.columns[index]);
            let (by_first, by_second) = (column(0), column(1));
            let (a, b, c, d) = (column(2), column(3), column(4), column(5));
            let (mut first, mut second) = (self.first, self.second);
            let ((out, _), (from, _)) = (out.as_chunks_mut::<4>(), from.as_chunks::<4>());
            for (out, x) in out.iter_mut().zip(from) {
                let inputs = (a * x[0] + b * x[1]) + (c * x[2] + d * x[3]);
                let sums = (by_first * first + by_second * second) + inputs;
                let sums: [f32; 8] = sums.into();
                out.copy_from_slice(&sums[..4]);
                (first, second) = (sums[4], sums[5]);
            }
            (self.first, self.second) = (first, second);
        });
    }
}

/// A sum.
pub fn add(from: &[f32], out: &mut [f32]) {
    out.iter_mut().zip(from).for_each(|(out, x)| *out += x);
}
