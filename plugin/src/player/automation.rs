//! From the host's parameters to the engine's: what differs from what the engine was told is told. Audio thread.

use super::patch::Patch;
use crate::params::{BUSES, CENTRE, SLOTS};
use crate::slots::SlotShape;
use crate::wishes::Wishes;
use auralis_graph::command::Change;
use auralis_graph::settings::Settings;

/// What an engine was told.
pub struct Automation {
    settings: Settings,
    slots: [f32; SLOTS],
    buses: [f32; BUSES],
}

impl Automation {
    /// For an engine that begins with these settings, and else as its text says.
    pub fn new(settings: Settings, patch: &Patch) -> Self {
        let centre = |slot| patch.slots.get(slot).map_or(CENTRE, SlotShape::centre);
        Self { settings, slots: std::array::from_fn(centre), buses: [0.0; BUSES] }
    }

    /// The settings that the engine was told of; the tempo is the transport's.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// Tells what has changed. The tempo is the transport's.
    pub fn follow(&mut self, wishes: &Wishes, patch: &Patch, mut tell: impl FnMut(Change)) {
        let settings = wishes.settings(patch.written);
        let before = Settings { tempo: settings.tempo, ..self.settings };
        for change in before.changes_to(&settings) {
            tell(Change::Setting(change));
        }
        self.settings = settings;
        let before = std::mem::replace(&mut self.slots, wishes.slots);
        let moved = |slot: usize| before[slot] != wishes.slots[slot];
        for slot in (0..patch.slots.len()).filter(|slot| moved(*slot)) {
            if let Some(change) = patch.slot(slot, wishes.slots[slot]) {
                tell(change);
            }
        }
        for (index, bus) in patch.buses.iter().enumerate() {
            let (was, is) = (self.buses[index], wishes.buses[index]);
            let hangs = is != 0.0 && (0..patch.slots.len()).any(|slot| moved(slot) && bus.hangs_on(slot));
            if was != is || hangs {
                tell(bus.level(is, &patch.slots, &wishes.slots));
            }
        }
        self.buses = wishes.buses;
    }

    /// After an edit slots may mean other controls, and buses other nodes: what stands elsewhere than the text says,
    /// or did, is told anew.
    pub fn turn(&mut self, before: &Patch, after: &Patch, mut tell: impl FnMut(Change)) {
        let moved = |patch: &Patch, slot: usize| {
            patch.slots.get(slot).is_some_and(|shape| shape.value(self.slots[slot]) != shape.control.default)
        };
        for (slot, shape) in after.slots.iter().enumerate() {
            let was = before.slots.iter().position(|other| other.control.name == shape.control.name);
            if (moved(after, slot) || was.is_some_and(|was| moved(before, was)))
                && let Some(change) = after.slot(slot, self.slots[slot])
            {
                tell(change);
            }
        }
        for (slot, change) in after.orphans.slots.iter() {
            if moved(before, *slot) {
                tell(*change);
            }
        }
        for (bus, change) in after.orphans.buses.iter() {
            if self.buses[*bus] != 0.0 {
                tell(*change);
            }
        }
        for (bus, db) in after.buses.iter().zip(self.buses) {
            let was = before.buses.iter().position(|other| other.is_of(bus));
            if db != 0.0 || was.is_some_and(|was| self.buses[was] != 0.0) {
                tell(bus.level(db, &after.slots, &self.slots));
            }
        }
    }
}
