//! `oscillator`: one steady wave, band-limited. Audio thread.

use crate::voice::guard::Guard;
use crate::voice::halfband::{self, Halfband};
use crate::voice::patch::FASTEST;
use crate::voice::shape::{Speed, saw, triangle, wrap};
use auralis_graph::dsp::{Block, QUANTUM, exp2};
use auralis_graph::engine::{Bank, Context, Io, Param, Recursion, STRIDE};
use auralis_graph::instructions::level;
use auralis_graph::lanes::{Lanes, sine};
use auralis_graph::param::{ParamSpec, Unit};
use auralis_graph::port::{PortSpec, Ports};
use auralis_graph::{Node, NodeError, Prepare, Prepared, Processor, Status, Tail};
use fearless_simd::{Level, Simd, dispatch, f32x8, f32x16, prelude::*};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::any::Any;

/// A phase that runs on: what a group of oscillators side by side has in common with a single one.
#[derive(Debug, Clone, Copy)]
pub struct Phasor<V> {
    /// Phase of the quantum's first frame, in [-1/2, 1/2] cycles.
    base: V,
}

impl<V: Lanes> Phasor<V> {
    /// The phase of a frame, where the increment is the same in all frames.
    #[inline(always)]
    pub fn at(&self, frame: V, increment: V) -> V {
        self.base + increment * frame
    }

    /// Goes on by frames of the same increment.
    #[inline(always)]
    pub fn skip(&mut self, frames: f32, increment: V) {
        self.base = wrap(self.base + increment * frames);
    }

    /// The phase, and on by one frame.
    #[inline(always)]
    pub fn tick(&mut self, increment: V) -> V {
        let phase = self.base;
        self.base = wrap(phase + increment);
        phase
    }
}

/// The sine of a phase; silent from half the sample rate on, where it would fold back.
#[inline(always)]
pub fn sine_tick<V: Lanes>(phase: V, increment: V) -> V {
    sine(phase) * (-(increment - 0.5) * 50.0).between(0.0, 1.0)
}

/// An oscillator.
pub struct Oscillator {
    wave: Wave,
    level: Level,
    sample_rate: f32,
    phasor: Phasor<f32>,
    /// A sine whose pitch stands still.
    tone: Tone,
    /// What a wave with edges or corners goes through: samples of the doubled rate, the older and the newer of each
    /// pair, and the memory of the filters.
    doubled: Box<[Block; 2]>,
    memory: [f32; MEMORY],
}

/// A sine of one pitch, 16 frames at a time: the sine of a sum of angles is made of those of its parts, and the angles
/// from a frame to the 16 that begin with it are always the same.
#[derive(Debug, Clone, Copy)]
struct Tone {
    frequency: f32,
    detune: f32,
    increment: f32,
    /// Of the angles from a frame to the next 16.
    cosines: [f32; SPAN],
    sines: [f32; SPAN],
}

/// Frames that a tone takes at once.
const SPAN: usize = 16;
/// How often it does in a quantum.
const SPANS: usize = QUANTUM / SPAN;

/// Numbers that the filters behind a wave remember.
const MEMORY: usize = halfband::MEMORY + 6;

/// From the doubled rate to the sample rate.
enum Halve {}

impl Recursion<MEMORY, 0, 2> for Halve {
    #[inline(always)]
    fn stride<V: Lanes>(
        memory: &mut [V; MEMORY],
        _steady: &[V; 0],
        [older, newer]: &[[V; STRIDE]; 2],
    ) -> [V; STRIDE] {
        let [a, b, c, d, e, f, g, h, k, l, m, n, o, p] = *memory;
        let mut halfband = Halfband::of([a, b, c, d, e, f, g, h]);
        let mut guard = Guard { memory: [[k, l], [m, n], [o, p]] };
        let mut out = *older;
        for frame in 0..STRIDE {
            out[frame] = guard.tick(halfband.tick(older[frame], newer[frame]));
        }
        let [a, b, c, d, e, f, g, h] = halfband.memory();
        let [[k, l], [m, n], [o, p]] = guard.memory;
        *memory = [a, b, c, d, e, f, g, h, k, l, m, n, o, p];
        out
    }
}

/// The wave.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Wave {
    /// The pure tone.
    #[default]
    Sine,
    /// Odd harmonics that fall by 12 dB an octave.
    Triangle,
    /// All harmonics, falling by 6 dB an octave; rises and drops.
    Saw,
    /// High for a part of the cycle, low for the rest.
    Pulse,
}

