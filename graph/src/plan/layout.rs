//! Where the steps of a program stand: in chunks of the running order, each of which becomes a segment of the schedule.
//! New steps are put between those that are there, as late as what hears them allows; once in a while, and where that
//! does not do, all steps are arranged anew. Control side.

use super::arrangement::{Arrangement, Recursions};
use super::buffers::Lives;
use super::nodes::Nodes;
use super::part::Part;
use super::program::{Item, ItemId, Key, Place, Program, Signal};
use super::wiring::{Port, Wiring};
use crate::engine::tasks::Task;
use crate::engine::{NOTHING, Schedule, Segment, Stretch};
use std::collections::HashMap;
use std::sync::Arc;

/// Steps of a segment, about: so many that walking from one to the next costs nothing, so few that an edit makes little
/// anew.
const SEGMENT: usize = 64;

/// Nanoseconds of a step that was never measured.
const UNKNOWN_COST: f32 = 100.0;

/// Steps that follow each other.
pub(super) struct Chunk {
    /// Those of a group may run side by side.
    pub groups: Vec<Vec<ItemId>>,
    pub task: usize,
    /// None where it has changed since.
    pub segment: Option<Arc<Segment>>,
}

impl Chunk {
    fn steps(&self) -> usize {
        self.groups.iter().map(Vec::len).sum()
    }
}

/// The running order.
#[derive(Default)]
pub(crate) struct Layout {
    /// Task after task.
    chunks: Vec<Chunk>,
    /// For each task those that it waits for; empty where there are no tasks.
    waits: Vec<Vec<usize>>,
    /// How many steps there were when all were arranged, and how many have come or gone since.
    arranged: usize,
    patched: usize,
}

/// A chunk, and a group of it.
type Position = (usize, usize);

/// After all steps.
const END: Position = (usize::MAX, 0);

impl Layout {
    pub fn redraw(&mut self, chunk: usize) {
        self.chunks[chunk].segment = None;
    }

    pub fn take_out(&mut self, chunk: usize, item: ItemId) {
        let chunk = &mut self.chunks[chunk];
        chunk.groups.iter_mut().for_each(|group| group.retain(|other| *other != item));
        chunk.groups.retain(|group| !group.is_empty());
        chunk.segment = None;
        self.patched += 1;
    }

    /// Whether so much has come and gone that arranging all anew is worth it.
    pub fn is_worn(&self) -> bool {
        self.patched > 64 && self.patched > self.arranged / 8
    }

    fn tasks(&self) -> (Box<[Task]>, Box<[u32]>) {
        let (mut tasks, mut leads) = (Vec::with_capacity(self.waits.len()), Vec::new());
        let mut from = 0;
        for (task, waits) in self.waits.iter().enumerate() {
            let chunks = self.chunks[from..].iter().take_while(|chunk| chunk.task == task).count();
            let first = leads.len();
            let waiting = self.waits.iter().enumerate().filter(|(_, waits)| waits.contains(&task));
            leads.extend(waiting.map(|(other, _)| other as u32));
            tasks.push(Task {
                segments: Stretch::between(from, from + chunks),
                waits: waits.len() as u32,
                leads: Stretch::between(first, leads.len()),
            });
            from += chunks;
        }
        (tasks.into(), leads.into())
    }
}

/// Steps in another order.
pub(crate) struct Rearranged {
    order: Vec<ItemId>,
    arrangement: Arrangement,
}

impl Rearranged {
    /// Whether several threads may share it.
    pub fn is_spread(&self) -> bool {
        !self.arrangement.tasks.is_empty()
    }
}

impl Program {
    /// Gives all steps places and buffers. `nodes` are in an order in which they could run, as far as there is one.
    pub fn arrange(&mut self, nodes: &[u32], threads: usize) {
        let rearranged = self.rearranged(nodes, threads);
        self.adopt(&rearranged);
    }

