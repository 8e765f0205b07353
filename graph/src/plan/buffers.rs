//! Assigning buffers: values that are never alive at the same time share one.

use super::program::Value;
use crate::engine::NOTHING;
use std::collections::HashMap;

/// When values are written and read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lives {
    /// Of each value; value 0 is silence and has no life.
    spans: Vec<Span>,
}

/// The first and the last time of a value, and the only task that knows it.
#[derive(Debug, Clone, Copy)]
struct Span {
    first: u32,
    last: u32,
    task: Option<u32>,
}

impl Lives {
    /// Of so many values that nobody touches yet, silence among them.
    pub fn new(values: usize) -> Self {
        Self { spans: vec![Span { first: u32::MAX, last: 0, task: None }; values] }
    }

    /// Notes that a task writes or reads a value at a time.
    pub fn touch(&mut self, value: Value, time: u32, task: u32) {
        let span = &mut self.spans[value as usize];
        let new = span.first == u32::MAX;
        span.task = Some(task).filter(|_| new || span.task == Some(task));
        (span.first, span.last) = (span.first.min(time), span.last.max(time));
    }

    /// Gives every value that was touched a buffer: those of one task share. Buffer 0 is silence. Returns the buffers by value, and how
    /// many there are besides silence.
    pub fn assign(&self) -> (Vec<u32>, usize) {
        let span = |value: &Value| self.spans[*value as usize];
        let mut starts: Vec<Value> =
            (1..self.spans.len() as Value).filter(|value| span(value).first < u32::MAX).collect();
        starts.sort_by_key(|value| span(value).first);
        let mut ends = starts.clone();
        ends.sort_by_key(|value| span(value).last);
        let mut ending = ends.into_iter().peekable();
        let mut buffers = vec![NOTHING; self.spans.len()];
        let mut free: HashMap<u32, Vec<u32>> = HashMap::new();
        let mut count = 0;
        for value in starts {
            let Span { first, task, .. } = span(&value);
            // A buffer is free only after the last time that it is read: no step writes over its inputs.
            while let Some(ended) = ending.next_if(|ended| span(ended).last < first) {
                if let Some(task) = span(&ended).task {
                    free.entry(task).or_default().push(buffers[ended as usize]);
                }
            }
            // The one freed last is the likeliest to be in the cache.
            let reused = task.and_then(|task| free.get_mut(&task)?.pop());
            buffers[value as usize] = reused.unwrap_or_else(|| {
                count += 1;
                count as u32
            });
        }
        (buffers, count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;

    #[test]
    fn a_chain_needs_two_buffers() {
        let mut lives = Lives::new(11);
        for value in 1..=10 {
            lives.touch(value, value, 0);
            lives.touch(value, value + 1, 0);
        }
        assert_eq!(lives.assign().1, 2);
    }

    #[test]
    fn values_alive_together_never_share() {
        let mut chance = Chance::new(3);
        for _ in 0..200 {
            let mut lives = Lives::new(41);
            for value in 1..=40 {
                let task = chance.below(3);
                lives.touch(value, value, task);
                lives.touch(value, value + chance.below(10), if chance.below(4) == 0 { 3 } else { task });
            }
            let (buffers, count) = lives.assign();
            assert!(count <= 40);
            for a in 1..lives.spans.len() {
                for b in 1..a {
                    let (x, y) = (lives.spans[a], lives.spans[b]);
                    let together = x.first <= y.last && y.first <= x.last;
                    if together || x.task.is_none() || x.task != y.task {
                        assert_ne!(buffers[a], buffers[b], "{a} {b}");
                    }
                }
            }
        }
    }
}