/// Structural configuration.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct OscillatorConfig {
    /// sine, triangle, saw or pulse.
    wave: Wave,
}

const FREQUENCY: usize = 0;
const DETUNE: usize = 1;
const WIDTH: usize = 2;

impl Node for Oscillator {
    const KIND: &'static str = "oscillator";
    const ABOUT: &'static str = "A steady tone: sine, triangle, saw or pulse, without aliasing.

For drones, for test tones, and as a modulator in the range of hearing; below it `lfo` is the better choice. All waves
reach from -1 to 1 (use `gain`) and begin at the same point of their cycle, so that several of them stay in step.
`detune` is there to move the pitch in semitones, `width` is the part of the cycle that a pulse is high.";
    const EXAMPLE: &'static str = "
low: { type: oscillator, wave: sine, frequency: 55 Hz, gain: -18 dB }
beat: { type: oscillator, wave: triangle, frequency: 110 Hz, detune: 6 ct, gain: -24 dB }
out: { type: output, in: [low, beat] }";
    const PARAMS: &'static [ParamSpec] = &[
        ParamSpec::hertz("frequency", 0.01, 20_000.0, 220.0).about("Pitch."),
        ParamSpec::new("detune", Unit::Semitones, -48.0, 48.0, 0.0).about("Moves the pitch."),
        ParamSpec::new("width", Unit::Ratio, 0.02, 0.98, 0.5)
            .about("Part of the cycle that the pulse is high: 50 % is a square."),
    ];
    type Config = OscillatorConfig;

    fn ports(_config: &OscillatorConfig) -> Ports {
        Ports::new([], [PortSpec::audio("out", 1)])
    }

    fn recursive(config: &OscillatorConfig) -> bool {
        config.wave != Wave::Sine
    }

    fn prepare(config: &OscillatorConfig, cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        let oscillator = Oscillator {
            wave: config.wave,
            level: level(),
            sample_rate: cx.sample_rate as f32,
            phasor: Phasor { base: 0.0 },
            tone: Tone::SILENT,
            doubled: Box::new([Block::SILENCE; 2]),
            memory: [0.0; MEMORY],
        };
        Ok(Prepared::new(oscillator).tail(Tail::Endless))
    }
}

/// Samples of the doubled rate in a quantum.
const DOUBLE: usize = 2 * QUANTUM;

/// What the waves of the doubled rate are computed from.
struct Doubled {
    phases: [f32; DOUBLE],
    increments: [f32; DOUBLE],
    delays: [f32; DOUBLE],
}

impl Oscillator {
    /// Cycles a frame.
    fn increment(&self, frequency: f32, detune: f32) -> f32 {
        let ratio = if detune == 0.0 { 1.0 } else { exp2(detune / 12.0) };
        frequency * ratio / self.sample_rate
    }

    fn sine(&mut self, frequency: Param<'_>, detune: Param<'_>, out: &mut Block) {
        if let (Param::Constant(frequency), Param::Constant(detune)) = (frequency, detune) {
            if (frequency, detune) != (self.tone.frequency, self.tone.detune) {
                self.tone = Tone::new(frequency, detune, self.increment(frequency, detune));
            }
            let (phasor, tone) = (self.phasor, &self.tone);
            dispatch!(self.level, simd => tone.fill(simd, phasor, out));
            self.phasor.skip(QUANTUM as f32, self.tone.increment);
            return;
        }
        for (frame, out) in out.iter_mut().enumerate() {
            let increment = self.increment(frequency.at(frame), detune.at(frame));
            *out = sine_tick(self.phasor.tick(increment), increment);
        }
    }

    fn doubled(&mut self, frequency: Param<'_>, detune: Param<'_>, width: Param<'_>) -> Doubled {
        let mut doubled = Doubled { phases: [0.0; DOUBLE], increments: [0.0; DOUBLE], delays: [0.0; DOUBLE] };
        for (sample, delay) in doubled.delays.iter_mut().enumerate() {
            *delay = 1.0 - width.at(sample / 2);
        }
        if let (Param::Constant(frequency), Param::Constant(detune)) = (frequency, detune) {
            let half = self.half_increment(frequency, detune);
            doubled.increments.fill(half);
            for (sample, phase) in doubled.phases.iter_mut().enumerate() {
                *phase = self.phasor.at(sample as f32, half);
            }
            self.phasor.skip(DOUBLE as f32, half);
            return doubled;
        }
        for frame in 0..QUANTUM {
            let half = self.half_increment(frequency.at(frame), detune.at(frame));
            for sample in [2 * frame, 2 * frame + 1] {
                doubled.phases[sample] = self.phasor.tick(half);
                doubled.increments[sample] = half;
            }
        }
        doubled
    }

