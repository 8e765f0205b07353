//! What the compiler makes and the engine walks: steps in order, with every index resolved.

use super::cell::SharedCell;
use super::io::Plug;
use super::memory::Memory;
use super::params::Modulation;
use crate::settings::Overrides;
use std::ops::Range;
use std::sync::Arc;

/// One node's turn.
#[derive(Debug, Clone)]
pub(crate) struct Step {
    pub cell: u32,
    /// Sums to form before the node runs.
    pub sums: Range<u32>,
    /// Modulations of its parameters.
    pub modulations: Range<u32>,
    /// Its ports, in `plugs`.
    pub inputs: Range<u32>,
    pub outputs: Range<u32>,
    /// All wires of its audio inputs and outputs, in `wires`.
    pub audio_in: Range<u32>,
    pub audio_out: Range<u32>,
    /// Indices of its event buffers, in `wires`.
    pub notes_in: Range<u32>,
    pub notes_out: Range<u32>,
    pub packets_in: Range<u32>,
    pub packets_out: Range<u32>,
    /// Frames by which its inputs lag behind the engine's clock.
    pub lateness: u32,
    /// Settings that it fixes for itself, in `overrides`; [`Step::NONE`] for most.
    pub overrides: u32,
}

impl Step {
    pub const NONE: u32 = u32::MAX;
}

/// One channel as the sum of others, in text order.
#[derive(Debug, Clone)]
pub(crate) struct Sum {
    pub to: u32,
    pub terms: Range<u32>,
}

/// A summand.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Term {
    pub from: u32,
    pub gain: f32,
}

/// A whole graph, ready to run.
pub(crate) struct Schedule {
    pub steps: Box<[Step]>,
    pub sums: Box<[Sum]>,
    pub terms: Box<[Term]>,
    pub modulations: Box<[Modulation]>,
    pub plugs: Box<[Plug]>,
    pub wires: Box<[u32]>,
    pub overrides: Box<[Overrides]>,
    pub cells: Box<[Arc<SharedCell>]>,
    pub memory: Memory,
    /// Wires whose blocks form the output, a list for each channel, summed in order.
    pub outputs: [Box<[u32]>; 2],
    /// Event buffers that leave the program.
    pub notes_out: Box<[u32]>,
    /// Parameters with a musical length: cell and slot.
    pub musical: Box<[(u32, u16)]>,
    /// The buffer of each cell in which notes from outside arrive; `NOTHING` for most.
    pub inboxes: Box<[u32]>,
    /// Lateness of each cell's inputs: automation for it is delayed by as much.
    pub lateness: Box<[u32]>,
    /// Frames from the engine's clock to its output.
    pub latency: u32,
}

pub(crate) fn span(range: &Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}
