//! A lane equals the single voice to the bit, on every instruction set; filters and kernels against their formulas.

use super::adsr::Adsr;
use super::control::advance;
use super::guard::Guard;
use super::halfband::Halfband;
use super::patch::{Patch, Tracks, Tuned};
use super::render::{Scratch, Sum, render};
use super::shape::Blend;
use super::state::{Group, Voice};
use super::svf::{Angle, Coefs, Svf};
use super::wide::{LANES, Reader, Row, Wide};
use auralis_graph::chance::Chance;
use auralis_graph::dsp::{Block, QUANTUM};
use fearless_simd::{Level, Simd, dispatch, f32x16};
use std::f64::consts::TAU;

fn levels() -> Vec<Level> {
    let mut levels = vec![Level::new(), Level::baseline()];
    #[cfg(target_arch = "x86_64")]
    {
        levels.extend(Level::new().as_avx2().map(Level::Avx2));
        levels.extend(Level::new().as_sse4_2().map(Level::Sse4_2));
    }
    levels
}

/// A patch in which everything is in use.
fn patch() -> Patch {
    let adsr = Adsr { attack: 0.003, decay: 0.1, sustain: 0.6, release: 0.05 };
    Patch {
        tune: [-0.05, 7.05],
        sub_tune: -12.0,
        tracking: 0.7,
        filter_depth: 2.0,
        velocity_depth: 1.0,
        pressure_depth: 1.0,
        timbre_depth: 2.0,
        amp: adsr,
        filter: Adsr { attack: 0.01, ..adsr },
        lfo_rate: 7.0,
        lfo_fade: 0.01,
        lfo_pitch: 0.4,
        lfo_cutoff: 0.5,
        lfo_amp: 0.3,
        lfo_pan: 0.4,
        spread: 0.6,
        unison_detune: 0.3,
        unison_spread: 0.5,
    }
}

/// Tracks in which every wave, drive, sub, noise and every side of the filter is heard.
fn tracks(moving: bool) -> Tracks {
    let mut tracks = Tracks::SILENT;
    let heard = |value: f32| (Block::filled(value), value != 0.0);
    for (track, shape) in tracks.waves.iter_mut().zip([0.4, 2.6]) {
        let blend = Blend::new(shape, 0.3, 0.5);
        track.sine = heard(blend.sine);
        track.triangle = heard(blend.triangle);
        track.saw = heard(blend.saw);
        track.pulse = heard(blend.pulse);
        track.delay = Block::filled(blend.delay);
    }
    (tracks.sub, tracks.noise, tracks.drive) = (heard(0.3), heard(0.1), heard(2.0));
    tracks.cutoff = (Block::filled(0.02), moving);
    tracks.damping = Block::filled(0.3);
    (tracks.through, tracks.band, tracks.low) = (Block::filled(0.2), Block::filled(0.1), Block::filled(0.7));
    tracks
}

/// A group whose voices all differ.
fn group() -> Group {
    let mut group = Group::SILENT;
    let mut chance = Chance::new(9);
    for lane in 0..LANES {
        let mut set = |row: &mut Row, from: f32, to: f32| row.0[lane] = from + (to - from) * chance.unit();
        set(&mut group.key, 20.0, 110.0);
        set(&mut group.glide, -5.0, 5.0);
        set(&mut group.glide_rate, 0.0, 0.01);
        set(&mut group.drift, -0.1, 0.1);
        set(&mut group.strand, -1.0, 1.0);
        set(&mut group.place, -1.0, 1.0);
        set(&mut group.shade, -0.5, 0.5);
        set(&mut group.velocity, 0.0, 1.0);
        for [now, goal] in [&mut group.loudness, &mut group.pressure, &mut group.timbre, &mut group.bend] {
            set(now, 0.0, 1.0);
            set(goal, 0.0, 1.0);
        }
        group.gate.0[lane] = 1.0;
        group.amp[1].0[lane] = 1.0;
        group.filter[1].0[lane] = 1.0;
        group.fade[0].0[lane] = 1.0;
        for phase in &mut group.phase {
            phase.0[lane] = chance.bits() as u32;
        }
        group.noise.0[lane] = chance.bits() as u32 | 1;
    }
    group
}

