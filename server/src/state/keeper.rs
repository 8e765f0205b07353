//! The state of one preset while a station runs: what was kept of it, what is added, and where the piece is taken up.

use super::files::{Paths, Record, Written, read_journal, read_json};
use super::writer::{Order, Writer};
use super::{StateError, shown};
use auralis_graph::Preset;
use auralis_graph::engine::Start;
use auralis_graph::journal::{Entry, Journal, JournalChange};
use auralis_graph::settings::{Setting, Settings};
use auralis_nodes::encoder::{micros_of, timestamp};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A station renders so many seconds ahead of its clock at most: its journal ends no later.
const MOST_AHEAD: f64 = 60.0;
/// A journal in memory is compacted when it has grown by so many entries.
const GROWTH: usize = 4096;
/// Differences of an instant that are but rounding, in microseconds.
const ROUNDING: i64 = 1000;

/// The state of one preset. Any thread; writing is done by another one.
#[derive(Debug)]
pub struct Keeper {
    folder: Option<PathBuf>,
    memory: Mutex<Memory>,
    /// Whether all that is handed on is written.
    sound: Arc<AtomicBool>,
    /// Orders that found the queue full.
    lost: AtomicU64,
    /// Changes that the engine could not report.
    missed: AtomicU64,
}

#[derive(Debug, Default)]
struct Memory {
    journal: Journal,
    /// Entries at which it is compacted next.
    most: usize,
    /// The settings that the text begins with.
    piece: Settings,
    record: Record,
    /// None where nothing can be kept, or nothing is to be.
    writer: Option<Writer>,
    /// What the writer begins with, until it does.
    found: Option<(Paths, File, Written)>,
}

/// Where a piece is taken up, and with what.
#[derive(Debug)]
pub struct Resumed {
    /// The position in seconds since position 0.
    pub seconds: f64,
    /// What is in force there.
    pub start: Start,
    /// The controls that were moved, by name.
    pub moved: BTreeMap<String, f32>,
    /// The settings that wait for the composer.
    pub wishes: Vec<Setting>,
}

