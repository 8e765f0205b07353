//! A synthesised sound on its way into the font: its level, its loudness, and its 16 bits.

use crate::fft::{forward, inverse};
use libm::{exp, log10, pow};
use std::f64::consts::TAU;
use std::ops::Range;

/// Frames before and behind a cycle that go on as it does, for players that interpolate or oversample across its
/// ends.
pub const BEYOND: usize = 64;

/// A mono sound at the pitch of a key.
#[derive(Debug, Clone)]
pub struct Wave {
    /// Its samples; 1 is the full scale of the instrument.
    pub samples: Vec<f64>,
    /// Frames per second.
    pub rate: u32,
    /// The MIDI key at which it sounds as it is.
    pub key: u8,
    /// The part that repeats without end; at least [`BEYOND`] samples follow it.
    pub cycle: Option<Range<usize>>,
    /// What the envelope is to take away, in nepers per second: a struck sound is stored without it.
    pub decay: f64,
}

impl Wave {
    /// An endless cycle, with the frames around it.
    pub fn endless(cycle: &[f64], rate: u32, key: u8) -> Self {
        let length = cycle.len();
        let samples = (length - BEYOND..2 * length + BEYOND).map(|frame| cycle[frame % length]);
        let samples = samples.take(length + 2 * BEYOND).collect();
        Self { samples, rate, key, cycle: Some(BEYOND..BEYOND + length), decay: 0.0 }
    }

    /// Multiplies all samples.
    #[must_use]
    pub fn scaled(mut self, factor: f64) -> Self {
        self.samples.iter_mut().for_each(|x| *x *= factor);
        self
    }

    /// Makes the loudness of the first 0.8 seconds this many LUFS (mono, ITU-R BS.1770), of an endless sound that of
    /// its whole cycle.
    #[must_use]
    pub fn at_loudness(self, lufs: f64) -> Self {
        let whole = self.cycle.as_ref().filter(|_| self.decay == 0.0);
        let seconds = whole.map_or(0.8, |cycle| cycle.end as f64 / f64::from(self.rate));
        let gain = lufs - self.loudness(seconds);
        self.scaled(decibels(gain))
    }

    /// Loudness in LUFS of the first seconds as they sound, envelope included.
    pub fn loudness(&self, seconds: f64) -> f64 {
        let rate = f64::from(self.rate);
        let wanted = (seconds * rate) as usize;
        let mut heard: Vec<f64> =
            (0..wanted).map(|frame| self.at(frame) * exp(-self.decay * frame as f64 / rate)).collect();
        heard.resize(wanted.next_power_of_two(), 0.0);
        let length = heard.len() as f64;
        let power: f64 = forward(&heard)
            .iter()
            .enumerate()
            .map(|(bin, value)| 2.0 * value.power() * k_weight(bin as f64 * rate / length))
            .sum();
        -0.691 + 10.0 * log10((power / length / wanted as f64).max(1e-12))
    }

    /// A sample of the sound as it goes on.
    fn at(&self, frame: usize) -> f64 {
        match &self.cycle {
            Some(cycle) if frame >= cycle.end => {
                self.samples[cycle.start + (frame - cycle.start) % (cycle.end - cycle.start)]
            }
            _ => self.samples.get(frame).copied().unwrap_or(0.0),
        }
    }

    /// Its samples in 16 bits at full scale, and the level in dB at which they sound as loud as meant.
    pub fn quantised(&self) -> (Vec<i16>, f64) {
        let peak = self.samples.iter().fold(0.0f64, |peak, x| peak.max(x.abs())).max(1e-9);
        let factor = 32_000.0 / peak;
        let frames = self.samples.iter().map(|x| libm::round(x * factor) as i16).collect();
        (frames, 20.0 * log10(peak * 32_768.0 / 32_000.0))
    }
}

/// The power response of the K-weighting of ITU-R BS.1770-5, as the analogue filters that it was drawn from.
fn k_weight(hertz: f64) -> f64 {
    let ratio = |f0: f64, q: f64| {
        let x = hertz / f0;
        ((1.0 - x * x) * (1.0 - x * x) + (x / q) * (x / q), x)
    };
    let (below, x) = ratio(1_681.974_450_955_533, 0.707_175_236_955_419_6);
    let high = pow(10.0, 3.999_843_853_973_347 / 20.0);
    let band = pow(high, 0.499_666_774_154_541_6) / 0.707_175_236_955_419_6;
    let above = (1.0 - high * x * x) * (1.0 - high * x * x) + (band * x) * (band * x);
    let (rumble, y) = ratio(38.135_470_876_024_44, 0.500_327_037_323_877_3);
    above / below * (y * y * y * y / rumble)
}

/// The factor of a level in dB.
pub fn decibels(level: f64) -> f64 {
    pow(10.0, level / 20.0)
}

/// The frequency of a MIDI key.
pub fn key_hertz(key: f64) -> f64 {
    440.0 * pow(2.0, (key - 69.0) / 12.0)
}

/// A value between points of a table, by straight lines; the ends go on level.
pub fn between(table: &[(f64, f64)], x: f64) -> f64 {
    let after = table.iter().position(|(at, _)| *at > x).unwrap_or(table.len());
    if after == 0 {
        return table[0].1;
    }
    let Some((x1, y1)) = table.get(after) else { return table[after - 1].1 };
    let (x0, y0) = table[after - 1];
    y0 + (y1 - y0) * (x - x0) / (x1 - x0)
}

/// A resonance: 1 at its centre, falling by 6 dB an octave on both sides beyond its bandwidth.
pub fn resonance(hertz: f64, centre: f64, bandwidth: f64) -> f64 {
    let detuned = (hertz * hertz - centre * centre) / (hertz.max(1.0) * bandwidth);
    1.0 / (1.0 + detuned * detuned).sqrt()
}

/// Filters a signal by a gain over frequency, circularly: the signal's end should be silent, or its cycle whole.
///
/// # Panics
/// If the length is no power of two.
pub fn filtered(signal: &[f64], rate: f64, gain: impl Fn(f64) -> f64) -> Vec<f64> {
    let mut bins = forward(signal);
    for (bin, value) in bins.iter_mut().enumerate() {
        *value = value.scale(gain(bin as f64 * rate / signal.len() as f64));
    }
    inverse(&bins)
}

/// A raised cosine from 0 to 1 while `x` goes from 0 to 1.
pub fn ease(x: f64) -> f64 {
    0.5 - 0.5 * libm::cos(TAU * 0.5 * x.clamp(0.0, 1.0))
}
