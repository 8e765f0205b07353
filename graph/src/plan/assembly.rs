//! Joining prepared nodes: sums where connections meet, delays where latencies differ, latches where loops
//! close, and the order in which all of it runs.

use super::arrangement::Recursions;
use super::buffers::Value;
use super::build::Options;
use super::part::{Drive, Part, Route, Way};
use super::wiring::{BlendDraft, Drafts, ModulationDraft, Port, StepDraft, SumDraft};
use crate::chance::Chance;
use crate::dsp::QUANTUM;
use crate::engine::glue::{AudioDelay, HELD, Latch, NoteDelay, NoteGate, NoteLatch, NoteMerge, Onset};
use crate::engine::{Cell, Law, Memory, NOTHING, Peaks, Reach, Schedule, SharedCell, Slot, Step};
use crate::node::{Processor, Role};
use crate::port::PortKind;
use crate::preset::{NodeEntry, Outlet, ParamEntry, ParamReach, Priority};
use crate::settings::Overrides;
use std::collections::HashMap;
use std::sync::Arc;

/// What stands between nodes, by what it is for: two graphs that need the same share it, and what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Glue {
    /// A delay in a way, whose source is this cell.
    Delay(CellId, Way),
    /// What carries a loop's sound to the next quantum.
    Latch(CellId, Outlet),
    /// A connection of notes to a port, and how many there are of the same before it.
    Gate(CellId, Way, CellId, usize, usize),
}

/// A cell, told from others for as long as it lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct CellId(usize);

impl CellId {
    pub fn of(cell: &Arc<SharedCell>) -> Self {
        Self(Arc::as_ptr(cell).addr())
    }
}

/// The cells of what stands between nodes.
pub(crate) type GlueCells = HashMap<Glue, Arc<SharedCell>>;

