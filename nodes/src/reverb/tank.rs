//! The late part of the reverb: sixteen delay lines that feed each other. Audio thread, but for `new`;
//! allocates nothing after that.
//!
//! A feedback delay network (J.-M. Jot and A. Chaigne, "Digital delay networks for designing artificial
//! reverberators", 90th AES Convention, 1991): what comes out of the lines is damped, mixed by a Hadamard matrix,
//! which loses nothing and spreads every echo over all lines, and goes back in. How fast it decays is up to the
//! filters alone, so that they can move at any time: the lines, and with them the pitch, stay where they are.

use crate::line::Line;
use auralis_graph::chance::Chance;
use auralis_graph::dsp::{Block, QUANTUM, exp2};
use auralis_graph::instructions::level;
use auralis_graph::lanes::sine;
use fearless_simd::{Level, Simd, dispatch, f32x16, prelude::*};
use fearless_simd_macros::simd;

/// Delay lines.
const LINES: usize = 16;

/// Lengths of the lines in a hall, in milliseconds; made prime in frames, so that their echoes do not meet. The
/// sides share them out evenly.
const LENGTHS: [f64; LINES] =
    [54.7, 33.1, 51.9, 31.3, 41.2, 76.3, 93.4, 37.9, 47.3, 67.1, 44.7, 81.7, 63.8, 71.9, 86.2, 59.2];

/// The side that each line takes sound from and gives it to, and the signs with which it does. Line `i` sounds
/// like its side did one length before by the sum, over the side's lines, of the matrix's row `i` times `OUT`:
/// the set and signs keep all these sums at 0 or their least, 2 of 8, or the tail would flutter. `IN` spreads
/// what comes in evenly over both sides. Both were found by search.
const SIDE: [usize; LINES] = [1, 1, 0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 1, 1, 0, 0];
const OUT: [f32; LINES] =
    [-1.0, 1.0, 1.0, 1.0, 1.0, -1.0, -1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0, -1.0, -1.0];
const IN: [f32; LINES] =
    [-1.0, 1.0, -1.0, -1.0, -1.0, -1.0, 1.0, 1.0, -1.0, 1.0, 1.0, -1.0, -1.0, -1.0, -1.0, -1.0];

/// Where highs begin, in Hz: there the decay lies halfway between that of the lows and that of the highs.
const CROSSOVER: f64 = 6_000.0;

/// The farthest that the lines sway to each side, in seconds, and the rates at which they do, in Hz.
const SWAY: f64 = 0.001;
const RATES: (f32, f32) = (0.11, 0.47);

/// Time constant in seconds by which the sway follows its parameter: moving it bends the pitch.
const SWAY_LAG: f64 = 0.25;

/// How the tank is to decay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decay {
    /// Seconds to fall by 60 dB.
    pub seconds: f32,
    /// The same for the highest frequencies, as a part of `seconds`.
    pub highs: f32,
}

/// Sixteen lines.
pub struct Tank {
    lines: [Line; LINES],
    /// Lengths in frames.
    lengths: [f64; LINES],
    shelves: Shelves,
    /// Level of what comes in: the shorter the decay, the louder, so that the loudness stays.
    level: f32,
    decay: Option<Decay>,
    /// Places in their sway, in cycles, and how far they go in a quantum.
    phases: [f32; LINES],
    steps: [f32; LINES],
    /// Frames of sway, now and at full depth, and how much of the distance is left after a quantum.
    sway: f64,
    most_sway: f64,
    sway_keeps: f64,
    sample_rate: f64,
    /// tan(pi f / rate) of the crossover.
    crossover: f32,
    wet: Box<[Block; LINES]>,
    simd: Level,
}

impl Tank {
    /// Lines `scale` times as long as those of a hall. `chance` decides where they are in their sway.
    pub fn new(sample_rate: u32, scale: f64, chance: Chance) -> Self {
        let rate = f64::from(sample_rate);
        let lengths = LENGTHS.map(|ms| prime((ms * 0.001 * scale * rate) as u32));
        let most_sway = SWAY * rate;
        let line = |index: usize| Line::new(lengths[index] as usize + most_sway as usize + 2);
        let mut tank = Self {
            lines: std::array::from_fn(line),
            lengths: lengths.map(f64::from),
            shelves: Shelves::default(),
            level: 0.0,
            decay: None,
            phases: [0.0; LINES],
            steps: std::array::from_fn(|index| {
                let hertz = RATES.0 * (RATES.1 / RATES.0).powf(index as f32 / (LINES - 1) as f32);
                hertz * QUANTUM as f32 / sample_rate as f32
            }),
            sway: 0.0,
            most_sway,
            sway_keeps: (-(QUANTUM as f64) / (SWAY_LAG * rate)).exp(),
            sample_rate: rate,
            crossover: (std::f64::consts::PI * CROSSOVER.min(rate * 0.4) / rate).tan() as f32,
            wet: Box::new([Block::SILENCE; LINES]),
            simd: level(),
        };
        tank.start(chance);
        tank
    }

