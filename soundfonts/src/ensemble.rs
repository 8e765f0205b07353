//! Endless sounds of several players, and of clouds of partials: exactly periodic over a cycle of seconds, so that
//! they loop without a seam while they move.

use crate::fft::{Complex, forward, inverse};
use crate::wave::{Wave, key_hertz};
use auralis_graph::chance::Chance;
use libm::{cos, exp, round, sin};
use std::f64::consts::{LN_2, TAU};

/// The time and pitch of a cycle.
#[derive(Debug, Clone, Copy)]
pub struct Cycle {
    /// MIDI key.
    pub key: u8,
    /// Frames in the cycle: a power of two, or three times one.
    pub frames: usize,
    /// Periods of the key in the cycle.
    pub periods: usize,
    /// Frames per second, whole: the key is met within 0.1 cent.
    pub rate: f64,
}

impl Cycle {
    /// A cycle at about `rate` frames per second.
    pub fn new(key: u8, frames: usize, rate: f64) -> Self {
        let hertz = key_hertz(f64::from(key));
        let periods = round(hertz * frames as f64 / rate).max(1.0);
        let rate = round(hertz * frames as f64 / periods);
        Self { key, frames, periods: periods as usize, rate }
    }

    /// Seconds.
    pub fn seconds(&self) -> f64 {
        self.frames as f64 / self.rate
    }

    /// Frequency of the key.
    pub fn hertz(&self) -> f64 {
        key_hertz(f64::from(self.key))
    }

    /// Frequency of a bin.
    pub fn bin_hertz(&self, bin: usize) -> f64 {
        bin as f64 * self.rate / self.frames as f64
    }

    /// The highest harmonic of the key below this frequency and within the band.
    pub fn harmonics(&self, highest: f64) -> usize {
        (highest.min(0.44 * self.rate) / self.hertz()) as usize
    }
}

/// One of several who play the same note.
#[derive(Debug, Clone, Copy)]
pub struct Player {
    /// Level.
    pub amplitude: f64,
    /// Slow wander of pitch, in cents.
    pub drift: f64,
    /// Vibrato in hertz and cents.
    pub vibrato: (f64, f64),
    /// Slow wander of level, 0 to 1.
    pub breath: f64,
}

/// A sum of a few slow sines that fit the cycle, of RMS 1.
struct Wander {
    terms: Vec<(f64, f64, f64)>,
}

impl Wander {
    fn new(slowest: usize, count: usize, chance: &mut Chance) -> Self {
        let size = (2.0 / count as f64).sqrt();
        let term = |index| ((slowest + index) as f64, size, f64::from(chance.unit()));
        Self { terms: (0..count).map(term).collect() }
    }

    /// At a place in the cycle, 0 to 1.
    fn at(&self, place: f64) -> f64 {
        self.terms.iter().map(|(turns, size, phase)| size * sin(TAU * (turns * place + phase))).sum()
    }

    /// Its integral over places, for frequencies that become phases.
    fn integral(&self, place: f64) -> f64 {
        let term = |(turns, size, phase): &(f64, f64, f64)| {
            -size * cos(TAU * (turns * place + phase)) / (TAU * turns)
        };
        self.terms.iter().map(term).sum()
    }
}

/// One cycle of one player: harmonics 1, 2, … with these amplitudes.
pub fn play(cycle: Cycle, player: Player, harmonics: &[f64], chance: &mut Chance) -> Vec<f64> {
    let (drift, breath) = (Wander::new(1, 3, chance), Wander::new(1, 4, chance));
    let swell = Wander::new(1, 2, chance);
    let (vibrato_hertz, depth) = player.vibrato;
    let turns = round(vibrato_hertz * cycle.seconds()).max(1.0);
    let (vibrato_phase, phase) = (f64::from(chance.unit()), f64::from(chance.unit()));
    let periods = cycle.periods as f64;
    let cents = LN_2 / 1200.0;
    (0..cycle.frames)
        .map(|frame| {
            let place = frame as f64 / cycle.frames as f64;
            // The depth of the vibrato breathes too; its rate stays, so that it fits the cycle.
            let deep = depth * (1.0 + 0.4 * swell.at(place)) * cents * periods / (TAU * turns);
            let bent = player.drift * cents * periods * drift.integral(place)
                - deep * cos(TAU * (turns * place + vibrato_phase));
            let angle = TAU * (periods * place + phase + bent);
            let level = player.amplitude * (1.0 + player.breath * 0.5 * breath.at(place));
            level * sum_of_harmonics(angle, harmonics)
        })
        .collect()
}