/// A schedule in the making.
pub(crate) struct Assembly<'a> {
    nodes: &'a [Part],
    options: &'a Options,
    known: &'a GlueCells,
    /// How delays and latches begin.
    onset: Onset,
    made: GlueCells,
    drafts: Drafts,
    cells: Vec<Arc<SharedCell>>,
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
    /// Takes what stands between nodes from `known` where it is known.
    pub fn new(nodes: &'a [Part], known: &'a GlueCells, onset: Onset, options: &'a Options) -> Self {
        Self {
            nodes,
            options,
            known,
            onset,
            made: GlueCells::new(),
            drafts: Drafts::default(),
            cells: nodes.iter().map(|part| Arc::clone(&part.cell)).collect(),
            overrides: Vec::new(),
            inboxes: vec![NOTHING; nodes.len()],
            audio: HashMap::new(),
            notes: HashMap::new(),
            packets: HashMap::new(),
            latches: Vec::new(),
        }
    }

    /// Joins the nodes, which run in this sequence, for so many threads at most, and gives the cells that stand between
    /// them.
    pub fn schedule(mut self, sequence: &[usize], exits: &Exits, threads: usize) -> (Schedule, GlueCells) {
        self.open_loops();
        for index in sequence {
            self.node_step(*index);
        }
        self.close_loops();
        let outputs = self.outputs(&exits.audio);
        let notes_out = exits.notes.iter().map(|way| self.notes_by(*way)).collect();
        let costs: Vec<f32> = self.drafts.steps.iter().map(|step| self.cost(step)).collect();
        let wired = self.drafts.wire(&outputs, &costs, threads);
        let follows_tempo =
            self.nodes.iter().enumerate().filter(|(_, node)| node.entry.overrides.tempo.is_none());
        let musical = follows_tempo.flat_map(|(index, node)| {
            let slots = node.entry.params.iter().enumerate().filter(|(_, param)| param.spec.musical);
            slots.map(move |(slot, _)| (index as u32, slot as u16))
        });
        let low =
            |(index, node): (usize, &Part)| (node.entry.priority == Priority::Low).then_some(index as u32);
        let cells = self.cells;
        let extras = wired.steps.iter().map(|step| step.extra).collect();
        let steps = wired.steps.into_iter().map(|step| Step {
            cell: Arc::clone(&cells[step.cell as usize]),
            index: step.cell,
            plain: step.extra.is_plain(),
            company: step.company,
            inputs: step.inputs,
            outputs: step.outputs,
            audio_out: step.audio_out,
        });
        let schedule = Schedule {
            steps: steps.collect(),
            tasks: wired.tasks.into(),
            leads: wired.leads.into(),
            extras,
            sums: wired.sums.into(),
            terms: wired.terms.into(),
            fades: wired.fades.into(),
            modulations: wired.modulations.into(),
            blends: wired.blends.into(),
            plugs: wired.plugs.into(),
            wires: wired.wires.into(),
            overrides: self.overrides.into(),
            cells: cells.into(),
            memory: Memory::new(&wired.size),
            outputs: wired.outputs,
            notes_out,
            musical: musical.collect(),
            sheddable: self.nodes.iter().enumerate().filter_map(low).collect(),
            open_inboxes: self.inboxes.iter().copied().filter(|inbox| *inbox != NOTHING).collect(),
            inboxes: self.inboxes.into(),
            lateness: self.nodes.iter().map(|node| node.heard).collect(),
            latency: exits.latency,
        };
        (schedule.verified(), self.made)
    }

    /// Nanoseconds that a step takes, as far as anybody knows.
    fn cost(&self, step: &StepDraft) -> f32 {
        match self.cells[step.cell as usize].cost() {
            0.0 => UNKNOWN_COST,
            known => known,
        }
    }

    /// At the start of the quantum, every loop gives what it carried over from the one before.
    fn open_loops(&mut self) {
        let cuts = self.nodes.iter().flat_map(Part::ways).filter(|way| way.cut);
        for Way { from, .. } in cuts {
            let source = &self.nodes[from.node];
            let way = Way::before(from);
            match source.entry.ports.outputs[from.port].kind {
                PortKind::Audio { .. } if !self.audio.contains_key(&way) => {
                    let width = source.widths.outputs[from.port];
                    let values = self.drafts.values(width);
                    let onset = self.onset;
                    let latch = self.latch(from, || Box::new(Latch::new(usize::from(width), onset)));
                    let cell = self.glue(latch, Vec::new(), vec![Port::Audio(values.clone())]);
                    self.audio.insert(way, values);
                    self.latches.push((cell, from));
                }
                PortKind::Notes { capacity } if !self.notes.contains_key(&way) => {
                    let capacity = usize::from(capacity);
                    let buffer = self.drafts.notes(capacity);
                    let latch = self.latch(from, || Box::new(NoteLatch::new(capacity)));
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

    fn latch(&mut self, from: Outlet, make: impl FnOnce() -> Box<dyn Processor>) -> Arc<SharedCell> {
        self.between(Glue::Latch(self.id(from), from), make)
    }

    fn id(&self, from: Outlet) -> CellId {
        CellId::of(&self.nodes[from.node].cell)
    }

    /// The cell of what stands between nodes: the one that is known, or a new one.
    fn between(&mut self, glue: Glue, make: impl FnOnce() -> Box<dyn Processor>) -> Arc<SharedCell> {
        let glue = glue.unplaced();
        let cell = self.known.get(&glue).map_or_else(|| plain_cell(make()), Arc::clone);
        self.made.insert(glue, Arc::clone(&cell));
        cell
    }

    /// Adds a step that is no node of the preset.
    fn glue(&mut self, cell: Arc<SharedCell>, inputs: Vec<Port>, outputs: Vec<Port>) -> u32 {
        let index = self.cells.len() as u32;
        self.cells.push(cell);
        self.drafts.push(StepDraft { cell: index, inputs, outputs, ..StepDraft::default() });
        index
    }

    /// The values that a way carries.
    fn audio_by(&mut self, way: Way) -> Vec<Value> {
        if let Some(values) = self.audio.get(&way) {
            return values.clone();
        }
        let from = self.audio[&Way { pad: 0, ..way }].clone();
        let (channels, frames) = (from.len(), way.pad as usize);
        let (delay, onset) = (Glue::Delay(self.id(way.from), way), self.onset);
        let delay = self.between(delay, || Box::new(AudioDelay::new(channels, frames, onset)));
        let to = self.drafts.values(from.len() as u16);
        self.glue(delay, vec![Port::Audio(from)], vec![Port::Audio(to.clone())]);
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
        let delay = Glue::Delay(self.id(way.from), way);
        let delay = self.between(delay, || Box::new(NoteDelay::new(way.pad as usize, capacity)));
        self.glue(delay, vec![Port::Notes(from)], vec![Port::Notes(to)]);
        self.notes.insert(way, to);
        to
    }

    fn node_step(&mut self, index: usize) {
        let nodes = self.nodes;
        let node = &nodes[index];
        // Delays and merges are steps of their own and come first.
        let mut sources: Vec<Vec<Source>> = Vec::with_capacity(node.inputs.len());
        for (port, routes) in node.inputs.iter().enumerate() {
            sources.push((0..routes.len()).map(|nth| self.source(index, port, nth)).collect());
        }
        let drives: Vec<(usize, Driven)> = (node.drives.iter().enumerate())
            .filter_map(|(slot, drive)| Some((slot, drive.as_ref()?)))
            .map(|(slot, drive)| (slot, self.driven(drive)))
            .collect();
        let redriven: Vec<(usize, [Option<Driven>; 2])> = (node.redriven.iter())
            .map(|redriven| {
                let drive = |drive: &Option<Drive>| drive.as_ref().map(|drive| self.driven(drive));
                (redriven.slot, redriven.drives.each_ref().map(drive))
            })
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
        for (slot, (values, reach)) in drives {
            let (source, range) = (self.mono(&values, &mut step.sums), node.entry.params[slot].spec.range);
            step.modulations.push(ModulationDraft { slot: slot as u16, source, reach, range });
        }
        for (slot, drives) in redriven {
            let drives =
                drives.map(|drive| drive.map(|(values, reach)| (self.mono(&values, &mut step.sums), reach)));
            let range = node.entry.params[slot].spec.range;
            step.blends.push(BlendDraft { slot: slot as u16, range, drives });
        }
        if node.entry.kind.recursive(&node.entry.config) {
            let lanes = node.widths.outputs.iter().map(|width| usize::from(*width)).sum::<usize>().max(1);
            let moved = !step.modulations.is_empty() || !step.blends.is_empty();
            step.recursions = Some(Recursions { key: (node.entry.kind.name, moved), lanes });
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

    fn driven(&mut self, drive: &Drive) -> Driven {
        (self.audio_by(drive.way), drive.reach)
    }

    fn source(&mut self, node: usize, port: usize, nth: usize) -> Source {
        let nodes = self.nodes;
        let routes = &nodes[node].inputs[port];
        let Route { way, gains, law } = routes[nth];
        match nodes[way.from.node].entry.ports.outputs[way.from.port].kind {
            PortKind::Audio { .. } => Source::Audio(self.audio_by(way), gains, law),
            PortKind::Packets { .. } => Source::Packets(self.packets[&way.from]),
            PortKind::Notes { .. } => {
                let before = routes[..nth].iter().filter(|route| route.way == way).count();
                let to = CellId::of(&nodes[node].cell);
                let from = self.notes_by(way);
                let gate = Glue::Gate(self.id(way.from), way, to, port, before);
                let name = source_number(&nodes[way.from.node].entry.seed_as, way.from.port);
                let gate = self.between(gate, || Box::new(NoteGate::new(name)));
                let to = self.drafts.notes(self.drafts.notes_capacity(from) + HELD + 32);
                self.glue(gate, vec![Port::Notes(from)], vec![Port::Notes(to)]);
                Source::Notes(to)
            }
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
                let merge = plain_cell(Box::new(NoteMerge { sources: many.len() }));
                self.glue(merge, inputs, vec![Port::Notes(to)]);
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
                let value = self.drafts.values(1)[0];
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

    fn outputs(&mut self, exits: &[Route]) -> [SumDraft; 2] {
        let mut sums = [SumDraft::default(), SumDraft::default()];
        for Route { way, gains, law } in exits {
            let values = self.audio_by(*way);
            for (channel, sum) in sums.iter_mut().enumerate() {
                sum.add(&values, channel, 2, *gains, *law);
            }
        }
        sums
    }
}

/// What leaves the engine.
#[derive(Clone, Default)]
pub(crate) struct Exits {
    pub audio: Vec<Route>,
    pub notes: Vec<Way>,
    /// Frames by which all of it lags behind the engine's clock.
    pub latency: u32,
}

impl Exits {
    /// Of nodes that are outputs: all leave together with the slowest.
    pub fn of(parts: &[Part]) -> Self {
        let leaving =
            |role: Role| (0..parts.len()).filter(move |index| parts[*index].entry.kind.role == role);
        let all = leaving(Role::Output).chain(leaving(Role::NotesOut));
        let latency = all.map(|index| parts[index].lead).max().unwrap_or(0);
        let way =
            |node: usize| Way { from: Outlet { node, port: 0 }, cut: false, pad: latency - parts[node].lead };
        Self {
            audio: leaving(Role::Output).map(|node| Route::steady(way(node), 1.0)).collect(),
            notes: leaving(Role::NotesOut).map(way).collect(),
            latency,
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

/// A cell of what has neither parameters nor level.
fn plain_cell(processor: Box<dyn Processor>) -> Arc<SharedCell> {
    Arc::new(SharedCell::new(Cell::new(processor, Box::default(), 0, None)))
}

impl Glue {
    /// The same wherever its nodes stand in the text: its cells say which they are.
    fn unplaced(self) -> Self {
        let outlet = |from: Outlet| Outlet { node: 0, ..from };
        let unplaced = |way: Way| Way { from: outlet(way.from), ..way };
        match self {
            Self::Delay(source, way) => Self::Delay(source, unplaced(way)),
            Self::Latch(source, from) => Self::Latch(source, outlet(from)),
            Self::Gate(source, way, to, port, nth) => Self::Gate(source, unplaced(way), to, port, nth),
        }
    }
}

/// Nanoseconds of a step that was never measured.
const UNKNOWN_COST: f32 = 100.0;

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

/// The cell of a node of a preset.
pub(crate) fn cell(
    node: &NodeEntry,
    processor: Box<dyn Processor>,
    peaks: Peaks,
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
    (cell.tempo, cell.peaks) = (node.overrides.tempo, peaks);
    Arc::new(SharedCell::new(cell))
}

/// Whether a parameter is moved around its own value.
pub(crate) fn is_centred(param: &ParamEntry) -> bool {
    matches!(&param.modulation, Some(m) if matches!(m.reach, ParamReach::Around(_)))
}
