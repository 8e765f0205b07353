//! What memory was over the last hour, and what of that somebody should hear. Knows no clock: it is told the time.

use super::trend::slope;
use super::{Limits, MB, Snapshot};
use std::collections::VecDeque;
use std::time::Duration;

/// The time between two snapshots that are kept.
pub const EVERY: Duration = Duration::from_secs(10);
/// Snapshots that are kept: an hour of them. Averages and trends are of these.
const KEPT: usize = 360;
/// Snapshots that make a trend: half an hour. What loads and warms up does so within it.
const ENOUGH: usize = 180;
/// A leak, in bytes an hour.
const LEAK: f64 = 50.0 * MB;
/// Growth between two snapshots that is worth a line.
const JUMP: f64 = 10.0 * MB;
/// What was exceeded is over once it is this part of the limit, so that nobody hears of it again and again.
const OVER: f64 = 0.95;

/// What is wrong with the memory.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum Alarm {
    /// More than the warning's threshold.
    #[error("{resident:.0} MB are in use, more than the {limit} MB of memory-warning-mb")]
    Warning {
        /// MB in memory.
        resident: f64,
        /// The threshold.
        limit: u64,
    },
    /// More than the error's threshold.
    #[error("{resident:.0} MB are in use, more than the {limit} MB of memory-error-mb")]
    Error {
        /// MB in memory.
        resident: f64,
        /// The threshold.
        limit: u64,
    },
    /// It grows steadily.
    #[error("memory grows by {per_hour:.0} MB an hour, as if something leaked")]
    Leak {
        /// MB an hour.
        per_hour: f64,
    },
    /// It grew at once.
    #[error("memory grew by {by:.0} MB in {seconds:.0} s")]
    Jump {
        /// MB.
        by: f64,
        /// Within.
        seconds: f64,
    },
}

/// The snapshots of the last hour.
#[derive(Debug, Default)]
pub struct History {
    kept: VecDeque<(Duration, Snapshot)>,
    peak: u64,
    /// Whether each of warning, error and leak was told and is not over.
    told: [bool; 3],
}

impl History {
    /// Notes a snapshot, at a time since the start. Returns what has become wrong with it.
    pub fn note(&mut self, at: Duration, now: Snapshot, limits: Limits) -> Vec<Alarm> {
        let last = self.kept.back().copied();
        self.kept.push_back((at, now));
        if self.kept.len() > KEPT {
            self.kept.pop_front();
        }
        self.peak = self.peak.max(now.resident);
        let resident = now.resident as f64 / MB;
        let per_hour = self.growth().unwrap_or(0.0) / MB;
        let [warned, failed, leaked] = &mut self.told;
        let mut alarms = Vec::new();
        let exceeds = |limit: u64| limit > 0 && resident > limit as f64;
        let falls = |limit: u64| resident < limit as f64 * OVER;
        if rises(warned, exceeds(limits.warning), falls(limits.warning)) {
            alarms.push(Alarm::Warning { resident, limit: limits.warning });
        }
        if rises(failed, exceeds(limits.error), falls(limits.error)) {
            alarms.push(Alarm::Error { resident, limit: limits.error });
        }
        if rises(leaked, per_hour > LEAK / MB, per_hour < LEAK / MB / 2.0) {
            alarms.push(Alarm::Leak { per_hour });
        }
        if let Some((before, last)) = last {
            let by = now.held() as f64 - last.held() as f64;
            if by > JUMP {
                alarms.push(Alarm::Jump { by: by / MB, seconds: at.saturating_sub(before).as_secs_f64() });
            }
        }
        alarms
    }

    /// Bytes an hour by which memory grows; none before there is enough to say.
    pub fn growth(&self) -> Option<f64> {
        let points = self.kept.iter().map(|(at, snapshot)| (at.as_secs_f64(), snapshot.held() as f64));
        if self.kept.len() < ENOUGH { None } else { slope(points).map(|slope| slope * 3600.0) }
    }

