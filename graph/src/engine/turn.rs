//! One node's turn in a quantum: form its inputs, move its parameters, run it, and look at what comes out of
//! its door. Audio thread.

use super::bank::{BANK, Bank};
use super::cell::{Cell, MAX_PARAMS, Moves};
use super::context::Context;
use super::fade::{Fader, Law};
use super::io::{AudioIn, Io};
use super::levels;
use super::memory::Memory;
use super::params::Modulation;
use super::pressure::STRIKES;
use super::schedule::{Company, Extra, Schedule, Segment, Step};
use super::scope::{self, Tapped};
use super::sums::{form, is_finite, scale, scale_in_place};
use crate::command::{Failure, NodeId, Report};
use crate::controller::Link;
use crate::dsp::{Block, QUANTUM};
use crate::node::Status;
use arrayvec::ArrayVec;
use fearless_simd::{Level, Simd, dispatch};
use fearless_simd_macros::simd;
use std::ops::Range;
use std::time::Instant;

/// What all turns of a quantum share, on whatever thread they are.
pub(crate) struct Shared<'a> {
    pub schedule: &'a Schedule,
    pub context: Context<'a>,
    pub moves: &'a Moves,
    /// How far an edit is, where one is under way.
    pub fader: Option<&'a Fader>,
    /// Whether somebody wants to know how loud each node is.
    pub watched: bool,
    /// Where one node's sound is written, if somebody wants that.
    pub tapped: Option<Tapped<'a>>,
    pub link: &'a Link,
    pub level: Level,
    /// Steps of a segment whose time is taken: whole groups.
    pub timed: Probe,
    /// Nanoseconds that all of it may take; none without deadlines.
    pub deadline: Option<f32>,
}

impl Shared<'_> {
    /// Whether anybody wants to know what comes out of nodes.
    fn is_looked_at(&self) -> bool {
        self.watched || self.tapped.is_some()
    }
}

/// Steps of one segment.
#[derive(Debug, Clone)]
pub(crate) struct Probe {
    pub segment: usize,
    pub steps: Range<usize>,
}

impl Probe {
    pub const NOTHING: Self = Self { segment: usize::MAX, steps: 0..0 };
}

/// What a thread computes with.
pub(crate) struct Scratch {
    /// Parameter values that move, by index; used by one node after the other.
    signals: Box<[Block; MAX_PARAMS]>,
    block: Block,
}

impl Scratch {
    pub fn new() -> Self {
        Self { signals: Box::new([Block::SILENCE; MAX_PARAMS]), block: Block::SILENCE }
    }
}

/// The turns of some segments, on one thread.
pub(crate) struct Turn<'a> {
    shared: &'a Shared<'a>,
    /// The segment whose steps have their turns.
    segment: &'a Segment,
    memory: &'a Memory,
    fader: Option<&'a Fader>,
    signals: &'a mut [Block; MAX_PARAMS],
    scratch: &'a mut Block,
    /// Steps whose recursions are still to run.
    waiting: ArrayVec<u32, BANK>,
    joining: Joining,
}

/// How far the recursions of all that wait are, should one panic.
#[derive(Clone, Copy)]
enum Joining {
    /// They have not begun.
    Not,
    /// The node at this place among those that wait is asked for its own; none has run.
    Asks(usize),
    /// They run.
    Runs,
}

/// Notes which step it was, should one panic: until then the walk keeps the place in a register.
struct Place<'a> {
    at: &'a std::cell::Cell<usize>,
    index: usize,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.at.set(self.index);
    }
}

impl<'a> Turn<'a> {
    pub fn new(shared: &'a Shared<'a>, scratch: &'a mut Scratch) -> Self {
        Self {
            shared,
            segment: &shared.schedule.exit,
            memory: &shared.schedule.memory,
            fader: shared.fader,
            signals: &mut scratch.signals,
            scratch: &mut scratch.block,
            waiting: ArrayVec::new(),
            joining: Joining::Not,
        }
    }

    /// Runs segments, and takes the time of some steps.
    pub fn run(&mut self, segments: Range<usize>) {
        let timed = &self.shared.timed;
        if !segments.contains(&timed.segment) {
            return self.run_steps(segments, None);
        }
        self.run_steps(segments.start..timed.segment, None);
        self.run_timed(timed);
        self.run_steps(timed.segment + 1..segments.end, None);
    }

