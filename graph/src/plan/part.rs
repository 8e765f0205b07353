//! The nodes of a graph as they run: each with its cell and with all that leads to it. Connections are ways with
//! gains; while one graph turns into another, their gains are on the way from one number to another.

use super::Widths;
use super::socket::Wanted;
use crate::dsp::QUANTUM;
use crate::engine::{Law, Reach, SharedCell};
use crate::param::{Curve, ParamSpec, gain_factor};
use crate::port::Polarity;
use crate::preset::{Connection, Depth, NodeEntry, Outlet, ParamReach};
use crate::settings::Settings;
use std::sync::Arc;

/// When sound arrives at and leaves each node, in frames behind the engine's clock.
#[derive(Clone, Copy)]
pub(crate) struct Timing<'a> {
    /// When it is heard.
    pub heard: &'a [u32],
    /// When it leaves.
    pub lead: &'a [u32],
}

/// What an output carries, as it is to arrive somewhere. Its node is known by its number while it runs.
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

/// A way to an input.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Route {
    /// What arrives.
    pub way: Way,
    /// Amplitude factors, before and after: alike but where an edit is under way.
    pub gains: [f32; 2],
    /// How it gets from one to the other.
    pub law: Law,
}

impl Route {
    pub fn steady(way: Way, gain: f32) -> Self {
        Self { way, gains: [gain; 2], law: Law::Linear }
    }
}

/// What moves a parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Drive {
    pub way: Way,
    pub reach: Reach,
}

/// A parameter on its way from one drive, or none, to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Redriven {
    pub slot: usize,
    pub drives: [Option<Drive>; 2],
}

/// A node that runs.
#[derive(Clone)]
pub(crate) struct Part {
    pub entry: Arc<NodeEntry>,
    pub widths: Widths,
    pub cell: Arc<SharedCell>,
    /// For each input port what arrives there, in text order.
    pub inputs: Vec<Vec<Route>>,
    /// For each parameter what moves it.
    pub drives: Vec<Option<Drive>>,
    /// Parameters that an edit gives other drives; they are not among `drives`.
    pub redriven: Vec<Redriven>,
    /// Frames by which what it hears lags behind the engine's clock.
    pub heard: u32,
    /// Frames by which what leaves it lags behind the engine's clock.
    pub lead: u32,
}

impl Part {
    /// All that leads to it.
    pub fn ways(&self) -> impl Iterator<Item = Way> {
        let routes = self.inputs.iter().flatten().map(|route| route.way);
        let redriven = self.redriven.iter().flat_map(|redriven| redriven.drives.iter().flatten());
        routes.chain(self.drives.iter().flatten().chain(redriven).map(|drive| drive.way))
    }
}

/// Finds the ways to a node, whose number in the preset this is. `number` gives those of running nodes.
pub(crate) fn part(
    wanted: &Wanted<'_>,
    node: usize,
    cell: Arc<SharedCell>,
    timing: Timing<'_>,
    settings: Settings,
    number: impl Fn(usize) -> u32,
) -> Part {
    let entry = wanted.entry(node);
    let way = |from: Outlet| {
        let cut = wanted.is_cut(from.node, node);
        let arrives = timing.lead[from.node] + if cut { QUANTUM as u32 } else { 0 };
        let pad = timing.heard[node].saturating_sub(arrives);
        Way { from: Outlet { node: number(from.node) as usize, ..from }, cut, pad }
    };
    let route = |c: &Connection| Route::steady(way(c.from), factor(c));
    let drive = |slot: usize| {
        let modulation = entry.params[slot].modulation.as_ref()?;
        let source = wanted.entry(modulation.from.node);
        let polarity = source.ports.outputs[modulation.from.port].polarity()?;
        Some(Drive { way: way(modulation.from), reach: reach(entry, slot, polarity, settings)? })
    };
    Part {
        entry: Arc::clone(entry),
        widths: wanted.widths(node).clone(),
        cell,
        inputs: entry.inputs.iter().map(|list| list.iter().map(route).collect()).collect(),
        drives: (0..entry.params.len()).map(drive).collect(),
        redriven: Vec::new(),
        heard: timing.heard[node],
        lead: timing.lead[node],
    }
}

/// The amplitude factor of a connection; exactly 1 where the text says nothing.
fn factor(connection: &Connection) -> f32 {
    if connection.gain == 0.0 { 1.0 } else { gain_factor(connection.gain) }
}

/// How the source of a modulation moves its parameter.
fn reach(entry: &NodeEntry, slot: usize, polarity: Polarity, settings: Settings) -> Option<Reach> {
    let param = &entry.params[slot];
    Some(match param.modulation.as_ref()?.reach {
        ParamReach::Span { min, max } => Reach::span(&param.spec.range, min, max, polarity),
        ParamReach::Around(depth) => {
            let tempo = entry.overrides.apply(settings).tempo;
            Reach::Around { scale: depth_scale(param.spec, param.amount.at_tempo(param.spec, tempo), depth) }
        }
    })
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
