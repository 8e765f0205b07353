//! What listeners report of how it sounds at their end. It is theirs to say: so nobody counts more than once a second,
//! and nobody for more than what can be.

use super::messages::ClientReport;
use crate::station::{Listener, Shared};
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// Between two reports of a listener that count in the station's figures.
const PAUSE: Duration = Duration::from_secs(1);
/// Latencies beyond this are a mistake, in ms.
const LONGEST: f64 = 60_000.0;
/// Underruns of one report that count, at most.
const MOST_UNDERRUNS: u64 = 100;

/// When a listener's last report counted.
#[derive(Debug, Default)]
pub struct Counted {
    at: Option<Instant>,
    /// The underruns that it named.
    underruns: u64,
}

impl Counted {
    /// Notes a report: for the listener each, for the station's figures as often as may be.
    pub fn note(&mut self, report: &ClientReport, listener: &Listener, station: &Shared, now: Instant) {
        let figures = station.figures();
        listener.underruns.store(report.underruns, Relaxed);
        listener.buffer_ms.store(report.buffer_ms.clamp(0.0, 1e9) as i64, Relaxed);
        let live = station.pcm.live();
        report
            .played_chunk_index
            .into_iter()
            .for_each(|played| listener.lag.store(live.saturating_sub(played), Relaxed));
        let micros = |ms: f64| (ms.clamp(-1e9, 1e9) * 1e3) as i64;
        report.round_trip_ms.into_iter().for_each(|ms| listener.round_trip.store(micros(ms), Relaxed));
        report.delay_ms.into_iter().for_each(|ms| listener.delay.store(micros(ms), Relaxed));
        if self.at.is_some_and(|before| now.saturating_duration_since(before) < PAUSE) {
            return;
        }
        self.at = Some(now);
        let more = report.underruns.saturating_sub(std::mem::replace(&mut self.underruns, report.underruns));
        figures.heard_underruns.inc_by(more.min(MOST_UNDERRUNS));
        // An ear that is ahead of the clock hears without delay.
        let possible = |ms: &f64| ms.abs() <= LONGEST;
        report
            .round_trip_ms
            .filter(possible)
            .into_iter()
            .for_each(|ms| figures.network.note(ms.max(0.0) / 2.0));
        report.delay_ms.filter(possible).into_iter().for_each(|ms| figures.end_to_end.note(ms.max(0.0)));
    }
}