/// One voice of a group.
fn lane(group: &Group, lane: usize) -> Voice<f32, u32> {
    let mut voice = Voice::filled(0.0, 0);
    let row = |row: &Row| row.0[lane];
    let pair = |rows: &[Row; 2]| rows.map(|row| row.0[lane]);
    voice.key = row(&group.key);
    voice.glide = row(&group.glide);
    voice.glide_rate = row(&group.glide_rate);
    voice.drift = row(&group.drift);
    voice.strand = row(&group.strand);
    voice.place = row(&group.place);
    voice.shade = row(&group.shade);
    voice.velocity = row(&group.velocity);
    voice.loudness = pair(&group.loudness);
    voice.pressure = pair(&group.pressure);
    voice.timbre = pair(&group.timbre);
    voice.bend = pair(&group.bend);
    voice.gate = row(&group.gate);
    voice.amp = pair(&group.amp);
    voice.filter = pair(&group.filter);
    voice.fade = pair(&group.fade);
    voice.phase = group.phase.map(|row| row.0[lane]);
    voice.noise = group.noise.0[lane];
    voice
}

/// What happens in the steps of a quantum: which are cut, and whether notes are let go or stolen.
const CUTS: [usize; 6] = [0, 16, 21, 32, 48, 64];

/// Runs voices through some quanta; `change` is called before each segment.
#[inline(always)]
fn run<V: Wide>(
    token: V::Token,
    voice: &mut Voice<V::Row, V::BitRow>,
    (tuned, tracks): (&Tuned, &Tracks),
    (scratch, sum): (&mut Scratch<V::Row>, &mut Sum<V::Row>),
    quantum: usize,
) {
    let read = Reader::<V>(token);
    for cut in CUTS.windows(2) {
        let (from, to) = (cut[0], cut[1]);
        if (quantum, from) == (9, 21) {
            read.all(0.0).store(&mut voice.gate);
        }
        if (quantum, from) == (12, 32) {
            read.all(1.0).store(&mut voice.fade[1]);
        }
        advance::<V>(token, voice, tuned, &tuned.step(to - from), tracks.cutoff.0[from]);
        render::<V>(token, voice, tracks, from..to, scratch, sum);
    }
}

#[inline(always)]
fn run_lanes<S: Simd>(
    simd: S,
    group: &mut Group,
    tuned: &Tuned,
    tracks: &Tracks,
    quantum: usize,
) -> Sum<Row> {
    let mut sum = Sum { left: [Row::ZERO; QUANTUM], right: [Row::ZERO; QUANTUM] };
    let mut scratch = Scratch::new(Row::ZERO);
    run::<f32x16<S>>(simd, group, (tuned, tracks), (&mut scratch, &mut sum), quantum);
    sum
}

#[test]
fn a_lane_equals_the_single_voice_to_the_bit_on_every_instruction_set() {
    let tuned = Tuned::new(patch(), 48_000.0);
    for moving in [false, true] {
        let tracks = tracks(moving);
        let mut singles: Vec<Voice<f32, u32>> = (0..LANES).map(|index| lane(&group(), index)).collect();
        let mut groups: Vec<Group> = levels().iter().map(|_| group()).collect();
        let mut loudest = 0.0f32;
        for quantum in 0..16 {
            let sums: Vec<Sum<Row>> = levels()
                .iter()
                .zip(&mut groups)
                .map(|(level, group)| {
                    dispatch!(*level, simd => run_lanes(simd, group, &tuned, &tracks, quantum))
                })
                .collect();
            for (index, voice) in singles.iter_mut().enumerate() {
                let mut sum = Sum { left: [0.0; QUANTUM], right: [0.0; QUANTUM] };
                let mut scratch = Scratch::new(0.0);
                run::<f32>((), voice, (&tuned, &tracks), (&mut scratch, &mut sum), quantum);
                loudest = sum.left.iter().fold(loudest, |most, x| most.max(x.abs()));
                for (level, lanes) in levels().iter().zip(&sums) {
                    for frame in 0..QUANTUM {
                        let (one, many) = (sum.left[frame], lanes.left[frame].0[index]);
                        assert_eq!(one.to_bits(), many.to_bits(), "{level:?} {index} {quantum} {frame}");
                        assert_eq!(sum.right[frame].to_bits(), lanes.right[frame].0[index].to_bits());
                    }
                }
            }
        }
        assert!(loudest > 0.05, "they sound: {loudest}");
    }
}

