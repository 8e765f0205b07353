//! `filter`: a state-variable filter for any number of channels. Audio thread.

use crate::voice::svf::{Angle, Coefs, Steady, Svf, Tap};
use auralis_graph::dsp::{Block, QUANTUM};
use auralis_graph::engine::{Context, Io, Param};
use auralis_graph::lanes::{Lanes, exp2};
use auralis_graph::param::ParamSpec;
use auralis_graph::port::Ports;
use auralis_graph::{Node, NodeError, Prepare, Prepared, Processor, Status, Tail};
use fearless_simd::{Level, Simd, dispatch, f32x16, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::any::Any;

/// A filter.
pub struct Filter {
    mode: FilterMode,
    level: Level,
    sample_rate: f32,
    /// One stage, or two for the steep slope.
    stages: Box<[Stage]>,
    /// The constants that the stages are set to.
    set: Option<[f32; 2]>,
}

/// A state-variable filter over all channels.
#[derive(Debug, Clone)]
struct Stage {
    /// How its damping follows from the filter's.
    share: Share,
    channels: Box<[Svf<f32>]>,
    /// The coefficients where nothing moves; else those of each frame hold.
    steady: Option<Steady>,
    frames: Box<Frames>,
}

/// The coefficients of each frame.
#[derive(Debug, Clone)]
struct Frames {
    g0: Block,
    g1: Block,
    g2: Block,
    damping: Block,
}

/// How a stage's damping follows from that of the whole filter.
#[derive(Debug, Clone, Copy)]
enum Share {
    /// By a factor.
    Factor(f32),
    /// It is always this.
    Fixed(f32),
}

/// What passes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FilterMode {
    /// What lies below the cutoff.
    #[default]
    Low,
    /// What lies above it.
    High,
    /// What lies around it.
    Band,
    /// All but what lies around it.
    Notch,
}

/// How steeply what does not pass falls away.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum Slope {
    /// 12 dB an octave.
    #[default]
    #[serde(rename = "12 dB")]
    Gentle,
    /// 24 dB an octave: two filters in a row.
    #[serde(rename = "24 dB")]
    Steep,
}

/// Structural configuration.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct FilterConfig {
    /// What passes: low, high, band or notch.
    mode: FilterMode,
    /// How steep: 12 dB an octave or 24 dB (two filters in a row).
    slope: Slope,
}

const CUTOFF: usize = 0;
const RESONANCE: usize = 1;

/// Charge below which a filter that gets no more input is at rest: -120 dB.
const REST: f32 = 1e-6;

impl Node for Filter {
    const KIND: &'static str = "filter";
    const ABOUT: &'static str = "A filter: low-pass, high-pass, band-pass or notch, with resonance.

The one that synthesizers have: 12 or 24 dB an octave, calm under any modulation of its `cutoff`, however fast.
`resonance` runs from none at all (0) over the flattest response (0.08) to a ringing peak of 30 dB (1). The band-pass is
0 dB at its middle whatever the resonance. For shelves and bells there is `eq`.";
    const EXAMPLE: &'static str = "
rain: { type: noise, gain: -20 dB }
drift: { type: oscillator, frequency: 0.1 Hz }
soft: { type: filter, in: rain, mode: low, slope: 24 dB, cutoff: { from: drift, min: 300 Hz, max: 2 kHz } }
out: { type: output, in: soft }";
    const PARAMS: &'static [ParamSpec] = &[
        ParamSpec::hertz("cutoff", 20.0, 20_000.0, 1_000.0).about("Where the filter turns."),
        ParamSpec::ratio("resonance", 0.08).about("Emphasis at the cutoff, up to 30 dB; 0.08 is flat."),
    ];
    type Config = FilterConfig;

    fn ports(_config: &FilterConfig) -> Ports {
        Ports::effect()
    }

    fn prepare(config: &FilterConfig, cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        let shares = match config.slope {
            Slope::Gentle => &[Share::Factor(1.0)][..],
            Slope::Steep => {
                &[Share::Fixed(BUTTERWORTH_4[0]), Share::Factor(BUTTERWORTH_4[1] / BUTTERWORTH_2)]
            }
        };
        let channels = usize::from(cx.inputs[0]);
        let filter = Filter {
            mode: config.mode,
            level: Level::new(),
            sample_rate: cx.sample_rate as f32,
            stages: shares.iter().map(|share| Stage::new(*share, channels)).collect(),
            set: None,
        };
        // At 20 Hz the peak of 30 dB has a time constant of 0.5 s: after 14 of them it is down by 120 dB.
        Ok(Prepared::new(filter).tail(Tail::Frames(8 * u64::from(cx.sample_rate))))
    }
}

/// Damping of the flattest filter of order 2.
const BUTTERWORTH_2: f32 = std::f32::consts::SQRT_2;
/// Damping of the two stages of the flattest filter of order 4.
const BUTTERWORTH_4: [f32; 2] = [1.847_759_1, 0.765_366_85];

/// The damping: from 2 (no emphasis) to 1/32 (30 dB) by equal ratios.
#[inline(always)]
fn damping<V: Lanes>(resonance: V) -> V {
    exp2(-(resonance * 6.0 - 1.0))
}

impl FilterMode {
    /// What passes at a damping.
    #[inline(always)]
    fn tap(self, damping: f32) -> Tap<f32> {
        let (input, band, low) = match self {
            FilterMode::Low => (0.0, 0.0, 1.0),
            FilterMode::High => (1.0, -damping, -1.0),
            FilterMode::Band => (0.0, damping, 0.0),
            FilterMode::Notch => (1.0, -damping, 0.0),
        };
        Tap { input, band, low }
    }
}

