//! What listeners wish for: checked here, applied by the render thread at the right moment.

use super::{Shared, StationError, lock};
use crate::settings::BPM;
use crate::state::Resumed;
use auralis_graph::Preset;
use auralis_graph::journal::{Entry, JournalChange};
use auralis_graph::music::Key;
use auralis_graph::preset::Control;
use auralis_graph::settings::{Setting, Settings};
use serde::Deserialize;
use serde_json::Value as Json;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Instant;

/// A control message or request, as it comes.
#[derive(Debug, Clone, Default, Deserialize)]
pub struct Request {
    /// New key.
    pub key: Option<Json>,
    /// New tempo.
    pub bpm: Option<Json>,
    /// New intensity.
    pub intensity: Option<Json>,
    /// Exposed controls by name.
    pub params: Option<Json>,
    /// Another preset, by name.
    pub preset: Option<Json>,
}

/// A request that is legal.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Change {
    key: Option<Key>,
    bpm: Option<f64>,
    intensity: Option<f32>,
    params: Vec<(String, f32)>,
    preset: Option<String>,
}

/// Why a request is refused. Nothing of it has been done.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// A value that is not legal.
    #[error("`{field}` {message}")]
    Field {
        /// The field at fault.
        field: String,
        /// What is wrong and what would be right.
        message: String,
    },
    /// Nothing is to be changed.
    #[error("nothing is to be changed: give at least one of key, bpm, intensity, params, preset")]
    Nothing,
    /// Presets are changed by the operator only.
    #[error("`preset` may be changed from this machine, or with an admin's token")]
    Forbidden,
    /// The preset cannot be loaded.
    #[error(transparent)]
    Preset(#[from] StationError),
    /// The engine does not keep up.
    #[error("too many changes are under way; try again")]
    Busy,
}

impl ControlError {
    /// A value that is not legal.
    pub fn field(field: &str, message: impl Into<String>) -> Self {
        Self::Field { field: field.into(), message: message.into() }
    }

    /// Reads a key.
    ///
    /// # Errors
    /// It is none.
    pub fn key(value: &Json) -> Result<Key, Self> {
        let text = value.as_str().ok_or_else(|| Self::field("key", "must be a text such as \"A minor\""))?;
        text.parse().map_err(|error: auralis_graph::music::KeyError| Self::field("key", error.to_string()))
    }

    /// Reads a number of a range.
    ///
    /// # Errors
    /// It is none.
    pub fn number(field: &str, value: &Json, range: RangeInclusive<f64>) -> Result<f64, Self> {
        let wants =
            || Self::field(field, format!("must be a number from {} to {}", range.start(), range.end()));
        finite(value).filter(|value| range.contains(value)).ok_or_else(wants)
    }

    /// The field at fault, if it is one.
    pub fn at(&self) -> Option<&str> {
        match self {
            Self::Field { field, .. } => Some(field),
            Self::Forbidden | Self::Preset(_) => Some("preset"),
            _ => None,
        }
    }
}

/// What was asked for and has not happened yet, and where the controls stand.
#[derive(Debug, Default)]
pub struct Wishes {
    key: Option<Key>,
    bpm: Option<f64>,
    intensity: Option<f32>,
    /// Only the author changes it, by the text.
    seed: Option<u64>,
    preset: String,
    /// Where controls stand that were moved, and which of them the engine has not been told.
    params: BTreeMap<String, f32>,
    moved: BTreeMap<String, f32>,
}

impl Wishes {
    /// What a preset is taken up with.
    pub fn of(preset: &str, resumed: &Resumed) -> Self {
        let mut wishes = Self { preset: preset.into(), params: resumed.moved.clone(), ..Self::default() };
        resumed.wishes.iter().for_each(|setting| wishes.set(*setting));
        wishes
    }

    fn settings(&self) -> impl Iterator<Item = Setting> {
        let key = self.key.map(Setting::Key);
        let tempo = self.bpm.map(Setting::Tempo);
        let intensity = self.intensity.map(Setting::Intensity);
        let seed = self.seed.map(Setting::Seed);
        [key, tempo, intensity, seed].into_iter().flatten()
    }

