//! From one running graph to the next: what is kept, what comes, what goes, and the graph in which all of them
//! run side by side while it changes. Control side.

use super::build::{Changed, Offers, Options, Plan};
use super::nodes::{Nodes, Running};
use super::program::{Exits, Program, is_centred};
use super::union::Union;
use crate::catalogue::Catalogue;
use crate::controller::{Controller, EDITS, Link};
use crate::diagnostic::Diagnostics;
use crate::engine::glue::Onset;
use crate::engine::{
    Edit, Fader, Order, Page, Peak, Peaks, Reclaimed, Remodulated, Renumbering, SharedCell, crew,
};
use crate::node::Tail;
use crate::param::Amount;
use crate::places::{Places, Version};
use crate::preset::Preset;
use crate::settings::Settings;
use crate::sync::ArrayQueue;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Turns a running engine's graph into other graphs. Control side: preparing nodes loads, allocates and blocks.
/// [`Editor::finish`] gives back the memory of what the engine has no more use for, and so does the next edit.
pub struct Editor {
    nodes: Nodes,
    program: Program,
    exits: Exits,
    control_names: Vec<String>,
    options: Options,
    controller: Controller,
    edits: Arc<ArrayQueue<Page>>,
    retired: Arc<ArrayQueue<Page>>,
    /// Edits that have not come back.
    under_way: usize,
    /// Threads that the graph is spread over, and what a quantum cost when that was last thought about.
    threads: usize,
    weighed: f32,
    reclaimed: Reclaimed,
}

