//! Preparing every node and joining them into a schedule.

use super::assembly::Assembly;
use super::route::{Timing, route};
use super::socket::{Socket, add_ring, kept};
use super::{Order, Widths, order, widths};
use crate::catalogue::Catalogue;
use crate::chance::Chance;
use crate::command::NodeId;
use crate::controller::{Controller, Directory, link};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::dsp::QUANTUM;
use crate::engine::{Engine, Schedule};
use crate::expose::{ControlMap, ControlTarget};
use crate::node::{Outlet as Offered, Pace, Prepare, Prepared, Processor, Tail};
use crate::param::ParamSpec;
use crate::places::Places;
use crate::port::{PacketFlow, PortKind};
use crate::preset::{Connection, NodeEntry, Outlet, Preset};
use crate::settings::Settings;
use std::any::Any;
use std::sync::Arc;

/// What a preset is built for.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which roots run.
    pub socket: Socket,
    /// Frames per second, 8,000 to 384,000.
    pub sample_rate: u32,
    /// In real time or offline.
    pub pace: Pace,
    /// The settings at the start; the preset's own are [`Preset::settings`].
    pub settings: Settings,
    /// Where files are looked for.
    pub places: Places,
    /// Microseconds from the Unix epoch to frame 0 of the engine's clock, for what goes to listeners.
    pub epoch: Option<i64>,
}

impl Options {
    /// For a file: offline, without a clock.
    pub fn render(sample_rate: u32, settings: Settings, places: Places) -> Self {
        Self { socket: Socket::Render, sample_rate, pace: Pace::Offline, settings, places, epoch: None }
    }
}

/// A preset, ready to run.
pub struct Built {
    /// The machine.
    pub engine: Engine,
    /// The hand on it.
    pub controller: Controller,
    /// How long it sounds after everything in it fell silent.
    pub tail: Tail,
    outlets: Vec<(String, Offered)>,
}

impl std::fmt::Debug for Built {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Built").field("engine", &self.engine).finish_non_exhaustive()
    }
}

impl Built {
    /// What nodes offer of a type, with the nodes' names, in the order of preparation.
    pub fn outlets<T: Any + Send + Sync>(&self) -> impl Iterator<Item = (&str, Arc<T>)> {
        let typed = |offered: &Offered| Arc::clone(offered).downcast::<T>().ok();
        self.outlets.iter().filter_map(move |(name, offered)| Some((name.as_str(), typed(offered)?)))
    }
}

/// Prepares and compiles a preset. Loads files; not for the audio thread.
///
/// # Errors
/// Everything that keeps a node from running, each with its place in the text.
pub fn build(preset: &Preset, catalogue: &Catalogue, options: &Options) -> Result<Built, Diagnostics> {
    let mut nodes = preset.nodes.clone();
    if options.socket == Socket::Server {
        add_ring(&mut nodes, catalogue);
    }
    let kept = kept(&nodes, options.socket);
    let (nodes, places) = prune(nodes, &kept);
    let mut mistakes = Diagnostics::new(preset.source.clone());
    // The whole preset was verified; a part of it has no new loops or mismatches.
    let (Ok(order), Ok(widths)) = (order(&nodes), widths(&nodes)) else {
        mistakes.push(Diagnostic::error(Default::default(), "the preset was not verified"));
        return Err(mistakes);
    };
    let mut builder = Builder {
        nodes: &nodes,
        order: &order,
        widths: &widths,
        options,
        latency: vec![0; nodes.len()],
        lead: vec![0; nodes.len()],
        heard: vec![0; nodes.len()],
        tail: Tail::Frames(0),
        outlets: Vec::new(),
        mistakes,
    };
    let processors = builder.prepare_all();
    if builder.mistakes.has_errors() {
        return Err(builder.mistakes);
    }
    let controls = control_maps(preset, &places);
    let directory = Directory {
        nodes: nodes.iter().enumerate().map(|(index, node)| directory_entry(index, node)).collect(),
        names: nodes.iter().map(|node| node.name.clone()).collect(),
        controls: preset.controls.clone(),
    };
    let schedule = builder.schedule(processors);
    let (link, controller) = link(directory, options.settings);
    let (tail, outlets) = (builder.tail, builder.outlets);
    let engine = Engine::new(schedule, controls, options.settings, options.sample_rate, options.pace, link);
    Ok(Built { engine, controller, tail, outlets })
}

