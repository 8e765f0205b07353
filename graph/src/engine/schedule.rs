//! What the compiler makes and the engine walks: steps in order, with every index resolved and verified once,
//! so that walking them needs no checks.

use super::cell::SharedCell;
use super::fade::{Blend, Fade};
use super::memory::Memory;
use super::params::Modulation;
use super::tasks::{MAX_TASKS, Task};
use crate::command::NodeId;
use crate::settings::Overrides;
use rpds::VectorSync;
use std::sync::Arc;

/// A stretch of one of a schedule's lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Stretch {
    pub start: u32,
    pub len: u32,
}

impl Stretch {
    /// From one length of a list to another.
    pub fn between(start: usize, end: usize) -> Self {
        Self { start: start as u32, len: (end - start) as u32 }
    }

    fn fits<T>(self, list: &[T]) -> bool {
        (self.start as usize).checked_add(self.len as usize).is_some_and(|end| end <= list.len())
    }
}

/// Where a port's buffers are: the wires of its channels for audio, else one buffer's index in `start`.
pub(crate) type Plug = Stretch;

/// One node's turn. One line of the cache: a thousand steps are walked in every quantum.
#[repr(align(64))]
pub(crate) struct Step {
    pub cell: Arc<SharedCell>,
    /// The number of its node; [`NO_NODE`] for what stands between nodes.
    pub node: u32,
    /// Whether there is nothing to do besides running the node on audio and constants.
    pub plain: bool,
    /// Whether its recursions run together with those of others.
    pub company: Company,
    /// Its ports, in `plugs`.
    pub inputs: Stretch,
    pub outputs: Stretch,
    /// All wires of its audio outputs, in `wires`, and the first of them: most have no other.
    pub audio_out: Stretch,
    pub wire: u32,
}

/// The number of no node.
pub(crate) const NO_NODE: u32 = u32::MAX;

/// Whose recursions run together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Company {
    /// A step's own, at once.
    Alone,
    /// Those of this step wait for the next one's.
    Together,
    /// Those of this step and of all that wait.
    Last,
}

/// What only some steps have: nothing of it is looked at for a plain one.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Extra {
    /// Sums to form before the node runs.
    pub sums: Stretch,
    /// Modulations of its parameters.
    pub modulations: Stretch,
    /// Parameters whose modulation changes.
    pub blends: Stretch,
    /// All wires of its audio inputs, in `wires`.
    pub audio_in: Stretch,
    /// Indices of its event buffers, in `wires`.
    pub notes_in: Stretch,
    pub notes_out: Stretch,
    pub packets_in: Stretch,
    pub packets_out: Stretch,
    /// Frames by which its inputs lag behind the engine's clock.
    pub lateness: u32,
    /// Settings that it fixes for itself, as a place in `overrides`.
    pub overrides: Option<u32>,
}

impl Extra {
    /// Whether a step with this needs no more than running its node.
    pub fn is_plain(&self) -> bool {
        self.sums.len == 0
            && self.modulations.len == 0
            && self.blends.len == 0
            && self.notes_out.len == 0
            && self.packets_out.len == 0
            && self.lateness == 0
            && self.overrides.is_none()
    }
}

/// One channel as the sum of others, in text order; what an edit brings or takes goes last.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Sum {
    pub to: u32,
    pub terms: Stretch,
    pub fades: Stretch,
}

/// A summand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Term {
    pub from: u32,
    pub gain: f32,
}

/// Steps that follow each other, with all their lists. Immutable once made: schedules share those in which they do not
/// differ, so that an edit of a large graph makes few, and the audio thread meets few that it does not know.
#[derive(Default)]
pub(crate) struct Segment {
    pub steps: Box<[Step]>,
    /// What only some steps have, for each step.
    pub extras: Box<[Extra]>,
    pub sums: Box<[Sum]>,
    pub terms: Box<[Term]>,
    pub fades: Box<[Fade]>,
    pub modulations: Box<[Modulation]>,
    pub blends: Box<[Blend]>,
    pub plugs: Box<[Plug]>,
    pub wires: Box<[u32]>,
    pub overrides: Box<[Overrides]>,
    /// The largest index of each kind of buffer that it uses.
    pub reach: Extent,
}

/// Indices of buffers: of blocks, notes and packets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Extent {
    pub blocks: u32,
    pub notes: u32,
    pub packets: u32,
}

/// What commands are addressed to.
pub(crate) struct Seat {
    pub cell: Arc<SharedCell>,
    /// The buffer in which its notes from outside arrive; `NOTHING` for most.
    pub inbox: u32,
    /// Lateness of its inputs: automation for it is delayed by as much.
    pub lateness: u32,
}

/// The nodes of a graph by their numbers; graphs share what they do not differ in.
pub(crate) type Seats = VectorSync<Option<Seat>>;

/// A whole graph, ready to run. Immutable once made, but for what the buffers and cells hold.
pub(crate) struct Schedule {
    pub segments: Box<[Arc<Segment>]>,
    /// Parts that may run on several threads; none where one thread runs all.
    pub tasks: Box<[Task]>,
    /// Which tasks wait for each.
    pub leads: Box<[u32]>,
    pub memory: Memory,
    /// The sums that form the output, one for each channel, with the lists that they name.
    pub outputs: [Sum; 2],
    pub exit: Segment,
    pub seats: Seats,
    /// Event buffers that leave the program.
    pub notes_out: Box<[u32]>,
    /// Parameters with a musical length: node and slot.
    pub musical: Arc<[(u32, u16)]>,
    /// Nodes of low priority.
    pub sheddable: Arc<[u32]>,
    /// Buffers in which notes from outside arrive: emptied after every quantum.
    pub inboxes: Arc<[u32]>,
    /// Frames from the engine's clock to its output.
    pub latency: u32,
}

