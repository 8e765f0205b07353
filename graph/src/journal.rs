//! The journal: settings and controls as they changed, by musical position. A station keeps it on disk, a
//! render accepts it, and what was heard can be rendered again. Control side only.
//!
//! As text it is JSON Lines, one change of one moment a line; a station also notes where it began to play:
//! ```text
//! {"tick":0,"start":0.0}
//! {"tick":107520,"intensity":0.8}
//! {"tick":161280,"key":"C minor","controls":{"space":0.7}}
//! ```

use crate::command::{Change, Command, When};
use crate::engine::Start;
use crate::music::TICKS_PER_QUARTER;
use crate::preset::Preset;
use crate::settings::{MAX_TEMPO, MIN_TEMPO, Setting, Settings, SettingsLog};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};

/// A change at a musical position.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(into = "Line", try_from = "Line")]
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
    /// A station began to play here: what sounds after it has no tail from before it.
    Start {
        /// The position in seconds since position 0.
        seconds: f64,
    },
}

/// All changes of a piece since position 0, in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Journal {
    /// The last of the tempo changes that are no longer among the entries, or need not be counted.
    turn: Option<Turn>,
    entries: Vec<Entry>,
}

/// A change of tempo and when it happened: from there position runs evenly over time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// Position in ticks.
    tick: i64,
    /// The same position in seconds since position 0.
    seconds: f64,
    /// The tempo from there on, in quarter notes per minute.
    tempo: f64,
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

#[derive(Default, Serialize, Deserialize)]
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    start: Option<f64>,
}

impl Turn {
    fn seconds_per_tick(&self) -> f64 {
        60.0 / self.tempo / TICKS_PER_QUARTER as f64
    }

    fn tick_at(&self, seconds: f64) -> f64 {
        self.tick as f64 + (seconds - self.seconds) / self.seconds_per_tick()
    }

    fn seconds_at(&self, tick: f64) -> f64 {
        self.seconds + (tick - self.tick as f64) * self.seconds_per_tick()
    }
}

/// What of a journal can be set once for each of: entries of the same kind replace each other.
#[derive(PartialEq, Eq, Hash)]
enum Kind<'a> {
    Key,
    Tempo,
    Intensity,
    Seed,
    Control(&'a str),
    Start,
}

impl JournalChange {
    fn kind(&self) -> Kind<'_> {
        match self {
            Self::Setting(Setting::Key(_)) => Kind::Key,
            Self::Setting(Setting::Tempo(_)) => Kind::Tempo,
            Self::Setting(Setting::Intensity(_)) => Kind::Intensity,
            Self::Setting(Setting::Seed(_)) => Kind::Seed,
            Self::Control { name, .. } => Kind::Control(name),
            Self::Start { .. } => Kind::Start,
        }
    }
}

