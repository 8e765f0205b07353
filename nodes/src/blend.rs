//! Dry and wet. Audio thread.

use auralis_graph::engine::{AudioIn, AudioOut, Param};

/// Below this level, -120 dB, a tail counts as silence.
pub const INAUDIBLE: f32 = 1e-6;

/// Equal gain, exact at both ends.
#[inline]
pub fn blend(dry: f32, wet: f32, mix: f32) -> f32 {
    dry * (1.0 - mix) + wet * mix
}

/// Blends what the output holds, the wet sound, with the input.
pub fn blend_all(input: &AudioIn<'_>, output: &mut AudioOut<'_>, mix: Param<'_>) {
    if let Param::Constant(1.0) = mix {
        return;
    }
    for channel in 0..output.channels() {
        let dry = input.channel(channel.min(input.channels() - 1));
        let wet = output.channel(channel);
        for (frame, (wet, dry)) in wet.iter_mut().zip(dry.iter()).enumerate() {
            *wet = blend(*dry, *wet, mix.at(frame));
        }
    }
}

/// Largest sample of any channel.
pub fn loudest(input: &AudioIn<'_>) -> f32 {
    let channels = (0..input.channels()).map(|channel| input.channel(channel));
    channels.flat_map(|block| block.iter()).fold(0.0, |peak, x| peak.max(x.abs()))
}
