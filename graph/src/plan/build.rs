//! Preparing nodes: those of a preset that no graph before it has.

use super::edit::Editor;
use super::nodes::{Nodes, Numbers, Running, Traits};
use super::part::{Timing, part};
use super::program::{Exits, Program, cell};
use super::socket::{Socket, Wanted};
use crate::catalogue::Catalogue;
use crate::chance::Chance;
use crate::command::NodeId;
use crate::controller::{Controller, link};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::dsp::QUANTUM;
use crate::engine::glue::Onset;
use crate::engine::{Engine, Peak, Peaks, SharedCell};
use crate::expose::{ControlMap, ControlTarget};
use crate::node::{Mute, Outlet as Offered, Pace, Prepare, Prepared, Processor, Role, Tail};
use crate::places::Places;
use crate::port::{PacketFlow, PortKind};
use crate::preset::{NodeEntry, Outlet, Preset};
use crate::settings::Settings;
use std::any::Any;
use std::collections::{BTreeSet, HashMap};
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
    /// Frames by which its output lags behind the position, until an edit says otherwise.
    pub latency: u32,
    /// How many voices its instruments can sound at once, all together; [`Controller::voices`] says how many do.
    pub voices: u32,
    /// What its nodes offer to the socket around it.
    pub offers: Offers,
    /// Nodes that are silent for want of a file, where that is forgiven ([`Places::forgiving`]): a sentence for each that
    /// names node and file, in text order.
    pub missing: Vec<String>,
}

impl std::fmt::Debug for Built {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Built").field("engine", &self.engine).finish_non_exhaustive()
    }
}

/// What the nodes of a graph offer to the socket around it, in the order in which they run.
#[derive(Clone, Default)]
pub struct Offers(pub(super) Vec<(String, Offered)>);

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
    let mut nodes = Nodes::default();
    let plan = Plan::new(preset, catalogue, options, &nodes, &BTreeSet::new())?;
    let mut program = Program::new(options.sample_rate, Onset::AT_ONCE);
    for changed in &plan.changed {
        program.enter(changed.number, &changed.node.part);
    }
    for changed in &plan.changed {
        program.draft(changed.number, &changed.node.part);
    }
    program.draft_exits(&plan.exits);
    program.arrange(&plan.sequence, 1);
    // No connection was there before.
    program.take_opened();
    let controls = Arc::clone(&plan.controls);
    let (leaving, latency) = ((plan.exits.clone(), plan.control_names.clone()), plan.exits.latency);
    nodes.take_over(plan);
    let (tail, voices, offers, missing) =
        (nodes.tail(), nodes.most_voices(), nodes.offers(), nodes.missing());
    let (schedule, _) = program.schedule(&nodes);
    let (link, controller) = link(nodes.directory(preset), options.settings);
    let editor = Editor::new(nodes, program, leaving, controller.clone(), &link, options.clone());
    let engine = Engine::new(schedule, controls, options.settings, options.sample_rate, options.pace, link);
    Ok(Built { engine, controller, editor, tail, latency, voices, offers, missing })
}

/// A graph whose nodes are prepared, as far as it differs from the one before. Nodes are told apart by numbers that they
/// keep for as long as they run.
pub(crate) struct Plan {
    /// All nodes in text order, and in an order in which they can run.
    pub text: Vec<u32>,
    pub sequence: Vec<u32>,
    /// Nodes that are new, and those that go on but hear something else or have other values, in running order.
    pub changed: Vec<Changed>,
    /// Nodes that go.
    pub leaving: Vec<u32>,
    /// New nodes, and those that go in whose place they stand.
    pub replaced: Vec<(u32, u32)>,
    pub exits: Exits,
    pub controls: Arc<[ControlMap]>,
    pub control_names: Vec<String>,
    pub numbers: Numbers,
}

/// A node that is not as it was.
pub(crate) struct Changed {
    pub number: u32,
    pub node: Running,
    /// Whether it did not run before.
    pub fresh: bool,
}

impl Plan {
    /// Prepares a preset's nodes, except those that run already and are not to be prepared `anew`.
    pub fn new(
        preset: &Preset,
        catalogue: &Catalogue,
        options: &Options,
        nodes: &Nodes,
        anew: &BTreeSet<String>,
    ) -> Result<Self, Diagnostics> {
        let wanted = Wanted::new(preset, options.socket, catalogue);
        let known = nodes.find(&wanted, options.settings.tempo, anew);
        let count = wanted.count();
        let mut builder = Builder {
            wanted: &wanted,
            nodes,
            options,
            known,
            numbers: nodes.numbers.clone(),
            number: vec![u32::MAX; count],
            latency: vec![0; count],
            lead: vec![0; count],
            heard: vec![0; count],
            made: HashMap::new(),
            mistakes: Diagnostics::new(preset.source.clone()),
        };
        builder.prepare_all();
        if builder.mistakes.has_errors() {
            return Err(builder.mistakes);
        }
        Ok(builder.plan(preset))
    }
}

