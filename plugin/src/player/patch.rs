//! What the audio thread has to know of the graph that it runs. Made elsewhere, and dropped elsewhere.

use crate::params::SILENT_BUS;
use crate::reading::Reading;
use crate::slots::SlotShape;
use auralis_graph::command::{Change, NodeId};
use auralis_graph::node::{Role, Tail};
use auralis_graph::param::{Amount, Range};
use auralis_graph::settings::Settings;
use auralis_graph::{Controller, Preset};
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
