//! A preset's graph as dot, Mermaid or SVG.

use auralis_graph::Preset;
use auralis_graph::preset::{NodeEntry, Outlet};
use layout::backends::svg::SVGWriter;
use layout::gv::{DotParser, GraphBuilder};
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

/// One line between two nodes.
struct Edge {
    from: usize,
    to: usize,
    label: String,
    modulation: bool,
}

/// Draws a preset: sound and notes as whole lines, modulation dashed.
///
/// # Errors
/// What the layout could not do.
pub fn draw(preset: &Preset, form: Form) -> Result<String, String> {
    let edges = edges(preset);
    match form {
        Form::Dot => Ok(dot(preset, &edges)),
        Form::Mermaid => Ok(mermaid(preset, &edges)),
        Form::Svg => svg(&dot(preset, &edges)),
    }
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
                edges.push(Edge {
                    from: connection.from.node,
                    to,
                    label: words.join(" "),
                    modulation: false,
                });
            }
        }
        for param in &node.params {
            if let Some(modulation) = &param.modulation {
                let label = param.spec.name.to_string();
                edges.push(Edge { from: modulation.from.node, to, label, modulation: true });
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
    for Edge { from, to, label, modulation } in edges {
        let (from, to) = (&preset.nodes[*from].name, &preset.nodes[*to].name);
        let style = if *modulation { ", style=dashed" } else { "" };
        let _ = writeln!(out, "  {from} -> {to} [label=\"{label}\"{style}];");
    }
    out + "}\n"
}

fn mermaid(preset: &Preset, edges: &[Edge]) -> String {
    let mut out = String::from("flowchart LR\n");
    for (index, node) in preset.nodes.iter().enumerate() {
        let _ = writeln!(out, "  n{index}[\"{}\"]", title(node));
    }
    for Edge { from, to, label, modulation } in edges {
        let line = if *modulation { "-.->" } else { "-->" };
        let label = if label.is_empty() { String::new() } else { format!("|\"{label}\"|") };
        let _ = writeln!(out, "  n{from} {line}{label} n{to}");
    }
    out
}

fn svg(dot: &str) -> Result<String, String> {
    let parsed = DotParser::new(dot).process()?;
    let mut builder = GraphBuilder::new();
    builder.visit_graph(&parsed);
    let mut graph = builder.get();
    let mut writer = SVGWriter::new();
    graph.do_it(false, false, false, &mut writer);
    Ok(writer.finalize())
}