    /// An order for so many threads at most, by what the steps were measured to cost.
    pub fn rearranged(&self, nodes: &[u32], threads: usize) -> Rearranged {
        let order = self.base_order(nodes);
        let place: HashMap<ItemId, usize> = order.iter().enumerate().map(|(at, id)| (*id, at)).collect();
        let sources = |id: &ItemId| {
            let mut sources: Vec<usize> =
                self.sources(*id).filter_map(|source| place.get(&source)).copied().collect();
            sources.sort_unstable();
            sources.dedup();
            sources
        };
        let sources: Vec<Vec<usize>> = order.iter().map(sources).collect();
        let recursions: Vec<Option<Recursions>> =
            order.iter().map(|id| self.items[*id].draft.recursions).collect();
        let costs: Vec<f32> = order.iter().map(|id| cost(&self.items[*id])).collect();
        let arrangement = Arrangement::new(&recursions, &sources, &costs, threads);
        Rearranged { order, arrangement }
    }

    /// An order in which all steps can run: what gives a loop's sound first, then node after node, each behind what it
    /// hears, and last what takes a loop's sound.
    fn base_order(&self, nodes: &[u32]) -> Vec<ItemId> {
        let mut order = Vec::with_capacity(self.items.len());
        let mut seen = vec![false; self.items.iter().map(|(id, _)| id + 1).max().unwrap_or(0)];
        let of = |is: fn(&Key) -> bool| self.between().filter(move |id| is(&self.items[*id].key));
        let first = of(|key| matches!(key, Key::LatchOut(_)));
        let nodes = nodes.iter().filter_map(|node| self.by_key.get(&Key::Node(*node)).copied());
        let last = of(|key| !matches!(key, Key::LatchOut(_) | Key::Exits));
        let mut open: Vec<(ItemId, Vec<ItemId>)> = Vec::new();
        for root in first.chain(nodes).chain(last) {
            let mut next = Some(root);
            while let Some(id) = next.take() {
                if !std::mem::replace(&mut seen[id], true) {
                    open.push((id, self.sources(id).collect()));
                }
                // Down to what hears nothing that is not there yet, then back up.
                while let Some((id, sources)) = open.last_mut() {
                    match sources.pop() {
                        Some(source) if !seen[source] => {
                            next = Some(source);
                            break;
                        }
                        Some(_) => {}
                        None => {
                            order.push(*id);
                            open.pop();
                        }
                    }
                }
            }
        }
        order
    }

    /// Takes an order over.
    pub fn adopt(&mut self, rearranged: &Rearranged) {
        let Rearranged { order, arrangement } = rearranged;
        self.assign_buffers(order, arrangement);
        let mut chunks: Vec<Chunk> = Vec::new();
        let mut task = 0;
        for (at, group) in arrangement.groups.iter().enumerate() {
            let new_task = arrangement.tasks.get(task).is_some_and(|(end, _)| *end <= at);
            task += usize::from(new_task);
            let full = chunks.last().is_none_or(|chunk| chunk.task != task || chunk.steps() >= SEGMENT);
            if full {
                chunks.push(Chunk { groups: Vec::new(), task, segment: None });
            }
            let index = chunks.len() - 1;
            let group: Vec<ItemId> = group.iter().map(|place| order[*place]).collect();
            group.iter().for_each(|id| self.items[*id].chunk = Some(index));
            chunks[index].groups.push(group);
        }
        self.layout = Layout {
            chunks,
            waits: arrangement.tasks.iter().map(|(_, waits)| waits.clone()).collect(),
            arranged: order.len(),
            patched: 0,
        };
        self.touched.clear();
    }

    /// Values that are never alive at the same time share a buffer. Steps of a group run at the same time: what one of
    /// them reads, no other may write over; and nobody knows when those of other tasks run.
    fn assign_buffers(&mut self, order: &[ItemId], arrangement: &Arrangement) {
        let mut lives = Lives::new(self.places.len());
        let mut touch = |id: ItemId, time: usize, task: usize| {
            let draft = &self.items[id].draft;
            for signal in draft.written().chain(draft.read()) {
                if let Signal::Audio(value) = signal {
                    lives.touch(value, time as u32, task as u32);
                }
            }
        };
        let mut task = 0;
        for (time, group) in arrangement.groups.iter().enumerate() {
            task += usize::from(arrangement.tasks.get(task).is_some_and(|(end, _)| *end <= time));
            group.iter().for_each(|place| touch(order[*place], time, task));
        }
        if let Some(exits) = self.by_key.get(&Key::Exits) {
            touch(*exits, arrangement.groups.len(), arrangement.tasks.len());
        }
        let (wires, count) = lives.assign();
        self.places = wires.into_iter().map(|wire| Place { wire, own: wire == NOTHING }).collect();
        self.wires = count as u32;
        self.free_wires.clear();
    }

