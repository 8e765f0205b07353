//! Steps, first with values, then with buffers in the segments of a schedule.

use super::arrangement::Recursions;
use super::program::{Item, Place, Signal, Value};
use crate::engine::{
    Blend, Company, Extra, Fade, Law, Modulation, NOTHING, Plug, Reach, Segment, Step, Stretch, Sum, Term,
};
use crate::param::Range;
use crate::settings::Overrides;
use std::sync::Arc;

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

/// One step, before buffers are assigned.
#[derive(Debug, Clone, Default)]
pub(crate) struct StepDraft {
    pub sums: Vec<(Value, SumDraft)>,
    pub modulations: Vec<ModulationDraft>,
    pub blends: Vec<BlendDraft>,
    pub inputs: Vec<Port>,
    pub outputs: Vec<Port>,
    pub lateness: u32,
    pub overrides: Option<Overrides>,
    /// What it may run side by side with its like.
    pub recursions: Option<Recursions>,
}

impl StepDraft {
    /// What it makes: sums, and what leaves it.
    pub fn written(&self) -> impl Iterator<Item = Signal> {
        let sums = self.sums.iter().map(|(value, _)| Signal::Audio(*value));
        sums.filter(|signal| *signal != Signal::Audio(NOTHING)).chain(signals(&self.outputs))
    }

    /// What it reads, its own sums among it; never silence.
    pub fn read(&self) -> impl Iterator<Item = Signal> {
        let summed = self.sums.iter().flat_map(|(_, sum)| sum.values());
        let drives = self.blends.iter().flat_map(|blend| blend.drives.iter().flatten());
        let modulations = self.modulations.iter().map(|modulation| modulation.source);
        let values = summed.chain(drives.map(|(source, _)| *source)).chain(modulations);
        values.filter(|value| *value != NOTHING).map(Signal::Audio).chain(signals(&self.inputs))
    }
}

/// What flows through ports.
pub(super) fn signals(ports: &[Port]) -> impl Iterator<Item = Signal> {
    ports.iter().flat_map(|port| {
        let (values, event) = match port {
            Port::Audio(values) => (&values[..], None),
            Port::Notes(NOTHING) | Port::Packets(NOTHING) => (&[][..], None),
            Port::Notes(buffer) => (&[][..], Some(Signal::Notes(*buffer))),
            Port::Packets(buffer) => (&[][..], Some(Signal::Packets(*buffer))),
        };
        let values = values.iter().copied().filter(|value| *value != NOTHING);
        values.map(Signal::Audio).chain(event)
    })
}

/// The lists of a segment while it is made.
pub(crate) struct Wiring<'p> {
    /// Of each value.
    places: &'p [Place],
    steps: Vec<Step>,
    extras: Vec<Extra>,
    sums: Vec<Sum>,
    terms: Vec<Term>,
    fades: Vec<Fade>,
    modulations: Vec<Modulation>,
    blends: Vec<Blend>,
    plugs: Vec<Plug>,
    wires: Vec<u32>,
    overrides: Vec<Overrides>,
}

impl<'p> Wiring<'p> {
    pub fn new(places: &'p [Place]) -> Self {
        Self {
            places,
            steps: Vec::new(),
            extras: Vec::new(),
            sums: Vec::new(),
            terms: Vec::new(),
            fades: Vec::new(),
            modulations: Vec::new(),
            blends: Vec::new(),
            plugs: Vec::new(),
            wires: Vec::new(),
            overrides: Vec::new(),
        }
    }

    pub fn finish(self) -> Segment {
        let segment = Segment {
            steps: self.steps.into(),
            extras: self.extras.into(),
            sums: self.sums.into(),
            terms: self.terms.into(),
            fades: self.fades.into(),
            modulations: self.modulations.into(),
            blends: self.blends.into(),
            plugs: self.plugs.into(),
            wires: self.wires.into(),
            overrides: self.overrides.into(),
            reach: Default::default(),
        };
        segment.verified()
    }

    /// Adds steps that may run side by side. Blends are counted over all segments.
    pub fn group(&mut self, group: &[&Item], blends: &mut u32) {
        for (place, item) in group.iter().enumerate() {
            let company = match (group.len(), place + 1 == group.len()) {
                (1, _) => Company::Alone,
                (_, false) => Company::Together,
                (_, true) => Company::Last,
            };
            self.step(item, company, blends);
        }
    }

    fn step(&mut self, item: &Item, company: Company, blends: &mut u32) {
        let (draft, Some(cell)) = (&item.draft, &item.cell) else { return };
        let sums = self.sums.len();
        for (to, sum) in &draft.sums {
            let sum = self.sum(*to, sum);
            self.sums.push(sum);
        }
        let modulations = self.modulations.len();
        for modulation in &draft.modulations {
            let source = self.wire(modulation.source);
            let ModulationDraft { slot, reach, range, .. } = *modulation;
            self.modulations.push(Modulation { slot, source, reach, range });
        }
        let first_blend = self.blends.len();
        for blend in &draft.blends {
            let drive =
                |drive: &Option<(Value, Reach)>| drive.map(|(source, reach)| (self.wire(source), reach));
            let (drives, centres) = (blend.drives.each_ref().map(drive), *blends);
            self.blends.push(Blend { slot: blend.slot, range: blend.range, drives, centres });
            *blends += 1;
        }
        let (inputs, audio_in) = self.audio(&draft.inputs);
        let (outputs, audio_out) = self.audio(&draft.outputs);
        let notes = |port: &Port| if let Port::Notes(buffer) = port { Some(*buffer) } else { None };
        let packets = |port: &Port| if let Port::Packets(buffer) = port { Some(*buffer) } else { None };
        let overrides = draft.overrides.map(|overrides| {
            self.overrides.push(overrides);
            self.overrides.len() as u32 - 1
        });
        let extra = Extra {
            sums: Stretch::between(sums, self.sums.len()),
            modulations: Stretch::between(modulations, self.modulations.len()),
            blends: Stretch::between(first_blend, self.blends.len()),
            audio_in,
            notes_in: self.list(draft.inputs.iter().filter_map(notes)),
            notes_out: self.list(draft.outputs.iter().filter_map(notes)),
            packets_in: self.list(draft.inputs.iter().filter_map(packets)),
            packets_out: self.list(draft.outputs.iter().filter_map(packets)),
            lateness: draft.lateness,
            overrides,
        };
        self.extras.push(extra);
        self.steps.push(Step {
            cell: Arc::clone(cell),
            node: item.node(),
            plain: extra.is_plain(),
            company,
            inputs,
            outputs,
            audio_out,
            wire: self.wires.get(audio_out.start as usize).copied().unwrap_or(NOTHING),
        });
    }

    fn wire(&self, value: Value) -> u32 {
        self.places[value as usize].wire
    }

    pub fn sum(&mut self, to: Value, sum: &SumDraft) -> Sum {
        let (terms, fades) = (self.terms.len(), self.fades.len());
        for (from, gain) in &sum.terms {
            self.terms.push(Term { from: self.wire(*from), gain: *gain });
        }
        for (from, gains, law) in &sum.fades {
            self.fades.push(Fade { from: self.wire(*from), gains: *gains, law: *law });
        }
        Sum {
            to: self.wire(to),
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
                    self.wires.extend(values.iter().map(|value| self.places[*value as usize].wire));
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
