//! Loudness, true peak and level of a programme: the one definition behind the `meter` node and the summary of a
//! render. Allocates in `new` alone; measuring is real-time safe, and costs the same in every quantum.
//!
//! ITU-R BS.1770-5 and EBU R 128 with Tech 3341 and 3342. The crate ebur128 measures the same and is what the
//! tests compare with; it does the work of a window at the window's end, which is no good on an audio thread.

use crate::channels;
use crate::true_peak::{Interpolation, Peaks};
use auralis_graph::dsp::{Block, QUANTUM};
use auralis_graph::engine::AudioIn;
use fundsp::audionode::AudioNode;
use fundsp::biquad::{Biquad, BiquadCoefs};
use std::f64::consts::PI;

/// Measures what it is given from when it was made, or reset.
pub struct Loudness {
    channels: Box<[Channel]>,
    /// The two filters of the weighting, for each channel, and what they are at work on.
    shelves: Box<[Biquad<f64>]>,
    cuts: Box<[Biquad<f64>]>,
    weighted: Box<[Block]>,
    interpolation: Interpolation,
    /// Frames in a step of 100 ms, by which windows move, and those of the present one.
    step: usize,
    done: usize,
    /// Sum of squares of the present step.
    sum: f64,
    /// Mean power of the last steps, as a ring; `steps` counts all there were.
    powers: [f64; SHORT],
    steps: u64,
    /// Every window of 400 ms, and every one of 3 s.
    blocks: Histogram,
    shorts: Histogram,
    peak: f32,
    true_peak: f32,
    /// Frames given to [`Loudness::add`] that are no whole quantum yet.
    waiting: usize,
}

/// Steps in the momentary window, 400 ms.
const MOMENTARY: usize = 4;
/// Steps in the short-term window, 3 s.
const SHORT: usize = 30;

/// The quietest that counts at all, in LUFS (BS.1770-5, annex 1, the absolute gate).
const ABSOLUTE_GATE: f64 = -70.0;

struct Channel {
    peaks: Peaks,
    waiting: [f32; QUANTUM],
}

impl Loudness {
    /// For frames of this many channels, all of the same weight.
    pub fn new(channels: usize, sample_rate: u32) -> Self {
        let channel = || Channel { peaks: Peaks::new(), waiting: [0.0; QUANTUM] };
        let [shelf, cut] = weighting(f64::from(sample_rate));
        Self {
            channels: (0..channels).map(|_| channel()).collect(),
            shelves: vec![shelf; channels].into(),
            cuts: vec![cut; channels].into(),
            weighted: vec![Block::SILENCE; channels].into(),
            interpolation: Interpolation::new(sample_rate),
            step: (sample_rate as usize + 5) / 10,
            done: 0,
            sum: 0.0,
            powers: [0.0; SHORT],
            steps: 0,
            blocks: Histogram::new(),
            shorts: Histogram::new(),
            peak: 0.0,
            true_peak: 0.0,
            waiting: 0,
        }
    }

    /// Forgets everything.
    pub fn reset(&mut self) {
        for channel in &mut self.channels {
            channel.peaks.reset();
        }
        self.shelves.iter_mut().chain(&mut self.cuts).for_each(AudioNode::reset);
        self.done = 0;
        self.sum = 0.0;
        self.powers.fill(0.0);
        self.steps = 0;
        self.blocks.clear();
        self.shorts.clear();
        self.peak = 0.0;
        self.true_peak = 0.0;
        self.waiting = 0;
    }

