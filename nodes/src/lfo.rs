//! `lfo`: slow waves and slow chance, to move parameters. Audio thread.

use auralis_graph::chance::Chance;
use auralis_graph::dsp::{Block, QUANTUM};
use auralis_graph::engine::{Context, Io, Param};
use auralis_graph::lanes::sine;
use auralis_graph::music::{Meter, TICKS_PER_QUARTER};
use auralis_graph::param::ParamSpec;
use auralis_graph::places::Places;
use auralis_graph::port::{Polarity, PortSpec, Ports};
use auralis_graph::quantity::Quantity;
use auralis_graph::{Node, NodeError, Prepare, Prepared, Processor, Status, Tail};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::any::Any;

/// A low-frequency oscillator.
pub struct Lfo {
    shape: LfoShape,
    unipolar: bool,
    /// Ticks of one cycle, where it goes by the music.
    period: Option<f64>,
    chance: Chance,
    sample_rate: f64,
    /// Cycles since reset, where it runs freely.
    cycles: f64,
    /// The random value of a cycle, kept from frame to frame.
    last: (i64, [f32; 2]),
}

/// The wave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LfoShape {
    /// Round.
    #[default]
    Sine,
    /// Straight up and down.
    Triangle,
    /// Straight up, then drops.
    Saw,
    /// High for half of the cycle, then low.
    Square,
    /// Another value each cycle, by chance.
    Steps,
    /// From one value to the next, by chance.
    Drift,
}

/// The numbers that an LFO gives.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LfoPolarity {
    /// From -1 to 1.
    #[default]
    Bipolar,
    /// From 0 to 1.
    Unipolar,
}

/// Structural configuration.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct LfoConfig {
    /// sine, triangle, saw, square, steps (another value each cycle) or drift (from one value to the next).
    shape: LfoShape,
    /// bipolar (-1 to 1) or unipolar (0 to 1).
    polarity: LfoPolarity,
    /// Musical length of one cycle, such as 1/8d or 4 bars: it then goes by the position in the music, not by `rate`.
    sync: Option<String>,
}

const RATE: usize = 0;
const PHASE: usize = 1;

impl Node for Lfo {
    const KIND: &'static str = "lfo";
    const ABOUT: &'static str = "A slow wave, or slow chance, that moves other nodes' parameters.

`rate` sets its speed in cycles per second. With `sync: 1 bar` (any musical length) it goes by the position in the music
instead: its cycles begin with the bars, wherever playing starts. `steps` holds a random value for each cycle, `drift`
wanders from one to the next; both follow from the seed, so that every performance is the same. How far a parameter
moves is said where it is used: `cutoff: { from: drift, min: 300 Hz, max: 2 kHz }`.";
    const EXAMPLE: &'static str = "
sway: { type: lfo, rate: 0.2 Hz }
wander: { type: lfo, shape: drift, sync: 2 bars, polarity: unipolar }
rain: { type: noise, gain: { from: wander, min: -40 dB, max: -20 dB } }
moving: { type: pan, in: rain, pan: { from: sway, min: -0.6, max: 0.6 } }
out: { type: output, in: moving }";
    const PARAMS: &'static [ParamSpec] = &[
        ParamSpec::hertz("rate", 0.001, 100.0, 1.0)
            .musical()
            .about("Cycles per second; a musical length sets the speed alone, `sync` the position too."),
        ParamSpec::ratio("phase", 0.0).about("Part of the cycle by which it is ahead."),
    ];
    const SETTINGS: bool = true;
    type Config = LfoConfig;

    fn ports(config: &LfoConfig) -> Ports {
        let polarity = match config.polarity {
            LfoPolarity::Bipolar => Polarity::Bipolar,
            LfoPolarity::Unipolar => Polarity::Unipolar,
        };
        Ports::new([], [PortSpec::control("out", polarity)])
    }

    fn check(config: &LfoConfig, _places: &Places) -> Vec<NodeError> {
        let checked = config.sync.as_deref().map(|sync| period(sync, Meter::COMMON));
        checked.and_then(Result::err).into_iter().collect()
    }

    fn prepare(config: &LfoConfig, cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        let period = config.sync.as_deref().map(|sync| period(sync, cx.settings.meter)).transpose()?;
        let chance = Chance::new(cx.seed);
        let lfo = Lfo {
            shape: config.shape,
            unipolar: config.polarity == LfoPolarity::Unipolar,
            period,
            chance,
            sample_rate: f64::from(cx.sample_rate),
            cycles: 0.0,
            last: (0, values(chance, 0)),
        };
        Ok(Prepared::new(lfo).tail(Tail::Endless))
    }
}

