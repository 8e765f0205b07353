//! The settings of a piece: key, tempo, metre, intensity and seed, and how they changed. Plain values of fixed
//! size, real-time safe.

use crate::music::{Key, Meter};

/// Slowest legal tempo in beats per minute.
pub const MIN_TEMPO: f64 = 20.0;
/// Fastest legal tempo in beats per minute.
pub const MAX_TEMPO: f64 = 400.0;

/// What a composer and synced nodes go by.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Tonic and mode.
    pub key: Key,
    /// Quarter notes per minute, [`MIN_TEMPO`] to [`MAX_TEMPO`].
    pub tempo: f64,
    /// Time signature; fixed while a graph runs, since phrases are counted in bars.
    pub meter: Meter,
    /// From 0, sparse, to 1, dense.
    pub intensity: f32,
    /// The root of all chance.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { key: Key::A_MINOR, tempo: 70.0, meter: Meter::COMMON, intensity: 0.5, seed: 0 }
    }
}

impl Settings {
    /// What has to be set to get from these to others. The metre is not among it: it is fixed while a graph runs.
    pub fn changes_to(&self, other: &Self) -> impl Iterator<Item = Setting> + use<> {
        let changes = [
            (self.key != other.key).then_some(Setting::Key(other.key)),
            (self.tempo != other.tempo).then_some(Setting::Tempo(other.tempo)),
            (self.intensity != other.intensity).then_some(Setting::Intensity(other.intensity)),
            (self.seed != other.seed).then_some(Setting::Seed(other.seed)),
        ];
        changes.into_iter().flatten()
    }
}

/// Settings that one node fixes for itself; they win over the piece's.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Overrides {
    /// Own key.
    pub key: Option<Key>,
    /// Own tempo.
    pub tempo: Option<f64>,
    /// Own time signature.
    pub meter: Option<Meter>,
    /// Own intensity.
    pub intensity: Option<f32>,
    /// Own seed.
    pub seed: Option<u64>,
}

impl Overrides {
    /// The settings as this node sees them.
    pub fn apply(&self, settings: Settings) -> Settings {
        Settings {
            key: self.key.unwrap_or(settings.key),
            tempo: self.tempo.unwrap_or(settings.tempo),
            meter: self.meter.unwrap_or(settings.meter),
            intensity: self.intensity.unwrap_or(settings.intensity),
            seed: self.seed.unwrap_or(settings.seed),
        }
    }

    /// What is fixed here, else there.
    pub fn or(&self, other: Overrides) -> Overrides {
        Overrides {
            key: self.key.or(other.key),
            tempo: self.tempo.or(other.tempo),
            meter: self.meter.or(other.meter),
            intensity: self.intensity.or(other.intensity),
            seed: self.seed.or(other.seed),
        }
    }

    /// Whether nothing is fixed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// A change of one setting while the piece plays.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Setting {
    /// New key.
    Key(Key),
    /// New tempo in quarter notes per minute.
    Tempo(f64),
    /// New intensity, 0 to 1.
    Intensity(f32),
    /// New seed: another piece from the next phrase on.
    Seed(u64),
}

impl Setting {
    /// The settings after this change.
    pub fn apply(self, settings: Settings) -> Settings {
        match self {
            Setting::Key(key) => Settings { key, ..settings },
            Setting::Tempo(tempo) => Settings { tempo: tempo.clamp(MIN_TEMPO, MAX_TEMPO), ..settings },
            Setting::Intensity(value) => Settings { intensity: value.clamp(0.0, 1.0), ..settings },
            Setting::Seed(seed) => Settings { seed, ..settings },
        }
    }
}

/// Settings by musical position: what was in force when. The past is kept as far as composers look back, to
/// the resolution at which they ask (a sixteenth note).
#[derive(Debug, Clone)]
pub struct SettingsLog {
    entries: Vec<(i64, Settings)>,
}