    /// Takes any number of frames, a slice for each channel. They count by quanta of 64: what is left of one
    /// waits for the next call.
    ///
    /// # Panics
    /// If there are not as many slices as channels, or one is shorter than the first.
    pub fn add(&mut self, sound: &[&[f32]]) {
        assert_eq!(sound.len(), self.channels.len(), "a slice for each channel");
        let frames = sound.first().map_or(0, |samples| samples.len());
        let mut done = 0;
        while done < frames {
            let count = (frames - done).min(QUANTUM - self.waiting);
            for (channel, samples) in self.channels.iter_mut().zip(sound) {
                channel.waiting[self.waiting..][..count].copy_from_slice(&samples[done..done + count]);
            }
            done += count;
            self.waiting += count;
            if self.waiting == QUANTUM {
                self.waiting = 0;
                self.quantum(|_, channel| channel.waiting);
            }
        }
    }

    /// Takes 64 frames of every channel. Returns whether a step of 100 ms was completed, with which the
    /// readings change. Real-time safe.
    pub(crate) fn take(&mut self, sound: &AudioIn<'_>) -> bool {
        self.quantum(|index, _| sound.channel(index).0)
    }

    fn quantum(&mut self, samples: impl Fn(usize, &Channel) -> [f32; QUANTUM]) -> bool {
        for (index, channel) in self.channels.iter_mut().enumerate() {
            let samples = &samples(index, channel);
            let mut peaks = [0.0; QUANTUM];
            if channel.peaks.raise(&self.interpolation, samples, self.true_peak, &mut peaks) {
                self.true_peak = peaks.iter().fold(self.true_peak, |most, peak| most.max(*peak));
            }
            self.peak = samples.iter().fold(self.peak, |most, x| most.max(x.abs()));
            self.weighted[index].0 = *samples;
        }
        channels::filter(&mut self.shelves, &mut self.weighted);
        channels::filter(&mut self.cuts, &mut self.weighted);
        let mut powers = [0.0; QUANTUM];
        for block in &self.weighted {
            powers.iter_mut().zip(block.iter()).for_each(|(power, x)| *power += f64::from(x * x));
        }
        let before = self.steps;
        for power in powers {
            self.sum += power;
            self.done += 1;
            if self.done == self.step {
                self.end_step();
            }
        }
        self.steps != before
    }

    fn end_step(&mut self) {
        self.powers[(self.steps % SHORT as u64) as usize] = self.sum / self.step as f64;
        self.steps += 1;
        (self.sum, self.done) = (0.0, 0);
        if self.steps >= MOMENTARY as u64 {
            self.blocks.add(self.window(MOMENTARY));
        }
        if self.steps >= SHORT as u64 {
            self.shorts.add(self.window(SHORT));
        }
    }

    /// Mean power of the last steps; what lies before the start counts as silence.
    fn window(&self, steps: usize) -> f64 {
        let newest = self.steps as usize + SHORT - 1;
        (0..steps).map(|back| self.powers[(newest - back) % SHORT]).sum::<f64>() / steps as f64
    }

    /// Loudness of the last 400 ms in LUFS; -inf for silence.
    pub fn momentary(&self) -> f64 {
        lufs(self.window(MOMENTARY))
    }

    /// Loudness of the last 3 s in LUFS; -inf for silence.
    pub fn short_term(&self) -> f64 {
        lufs(self.window(SHORT))
    }

    /// Loudness of it all in LUFS, quiet passages left out by the standard's gates; -inf where all is quiet.
    pub fn integrated(&self) -> f64 {
        let gate = lufs(self.blocks.mean_above(ABSOLUTE_GATE)) - 10.0;
        lufs(self.blocks.mean_above(gate.max(ABSOLUTE_GATE)))
    }

    /// Loudness range in LU (EBU Tech 3342): how far apart quiet and loud passages are; 0 where there are none.
    pub fn range(&self) -> f64 {
        let gate = lufs(self.shorts.mean_above(ABSOLUTE_GATE)) - 20.0;
        self.shorts.range_above(gate.max(ABSOLUTE_GATE))
    }

    /// The largest sample so far, as an amplitude.
    pub fn peak(&self) -> f32 {
        self.peak
    }

    /// The highest level so far between the samples, as an amplitude.
    pub fn true_peak(&self) -> f32 {
        self.true_peak.max(self.peak)
    }
}

