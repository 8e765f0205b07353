//! All stations at a glance: what figures say of them, and who holds the memory. Control side.

use super::Stations;
use crate::delivery::Sound;
use crate::metrics::PRIVATE;
use crate::station::{Listener, Shared};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;

/// A public station, or all private ones.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Sight {
    /// How many stations these are.
    pub stations: usize,
    /// How many of them nobody hears, so that they are not rendered.
    pub asleep: usize,
    /// Listeners, by how they listen.
    pub listeners: [usize; Sound::ALL.len()],
    /// Chunks ahead of the clock: the least of those that are awake.
    pub depth: u64,
    /// What lies in listeners' buffers, in ms.
    pub buffers: Spread,
    /// Chunks by which listeners play behind the clock.
    pub lags: Spread,
    /// Nodes that are silent because they failed.
    pub muted: usize,
    /// Steps by which the sound is thinned, the most.
    pub relief: u8,
    /// Chunks that could not be encoded.
    pub failed: u64,
}

/// The least, the most and the mean of something.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spread {
    /// The least.
    pub min: f64,
    /// The most.
    pub max: f64,
    sum: f64,
    count: usize,
}

/// Who holds memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// What it is.
    pub name: &'static str,
    /// What it holds.
    pub bytes: usize,
}

impl Spread {
    fn note(&mut self, value: f64) {
        let first = self.count == 0;
        self.min = if first { value } else { self.min.min(value) };
        self.max = if first { value } else { self.max.max(value) };
        self.sum += value;
        self.count += 1;
    }

    /// The mean; 0 of nothing.
    pub fn mean(&self) -> f64 {
        self.sum / self.count.max(1) as f64
    }
}

impl Sight {
    fn add(&mut self, station: &Shared) {
        let asleep = station.is_asleep();
        let depth = station.pcm.depth();
        if !asleep {
            let first = self.asleep == self.stations;
            self.depth = if first { depth } else { self.depth.min(depth) };
        }
        self.stations += 1;
        self.asleep += usize::from(asleep);
        for listener in station.listeners.all() {
            self.listeners[listener.sound as usize] += 1;
            // Who has not reported yet is not known.
            let buffer = listener.buffer_ms.load(Relaxed);
            if buffer != Listener::UNMEASURED {
                self.buffers.note(buffer as f64);
                self.lags.note(listener.lag.load(Relaxed) as f64);
            }
        }
        self.muted += station.muted().len();
        self.relief = self.relief.max(station.stats.relief.load(Relaxed));
        self.failed += station.audience.outlets.failed();
    }
}

impl Stations {
    /// Each public station by name, and all private ones together, if there are any.
    pub fn sights(&self) -> BTreeMap<String, Sight> {
        let mut sights: BTreeMap<String, Sight> = BTreeMap::new();
        for (name, station) in self.public() {
            sights.entry(name).or_default().add(&station);
        }
        for station in self.privates.every() {
            sights.entry(PRIVATE.to_string()).or_default().add(&station);
        }
        sights
    }

    /// Who holds memory, as far as that can be told, the largest first.
    pub fn owners(&self) -> Vec<Owner> {
        let every = self.every();
        let sum = |bytes: fn(&Shared) -> usize| every.iter().map(|station| bytes(station)).sum();
        let held = auralis_nodes::held();
        let mut owners = vec![
            Owner { name: "rings", bytes: sum(|station| station.pcm.bytes()) },
            Owner { name: "encoded_rings", bytes: sum(|station| station.audience.outlets.bytes()) },
            Owner { name: "fonts", bytes: held.fonts },
            Owner { name: "recordings", bytes: held.recordings },
            Owner { name: "texts", bytes: sum(Shared::text_bytes) },
        ];
        owners.sort_by_key(|owner| std::cmp::Reverse(owner.bytes));
        owners
    }
}
