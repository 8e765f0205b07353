//! One node's turn in a quantum: form its inputs, move its parameters, run it, and look at what comes out of
//! its door. Audio thread.

use super::cell::{Cell, Factor, Moves};
use super::context::Context;
use super::io::Io;
use super::memory::Memory;
use super::schedule::{Schedule, Step, Sum, Term, span};
use crate::command::{NodeId, Report};
use crate::controller::Link;
use crate::dsp::Block;
use crate::node::Status;

/// What all turns of a quantum share.
pub(crate) struct Turn<'a> {
    pub schedule: &'a Schedule,
    pub context: Context<'a>,
    pub moves: &'a Moves,
    pub signals: &'a mut [Block],
    pub level: &'a mut Block,
    pub link: &'a mut Link,
}

impl Turn<'_> {
    #[inline]
    pub fn run(&mut self, step: &Step) {
        let schedule = self.schedule;
        let memory = &schedule.memory;
        // SAFETY: the engine's thread runs one turn at a time, and no other reference to a cell is alive.
        let cell = unsafe { schedule.cells[step.cell as usize].get() };
        for sum in &schedule.sums[span(&step.sums)] {
            form(sum, &schedule.terms[span(&sum.terms)], memory);
        }
        clear_events(schedule, step);
        if cell.faulted || (cell.asleep && inputs_at_rest(schedule, step) && !cell.stirs()) {
            set_silent(schedule, step, true);
            return;
        }
        cell.asleep = false;
        if cell.stirs() || !step.modulations.is_empty() {
            self.move_params(step, cell);
        }
        let status = self.process(step, cell);
        cell.end_params();
        match status {
            Status::Active => self.look_at_door(step, cell),
            Status::Silent => set_silent(schedule, step, true),
            Status::Asleep => {
                set_silent(schedule, step, true);
                cell.asleep = true;
            }
        }
    }

    #[cold]
    fn move_params(&mut self, step: &Step, cell: &mut Cell) {
        cell.render_params(self.signals, self.moves);
        for modulation in &self.schedule.modulations[span(&step.modulations)] {
            let source = self.schedule.memory.block(modulation.source);
            let slot = usize::from(modulation.slot);
            let centre = cell.slots[slot].glide.target();
            modulation.render(source, &mut self.signals[slot], centre, cell.moves(modulation.slot));
        }
    }

    #[inline]
    fn process(&mut self, step: &Step, cell: &mut Cell) -> Status {
        let schedule = self.schedule;
        let mut io = Io {
            memory: &schedule.memory,
            wires: &schedule.wires,
            inputs: &schedule.plugs[span(&step.inputs)],
            outputs: &schedule.plugs[span(&step.outputs)],
            params: &cell.values,
            signals: self.signals,
        };
        if step.lateness == 0 && step.overrides == Step::NONE {
            return cell.processor.process(&self.context, &mut io);
        }
        let mut context = self.context;
        context.frame -= i64::from(step.lateness);
        if let Some(overrides) = schedule.overrides.get(step.overrides as usize) {
            context.overrides = *overrides;
        }
        cell.processor.process(&context, &mut io)
    }

    #[inline]
    fn look_at_door(&mut self, step: &Step, cell: &mut Cell) {
        let memory = &self.schedule.memory;
        let wires = &self.schedule.wires[span(&step.audio_out)];
        for wire in wires {
            // SAFETY: the wire is an output of the step that just ran; its `Io` is gone.
            let block = unsafe { memory.block_mut(*wire) };
            if !is_finite(block) {
                return self.shut_door(step, cell);
            }
            memory.set_silent(*wire, false);
        }
        match cell.factor(self.signals, self.level) {
            None => {}
            Some(Factor::Constant(0.0)) => set_silent(self.schedule, step, true),
            Some(factor) => {
                for wire in wires {
                    // SAFETY: as above.
                    let block = unsafe { memory.block_mut(*wire) };
                    match factor {
                        Factor::Constant(factor) => block.iter_mut().for_each(|x| *x *= factor),
                        Factor::Signal => block.iter_mut().zip(self.level.iter()).for_each(|(x, f)| *x *= f),
                    }
                }
            }
        }
    }

    #[cold]
    fn shut_door(&mut self, step: &Step, cell: &mut Cell) {
        cell.faulted = true;
        set_silent(self.schedule, step, true);
        let frame = self.context.frame;
        self.link.report(Report::NotFinite { node: NodeId(step.cell), frame });
    }
}

#[inline]
fn set_silent(schedule: &Schedule, step: &Step, silent: bool) {
    for wire in &schedule.wires[span(&step.audio_out)] {
        schedule.memory.set_silent(*wire, silent);
    }
}

fn clear_events(schedule: &Schedule, step: &Step) {
    for index in &schedule.wires[span(&step.notes_out)] {
        // SAFETY: the buffer is an output of the step about to run, which has not looked at it yet.
        unsafe { schedule.memory.notes_mut(*index) }.clear();
    }
    for index in &schedule.wires[span(&step.packets_out)] {
        // SAFETY: as above.
        unsafe { schedule.memory.packets_mut(*index) }.clear();
    }
}

fn inputs_at_rest(schedule: &Schedule, step: &Step) -> bool {
    let memory = &schedule.memory;
    schedule.wires[span(&step.audio_in)].iter().all(|wire| memory.is_silent(*wire))
        && schedule.wires[span(&step.notes_in)].iter().all(|index| memory.notes(*index).events().is_empty())
        && schedule.wires[span(&step.packets_in)].iter().all(|index| memory.packets(*index).is_empty())
}

/// Sums channels in text order; silent ones add nothing.
fn form(sum: &Sum, terms: &[Term], memory: &Memory) {
    // SAFETY: a sum's target is a wire of its own, never one of its terms.
    let to = unsafe { memory.block_mut(sum.to) };
    let mut sounding = terms.iter().filter(|term| !memory.is_silent(term.from));
    let Some(first) = sounding.next() else {
        memory.set_silent(sum.to, true);
        return;
    };
    let from = memory.block(first.from);
    to.iter_mut().zip(from.iter()).for_each(|(to, x)| *to = x * first.gain);
    for term in sounding {
        let from = memory.block(term.from);
        if term.gain == 1.0 {
            to.iter_mut().zip(from.iter()).for_each(|(to, x)| *to += x);
        } else {
            to.iter_mut().zip(from.iter()).for_each(|(to, x)| *to += x * term.gain);
        }
    }
    memory.set_silent(sum.to, false);
}

/// Whether all 64 samples are finite: 0 times one that is not is NaN.
#[inline]
fn is_finite(block: &Block) -> bool {
    let mut sums = [0.0f32; 16];
    for chunk in block.chunks_exact(16) {
        for (sum, x) in sums.iter_mut().zip(chunk) {
            *sum += x * 0.0;
        }
    }
    // Every sum is 0, or NaN.
    sums.iter().all(|sum| *sum == 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bad_sample_anywhere_is_seen() {
        assert!(is_finite(&Block::filled(f32::MAX)));
        assert!(is_finite(&Block::filled(-f32::MIN_POSITIVE / 4.0)));
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for at in 0..64 {
                let mut block = Block::filled(-0.5);
                block[at] = bad;
                assert!(!is_finite(&block), "{bad} at {at}");
            }
        }
    }
}