/// Loudness of a mean power (BS.1770-5, annex 1, equation 2); -inf below -130 LUFS, where filters ring out.
fn lufs(power: f64) -> f64 {
    if power < 1e-13 { f64::NEG_INFINITY } else { 10.0 * power.log10() - 0.691 }
}

/// The two stages of the K-weighting at any rate. The standard gives coefficients for 48 kHz only; the analogue
/// filters behind them were found by B. De Man, "Evaluation of implementations of the EBU R128 loudness
/// measurement", 145th AES Convention, 2018.
fn weighting(sample_rate: f64) -> [Biquad<f64>; 2] {
    let shelf = {
        let (k, q) = ((PI * 1_681.974_450_955_533 / sample_rate).tan(), 0.707_175_236_955_419_6);
        let high = 10f64.powf(3.999_843_853_973_347 / 20.0);
        let middle = high.powf(0.499_666_774_154_541_6);
        let a0 = 1.0 + k / q + k * k;
        BiquadCoefs::arbitrary(
            2.0 * (k * k - 1.0) / a0,
            (1.0 - k / q + k * k) / a0,
            (high + middle * k / q + k * k) / a0,
            2.0 * (k * k - high) / a0,
            (high - middle * k / q + k * k) / a0,
        )
    };
    let cut = {
        let (k, q) = ((PI * 38.135_470_876_024_44 / sample_rate).tan(), 0.500_327_037_323_877_3);
        let a0 = 1.0 + k / q + k * k;
        BiquadCoefs::arbitrary(2.0 * (k * k - 1.0) / a0, (1.0 - k / q + k * k) / a0, 1.0, -2.0, 1.0)
    };
    [Biquad::with_coefs(shelf), Biquad::with_coefs(cut)]
}

/// How often each loudness occurred, to a tenth of a LU: of fixed size, however long a station plays.
struct Histogram {
    counts: Box<[u64; Histogram::BINS]>,
    powers: Box<[f64; Histogram::BINS]>,
}

impl Histogram {
    /// Up to 30 LUFS; what is louder still counts as that.
    const BINS: usize = 1_000;
    const BINS_PER_LU: f64 = 10.0;

    fn new() -> Self {
        Self { counts: Box::new([0; Self::BINS]), powers: Box::new([0.0; Self::BINS]) }
    }

    fn clear(&mut self) {
        self.counts.fill(0);
        self.powers.fill(0.0);
    }

    fn bin(loudness: f64) -> usize {
        (((loudness - ABSOLUTE_GATE) * Self::BINS_PER_LU) as usize).min(Self::BINS - 1)
    }

    /// Counts a window, unless it is below the absolute gate.
    fn add(&mut self, power: f64) {
        let loudness = lufs(power);
        if loudness >= ABSOLUTE_GATE {
            let bin = Self::bin(loudness);
            self.counts[bin] += 1;
            self.powers[bin] += power;
        }
    }

    /// Mean power of the windows at or above a loudness, to the bin; 0 where there are none.
    fn mean_above(&self, gate: f64) -> f64 {
        let from = Self::bin(gate);
        let count: u64 = self.counts[from..].iter().sum();
        if count == 0 { 0.0 } else { self.powers[from..].iter().sum::<f64>() / count as f64 }
    }

    /// From the 10th to the 95th percentile of the windows at or above a loudness, in LU.
    fn range_above(&self, gate: f64) -> f64 {
        let from = Self::bin(gate);
        let count: u64 = self.counts[from..].iter().sum();
        let percentile = |part: f64| {
            let rank = ((count.max(1) - 1) as f64 * part).round() as u64;
            let mut below = 0;
            self.counts[from..].iter().position(|count| {
                below += count;
                below > rank
            })
        };
        match (percentile(0.1), percentile(0.95)) {
            (Some(low), Some(high)) => (high - low) as f64 / Self::BINS_PER_LU,
            _ => 0.0,
        }
    }
}
