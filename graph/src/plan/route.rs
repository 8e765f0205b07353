//! Connections as they run: from where, how much, how late, and whether a loop is cut there.

use super::{Order, Widths};
use crate::dsp::QUANTUM;
use crate::param::gain_factor;
use crate::preset::{Connection, NodeEntry, Outlet};

/// When sound arrives at and leaves each node, in frames behind the engine's clock.
#[derive(Clone, Copy)]
pub(crate) struct Timing<'a> {
    /// When it is heard.
    pub heard: &'a [u32],
    /// When it leaves.
    pub lead: &'a [u32],
}

/// What an output carries, as it is to arrive somewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Way {
    /// Where it begins.
    pub from: Outlet,
    /// Whether it carries what its source said in the quantum before.
    pub cut: bool,
    /// Frames by which it waits for the slowest source of its node.
    pub pad: u32,
}

impl Way {
    /// As it leaves its source in this quantum.
    pub fn straight(from: Outlet) -> Self {
        Self { from, cut: false, pad: 0 }
    }

    /// As it left its source in the quantum before.
    pub fn before(from: Outlet) -> Self {
        Self { from, cut: true, pad: 0 }
    }
}

/// A way to an input or a parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Route {
    /// What arrives.
    pub way: Way,
    /// Amplitude factor.
    pub gain: f32,
}

/// A node with all that leads to it.
pub(crate) struct Routed<'a> {
    pub entry: &'a NodeEntry,
    pub widths: &'a Widths,
    /// For each input port what arrives there, in text order.
    pub inputs: Vec<Vec<Route>>,
    /// For each parameter what moves it.
    pub modulators: Vec<Option<Route>>,
    /// Frames by which what it hears lags behind the engine's clock.
    pub heard: u32,
    /// Frames by which what leaves it lags behind the engine's clock.
    pub lead: u32,
}

impl Routed<'_> {
    /// All that leads to it.
    pub fn routes(&self) -> impl Iterator<Item = &Route> {
        self.inputs.iter().flatten().chain(self.modulators.iter().flatten())
    }
}

/// Finds the ways of all connections.
pub(crate) fn route<'a>(
    nodes: &'a [NodeEntry],
    order: &Order,
    widths: &'a [Widths],
    timing: Timing<'_>,
) -> Vec<Routed<'a>> {
    let route = |node: usize, from: Outlet, gain: f32| {
        let cut = order.is_cut(from.node, node);
        let arrives = timing.lead[from.node] + if cut { QUANTUM as u32 } else { 0 };
        Route { way: Way { from, cut, pad: timing.heard[node].saturating_sub(arrives) }, gain }
    };
    let routed = |(index, entry): (usize, &'a NodeEntry)| Routed {
        entry,
        widths: &widths[index],
        inputs: entry
            .inputs
            .iter()
            .map(|list| list.iter().map(|c| route(index, c.from, factor(c))).collect())
            .collect(),
        modulators: entry
            .params
            .iter()
            .map(|param| param.modulation.as_ref().map(|modulation| route(index, modulation.from, 1.0)))
            .collect(),
        heard: timing.heard[index],
        lead: timing.lead[index],
    };
    nodes.iter().enumerate().map(routed).collect()
}

/// The amplitude factor of a connection; exactly 1 where the text says nothing.
fn factor(connection: &Connection) -> f32 {
    if connection.gain == 0.0 { 1.0 } else { gain_factor(connection.gain) }
}
