//! A preset's graph as something to look at: where nodes stand, and the ways between them. Control side; what is made of
//! it (a file, a page, an editor) is the sockets' affair.

mod layers;
mod picture;

pub use picture::{BOX, MARGIN, Picture, STEP, Stroke, Way};

use crate::Preset;
use crate::port::PortKind;
use crate::preset::Outlet;

/// What goes from one node to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flow {
    /// Sound.
    Audio,
    /// Notes.
    Notes,
    /// Encoded chunks.
    Packets,
    /// What moves a parameter.
    Modulation,
}

impl Flow {
    /// Its name.
    pub fn word(self) -> &'static str {
        match self {
            Self::Audio => "audio",
            Self::Notes => "notes",
            Self::Packets => "packets",
            Self::Modulation => "modulation",
        }
    }
}

/// One line between two nodes.
#[derive(Debug, Clone, PartialEq)]
pub struct Edge {
    /// Where it comes from.
    pub from: Outlet,
    /// Index of the node that it leads to.
    pub to: usize,
    /// What is to be said of it, if anything.
    pub label: String,
    /// What goes along it.
    pub flow: Flow,
    /// In dB.
    pub gain: f32,
}

/// Whether what flows is made to be heard, and not to move something.
pub fn is_heard(kind: PortKind) -> bool {
    matches!(kind, PortKind::Audio { control: None, .. })
}

/// All lines of a preset: each node's inputs, then its modulations.
pub fn edges(preset: &Preset) -> Vec<Edge> {
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