    /// Takes the settings that wait, as changes for the engine.
    pub fn take_settings(&mut self) -> Vec<Setting> {
        let settings = self.settings().collect();
        (self.key, self.bpm, self.intensity, self.seed) = (None, None, None, None);
        settings
    }

    /// Takes the controls that were moved: however often that was, the engine hears once where each has come to stand.
    pub fn take_moved(&mut self) -> BTreeMap<String, f32> {
        std::mem::take(&mut self.moved)
    }

    /// Gives back what the engine could not be told, unless it has been moved since.
    pub fn keep_moved(&mut self, name: String, value: f32) {
        self.moved.entry(name).or_insert(value);
    }

    /// The settings that wait, as entries of the journal at the tick at which they will be taken.
    pub fn entries(&self, tick: i64) -> Vec<Entry> {
        self.settings().map(|setting| Entry { tick, change: JournalChange::Setting(setting) }).collect()
    }

    /// Forgets where a control was moved.
    pub fn forget(&mut self, control: &str) {
        self.params.remove(control);
        self.moved.remove(control);
    }

    /// Wishes for what the author changed, instead of what was wished for before.
    pub fn author(&mut self, before: Settings, after: Settings) {
        before.changes_to(&after).for_each(|setting| self.set(setting));
    }

    fn set(&mut self, setting: Setting) {
        match setting {
            Setting::Key(key) => self.key = Some(key),
            Setting::Tempo(bpm) => self.bpm = Some(bpm),
            Setting::Intensity(intensity) => self.intensity = Some(intensity),
            Setting::Seed(seed) => self.seed = Some(seed),
        }
    }

    /// The settings that wait, for readers.
    pub fn pending(&self) -> Json {
        let mut pending = serde_json::Map::new();
        if let Some(key) = self.key {
            pending.insert("key".into(), key.to_string().into());
        }
        if let Some(bpm) = self.bpm {
            pending.insert("bpm".into(), bpm.into());
        }
        if let Some(intensity) = self.intensity {
            pending.insert("intensity".into(), super::news::rounded(intensity).into());
        }
        Json::Object(pending)
    }

    /// The controls of a preset that were moved.
    pub fn params(&self, preset: &str) -> BTreeMap<String, f32> {
        if self.preset == preset { self.params.clone() } else { BTreeMap::new() }
    }

    /// Wishes for what a change says, of a preset.
    pub fn wish(&mut self, change: &Change, preset: &str) {
        self.key = change.key.or(self.key);
        self.bpm = change.bpm.or(self.bpm);
        self.intensity = change.intensity.or(self.intensity);
        if self.preset != preset {
            self.preset = preset.into();
            self.params.clear();
            self.moved.clear();
        }
        self.params.extend(change.params.iter().cloned());
        self.moved.extend(change.params.iter().cloned());
    }
}

/// Checks the values of controls by name.
fn check_params(params: &Json, controls: &[Control]) -> Result<Vec<(String, f32)>, ControlError> {
    let Json::Object(params) = params else {
        return Err(ControlError::field("params", "must be an object of names and numbers"));
    };
    let mut checked = Vec::with_capacity(params.len());
    for (name, value) in params {
        let field = format!("params.{}", name.chars().take(64).collect::<String>());
        let Some(control) = controls.iter().find(|control| control.name == *name) else {
            let names: Vec<&str> = controls.iter().map(|control| control.name.as_str()).collect();
            let wants = match names.is_empty() {
                true => "is no control: this preset exposes none".to_string(),
                false => format!("is no control of this preset; it has {}", names.join(", ")),
            };
            return Err(ControlError::field(&field, wants));
        };
        let (min, max) = (control.range.min, control.range.max);
        let number = match value {
            Json::Bool(on) => Some(f64::from(u8::from(*on))),
            value => finite(value),
        };
        let value = number.map(|value| value as f32).filter(|value| (min..=max).contains(value));
        let wants = || format!("must be a number from {min} to {max}");
        checked.push((name.clone(), value.ok_or_else(|| ControlError::field(&field, wants()))?));
    }
    Ok(checked)
}

