//! Bowed things: a string section, and bowed glass.

use super::pads::{Sides, sides, slower};
use crate::ensemble::{Cycle, Player, Spectrum, play};
use crate::patch::{Layer, Patch, Region, Root, roots};
use crate::wave::{Wave, between, decibels, key_hertz, resonance};
use auralis_graph::chance::Chance;
use libm::{log2, pow};

/// A violin family's body, muted: air and wood resonances, a low bridge hill, little above.
fn body(hertz: f64, key: f64) -> f64 {
    // Basses and cellos have the same resonances lower.
    let size = between(&[(36.0, 0.36), (48.0, 0.55), (60.0, 0.9), (72.0, 1.0)], key);
    let x = hertz / size;
    let wood = 0.35
        + 0.8 * resonance(x, 285.0, 90.0)
        + 0.9 * resonance(x, 470.0, 140.0)
        + 0.6 * resonance(x, 950.0, 420.0)
        + 0.55 * resonance(x, 2_300.0, 1_000.0);
    wood / (1.0 + pow(hertz / 3_000.0, 3.0)).sqrt() / (1.0 + pow(40.0 / hertz.max(1.0), 4.0))
}

fn section(root: &Root) -> Wave {
    let key = f64::from(root.key);
    let mut chance = Chance::new(13).named("strings").at(u64::from(root.key));
    let small = root.key < 55;
    let rate = between(&[(36.0, 11_000.0), (54.0, 12_500.0), (55.0, 19_000.0), (84.0, 22_000.0)], key);
    let cycle = Cycle::new(root.key, if small { 32_768 } else { 65_536 }, rate);
    let mut spectrum = Spectrum::new(cycle);
    let harmonics: Vec<f64> = (1..=cycle.harmonics(8_000.0)).map(|n| 1.0 / pow(n as f64, 1.05)).collect();
    for index in 0..11 {
        let mut own = chance.at(index);
        let vary = |low: f64, high: f64, own: &mut Chance| low + (high - low) * f64::from(own.unit());
        let player = Player {
            amplitude: if index == 0 { 1.8 } else { vary(0.6, 1.0, &mut own) },
            drift: vary(3.0, 6.5, &mut own) * slower(cycle.hertz()).min(1.2),
            vibrato: (vary(4.9, 6.3, &mut own), vary(5.0, 12.0, &mut own)),
            breath: vary(0.15, 0.35, &mut own),
        };
        let sound = play(cycle, player, &harmonics, &mut own);
        // Each body is a little smaller or larger than the next.
        let own_size = vary(0.93, 1.07, &mut own);
        spectrum.add(&sound, |x| body(x * own_size, key));
    }
    // Hair on string: noise through the same bodies.
    spectrum.noise(|x| 0.0007 * body(x, key) * x / (x + 800.0), &mut chance);
    spectrum.wave().at_loudness(between(&[(36.0, -20.5), (60.0, -20.0), (90.0, -22.0)], key))
}

/// The string section, muted.
pub fn strings() -> Patch {
    let layer = |root: Root| {
        let hertz = key_hertz(f64::from(root.key));
        let wave = section(&root);
        let velocities =
            [(1..=50, 900.0 + 2.2 * hertz), (51..=88, 2_000.0 + 4.0 * hertz), (89..=127, 8_000.0)];
        let regions = velocities.into_iter().flat_map(|(velocities, cutoff)| {
            sides(&root, &wave, &Sides { width: 0.7, apart: 4.0 }, |_| Region {
                velocities: velocities.clone(),
                cutoff: Some(cutoff),
                attack: 0.42,
                release: 1.8,
                swell: Some((0.9, 60.0, 500.0)),
                reverb: 0.3,
                ..Region::default()
            })
        });
        Layer { regions: regions.collect(), wave }
    };
    Patch { name: "Strings", level: -3.0, layers: roots(36, 84, 6).into_iter().map(layer).collect() }
}

/// A glass that is rubbed without end, at about a rate.
pub fn rubbed_glass(key: u8, rate: f64) -> Wave {
    let hertz = key_hertz(f64::from(key));
    let mut chance = Chance::new(14).named("bowed").at(u64::from(key));
    let cycle = Cycle::new(key, 32_768, rate);
    let mut spectrum = Spectrum::new(cycle);
    for index in 0..3 {
        // A rubbed rim locks its modes to harmonics; only the first carries far.
        let harmonics: Vec<f64> = (1..=cycle.harmonics(5_500.0))
            .map(|n| if n == 1 { 1.0 } else { decibels(-11.0 - 9.0 * log2(n as f64)) })
            .collect();
        let amplitude = if index == 0 { 2.0 } else { 0.8 };
        let drift = if index == 0 { 0.7 } else { 4.5 * slower(hertz) };
        let player = Player { amplitude, drift, vibrato: (1.0, 0.0), breath: 0.45 };
        let sound = play(cycle, player, &harmonics, &mut chance.at(index));
        spectrum.add(&sound, |x| 1.0 / (1.0 + pow(x / 4_500.0, 4.0)).sqrt());
    }
    for (ratio, level) in [(2.0, -19.0), (2.76, -31.0), (4.0, -33.0)] {
        spectrum.cloud(hertz * ratio, 0.6, decibels(level) * 2.0, &mut chance);
    }
    // The finger.
    spectrum.cloud(hertz, 22.0, decibels(-33.0) * 2.0, &mut chance);
    spectrum.noise(|x| 0.00025 * resonance(x, 2_400.0, 2_600.0), &mut chance);
    spectrum.wave().at_loudness(between(&[(54.0, -20.0), (72.0, -20.5), (96.0, -24.0)], f64::from(key)))
}

/// Bowed glass.
pub fn bowed_glass() -> Patch {
    let layer = |root: Root| {
        let hertz = key_hertz(f64::from(root.key));
        let rate = between(&[(54.0, 10_500.0), (90.0, 14_500.0)], f64::from(root.key));
        let wave = rubbed_glass(root.key, rate);
        let velocities = [(1..=60, 700.0 + 2.0 * hertz), (61..=127, 2_500.0 + 4.0 * hertz)];
        let regions = velocities.into_iter().flat_map(|(velocities, cutoff)| {
            sides(&root, &wave, &Sides { width: 0.62, apart: 3.0 }, |_| Region {
                velocities: velocities.clone(),
                cutoff: Some(cutoff),
                attack: 0.55,
                release: 4.5,
                reverb: 0.4,
                ..Region::default()
            })
        });
        Layer { regions: regions.collect(), wave }
    };
    Patch { name: "Bowed Glass", level: -2.5, layers: roots(54, 90, 6).into_iter().map(layer).collect() }
}
