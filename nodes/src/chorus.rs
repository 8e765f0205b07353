//! `chorus`: one sound as several that are never quite in tune.

use crate::blend::{INAUDIBLE, blend_all, loudest};
use crate::line::Line;
use auralis_graph::dsp::{Block, QUANTUM, exp2};
use auralis_graph::engine::{Context, Io};
use auralis_graph::lanes::sine;
use auralis_graph::param::{Curve, ParamSpec, Unit};
use auralis_graph::port::{PortSpec, Ports};
use auralis_graph::{Node, NodeError, Prepare, Prepared, Processor, Status, Tail, places::Places};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::any::Any;

const RATE: usize = 0;
const DEPTH: usize = 1;
const SPREAD: usize = 2;
const MIX: usize = 3;

/// Delays that sweep.
pub struct Chorus {
    voices: usize,
    sample_rate: f32,
    lines: [Line; 2],
    /// Of the first voice, in cycles; the others follow at even distances.
    phase: f32,
    /// Half the way that the delays travel, in frames. It moves slowly, since moving it bends the pitch.
    sweep: f32,
    /// Part of the way to its target that `sweep` keeps in a quantum.
    sweep_keeps: f32,
    /// Left and right gain of each voice.
    gains: [[f32; 2]; MOST],
    /// Frames since anything audible came in.
    quiet: usize,
    fresh: bool,
}

/// Most voices.
const MOST: usize = 4;

/// The shortest delay of each voice in seconds: far enough apart to be several, not so far as to be echoes.
const SHORTEST: [f32; MOST] = [0.004, 0.0071, 0.0103, 0.0129];

/// The farthest that a delay travels to each side, in seconds.
const FARTHEST: f32 = 0.03;

/// Time constant of `sweep` in seconds.
const SWEEP_LAG: f32 = 0.15;

/// Structural configuration.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct ChorusConfig {
    /// How many voices there are, 1 to 4; one alone makes a vibrato.
    #[schemars(range(min = 1, max = 4))]
    voices: usize,
}

impl Default for ChorusConfig {
    fn default() -> Self {
        Self { voices: 3 }
    }
}

impl Node for Chorus {
    const KIND: &'static str = "chorus";
    const ABOUT: &'static str = "Makes one sound several that are never quite in tune.

Each voice is the sound a few milliseconds late, its pitch swaying by `depth` around that of the original, `rate`
times a second and each in its own time; `spread` sets them from left to right. Slow and shallow (0.3 Hz, 5 ct) it
widens pads; faster and deeper it shimmers. The depth holds at any rate, except that below about 0.1 Hz the delays
reach the end of their way. With `voices: 1` and `mix: 1` it is a vibrato.";
    const EXAMPLE: &'static str = "
hiss: { type: noise, colour: pink, gain: -12 dB }
wide: { type: chorus, in: hiss, rate: 0.4 Hz, depth: 8 ct, voices: 4 }
out: { type: output, in: wide }";
    const PARAMS: &'static [ParamSpec] = &[
        ParamSpec::hertz("rate", 0.02, 12.0, 0.4).musical().about("How often the voices sway."),
        ParamSpec::new("depth", Unit::Semitones, 0.0, 1.0, 0.08)
            .curve(Curve::Power(2.0))
            .about("How far their pitch goes up and down."),
        ParamSpec::ratio("spread", 1.0).about("From all in the middle at 0 to the far sides at 1."),
        ParamSpec::ratio("mix", 0.5).about("From dry at 0 to the voices alone at 1."),
    ];
    const SETTINGS: bool = true;
    type Config = ChorusConfig;

    fn ports(_config: &ChorusConfig) -> Ports {
        Ports::new([PortSpec::audio("in", 2)], [PortSpec::audio("out", 2)])
    }

    fn check(config: &ChorusConfig, _places: &Places) -> Vec<NodeError> {
        let legal = (1..=MOST).contains(&config.voices);
        if legal { Vec::new() } else { vec![NodeError::new("a chorus has 1 to 4 voices").at("voices")] }
    }

    fn prepare(config: &ChorusConfig, cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        let sample_rate = cx.sample_rate as f32;
        let longest = ((SHORTEST[MOST - 1] + 2.0 * FARTHEST) * sample_rate).ceil() as usize + 2;
        let chorus = Chorus {
            voices: config.voices.clamp(1, MOST),
            sample_rate,
            lines: [Line::new(longest), Line::new(longest)],
            phase: 0.0,
            sweep: 0.0,
            sweep_keeps: (-(QUANTUM as f32) / (SWEEP_LAG * sample_rate)).exp(),
            gains: [[0.0; 2]; MOST],
            quiet: EMPTY,
            fresh: true,
        };
        Ok(Prepared::new(chorus).tail(Tail::Frames(longest as u64)))
    }
}