    /// Runs a segment's steps, and takes the time of some.
    fn run_timed(&mut self, timed: &Probe) {
        let segment = &*self.shared.schedule.segments[timed.segment];
        let run = |turn: &mut Self, steps: Range<usize>| {
            turn.run_steps(timed.segment..timed.segment + 1, Some(steps));
        };
        run(self, 0..timed.steps.start);
        let mut at = timed.steps.start;
        while at < timed.steps.end {
            let end = segment.group_end(at);
            let began = Instant::now();
            run(self, at..end);
            let nanoseconds = began.elapsed().as_nanos() as f32 / (end - at) as f32;
            for step in &segment.steps[at..end] {
                step.cell.note_cost(nanoseconds);
                self.judge(step, nanoseconds);
            }
            at = end;
        }
        run(self, at..segment.steps.len());
    }

    /// Mutes a node that takes longer than all may together, time and again: from the next quantum on it fades.
    fn judge(&mut self, step: &Step, nanoseconds: f32) {
        // SAFETY: as in `run_all`.
        let cell = unsafe { step.cell.get() };
        if self.shared.deadline.is_none_or(|deadline| nanoseconds <= deadline) || cell.faulted {
            cell.strikes = 0;
            return;
        }
        cell.strikes += 1;
        if cell.strikes == STRIKES {
            self.blame(step, cell, Failure::TooSlow);
        }
    }

    /// Runs segments: these steps of each, or all.
    fn run_steps(&mut self, segments: Range<usize>, steps: Option<Range<usize>>) {
        let (mut left, at) = (segments, std::cell::Cell::new(usize::MAX));
        loop {
            // Unwind safe: the node that panicked is not run again, and all else is as its last step left it.
            let run = std::panic::AssertUnwindSafe(|| {
                dispatch!(self.shared.level, simd => self.run_segments(simd, &mut left, &at, steps.as_ref()));
            });
            if std::panic::catch_unwind(run).is_ok() {
                return;
            }
            self.pass_over(&at);
        }
    }

    /// Runs those that are left, the first from `at` on if that is one of its steps.
    #[simd]
    fn run_segments<S: Simd>(
        &mut self,
        simd: S,
        left: &mut Range<usize>,
        at: &std::cell::Cell<usize>,
        steps: Option<&Range<usize>>,
    ) {
        let schedule = self.shared.schedule;
        while left.start < left.end {
            self.segment = &schedule.segments[left.start];
            let steps = steps.cloned().unwrap_or(0..self.segment.steps.len());
            if at.get() == usize::MAX {
                at.set(steps.start);
            }
            if !steps.is_empty() {
                self.run_all(simd, at, steps);
            }
            at.set(usize::MAX);
            left.start += 1;
        }
    }

    /// Runs the steps from `at` on. Generic over the instruction set, so that what every node's door costs is small
    /// on each.
    #[simd]
    fn run_all<S: Simd>(&mut self, simd: S, at: &std::cell::Cell<usize>, steps: Range<usize>) {
        let segment = self.segment;
        let mut place = Place { at, index: at.get() };
        if place.index > steps.start && segment.steps[place.index - 1].company == Company::Last {
            // It panicked before those that waited for it had their turn.
            place.index -= 1;
            self.join(simd);
        }
        // Levels and samples are noted off this walk, which has no time to ask.
        let unwatched = !self.shared.is_looked_at();
        let rest = at.get()..steps.end;
        for (index, step) in rest.clone().zip(&segment.steps[rest]) {
            place.index = index;
            // SAFETY: it is this step's turn, and on no other thread that of one with the same cell; no other
            // reference to the cell is alive.
            let cell = unsafe { step.cell.get() };
            if unwatched && step.plain && cell.is_plain() {
                let status = self.process(step, cell, &self.shared.context);
                self.finish(simd, index, step, cell, status);
            } else {
                self.run_with_extras(simd, index, cell);
            }
            if step.company == Company::Last {
                self.join(simd);
            }
        }
    }