/// The sum of `a[k] sin((k + 1) angle)`, by turning a unit vector.
fn sum_of_harmonics(angle: f64, amplitudes: &[f64]) -> f64 {
    let (step_cos, step_sin) = (cos(angle), sin(angle));
    let (mut x, mut y) = (step_cos, step_sin);
    let mut sum = 0.0;
    for amplitude in amplitudes {
        sum += amplitude * y;
        (x, y) = (x * step_cos - y * step_sin, x * step_sin + y * step_cos);
    }
    sum
}

/// A spectrum of a cycle that is filled and then heard.
#[derive(Debug, Clone)]
pub struct Spectrum {
    /// The cycle.
    pub cycle: Cycle,
    bins: Vec<Complex>,
}

impl Spectrum {
    /// An empty one.
    pub fn new(cycle: Cycle) -> Self {
        Self { cycle, bins: vec![Complex::default(); cycle.frames / 2 + 1] }
    }

    /// Adds a sound of one cycle, filtered by a gain over frequency.
    pub fn add(&mut self, sound: &[f64], gain: impl Fn(f64) -> f64) {
        for (bin, value) in forward(sound).iter().enumerate() {
            self.bins[bin] = self.bins[bin] + value.scale(gain(self.cycle.bin_hertz(bin)));
        }
    }

    /// Adds a cloud of partials around a frequency: random phases, sizes after a bell curve of this width in
    /// hertz (PADsynth: Nasca, "Padsynth algorithm", 2003). Its RMS is `level`.
    pub fn cloud(&mut self, hertz: f64, width: f64, level: f64, chance: &mut Chance) {
        let spacing = self.cycle.bin_hertz(1);
        let reach = (3.0 * width / spacing) as i64;
        let centre = round(hertz / spacing) as i64;
        let size = |bin: i64| {
            let x = (bin as f64 * spacing - hertz) / width.max(0.3 * spacing);
            exp(-0.5 * x * x)
        };
        let total: f64 = (centre - reach..=centre + reach).map(|bin| size(bin) * size(bin)).sum();
        // A bin of size n / 2 is a sine of amplitude 1.
        let unit = level * self.cycle.frames as f64 / (2.0 * total).sqrt();
        for bin in centre - reach..=centre + reach {
            let angle = TAU * f64::from(chance.unit());
            if bin > 0 && (bin as usize) < self.bins.len() - 1 {
                self.bins[bin as usize] = self.bins[bin as usize] + Complex::polar(unit * size(bin), angle);
            }
        }
    }

    /// Adds noise with a density over frequency: `level` is its RMS in each hertz.
    pub fn noise(&mut self, density: impl Fn(f64) -> f64, chance: &mut Chance) {
        let unit = self.cycle.frames as f64 * (self.cycle.bin_hertz(1) * 0.5).sqrt();
        for bin in 1..self.bins.len() - 1 {
            let angle = TAU * f64::from(chance.unit());
            let hertz = self.cycle.bin_hertz(bin);
            self.bins[bin] = self.bins[bin] + Complex::polar(unit * density(hertz), angle);
        }
    }

    /// The cycle as a sound.
    pub fn wave(self) -> Wave {
        let mut bins = self.bins;
        // No DC, and nothing near the edge of the band.
        bins[0] = Complex::default();
        let edge = 0.45 * self.cycle.frames as f64;
        for (bin, value) in bins.iter_mut().enumerate() {
            let over = (bin as f64 - edge) / (0.04 * self.cycle.frames as f64);
            *value = value.scale(1.0 - crate::wave::ease(over));
        }
        Wave::endless(&inverse(&bins), self.cycle.rate as u32, self.cycle.key)
    }
}
