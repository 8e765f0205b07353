//! The drone: one low string whose overtones come and go by themselves, each in its own time.

use super::pads::{Sides, sides};
use crate::ensemble::{Cycle, Player, Spectrum, play};
use crate::patch::{Layer, Patch, Region, Root, roots};
use crate::wave::{Wave, between, decibels, key_hertz, resonance};
use auralis_graph::chance::Chance;
use libm::{cos, log2, pow, round};
use std::f64::consts::TAU;

fn overtones(root: &Root) -> Wave {
    let (key, hertz) = (f64::from(root.key), key_hertz(f64::from(root.key)));
    let mut chance = Chance::new(18).named("drone").at(u64::from(root.key));
    let cycle = Cycle::new(root.key, 65_536, 9_500.0);
    let mut spectrum = Spectrum::new(cycle);
    let mut sound = vec![0.0; cycle.frames];
    for n in 1..=cycle.harmonics(3_600.0) {
        let x = hertz * n as f64;
        let level = decibels(-6.5 * log2(n as f64)) / (1.0 + pow(x / 1_100.0, 3.0)).sqrt();
        // It swells once or a few times a cycle; the low ones hardly.
        let turns = round(1.0 + 2.4 * f64::from(chance.unit()));
        let phase = f64::from(chance.unit());
        let depth = if n < 3 { 0.2 } else { 0.85 };
        let mut alone = vec![0.0; n];
        alone[n - 1] = level;
        let player = Player { amplitude: 1.0, drift: 1.6, vibrato: (1.0, 0.0), breath: 0.1 };
        let line = play(cycle, player, &alone, &mut chance.at(n as u64));
        for (frame, (sum, value)) in sound.iter_mut().zip(&line).enumerate() {
            let place = frame as f64 / cycle.frames as f64;
            let swell = 1.0 - depth * (0.5 + 0.5 * cos(TAU * (turns * place + phase)));
            *sum += value * swell;
        }
    }
    spectrum.add(&sound, |_| 1.0);
    // Wind over the string, and the fifth that the room hums.
    spectrum.noise(
        |x| 0.0016 * resonance(x, hertz * 6.0, hertz * 5.0) / (1.0 + pow(x / 1_500.0, 2.0)),
        &mut chance,
    );
    spectrum.cloud(hertz * 1.5, 0.3, 0.05, &mut chance);
    spectrum.wave().at_loudness(between(&[(24.0, -22.0), (48.0, -20.5), (60.0, -21.0)], key))
}

/// The drone.
pub fn drone() -> Patch {
    let layer = |root: Root| {
        let hertz = key_hertz(f64::from(root.key));
        let wave = overtones(&root);
        let velocities = [(1..=60, 350.0 + 4.0 * hertz), (61..=95, 800.0 + 7.0 * hertz), (96..=127, 3_600.0)];
        let regions = velocities.into_iter().flat_map(|(velocities, cutoff)| {
            sides(&root, &wave, &Sides { width: 0.9, apart: 3.0 }, |side| Region {
                velocities: velocities.clone(),
                cutoff: Some(cutoff),
                attack: 1.6,
                release: 6.5,
                sweep: Some(if side == 0 { (0.037, 700.0) } else { (0.051, 700.0) }),
                reverb: 0.2,
                ..Region::default()
            })
        });
        Layer { regions: regions.collect(), wave }
    };
    Patch { name: "Drone", level: 0.0, layers: roots(28, 52, 6).into_iter().map(layer).collect() }
}
