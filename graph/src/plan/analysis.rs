//! Order, loops, widths and reach: what follows from the connections alone.

use crate::port::{Channels, PortKind};
use crate::preset::{Connection, NodeEntry, Outlet};
use petgraph::algo::kosaraju_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The rate at which a delay's legality is judged before the real rate is known.
const NOMINAL_RATE: u32 = 48_000;

/// More loops than these are not told apart.
const MOST_LOOPS: usize = 20;

/// Most nodes of one kind that run in a row while others are ready: their buffers are to stay in the nearest cache.
const LONGEST_RUN: usize = 16;

/// An order in which every node runs after what it listens to, except where a delay closes a loop.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Order {
    /// All nodes. Among those that are ready, like ones follow each other, up to [`LONGEST_RUN`], so that what one
    /// waits for, the next can use; else the first in the text goes first.
    pub sequence: Vec<usize>,
    /// The loop (strongly connected component) of each node.
    component: Vec<usize>,
    /// Whether a node closes a loop: what it hears from within the loop is one quantum old.
    pub closes: Vec<bool>,
}

impl Order {
    /// Whether the connection between two nodes carries the quantum before.
    pub fn is_cut(&self, from: usize, to: usize) -> bool {
        self.closes[to] && self.component[from] == self.component[to]
    }
}

/// Finds the order, or the loops that no delay closes: each as the nodes along it.
pub(crate) fn order(nodes: &[Arc<NodeEntry>]) -> Result<Order, Vec<Vec<usize>>> {
    let edges = edges(nodes);
    let (component, sizes) = components(nodes.len(), &edges);
    let mut feeds_itself = vec![false; nodes.len()];
    edges.iter().filter(|(from, to)| from == to).for_each(|(node, _)| feeds_itself[*node] = true);
    let closes: Vec<bool> = (0..nodes.len())
        .map(|node| {
            let in_loop = sizes[component[node]] > 1 || feeds_itself[node];
            in_loop && nodes[node].kind.feedback_delay(&nodes[node].config, NOMINAL_RATE).is_some()
        })
        .collect();
    let mut order = Order { sequence: Vec::with_capacity(nodes.len()), component, closes };
    let kept: Vec<(usize, usize)> =
        edges.into_iter().filter(|(from, to)| !order.is_cut(*from, *to)).collect();
    let mut waits = vec![0u32; nodes.len()];
    let mut leads: Vec<Vec<usize>> = vec![Vec::new(); nodes.len()];
    for (from, to) in &kept {
        waits[*to] += 1;
        leads[*from].push(*to);
    }
    let mut ready = Ready::default();
    (0..nodes.len())
        .filter(|node| waits[*node] == 0)
        .for_each(|node| ready.insert(nodes[node].kind.name, node));
    while let Some(node) = ready.next(nodes) {
        order.sequence.push(node);
        for to in &leads[node] {
            waits[*to] -= 1;
            if waits[*to] == 0 {
                ready.insert(nodes[*to].kind.name, *to);
            }
        }
    }
    if order.sequence.len() == nodes.len() { Ok(order) } else { Err(loops(nodes.len(), &kept, &leads)) }
}

/// Nodes that wait for nothing any more.
#[derive(Default)]
struct Ready {
    all: BTreeSet<usize>,
    of_kind: BTreeMap<&'static str, BTreeSet<usize>>,
    /// The kind of the node that was taken last, and how many of it were taken in a row.
    run: (&'static str, usize),
}

impl Ready {
    fn insert(&mut self, kind: &'static str, node: usize) {
        self.all.insert(node);
        self.of_kind.entry(kind).or_default().insert(node);
    }

    /// Takes the next node of the sequence.
    fn next(&mut self, nodes: &[Arc<NodeEntry>]) -> Option<usize> {
        let (last, length) = self.run;
        let like = self.of_kind.get(last).and_then(BTreeSet::first).filter(|_| length < LONGEST_RUN);
        let node = *like.or(self.all.first())?;
        let kind = nodes[node].kind.name;
        self.run = (kind, if kind == last && length < LONGEST_RUN { length + 1 } else { 1 });
        self.all.remove(&node);
        self.of_kind.get_mut(kind)?.remove(&node);
        Some(node)
    }
}

/// All connections as pairs of nodes, each once for each time it is made, in text order.
fn edges(nodes: &[Arc<NodeEntry>]) -> Vec<(usize, usize)> {
    let from = |(to, node): (usize, &Arc<NodeEntry>)| {
        node.sources().map(|outlet| (outlet.node, to)).collect::<Vec<_>>()
    };
    nodes.iter().enumerate().flat_map(from).collect()
}

/// The component of each node, and the size of each component.
fn components(count: usize, edges: &[(usize, usize)]) -> (Vec<usize>, Vec<usize>) {
    let mut graph: DiGraph<(), (), u32> = DiGraph::with_capacity(count, edges.len());
    (0..count).for_each(|_| {
        graph.add_node(());
    });
    for (from, to) in edges {
        graph.add_edge(NodeIndex::new(*from), NodeIndex::new(*to), ());
    }
    let mut component = vec![0; count];
    let mut sizes = Vec::new();
    for (index, members) in kosaraju_scc(&graph).into_iter().enumerate() {
        sizes.push(members.len());
        members.into_iter().for_each(|member| component[member.index()] = index);
    }
    (component, sizes)
}

/// One walk around each loop that is left.
fn loops(count: usize, edges: &[(usize, usize)], leads: &[Vec<usize>]) -> Vec<Vec<usize>> {
    let (component, sizes) = components(count, edges);
    let mut told = vec![false; sizes.len()];
    let mut found = Vec::new();
    for start in 0..count {
        let own = component[start];
        if told[own] || (sizes[own] == 1 && !leads[start].contains(&start)) {
            continue;
        }
        told[own] = true;
        if found.len() == MOST_LOOPS {
            break;
        }
        // Every member of a loop leads to another member, so the walk meets itself.
        let mut path = Vec::new();
        let mut place = vec![usize::MAX; count];
        let mut node = start;
        while place[node] == usize::MAX {
            place[node] = path.len();
            path.push(node);
            let Some(next) = leads[node].iter().find(|to| component[**to] == own) else { break };
            node = *next;
        }
        found.push(path.split_off(place[node].min(path.len() - 1)));
    }
    found
}

/// The channels of a node's ports, 0 where no audio flows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Widths {
    pub inputs: Vec<u16>,
    pub outputs: Vec<u16>,
}

