//! A preset's graph as dot, Mermaid or SVG, and as what the page draws.

mod svg;

use auralis_graph::drawing::{BOX, Edge, Flow, Picture, edges, is_heard};
use auralis_graph::preset::NodeEntry;
use auralis_graph::{Controller, Preset};
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
    let ways = edges.iter().zip(&picture.ways).map(|(edge, way)| {
        let level = match edge.flow {
            Flow::Audio => slot(&preset.nodes[edge.from.node], edge.from.port),
            _ => None,
        };
        json!({
            "from": edge.from.node,
            "to": edge.to,
            "flow": edge.flow.word(),
            "path": svg::path(way),
            "label": edge.label,
            "at": [way.label.0.round(), way.label.1.round()],
            "gain": edge.gain,
            "level": level,
        })
    });
    let (ways, nodes): (Vec<Json>, Vec<Json>) = (ways.collect(), nodes.collect());
    json!({ "size": picture.size, "box": BOX, "nodes": nodes, "edges": ways })
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
