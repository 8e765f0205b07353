//! Stations of single listeners: made when one asks for it, ended when nobody has been there for a minute.

use super::{Stations, lock};
use crate::settings::Settings;
use crate::station::{Shared, Station, StationError, Tenure};
use auralis_graph::music::Key;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A station whose listener has been gone for so long ends.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a listener wants to hear.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Wish {
    /// One of the listed presets; the default station's where none is named.
    pub preset: Option<String>,
    /// What chance is drawn from.
    pub seed: Option<u64>,
    /// Key at the start.
    pub key: Option<Key>,
    /// Tempo at the start, 40 to 200 beats a minute.
    pub bpm: Option<f64>,
    /// Intensity at the start, 0 to 1.
    pub intensity: Option<f32>,
}

/// Why there is no station for a listener.
#[derive(Debug, thiserror::Error)]
pub enum PrivateError {
    /// The operator does not want any.
    #[error("this server makes no private stations")]
    Off,
    /// A preset that is not listed.
    #[error("`preset` must be one of {}", .0.join(", "))]
    Preset(Vec<String>),
    /// As many as there may be.
    #[error("all {0} private stations are taken; come back later")]
    Full(usize),
    /// The machine has no more to give.
    #[error("this server renders as many stations as it can; come back later")]
    Overload,
    /// It cannot start.
    #[error(transparent)]
    Station(#[from] StationError),
}

/// The private stations, by id.
#[derive(Default)]
pub(super) struct Privates {
    /// Nothing yet where one is being made.
    places: Mutex<BTreeMap<String, Option<Private>>>,
    /// Who wants one is let in by turns: each counts those before.
    turn: Mutex<()>,
}

struct Private {
    station: Station,
    /// When somebody was seen there last.
    seen: Instant,
}

/// A place for a station that is being made: free again where none came of it.
struct Reserved<'a> {
    places: &'a Mutex<BTreeMap<String, Option<Private>>>,
    id: &'a str,
}

impl Drop for Reserved<'_> {
    fn drop(&mut self) {
        let mut places = lock(self.places);
        if places.get(self.id).is_some_and(Option::is_none) {
            places.remove(self.id);
        }
    }
}

impl Privates {
    pub fn get(&self, id: &str) -> Option<Arc<Shared>> {
        lock(&self.places).get(id)?.as_ref().map(|private| Arc::clone(private.station.shared()))
    }

    pub fn count(&self) -> usize {
        lock(&self.places).len()
    }

    /// Those that are being made.
    pub fn coming(&self) -> usize {
        lock(&self.places).values().filter(|place| place.is_none()).count()
    }

    pub fn every(&self) -> Vec<Arc<Shared>> {
        let stations = lock(&self.places);
        stations.values().flatten().map(|private| Arc::clone(private.station.shared())).collect()
    }

    pub fn close(&self) {
        let over = std::mem::take(&mut *lock(&self.places));
        drop(over);
    }

    /// Takes out those where nobody has been for a while.
    fn deserted(&self, now: Instant) -> Vec<Private> {
        let mut stations = lock(&self.places);
        for private in stations.values_mut().flatten() {
            if private.station.shared().listeners.count() > 0 {
                private.seen = now;
            }
        }
        let over = |private: &Private| now.saturating_duration_since(private.seen) >= PATIENCE;
        let ids: Vec<String> = stations
            .iter()
            .filter(|(_, private)| private.as_ref().is_some_and(over))
            .map(|(id, _)| id.clone())
            .collect();
        ids.iter().filter_map(|id| stations.remove(id)?).collect()
    }
}

impl Stations {
    /// Makes a station for one listener. Returns its id, which nobody can guess. Blocks while nodes load files.
    ///
    /// # Errors
    /// The operator wants none, the preset is not listed, or there is no room.
    pub fn make_private(&self, wish: &Wish) -> Result<String, PrivateError> {
        let most = self.settings.private_stations;
        if most == 0 {
            return Err(PrivateError::Off);
        }
        let listed = self.listed();
        let usual = Some(self.default.current().id).filter(|id| listed.contains(id));
        let preset = wish.preset.clone().or(usual).or_else(|| listed.first().cloned()).unwrap_or_default();
        if !listed.contains(&preset) {
            return Err(PrivateError::Preset(listed));
        }
        let id = uuid::Uuid::new_v4().simple().to_string();
        {
            let _turn = lock(&self.privates.turn);
            if self.privates.count() >= most {
                return Err(PrivateError::Full(most));
            }
            if !self.has_room(&preset) {
                return Err(PrivateError::Overload);
            }
            lock(&self.privates.places).insert(id.clone(), None);
        }
        // Also where a node panics while it is prepared.
        let _place = Reserved { places: &self.privates.places, id: &id };
        let private = Private { station: self.start_private(&preset, wish)?, seen: Instant::now() };
        lock(&self.privates.places).insert(id.clone(), Some(private));
        Ok(id.clone())
    }

    fn start_private(&self, preset: &str, wish: &Wish) -> Result<Station, PrivateError> {
        let settings = Settings {
            key: wish.key,
            bpm: wish.bpm,
            intensity: wish.intensity,
            seed: wish.seed,
            threads: 1,
            state: None,
            epoch: None,
            record: None,
            ..self.settings.clone()
        };
        let _tracking = self.kit.memory.track("private_stations");
        Ok(Station::start(&self.kit, None, settings, preset, Tenure::Private)?)
    }

    /// The presets that listeners may choose for themselves.
    pub fn listed(&self) -> Vec<String> {
        match &self.settings.private_presets {
            Some(listed) => listed.clone(),
            None => auralis_library::ids(),
        }
    }

    /// Ends private stations that nobody is at any more. Blocks for a moment.
    pub fn end_deserted(&self) {
        let over = self.privates.deserted(Instant::now());
        if !over.is_empty() {
            tracing::debug!("{} private stations end", over.len());
        }
    }
}
