//! `compressor`: evens out what is loud.

use crate::blend::{INAUDIBLE, blend_all};
use crate::window::SlidingMax;
use auralis_graph::dsp::{Block, QUANTUM, db_to_gain};
use auralis_graph::engine::{AudioIn, Context, Io, Param};
use auralis_graph::instructions;
use auralis_graph::lanes::{Lanes, exp2, log2};
use auralis_graph::param::{Curve, ParamSpec, Unit};
use auralis_graph::port::{PortSpec, Ports};
use auralis_graph::{Node, NodeError, Prepare, Prepared, Processor, Status};
use fearless_simd::{Level, Simd, dispatch, f32x16, prelude::*};
use fearless_simd_macros::simd;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::any::Any;

const THRESHOLD: usize = 0;
const RATIO: usize = 1;
const KNEE: usize = 2;
const ATTACK: usize = 3;
const RELEASE: usize = 4;
const MAKEUP: usize = 5;
const MIX: usize = 6;

/// A feed-forward compressor (D. Giannoulis, M. Massberg and J. Reiss, "Digital dynamic range compressor
/// design", JAES 60, 2012): the gain follows from the level in dB, and attack and release smooth the gain, so
/// that the curve holds however fast they are.
pub struct Compressor {
    sample_rate: f32,
    level: Loudest,
    /// Gain reduction in dB, at or below 0.
    reduction: f32,
    simd: Level,
}

/// Structural configuration.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct CompressorConfig {
    /// What counts as loud: `peak` watches every peak, `rms` the power over some 30 ms.
    detector: Detector,
}

/// What counts as loud.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Detector {
    /// The highest sample of the last 10 ms.
    #[default]
    Peak,
    /// The power of the last 30 ms.
    Rms,
}

impl Node for Compressor {
    const KIND: &'static str = "compressor";
    const ABOUT: &'static str = "Evens out what is loud.

Above `threshold` the level rises by 1 dB for every `ratio` dB that come in; `knee` rounds the corner. `attack`
lets the start of notes through, `release` is how fast it lets go; slow ones glue, fast ones squash. `makeup` lifts
the result, and `mix` below 1 blends the dry sound in, which keeps its transients.

It listens to its input, or to `sidechain` where that is connected: a pulse there makes a pad breathe. All channels
move together. With `detector: rms` it follows power rather than peaks; a sine reads 3 dB less than its peak then.";
    const EXAMPLE: &'static str = "
hiss: { type: noise, colour: pink }
even: { type: compressor, in: hiss, threshold: -30 dB, ratio: 3, attack: 20 ms, makeup: 6 dB }
out: { type: output, in: even }";
    const PARAMS: &'static [ParamSpec] = &[
        ParamSpec::decibels("threshold", -60.0, 0.0, -18.0).about("Level above which the gain goes down."),
        ParamSpec::new("ratio", Unit::Plain, 1.0, 20.0, 3.0)
            .curve(Curve::Exponential)
            .about("How many dB come in for each dB that leaves above the threshold."),
        ParamSpec::decibels("knee", 0.0, 24.0, 6.0)
            .about("Width of the rounded corner around the threshold."),
        ParamSpec::seconds("attack", 0.000_1, 0.2, 0.01).about("Time constant by which the gain goes down."),
        ParamSpec::seconds("release", 0.005, 3.0, 0.15).about("Time constant by which the gain comes back."),
        ParamSpec::decibels("makeup", 0.0, 24.0, 0.0).about("Gain after it all."),
        ParamSpec::ratio("mix", 1.0).about("From dry at 0 to compressed at 1."),
    ];
    type Config = CompressorConfig;

    fn ports(_config: &CompressorConfig) -> Ports {
        let sidechain = PortSpec::audio_as_connected("sidechain")
            .optional()
            .about("What it listens to; its input where nothing is connected.");
        Ports::new([PortSpec::audio_as_connected("in"), sidechain], [PortSpec::audio_like("out", 0)])
    }

    fn prepare(config: &CompressorConfig, cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        let level = Loudest::new(config.detector, cx.sample_rate, cx.inputs[0].max(cx.inputs[1]));
        let (sample_rate, simd) = (cx.sample_rate as f32, instructions::level());
        Ok(Prepared::new(Compressor { sample_rate, level, reduction: 0.0, simd }))
    }
}

