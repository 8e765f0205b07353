//! The audio half of `soundfont`: turns note events into what rustysynth understands, block by block. Audio thread,
//! but for its making; never allocates, and never lets a key hang.

use super::REVERB_LEVEL;
use super::config::SoundfontConfig;
use super::font::Font;
use super::reverb::Reverb;
use auralis_graph::dsp::QUANTUM;
use auralis_graph::engine::{Context, Io, Param};
use auralis_graph::note::{NoteEvent, NoteKind};
use auralis_graph::{NodeError, Processor, Status, Voices};
use rustysynth::{Synthesizer, SynthesizerSettings};
use std::sync::Arc;

/// Notes that can be held at once; the oldest makes room.
const MOST_HELD: usize = 256;

/// Semitones of a full pitch bend.
const BEND_RANGE: i32 = 48;

/// Level of rustysynth's output: with it a chord of four at velocity 0.7 lies between -20 and -24 dBFS in the shipped
/// font, its attack 12 dB higher.
const LEVEL: f32 = 1.4;

/// Gain at which rustysynth runs; its output is turned down by as much. It drops what is below -60 dB and ramps
/// gains only in steps above that: so both happen below -96 dB instead. A power of two, so that no bit is lost.
const SCALE: f32 = 64.0;

/// Seconds in which the voices of the shipped font have died away after the last note.
const RINGING: f64 = 12.0;

/// Seconds of silence that a sample may hold within itself.
const PAUSE: f64 = 0.5;

/// A note that has begun and not ended.
#[derive(Debug, Clone, Copy)]
struct Held {
    id: u32,
    channel: u8,
    key: u8,
}

/// What a channel may do without leaving its samples.
#[derive(Debug, Clone, Copy)]
struct Channel {
    /// Bank and program as rustysynth is to be told.
    bank: i32,
    program: i32,
    /// Highest key that is played.
    highest_key: i32,
    /// Highest bend in semitones, at any key.
    highest_bend: f32,
}

/// Plays a font.
pub struct Player {
    synthesizer: Synthesizer,
    /// Keeps the font on the shelf for others.
    _font: Arc<Font>,
    channels: [Channel; 16],
    held: Vec<Held>,
    /// Voices that rustysynth has.
    voices: usize,
    /// How many notes sound. rustysynth does not say how many voices they have, nor how many of them ring on.
    count: Option<Voices>,
    pedals: [bool; 16],
    block: usize,
    /// Whether voices may still sound.
    awake: bool,
    /// Quanta of silence in a row.
    quiet: usize,
    /// Quanta of silence after which no voice is taken to be alive.
    patience: usize,
    reverb: Reverb,
    sample_rate: f64,
}

impl Player {
    /// A player of a font.
    ///
    /// # Errors
    /// If the font lacks a program, or rustysynth cannot run at the rate.
    pub fn new(
        font: Arc<Font>,
        config: &SoundfontConfig,
        count: Option<Voices>,
        sample_rate: u32,
    ) -> Result<Self, NodeError> {
        let mut settings = SynthesizerSettings::new(sample_rate as i32);
        settings.block_size = config.precision as usize;
        settings.maximum_polyphony = config.voices as usize;
        settings.enable_reverb_and_chorus = false;
        let synthesizer = Synthesizer::new(&font.sound, &settings)
            .map_err(|error| NodeError::new(format!("rustysynth cannot play this: {error}")))?;
        let mut channels = [Channel { bank: 0, program: 0, highest_key: -1, highest_bend: 0.0 }; 16];
        for (number, channel) in channels.iter_mut().enumerate() {
            let (bank, program) = config.program_of(number as u8);
            let found = font.program(bank as u16, program as u16);
            let found = found.ok_or_else(|| config.lacks(number as u8, &font.name))?;
            let pitch = font.highest_pitch(found, sample_rate);
            let key = pitch.floor().clamp(-1.0, 127.0);
            // rustysynth adds 128 to the bank of what General MIDI calls the drum channel.
            let offset = if number == Synthesizer::PERCUSSION_CHANNEL { 128 } else { 0 };
            *channel = Channel {
                bank: bank as i32 - offset,
                program: program as i32,
                highest_key: key as i32,
                highest_bend: (pitch - key).clamp(0.0, f64::from(BEND_RANGE)) as f32,
            };
        }
        let mut player = Self {
            synthesizer,
            _font: font,
            channels,
            held: Vec::with_capacity(MOST_HELD),
            voices: config.voices as usize,
            count,
            pedals: [false; 16],
            block: config.precision as usize,
            awake: false,
            quiet: 0,
            patience: (PAUSE * f64::from(sample_rate)) as usize / QUANTUM,
            reverb: Reverb::new(config.reverb_size, config.reverb_damping, sample_rate),
            sample_rate: f64::from(sample_rate),
        };
        player.reset();
        Ok(player)
    }

