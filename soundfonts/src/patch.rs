//! An instrument of the font before it is numbered: its sounds, and which of them answers which key and velocity.

use crate::sf2::{Generator, Zone};
use crate::wave::Wave;
use libm::{log2, round};
use std::ops::RangeInclusive;

/// An instrument.
#[derive(Debug, Clone)]
pub struct Patch {
    /// Name.
    pub name: &'static str,
    /// Level of the whole in dB.
    pub level: f64,
    /// Its sounds.
    pub layers: Vec<Layer>,
}

/// One sound and where it is heard.
#[derive(Debug, Clone)]
pub struct Layer {
    /// The sound.
    pub wave: Wave,
    /// Where and how.
    pub regions: Vec<Region>,
}

/// Keys and velocities that a sound answers, and how.
#[derive(Debug, Clone)]
pub struct Region {
    /// MIDI keys.
    pub keys: RangeInclusive<u8>,
    /// MIDI velocities.
    pub velocities: RangeInclusive<u8>,
    /// Level in dB.
    pub level: f64,
    /// Place: -1 left, 1 right.
    pub pan: f64,
    /// Tuning in cents.
    pub cents: f64,
    /// Where in the sound it starts, in frames.
    pub start: usize,
    /// Cutoff of the low-pass filter in hertz; open where there is none.
    pub cutoff: Option<f64>,
    /// Seconds of the attack.
    pub attack: f64,
    /// Seconds of the release, to -80 dB.
    pub release: f64,
    /// A slow triangle on the cutoff: hertz and cents.
    pub sweep: Option<(f64, f64)>,
    /// A triangle on the level: hertz and dB.
    pub tremolo: Option<(f64, f64)>,
    /// A triangle on the pitch: seconds of delay, hertz and cents.
    pub vibrato: Option<(f64, f64, f64)>,
    /// The filter opens and closes: seconds up, seconds down, cents.
    pub swell: Option<(f64, f64, f64)>,
    /// Part of the sound that is sent to the player's reverb, 0 to 1.
    pub reverb: f64,
}

impl Default for Region {
    fn default() -> Self {
        Self {
            keys: 0..=127,
            velocities: 0..=127,
            level: 0.0,
            pan: 0.0,
            cents: 0.0,
            start: 0,
            cutoff: None,
            attack: 0.0,
            release: 0.3,
            sweep: None,
            tremolo: None,
            vibrato: None,
            swell: None,
            reverb: 0.0,
        }
    }
}

/// Nepers that the volume envelope's decay takes in its nominal time: -80 dB in rustysynth, which the product
/// plays with (96 in FluidSynth, 100 in the specification: there the same note rings a sixth shorter).
const ENVELOPE: f64 = 9.226;

/// SoundFont players halve what they are told of attenuation, following the first hardware: 0.4 dB for each.
const ATTENUATION: f64 = 0.4;

fn timecents(seconds: f64) -> i16 {
    round(1200.0 * log2(seconds.max(0.000_977))) as i16
}

fn cents_of_hertz(hertz: f64) -> i16 {
    round(1200.0 * log2(hertz / 8.176)) as i16
}

fn range(range: &RangeInclusive<u8>) -> i16 {
    i16::from_le_bytes([*range.start(), *range.end()])
}

impl Region {
    /// The zone of sample number `sample`, which plays `level` dB below its full scale and leaves `decay` nepers a
    /// second to the envelope.
    ///
    /// # Panics
    /// If it were to play louder than the sample: the recipe's levels are wrong.
    pub fn zone(&self, sample: usize, level: f64, decay: f64) -> Zone {
        let level = level + self.level;
        assert!(level <= 0.01, "a region is {level:.1} dB above its sample");
        let mut generators = vec![
            (Generator::KeyRange, range(&self.keys)),
            (Generator::VelocityRange, range(&self.velocities)),
            (Generator::Attenuation, round(-level.min(0.0) * 10.0 / ATTENUATION) as i16),
            (Generator::Pan, round(self.pan * 500.0) as i16),
            (Generator::Attack, timecents(self.attack)),
            (Generator::Release, timecents(self.release)),
        ];
        let mut put = |generator, amount: f64| generators.push((generator, round(amount) as i16));
        if self.cents != 0.0 {
            put(Generator::FineTune, self.cents);
        }
        if self.start > 0 {
            put(Generator::StartOffset, (self.start % 32_768) as f64);
            put(Generator::StartCoarseOffset, (self.start / 32_768) as f64);
        }
        if decay > 0.0 {
            put(Generator::Decay, f64::from(timecents(ENVELOPE / decay)));
            put(Generator::Sustain, 1000.0);
        }
        if let Some(hertz) = self.cutoff {
            put(Generator::FilterCutoff, f64::from(cents_of_hertz(hertz)).min(13_500.0));
        }
        if let Some((hertz, cents)) = self.sweep {
            put(Generator::ModLfoFrequency, f64::from(cents_of_hertz(hertz)));
            put(Generator::ModLfoToFilter, cents);
        }
        if let Some((hertz, level)) = self.tremolo {
            put(Generator::ModLfoFrequency, f64::from(cents_of_hertz(hertz)));
            put(Generator::ModLfoToVolume, level * 10.0);
        }
        if let Some((delay, hertz, cents)) = self.vibrato {
            put(Generator::VibratoLfoDelay, f64::from(timecents(delay)));
            put(Generator::VibratoLfoFrequency, f64::from(cents_of_hertz(hertz)));
            put(Generator::VibratoLfoToPitch, cents);
        }
        if let Some((up, down, cents)) = self.swell {
            put(Generator::ModEnvAttack, f64::from(timecents(up)));
            put(Generator::ModEnvDecay, f64::from(timecents(down)));
            put(Generator::ModEnvSustain, 1000.0);
            put(Generator::ModEnvRelease, f64::from(timecents(down)));
            put(Generator::ModEnvToFilter, cents);
        }
        if self.reverb > 0.0 {
            put(Generator::ReverbSend, self.reverb * 1000.0);
        }
        Zone { sample, generators }
    }
}

/// A sampled key and the keys around it.
#[derive(Debug, Clone)]
pub struct Root {
    /// The key.
    pub key: u8,
    /// The keys that it answers.
    pub keys: RangeInclusive<u8>,
}

/// Roots from one key to another in steps; the first and last one answer all keys beyond.
pub fn roots(first: u8, last: u8, step: u8) -> Vec<Root> {
    let keys: Vec<u8> = (first..=last).step_by(usize::from(step)).collect();
    let lower = (step - 1) / 2;
    let root = |(index, key): (usize, &u8)| {
        let from = if index == 0 { 0 } else { key - lower };
        let to = if index + 1 == keys.len() { 127 } else { key + step - lower - 1 };
        Root { key: *key, keys: from..=to }
    };
    keys.iter().enumerate().map(root).collect()
}
