//! Preparing every node and joining them into a schedule.

use super::assembly::{Assembly, Exits, GlueCells, cell};
use super::edit::Editor;
use super::part::{Part, Timing, parts};
use super::socket::{Socket, add_ring, kept};
use super::{Order, Widths, order, widths};
use crate::catalogue::Catalogue;
use crate::chance::Chance;
use crate::command::NodeId;
use crate::controller::{Controller, Directory, link};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::dsp::QUANTUM;
use crate::engine::glue::Onset;
use crate::engine::{Engine, Peak, Peaks, Schedule, SharedCell};
use crate::expose::{ControlMap, ControlTarget};
use crate::node::{Outlet as Offered, Pace, Prepare, Prepared, Processor, Tail};
use crate::param::ParamSpec;
use crate::places::{Places, Version};
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
    /// Threads that it may be spread over, that which runs the engine counted; see [`Editor::balance`].
    pub threads: usize,
    /// Where files are looked for.
    pub places: Places,
    /// Microseconds from the Unix epoch to frame 0 of the engine's clock, for what goes to listeners.
    pub epoch: Option<i64>,
}

impl Options {
    /// For a file: offline, without a clock.
    pub fn render(sample_rate: u32, settings: Settings, places: Places) -> Self {
        let (socket, pace, threads) = (Socket::Render, Pace::Offline, threads());
        Self { socket, sample_rate, pace, settings, threads, places, epoch: None }
    }
}

/// Threads that a graph is spread over at most where nobody says otherwise: one for each core, up to eight.
pub fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().min(8))
}

/// A preset, ready to run.
pub struct Built {
    /// The machine.
    pub engine: Engine,
    /// The hand on it.
    pub controller: Controller,
    /// What turns it into other graphs while it runs.
    pub editor: Editor,
    /// How long it sounds after everything in it fell silent.
    pub tail: Tail,
    /// What its nodes offer to the socket around it.
    pub offers: Offers,
}

impl std::fmt::Debug for Built {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Built").field("engine", &self.engine).finish_non_exhaustive()
    }
}

/// What the nodes of a graph offer to the socket around it, in the order in which they run.
#[derive(Clone, Default)]
pub struct Offers(Vec<(String, Offered)>);

impl Offers {
    /// What is offered of a type, with the nodes' names.
    pub fn of<T: Any + Send + Sync>(&self) -> impl Iterator<Item = (&str, Arc<T>)> {
        let typed = |offered: &Offered| Arc::clone(offered).downcast::<T>().ok();
        self.0.iter().filter_map(move |(name, offered)| Some((name.as_str(), typed(offered)?)))
    }
}

/// Prepares and compiles a preset. Loads files; not for the audio thread.
///
/// # Errors
/// Everything that keeps a node from running, each with its place in the text.
pub fn build(preset: &Preset, catalogue: &Catalogue, options: &Options) -> Result<Built, Diagnostics> {
    let plan = Plan::new(preset, catalogue, options, |_| None)?;
    let (schedule, glue) = plan.schedule(&GlueCells::new(), Onset::AT_ONCE, options, 1);
    let (tail, offers, controls) = (plan.tail(), plan.offers(), Arc::clone(&plan.controls));
    let (link, controller) = link(plan.directory(preset), options.settings);
    let editor = Editor::new(plan, glue, controller.clone(), &link, options.clone());
    let engine = Engine::new(schedule, controls, options.settings, options.sample_rate, options.pace, link);
    Ok(Built { engine, controller, editor, tail, offers })
}

/// A node that runs, and what it was prepared for: another one that would be prepared for the same is the same.
#[derive(Clone)]
pub(crate) struct Running {
    pub part: Part,
    pub prepared: Traits,
    packets: Vec<Option<PacketFlow>>,
    advance: u32,
    /// Its place in the graph before, if it ran there.
    pub before: Option<usize>,
}

/// What came of preparing a node, besides its cell.
#[derive(Clone)]
pub(crate) struct Traits {
    latency: u32,
    tail: Tail,
    offers: Vec<Offered>,
    /// Files that it was made from.
    pub files: Vec<Version>,
    pub peaks: Peaks,
}

