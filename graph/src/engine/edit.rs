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
    /// Parameters with new values: cell of `turning`, slot, amount.
    pub moves: Box<[(u32, u16, Amount)]>,
    /// Parameters that are moved by something else than before.
    pub remodulated: Box<[Remodulated]>,
    /// New nodes in the place of old ones: cell of `turning`, and the old one's.
    pub replacements: Box<[(u32, Arc<SharedCell>)]>,
    /// New connections of notes: cell of `turning`, and one that knows what their source holds.
    pub opening: Box<[(u32, Arc<SharedCell>)]>,
    /// Connections of notes that go: cells of `turning`.
    pub closing: Box<[u32]>,
    pub fader: Fader,
    pub quantum: u32,
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

/// A parameter that is moved by something else than before.
pub(crate) struct Remodulated {
    /// Cell of `turning`, slot, and place among its blends.
    pub cell: u32,
    pub slot: u16,
    pub blend: u32,
    /// Its value, if the text gives another one.
    pub amount: Option<Amount>,
    /// Whether something moves it then, and whether around its own value.
    pub modulated: bool,
    pub centred: bool,
}

/// Where the nodes and controls of the graph before are found now; `u32::MAX` where they are gone.
#[derive(Debug, Default)]
pub(crate) struct Renumbering {
    pub nodes: Box<[u32]>,
    pub controls: Box<[u32]>,
}

impl Renumbering {
    /// The same change for the graph of now; none where what it is about is gone.
    pub fn translate(&self, change: Change) -> Option<Change> {
        let node = |node: NodeId| {
            self.nodes.get(node.0 as usize).filter(|to| **to != u32::MAX).map(|to| NodeId(*to))
        };
        Some(match change {
            Change::Control { index, value } => {
                let to = self.controls.get(usize::from(index)).filter(|to| **to != u32::MAX)?;
                Change::Control { index: *to as u16, value }
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
        match self.link.edits.pop() {
            Some(Page::Edit(edit)) => self.begin(edit),
            Some(Page::Order(mut order)) => {
                std::mem::swap(&mut self.schedule, &mut order.schedule);
                std::mem::swap(&mut self.job, &mut order.job);
                let _ = self.link.retired.push(Page::Order(order));
            }
            None => {}
        }
    }

    /// Ends an edit that is under way.
    pub(super) fn settle(&mut self) {
        let Some(mut edit) = self.edit.take() else { return };
        std::mem::swap(&mut self.schedule, &mut edit.settled);
        for slot in &edit.remodulated {
            // SAFETY: `&mut self` is the running thread's, and this is the only reference.
            unsafe { edit.settled.cells[slot.cell as usize].get() }.end_blend(slot.slot, slot.modulated);
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
        let schedule = &mut *self.schedule;
        for (cell, slot, amount) in &edit.moves {
            // SAFETY: `&mut self` is the running thread's, and this is the only reference.
            let cell = unsafe { schedule.cells[*cell as usize].get() };
            if !cell.enter(*slot, 0, *amount, tempo, &mut self.moves) {
                cell.jump(*slot, *amount, tempo);
            }
        }
        for slot in &edit.remodulated {
            // SAFETY: as above.
            let cell = unsafe { schedule.cells[slot.cell as usize].get() };
            let centres = cell.begin_blend(slot.slot, slot.amount, slot.centred, tempo);
            schedule.blends[slot.blend as usize].centres = centres;
        }
        for (index, (new, old)) in edit.replacements.iter().enumerate() {
            // SAFETY: as above; the two cells are different ones.
            let (new, old) = unsafe { (schedule.cells[*new as usize].get(), old.get()) };
            let old: &dyn Any = &*old.processor;
            edit.fader.adopted[index] = new.processor.adopt(old);
        }
        for (new, old) in &edit.opening {
            // SAFETY: as above; the two cells are different ones.
            let (new, old) = unsafe { (schedule.cells[*new as usize].get(), old.get()) };
            let (new_gate, old_gate): (&mut dyn Any, &dyn Any) = (&mut *new.processor, &*old.processor);
            if let (Some(gate), Some(other)) = (new_gate.downcast_mut::<NoteGate>(), old_gate.downcast_ref())
            {
                gate.open(other);
            }
        }
        for cell in &edit.closing {
            // SAFETY: as above.
            let cell = unsafe { schedule.cells[*cell as usize].get() };
            let gate: &mut dyn Any = &mut *cell.processor;
            if let Some(gate) = gate.downcast_mut::<NoteGate>() {
                gate.close();
            }
            cell.asleep = false;
        }
        self.edit = Some(edit);
    }
}
