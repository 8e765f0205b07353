//! The journal: settings and controls as they changed, by musical position. A station keeps it on disk, a
//! render accepts it, and what was heard can be rendered again. Control side only.
//!
//! As text it is JSON Lines, one change of one moment a line:
//! ```text
//! {"tick":107520,"intensity":0.8}
//! {"tick":161280,"key":"C minor","controls":{"space":0.7}}
//! ```

use crate::command::{Change, Command, When};
use crate::engine::Start;
use crate::music::TICKS_PER_QUARTER;
use crate::preset::Preset;
use crate::settings::{MAX_TEMPO, MIN_TEMPO, Setting, Settings};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A change at a musical position.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Position in ticks.
    pub tick: i64,
    /// What changed.
    pub change: JournalChange,
}

/// What a journal records.
#[derive(Debug, Clone, PartialEq)]
pub enum JournalChange {
    /// A setting of the piece.
    Setting(Setting),
    /// An exposed control, by name, in its own unit.
    Control {
        /// The control.
        name: String,
        /// Its new value.
        value: f32,
    },
}

/// All changes of a piece since position 0, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Journal {
    entries: Vec<Entry>,
}

/// Why a text is no journal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct JournalError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it.
    pub message: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    tick: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tempo: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    intensity: Option<f32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seed: Option<u64>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    controls: BTreeMap<String, f32>,
}

impl Entry {
    /// The entry as one line of the text form, without its line break.
    pub fn to_line(&self) -> String {
        let mut line = Line {
            tick: self.tick,
            key: None,
            tempo: None,
            intensity: None,
            seed: None,
            controls: BTreeMap::new(),
        };
        match &self.change {
            JournalChange::Setting(Setting::Key(key)) => line.key = Some(key.to_string()),
            JournalChange::Setting(Setting::Tempo(tempo)) => line.tempo = Some(*tempo),
            JournalChange::Setting(Setting::Intensity(intensity)) => line.intensity = Some(*intensity),
            JournalChange::Setting(Setting::Seed(seed)) => line.seed = Some(*seed),
            JournalChange::Control { name, value } => {
                line.controls.insert(name.clone(), *value);
            }
        }
        serde_json::to_string(&line).unwrap_or_default()
    }
}

impl Line {
    fn entries(self) -> Result<Vec<Entry>, String> {
        let mut changes = Vec::new();
        if let Some(key) = self.key {
            let key = key.parse().map_err(|error: crate::music::KeyError| error.to_string())?;
            changes.push(JournalChange::Setting(Setting::Key(key)));
        }
        if let Some(tempo) = self.tempo {
            if !(MIN_TEMPO..=MAX_TEMPO).contains(&tempo) {
                return Err(format!("`tempo` must be between {MIN_TEMPO} and {MAX_TEMPO}"));
            }
            changes.push(JournalChange::Setting(Setting::Tempo(tempo)));
        }
        if let Some(intensity) = self.intensity {
            if !(0.0..=1.0).contains(&intensity) {
                return Err("`intensity` must be between 0 and 1".into());
            }
            changes.push(JournalChange::Setting(Setting::Intensity(intensity)));
        }
        changes.extend(self.seed.map(|seed| JournalChange::Setting(Setting::Seed(seed))));
        for (name, value) in self.controls {
            if !value.is_finite() {
                return Err(format!("`{name}` must be a finite number"));
            }
            changes.push(JournalChange::Control { name, value });
        }
        if changes.is_empty() {
            return Err("nothing changes here: give key, tempo, intensity, seed or controls".into());
        }
        Ok(changes.into_iter().map(|change| Entry { tick: self.tick, change }).collect())
    }
}