impl SettingsLog {
    /// Entries kept: at least this many sixteenth notes (64 bars of 4/4) can be looked back.
    pub const CAPACITY: usize = 1024;
    /// Ticks within which a later change replaces an earlier one.
    const RESOLUTION: i64 = 240;
    /// Ticks that can be looked back at most.
    pub const LOOK_BACK: i64 = Self::CAPACITY as i64 * Self::RESOLUTION;

    /// The sixteenth before which a change counts: of several in one only the last can be asked for.
    pub fn slot(tick: i64) -> i64 {
        (tick - 1).div_euclid(Self::RESOLUTION)
    }

    /// A log in which `settings` have always been in force.
    pub fn new(settings: Settings) -> Self {
        let mut entries = Vec::with_capacity(Self::CAPACITY);
        entries.push((i64::MIN, settings));
        Self { entries }
    }

    /// What is in force now.
    pub fn current(&self) -> Settings {
        self.entries.last().map(|entry| entry.1).unwrap_or_default()
    }

    /// What was in force at a tick: the last change at or before it.
    pub fn at(&self, tick: i64) -> Settings {
        let after = self.entries.partition_point(|entry| entry.0 <= tick);
        self.entries[after.max(1) - 1].1
    }

    /// Whether anything changed after `from` up to and including `to`.
    pub fn changed_within(&self, from: i64, to: i64) -> bool {
        self.entries.iter().any(|entry| entry.0 > from && entry.0 <= to)
    }

    /// Enters a change at a tick, which must not lie before the last one. No allocation.
    pub fn push(&mut self, tick: i64, settings: Settings) {
        let last = self.entries.len() - 1;
        let (last_tick, _) = self.entries[last];
        // Between the same two sixteenths only the later value can still be asked for.
        let same_slot = last_tick != i64::MIN && Self::slot(last_tick) == Self::slot(tick);
        if tick <= last_tick || same_slot {
            self.entries[last] = (tick.max(last_tick), settings);
            return;
        }
        if self.entries.len() == Self::CAPACITY {
            // Half at a time: the cost of moving is spread over many changes.
            self.entries.drain(..Self::CAPACITY / 2);
            self.entries[0].0 = i64::MIN;
        }
        self.entries.push((tick, settings));
    }

    /// Forgets the past: the position jumped, and with it the meaning of ticks.
    pub fn restart(&mut self, settings: Settings) {
        self.entries.clear();
        self.entries.push((i64::MIN, settings));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(intensity: f32) -> Settings {
        Settings { intensity, ..Settings::default() }
    }

    #[test]
    fn the_past_is_found_by_position() {
        let mut log = SettingsLog::new(with(0.1));
        log.push(960, with(0.2));
        log.push(2000, with(0.3));
        assert_eq!(log.at(959).intensity, 0.1);
        assert_eq!(log.at(960).intensity, 0.2);
        assert_eq!(log.at(1999).intensity, 0.2);
        assert_eq!(log.at(5000).intensity, 0.3);
        assert_eq!(log.current().intensity, 0.3);
        assert!(log.changed_within(0, 960) && !log.changed_within(2000, 9000));
    }

    #[test]
    fn a_flood_of_changes_keeps_one_value_for_each_sixteenth() {
        let mut log = SettingsLog::new(with(0.0));
        for tick in 1..=(240 * 5000) {
            log.push(tick, with((tick % 240) as f32));
        }
        // The value at a sixteenth is that of the last change at or before it.
        for sixteenth in 4700..5000 {
            assert_eq!(log.at(sixteenth * 240).intensity, 0.0, "{sixteenth}");
        }
        assert!(log.entries.len() <= SettingsLog::CAPACITY);
    }

    #[test]
    fn values_out_of_range_are_clamped() {
        assert_eq!(Setting::Tempo(1e9).apply(Settings::default()).tempo, MAX_TEMPO);
        assert_eq!(Setting::Intensity(-1.0).apply(Settings::default()).intensity, 0.0);
    }
}