impl Plan {
    /// The names of new nodes, in text order.
    pub fn prepared(&self) -> Vec<String> {
        let fresh = self.changed.iter().filter(|changed| changed.fresh);
        let names: HashMap<u32, &String> =
            fresh.map(|changed| (changed.number, &changed.node.part.entry.name)).collect();
        self.text.iter().filter_map(|number| names.get(number)).map(|name| (*name).clone()).collect()
    }
}

fn control_maps(preset: &Preset, wanted: &Wanted<'_>, number: &[u32]) -> Arc<[ControlMap]> {
    let maps = preset.controls.iter().map(|control| {
        let running = control.targets.iter().filter(|target| wanted.runs(target.node));
        let targets = running.map(|target| ControlTarget {
            node: NodeId(number[target.node]),
            param: target.param as u16,
            stretch: target.stretch,
        });
        ControlMap { targets: targets.collect() }
    });
    maps.collect()
}

/// A node that runs already.
#[derive(Clone, Copy)]
pub(crate) struct Known {
    pub number: u32,
    /// Whether nothing about it and what it listens to has changed.
    pub same: bool,
}

/// What came of a node that is not the same.
struct Made {
    cell: Arc<SharedCell>,
    prepared: Traits,
    packets: Vec<Option<PacketFlow>>,
    advance: u32,
    fresh: bool,
}

struct Builder<'a> {
    wanted: &'a Wanted<'a>,
    nodes: &'a Nodes,
    options: &'a Options,
    /// By the numbers of the preset, as all that follows.
    known: Vec<Option<Known>>,
    numbers: Numbers,
    /// Each node's number while it runs.
    number: Vec<u32>,
    /// Latency of each node, once prepared.
    latency: Vec<u32>,
    /// Frames by which each node's outputs lag behind the clock.
    lead: Vec<u32>,
    /// Frames by which each node's inputs lag behind the clock.
    heard: Vec<u32>,
    made: HashMap<usize, Made>,
    mistakes: Diagnostics,
}

