//! A running graph becomes another: what the control side hands over, and how the engine takes it, in time that
//! depends on what changes and not on the size of the graph.

use super::Machine;
use super::cell::SharedCell;
use super::crew::Job;
use super::fade::Fader;
use super::glue::NoteGate;
use super::schedule::Schedule;
use crate::command::{Change, NodeId};
use crate::expose::ControlMap;
use crate::param::Amount;
use std::any::Any;
use std::sync::Arc;

/// The next graph, prepared off the audio thread. What the engine has no more use for goes back in it.
pub(crate) struct Edit {
    /// The graph that turns from the old one into the new one; behind it the old one.
    pub turning: Box<Schedule>,
    /// The new graph; behind it the one that turned.
    pub settled: Box<Schedule>,
    pub controls: Arc<[ControlMap]>,
    pub renumbering: Renumbering,
    /// Parameters with new values: cell of the node, slot, amount.
    pub moves: Box<[(Arc<SharedCell>, u16, Amount)]>,
    /// Parameters that are moved by something else than before, by their places in the fader's `centres`.
    pub remodulated: Box<[Remodulated]>,
    /// New nodes, and those in whose place they stand.
    pub replacements: Box<[(Arc<SharedCell>, Arc<SharedCell>)]>,
    /// New connections of notes, and for each one that knows what its source holds.
    pub opening: Box<[(Arc<SharedCell>, Arc<SharedCell>)]>,
    /// Connections of notes that go.
    pub closing: Box<[Arc<SharedCell>]>,
    pub fader: Fader,
    pub quantum: u32,
    /// How many nodes go.
    pub leaving: u64,
}

/// The same graph, cut into other tasks.
pub(crate) struct Order {
    pub schedule: Box<Schedule>,
    /// What workers help with; none where one thread runs all.
    pub job: Option<Arc<Job>>,
}

/// What the control side hands over, and gets back.
pub(crate) enum Page {
    Edit(Box<Edit>),
    Order(Box<Order>),
}

/// What was given back to the system, off the audio thread.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Reclaimed {
    /// Messages, and stretches of graphs that no graph has any more.
    pub buffers: u64,
    /// Nodes.
    pub nodes: u64,
    /// Graphs; an edit has two, that before it and that of the change.
    pub graphs: u64,
}

impl std::ops::AddAssign for Reclaimed {
    fn add_assign(&mut self, other: Self) {
        self.buffers += other.buffers;
        self.nodes += other.nodes;
        self.graphs += other.graphs;
    }
}

impl Page {
    /// Drops it. Control side.
    pub fn reclaim(self) -> Reclaimed {
        let mut reclaimed = Reclaimed { buffers: 1, ..Reclaimed::default() };
        let mut drop_graph = |schedule: Schedule| {
            let last = schedule.segments.iter().filter(|segment| Arc::strong_count(segment) == 1);
            reclaimed.buffers += last.count() as u64;
            reclaimed.graphs += 1;
        };
        match self {
            Self::Edit(edit) => {
                let Edit { turning, settled, leaving, .. } = *edit;
                drop_graph(*turning);
                drop_graph(*settled);
                reclaimed.nodes = leaving;
            }
            Self::Order(order) => drop_graph(*order.schedule),
        }
        reclaimed
    }
}

/// A parameter that is moved by something else than before.
pub(crate) struct Remodulated {
    pub cell: Arc<SharedCell>,
    pub slot: u16,
    /// Its value, if the text gives another one.
    pub amount: Option<Amount>,
    /// Whether something moves it then, and whether around its own value.
    pub modulated: bool,
    pub centred: bool,
}

/// Where the nodes and controls of the graph before are found now.
#[derive(Debug, Default)]
pub(crate) struct Renumbering {
    /// Nodes that have another number, or none, by their numbers before.
    pub nodes: Box<[(u32, Option<u32>)]>,
    /// For each control its new place; none where it is gone.
    pub controls: Box<[Option<u16>]>,
}

impl Renumbering {
    /// The same change for the graph of now; none where what it is about is gone.
    pub fn translate(&self, change: Change) -> Option<Change> {
        let node = |node: NodeId| match self.nodes.binary_search_by_key(&node.0, |(before, _)| *before) {
            Ok(place) => self.nodes[place].1.map(NodeId),
            Err(_) => Some(node),
        };
        Some(match change {
            Change::Control { index, value } => {
                Change::Control { index: (*self.controls.get(usize::from(index))?)?, value }
            }
            Change::Param { node: at, param, amount } => Change::Param { node: node(at)?, param, amount },
            Change::Note { node: at, event } => Change::Note { node: node(at)?, event },
            change => change,
        })
    }
}

