//! A look, in builds with debug assertions, that every step of a program finds in its buffers what its draft says, and
//! not what another step left there.

use super::layout::Chunk;
use super::program::{ItemId, Key, Place, Program, Signal, Value};
use crate::engine::{NOTHING, Segment};
use std::collections::HashMap;
use std::sync::Arc;

impl Program {
    /// Goes through a quantum as the engine does.
    ///
    /// # Panics
    /// If a step would hear something else than it should: a mistake of the compiler.
    pub(super) fn check_flow(&self, chunks: &[Chunk], waits: &[Vec<usize>]) {
        let mut held: HashMap<u32, Value> = HashMap::new();
        let mut task_of_wire: HashMap<u32, (usize, Value)> = HashMap::new();
        let mut seen = vec![false; self.items.iter().map(|(id, _)| id + 1).max().unwrap_or(0)];
        for (index, chunk) in chunks.iter().enumerate() {
            self.check_segment(chunk);
            for group in &chunk.groups {
                group.iter().for_each(|id| self.check_heard(*id, &held));
                for id in group {
                    assert_eq!(self.items[*id].chunk, Some(index), "{:?}", self.items[*id].key);
                    let twice = std::mem::replace(&mut seen[*id], true);
                    assert!(!twice, "{:?} stands twice", self.items[*id].key);
                    for value in values(self.items[*id].draft.written()) {
                        let Place { wire, own } = self.places[value as usize];
                        assert_ne!(wire, NOTHING, "{:?} has no buffer", self.items[*id].key);
                        held.insert(wire, value);
                        let (task, first) = *task_of_wire.entry(wire).or_insert((chunk.task, value));
                        assert!(first == value || (!own && task == chunk.task), "two tasks share a buffer");
                    }
                }
                // Those of a group run at the same time.
                group.iter().for_each(|id| self.check_heard(*id, &held));
                group.iter().for_each(|id| self.check_waits(*id, chunk, chunks, waits, &task_of_wire));
            }
        }
        for (id, item) in &self.items {
            match item.key {
                Key::Exits => self.check_heard(id, &held),
                _ => assert!(seen[id], "{:?} has no place", item.key),
            }
        }
    }

    /// What was drawn before would be drawn so again.
    fn check_segment(&self, chunk: &Chunk) {
        let Some(segment) = &chunk.segment else { return };
        let again = self.draw(chunk, &mut Vec::new());
        let lists = |segment: &Segment| {
            let cells: Vec<_> = segment.steps.iter().map(|step| Arc::as_ptr(&step.cell)).collect();
            (cells, segment.wires.clone(), segment.terms.clone(), segment.sums.clone())
        };
        assert!(lists(segment) == lists(&again), "a segment was not drawn anew");
        assert_eq!((&segment.plugs, segment.blends.len()), (&again.plugs, again.blends.len()));
    }

    fn check_heard(&self, id: ItemId, held: &HashMap<u32, Value>) {
        let draft = &self.items[id].draft;
        let own: Vec<Value> = draft.sums.iter().map(|(value, _)| *value).collect();
        for value in values(draft.read()).filter(|value| !own.contains(value)) {
            let wire = self.places[value as usize].wire;
            assert_eq!(held.get(&wire), Some(&value), "{:?} hears another step", self.items[id].key);
        }
    }

    fn check_waits(
        &self,
        id: ItemId,
        chunk: &Chunk,
        chunks: &[Chunk],
        waits: &[Vec<usize>],
        task_of_wire: &HashMap<u32, (usize, Value)>,
    ) {
        for source in self.sources(id) {
            let Some(task) = self.items[source].chunk.map(|source| chunks[source].task) else { continue };
            let waited = task == chunk.task || waits[chunk.task].contains(&task);
            assert!(waited, "{:?} does not wait for what it hears", self.items[id].key);
        }
        for value in values(self.items[id].draft.read()) {
            let wire = self.places[value as usize].wire;
            let alone =
                task_of_wire.get(&wire).is_none_or(|(task, first)| *task == chunk.task || *first == value);
            assert!(alone, "{:?} hears a buffer that its source's task uses for more", self.items[id].key);
        }
    }
}

fn values(signals: impl Iterator<Item = Signal>) -> impl Iterator<Item = Value> {
    signals.filter_map(|signal| if let Signal::Audio(value) = signal { Some(value) } else { None })
}
