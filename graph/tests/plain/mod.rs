//! A few plain nodes for tests of the framework itself; the product's nodes live elsewhere.
#![allow(dead_code)]

use auralis_graph::dsp::QUANTUM;
use auralis_graph::engine::{Context, Io};
use auralis_graph::node::{NoConfig, Role};
use auralis_graph::note::{NoteEvent, NoteKind, key_to_hertz};
use auralis_graph::param::ParamSpec;
use auralis_graph::port::{Polarity, PortSpec, Ports};
use auralis_graph::{Catalogue, Kind, Node, NodeError, Prepare, Prepared, Processor, Status, Tail};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

pub fn catalogue() -> Catalogue {
    Catalogue::new([
        Kind::of::<Tone>(),
        Kind::of::<Amp>(),
        Kind::of::<Wobble>(),
        Kind::of::<Ahead>(),
        Kind::of::<Echo>(),
        Kind::of::<Ticker>(),
        Kind::of::<Blip>(),
        Kind::of::<Bomb>(),
        Kind::of::<Counter>(),
        Kind::of::<Keys>(),
        Kind::of::<Out>(),
        Kind::of::<NotesOut>(),
        Kind::of::<Pulse>(),
    ])
}

/// A sine.
pub struct Tone {
    phase: f64,
}

impl Node for Tone {
    const KIND: &'static str = "tone";
    const ABOUT: &'static str = "A sine.";
    const EXAMPLE: &'static str = "";
    const PARAMS: &'static [ParamSpec] = &[ParamSpec::hertz("freq", 20.0, 20_000.0, 440.0)];
    type Config = NoConfig;

    fn ports(_: &NoConfig) -> Ports {
        Ports::new([], [PortSpec::audio("out", 1)])
    }

    fn prepare(_: &NoConfig, _: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        Ok(Prepared::new(Tone { phase: 0.0 }).tail(Tail::Endless))
    }
}

impl Processor for Tone {
    fn process(&mut self, cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        let freq = io.param(0);
        let mut out = io.output(0);
        for (frame, x) in out.channel(0).iter_mut().enumerate() {
            *x = (self.phase * std::f64::consts::TAU).sin() as f32 * 0.5;
            self.phase = (self.phase + f64::from(freq.at(frame) / cx.sample_rate)).fract();
        }
        Status::Active
    }

    fn reset(&mut self) {
        self.phase = 0.0;
    }
}

/// Passes audio through and times it by `level`.
pub struct Amp;

impl Node for Amp {
    const KIND: &'static str = "amp";
    const ABOUT: &'static str = "Times audio by a level.";
    const EXAMPLE: &'static str = "";
    const PARAMS: &'static [ParamSpec] =
        &[ParamSpec::ratio("level", 1.0), ParamSpec::ratio("jump", 1.0).smoothing(0.0)];
    type Config = NoConfig;

    fn ports(_: &NoConfig) -> Ports {
        Ports::effect()
    }

    fn prepare(_: &NoConfig, _: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        Ok(Prepared::new(Amp))
    }
}

impl Processor for Amp {
    fn process(&mut self, _: &Context<'_>, io: &mut Io<'_>) -> Status {
        let (level, jump, input) = (io.param(0), io.param(1), io.input(0));
        if input.is_silent() {
            return Status::Asleep;
        }
        let mut out = io.output(0);
        for channel in 0..out.channels() {
            let from = input.channel(channel);
            for (frame, x) in out.channel(channel).iter_mut().enumerate() {
                *x = from[frame] * level.at(frame) * jump.at(frame);
            }
        }
        Status::Active
    }

    fn reset(&mut self) {}
}

/// A slow modulator: a ramp from 0 to 1 each second.
pub struct Wobble {
    frame: u64,
}

impl Node for Wobble {
    const KIND: &'static str = "wobble";
    const ABOUT: &'static str = "A ramp.";
    const EXAMPLE: &'static str = "";
    type Config = NoConfig;

    fn ports(_: &NoConfig) -> Ports {
        Ports::new([], [PortSpec::control("out", Polarity::Unipolar)])
    }

    fn prepare(_: &NoConfig, _: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        Ok(Prepared::new(Wobble { frame: 0 }).tail(Tail::Endless))
    }
}

