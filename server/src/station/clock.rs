//! The station's clock: which chunk is due now.

use std::time::{Duration, Instant};

/// Counts chunks by time. When rendering fell behind, time stands still instead of leaving sound out.
#[derive(Debug)]
pub struct Clock {
    /// When the first chunk is due, and its number.
    start: Instant,
    first: u64,
    frames: u64,
    sample_rate: u64,
}

impl Clock {
    /// Starts at a chunk; each has so many frames.
    pub fn new(start: Instant, first: u64, frames: usize, sample_rate: u32) -> Self {
        Self { start, first, frames: frames.max(1) as u64, sample_rate: u64::from(sample_rate) }
    }

    /// The chunk that is due at a moment.
    pub fn live(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.start).as_nanos();
        let chunks = passed * u128::from(self.sample_rate) / (u128::from(self.frames) * 1_000_000_000);
        self.first + chunks as u64
    }

    /// Time that some chunks take, rounded up so that the last of them is over then.
    fn length(&self, chunks: u64) -> Duration {
        let nanos = u128::from(chunks) * u128::from(self.frames) * 1_000_000_000;
        let nanos = nanos.div_ceil(u128::from(self.sample_rate));
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// When a chunk is due.
    pub fn due(&self, index: u64) -> Instant {
        self.start + self.length(index.saturating_sub(self.first))
    }

    /// Moves time back so that nothing is due but the chunk of this number, where more would be. Returns how many were
    /// missing.
    pub fn stall(&mut self, now: Instant, written: u64) -> u64 {
        let missing = self.live(now).saturating_sub(written);
        if missing > 0 {
            (self.start, self.first) = (now, written);
        }
        missing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_due_by_time_and_a_stall_leaves_none_out() {
        let start = Instant::now();
        let mut clock = Clock::new(start, 0, 4_410, 44_100);
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!((clock.live(at(0)), clock.live(at(99)), clock.live(at(1_050))), (0, 0, 10));
        assert_eq!(clock.due(10), at(1_000));
        assert_eq!(clock.stall(at(1_050), 12), 0, "ahead: nothing is missing");
        assert_eq!(clock.stall(at(5_000), 12), 38);
        assert_eq!(clock.live(at(5_000)), 12);
        assert_eq!(clock.live(at(5_100)), 13);
    }

    #[test]
    fn a_clock_that_starts_ten_years_in_counts_like_any_other() {
        let start = Instant::now();
        let first = 86_400 * 3_653 * 10;
        let clock = Clock::new(start, first, 1_469, 44_100);
        assert_eq!((clock.live(start), clock.due(first)), (first, start));
        for chunk in [1, 2, 1_000, 86_400 * 30] {
            let due = clock.due(first + chunk);
            assert_eq!(clock.live(due), first + chunk, "its sound starts when it is due");
            assert_eq!(clock.live(due - Duration::from_nanos(2)), first + chunk - 1);
        }
    }
}