/// What an edit made.
pub struct Edited {
    /// The hand on the engine for the new graph.
    pub controller: Controller,
    /// How long it sounds after everything in it fell silent.
    pub tail: Tail,
    /// Frames by which its output lags behind the position, once the engine has taken the edit over: a host that
    /// compensates for another number is to be told.
    pub latency: u32,
    /// As [`super::Built::voices`].
    pub voices: u32,
    /// What its nodes offer to the socket around it.
    pub offers: Offers,
    /// The names of nodes that were prepared anew, in text order.
    pub prepared: Vec<String>,
    /// As [`super::Built::missing`].
    pub missing: Vec<String>,
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
        nodes: Nodes,
        program: Program,
        (exits, control_names): (Exits, Vec<String>),
        controller: Controller,
        link: &Link,
        options: Options,
    ) -> Self {
        let (edits, retired) = (Arc::clone(&link.edits), Arc::clone(&link.retired));
        Self {
            nodes,
            program,
            exits,
            control_names,
            options,
            controller,
            edits,
            retired,
            under_way: 0,
            threads: 1,
            weighed: 0.0,
            reclaimed: Reclaimed::default(),
        }
    }

    /// Drops what the engine gave back. Returns how many edits are still under way.
    pub fn sweep(&mut self) -> usize {
        while let Some(page) = self.retired.pop() {
            self.reclaimed += page.reclaim();
            self.under_way -= 1;
        }
        self.under_way
    }

    /// The files that its nodes were made from. Where one was written since, an edit to the same text brings it in.
    pub fn files(&self) -> impl Iterator<Item = &Version> {
        self.nodes.of_files().flat_map(|node| &node.prepared.files)
    }

    /// What was dropped since this was last called.
    pub fn take_reclaimed(&mut self) -> Reclaimed {
        std::mem::take(&mut self.reclaimed)
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
    /// one; and puts steps in a better order after many edits. The samples stay the same. To be called every now and
    /// then: it does nothing where nothing has changed much.
    /// Returns how many threads it may be spread over from now on.
    pub fn balance(&mut self) -> usize {
        if self.sweep() > 0 {
            return self.threads;
        }
        let cost: f32 = self.nodes.iter().map(|(_, node)| node.part.cell.cost()).sum();
        if cost == 0.0 {
            // Nothing has been measured yet.
            return self.threads;
        }
        let steady = cost < WEIGHED_ANEW * self.weighed && self.weighed < WEIGHED_ANEW * cost;
        if steady && !self.program.layout.is_worn() {
            return self.threads;
        }
        self.weighed = cost;
        let rearranged = self.program.rearranged(self.nodes.sequence(), self.options.threads);
        let spread = rearranged.is_spread();
        if spread || self.threads > 1 || self.program.layout.is_worn() {
            self.program.adopt(&rearranged);
            self.threads = if spread { self.options.threads } else { 1 };
            let job = spread.then(|| crew::job(self.threads, self.options.pace));
            let (schedule, _) = self.program.schedule(&self.nodes);
            // No edit is under way, so there is room.
            let _ = self.edits.push(Page::Order(Box::new(Order { schedule: Box::new(schedule), job })));
            self.under_way += 1;
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
        let (moves, amounts) = self.changes(&plan, &union);
        let renumbering = self.renumbering(&plan);
        let replacements = self.replacements(&plan);
        let (controls, prepared) = (Arc::clone(&plan.controls), plan.prepared());
        let heirs = self.heirs(&plan);
        let (changed, leaving): (Vec<u32>, _) =
            (plan.changed.iter().map(|changed| changed.number).collect(), plan.leaving.clone());

        let program = &mut self.program;
        program.set_onset(Onset::smooth(self.options.sample_rate));
        for Changed { number, node, .. } in plan.changed.iter().filter(|changed| changed.fresh) {
            program.enter(*number, &node.part);
        }
        for (number, part) in changed.iter().zip(&union.parts) {
            program.draft(*number, part);
        }
        program.draft_exits(&union.exits);
        let both: Vec<u32> = plan.sequence.iter().chain(&leaving).copied().collect();
        program.place(&both, self.threads);
        let opening = program.take_opened();
        (self.exits, self.control_names) = (plan.exits.clone(), plan.control_names.clone());
        self.nodes.take_over(plan);
        let (turning, blended) = program.schedule(&self.nodes);

        for number in &changed {
            if let Some(node) = self.nodes.get(*number) {
                program.draft(*number, &node.part);
            }
        }
        program.draft_exits(&self.exits);
        leaving.iter().for_each(|number| program.remove_node(*number));
        program.sweep();
        program.place(self.nodes.sequence(), self.threads);
        let closed = program.take_closed();
        let (settled, _) = program.schedule(&self.nodes);

        // What plays into a node that goes itself sounds on while that fades.
        let closing = closed.into_iter().filter(|(to, _)| !leaving.contains(to)).map(|(_, gate)| gate);
        let remodulated =
            blended.iter().filter_map(|(number, slot)| self.remodulated(*number, *slot, &amounts));
        let edit = Edit {
            controls,
            renumbering,
            moves,
            remodulated: remodulated.collect(),
            opening,
            closing: closing.collect(),
            fader: Fader::new(self.options.sample_rate, replacements.len(), blended.len()),
            replacements,
            turning: Box::new(turning),
            settled: Box::new(settled),
            quantum: 0,
            leaving: leaving.len() as u64,
        };
        // As late as can be: from here until the engine takes the edit, nothing is tapped.
        for (old, new) in &heirs {
            hand_on_tap(old, new);
        }
        // There are fewer under way than there is room for.
        let _ = self.edits.push(Page::Edit(Box::new(edit)));
        self.under_way += 1;
        self.controller = self.controller.after_edit(self.nodes.directory(preset));
        let (tail, offers, missing) = (self.nodes.tail(), self.nodes.offers(), self.nodes.missing());
        let (controller, latency) = (self.controller.clone(), self.exits.latency);
        let voices = self.nodes.most_voices();
        Ok(Edited { controller, tail, latency, voices, offers, prepared, missing })
    }

    /// The new graph, and that of the change. Where connections are reversed the two cannot run side by side with
    /// the same nodes: those of the loop that they would form are prepared anew.
    fn plan(
        &self,
        preset: &Preset,
        catalogue: &Catalogue,
        failed: &BTreeSet<String>,
    ) -> Result<(Plan, Union), EditError> {
        let mut anew: BTreeSet<String> = failed.clone();
        // What was read stays in memory: a file that has gone silences nobody where that would be forgiven.
        let forgiving = self.options.places.forgiving;
        let stands = |file: &Version| file.is_current() || (forgiving && !file.path().exists());
        let old = |node: &&Running| !node.prepared.files.iter().all(stands);
        // A file that was missing may be there by now, or no longer be forgiven.
        let found = |node: &&Running| !node.still_misses(&self.options.places);
        let changed = self.nodes.of_files().filter(old).chain(self.nodes.without_file().filter(found));
        anew.extend(changed.map(|node| node.part.entry.name.clone()));
        loop {
            let plan = Plan::new(preset, catalogue, &self.options, &self.nodes, &anew)
                .map_err(|mistakes| EditError::Mistakes(Box::new(mistakes)))?;
            let union = Union::new(&self.nodes, &self.exits, &plan);
            let changed = plan.changed.iter().map(|changed| (changed.number, changed.fresh));
            let changed = changed.zip(&union.parts).map(|((number, fresh), part)| (number, fresh, part));
            if self.program.has_room(changed) {
                return Ok((plan, union));
            }
            let looping = union.loops(&self.nodes, &plan);
            if looping.is_empty() {
                return Ok((plan, union));
            }
            anew.extend(looping);
        }
    }

    /// Parameters of nodes that are kept that have new values; those that something else moves than before by
    /// themselves.
    fn changes(&self, plan: &Plan, union: &Union) -> (Moves, Amounts) {
        let (mut moves, mut amounts) = (Vec::new(), Amounts::new());
        for (changed, part) in plan.changed.iter().zip(&union.parts) {
            let Some(before) = self.nodes.get(changed.number) else { continue };
            let params = before.part.entry.params.iter().zip(&part.entry.params).enumerate();
            for (slot, (before, after)) in params.filter(|(_, (b, a))| b.amount != a.amount) {
                if part.redriven.iter().any(|redriven| redriven.slot == slot) {
                    amounts.insert((changed.number, slot as u16), after.amount);
                } else {
                    debug_assert_eq!(before.spec.name, after.spec.name);
                    moves.push((Arc::clone(&part.cell), slot as u16, after.amount));
                }
            }
        }
        (moves.into(), amounts)
    }

    fn remodulated(&self, number: u32, slot: u16, amounts: &Amounts) -> Option<Remodulated> {
        let part = &self.nodes.get(number)?.part;
        let param = &part.entry.params[usize::from(slot)];
        Some(Remodulated {
            cell: Arc::clone(&part.cell),
            slot,
            amount: amounts.get(&(number, slot)).copied(),
            modulated: param.modulation.is_some(),
            centred: is_centred(param),
        })
    }

    /// What is measured of nodes, and of the new ones that take their names.
    fn heirs(&self, plan: &Plan) -> Vec<(Peaks, Peaks)> {
        let fresh = plan.changed.iter().filter(|changed| changed.fresh).map(|changed| &changed.node);
        let pair = |new: &Running| {
            let old = self.nodes.named(&new.part.entry.name)?;
            Some((Arc::clone(&old.prepared.peaks), Arc::clone(&new.prepared.peaks)))
        };
        fresh.filter_map(pair).collect()
    }

    fn renumbering(&self, plan: &Plan) -> Renumbering {
        let successors: HashMap<u32, u32> = plan.replaced.iter().map(|(new, old)| (*old, *new)).collect();
        let mut nodes: Vec<(u32, Option<u32>)> =
            plan.leaving.iter().map(|old| (*old, successors.get(old).copied())).collect();
        nodes.sort_unstable();
        let place = |name: &String| plan.control_names.iter().position(|other| other == name);
        let controls = self.control_names.iter().map(|name| place(name).map(|place| place as u16));
        Renumbering { nodes: nodes.into(), controls: controls.collect() }
    }

    fn replacements(&self, plan: &Plan) -> Box<[(Arc<SharedCell>, Arc<SharedCell>)]> {
        let fresh = plan.changed.iter().filter(|changed| changed.fresh);
        let cells: HashMap<u32, &Arc<SharedCell>> =
            fresh.map(|changed| (changed.number, &changed.node.part.cell)).collect();
        let pair = |(new, old): &(u32, u32)| {
            Some((Arc::clone(cells.get(new)?), Arc::clone(&self.nodes.get(*old)?.part.cell)))
        };
        plan.replaced.iter().filter_map(pair).collect()
    }
}

/// A tap stays with the name of the node that it was put to.
fn hand_on_tap(old: &[Peak], new: &[Peak]) {
    if let (Some(old), Some(new)) = (old.first(), new.first()) {
        match old.take_tap() {
            0 => {}
            tap => new.put_tap(tap),
        }
    }
}

/// By how much a quantum must cost more or less for the graph to be cut anew.
const WEIGHED_ANEW: f32 = 1.5;

/// Node, slot, and value.
type Moves = Box<[(Arc<SharedCell>, u16, Amount)]>;
/// New values of parameters that something else moves than before, by node and slot.
type Amounts = HashMap<(u32, u16), Amount>;
