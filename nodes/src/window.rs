//! The largest of the last samples, at a cost that does not grow with how many. Audio thread, but for `new`;
//! allocates nothing after that.

/// The maximum over a window that slides one sample at a time: a queue of those samples that no later one
/// exceeds (D. Lemire, "Streaming maximum-minimum filter using no more than three comparisons per element",
/// 2006).
pub struct SlidingMax {
    /// Candidates with the time at which they came, oldest first, as a ring.
    queue: Box<[(u32, f32)]>,
    first: usize,
    len: usize,
    width: u32,
    now: u32,
}

impl SlidingMax {
    /// Over the last `width` samples, the newest included.
    ///
    /// # Panics
    /// If `width` is 0.
    pub fn new(width: usize) -> Self {
        assert!(width > 0, "a window has at least one sample");
        let queue = vec![(0, 0.0); width.next_power_of_two()].into();
        Self { queue, first: 0, len: 0, width: width as u32, now: 0 }
    }

    /// Forgets all samples: afterwards it holds the given one alone.
    pub fn fill(&mut self, sample: f32) {
        self.len = 0;
        self.push(sample);
    }

    /// Adds a sample and gives the largest in the window.
    #[inline]
    pub fn push(&mut self, sample: f32) -> f32 {
        let mask = self.queue.len() - 1;
        self.now = self.now.wrapping_add(1);
        if self.len > 0 && self.now.wrapping_sub(self.queue[self.first].0) >= self.width {
            self.first = (self.first + 1) & mask;
            self.len -= 1;
        }
        while self.len > 0 && self.queue[(self.first + self.len - 1) & mask].1 <= sample {
            self.len -= 1;
        }
        self.queue[(self.first + self.len) & mask] = (self.now, sample);
        self.len += 1;
        self.queue[self.first].1
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use auralis_graph::chance::Chance;

    #[test]
    fn it_gives_what_a_search_of_the_window_gives() {
        for width in [1, 2, 7, 64, 100] {
            let mut chance = Chance::new(width as u64);
            let samples: Vec<f32> = (0..2_000).map(|_| (chance.below(20)) as f32).collect();
            let mut window = SlidingMax::new(width);
            for at in 0..samples.len() {
                let expected =
                    samples[(at + 1).saturating_sub(width)..=at].iter().fold(0.0f32, |a, b| a.max(*b));
                assert_eq!(window.push(samples[at]), expected, "{width} {at}");
            }
        }
    }
}
