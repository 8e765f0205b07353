//! The last samples of a figure, for averages and percentiles. Any thread, lock-free: a sample is one store.

use serde::Serialize;
use std::sync::atomic::{AtomicU64, Ordering};

/// Samples that count: at ten chunks a second, the last 102 s of rendering. They take 8 kB.
pub const WINDOW: usize = 1024;

/// A ring of samples; the newest takes the place of the oldest.
#[derive(Debug)]
pub struct Window {
    /// The bits of each.
    samples: Box<[AtomicU64]>,
    noted: AtomicU64,
}

/// What the samples of a window come to, all in their unit; 0 where there are none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Summary {
    /// Their mean.
    pub avg: f64,
    /// What half of them do not exceed.
    pub p50: f64,
    /// What 95 of 100 do not exceed.
    pub p95: f64,
    /// What 99 of 100 do not exceed.
    pub p99: f64,
    /// How many there are, at most 1,024.
    pub samples: usize,
}

impl Default for Window {
    fn default() -> Self {
        Self { samples: (0..WINDOW).map(|_| AtomicU64::new(0)).collect(), noted: AtomicU64::new(0) }
    }
}

impl Window {
    /// Notes a sample.
    pub fn note(&self, sample: f64) {
        let place = self.noted.fetch_add(1, Ordering::Relaxed) as usize % WINDOW;
        self.samples[place].store(sample.to_bits(), Ordering::Relaxed);
    }

    /// What they come to. Sorts a copy: not for the rendering path.
    pub fn summary(&self) -> Summary {
        let count = self.noted.load(Ordering::Relaxed).min(WINDOW as u64) as usize;
        let sample = |sample: &AtomicU64| f64::from_bits(sample.load(Ordering::Relaxed));
        let mut sorted: Vec<f64> = self.samples[..count].iter().map(sample).collect();
        if sorted.is_empty() {
            return Summary::default();
        }
        sorted.sort_by(f64::total_cmp);
        // The nearest rank: a value that was measured, and not one between two.
        let rank = |share: f64| sorted[((share * count as f64).ceil() as usize).clamp(1, count) - 1];
        let avg = sorted.iter().sum::<f64>() / count as f64;
        Summary { avg, p50: rank(0.5), p95: rank(0.95), p99: rank(0.99), samples: count }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured_and_old_samples_do_not_count() {
        let window = Window::default();
        assert_eq!(window.summary(), Summary::default());
        window.note(7.0);
        assert_eq!(window.summary(), Summary { avg: 7.0, p50: 7.0, p95: 7.0, p99: 7.0, samples: 1 });
        let window = Window::default();
        (1..=100).rev().for_each(|sample| window.note(f64::from(sample)));
        assert_eq!(window.summary(), Summary { avg: 50.5, p50: 50.0, p95: 95.0, p99: 99.0, samples: 100 });
        (0..WINDOW).for_each(|_| window.note(3.0));
        assert_eq!(window.summary(), Summary { avg: 3.0, p50: 3.0, p95: 3.0, p99: 3.0, samples: WINDOW });
    }

    #[test]
    fn samples_of_many_threads_are_all_counted() {
        let window = Window::default();
        std::thread::scope(|threads| {
            for thread in 0..4 {
                let window = &window;
                threads.spawn(move || (0..100).for_each(|_| window.note(f64::from(thread))));
            }
        });
        let summary = window.summary();
        assert_eq!((summary.samples, summary.avg), (400, 1.5));
    }
}
