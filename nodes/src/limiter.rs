//! `limiter`: nothing above the ceiling, not even between samples.

use crate::line::Line;
use crate::true_peak::{Interpolation, LAG, Peaks};
use crate::window::SlidingMax;
use auralis_graph::dsp::{Block, QUANTUM, db_to_gain};
use auralis_graph::engine::{Context, Io, Param};
use auralis_graph::node::NoConfig;
use auralis_graph::param::ParamSpec;
use auralis_graph::port::Ports;
use auralis_graph::{Node, NodeError, Prepare, Prepared, Processor, Status};

const CEILING: usize = 0;
const RELEASE: usize = 1;

/// A look-ahead true-peak limiter: two stages one after the other. The first does the work; moving its gain
/// shifts what lies between the samples a little, and the second catches what that lifts above the ceiling.
pub struct Limiter {
    stages: [Stage; 2],
    sample_rate: f64,
    sound: Box<[Block]>,
    /// Whether the first stage changed anything in the last quantum.
    touched: bool,
    /// Frames since the input was silent, and until then.
    silent: u32,
    latency: u32,
}

/// Look-ahead of the stages in quanta at 48 kHz: 2.7 ms and 1.3 ms.
const LOOK_AHEAD: [u32; 2] = [2, 1];

impl Node for Limiter {
    const KIND: &'static str = "limiter";
    const ABOUT: &'static str = "Keeps sound below a ceiling, between the samples too.

For the end of a chain: what is below the ceiling passes untouched, bit for bit, 4 ms late (the latency is made up
for). Above it the gain goes down before the peak arrives and comes back within `release`; both sides move
together, so that the image stands still. It measures the true peak, oversampled, so that converters and encoders
do not clip either: -1 dB is right for streams. On a mix that is balanced it should have next to nothing to do;
where it works all the time, turn the mix down, or take a compressor.";
    const EXAMPLE: &'static str = "
hiss: { type: noise, colour: pink }
master: { type: limiter, in: hiss, ceiling: -12 dB }
out: { type: output, in: master }";
    const PARAMS: &'static [ParamSpec] = &[
        ParamSpec::decibels("ceiling", -24.0, 0.0, -1.0).about("The highest true peak that leaves."),
        ParamSpec::seconds("release", 0.01, 1.0, 0.1)
            .about("Time constant by which the gain comes back after a peak."),
    ];
    type Config = NoConfig;

    fn ports(_config: &NoConfig) -> Ports {
        Ports::effect()
    }

    fn prepare(_config: &NoConfig, cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        let channels = usize::from(cx.outputs[0]);
        let quanta = (f64::from(cx.sample_rate) / 48_000.0).round().max(1.0) as u32;
        let ahead = LOOK_AHEAD.map(|times| times * quanta * QUANTUM as u32);
        let latency = ahead.iter().sum();
        let limiter = Limiter {
            stages: ahead.map(|ahead| Stage::new(channels, ahead as usize, cx.sample_rate)),
            sample_rate: f64::from(cx.sample_rate),
            sound: vec![Block::SILENCE; channels].into(),
            touched: false,
            silent: latency,
            latency,
        };
        Ok(Prepared::new(limiter).latency(latency))
    }
}

impl Processor for Limiter {
    fn process(&mut self, _cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        let input = io.input(0);
        self.silent = if input.is_silent() { self.silent.saturating_add(QUANTUM as u32) } else { 0 };
        // The quantum that has just come counts, hence the one more.
        let empty = self.silent > self.latency;
        if empty && self.stages.iter().all(Stage::is_idle) {
            return Status::Asleep;
        }
        for (channel, sound) in self.sound.iter_mut().enumerate() {
            *sound = *input.channel(channel);
        }
        let (ceiling, release) = (io.param(CEILING), io.param(RELEASE).first());
        let returns = 1.0 - (-1.0 / (f64::from(release) * self.sample_rate)).exp();
        let mut limits = Block::SILENCE;
        match ceiling {
            Param::Constant(db) => limits.fill(db_to_gain(db)),
            Param::Signal(db) => {
                limits.iter_mut().zip(db.iter()).for_each(|(limit, db)| *limit = db_to_gain(*db));
            }
        }
        let [first, second] = &mut self.stages;
        let touched = first.process(&mut self.sound, &limits, returns, true);
        // What the first leaves as it is needs no second look, once its reading has passed.
        second.process(&mut self.sound, &limits, returns, touched || self.touched);
        self.touched = touched;
        if empty {
            return Status::Silent;
        }
        let mut output = io.output(0);
        for (channel, sound) in self.sound.iter().enumerate() {
            *output.channel(channel) = *sound;
        }
        Status::Active
    }

    fn reset(&mut self) {
        self.stages.iter_mut().for_each(Stage::reset);
        self.touched = false;
        self.silent = self.latency;
    }
}