    /// Gives steps that have come or changed a place among the others, which stay where they are; where that cannot be,
    /// all are arranged. `nodes` as for [`Program::arrange`].
    pub fn place(&mut self, nodes: &[u32], threads: usize) {
        if self.layout.patched > 2 * self.layout.arranged + 4 * SEGMENT {
            // Nobody has arranged them in a long time, and chunks have emptied.
            return self.arrange(nodes, threads);
        }
        let mut touched = std::mem::take(&mut self.touched);
        touched.retain(|id| self.items.contains(*id));
        for id in touched.iter().rev() {
            if self.items[*id].chunk.is_none() && self.items[*id].key != Key::Exits {
                let before = self.readers(*id).filter_map(|reader| self.position(reader)).min();
                self.put(*id, before.unwrap_or(END));
            }
        }
        if !touched.iter().all(|id| self.is_in_order(*id)) {
            return self.arrange(nodes, threads);
        }
        for id in touched {
            self.give_wires(id);
            self.wait_for_sources(id);
        }
    }

    /// Where a step stands; none while it has no place.
    fn position(&self, id: ItemId) -> Option<Position> {
        let item = &self.items[id];
        if item.key == Key::Exits {
            return Some(END);
        }
        let chunk = item.chunk?;
        let group = self.layout.chunks[chunk].groups.iter().position(|group| group.contains(&id))?;
        Some((chunk, group))
    }

    fn is_in_order(&self, id: ItemId) -> bool {
        let own = self.position(id);
        self.sources(id).all(|source| self.position(source) < own)
    }

    /// Puts a step before a group, or last.
    fn put(&mut self, id: ItemId, (chunk, group): Position) {
        let chunks = &mut self.layout.chunks;
        if chunks.is_empty() {
            chunks.push(Chunk { groups: Vec::new(), task: 0, segment: None });
        }
        let index = chunk.min(chunks.len() - 1);
        let groups = &mut chunks[index].groups;
        groups.insert(if chunk == index { group } else { groups.len() }, vec![id]);
        chunks[index].segment = None;
        self.items[id].chunk = Some(index);
        self.layout.patched += 1;
        if self.layout.chunks[index].steps() > 2 * SEGMENT {
            self.split(index);
        }
    }

    /// Makes two chunks of one.
    fn split(&mut self, index: usize) {
        let chunk = &mut self.layout.chunks[index];
        let groups = chunk.groups.split_off(chunk.groups.len() / 2);
        let second = Chunk { groups, task: chunk.task, segment: None };
        self.layout.chunks.insert(index + 1, second);
        for (place, chunk) in self.layout.chunks.iter().enumerate().skip(index + 1) {
            for id in chunk.groups.iter().flatten() {
                self.items[*id].chunk = Some(place);
            }
        }
    }

    /// What a step makes gets buffers that nothing else is ever in.
    fn give_wires(&mut self, id: ItemId) {
        let written: Vec<Signal> = self.items[id].draft.written().collect();
        for signal in written {
            if let Signal::Audio(value) = signal
                && self.places[value as usize].wire == NOTHING
            {
                self.places[value as usize] = Place { wire: self.own_wire(), own: true };
            }
        }
    }

    fn wait_for_sources(&mut self, id: ItemId) {
        let Some(own) = self.items[id].chunk.filter(|_| !self.layout.waits.is_empty()) else { return };
        let chunks = &self.layout.chunks;
        let sources: Vec<usize> = self.sources(id).filter_map(|source| self.items[source].chunk).collect();
        let task = chunks[own].task;
        for source in sources.into_iter().map(|chunk| chunks[chunk].task) {
            let waits = &mut self.layout.waits[task];
            if source != task && !waits.contains(&source) {
                waits.push(source);
            }
        }
    }