    /// Frames for which it sounds after its last note.
    pub fn tail(&self) -> u64 {
        ((RINGING + 2.0 * self.reverb.time()) * self.sample_rate) as u64
    }

    fn send(&mut self, channel: u8, command: i32, data1: i32, data2: i32) {
        self.synthesizer.process_midi_message(i32::from(channel), command, data1, data2);
    }

    fn event(&mut self, event: &NoteEvent) {
        let channel = event.channel.min(15);
        match event.kind {
            NoteKind::On { key, velocity } => self.on(event.id, channel, key, velocity),
            NoteKind::Off { .. } => {
                if let Some(place) = self.held.iter().position(|held| held.id == event.id) {
                    let ended = self.held.remove(place);
                    self.release(ended);
                }
            }
            NoteKind::Pressure(value) if self.concerns_channel(event, channel) => {
                self.send(channel, 0xB0, 0x01, unit(value));
            }
            NoteKind::Bend(semitones) if self.concerns_channel(event, channel) => {
                let highest = self.channels[usize::from(channel)].highest_bend;
                let range = BEND_RANGE as f32;
                let semitones = if semitones.is_finite() { semitones.clamp(-range, highest) } else { 0.0 };
                let bend = ((semitones / range * 8192.0).round() as i32 + 8192).clamp(0, 16_383);
                self.send(channel, 0xE0, bend & 0x7F, bend >> 7);
            }
            // rustysynth has no brightness, and a note's own bend or pressure would move its neighbours.
            NoteKind::Timbre(_) | NoteKind::Pressure(_) | NoteKind::Bend(_) => {}
            NoteKind::Sustain(value) => self.pedal(channel, value >= 0.5),
            NoteKind::ReleaseAll => {
                self.held.retain(|held| held.channel != channel);
                self.synthesizer.note_off_all_channel(i32::from(channel), false);
                // Whoever held the pedal is gone.
                self.pedal(channel, false);
            }
        }
    }

    fn on(&mut self, id: u32, channel: u8, key: f32, velocity: f32) {
        // A saturating cast: NaN is key 0, and what is out of range is clamped.
        let key = key.round().clamp(0.0, 127.0) as u8;
        if i32::from(key) > self.channels[usize::from(channel)].highest_key {
            return;
        }
        self.thin(MOST_HELD - 1);
        if self.held.iter().any(|held| (held.channel, held.key) == (channel, key)) {
            self.synthesizer.note_off(i32::from(channel), i32::from(key));
        }
        self.held.push(Held { id, channel, key });
        self.synthesizer.note_on(i32::from(channel), i32::from(key), unit(velocity).max(1));
        self.awake = true;
    }

    /// Says how many notes sound: those that are held, and one at least while any rings.
    fn tell(&self) {
        if let Some(count) = &self.count {
            count.sound(self.held.len().max(usize::from(self.awake && self.quiet == 0)));
        }
    }

    /// Ends a key, unless another note holds it.
    fn release(&mut self, ended: Held) {
        if !self.held.iter().any(|held| (held.channel, held.key) == (ended.channel, ended.key)) {
            self.synthesizer.note_off(i32::from(ended.channel), i32::from(ended.key));
        }
    }

    /// Lets no more than so many keys sound on, of those held the longest.
    fn thin(&mut self, most: usize) {
        while self.held.len() > most {
            let oldest = self.held.remove(0);
            self.release(oldest);
        }
    }

    fn pedal(&mut self, channel: u8, down: bool) {
        self.pedals[usize::from(channel)] = down;
        self.send(channel, 0xB0, 0x40, if down { 127 } else { 0 });
    }

