//! Steps, first with values, then in running order with buffers.

use super::arrangement::{Arrangement, Recursions};
use super::buffers::{Lives, Value};
use crate::engine::tasks::Task;
use crate::engine::{
    Blend, Company, Extra, Fade, Law, MemorySize, Modulation, NOTHING, Plug, Reach, Stretch, Sum, Term,
};
use crate::param::Range;

/// A port of a step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Port {
    Audio(Vec<Value>),
    Notes(u32),
    Packets(u32),
}

/// A modulation whose source is still a value.
#[derive(Debug, Clone)]
pub(crate) struct ModulationDraft {
    pub slot: u16,
    pub source: Value,
    pub reach: Reach,
    pub range: Range,
}

/// A parameter whose modulation changes; its sources are still values.
#[derive(Debug, Clone)]
pub(crate) struct BlendDraft {
    pub slot: u16,
    pub range: Range,
    pub drives: [Option<(Value, Reach)>; 2],
}

/// What one channel is the sum of: values and their gains, and those whose gains change.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct SumDraft {
    pub terms: Vec<(Value, f32)>,
    pub fades: Vec<(Value, [f32; 2], Law)>,
}

impl SumDraft {
    fn values(&self) -> impl Iterator<Item = Value> {
        self.terms.iter().map(|(value, _)| *value).chain(self.fades.iter().map(|(value, ..)| *value))
    }
}

/// One node's turn, before buffers are assigned.
#[derive(Debug, Clone, Default)]
pub(crate) struct StepDraft {
    pub cell: u32,
    pub sums: Vec<(Value, SumDraft)>,
    pub modulations: Vec<ModulationDraft>,
    pub blends: Vec<BlendDraft>,
    pub inputs: Vec<Port>,
    pub outputs: Vec<Port>,
    pub lateness: u32,
    pub overrides: Option<u32>,
    /// What it may run side by side with its like.
    pub recursions: Option<Recursions>,
}

/// An event buffer: of notes, or of packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Events {
    Notes(u32),
    Packets(u32),
}

impl StepDraft {
    /// The values that it makes: sums, and what leaves it.
    pub fn written(&self) -> impl Iterator<Item = Value> {
        self.sums.iter().map(|(value, _)| *value).chain(audio(&self.outputs))
    }

    /// The values that it reads, its own sums among them; never silence.
    pub fn read(&self) -> impl Iterator<Item = Value> {
        let summed = self.sums.iter().flat_map(|(_, sum)| sum.values());
        let drives = self.blends.iter().flat_map(|blend| blend.drives.iter().flatten());
        let modulations = self.modulations.iter().map(|modulation| modulation.source);
        let all =
            summed.chain(drives.map(|(source, _)| *source)).chain(modulations).chain(audio(&self.inputs));
        all.filter(|value| *value != NOTHING)
    }

    /// The event buffers that it fills.
    pub fn events_out(&self) -> impl Iterator<Item = Events> {
        events(&self.outputs)
    }

    /// The event buffers that it reads.
    pub fn events_in(&self) -> impl Iterator<Item = Events> {
        events(&self.inputs)
    }
}

fn audio(ports: &[Port]) -> impl Iterator<Item = Value> {
    ports.iter().flat_map(|port| if let Port::Audio(values) = port { &values[..] } else { &[] }).copied()
}

fn events(ports: &[Port]) -> impl Iterator<Item = Events> {
    ports.iter().filter_map(|port| match port {
        Port::Notes(NOTHING) | Port::Packets(NOTHING) | Port::Audio(_) => None,
        Port::Notes(buffer) => Some(Events::Notes(*buffer)),
        Port::Packets(buffer) => Some(Events::Packets(*buffer)),
    })
}

/// A step with its indices, to be joined with its cell.
pub(crate) struct WiredStep {
    pub cell: u32,
    pub inputs: Stretch,
    pub outputs: Stretch,
    pub audio_out: Stretch,
    pub extra: Extra,
    pub company: Company,
}

