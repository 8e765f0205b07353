//! What breath moves: choir and flute.

use super::pads::{Sides, sides, slower};
use crate::ensemble::{Cycle, Player, Spectrum, play};
use crate::modal::burst;
use crate::patch::{Layer, Patch, Region, Root, roots};
use crate::wave::{Wave, between, decibels, key_hertz, resonance};
use auralis_graph::chance::Chance;
use libm::pow;

/// Formants of an open and of a rounded vowel: hertz, bandwidth, level in dB (after Peterson and Barney, JASA 24,
/// 1952, and Sundberg, "The Science of the Singing Voice").
const OPEN: [(f64, f64, f64); 5] = [
    (700.0, 110.0, 0.0),
    (1_130.0, 130.0, -5.0),
    (2_550.0, 220.0, -17.0),
    (3_300.0, 280.0, -21.0),
    (4_200.0, 400.0, -30.0),
];
const ROUND: [(f64, f64, f64); 5] = [
    (360.0, 90.0, 0.0),
    (720.0, 110.0, -10.0),
    (2_350.0, 220.0, -29.0),
    (3_200.0, 280.0, -33.0),
    (4_100.0, 400.0, -42.0),
];

/// The vocal tract between the two vowels, `open` from 0 to 1, its resonances raised by `size`.
fn tract(hertz: f64, open: f64, size: f64) -> f64 {
    let formant = |(a, b): (&(f64, f64, f64), &(f64, f64, f64))| {
        let mix = |a: f64, b: f64| a + (b - a) * open;
        let (centre, width, level) = (mix(a.0, b.0), mix(a.1, b.1), mix(a.2, b.2));
        decibels(level) * resonance(hertz, centre * size, width * size * 1.15)
    };
    0.012 + ROUND.iter().zip(&OPEN).map(formant).sum::<f64>()
}

fn voices(root: &Root) -> Wave {
    let key = f64::from(root.key);
    let mut chance = Chance::new(15).named("choir").at(u64::from(root.key));
    let rate = between(&[(42.0, 14_000.0), (54.0, 16_000.0), (84.0, 19_000.0)], key);
    let cycle = Cycle::new(root.key, if root.key < 50 { 32_768 } else { 49_152 }, rate);
    let mut spectrum = Spectrum::new(cycle);
    // The glottis: 12 dB an octave, less the 6 that the lips give back, and a soft start.
    let harmonics: Vec<f64> = (1..=cycle.harmonics(6_500.0)).map(|n| pow(n as f64, -1.15)).collect();
    let size = between(&[(42.0, 0.92), (60.0, 1.06), (84.0, 1.18)], key);
    for index in 0..9 {
        let mut own = chance.at(index);
        let vary = |low: f64, high: f64, own: &mut Chance| low + (high - low) * f64::from(own.unit());
        let player = Player {
            amplitude: if index == 0 { 1.7 } else { vary(0.6, 1.0, &mut own) },
            drift: vary(4.0, 8.0, &mut own) * slower(cycle.hertz()).min(1.0),
            vibrato: (vary(4.6, 5.9, &mut own), vary(6.0, 17.0, &mut own)),
            breath: vary(0.2, 0.4, &mut own),
        };
        let sound = play(cycle, player, &harmonics, &mut own);
        let (open, own_size) = (vary(0.25, 0.8, &mut own), size * vary(0.95, 1.05, &mut own));
        spectrum.add(&sound, |x| tract(x, open, own_size));
    }
    spectrum.noise(
        |x| 0.0012 * tract(x, 0.5, size) * x / (x + 1_200.0) + 0.00003 * resonance(x, 5_500.0, 3_000.0),
        &mut chance,
    );
    spectrum.wave().at_loudness(between(&[(42.0, -20.5), (60.0, -20.0), (84.0, -21.5)], key))
}