    /// Whether an event may move a whole channel: it says so, or its note is the only one held there.
    fn concerns_channel(&self, event: &NoteEvent, channel: u8) -> bool {
        if event.id == NoteEvent::CHANNEL {
            return true;
        }
        let mut of_channel = self.held.iter().filter(|held| held.channel == channel);
        of_channel.next().is_some_and(|held| held.id == event.id) && of_channel.next().is_none()
    }
}

/// A MIDI value of 7 bits.
fn unit(value: f32) -> i32 {
    (value * 127.0).round().clamp(0.0, 127.0) as i32
}

impl Processor for Player {
    fn process(&mut self, cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        let most = cx.voices(self.voices);
        if most < self.voices {
            self.thin(most);
        }
        let (notes, level) = (io.notes(0), io.param(REVERB_LEVEL));
        let dry = matches!(level, Param::Constant(0.0));
        if dry {
            self.reverb.clear();
        }
        if notes.is_empty() && !self.awake && self.reverb.is_empty() {
            return Status::Asleep;
        }
        let mut output = io.output(0);
        let (left, right) = output.stereo();
        let mut waiting = notes.iter().peekable();
        for start in (0..QUANTUM).step_by(self.block) {
            let end = start + self.block;
            while let Some(event) = waiting.next_if(|event| event.frame() < end) {
                self.event(event);
            }
            if self.awake {
                self.synthesizer.render(&mut left[start..end], &mut right[start..end]);
            } else {
                left[start..end].fill(0.0);
                right[start..end].fill(0.0);
            }
        }
        let mut silent = true;
        for frame in left.iter_mut().chain(right.iter_mut()) {
            *frame *= 1.0 / SCALE;
            silent &= *frame == 0.0;
        }
        self.quiet = if silent { self.quiet + 1 } else { 0 };
        // Without a note or a pedal that holds one, voices that stay silent have ended.
        if self.quiet >= self.patience && self.held.is_empty() && !self.pedals.contains(&true) {
            self.synthesizer.note_off_all(true);
            self.awake = false;
        }
        self.tell();
        if dry || (silent && self.reverb.is_empty()) {
            return if silent { Status::Silent } else { Status::Active };
        }
        self.reverb.add(left, right, |frame| level.at(frame), silent);
        Status::Active
    }

    fn reset(&mut self) {
        self.synthesizer.reset();
        self.synthesizer.set_master_volume(LEVEL * SCALE);
        self.held.clear();
        self.pedals = [false; 16];
        self.awake = false;
        self.quiet = 0;
        self.tell();
        self.reverb.clear();
        for number in 0..16u8 {
            let Channel { bank, program, .. } = self.channels[usize::from(number)];
            self.send(number, 0xB0, 0x00, bank);
            self.send(number, 0xC0, program, 0);
            // Registered parameter 0 is the range of the pitch bend.
            for (controller, value) in [(0x65, 0), (0x64, 0), (0x06, BEND_RANGE), (0x26, 0)] {
                self.send(number, 0xB0, controller, value);
            }
        }
    }
}

#[cfg(test)]
impl Player {
    /// Plays notes from the lowest to the highest key, bent as far as they go. Returns the loudest sample.
    pub fn trial(&mut self) -> f32 {
        let (mut left, mut right) = ([0.0; 256], [0.0; 256]);
        let mut loudest = 0.0f32;
        for (id, key) in [0.0, 30.0, 60.0, 65.0, 100.0, 127.0].into_iter().enumerate() {
            let on = NoteEvent::on(0, 0, id as u32, key, if id % 2 == 0 { 1.0 } else { 0.4 });
            let bend = if id % 2 == 0 { 48.0 } else { -48.0 };
            let whole = |kind| NoteEvent { offset: 0, channel: 0, id: NoteEvent::CHANNEL, kind };
            for event in [on, whole(NoteKind::Bend(bend)), whole(NoteKind::Pressure(1.0))] {
                self.event(&event);
            }
            self.synthesizer.render(&mut left, &mut right);
            self.event(&NoteEvent::off(0, 0, id as u32));
            self.synthesizer.render(&mut left, &mut right);
            let both = left.iter().chain(&right);
            loudest = both
                .fold(loudest, |loudest, x| if x.is_finite() { loudest.max(x.abs()) } else { f32::INFINITY });
        }
        loudest / SCALE
    }
}