/// A graph whose nodes are prepared.
pub(crate) struct Plan {
    pub nodes: Vec<Running>,
    pub sequence: Vec<usize>,
    pub exits: Exits,
    pub controls: Arc<[ControlMap]>,
    pub control_names: Vec<String>,
}

impl Plan {
    /// Prepares a preset's nodes, except those that `known` has from the graph before, with their places there.
    pub fn new<'k>(
        preset: &Preset,
        catalogue: &Catalogue,
        options: &Options,
        known: impl Fn(&str) -> Option<(usize, &'k Running)>,
    ) -> Result<Self, Diagnostics> {
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
            known: &known,
            latency: vec![0; nodes.len()],
            lead: vec![0; nodes.len()],
            heard: vec![0; nodes.len()],
            mistakes,
        };
        let made = builder.prepare_all();
        let Builder { lead, heard, mistakes, .. } = builder;
        if mistakes.has_errors() {
            return Err(mistakes);
        }
        let made: Vec<Made> = made.into_iter().flatten().collect();
        let cells = made.iter().map(|made| Arc::clone(&made.cell)).collect();
        let nodes: Vec<Arc<NodeEntry>> = nodes.into_iter().map(Arc::new).collect();
        let timing = Timing { heard: &heard, lead: &lead };
        let parts = parts(&nodes, cells, &order, &widths, timing, options.settings);
        let exits = Exits::of(&parts);
        let running = |(part, made): (Part, Made)| Running {
            part,
            prepared: made.prepared,
            packets: made.packets,
            advance: made.advance,
            before: made.before,
        };
        Ok(Self {
            nodes: parts.into_iter().zip(made).map(running).collect(),
            sequence: order.sequence,
            exits,
            controls: control_maps(preset, &places),
            control_names: preset.controls.iter().map(|control| control.name.clone()).collect(),
        })
    }

    /// Joins the nodes; what stands between them is taken from `glue` where it is known.
    pub fn schedule(
        &self,
        glue: &GlueCells,
        onset: Onset,
        options: &Options,
        threads: usize,
    ) -> (Schedule, GlueCells) {
        let parts: Vec<Part> = self.nodes.iter().map(|node| node.part.clone()).collect();
        Assembly::new(&parts, glue, onset, options).schedule(&self.sequence, &self.exits, threads)
    }

    /// How long the graph sounds after everything in it fell silent: tails in a row add up.
    pub fn tail(&self) -> Tail {
        self.nodes
            .iter()
            .fold(Tail::Frames(0), |tail, node| longer(tail, node.prepared.tail, node.prepared.latency))
    }

    pub fn offers(&self) -> Offers {
        let nodes = self.sequence.iter().map(|index| &self.nodes[*index]);
        let offers = nodes.flat_map(|node| {
            node.prepared.offers.iter().map(|offer| (node.part.entry.name.clone(), Arc::clone(offer)))
        });
        Offers(offers.collect())
    }

    pub fn directory(&self, preset: &Preset) -> Directory {
        let entries = self.nodes.iter().map(|node| &*node.part.entry);
        Directory {
            nodes: entries.clone().enumerate().map(|(index, node)| directory_entry(index, node)).collect(),
            names: entries.map(|node| node.name.clone()).collect(),
            peaks: self.nodes.iter().map(|node| Arc::clone(&node.prepared.peaks)).collect(),
            controls: preset.controls.clone(),
        }
    }
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

/// What came of one node.
struct Made {
    cell: Arc<SharedCell>,
    prepared: Traits,
    packets: Vec<Option<PacketFlow>>,
    advance: u32,
    before: Option<usize>,
}

struct Builder<'a, K> {
    nodes: &'a [NodeEntry],
    order: &'a Order,
    widths: &'a [Widths],
    options: &'a Options,
    known: &'a K,
    /// Latency of each node, once prepared.
    latency: Vec<u32>,
    /// Frames by which each node's outputs lag behind the clock.
    lead: Vec<u32>,
    /// Frames by which each node's inputs lag behind the clock.
    heard: Vec<u32>,
    mistakes: Diagnostics,
}

