//! `template`: say in one line what it does.

use auralis_graph::dsp::QUANTUM;
use auralis_graph::engine::{Context, Io};
use auralis_graph::node::NoConfig;
use auralis_graph::param::ParamSpec;
use auralis_graph::port::Ports;
use auralis_graph::{Node, NodeError, Prepare, Prepared, Processor, Status};

/// What it is, for a programmer.
pub struct Template;

const AMOUNT: usize = 0;

impl Node for Template {
    const KIND: &'static str = "template";
    // The reference text: a summary in one line, then what a musician wants to know.
    const ABOUT: &'static str = "Folds the peaks of a sound over, as a start for a node of your own.

`amount` is how much of the folded sound is mixed in.";
    // The `nodes` part of a preset that runs.
    const EXAMPLE: &'static str = "
hiss: { type: noise, gain: -20 dB }
folded: { type: template, in: hiss, amount: 0.5 }
out: { type: output, in: folded }";
    const PARAMS: &'static [ParamSpec] =
        &[ParamSpec::ratio("amount", 0.5).about("How much of the folded sound is mixed in.")];
    type Config = NoConfig;

    fn ports(_config: &NoConfig) -> Ports {
        Ports::effect()
    }

    fn prepare(_config: &NoConfig, _cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        Ok(Prepared::new(Template))
    }
}

impl Processor for Template {
    fn process(&mut self, _cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        let (input, amount) = (io.input(0), io.param(AMOUNT));
        if input.is_silent() {
            return Status::Asleep;
        }
        let mut output = io.output(0);
        for channel in 0..output.channels() {
            let (from, to) = (input.channel(channel), output.channel(channel));
            for frame in 0..QUANTUM {
                let x = from[frame];
                let folded = x * (1.5 - 0.5 * x * x);
                to[frame] = x + (folded - x) * amount.at(frame);
            }
        }
        Status::Active
    }

    fn reset(&mut self) {}
}
