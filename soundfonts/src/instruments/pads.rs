//! Pads: warm and airy. Each key sounds twice, left and right, from different places of one cycle and a few cents
//! apart, so that no moment returns.

use crate::ensemble::{Cycle, Player, Spectrum, play};
use crate::patch::{Layer, Patch, Region, Root, roots};
use crate::wave::{Wave, between, decibels, key_hertz, resonance};
use auralis_graph::chance::Chance;
use libm::pow;

/// How the two sides of an endless sound differ.
pub struct Sides {
    /// Distance from the middle; nearer below middle C, where space wants mono.
    pub width: f64,
    /// Cents between the two at C3; fewer above, so that they beat about as slowly everywhere.
    pub apart: f64,
}

/// By how much detuning shrinks as a note rises above C3: beats would grow with its frequency.
pub fn slower(hertz: f64) -> f64 {
    pow(131.0 / hertz, 0.6)
}

/// The two regions of an endless sound: `region` is asked for each side, 0 and 1.
pub fn sides(root: &Root, wave: &Wave, sides: &Sides, region: impl Fn(usize) -> Region) -> Vec<Region> {
    let key = f64::from(root.key);
    let width = sides.width * between(&[(30.0, 0.25), (48.0, 0.7), (60.0, 1.0)], key);
    let half = wave.cycle.as_ref().map_or(0, |cycle| (cycle.end - cycle.start) / 2);
    let side = |index: usize| {
        let sign = if index == 0 { -1.0 } else { 1.0 };
        Region {
            keys: root.keys.clone(),
            pan: sign * width,
            cents: sign * (sides.apart * 0.5 * slower(key_hertz(key))).max(1.0),
            start: index * half,
            ..region(index)
        }
    };
    vec![side(0), side(1)]
}

fn warm_wave(root: &Root) -> Wave {
    let (key, hertz) = (f64::from(root.key), key_hertz(f64::from(root.key)));
    let mut chance = Chance::new(11).named("warm").at(u64::from(root.key));
    let rate = between(&[(36.0, 9_000.0), (60.0, 11_000.0), (84.0, 15_000.0)], key);
    let cycle = Cycle::new(root.key, 32_768, rate);
    let mut spectrum = Spectrum::new(cycle);
    let saw: Vec<f64> = (1..=cycle.harmonics(5_000.0)).map(|n| 1.0 / n as f64).collect();
    for index in 0..6 {
        // One stands firm and the others move around it, so that the whole never thins out.
        let amplitude = if index == 0 { 2.2 } else { 0.8 };
        let drift = if index == 0 { 1.0 } else { 7.0 * slower(hertz) };
        let player = Player { amplitude, drift, vibrato: (1.0, 0.0), breath: 0.25 };
        let sound = play(cycle, player, &saw, &mut chance.at(index));
        let dark = 420.0 + 1.1 * hertz;
        spectrum
            .add(&sound, |x| 1.0 / (1.0 + pow(x / dark, 3.4)).sqrt() / (1.0 + pow(x / 3_200.0, 4.0)).sqrt());
    }
    if key > 51.0 {
        spectrum.cloud(hertz * 0.5, 0.25, 0.22, &mut chance);
    }
    spectrum.wave().at_loudness(between(&[(36.0, -21.0), (60.0, -20.0), (84.0, -22.0)], key))
}

/// The warm pad.
pub fn warm_pad() -> Patch {
    let layer = |root: Root| {
        let hertz = key_hertz(f64::from(root.key));
        let wave = warm_wave(&root);
        let velocities = [
            (1..=55, 500.0 + 2.0 * hertz),
            (56..=90, 900.0 + 3.0 * hertz),
            (91..=127, 1_800.0 + 5.0 * hertz),
        ];
        let regions = velocities.into_iter().flat_map(|(velocities, cutoff)| {
            sides(&root, &wave, &Sides { width: 0.7, apart: 6.0 }, |side| Region {
                velocities: velocities.clone(),
                cutoff: Some(cutoff),
                attack: 0.8,
                release: 4.0,
                sweep: Some(if side == 0 { (0.071, 420.0) } else { (0.053, 420.0) }),
                reverb: 0.3,
                ..Region::default()
            })
        });
        Layer { regions: regions.collect(), wave }
    };
    Patch { name: "Warm Pad", level: -2.6, layers: roots(36, 84, 6).into_iter().map(layer).collect() }
}

fn airy_wave(root: &Root) -> Wave {
    let (key, hertz) = (f64::from(root.key), key_hertz(f64::from(root.key)));
    let mut chance = Chance::new(12).named("airy").at(u64::from(root.key));
    let cycle = Cycle::new(root.key, 49_152, 23_500.0);
    let mut spectrum = Spectrum::new(cycle);
    // A hollow voice: the odd harmonics stand out, and each is a breath rather than a line.
    for n in 1..=cycle.harmonics(9_000.0) {
        let x = hertz * n as f64;
        let even = if n % 2 == 0 { -5.0 } else { 0.0 };
        let vowel = 3.0 * resonance(x, 620.0, 300.0) + 1.6 * resonance(x, 2_700.0, 1_200.0);
        let level = decibels(even - 9.0 * libm::log2(n as f64)) * (0.6 + vowel * 0.3);
        let width = 0.3 + 0.0022 * x * slower(hertz);
        spectrum.cloud(x, 0.0, level * 0.8, &mut chance);
        spectrum.cloud(x, width, level, &mut chance);
        // The turbulence around it.
        spectrum.cloud(x, 14.0 + 0.03 * x, level * 0.16, &mut chance);
    }
    let air = |x: f64| {
        let shelf = resonance(x, 7_200.0, 5_200.0) + 0.35 * resonance(x, 2_900.0, 1_500.0);
        0.00042 * shelf / (1.0 + pow(600.0 / x.max(1.0), 3.0))
    };
    spectrum.noise(air, &mut chance);
    spectrum.wave().at_loudness(between(&[(54.0, -20.5), (66.0, -20.0), (84.0, -21.5)], key))
}

/// The airy pad.
pub fn airy_pad() -> Patch {
    let layer = |root: Root| {
        let hertz = key_hertz(f64::from(root.key));
        let wave = airy_wave(&root);
        let velocities =
            [(1..=55, 1_500.0 + 2.0 * hertz), (56..=90, 3_800.0 + 3.0 * hertz), (91..=127, 9_000.0)];
        let regions = velocities.into_iter().flat_map(|(velocities, cutoff)| {
            sides(&root, &wave, &Sides { width: 0.8, apart: 6.0 }, |side| Region {
                velocities: velocities.clone(),
                cutoff: Some(cutoff),
                attack: 1.1,
                release: 5.0,
                sweep: Some(if side == 0 { (0.083, 600.0) } else { (0.059, 600.0) }),
                reverb: 0.35,
                ..Region::default()
            })
        });
        Layer { regions: regions.collect(), wave }
    };
    Patch { name: "Airy Pad", level: -2.0, layers: roots(54, 84, 6).into_iter().map(layer).collect() }
}