/// More frames than the lines are long: there is nothing in them.
const EMPTY: usize = usize::MAX;

impl Chorus {
    /// Half the way of the delays in frames for a depth and a rate: the slope of a sine of that size is the
    /// pitch's deviation.
    fn sweep_for(&self, semitones: f32, rate: f32) -> f32 {
        let deviation = exp2(semitones / 12.0) - 1.0;
        (deviation * self.sample_rate / (std::f32::consts::TAU * rate)).min(FARTHEST * self.sample_rate)
    }

    /// Gains by which the voices stand from left to right, each side as loud as the dry sound when the voices
    /// are strangers to one another.
    fn place(&self, spread: f32) -> [[f32; 2]; MOST] {
        let mut gains = [[0.0; 2]; MOST];
        let count = self.voices;
        for (index, gains) in gains.iter_mut().enumerate().take(count) {
            let side = if count == 1 { 0.0 } else { 2.0 * index as f32 / (count - 1) as f32 - 1.0 };
            let angle = (side * spread + 1.0) * 0.125;
            *gains = [sine(0.25 - angle), sine(angle)];
        }
        let power: f32 = gains.iter().map(|gain| gain[0] * gain[0]).sum();
        gains.map(|pair| pair.map(|gain| gain / power.sqrt()))
    }

    fn forget(&mut self) {
        self.lines.iter_mut().for_each(Line::clear);
        self.quiet = EMPTY;
        self.fresh = true;
    }
}

impl Processor for Chorus {
    fn process(&mut self, _cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        let input = io.input(0);
        let farthest = (SHORTEST[MOST - 1] * self.sample_rate + 2.0 * self.sweep) as usize + QUANTUM;
        if input.is_silent() && self.quiet > farthest {
            self.forget();
            return Status::Asleep;
        }
        self.quiet = if loudest(&input) > INAUDIBLE { 0 } else { self.quiet.saturating_add(QUANTUM) };
        let [rate, depth, spread, mix] = [RATE, DEPTH, SPREAD, MIX].map(|index| io.param(index));
        let target = self.sweep_for(depth.first(), rate.first());
        let gains = self.place(spread.first());
        if std::mem::take(&mut self.fresh) {
            self.sweep = target;
            self.gains = gains;
        }
        let (from, gains_from) = (self.sweep, self.gains);
        self.sweep = target + (self.sweep - target) * self.sweep_keeps;
        if (self.sweep - target).abs() < 1e-3 {
            self.sweep = target;
        }
        self.gains = gains;
        let step = (self.sweep - from) / QUANTUM as f32;
        let mut output = io.output(0);
        let (left, right) = output.stereo();
        self.lines[0].push_quantum(input.channel(0));
        self.lines[1].push_quantum(input.channel(1));
        let mut phases = [0.0; QUANTUM];
        for (frame, phase) in phases.iter_mut().enumerate() {
            self.phase += rate.at(frame) / self.sample_rate;
            self.phase -= self.phase.floor();
            *phase = self.phase;
        }
        left.fill(0.0);
        right.fill(0.0);
        for voice in 0..self.voices {
            let shortest = f64::from(SHORTEST[voice] * self.sample_rate);
            let shift = voice as f32 / self.voices as f32;
            let delays = std::array::from_fn(|frame| {
                let sweep = f64::from(from + step * frame as f32);
                shortest + sweep * (1.0 + f64::from(sine(phases[frame] + shift)))
            });
            for (side, out) in [&mut *left, &mut *right].into_iter().enumerate() {
                let mut heard = Block::SILENCE;
                self.lines[side].scattered(&delays, &mut heard);
                let (gain, to) = (gains_from[voice][side], gains[voice][side]);
                let gain_step = (to - gain) / QUANTUM as f32;
                for (frame, (out, x)) in out.iter_mut().zip(heard.iter()).enumerate() {
                    *out += x * (gain + gain_step * frame as f32);
                }
            }
        }
        blend_all(&input, &mut output, mix);
        Status::Active
    }

    fn reset(&mut self) {
        self.forget();
        self.phase = 0.0;
    }

    fn adopt(&mut self, previous: &dyn Any) -> bool {
        let Some(previous) = previous.downcast_ref::<Chorus>() else { return false };
        self.phase = previous.phase;
        true
    }
}
