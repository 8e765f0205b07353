//! What renders a station: ahead of the clock by a few chunks, never faster, and fading when the preset changes. A thread
//! of the pool does it chunk by chunk.

use super::clock::Clock;
use super::control::Wishes;
use super::lead::Lead;
use super::levels::Gauge;
use super::playing::{Coming, Playing};
use super::{Current, Fault, Shared, lock, now_micros};
use crate::delivery::Taps;
use crate::pool::{self, Next};
use auralis_graph::command::{Change, Report, STALLED, WAITED, When, describe_relief};
use auralis_graph::controller::ControlError;
use auralis_graph::journal::{Entry, JournalChange};
use auralis_graph::packet::{Packet, PacketFormat};
use auralis_nodes::ring_buffer::ChunkWriter;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

/// Seconds over which one preset fades into the next.
const FADE: f64 = 2.0;

/// What it works with.
pub struct Work {
    shared: Arc<Shared>,
    playing: Box<Playing>,
    fading: Option<Fade>,
    frames: usize,
    pcm: ChunkWriter,
    taps: Taps,
    samples: Vec<i16>,
    other: Vec<i16>,
    bytes: Vec<u8>,
    /// The station's first chunk, and the first since nobody heard it.
    begun: u64,
    first: u64,
    /// Whether wishes were handed to the engine in this chunk.
    granted: bool,
    /// The phrase of the last update, and updates that wait until their chunk is heard.
    phrase: i64,
    announce: Option<u64>,
    gauge: Gauge,
    clock: Clock,
    lead: Lead,
}

/// The preset that comes, and how far it has come.
struct Fade {
    next: Box<Playing>,
    done: usize,
}

impl Work {
    /// Renders `playing` in chunks of so many frames.
    pub fn new(shared: Arc<Shared>, playing: Playing, frames: usize) -> Self {
        let pcm = shared.pcm.writer();
        let first = shared.pcm.written();
        let start = instant_of(shared.due_micros(first));
        let clock = Clock::new(start, first, frames, shared.pcm.sample_rate());
        let lead = Lead::new(shared.pcm.seconds_per_chunk() * 1000.0, shared.pcm.capacity());
        Self {
            clock,
            lead,
            shared,
            begun: first,
            first,
            // What waited before a start waits on.
            granted: true,
            playing: Box::new(playing),
            fading: None,
            frames,
            pcm,
            taps: Taps::default(),
            samples: Vec::with_capacity(frames * 2),
            other: Vec::with_capacity(frames * 2),
            bytes: Vec::with_capacity(frames * 4),
            phrase: -1,
            announce: None,
            gauge: Gauge::default(),
        }
    }

    /// Follows the clock, which may have left chunks out while nobody heard them. Returns the chunk that is due.
    fn follow_clock(&mut self, now: Instant) -> u64 {
        let written = self.shared.pcm.written();
        let missing = self.clock.stall(now, written);
        if missing > 0 {
            let late = now_micros() - self.shared.due_micros(written);
            self.shared.epoch.fetch_add(late, Ordering::Relaxed);
            self.shared.current().keeper.delay(late);
        }
        // Before the first chunk nobody misses anything.
        if missing > 0 && written > self.first {
            self.shared.stats.underrun(missing);
            self.lead.underrun(now);
            let ready = self.lead.chunks(now);
            tracing::warn!("rendering is {missing} chunks late; {ready} lie ready from now on");
            let text = format!("the station's buffer ran empty: {missing} chunks come late");
            self.shared.tell_all(&Fault::BufferUnderrun.message(&text));
        }
        let live = self.clock.live(now);
        self.shared.pcm.set_live(live);
        live
    }

    /// Goes to where the piece is by now: time went on while nobody heard it. Where it cannot be taken up there, it goes
    /// on where it was.
    fn wake_up(&mut self, now: Instant) {
        let shared = Arc::clone(&self.shared);
        let index = self.clock.live(now).max(shared.pcm.written());
        let current = shared.current();
        match shared.resume_at(&current, index) {
            Ok(resumed) => {
                self.playing.begin(&resumed.start);
                *lock(&shared.wishes) = Wishes::of(&current.id, &resumed);
                self.granted = true;
            }
            Err(error) => tracing::error!("{} goes on where it was: {error}", current.id),
        }
        self.pcm.skip_to(&shared.pcm, index);
        shared.pcm.set_live(index);
        self.lead.pause();
        (self.first, self.phrase) = (index, -1);
    }