    /// Out of line, so that the walk over plain steps keeps its registers.
    #[inline(never)]
    #[simd]
    fn run_with_extras<S: Simd>(&mut self, simd: S, index: usize, cell: &mut Cell) {
        let (segment, memory) = (self.segment, self.memory);
        let (step, extra) = (&segment.steps[index], &segment.extras[index]);
        for sum in segment.list(&segment.sums, extra.sums) {
            // SAFETY: a sum's target is a wire of its own, never one of its terms.
            let to = unsafe { memory.block_mut(sum.to) };
            let sounds = form(simd, segment, memory, sum, self.fader, to);
            memory.set_silent(sum.to, !sounds);
        }
        clear_events(segment, memory, extra);
        if cell.faulted {
            return self.fade_out(step, cell);
        }
        let shed = cell.is_shed();
        let rests = shed || (cell.asleep && inputs_at_rest(segment, memory, extra));
        if rests && !cell.stirs() {
            if shed {
                cell.hush();
            }
            set_silent(segment, memory, step);
            return;
        }
        cell.asleep = false;
        if cell.stirs() || extra.modulations.len > 0 || extra.blends.len > 0 {
            self.move_params(extra, cell);
        }
        let mut context = self.shared.context;
        context.frame -= i64::from(extra.lateness);
        if let Some(index) = extra.overrides {
            context.overrides = segment.overrides[index as usize];
        }
        let status = self.process(step, cell, &context);
        cell.end_params();
        self.finish(simd, index, step, cell, status);
        if self.shared.is_looked_at() && self.waiting.last() != Some(&(index as u32)) {
            self.note(step, cell);
        }
    }

    /// Tells those who watch.
    fn note(&self, step: &Step, cell: &Cell) {
        if self.shared.watched {
            levels::note(self.segment, self.memory, step, &cell.peaks);
        }
        if let Some(tapped) = self.shared.tapped {
            scope::note(tapped, self.segment, self.memory, step, &cell.peaks);
        }
    }

    fn move_params(&mut self, extra: &Extra, cell: &mut Cell) {
        cell.render_params(self.signals, self.shared.moves);
        for modulation in self.segment.list(&self.segment.modulations, extra.modulations) {
            let source = self.memory.block(modulation.source);
            let slot = usize::from(modulation.slot);
            let centre = cell.slots[slot].glide.target();
            modulation.render(source, &mut self.signals[slot], centre, cell.moves(modulation.slot));
        }
        let Some(fader) = self.fader else { return };
        for blend in self.segment.list(&self.segment.blends, extra.blends) {
            let (fall, rise) = fader.factors(Law::Linear);
            let values = &mut self.signals[usize::from(blend.slot)];
            values.fill(0.0);
            for (index, factors) in [fall, rise].into_iter().enumerate() {
                let centre = fader.centres[blend.centres as usize][index];
                self.scratch.fill(centre.value);
                if let Some((source, reach)) = blend.drives[index] {
                    let modulation = Modulation { slot: blend.slot, source, reach, range: blend.range };
                    let source = self.memory.block(source);
                    modulation.render(source, self.scratch, centre.position, false);
                }
                for (value, (x, factor)) in values.iter_mut().zip(self.scratch.iter().zip(factors.iter())) {
                    *value += x * factor;
                }
            }
        }
    }

    #[inline(always)]
    fn process(&self, step: &Step, cell: &mut Cell, context: &Context<'_>) -> Status {
        let (segment, memory, signals) = (self.segment, self.memory, &*self.signals);
        let mut io = Io { segment, memory, step, params: &cell.values, signals };
        cell.processor.process(context, &mut io)
    }

    #[inline(always)]
    fn finish<S: Simd>(&mut self, simd: S, index: usize, step: &Step, cell: &mut Cell, status: Status) {
        match status {
            Status::Active => self.look_at_door::<S, false>(simd, step, cell),
            Status::Through => self.look_at_door::<S, true>(simd, step, cell),
            Status::Recursions => self.wait(simd, index, step, cell),
            Status::Silent | Status::Asleep => {
                set_silent(self.segment, self.memory, step);
                cell.last = [0.0; 2];
                cell.asleep = status == Status::Asleep;
            }
        }
    }