/// A connection between widths that nothing converts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct WidthMismatch {
    pub node: usize,
    pub connection: Connection,
    pub source: usize,
    pub given: u16,
    pub wanted: u16,
}

/// Finds how wide every port is, going through the nodes in this order. Widths only grow while they are found, so loops
/// settle too.
pub(crate) fn widths(
    nodes: &[Arc<NodeEntry>],
    sequence: impl Iterator<Item = usize> + Clone,
) -> Result<Vec<Widths>, Vec<WidthMismatch>> {
    let mut widths: Vec<Widths> = nodes.iter().map(|node| Widths::narrowest(node)).collect();
    let mut changed = true;
    while changed {
        changed = false;
        for index in sequence.clone() {
            let mut own = std::mem::take(&mut widths[index]);
            changed |= own.widen(&nodes[index], |from| match from.node == index {
                true => None,
                false => Some(widths[from.node].outputs[from.port]),
            });
            widths[index] = own;
        }
    }
    let mut mismatches = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        for (port, connections) in node.inputs.iter().enumerate() {
            let wanted = widths[index].inputs[port];
            for connection in connections.iter().filter(|_| wanted > 0) {
                let given = widths[connection.from.node].outputs[connection.from.port];
                if given != wanted && given != 1 && !(given == 2 && wanted == 1) {
                    let (connection, source) = (connection.clone(), connection.from.node);
                    mismatches.push(WidthMismatch { node: index, connection, source, given, wanted });
                }
            }
        }
    }
    if mismatches.is_empty() { Ok(widths) } else { Err(mismatches) }
}

impl Widths {
    /// Before anything is connected.
    pub fn narrowest(node: &NodeEntry) -> Self {
        Self {
            inputs: node.ports.inputs.iter().map(|port| start_width(port.kind)).collect(),
            outputs: node.ports.outputs.iter().map(|port| start_width(port.kind)).collect(),
        }
    }

    /// Makes ports as wide as what is connected to them. `given` says how wide that is; none for the node itself.
    /// Returns whether anything changed.
    pub fn widen(&mut self, node: &NodeEntry, given: impl Fn(Outlet) -> Option<u16>) -> bool {
        let mut changed = false;
        for (port, connections) in node.inputs.iter().enumerate() {
            let kind = node.ports.inputs[port].kind;
            if !matches!(kind, PortKind::Audio { channels: Channels::AsConnected, .. }) {
                continue;
            }
            let sources = connections.iter().map(|c| given(c.from).unwrap_or(self.outputs[c.from.port]));
            let widest = sources.max().unwrap_or(1).max(1);
            changed |= widest != self.inputs[port];
            self.inputs[port] = widest;
        }
        for (port, spec) in node.ports.outputs.iter().enumerate() {
            if let PortKind::Audio { channels: Channels::LikeInput(input), .. } = spec.kind {
                let width = self.inputs.get(usize::from(input)).copied().unwrap_or(1);
                changed |= width != self.outputs[port];
                self.outputs[port] = width;
            }
        }
        changed
    }
}

fn start_width(kind: PortKind) -> u16 {
    match kind {
        PortKind::Audio { channels: Channels::Exactly(width), .. } => width,
        PortKind::Audio { .. } => 1,
        _ => 0,
    }
}

/// Which nodes reach one of the roots, the roots included.
pub(crate) fn reached(nodes: &[Arc<NodeEntry>], roots: Vec<usize>) -> Vec<bool> {
    let mut reached = vec![false; nodes.len()];
    let mut open = roots;
    while let Some(node) = open.pop() {
        if !std::mem::replace(&mut reached[node], true) {
            open.extend(nodes[node].sources().map(|outlet| outlet.node));
        }
    }
    reached
}
