//! A running graph as the compiler keeps it: a draft for each of its steps, what flows between them, and where they
//! stand in the running order. An edit drafts anew what it changes, and leaves the rest as it is. Control side.

use super::build::Options;
use super::layout::Layout;
use super::nodes::Traits;
use super::part::{Route, Way};
use super::wiring::{Port, StepDraft, signals};
use crate::engine::glue::Onset;
use crate::engine::{Cell, Memory, NO_NODE, NOTHING, NotesCell, PacketsCell, Seat, Seats, SharedCell, Slot};
use crate::engine::{notes_cell, packets_cell};
use crate::node::Processor;
use crate::preset::{NodeEntry, Outlet, ParamEntry, ParamReach};
use slab::Slab;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// What a step is for: two graphs that need the same share it, and what its cell holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Key {
    /// A node's turn.
    Node(u32),
    /// A delay in a way.
    Delay(Way),
    /// What gives a loop's sound of the quantum before, and what takes it for the next. Both have one cell.
    LatchOut(Outlet),
    LatchIn(Outlet),
    /// A connection of notes to a port, and how many there are of the same before it.
    Gate {
        way: Way,
        to: u32,
        port: usize,
        nth: usize,
    },
    /// One buffer for all notes of a port, from so many.
    Merge {
        to: u32,
        port: usize,
        count: usize,
    },
    /// What leaves the graph: no step, but it hears others as one does.
    Exits,
}

/// A step, by its place in [`Program::items`].
pub(crate) type ItemId = usize;

/// A step, and where it stands.
pub(crate) struct Item {
    pub key: Key,
    /// None for [`Key::Exits`].
    pub cell: Option<Arc<SharedCell>>,
    pub draft: StepDraft,
    /// A step of the same cell that has its turn before.
    pub after: Option<ItemId>,
    /// Its place among the layout's chunks, once it has one.
    pub chunk: Option<usize>,
}

impl Item {
    /// The number of its node.
    pub fn node(&self) -> u32 {
        if let Key::Node(node) = self.key { node } else { NO_NODE }
    }
}

/// What flows from a step to others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Signal {
    Audio(Value),
    Notes(u32),
    Packets(u32),
}

/// Who makes a signal, and who hears it.
pub(crate) struct Net {
    pub writer: ItemId,
    pub readers: Vec<ItemId>,
}

/// One channel that some step writes and others read.
pub(crate) type Value = u32;

/// The buffer of a value.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Place {
    /// [`NOTHING`] until it has one.
    pub wire: u32,
    /// Whether no other value is ever in it.
    pub own: bool,
}

/// What a way carries.
#[derive(Debug, Clone)]
pub(super) enum Carried {
    Audio(Vec<Value>),
    Notes(u32),
    Packets(u32),
}

/// What leaves the engine.
#[derive(Clone, Default)]
pub(crate) struct Exits {
    pub audio: Vec<Route>,
    pub notes: Vec<Way>,
    /// Frames by which all of it lags behind the engine's clock.
    pub latency: u32,
}

/// See the module.
pub(crate) struct Program {
    pub(super) sample_rate: u32,
    /// How delays and latches begin that stand anew between nodes.
    pub(super) onset: Onset,
    pub(super) items: Slab<Item>,
    pub(super) by_key: HashMap<Key, ItemId>,
    /// Those that are no nodes: few, and none in most graphs.
    between: BTreeSet<ItemId>,
    pub(super) nets: HashMap<Signal, Net>,
    pub(super) carried: HashMap<Way, Carried>,
    /// Of each value; the first is silence.
    pub(super) places: Vec<Place>,
    pub(super) free_values: Vec<Value>,
    /// Wires that no value has.
    pub(super) free_wires: Vec<u32>,
    /// How many wires were ever given, besides that of silence.
    pub(super) wires: u32,
    notes: Vec<(usize, NotesCell)>,
    free_notes: Vec<u32>,
    packets: Vec<PacketsCell>,
    free_packets: Vec<u32>,
    /// Whether there are other buffers of events than `memory` has.
    other_events: bool,
    memory: Memory,
    pub(super) latency: u32,
    pub(super) layout: Layout,
    pub(super) seats: Seats,
    /// A number for each output for notes.
    pub(super) speakers: HashMap<Outlet, u32>,
    /// Buffers for notes from outside, by the numbers of their nodes.
    pub(super) inboxes: HashMap<u32, u32>,
    /// Steps that came or changed since this was last emptied, each after what it hears.
    pub(super) touched: Vec<ItemId>,
    /// Gates that came since this was last emptied, and those that went, with whom they led to.
    pub(super) gates_come: Vec<(Outlet, Arc<SharedCell>)>,
    pub(super) gates_gone: Vec<(u32, Arc<SharedCell>)>,
}

