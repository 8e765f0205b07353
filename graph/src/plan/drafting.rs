//! What a node's step hears and makes, and what has to stand between it and others: sums where connections meet, delays
//! where latencies differ, latches where loops close, gates and merges of notes. Control side.

use super::arrangement::Recursions;
use super::part::{Drive, Part, Route, Way};
use super::program::{Carried, Exits, Key, Program, Value, plain_cell};
use super::wiring::{BlendDraft, ModulationDraft, Port, StepDraft, SumDraft};
use crate::chance::Chance;
use crate::dsp::QUANTUM;
use crate::engine::glue::{AudioDelay, HELD, Latch, NoteDelay, NoteGate, NoteLatch, NoteMerge};
use crate::engine::{Law, NOTHING, Reach, Seat};
use crate::node::{Processor, Role};
use crate::port::PortKind;
use crate::preset::Outlet;
use std::sync::Arc;

/// Notes from outside that can arrive in one quantum.
const INBOX: usize = 512;

/// What moves a parameter, channel by channel, and how.
type Driven = (Vec<Value>, Reach);

/// What a connection brings.
enum Source {
    Audio(Vec<Value>, [f32; 2], Law),
    Notes(u32),
    Packets(u32),
}

impl Program {
    /// Makes room for what leaves a new node. To be called for all of them before the first is drafted.
    pub fn enter(&mut self, node: u32, part: &Part) {
        let key = Key::Node(node);
        if self.by_key.contains_key(&key) {
            return;
        }
        let item = self.insert(key, Some(Arc::clone(&part.cell)));
        for (port, spec) in part.entry.ports.outputs.iter().enumerate() {
            let carried = match spec.kind {
                PortKind::Audio { .. } => Carried::Audio(self.values(part.widths.outputs[port])),
                PortKind::Notes { capacity } => Carried::Notes(self.notes_buffer(usize::from(capacity))),
                PortKind::Packets { flow } => {
                    let rate = self.sample_rate;
                    let (frames, bytes) =
                        flow.map_or((1, 0), |flow| (flow.frames(rate) as usize, flow.bytes(rate)));
                    // As many as can end in one quantum.
                    let packets = QUANTUM.div_ceil(frames) + 1;
                    Carried::Packets(self.packets_buffer(packets, packets * bytes))
                }
            };
            let from = Outlet { node: node as usize, port };
            if let Carried::Notes(_) = carried {
                self.speakers.insert(from, source_number(&part.entry.seed_as, port));
            }
            // Loops are heard before their nodes are drafted.
            self.make_nets(item, &carried.port());
            self.carried.insert(Way::straight(from), carried);
        }
        if part.entry.kind.role == Role::NotesIn {
            let inbox = self.notes_buffer(INBOX);
            self.inboxes.insert(node, inbox);
        }
    }

    /// Drafts a node's step anew, with what stands between it and what it hears.
    pub fn draft(&mut self, node: u32, part: &Part) {
        // Delays and merges are steps of their own and come first.
        let mut sources: Vec<Vec<Source>> = Vec::with_capacity(part.inputs.len());
        for (port, routes) in part.inputs.iter().enumerate() {
            sources.push((0..routes.len()).map(|nth| self.source(node, port, routes, nth)).collect());
        }
        let drives: Vec<(usize, Driven)> = (part.drives.iter().enumerate())
            .filter_map(|(slot, drive)| Some((slot, drive.as_ref()?)))
            .map(|(slot, drive)| (slot, self.driven(drive)))
            .collect();
        let redriven: Vec<(usize, [Option<Driven>; 2])> = (part.redriven.iter())
            .map(|redriven| {
                let drive = |drive: &Option<Drive>| drive.as_ref().map(|drive| self.driven(drive));
                (redriven.slot, redriven.drives.each_ref().map(drive))
            })
            .collect();
        let merged: Vec<u32> =
            sources.iter().enumerate().map(|(port, sources)| self.merge(node, port, sources)).collect();
        let entry = &part.entry;
        let mut step = StepDraft { lateness: part.heard, ..StepDraft::default() };
        for (port, (spec, sources)) in entry.ports.inputs.iter().zip(&sources).enumerate() {
            step.inputs.push(match spec.kind {
                PortKind::Audio { .. } => {
                    let width = part.widths.inputs[port];
                    let channels =
                        (0..width).map(|channel| self.channel(channel, width, sources, &mut step.sums));
                    Port::Audio(channels.collect())
                }
                PortKind::Notes { .. } => Port::Notes(merged[port]),
                PortKind::Packets { .. } => match sources.first() {
                    Some(Source::Packets(buffer)) => Port::Packets(*buffer),
                    _ => Port::Packets(NOTHING),
                },
            });
        }
        step.inputs.extend(self.inboxes.get(&node).map(|inbox| Port::Notes(*inbox)));
        for (slot, (values, reach)) in drives {
            let (source, range) = (self.mono(&values, &mut step.sums), entry.params[slot].spec.range);
            step.modulations.push(ModulationDraft { slot: slot as u16, source, reach, range });
        }
        for (slot, drives) in redriven {
            let drives =
                drives.map(|drive| drive.map(|(values, reach)| (self.mono(&values, &mut step.sums), reach)));
            let range = entry.params[slot].spec.range;
            step.blends.push(BlendDraft { slot: slot as u16, range, drives });
        }
        if entry.kind.recursive(&entry.config) {
            let lanes = part.widths.outputs.iter().map(|width| usize::from(*width)).sum::<usize>().max(1);
            let moved = !step.modulations.is_empty() || !step.blends.is_empty();
            step.recursions = Some(Recursions { key: (entry.kind.name, moved), lanes });
        }
        let outlets = (0..entry.ports.outputs.len()).map(|port| Outlet { node: node as usize, port });
        step.outputs = outlets.map(|from| self.carried[&Way::straight(from)].port()).collect();
        step.overrides = Some(entry.overrides).filter(|overrides| !overrides.is_empty());
        let inbox = self.inboxes.get(&node).copied().unwrap_or(NOTHING);
        self.set_seat(node, Some(Seat { cell: Arc::clone(&part.cell), inbox, lateness: part.heard }));
        self.set_draft(self.by_key[&Key::Node(node)], step);
    }