    /// Whether nodes that come or hear something else find a place among the others as these stand. Where they do, there
    /// is no loop. `changed` are in running order: their numbers, whether they are new, and what leads to them.
    pub fn has_room<'p>(
        &self,
        changed: impl DoubleEndedIterator<Item = (u32, bool, &'p Part)> + Clone,
    ) -> bool {
        let mut before: HashMap<u32, Position> = HashMap::new();
        for (number, _, _) in changed.clone().filter(|(_, fresh, _)| *fresh) {
            before.insert(number, END);
        }
        let position = |node: u32| self.position(*self.by_key.get(&Key::Node(node))?);
        for (number, _, part) in changed.rev() {
            let own = before.get(&number).copied().or_else(|| position(number));
            for way in part.ways().filter(|way| !way.cut) {
                let from = way.from.node as u32;
                match before.get_mut(&from) {
                    Some(place) => *place = (*place).min(own.unwrap_or(END)),
                    None if position(from) < own => {}
                    None => return false,
                }
            }
        }
        true
    }

    /// A chunk as a segment. Parameters that blend are counted over all segments.
    pub(super) fn draw(&self, chunk: &Chunk, blended: &mut Vec<(u32, u16)>) -> Segment {
        let mut wiring = Wiring::new(&self.places);
        for group in &chunk.groups {
            let mut blends = blended.len() as u32;
            let group: Vec<&Item> = group.iter().map(|id| &self.items[*id]).collect();
            for item in &group {
                blended.extend(item.draft.blends.iter().map(|blend| (item.node(), blend.slot)));
            }
            wiring.group(&group, &mut blends);
        }
        wiring.finish()
    }

    /// The schedule of all steps as they stand, and the parameters that blend in it, as nodes and slots. What did not change
    /// since the last is the last one's.
    pub fn schedule(&mut self, nodes: &Nodes) -> (Schedule, Vec<(u32, u16)>) {
        #[cfg(debug_assertions)]
        self.check_flow(&self.layout.chunks, &self.layout.waits);
        let mut blended = Vec::new();
        for index in 0..self.layout.chunks.len() {
            if self.layout.chunks[index].segment.is_none() {
                let segment = self.draw(&self.layout.chunks[index], &mut blended);
                self.layout.chunks[index].segment = Some(Arc::new(segment));
            }
        }
        let mut exit = Wiring::new(&self.places);
        let draft = self.by_key.get(&Key::Exits).map(|id| &self.items[*id].draft);
        let sum = |channel: usize| draft.and_then(|draft| draft.sums.get(channel));
        let outputs =
            [0, 1].map(|channel| sum(channel).map(|(to, sum)| exit.sum(*to, sum)).unwrap_or_default());
        let notes = draft.into_iter().flat_map(|draft| &draft.inputs);
        let notes =
            notes.filter_map(|port| if let Port::Notes(buffer) = port { Some(*buffer) } else { None });
        let notes_out = notes.collect();
        let exit = exit.finish();
        let mut inboxes: Vec<u32> = self.inboxes.values().copied().collect();
        inboxes.sort_unstable();
        let (tasks, leads) = self.layout.tasks();
        let segments = self.layout.chunks.iter().filter_map(|chunk| chunk.segment.as_ref().map(Arc::clone));
        let schedule = Schedule {
            segments: segments.collect(),
            tasks,
            leads,
            memory: self.memory(),
            outputs,
            exit,
            seats: self.seats.clone(),
            notes_out,
            musical: Arc::clone(&nodes.musical),
            sheddable: Arc::clone(&nodes.sheddable),
            inboxes: inboxes.into(),
            latency: self.latency,
        };
        (schedule.verified(), blended)
    }
}

/// Nanoseconds that a step takes, as far as anybody knows.
fn cost(item: &Item) -> f32 {
    match item.cell.as_ref().map_or(0.0, |cell| cell.cost()) {
        0.0 => UNKNOWN_COST,
        known => known,
    }
}
