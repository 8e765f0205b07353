//! What the tests of effects share: a source that plays given samples, and ways to hear one node.
#![allow(dead_code)]

use auralis_graph::dsp::QUANTUM;
use auralis_graph::engine::{Context, Io};
use auralis_graph::plan::Socket;
use auralis_graph::port::{PortSpec, Ports};
use auralis_graph::testing::build_at;
use auralis_graph::{Built, Catalogue, Kind, Node, NodeError, Prepare, Prepared, Processor, Status};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::rc::Rc;

pub const RATE: u32 = auralis_graph::testing::RATE;

/// The nodes of the product, and `signal`.
pub fn catalogue() -> Catalogue {
    Catalogue::new(auralis_nodes::catalogue().iter().copied().chain([Kind::of::<Signal>()]))
}

thread_local! {
    static SIGNALS: RefCell<Vec<Rc<[Vec<f32>]>>> = const { RefCell::new(Vec::new()) };
}

/// Keeps channels of samples for a `signal` node, and gives its number.
pub fn keep<S: AsRef<[f32]>>(channels: &[S]) -> usize {
    SIGNALS.with_borrow_mut(|signals| {
        signals.push(channels.iter().map(|channel| channel.as_ref().to_vec()).collect());
        signals.len() - 1
    })
}

/// Plays what the test kept under a number, then silence for ever.
pub struct Signal {
    channels: Vec<Vec<f32>>,
    at: usize,
}

#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
pub struct SignalConfig {
    number: usize,
    channels: u16,
}

impl Node for Signal {
    const KIND: &'static str = "signal";
    const ABOUT: &'static str = "Plays what a test kept.";
    const EXAMPLE: &'static str = "";
    type Config = SignalConfig;

    fn ports(config: &SignalConfig) -> Ports {
        Ports::new([], [PortSpec::audio("out", config.channels)])
    }

    fn prepare(config: &SignalConfig, _: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        let channels = SIGNALS.with_borrow(|signals| signals[config.number].to_vec());
        Ok(Prepared::new(Signal { channels, at: 0 }))
    }
}

impl Processor for Signal {
    fn process(&mut self, _: &Context<'_>, io: &mut Io<'_>) -> Status {
        if self.at >= self.channels[0].len() {
            return Status::Asleep;
        }
        let mut silent = true;
        for (index, samples) in self.channels.iter().enumerate() {
            let mut out = io.output(0);
            for (frame, x) in out.channel(index).iter_mut().enumerate() {
                *x = samples.get(self.at + frame).copied().unwrap_or(0.0);
                silent &= *x == 0.0;
            }
        }
        self.at += QUANTUM;
        if silent { Status::Silent } else { Status::Active }
    }

    fn reset(&mut self) {
        self.at = 0;
    }
}

/// A preset in which `x` plays the channels; `rest` are further nodes, the last of them named `y`.
pub fn preset<S: AsRef<[f32]>>(channels: &[S], rest: &str) -> String {
    let number = keep(channels);
    let lines: String = rest.trim().lines().map(|line| format!("  {}\n", line.trim())).collect();
    format!(
        "auralis: 1\ntempo: 120\nnodes:\n  x: {{ type: signal, number: {number}, channels: {} }}\n{lines}  out: {{ type: output, in: y }}\n",
        channels.len()
    )
}

pub fn built<S: AsRef<[f32]>>(channels: &[S], rest: &str, rate: u32) -> Built {
    build_at(&preset(channels, rest), &catalogue(), rate, Socket::Render)
}

/// Renders frames, as the engine gives them: latency included.
pub fn frames(built: &mut Built, count: usize) -> [Vec<f32>; 2] {
    auralis_graph::testing::render_blocks(built, count, &[512])
}

/// What comes out of `y` while `x` plays, as long as that is.
pub fn hear<S: AsRef<[f32]>>(channels: &[S], rest: &str) -> [Vec<f32>; 2] {
    frames(&mut built(channels, rest, RATE), channels[0].as_ref().len())
}

/// One sample of full scale, then silence.
pub fn pulse(count: usize) -> Vec<f32> {
    let mut samples = vec![0.0; count];
    samples[0] = 1.0;
    samples
}

pub fn sine(hertz: f64, amplitude: f64, seconds: f64, rate: u32) -> Vec<f32> {
    let step = hertz / f64::from(rate) * std::f64::consts::TAU;
    (0..(seconds * f64::from(rate)) as usize).map(|i| ((i as f64 * step).sin() * amplitude) as f32).collect()
}

/// White noise between -1 and 1.
pub fn noise(seed: u64, count: usize) -> Vec<f32> {
    let mut chance = auralis_graph::chance::Chance::new(seed);
    (0..count).map(|_| chance.bipolar()).collect()
}
