//! Struck and plucked sounds as sums of decaying modes. The slowest decay is left to the player's envelope, so that
//! the sample itself comes to rest on an exactly periodic cycle that still beats, and never ends.

use crate::wave::{BEYOND, Wave, ease, key_hertz};
use auralis_graph::chance::Chance;
use libm::{cos, exp, round, sin};
use std::f64::consts::TAU;

/// A mode of vibration.
#[derive(Debug, Clone, Copy)]
pub struct Mode {
    /// Frequency; it is moved to the nearest one that fits the cycle.
    pub hertz: f64,
    /// Amplitude at the strike.
    pub amplitude: f64,
    /// Decay in nepers per second (6.9 over the time to -60 dB).
    pub decay: f64,
    /// Seconds in which it builds up.
    pub rise: f64,
    /// Phase at the strike in cycles; 0 starts from rest.
    pub phase: f64,
}

impl Mode {
    /// A mode that decays by 60 dB in `seconds`.
    pub fn ringing(hertz: f64, amplitude: f64, seconds: f64) -> Self {
        Self { hertz, amplitude, decay: 6.907_755 / seconds, rise: 0.0015, phase: 0.0 }
    }

    /// Sets how fast it builds up.
    #[must_use]
    pub fn rise(self, rise: f64) -> Self {
        Self { rise, ..self }
    }

    /// Starts at a random phase: for modes that nothing struck at once.
    #[must_use]
    pub fn strewn(self, chance: &mut Chance) -> Self {
        Self { phase: f64::from(chance.unit()), ..self }
    }
}

/// How a struck sound is laid out in its sample.
#[derive(Debug, Clone, Copy)]
pub struct Layout {
    /// MIDI key.
    pub key: u8,
    /// Frames per second, about: it is moved until the key fits the cycle exactly.
    pub rate: f64,
    /// Seconds before the cycle.
    pub lead: f64,
    /// Seconds of the cycle, about: it holds a whole number of periods.
    pub cycle: f64,
}

/// Share of the sample rate up to which modes are kept.
pub const BAND: f64 = 0.45;

/// Sums modes; `body` adds what the strike itself sounds like, given the rate, and must have ended with the lead.
pub fn strike(layout: Layout, modes: &[Mode], body: impl FnOnce(f64) -> Vec<f64>) -> Wave {
    let hertz = key_hertz(f64::from(layout.key));
    // A whole number of periods in a whole number of frames; the rest of the tuning is done by the rate. The
    // rate is rounded last: by less than 0.1 cent.
    let periods = round(hertz * layout.cycle).max(1.0);
    let frames = round(periods * layout.rate / hertz);
    let rate = round(hertz * frames / periods);
    let lead = (layout.lead * rate) as usize;
    let settled = layout.lead;
    let slowest = modes.iter().map(|mode| mode.decay).fold(f64::INFINITY, f64::min);
    let mut samples = vec![0.0; lead + frames as usize + BEYOND];
    for mode in modes.iter().filter(|mode| mode.hertz < BAND * rate) {
        let bin = round(mode.hertz * frames / rate).max(1.0);
        add(&mut samples, mode, bin / frames, rate, slowest, settled);
    }
    for (sample, strike) in samples[..lead].iter_mut().zip(body(rate)) {
        *sample += strike;
    }
    let end = lead + frames as usize;
    Wave { samples, rate: rate as u32, key: layout.key, cycle: Some(lead..end), decay: slowest }
}

/// The part of a decay's time that has passed at `time`: runs with it at first and comes to rest when the cycle
/// begins.
fn worn(time: f64, settled: f64) -> f64 {
    let from = settled * 0.6;
    let span = settled - from;
    if time < from {
        time
    } else if time < settled {
        // The integral of a raised cosine that falls from 1 to 0.
        let x = (time - from) / span;
        from + span * (0.5 * x + sin(TAU * 0.5 * x) / TAU)
    } else {
        from + 0.5 * span
    }
}

/// Frames between points at which an envelope is computed; straight lines join them.
const STEP: usize = 8;

fn add(samples: &mut [f64], mode: &Mode, cycles: f64, rate: f64, slowest: f64, settled: f64) {
    // In the cycle nothing rises any more.
    let rise = mode.rise.min(0.9 * settled);
    let level = |frame: usize| {
        let time = frame as f64 / rate;
        let risen = if time < rise { ease(time / rise) } else { 1.0 };
        mode.amplitude * risen * exp(-(mode.decay - slowest) * worn(time, settled))
    };
    let turn = TAU * cycles;
    let (step_cos, step_sin) = (cos(turn), sin(turn));
    let (mut x, mut y) = (cos(TAU * mode.phase), sin(TAU * mode.phase));
    let mut from = level(0);
    for (index, block) in samples.chunks_mut(STEP).enumerate() {
        let to = level((index + 1) * STEP);
        let slope = (to - from) / STEP as f64;
        for (offset, sample) in block.iter_mut().enumerate() {
            *sample += (from + slope * offset as f64) * y;
            (x, y) = (x * step_cos - y * step_sin, x * step_sin + y * step_cos);
        }
        from = to;
    }
}

/// A burst of noise with a spectrum, decaying by 60 dB in `seconds`, RMS about 1 at its start where the gain is.
pub fn burst(rate: f64, seconds: f64, chance: &mut Chance, gain: impl Fn(f64) -> f64) -> Vec<f64> {
    let frames = (seconds * rate) as usize;
    let length = frames.next_power_of_two();
    let noise: Vec<f64> = (0..length).map(|_| f64::from(chance.bipolar()) * 1.732).collect();
    let mut burst = crate::wave::filtered(&noise, rate, gain);
    burst.truncate(frames);
    for (frame, sample) in burst.iter_mut().enumerate() {
        let time = frame as f64 / rate;
        let faded = ease((seconds - time) / (0.2 * seconds));
        *sample *= exp(-6.907_755 * time / seconds) * ease(time / 0.001) * faded;
    }
    burst
}
