//! What the audio thread has to know of the graph that it runs. Made elsewhere, and dropped elsewhere.

use crate::params::SILENT_BUS;
use crate::reading::Reading;
use crate::slots::SlotShape;
use auralis_graph::command::{Change, NodeId};
use auralis_graph::node::{Role, Tail};
use auralis_graph::param::{Amount, Range};
use auralis_graph::preset::Control;
use auralis_graph::settings::Settings;
use auralis_graph::{Controller, Preset};
use std::collections::HashSet;
use std::sync::Arc;

/// A graph, as the audio thread steers it.
pub struct Patch {
    /// The hand on its engine.
    pub controller: Controller,
    /// The settings that its text gives.
    pub written: Settings,
    /// Its controls by slot.
    pub slots: Arc<[SlotShape]>,
    /// The levels of its sources.
    pub buses: Box<[Bus]>,
    /// The nodes that take notes from outside.
    pub entrances: Box<[NodeId]>,
    /// How long it sounds on when all is silent.
    pub tail: Tail,
    /// Frames by which the engine's output lags behind the position.
    pub latency: u32,
    /// Voices that it sounds at most.
    pub voices: u32,
    /// What the graph before let the host move, and this one does not.
    pub orphans: Orphans,
}

/// Parameters that nothing moves any more, with the values that the text gives them.
#[derive(Default)]
pub struct Orphans {
    /// By the slots that moved them.
    pub slots: Box<[(usize, Change)]>,
    /// By the buses.
    pub buses: Box<[(usize, Change)]>,
}

impl Orphans {
    /// What was left behind when one text was turned into another.
    pub fn of(before: &Reading, after: &Reading, controller: &Controller) -> Self {
        let (old, new) = (&before.preset, &after.preset);
        let moved: HashSet<(&str, &str)> =
            new.controls.iter().flat_map(|control| targets(new, control)).collect();
        let slots = old.controls.iter().take(before.slots.len()).enumerate().flat_map(|(slot, control)| {
            let gone = targets(old, control).filter(|target| !moved.contains(target));
            gone.filter_map(move |(node, param)| Some((slot, literal(new, node, param, controller)?)))
        });
        let gone = before.buses.iter().enumerate().filter(|(_, bus)| !after.buses.contains(bus));
        let buses = gone.filter_map(|(bus, node)| Some((bus, literal(new, node, "gain", controller)?)));
        Self { slots: slots.collect(), buses: buses.collect() }
    }
}

/// The nodes and parameters that a control moves, by name.
fn targets<'a>(preset: &'a Preset, control: &'a Control) -> impl Iterator<Item = (&'a str, &'a str)> {
    control.targets.iter().map(|target| {
        let node = &preset.nodes[target.node];
        (node.name.as_str(), node.params[target.param].spec.name)
    })
}

/// What sets a parameter to what the text says; none where there is no such one.
fn literal(preset: &Preset, node: &str, param: &str, controller: &Controller) -> Option<Change> {
    let (_, entry) = preset.node(node)?;
    let index = entry.params.iter().position(|other| other.spec.name == param)?;
    let amount = entry.params[index].amount;
    Some(Change::Param { node: controller.node_id(node)?, param: index as u16, amount })
}

/// The level of a source.
pub struct Bus {
    node: NodeId,
    param: u16,
    range: Range,
    /// What the text says, in dB.
    literal: f32,
    /// The slot that moves the same level, and the stretch that it travels.
    slot: Option<(usize, Option<Range>)>,
}

impl Patch {
    /// Of a graph that was built, or edited, to play what was read.
    pub fn new(reading: &Reading, controller: Controller, tail: Tail, latency: u32, voices: u32) -> Self {
        let preset = &reading.preset;
        let entrances = preset.nodes.iter().filter(|node| node.kind.role == Role::NotesIn);
        let buses = reading.buses.iter().filter_map(|name| Bus::new(preset, name, &controller));
        Self {
            entrances: entrances.filter_map(|node| controller.node_id(&node.name)).collect(),
            buses: buses.collect(),
            slots: Arc::clone(&reading.slots),
            written: preset.settings(),
            controller,
            tail,
            latency,
            voices,
            orphans: Orphans::default(),
        }
    }

    /// What a slot asks for.
    pub fn slot(&self, index: usize, n: f32) -> Option<Change> {
        let value = self.slots.get(index)?.value(n);
        Some(Change::Control { index: index as u16, value })
    }
}

impl Bus {
    fn new(preset: &Preset, name: &str, controller: &Controller) -> Option<Self> {
        let (index, entry) = preset.node(name)?;
        let param = entry.params.iter().position(|param| param.spec.name == "gain")?;
        let literal = match entry.params[param].amount {
            Amount::Value(db) => db,
            Amount::Length { .. } => return None,
        };
        let moved = preset.controls.iter().enumerate().find_map(|(slot, control)| {
            let target =
                control.targets.iter().find(|target| (target.node, target.param) == (index, param))?;
            Some((slot, target.stretch))
        });
        Some(Self {
            node: controller.node_id(name)?,
            param: param as u16,
            range: entry.params[param].spec.range,
            literal,
            slot: moved,
        })
    }

    /// Whether both are the level of the same node.
    pub fn is_of(&self, other: &Self) -> bool {
        self.node == other.node
    }

    /// Whether a slot moves this level too.
    pub fn hangs_on(&self, slot: usize) -> bool {
        self.slot.is_some_and(|(moved, _)| moved == slot)
    }

    /// What a level of `db` asks for, on top of the text's, or of where the slots have moved it.
    pub fn level(&self, db: f32, slots: &[SlotShape], places: &[f32]) -> Change {
        let base = self.slot.and_then(|(slot, stretch)| {
            let value = slots.get(slot)?.value(*places.get(slot)?);
            Some(stretch.map_or(value, |stretch| stretch.value(value)))
        });
        let level = match db <= SILENT_BUS {
            true => self.range.min,
            false => (base.unwrap_or(self.literal) + db).clamp(self.range.min, self.range.max),
        };
        Change::Param { node: self.node, param: self.param, amount: Amount::Value(level) }
    }
}
