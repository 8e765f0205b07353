//! What holds for every node of the catalogue: its definition is complete, its example runs, its samples do not
//! depend on the caller's blocks, it keeps the audio thread's promises, and no parameter breaks it.

use auralis_graph::chance::Chance;
use auralis_graph::command::{Report, When};
use auralis_graph::engine::Start;
use auralis_graph::param::{Amount, COMMON};
use auralis_graph::plan::Socket;
use auralis_graph::testing::realtime::{self, CheckedAllocator};
use auralis_graph::testing::{RATE, build_at, read, render_blocks};
use auralis_graph::{Built, Kind};
use auralis_nodes::catalogue;
use std::collections::BTreeSet;

#[global_allocator]
static ALLOCATOR: CheckedAllocator = CheckedAllocator;

fn preset(kind: &Kind) -> String {
    let nodes: String = kind.example.trim().lines().map(|line| format!("  {line}\n")).collect();
    format!("auralis: 1\nseed: 3\nnodes:\n{nodes}")
}

/// The socket in which the example has something to run.
fn socket(kind: &Kind) -> Socket {
    let preset = read(&preset(kind), &catalogue());
    let sockets = [Socket::Render, Socket::Play, Socket::Server];
    let runs = |socket: &Socket| preset.nodes.iter().any(|node| socket.has_root(node.kind.role));
    sockets.into_iter().find(runs).unwrap_or(Socket::Render)
}

fn built(kind: &Kind) -> Built {
    build_at(&preset(kind), &catalogue(), RATE, socket(kind))
}

#[test]
fn every_definition_is_complete_and_its_names_are_legal_and_distinct() {
    for kind in catalogue().iter() {
        let name = kind.name;
        assert!(auralis_graph::preset::is_name(name), "{name}");
        assert!(kind.summary().ends_with('.') && kind.summary().len() < 100, "{name}: {}", kind.summary());
        let preset = read(&preset(kind), &catalogue());
        assert!(preset.warnings.is_empty(), "{name}: {}", preset.warnings);
        let entry = preset.nodes.iter().find(|node| node.kind.name == name);
        let entry = entry.unwrap_or_else(|| panic!("the example of {name} does not use it"));
        let mut names = BTreeSet::from(["type", "in", "seed_as"].map(String::from));
        if kind.settings {
            names.extend(["key", "tempo", "meter", "intensity", "seed"].map(String::from));
        }
        let inputs = entry.ports.inputs.iter().map(|port| port.name).filter(|name| *name != "in");
        let params = kind.params.iter().chain(&COMMON).map(|spec| spec.name);
        for word in inputs.chain(params).map(String::from).chain(kind.config_keys()) {
            assert!(auralis_graph::preset::is_name(&word), "{name}: {word}");
            assert!(names.insert(word.clone()), "{name}: `{word}` means two things");
        }
        for spec in kind.params {
            assert!(spec.about.ends_with('.'), "{name}.{} needs a sentence", spec.name);
            let range = spec.range;
            let legal = range.min < range.max && (range.min..=range.max).contains(&spec.default);
            assert!(legal, "{name}.{}", spec.name);
            let printed = spec.print(Amount::Value(spec.default));
            assert!(spec.read(&printed, auralis_graph::music::Meter::COMMON).is_ok(), "{name}.{}", spec.name);
        }
        assert!(kind.params.len() <= 60, "{name}");
        let schema = kind.config_schema();
        for (key, schema) in schema["properties"].as_object().into_iter().flatten() {
            assert!(schema["description"].is_string(), "{name}: `{key}` needs a sentence");
        }
    }
}

#[test]
fn every_example_gives_the_same_bits_for_any_blocks_and_after_a_reset() {
    let frames = 20_000;
    for kind in catalogue().iter() {
        let mut first = built(kind);
        let reference = render_blocks(&mut first, frames, &[frames]);
        for blocks in [&[1usize][..], &[64], &[333], &[512], &[4096], &[1, 4095, 63, 65]] {
            assert!(render_blocks(&mut built(kind), frames, blocks) == reference, "{} {blocks:?}", kind.name);
        }
        let settings = first.engine.initial_settings();
        first.engine.reset(&Start::beginning(settings));
        assert!(
            render_blocks(&mut first, frames, &[512]) == reference,
            "{} differs after a reset",
            kind.name
        );
    }
}

#[test]
fn every_node_keeps_the_audio_threads_promises_while_its_parameters_move() {
    for kind in catalogue().iter() {
        let mut built = built(kind);
        realtime::take_violations();
        shake(&mut built, kind, 400);
        assert_eq!(realtime::take_violations(), 0, "{}", kind.name);
    }
}

#[test]
fn no_parameter_makes_a_node_yield_what_is_no_sound_or_blow_up() {
    for kind in catalogue().iter() {
        let mut built = built(kind);
        let peak = shake(&mut built, kind, 2_000);
        assert!(peak < 400.0, "{}: {peak}", kind.name);
        while let Some(report) = built.controller.report() {
            assert!(!matches!(report, Report::Failed { .. }), "{} yields NaN or infinity", kind.name);
        }
    }
}

/// Runs quanta while parameters of the kind's nodes jump between extremes and random values. Returns the peak.
fn shake(built: &mut Built, kind: &Kind, quanta: usize) -> f32 {
    let mut chance = Chance::new(11).named(kind.name);
    let preset = read(&preset(kind), &catalogue());
    let mut peak = 0.0f32;
    for _ in 0..quanta {
        for node in preset.nodes.iter().filter(|node| node.kind.name == kind.name) {
            for param in &node.params {
                if !chance.happens(0.05) || param.spec.name == "gain" || param.spec.name == "mute" {
                    continue;
                }
                let range = param.spec.range;
                let value = match chance.below(4) {
                    0 => range.min,
                    1 => range.max,
                    _ => range.value(chance.unit()),
                };
                let amount = Amount::Value(value);
                built.controller.set_param(&node.name, param.spec.name, amount, When::Now).unwrap();
            }
        }
        built.engine.quantum();
        let [left, right] = built.engine.output();
        peak = left.iter().chain(right.iter()).fold(peak, |peak, x| peak.max(x.abs()));
    }
    peak
}
