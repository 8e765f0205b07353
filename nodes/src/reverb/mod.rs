//! `reverb`: a space around the sound.
//!
//! fundsp's reverbs fix decay and damping when they are made; here both move while the sound rings. So fundsp
//! brings the allpasses and the cut, and the tank is a feedback delay network of our own, run by whole quanta:
//! every line is longer than one, so that what goes in never waits for what comes out.

mod diffusion;
mod tank;

use crate::blend::{INAUDIBLE, blend_all};
use crate::cut::{FLAT, GENTLE, LowCut};
use crate::line::{Head, Line, Travel};
use auralis_graph::chance::Chance;
use auralis_graph::dsp::{Block, QUANTUM, exp2};
use auralis_graph::engine::{Context, Io, Param};
use auralis_graph::param::ParamSpec;
use auralis_graph::port::{PortSpec, Ports};
use auralis_graph::{Node, NodeError, Prepare, Prepared, Processor, Status, Tail};
use diffusion::{Diffuser, Early};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::any::Any;
use tank::{Decay, Tank};

const SIZE: usize = 0;
const DAMPING: usize = 1;
const PREDELAY: usize = 2;
const LOW_CUT: usize = 3;
const EARLY: usize = 4;
const MODULATION: usize = 5;
const MIX: usize = 6;

const LONGEST_PREDELAY: f32 = 0.5;

/// Below what can be heard: the low cut is never off, so that nothing stands still in the tank.
const NEVER: f32 = 0.0;

/// A feedback delay network behind diffusing allpasses.
pub struct Reverb {
    seed: u64,
    sample_rate: f64,
    low_cut: LowCut,
    predelay: [Line; 2],
    head: Head,
    early: Early,
    diffusers: [Diffuser; 2],
    tank: Tank,
    /// Quanta since anything audible went into the tank, and after how many it is empty.
    quiet: u32,
    empty: u32,
}

/// Structural configuration.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct ReverbConfig {
    /// How far the walls are: `chamber`, `hall` or `cathedral`; near walls sound dense and close.
    space: Space,
}

/// How far the walls are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Space {
    /// Near: dense at once.
    Chamber,
    /// In between.
    #[default]
    Hall,
    /// Far: it opens slowly.
    Cathedral,
}

impl Space {
    fn scale(self) -> f64 {
        match self {
            Space::Chamber => 0.6,
            Space::Hall => 1.0,
            Space::Cathedral => 1.6,
        }
    }
}

impl Node for Reverb {
    const KIND: &'static str = "reverb";
    const ABOUT: &'static str = "A space around the sound.

`size` is how long it rings: 0.4 s at 0, 2.8 s at 0.5, 13 s at 0.9, 20 s at 1. It can move while the sound rings,
without bending its pitch. `damping` is how much sooner the highs go, and `modulation` sways the echoes, so that
long tails shimmer instead of ringing. A `predelay` of 10 to 40 ms keeps the sound in front of its space; `low_cut`
keeps the bass out of it; `early` adds the first reflections that make a sound near. The tail is as loud as the
sound itself at any size, so that `mix` alone sets the balance.

For a send, give several sources to one reverb at `mix: 1` and add it to the dry sound.";
    const EXAMPLE: &'static str = "
hiss: { type: noise, gain: -24 dB }
space: { type: reverb, in: hiss, size: 0.6, damping: 0.4, predelay: 20 ms, mix: 0.35 }
out: { type: output, in: space }";
    const PARAMS: &'static [ParamSpec] = &[
        ParamSpec::ratio("size", 0.5).about("How long it rings, from 0.4 s at 0 to 20 s at 1."),
        ParamSpec::ratio("damping", 0.5).about("How much sooner the highs go: at 1 twenty times."),
        ParamSpec::seconds("predelay", 0.0, LONGEST_PREDELAY, 0.015)
            .musical()
            .smoothing(0.0)
            .about("Time before the space answers."),
        ParamSpec::hertz("low_cut", 20.0, 1_000.0, 80.0).about("Keeps what is below out of the space."),
        ParamSpec::ratio("early", 0.0).about("Level of the first reflections."),
        ParamSpec::ratio("modulation", 0.3).about("How far the echoes sway."),
        ParamSpec::ratio("mix", 0.3).about("From dry at 0 to the space alone at 1."),
    ];
    const SETTINGS: bool = true;
    type Config = ReverbConfig;

    fn ports(_config: &ReverbConfig) -> Ports {
        Ports::new([PortSpec::audio("in", 2)], [PortSpec::audio("out", 2)])
    }

    fn prepare(config: &ReverbConfig, cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        let (rate, scale) = (cx.sample_rate, config.space.scale());
        let sample_rate = f64::from(rate);
        let before = (f64::from(LONGEST_PREDELAY) * sample_rate) as usize + 2;
        let early = Early::new(rate, scale);
        let tank = Tank::new(rate, scale, Chance::new(cx.seed));
        let diffusers = [Diffuser::new(0, rate, scale), Diffuser::new(1, rate, scale)];
        let frames = before + early.frames().max(diffusers[0].frames() + tank.longest());
        let reverb = Reverb {
            seed: cx.seed,
            sample_rate,
            low_cut: LowCut::new(2, rate, NEVER, &GENTLE),
            predelay: [Line::new(before), Line::new(before)],
            head: Head::new(Travel::Fade, sample_rate),
            diffusers,
            early,
            tank,
            quiet: u32::MAX,
            empty: (frames / QUANTUM) as u32 + 2,
        };
        // From full scale to -120 dB at the largest size.
        let tail = frames as f64 + 2.0 * f64::from(seconds(1.0)) * sample_rate;
        Ok(Prepared::new(reverb).tail(Tail::Frames(tail as u64)))
    }
}

