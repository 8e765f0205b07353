//! How loud the nodes are: measured while the editor is open, and shown by meters that go up at once and down slowly.

use crate::desk::Scene;
use auralis_graph::controller::LevelWatch;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The lowest and the highest level that is shown, in dB.
const FLOOR: f32 = -60.0;
const CEILING: f32 = 6.0;
/// How fast a meter falls, in dB a second.
const FALL: f32 = 26.0;
/// How long the highest level stands before it falls, in seconds.
const HOLD: f32 = 1.5;

/// The levels of all nodes that play.
#[derive(Default)]
pub struct Levels {
    /// What is measured, and that it is.
    watched: Option<(Arc<Scene>, LevelWatch)>,
    meters: Vec<Meter>,
    /// For each node which meters belong to which of its outputs.
    slots: HashMap<String, Vec<(usize, usize)>>,
    /// The nodes that run.
    running: HashSet<String>,
}

impl Levels {
    /// Takes what was measured in the last `seconds`.
    pub fn follow(&mut self, scene: Option<&Arc<Scene>>, seconds: f32) {
        let Some(scene) = scene else {
            *self = Self::default();
            return;
        };
        let known = self.watched.as_ref().is_some_and(|(watched, _)| Arc::ptr_eq(watched, scene));
        if !known {
            self.watch(scene);
        }
        for (meter, amplitude) in self.meters.iter_mut().zip(scene.controller.take_levels()) {
            meter.take(amplitude, seconds);
        }
    }

    /// Turns to another graph; what stays of the one before keeps its level.
    fn watch(&mut self, scene: &Arc<Scene>) {
        let mut slots: HashMap<String, Vec<(usize, usize)>> = HashMap::new();
        let mut meters = Vec::new();
        for (slot, (node, port)) in scene.controller.measured().enumerate() {
            meters.push(self.of(node, Some(port)));
            slots.entry(node.into()).or_default().push((port, slot));
        }
        self.running = scene.controller.node_names().map(str::to_string).collect();
        let watch = scene.controller.watch_levels();
        (self.meters, self.slots, self.watched) = (meters, slots, Some((Arc::clone(scene), watch)));
    }

    /// How loud a node is: one of its outputs, or the loudest.
    pub fn of(&self, node: &str, output: Option<usize>) -> Meter {
        let slots = self.slots.get(node).map_or(&[][..], Vec::as_slice);
        let wanted = slots.iter().filter(|(port, _)| output.is_none_or(|output| output == *port));
        let meters = wanted.filter_map(|(_, slot)| self.meters.get(*slot));
        meters.fold(Meter::default(), |loudest, meter| loudest.or(*meter))
    }

    /// Whether anything is heard, or was heard a moment ago.
    pub fn sound(&self) -> bool {
        self.meters.iter().any(|meter| meter.level.is_finite() || meter.peak.is_finite())
    }

    /// Whether a node is among those that run.
    pub fn runs(&self, node: &str) -> bool {
        self.watched.is_none() || self.running.contains(node)
    }
}

/// A level as it is shown.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Meter {
    /// In dB.
    pub level: f32,
    /// The highest one of late, in dB.
    pub peak: f32,
    since: f32,
}

impl Default for Meter {
    fn default() -> Self {
        Self { level: f32::NEG_INFINITY, peak: f32::NEG_INFINITY, since: 0.0 }
    }
}

impl Meter {
    /// Takes the amplitude that was measured in the last `seconds`.
    fn take(&mut self, amplitude: f32, seconds: f32) {
        let level = settle(20.0 * amplitude.max(0.0).log10());
        let fall = FALL * seconds;
        self.level = settle(level.max(self.level - fall));
        self.since += seconds;
        if level >= self.peak {
            (self.peak, self.since) = (level, 0.0);
        } else if self.since > HOLD {
            self.peak = settle(self.level.max(self.peak - fall));
        }
    }

    /// The louder one of each.
    fn or(self, other: Self) -> Self {
        Self { level: self.level.max(other.level), peak: self.peak.max(other.peak), ..self }
    }
}

/// What lies under the floor is silence.
fn settle(level: f32) -> f32 {
    if level < FLOOR { f32::NEG_INFINITY } else { level }
}

/// Where a level stands between the floor, 0, and the ceiling, 1.
pub fn height(level: f32) -> f32 {
    ((level - FLOOR) / (CEILING - FLOOR)).clamp(0.0, 1.0)
}

/// A level as one reads it; nothing where nothing sounds.
pub fn print(level: f32) -> String {
    if level.is_finite() {
        format!("{:.0} dB", level.round()).replace('-', "\u{2212}")
    } else {
        String::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_meter_rises_at_once_and_falls_slowly() {
        let mut meter = Meter::default();
        meter.take(1.0, 0.03);
        assert_eq!(meter.level, 0.0);
        meter.take(0.0, 0.5);
        assert!((meter.level + 13.0).abs() < 0.01, "{meter:?}");
        assert_eq!(meter.peak, 0.0);
        (0..10).for_each(|_| meter.take(0.0, 0.5));
        assert_eq!(meter.level, f32::NEG_INFINITY);
        assert_eq!(meter.peak, f32::NEG_INFINITY);
    }

    #[test]
    fn nothing_sounds_once_the_last_meter_has_fallen() {
        let mut levels = Levels::default();
        assert!(!levels.sound());
        levels.meters = vec![Meter::default(); 2];
        levels.meters[1].take(0.5, 0.03);
        assert!(levels.sound());
        (0..4).for_each(|_| levels.meters[1].take(0.0, 0.5));
        assert!(levels.sound(), "its peak still stands");
        (0..10).for_each(|_| levels.meters[1].take(0.0, 0.5));
        assert!(!levels.sound());
    }

    #[test]
    fn levels_are_shown_between_floor_and_ceiling() {
        assert_eq!(height(f32::NEG_INFINITY), 0.0);
        assert_eq!(height(20.0), 1.0);
        assert!((height(-27.0) - 0.5).abs() < 1e-6);
        assert_eq!(print(-11.6), "\u{2212}12 dB");
        assert_eq!(print(f32::NEG_INFINITY), "");
    }
}
