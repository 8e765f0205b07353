//! `output`: what a listener, a file or the host gets.

use auralis_graph::engine::{Context, Io};
use auralis_graph::node::{NoConfig, Role};
use auralis_graph::port::{PortSpec, Ports};
use auralis_graph::{Node, NodeError, Prepare, Prepared, Processor, Status};

/// Stereo to the world outside.
pub struct Output;

impl Node for Output {
    const KIND: &'static str = "output";
    const ABOUT: &'static str = "The stereo sound of the preset, as a host, a file or a listener gets it.

Mono goes to both sides. Where a preset has several outputs they are summed, and a plugin offers a level for
each. A server without an encoder of its own encodes the first.";
    const EXAMPLE: &'static str = "
hiss: { type: noise, gain: -20 dB }
out: { type: output, in: hiss }";
    const ROLE: Role = Role::Output;
    type Config = NoConfig;

    fn ports(_config: &NoConfig) -> Ports {
        Ports::new(
            [PortSpec::audio("in", 2).about("The sound.")],
            [PortSpec::audio("out", 2).about("The same sound, for encoders and meters.")],
        )
    }

    fn prepare(_config: &NoConfig, _cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        Ok(Prepared::new(Output))
    }
}

impl Processor for Output {
    fn process(&mut self, _cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        if io.input(0).is_silent() { Status::Asleep } else { Status::Through }
    }

    fn reset(&mut self) {}
}
