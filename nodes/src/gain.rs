//! `gain`: audio through, at a level.

use auralis_graph::engine::{Context, Io};
use auralis_graph::node::NoConfig;
use auralis_graph::port::Ports;
use auralis_graph::{Node, NodeError, Prepare, Prepared, Processor, Status};

/// The level is the `gain` that every node has, applied by the engine; this node gives it a place in the chain.
pub struct Gain;

impl Node for Gain {
    const KIND: &'static str = "gain";
    const ABOUT: &'static str = "Passes audio through at a level.

Every node that makes audio has `gain` and `mute` of its own; use this one where a level stands between two
others, or where several sources are to be moved by one control. Modulating its `gain` makes a tremolo.";
    const EXAMPLE: &'static str = "
hiss: { type: noise }
quiet: { type: gain, in: hiss, gain: -20 dB }
out: { type: output, in: quiet }";
    type Config = NoConfig;

    fn ports(_config: &NoConfig) -> Ports {
        Ports::effect()
    }

    fn prepare(_config: &NoConfig, _cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        Ok(Prepared::new(Gain))
    }
}

impl Processor for Gain {
    fn process(&mut self, _cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        if io.input(0).is_silent() { Status::Asleep } else { Status::Through }
    }

    fn reset(&mut self) {}
}
