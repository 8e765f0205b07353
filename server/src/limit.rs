//! Limits on how often something may happen (contract, section 5).

use std::time::{Duration, Instant};

/// A leaky bucket: what is poured in drips out at so much a second, and no more goes in than it holds.
#[derive(Debug, Clone, Copy)]
pub struct LeakyBucket {
    capacity: f64,
    per_second: f64,
    water: f64,
    at: Instant,
}

impl LeakyBucket {
    /// An empty bucket. Both figures are above 0.
    pub fn new(capacity: f64, per_second: f64, now: Instant) -> Self {
        Self { capacity, per_second, water: 0.0, at: now }
    }

    /// What is in it.
    pub fn level(&self, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        (self.water - passed * self.per_second).max(0.0)
    }

    /// Pours in so much; false, and nothing is poured in, if there is no room for all of it.
    pub fn consume(&mut self, count: f64, now: Instant) -> bool {
        let water = self.level(now) + count;
        let fits = water <= self.capacity;
        if fits {
            (self.water, self.at) = (water, now.max(self.at));
        }
        fits
    }

    /// Time until there is room for so much.
    pub fn wait(&self, count: f64, now: Instant) -> Duration {
        let excess = (self.level(now) + count - self.capacity).max(0.0);
        Duration::try_from_secs_f64(excess / self.per_second).unwrap_or(Duration::MAX)
    }
}

/// A token bucket: so many at once, and so many a second in the long run. Its tokens are the room of a leaky one.
#[derive(Debug, Clone, Copy)]
pub struct TokenBucket(LeakyBucket);

impl TokenBucket {
    /// A full bucket. Both figures are above 0.
    pub fn new(capacity: f64, per_second: f64, now: Instant) -> Self {
        Self(LeakyBucket::new(capacity, per_second, now))
    }

    /// Tokens that are in it.
    pub fn level(&self, now: Instant) -> f64 {
        self.0.capacity - self.0.level(now)
    }

    /// Takes some tokens; false, and nothing is taken, if there are not as many.
    pub fn consume(&mut self, count: f64, now: Instant) -> bool {
        self.0.consume(count, now)
    }

    /// Time until there are so many.
    pub fn wait(&self, count: f64, now: Instant) -> Duration {
        self.0.wait(count, now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_gives_what_it_holds_and_then_what_drips_in() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut bucket = TokenBucket::new(3.0, 2.0, start);
        assert!((0..3).all(|_| bucket.consume(1.0, start)) && !bucket.consume(1.0, start));
        assert_eq!(bucket.wait(1.0, start), Duration::from_millis(500));
        assert!(!bucket.consume(1.0, at(499)) && bucket.consume(1.0, at(500)));
        assert_eq!(bucket.level(at(60_000)), 3.0, "it holds no more than it can");
        assert!(bucket.consume(1.0, at(60_000)) && bucket.level(at(0)) == 2.0, "time does not go back");
    }

    #[test]
    fn a_leak_lets_through_as_much_as_drips_out() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut bucket = LeakyBucket::new(2.0, 4.0, start);
        assert_eq!((bucket.level(start), bucket.wait(2.0, start)), (0.0, Duration::ZERO));
        assert!(bucket.consume(2.0, start) && !bucket.consume(1.0, start));
        assert_eq!((bucket.level(at(250)), bucket.wait(1.0, start)), (1.0, Duration::from_millis(250)));
        assert!(
            !bucket.consume(1.0, at(249)) && bucket.consume(1.0, at(250)) && !bucket.consume(0.5, at(250))
        );
        assert_eq!(bucket.level(at(10_000)), 0.0, "it does not run emptier than empty");
    }
}