impl Program {
    /// Without any step.
    pub fn new(sample_rate: u32, onset: Onset) -> Self {
        let nothing = (0, notes_cell(0));
        let packets = vec![packets_cell(0, 0)];
        let memory = Memory::new(0, Arc::from([Arc::clone(&nothing.1)]), packets.clone().into());
        Self {
            sample_rate,
            onset,
            items: Slab::new(),
            by_key: HashMap::new(),
            between: BTreeSet::new(),
            nets: HashMap::new(),
            carried: HashMap::new(),
            places: vec![Place { wire: NOTHING, own: true }],
            free_values: Vec::new(),
            free_wires: Vec::new(),
            wires: 0,
            notes: vec![nothing],
            free_notes: Vec::new(),
            packets,
            free_packets: Vec::new(),
            other_events: false,
            memory,
            latency: 0,
            layout: Layout::default(),
            seats: Seats::new_sync(),
            speakers: HashMap::new(),
            inboxes: HashMap::new(),
            touched: Vec::new(),
            gates_come: Vec::new(),
            gates_gone: Vec::new(),
        }
    }

    /// Steps that are no nodes.
    pub(super) fn between(&self) -> impl Iterator<Item = ItemId> + '_ {
        self.between.iter().copied()
    }

    /// Has commands for a node find it; none where it is gone.
    pub(super) fn set_seat(&mut self, node: u32, seat: Option<Seat>) {
        while self.seats.len() <= node as usize {
            self.seats.push_back_mut(None);
        }
        self.seats.set_mut(node as usize, seat);
    }

    /// How delays and latches begin from now on.
    pub fn set_onset(&mut self, onset: Onset) {
        self.onset = onset;
    }

    /// New values.
    pub(super) fn values(&mut self, count: u16) -> Vec<Value> {
        let place = Place { wire: NOTHING, own: false };
        (0..count).map(|_| put(&mut self.places, &mut self.free_values, place)).collect()
    }

    pub(super) fn notes_buffer(&mut self, capacity: usize) -> u32 {
        self.other_events = true;
        put(&mut self.notes, &mut self.free_notes, (capacity, notes_cell(capacity)))
    }

    pub(super) fn packets_buffer(&mut self, packets: usize, bytes: usize) -> u32 {
        self.other_events = true;
        put(&mut self.packets, &mut self.free_packets, packets_cell(packets, bytes))
    }

    pub(super) fn notes_capacity(&self, buffer: u32) -> usize {
        self.notes[buffer as usize].0
    }

    /// A step of this key: the one that there is, or a new one with this cell and these ports.
    pub(super) fn item(
        &mut self,
        key: Key,
        cell: impl FnOnce() -> Arc<SharedCell>,
        inputs: Vec<Port>,
        outputs: impl FnOnce(&mut Self) -> Vec<Port>,
    ) -> ItemId {
        if let Some(item) = self.by_key.get(&key) {
            return *item;
        }
        let outputs = outputs(self);
        let item = self.insert(key, Some(cell()));
        self.set_draft(item, StepDraft { inputs, outputs, ..StepDraft::default() });
        item
    }

    pub(super) fn insert(&mut self, key: Key, cell: Option<Arc<SharedCell>>) -> ItemId {
        let item = Item { key, cell, draft: StepDraft::default(), after: None, chunk: None };
        let item = self.items.insert(item);
        self.by_key.insert(key, item);
        if !matches!(key, Key::Node(_)) {
            self.between.insert(item);
        }
        item
    }

    /// Says who makes what leaves by a port.
    pub(super) fn make_nets(&mut self, writer: ItemId, port: &Port) {
        for signal in signals(std::slice::from_ref(port)) {
            self.nets.insert(signal, Net { writer, readers: Vec::new() });
        }
    }

    /// Gives a step another draft, and notes what it hears and makes now.
    pub(super) fn set_draft(&mut self, item: ItemId, draft: StepDraft) {
        let before = std::mem::replace(&mut self.items[item].draft, draft);
        let written: HashSet<Signal> = self.items[item].draft.written().collect();
        for signal in &written {
            self.nets.entry(*signal).or_insert_with(|| Net { writer: item, readers: Vec::new() });
        }
        let read: HashSet<Signal> = self.items[item].draft.read().collect();
        for signal in &read {
            let Some(net) = self.nets.get_mut(signal) else { continue };
            if !net.readers.contains(&item) {
                net.readers.push(item);
                let new = net.writer != item;
                if new {
                    self.hear_later(*signal);
                }
            }
        }
        for signal in before.read().filter(|signal| !read.contains(signal)) {
            if let Some(net) = self.nets.get_mut(&signal) {
                net.readers.retain(|reader| *reader != item);
            }
        }
        for signal in before.written().filter(|signal| !written.contains(signal)) {
            self.forget(signal);
        }
        self.redraw(item);
        self.touched.push(item);
    }

    /// Somebody hears a value that did not before: what shared its buffer, by having its time before or after, has to
    /// leave it alone.
    fn hear_later(&mut self, signal: Signal) {
        let Signal::Audio(value) = signal else { return };
        let place = self.places[value as usize];
        if place.own || place.wire == NOTHING {
            return;
        }
        self.places[value as usize] = Place { wire: self.own_wire(), own: true };
        let net = &self.nets[&signal];
        for item in net.readers.iter().copied().chain([net.writer]).collect::<Vec<_>>() {
            self.redraw(item);
        }
    }

    pub(super) fn own_wire(&mut self) -> u32 {
        self.free_wires.pop().unwrap_or_else(|| {
            self.wires += 1;
            self.wires
        })
    }

    /// The segment that a step stands in is to be made anew.
    pub(super) fn redraw(&mut self, item: ItemId) {
        if let Some(chunk) = self.items[item].chunk {
            self.layout.redraw(chunk);
        }
    }

    /// A signal that nobody makes any more.
    fn forget(&mut self, signal: Signal) {
        self.nets.remove(&signal);
        match signal {
            Signal::Audio(value) => {
                let place = self.places[value as usize];
                if place.own && place.wire != NOTHING {
                    self.free_wires.push(place.wire);
                }
                self.free_values.push(value);
            }
            Signal::Notes(buffer) => self.free_notes.push(buffer),
            Signal::Packets(buffer) => self.free_packets.push(buffer),
        }
    }

    /// Takes a node's step out, and what stood only for it.
    pub fn remove_node(&mut self, node: u32) {
        if let Some(inbox) = self.inboxes.remove(&node) {
            self.forget(Signal::Notes(inbox));
        }
        self.set_seat(node, None);
        if let Some(item) = self.by_key.get(&Key::Node(node)).copied() {
            self.remove(item);
        }
    }

    fn remove(&mut self, id: ItemId) {
        if let Some(chunk) = self.items[id].chunk {
            self.layout.take_out(chunk, id);
        }
        let item = self.items.remove(id);
        self.by_key.remove(&item.key);
        self.between.remove(&id);
        for signal in item.draft.read() {
            if let Some(net) = self.nets.get_mut(&signal) {
                net.readers.retain(|reader| *reader != id);
            }
        }
        item.draft.written().for_each(|signal| self.forget(signal));
        match (item.key, item.cell) {
            (Key::Node(node), _) => {
                for port in 0..item.draft.outputs.len() {
                    let from = Outlet { node: node as usize, port };
                    self.carried.remove(&Way::straight(from));
                    self.speakers.remove(&from);
                }
            }
            (Key::Delay(way), _) => drop(self.carried.remove(&way)),
            (Key::LatchOut(from), _) => drop(self.carried.remove(&Way::before(from))),
            (Key::Gate { to, .. }, Some(cell)) => self.gates_gone.push((to, cell)),
            _ => {}
        }
    }

    /// Takes out what stands between nodes and is heard by nobody.
    pub fn sweep(&mut self) {
        loop {
            let is_unheard = |id: &ItemId| {
                let stays = matches!(self.items[*id].key, Key::LatchIn(_) | Key::Exits);
                !stays && self.readers(*id).next().is_none()
            };
            let gone: Vec<ItemId> = self.between.iter().copied().filter(is_unheard).collect();
            if gone.is_empty() {
                return;
            }
            for id in gone {
                if let Key::LatchOut(from) = self.items[id].key
                    && let Some(other) = self.by_key.get(&Key::LatchIn(from)).copied()
                {
                    self.remove(other);
                }
                self.remove(id);
            }
        }
    }

    /// The steps whose signals a step hears, and those of its cell that come before.
    pub(super) fn sources(&self, id: ItemId) -> impl Iterator<Item = ItemId> + '_ {
        let item = &self.items[id];
        let heard = item.draft.read().filter_map(|signal| Some(self.nets.get(&signal)?.writer));
        heard.filter(move |writer| *writer != id).chain(item.after)
    }

    /// The steps that hear a step.
    pub(super) fn readers(&self, id: ItemId) -> impl Iterator<Item = ItemId> + '_ {
        let nets = self.items[id].draft.written().filter_map(|signal| self.nets.get(&signal));
        nets.flat_map(|net| &net.readers).copied().filter(move |reader| *reader != id)
    }

    /// Buffers for all that there is: those that there are, unless more are needed.
    pub(super) fn memory(&mut self) -> Memory {
        if self.memory.extent().blocks <= self.wires {
            // Some to spare, so that not every edit needs others.
            let blocks = self.wires + self.wires / 4 + 64;
            let (notes, packets) = self.events();
            self.memory = Memory::new(blocks as usize, notes, packets);
        } else if self.other_events {
            let (notes, packets) = self.events();
            self.memory = self.memory.with_events(notes, packets);
        }
        self.other_events = false;
        self.memory.clone()
    }

    fn events(&self) -> (Arc<[NotesCell]>, Arc<[PacketsCell]>) {
        let notes = self.notes.iter().map(|(_, cell)| Arc::clone(cell)).collect();
        (notes, self.packets.iter().map(Arc::clone).collect())
    }

    /// Connections of notes that have come, each with one that was there before and knows what its source holds.
    pub fn take_opened(&mut self) -> Box<[(Arc<SharedCell>, Arc<SharedCell>)]> {
        let come = std::mem::take(&mut self.gates_come);
        if come.is_empty() {
            return Box::default();
        }
        let new: HashSet<*const SharedCell> = come.iter().map(|(_, gate)| Arc::as_ptr(gate)).collect();
        let mut old: HashMap<Outlet, &Arc<SharedCell>> = HashMap::new();
        for item in self.between.iter().map(|id| &self.items[*id]) {
            if let Item { key: Key::Gate { way, .. }, cell: Some(cell), .. } = item
                && !new.contains(&Arc::as_ptr(cell))
            {
                old.entry(way.from).or_insert(cell);
            }
        }
        let pair = |(from, gate)| old.get(&from).map(|other| (gate, Arc::clone(other)));
        come.into_iter().filter_map(pair).collect()
    }

    /// Connections of notes that have gone, with the numbers of the nodes that they led to.
    pub fn take_closed(&mut self) -> Vec<(u32, Arc<SharedCell>)> {
        std::mem::take(&mut self.gates_gone)
    }
}