impl Processor for Wobble {
    fn process(&mut self, cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        for x in io.output(0).channel(0).iter_mut() {
            *x = (self.frame as f32 / cx.sample_rate).fract();
            self.frame += 1;
        }
        Status::Active
    }

    fn reset(&mut self) {
        self.frame = 0;
    }
}

/// Audio with latency.
pub struct Ahead {
    line: Vec<Vec<f32>>,
    frames: usize,
}

#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct AheadConfig {
    frames: u32,
}

impl Node for Ahead {
    const KIND: &'static str = "ahead";
    const ABOUT: &'static str = "Latency.";
    const EXAMPLE: &'static str = "";
    type Config = AheadConfig;

    fn ports(_: &AheadConfig) -> Ports {
        Ports::effect()
    }

    fn prepare(config: &AheadConfig, cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        let frames = config.frames as usize;
        let line = vec![vec![0.0; frames]; usize::from(cx.inputs[0])];
        Ok(Prepared::new(Ahead { line, frames }).latency(config.frames))
    }
}

impl Processor for Ahead {
    fn process(&mut self, _: &Context<'_>, io: &mut Io<'_>) -> Status {
        let input = io.input(0);
        let mut out = io.output(0);
        for (channel, line) in self.line.iter_mut().enumerate() {
            let to = out.channel(channel);
            for frame in 0..QUANTUM {
                to[frame] = if self.frames == 0 { input.channel(channel)[frame] } else { line[0] };
                if self.frames > 0 {
                    line.rotate_left(1);
                    line[self.frames - 1] = input.channel(channel)[frame];
                }
            }
        }
        Status::Active
    }

    fn reset(&mut self) {
        self.line.iter_mut().for_each(|line| line.fill(0.0));
    }
}

/// A delay of a fixed number of frames that may feed back.
pub struct Echo {
    line: Vec<f32>,
    at: usize,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub struct EchoConfig {
    frames: u32,
}

impl Node for Echo {
    const KIND: &'static str = "echo";
    const ABOUT: &'static str = "A delay.";
    const EXAMPLE: &'static str = "";
    type Config = EchoConfig;

    fn ports(_: &EchoConfig) -> Ports {
        Ports::new([PortSpec::audio("in", 1)], [PortSpec::audio("out", 1)])
    }

    fn feedback_delay(config: &EchoConfig, _: u32) -> Option<u32> {
        Some(config.frames)
    }

    fn prepare(config: &EchoConfig, cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        let frames = (config.frames - cx.advance) as usize;
        Ok(Prepared::new(Echo { line: vec![0.0; frames], at: 0 }).tail(Tail::Endless))
    }
}

impl Processor for Echo {
    fn process(&mut self, _: &Context<'_>, io: &mut Io<'_>) -> Status {
        let input = io.input(0).channel(0);
        let mut out = io.output(0);
        let to = out.channel(0);
        for frame in 0..QUANTUM {
            if self.line.is_empty() {
                to[frame] = input[frame];
                continue;
            }
            to[frame] = self.line[self.at];
            self.line[self.at] = input[frame];
            self.at = (self.at + 1) % self.line.len();
        }
        Status::Active
    }

    fn reset(&mut self) {
        self.line.fill(0.0);
        self.at = 0;
    }
}

/// One full-scale sample in the first frame, then silence.
pub struct Pulse {
    done: bool,
}

impl Node for Pulse {
    const KIND: &'static str = "pulse";
    const ABOUT: &'static str = "One impulse.";
    const EXAMPLE: &'static str = "";
    type Config = NoConfig;

    fn ports(_: &NoConfig) -> Ports {
        Ports::new([], [PortSpec::audio("out", 1)])
    }

    fn prepare(_: &NoConfig, _: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        Ok(Prepared::new(Pulse { done: false }))
    }
}

impl Processor for Pulse {
    fn process(&mut self, _: &Context<'_>, io: &mut Io<'_>) -> Status {
        if std::mem::replace(&mut self.done, true) {
            return Status::Asleep;
        }
        let mut out = io.output(0);
        let to = out.channel(0);
        to.fill(0.0);
        to[0] = 1.0;
        Status::Active
    }