impl<'k, K: Fn(&str) -> Option<(usize, &'k Running)>> Builder<'_, K> {
    /// Prepares nodes in running order, so that a node that closes a loop can be told what the loop costs.
    fn prepare_all(&mut self) -> Vec<Option<Made>> {
        let mut made: Vec<Option<Made>> = self.nodes.iter().map(|_| None).collect();
        let closing: Vec<usize> =
            self.order.sequence.iter().copied().filter(|node| self.order.closes[*node]).collect();
        for index in self.order.sequence.clone() {
            self.heard[index] = self.arrival(index, false);
            self.lead[index] = self.heard[index];
            if !self.order.closes[index] {
                made[index] = self.make(index, 0);
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
            made[index] = self.make(index, advance);
        }
        made
    }

    /// The node as it ran before, where it would be prepared for the same; else a new one.
    fn make(&mut self, index: usize, advance: u32) -> Option<Made> {
        let node = &self.nodes[index];
        let packets: Vec<Option<PacketFlow>> =
            node.inputs.iter().map(|list| list.first().and_then(|c| self.flow_of(c.from))).collect();
        if let Some((before, known)) = (self.known)(&node.name)
            && known.is_like(node, &self.widths[index], &packets, advance)
        {
            self.latency[index] = known.prepared.latency;
            let (cell, prepared) = (Arc::clone(&known.part.cell), known.prepared.clone());
            return Some(Made { cell, prepared, packets, advance, before: Some(before) });
        }
        let (processor, prepared) = self.prepare(index, advance, &packets)?;
        self.latency[index] = prepared.latency;
        let cell = cell(node, processor, Arc::clone(&prepared.peaks), self.options);
        Some(Made { cell, prepared, packets, advance, before: None })
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

    fn prepare(
        &mut self,
        index: usize,
        advance: u32,
        packets: &[Option<PacketFlow>],
    ) -> Option<(Box<dyn Processor>, Traits)> {
        let node = &self.nodes[index];
        let settings = node.overrides.apply(self.options.settings);
        let (mut offers, mut files) = (Vec::new(), Vec::new());
        let mut prepare = Prepare {
            name: &node.name,
            sample_rate: self.options.sample_rate,
            seed: Chance::new(settings.seed).named(&node.seed_as).seed(),
            seed_name: &node.seed_as,
            settings,
            inputs: &self.widths[index].inputs,
            outputs: &self.widths[index].outputs,
            packets,
            epoch: self.options.epoch,
            advance,
            pace: self.options.pace,
            places: &self.options.places,
            offers: &mut offers,
            files: &mut files,
        };
        match node.kind.prepare(&node.config, &mut prepare) {
            Ok(Prepared { processor, latency, tail }) => {
                let peaks = peaks(node, &self.widths[index]);
                Some((processor, Traits { latency, tail, offers, files, peaks }))
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
}

impl Running {
    /// Whether a node that would be prepared for this is the same node: only its connections and the values of its
    /// parameters may differ.
    fn is_like(
        &self,
        node: &NodeEntry,
        widths: &Widths,
        packets: &[Option<PacketFlow>],
        advance: u32,
    ) -> bool {
        let entry = &self.part.entry;
        entry.kind.name == node.kind.name
            && entry.config.json == node.config.json
            && entry.seed_as == node.seed_as
            && entry.overrides == node.overrides
            && self.part.widths == *widths
            && self.packets == packets
            && self.advance == advance
            && self.prepared.files.iter().all(Version::is_current)
    }
}

/// Where the levels of a node's audio outputs are kept.
fn peaks(node: &NodeEntry, widths: &Widths) -> Peaks {
    let ports = node.ports.outputs.iter().zip(&widths.outputs).enumerate();
    let audio = ports.filter(|(_, (port, _))| port.is_audio());
    audio.map(|(port, (_, channels))| Peak::of(port, *channels)).collect()
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
