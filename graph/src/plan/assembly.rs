//! Joining prepared nodes: sums where connections meet, delays where latencies differ, latches where loops
//! close, and the order in which all of it runs.

use super::buffers::Value;
use super::build::Options;
use super::route::{Route, Routed, Way};
use super::wiring::{Drafts, ModulationDraft, Port, StepDraft};
use crate::dsp::QUANTUM;
use crate::engine::glue::{AudioDelay, Latch, NoteDelay, NoteLatch, NoteMerge};
use crate::engine::{Cell, Memory, NOTHING, Reach, Schedule, SharedCell, Slot, Step};
use crate::node::{Processor, Role};
use crate::param::{Curve, ParamSpec};
use crate::port::PortKind;
use crate::preset::{Depth, NodeEntry, Outlet, ParamReach};
use crate::settings::Overrides;
use std::collections::HashMap;
use std::sync::Arc;

/// A schedule in the making.
pub(crate) struct Assembly<'a> {
    nodes: &'a [Routed<'a>],
    options: &'a Options,
    drafts: Drafts,
    cells: Vec<Cell>,
    overrides: Vec<Overrides>,
    inboxes: Vec<u32>,
    /// What each way carries.
    audio: HashMap<Way, Vec<Value>>,
    notes: HashMap<Way, u32>,
    packets: HashMap<Outlet, u32>,
    /// The cells that carry loops over to the next quantum, and what they carry.
    latches: Vec<(u32, Outlet)>,
}