/// The parameters of the static curve, for some frames.
struct Corner<V> {
    threshold: V,
    ratio: V,
    knee: V,
}

impl<V: Lanes> Corner<V> {
    /// The reduction in dB, at or below 0, for a level in dB.
    #[inline(always)]
    fn reduction(&self, level: V) -> V {
        let (over, none) = (level - self.threshold, level.like(0.0));
        let slope = self.ratio.like(1.0) / self.ratio - 1.0;
        // The second-order corner of the paper's equation 4; above it the knee is never 0.
        let inside = over + self.knee * 0.5;
        let bent = slope * inside * inside / (self.knee + self.knee);
        let straight = V::select((over + over).below(self.knee), bent, slope * over);
        V::select(none.below(inside), straight, none)
    }
}

/// All 64 values of a parameter.
fn values(param: Param<'_>) -> Block {
    let mut values = Block::SILENCE;
    param.fill(&mut values);
    values
}

/// The reductions in dB for the levels of a quantum, in their place.
#[simd]
fn reduce<S: Simd>(simd: S, levels: &mut Block, corner: &Corner<Block>) {
    for group in (0..QUANTUM).step_by(LANES) {
        let at = |block: &Block| f32x16::from_slice(simd, &block[group..][..LANES]);
        let corner =
            Corner { threshold: at(&corner.threshold), ratio: at(&corner.ratio), knee: at(&corner.knee) };
        corner.reduction(at(levels)).store_slice(&mut levels[group..][..LANES]);
    }
}

/// The gains for values in dB, in their place.
#[simd]
fn to_gains<S: Simd>(simd: S, decibels: &mut Block) {
    for group in decibels.chunks_exact_mut(LANES) {
        exp2(f32x16::from_slice(simd, group) * OCTAVES_PER_DB).store_slice(group);
    }
}

impl Compressor {
    /// What is left of a distance after a frame.
    fn keeps(&self, seconds: f32) -> f32 {
        (-1.0 / (seconds * self.sample_rate)).exp()
    }

    /// Lets the reduction follow the levels of a quantum, and gives the gains.
    fn follow(
        &mut self,
        mut levels: Block,
        corner: &Corner<Block>,
        [attack, release]: [f32; 2],
        makeup: Param<'_>,
    ) -> Block {
        dispatch!(self.simd, simd => reduce(simd, &mut levels, corner));
        if let Param::Constant(makeup) = makeup
            && self.reduction == 0.0
            && levels.iter().all(|target| *target == 0.0)
        {
            return Block::filled(db_to_gain(makeup));
        }
        for (frame, level) in levels.iter_mut().enumerate() {
            let target = *level;
            let keeps = if target < self.reduction { attack } else { release };
            self.reduction = target + (self.reduction - target) * keeps;
            if self.reduction > -1e-4 && target == 0.0 {
                self.reduction = 0.0;
            }
            *level = self.reduction + makeup.at(frame);
        }
        dispatch!(self.simd, simd => to_gains(simd, &mut levels));
        levels
    }
}

