//! `mix`: a sum with a width.

use auralis_graph::dsp::QUANTUM;
use auralis_graph::engine::{Context, Io, Param};
use auralis_graph::node::NoConfig;
use auralis_graph::param::ParamSpec;
use auralis_graph::port::{PortSpec, Ports};
use auralis_graph::{Node, NodeError, Prepare, Prepared, Processor, Status};

/// A stereo bus.
pub struct Mix;

const WIDTH: usize = 0;

impl Node for Mix {
    const KIND: &'static str = "mix";
    const ABOUT: &'static str = "A stereo bus: sums what is connected, with a stereo width.

Any input sums a list; this node is for a bus that has a name, a level and a mute of its own, and a `width`:
0 is mono, 1 leaves the image as it is, 2 doubles the difference between the sides.";
    const EXAMPLE: &'static str = "
left: { type: noise, gain: -20 dB }
right: { type: noise, gain: -20 dB }
sides: { type: pan, in: left, pan: -0.7 }
bus: { type: mix, in: [sides, { from: right, gain: -3 dB }], width: 0.8 }
out: { type: output, in: bus }";
    const PARAMS: &'static [ParamSpec] =
        &[ParamSpec::new("width", auralis_graph::param::Unit::Ratio, 0.0, 2.0, 1.0)
            .about("Stereo width: 0 mono, 1 as it comes, 2 double.")];
    type Config = NoConfig;

    fn ports(_config: &NoConfig) -> Ports {
        Ports::new([PortSpec::audio("in", 2)], [PortSpec::audio("out", 2)])
    }

    fn prepare(_config: &NoConfig, _cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        Ok(Prepared::new(Mix))
    }
}

impl Processor for Mix {
    fn process(&mut self, _cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        let (input, width) = (io.input(0), io.param(WIDTH));
        if input.is_silent() {
            return Status::Asleep;
        }
        if let Param::Constant(1.0) = width {
            return Status::Through;
        }
        let (from_left, from_right) = (input.channel(0), input.channel(1));
        let mut output = io.output(0);
        let (left, right) = output.stereo();
        for frame in 0..QUANTUM {
            let (l, r) = (from_left[frame], from_right[frame]);
            // Exact where the width is 1: the difference is scaled by what it lacks or has too much.
            let side = (l - r) * 0.5 * (width.at(frame) - 1.0);
            left[frame] = l + side;
            right[frame] = r - side;
        }
        Status::Active
    }

    fn reset(&mut self) {}
}
