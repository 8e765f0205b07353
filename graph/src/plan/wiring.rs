//! Steps in running order, first with values, then with buffers.

use super::buffers::{Lives, Value};
use crate::engine::{Extra, MemorySize, Modulation, NOTHING, Plug, Reach, Stretch, Sum, Term};
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

/// One node's turn, before buffers are assigned.
#[derive(Debug, Clone, Default)]
pub(crate) struct StepDraft {
    pub cell: u32,
    pub sums: Vec<(Value, Vec<(Value, f32)>)>,
    pub modulations: Vec<ModulationDraft>,
    pub inputs: Vec<Port>,
    pub outputs: Vec<Port>,
    pub lateness: u32,
    pub overrides: Option<u32>,
}

/// A step with its indices, to be joined with its cell.
pub(crate) struct WiredStep {
    pub cell: u32,
    pub inputs: Stretch,
    pub outputs: Stretch,
    pub audio_out: Stretch,
    pub extra: Extra,
}

/// The lists of a schedule that only hold indices.
pub(crate) struct Wired {
    pub steps: Vec<WiredStep>,
    pub sums: Vec<Sum>,
    pub terms: Vec<Term>,
    pub modulations: Vec<Modulation>,
    pub plugs: Vec<Plug>,
    pub wires: Vec<u32>,
    pub size: MemorySize,
    /// The buffer of each value.
    pub buffers: Vec<u32>,
}

/// Values and event buffers while steps are drafted.
pub(crate) struct Drafts {
    pub steps: Vec<StepDraft>,
    pub lives: Lives,
    notes: Vec<usize>,
    packets: Vec<(usize, usize)>,
}

impl Drafts {
    pub fn new() -> Self {
        Self { steps: Vec::new(), lives: Lives::new(), notes: Vec::new(), packets: Vec::new() }
    }

    /// The number of the step that is drafted next.
    pub fn next(&self) -> u32 {
        self.steps.len() as u32
    }

    /// New values, written in the next step.
    pub fn values(&mut self, count: u16) -> Vec<Value> {
        let step = self.next();
        (0..count).map(|_| self.lives.write(step)).collect()
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

    /// Adds the next step and notes what it reads.
    pub fn push(&mut self, draft: StepDraft) {
        let step = self.next();
        for (_, terms) in &draft.sums {
            terms.iter().for_each(|(value, _)| self.lives.read(*value, step));
        }
        for modulation in &draft.modulations {
            self.lives.read(modulation.source, step);
        }
        for port in &draft.inputs {
            if let Port::Audio(values) = port {
                values.iter().for_each(|value| self.lives.read(*value, step));
            }
        }
        self.steps.push(draft);
    }

    /// Assigns buffers and flattens everything into lists.
    pub fn wire(self) -> Wired {
        let (buffers, blocks) = self.lives.assign();
        let size = MemorySize { blocks, notes: self.notes, packets: self.packets };
        let mut wired = Wired {
            steps: Vec::with_capacity(self.steps.len()),
            sums: Vec::new(),
            terms: Vec::new(),
            modulations: Vec::new(),
            plugs: Vec::new(),
            wires: Vec::new(),
            size,
            buffers,
        };
        for draft in self.steps {
            let step = wired.step(&draft);
            wired.steps.push(step);
        }
        wired
    }
}

impl Wired {
    fn step(&mut self, draft: &StepDraft) -> WiredStep {
        let sums = self.sums.len();
        for (to, terms) in &draft.sums {
            let start = self.terms.len();
            let buffers = &self.buffers;
            let term = |(from, gain): &(Value, f32)| Term { from: buffers[*from as usize], gain: *gain };
            self.terms.extend(terms.iter().map(term));
            let terms = Stretch::between(start, self.terms.len());
            self.sums.push(Sum { to: self.buffers[*to as usize], terms });
        }
        let modulations = self.modulations.len();
        for modulation in &draft.modulations {
            let source = self.buffers[modulation.source as usize];
            let ModulationDraft { slot, reach, range, .. } = *modulation;
            self.modulations.push(Modulation { slot, source, reach, range });
        }
        let (inputs, audio_in) = self.audio(&draft.inputs);
        let (outputs, audio_out) = self.audio(&draft.outputs);
        let notes = |port: &Port| if let Port::Notes(buffer) = port { Some(*buffer) } else { None };
        let packets = |port: &Port| if let Port::Packets(buffer) = port { Some(*buffer) } else { None };
        let extra = Extra {
            sums: Stretch::between(sums, self.sums.len()),
            modulations: Stretch::between(modulations, self.modulations.len()),
            audio_in,
            notes_in: self.list(draft.inputs.iter().filter_map(notes)),
            notes_out: self.list(draft.outputs.iter().filter_map(notes)),
            packets_in: self.list(draft.inputs.iter().filter_map(packets)),
            packets_out: self.list(draft.outputs.iter().filter_map(packets)),
            lateness: draft.lateness,
            overrides: draft.overrides,
        };
        WiredStep { cell: draft.cell, inputs, outputs, audio_out, extra }
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
