//! Bells and plates: glass bells and celesta. Inharmonic modes, each with a decay of its own.

use crate::modal::{Layout, Mode, burst, strike};
use crate::patch::{Layer, Patch, Region, Root, roots};
use crate::wave::{Wave, between, decibels, key_hertz, resonance};
use auralis_graph::chance::Chance;
use libm::pow;

/// Ratio to the fundamental, level in dB, time to -60 dB as a share of the fundamental's, and whether the mode is
/// a pair that beats.
type Partial = (f64, f64, f64, bool);

/// A glass bell: between the modes of a wine glass and those of a free bar, with an octave that warms it.
const GLASS: [Partial; 11] = [
    (1.0, 0.0, 1.0, true),
    (2.0, -17.0, 0.62, false),
    (2.757, -9.0, 0.50, true),
    (4.21, -21.0, 0.34, true),
    (5.404, -13.0, 0.26, true),
    (6.72, -25.0, 0.2, false),
    (8.933, -19.0, 0.13, true),
    (11.14, -28.0, 0.10, false),
    (13.34, -25.0, 0.07, false),
    (16.9, -31.0, 0.05, false),
    (18.64, -30.0, 0.04, false),
];

/// A celesta's steel plate over a wooden box.
const CELESTA: [Partial; 7] = [
    (1.0, 0.0, 1.0, true),
    (2.0, -24.0, 0.5, false),
    (2.93, -19.0, 0.28, false),
    (4.02, -21.0, 0.30, false),
    (5.61, -22.0, 0.16, false),
    (8.9, -27.0, 0.08, false),
    (12.6, -31.0, 0.05, false),
];

fn modes(partials: &[Partial], hertz: f64, seconds: f64, cycle: f64, chance: &mut Chance) -> Vec<Mode> {
    let mut modes = Vec::new();
    for (ratio, level, share, pair) in partials {
        // A mode too high to carry as far is also weaker.
        let amplitude = decibels(*level) / (1.0 + pow(hertz * ratio / 9_000.0, 4.0)).sqrt();
        let ringing = seconds * share * (0.9 + 0.2 * f64::from(chance.unit()));
        let sign = if chance.happens(0.5) { 1.0 } else { -1.0 };
        let mode = Mode::ringing(hertz * ratio, sign * amplitude, ringing).rise(0.0025);
        if *pair {
            modes.push(Mode { amplitude: mode.amplitude * 0.87, ..mode });
            let apart = if *ratio < 2.0 { 1.0 } else { 2.0 };
            modes.push(Mode { hertz: mode.hertz + apart / cycle, amplitude: mode.amplitude * 0.13, ..mode });
        } else {
            modes.push(mode);
        }
    }
    modes
}

fn glass(root: &Root) -> Wave {
    let (key, hertz) = (f64::from(root.key), key_hertz(f64::from(root.key)));
    let mut chance = Chance::new(3).named("glass").at(u64::from(root.key));
    let layout = Layout {
        key: root.key,
        rate: between(&[(54.0, 13_000.0), (72.0, 19_000.0), (84.0, 24_000.0), (102.0, 30_000.0)], key),
        lead: between(&[(54.0, 1.0), (84.0, 0.6), (102.0, 0.35)], key),
        cycle: between(&[(54.0, 1.3), (72.0, 1.0), (84.0, 0.7), (102.0, 0.35)], key),
    };
    let seconds = between(&[(54.0, 10.0), (72.0, 8.0), (84.0, 6.0), (102.0, 3.2)], key);
    let modes = modes(&GLASS, hertz, seconds, layout.cycle, &mut chance);
    let wave = strike(layout, &modes, |rate| {
        let mut ping = burst(rate, 0.03, &mut chance, |x| resonance(x, hertz * 6.0, hertz * 5.0));
        ping.iter_mut().for_each(|x| *x *= 0.05);
        ping
    });
    wave.at_loudness(between(&[(54.0, -19.0), (78.0, -20.0), (102.0, -25.0)], key))
}

/// Glass bells.
pub fn glass_bells() -> Patch {
    let layer = |root: Root| {
        let (key, hertz) = (f64::from(root.key), key_hertz(f64::from(root.key)));
        let region = |(velocities, ratio): (std::ops::RangeInclusive<u8>, Option<f64>)| Region {
            keys: root.keys.clone(),
            velocities,
            cutoff: ratio.map(|ratio| 250.0 + ratio * hertz).filter(|cutoff| *cutoff < 14_000.0),
            pan: between(&[(48.0, -0.4), (102.0, 0.4)], key),
            release: between(&[(54.0, 10.0), (84.0, 7.0), (102.0, 4.0)], key),
            reverb: 0.25,
            ..Region::default()
        };
        let velocities = [(1..=39, Some(1.5)), (40..=66, Some(2.8)), (67..=94, Some(5.5)), (95..=127, None)];
        Layer { wave: glass(&root), regions: velocities.map(region).into() }
    };
    Patch { name: "Glass Bells", level: 1.2, layers: roots(54, 102, 6).into_iter().map(layer).collect() }
}

fn plate(root: &Root) -> Wave {
    let (key, hertz) = (f64::from(root.key), key_hertz(f64::from(root.key)));
    let mut chance = Chance::new(4).named("celesta").at(u64::from(root.key));
    let layout = Layout {
        key: root.key,
        rate: between(&[(60.0, 15_000.0), (84.0, 24_000.0), (102.0, 28_000.0)], key),
        lead: between(&[(60.0, 0.55), (102.0, 0.25)], key),
        cycle: between(&[(60.0, 0.4), (102.0, 0.2)], key),
    };
    let seconds = between(&[(60.0, 4.2), (84.0, 2.8), (102.0, 1.6)], key);
    let modes = modes(&CELESTA, hertz, seconds, layout.cycle, &mut chance);
    let wave = strike(layout, &modes, |rate| {
        let mut tap = burst(rate, 0.05, &mut chance, |x| {
            resonance(x, 950.0, 500.0) + 0.5 * resonance(x, 2_600.0, 900.0)
        });
        let box_ = burst(rate, 0.12, &mut chance, |x| resonance(x, 240.0, 90.0));
        tap.resize(box_.len(), 0.0);
        tap.iter_mut().zip(&box_).for_each(|(x, y)| *x = *x * 0.07 + y * 0.05);
        tap
    });
    wave.at_loudness(between(&[(60.0, -19.5), (84.0, -20.5), (102.0, -24.0)], key))
}

/// The celesta.
pub fn celesta() -> Patch {
    let layer = |root: Root| {
        let (key, hertz) = (f64::from(root.key), key_hertz(f64::from(root.key)));
        let region = |(velocities, ratio): (std::ops::RangeInclusive<u8>, Option<f64>)| Region {
            keys: root.keys.clone(),
            velocities,
            cutoff: ratio.map(|ratio| 900.0 + ratio * hertz).filter(|cutoff| *cutoff < 14_000.0),
            pan: between(&[(60.0, -0.25), (102.0, 0.3)], key),
            release: 2.2,
            reverb: 0.2,
            ..Region::default()
        };
        let velocities = [(1..=50, Some(1.6)), (51..=88, Some(4.0)), (89..=127, None)];
        Layer { wave: plate(&root), regions: velocities.map(region).into() }
    };
    Patch { name: "Celesta", level: 1.8, layers: roots(60, 102, 6).into_iter().map(layer).collect() }
}
