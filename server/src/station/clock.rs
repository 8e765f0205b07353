//! The station's clock: which chunk is due now.

use std::time::{Duration, Instant};

/// Counts chunks by time. When rendering fell behind, time stands still instead of leaving sound out.
#[derive(Debug)]
pub struct Clock {
    start: Instant,
    chunk: Duration,
}

impl Clock {
    /// Starts at chunk 0.
    pub fn new(start: Instant, seconds_per_chunk: f64) -> Self {
        Self { start, chunk: Duration::from_secs_f64(seconds_per_chunk) }
    }

    /// The chunk that is due at a moment.
    pub fn live(&self, now: Instant) -> u64 {
        let passed = now.saturating_duration_since(self.start);
        (passed.as_nanos() / self.chunk.as_nanos().max(1)) as u64
    }

    /// When a chunk is due.
    pub fn due(&self, index: u64) -> Instant {
        let nanos = self.chunk.as_nanos().saturating_mul(u128::from(index));
        self.start + Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX))
    }

    /// Moves time back so that only `written` chunks are due. Returns how many were missing.
    pub fn stall(&mut self, now: Instant, written: u64) -> u64 {
        let missing = self.live(now).saturating_sub(written);
        if missing > 0 {
            self.start = now - (self.due(written) - self.start);
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
        let mut clock = Clock::new(start, 0.1);
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!((clock.live(at(0)), clock.live(at(99)), clock.live(at(1_050))), (0, 0, 10));
        assert_eq!(clock.due(10), at(1_000));
        assert_eq!(clock.stall(at(1_050), 12), 0, "ahead: nothing is missing");
        assert_eq!(clock.stall(at(5_000), 12), 38);
        assert_eq!(clock.live(at(5_000)), 12);
        assert_eq!(clock.live(at(5_100)), 13);
    }
}
