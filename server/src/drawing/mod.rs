//! A preset's graph as dot, Mermaid or SVG, and as what the page draws.

mod layers;
mod picture;
mod svg;

use auralis_graph::port::PortKind;
use auralis_graph::preset::{NodeEntry, Outlet};
use auralis_graph::{Controller, Preset};
use picture::{BOX, Picture};
use serde_json::{Value as Json, json};
use std::collections::{HashMap, HashSet};
use std::fmt::Write;

/// How a graph is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Form {
    /// Graphviz.
    Dot,
    /// Mermaid, as Markdown renderers show it.
    Mermaid,
    /// A picture.
    Svg,
}

/// What goes from one node to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flow {
    Audio,
    Notes,
    Packets,
    Modulation,
}

/// One line between two nodes.
struct Edge {
    from: Outlet,
    to: usize,
    label: String,
    flow: Flow,
    /// In dB.
    gain: f32,
}

/// Draws a preset: sound as whole lines, modulation dashed.
pub fn draw(preset: &Preset, form: Form) -> String {
    let edges = edges(preset);
    match form {
        Form::Dot => dot(preset, &edges),
        Form::Mermaid => mermaid(preset, &edges),
        Form::Svg => svg::write(preset, &edges),
    }
}

/// A preset as the page draws it (contract, section 4): boxes and paths in pixels, and by which numbers levels come.
pub fn for_page(preset: &Preset, controller: &Controller) -> Json {
    let edges = edges(preset);
    let picture = Picture::of(preset.nodes.len(), &edges);
    let slots: HashMap<(&str, usize), usize> =
        controller.measured().enumerate().map(|(slot, outlet)| (outlet, slot)).collect();
    let running: HashSet<&str> = controller.node_names().collect();
    let slot = |node: &NodeEntry, port: usize| slots.get(&(node.name.as_str(), port)).copied();
    let nodes = preset.nodes.iter().zip(&picture.boxes).map(|(node, (x, y))| {
        let heard = node.ports.outputs.iter().enumerate().filter(|(_, port)| is_heard(port.kind));
        let levels: Vec<usize> = heard.filter_map(|(port, _)| slot(node, port)).collect();
        json!({
            "name": node.name,
            "kind": node.kind.name,
            "x": x.round(),
            "y": y.round(),
            "levels": levels,
            "runs": running.contains(node.name.as_str()),
        })
    });
    let ways = edges.iter().zip(&picture.ways).map(|(edge, (path, label))| {
        let level = match edge.flow {
            Flow::Audio => slot(&preset.nodes[edge.from.node], edge.from.port),
            _ => None,
        };
        json!({
            "from": edge.from.node,
            "to": edge.to,
            "flow": edge.flow.word(),
            "path": path,
            "label": edge.label,
            "at": [label.0.round(), label.1.round()],
            "gain": edge.gain,
            "level": level,
        })
    });
    let (ways, nodes): (Vec<Json>, Vec<Json>) = (ways.collect(), nodes.collect());
    json!({ "size": picture.size, "box": BOX, "nodes": nodes, "edges": ways })
}

/// Whether what flows is made to be heard, and not to move something.
fn is_heard(kind: PortKind) -> bool {
    matches!(kind, PortKind::Audio { control: None, .. })
}

fn edges(preset: &Preset) -> Vec<Edge> {
    let mut edges = Vec::new();
    for (to, node) in preset.nodes.iter().enumerate() {
        for (port, connections) in node.ports.inputs.iter().zip(&node.inputs) {
            for connection in connections {
                let mut words = vec![outlet_name(preset, connection.from)];
                if port.name != node.ports.inputs[0].name {
                    words.push(format!("to {}", port.name));
                }
                if connection.gain != 0.0 {
                    words.push(format!("{} dB", connection.gain));
                }
                words.retain(|word| !word.is_empty());
                let flow = match preset.nodes[connection.from.node].ports.outputs[connection.from.port].kind {
                    PortKind::Audio { .. } => Flow::Audio,
                    PortKind::Notes { .. } => Flow::Notes,
                    PortKind::Packets { .. } => Flow::Packets,
                };
                let (from, label, gain) = (connection.from, words.join(" "), connection.gain);
                edges.push(Edge { from, to, label, flow, gain });
            }
        }
        for param in &node.params {
            if let Some(modulation) = &param.modulation {
                let label = param.spec.name.to_string();
                edges.push(Edge { from: modulation.from, to, label, flow: Flow::Modulation, gain: 0.0 });
            }
        }
    }
    edges
}

/// The output's name where the node has several.
fn outlet_name(preset: &Preset, outlet: Outlet) -> String {
    let outputs = &preset.nodes[outlet.node].ports.outputs;
    if outputs.len() > 1 { outputs[outlet.port].name.to_string() } else { String::new() }
}

fn title(node: &NodeEntry) -> String {
    if node.name == node.kind.name { node.name.clone() } else { format!("{}: {}", node.name, node.kind.name) }
}

fn dot(preset: &Preset, edges: &[Edge]) -> String {
    let mut out = String::from("digraph preset {\n  rankdir=LR;\n");
    for node in &preset.nodes {
        let _ = writeln!(out, "  {} [label=\"{}\", shape=box];", node.name, title(node));
    }
    for Edge { from, to, label, flow, .. } in edges {
        let (from, to) = (&preset.nodes[from.node].name, &preset.nodes[*to].name);
        let style = if *flow == Flow::Modulation { ", style=dashed" } else { "" };
        let _ = writeln!(out, "  {from} -> {to} [label=\"{label}\"{style}];");
    }
    out + "}\n"
}

fn mermaid(preset: &Preset, edges: &[Edge]) -> String {
    let mut out = String::from("flowchart LR\n");
    for (index, node) in preset.nodes.iter().enumerate() {
        let _ = writeln!(out, "  n{index}[\"{}\"]", title(node));
    }
    for Edge { from, to, label, flow, .. } in edges {
        let line = if *flow == Flow::Modulation { "-.->" } else { "-->" };
        let label = if label.is_empty() { String::new() } else { format!("|\"{label}\"|") };
        let _ = writeln!(out, "  n{} {line}{label} n{to}", from.node);
    }
    out
}
