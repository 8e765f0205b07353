//! How much of the time that the rendering threads have they need, as measured.

use super::{Stations, lock};
use crate::station::Shared;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The part of the time of all threads that stations may need together: the rest is for unlucky moments.
const MOST: f64 = 0.8;
/// What a station is taken to need before any was measured: more than most.
const GUESS: f64 = 0.05;
/// Time over which the threads' work is counted.
const WINDOW: Duration = Duration::from_secs(2);

/// The work of the threads of late.
#[derive(Debug, Default)]
pub struct Load(Mutex<Option<Seen>>);

#[derive(Debug, Clone, Copy)]
struct Seen {
    at: Instant,
    busy: Duration,
    /// The part of the time of all threads that they worked in the window before, and how long that was: as long as nobody
    /// asked.
    share: f64,
    window: Duration,
}

impl Load {
    fn share(&self, busy: Duration, threads: usize) -> Seen {
        let now = Instant::now();
        let mut seen = lock(&self.0);
        let Some(before) = *seen else {
            return *seen.insert(Seen { at: now, busy, share: 0.0, window: Duration::ZERO });
        };
        let passed = now.saturating_duration_since(before.at);
        if passed < WINDOW {
            return before;
        }
        let share = busy.saturating_sub(before.busy).as_secs_f64() / passed.as_secs_f64() / threads as f64;
        *seen.insert(Seen { at: now, busy, share, window: passed })
    }
}

/// The time that a station needs, as a part of one thread's, if it was measured. The threads that help one whose graph
/// is spread take no longer than the one that they help.
fn cost(station: &Shared) -> Option<f64> {
    let chunk_ms = station.pcm.seconds_per_chunk() * 1000.0;
    Some(station.stats.average_ms() / chunk_ms).filter(|cost| *cost > 0.0)
}

impl Stations {
    /// The part of the rendering threads' time that is needed, from 0 to about 1.
    pub fn load(&self) -> f64 {
        self.seen().share.max(self.promised())
    }

    fn seen(&self) -> Seen {
        self.load.share(self.kit.pool.busy(), self.kit.pool.threads())
    }

    /// What all that are awake need, as a part of all threads' time, and those that single listeners were promised:
    /// these may wake whenever they like.
    fn promised(&self) -> f64 {
        let every = self.every();
        let counted = every.iter().filter(|station| !station.is_asleep() || station.name().is_none());
        let whole = |station: &Arc<Shared>| Some(cost(station)? * station.settings.threads as f64);
        let mut costs: Vec<Option<f64>> = counted.map(whole).collect();
        costs.resize(costs.len() + self.privates.coming(), None);
        let known = costs.iter().flatten().count().max(1) as f64;
        let mean = costs.iter().flatten().sum::<f64>() / known;
        let guess = if mean > 0.0 { mean } else { GUESS };
        let sum: f64 = costs.iter().map(|cost| cost.unwrap_or(guess)).sum();
        sum / self.kit.pool.threads() as f64
    }

    /// Whether there is room for what is promised, and another station that needs what one of the same preset does.
    pub(super) fn has_room(&self, preset: &str) -> bool {
        let alike = self.every();
        let alike = alike.iter().filter(|station| station.current().id == preset).filter_map(|s| cost(s));
        let need = alike.fold(None, |most: Option<f64>, cost| Some(most.map_or(cost, |most| most.max(cost))));
        let seen = self.seen();
        // The mean of a long time says nothing of now.
        let share = if seen.window <= WINDOW * 2 { seen.share } else { 0.0 };
        share.max(self.promised()) + need.unwrap_or(GUESS) / self.kit.pool.threads() as f64 <= MOST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_of_a_window_counts_until_the_next_is_over() {
        let load = Load::default();
        assert_eq!(load.share(Duration::from_secs(5), 2).share, 0.0);
        lock(&load.0).as_mut().unwrap().at -= WINDOW;
        let Seen { share, window, .. } = load.share(Duration::from_secs(7), 2);
        assert!((WINDOW..WINDOW * 2).contains(&window), "{window:?}");
        assert!((0.45..=0.5).contains(&share), "two seconds of work in two seconds of two threads: {share}");
        assert_eq!(load.share(Duration::from_secs(9), 2).share, share);
    }
}
