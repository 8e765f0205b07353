//! The graph of a change, in which what goes and what comes run side by side: what leads to nodes that are new or hear
//! something else. Control side.

use super::build::{Changed, Plan};
use super::nodes::Nodes;
use super::part::{Part, Redriven, Route, Way};
use super::program::Exits;
use crate::engine::Law;
use crate::port::PortKind;
use petgraph::algo::kosaraju_scc;
use petgraph::graph::DiGraph;
use std::collections::{HashMap, HashSet};

/// The parts of changed nodes with all that leads to them before and after, in running order.
pub(super) struct Union {
    pub parts: Vec<Part>,
    pub exits: Exits,
}

/// Which replacement a node belongs to.
struct Replacements(HashMap<u32, u32>);

impl Replacements {
    fn law(&self, way: Way) -> Law {
        self.0.get(&(way.from.node as u32)).map_or(Law::EqualPower, |index| Law::Replaced(*index))
    }

    /// What arrives at an input in both graphs: first what does in the new one, then what goes.
    fn merge(&self, before: &[Route], after: &[Route]) -> Vec<Route> {
        let mut going: Vec<Route> = before.to_vec();
        let mut routes: Vec<Route> = Vec::with_capacity(after.len() + going.len());
        for route in after {
            let same = going.iter().position(|other| other.way == route.way).map(|index| going.remove(index));
            let (from, law) = match same {
                Some(same) => (same.gains[1], Law::Linear),
                None => (0.0, self.law(route.way)),
            };
            routes.push(Route { gains: [from, route.gains[1]], law, ..*route });
        }
        let goes = |route: Route| Route { gains: [route.gains[1], 0.0], law: self.law(route.way), ..route };
        routes.extend(going.into_iter().map(goes));
        routes
    }

    /// Gives a node that is kept what leads to it in both graphs.
    fn join(&self, part: &mut Part, before: &Part) {
        let ports = part.entry.ports.inputs.iter();
        for ((inputs, before), port) in part.inputs.iter_mut().zip(&before.inputs).zip(ports) {
            match port.kind {
                PortKind::Packets { .. } => {}
                _ => *inputs = self.merge(before, inputs),
            }
        }
        for (slot, (after, before)) in part.drives.iter_mut().zip(&before.drives).enumerate() {
            if before != after {
                part.redriven.push(Redriven { slot, drives: [*before, *after] });
                *after = None;
            }
        }
    }
}

impl Union {
    pub fn new(nodes: &Nodes, exits: &Exits, plan: &Plan) -> Self {
        let pairs = plan.replaced.iter().zip(0..);
        let replacements = pairs.flat_map(|((new, old), index)| [(*new, index), (*old, index)]);
        let replacements = Replacements(replacements.collect());
        let part = |changed: &Changed| {
            let mut part = changed.node.part.clone();
            match nodes.get(changed.number).filter(|_| !changed.fresh) {
                Some(before) => replacements.join(&mut part, &before.part),
                None => {
                    for route in part.inputs.iter_mut().flatten() {
                        *route = Route { gains: [0.0, route.gains[1]], law: Law::Early, ..*route };
                    }
                }
            }
            part
        };
        let exits = Exits {
            audio: replacements.merge(&exits.audio, &plan.exits.audio),
            notes: plan.exits.notes.clone(),
            latency: plan.exits.latency,
        };
        Self { parts: plan.changed.iter().map(part).collect(), exits }
    }

    /// The names of nodes that are kept and lie along loops, which a graph can have only as it changes: where an edit
    /// reverses connections.
    pub fn loops(&self, nodes: &Nodes, plan: &Plan) -> Vec<String> {
        let mut graph: DiGraph<(), (), u32> = DiGraph::default();
        let mut places = HashMap::new();
        let changed: HashMap<u32, &Part> =
            plan.changed.iter().map(|changed| changed.number).zip(&self.parts).collect();
        let kept = nodes.iter().filter(|(number, _)| !changed.contains_key(number));
        let kept = kept.map(|(number, node)| (number, &node.part));
        let parts: Vec<(u32, &Part)> = changed.iter().map(|(n, part)| (*n, *part)).chain(kept).collect();
        for (number, _) in &parts {
            places.insert(*number, graph.add_node(()));
        }
        for (number, part) in &parts {
            for way in part.ways().filter(|way| !way.cut) {
                if let Some(from) = places.get(&(way.from.node as u32)) {
                    graph.add_edge(*from, places[number], ());
                }
            }
        }
        let looping = kosaraju_scc(&graph).into_iter().filter(|members| members.len() > 1);
        let looping: HashSet<_> = looping.flatten().collect();
        let kept = |number: u32| {
            let stays = nodes.get(number).filter(|_| !plan.leaving.contains(&number));
            stays.map(|node| node.part.entry.name.clone())
        };
        let along = parts.iter().filter(|(number, _)| looping.contains(&places[number]));
        along.filter_map(|(number, _)| kept(*number)).collect()
    }
}
