//! A score as it is played: what starts and ends at which tick, under settings that change. Where it stands
//! follows from the position and the settings' history alone, so that a seek finds what playing would have
//! found. Allocation-free once made; safe on the audio thread.

use super::fit::Footing;
use super::phrase::{Note, Part, Phrase, PhraseGrid};
use super::score::Score;
use arrayvec::ArrayVec;
use auralis_graph::note::NoteEvent;
use auralis_graph::settings::Settings;

/// Most notes that sound at once.
pub const MAX_HELD: usize = 32;

/// Ids between one phrase's first note and the next one's.
const IDS: i64 = 1024;

/// The resolution to which the past of the settings is kept, in ticks: a sixteenth note.
const SETTINGS_GRID: i64 = 240;

/// Positions beyond this, on either side, hold no music: some 20 million years at the fastest tempo.
const END: i64 = i64::MAX / 4;

/// A note that sounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Held {
    /// Its number, counted up from the number of its phrase.
    pub id: u32,
    /// Who plays it.
    pub part: Part,
    /// MIDI key.
    pub key: u8,
    /// 0 to 1.
    pub velocity: f32,
    /// The tick at which it ends.
    pub end: i64,
    /// How it stands on its harmony.
    pub(super) footing: Footing,
}

/// What happens at a tick.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event {
    /// A note starts.
    On(Held),
    /// A note ends.
    Off(Held),
}

/// A score that is being played.
#[derive(Debug, Clone)]
pub struct Performance {
    score: Score,
    grid: PhraseGrid,
    phrase: Phrase,
    /// The settings with which the phrase was composed.
    settings: Settings,
    /// The tick at which the settings are next asked for; none where there is no music.
    boundary: Option<i64>,
    /// The next of the phrase's notes.
    cursor: usize,
    /// Notes started since the phrase began.
    count: i64,
    held: ArrayVec<Held, MAX_HELD>,
}

impl Performance {
    /// A performance that stands nowhere: [`Performance::seek`] gives it a place.
    pub fn new(score: Score) -> Self {
        let grid = score.grid();
        let phrase = Phrase { number: i64::MIN, ..Phrase::default() };
        let settings = Settings::default();
        let held = ArrayVec::new();
        Self { score, grid, phrase, settings, boundary: None, cursor: 0, count: 0, held }
    }

    /// The score.
    pub fn score(&self) -> &Score {
        &self.score
    }

    /// The phrase that is being played.
    pub fn phrase(&self) -> &Phrase {
        &self.phrase
    }

    /// The settings with which the phrase was composed.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The notes that sound.
    pub fn held(&self) -> &[Held] {
        &self.held
    }

    /// Stands nowhere again.
    pub fn leave(&mut self) {
        self.held.clear();
        self.phrase.chords.clear();
        self.phrase.notes.clear();
        self.phrase.number = i64::MIN;
        self.boundary = None;
        self.cursor = 0;
        self.count = 0;
    }

    /// Goes to where everything before `tick` has happened: [`Performance::held`] is what should be sounding.
    /// `settings_at` tells the settings in force at a tick; it is asked for none before the phrase at `tick`.
    pub fn seek(&mut self, tick: i64, settings_at: impl Fn(i64) -> Settings) {
        self.leave();
        let start = self.grid.start_of(self.grid.phrase_at(tick));
        self.boundary = (-END..END).contains(&tick).then_some(start.max(0));
        while self.next_tick().is_some_and(|next| next < tick) {
            self.step(&settings_at, |_| {});
        }
        // What ends here is not taken up again.
        self.held.retain(|held| held.end > tick);
    }

    /// The first tick at or after a position at which the composed harmony changes.
    pub fn next_change_of_chord(&self, tick: i64) -> i64 {
        let number = self.grid.phrase_at(tick);
        let start = self.grid.start_of(number);
        let ends = start.saturating_add(self.grid.ticks);
        if number != self.phrase.number {
            return if tick == start { tick } else { ends };
        }
        let onsets = self.phrase.chords.iter().map(|chord| start + i64::from(chord.onset));
        onsets.filter(|onset| *onset >= tick).min().unwrap_or(ends)
    }

    /// The tick at which something happens next.
    pub fn next_tick(&self) -> Option<i64> {
        let boundary = self.boundary?;
        let ends = self.held.iter().map(|held| held.end).min().unwrap_or(boundary);
        let starts = self.next_start().unwrap_or(boundary);
        Some(boundary.min(ends).min(starts))
    }

