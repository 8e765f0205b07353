//! The felt piano: an upright with a strip of felt between hammers and strings. Struck-string modes with
//! stiffness, two stages of decay and beating unisons, a soundboard, and the hammer itself.

use crate::modal::{Layout, Mode, burst, strike};
use crate::patch::{Layer, Patch, Region, Root, roots};
use crate::wave::{Wave, between, decibels, key_hertz, resonance};
use auralis_graph::chance::Chance;
use libm::{exp, log, log2, pow, sin};
use std::f64::consts::PI;

/// Stiffness of the strings by key: the inharmonicity B of f(n) = n f sqrt(1 + B n^2) (Fletcher, Blackham and
/// Stratton, "Quality of piano tones", JASA 34, 1962), after measurements of a grand.
fn stiffness(key: f64) -> f64 {
    let table =
        [(21.0, 3.2e-4), (34.0, 1.1e-4), (48.0, 1.7e-4), (60.0, 4.0e-4), (72.0, 1.1e-3), (96.0, 9.0e-3)];
    let logs = table.map(|(key, b)| (key, log(b)));
    exp(between(&logs, key))
}

/// Seconds to -60 dB of the first stage of a fundamental.
fn prompt_seconds(key: f64) -> f64 {
    let table = [
        (21.0, 14.0),
        (36.0, 11.0),
        (48.0, 9.0),
        (60.0, 6.5),
        (72.0, 4.2),
        (84.0, 2.4),
        (96.0, 1.3),
        (108.0, 0.8),
    ];
    between(&table, key)
}

/// What soundboard and room do to a frequency: weak below the first board modes, uneven by a few dB above.
fn board(hertz: f64) -> f64 {
    let low = hertz * hertz / (hertz * hertz + 75.0 * 75.0);
    let place = log2(hertz / 20.0) * 5.0;
    let level = |step: f64| f64::from(Chance::new(88).named("board").at(step as u64).bipolar());
    let (below, part) = (place.floor(), place - place.floor());
    low * decibels(2.6 * (level(below) * (1.0 - part) + level(below + 1.0) * part))
}

/// What the felted hammer leaves of a mode.
fn hammer(hertz: f64) -> f64 {
    1.0 / (1.0 + pow(hertz / 520.0, 2.0)) / (1.0 + pow(hertz / 2_600.0, 4.0)).sqrt()
}

/// The modes of the strings of a key, as far as `highest` hertz.
fn strings(key: f64, cycle: f64, highest: f64, chance: &mut Chance) -> Vec<Mode> {
    let (hertz, b) = (key_hertz(key), stiffness(key));
    let place = between(&[(21.0, 0.125), (60.0, 0.118), (96.0, 0.085)], key);
    let base = 6.907_755 / prompt_seconds(key);
    let mut modes = Vec::new();
    for n in 1.. {
        let n = f64::from(n);
        // The first partial is in tune; the others stand above it.
        let partial = n * hertz * ((1.0 + b * n * n) / (1.0 + b)).sqrt();
        if partial > highest {
            break;
        }
        let shape = sin(n * PI * place) / sin(PI * place);
        let amplitude = shape * hammer(partial) / hammer(hertz) * board(partial) / pow(n, 0.35);
        let uneven = 0.7 + 0.7 * f64::from(chance.unit());
        let decay = base * uneven * (0.75 + 0.25 * pow(n, 0.85)) + 1.6 * pow(partial / 3_000.0, 2.0);
        let phase = if n < 2.0 { 0.0 } else { f64::from(chance.unit()) };
        let mode = |share: f64, offset: f64, faster: f64| Mode {
            hertz: partial + offset / cycle,
            amplitude: amplitude * share,
            decay: decay * faster,
            // Felt is slow to let go of the string.
            rise: 0.0035 + 0.9 / (hertz + 0.5 * partial),
            // The board scatters the partials' phases; the first starts from rest.
            phase,
        };
        // A bloom that the board swallows at once; vertical motion that dies into it; and what the unisons leave
        // in motion against each other (Weinreich, "Coupled piano strings", JASA 62, 1977).
        modes.push(mode(0.30, 0.0, 6.0));
        modes.push(mode(0.55, 0.0, 1.0));
        modes.push(mode(0.15, 0.0, 0.33));
        let apart = if n > 4.0 && chance.happens(0.5) { 2.0 } else { 1.0 };
        // Where the cycle is short the beat is quick: keep it small.
        let beat = between(&[(60.0, 0.06), (72.0, 0.04), (84.0, 0.02)], key);
        modes.push(mode(if n < 2.0 { beat } else { 1.8 * beat }, apart, 0.36));
    }
    modes
}

/// Felt, key bed and board: what is heard of the stroke besides the strings.
fn stroke(key: f64, rate: f64, chance: &mut Chance) -> Vec<f64> {
    let centre = between(&[(21.0, 170.0), (60.0, 330.0), (96.0, 620.0)], key);
    let mut felt = burst(rate, 0.16, chance, |hertz| {
        resonance(hertz, centre, centre * 1.6) / (1.0 + pow(hertz / (centre * 3.5), 3.0))
    });
    let thud = burst(rate, 0.34, chance, |hertz| {
        resonance(hertz, 96.0, 30.0)
            + 0.6 * resonance(hertz, 171.0, 40.0)
            + 0.4 * resonance(hertz, 268.0, 60.0)
    });
    let loud = between(&[(21.0, 0.10), (60.0, 0.15), (96.0, 0.30)], key);
    felt.resize(thud.len().max(felt.len()), 0.0);
    for (felt, thud) in felt.iter_mut().zip(&thud) {
        *felt = *felt * 0.16 + thud * loud;
    }
    felt
}

