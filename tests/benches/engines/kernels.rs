//! What every engine's nodes compute: a sine, a gain, a state-variable low-pass and a sum, as the catalogue's own
//! nodes do it, with the same instruction sets. What differs between the engines is then the engines.

use auralis_graph::lanes::sine;
use fearless_simd::{Level, dispatch, f32x16, prelude::*};

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
        Self { level: Level::new(), phase: 0.0, increment: frequency / RATE }
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

/// A low-pass of 12 dB an octave, trapezoidal (Simper 2014) as a matrix on its charges, with the damping of the
/// catalogue's filter at its default.
#[derive(Clone)]
pub struct Filter {
    keep_first: f32,
    keep_second: f32,
    cross: f32,
    enter: f32,
    first: f32,
    second: f32,
}

impl Filter {
    pub fn new(cutoff: f32) -> Self {
        let damping = std::f32::consts::SQRT_2;
        let (sine, cosine) = (std::f32::consts::PI * cutoff / RATE).sin_cos();
        let (double, square) = (2.0 * sine * cosine, 2.0 * sine * sine);
        let norm = 1.0 / (damping * double + 2.0);
        let (cross, enter) = (2.0 * double * norm, 2.0 * square * norm);
        let keep_first = 1.0 - 2.0 * (square + damping * double) * norm;
        Self { keep_first, keep_second: 1.0 - enter, cross, enter, first: 0.0, second: 0.0 }
    }

    pub fn run(&mut self, from: &[f32], out: &mut [f32]) {
        let Self { keep_first, keep_second, cross, enter, mut first, mut second } = *self;
        for (out, x) in out.iter_mut().zip(from) {
            let next = keep_first * first + cross * x - cross * second;
            let low = second;
            second = keep_second * second + (cross * first + enter * x);
            first = next;
            *out = (low + second) * 0.5;
        }
        (self.first, self.second) = (first, second);
    }
}

/// A sum.
pub fn add(from: &[f32], out: &mut [f32]) {
    out.iter_mut().zip(from).for_each(|(out, x)| *out += x);
}