impl Processor for Compressor {
    fn process(&mut self, _cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        let (input, sidechain) = (io.input(0), io.input(1));
        let key = if sidechain.is_connected() { sidechain } else { input };
        let silent = input.is_silent();
        if silent && key.is_silent() && self.reduction == 0.0 && self.level.is_empty() {
            return Status::Asleep;
        }
        let [threshold, ratio, knee] = [THRESHOLD, RATIO, KNEE].map(|index| values(io.param(index)));
        // Times are only looked at once a quantum: nothing is heard of them in between.
        let times = [ATTACK, RELEASE].map(|index| self.keeps(io.param(index).first()));
        let mut levels = Block::SILENCE;
        self.level.quantum(&key, &mut levels);
        dispatch!(self.simd, simd => self.level.to_decibels(simd, &mut levels));
        let gains = self.follow(levels, &Corner { threshold, ratio, knee }, times, io.param(MAKEUP));
        if silent {
            return Status::Silent;
        }
        let mix = io.param(MIX);
        let mut output = io.output(0);
        for channel in 0..output.channels() {
            let to = output.channel(channel);
            to.iter_mut()
                .zip(input.channel(channel).iter())
                .zip(gains.iter())
                .for_each(|((to, x), gain)| *to = x * gain);
        }
        blend_all(&input, &mut output, mix);
        Status::Active
    }

    fn reset(&mut self) {
        self.reduction = 0.0;
        self.level.reset();
    }

    fn adopt(&mut self, previous: &dyn Any) -> bool {
        let Some(previous) = previous.downcast_ref::<Compressor>() else { return false };
        self.reduction = previous.reduction;
        true
    }
}

/// log2(10) / 20.
const OCTAVES_PER_DB: f32 = 0.166_096_4;
/// Frames that are worked on side by side.
const LANES: usize = 16;

/// How loud the key is, all channels taken together.
struct Loudest {
    detector: Detector,
    window: SlidingMax,
    /// Smoothed squares of each channel.
    powers: Box<[f32]>,
    /// What is left of a power after a frame.
    keeps: f32,
    last: f32,
}

/// Window of the peak detector in seconds: half a period of 50 Hz, so that a bass does not shake the gain.
const PEAK_WINDOW: f32 = 0.01;
/// Time constant of the power in seconds.
const POWER_LAG: f32 = 0.03;

impl Loudest {
    fn new(detector: Detector, sample_rate: u32, channels: u16) -> Self {
        let rate = sample_rate as f32;
        Self {
            detector,
            window: SlidingMax::new((PEAK_WINDOW * rate).round() as usize),
            powers: vec![0.0; usize::from(channels)].into(),
            keeps: (-1.0 / (POWER_LAG * rate)).exp(),
            last: 0.0,
        }
    }

    fn reset(&mut self) {
        self.window.fill(0.0);
        self.powers.fill(0.0);
        self.last = 0.0;
    }

    /// Whether nothing is left of what was heard.
    fn is_empty(&self) -> bool {
        let amplitude = match self.detector {
            Detector::Peak => self.last,
            Detector::Rms => self.last.sqrt(),
        };
        amplitude <= INAUDIBLE
    }

    /// The loudest at each frame of a quantum: a peak as an amplitude, or a power.
    fn quantum(&mut self, key: &AudioIn<'_>, levels: &mut Block) {
        for channel in 0..key.channels() {
            let block = key.channel(channel);
            match self.detector {
                Detector::Peak => {
                    levels.iter_mut().zip(block.iter()).for_each(|(level, x)| *level = level.max(x.abs()));
                }
                Detector::Rms => {
                    let mut power = self.powers[channel];
                    for (level, x) in levels.iter_mut().zip(block.iter()) {
                        power = power * self.keeps + x * x * (1.0 - self.keeps);
                        *level = level.max(power);
                    }
                    self.powers[channel] = power;
                }
            }
        }
        if self.detector == Detector::Peak {
            levels.iter_mut().for_each(|level| *level = self.window.push(*level));
        }
        self.last = levels[QUANTUM - 1];
    }

    /// The levels in dB, in their place.
    #[simd]
    fn to_decibels<S: Simd>(&self, simd: S, levels: &mut Block) {
        let per_octave = match self.detector {
            Detector::Peak => 1.0 / OCTAVES_PER_DB,
            Detector::Rms => 0.5 / OCTAVES_PER_DB,
        };
        for group in levels.chunks_exact_mut(LANES) {
            let level = f32x16::from_slice(simd, group);
            (log2(level.greatest(level.like(f32::MIN_POSITIVE))) * per_octave).store_slice(group);
        }
    }
}