fn finite(value: &Json) -> Option<f64> {
    value.as_f64().filter(|value| value.is_finite())
}

impl Request {
    /// Checks it. `meant` gives the preset of a name, or the one that plays: its controls are those that are turned.
    ///
    /// # Errors
    /// The first field that is not legal, with what would be.
    pub fn check(
        &self,
        meant: impl FnOnce(Option<&str>) -> Result<Arc<Preset>, StationError>,
    ) -> Result<Change, ControlError> {
        let number = |field, value: &Option<Json>, range| {
            value.as_ref().map(|value| ControlError::number(field, value, range)).transpose()
        };
        let intensity = number("intensity", &self.intensity, 0.0..=1.0)?;
        let mut change = Change {
            key: self.key.as_ref().map(ControlError::key).transpose()?,
            bpm: number("bpm", &self.bpm, BPM)?,
            intensity: intensity.map(|value| value as f32),
            ..Change::default()
        };
        if let Some(preset) = &self.preset {
            let id = preset.as_str().filter(|id| auralis_library::ids().iter().any(|known| known == id));
            let known = || {
                ControlError::field("preset", format!("must be one of {}", auralis_library::ids().join(", ")))
            };
            change.preset = Some(id.ok_or_else(known)?.to_string());
        }
        if let Some(params) = &self.params {
            change.params = check_params(params, &meant(change.preset.as_deref())?.controls)?;
        }
        if change == Change::default() { Err(ControlError::Nothing) } else { Ok(change) }
    }
}

impl Shared {
    /// Checks a request against what plays now, or the preset that it asks for; `operator` says whether it may ask for
    /// one. Reading that blocks: not for a thread that serves.
    ///
    /// # Errors
    /// Not allowed, or the first field that is not legal, with what would be.
    pub fn check(&self, request: &Request, operator: bool) -> Result<Change, ControlError> {
        if request.preset.is_some() && !operator {
            return Err(ControlError::Forbidden);
        }
        let current = self.current();
        request.check(|asked| match asked.filter(|id| *id != current.id) {
            Some(other) => self.read_preset(other).map(Arc::new),
            None => Ok(Arc::clone(&current.preset)),
        })
    }

    /// Does what was asked.
    ///
    /// # Errors
    /// A preset that cannot be loaded. Loading blocks: not for a thread that serves.
    pub fn apply(self: &Arc<Self>, change: &Change) -> Result<(), ControlError> {
        let began = Instant::now();
        self.wake_and_wait();
        let current = self.current();
        match &change.preset {
            Some(preset) if *preset != current.id => {
                return Ok(self.play_next(self.prepare(preset)?, change)?);
            }
            // Another one that was about to come is not wanted any more.
            Some(preset) => self.call_off(preset),
            None => {}
        }
        lock(&self.wishes).wish(change, &current.id);
        self.keep_wishes();
        self.tell_change();
        self.figures().control.observe(began.elapsed().as_secs_f64());
        Ok(())
    }

    /// Notes the controls that were moved after the last chunk: a restart goes on with them. The rendering has ended.
    pub(super) fn note_moved(&self) {
        let current = self.current();
        let tick = current.controller.tick() as i64;
        for (name, value) in lock(&self.wishes).take_moved() {
            current.keeper.note(Entry { tick, change: JournalChange::Control { name, value } });
        }
    }

    /// Lets what waits for the composer be found again after a restart.
    pub(super) fn keep_wishes(&self) {
        let current = self.current();
        let at = current.grid.next_change(current.controller.tick());
        // Under the lock: of two threads the one with the later wish is the later one to keep it.
        let wishes = lock(&self.wishes);
        current.keeper.wish(wishes.entries(at));
    }
}