    /// Puts off recursions until those of all that run together are known. A level that moves is known only now.
    #[inline(always)]
    fn wait<S: Simd>(&mut self, simd: S, index: usize, step: &Step, cell: &mut Cell) {
        if step.company != Company::Alone && cell.factor().is_some() {
            return self.waiting.push(index as u32);
        }
        let mut bank = Bank::new(self.segment, self.memory, step, self.shared.level);
        cell.processor.recursions(&mut bank);
        bank.run();
        drop(bank);
        self.look_at_door::<S, false>(simd, step, cell);
    }

    /// Runs the recursions of all that wait.
    #[inline(never)]
    #[simd]
    fn join<S: Simd>(&mut self, simd: S) {
        let (segment, memory) = (self.segment, self.memory);
        let Some(first) = self.waiting.first() else { return };
        let mut bank = Bank::shared(segment, memory, &segment.steps[*first as usize], self.shared.level);
        for (place, index) in self.waiting.iter().enumerate() {
            self.joining = Joining::Asks(place);
            let step = &segment.steps[*index as usize];
            bank.turn_to(step);
            // SAFETY: as in `run_all`; each of the steps has a cell of its own.
            unsafe { step.cell.get() }.processor.recursions(&mut bank);
        }
        self.joining = Joining::Runs;
        bank.run();
        drop(bank);
        for index in std::mem::take(&mut self.waiting) {
            let step = &segment.steps[index as usize];
            // SAFETY: as in `run_all`; the references that the bank had are gone.
            let cell = unsafe { step.cell.get() };
            self.look_at_door::<S, false>(simd, step, cell);
            if self.shared.is_looked_at() {
                self.note(step, cell);
            }
        }
        self.joining = Joining::Not;
    }

    /// `THROUGH` says that the outputs are to hold what comes in.
    #[inline(always)]
    fn look_at_door<S: Simd, const THROUGH: bool>(&mut self, simd: S, step: &Step, cell: &mut Cell) {
        // Most levels are 0 dB: those are not asked about.
        if cell.unity {
            self.let_out::<S, THROUGH, true>(simd, step, cell);
        } else {
            self.let_out::<S, THROUGH, false>(simd, step, cell);
        }
    }

    #[inline(always)]
    fn let_out<S: Simd, const THROUGH: bool, const UNITY: bool>(
        &mut self,
        simd: S,
        step: &Step,
        cell: &mut Cell,
    ) {
        let factor = if UNITY { 1.0 } else { cell.factor().unwrap_or(1.0) };
        let comes_in = THROUGH.then(|| AudioIn::of(self.segment, self.memory, step, 0));
        if step.audio_out.len == 1 {
            if !self.let_wire_out::<S, UNITY>(simd, (step.wire, 0), factor, comes_in, cell) {
                return self.shut_door(step, cell);
            }
        } else {
            let wires = self.segment.list(&self.segment.wires, step.audio_out);
            for (index, wire) in wires.iter().enumerate() {
                if !self.let_wire_out::<S, UNITY>(simd, (*wire, index), factor, comes_in, cell) {
                    return self.shut_door(step, cell);
                }
            }
        }
        if !UNITY && cell.factor().is_none() {
            self.apply_moving_level(step, cell);
        }
    }

    /// Lets what is on a wire out. Returns whether it is finite.
    #[inline(always)]
    fn let_wire_out<S: Simd, const UNITY: bool>(
        &self,
        simd: S,
        (wire, index): (u32, usize),
        factor: f32,
        comes_in: Option<AudioIn<'_>>,
        cell: &mut Cell,
    ) -> bool {
        // SAFETY: the wire is an output of the step that just ran, and none of its inputs; its `Io` is gone.
        let block = unsafe { self.memory.block_mut(wire) };
        let last;
        let finite = if let Some(input) = comes_in {
            let from = input.channel(index);
            last = from[QUANTUM - 1];
            scale(simd, from, factor, block)
        } else {
            last = block[QUANTUM - 1];
            if UNITY || factor == 1.0 { is_finite(simd, block) } else { scale_in_place(simd, block, factor) }
        };
        if finite {
            if let Some(kept) = cell.last.get_mut(index) {
                *kept = last;
            }
            self.memory.set_silent(wire, factor == 0.0);
        }
        finite
    }