    /// Forgets all signal and starts its sway anew.
    pub fn reset(&mut self, chance: Chance) {
        self.clear();
        self.start(chance);
    }

    fn start(&mut self, mut chance: Chance) {
        self.phases.iter_mut().for_each(|phase| *phase = chance.unit());
    }

    /// Forgets all signal, in constant time.
    pub fn clear(&mut self) {
        self.lines.iter_mut().for_each(Line::clear);
        self.shelves = Shelves::default();
        self.decay = None;
    }

    /// Sways as another one does.
    pub fn adopt(&mut self, other: &Tank) {
        self.phases = other.phases;
    }

    /// Frames of its longest line.
    pub fn longest(&self) -> usize {
        (self.lengths.iter().fold(0.0f64, |longest, length| longest.max(*length)) + self.most_sway) as usize
    }

    /// One quantum: takes both sides in and gives them out. `modulation` is the sway, from 0 to 1. Returns the
    /// loudest that went into a line.
    pub fn quantum(&mut self, sound: &mut [Block; 2], decay: Decay, modulation: f32) -> f32 {
        let fresh = self.decay.is_none();
        let level_from = self.aim(decay);
        let target = f64::from(modulation) * self.most_sway;
        let sway_from = if fresh { target } else { self.sway };
        self.sway = target + (sway_from - target) * self.sway_keeps;
        if (self.sway - target).abs() < 1e-3 {
            self.sway = target;
        }
        dispatch!(self.simd, simd => {
            self.read(simd, sway_from);
            self.mix(simd, sound, level_from)
        })
    }

    /// Sets the filters for the end of the quantum. Returns the level of what comes in at its start.
    fn aim(&mut self, decay: Decay) -> f32 {
        let (before, fresh) = (self.level, self.decay.is_none());
        if self.decay != Some(decay) {
            self.decay = Some(decay);
            // 60 dB are 9.97 octaves of amplitude.
            let per_frame =
                -(3.0 / std::f64::consts::LOG10_2) / (f64::from(decay.seconds) * self.sample_rate);
            let mut power = 0.0;
            for (line, length) in self.lengths.iter().enumerate() {
                let octaves = (per_frame * length) as f32;
                let gain = exp2(octaves);
                power += gain * gain / LINES as f32;
                self.shelves.aim(line, gain, exp2(octaves / decay.highs - octaves), self.crossover);
            }
            // Each pass leaves `power` of the power, and the first is heard after one.
            self.level = ((1.0 - power) / power.max(0.05)).sqrt();
        }
        if fresh {
            self.shelves.from = self.shelves.to;
            return self.level;
        }
        before
    }

    /// Reads the lines, each at its place in its sway.
    #[simd]
    fn read<S: Simd>(&mut self, simd: S, sway_from: f64) {
        for (index, line) in self.lines.iter().enumerate() {
            let phase = self.phases[index];
            let next = phase + self.steps[index];
            let from = self.lengths[index] + sway_from * f64::from(sine(phase));
            let to = self.lengths[index] + self.sway * f64::from(sine(next));
            // The coming quantum is not pushed yet: its delay counts from the last one.
            line.swept(from - QUANTUM as f64, (to - from) / QUANTUM as f64, &mut self.wet[index]);
            self.phases[index] = next - next.floor();
        }
    }

    /// Damps what was read, gives it out, mixes it, and sends it back with what comes in.
    #[simd]
    fn mix<S: Simd>(&mut self, simd: S, sound: &mut [Block; 2], level_from: f32) -> f32 {
        self.shelves.damp(simd, &mut self.wet);
        let mut taken = [[0.0f32; QUANTUM]; 2];
        for (side, (sound, taken)) in sound.iter_mut().zip(&mut taken).enumerate() {
            let step = (self.level - level_from) / QUANTUM as f32;
            for (frame, (taken, x)) in taken.iter_mut().zip(sound.iter()).enumerate() {
                // Each side goes into half of the lines.
                *taken = x * (level_from + step * (frame + 1) as f32) * (1.0 / (LINES as f32 / 2.0).sqrt());
            }
            sound.fill(0.0);
            for index in (0..LINES).filter(|index| SIDE[*index] == side) {
                sound.iter_mut().zip(self.wet[index].iter()).for_each(|(out, x)| *out += x * OUT[index]);
            }
        }
        hadamard(&mut self.wet);
        let mut loudest = 0.0f32;
        for (index, wet) in self.wet.iter_mut().enumerate() {
            let taken = &taken[SIDE[index]];
            for (wet, taken) in wet.iter_mut().zip(taken) {
                *wet = *wet * (1.0 / (LINES as f32).sqrt()) + taken * IN[index];
                loudest = if wet.abs() > loudest { wet.abs() } else { loudest };
            }
            self.lines[index].push_quantum(wet);
        }
        loudest
    }
}

