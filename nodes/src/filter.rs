//! `filter`: a state-variable filter for any number of channels. Audio thread.

use crate::voice::svf::{Angle, Coefs, STEADY, Steady, Svf, Tap};
use auralis_graph::dsp::{Block, QUANTUM};
use auralis_graph::engine::{Bank, Context, Io, Param, Recursion, STRIDE};
use auralis_graph::instructions::level;
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
    level: Level,
    sample_rate: f32,
    /// One stage, or two for the steep slope.
    stages: Box<[Stage]>,
    /// The charges of the stages, for each channel.
    charges: Box<[[f32; 4]]>,
    /// The constants that the stages are set to, and the stages with them; where something moves the coefficients of
    /// each frame hold.
    set: Option<[f32; 2]>,
    steady: [f32; 2 * STEADY],
    /// What passes, as weights of the input, of the band-pass over the damping and of the low-pass; then the damping of
    /// the first of two stages.
    weights: [f32; 4],
}

/// A state-variable filter while its cutoff or its damping moves.
#[derive(Debug, Clone)]
struct Stage {
    /// How its damping follows from the filter's.
    share: Share,
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

    fn recursive(_config: &FilterConfig) -> bool {
        true
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
            level: level(),
            sample_rate: cx.sample_rate as f32,
            stages: shares.iter().map(|share| Stage::new(*share)).collect(),
            charges: vec![[0.0; 4]; channels].into(),
            set: None,
            steady: [0.0; 2 * STEADY],
            weights: config.mode.weights(),
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
    /// [`Filter::weights`].
    fn weights(self) -> [f32; 4] {
        let [input, band, low] = match self {
            FilterMode::Low => [0.0, 0.0, 1.0],
            FilterMode::High => [1.0, -1.0, -1.0],
            FilterMode::Band => [0.0, 1.0, 0.0],
            FilterMode::Notch => [1.0, -1.0, 0.0],
        };
        [input, band, low, BUTTERWORTH_4[0]]
    }
}

/// What passes, by the weights of a mode.
#[inline(always)]
fn tap<V: Lanes>(weights: &[V], damping: V) -> Tap<V> {
    Tap { input: weights[0], band: weights[1] * damping, low: weights[2] }
}

/// One stage that rests.
enum Resting {}

impl Recursion<2, STEADY, 1> for Resting {
    #[inline(always)]
    fn stride<V: Lanes>(charges: &mut [V; 2], steady: &[V; STEADY], [x]: &[[V; STRIDE]; 1]) -> [V; STRIDE] {
        let out;
        (*charges, out) = Steady::stride(*charges, steady, *x);
        out
    }
}

/// Two stages that rest.
enum RestingTwice {}

impl Recursion<4, { 2 * STEADY }, 1> for RestingTwice {
    #[inline(always)]
    fn stride<V: Lanes>(
        charges: &mut [V; 4],
        steady: &[V; 2 * STEADY],
        [x]: &[[V; STRIDE]; 1],
    ) -> [V; STRIDE] {
        let [a, b, c, d] = *charges;
        let ([a, b], between) = Steady::stride([a, b], &steady[..STEADY], *x);
        let ([c, d], out) = Steady::stride([c, d], &steady[STEADY..], between);
        *charges = [a, b, c, d];
        out
    }
}

/// One stage that moves.
enum Moving {}

impl Recursion<2, 4, 5> for Moving {
    #[inline(always)]
    fn stride<V: Lanes>(
        charges: &mut [V; 2],
        weights: &[V; 4],
        [x, g0, g1, g2, damping]: &[[V; STRIDE]; 5],
    ) -> [V; STRIDE] {
        let mut state = Svf { first: charges[0], second: charges[1] };
        let mut out = *x;
        for frame in 0..STRIDE {
            let coefs = Coefs { g0: g0[frame], g1: g1[frame], g2: g2[frame] };
            out[frame] = tap(weights, damping[frame]).of(x[frame], state.tick(x[frame], &coefs));
        }
        *charges = [state.first, state.second];
        out
    }
}

/// Two stages that move.
enum MovingTwice {}

impl Recursion<4, 4, 8> for MovingTwice {
    #[inline(always)]
    fn stride<V: Lanes>(
        charges: &mut [V; 4],
        weights: &[V; 4],
        [x, g0, g1, g2, h0, h1, h2, damping]: &[[V; STRIDE]; 8],
    ) -> [V; STRIDE] {
        let [a, b, c, d] = *charges;
        let (mut first, mut second) = ([a, b], [c, d]);
        let fixed = [weights[3]; STRIDE];
        let between = Moving::stride(&mut first, weights, &[*x, *g0, *g1, *g2, fixed]);
        let out = Moving::stride(&mut second, weights, &[between, *h0, *h1, *h2, *damping]);
        *charges = [first[0], first[1], second[0], second[1]];
        out
    }
}

impl Stage {
    fn new(share: Share) -> Self {
        let [g0, g1, g2, damping] = [Block::SILENCE; 4];
        Self { share, frames: Box::new(Frames { g0, g1, g2, damping }) }
    }