/// The strings that nothing struck and that answer: fifths and octaves above, coming slowly.
fn bloom(hertz: f64, cycle: f64, highest: f64, chance: &mut Chance) -> Vec<Mode> {
    let partials = [(1.0, 0.010), (1.5, 0.005), (2.0, 0.010), (3.0, 0.007), (4.0, 0.004)];
    let mut modes = Vec::new();
    for (ratio, amplitude) in partials {
        for apart in [-1.0, 1.0] {
            let mode = Mode::ringing(hertz * ratio + apart / cycle, amplitude, 12.0).rise(0.5);
            modes.push(mode.strewn(chance));
        }
    }
    modes.retain(|mode| mode.hertz < highest);
    modes
}

fn body(root: &Root) -> Wave {
    let key = f64::from(root.key);
    let mut chance = Chance::new(1).named("piano").at(u64::from(root.key));
    let table = |points: &[(f64, f64)]| between(points, key);
    let layout = Layout {
        key: root.key,
        rate: table(&[
            (24.0, 10_000.0),
            (48.0, 12_000.0),
            (66.0, 14_500.0),
            (84.0, 18_500.0),
            (96.0, 24_000.0),
        ]),
        lead: table(&[(24.0, 1.4), (60.0, 1.15), (84.0, 0.65), (96.0, 0.4)]),
        cycle: table(&[(24.0, 1.5), (60.0, 1.3), (72.0, 0.9), (84.0, 0.5), (96.0, 0.25)]),
    };
    let highest = layout.rate * 0.42;
    let mut modes = strings(key, layout.cycle, highest, &mut chance);
    modes.extend(bloom(key_hertz(key), layout.cycle, highest, &mut chance));
    let wave = strike(layout, &modes, |rate| stroke(key, rate, &mut chance));
    wave.at_loudness(table(&[(24.0, -20.0), (48.0, -18.0), (72.0, -18.5), (100.0, -23.0)]))
}

/// The hammer's brightness, heard from the middle velocities on: partials above the body's band for a moment.
fn edge(root: &Root) -> Wave {
    let key = f64::from(root.key);
    let mut chance = Chance::new(2).named("edge").at(u64::from(root.key));
    let (hertz, b) = (key_hertz(key), stiffness(key));
    let layout = Layout { key: root.key, rate: 26_000.0, lead: 0.3, cycle: 0.0 };
    let lowest = between(&[(24.0, 900.0), (60.0, 1_500.0), (84.0, 3_500.0), (96.0, 5_500.0)], key);
    let mut modes = Vec::new();
    for n in 1..80 {
        let n = f64::from(n);
        let partial = n * hertz * ((1.0 + b * n * n) / (1.0 + b)).sqrt();
        let level = decibels(-9.0 * log2(partial / lowest).abs()) * (0.5 + f64::from(chance.unit()));
        if partial > lowest * 0.7 && partial < 9_000.0 {
            let seconds = between(&[(1_000.0, 0.9), (3_000.0, 0.4), (9_000.0, 0.12)], partial);
            modes.push(Mode { amplitude: level * board(partial), ..Mode::ringing(partial, 1.0, seconds) });
        }
    }
    let felt = burst(f64::from(26_000u32), 0.06, &mut chance, |hertz| {
        resonance(hertz, lowest, lowest) / (1.0 + pow(hertz / 5_000.0, 4.0))
    });
    one_shot(strike(layout, &modes, |_| felt.iter().map(|x| x * 0.5).collect()), 0.3)
}

/// Fades a struck sound out and leaves it without a cycle.
fn one_shot(wave: Wave, seconds: f64) -> Wave {
    let rate = f64::from(wave.rate);
    let mut samples = wave.samples;
    samples.truncate((seconds * rate) as usize);
    for (frame, sample) in samples.iter_mut().enumerate() {
        let time = frame as f64 / rate;
        *sample *= exp(-wave.decay * time) * crate::wave::ease((seconds - time) / (0.3 * seconds));
    }
    Wave { samples, cycle: None, decay: 0.0, ..wave }
}

/// The instrument.
pub fn felt_piano() -> Patch {
    let mut layers = Vec::new();
    for root in roots(24, 100, 4) {
        let (key, hertz) = (f64::from(root.key), key_hertz(f64::from(root.key)));
        let velocities = [
            (1..=43, Some(480.0 + 1.5 * hertz)),
            (44..=70, Some(850.0 + 2.4 * hertz)),
            (71..=97, Some(1_900.0 + 4.0 * hertz)),
            (98..=127, None),
        ];
        let release = between(&[(24.0, 0.9), (60.0, 0.7), (88.0, 0.9), (92.0, 2.5)], key);
        let region = |(velocities, cutoff): (std::ops::RangeInclusive<u8>, Option<f64>)| Region {
            keys: root.keys.clone(),
            velocities,
            cutoff,
            pan: between(&[(24.0, -0.28), (100.0, 0.28)], key),
            release,
            reverb: 0.1,
            ..Region::default()
        };
        layers.push(Layer { wave: body(&root), regions: velocities.map(region).into() });
    }
    for root in roots(30, 96, 11) {
        let key = f64::from(root.key);
        let wave = edge(&root).at_loudness(between(&[(30.0, -36.0), (60.0, -36.0), (96.0, -40.0)], key));
        let region = |(velocities, level): (std::ops::RangeInclusive<u8>, f64)| Region {
            keys: root.keys.clone(),
            velocities,
            level,
            pan: between(&[(24.0, -0.1), (100.0, 0.45)], key),
            release: 0.3,
            ..Region::default()
        };
        let velocities = [(58..=77, -9.0), (78..=97, -4.0), (98..=127, 0.0)];
        layers.push(Layer { wave, regions: velocities.map(region).into() });
    }
    Patch { name: "Felt Piano", level: 0.0, layers }
}
