//! `noise`: white, pink or brown, seeded.

use auralis_graph::chance::Chance;
use auralis_graph::engine::{Context, Io};
use auralis_graph::port::{PortSpec, Ports};
use auralis_graph::{Node, NodeError, Prepare, Prepared, Processor, Status, Tail};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A noise generator.
pub struct Noise {
    colour: Colour,
    seed: u64,
    chance: Chance,
    /// Poles of the pink filter, or the integral of the brown one.
    state: [f32; 3],
}

/// How the power is spread over frequency.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Colour {
    /// Evenly.
    #[default]
    White,
    /// 3 dB less each octave.
    Pink,
    /// 6 dB less each octave.
    Brown,
}

/// Structural configuration.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct NoiseConfig {
    /// white, pink (3 dB less each octave) or brown (6 dB less each octave).
    colour: Colour,
}

impl Node for Noise {
    const KIND: &'static str = "noise";
    const ABOUT: &'static str = "Noise: white, pink or brown.

All colours have about the same loudness. Each node has its own stream, which follows from the preset's seed and
the node's name.";
    const EXAMPLE: &'static str = "
rain: { type: noise, colour: pink, gain: -24 dB }
out: { type: output, in: rain }";
    type Config = NoiseConfig;

    fn ports(_config: &NoiseConfig) -> Ports {
        Ports::new([], [PortSpec::audio("out", 1)])
    }

    fn prepare(config: &NoiseConfig, cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        let chance = Chance::new(cx.seed);
        let noise = Noise { colour: config.colour, seed: cx.seed, chance, state: [0.0; 3] };
        Ok(Prepared::new(noise).tail(Tail::Endless))
    }
}

impl Noise {
    #[inline]
    fn tick(&mut self) -> f32 {
        let white = self.chance.bipolar();
        match self.colour {
            Colour::White => white * 0.5,
            Colour::Pink => {
                // Paul Kellet's economy filter (musicdsp.org, archive 76): within 0.5 dB from 40 Hz up.
                let [a, b, c] = &mut self.state;
                *a = 0.997_65 * *a + white * 0.099_046;
                *b = 0.963 * *b + white * 0.296_516_4;
                *c = 0.57 * *c + white * 1.052_691_3;
                (*a + *b + *c + white * 0.184_8) * 0.11
            }
            Colour::Brown => {
                // A leaky integral: the leak keeps the lowest frequencies from drifting away.
                self.state[0] = self.state[0] * 0.998 + white * 0.05;
                self.state[0] * 0.45
            }
        }
    }
}

impl Processor for Noise {
    fn process(&mut self, _cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        for sample in io.output(0).channel(0).iter_mut() {
            *sample = self.tick();
        }
        Status::Active
    }

    fn reset(&mut self) {
        self.chance = Chance::new(self.seed);
        self.state = [0.0; 3];
    }
}