    /// The first frame's coefficients, as they hold while nothing moves.
    fn steady(&self, weights: &[f32; 4]) -> Steady {
        let frames = &self.frames;
        let coefs = Coefs { g0: frames.g0[0], g1: frames.g1[0], g2: frames.g2[0] };
        Steady::new(&coefs, &tap(weights, frames.damping[0]))
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
}

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
        if now.is_some() {
            for (stage, numbers) in self.stages.iter().zip(self.steady.chunks_exact_mut(STEADY)) {
                numbers.copy_from_slice(&stage.steady(&self.weights).0);
            }
        }
    }

    fn is_at_rest(&self) -> bool {
        self.charges.as_flattened().iter().all(|charge| charge.abs() < REST)
    }
}

impl Processor for Filter {
    fn process(&mut self, _cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        let input = io.input(0);
        if input.is_silent() && self.is_at_rest() {
            self.reset();
            return Status::Asleep;
        }
        self.follow(io.param(CUTOFF), io.param(RESONANCE));
        Status::Recursions
    }

    fn recursions<'a>(&'a mut self, bank: &mut Bank<'a>) {
        let (input, weights, steady) = (bank.input(0), &self.weights, &self.steady);
        for (channel, charges) in self.charges.iter_mut().enumerate() {
            let (to, x) = ((0, channel), input.channel(channel));
            match (&self.stages[..], self.set) {
                ([_], Some(_)) => bank.add::<Resting, _, _, _>(to, &mut charges[..2], &steady[..STEADY], [x]),
                ([stage], None) => {
                    let Frames { g0, g1, g2, damping } = &*stage.frames;
                    bank.add::<Moving, _, _, _>(to, &mut charges[..2], weights, [x, g0, g1, g2, damping]);
                }
                (_, Some(_)) => bank.add::<RestingTwice, _, _, _>(to, charges, steady, [x]),
                (stages, None) => {
                    let [Frames { g0, g1, g2, .. }, Frames { g0: h0, g1: h1, g2: h2, damping }] =
                        [&*stages[0].frames, &*stages[1].frames];
                    let signals = [x, g0, g1, g2, h0, h1, h2, damping];
                    bank.add::<MovingTwice, _, _, _>(to, charges, weights, signals);
                }
            }
        }
    }

    fn reset(&mut self) {
        self.charges.fill([0.0; 4]);
    }

    fn adopt(&mut self, previous: &dyn Any) -> bool {
        let Some(previous) = previous.downcast_ref::<Self>() else { return false };
        if self.charges.len() != previous.charges.len() {
            return false;
        }
        let kept = 2 * self.stages.len();
        for (charges, previous) in self.charges.iter_mut().zip(&previous.charges) {
            charges[..kept].copy_from_slice(&previous[..kept]);
        }
        true
    }
}