impl Frames {
    fn coefs(&self, frame: usize) -> Coefs<f32> {
        Coefs { g0: self.g0[frame], g1: self.g1[frame], g2: self.g2[frame] }
    }
}

impl Stage {
    fn new(share: Share, channels: usize) -> Self {
        let [g0, g1, g2, damping] = [Block::SILENCE; 4];
        let frames = Box::new(Frames { g0, g1, g2, damping });
        Self { share, channels: vec![SILENT; channels].into_boxed_slice(), steady: None, frames }
    }

    /// Coefficients for frames whose cutoff, over the sample rate, and resonance are given.
    #[inline(always)]
    fn follow<S: Simd>(&mut self, simd: S, cutoff: &Block, resonance: &Block) {
        for from in (0..QUANTUM).step_by(16) {
            let frames = from..from + 16;
            let cutoff = f32x16::from_slice(simd, &cutoff[frames.clone()]);
            let damping = match self.share {
                Share::Factor(factor) => {
                    damping(f32x16::from_slice(simd, &resonance[frames.clone()])) * factor
                }
                Share::Fixed(damping) => f32x16::splat(simd, damping),
            };
            let coefs = Coefs::new(Angle::new(cutoff.least(cutoff.like(HIGHEST))), damping);
            coefs.g0.store_slice(&mut self.frames.g0[frames.clone()]);
            coefs.g1.store_slice(&mut self.frames.g1[frames.clone()]);
            coefs.g2.store_slice(&mut self.frames.g2[frames.clone()]);
            damping.store_slice(&mut self.frames.damping[frames]);
        }
    }

    /// Filters channels in their place and side by side, from the `first` on: what one waits for, the other uses.
    #[inline(always)]
    fn run<S: Simd, const N: usize>(
        &mut self,
        simd: S,
        mode: FilterMode,
        first: usize,
        sound: &mut [&mut Block; N],
    ) {
        let mut states = [SILENT; N];
        states.copy_from_slice(&self.channels[first..first + N]);
        if let Some(steady) = &self.steady {
            Svf::run_steady(simd, &mut states, steady, sound);
        } else {
            for frame in 0..QUANTUM {
                let (coefs, tap) = (self.frames.coefs(frame), mode.tap(self.frames.damping[frame]));
                for (state, block) in states.iter_mut().zip(sound.iter_mut()) {
                    block[frame] = tap.of(block[frame], state.tick(block[frame], &coefs));
                }
            }
        }
        self.channels[first..first + N].copy_from_slice(&states);
    }

    fn is_at_rest(&self) -> bool {
        self.channels.iter().all(|state| state.first.abs() < REST && state.second.abs() < REST)
    }
}

const SILENT: Svf<f32> = Svf { first: 0.0, second: 0.0 };

/// Highest cutoff, as a part of the sample rate.
const HIGHEST: f32 = 0.49;

impl Filter {
    fn follow(&mut self, cutoff: Param<'_>, resonance: Param<'_>) {
        let now = match (cutoff, resonance) {
            (Param::Constant(cutoff), Param::Constant(resonance)) => Some([cutoff, resonance]),
            _ => None,
        };
        if now.is_some() && now == self.set {
            return;
        }
        self.set = now;
        let (mut cutoffs, mut resonances) = (Block::SILENCE, Block::SILENCE);
        cutoff.fill(&mut cutoffs);
        resonance.fill(&mut resonances);
        let part = 1.0 / self.sample_rate;
        cutoffs.iter_mut().for_each(|cutoff| *cutoff *= part);
        let stages = &mut self.stages;
        dispatch!(self.level, simd => {
            for stage in stages.iter_mut() {
                stage.follow(simd, &cutoffs, &resonances);
            }
        });
        for stage in stages.iter_mut() {
            let tap = self.mode.tap(stage.frames.damping[0]);
            stage.steady = now.is_some().then(|| Steady::new(&stage.frames.coefs(0), &tap));
        }
    }

    /// Filters channels in their place, from the `first` on.
    fn run<const N: usize>(&mut self, first: usize, mut sound: [&mut Block; N]) {
        let (mode, stages) = (self.mode, &mut self.stages);
        dispatch!(self.level, simd => {
            for stage in stages.iter_mut() {
                stage.run(simd, mode, first, &mut sound);
            }
        });
    }
}

impl Processor for Filter {
    fn process(&mut self, _cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        let input = io.input(0);
        if input.is_silent() && self.stages.iter().all(Stage::is_at_rest) {
            self.reset();
            return Status::Asleep;
        }
        self.follow(io.param(CUTOFF), io.param(RESONANCE));
        let mut output = io.output(0);
        for channel in 0..input.channels() {
            *output.channel(channel) = *input.channel(channel);
        }
        if input.channels() == 2 {
            self.run(0, output.stereo().into());
        } else {
            (0..input.channels()).for_each(|channel| self.run(channel, [output.channel(channel)]));
        }
        Status::Active
    }

    fn reset(&mut self) {
        for stage in &mut self.stages {
            stage.channels.fill(SILENT);
        }
    }

    fn adopt(&mut self, previous: &dyn Any) -> bool {
        let Some(previous) = previous.downcast_ref::<Self>() else { return false };
        let same = |a: &Stage, b: &Stage| a.channels.len() == b.channels.len();
        if !self.stages.iter().zip(&previous.stages).all(|(a, b)| same(a, b)) {
            return false;
        }
        for (stage, previous) in self.stages.iter_mut().zip(&previous.stages) {
            stage.channels.copy_from_slice(&previous.channels);
        }
        true
    }
}
