//! What holds for every shipped preset: it says what it is, it is as loud as the others and in its key, it has
//! neither clicks nor offset nor overshoots, its samples do not depend on the caller's blocks, its controls do
//! what they say over their whole range, and the audio thread keeps its promises.

mod preset;

use auralis_graph::command::Report;
use auralis_graph::music::Mode;
use auralis_graph::param::Amount;
use auralis_graph::testing::realtime::{self, CheckedAllocator};
use auralis_graph::testing::{RATE, build_text, measure, read, render_blocks};
use auralis_graph::{Built, engine::Start};
use auralis_nodes::catalogue;
use preset::{Stereo, shipped, stretch};

#[global_allocator]
static ALLOCATOR: CheckedAllocator = CheckedAllocator;

/// What no sound of a preset may pass.
const CEILING: f64 = -1.0;

/// Nothing was NaN on the way, and the audio thread kept its promises.
fn assert_sound(name: &str, built: &mut Built) {
    assert_eq!(realtime::take_violations(), 0, "{name} breaks the audio thread's promises");
    while let Some(report) = built.controller.report() {
        assert!(!matches!(report, Report::Failed { .. }), "{name} yields NaN or infinity");
    }
}

fn assert_below_ceiling(name: &str, sound: &Stereo) {
    let peak = preset::loudness(sound).1;
    assert!(peak <= CEILING, "{name}: true peak {peak:.2} dBTP");
}

#[test]
fn every_preset_says_what_it_is_and_its_controls_stand_where_its_sound_does() {
    let shipped = shipped();
    assert!(shipped.len() >= 6, "{}", shipped.len());
    let mut known: Vec<auralis_graph::Preset> = Vec::new();
    for (name, text) in &shipped {
        let preset = read(text, &catalogue());
        assert!(preset.warnings.is_empty(), "{name}: {}", preset.warnings);
        assert_eq!(preset.title().to_lowercase().replace(' ', "_"), *name);
        let description = preset.info.description.as_deref().unwrap_or_default();
        assert!(description.len() > 40 && description.ends_with('.'), "{name}: {description:?}");
        assert!(preset.info.author.is_some() && preset.info.tags.len() >= 3, "{name}");
        let twin = known.iter().find(|other| preset::alike(other, &preset));
        assert!(twin.is_none(), "{name} is too much like {:?}", twin.map(auralis_graph::Preset::title));
        for kind in ["composer", "limiter", "meter", "output"] {
            assert!(preset.nodes.iter().any(|node| node.kind.name == kind), "{name} has no {kind}");
        }
        assert!(preset.controls.len() >= 4, "{name}");
        for control in &preset.controls {
            for target in &control.targets {
                let entry = &preset.nodes[target.node].params[target.param];
                let Amount::Value(own) = entry.amount else { panic!("{name}.{}", control.name) };
                let stands = target.stretch.unwrap_or(control.range).position(own);
                let says = control.range.position(control.default);
                assert!(
                    (stands - says).abs() < 0.005,
                    "{name}.{}: {} stands at {stands}, not at {says}",
                    control.name,
                    entry.spec.name
                );
            }
        }
        known.push(preset);
    }
}

#[test]
fn every_preset_is_loud_enough_clean_wide_and_in_its_key() {
    for (name, text) in shipped() {
        let mut built = build_text(&text, &catalogue());
        let settings = built.engine.initial_settings();
        realtime::take_violations();
        // From the beginning, and from later on, when other sections have come.
        let parts = [0.0, 17.0].map(|minute| stretch(&mut built, minute, 50.0, None, &[]));
        assert_sound(&name, &mut built);
        let whole = [0, 1].map(|side| parts.iter().flat_map(|part| part[side].iter().copied()).collect());
        let (loudness, _) = preset::loudness(&whole);
        assert!((-20.0..=-14.0).contains(&loudness), "{name}: {loudness:.1} LUFS");
        for part in &parts {
            assert_below_ceiling(&name, part);
            for side in part {
                let corner = preset::sharpest_corner(side);
                assert!(corner < 0.5, "{name}: a click of {corner:.2}");
                assert!(preset::offset(side).abs() < 1e-4, "{name}: {}", preset::offset(side));
            }
            let [left, right] = part;
            let correlation = preset::correlation(left, right);
            assert!((0.1..0.97).contains(&correlation), "{name}: correlation {correlation:.2}");
        }
        let [left, right] = &whole;
        let second = RATE as usize;
        let seconds = left.chunks_exact(second).zip(right.chunks_exact(second));
        let against = seconds.filter(|(left, right)| preset::correlation(left, right) < 0.0).count();
        assert!(against * 20 <= left.len() / second, "{name}: {against} seconds against phase");

        let chroma = preset::chroma(&whole);
        let (tonic, mode) = (preset::tonic(settings.key), settings.key.mode);
        let here = preset::on_scale(&chroma, tonic, mode);
        // The fifth partial of a drone is a major third, whatever the scale.
        assert!(here > 0.8, "{name}: {:.0} % on the scale of {}", here * 100.0, settings.key);
        for other in (0..12).filter(|other| *other != tonic) {
            let there = preset::on_scale(&chroma, other, mode);
            assert!(
                here > there,
                "{name} sounds like {} a tonic of {other} ({there:.3}, {here:.3})",
                settings.key
            );
        }
        let fit = preset::fits(&chroma, settings.key);
        assert!(fit > 0.4, "{name}: {fit:.2} with {}", settings.key);
    }
}

