//! The audio half of `sampler`: voices and what happens to them. Audio thread, but for its making; never allocates.

use super::config::SamplerConfig;
use super::kernel::{FASTEST, kernel, kernels};
use super::sound::Sound;
use super::voice::Voice;
use super::{ATTACK, RELEASE, TUNE, VELOCITY};
use auralis_graph::dsp::{QUANTUM, exp2};
use auralis_graph::engine::{Context, Io, Param};
use auralis_graph::note::{NoteEvent, NoteKind};
use auralis_graph::{Processor, Status, Voices};
use std::ops::RangeInclusive;
use std::sync::Arc;

/// Voices that fade out beside those that play, after they gave way.
const FADING: usize = 16;

/// Seconds in which a voice that gives way fades out.
const GIVE_WAY: f32 = 0.01;

/// Plays a sound.
pub struct Player {
    sound: Arc<Sound>,
    voices: Vec<Voice>,
    /// Voices that may sound, and of these those that may now.
    limit: usize,
    most: usize,
    /// How many do.
    count: Voices,
    one_shot: bool,
    root: f32,
    keys: RangeInclusive<f32>,
    sample_rate: f32,
    /// Notes started since reset.
    age: u64,
    bends: [f32; 16],
    pedals: [bool; 16],
}

impl Player {
    /// A player of a sound.
    pub fn new(sound: Arc<Sound>, config: &SamplerConfig, count: Voices, sample_rate: u32) -> Self {
        // Make the tables now, not on the audio thread.
        kernels();
        let most = config.voices as usize;
        Self {
            sound,
            voices: Vec::with_capacity(most + FADING),
            limit: most,
            most,
            count,
            one_shot: config.one_shot,
            root: config.root.0 as f32,
            keys: config.lowest.0 as f32..=config.highest.0 as f32,
            sample_rate: sample_rate as f32,
            age: 0,
            bends: [0.0; 16],
            pedals: [false; 16],
        }
    }

    fn event(&mut self, event: &NoteEvent, io: &Io<'_>) {
        let channel = event.channel.min(15);
        let release = io.param(RELEASE).at(event.frame()) * self.sample_rate;
        let whole = event.id == NoteEvent::CHANNEL;
        let concerned =
            |voice: &&mut Voice| if whole { voice.channel == channel } else { voice.id == event.id };
        match event.kind {
            // A key between two belongs to the nearer, so that ranges that adjoin leave no gap.
            NoteKind::On { key, .. } if !self.keys.contains(&key.round()) => {}
            NoteKind::On { key, velocity } => {
                let attack = io.param(ATTACK).at(event.frame()) * self.sample_rate;
                let follow = io.param(VELOCITY).at(event.frame());
                let velocity = velocity.clamp(0.0, 1.0);
                let gain = 1.0 - follow + follow * velocity * velocity;
                self.make_room();
                let semitones = key - self.root;
                self.age += 1;
                self.voices.push(Voice::new(event.id, channel, self.age, semitones, gain, attack));
            }
            NoteKind::Off { .. } if !self.one_shot => {
                let pedal = self.pedals[usize::from(channel)];
                for voice in self.voices.iter_mut().filter(|voice| voice.id == event.id && voice.is_held()) {
                    if pedal { voice.pedalled = true } else { voice.release(release) }
                }
            }
            NoteKind::Bend(semitones) => {
                let semitones = if semitones.is_finite() { semitones.clamp(-48.0, 48.0) } else { 0.0 };
                if whole {
                    self.bends[usize::from(channel)] = semitones;
                } else {
                    self.voices.iter_mut().filter(concerned).for_each(|voice| voice.bend = semitones);
                }
            }
            NoteKind::Sustain(value) => self.pedal(channel, value >= 0.5, release),
            NoteKind::ReleaseAll => {
                let of_channel = self.voices.iter_mut().filter(|voice| voice.channel == channel);
                of_channel.for_each(|voice| voice.release(release));
                // Whoever held the pedal is gone.
                self.pedals[usize::from(channel)] = false;
            }
            NoteKind::Off { .. } | NoteKind::Pressure(_) | NoteKind::Timbre(_) => {}
        }
    }

    fn pedal(&mut self, channel: u8, down: bool, release: f32) {
        self.pedals[usize::from(channel)] = down;
        if !down {
            let waiting = self.voices.iter_mut().filter(|voice| voice.channel == channel && voice.pedalled);
            waiting.for_each(|voice| voice.release(release));
        }
    }

    /// Sees that one more voice can start: the oldest that is released, else the oldest, fades at once.
    fn make_room(&mut self) {
        self.thin(self.most.saturating_sub(1));
        if self.voices.len() == self.voices.capacity() {
            // More notes at once than can fade: the quietest of those that do is dropped.
            let fading = self.voices.iter().enumerate().filter(|(_, voice)| voice.gave_way());
            let quietest =
                fading.min_by(|a, b| a.1.loudness().total_cmp(&b.1.loudness())).map(|(index, _)| index);
            self.voices.remove(quietest.unwrap_or(0));
        }
    }

    /// Lets no more than so many voices sound: of the others the oldest that are released, else the oldest, fade at once.
    fn thin(&mut self, most: usize) {
        let playing = self.voices.iter().filter(|voice| !voice.gave_way()).count();
        for _ in most..playing {
            let candidates = self.voices.iter_mut().filter(|voice| !voice.gave_way());
            if let Some(voice) = candidates.min_by_key(|voice| (voice.is_held(), voice.age)) {
                voice.give_way(GIVE_WAY * self.sample_rate);
            }
        }
    }

    /// Adds all voices to a stretch of the quantum.
    fn add(&mut self, left: &mut [f32], right: &mut [f32], from: usize, tune: Param<'_>) {
        let base = self.sound.rate / f64::from(self.sample_rate);
        let (sound, bends) = (&self.sound, &self.bends);
        self.voices.retain_mut(|voice| {
            let semitones = voice.semitones + voice.bend + bends[usize::from(voice.channel)];
            let speed = |tune: f32| (base * f64::from(exp2((semitones + tune) * (1.0 / 12.0)))).min(FASTEST);
            let first = speed(tune.at(from));
            let kernel = kernel(first);
            match tune {
                Param::Constant(_) => voice.add(sound, kernel, left, right, |_| first),
                Param::Signal(block) => {
                    voice.add(sound, kernel, left, right, |frame| speed(block[from + frame]))
                }
            }
        });
    }
}

impl Processor for Player {
    fn process(&mut self, cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        self.most = cx.voices(self.limit);
        if self.most < self.limit {
            self.thin(self.most);
        }
        let (notes, tune) = (io.notes(0), io.param(TUNE));
        if notes.is_empty() && self.voices.is_empty() {
            return Status::Asleep;
        }
        let (mut left, mut right) = ([0.0; QUANTUM], [0.0; QUANTUM]);
        let mut from = 0;
        for event in notes {
            let to = event.frame().max(from);
            self.add(&mut left[from..to], &mut right[from..to], from, tune);
            from = to;
            self.event(event, io);
        }
        self.add(&mut left[from..], &mut right[from..], from, tune);
        // Those that have ended are gone, so that it never sleeps with one that counts.
        self.count.sound(self.voices.iter().filter(|voice| !voice.gave_way()).count());
        let mut output = io.output(0);
        let (to_left, to_right) = output.stereo();
        **to_left = left;
        **to_right = right;
        Status::Active
    }

    fn reset(&mut self) {
        self.voices.clear();
        self.count.sound(0);
        self.age = 0;
        self.bends = [0.0; 16];
        self.pedals = [false; 16];
    }
}