/// The lists of a schedule that only hold indices.
pub(crate) struct Wired {
    pub steps: Vec<WiredStep>,
    pub sums: Vec<Sum>,
    pub terms: Vec<Term>,
    pub fades: Vec<Fade>,
    pub modulations: Vec<Modulation>,
    pub blends: Vec<Blend>,
    pub outputs: [Sum; 2],
    pub plugs: Vec<Plug>,
    pub wires: Vec<u32>,
    pub size: MemorySize,
    /// Parts that several threads may run, and what waits for each.
    pub tasks: Vec<Task>,
    pub leads: Vec<u32>,
    /// The buffer of each value.
    buffers: Vec<u32>,
}

/// Values and event buffers while steps are drafted, in an order in which they could run.
#[derive(Default)]
pub(crate) struct Drafts {
    pub steps: Vec<StepDraft>,
    /// How many values there are; value 0 is silence and not counted.
    values: u32,
    notes: Vec<usize>,
    packets: Vec<(usize, usize)>,
}

impl Drafts {
    /// New values.
    pub fn values(&mut self, count: u16) -> Vec<Value> {
        let first = self.values + 1;
        self.values += u32::from(count);
        (first..=self.values).collect()
    }

    pub fn notes(&mut self, capacity: usize) -> u32 {
        self.notes.push(capacity);
        self.notes.len() as u32
    }

    pub fn packets(&mut self, packets: usize, bytes: usize) -> u32 {
        self.packets.push((packets, bytes));
        self.packets.len() as u32
    }

    pub fn notes_capacity(&self, buffer: u32) -> usize {
        if buffer == NOTHING { 0 } else { self.notes[buffer as usize - 1] }
    }

    /// Adds a step.
    pub fn push(&mut self, draft: StepDraft) {
        self.steps.push(draft);
    }

    /// Puts the steps in running order, assigns buffers and flattens everything into lists. The outputs are read after
    /// the last step.
    pub fn wire(self, outputs: &[SumDraft; 2], costs: &[f32], threads: usize) -> Wired {
        let arrangement = Arrangement::new(&self.steps, costs, threads);
        let lives = self.lives(&arrangement, outputs);
        let (buffers, blocks) = lives.assign();
        let size = MemorySize { blocks, notes: self.notes, packets: self.packets };
        let mut wired = Wired {
            steps: Vec::with_capacity(self.steps.len()),
            sums: Vec::new(),
            terms: Vec::new(),
            fades: Vec::new(),
            modulations: Vec::new(),
            blends: Vec::new(),
            outputs: [Sum::default(); 2],
            plugs: Vec::new(),
            wires: Vec::new(),
            size,
            buffers,
            tasks: Vec::new(),
            leads: Vec::new(),
        };
        for group in &arrangement.groups {
            for (place, index) in group.iter().enumerate() {
                let company = match (group.len(), place + 1 == group.len()) {
                    (1, _) => Company::Alone,
                    (_, false) => Company::Together,
                    (_, true) => Company::Last,
                };
                let step = wired.step(&self.steps[*index], company);
                wired.steps.push(step);
            }
        }
        wired.cut(&arrangement);
        wired.outputs = [wired.sum(NOTHING, &outputs[0]), wired.sum(NOTHING, &outputs[1])];
        wired
    }

    /// When each value is alive. Steps of a group run at the same time: what one of them reads, no other may write
    /// over; and nobody knows when those of other tasks run.
    fn lives(&self, arrangement: &Arrangement, outputs: &[SumDraft; 2]) -> Lives {
        let mut lives = Lives::new(self.values);
        let mut task = 0;
        for (time, group) in arrangement.groups.iter().enumerate() {
            while arrangement.tasks.get(task as usize).is_some_and(|(end, _)| *end <= time) {
                task += 1;
            }
            for step in group.iter().map(|index| &self.steps[*index]) {
                step.written().chain(step.read()).for_each(|value| lives.touch(value, time as u32, task));
            }
        }
        let end = (arrangement.groups.len() as u32, arrangement.tasks.len() as u32);
        outputs.iter().flat_map(SumDraft::values).for_each(|value| lives.touch(value, end.0, end.1));
        lives
    }
}

