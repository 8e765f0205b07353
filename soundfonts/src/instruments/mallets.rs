//! Mallets and thumbs: kalimba and vibraphone.

use crate::modal::{Layout, Mode, burst, strike};
use crate::patch::{Layer, Patch, Region, Root, roots};
use crate::wave::{Wave, between, decibels, key_hertz, resonance};
use auralis_graph::chance::Chance;
use libm::pow;

/// What distinguishes one instrument from the next.
struct Bars {
    name: &'static str,
    seed: u64,
    keys: (u8, u8, u8),
    /// Ratio, level in dB, and seconds to -60 dB at middle C (the fundamental's is `ringing`).
    overtones: &'static [(f64, f64, f64)],
    /// Seconds to -60 dB of the fundamental, by key.
    ringing: &'static [(f64, f64)],
    /// Seconds in which the fundamental builds up.
    rise: f64,
    /// Level of the stroke, and the resonances that it wakes: hertz, bandwidth, level.
    stroke: f64,
    wood: &'static [(f64, f64, f64)],
    /// Seconds before the cycle and of it, by key.
    lead: &'static [(f64, f64)],
    cycle: &'static [(f64, f64)],
    loudness: &'static [(f64, f64)],
}

const KALIMBA: Bars = Bars {
    name: "Kalimba",
    seed: 5,
    keys: (48, 90, 6),
    overtones: &[
        (2.0, -25.0, 0.9),
        (3.02, -33.0, 0.6),
        (5.86, -17.0, 0.34),
        (6.31, -23.0, 0.28),
        (14.1, -31.0, 0.09),
    ],
    ringing: &[(48.0, 3.4), (60.0, 2.6), (72.0, 1.9), (90.0, 1.1)],
    rise: 0.0028,
    stroke: 0.20,
    wood: &[(190.0, 60.0, 1.0), (410.0, 110.0, 0.6), (880.0, 250.0, 0.35), (2_300.0, 900.0, 0.14)],
    lead: &[(48.0, 0.5), (90.0, 0.3)],
    cycle: &[(48.0, 0.35), (90.0, 0.2)],
    loudness: &[(48.0, -19.0), (66.0, -19.5), (90.0, -23.0)],
};

const VIBRAPHONE: Bars = Bars {
    name: "Vibraphone",
    seed: 6,
    keys: (48, 90, 6),
    overtones: &[(3.99, -15.0, 2.4), (10.05, -27.0, 0.6), (6.5, -40.0, 0.4), (2.0, -42.0, 2.0)],
    ringing: &[(48.0, 9.5), (66.0, 7.5), (90.0, 4.0)],
    rise: 0.0045,
    stroke: 0.05,
    wood: &[(230.0, 90.0, 1.0), (700.0, 300.0, 0.6), (1_900.0, 800.0, 0.25)],
    lead: &[(48.0, 0.8), (90.0, 0.5)],
    cycle: &[(48.0, 0.8), (90.0, 0.4)],
    loudness: &[(48.0, -19.0), (66.0, -19.5), (90.0, -23.5)],
};

impl Bars {
    fn wave(&self, root: &Root) -> Wave {
        let (key, hertz) = (f64::from(root.key), key_hertz(f64::from(root.key)));
        let mut chance = Chance::new(self.seed).named(self.name).at(u64::from(root.key));
        let highest = self.overtones.iter().map(|(ratio, ..)| ratio * hertz).filter(|x| *x < 9_500.0);
        let band = highest.fold(4_500.0f64, f64::max);
        let layout = Layout {
            key: root.key,
            rate: (band / 0.38).min(26_000.0),
            lead: between(self.lead, key),
            cycle: between(self.cycle, key),
        };
        let ringing = between(self.ringing, key);
        // The fundamental is a pair: bar and air, or two bends of one tine, a beat apart.
        let first = Mode::ringing(hertz, 0.95, ringing).rise(self.rise);
        let beat =
            Mode { hertz: hertz + 1.0 / layout.cycle, amplitude: 0.05, decay: first.decay * 1.5, ..first };
        let mut modes = vec![first, beat];
        for (ratio, level, seconds) in self.overtones {
            let shorter = pow(2.0, (60.0 - key) / 24.0);
            let uneven = 0.85 + 0.3 * f64::from(chance.unit());
            let amplitude = decibels(*level) / (1.0 + pow(hertz * ratio / 8_000.0, 4.0)).sqrt();
            let ringing = (seconds * shorter * uneven).min(ringing);
            modes.push(Mode::ringing(hertz * ratio, -amplitude, ringing).rise(0.0015));
        }
        let wave = strike(layout, &modes, |rate| {
            let mut stroke = burst(rate, 0.14, &mut chance, |x| {
                self.wood.iter().map(|(centre, width, level)| level * resonance(x, *centre, *width)).sum()
            });
            stroke.iter_mut().for_each(|x| *x *= self.stroke);
            stroke
        });
        wave.at_loudness(between(self.loudness, key))
    }

    fn patch(&self, region: impl Fn(Region) -> Region) -> Patch {
        let (first, last, step) = self.keys;
        let layer = |root: Root| {
            let (key, hertz) = (f64::from(root.key), key_hertz(f64::from(root.key)));
            let velocities =
                [(1..=42, Some(1.4)), (43..=70, Some(2.6)), (71..=98, Some(6.5)), (99..=127, None)];
            let regions = velocities.map(|(velocities, ratio)| {
                let cutoff = ratio.map(|ratio| 350.0 + ratio * hertz).filter(|cutoff| *cutoff < 14_000.0);
                let pan = between(&[(42.0, -0.3), (90.0, 0.3)], key);
                let keys = root.keys.clone();
                region(Region { keys, velocities, cutoff, pan, reverb: 0.15, ..Region::default() })
            });
            Layer { wave: self.wave(&root), regions: regions.into() }
        };
        Patch {
            name: self.name,
            level: 1.5,
            layers: roots(first, last, step).into_iter().map(layer).collect(),
        }
    }
}

/// The kalimba.
pub fn kalimba() -> Patch {
    KALIMBA.patch(|region| Region { release: 1.8, ..region })
}

/// The vibraphone, its motor slow.
pub fn vibraphone() -> Patch {
    VIBRAPHONE.patch(|region| Region { release: 3.5, tremolo: Some((3.4, 1.6)), ..region })
}
