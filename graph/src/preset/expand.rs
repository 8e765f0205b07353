//! The canonical form: one way to write every preset, with nothing left out. Printing it is done here rather
//! than by a serialiser, because the order of keys and the inline nodes are part of the form.

use super::{Control, Depth, NodeEntry, Outlet, ParamEntry, ParamReach, Preset, Priority, Target};
use crate::param::Amount;
use crate::quantity::shortest;
use serde_json::Value as Json;
use std::fmt::Write;

pub(super) fn expand(preset: &Preset) -> String {
    let mut out = String::new();
    let _ = writeln!(out, "auralis: {}", super::FORMAT);
    let info = &preset.info;
    let texts = [("name", &info.name), ("author", &info.author), ("description", &info.description)];
    for (key, value) in texts {
        if let Some(value) = value {
            let _ = writeln!(out, "{key}: {}", quoted(value));
        }
    }
    if !info.tags.is_empty() {
        let tags: Vec<String> = info.tags.iter().map(|tag| quoted(tag)).collect();
        let _ = writeln!(out, "tags: [{}]", tags.join(", "));
    }
    let settings = preset.settings();
    let _ = writeln!(out, "seed: {}", settings.seed);
    let _ = writeln!(out, "key: {}", settings.key);
    let _ = writeln!(out, "tempo: {}", settings.tempo);
    let _ = writeln!(out, "meter: {}", settings.meter);
    let _ = writeln!(out, "intensity: {}", shortest(settings.intensity));
    let _ = writeln!(out, "nodes:");
    for node in &preset.nodes {
        expand_node(preset, node, &mut out);
    }
    if !preset.controls.is_empty() {
        let _ = writeln!(out, "expose:");
        for control in &preset.controls {
            expand_control(preset, control, &mut out);
        }
    }
    out
}

fn expand_node(preset: &Preset, node: &NodeEntry, out: &mut String) {
    let _ = writeln!(out, "  {}:", node.name);
    let _ = writeln!(out, "    type: {}", node.kind.name);
    if node.seed_as != node.name {
        let _ = writeln!(out, "    seed_as: {}", node.seed_as);
    }
    if node.priority == Priority::Low {
        let _ = writeln!(out, "    priority: low");
    }
    for (index, (port, connections)) in node.ports.inputs.iter().zip(&node.inputs).enumerate() {
        if connections.is_empty() {
            continue;
        }
        let list: Vec<String> = connections
            .iter()
            .map(|connection| {
                let from = reference(preset, connection.from);
                if port.is_audio() {
                    format!("{{ from: {from}, gain: {} dB }}", shortest(connection.gain))
                } else {
                    format!("{{ from: {from} }}")
                }
            })
            .collect();
        let key = if index == 0 { "in" } else { port.name };
        let _ = writeln!(out, "    {key}: [{}]", list.join(", "));
    }
    if let Json::Object(config) = &node.config.json {
        for (key, value) in config.iter().filter(|(_, value)| !value.is_null()) {
            let _ = writeln!(out, "    {key}: {}", json(value));
        }
    }
    let overrides = &node.overrides;
    let given = [
        ("key", overrides.key.map(|key| key.to_string())),
        ("tempo", overrides.tempo.map(|tempo| tempo.to_string())),
        ("meter", overrides.meter.map(|meter| meter.to_string())),
        ("intensity", overrides.intensity.map(shortest)),
        ("seed", overrides.seed.map(|seed| seed.to_string())),
    ];
    for (key, value) in given {
        if let Some(value) = value {
            let _ = writeln!(out, "    {key}: {value}");
        }
    }
    for param in &node.params {
        let _ = writeln!(out, "    {}: {}", param.spec.name, expand_param(preset, param));
    }
}

fn expand_param(preset: &Preset, param: &ParamEntry) -> String {
    let print = |value: f32| param.spec.print(Amount::Value(value));
    let Some(modulation) = &param.modulation else { return param.spec.print(param.amount) };
    let from = reference(preset, modulation.from);
    match modulation.reach {
        ParamReach::Span { min, max } => {
            format!("{{ from: {from}, min: {}, max: {} }}", print(min), print(max))
        }
        ParamReach::Around(depth) => {
            let depth = match depth {
                Depth::Own(value) => shortest(value) + param.spec.unit.suffix(),
                // Exact: the reader divides by 100 what stands before the sign.
                Depth::Ratio(value) => format!("{} %", f64::from(value) * 100.0),
                Depth::Semitones(value) => format!("{} st", shortest(value)),
            };
            format!("{{ value: {}, from: {from}, depth: {depth} }}", param.spec.print(param.amount))
        }
    }
}

fn expand_control(preset: &Preset, control: &Control, out: &mut String) {
    let _ = writeln!(out, "  {}:", control.name);
    let targets: Vec<String> = control.targets.iter().map(|target| expand_target(preset, target)).collect();
    let _ = writeln!(out, "    to: [{}]", targets.join(", "));
    let _ = writeln!(out, "    default: {}", control.print(control.default));
    let _ = writeln!(out, "    label: {}", quoted(&control.label));
    if let Some(unit) = &control.unit_label {
        let _ = writeln!(out, "    unit: {}", quoted(unit));
    }
}

fn expand_target(preset: &Preset, target: &Target) -> String {
    let node = &preset.nodes[target.node];
    let spec = node.params[target.param].spec;
    let name = format!("{}.{}", node.name, spec.name);
    match target.stretch {
        None => name,
        Some(range) => format!(
            "{{ param: {name}, min: {}, max: {}, curve: {} }}",
            spec.print(Amount::Value(range.min)),
            spec.print(Amount::Value(range.max)),
            range.curve
        ),
    }
}

fn reference(preset: &Preset, outlet: Outlet) -> String {
    let node = &preset.nodes[outlet.node];
    format!("{}.{}", node.name, node.ports.outputs[outlet.port].name)
}

/// A text as YAML: bare where that reads back as the same text, else quoted as JSON, which YAML contains.
fn quoted(text: &str) -> String {
    let plain = !text.is_empty()
        && text.len() == text.trim().len()
        && text.chars().all(|c| c.is_alphanumeric() || " _./'()".contains(c))
        && text.chars().next().is_some_and(char::is_alphabetic)
        && !matches!(text.to_lowercase().as_str(), "true" | "false" | "null" | "yes" | "no" | "on" | "off");
    if plain { text.to_string() } else { Json::String(text.to_string()).to_string() }
}

fn json(value: &Json) -> String {
    match value {
        Json::String(text) => quoted(text),
        Json::Array(list) => format!("[{}]", list.iter().map(json).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}