/// Puts something where there is room, or last. Returns where.
fn put<T>(list: &mut Vec<T>, free: &mut Vec<u32>, item: T) -> u32 {
    match free.pop() {
        Some(index) => {
            list[index as usize] = item;
            index
        }
        None => {
            list.push(item);
            list.len() as u32 - 1
        }
    }
}

/// A cell of what has neither parameters nor level.
pub(super) fn plain_cell(processor: Box<dyn Processor>) -> Arc<SharedCell> {
    Arc::new(SharedCell::new(Cell::new(processor, Box::default(), 0, None)))
}

/// The cell of a node of a preset.
pub(crate) fn cell(
    node: &NodeEntry,
    processor: Box<dyn Processor>,
    prepared: &Traits,
    options: &Options,
) -> Arc<SharedCell> {
    let tempo = node.overrides.apply(options.settings).tempo;
    let mut modulated = 0;
    let slots = node.params.iter().enumerate().map(|(index, param)| {
        modulated |= u64::from(param.modulation.is_some()) << index;
        Slot::new(param.spec, param.amount, tempo, options.sample_rate, is_centred(param))
    });
    let slots: Box<[Slot]> = slots.collect();
    let level = node.ports.audible().then(|| slots.len() - 2);
    let mut cell = Cell::new(processor, slots, modulated, level);
    (cell.tempo, cell.peaks) = (node.overrides.tempo, Arc::clone(&prepared.peaks));
    cell.voices = prepared.voices.clone();
    Arc::new(SharedCell::new(cell))
}

/// Whether a parameter is moved around its own value.
pub(crate) fn is_centred(param: &ParamEntry) -> bool {
    matches!(&param.modulation, Some(m) if matches!(m.reach, ParamReach::Around(_)))
}