/// The length of one cycle in ticks.
fn period(sync: &str, meter: Meter) -> Result<f64, NodeError> {
    let wanted = "a musical length, such as 1/8, 1/4t, 3 beats or 2 bars";
    let error = |message: String| NodeError::new(message).at("sync").help(format!("`sync` is {wanted}"));
    let quantity = Quantity::parse(sync).map_err(&error)?;
    let quarters = quantity.quarters(meter).filter(|quarters| *quarters > 0.0);
    let quarters = quarters.ok_or_else(|| error(format!("`{sync}` is no musical length")))?;
    Ok(quarters * TICKS_PER_QUARTER as f64)
}

/// The random values of a cycle and of the next, in [-1, 1).
fn values(chance: Chance, cycle: i64) -> [f32; 2] {
    [cycle, cycle + 1].map(|cycle| chance.at(cycle as u64).bipolar())
}

impl Lfo {
    /// Writes frames whose position, in cycles, starts at `cycles` and goes on by `step`.
    fn fill(&mut self, cycles: f64, step: f64, out: &mut [f32]) {
        let start = cycles.floor();
        let (from, step) = ((cycles - start) as f32, step as f32);
        for (frame, out) in out.iter_mut().enumerate() {
            *out = from + step * frame as f32;
        }
        match self.shape {
            LfoShape::Sine => out.iter_mut().for_each(|x| *x = sine(*x)),
            LfoShape::Triangle => out.iter_mut().for_each(|x| {
                // Up through 0 at the start, like the sine.
                let quarter = *x + 0.25;
                *x = 1.0 - (quarter - quarter.floor() - 0.5).abs() * 4.0;
            }),
            LfoShape::Saw => out.iter_mut().for_each(|x| *x = (*x - x.floor()) * 2.0 - 1.0),
            LfoShape::Square => {
                out.iter_mut().for_each(|x| *x = if *x - x.floor() < 0.5 { 1.0 } else { -1.0 })
            }
            LfoShape::Steps | LfoShape::Drift => out.iter_mut().for_each(|x| *x = self.random(start, *x)),
        }
    }

    /// The random wave at a position: `start` whole cycles and `x` more.
    fn random(&mut self, start: f64, x: f32) -> f32 {
        let whole = x.floor();
        let cycle = start as i64 + whole as i64;
        if self.last.0 != cycle {
            self.last = (cycle, values(self.chance, cycle));
        }
        let ([now, next], x) = (self.last.1, x - whole);
        match self.shape {
            LfoShape::Steps => now,
            // Without a corner at the values.
            _ => now + (next - now) * x * x * (3.0 - 2.0 * x),
        }
    }

    /// Frames that go by the position in the music.
    fn follow(&mut self, period: f64, phase: Param<'_>, cx: &Context<'_>, out: &mut Block) {
        for segment in cx.segments() {
            let step = segment.ticks_per_frame / period;
            self.run(segment.tick / period, step, segment.from, phase, &mut out[segment.from..segment.to]);
        }
    }

    /// Frames of constant speed, from the frame `first` of the quantum on.
    fn run(&mut self, cycles: f64, step: f64, first: usize, phase: Param<'_>, out: &mut [f32]) {
        match phase {
            Param::Constant(phase) => self.fill(cycles + f64::from(phase), step, out),
            Param::Signal(phases) => {
                for (frame, out) in out.chunks_mut(1).enumerate() {
                    let ahead = f64::from(phases[first + frame]);
                    self.fill(cycles + step * frame as f64 + ahead, step, out);
                }
            }
        }
    }

    /// Frames that go by the clock.
    fn roam(&mut self, rate: Param<'_>, phase: Param<'_>, out: &mut Block) {
        let second = 1.0 / self.sample_rate;
        match rate {
            Param::Constant(rate) => {
                let step = f64::from(rate) * second;
                self.run(self.cycles, step, 0, phase, &mut out[..]);
                self.cycles += step * QUANTUM as f64;
            }
            Param::Signal(rates) => {
                for (frame, rate) in rates.iter().enumerate() {
                    self.run(self.cycles, 0.0, frame, phase, &mut out[frame..=frame]);
                    self.cycles += f64::from(*rate) * second;
                }
            }
        }
    }
}

impl Processor for Lfo {
    fn process(&mut self, cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        let (rate, phase) = (io.param(RATE), io.param(PHASE));
        let mut output = io.output(0);
        let out = output.channel(0);
        match self.period {
            Some(period) => self.follow(period, phase, cx, out),
            None => self.roam(rate, phase, out),
        }
        if self.unipolar {
            out.iter_mut().for_each(|x| *x = *x * 0.5 + 0.5);
        }
        Status::Active
    }

    fn reset(&mut self) {
        self.cycles = 0.0;
    }

    fn adopt(&mut self, previous: &dyn Any) -> bool {
        let Some(previous) = previous.downcast_ref::<Self>() else { return false };
        self.cycles = previous.cycles;
        true
    }
}
