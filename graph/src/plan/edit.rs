//! From one running graph to the next: what is kept, what comes, what goes, and the graph in which all of them
//! run side by side while it changes. Control side.

use super::assembly::{Assembly, CellId, Exits, Glue, GlueCells, is_centred};
use super::build::{Offers, Options, Plan, Running};
use super::part::{Drive, Part, Redriven, Route, Way};
use crate::catalogue::Catalogue;
use crate::controller::{Controller, EDITS, Link};
use crate::diagnostic::Diagnostics;
use crate::engine::glue::Onset;
use crate::engine::{Edit, Fader, Law, Order, Page, Remodulated, Renumbering, Schedule, SharedCell, crew};
use crate::node::Tail;
use crate::param::Amount;
use crate::places::{Places, Version};
use crate::port::PortKind;
use crate::preset::{Outlet, Preset};
use crate::settings::Settings;
use crate::sync::ArrayQueue;
use petgraph::algo::kosaraju_scc;
use petgraph::graph::DiGraph;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Turns a running engine's graph into other graphs. Control side: preparing nodes loads, allocates and blocks.
/// [`Editor::finish`] gives back the memory of what the engine has no more use for, and so does the next edit.
pub struct Editor {
    nodes: Vec<Running>,
    sequence: Vec<usize>,
    exits: Exits,
    control_names: Vec<String>,
    glue: GlueCells,
    options: Options,
    controller: Controller,
    edits: Arc<ArrayQueue<Page>>,
    retired: Arc<ArrayQueue<Page>>,
    /// Edits that have not come back.
    under_way: usize,
    /// Threads that the graph is spread over, and what a quantum cost when that was last thought about.
    threads: usize,
    weighed: f32,
}

/// What an edit made.
pub struct Edited {
    /// The hand on the engine for the new graph.
    pub controller: Controller,
    /// How long it sounds after everything in it fell silent.
    pub tail: Tail,
    /// What its nodes offer to the socket around it.
    pub offers: Offers,
    /// The names of nodes that were prepared anew, in text order.
    pub prepared: Vec<String>,
}

/// Why a graph was not changed. What ran before goes on.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// What keeps a node from running.
    #[error("the preset has mistakes\n{0}")]
    Mistakes(Box<Diagnostics>),
    /// The engine has not taken the edits before.
    #[error("too many edits are under way; try again")]
    Busy,
}

impl Editor {
    pub(crate) fn new(
        plan: Plan,
        glue: GlueCells,
        controller: Controller,
        link: &Link,
        options: Options,
    ) -> Self {
        let (edits, retired) = (Arc::clone(&link.edits), Arc::clone(&link.retired));
        let Plan { nodes, sequence, exits, control_names, .. } = plan;
        Self {
            nodes,
            sequence,
            exits,
            control_names,
            glue,
            options,
            controller,
            edits,
            retired,
            under_way: 0,
            threads: 1,
            weighed: 0.0,
        }
    }

    /// Drops what the engine gave back. Returns how many edits are still under way.
    pub fn sweep(&mut self) -> usize {
        while let Some(page) = self.retired.pop() {
            drop(page);
            self.under_way -= 1;
        }
        self.under_way
    }

    /// The files that its nodes were made from. Where one was written since, an edit to the same text brings it in.
    pub fn files(&self) -> impl Iterator<Item = &Version> {
        self.nodes.iter().flat_map(|node| &node.prepared.files)
    }