impl Builder<'_> {
    /// Prepares nodes in running order, so that a node that closes a loop can be told what the loop costs.
    fn prepare_all(&mut self) {
        let wanted = self.wanted;
        let mut closing = Vec::new();
        for index in wanted.sequence() {
            self.heard[index] = self.arrival(index, false);
            self.lead[index] = self.heard[index];
            if wanted.closes(index) {
                closing.push(index);
            } else {
                self.make(index, 0);
                self.lead[index] += self.latency[index];
            }
        }
        for index in closing {
            self.heard[index] = self.arrival(index, true);
            let advance = self.heard[index] - self.lead[index];
            let node = wanted.entry(index);
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
            self.make(index, advance);
        }
    }

    /// The node as it ran before, where it would be prepared for the same; else a new one.
    fn make(&mut self, index: usize, advance: u32) {
        let known = self.known[index].and_then(|known| Some((known, self.nodes.get(known.number)?)));
        if let Some((known, running)) = known
            && known.same
            && running.advance == advance
        {
            (self.number[index], self.latency[index]) = (known.number, running.prepared.latency);
            return;
        }
        let node = self.wanted.entry(index);
        let packets: Vec<Option<PacketFlow>> =
            node.inputs.iter().map(|list| list.first().and_then(|c| self.flow_of(c.from))).collect();
        let widths = self.wanted.widths(index);
        if let Some((known, running)) = known
            && running.is_like(node, widths, &packets, advance)
        {
            (self.number[index], self.latency[index]) = (known.number, running.prepared.latency);
            let (cell, prepared) = (Arc::clone(&running.part.cell), running.prepared.clone());
            self.made.insert(index, Made { cell, prepared, packets, advance, fresh: false });
            return;
        }
        let Some((processor, prepared)) = self.prepare(index, advance, &packets) else { return };
        self.latency[index] = prepared.latency;
        self.number[index] = self.numbers.take();
        let cell = cell(node, processor, &prepared, self.options);
        self.made.insert(index, Made { cell, prepared, packets, advance, fresh: true });
    }

    /// When the latest of a node's sources arrives; those from within its own loop come a quantum late.
    fn arrival(&self, index: usize, with_loop: bool) -> u32 {
        let mut latest = if with_loop { self.lead[index] } else { 0 };
        for outlet in self.wanted.sources(index) {
            latest = match self.wanted.is_cut(outlet.node, index) {
                false => latest.max(self.lead[outlet.node]),
                true if with_loop => latest.max(self.lead[outlet.node] + QUANTUM as u32),
                true => latest,
            };
        }
        latest
    }

    fn flow_of(&self, outlet: Outlet) -> Option<PacketFlow> {
        match self.wanted.entry(outlet.node).ports.outputs[outlet.port].kind {
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
        let (node, widths) = (self.wanted.entry(index), self.wanted.widths(index));
        let settings = node.overrides.apply(self.options.settings);
        let (mut offers, mut files, mut voices) = (Vec::new(), Vec::new(), None);
        let mut prepare = Prepare {
            name: &node.name,
            sample_rate: self.options.sample_rate,
            seed: Chance::new(settings.seed).named(&node.seed_as).seed(),
            seed_name: &node.seed_as,
            settings,
            inputs: &widths.inputs,
            outputs: &widths.outputs,
            packets,
            epoch: self.options.epoch,
            advance,
            pace: self.options.pace,
            places: &self.options.places,
            offers: &mut offers,
            files: &mut files,
            voices: &mut voices,
        };
        let peaks = peaks(node, &widths.outputs);
        match node.kind.prepare(&node.config, &mut prepare) {
            Ok(Prepared { processor, latency, tail }) => {
                Some((processor, Traits { latency, tail, offers, files, voices, peaks, missing: None }))
            }
            Err(error) if self.options.places.forgives(&error) => {
                let Prepared { processor, latency, tail } = Prepared::new(Mute);
                let missing = Some(error.of_silent(&node.name));
                Some((processor, Traits { latency, tail, offers, files, voices: None, peaks, missing }))
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

    /// What has come of it. A node that is the same is not, where what it hears comes from a new node or at another time.
    fn plan(mut self, preset: &Preset) -> Plan {
        let wanted = self.wanted;
        let moved: Vec<bool> = (0..wanted.count()).map(|index| self.has_moved(index)).collect();
        let sequence: Vec<usize> = wanted.sequence().collect();
        let mut changed = Vec::new();
        for index in sequence.iter().copied() {
            let hears_moved = || wanted.sources(index).iter().any(|outlet| moved[outlet.node]);
            let number = self.number[index];
            let made = match self.made.remove(&index) {
                Some(made) => made,
                None if moved[index] || hears_moved() => {
                    let Some(running) = self.nodes.get(number) else { continue };
                    let (packets, advance) = (running.packets.clone(), running.advance);
                    let (cell, prepared) = (Arc::clone(&running.part.cell), running.prepared.clone());
                    Made { cell, prepared, packets, advance, fresh: false }
                }
                None => continue,
            };
            let timing = Timing { heard: &self.heard, lead: &self.lead };
            let settings = self.options.settings;
            let part = part(wanted, index, made.cell, timing, settings, |node| self.number[node]);
            let Made { prepared, packets, advance, fresh, .. } = made;
            let (print, tempo) = (wanted.print(index), settings.tempo);
            let node = Running { part, prepared, packets, advance, print, tempo };
            changed.push(Changed { number, node, fresh });
        }
        let text: Vec<u32> = wanted.running().map(|index| self.number[index]).collect();
        let leaving = self.nodes.not_among(&text);
        let fresh = changed.iter().filter(|changed| changed.fresh);
        let names: HashMap<&str, &Changed> =
            fresh.map(|changed| (changed.node.part.entry.name.as_str(), changed)).collect();
        let replaced = leaving.iter().filter_map(|old| {
            let entry = &self.nodes.get(*old)?.part.entry;
            let new = names.get(entry.name.as_str())?;
            (new.node.part.entry.kind.name == entry.kind.name).then_some((new.number, *old))
        });
        Plan {
            replaced: replaced.collect(),
            exits: self.exits(),
            controls: control_maps(preset, wanted, &self.number),
            control_names: preset.controls.iter().map(|control| control.name.clone()).collect(),
            sequence: sequence.into_iter().map(|index| self.number[index]).collect(),
            text,
            changed,
            leaving,
            numbers: self.numbers,
        }
    }

    /// Whether a node is new, or its sound comes at another time than it did.
    fn has_moved(&self, index: usize) -> bool {
        if !self.wanted.runs(index) {
            return false;
        }
        match self.made.get(&index) {
            Some(made) if made.fresh => true,
            _ => self.nodes.timing(self.number[index]) != (self.heard[index], self.lead[index]),
        }
    }

    /// Of nodes that are outputs: all leave together with the slowest.
    fn exits(&self) -> Exits {
        let leaving =
            |role: Role| self.wanted.running().filter(move |index| self.wanted.role(*index) == role);
        let all = leaving(Role::Output).chain(leaving(Role::NotesOut));
        let latency = all.map(|index| self.lead[index]).max().unwrap_or(0);
        let way = |index: usize| {
            let from = Outlet { node: self.number[index] as usize, port: 0 };
            super::part::Way { from, cut: false, pad: latency - self.lead[index] }
        };
        Exits {
            audio: leaving(Role::Output).map(|index| super::part::Route::steady(way(index), 1.0)).collect(),
            notes: leaving(Role::NotesOut).map(way).collect(),
            latency,
        }
    }
}

/// Where the levels of a node's audio outputs are kept.
fn peaks(node: &NodeEntry, outputs: &[u16]) -> Peaks {
    let ports = node.ports.outputs.iter().zip(outputs).enumerate();
    let audio = ports.filter(|(_, (port, _))| port.is_audio());
    audio.map(|(port, (_, channels))| Peak::of(port, *channels)).collect()
}