    /// Drafts what leaves the graph.
    pub fn draft_exits(&mut self, exits: &Exits) {
        let mut sums = [SumDraft::default(), SumDraft::default()];
        for Route { way, gains, law } in &exits.audio {
            let values = self.audio_by(*way);
            for (channel, sum) in sums.iter_mut().enumerate() {
                sum.add(&values, channel, 2, *gains, *law);
            }
        }
        let inputs = exits.notes.iter().map(|way| Port::Notes(self.notes_by(*way))).collect();
        let draft = StepDraft { sums: sums.map(|sum| (NOTHING, sum)).into(), inputs, ..StepDraft::default() };
        let known = self.by_key.get(&Key::Exits).copied();
        let item = known.unwrap_or_else(|| self.insert(Key::Exits, None));
        self.set_draft(item, draft);
        self.latency = exits.latency;
    }

    /// The values that a way carries.
    fn audio_by(&mut self, way: Way) -> Vec<Value> {
        match self.carried_by(way) {
            Carried::Audio(values) => values,
            _ => Vec::new(),
        }
    }

    /// The buffer that a way carries.
    fn notes_by(&mut self, way: Way) -> u32 {
        match self.carried_by(way) {
            Carried::Notes(buffer) => buffer,
            _ => NOTHING,
        }
    }

    /// What a way carries, after a latch where it is cut, and a delay where it waits.
    fn carried_by(&mut self, way: Way) -> Carried {
        if let Some(carried) = self.carried.get(&way) {
            return carried.clone();
        }
        let carried = match way {
            Way { pad: 0, .. } => self.latch(way.from),
            _ => {
                let from = self.carried_by(Way { pad: 0, ..way });
                self.delay(way, &from)
            }
        };
        self.carried.insert(way, carried.clone());
        carried
    }

    fn delay(&mut self, way: Way, from: &Carried) -> Carried {
        let (frames, onset) = (way.pad as usize, self.onset);
        let (processor, to): (Box<dyn Processor>, Carried) = match from {
            Carried::Audio(values) => {
                let to = Carried::Audio(self.values(values.len() as u16));
                (Box::new(AudioDelay::new(values.len(), frames, onset)), to)
            }
            Carried::Notes(buffer) => {
                let capacity = self.notes_capacity(*buffer);
                (Box::new(NoteDelay::new(frames, capacity)), Carried::Notes(self.notes_buffer(capacity)))
            }
            Carried::Packets(_) => return from.clone(),
        };
        self.item(Key::Delay(way), || plain_cell(processor), vec![from.port()], |_| vec![to.port()]);
        to
    }

    /// Carries what leaves a node over to the next quantum.
    fn latch(&mut self, from: Outlet) -> Carried {
        let now = self.carried[&Way::straight(from)].clone();
        let (processor, before): (Box<dyn Processor>, Carried) = match &now {
            Carried::Audio(values) => {
                let latch = Latch::new(values.len(), self.onset);
                (Box::new(latch), Carried::Audio(self.values(values.len() as u16)))
            }
            Carried::Notes(buffer) => {
                let capacity = self.notes_capacity(*buffer);
                (Box::new(NoteLatch::new(capacity)), Carried::Notes(self.notes_buffer(capacity)))
            }
            Carried::Packets(_) => return now,
        };
        let cell = plain_cell(processor);
        let takes = Arc::clone(&cell);
        let out = self.item(Key::LatchOut(from), || cell, Vec::new(), |_| vec![before.port()]);
        let into = self.item(Key::LatchIn(from), || takes, vec![now.port()], |_| Vec::new());
        self.items[into].after = Some(out);
        before
    }

    fn driven(&mut self, drive: &Drive) -> Driven {
        (self.audio_by(drive.way), drive.reach)
    }

