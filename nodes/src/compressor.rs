//! `compressor`: evens out what is loud.

use crate::blend::{INAUDIBLE, blend_all};
use crate::window::SlidingMax;
use auralis_graph::dsp::{Block, QUANTUM, db_to_gain, gain_to_db};
use auralis_graph::engine::{AudioIn, Context, Io, Param};
use auralis_graph::param::{Curve, ParamSpec, Unit};
use auralis_graph::port::{PortSpec, Ports};
use auralis_graph::{Node, NodeError, Prepare, Prepared, Processor, Status};
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
    level: Level,
    /// Gain reduction in dB, at or below 0.
    reduction: f32,
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
        let level = Level::new(config.detector, cx.sample_rate, cx.inputs[0].max(cx.inputs[1]));
        Ok(Prepared::new(Compressor { sample_rate: cx.sample_rate as f32, level, reduction: 0.0 }))
    }
}

/// The static curve: the reduction in dB, at or below 0, for a level that is `over` the threshold by dB.
#[inline]
fn curve(over: f32, ratio: f32, knee: f32) -> f32 {
    let slope = 1.0 / ratio - 1.0;
    if 2.0 * over <= -knee {
        0.0
    } else if 2.0 * over < knee {
        // The second-order corner of the paper's equation 4.
        slope * (over + knee * 0.5) * (over + knee * 0.5) / (2.0 * knee)
    } else {
        slope * over
    }
}

/// The parameters of the curve in one quantum.
struct Curves<'a> {
    threshold: Param<'a>,
    ratio: Param<'a>,
    knee: Param<'a>,
    /// The amplitude at which the corner begins, where that rests.
    corner: Option<f32>,
}

impl<'a> Curves<'a> {
    fn new(threshold: Param<'a>, ratio: Param<'a>, knee: Param<'a>) -> Self {
        let corner = match (threshold, knee) {
            (Param::Constant(threshold), Param::Constant(knee)) => Some(corner(threshold, knee)),
            _ => None,
        };
        Self { threshold, ratio, knee, corner }
    }

    /// The reduction in dB for an amplitude. Below the corner no logarithm is taken.
    #[inline]
    fn reduction(&self, level: f32, frame: usize) -> f32 {
        let (threshold, knee) = (self.threshold.at(frame), self.knee.at(frame));
        if level <= self.corner.unwrap_or_else(|| corner(threshold, knee)) {
            return 0.0;
        }
        curve(gain_to_db(level) - threshold, self.ratio.at(frame), knee)
    }
}

fn corner(threshold: f32, knee: f32) -> f32 {
    db_to_gain(threshold - knee * 0.5)
}

impl Compressor {
    /// What is left of a distance after a frame.
    fn keeps(&self, seconds: f32) -> f32 {
        (-1.0 / (seconds * self.sample_rate)).exp()
    }

    /// Lets the reduction follow the levels of a quantum, and gives the gains.
    fn follow(
        &mut self,
        levels: &[f32; QUANTUM],
        curves: &Curves<'_>,
        [attack, release]: [f32; 2],
        makeup: Param<'_>,
    ) -> Block {
        let loudest = levels.iter().fold(0.0f32, |loudest, level| loudest.max(*level));
        if let Param::Constant(makeup) = makeup
            && self.reduction == 0.0
            && curves.corner.is_some_and(|corner| loudest <= corner)
        {
            return Block::filled(db_to_gain(makeup));
        }
        let mut gains = Block::SILENCE;
        for (frame, (gain, level)) in gains.iter_mut().zip(levels).enumerate() {
            let target = curves.reduction(*level, frame);
            let keeps = if target < self.reduction { attack } else { release };
            self.reduction = target + (self.reduction - target) * keeps;
            if self.reduction > -1e-4 && target == 0.0 {
                self.reduction = 0.0;
            }
            *gain = db_to_gain(self.reduction + makeup.at(frame));
        }
        gains
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
        let curves = Curves::new(io.param(THRESHOLD), io.param(RATIO), io.param(KNEE));
        // Times are only looked at once a quantum: nothing is heard of them in between.
        let times = [ATTACK, RELEASE].map(|index| self.keeps(io.param(index).first()));
        let mut levels = [0.0; QUANTUM];
        self.level.quantum(&key, &mut levels);
        let gains = self.follow(&levels, &curves, times, io.param(MAKEUP));
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

/// How loud the key is, all channels taken together.
struct Level {
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

impl Level {
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
        self.last <= INAUDIBLE
    }

    /// The level at each frame of a quantum.
    fn quantum(&mut self, key: &AudioIn<'_>, levels: &mut [f32; QUANTUM]) {
        for channel in 0..key.channels() {
            let block = key.channel(channel);
            match self.detector {
                Detector::Peak => {
                    levels.iter_mut().zip(block.iter()).for_each(|(level, x)| *level = level.max(x.abs()));
                }
                Detector::Rms => {
                    let power = &mut self.powers[channel];
                    for (level, x) in levels.iter_mut().zip(block.iter()) {
                        *power = x * x + (*power - x * x) * self.keeps;
                        *level = level.max(*power);
                    }
                }
            }
        }
        match self.detector {
            Detector::Peak => levels.iter_mut().for_each(|level| *level = self.window.push(*level)),
            Detector::Rms => levels.iter_mut().for_each(|level| *level = level.sqrt()),
        }
        self.last = levels[QUANTUM - 1];
    }
}