fn directory_entry(index: usize, node: &NodeEntry) -> (String, (NodeId, Vec<&'static ParamSpec>)) {
    (node.name.clone(), (NodeId(index as u32), node.params.iter().map(|param| param.spec).collect()))
}

/// The kept nodes, with connections renumbered, and the new place of each old node.
fn prune(nodes: Vec<NodeEntry>, kept: &[bool]) -> (Vec<NodeEntry>, Vec<Option<usize>>) {
    let mut count = 0;
    let places: Vec<Option<usize>> = kept
        .iter()
        .map(|kept| {
            let place = kept.then_some(count);
            count += usize::from(*kept);
            place
        })
        .collect();
    // What a kept node listens to is kept.
    let moved = |outlet: Outlet| Some(Outlet { node: places[outlet.node]?, ..outlet });
    let mut pruned = Vec::with_capacity(count);
    for (node, _) in nodes.into_iter().zip(kept).filter(|(_, kept)| **kept) {
        let connection = |c: &Connection| Some(Connection { from: moved(c.from)?, ..c.clone() });
        let inputs = node.inputs.iter().map(|list| list.iter().filter_map(connection).collect()).collect();
        let mut params = node.params.clone();
        for param in &mut params {
            if let Some(modulation) = &mut param.modulation {
                modulation.from = moved(modulation.from).unwrap_or(modulation.from);
            }
        }
        pruned.push(NodeEntry { inputs, params, ..node });
    }
    (pruned, places)
}

fn control_maps(preset: &Preset, places: &[Option<usize>]) -> Arc<[ControlMap]> {
    let maps = preset.controls.iter().map(|control| {
        let targets = control.targets.iter().filter_map(|target| {
            let node = NodeId(places[target.node]? as u32);
            Some(ControlTarget { node, param: target.param as u16, stretch: target.stretch })
        });
        ControlMap { targets: targets.collect() }
    });
    maps.collect()
}

struct Builder<'a> {
    nodes: &'a [NodeEntry],
    order: &'a Order,
    widths: &'a [Widths],
    options: &'a Options,
    /// Latency of each node, once prepared.
    latency: Vec<u32>,
    /// Frames by which each node's outputs lag behind the clock.
    lead: Vec<u32>,
    /// Frames by which each node's inputs lag behind the clock.
    heard: Vec<u32>,
    tail: Tail,
    outlets: Vec<(String, Offered)>,
    mistakes: Diagnostics,
}

impl Builder<'_> {
    /// Prepares nodes in running order, so that a node that closes a loop can be told what the loop costs.
    fn prepare_all(&mut self) -> Vec<Option<Box<dyn Processor>>> {
        let mut processors: Vec<Option<Box<dyn Processor>>> = self.nodes.iter().map(|_| None).collect();
        let closing: Vec<usize> =
            self.order.sequence.iter().copied().filter(|node| self.order.closes[*node]).collect();
        for index in self.order.sequence.clone() {
            self.heard[index] = self.arrival(index, false);
            self.lead[index] = self.heard[index];
            if !self.order.closes[index] {
                processors[index] = self.prepare(index, 0);
                self.lead[index] += self.latency[index];
            }
        }
        for index in closing {
            self.heard[index] = self.arrival(index, true);
            let advance = self.heard[index] - self.lead[index];
            let node = &self.nodes[index];
            let delay = node.kind.feedback_delay(&node.config, self.options.sample_rate).unwrap_or(0);
            if advance > delay {
                let message = format!(
                    "`{}` closes a loop that takes {advance} frames, but delays by {delay} at least",
                    node.name
                );
                let found = Diagnostic::error(node.span, message);
                self.mistakes
                    .push(found.help("take nodes with latency out of the loop, or lengthen the delay"));
                continue;
            }
            processors[index] = self.prepare(index, advance);
        }
        processors
    }

    /// When the latest of a node's sources arrives; those from within its own loop come a quantum late.
    fn arrival(&self, index: usize, with_loop: bool) -> u32 {
        let arrivals =
            self.nodes[index].sources().filter_map(|outlet| match self.order.is_cut(outlet.node, index) {
                true => with_loop.then_some(self.lead[outlet.node] + QUANTUM as u32),
                false => Some(self.lead[outlet.node]),
            });
        let latest = arrivals.max().unwrap_or(0);
        if with_loop { latest.max(self.lead[index]) } else { latest }
    }

    fn flow_of(&self, outlet: Outlet) -> Option<PacketFlow> {
        match self.nodes[outlet.node].ports.outputs[outlet.port].kind {
            PortKind::Packets { flow } => flow,
            _ => None,
        }
    }

    fn prepare(&mut self, index: usize, advance: u32) -> Option<Box<dyn Processor>> {
        let node = &self.nodes[index];
        let settings = node.overrides.apply(self.options.settings);
        let packets: Vec<Option<PacketFlow>> =
            node.inputs.iter().map(|list| list.first().and_then(|c| self.flow_of(c.from))).collect();
        let mut prepare = Prepare {
            name: &node.name,
            sample_rate: self.options.sample_rate,
            seed: Chance::new(settings.seed).named(&node.seed_as).seed(),
            seed_name: &node.seed_as,
            settings,
            inputs: &self.widths[index].inputs,
            outputs: &self.widths[index].outputs,
            packets: &packets,
            epoch: self.options.epoch,
            advance,
            pace: self.options.pace,
            places: &self.options.places,
            outlets: &mut self.outlets,
        };
        match node.kind.prepare(&node.config, &mut prepare) {
            Ok(Prepared { processor, latency, tail }) => {
                self.latency[index] = latency;
                self.tail = longer(self.tail, tail, latency);
                Some(processor)
            }
            Err(error) => {
                let span = error.key.and_then(|key| node.config_spans.get(key)).copied().unwrap_or(node.span);
                let found = Diagnostic::error(span, format!("`{}`: {}", node.name, error.message));
                self.mistakes.push(match error.help {
                    Some(help) => found.help(help),
                    None => found,
                });
                None
            }
        }
    }

    fn schedule(&mut self, processors: Vec<Option<Box<dyn Processor>>>) -> Schedule {
        let timing = Timing { heard: &self.heard, lead: &self.lead };
        let routed = route(self.nodes, self.order, self.widths, timing);
        Assembly::new(&routed, self.options).schedule(&self.order.sequence, processors)
    }
}

fn longer(a: Tail, b: Tail, latency: u32) -> Tail {
    match (a, b) {
        // Tails in a row add up.
        (Tail::Frames(a), Tail::Frames(b)) => {
            Tail::Frames(a.saturating_add(b).saturating_add(u64::from(latency)))
        }
        _ => Tail::Endless,
    }
}
