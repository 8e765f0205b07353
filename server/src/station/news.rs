//! What all listeners are told of what plays. Several changes within a moment are told as one.

use super::{Shared, lock, now_micros};
use crate::limit::LeakyBucket;
use serde_json::json;
use std::time::Instant;

/// Updates in a second that changes bring about, at most: so many changes as there may be cost each listener no more.
const UPDATES: f64 = 50.0;

/// What listeners are told of changes.
#[derive(Debug)]
pub(super) struct News {
    /// Updates drip through it one by one.
    updates: LeakyBucket,
    /// Whether somebody is about to tell them.
    coming: bool,
}

impl News {
    /// None yet.
    pub fn new(now: Instant) -> Self {
        Self { updates: LeakyBucket::new(1.0, UPDATES, now), coming: false }
    }
}

impl Shared {
    /// The `generation_update` message of this moment.
    pub fn generation_update(&self) -> String {
        let current = self.current();
        let sounding = current.controller.settings(current.piece);
        let tick = current.controller.tick();
        let ms = |ticks: f64| ticks / 960.0 * 60_000.0 / sounding.tempo;
        let phrase = current.grid.phrase_at(tick as i64).max(0);
        let left = ms(current.grid.start_of(phrase + 1) as f64 - tick);
        // What is computed is heard once the clock gets there.
        let ahead = self.buffer_ms();
        let pending = lock(&self.wishes).pending();
        json!({
            "type": "generation_update",
            "phrase_id": format!("phrase_{phrase}"),
            "key": sounding.key.to_string(),
            "bpm": sounding.tempo,
            "intensity": rounded(sounding.intensity),
            "next_phrase_in_ms": (left + ahead).round(),
            "phrase_ms": ms(current.grid.ticks as f64).round(),
            "params": self.params(),
            "pending": pending,
            "preset": current.id,
            "preset_name": current.preset.title(),
            "edition": current.edition,
        })
        .to_string()
    }

    /// The `status` message of this moment.
    pub fn status(&self) -> String {
        json!({
            "type": "status",
            "buffer_depth_ms": self.buffer_ms(),
            "active_clients": self.listeners.count(),
            "synthesis_latency_ms": self.stats.average_ms(),
            "server_time": crate::web::timestamp(now_micros()),
            "started": crate::web::timestamp(self.begun),
        })
        .to_string()
    }

    pub(super) fn tell_all(&self, message: &str) {
        self.audience.tell(message);
    }

    /// Tells all what plays, with the next chunk. Never waits for long.
    pub(super) fn mention_update(&self) {
        // Under the lock: of two updates the later one is told later.
        let _news = lock(&self.news);
        self.audience.mention(&self.generation_update());
    }

    /// Tells all that something was changed: at once, or when they were told of another change for a while. Blocks until
    /// then, unless somebody else will tell.
    pub(super) fn tell_change(&self) {
        let wait = {
            let mut news = lock(&self.news);
            if std::mem::replace(&mut news.coming, true) {
                return;
            }
            news.updates.wait(1.0, Instant::now())
        };
        if !wait.is_zero() {
            std::thread::sleep(wait);
        }
        let mut news = lock(&self.news);
        // What is changed from now on needs another update; what was until now is in this one.
        news.coming = false;
        // Where the clock rounds, the next may come a moment early.
        news.updates.consume(1.0, Instant::now());
        self.tell_all(&self.generation_update());
    }
}

/// Shows a float as it was meant: 0.8, not 0.800000011920929.
pub(super) fn rounded(value: f32) -> f64 {
    value.to_string().parse().unwrap_or(f64::from(value))
}
