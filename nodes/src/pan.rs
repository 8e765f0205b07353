//! `pan`: a place between left and right.

use auralis_graph::dsp::QUANTUM;
use auralis_graph::engine::{Context, Io, Param};
use auralis_graph::lanes::sine;
use auralis_graph::node::NoConfig;
use auralis_graph::param::{ParamSpec, Unit};
use auralis_graph::port::{PortSpec, Ports};
use auralis_graph::{Node, NodeError, Prepare, Prepared, Processor, Status};

/// Constant-power panning.
pub struct Pan;

const PAN: usize = 0;

impl Node for Pan {
    const KIND: &'static str = "pan";
    const ABOUT: &'static str = "Places sound between left and right, at constant power.

A mono source is placed; a stereo one is balanced: each side is turned down as the sound moves away from it.";
    const EXAMPLE: &'static str = "
hiss: { type: noise, gain: -20 dB }
placed: { type: pan, in: hiss, pan: -0.5 }
out: { type: output, in: placed }";
    const PARAMS: &'static [ParamSpec] =
        &[ParamSpec::new("pan", Unit::Plain, -1.0, 1.0, 0.0).about("Place: -1 left, 0 middle, 1 right.")];
    type Config = NoConfig;

    fn ports(_config: &NoConfig) -> Ports {
        Ports::new([PortSpec::audio_as_connected("in")], [PortSpec::audio("out", 2)])
    }

    fn prepare(_config: &NoConfig, _cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        Ok(Prepared::new(Pan))
    }
}

/// Factors of the left and right channel: the quarter circle for mono; for stereo raised by 3 dB, so that the
/// middle leaves both as they are, and never above 1.
#[inline]
fn factors(pan: f32, stereo: bool) -> (f32, f32) {
    let angle = (pan + 1.0) * 0.125;
    let (left, right) = (sine(0.25 - angle), sine(angle));
    if stereo {
        let raise = std::f32::consts::SQRT_2;
        ((left * raise).min(1.0), (right * raise).min(1.0))
    } else {
        (left, right)
    }
}

impl Processor for Pan {
    fn process(&mut self, _cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        let (input, pan) = (io.input(0), io.param(PAN));
        if input.is_silent() {
            return Status::Asleep;
        }
        let stereo = input.channels() > 1;
        let (from_left, from_right) = (input.channel(0), input.channel(usize::from(stereo)));
        let mut output = io.output(0);
        let (left, right) = output.stereo();
        match pan {
            Param::Constant(pan) => {
                let (l, r) = factors(pan, stereo);
                for frame in 0..QUANTUM {
                    left[frame] = from_left[frame] * l;
                    right[frame] = from_right[frame] * r;
                }
            }
            Param::Signal(pan) => {
                for frame in 0..QUANTUM {
                    let (l, r) = factors(pan[frame], stereo);
                    left[frame] = from_left[frame] * l;
                    right[frame] = from_right[frame] * r;
                }
            }
        }
        Status::Active
    }

    fn reset(&mut self) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn power_is_constant_and_the_middle_of_stereo_is_untouched() {
        for step in -10..=10 {
            let (l, r) = factors(step as f32 / 10.0, false);
            assert!((l * l + r * r - 1.0).abs() < 1e-6);
        }
        assert_eq!(factors(0.0, true), (1.0, 1.0));
        assert!(factors(1.0, false).0.abs() < 1e-6 && factors(-1.0, true).1.abs() < 1e-6);
    }
}