    fn reset(&mut self) {
        self.done = false;
    }
}

/// A note on every beat, released half a beat later.
pub struct Ticker {
    id: u32,
    next: i64,
    sounding: Option<u32>,
}

const HALF_BEAT: i64 = 480;

impl Node for Ticker {
    const KIND: &'static str = "ticker";
    const ABOUT: &'static str = "Notes on beats.";
    const EXAMPLE: &'static str = "";
    const SETTINGS: bool = true;
    type Config = NoConfig;

    fn ports(_: &NoConfig) -> Ports {
        Ports::new([], [PortSpec::notes("out")])
    }

    fn prepare(_: &NoConfig, _: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        Ok(Prepared::new(Ticker { id: 0, next: 0, sounding: None }).tail(Tail::Endless))
    }
}

impl Processor for Ticker {
    fn process(&mut self, cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        for segment in cx.segments() {
            if segment.jump {
                self.next = (segment.tick / HALF_BEAT as f64).ceil() as i64 * HALF_BEAT;
                if let Some(id) = self.sounding.take() {
                    let _ = io.send(0, NoteEvent::off(segment.from, 0, id));
                }
            }
            while let Some(frame) = segment.frame_of(self.next) {
                if self.next.rem_euclid(2 * HALF_BEAT) == 0 {
                    self.id += 1;
                    self.sounding = Some(self.id);
                    let key = 60.0 + 12.0 * cx.settings().intensity;
                    let _ = io.send(0, NoteEvent::on(frame, 0, self.id, key, 0.8));
                } else if let Some(id) = self.sounding.take() {
                    let _ = io.send(0, NoteEvent::off(frame, 0, id));
                }
                self.next += HALF_BEAT;
            }
        }
        Status::Silent
    }

    fn reset(&mut self) {
        self.next = 0;
        self.sounding = None;
    }
}

/// Sines for up to 16 notes.
pub struct Blip {
    voices: [Option<(u32, f32, f64)>; 16],
}

impl Node for Blip {
    const KIND: &'static str = "blip";
    const ABOUT: &'static str = "Sines.";
    const EXAMPLE: &'static str = "";
    type Config = NoConfig;

    fn ports(_: &NoConfig) -> Ports {
        Ports::instrument()
    }

    fn prepare(_: &NoConfig, _: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        Ok(Prepared::new(Blip { voices: [None; 16] }))
    }
}

impl Processor for Blip {
    fn process(&mut self, cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        let events = io.notes(0);
        if events.is_empty() && self.voices.iter().all(Option::is_none) {
            return Status::Asleep;
        }
        let mut out = io.output(0);
        let (left, right) = out.stereo();
        let mut next = 0;
        for frame in 0..QUANTUM {
            while next < events.len() && events[next].frame() == frame {
                let event = events[next];
                match event.kind {
                    NoteKind::On { key, .. } => {
                        if let Some(free) = self.voices.iter_mut().find(|voice| voice.is_none()) {
                            *free = Some((event.id, key_to_hertz(key), 0.0));
                        }
                    }
                    NoteKind::Off { .. } => {
                        self.voices
                            .iter_mut()
                            .filter(|v| v.is_some_and(|v| v.0 == event.id))
                            .for_each(|v| *v = None);
                    }
                    _ => {}
                }
                next += 1;
            }
            let mut sum = 0.0;
            for (_, hertz, phase) in self.voices.iter_mut().flatten() {
                sum += (*phase * std::f64::consts::TAU).sin() as f32 * 0.2;
                *phase = (*phase + f64::from(*hertz / cx.sample_rate)).fract();
            }
            left[frame] = sum;
            right[frame] = sum;
        }
        Status::Active
    }

    fn reset(&mut self) {
        self.voices = [None; 16];
    }
}

/// Passes audio until a frame, then yields what is no sound.
pub struct Bomb {
    /// None for a panic.
    value: Option<f32>,
    at: i64,
}

#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub struct BombConfig {
    what: String,
}

impl Node for Bomb {
    const KIND: &'static str = "bomb";
    const ABOUT: &'static str = "Fails.";
    const EXAMPLE: &'static str = "";
    type Config = BombConfig;

    fn ports(_: &BombConfig) -> Ports {
        Ports::effect()
    }