    /// Waits until the engine has taken over all edits, and drops what it gave back. Returns whether it did in this
    /// time: an engine that does not render never does.
    pub fn finish(&mut self, patience: Duration) -> bool {
        let deadline = Instant::now() + patience;
        while self.sweep() > 0 {
            if Instant::now() >= deadline {
                return false;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        true
    }

    /// Spreads the graph over threads where that is worth it by what its nodes were measured to cost, or takes it back to
    /// one; the samples stay the same. To be called every now and then: it does nothing where nothing has changed much.
    /// Returns how many threads it may be spread over from now on.
    pub fn balance(&mut self) -> usize {
        if self.sweep() > 0 || self.options.threads < 2 {
            return self.threads;
        }
        let cost: f32 = self.nodes.iter().map(|node| node.part.cell.cost()).sum();
        if cost == 0.0 {
            // Nothing has been measured yet.
            return self.threads;
        }
        if cost < WEIGHED_ANEW * self.weighed && self.weighed < WEIGHED_ANEW * cost {
            return self.threads;
        }
        self.weighed = cost;
        let parts: Vec<Part> = self.nodes.iter().map(|node| node.part.clone()).collect();
        let assembly = Assembly::new(&parts, &self.glue, Onset::AT_ONCE, &self.options);
        let (schedule, _) = assembly.schedule(&self.sequence, &self.exits, self.options.threads);
        let spread = !schedule.tasks.is_empty();
        if spread || self.threads > 1 {
            let threads = if spread { self.options.threads } else { 1 };
            let job = spread.then(|| crew::job(threads, self.options.pace));
            let order = Page::Order(Box::new(Order { schedule: Box::new(schedule), job }));
            if self.edits.push(order).is_ok() {
                self.under_way += 1;
                self.threads = threads;
            }
        }
        self.threads
    }

    /// Turns the graph into that of another preset, within 20 ms from the engine's next quantum on. Nodes of the
    /// same name, kind and configuration go on as they are: their parameters glide to values that the text changes,
    /// and stay where they are where it does not. Others are prepared here and faded in. `settings` are those in
    /// force, and `places` where files are looked for, for nodes that are new; those that `failed` are among them.
    ///
    /// # Errors
    /// Everything that keeps a new node from running, with its place in the text, or an engine that does not render.
    pub fn edit(
        &mut self,
        preset: &Preset,
        catalogue: &Catalogue,
        settings: Settings,
        places: Places,
        failed: &BTreeSet<String>,
    ) -> Result<Edited, EditError> {
        if self.sweep() == EDITS {
            return Err(EditError::Busy);
        }
        (self.options.settings, self.options.places) = (settings, places);
        let (plan, union) = self.plan(preset, catalogue, failed)?;
        let onset = Onset::smooth(self.options.sample_rate);
        let (settled, glue) = plan.schedule(&self.glue, onset, &self.options, self.threads);
        let both: GlueCells =
            self.glue.iter().chain(&glue).map(|(key, cell)| (*key, Arc::clone(cell))).collect();
        let assembly = Assembly::new(&union.parts, &both, onset, &self.options);
        let (turning, _) = assembly.schedule(&union.sequence, &union.exits, self.threads);
        let (moves, remodulated) = self.changes(&plan, &union, &turning);
        let (opening, closing) = self.gates(&plan, &glue, &turning);
        let controls = |name: &String| place(plan.control_names.iter().position(|other| other == name));
        let edit = Edit {
            controls: Arc::clone(&plan.controls),
            renumbering: Renumbering {
                nodes: union.places.iter().map(|to| place(*to)).collect(),
                controls: self.control_names.iter().map(controls).collect(),
            },
            moves,
            remodulated,
            opening,
            closing,
            fader: Fader::new(self.options.sample_rate, union.replacements.len()),
            replacements: union.replacements.into(),
            turning: Box::new(turning),
            settled: Box::new(settled),
            quantum: 0,
        };
        if self.edits.push(Page::Edit(Box::new(edit))).is_err() {
            return Err(EditError::Busy);
        }
        self.under_way += 1;
        let controller = self.controller.after_edit(plan.directory(preset));
        let fresh = plan.nodes.iter().filter(|node| node.before.is_none());
        let edited = Edited {
            controller: controller.clone(),
            tail: plan.tail(),
            offers: plan.offers(),
            prepared: fresh.map(|node| node.part.entry.name.clone()).collect(),
        };
        (self.controller, self.glue) = (controller, glue);
        (self.nodes, self.sequence) = (plan.nodes, plan.sequence);
        (self.exits, self.control_names) = (plan.exits, plan.control_names);
        Ok(edited)
    }

    /// The new graph, and that of the change. Where connections are reversed the two cannot run side by side with
    /// the same nodes: those of the loop that they would form are prepared anew.
    fn plan(
        &self,
        preset: &Preset,
        catalogue: &Catalogue,
        failed: &BTreeSet<String>,
    ) -> Result<(Plan, Union), EditError> {
        let names = by_name(&self.nodes);
        let mut anew: BTreeSet<String> = failed.clone();
        loop {
            let known = |name: &str| {
                let index = names.get(name).filter(|_| !anew.contains(name))?;
                Some((*index, &self.nodes[*index]))
            };
            let plan = Plan::new(preset, catalogue, &self.options, known)
                .map_err(|mistakes| EditError::Mistakes(Box::new(mistakes)))?;
            match Union::new(&self.nodes, &self.exits, &plan) {
                Ok(union) => return Ok((plan, union)),
                Err(looping) => {
                    debug_assert!(!looping.is_empty(), "each graph for itself has no loop");
                    anew.extend(looping);
                }
            }
        }
    }

    /// What changes in nodes that are kept: parameters with new values, and parameters with other modulations.
    fn changes(&self, plan: &Plan, union: &Union, turning: &Schedule) -> (Moves, Box<[Remodulated]>) {
        let mut moves = Vec::new();
        let mut remodulated = Vec::new();
        let changed = |cell: usize, slot: usize| {
            let before = &self.nodes[plan.nodes.get(cell)?.before?].part.entry.params[slot];
            let after = &plan.nodes[cell].part.entry.params[slot];
            (before.amount != after.amount).then_some(after.amount)
        };
        for (cell, node) in plan.nodes.iter().enumerate().filter(|(_, node)| node.before.is_some()) {
            for slot in 0..node.part.entry.params.len() {
                if union.parts[cell].redriven.iter().all(|redriven| redriven.slot != slot) {
                    moves.extend(changed(cell, slot).map(|amount| (cell as u32, slot as u16, amount)));
                }
            }
        }
        for (step, extra) in
            turning.steps.iter().zip(&turning.extras).filter(|(_, extra)| extra.blends.len > 0)
        {
            for blend in extra.blends.start..extra.blends.start + extra.blends.len {
                let slot = turning.blends[blend as usize].slot;
                let param = &plan.nodes[step.index as usize].part.entry.params[usize::from(slot)];
                remodulated.push(Remodulated {
                    cell: step.index,
                    slot,
                    blend,
                    amount: changed(step.index as usize, usize::from(slot)),
                    modulated: param.modulation.is_some(),
                    centred: is_centred(param),
                });
            }
        }
        (moves.into(), remodulated.into())
    }

    /// Connections of notes that come, with one that knows what their source holds, and those that go.
    fn gates(&self, plan: &Plan, glue: &GlueCells, turning: &Schedule) -> (Opening, Box<[u32]>) {
        let places: HashMap<CellId, u32> =
            turning.cells.iter().enumerate().map(|(index, cell)| (CellId::of(cell), index as u32)).collect();
        let gates = |glue: &GlueCells| -> Vec<(CellId, usize, Glue, Arc<SharedCell>)> {
            let gate = |(key, cell): (&Glue, &Arc<SharedCell>)| match key {
                Glue::Gate(source, way, ..) => Some((*source, way.from.port, *key, Arc::clone(cell))),
                _ => None,
            };
            glue.iter().filter_map(gate).collect()
        };
        let (before, after) = (gates(&self.glue), gates(glue));
        let comes = after.iter().filter(|(_, _, key, _)| !self.glue.contains_key(key));
        let opening = comes.filter_map(|(source, port, _, cell)| {
            let other = before.iter().find(|(from, other, ..)| (from, other) == (source, port))?;
            Some((*places.get(&CellId::of(cell))?, Arc::clone(&other.3)))
        });
        let kept: HashSet<CellId> = plan.nodes.iter().map(|node| CellId::of(&node.part.cell)).collect();
        let goes = before.iter().filter(|(_, _, key, _)| !glue.contains_key(key));
        // What plays into a node that goes itself sounds on while that fades.
        let into_kept =
            goes.filter(|(_, _, key, _)| matches!(key, Glue::Gate(_, _, to, ..) if kept.contains(to)));
        let closing = into_kept.filter_map(|(.., cell)| places.get(&CellId::of(cell)).copied());
        (opening.collect(), closing.collect())
    }
}

/// By how much a quantum must cost more or less for the graph to be cut anew.
const WEIGHED_ANEW: f32 = 1.5;

/// Cell, slot, and value.
type Moves = Box<[(u32, u16, Amount)]>;
/// A gate's cell, and the gate to begin with.
type Opening = Box<[(u32, Arc<SharedCell>)]>;

fn by_name(nodes: &[Running]) -> HashMap<&str, usize> {
    nodes.iter().enumerate().map(|(index, node)| (node.part.entry.name.as_str(), index)).collect()
}

fn place(index: Option<usize>) -> u32 {
    index.map_or(u32::MAX, |index| index as u32)
}

/// The graph of the change: the nodes of the new graph first, then those that go.
struct Union {
    parts: Vec<Part>,
    sequence: Vec<usize>,
    exits: Exits,
    /// For each node before, the one that is it now or stands in its place.
    places: Vec<Option<usize>>,
    /// New nodes, and the cells of those in whose place they stand.
    replacements: Vec<(u32, Arc<SharedCell>)>,
}

/// How the nodes of the old graph are found in the union, and what stands in whose place.
struct Mapping {
    /// For each node before.
    to: Vec<usize>,
    /// For nodes of the union: which replacement they belong to.
    replacement: HashMap<usize, u32>,
}

impl Mapping {
    fn outlet(&self, from: Outlet) -> Outlet {
        Outlet { node: self.to[from.node], ..from }
    }

    fn way(&self, way: Way) -> Way {
        Way { from: self.outlet(way.from), ..way }
    }

    fn drive(&self, drive: Drive) -> Drive {
        Drive { way: self.way(drive.way), ..drive }
    }

    fn law(&self, way: Way) -> Law {
        self.replacement.get(&way.from.node).map_or(Law::EqualPower, |index| Law::Replaced(*index))
    }

    /// What arrives at an input in both graphs: first what does in the new one, then what goes.
    fn merge(&self, before: &[Route], after: &[Route]) -> Vec<Route> {
        let mut going: Vec<Route> =
            before.iter().map(|route| Route { way: self.way(route.way), ..*route }).collect();
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
}

impl Union {
    /// Joins two graphs. Where that closes a loop, gives the names of the nodes along it.
    fn new(before: &[Running], old_exits: &Exits, plan: &Plan) -> Result<Self, Vec<String>> {
        let mut to: Vec<Option<usize>> = vec![None; before.len()];
        plan.nodes.iter().enumerate().for_each(|(index, node)| {
            if let Some(place) = node.before {
                to[place] = Some(index);
            }
        });
        let names = by_name(&plan.nodes);
        let mut places = to.clone();
        let mut leaving = Vec::new();
        let (mut replacement, mut replacements) = (HashMap::new(), Vec::new());
        for (index, node) in before.iter().enumerate().filter(|(index, _)| to[*index].is_none()) {
            let place = plan.nodes.len() + leaving.len();
            leaving.push(index);
            let named = names.get(node.part.entry.name.as_str()).copied();
            let like = named.filter(|new| plan.nodes[*new].part.entry.kind.name == node.part.entry.kind.name);
            if let Some(new) = like {
                places[index] = Some(new);
                let number = replacements.len() as u32;
                replacements.push((new as u32, Arc::clone(&node.part.cell)));
                replacement.extend([(new, number), (place, number)]);
            }
        }
        let mut next = plan.nodes.len()..;
        let to: Vec<usize> = to.into_iter().filter_map(|to| to.or_else(|| next.next())).collect();
        let mapping = Mapping { to, replacement };
        let mut parts: Vec<Part> = plan.nodes.iter().map(|node| node.part.clone()).collect();
        for (part, node) in parts.iter_mut().zip(&plan.nodes) {
            match node.before {
                Some(place) => join(part, &before[place].part, &mapping),
                None => {
                    for route in part.inputs.iter_mut().flatten() {
                        *route = Route { gains: [0.0, route.gains[1]], law: Law::Early, ..*route };
                    }
                }
            }
        }
        for index in leaving {
            let mut part = before[index].part.clone();
            part.inputs.iter_mut().flatten().for_each(|route| route.way = mapping.way(route.way));
            part.drives.iter_mut().flatten().for_each(|drive| *drive = mapping.drive(*drive));
            parts.push(part);
        }
        let kept = |index: &usize| plan.nodes.get(*index).is_some_and(|node| node.before.is_some());
        let sequence = sequence(&parts).map_err(|looping| {
            looping.iter().filter(|i| kept(i)).map(|i| parts[*i].entry.name.clone()).collect::<Vec<_>>()
        })?;
        let exits = Exits {
            audio: mapping.merge(&old_exits.audio, &plan.exits.audio),
            notes: plan.exits.notes.clone(),
            latency: plan.exits.latency,
        };
        Ok(Self { parts, sequence, exits, places, replacements })
    }
}

/// Gives a node that is kept what leads to it in both graphs.
fn join(part: &mut Part, before: &Part, mapping: &Mapping) {
    let ports = part.entry.ports.inputs.iter().map(|port| port.kind);
    for ((inputs, before), kind) in part.inputs.iter_mut().zip(&before.inputs).zip(ports.collect::<Vec<_>>())
    {
        match kind {
            PortKind::Packets { .. } => {}
            _ => *inputs = mapping.merge(before, inputs),
        }
    }
    for (slot, (after, before)) in part.drives.iter_mut().zip(&before.drives).enumerate() {
        let before = before.map(|drive| mapping.drive(drive));
        if before != *after {
            part.redriven.push(Redriven { slot, drives: [before, *after] });
            *after = None;
        }
    }
}

/// An order in which every node runs after what it listens to; else the nodes along loops.
fn sequence(parts: &[Part]) -> Result<Vec<usize>, Vec<usize>> {
    let mut leads: Vec<Vec<usize>> = vec![Vec::new(); parts.len()];
    let mut waits = vec![0usize; parts.len()];
    let mut graph: DiGraph<(), (), usize> = DiGraph::default();
    let indices: Vec<_> = parts.iter().map(|_| graph.add_node(())).collect();
    for (to, part) in parts.iter().enumerate() {
        for way in part.ways().filter(|way| !way.cut) {
            leads[way.from.node].push(to);
            waits[to] += 1;
            graph.add_edge(indices[way.from.node], indices[to], ());
        }
    }
    let mut ready: BTreeSet<usize> = (0..parts.len()).filter(|index| waits[*index] == 0).collect();
    let mut sequence = Vec::with_capacity(parts.len());
    while let Some(node) = ready.pop_first() {
        sequence.push(node);
        for to in &leads[node] {
            waits[*to] -= 1;
            if waits[*to] == 0 {
                ready.insert(*to);
            }
        }
    }
    if sequence.len() == parts.len() {
        return Ok(sequence);
    }
    let loops = kosaraju_scc(&graph).into_iter().filter(|members| members.len() > 1);
    Err(loops.flatten().map(|index| index.index()).collect())
}