    fn source(&mut self, node: u32, port: usize, routes: &[Route], nth: usize) -> Source {
        let Route { way, gains, law } = routes[nth];
        match self.carried_by(way) {
            Carried::Audio(values) => Source::Audio(values, gains, law),
            Carried::Packets(buffer) => Source::Packets(buffer),
            Carried::Notes(from) => {
                let nth = routes[..nth].iter().filter(|route| route.way == way).count();
                let key = Key::Gate { way, to: node, port, nth };
                if !self.by_key.contains_key(&key) {
                    let gate = plain_cell(Box::new(NoteGate::new(self.speakers[&way.from])));
                    self.gates_come.push((way.from, Arc::clone(&gate)));
                    let capacity = self.notes_capacity(from) + HELD + 32;
                    self.item(
                        key,
                        || gate,
                        vec![Port::Notes(from)],
                        |program| vec![Port::Notes(program.notes_buffer(capacity))],
                    );
                }
                Source::Notes(self.notes_of(key))
            }
        }
    }

    /// One buffer for all notes of a port.
    fn merge(&mut self, node: u32, port: usize, sources: &[Source]) -> u32 {
        let buffers: Vec<u32> =
            sources.iter().filter_map(|s| if let Source::Notes(b) = s { Some(*b) } else { None }).collect();
        match buffers.as_slice() {
            [] => NOTHING,
            [one] => *one,
            many => {
                let capacity = many.iter().map(|buffer| self.notes_capacity(*buffer)).sum();
                let inputs: Vec<Port> = many.iter().map(|buffer| Port::Notes(*buffer)).collect();
                let count = many.len();
                let key = Key::Merge { to: node, port, count };
                let cell = || plain_cell(Box::new(NoteMerge { sources: count }));
                let known = self.by_key.get(&key).copied();
                let item = known.unwrap_or_else(|| self.insert(key, Some(cell())));
                if self.items[item].draft.inputs != inputs {
                    let outputs = vec![Port::Notes(self.notes_buffer(capacity))];
                    self.set_draft(item, StepDraft { inputs, outputs, ..StepDraft::default() });
                }
                self.notes_of(key)
            }
        }
    }

    /// The buffer of notes that leaves a step.
    fn notes_of(&self, key: Key) -> u32 {
        let draft = self.by_key.get(&key).map(|item| &self.items[*item].draft);
        match draft.and_then(|draft| draft.outputs.first()) {
            Some(Port::Notes(buffer)) => *buffer,
            _ => NOTHING,
        }
    }

    /// One channel of an input: silence, a source as it is, or a sum.
    fn channel(
        &mut self,
        channel: u16,
        width: u16,
        sources: &[Source],
        sums: &mut Vec<(Value, SumDraft)>,
    ) -> Value {
        let mut sum = SumDraft::default();
        for source in sources {
            let Source::Audio(values, gains, law) = source else { continue };
            sum.add(values, usize::from(channel), width, *gains, *law);
        }
        self.sum(sum, sums)
    }

    fn sum(&mut self, sum: SumDraft, sums: &mut Vec<(Value, SumDraft)>) -> Value {
        match (sum.terms.as_slice(), sum.fades.as_slice()) {
            ([], []) => NOTHING,
            ([(value, 1.0)], []) => *value,
            _ => {
                // Stereo from mono sources is the same sum twice.
                if let Some((value, _)) = sums.iter().find(|(_, known)| *known == sum) {
                    return *value;
                }
                let value = self.values(1)[0];
                sums.push((value, sum));
                value
            }
        }
    }

    /// All channels as one.
    fn mono(&mut self, values: &[Value], sums: &mut Vec<(Value, SumDraft)>) -> Value {
        let share = 1.0 / values.len().max(1) as f32;
        let terms = values.iter().map(|value| (*value, share)).collect();
        self.sum(SumDraft { terms, fades: Vec::new() }, sums)
    }
}

impl Carried {
    fn port(&self) -> Port {
        match self {
            Carried::Audio(values) => Port::Audio(values.clone()),
            Carried::Notes(buffer) => Port::Notes(*buffer),
            Carried::Packets(buffer) => Port::Packets(*buffer),
        }
    }
}

impl SumDraft {
    /// Adds what a source gives to one of so many channels: mono goes to all, and stereo makes mono by half.
    fn add(&mut self, values: &[Value], channel: usize, width: u16, gains: [f32; 2], law: Law) {
        let mut term = |value: Value, part: f32| match gains.map(|gain| gain * part) {
            [before, after] if before != after => self.fades.push((value, [before, after], law)),
            [gain, _] if gain != 0.0 => self.terms.push((value, gain)),
            _ => {}
        };
        match (values, width) {
            ([mono], _) => term(*mono, 1.0),
            ([left, right], 1) => {
                term(*left, 0.5);
                term(*right, 0.5);
            }
            (values, _) => {
                if let Some(value) = values.get(channel) {
                    term(*value, 1.0);
                }
            }
        }
    }
}

/// A number that stands for a source of notes, whatever else is in the graph.
fn source_number(name: &str, port: usize) -> u32 {
    Chance::new(port as u64).named(name).seed() as u32
}
