//! fundsp: boxed units in a `Net`, whose backend runs blocks of 64 frames.

use crate::kernels::{self, CHAINS, Filter, GROUPS, Sine};
use fundsp::prelude32::*;

/// A net as the audio thread runs it.
pub struct Fun {
    backend: NetBackend,
    output: BufferVec,
}

impl Fun {
    fn new(mut net: Net, last: NodeId) -> Self {
        net.pipe_output(last);
        net.set_sample_rate(f64::from(kernels::RATE));
        net.allocate();
        assert!(net.error().is_none(), "the net is right");
        Self { backend: net.backend(), output: BufferVec::new(1) }
    }

    /// A chain of units that do nothing.
    pub fn empty(nodes: usize) -> Self {
        let mut net = Net::new(0, 1);
        let mut last = net.push(Box::new(Plain::new(0, Empty)));
        for _ in 1..nodes {
            let next = net.push(Box::new(Plain::new(1, Empty)));
            net.pipe_all(last, next);
            last = next;
        }
        Self::new(net, last)
    }

    /// The graph that sounds, of the same kernels as everywhere.
    pub fn sounding() -> Self {
        graph(
            |hertz| Box::new(Plain::new(0, Tone(Sine::new(hertz)))),
            || Box::new(Plain::new(1, Gain)),
            |hertz| Box::new(Plain::new(1, Low(Filter::new(hertz)))),
            |inputs| Box::new(Plain::new(inputs, Mix)),
        )
    }

    /// The graph that sounds, of fundsp's own units, which have their own mathematics: a sine by `wide`, a multiplication
    /// by a constant, a state-variable low-pass of the same Q, a join scaled to a sum.
    pub fn own_units() -> Self {
        let quality = std::f32::consts::FRAC_1_SQRT_2;
        graph(
            |hertz| Box::new(sine_hz(hertz)),
            || Box::new(mul(kernels::GAIN)),
            move |hertz| Box::new(lowpass_hz(hertz, quality)),
            |inputs| match inputs {
                CHAINS => Box::new(join::<U16>() * CHAINS as f32),
                _ => Box::new(join::<U20>() * GROUPS as f32),
            },
        )
    }

    /// One block of 64 frames.
    pub fn block(&mut self) -> f32 {
        self.backend.process(MAX_BUFFER_SIZE, &BufferRef::empty(), &mut self.output.buffer_mut());
        self.output.at_f32(0, MAX_BUFFER_SIZE - 1)
    }
}

type Unit = Box<dyn AudioUnit>;

fn graph(
    sine: impl Fn(f32) -> Unit,
    gain: impl Fn() -> Unit,
    filter: impl Fn(f32) -> Unit,
    mix: impl Fn(usize) -> Unit,
) -> Fun {
    let mut net = Net::new(0, 1);
    let last = net.push(mix(GROUPS));
    for group in 0..GROUPS {
        let sum = net.push(mix(CHAINS));
        for chain in 0..CHAINS {
            let sine = net.push(sine(kernels::frequency(group, chain)));
            let gain = net.push(gain());
            let filter = net.push(filter(kernels::cutoff(chain)));
            net.pipe_all(sine, gain);
            net.pipe_all(gain, filter);
            net.connect(filter, 0, sum, chain);
        }
        let gain = net.push(gain());
        net.pipe_all(sum, gain);
        net.connect(gain, 0, last, group);
    }
    Fun::new(net, last)
}

/// A kernel that has one output.
trait Kernel: Clone + Send + Sync + 'static {
    fn run(&mut self, input: &BufferRef, out: &mut [f32]);
}

/// A kernel as a unit.
#[derive(Clone)]
struct Plain<K> {
    inputs: usize,
    kernel: K,
}

impl<K: Kernel> Plain<K> {
    fn new(inputs: usize, kernel: K) -> Self {
        Self { inputs, kernel }
    }
}

impl<K: Kernel> AudioUnit for Plain<K> {
    fn tick(&mut self, _input: &[f32], _output: &mut [f32]) {
        unreachable!("the backend runs blocks");
    }

    fn process(&mut self, size: usize, input: &BufferRef, output: &mut BufferMut) {
        self.kernel.run(input, &mut output.channel_f32_mut(0)[..size]);
    }

    fn inputs(&self) -> usize {
        self.inputs
    }

    fn outputs(&self) -> usize {
        1
    }

    fn route(&mut self, _input: &SignalFrame, _frequency: f64) -> SignalFrame {
        SignalFrame::new(1)
    }

    fn get_id(&self) -> u64 {
        0
    }

    fn footprint(&self) -> usize {
        size_of::<Self>()
    }
}

#[derive(Clone)]
struct Empty;

impl Kernel for Empty {
    fn run(&mut self, _input: &BufferRef, _out: &mut [f32]) {}
}

#[derive(Clone)]
struct Tone(Sine);

impl Kernel for Tone {
    fn run(&mut self, _input: &BufferRef, out: &mut [f32]) {
        self.0.run(out);
    }
}

#[derive(Clone)]
struct Low(Filter);

impl Kernel for Low {
    fn run(&mut self, input: &BufferRef, out: &mut [f32]) {
        self.0.run(input.channel_f32(0), out);
    }
}

#[derive(Clone)]
struct Gain;

impl Kernel for Gain {
    fn run(&mut self, input: &BufferRef, out: &mut [f32]) {
        kernels::gain(input.channel_f32(0), out);
    }
}

#[derive(Clone)]
struct Mix;

impl Kernel for Mix {
    fn run(&mut self, input: &BufferRef, out: &mut [f32]) {
        out.copy_from_slice(&input.channel_f32(0)[..out.len()]);
        for channel in 1..input.channels() {
            kernels::add(input.channel_f32(channel), out);
        }
    }
}
