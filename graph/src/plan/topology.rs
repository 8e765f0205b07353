//! What follows from the connections of a whole preset, found once when it is read: an edit of a large graph then looks
//! at flat lists, and in depth only at nodes that changed. Control side.

use super::analysis::{Order, Widths, order, widths};
use crate::node::Role;
use crate::param::Amount;
use crate::port::PortKind;
use crate::preset::{Depth, NodeEntry, Outlet, ParamModulation, ParamReach};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

/// Of all nodes of a preset, in text order.
#[derive(Debug, Clone)]
pub(crate) struct Topology {
    pub order: Order,
    pub widths: Vec<Widths>,
    pub roles: Vec<Role>,
    /// A number for each node that differs if anything about it does but its place in the text and in the list of nodes:
    /// what it is, its parameters, the names of what it listens to, and how wide that is.
    pub prints: Vec<u64>,
    /// What each node listens to: inputs, then modulations.
    sources: Vec<Outlet>,
    /// Where the sources of each node begin, and where the last ones end.
    starts: Vec<u32>,
}

impl Topology {
    pub fn new(nodes: &[Arc<NodeEntry>], order: Order, widths: Vec<Widths>) -> Self {
        let mut sources = Vec::new();
        let mut starts = Vec::with_capacity(nodes.len() + 1);
        for node in nodes {
            starts.push(sources.len() as u32);
            sources.extend(node.sources());
        }
        starts.push(sources.len() as u32);
        let roles = nodes.iter().map(|node| node.kind.role).collect();
        let mut topology = Self { order, widths, roles, prints: Vec::new(), sources, starts };
        topology.prints = (0..nodes.len()).map(|node| topology.print(nodes, node)).collect();
        topology
    }

    /// Of nodes that may be wrong.
    pub fn find(nodes: &[Arc<NodeEntry>]) -> Option<Self> {
        let order = order(nodes).ok()?;
        let widths = widths(nodes, order.sequence.iter().copied()).ok()?;
        Some(Self::new(nodes, order, widths))
    }

    /// What a node listens to.
    pub fn sources(&self, node: usize) -> &[Outlet] {
        &self.sources[self.starts[node] as usize..self.starts[node + 1] as usize]
    }

    /// Looks at a node anew.
    pub fn note_change(&mut self, nodes: &[Arc<NodeEntry>], node: usize) {
        if !self.sources(node).iter().copied().eq(nodes[node].sources())
            && let Some(topology) = Self::find(nodes)
        {
            *self = topology;
        }
        self.roles[node] = nodes[node].kind.role;
        self.prints[node] = self.print(nodes, node);
    }

    fn print(&self, nodes: &[Arc<NodeEntry>], index: usize) -> u64 {
        let from = |outlet: Outlet| &*nodes[outlet.node];
        print(&nodes[index], &self.widths[index], from, |source| self.order.is_cut(source, index))
    }
}

/// See [`Topology::prints`]. `from` gives the nodes that it listens to, and `is_cut` says whether it hears them late.
pub(crate) fn print<'n>(
    node: &NodeEntry,
    widths: &Widths,
    from: impl Fn(Outlet) -> &'n NodeEntry,
    is_cut: impl Fn(usize) -> bool,
) -> u64 {
    let mut hasher = DefaultHasher::new();
    let state = &mut hasher;
    (&node.name, node.kind.name, node.kind.role, &node.seed_as, node.priority).hash(state);
    node.config.json.hash(state);
    if !node.overrides.is_empty() {
        format!("{:?}", node.overrides).hash(state);
    }
    widths.hash(state);
    let hear = |outlet: Outlet, state: &mut DefaultHasher| {
        let source = from(outlet);
        (&source.name, outlet.port, is_cut(outlet.node)).hash(state);
        match source.ports.outputs[outlet.port].kind {
            PortKind::Audio { control, .. } => (0u8, control).hash(state),
            PortKind::Notes { capacity } => (1u8, capacity).hash(state),
            PortKind::Packets { flow } => {
                let flow = flow.map(|f| (f.seconds.to_bits(), f.frame_bytes.to_bits(), f.extra_bytes));
                (2u8, flow).hash(state);
            }
        }
    };
    for list in &node.inputs {
        list.len().hash(state);
        for connection in list {
            hear(connection.from, state);
            connection.gain.to_bits().hash(state);
        }
    }
    for param in &node.params {
        match param.amount {
            Amount::Value(value) => (0u8, value.to_bits()).hash(state),
            Amount::Length { ticks } => (1u8, ticks).hash(state),
        }
        param.modulation.is_some().hash(state);
        if let Some(ParamModulation { from, reach, .. }) = &param.modulation {
            hear(*from, state);
            match *reach {
                ParamReach::Span { min, max } => (2u8, min.to_bits(), max.to_bits()).hash(state),
                ParamReach::Around(Depth::Own(depth)) => (3u8, depth.to_bits()).hash(state),
                ParamReach::Around(Depth::Ratio(depth)) => (4u8, depth.to_bits()).hash(state),
                ParamReach::Around(Depth::Semitones(depth)) => (5u8, depth.to_bits()).hash(state),
            }
        }
    }
    hasher.finish()
}