impl Keeper {
    /// The state in a folder, or one that is kept nowhere.
    pub(super) fn open(folder: Option<&Path>) -> Result<Self, StateError> {
        let memory = match folder {
            None => Memory::default(),
            Some(folder) => Memory::read(&Paths::new(folder))?,
        };
        let sound = Arc::new(AtomicBool::new(folder.is_none() || memory.found.is_some()));
        let folder = folder.map(Path::to_path_buf);
        Ok(Self {
            folder,
            memory: Mutex::new(memory),
            sound,
            lost: AtomicU64::new(0),
            missed: AtomicU64::new(0),
        })
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The instant of position 0, in microseconds since the Unix epoch: what the operator asks for, unless that was so
    /// before and the station's clock has stood still since; else what was kept. None for a piece that never played.
    pub fn epoch(&self, asked: Option<i64>) -> Option<i64> {
        let memory = self.memory();
        let instant = |text: &Option<String>| text.as_deref().and_then(micros_of);
        let kept = instant(&memory.record.epoch);
        if asked.is_some() && asked != instant(&memory.record.asked) { asked } else { kept }
    }

    /// The first chunk that a station can begin with at a moment: the one after the next, so that it is there when it
    /// is due, and none that was heard before.
    ///
    /// # Errors
    /// The piece has not begun, or the journal goes on where the clock has not been.
    pub fn first_chunk(&self, epoch: i64, now: i64, chunk: f64, piece: Settings) -> Result<u64, StateError> {
        if now < epoch {
            return Err(StateError::Future { epoch: timestamp(epoch) });
        }
        let memory = self.memory();
        let at = (now - epoch) as f64 / 1e6;
        let end = memory.journal.seconds_at(memory.journal.end() as f64, piece);
        self.refuse_ahead(end, at)?;
        Ok((at.max(end) / chunk).ceil() as u64 + 1)
    }

    fn refuse_ahead(&self, end: f64, now: f64) -> Result<(), StateError> {
        if end <= now + MOST_AHEAD {
            return Ok(());
        }
        let folder = self.folder.as_deref().map_or("what was kept".into(), shown);
        Err(StateError::Ahead { folder, end, now })
    }

    /// Takes the piece up at a position, as the preset's text and the journal say, and notes it.
    ///
    /// # Errors
    /// The journal goes on where the clock has not been.
    pub fn resume(&self, seconds: f64, preset: &Preset, piece: Settings) -> Result<Resumed, StateError> {
        let mut memory = self.memory();
        let end = memory.journal.seconds_at(memory.journal.end() as f64, piece);
        self.refuse_ahead(end, seconds)?;
        let memory = &mut *memory;
        memory.piece = piece;
        memory.start_writer(piece, &self.sound);
        let first = memory.journal.entries().is_empty();
        if first {
            for setting in every(piece) {
                self.add(memory, Entry { tick: 0, change: JournalChange::Setting(setting) });
            }
        }
        let (taken, mut wishes) = memory.due_wishes(seconds, piece);
        for entry in taken {
            self.add(memory, entry);
        }
        let tick = memory.journal.tick_at(seconds, piece).max(memory.journal.end() as f64);
        let whole = tick.floor() as i64;
        for (name, value) in memory.moved_by_author(preset) {
            self.add(memory, Entry { tick: whole, change: JournalChange::Control { name, value } });
        }
        if !first {
            wishes.extend(memory.changed_by_author(piece));
        }
        self.add(memory, Entry { tick: whole, change: JournalChange::Start { seconds } });
        self.keep_text(memory, preset, piece);
        let start = memory.journal.start_at(tick, preset, piece);
        let known = |name: &String| preset.control(name).is_some();
        let mut moved = memory.journal.controls_at(tick);
        moved.retain(|name, _| known(name));
        Ok(Resumed { seconds, start, moved, wishes })
    }

    /// Notes where position 0 turned out to be, and what `--epoch` asked for.
    pub fn place(&self, epoch: i64, asked: Option<i64>) {
        let mut memory = self.memory();
        let before = memory.record.epoch.as_deref().and_then(micros_of);
        let asked = asked.map(timestamp);
        if before.is_some_and(|before| (before - epoch).abs() < ROUNDING) && memory.record.asked == asked {
            return;
        }
        memory.record.epoch = Some(timestamp(epoch));
        memory.record.asked = asked;
        self.keep_record(&memory);
    }

    /// Notes that the clock stood still for so many microseconds.
    pub fn delay(&self, micros: i64) {
        let mut memory = self.memory();
        let Some(epoch) = memory.record.epoch.as_deref().and_then(micros_of) else { return };
        memory.record.epoch = Some(timestamp(epoch + micros));
        self.keep_record(&memory);
    }

    /// Adds a change that was heard, behind those that are there.
    pub fn note(&self, entry: Entry) {
        let mut memory = self.memory();
        let tick = entry.tick.max(memory.journal.end());
        self.add(&mut memory, Entry { tick, ..entry });
    }

    /// Notes how many changes were heard that nobody reported.
    pub fn miss(&self, reports: u64) {
        if reports > 0 && self.missed.fetch_max(reports, Ordering::Relaxed) == 0 {
            tracing::error!("more is changed at once than can be noted: a restart would not find all of it");
        }
    }

    /// Notes what waits for the composer's next change, instead of what waited before.
    pub fn wish(&self, wishes: Vec<Entry>) {
        let mut memory = self.memory();
        if memory.record.wishes != wishes {
            memory.record.wishes = wishes;
            self.keep_record(&memory);
        }
    }

    /// Notes what an edited text begins with.
    pub fn text(&self, preset: &Preset, piece: Settings) {
        self.keep_text(&mut self.memory(), preset, piece);
    }

    /// Whether a restart would find everything again.
    pub fn is_kept(&self) -> bool {
        let gaps = self.lost.load(Ordering::Relaxed) + self.missed.load(Ordering::Relaxed);
        self.folder.is_some() && self.sound.load(Ordering::Relaxed) && gaps == 0
    }

    /// Waits until all is written, and writes no more.
    pub(super) fn close(&self) {
        let (writer, found) = {
            let mut memory = self.memory();
            (memory.writer.take(), memory.found.take())
        };
        drop((writer, found));
    }

    fn add(&self, memory: &mut Memory, entry: Entry) {
        memory.journal.push(entry.clone());
        if memory.journal.entries().len() > memory.most {
            memory.journal.compact(memory.piece);
            memory.most = memory.journal.entries().len() + GROWTH;
        }
        self.order(memory, Order::Entry(entry));
    }

    fn keep_text(&self, memory: &mut Memory, preset: &Preset, piece: Settings) {
        let entry = |setting| Entry { tick: 0, change: JournalChange::Setting(setting) };
        memory.record.settings = every(piece).map(entry).to_vec();
        let controls = preset.controls.iter().map(|control| (control.name.clone(), control.default));
        memory.record.controls = controls.collect();
        self.keep_record(memory);
    }

    fn keep_record(&self, memory: &Memory) {
        self.order(memory, Order::Record(Box::new(memory.record.clone())));
    }

    fn order(&self, memory: &Memory, order: Order) {
        let Some(writer) = &memory.writer else { return };
        if !writer.order(order) && self.lost.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::error!("the disk does not keep up: a restart would not find all that is changed");
        }
    }
}

