//! Plucked strings: harp and bass; and the sub, which is only a sine.

use crate::modal::{Layout, Mode, burst, strike};
use crate::patch::{Layer, Patch, Region, Root, roots};
use crate::wave::{Wave, between, key_hertz, resonance};
use auralis_graph::chance::Chance;
use libm::{pow, sin};
use std::f64::consts::PI;

/// How a string is plucked and what it hangs on.
struct Gut {
    /// Where it is plucked, as a share of its length.
    place: f64,
    /// Frequency above which the finger's width softens it.
    soft: f64,
    /// Seconds to -60 dB of the fundamental.
    seconds: f64,
    /// How much faster each harmonic dies.
    loss: f64,
    /// Stiffness B.
    stiffness: f64,
}

impl Gut {
    /// Its modes at the bridge: an ideal string pulled aside gives sin(n pi p) / n^2 of displacement, so / n of
    /// force (Fletcher and Rossing, "The Physics of Musical Instruments", 2.10).
    fn modes(
        &self,
        hertz: f64,
        cycle: f64,
        highest: f64,
        body: &dyn Fn(f64) -> f64,
        chance: &mut Chance,
    ) -> Vec<Mode> {
        let mut modes = Vec::new();
        for n in 1..120 {
            let n = f64::from(n);
            let partial = n * hertz * ((1.0 + self.stiffness * n * n) / (1.0 + self.stiffness)).sqrt();
            if partial > highest {
                break;
            }
            let finger = 1.0 / (1.0 + pow(partial / self.soft, 2.0));
            let amplitude = sin(n * PI * self.place) / n * finger * body(partial);
            let uneven = 0.9 + 0.2 * f64::from(chance.unit());
            let decay = 6.907_755 / self.seconds * uneven * (1.0 + self.loss * pow(n - 1.0, 1.15));
            // The box scatters the partials' phases; the first starts from rest.
            let phase = if n < 2.0 { 0.0 } else { f64::from(chance.unit()) };
            let mode = Mode { hertz: partial, amplitude, decay, rise: 0.0012 + 0.15 / hertz, phase };
            // The two directions of its swing, one held a little stiffer.
            // What the box takes at once.
            modes.push(Mode { amplitude: amplitude * 0.35, decay: decay * 6.0, ..mode });
            modes.push(Mode { amplitude: amplitude * 0.93, ..mode });
            modes.push(Mode {
                hertz: partial + 1.0 / cycle,
                amplitude: amplitude * 0.07,
                decay: decay * 0.8,
                ..mode
            });
        }
        modes
    }
}

/// The harp's box: air and wood below, a soft shelf above.
fn harp_box(hertz: f64) -> f64 {
    0.5 + 0.7 * resonance(hertz, 165.0, 80.0)
        + 0.9 * resonance(hertz, 330.0, 160.0)
        + 0.5 * resonance(hertz, 720.0, 500.0)
}

fn harp_wave(root: &Root) -> Wave {
    let (key, hertz) = (f64::from(root.key), key_hertz(f64::from(root.key)));
    let mut chance = Chance::new(9).named("harp").at(u64::from(root.key));
    let layout = Layout {
        key: root.key,
        rate: between(&[(30.0, 11_000.0), (54.0, 15_000.0), (72.0, 18_000.0), (96.0, 24_000.0)], key),
        lead: between(&[(30.0, 1.0), (60.0, 0.8), (96.0, 0.4)], key),
        cycle: between(&[(30.0, 0.6), (60.0, 0.5), (96.0, 0.2)], key),
    };
    let string = Gut {
        place: between(&[(30.0, 0.30), (60.0, 0.37), (96.0, 0.42)], key),
        soft: between(&[(30.0, 900.0), (60.0, 1_900.0), (96.0, 5_000.0)], key),
        seconds: between(&[(30.0, 9.0), (48.0, 7.0), (60.0, 5.0), (78.0, 2.6), (96.0, 1.2)], key),
        loss: between(&[(30.0, 0.10), (60.0, 0.22), (96.0, 0.5)], key),
        stiffness: 3e-5,
    };
    let modes = string.modes(hertz, layout.cycle, layout.rate * 0.42, &harp_box, &mut chance);
    let wave = strike(layout, &modes, |rate| {
        let mut finger = burst(rate, 0.05, &mut chance, |x| {
            harp_box(x) * (resonance(x, 340.0, 260.0) + 0.5 * resonance(x, 2_400.0, 1_500.0))
        });
        let knock = burst(rate, 0.3, &mut chance, |x| {
            resonance(x, 172.0, 30.0) + 0.7 * resonance(x, 318.0, 55.0) + 0.5 * resonance(x, 545.0, 90.0)
        });
        let loud = between(&[(30.0, 0.05), (60.0, 0.10), (96.0, 0.35)], key);
        finger.resize(knock.len().max(finger.len()), 0.0);
        for (finger, knock) in finger.iter_mut().zip(&knock) {
            *finger = (*finger + knock) * loud;
        }
        finger
    });
    wave.at_loudness(between(&[(30.0, -20.0), (54.0, -18.5), (72.0, -19.0), (96.0, -23.0)], key))
}