impl Journal {
    /// Reads the text form. Empty lines are passed over.
    ///
    /// # Errors
    /// The first line that is no entry, or that lies before the line above it.
    pub fn parse(text: &str) -> Result<Self, JournalError> {
        let mut entries: Vec<Entry> = Vec::new();
        for (index, text) in text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
            let error = |message: String| JournalError { line: index + 1, message };
            let line: Line = serde_json::from_str(text).map_err(|e| error(e.to_string()))?;
            if line.tick < 0 || entries.last().is_some_and(|last| line.tick < last.tick) {
                return Err(error("positions must not go back".into()));
            }
            entries.extend(line.entries().map_err(error)?);
        }
        Ok(Self { entries })
    }

    /// Adds a change; one that lies before the last is moved to it.
    pub fn push(&mut self, mut entry: Entry) {
        entry.tick = entry.tick.max(self.entries.last().map_or(0, |last| last.tick));
        self.entries.push(entry);
    }

    /// All changes, in order.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Checks that every control it moves is one of the preset's, and within its range.
    ///
    /// # Errors
    /// The first that is not, in words for the reader.
    pub fn check(&self, preset: &Preset) -> Result<(), String> {
        for entry in &self.entries {
            let JournalChange::Control { name, value } = &entry.change else { continue };
            let at = entry.tick;
            let Some(control) = preset.control(name) else {
                let names: Vec<&str> = preset.controls.iter().map(|control| control.name.as_str()).collect();
                let known = if names.is_empty() { "none".into() } else { names.join(", ") };
                return Err(format!("at tick {at}: the preset exposes no `{name}`; it exposes {known}"));
            };
            let (min, max) = (control.range.min, control.range.max);
            if !(min..=max).contains(value) {
                return Err(format!("at tick {at}: `{name}` must be between {min} and {max}"));
            }
        }
        Ok(())
    }

    /// The musical position after seconds of playing from position 0.
    pub fn tick_at(&self, seconds: f64, piece: Settings) -> f64 {
        let (mut at, mut passed, mut tempo) = (0.0, 0.0, piece.tempo);
        for entry in &self.entries {
            if let JournalChange::Setting(Setting::Tempo(next)) = entry.change {
                let duration = (entry.tick as f64 - at) * seconds_per_tick(tempo);
                if passed + duration > seconds {
                    break;
                }
                (at, passed, tempo) = (entry.tick as f64, passed + duration, next);
            }
        }
        at + (seconds - passed) / seconds_per_tick(tempo)
    }

    /// Everything that is in force at a position, and how it came to be, for [`crate::Engine::reset`].
    pub fn start_at(&self, tick: f64, preset: &Preset, piece: Settings) -> Start {
        let (mut at, mut seconds, mut settings) = (0.0, 0.0, piece);
        let mut start = Start::beginning(piece);
        let mut controls: BTreeMap<u16, f32> = BTreeMap::new();
        for entry in self.entries.iter().take_while(|entry| entry.tick as f64 <= tick) {
            match &entry.change {
                JournalChange::Setting(setting) => {
                    seconds += (entry.tick as f64 - at) * seconds_per_tick(settings.tempo);
                    at = entry.tick as f64;
                    settings = setting.apply(settings);
                    start.changes.push((entry.tick, settings));
                }
                JournalChange::Control { name, value } => {
                    if let Some(index) = control_index(preset, name) {
                        controls.insert(index, *value);
                    }
                }
            }
        }
        start.tick = tick;
        start.seconds = seconds + (tick - at) * seconds_per_tick(settings.tempo);
        start.controls = controls.into_iter().collect();
        start
    }

    /// The entries after a position as commands for an engine, in order. Controls that the preset does not
    /// expose are left out.
    pub fn commands_after<'a>(&'a self, tick: f64, preset: &'a Preset) -> impl Iterator<Item = Command> + 'a {
        let after = self.entries.iter().filter(move |entry| entry.tick as f64 > tick);
        after.filter_map(|entry| {
            let change = match &entry.change {
                JournalChange::Setting(setting) => Change::Setting(*setting),
                JournalChange::Control { name, value } => {
                    Change::Control { index: control_index(preset, name)?, value: *value }
                }
            };
            Some(Command { when: When::Tick(entry.tick), change })
        })
    }
}

fn control_index(preset: &Preset, name: &str) -> Option<u16> {
    preset.controls.iter().position(|control| control.name == name).map(|index| index as u16)
}

fn seconds_per_tick(tempo: f64) -> f64 {
    60.0 / tempo / TICKS_PER_QUARTER as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "{\"tick\":960,\"tempo\":140.0}\n\n{\"tick\":1920,\"key\":\"C minor\",\"controls\":{\"space\":0.5}}\n";

    #[test]
    fn text_and_entries_agree() {
        let journal = Journal::parse(TEXT).unwrap();
        assert_eq!(journal.entries().len(), 3);
        let lines: Vec<String> = journal.entries().iter().map(Entry::to_line).collect();
        assert_eq!(Journal::parse(&lines.join("\n")).unwrap(), journal);
    }

    #[test]
    fn time_and_position_follow_the_tempo_changes() {
        let journal = Journal::parse(TEXT).unwrap();
        let piece = Settings { tempo: 70.0, ..Settings::default() };
        let first = 60.0 / 70.0;
        assert!((journal.tick_at(first, piece) - 960.0).abs() < 1e-6);
        assert!((journal.tick_at(first + 60.0 / 140.0, piece) - 1920.0).abs() < 1e-6);
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        for (text, words) in [
            ("{\"tick\":5,\"tempo\":1e9}", "line 1: `tempo` must be between"),
            ("{\"tick\":5,\"seed\":1}\n{\"tick\":4,\"seed\":1}", "line 2: positions must not go back"),
            ("{\"tick\":5}", "nothing changes"),
            ("{\"tick\":5,\"volume\":1}", "unknown field `volume`"),
            ("\n\nnonsense", "line 3"),
            ("{\"tick\":5,\"key\":\"H dur\"}", "not a key"),
        ] {
            let error = Journal::parse(text).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