/// The response of something to a sine, in dB.
fn response(hertz: f64, rate: f64, mut tick: impl FnMut(f64) -> f64) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for i in 0..96_000 {
        let phase = TAU * hertz * f64::from(i) / rate;
        let y = tick(phase.sin());
        // The first half is for settling.
        if i >= 48_000 {
            re += y * phase.cos();
            im += y * phase.sin();
        }
    }
    20.0 * ((re * re + im * im).sqrt() / 24_000.0).max(1e-12).log10()
}

#[test]
fn the_half_band_filter_passes_what_is_heard_and_stops_what_would_fold_back() {
    let at = |hertz: f64| {
        let (mut halfband, mut older) = (Halfband::of([0.0f32; 8]), None);
        // As seen at the doubled rate: what comes out is held for the second of each pair.
        let mut held = 0.0;
        response(hertz, 96_000.0, |x| {
            match older.take() {
                None => older = Some(x as f32),
                Some(first) => held = f64::from(halfband.tick(first, x as f32)),
            }
            held
        })
    };
    // A sample that is held for two is a box filter: taken out of the figure.
    let hold = |hertz: f64| 20.0 * (TAU * hertz / 192_000.0).cos().abs().log10();
    for hertz in [50.0, 1_000.0, 10_000.0, 20_000.0, 22_400.0] {
        assert!((at(hertz) - hold(hertz)).abs() < 0.02, "{hertz}: {}", at(hertz) - hold(hertz));
    }
    for hertz in [25_600.0, 28_000.0, 35_000.0, 44_000.0] {
        assert!(at(hertz) - hold(hertz) < -68.0, "{hertz}: {}", at(hertz) - hold(hertz));
    }
}

#[test]
fn the_guard_takes_only_what_lies_above_hearing() {
    let at = |hertz: f64| {
        let mut guard = Guard::<f32>::default();
        response(hertz, 48_000.0, |x| f64::from(guard.tick(x as f32)))
    };
    for hertz in [100.0, 5_000.0, 15_000.0, 20_000.0, 21_000.0] {
        assert!(at(hertz).abs() < 0.06, "{hertz}: {}", at(hertz));
    }
    for hertz in [22_350.0, 22_500.0, 23_200.0, 23_900.0] {
        assert!(at(hertz) < -59.0, "{hertz}: {}", at(hertz));
    }
}

#[test]
fn the_filter_has_the_response_of_its_formula() {
    let rate = 48_000.0;
    for (cutoff, damping) in [(100.0f64, 1.414f64), (1_000.0, 0.1), (1_000.0, 2.0), (12_000.0, 0.7)] {
        let coefs = Coefs::new(Angle::new((cutoff / rate) as f32), damping as f32);
        for hertz in [30.0f64, 100.0, 500.0, 1_000.0, 4_000.0, 12_000.0, 20_000.0] {
            // The bilinear transform of s -> j tan(pi f) / tan(pi fc).
            let s = (TAU * hertz / rate / 2.0).tan() / (TAU * cutoff / rate / 2.0).tan();
            let gain = 1.0 / ((1.0 - s * s).powi(2) + (damping * s).powi(2)).sqrt();
            for (name, wanted) in [("low", gain), ("band", gain * s)] {
                let mut svf = Svf { first: 0.0f32, second: 0.0 };
                let found = response(hertz, rate, |x| {
                    let (band, low) = svf.tick(x as f32, &coefs);
                    f64::from(if name == "low" { low } else { band })
                });
                let wanted = 20.0 * wanted.log10();
                assert!(
                    (found - wanted).abs() < 0.05 || wanted < -80.0,
                    "{name} {cutoff} {damping} {hertz}: {found} {wanted}"
                );
            }
        }
    }
}