#[test]
fn every_preset_gives_the_same_bits_for_any_blocks_and_after_a_reset() {
    let frames = 9 * RATE as usize + 17;
    for (name, text) in shipped() {
        let mut first = build_text(&text, &catalogue());
        realtime::take_violations();
        let reference = render_blocks(&mut first, frames, &[frames]);
        assert!(measure::level_db(&reference[0]) > -60.0, "{name} begins in silence");
        for blocks in [&[1usize, 4095, 63, 65][..], &[333]] {
            let mut second = build_text(&text, &catalogue());
            assert!(render_blocks(&mut second, frames, blocks) == reference, "{name} {blocks:?}");
        }
        let settings = first.engine.initial_settings();
        first.engine.reset(&Start::beginning(settings));
        assert!(render_blocks(&mut first, frames, &[512]) == reference, "{name} differs after a reset");
        assert_sound(&name, &mut first);
    }
}

#[test]
fn every_control_is_heard_over_its_range_and_no_end_of_it_clips_or_falls_silent() {
    let mut mute = Vec::new();
    for (name, text) in shipped() {
        let mut built = build_text(&text, &catalogue());
        let controls = read(&text, &catalogue()).controls;
        realtime::take_violations();
        for (slot, control) in controls.iter().enumerate() {
            let place = format!("{name}.{}", control.name);
            // What it moves may rest for a while: then it is heard elsewhere.
            let mut heard = f64::NEG_INFINITY;
            for minute in [6.0, 2.0, 11.0, 17.0] {
                let [low, high] = [control.range.min, control.range.max].map(|end| {
                    let sound = stretch(&mut built, minute, 6.0, None, &[(slot as u16, end)]);
                    assert_below_ceiling(&format!("{place} at {end}"), &sound);
                    let level = measure::level_db(&sound[0]);
                    assert!(level > -55.0, "{place} at {end}: {level:.0} dB");
                    sound
                });
                heard = heard.max(preset::difference(&low, &high));
                if heard > -15.0 {
                    break;
                }
            }
            if heard <= -15.0 {
                mute.push(format!("{place} changes {heard:.0} dB of the sound"));
            }
        }
        assert_sound(&name, &mut built);
    }
    assert!(mute.is_empty(), "{mute:#?}");
}

#[test]
fn every_preset_stays_music_at_any_intensity_with_all_controls_at_their_ends() {
    for (name, text) in shipped() {
        let mut built = build_text(&text, &catalogue());
        let controls = read(&text, &catalogue()).controls;
        let top: Vec<(u16, f32)> =
            controls.iter().enumerate().map(|(slot, control)| (slot as u16, control.range.max)).collect();
        realtime::take_violations();
        for intensity in [0.0, 1.0] {
            let sound = stretch(&mut built, 3.0, 25.0, Some(intensity), &[]);
            assert_below_ceiling(&name, &sound);
            let level = measure::level_db(&sound[0]);
            assert!(level > -50.0, "{name} at intensity {intensity}: {level:.0} dB");
        }
        let sound = stretch(&mut built, 3.0, 12.0, Some(1.0), &top);
        assert_below_ceiling(&format!("{name} with all controls up"), &sound);
        assert_sound(&name, &mut built);
    }
}

#[test]
fn a_scale_a_click_and_an_offset_are_told_from_their_absence() {
    let tone = |hertz: f64, i: usize| (std::f64::consts::TAU * hertz * i as f64 / f64::from(RATE)).sin();
    let mut triad: Vec<f32> = (0..4 * RATE as usize)
        .map(|i| (0.1 * [220.0, 261.626, 329.628].iter().map(|hertz| tone(*hertz, i)).sum::<f64>()) as f32)
        .collect();
    let chroma = preset::chroma(&[triad.clone(), triad.clone()]);
    assert!(preset::on_scale(&chroma, 9, Mode::Aeolian) > 0.99);
    assert!(preset::on_scale(&chroma, 10, Mode::Aeolian) < 0.5);
    assert!(
        preset::fits(&chroma, "A minor".parse().unwrap()) > preset::fits(&chroma, "E minor".parse().unwrap())
    );
    assert!(preset::sharpest_corner(&triad) < 0.2);
    assert!(preset::correlation(&triad, &triad) > 0.999);
    triad[100_000] += 0.05;
    assert!(preset::sharpest_corner(&triad) > 0.5);
}