impl Machine {
    /// Between two quanta: begins an edit that waits, or goes on with the one under way.
    pub(super) fn turn_page(&mut self) {
        if let Some(edit) = &mut self.edit {
            edit.quantum += 1;
            if edit.fader.aim(edit.quantum) {
                return;
            }
            self.settle();
        }
        if let Some(page) = self.link.edits.pop() {
            self.take(page);
        }
    }

    fn take(&mut self, page: Page) {
        match page {
            Page::Edit(edit) => self.begin(edit),
            Page::Order(mut order) => {
                std::mem::swap(&mut self.schedule, &mut order.schedule);
                std::mem::swap(&mut self.job, &mut order.job);
                let _ = self.link.retired.push(Page::Order(order));
            }
        }
    }

    /// Takes over all edits that wait, at once, and what was asked of parameters between them: nothing is heard of what
    /// they fade.
    pub(super) fn catch_up(&mut self) {
        self.settle();
        // Before each edit, since a command only knows the graph that it was sent to and the one after that.
        self.keep_values();
        while let Some(page) = self.link.edits.pop() {
            self.take(page);
            if let Some(edit) = &self.edit {
                let tempo = self.log.current().tempo;
                for (cell, slot, amount) in &edit.moves {
                    // SAFETY: `&mut self` is the running thread's, and this is the only reference.
                    unsafe { cell.get() }.jump(*slot, *amount, tempo);
                }
            }
            self.settle();
            self.keep_values();
        }
        self.moves.clear();
    }

    /// Ends an edit that is under way.
    pub(super) fn settle(&mut self) {
        let Some(mut edit) = self.edit.take() else { return };
        std::mem::swap(&mut self.schedule, &mut edit.settled);
        for slot in &edit.remodulated {
            // SAFETY: `&mut self` is the running thread's, and this is the only reference.
            unsafe { slot.cell.get() }.end_blend(slot.slot, slot.modulated);
        }
        // The control side sends no more edits than can go back.
        let _ = self.link.retired.push(Page::Edit(edit));
    }

    fn begin(&mut self, mut edit: Box<Edit>) {
        edit.fader.aim(0);
        self.let_all_sound();
        std::mem::swap(&mut self.schedule, &mut edit.turning);
        std::mem::swap(&mut self.controls, &mut edit.controls);
        self.pending.translate(&edit.renumbering);
        std::mem::swap(&mut self.renumbering, &mut edit.renumbering);
        self.edition += 1;
        let tempo = self.log.current().tempo;
        for (cell, slot, amount) in &edit.moves {
            // SAFETY: `&mut self` is the running thread's, and this is the only reference.
            let cell = unsafe { cell.get() };
            if !cell.enter(*slot, 0, *amount, tempo, &mut self.moves) {
                cell.jump(*slot, *amount, tempo);
            }
        }
        for (slot, centres) in edit.remodulated.iter().zip(&mut edit.fader.centres) {
            // SAFETY: as above.
            let cell = unsafe { slot.cell.get() };
            *centres = cell.begin_blend(slot.slot, slot.amount, slot.centred, tempo);
        }
        for (index, (new, old)) in edit.replacements.iter().enumerate() {
            // SAFETY: as above; the two cells are different ones.
            let (new, old) = unsafe { (new.get(), old.get()) };
            let old: &dyn Any = &*old.processor;
            edit.fader.adopted[index] = new.processor.adopt(old);
        }
        for (new, old) in &edit.opening {
            // SAFETY: as above; the two cells are different ones.
            let (new, old) = unsafe { (new.get(), old.get()) };
            let (new_gate, old_gate): (&mut dyn Any, &dyn Any) = (&mut *new.processor, &*old.processor);
            if let (Some(gate), Some(other)) = (new_gate.downcast_mut::<NoteGate>(), old_gate.downcast_ref())
            {
                gate.open(other);
            }
        }
        for cell in &edit.closing {
            // SAFETY: as above.
            let cell = unsafe { cell.get() };
            let gate: &mut dyn Any = &mut *cell.processor;
            if let Some(gate) = gate.downcast_mut::<NoteGate>() {
                gate.close();
            }
            cell.asleep = false;
        }
        self.edit = Some(edit);
    }
}