/// The choir, between "oo" and "ah".
pub fn choir() -> Patch {
    let layer = |root: Root| {
        let hertz = key_hertz(f64::from(root.key));
        let wave = voices(&root);
        let velocities =
            [(1..=50, 750.0 + 1.5 * hertz), (51..=88, 1_700.0 + 3.0 * hertz), (89..=127, 7_000.0)];
        let regions = velocities.into_iter().flat_map(|(velocities, cutoff)| {
            sides(&root, &wave, &Sides { width: 0.7, apart: 5.0 }, |_| Region {
                velocities: velocities.clone(),
                cutoff: Some(cutoff),
                attack: 0.5,
                release: 2.2,
                swell: Some((1.0, 60.0, 400.0)),
                reverb: 0.35,
                ..Region::default()
            })
        });
        Layer { regions: regions.collect(), wave }
    };
    Patch { name: "Choir", level: -2.2, layers: roots(42, 78, 6).into_iter().map(layer).collect() }
}

fn pipe(root: &Root) -> Wave {
    let (key, hertz) = (f64::from(root.key), key_hertz(f64::from(root.key)));
    let mut chance = Chance::new(16).named("flute").at(u64::from(root.key));
    let cycle = Cycle::new(root.key, 32_768, between(&[(54.0, 16_000.0), (90.0, 21_000.0)], key));
    let mut spectrum = Spectrum::new(cycle);
    let levels = [0.0, -9.0, -15.0, -25.0, -29.0, -36.0, -42.0, -48.0];
    let brighter = between(&[(54.0, 5.0), (72.0, 0.0), (90.0, -7.0)], key);
    let harmonics: Vec<f64> = levels
        .iter()
        .enumerate()
        .take(cycle.harmonics(8_000.0))
        .map(|(index, level)| decibels(level + if index == 0 { 0.0 } else { brighter }))
        .collect();
    let player = Player { amplitude: 1.0, drift: 2.5, vibrato: (4.6, 3.0), breath: 0.1 };
    spectrum.add(&play(cycle, player, &harmonics, &mut chance.at(0)), |_| 1.0);
    // The pipe filters its wind: broad skirts at its resonances, and the hiss at the edge.
    for n in 1..=cycle.harmonics(6_000.0).min(7) {
        let x = hertz * n as f64;
        spectrum.cloud(x, 9.0 + 0.012 * x, decibels(-31.0 - 3.5 * n as f64), &mut chance);
    }
    spectrum.noise(
        |x| 0.00016 * (resonance(x, 2_600.0, 2_400.0) + 0.5 * resonance(x, 6_000.0, 4_000.0)),
        &mut chance,
    );
    spectrum.wave().at_loudness(between(&[(54.0, -20.5), (72.0, -20.0), (90.0, -22.5)], key))
}

/// The chiff: wind that finds its pipe.
fn chiff(key: u8) -> Wave {
    let (rate, hertz) = (26_000.0, key_hertz(f64::from(key)));
    let mut chance = Chance::new(17).named("chiff").at(u64::from(key));
    let samples = burst(rate, 0.16, &mut chance, |x| {
        (1..5).map(|n| resonance(x, hertz * f64::from(n) * 1.01, hertz * 0.3) / f64::from(n)).sum::<f64>()
            + 0.4 * resonance(x, 3_500.0, 3_000.0)
    });
    Wave { samples, rate: rate as u32, key, cycle: None, decay: 0.0 }
}

/// The flute: breathy and near.
pub fn flute() -> Patch {
    let mut layers = Vec::new();
    for root in roots(60, 90, 6) {
        let hertz = key_hertz(f64::from(root.key));
        let region = |(velocities, cutoff): (std::ops::RangeInclusive<u8>, Option<f64>)| Region {
            keys: root.keys.clone(),
            velocities,
            cutoff,
            pan: 0.08,
            attack: 0.11,
            release: 0.6,
            vibrato: Some((0.7, 4.7, 7.0)),
            swell: Some((0.25, 60.0, 300.0)),
            reverb: 0.25,
            ..Region::default()
        };
        let velocities =
            [(1..=50, Some(700.0 + 2.0 * hertz)), (51..=88, Some(2_000.0 + 3.0 * hertz)), (89..=127, None)];
        layers.push(Layer { wave: pipe(&root), regions: velocities.map(region).into() });
    }
    for root in roots(60, 84, 12) {
        let wave = chiff(root.key).at_loudness(-48.0);
        let region = Region { keys: root.keys, pan: 0.08, attack: 0.015, release: 0.1, ..Region::default() };
        layers.push(Layer { wave, regions: vec![region] });
    }
    Patch { name: "Flute", level: -1.8, layers }
}
