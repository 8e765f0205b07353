//! How unevenly chunks arrive, and how much should lie ready because of it. Control side.

use std::collections::VecDeque;

/// Follows intervals between arrivals: an exponential moving average and a sliding window.
#[derive(Debug, Clone)]
pub struct JitterTracker {
    smoothing: f64,
    window: VecDeque<f64>,
    length: usize,
    average: Option<f64>,
    arrivals: u64,
    underruns: u64,
}

/// How sure one wants to be that no chunk comes too late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confidence {
    /// 95 in 100.
    P95,
    /// 99 in 100.
    P99,
}

impl Confidence {
    /// Standard deviations of a normal distribution, one-sided.
    fn deviations(self) -> f64 {
        match self {
            Self::P95 => 1.645,
            Self::P99 => 2.326,
        }
    }
}

impl Default for JitterTracker {
    fn default() -> Self {
        Self::new(0.1, 100)
    }
}

impl JitterTracker {
    /// With a smoothing factor (0 to 1; 0.1 is usual) and a window of so many intervals.
    pub fn new(smoothing: f64, window: usize) -> Self {
        let length = window.max(2);
        Self {
            smoothing: smoothing.clamp(0.0, 1.0),
            window: VecDeque::with_capacity(length),
            length,
            average: None,
            arrivals: 0,
            underruns: 0,
        }
    }

    /// Notes an interval between two arrivals, in ms.
    pub fn arrival(&mut self, interval_ms: f64) {
        self.arrivals += 1;
        self.average = Some(match self.average {
            None => interval_ms,
            Some(average) => average + self.smoothing * (interval_ms - average),
        });
        if self.window.len() == self.length {
            self.window.pop_front();
        }
        self.window.push_back(interval_ms);
    }

    /// Notes that nothing was there when it was due.
    pub fn underrun(&mut self) {
        self.underruns += 1;
    }

    /// The moving average of the intervals in ms; 0 before the first.
    pub fn average(&self) -> f64 {
        self.average.unwrap_or(0.0)
    }

    /// Mean of the window in ms.
    pub fn mean(&self) -> f64 {
        if self.window.is_empty() { 0.0 } else { self.window.iter().sum::<f64>() / self.window.len() as f64 }
    }

    /// Variance of the window in ms squared.
    pub fn variance(&self) -> f64 {
        let mean = self.mean();
        let sum: f64 = self.window.iter().map(|x| (x - mean).powi(2)).sum();
        if self.window.is_empty() { 0.0 } else { sum / self.window.len() as f64 }
    }

    /// Standard deviation of the window in ms.
    pub fn deviation(&self) -> f64 {
        self.variance().sqrt()
    }

    /// Underruns for each arrival.
    pub fn underrun_rate(&self) -> f64 {
        if self.arrivals == 0 { 0.0 } else { self.underruns as f64 / self.arrivals as f64 }
    }

    /// How much should lie ready, in ms: one interval and the spread that is not exceeded with this confidence.
    pub fn recommended(&self, confidence: Confidence) -> f64 {
        self.mean() + confidence.deviations() * self.deviation()
    }

    /// Starts anew: the connection is another one.
    pub fn reset(&mut self) {
        *self = Self::new(self.smoothing, self.length);
    }
}

/// Steps of an adaptive buffer: how many chunks lie ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tier {
    /// Two chunks: a quiet line.
    Small,
    /// Four chunks.
    Medium,
    /// Eight chunks.
    Large,
    /// Sixteen chunks: a line that stutters.
    Huge,
}

impl Tier {
    /// All, from the smallest.
    pub const ALL: [Tier; 4] = [Tier::Small, Tier::Medium, Tier::Large, Tier::Huge];

    /// Chunks that lie ready.
    pub fn chunks(self) -> u64 {
        match self {
            Tier::Small => 2,
            Tier::Medium => 4,
            Tier::Large => 8,
            Tier::Huge => 16,
        }
    }

    /// The smallest tier that holds what the measured jitter asks for.
    pub fn for_jitter(tracker: &JitterTracker, chunk_ms: f64) -> Self {
        let wanted = tracker.recommended(Confidence::P99);
        let holds = |tier: &Tier| tier.chunks() as f64 * chunk_ms >= wanted;
        Self::ALL.into_iter().find(holds).unwrap_or(Tier::Huge)
    }

    /// The next larger tier: what an underrun asks for.
    pub fn raised(self) -> Self {
        Self::ALL.into_iter().find(|tier| *tier > self).unwrap_or(Tier::Huge)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_follow_the_intervals() {
        let mut tracker = JitterTracker::new(0.1, 4);
        for interval in [500.0, 90.0, 110.0, 90.0, 110.0] {
            tracker.arrival(interval);
        }
        for (figure, expected) in
            [(tracker.mean(), 100.0), (tracker.variance(), 100.0), (tracker.deviation(), 10.0)]
        {
            assert!((figure - expected).abs() < 1e-9, "{figure}, not {expected}");
        }
        assert!((tracker.recommended(Confidence::P95) - 116.45).abs() < 1e-9);
        assert!(tracker.recommended(Confidence::P99) > tracker.recommended(Confidence::P95));
        assert!(tracker.average() > 300.0, "the average remembers what the window forgot");
        tracker.underrun();
        assert_eq!(tracker.underrun_rate(), 0.2);
        tracker.reset();
        assert_eq!((tracker.mean(), tracker.average(), tracker.underrun_rate()), (0.0, 0.0, 0.0));
    }

    #[test]
    fn tiers_follow_jitter_and_underruns() {
        let mut tracker = JitterTracker::default();
        (0..100).for_each(|_| tracker.arrival(100.0));
        assert_eq!(Tier::for_jitter(&tracker, 100.0), Tier::Small);
        (0..100).for_each(|i| tracker.arrival(if i % 2 == 0 { 10.0 } else { 300.0 }));
        assert_eq!(Tier::for_jitter(&tracker, 100.0), Tier::Large);
        assert_eq!(Tier::Small.raised(), Tier::Medium);
        assert_eq!(Tier::Huge.raised(), Tier::Huge);
    }
}