fn complain(paths: &Paths, error: &std::io::Error) {
    let folder = shown(paths.folder());
    tracing::error!(
        "{folder} cannot be used: {error}; the station plays, but a restart will not find what is changed"
    );
}

/// All settings that can change while a piece plays.
fn every(settings: Settings) -> [Setting; 4] {
    let Settings { key, tempo, intensity, seed, .. } = settings;
    [Setting::Key(key), Setting::Tempo(tempo), Setting::Intensity(intensity), Setting::Seed(seed)]
}

impl Memory {
    fn read(paths: &Paths) -> Result<Self, StateError> {
        let said = Cell::new(false);
        let failed = |error: std::io::Error| {
            if !said.replace(true) {
                complain(paths, &error);
            }
        };
        let lock = paths.hold()?.map_err(failed).ok();
        let record = read_json::<Record>(&paths.record()).map_err(failed).unwrap_or_default();
        let record = record.transpose()?.unwrap_or_default();
        let written = match read_journal(paths).map_err(failed) {
            Ok(written) => written?,
            Err(()) => return Ok(Self { record, ..Self::default() }),
        };
        if written.torn > 0 {
            let journal = shown(&paths.journal());
            tracing::warn!(
                "{journal}: the last line was not written to its end and is left out ({} bytes)",
                written.torn
            );
        }
        let journal = written.journal.clone();
        let most = journal.entries().len() + GROWTH;
        let found = lock.map(|lock| (paths.clone(), lock, written));
        Ok(Self { journal, most, record, found, ..Self::default() })
    }

    fn start_writer(&mut self, piece: Settings, sound: &Arc<AtomicBool>) {
        let Some((paths, lock, written)) = self.found.take() else { return };
        match Writer::start(paths.clone(), lock, &written, piece, Arc::clone(sound)) {
            Ok(writer) => self.writer = Some(writer),
            Err(error) => {
                sound.store(false, Ordering::Relaxed);
                complain(&paths, &error);
            }
        }
    }

    /// The wishes that the composer would have taken meanwhile, and those that still wait.
    fn due_wishes(&mut self, seconds: f64, piece: Settings) -> (Vec<Entry>, Vec<Setting>) {
        let wishes = std::mem::take(&mut self.record.wishes);
        let (end, tick) = (self.journal.end(), self.journal.tick_at(seconds, piece));
        let (mut taken, mut waiting) = (Vec::new(), Vec::new());
        // What the journal goes beyond it has taken.
        for wish in wishes.into_iter().filter(|wish| wish.tick > end) {
            match wish.change {
                _ if wish.tick as f64 <= tick => taken.push(wish),
                JournalChange::Setting(setting) => {
                    waiting.push(setting);
                    // Until it is taken: the next restart may come before that.
                    self.record.wishes.push(wish);
                }
                _ => {}
            }
        }
        (taken, waiting)
    }

    /// The controls that a listener moved and the author has moved or confined since, with where the text has them.
    fn moved_by_author(&self, preset: &Preset) -> Vec<(String, f32)> {
        let moved = self.journal.controls_at(f64::INFINITY);
        let fresh = preset.controls.iter().filter(|control| {
            let other = self.record.controls.get(&control.name).is_some_and(|was| *was != control.default);
            let outside = |value: &f32| !(control.range.min..=control.range.max).contains(value);
            moved.get(&control.name).is_some_and(|value| other || outside(value))
        });
        fresh.map(|control| (control.name.clone(), control.default)).collect()
    }

    /// The settings that the author, or the operator, has changed since.
    fn changed_by_author(&self, piece: Settings) -> Vec<Setting> {
        let was = self.record.settings.iter().fold(piece, |was, entry| match entry.change {
            JournalChange::Setting(setting) => setting.apply(was),
            _ => was,
        });
        was.changes_to(&piece).collect()
    }
}
