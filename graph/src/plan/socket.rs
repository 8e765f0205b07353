//! What runs in which socket.

use crate::catalogue::Catalogue;
use crate::node::Role;
use crate::param::Amount;
use crate::preset::{Connection, NodeEntry, Outlet, ParamEntry, Priority};
use crate::settings::Overrides;
use std::collections::HashMap;

/// What the engine is put into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Socket {
    /// An instrument in a DAW.
    Plugin,
    /// A file.
    Render,
    /// A station that listeners hear.
    Server,
    /// The machine's own audio device.
    Play,
}

impl Socket {
    /// Whether a node of this role is a root here: it runs, and so does all that reaches it.
    pub fn has_root(self, role: Role) -> bool {
        match role {
            Role::Output => !matches!(self, Socket::Server),
            Role::NotesOut => matches!(self, Socket::Plugin | Socket::Play),
            Role::FileSink => matches!(self, Socket::Render | Socket::Server),
            Role::Ring => self == Socket::Server,
            Role::Part | Role::Encoder | Role::Meter | Role::NotesIn => false,
        }
    }
}

/// Gives a preset without a ring the encoder and ring that a server needs, behind its first `output`.
pub(crate) fn add_ring(nodes: &mut Vec<NodeEntry>, catalogue: &Catalogue) {
    if nodes.iter().any(|node| node.kind.role == Role::Ring) {
        return;
    }
    let Some(output) = nodes.iter().position(|node| node.kind.role == Role::Output) else { return };
    let Some(encoder) = add(nodes, catalogue, Role::Encoder, output) else { return };
    add(nodes, catalogue, Role::Ring, encoder);
}

fn add(nodes: &mut Vec<NodeEntry>, catalogue: &Catalogue, role: Role, from: usize) -> Option<usize> {
    let kind = *catalogue.iter().find(|kind| kind.role == role)?;
    let config = kind.default_config()?;
    let ports = kind.ports(&config);
    let span = nodes[from].span;
    // A name that no text can hold never meets one of the preset's.
    let name = format!("({})", kind.name);
    let params = kind.all_params(&ports).map(|spec| ParamEntry {
        spec,
        amount: Amount::Value(spec.default),
        modulation: None,
        span,
    });
    let mut inputs = vec![Vec::new(); ports.inputs.len()];
    inputs.first_mut()?.push(Connection { from: Outlet { node: from, port: 0 }, gain: 0.0, span });
    nodes.push(NodeEntry {
        seed_as: name.clone(),
        priority: Priority::Normal,
        name,
        span,
        kind,
        overrides: Overrides::default(),
        config,
        config_spans: HashMap::new(),
        params: params.collect(),
        ports,
        inputs,
    });
    Some(nodes.len() - 1)
}

/// Which nodes run in a socket: its roots, all that reaches them, and meters on what runs.
pub(crate) fn kept(nodes: &[NodeEntry], socket: Socket) -> Vec<bool> {
    let roots: Vec<usize> = (0..nodes.len()).filter(|node| socket.has_root(nodes[*node].kind.role)).collect();
    let mut kept = super::reached(nodes, roots);
    loop {
        // A meter lives where its input lives, and so may a meter behind a meter.
        let meters: Vec<usize> = (0..nodes.len())
            .filter(|i| !kept[*i] && nodes[*i].kind.role == Role::Meter)
            .filter(|i| nodes[*i].inputs.iter().flatten().any(|connection| kept[connection.from.node]))
            .collect();
        if meters.is_empty() {
            return kept;
        }
        for (node, reached) in super::reached(nodes, meters).into_iter().enumerate() {
            kept[node] |= reached;
        }
    }
}