    /// Whether it grows as if something leaked.
    pub fn leaks(&self) -> bool {
        self.told[2]
    }

    /// The most bytes in memory that were seen.
    pub fn peak(&self) -> u64 {
        self.peak
    }

    /// The mean of the bytes in memory over what is kept.
    pub fn average(&self) -> u64 {
        let sum: u64 = self.kept.iter().map(|(_, snapshot)| snapshot.resident).sum();
        sum / (self.kept.len() as u64).max(1)
    }

    /// How many snapshots are kept.
    pub fn snapshots(&self) -> usize {
        self.kept.len()
    }
}

/// Whether something begins now that is told once.
fn rises(told: &mut bool, exceeds: bool, falls: bool) -> bool {
    if falls {
        *told = false;
    }
    exceeds && !std::mem::replace(told, *told || exceeds)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits { warning: 100, error: 200 };

    fn snapshot(mb: f64) -> Snapshot {
        Snapshot { resident: (mb * MB) as u64, heap: None }
    }

    /// What is told of MB at every step.
    fn told(history: &mut History, from: u32, mb: impl Fn(u32) -> f64, count: u32) -> Vec<(u32, Alarm)> {
        let told = |step| {
            let alarms = history.note(EVERY * step, snapshot(mb(step)), LIMITS);
            alarms.into_iter().map(|alarm| (step, alarm)).collect::<Vec<_>>()
        };
        (from..from + count).flat_map(told).collect()
    }

    #[test]
    fn thresholds_are_told_once_until_they_are_over() {
        let mut history = History::default();
        let mb = [90.0, 99.0, 104.0, 103.0, 99.0, 101.0, 94.0, 101.0];
        let steps = told(&mut history, 0, |step| mb[step as usize], 8);
        let warning = |resident| Alarm::Warning { resident, limit: 100 };
        assert_eq!(steps, [(2, warning(104.0)), (7, warning(101.0))]);
        assert_eq!((history.peak(), history.snapshots()), ((104.0 * MB) as u64, 8));
        let text = told(&mut history, 8, |_| 210.0, 1).into_iter().map(|(_, alarm)| alarm.to_string());
        assert_eq!(
            text.collect::<Vec<_>>(),
            ["210 MB are in use, more than the 200 MB of memory-error-mb", "memory grew by 109 MB in 10 s"]
        );
        let none = Limits { warning: 0, error: 0 };
        assert_eq!(History::default().note(EVERY, snapshot(1e6), none), [], "0 is no threshold");
    }

    #[test]
    fn steady_growth_is_a_leak_once_there_is_enough_of_it_and_a_step_is_none() {
        let leak = |step: u32| 50.0 + f64::from(step) * 60.0 / 360.0;
        let mut history = History::default();
        assert_eq!(told(&mut history, 0, leak, 179), []);
        assert_eq!((history.growth(), history.leaks()), (None, false));
        let alarms = told(&mut history, 179, leak, 30);
        let [(179, Alarm::Leak { per_hour })] = alarms[..] else { panic!("{alarms:?}") };
        assert!((per_hour - 60.0).abs() < 0.1 && history.leaks());
        let below = |step: u32| 50.0 + f64::from(step) * 40.0 / 360.0;
        assert_eq!(told(&mut History::default(), 0, below, 360), []);
        let mut settled = History::default();
        // What is loaded in the first minutes stays, and grows no more.
        let loaded = |step: u32| if step < 12 { 40.0 + f64::from(step) * 0.8 } else { 49.6 };
        assert_eq!(told(&mut settled, 0, loaded, 360), []);
        assert!(settled.growth().unwrap() < 10.0 * MB);
    }

    #[test]
    fn only_the_last_hour_counts() {
        let mut history = History::default();
        told(&mut history, 0, |step| if step < 10 { 90.0 } else { 30.0 }, 400);
        assert_eq!((history.snapshots(), history.average()), (360, (30.0 * MB) as u64));
        assert_eq!(history.peak(), (90.0 * MB) as u64, "the peak is of all time");
    }
}