impl<'a> Assembly<'a> {
    pub fn new(nodes: &'a [Routed<'a>], options: &'a Options) -> Self {
        Self {
            nodes,
            options,
            drafts: Drafts::new(),
            cells: Vec::with_capacity(nodes.len()),
            overrides: Vec::new(),
            inboxes: vec![NOTHING; nodes.len()],
            audio: HashMap::new(),
            notes: HashMap::new(),
            packets: HashMap::new(),
            latches: Vec::new(),
        }
    }

    /// Joins the nodes, which run in this sequence.
    pub fn schedule(mut self, sequence: &[usize], processors: Vec<Option<Box<dyn Processor>>>) -> Schedule {
        for (node, processor) in self.nodes.iter().zip(processors) {
            // Every node was prepared, or the build had ended before.
            let processor = processor.unwrap_or_else(|| Box::new(NoteMerge { sources: 0 }));
            self.cells.push(cell(node.entry, processor, self.options));
        }
        self.open_loops();
        for index in sequence {
            self.node_step(*index);
        }
        self.close_loops();
        let latency = self.output_latency();
        let outputs = self.outputs(latency);
        let notes_out = self.notes_out(latency);
        // What leaves is read after the last step.
        let end = self.drafts.next();
        outputs.iter().flatten().for_each(|value| self.drafts.lives.read(*value, end));
        let wired = self.drafts.wire();
        let buffers = |values: &[Value]| values.iter().map(|value| wired.buffers[*value as usize]).collect();
        let outputs = [buffers(&outputs[0]), buffers(&outputs[1])];
        let follows_tempo =
            self.nodes.iter().enumerate().filter(|(_, node)| node.entry.overrides.tempo.is_none());
        let musical = follows_tempo.flat_map(|(index, node)| {
            let slots = node.entry.params.iter().enumerate().filter(|(_, param)| param.spec.musical);
            slots.map(move |(slot, _)| (index as u32, slot as u16))
        });
        let cells: Box<[Arc<SharedCell>]> =
            self.cells.into_iter().map(|cell| Arc::new(SharedCell::new(cell))).collect();
        let extras = wired.steps.iter().map(|step| step.extra).collect();
        let steps = wired.steps.into_iter().map(|step| Step {
            cell: Arc::clone(&cells[step.cell as usize]),
            index: step.cell,
            plain: step.extra.is_plain(),
            inputs: step.inputs,
            outputs: step.outputs,
            audio_out: step.audio_out,
        });
        let schedule = Schedule {
            steps: steps.collect(),
            extras,
            sums: wired.sums.into(),
            terms: wired.terms.into(),
            modulations: wired.modulations.into(),
            plugs: wired.plugs.into(),
            wires: wired.wires.into(),
            overrides: self.overrides.into(),
            cells,
            memory: Memory::new(&wired.size),
            outputs,
            notes_out: notes_out.into(),
            musical: musical.collect(),
            open_inboxes: self.inboxes.iter().copied().filter(|inbox| *inbox != NOTHING).collect(),
            inboxes: self.inboxes.into(),
            lateness: self.nodes.iter().map(|node| node.heard).collect(),
            latency,
        };
        schedule.verified()
    }

    /// At the start of the quantum, every loop gives what it carried over from the one before.
    fn open_loops(&mut self) {
        let cuts = self.nodes.iter().flat_map(Routed::routes).map(|route| route.way).filter(|way| way.cut);
        for Way { from, .. } in cuts {
            let source = &self.nodes[from.node];
            let way = Way::before(from);
            match source.entry.ports.outputs[from.port].kind {
                PortKind::Audio { .. } if !self.audio.contains_key(&way) => {
                    let width = source.widths.outputs[from.port];
                    let values = self.drafts.values(width);
                    let latch = Box::new(Latch::new(usize::from(width)));
                    let cell = self.glue(latch, Vec::new(), vec![Port::Audio(values.clone())]);
                    self.audio.insert(way, values);
                    self.latches.push((cell, from));
                }
                PortKind::Notes { capacity } if !self.notes.contains_key(&way) => {
                    let capacity = usize::from(capacity);
                    let buffer = self.drafts.notes(capacity);
                    let latch = Box::new(NoteLatch::new(capacity));
                    let cell = self.glue(latch, Vec::new(), vec![Port::Notes(buffer)]);
                    self.notes.insert(way, buffer);
                    self.latches.push((cell, from));
                }
                _ => {}
            }
        }
    }

    /// At the end of the quantum, what loops carry is put aside for the next.
    fn close_loops(&mut self) {
        for (cell, from) in std::mem::take(&mut self.latches) {
            let way = Way::straight(from);
            let input = match self.audio.get(&way) {
                Some(values) => Port::Audio(values.clone()),
                None => Port::Notes(self.notes[&way]),
            };
            self.drafts.push(StepDraft { cell, inputs: vec![input], ..StepDraft::default() });
        }
    }

    /// Adds a step that is no node of the preset.
    fn glue(&mut self, processor: Box<dyn Processor>, inputs: Vec<Port>, outputs: Vec<Port>) -> u32 {
        let cell = self.cells.len() as u32;
        self.cells.push(Cell::new(processor, Box::default(), 0, None));
        self.drafts.push(StepDraft { cell, inputs, outputs, ..StepDraft::default() });
        cell
    }

    /// The values that a way carries.
    fn audio_by(&mut self, way: Way) -> Vec<Value> {
        if let Some(values) = self.audio.get(&way) {
            return values.clone();
        }
        let from = self.audio[&Way { pad: 0, ..way }].clone();
        let delay = AudioDelay::new(from.len(), way.pad as usize);
        let to = self.drafts.values(from.len() as u16);
        self.glue(Box::new(delay), vec![Port::Audio(from)], vec![Port::Audio(to.clone())]);
        self.audio.insert(way, to.clone());
        to
    }

    /// The buffer that a way carries.
    fn notes_by(&mut self, way: Way) -> u32 {
        if let Some(buffer) = self.notes.get(&way) {
            return *buffer;
        }
        let from = self.notes[&Way { pad: 0, ..way }];
        let capacity = self.drafts.notes_capacity(from);
        let to = self.drafts.notes(capacity);
        let delay = NoteDelay::new(way.pad as usize, capacity);
        self.glue(Box::new(delay), vec![Port::Notes(from)], vec![Port::Notes(to)]);
        self.notes.insert(way, to);
        to
    }

    fn node_step(&mut self, index: usize) {
        let nodes = self.nodes;
        let node = &nodes[index];
        // Delays and merges are steps of their own and come first.
        let sources: Vec<Vec<Source>> =
            node.inputs.iter().map(|list| list.iter().map(|route| self.source(route)).collect()).collect();
        let modulators: Vec<(usize, Vec<Value>)> = node
            .modulators
            .iter()
            .enumerate()
            .filter_map(|(slot, route)| Some((slot, self.audio_by(route.as_ref()?.way))))
            .collect();
        let merged: Vec<u32> = sources.iter().map(|sources| self.merge(sources)).collect();
        let mut step = StepDraft { cell: index as u32, lateness: node.heard, ..Default::default() };
        for (port, (spec, sources)) in node.entry.ports.inputs.iter().zip(&sources).enumerate() {
            step.inputs.push(match spec.kind {
                PortKind::Audio { .. } => {
                    let width = node.widths.inputs[port];
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
        if node.entry.kind.role == Role::NotesIn {
            let inbox = self.drafts.notes(INBOX);
            self.inboxes[index] = inbox;
            step.inputs.push(Port::Notes(inbox));
        }
        for (slot, values) in modulators {
            let modulation = self.modulation(index, slot, &values, &mut step.sums);
            step.modulations.extend(modulation);
        }
        for port in 0..node.entry.ports.outputs.len() {
            step.outputs.push(self.output(Outlet { node: index, port }));
        }
        if !node.entry.overrides.is_empty() {
            step.overrides = Some(self.overrides.len() as u32);
            self.overrides.push(node.entry.overrides);
        }
        self.drafts.push(step);
    }

    fn source(&mut self, route: &Route) -> Source {
        let Outlet { node, port } = route.way.from;
        match self.nodes[node].entry.ports.outputs[port].kind {
            PortKind::Audio { .. } => Source::Audio(self.audio_by(route.way), route.gain),
            PortKind::Notes { .. } => Source::Notes(self.notes_by(route.way)),
            PortKind::Packets { .. } => Source::Packets(self.packets[&route.way.from]),
        }
    }

    /// One buffer for all notes of a port.
    fn merge(&mut self, sources: &[Source]) -> u32 {
        let buffers: Vec<u32> =
            sources.iter().filter_map(|s| if let Source::Notes(b) = s { Some(*b) } else { None }).collect();
        match buffers.as_slice() {
            [] => NOTHING,
            [one] => *one,
            many => {
                let capacity = many.iter().map(|buffer| self.drafts.notes_capacity(*buffer)).sum();
                let to = self.drafts.notes(capacity);
                let inputs = many.iter().map(|buffer| Port::Notes(*buffer)).collect();
                self.glue(Box::new(NoteMerge { sources: many.len() }), inputs, vec![Port::Notes(to)]);
                to
            }
        }
    }

    /// One channel of an input: silence, a source as it is, or a sum.
    fn channel(
        &mut self,
        channel: u16,
        width: u16,
        sources: &[Source],
        sums: &mut Vec<(Value, Vec<(Value, f32)>)>,
    ) -> Value {
        let mut terms: Vec<(Value, f32)> = Vec::with_capacity(sources.len());
        for source in sources {
            let Source::Audio(values, gain) = source else { continue };
            match (values.as_slice(), width) {
                ([mono], _) => terms.push((*mono, *gain)),
                ([left, right], 1) => terms.extend([(*left, gain * 0.5), (*right, gain * 0.5)]),
                (values, _) => terms.extend(values.get(usize::from(channel)).map(|value| (*value, *gain))),
            }
        }
        terms.retain(|(_, gain)| *gain != 0.0);
        self.sum(terms, sums)
    }

    fn sum(&mut self, terms: Vec<(Value, f32)>, sums: &mut Vec<(Value, Vec<(Value, f32)>)>) -> Value {
        match terms.as_slice() {
            [] => NOTHING,
            [(value, 1.0)] => *value,
            _ => {
                // Stereo from mono sources is the same sum twice.
                if let Some((value, _)) = sums.iter().find(|(_, known)| *known == terms) {
                    return *value;
                }
                let value = self.drafts.values(1)[0];
                sums.push((value, terms));
                value
            }
        }
    }

    fn modulation(
        &mut self,
        index: usize,
        slot: usize,
        values: &[Value],
        sums: &mut Vec<(Value, Vec<(Value, f32)>)>,
    ) -> Option<ModulationDraft> {
        let entry = self.nodes[index].entry;
        let param = &entry.params[slot];
        let modulation = param.modulation.as_ref()?;
        let share = 1.0 / values.len().max(1) as f32;
        let source = self.sum(values.iter().map(|value| (*value, share)).collect(), sums);
        let range = param.spec.range;
        let polarity =
            self.nodes[modulation.from.node].entry.ports.outputs[modulation.from.port].polarity()?;
        let reach = match modulation.reach {
            ParamReach::Span { min, max } => Reach::span(&range, min, max, polarity),
            ParamReach::Around(depth) => {
                let tempo = entry.overrides.apply(self.options.settings).tempo;
                Reach::Around {
                    scale: depth_scale(param.spec, param.amount.at_tempo(param.spec, tempo), depth),
                }
            }
        };
        Some(ModulationDraft { slot: slot as u16, source, reach, range })
    }

    fn output(&mut self, outlet: Outlet) -> Port {
        let (node, way) = (&self.nodes[outlet.node], Way::straight(outlet));
        match node.entry.ports.outputs[outlet.port].kind {
            PortKind::Audio { .. } => {
                let values = self.drafts.values(node.widths.outputs[outlet.port]);
                self.audio.insert(way, values.clone());
                Port::Audio(values)
            }
            PortKind::Notes { capacity } => {
                let buffer = self.drafts.notes(usize::from(capacity));
                self.notes.insert(way, buffer);
                Port::Notes(buffer)
            }
            PortKind::Packets { flow } => {
                let rate = self.options.sample_rate;
                let (frames, bytes) =
                    flow.map_or((1, 0), |flow| (flow.frames(rate) as usize, flow.bytes(rate)));
                // As many as can end in one quantum.
                let packets = QUANTUM.div_ceil(frames) + 1;
                let buffer = self.drafts.packets(packets, packets * bytes);
                self.packets.insert(outlet, buffer);
                Port::Packets(buffer)
            }
        }
    }

    fn leaving(&self, role: Role) -> Vec<usize> {
        (0..self.nodes.len()).filter(|index| self.nodes[*index].entry.kind.role == role).collect()
    }

    /// When the slowest of what leaves the engine does so.
    fn output_latency(&self) -> u32 {
        let leaving = self.leaving(Role::Output).into_iter().chain(self.leaving(Role::NotesOut));
        leaving.map(|index| self.nodes[index].lead).max().unwrap_or(0)
    }

    /// What leaves the engine by a node, together with the slowest.
    fn exit(&self, node: usize, latency: u32) -> Way {
        Way { from: Outlet { node, port: 0 }, cut: false, pad: latency - self.nodes[node].lead }
    }

    fn outputs(&mut self, latency: u32) -> [Vec<Value>; 2] {
        let mut channels = [Vec::new(), Vec::new()];
        for node in self.leaving(Role::Output) {
            let values = self.audio_by(self.exit(node, latency));
            for (index, channel) in channels.iter_mut().enumerate() {
                channel.extend(values.get(index).or(values.first()));
            }
        }
        channels
    }

    fn notes_out(&mut self, latency: u32) -> Vec<u32> {
        let nodes = self.leaving(Role::NotesOut);
        nodes.into_iter().map(|node| self.notes_by(self.exit(node, latency))).collect()
    }
}

/// Notes from outside that can arrive in one quantum.
const INBOX: usize = 512;

/// What a connection brings.
enum Source {
    Audio(Vec<Value>, f32),
    Notes(u32),
    Packets(u32),
}

fn cell(node: &NodeEntry, processor: Box<dyn Processor>, options: &Options) -> Cell {
    let tempo = node.overrides.apply(options.settings).tempo;
    let mut modulated = 0;
    let slots = node.params.iter().enumerate().map(|(index, param)| {
        let centred = matches!(&param.modulation, Some(m) if matches!(m.reach, ParamReach::Around(_)));
        modulated |= u64::from(param.modulation.is_some()) << index;
        Slot::new(param.spec, param.amount, tempo, options.sample_rate, centred)
    });
    let slots: Box<[Slot]> = slots.collect();
    let level = node.ports.audible().then(|| slots.len() - 2);
    let mut cell = Cell::new(processor, slots, modulated, level);
    cell.tempo = node.overrides.tempo;
    cell
}

/// How far a source's 1 moves the parameter, as a part of its range.
fn depth_scale(spec: &ParamSpec, value: f32, depth: Depth) -> f32 {
    let range = &spec.range;
    match depth {
        Depth::Ratio(part) => part,
        Depth::Own(distance) => {
            let there = range.extended_position(value + distance.abs());
            (there - range.position(value)).copysign(distance)
        }
        Depth::Semitones(interval) => match range.curve {
            Curve::Exponential => interval / 12.0 / (range.max / range.min).log2(),
            _ => 0.0,
        },
    }
}
