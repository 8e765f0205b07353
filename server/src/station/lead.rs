//! How far a station renders ahead of its clock: more where the machine lets it render only by fits and starts.
//! Render thread.

use auralis_nodes::ring_buffer::{JitterTracker, Tier};
use std::time::{Duration, Instant};

/// After this long without an underrun only the measured jitter counts again.
const FORGIVING: Duration = Duration::from_secs(600);

/// A number of chunks that follows jitter and underruns.
#[derive(Debug)]
pub struct Lead {
    tracker: JitterTracker,
    chunk_ms: f64,
    most: u64,
    written: Option<Instant>,
    /// The tier that the last underrun asked for, and when that was.
    raised: Option<(Tier, Instant)>,
}

impl Lead {
    /// The lead on a machine that is not known yet, and the least there is.
    pub const FIRST: Tier = Tier::Medium;

    /// For chunks of so many ms, and a ring of so many.
    pub fn new(chunk_ms: f64, capacity: usize) -> Self {
        let most = (capacity as u64 / 2).max(1);
        Self { tracker: JitterTracker::default(), chunk_ms, most, written: None, raised: None }
    }

    /// Notes that a chunk was written.
    pub fn written(&mut self, now: Instant) {
        if let Some(last) = self.written.replace(now) {
            self.tracker.arrival(now.saturating_duration_since(last).as_secs_f64() * 1000.0);
        }
    }

    /// Notes that nothing is written for a while, because nobody hears it.
    pub fn pause(&mut self) {
        self.written = None;
    }

    /// Notes that a chunk was not there when it was due: from now on more lie ready.
    pub fn underrun(&mut self, now: Instant) {
        self.tracker.underrun();
        self.raised = Some((self.tier(now).raised(), now));
    }

    fn tier(&self, now: Instant) -> Tier {
        let measured = Tier::for_jitter(&self.tracker, self.chunk_ms).max(Self::FIRST);
        let fresh = |at: Instant| now.saturating_duration_since(at) < FORGIVING;
        self.raised.filter(|(_, at)| fresh(*at)).map_or(measured, |(tier, _)| tier.max(measured))
    }

    /// Chunks to have ready, at most half of what the ring holds.
    pub fn chunks(&self, now: Instant) -> u64 {
        self.tier(now).chunks().min(self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(start: Instant, ms: u64) -> Instant {
        start + Duration::from_millis(ms)
    }

    #[test]
    fn an_even_machine_needs_four_chunks_and_an_uneven_one_more() {
        let start = Instant::now();
        let (mut even, mut uneven) = (Lead::new(100.0, 600), Lead::new(100.0, 600));
        for i in 0..100_u64 {
            even.written(after(start, i * 100));
            // Ten chunks in a hurry, once a second.
            uneven.written(after(start, i / 10 * 1000 + i % 10));
        }
        assert_eq!(even.chunks(after(start, 10_000)), 4);
        assert_eq!(uneven.chunks(after(start, 10_000)), 8);
    }

    #[test]
    fn an_hour_of_sleep_is_no_jitter() {
        let start = Instant::now();
        let mut lead = Lead::new(100.0, 600);
        (0..10).for_each(|i| lead.written(after(start, i * 100)));
        lead.pause();
        (0..10).for_each(|i| lead.written(after(start, 3_600_000 + i * 100)));
        assert_eq!(lead.chunks(after(start, 3_601_000)), 4);
    }

    #[test]
    fn an_underrun_raises_the_lead_until_it_is_forgiven_and_the_ring_bounds_it() {
        let start = Instant::now();
        let (mut lead, mut small) = (Lead::new(100.0, 600), Lead::new(100.0, 20));
        for _ in 0..5 {
            lead.underrun(start);
            small.underrun(start);
        }
        assert_eq!((lead.chunks(start), small.chunks(start)), (16, 10));
        assert_eq!(lead.chunks(after(start, 599_000)), 16);
        assert_eq!(lead.chunks(after(start, 601_000)), 4);
    }
}