impl Entry {
    /// The entry as one line of the text form, without its line break.
    pub fn to_line(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

impl From<Entry> for Line {
    fn from(entry: Entry) -> Self {
        let mut line = Self { tick: entry.tick, ..Self::default() };
        match entry.change {
            JournalChange::Setting(Setting::Key(key)) => line.key = Some(key.to_string()),
            JournalChange::Setting(Setting::Tempo(tempo)) => line.tempo = Some(tempo),
            JournalChange::Setting(Setting::Intensity(intensity)) => line.intensity = Some(intensity),
            JournalChange::Setting(Setting::Seed(seed)) => line.seed = Some(seed),
            JournalChange::Control { name, value } => {
                line.controls.insert(name, value);
            }
            JournalChange::Start { seconds } => line.start = Some(seconds),
        }
        line
    }
}

impl TryFrom<Line> for Entry {
    type Error = String;

    fn try_from(line: Line) -> Result<Self, String> {
        let mut entries = line.entries()?;
        let entry = entries.pop().filter(|_| entries.is_empty());
        entry.ok_or_else(|| "one change is wanted, and here are several".into())
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
        if let Some(seconds) = self.start {
            if !(seconds.is_finite() && seconds >= 0.0) {
                return Err("`start` must be a number of seconds from 0 on".into());
            }
            changes.push(JournalChange::Start { seconds });
        }
        if changes.is_empty() {
            return Err("nothing changes here: give key, tempo, intensity, seed, controls or start".into());
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
        let mut journal = Self::default();
        journal.read(text, 0)?;
        Ok(journal)
    }

    /// Reads on: a text that follows what was read before, behind so many lines.
    ///
    /// # Errors
    /// As [`Journal::parse`]; what came before the wrong line has been read.
    pub fn read(&mut self, text: &str, lines: usize) -> Result<(), JournalError> {
        for (index, text) in text.lines().enumerate().filter(|(_, text)| !text.trim().is_empty()) {
            let error = |message: String| JournalError { line: lines + index + 1, message };
            let line: Line = serde_json::from_str(text).map_err(|e| error(e.to_string()))?;
            if line.tick < 0 || line.tick < self.end() {
                return Err(error("positions must not go back".into()));
            }
            self.entries.extend(line.entries().map_err(error)?);
        }
        Ok(())
    }

    /// A compacted journal from what was kept of it: its turn and its entries.
    pub fn resumed(turn: Option<Turn>, entries: Vec<Entry>) -> Self {
        Self { turn, entries }
    }

    /// The tempo change before which time is no longer counted.
    pub fn turn(&self) -> Option<Turn> {
        self.turn
    }

    /// Leaves out what can no longer be asked for once a station plays at the journal's end: changes that later
    /// ones replaced, but for those of the settings that composers look back to. Of every position from the end on,
    /// what is left says the same as before, and it does not grow with the age of the piece.
    pub fn compact(&mut self, piece: Settings) {
        self.turn = self.turns(piece).last();
        let recent = self.end() - SettingsLog::LOOK_BACK;
        let mut seen = HashSet::new();
        let newest = self.entries.iter().rev().map(|entry| {
            let is_recent = matches!(entry.change, JournalChange::Setting(_)) && entry.tick > recent;
            let slot = is_recent.then(|| SettingsLog::slot(entry.tick));
            seen.insert((entry.change.kind(), slot))
        });
        let mut newest = newest.collect::<Vec<_>>().into_iter().rev();
        self.entries.retain(|_| newest.next().unwrap_or(true));
    }

    /// The position of the last change, in ticks.
    pub fn end(&self) -> i64 {
        self.entries.last().map_or(0, |last| last.tick)
    }

    /// Adds a change; one that lies before the last is moved to it.
    pub fn push(&mut self, mut entry: Entry) {
        entry.tick = entry.tick.max(self.end());
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

    /// The stretches of even tempo since position 0, or since the turn from which this journal resumes.
    fn turns(&self, piece: Settings) -> impl Iterator<Item = Turn> + '_ {
        let first = self.turn.unwrap_or(Turn { tick: 0, seconds: 0.0, tempo: piece.tempo });
        let changes = self.entries.iter().scan(first, |turn, entry| {
            if let JournalChange::Setting(Setting::Tempo(tempo)) = entry.change
                && entry.tick >= turn.tick
                && tempo != turn.tempo
            {
                *turn = Turn { tick: entry.tick, seconds: turn.seconds_at(entry.tick as f64), tempo };
            }
            Some(*turn)
        });
        std::iter::once(first).chain(changes)
    }

    /// The last of the turns for which this is true, or the first.
    fn turn_where(&self, piece: Settings, is_before: impl Fn(&Turn) -> bool) -> Turn {
        let last = self.turns(piece).reduce(|turn, next| if is_before(&next) { next } else { turn });
        last.unwrap_or(Turn { tick: 0, seconds: 0.0, tempo: piece.tempo })
    }

    /// The musical position after seconds of playing from position 0.
    pub fn tick_at(&self, seconds: f64, piece: Settings) -> f64 {
        self.turn_where(piece, |turn| turn.seconds <= seconds).tick_at(seconds)
    }

    /// The seconds of playing from position 0 to a musical position.
    pub fn seconds_at(&self, tick: f64, piece: Settings) -> f64 {
        self.turn_where(piece, |turn| turn.tick as f64 <= tick).seconds_at(tick)
    }

    /// Where the station that was heard at a position had begun to play, in seconds since position 0; position 0
    /// where no station is noted.
    pub fn begun_before(&self, seconds: f64) -> f64 {
        let starts = self.entries.iter().filter_map(|entry| match entry.change {
            JournalChange::Start { seconds } => Some(seconds),
            _ => None,
        });
        starts.filter(|start| *start <= seconds).fold(0.0, f64::max)
    }

    /// The controls that were moved up to a position, by name, and where they stand there.
    pub fn controls_at(&self, tick: f64) -> BTreeMap<String, f32> {
        let past = self.entries.iter().take_while(|entry| entry.tick as f64 <= tick);
        past.filter_map(|entry| match &entry.change {
            JournalChange::Control { name, value } => Some((name.clone(), *value)),
            _ => None,
        })
        .collect()
    }

    /// Everything that is in force at a position, and how it came to be, for [`crate::Engine::reset`].
    pub fn start_at(&self, tick: f64, preset: &Preset, piece: Settings) -> Start {
        let mut settings = piece;
        let mut start = Start::beginning(piece);
        for entry in self.entries.iter().take_while(|entry| entry.tick as f64 <= tick) {
            let JournalChange::Setting(setting) = entry.change else { continue };
            settings = setting.apply(settings);
            if entry.tick == 0 {
                // Nothing was in force before position 0 but what the piece begins with.
                start.before = settings;
            } else {
                start.changes.push((entry.tick, settings));
            }
        }
        start.tick = tick;
        start.seconds = self.seconds_at(tick, piece);
        let controls = self.controls_at(tick).into_iter();
        start.controls =
            controls.filter_map(|(name, value)| Some((control_index(preset, &name)?, value))).collect();
        start.controls.sort_by_key(|(index, _)| *index);
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
                JournalChange::Start { .. } => return None,
            };
            Some(Command { when: When::Tick(entry.tick), change })
        })
    }
}

