//! What is seen at one moment, and the same as JSON.

use crate::delivery::Sound;
use crate::memory::{MB, Report};
use crate::station::{Shared, now_micros};
use crate::stations::{Owner, Sight};
use crate::web::site::Context;
use crate::web::timestamp;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

/// All that is read when somebody asks.
pub struct Seen {
    /// Stations by name, private ones together.
    pub sights: BTreeMap<String, Sight>,
    /// The memory.
    pub memory: Report,
    /// Who holds it.
    pub owners: Vec<Owner>,
    /// Threads that render, the part of their time that is needed, and the time that they worked.
    pub threads: usize,
    pub load: f64,
    pub busy: Duration,
    /// Stations that listeners have for themselves.
    pub private: usize,
}

impl Seen {
    /// What is there now. Reads files of the system: not for a thread that serves.
    pub fn now(cx: &Context) -> Self {
        let stations = &cx.stations;
        Self {
            sights: stations.sights(),
            memory: stations.memory().report(),
            owners: stations.owners(),
            threads: stations.pool().threads(),
            load: stations.load(),
            busy: stations.pool().busy(),
            private: stations.private_count(),
        }
    }

    /// Listeners of all stations, by how they listen.
    fn listeners(&self) -> Map<String, Json> {
        let count = |sound: Sound| self.sights.values().map(|sight| sight.listeners[sound as usize]).sum();
        let counts = Sound::ALL.into_iter().map(|sound| (sound, count(sound)));
        counts.map(|(sound, count): (_, usize)| (sound.name().to_string(), count.into())).collect()
    }

    /// The answer of `/api/metrics`: latencies and counters are those of the station that was asked.
    pub fn json(&self, cx: &Context) -> Json {
        let figures = cx.station.figures();
        let memory = &self.memory;
        let listeners: usize = self.sights.values().flat_map(|sight| sight.listeners).sum();
        let public = cx.stations.public().len();
        let sent = Sound::ALL.map(|sound| figures.sent(sound));
        json!({
            "synthesis_latency_ms": figures.synthesis.summary(),
            "network_latency_ms": figures.network.summary(),
            "end_to_end_latency_ms": figures.end_to_end.summary(),
            "buffer_underruns": figures.underruns.get(),
            "buffer_overflows": figures.overflows.get(),
            "disconnects": figures.disconnects.get(),
            "memory_usage_mb": mb(memory.now.resident as f64),
            "gc_collections": collections(&cx.station),
            "timestamp": timestamp(now_micros()),
            "connects": figures.connects.get(),
            "dropped_chunks": figures.dropped.get(),
            "listener_underruns": figures.heard_underruns.get(),
            "sent_chunks": sent.iter().map(|sent| sent.chunks.get()).sum::<u64>(),
            "sent_bytes": sent.iter().map(|sent| sent.bytes.get()).sum::<u64>(),
            "faults": figures.faults.get(),
            "listeners": listeners,
            "listeners_by_format": self.listeners(),
            "stations": public,
            "private_stations": self.private,
            "asleep": self.sights.values().map(|sight| sight.asleep).sum::<usize>(),
            "pool": { "threads": self.threads, "load": self.load, "busy_sec": self.busy.as_secs_f64() },
            "cpu_sec": memory.usage.cpu,
            "threads": memory.usage.threads,
            "open_files": memory.usage.files.map(|(open, _)| open),
            "memory": {
                "peak_mb": mb(memory.peak as f64),
                "average_mb": mb(memory.average as f64),
                "snapshots": memory.snapshots,
                "allocated_mb": memory.now.heap.map(|heap| mb(heap.used as f64)),
                "free_mb": memory.now.heap.map(|heap| mb(heap.free as f64)),
                "growth_mb_per_hour": memory.growth.map(mb),
                "leak": memory.leaks,
                "owners": self.owners.iter().map(|owner| {
                    json!({ "name": owner.name, "mb": mb(owner.bytes as f64) })
                }).collect::<Vec<_>>(),
                "tracked": memory.tracked.iter().map(|(label, tracked)| {
                    json!({
                        "label": label,
                        "count": tracked.count,
                        "last_mb": mb(tracked.last as f64),
                        "total_mb": mb(tracked.total as f64),
                    })
                }).collect::<Vec<_>>(),
            },
        })
    }
}

/// Bytes as MB, to two places.
pub fn mb(bytes: f64) -> f64 {
    (bytes / MB * 100.0).round() / 100.0
}

/// What a station has reclaimed.
pub fn collections(station: &Shared) -> Json {
    let [gen0, gen1, gen2] = station.stats.reclaimed.each_ref().map(|count| count.load(Relaxed));
    json!({ "gen0": gen0, "gen1": gen1, "gen2": gen2 })
}
