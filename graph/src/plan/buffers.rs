//! Assigning buffers: values that are never alive at the same time share one.

use crate::engine::NOTHING;

/// One channel that some step writes and others read, before it has a buffer.
pub(crate) type Value = u32;

/// When values are written and read.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lives {
    /// The first and the last time of each value; value 0 is silence and has no life.
    spans: Vec<(u32, u32)>,
}

impl Lives {
    /// Of so many values that nobody touches yet.
    pub fn new(values: u32) -> Self {
        Self { spans: vec![(u32::MAX, 0); values as usize + 1] }
    }

    /// Notes that a value is written or read at a time.
    pub fn touch(&mut self, value: Value, time: u32) {
        let span = &mut self.spans[value as usize];
        *span = (span.0.min(time), span.1.max(time));
    }

    /// Gives every value a buffer. Buffer 0 is silence. Returns the buffers by value, and how many there are
    /// besides silence.
    pub fn assign(&self) -> (Vec<u32>, usize) {
        let mut starts: Vec<Value> = (1..self.spans.len() as Value).collect();
        starts.sort_by_key(|value| self.spans[*value as usize].0);
        let mut ends = starts.clone();
        ends.sort_by_key(|value| self.spans[*value as usize].1);
        let mut ending = ends.into_iter().peekable();
        let mut buffers = vec![NOTHING; self.spans.len()];
        let mut free: Vec<u32> = Vec::new();
        let mut count = 0;
        for value in starts {
            let step = self.spans[value as usize].0;
            // A buffer is free only after the last time that it is read: no step writes over its inputs.
            while let Some(ended) = ending.next_if(|ended| self.spans[*ended as usize].1 < step) {
                free.push(buffers[ended as usize]);
            }
            // The one freed last is the likeliest to be in the cache.
            buffers[value as usize] = free.pop().unwrap_or_else(|| {
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
        let mut lives = Lives::new(10);
        for value in 1..=10 {
            lives.touch(value, value);
            lives.touch(value, value + 1);
        }
        assert_eq!(lives.assign().1, 2);
    }

    #[test]
    fn values_alive_together_never_share() {
        let mut chance = Chance::new(3);
        for _ in 0..200 {
            let mut lives = Lives::new(40);
            for value in 1..=40 {
                lives.touch(value, value);
                lives.touch(value, value + chance.below(10));
            }
            let (buffers, count) = lives.assign();
            assert!(count <= 40);
            for a in 1..lives.spans.len() {
                for b in 1..a {
                    let ((a0, a1), (b0, b1)) = (lives.spans[a], lives.spans[b]);
                    if a0 <= b1 && b0 <= a1 {
                        assert_ne!(buffers[a], buffers[b], "{a} {b}");
                    }
                }
            }
        }
    }
}