    /// Whether nobody hears the station, nor will soon; then it sleeps.
    fn falls_asleep(&mut self) -> bool {
        if self.fading.is_some() || !self.shared.sleep.begins() {
            return false;
        }
        self.shared.pcm.set_live(self.shared.pcm.written());
        // Nobody who comes later begins with what was heard last.
        self.shared.pcm.clear();
        self.shared.audience.outlets.clear();
        // With no further chunk goes what was mentioned.
        self.shared.audience.announce();
        true
    }
}

impl pool::Work for Work {
    fn step(&mut self) -> Next {
        let now = Instant::now();
        if self.shared.is_asleep() {
            self.wake_up(now);
            // Who waits for it changes what is there now, not what waking up would take for granted.
            self.shared.sleep.end();
        }
        let live = self.follow_clock(now);
        self.announce_phrase(live);
        self.take_next();
        if self.falls_asleep() {
            return Next::Woken;
        }
        let ahead = self.lead.chunks(now);
        if self.shared.pcm.written() < live + ahead {
            self.chunk();
            self.lead.written(Instant::now());
            self.shared.stats.chunk(now.elapsed().as_secs_f64() * 1e6);
        }
        let written = self.shared.pcm.written();
        let moment = if written < live + ahead { now } else { self.clock.due(written + 1 - ahead) };
        Next::From { moment, due: self.clock.due(written) }
    }

    fn failed(&mut self) {
        self.shared.running.store(false, Ordering::Release);
        tracing::error!("rendering failed: the station is silent");
        self.shared.tell_all(&Fault::SynthesisFailed.message("rendering has stopped; the station is silent"));
    }
}

impl Work {
    /// Renders, encodes and publishes one chunk.
    fn chunk(&mut self) {
        self.send_wishes();
        self.gauge.tend(&self.shared);
        let index = self.shared.pcm.written();
        let (shared, gauge, fades) = (&self.shared, &mut self.gauge, self.fading.is_some());
        self.playing.render(self.frames, &mut self.samples, |quanta| {
            // While presets change, the one that comes is watched.
            if !fades {
                gauge.after_quantum(shared, index, quanta);
            }
        });
        self.fade(index);
        self.hear_reports();
        if std::mem::take(&mut self.granted) {
            self.shared.keep_wishes();
        }
        self.bytes.clear();
        self.bytes.extend(self.samples.iter().flat_map(|sample| sample.to_le_bytes()));
        let (frame, frames) = (index * self.frames as u64, self.frames as u32);
        let format = PacketFormat::Pcm16;
        let packet = Packet { format, index, frame, frames, channels: 2, bytes: &self.bytes };
        let _kept = self.pcm.write(&self.shared.pcm, &packet);
        let shared = &self.shared;
        self.taps.pour(&shared.audience.outlets, &shared.pcm, |index| shared.due_micros(index));
        self.note_phrase(index);
        self.shared.written.send_replace(self.shared.pcm.written());
        self.shared.audience.announce();
    }

    /// Tells the engine of the controls that were moved, and of the changes that listeners wish for just before the
    /// moment at which the composer takes them.
    fn send_wishes(&mut self) {
        let moved = lock(&self.shared.wishes).take_moved();
        let controller = self.shared.current().controller;
        for (name, value) in moved {
            // The names were checked; an edit may have taken one away since, then it is of no use.
            if controller.set_control(&name, value, When::Now) == Err(ControlError::Full) {
                lock(&self.shared.wishes).keep_moved(name, value);
            }
        }
        let leading = self.leading();
        let tick = leading.tick();
        let at = self.shared.grid().next_change(tick);
        if at as f64 >= tick + leading.reach(self.frames) {
            return;
        }
        let settings = lock(&self.shared.wishes).take_settings();
        self.granted |= !settings.is_empty();
        for setting in settings {
            if let Err(error) = controller.set(setting, When::Tick(at)) {
                tracing::error!("a change of {setting:?} is lost: {error}");
                let text = format!("a change was lost, the last settings go on: {error}");
                self.shared.tell_all(&Fault::GenerationError.message(&text));
            }
        }
    }

    /// What plays, or comes.
    fn leading(&self) -> &Playing {
        self.fading.as_ref().map_or(&self.playing, |fade| &fade.next)
    }