fn control_index(preset: &Preset, name: &str) -> Option<u16> {
    preset.controls.iter().position(|control| control.name == name).map(|index| index as u16)
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
        assert!((journal.seconds_at(1920.0, piece) - first - 60.0 / 140.0).abs() < 1e-9);
    }

    #[test]
    fn a_compacted_journal_says_the_same_of_all_that_comes_and_does_not_grow() {
        let piece = Settings { tempo: 70.0, ..Settings::default() };
        let mut text = String::new();
        for change in 0..20_000i64 {
            let (tick, tempo) = (change * 1777, 60 + change % 80);
            let key = if change % 3 == 0 { "C minor" } else { "E dorian" };
            text += &format!(
                "{{\"tick\":{tick},\"tempo\":{tempo}.5,\"controls\":{{\"c{}\":0.{tempo}}}}}\n",
                change % 5
            );
            text += &format!("{{\"tick\":{},\"key\":\"{key}\",\"start\":{}.25}}\n", tick + 3, change);
        }
        let whole = Journal::parse(&text).unwrap();
        let mut compact = whole.clone();
        compact.compact(piece);
        assert!(compact.entries().len() < 600, "{}", compact.entries().len());
        let kept = serde_json::to_string(&(compact.turn(), compact.entries())).unwrap();
        let (turn, entries) = serde_json::from_str(&kept).unwrap();
        let resumed = Journal::resumed(turn, entries);
        assert_eq!(resumed, compact, "it can be kept as text");
        let end = whole.end() as f64;
        let seconds = whole.seconds_at(end + 5.0, piece);
        for journal in [&compact, &resumed] {
            assert_eq!(journal.seconds_at(end + 5.0, piece).to_bits(), seconds.to_bits());
            assert_eq!(journal.tick_at(seconds, piece).to_bits(), whole.tick_at(seconds, piece).to_bits());
            assert_eq!((journal.end(), journal.controls_at(end)), (whole.end(), whole.controls_at(end)));
            assert_eq!(journal.begun_before(1e9), whole.begun_before(1e9));
        }
        let log = |journal: &Journal| {
            let mut log = SettingsLog::new(piece);
            let change = |entry: &Entry| match entry.change {
                JournalChange::Setting(setting) => Some((entry.tick, setting)),
                _ => None,
            };
            for (tick, setting) in journal.entries().iter().filter_map(change) {
                log.push(tick, setting.apply(log.current()));
            }
            log
        };
        let (whole, compact) = (log(&whole), log(&compact));
        for back in 0..500 {
            let tick = end as i64 - back * 240;
            assert_eq!(whole.at(tick), compact.at(tick), "{tick}");
        }
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
            ("{\"tick\":5,\"start\":-1}", "`start` must be"),
        ] {
            let error = Journal::parse(text).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