/// One limiter. Each peak asks for a gain; the lowest gain asked for within the look-ahead is held, comes back
/// by the release, and is averaged, so that it is all the way down when the peak passes.
struct Stage {
    /// Frames by which the sound is late.
    ahead: usize,
    lines: Box<[Line]>,
    interpolation: Interpolation,
    peaks: Box<[Peaks]>,
    /// By how many times the ceiling is exceeded; 1 where it is not.
    excess: SlidingMax,
    /// The gain before it is averaged; an `f32` would stand still short of 1.
    gain: f64,
    /// That of the last frames, twice over, so that the last ones always stand in a row.
    gains: Box<[f32]>,
    next: usize,
    /// Weights of the average; their sum is 1.
    weights: Box<[f32]>,
    /// Frames since the gain was below 1.
    open: usize,
}

/// Frames around a peak over which the gain stays down: half of what the interpolation looks at.
const HOLD: usize = LAG;

/// From here the gain is 1: less than a thousandth of a dB.
const OPEN: f64 = 0.9999;

impl Stage {
    fn new(channels: usize, ahead: usize, sample_rate: u32) -> Self {
        // The average has to have passed over the hold before the sound arrives, the reading's lag included.
        let averaged = ahead - HOLD - LAG + 1;
        let hann = |i: usize| {
            let phase = std::f64::consts::TAU * (i as f64 + 1.0) / (averaged as f64 + 1.0);
            0.5 - 0.5 * phase.cos()
        };
        let sum: f64 = (0..averaged).map(hann).sum();
        Self {
            ahead,
            lines: (0..channels).map(|_| Line::new(ahead + QUANTUM)).collect(),
            interpolation: Interpolation::new(sample_rate),
            peaks: (0..channels).map(|_| Peaks::new()).collect(),
            excess: SlidingMax::new(ahead + HOLD + 2 - LAG),
            gain: 1.0,
            gains: vec![1.0; averaged * 2].into(),
            next: 0,
            weights: (0..averaged).map(|i| (hann(i) / sum) as f32).collect(),
            open: averaged,
        }
    }

    /// Whether all gains are 1.
    fn is_idle(&self) -> bool {
        self.open >= self.weights.len()
    }

    fn reset(&mut self) {
        self.lines.iter_mut().for_each(Line::clear);
        self.peaks.iter_mut().for_each(Peaks::reset);
        self.excess.fill(1.0);
        self.gain = 1.0;
        self.gains.fill(1.0);
        self.open = self.weights.len();
    }

    /// Limits a quantum, which becomes that of `ahead` frames before. Looks for peaks only where it is told to.
    /// Returns whether it changed any.
    fn process(&mut self, sound: &mut [Block], limits: &Block, returns: f64, look: bool) -> bool {
        let lowest = limits.iter().fold(f32::MAX, |lowest, limit| lowest.min(*limit));
        let floor = if look { lowest } else { f32::MAX };
        let mut levels = [0.0; QUANTUM];
        for (peaks, block) in self.peaks.iter_mut().zip(sound.iter()) {
            peaks.raise(&self.interpolation, block, floor, &mut levels);
        }
        for (line, block) in self.lines.iter_mut().zip(sound.iter_mut()) {
            line.push_quantum(block);
            line.late(self.ahead, block);
        }
        let over = levels.iter().zip(limits.iter()).any(|(level, limit)| level > limit);
        if !over && self.is_idle() {
            return false;
        }
        let mut gains = Block::SILENCE;
        for frame in 0..QUANTUM {
            gains[frame] = self.tick((levels[frame] / limits[frame]).max(1.0), returns);
        }
        for block in sound.iter_mut() {
            block.iter_mut().zip(gains.iter()).for_each(|(x, gain)| *x *= gain);
        }
        true
    }

    /// The averaged gain after a reading.
    #[inline]
    fn tick(&mut self, excess: f32, returns: f64) -> f32 {
        let asked = 1.0 / f64::from(self.excess.push(excess));
        self.gain = asked.min(self.gain + (1.0 - self.gain) * returns);
        if self.gain > OPEN && asked == 1.0 {
            self.gain = 1.0;
        }
        self.open = if self.gain < 1.0 { 0 } else { self.open.saturating_add(1) };
        let len = self.weights.len();
        self.gains[self.next] = self.gain as f32;
        self.gains[self.next + len] = self.gain as f32;
        self.next = (self.next + 1) % len;
        if self.open >= len {
            return 1.0;
        }
        weighed(&self.gains[self.next..][..len], &self.weights)
    }
}

/// The sum of products, in eight parts at a time.
#[inline]
fn weighed(gains: &[f32], weights: &[f32]) -> f32 {
    let (gains, rest) = gains.as_chunks::<8>();
    let (weights, rest_weights) = weights.as_chunks::<8>();
    let mut sums = [0.0f32; 8];
    for (gains, weights) in gains.iter().zip(weights) {
        for ((sum, gain), weight) in sums.iter_mut().zip(gains).zip(weights) {
            *sum += gain * weight;
        }
    }
    let rest: f32 = rest.iter().zip(rest_weights).map(|(gain, weight)| gain * weight).sum();
    sums.iter().sum::<f32>() + rest
}