impl Schedule {
    /// Checks every index, which [`Segment::list`] and the buffers' accessors rely on; those within the segments were
    /// checked when these were made.
    ///
    /// # Panics
    /// If one is out of range: a mistake of the compiler, found when the schedule is made and not while it runs.
    pub fn verified(self) -> Self {
        assert!(self.tasks.len() <= MAX_TASKS, "too many tasks");
        for task in &self.tasks {
            let fits = task.segments.fits(&self.segments) && task.leads.fits(&self.leads);
            assert!(fits, "tasks out of range");
        }
        assert!(self.leads.iter().all(|lead| (*lead as usize) < self.tasks.len()), "leads out of range");
        let size = self.memory.extent();
        for segment in self.segments.iter().map(|segment| &**segment).chain([&self.exit]) {
            let reach = segment.reach;
            assert!(reach.blocks < size.blocks, "a wire is out of range");
            assert!(reach.notes < size.notes, "a buffer of notes is out of range");
            assert!(reach.packets < size.packets, "a buffer of packets is out of range");
        }
        assert!(self.outputs.iter().all(|sum| self.exit.has(sum)), "the output's sums are out of range");
        let notes = self.notes_out.iter().chain(&*self.inboxes);
        assert!(notes.into_iter().all(|index| *index < size.notes), "a buffer of notes is out of range");
        self
    }

    /// A node, unless it is gone.
    pub fn seat(&self, node: NodeId) -> Option<&Seat> {
        self.seats.get(node.0 as usize)?.as_ref()
    }

    /// The cells of all steps; what carries loops is met twice.
    pub fn cells(&self) -> impl Iterator<Item = &SharedCell> {
        self.segments.iter().flat_map(|segment| &segment.steps).map(|step| &*step.cell)
    }
}

impl Segment {
    /// Checks every index within it and notes how far those of buffers reach.
    ///
    /// # Panics
    /// If one is out of range: a mistake of the compiler.
    pub fn verified(mut self) -> Self {
        assert_eq!(self.steps.len(), self.extras.len(), "every step has its extras");
        let mut reach = Extent::default();
        let reach_to = |most: &mut u32, index: &u32| *most = (*most).max(*index);
        for (step, extra) in self.steps.iter().zip(&self.extras) {
            let of_wires = [step.audio_out, extra.audio_in, extra.notes_in, extra.notes_out];
            let of_wires = of_wires.into_iter().chain([extra.packets_in, extra.packets_out]);
            assert!(of_wires.into_iter().all(|stretch| stretch.fits(&self.wires)), "wires out of range");
            let only = self.list(&self.wires, step.audio_out).first().filter(|_| step.audio_out.len == 1);
            assert!(only.is_none_or(|wire| *wire == step.wire), "an only wire that is another one");
            assert!(step.inputs.fits(&self.plugs) && step.outputs.fits(&self.plugs), "ports out of range");
            assert!(extra.sums.fits(&self.sums) && extra.modulations.fits(&self.modulations), "out of range");
            assert!(extra.blends.fits(&self.blends), "blends out of range");
            let overrides = extra.overrides.is_none_or(|place| (place as usize) < self.overrides.len());
            assert!(overrides, "settings out of range");
            let lists = |stretch: Stretch| self.list(&self.wires, stretch);
            let blocks = lists(step.audio_out).iter().chain(lists(extra.audio_in));
            blocks.for_each(|wire| reach_to(&mut reach.blocks, wire));
            let notes = lists(extra.notes_in).iter().chain(lists(extra.notes_out));
            notes.for_each(|index| reach_to(&mut reach.notes, index));
            let packets = lists(extra.packets_in).iter().chain(lists(extra.packets_out));
            packets.for_each(|index| reach_to(&mut reach.packets, index));
        }
        assert!(self.sums.iter().all(|sum| self.has(sum)), "terms are out of range");
        self.sums.iter().for_each(|sum| reach_to(&mut reach.blocks, &sum.to));
        self.fades.iter().for_each(|fade| reach_to(&mut reach.blocks, &fade.from));
        let sources = self.blends.iter().flat_map(|blend| blend.drives.iter().flatten());
        sources.for_each(|(source, _)| reach_to(&mut reach.blocks, source));
        self.terms.iter().for_each(|term| reach_to(&mut reach.blocks, &term.from));
        self.modulations.iter().for_each(|modulation| reach_to(&mut reach.blocks, &modulation.source));
        self.reach = reach;
        self
    }

    fn has(&self, sum: &Sum) -> bool {
        sum.terms.fits(&self.terms) && sum.fades.fits(&self.fades)
    }

    /// Where the group ends whose first step this is.
    pub fn group_end(&self, step: usize) -> usize {
        let together = self.steps[step..].iter().take_while(|step| step.company == Company::Together);
        step + together.count() + 1
    }

    /// The wire of a channel of a step's output.
    ///
    /// # Panics
    /// If there is no such port or channel.
    pub fn output_wire(&self, step: &Step, port: usize, channel: usize) -> u32 {
        let plug = self.list(&self.plugs, step.outputs)[port];
        self.wires[plug.start as usize..][..plug.len as usize][channel]
    }

    /// A stretch of one of this segment's lists, as its steps name it.
    #[inline]
    pub fn list<'a, T>(&self, list: &'a [T], stretch: Stretch) -> &'a [T] {
        debug_assert!(stretch.fits(list));
        // SAFETY: every stretch in a segment was found to fit its list when the segment was made, and neither
        // changes afterwards.
        unsafe { list.get_unchecked(stretch.start as usize..(stretch.start + stretch.len) as usize) }
    }
}