    fn take_next(&mut self) {
        if self.fading.is_some() {
            return;
        }
        let index = self.shared.pcm.written();
        let next = lock(&self.shared.next).take_if(|next| next.at <= index);
        if let Some(Coming { playing, current, resumed, with, .. }) = next {
            if current.edition == 0 {
                lock(&self.shared.history).clear();
            }
            let begun = self.shared.due_micros(index) - (resumed.seconds * 1e6).round() as i64;
            current.keeper.place(begun, self.shared.settings.epoch);
            let mut wishes = Wishes::of(&current.id, &resumed);
            wishes.wish(&with, &current.id);
            *lock(&self.shared.wishes) = wishes;
            *lock(&self.shared.current) = current;
            lock(&self.shared.muted).clear();
            self.shared.stats.relief.store(0, Ordering::Relaxed);
            self.fading = Some(Fade { next: playing, done: 0 });
            self.phrase = -1;
            // What waits came with it.
            self.granted = true;
        }
    }

    /// Mixes the coming preset in at equal power; at the end it is the one that plays.
    fn fade(&mut self, index: u64) {
        let Some(mut fade) = self.fading.take() else { return };
        let (shared, gauge) = (&self.shared, &mut self.gauge);
        fade.next.render(self.frames, &mut self.other, |quanta| gauge.after_quantum(shared, index, quanta));
        let total = (FADE * f64::from(self.shared.pcm.sample_rate())) as usize;
        for (frame, (old, new)) in
            self.samples.chunks_exact_mut(2).zip(self.other.chunks_exact(2)).enumerate()
        {
            let way = ((fade.done + frame) as f32 / total as f32).min(1.0);
            let (sin, cos) = (way * std::f32::consts::FRAC_PI_2).sin_cos();
            for (old, new) in old.iter_mut().zip(new) {
                let mixed = f32::from(*old) * cos + f32::from(*new) * sin;
                *old = auralis_nodes::encoder::to_i16(mixed / 32_767.0);
            }
        }
        fade.done += self.frames;
        if fade.done < total {
            self.fading = Some(fade);
            return;
        }
        let old = std::mem::replace(&mut self.playing, fade.next);
        // Its files are closed and its memory given back where nobody waits for it.
        std::thread::spawn(move || drop(old));
    }

    fn hear_reports(&self) {
        let current = self.shared.current();
        current.keeper.miss(current.controller.lost_reports());
        while let Some(report) = current.controller.report() {
            if let Some(entry) = entry_of(&current, report) {
                current.keeper.note(entry);
            }
            match report {
                Report::Failed { node, failure, .. } => {
                    let name = current.controller.node_name(node);
                    let text = format!("the node `{name}` is silent until it is edited: {failure}");
                    tracing::error!("{text}");
                    self.shared.stats.fault();
                    lock(&self.shared.muted).insert(name.to_string());
                    self.shared.tell_all(&Fault::SynthesisFailed.message(&text));
                }
                Report::Relieved { steps, .. } => {
                    tracing::warn!("{}", describe_relief(steps));
                    if steps > self.shared.stats.relief.swap(steps, Ordering::Relaxed) {
                        self.shared.tell_all(&Fault::SynthesisFailed.message(describe_relief(steps)));
                    }
                }
                // Nobody hears it before the lead is used up: then that is told.
                Report::Stalled { .. } => tracing::warn!("{STALLED}"),
                Report::Waited { .. } => tracing::warn!("{WAITED}"),
                Report::Applied { .. } | Report::Resumed { .. } => {}
            }
        }
    }

    /// Notes that a phrase began in a chunk; listeners are told when they hear it. The station's first phrase is
    /// no news: who joins is told what plays.
    fn note_phrase(&mut self, index: u64) {
        let phrase = self.shared.grid().phrase_at(self.leading().tick() as i64).max(0);
        if phrase != self.phrase {
            self.phrase = phrase;
            self.shared.phrases.store(phrase as u64 + 1, Ordering::Relaxed);
            // Who comes is told what plays.
            self.announce = (index > self.begun).then_some(index);
        }
    }

    fn announce_phrase(&mut self, live: u64) {
        if self.announce.is_some_and(|index| index <= live) {
            self.announce = None;
            self.shared.mention_update();
        }
    }
}

/// What the journal has to say of a report.
fn entry_of(current: &Current, report: Report) -> Option<Entry> {
    let Report::Applied { tick, change, edition, .. } = report else { return None };
    let change = match change {
        Change::Setting(setting) => JournalChange::Setting(setting),
        Change::Control { index, value } => {
            let name = current.controller.control_of(edition, index)?.name.clone();
            JournalChange::Control { name, value }
        }
        _ => return None,
    };
    Some(Entry { tick, change })
}

/// The moment of a time in microseconds since the Unix epoch.
fn instant_of(micros: i64) -> Instant {
    let (now, ahead) = (Instant::now(), micros - now_micros());
    let distance = Duration::from_micros(ahead.unsigned_abs());
    if ahead < 0 { now.checked_sub(distance).unwrap_or(now) } else { now + distance }
}
