//! Auralis: presets, compiled and run as a socket runs them.

use crate::kernels::{self, CHAINS, Filter, GROUPS, Sine};
use auralis_graph::engine::{Context, Io};
use auralis_graph::node::{NoConfig, Pace};
use auralis_graph::places::Places;
use auralis_graph::port::{PortSpec, Ports};
use auralis_graph::{
    Built, Catalogue, Kind, Node, NodeError, Options, Prepare, Prepared, Preset, Processor, Source, Status,
    build,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// A chain of nodes that do nothing.
pub fn empty(nodes: usize) -> Built {
    let mut text = String::from("auralis: 1\nnodes:\n  n0: { type: empty }\n");
    for node in 1..nodes {
        let _ = writeln!(text, "  n{node}: {{ type: empty, in: n{} }}", node - 1);
    }
    let _ = writeln!(text, "  out: {{ type: output, in: n{} }}", nodes - 1);
    make(&text)
}

/// The graph that sounds, of the catalogue's nodes: from the mixers on it is stereo.
pub fn catalogue() -> Built {
    make(&graph(false))
}

/// The graph that sounds, of nodes that run the peers' kernels, in mono as theirs.
pub fn same_kernels() -> Built {
    make(&graph(true))
}

/// The graph in YAML. `kernel` says which nodes: the catalogue takes pitch, cutoff and level as parameters.
fn graph(kernel: bool) -> String {
    let mut text = String::from("auralis: 1\nnodes:\n");
    let gain = if kernel { "type: kernel_gain" } else { "type: gain, gain: -6 dB" };
    let mix = if kernel { "type: kernel_mix" } else { "type: mix" };
    for group in 0..GROUPS {
        for chain in 0..CHAINS {
            let (frequency, cutoff) = (kernels::frequency(group, chain), kernels::cutoff(chain));
            let [sine, filter] = match kernel {
                true => {
                    [format!("kernel_sine, hertz: {frequency}"), format!("kernel_filter, hertz: {cutoff}")]
                }
                false => {
                    [format!("oscillator, frequency: {frequency} Hz"), format!("filter, cutoff: {cutoff} Hz")]
                }
            };
            let name = format!("{group}_{chain}");
            let _ = writeln!(text, "  s{name}: {{ type: {sine} }}");
            let _ = writeln!(text, "  g{name}: {{ {gain}, in: s{name} }}");
            let _ = writeln!(text, "  f{name}: {{ type: {filter}, in: g{name} }}");
        }
        let chains: Vec<String> = (0..CHAINS).map(|chain| format!("f{group}_{chain}")).collect();
        let _ = writeln!(text, "  m{group}: {{ {mix}, in: [{}] }}", chains.join(", "));
        let _ = writeln!(text, "  a{group}: {{ {gain}, in: m{group} }}");
    }
    let groups: Vec<String> = (0..GROUPS).map(|group| format!("a{group}")).collect();
    let _ = writeln!(text, "  out: {{ type: output, in: [{}] }}", groups.join(", "));
    text
}

fn make(text: &str) -> Built {
    let own = [
        Kind::of::<Empty>(),
        Kind::of::<KernelSine>(),
        Kind::of::<KernelGain>(),
        Kind::of::<KernelFilter>(),
        Kind::of::<KernelMix>(),
    ];
    let shipped = auralis_nodes::catalogue();
    let catalogue = Catalogue::new(shipped.iter().copied().chain(own));
    let source = Source::new("bench.yaml", text);
    let preset = Preset::read(&source, &catalogue, &Places::anywhere()).expect("the preset is right");
    let options = Options::render(kernels::RATE as u32, preset.settings(), Places::anywhere());
    let options = Options { pace: Pace::RealTime, ..options };
    build(&preset, &catalogue, &options).expect("it can be built")
}

/// A node that does nothing and says that it did something.
struct Empty;

impl Node for Empty {
    const KIND: &'static str = "empty";
    const ABOUT: &'static str = "Leaves its output as it is.";
    const EXAMPLE: &'static str = "\nnothing: { type: empty }\nout: { type: output, in: nothing }";
    type Config = NoConfig;

    fn ports(_config: &NoConfig) -> Ports {
        mono()
    }

    fn prepare(_config: &NoConfig, _cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        Ok(Prepared::new(Empty))
    }
}

impl Processor for Empty {
    fn process(&mut self, _cx: &Context<'_>, _io: &mut Io<'_>) -> Status {
        Status::Active
    }

    fn reset(&mut self) {}
}

fn mono() -> Ports {
    Ports::new([PortSpec::audio("in", 1)], [PortSpec::audio("out", 1)])
}

/// Configuration of the kernels' nodes.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
struct KernelConfig {
    /// Pitch or cutoff in Hz.
    hertz: f64,
}

struct KernelSine(Sine);

impl Node for KernelSine {
    const KIND: &'static str = "kernel_sine";
    const ABOUT: &'static str = "The kernel's sine.";
    const EXAMPLE: &'static str = "\nsine: { type: kernel_sine }\nout: { type: output, in: sine }";
    type Config = KernelConfig;

    fn ports(_config: &KernelConfig) -> Ports {
        Ports::new([], [PortSpec::audio("out", 1)])
    }

    fn prepare(config: &KernelConfig, _cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        Ok(Prepared::new(KernelSine(Sine::new(config.hertz as f32))))
    }
}

impl Processor for KernelSine {
    fn process(&mut self, _cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        self.0.run(&mut io.output(0).channel(0)[..]);
        Status::Active
    }

    fn reset(&mut self) {}
}

struct KernelFilter(Filter);

impl Node for KernelFilter {
    const KIND: &'static str = "kernel_filter";
    const ABOUT: &'static str = "The kernel's filter.";
    const EXAMPLE: &'static str = "\nlow: { type: kernel_filter }\nout: { type: output, in: low }";
    type Config = KernelConfig;

    fn ports(_config: &KernelConfig) -> Ports {
        mono()
    }

    fn prepare(config: &KernelConfig, _cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        Ok(Prepared::new(KernelFilter(Filter::new(config.hertz as f32))))
    }
}

impl Processor for KernelFilter {
    fn process(&mut self, _cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        let input = io.input(0).channel(0);
        self.0.run(&input[..], &mut io.output(0).channel(0)[..]);
        Status::Active
    }

    fn reset(&mut self) {}
}

struct KernelGain;

impl Node for KernelGain {
    const KIND: &'static str = "kernel_gain";
    const ABOUT: &'static str = "The kernel's gain.";
    const EXAMPLE: &'static str = "\nquiet: { type: kernel_gain }\nout: { type: output, in: quiet }";
    type Config = NoConfig;

    fn ports(_config: &NoConfig) -> Ports {
        mono()
    }

    fn prepare(_config: &NoConfig, _cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        Ok(Prepared::new(KernelGain))
    }
}

impl Processor for KernelGain {
    fn process(&mut self, _cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        let input = io.input(0).channel(0);
        kernels::gain(&input[..], &mut io.output(0).channel(0)[..]);
        Status::Active
    }

    fn reset(&mut self) {}
}

/// The sum is the engine's: what is left for the node is to hand it on.
struct KernelMix;

impl Node for KernelMix {
    const KIND: &'static str = "kernel_mix";
    const ABOUT: &'static str = "The sum of its inputs.";
    const EXAMPLE: &'static str = "\nsum: { type: kernel_mix }\nout: { type: output, in: sum }";
    type Config = NoConfig;

    fn ports(_config: &NoConfig) -> Ports {
        mono()
    }

    fn prepare(_config: &NoConfig, _cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        Ok(Prepared::new(KernelMix))
    }
}

impl Processor for KernelMix {
    fn process(&mut self, _cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        *io.output(0).channel(0) = *io.input(0).channel(0);
        Status::Active
    }

    fn reset(&mut self) {}
}
