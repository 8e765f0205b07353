//! The tine piano: struck tines before pickups, soft and round, with a bark when played hard.

use crate::modal::{Layout, Mode, burst, strike};
use crate::patch::{Layer, Patch, Region, Root, roots};
use crate::wave::{Wave, between, decibels, key_hertz, resonance};
use auralis_graph::chance::Chance;

fn ringing(key: f64) -> f64 {
    between(&[(36.0, 15.0), (60.0, 11.0), (84.0, 5.0), (96.0, 3.0)], key)
}

fn layout(root: &Root) -> Layout {
    let key = f64::from(root.key);
    Layout {
        key: root.key,
        rate: between(&[(36.0, 9_000.0), (60.0, 13_000.0), (84.0, 20_000.0), (96.0, 24_000.0)], key),
        lead: between(&[(36.0, 0.9), (60.0, 0.75), (96.0, 0.4)], key),
        cycle: between(&[(36.0, 0.8), (60.0, 0.6), (96.0, 0.3)], key),
    }
}

/// The tine alone: nearly a sine, and the bell of its higher bends.
fn tine(root: &Root) -> Wave {
    let (key, hertz) = (f64::from(root.key), key_hertz(f64::from(root.key)));
    let mut chance = Chance::new(8).named("tine").at(u64::from(root.key));
    let (layout, seconds) = (layout(root), ringing(f64::from(root.key)));
    // The pickup bends the sine: the nth harmonic goes with the nth power of the swing, and decays so.
    let harmonics = [0.0, -13.0, -23.0, -31.0, -38.0, -44.0];
    let mut modes: Vec<Mode> = harmonics
        .iter()
        .enumerate()
        .map(|(index, level)| {
            let n = (index + 1) as f64;
            Mode::ringing(hertz * n, decibels(*level), seconds / n).rise(0.0035)
        })
        .collect();
    // The tone bar swings along, a little apart.
    modes.push(Mode::ringing(hertz + 1.0 / layout.cycle, 0.05, seconds * 0.6).rise(0.02));
    let bell = between(&[(36.0, -20.0), (60.0, -23.0), (84.0, -28.0)], key);
    for (ratio, level, seconds) in [(7.08, 0.0, 0.55), (6.27, -6.0, 0.4), (17.4, -9.0, 0.14)] {
        modes.push(Mode::ringing(hertz * ratio, -decibels(bell + level), seconds).rise(0.001));
    }
    let wave = strike(layout, &modes, |rate| {
        let mut tap =
            burst(rate, 0.08, &mut chance, |x| resonance(x, 210.0, 120.0) + 0.5 * resonance(x, 900.0, 500.0));
        tap.iter_mut().for_each(|x| *x *= 0.05);
        tap
    });
    wave.at_loudness(between(&[(36.0, -20.0), (60.0, -18.5), (96.0, -23.0)], key))
}

/// What the pickup adds when the tine swings wide.
fn bark(root: &Root) -> Wave {
    let (key, hertz) = (f64::from(root.key), key_hertz(f64::from(root.key)));
    let seconds = ringing(key);
    let levels = [-6.0, -8.0, -7.0, -12.0, -13.0, -19.0, -21.0, -26.0, -29.0, -33.0];
    let modes: Vec<Mode> = levels
        .iter()
        .enumerate()
        .map(|(index, level)| {
            let n = (index + 2) as f64;
            let sign = if index % 2 == 0 { 1.0 } else { -1.0 };
            Mode::ringing(hertz * n, sign * decibels(*level), (seconds / (1.4 * n)).max(0.15)).rise(0.002)
        })
        .collect();
    let wave = strike(Layout { lead: 0.5, cycle: 0.15, ..layout(root) }, &modes, |_| Vec::new());
    wave.at_loudness(between(&[(36.0, -25.0), (60.0, -25.0), (96.0, -33.0)], key))
}

/// The instrument.
pub fn tine_piano() -> Patch {
    let mut layers = Vec::new();
    for root in roots(36, 96, 6) {
        let (key, hertz) = (f64::from(root.key), key_hertz(f64::from(root.key)));
        let region = |(velocities, cutoff): (std::ops::RangeInclusive<u8>, Option<f64>)| Region {
            keys: root.keys.clone(),
            velocities,
            cutoff,
            pan: between(&[(36.0, -0.2), (96.0, 0.2)], key),
            release: 0.7,
            reverb: 0.1,
            ..Region::default()
        };
        let velocities =
            [(1..=45, Some(500.0 + 2.0 * hertz)), (46..=75, Some(1_400.0 + 4.0 * hertz)), (76..=127, None)];
        layers.push(Layer { wave: tine(&root), regions: velocities.map(region).into() });
    }
    for root in roots(36, 84, 12) {
        let key = f64::from(root.key);
        let region = |(velocities, level): (std::ops::RangeInclusive<u8>, f64)| Region {
            keys: root.keys.clone(),
            velocities,
            level,
            pan: between(&[(36.0, -0.2), (96.0, 0.2)], key),
            release: 0.5,
            ..Region::default()
        };
        let velocities = [(66..=84, -11.0), (85..=103, -5.0), (104..=127, 0.0)];
        layers.push(Layer { wave: bark(&root), regions: velocities.map(region).into() });
    }
    Patch { name: "Tine Piano", level: 0.0, layers }
}