/// Sums and differences of all lines, without the factor that keeps the power.
#[inline(always)]
fn hadamard(blocks: &mut [Block; LINES]) {
    let mut half = 1;
    while half < LINES {
        for first in (0..LINES).filter(|index| index & half == 0) {
            let (low, high) = blocks.split_at_mut(first + half);
            for (a, b) in low[first].iter_mut().zip(high[0].iter_mut()) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
}

/// For each line a gain, and a first-order shelf that takes more from the highs: y = b0 x + b1 x' - a1 y'. Each
/// sample of a line waits for the one before, so all lines are filtered side by side.
#[derive(Debug, Default)]
struct Shelves {
    /// b0, b1 and a1 at the start and at the end of the quantum. In between they move in straight lines, along
    /// which the filter stays stable.
    from: [[f32; LINES]; 3],
    to: [[f32; LINES]; 3],
    before: [f32; LINES],
    after: [f32; LINES],
}

impl Shelves {
    /// The gain of a line's lows, that of its highs as a part of it, and the crossover as a warped frequency.
    fn aim(&mut self, line: usize, gain: f32, highs: f32, crossover: f32) {
        // H(s) = (k s + r) / (s + r), by the bilinear transform. With r = sqrt k it is sqrt k at 1 rad/s; where
        // the highs go at once, r is kept from reaching down to the middle.
        let root = highs.sqrt().max(0.5);
        let s = 1.0 / crossover;
        let scale = 1.0 / (s + root);
        let to = [gain * (highs * s + root) * scale, gain * (root - highs * s) * scale, (root - s) * scale];
        self.to.iter_mut().zip(to).for_each(|(coefficients, to)| coefficients[line] = to);
    }

    /// Filters a quantum of all lines.
    #[simd]
    fn damp<S: Simd>(&mut self, simd: S, wet: &mut [Block; LINES]) {
        let load = |lines: &[f32; LINES]| f32x16::from_slice(simd, lines);
        let [mut b0, mut b1, mut a1] = self.from.each_ref().map(load);
        let steps: [f32x16<S>; 3] =
            std::array::from_fn(|k| (load(&self.to[k]) - load(&self.from[k])) * (1.0 / QUANTUM as f32));
        let (mut before, mut after) = (load(&self.before), load(&self.after));
        for first in (0..QUANTUM).step_by(LINES) {
            let rows = std::array::from_fn(|line| f32x16::from_slice(simd, &wet[line][first..][..LINES]));
            let mut frames = transposed(rows);
            for frame in &mut frames {
                let y = b0 * *frame + b1 * before - a1 * after;
                (before, after, *frame) = (*frame, y, y);
                (b0, b1, a1) = (b0 + steps[0], b1 + steps[1], a1 + steps[2]);
            }
            for (line, row) in transposed(frames).iter().enumerate() {
                row.store_slice(&mut wet[line][first..][..LINES]);
            }
        }
        before.store_slice(&mut self.before);
        after.store_slice(&mut self.after);
        self.from = self.to;
    }
}

/// Rows become columns: shuffled four times as a deck of cards is.
#[inline(always)]
fn transposed<S: Simd>(mut rows: [f32x16<S>; LINES]) -> [f32x16<S>; LINES] {
    for _ in 0..LINES.ilog2() {
        let cards = rows;
        for (pair, (first, second)) in cards[..LINES / 2].iter().zip(&cards[LINES / 2..]).enumerate() {
            (rows[2 * pair], rows[2 * pair + 1]) = first.interleave(*second);
        }
    }
    rows
}

/// The first prime number at or above `n`.
fn prime(n: u32) -> u32 {
    let is_prime = |n: &u32| (2..).take_while(|d| d * d <= *n).all(|d| !n.is_multiple_of(d));
    (n.max(2)..).find(is_prime).unwrap_or(n)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_prime() {
        assert_eq!([1, 2, 4, 24, 1_500].map(prime), [2, 2, 5, 29, 1_511]);
    }

    #[test]
    fn the_matrix_loses_nothing_and_is_its_own_inverse() {
        let mut chance = Chance::new(1);
        let mut blocks: [Block; LINES] =
            std::array::from_fn(|_| Block(std::array::from_fn(|_| chance.bipolar())));
        let before = blocks;
        hadamard(&mut blocks);
        hadamard(&mut blocks);
        for (after, before) in blocks.iter().zip(&before) {
            assert!(after.iter().zip(before.iter()).all(|(a, b)| (a / LINES as f32 - b).abs() < 1e-5));
        }
    }
}