/// Seconds of decay by 60 dB: 0.4 to 20, each tenth of the way half as long again.
fn seconds(size: f32) -> f32 {
    // 20 / 0.4 = 2^5.64.
    0.4 * exp2(size * 5.643_856)
}

/// The decay of the highs as a part of that of the lows: 1 to a twentieth.
fn highs(damping: f32) -> f32 {
    exp2(damping * -4.321_928)
}

impl Reverb {
    fn forget(&mut self) {
        self.low_cut.reset();
        self.predelay.iter_mut().for_each(Line::clear);
        self.head.reset();
        self.early.clear();
        self.diffusers.iter_mut().for_each(Diffuser::reset);
        self.tank.clear();
        self.quiet = u32::MAX;
    }

    /// The sound, later.
    fn delay(&mut self, predelay: Param<'_>, sound: &mut [Block; 2]) {
        let frames = |seconds: f32| f64::from(seconds) * self.sample_rate;
        if let Param::Constant(seconds) = predelay {
            let target = frames(seconds).round();
            if self.head.rests_at(target) {
                self.head.advance(target);
                for (line, sound) in self.predelay.iter_mut().zip(sound) {
                    line.push_quantum(sound);
                    line.late(target as usize, sound);
                }
                return;
            }
        }
        for frame in 0..QUANTUM {
            self.head.advance(match predelay {
                Param::Constant(seconds) => frames(seconds).round(),
                Param::Signal(seconds) => frames(seconds[frame]),
            });
            for (line, sound) in self.predelay.iter_mut().zip(sound.iter_mut()) {
                line.push(sound[frame]);
                sound[frame] = self.head.read(line, 0.0);
            }
        }
    }
}

impl Processor for Reverb {
    fn process(&mut self, _cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        let input = io.input(0);
        if input.is_silent() && self.quiet >= self.empty {
            if self.quiet != u32::MAX {
                self.forget();
            }
            return Status::Asleep;
        }
        let [size, damping, predelay, low_cut, early, modulation, mix] =
            [SIZE, DAMPING, PREDELAY, LOW_CUT, EARLY, MODULATION, MIX].map(|index| io.param(index));
        let mut sound = [*input.channel(0), *input.channel(1)];
        self.low_cut.quantum(low_cut, Param::Constant(FLAT), &mut sound);
        self.delay(predelay, &mut sound);
        self.early.take(&sound, early.at(QUANTUM - 1));
        for (diffuser, sound) in self.diffusers.iter_mut().zip(&mut sound) {
            diffuser.quantum(sound);
        }
        let decay = Decay { seconds: seconds(size.at(QUANTUM - 1)), highs: highs(damping.at(QUANTUM - 1)) };
        let loudest = self.tank.quantum(&mut sound, decay, modulation.at(QUANTUM - 1));
        // Eight lines make a side.
        let audible = !input.is_silent() || loudest > INAUDIBLE * 0.25;
        self.quiet = if audible { 0 } else { self.quiet.saturating_add(1) };
        self.early.add(&mut sound);
        let mut output = io.output(0);
        let (left, right) = output.stereo();
        [*left, *right] = sound;
        blend_all(&input, &mut output, mix);
        Status::Active
    }

    fn reset(&mut self) {
        self.forget();
        self.tank.reset(Chance::new(self.seed));
    }

    fn adopt(&mut self, previous: &dyn Any) -> bool {
        let Some(previous) = previous.downcast_ref::<Reverb>() else { return false };
        // The tail fades with the old node; its time before and its sway go on.
        self.head.adopt(&previous.head);
        self.tank.adopt(&previous.tank);
        true
    }
}