impl Wired {
    fn step(&mut self, draft: &StepDraft, company: Company) -> WiredStep {
        let sums = self.sums.len();
        for (to, sum) in &draft.sums {
            let sum = self.sum(*to, sum);
            self.sums.push(sum);
        }
        let modulations = self.modulations.len();
        for modulation in &draft.modulations {
            let source = self.buffers[modulation.source as usize];
            let ModulationDraft { slot, reach, range, .. } = *modulation;
            self.modulations.push(Modulation { slot, source, reach, range });
        }
        let blends = self.blends.len();
        for blend in &draft.blends {
            let drive = |drive: &Option<(Value, Reach)>| {
                drive.map(|(source, reach)| (self.buffers[source as usize], reach))
            };
            let (drives, centres) = (blend.drives.each_ref().map(drive), Default::default());
            self.blends.push(Blend { slot: blend.slot, range: blend.range, drives, centres });
        }
        let (inputs, audio_in) = self.audio(&draft.inputs);
        let (outputs, audio_out) = self.audio(&draft.outputs);
        let notes = |port: &Port| if let Port::Notes(buffer) = port { Some(*buffer) } else { None };
        let packets = |port: &Port| if let Port::Packets(buffer) = port { Some(*buffer) } else { None };
        let extra = Extra {
            sums: Stretch::between(sums, self.sums.len()),
            modulations: Stretch::between(modulations, self.modulations.len()),
            blends: Stretch::between(blends, self.blends.len()),
            audio_in,
            notes_in: self.list(draft.inputs.iter().filter_map(notes)),
            notes_out: self.list(draft.outputs.iter().filter_map(notes)),
            packets_in: self.list(draft.inputs.iter().filter_map(packets)),
            packets_out: self.list(draft.outputs.iter().filter_map(packets)),
            lateness: draft.lateness,
            overrides: draft.overrides,
        };
        WiredStep { cell: draft.cell, inputs, outputs, audio_out, extra, company }
    }

    fn cut(&mut self, arrangement: &Arrangement) {
        let (mut group, mut step) = (0, 0);
        for (task, (end, waits)) in arrangement.tasks.iter().enumerate() {
            let from = step;
            step += arrangement.groups[group..*end].iter().map(Vec::len).sum::<usize>();
            group = *end;
            let leads = self.leads.len();
            let waiting =
                arrangement.tasks.iter().enumerate().filter(|(_, (_, waits))| waits.contains(&task));
            self.leads.extend(waiting.map(|(other, _)| other as u32));
            self.tasks.push(Task {
                steps: Stretch::between(from, step),
                waits: waits.len() as u32,
                leads: Stretch::between(leads, self.leads.len()),
            });
        }
    }

    fn sum(&mut self, to: Value, sum: &SumDraft) -> Sum {
        let (terms, fades, buffers) = (self.terms.len(), self.fades.len(), &self.buffers);
        let term = |(from, gain): &(Value, f32)| Term { from: buffers[*from as usize], gain: *gain };
        self.terms.extend(sum.terms.iter().map(term));
        let fade = |(from, gains, law): &(Value, [f32; 2], Law)| Fade {
            from: buffers[*from as usize],
            gains: *gains,
            law: *law,
        };
        self.fades.extend(sum.fades.iter().map(fade));
        Sum {
            to: buffers[to as usize],
            terms: Stretch::between(terms, self.terms.len()),
            fades: Stretch::between(fades, self.fades.len()),
        }
    }

    fn audio(&mut self, ports: &[Port]) -> (Stretch, Stretch) {
        let (plugs, wires) = (self.plugs.len(), self.wires.len());
        for port in ports {
            let start = self.wires.len();
            let plug = match port {
                Port::Audio(values) => {
                    let buffers = &self.buffers;
                    self.wires.extend(values.iter().map(|value| buffers[*value as usize]));
                    Stretch::between(start, self.wires.len())
                }
                Port::Notes(buffer) | Port::Packets(buffer) => Plug { start: *buffer, len: 1 },
            };
            self.plugs.push(plug);
        }
        (Stretch::between(plugs, self.plugs.len()), Stretch::between(wires, self.wires.len()))
    }

    fn list(&mut self, buffers: impl Iterator<Item = u32>) -> Stretch {
        let start = self.wires.len();
        self.wires.extend(buffers);
        Stretch::between(start, self.wires.len())
    }
}