    fn prepare(config: &BombConfig, _: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        let value = match config.what.as_str() {
            "nan" => Some(f32::NAN),
            "inf" => Some(f32::INFINITY),
            "panic" => None,
            _ => return Err(NodeError::new("a bomb is `nan` or `inf`").at("what").help("write `what: nan`")),
        };
        Ok(Prepared::new(Bomb { value, at: 1000 }))
    }
}

impl Processor for Bomb {
    fn process(&mut self, cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        let input = io.input(0);
        let mut out = io.output(0);
        for channel in 0..out.channels() {
            *out.channel(channel) = *input.channel(channel);
            if cx.frame >= self.at {
                out.channel(channel)[13] = self.value.expect("a bomb goes off");
            }
        }
        Status::Active
    }

    fn reset(&mut self) {}
}

/// Passes audio and counts how often it ran.
pub struct Counter {
    count: Arc<AtomicU64>,
}

impl Node for Counter {
    const KIND: &'static str = "counter";
    const ABOUT: &'static str = "Counts.";
    const EXAMPLE: &'static str = "";
    type Config = NoConfig;

    fn ports(_: &NoConfig) -> Ports {
        Ports::effect()
    }

    fn prepare(_: &NoConfig, cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        let count = Arc::new(AtomicU64::new(0));
        cx.publish(Arc::clone(&count));
        Ok(Prepared::new(Counter { count }))
    }
}

impl Processor for Counter {
    fn process(&mut self, _: &Context<'_>, io: &mut Io<'_>) -> Status {
        self.count.fetch_add(1, Ordering::Relaxed);
        let input = io.input(0);
        if input.is_silent() {
            return Status::Asleep;
        }
        let mut out = io.output(0);
        for channel in 0..out.channels() {
            *out.channel(channel) = *input.channel(channel);
        }
        Status::Active
    }

    fn reset(&mut self) {}
}

/// Notes from outside.
pub struct Keys;

impl Node for Keys {
    const KIND: &'static str = "keys";
    const ABOUT: &'static str = "Notes from outside.";
    const EXAMPLE: &'static str = "";
    const ROLE: Role = Role::NotesIn;
    type Config = NoConfig;

    fn ports(_: &NoConfig) -> Ports {
        Ports::new([], [PortSpec::notes("out")])
    }

    fn prepare(_: &NoConfig, _: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        Ok(Prepared::new(Keys))
    }
}

impl Processor for Keys {
    fn process(&mut self, _: &Context<'_>, io: &mut Io<'_>) -> Status {
        for event in io.notes(0) {
            let _ = io.send(0, *event);
        }
        Status::Asleep
    }

    fn reset(&mut self) {}
}

/// The output.
pub struct Out;

impl Node for Out {
    const KIND: &'static str = "output";
    const ABOUT: &'static str = "The output.";
    const EXAMPLE: &'static str = "";
    const ROLE: Role = Role::Output;
    type Config = NoConfig;

    fn ports(_: &NoConfig) -> Ports {
        Ports::new([PortSpec::audio("in", 2)], [PortSpec::audio("out", 2)])
    }

    fn prepare(_: &NoConfig, _: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        Ok(Prepared::new(Out))
    }
}

impl Processor for Out {
    fn process(&mut self, _: &Context<'_>, io: &mut Io<'_>) -> Status {
        let input = io.input(0);
        if input.is_silent() {
            return Status::Asleep;
        }
        let mut out = io.output(0);
        let (left, right) = out.stereo();
        *left = *input.channel(0);
        *right = *input.channel(1);
        Status::Active
    }

    fn reset(&mut self) {}
}

/// Notes that leave the program.
pub struct NotesOut;

impl Node for NotesOut {
    const KIND: &'static str = "notes_out";
    const ABOUT: &'static str = "Notes that leave.";
    const EXAMPLE: &'static str = "";
    const ROLE: Role = Role::NotesOut;
    type Config = NoConfig;

    fn ports(_: &NoConfig) -> Ports {
        Ports::new([PortSpec::notes("in")], [PortSpec::notes("out")])
    }

    fn prepare(_: &NoConfig, _: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        Ok(Prepared::new(NotesOut))
    }
}

impl Processor for NotesOut {
    fn process(&mut self, _: &Context<'_>, io: &mut Io<'_>) -> Status {
        for event in io.notes(0) {
            let _ = io.send(0, *event);
        }
        Status::Asleep
    }

    fn reset(&mut self) {}
}
