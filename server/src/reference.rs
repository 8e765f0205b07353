//! The reference of a node kind in Markdown, made from its definition. `auralis nodes KIND` prints it, and the
//! reference page of the documentation is all of them.

use auralis_graph::param::{Amount, COMMON, Curve, ParamSpec};
use auralis_graph::port::{Channels, Polarity, PortKind, PortSpec};
use auralis_graph::{Catalogue, Kind};
use serde_json::Value as Json;
use std::fmt::Write;

/// The page of one kind.
pub fn page(kind: &Kind) -> String {
    let mut out = format!("## {}\n\n{}\n", kind.name, kind.about.trim());
    let config = kind.default_config();
    if let Some(config) = &config {
        let ports = kind.ports(config);
        ports_table(&mut out, "Inputs", &ports.inputs);
        ports_table(&mut out, "Outputs", &ports.outputs);
    }
    config_table(&mut out, kind);
    if kind.settings {
        out += "\nMay fix `key`, `tempo`, `meter`, `intensity` and `seed` for itself; else those of the piece hold.\n";
    }
    if !kind.params.is_empty() {
        out += "\n| parameter | range | default | |\n| --- | --- | --- | --- |\n";
        kind.params.iter().for_each(|spec| param_row(&mut out, spec));
    }
    let example: String = kind.example.trim().lines().map(|line| format!("  {line}\n")).collect();
    let _ = write!(out, "\n```yaml\nnodes:\n{example}```\n");
    out
}

/// The pages of all kinds, with what holds for every node.
pub fn book(catalogue: &Catalogue) -> String {
    let mut out = String::from(
        "# Nodes\n\nMade by `cargo xtask docs` from the definitions in the code; do not edit.\n\n\
         Every node has a `type`, may have `seed_as` (its former name, which keeps its chance), and connects its\n\
         first input by `in` and any other by its own name. Every parameter can be moved by another node's output.\n\
         Nodes that make audio also have:\n\n| parameter | range | default | |\n| --- | --- | --- | --- |\n",
    );
    COMMON.iter().for_each(|spec| param_row(&mut out, spec));
    out += "\n| type | |\n| --- | --- |\n";
    for kind in catalogue.iter() {
        let _ = writeln!(out, "| [{0}](#{0}) | {1} |", kind.name, kind.summary());
    }
    for kind in catalogue.iter() {
        let _ = write!(out, "\n{}", page(kind));
    }
    out
}

fn ports_table(out: &mut String, title: &str, ports: &[PortSpec]) {
    if ports.is_empty() {
        return;
    }
    let _ = write!(out, "\n| {} | | |\n| --- | --- | --- |\n", title.to_lowercase());
    for port in ports {
        let about = if port.optional { format!("{} Optional.", port.about) } else { port.about.to_string() };
        let _ = writeln!(out, "| `{}` | {} | {} |", port.name, flow(port), about.trim());
    }
}

fn flow(port: &PortSpec) -> String {
    match port.kind {
        PortKind::Notes { .. } => "notes".into(),
        PortKind::Packets { .. } => "packets".into(),
        PortKind::Audio { control: Some(Polarity::Unipolar), .. } => "control, 0 to 1".into(),
        PortKind::Audio { control: Some(Polarity::Bipolar), .. } => "control, -1 to 1".into(),
        PortKind::Audio { channels, .. } => match channels {
            Channels::Exactly(1) => "audio, mono".into(),
            Channels::Exactly(2) => "audio, stereo".into(),
            Channels::Exactly(n) => format!("audio, {n} channels"),
            Channels::AsConnected => "audio, as wide as it comes".into(),
            Channels::LikeInput(_) => "audio, as wide as the input".into(),
        },
    }
}

fn config_table(out: &mut String, kind: &Kind) {
    let schema = kind.config_schema();
    let Some(properties) = schema["properties"].as_object().filter(|p| !p.is_empty()) else { return };
    let defaults = kind.default_config().map(|config| config.json).unwrap_or_default();
    *out += "\n| setting | default | |\n| --- | --- | --- |\n";
    for (key, schema) in properties {
        let default = match &defaults[key] {
            Json::Null => String::new(),
            Json::String(text) => format!("`{text}`"),
            other => format!("`{other}`"),
        };
        let about = schema["description"].as_str().unwrap_or_default().replace('\n', " ");
        let _ = writeln!(out, "| `{key}` | {default} | {about} |");
    }
}

fn param_row(out: &mut String, spec: &ParamSpec) {
    let print = |value| spec.print(Amount::Value(value));
    let curve = match spec.range.curve {
        Curve::Linear => String::new(),
        Curve::Exponential => ", exponential".into(),
        Curve::Power(p) => format!(", to the power of {p}"),
    };
    let range = match spec.unit {
        auralis_graph::param::Unit::Switch | auralis_graph::param::Unit::Choice(_) => spec.wants(),
        _ => format!("{} to {}{curve}", print(spec.range.min), print(spec.range.max)),
    };
    let musical = if spec.musical { " Also a musical length." } else { "" };
    let _ =
        writeln!(out, "| `{}` | {range} | {} | {}{musical} |", spec.name, print(spec.default), spec.about);
}