    #[cold]
    fn apply_moving_level(&mut self, step: &Step, cell: &Cell) {
        cell.render_factor(self.signals, self.scratch);
        for wire in self.segment.list(&self.segment.wires, step.audio_out) {
            // SAFETY: as in `look_at_door`.
            let block = unsafe { self.memory.block_mut(*wire) };
            block.iter_mut().zip(self.scratch.iter()).for_each(|(x, factor)| *x *= factor);
        }
    }

    #[cold]
    fn shut_door(&mut self, step: &Step, cell: &mut Cell) {
        self.fail(step, cell, Failure::NotFinite);
    }

    /// Mutes the node whose turn it is, because it panicked. The others have their turns: where recursions are gathered
    /// this begins again without it. Recursions that run do not see whose numbers they are for, so that all are at fault.
    #[cold]
    fn pass_over(&mut self, at: &std::cell::Cell<usize>) {
        let index = at.get();
        let failed = match std::mem::replace(&mut self.joining, Joining::Not) {
            Joining::Not => ArrayVec::from_iter([index as u32]),
            Joining::Asks(place) => ArrayVec::from_iter(self.waiting.pop_at(place)),
            Joining::Runs => std::mem::take(&mut self.waiting),
        };
        for index in failed {
            let step = &self.segment.steps[index as usize];
            // SAFETY: as in `run_all`; the reference that the node ran with is gone.
            self.fail(step, unsafe { step.cell.get() }, Failure::Panicked);
        }
        at.set(index + 1);
    }

    fn fail(&mut self, step: &Step, cell: &mut Cell, failure: Failure) {
        self.blame(step, cell, failure);
        self.fade_out(step, cell);
    }

    fn blame(&mut self, step: &Step, cell: &mut Cell, failure: Failure) {
        cell.faulted = true;
        cell.fading = FADING;
        cell.hush();
        let frame = self.shared.context.frame;
        self.shared.link.report(Report::Failed { node: NodeId(step.node), frame, failure });
    }

    /// What is heard of a node that failed: its last sample, smoothly to nothing.
    #[cold]
    fn fade_out(&mut self, step: &Step, cell: &mut Cell) {
        set_silent(self.segment, self.memory, step);
        if cell.fading == 0 {
            return;
        }
        let done = (FADING - cell.fading) * QUANTUM as u32;
        cell.fading -= 1;
        // A level on its way is taken as it would be without: nobody hears more than the fade.
        let factor = cell.factor().unwrap_or(1.0);
        for (wire, last) in self.segment.list(&self.segment.wires, step.audio_out).iter().zip(&cell.last) {
            // SAFETY: as in `look_at_door`.
            let block = unsafe { self.memory.block_mut(*wire) };
            for (frame, x) in block.iter_mut().enumerate() {
                let left = 1.0 - (done + frame as u32) as f32 / (FADING * QUANTUM as u32) as f32;
                *x = last * factor * (left * left * (3.0 - 2.0 * left));
            }
            self.memory.set_silent(*wire, false);
        }
    }
}

/// Quanta in which a node that failed fades: some 20 ms.
const FADING: u32 = 14;

#[inline]
fn set_silent(segment: &Segment, memory: &Memory, step: &Step) {
    for wire in segment.list(&segment.wires, step.audio_out) {
        memory.set_silent(*wire, true);
    }
}

fn clear_events(segment: &Segment, memory: &Memory, extra: &Extra) {
    for index in segment.list(&segment.wires, extra.notes_out) {
        // SAFETY: the buffer is an output of the step about to run, which has not looked at it yet.
        unsafe { memory.notes_mut(*index) }.clear();
    }
    for index in segment.list(&segment.wires, extra.packets_out) {
        // SAFETY: as above.
        unsafe { memory.packets_mut(*index) }.clear();
    }
}

fn inputs_at_rest(segment: &Segment, memory: &Memory, extra: &Extra) -> bool {
    let list = |stretch| segment.list(&segment.wires, stretch).iter();
    list(extra.audio_in).all(|wire| memory.is_silent(*wire))
        && list(extra.notes_in).all(|index| memory.notes(*index).events().is_empty())
        && list(extra.packets_in).all(|index| memory.packets(*index).is_empty())
}