    fn next_start(&self) -> Option<i64> {
        let note = self.phrase.notes.get(self.cursor)?;
        Some(self.grid.start_of(self.phrase.number) + i64::from(note.start()))
    }

    /// Does what happens at [`Performance::next_tick`]: ends come before starts.
    pub fn step(&mut self, settings_at: impl Fn(i64) -> Settings, mut tell: impl FnMut(Event)) {
        let Some(tick) = self.next_tick() else { return };
        self.held.retain(|held| {
            let sounds = held.end > tick;
            if !sounds {
                tell(Event::Off(*held));
            }
            sounds
        });
        if self.boundary == Some(tick) {
            self.cross(tick, &settings_at, &mut tell);
        }
        while self.next_start() == Some(tick) {
            let note = self.phrase.notes[self.cursor];
            self.cursor += 1;
            self.start(&note, tick, &mut tell);
        }
    }

    /// Passes a point at which changed settings take hold.
    fn cross(&mut self, tick: i64, settings_at: &impl Fn(i64) -> Settings, tell: &mut impl FnMut(Event)) {
        let number = self.grid.phrase_at(tick);
        let start = self.grid.start_of(number);
        let next = start + ((tick - start) / self.grid.change + 1) * self.grid.change;
        self.boundary = Some(next.min(start + self.grid.ticks)).filter(|next| *next < END);
        let settings = settings_at(tick - tick.rem_euclid(SETTINGS_GRID));
        if number != self.phrase.number {
            self.settings = settings;
            self.score.compose(&settings, number, &mut self.phrase);
            self.cursor = 0;
            self.count = 0;
        } else if differ(&settings, &self.settings) {
            self.settings = settings;
            self.score.compose(&settings, number, &mut self.phrase);
            self.go_on_at(tick, start, tell);
        }
    }

    /// Goes on within the phrase that has just been composed anew: notes of the melody that sound end in their
    /// own time; of harmony and bass, what no longer holds ends now, and what holds now sounds.
    fn go_on_at(&mut self, tick: i64, start: i64, tell: &mut impl FnMut(Event)) {
        let local = (tick - start) as u32;
        let notes = &self.phrase.notes;
        let spans = |note: &&Note| note.part != Part::Melody && note.start() < local && note.end() > local;
        self.held.retain(|held| {
            let goes_on =
                notes.iter().filter(spans).find(|note| (note.part, note.key) == (held.part, held.key));
            if let Some(note) = goes_on {
                held.end = start + i64::from(note.end());
            }
            let stays = goes_on.is_some() || held.part == Part::Melody;
            if !stays {
                tell(Event::Off(*held));
            }
            stays
        });
        self.cursor = notes.partition_point(|note| note.start() < local);
        for index in 0..self.cursor {
            let note = self.phrase.notes[index];
            let sounds = self.held.iter().any(|held| (held.part, held.key) == (note.part, note.key));
            if spans(&&note) && !sounds {
                self.start(&note, tick, tell);
            }
        }
    }

    fn start(&mut self, note: &Note, tick: i64, tell: &mut impl FnMut(Event)) {
        // Only where settings changed can a line still sound: it is one voice, and no key sounds twice.
        self.held.retain(|held| {
            let clashes = held.part == note.part && (note.part != Part::Chords || held.key == note.key);
            if clashes {
                tell(Event::Off(*held));
            }
            !clashes
        });
        let number = self.phrase.number * IDS + self.count;
        self.count += 1;
        let held = Held {
            // The last id means a whole channel.
            id: number.rem_euclid(i64::from(NoteEvent::CHANNEL)) as u32,
            part: note.part,
            key: note.key,
            velocity: note.velocity,
            end: self.grid.start_of(self.phrase.number) + i64::from(note.end()),
            footing: self.score.footing(&self.phrase, note),
        };
        if held.end > tick && self.held.try_push(held).is_ok() {
            tell(Event::On(held));
        }
    }
}

/// Whether settings ask for other notes. The tempo only moves what a hand is late by; what has been composed
/// keeps the one it began with.
fn differ(a: &Settings, b: &Settings) -> bool {
    (a.key, a.intensity, a.seed) != (b.key, b.intensity, b.seed)
}