/// The harp. Its strings are not damped.
pub fn harp() -> Patch {
    let layer = |root: Root| {
        let (key, hertz) = (f64::from(root.key), key_hertz(f64::from(root.key)));
        let region = |(velocities, cutoff): (std::ops::RangeInclusive<u8>, Option<f64>)| Region {
            keys: root.keys.clone(),
            velocities,
            cutoff,
            pan: between(&[(30.0, -0.4), (96.0, 0.4)], key),
            release: between(&[(30.0, 5.0), (60.0, 4.5), (96.0, 2.0)], key),
            reverb: 0.2,
            ..Region::default()
        };
        let velocities = [
            (1..=42, Some(500.0 + 1.8 * hertz)),
            (43..=70, Some(900.0 + 3.2 * hertz)),
            (71..=98, Some(2_200.0 + 6.0 * hertz)),
            (99..=127, None),
        ];
        Layer { wave: harp_wave(&root), regions: velocities.map(region).into() }
    };
    Patch { name: "Harp", level: 0.0, layers: roots(30, 96, 6).into_iter().map(layer).collect() }
}

fn bass_wave(root: &Root) -> Wave {
    let (key, hertz) = (f64::from(root.key), key_hertz(f64::from(root.key)));
    let mut chance = Chance::new(10).named("bass").at(u64::from(root.key));
    let layout = Layout { key: root.key, rate: 9_500.0, lead: 0.8, cycle: 0.7 };
    let string = Gut {
        place: 0.22,
        soft: 330.0,
        seconds: between(&[(24.0, 9.0), (48.0, 5.5)], key),
        loss: 0.20,
        stiffness: 8e-5,
    };
    let body = |x: f64| {
        0.8 + 0.8 * resonance(x, 62.0, 40.0)
            + 0.7 * resonance(x, 108.0, 60.0)
            + 0.3 * resonance(x, 230.0, 120.0)
    };
    let modes = string.modes(hertz, layout.cycle, 3_600.0, &body, &mut chance);
    let wave = strike(layout, &modes, |rate| {
        let mut thumb =
            burst(rate, 0.09, &mut chance, |x| resonance(x, 150.0, 90.0) + 0.4 * resonance(x, 700.0, 500.0));
        thumb.iter_mut().for_each(|x| *x *= 0.10);
        thumb
    });
    wave.at_loudness(between(&[(24.0, -21.0), (36.0, -19.0), (60.0, -18.5)], key))
}

/// The bass: plucked, round, in the middle.
pub fn bass() -> Patch {
    let layer = |root: Root| {
        let hertz = key_hertz(f64::from(root.key));
        let region = |(velocities, cutoff): (std::ops::RangeInclusive<u8>, Option<f64>)| Region {
            keys: root.keys.clone(),
            velocities,
            cutoff,
            attack: 0.004,
            release: 0.35,
            ..Region::default()
        };
        let velocities =
            [(1..=55, Some(300.0 + 3.0 * hertz)), (56..=90, Some(650.0 + 5.0 * hertz)), (91..=127, None)];
        Layer { wave: bass_wave(&root), regions: velocities.map(region).into() }
    };
    Patch { name: "Bass", level: 0.0, layers: roots(24, 60, 6).into_iter().map(layer).collect() }
}

/// The sub: a sine with a trace of its octave, for the octave below everything else.
pub fn sub() -> Patch {
    let layer = |root: Root| {
        let hertz = key_hertz(f64::from(root.key));
        let layout = Layout { key: root.key, rate: 8_000.0, lead: 0.02, cycle: 0.5 };
        let modes = [(1.0, 1.0), (2.0, 0.05), (3.0, 0.02)].map(|(ratio, amplitude)| Mode {
            hertz: hertz * ratio,
            amplitude,
            decay: 0.0,
            rise: 0.0,
            phase: 0.0,
        });
        let wave = strike(layout, &modes, |_| Vec::new()).at_loudness(-20.0);
        let region = Region { keys: root.keys, attack: 0.06, release: 0.5, ..Region::default() };
        Layer { wave, regions: vec![region] }
    };
    Patch { name: "Sub", level: 0.0, layers: roots(28, 52, 6).into_iter().map(layer).collect() }
}