    /// Cycles a sample of the doubled rate. From the fastest on nothing is left of a wave but what the half-band filter
    /// takes away.
    fn half_increment(&self, frequency: f32, detune: f32) -> f32 {
        (self.increment(frequency, detune) * 0.5).min(FASTEST)
    }
}

impl Tone {
    /// Of no pitch yet.
    const SILENT: Tone =
        Tone { frequency: 0.0, detune: 0.0, increment: 0.0, cosines: [0.0; SPAN], sines: [0.0; SPAN] };

    fn new(frequency: f32, detune: f32, increment: f32) -> Self {
        let part = |offset: f32| {
            std::array::from_fn(|frame| sine_tick(increment * frame as f32 + offset, increment))
        };
        Self { frequency, detune, increment, cosines: part(0.25), sines: part(0.0) }
    }

    /// All frames of a quantum.
    #[inline(always)]
    fn fill<S: Simd>(&self, simd: S, phasor: Phasor<f32>, out: &mut Block) {
        let mut phases = [0.0; 2 * SPANS];
        for span in 0..SPANS {
            phases[span] = phasor.at((span * SPAN) as f32, self.increment);
            phases[SPANS + span] = phases[span] + 0.25;
        }
        let begin: [f32; 2 * SPANS] = sine(f32x8::from_slice(simd, &phases)).into();
        let (cosines, sines) =
            (f32x16::from_slice(simd, &self.cosines), f32x16::from_slice(simd, &self.sines));
        for (span, out) in out.as_chunks_mut::<SPAN>().0.iter_mut().enumerate() {
            (cosines * begin[span] + sines * begin[SPANS + span]).store_slice(out);
        }
    }
}

/// One of the waves with edges or corners, at the doubled rate. They begin where the sine does: upwards through 0.
#[inline(always)]
fn fill_wave<S: Simd>(simd: S, wave: Wave, doubled: &Doubled, out: &mut [f32; DOUBLE]) {
    let Doubled { phases, increments, delays } = doubled;
    let chunks = phases.chunks_exact(16).zip(increments.chunks_exact(16)).zip(delays.chunks_exact(16));
    for (((phases, increments), delays), out) in chunks.zip(out.chunks_exact_mut(16)) {
        let phase = wrap(f32x16::from_slice(simd, phases) + 0.5);
        let speed = Speed::new(f32x16::from_slice(simd, increments));
        let wave = match wave {
            Wave::Triangle => triangle(phase, speed),
            Wave::Pulse => {
                let late = wrap(phase - f32x16::from_slice(simd, delays));
                saw(phase, speed) - saw(late, speed)
            }
            _ => saw(phase, speed),
        };
        wave.store_slice(out);
    }
}

impl Processor for Oscillator {
    fn process(&mut self, _cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        let (frequency, detune, width) = (io.param(FREQUENCY), io.param(DETUNE), io.param(WIDTH));
        if self.wave == Wave::Sine {
            self.sine(frequency, detune, io.output(0).channel(0));
            return Status::Active;
        }
        let (doubled, wave) = (self.doubled(frequency, detune, width), self.wave);
        let mut samples = [0.0; DOUBLE];
        dispatch!(self.level, simd => fill_wave(simd, wave, &doubled, &mut samples));
        let [older, newer] = &mut *self.doubled;
        for ((older, newer), pair) in older.iter_mut().zip(newer.iter_mut()).zip(samples.chunks_exact(2)) {
            (*older, *newer) = (pair[0], pair[1]);
        }
        Status::Recursions
    }

    fn recursions<'a>(&'a mut self, bank: &mut Bank<'a>) {
        let [older, newer] = &*self.doubled;
        bank.add::<Halve, _, _, _>((0, 0), &mut self.memory, &[], [older, newer]);
    }

    fn reset(&mut self) {
        self.phasor.base = 0.0;
        self.memory = [0.0; MEMORY];
    }

    fn adopt(&mut self, previous: &dyn Any) -> bool {
        let Some(previous) = previous.downcast_ref::<Self>() else { return false };
        self.phasor = previous.phasor;
        self.memory = previous.memory;
        true
    }
}
