//! Notes in: from the host's events to notes with ids of their own. Audio thread; fixed capacity.

use arrayvec::ArrayVec;
use auralis_graph::note::{NoteEvent, NoteKind};
use nice_plug::midi::{Channel, Key, VoiceID};
use nice_plug::prelude::{NoteEvent as HostEvent, control_change};

/// Keys that can be held at once.
const HELD: usize = 256;
/// Semitones of a full pitch bend, until somebody says otherwise.
const BEND: f32 = 2.0;
/// The same for the channels of single notes (MPE specification 1.1, section 2.4).
const MPE_BEND: f32 = 48.0;

/// The keys that are held, and how channels bend.
pub struct Keys {
    held: ArrayVec<Held, HELD>,
    next: u32,
    /// Semitones of a full bend of each channel.
    reach: [f32; 16],
    /// The registered parameter that each channel has chosen.
    chosen: [(u8, u8); 16],
    /// What was last said of whole channels.
    channels: [Whole; 16],
}

/// What holds for all notes of a channel, as far as it was said.
#[derive(Debug, Clone, Copy, Default)]
struct Whole {
    sustain: Option<f32>,
    bend: Option<f32>,
    pressure: Option<f32>,
    timbre: Option<f32>,
}

/// A key that is held.
#[derive(Debug, Clone, Copy)]
struct Held {
    voice: Option<i32>,
    channel: u8,
    key: u8,
    velocity: f32,
    id: u32,
}

impl Keys {
    /// Nothing is held.
    pub fn new() -> Self {
        Self {
            held: ArrayVec::new(),
            next: 0,
            reach: [BEND; 16],
            chosen: [(127, 127); 16],
            channels: [Whole::default(); 16],
        }
    }

    /// Nothing is held any more. How far channels bend stays: a controller says that once.
    pub fn forget(&mut self) {
        self.held.clear();
        self.channels = [Whole::default(); 16];
    }

    /// What is held is struck again, for a graph that does not know of it.
    pub fn strike(&self, mut send: impl FnMut(NoteEvent)) {
        for (channel, said) in (0..).zip(&self.channels) {
            let kinds = [
                said.sustain.map(NoteKind::Sustain),
                said.bend.map(NoteKind::Bend),
                said.pressure.map(NoteKind::Pressure),
                said.timbre.map(NoteKind::Timbre),
            ];
            kinds.into_iter().flatten().for_each(|kind| send(whole(channel, kind)));
        }
        for held in &self.held {
            send(NoteEvent::on(0, held.channel, held.id, f32::from(held.key), held.velocity));
        }
    }

    /// Takes an event of the host's, and sends what it means; numbers that are none mean nothing.
    pub fn take(&mut self, event: &HostEvent<()>, mut send: impl FnMut(NoteEvent)) {
        let mut send = |event: NoteEvent| {
            let sane = match event.kind {
                NoteKind::Pressure(x) | NoteKind::Timbre(x) | NoteKind::Sustain(x) => {
                    (0.0..=1.0).contains(&x)
                }
                NoteKind::Bend(x) => (-120.0..=120.0).contains(&x),
                _ => true,
            };
            if sane {
                send(event);
            }
        };
        match *event {
            HostEvent::NoteOn { voice_id, channel, key: Key::Number(key), velocity, .. } => {
                self.press(voice_id, channel.number().unwrap_or(0) & 15, key, velocity, &mut send);
            }
            HostEvent::NoteOff { voice_id, channel, key, velocity, .. } => {
                self.lift((voice_id, channel, key), velocity, &mut send);
            }
            HostEvent::Choke { voice_id, channel, key, .. } => {
                self.lift((voice_id, channel, key), 1.0, &mut send);
            }
            HostEvent::PolyPressure { voice_id, channel, key, pressure, .. } => {
                self.express((voice_id, channel, key), NoteKind::Pressure(pressure), &mut send);
            }
            HostEvent::PolyTuning { voice_id, channel, key, tuning, .. } => {
                self.express((voice_id, channel, key), NoteKind::Bend(tuning), &mut send);
            }
            HostEvent::PolyBrightness { voice_id, channel, key, brightness, .. } => {
                self.express((voice_id, channel, key), NoteKind::Timbre(brightness), &mut send);
            }
            HostEvent::MidiChannelPressure { channel, pressure, .. } => {
                self.channels[usize::from(channel & 15)].pressure = Some(pressure);
                send(whole(channel, NoteKind::Pressure(pressure)));
            }
            HostEvent::MidiPitchBend { channel, value, .. } => {
                let index = usize::from(channel & 15);
                let bend = (value * 2.0 - 1.0) * self.reach[index];
                self.channels[index].bend = Some(bend);
                send(whole(channel, NoteKind::Bend(bend)));
            }
            HostEvent::MidiCC { channel, cc, value, .. } => self.control(channel & 15, cc, value, &mut send),
            _ => {}
        }
    }

    fn press(
        &mut self,
        voice: VoiceID,
        channel: u8,
        key: u8,
        velocity: f32,
        send: &mut impl FnMut(NoteEvent),
    ) {
        let velocity = if velocity.is_nan() { 0.0 } else { velocity.clamp(0.0, 1.0) };
        let id = self.next;
        self.next = (self.next + 1) % NoteEvent::CHANNEL;
        if self.held.is_full() {
            // More keys than hands have: the oldest is let go, so that none hangs.
            let oldest = self.held.remove(0);
            send(NoteEvent::off(0, oldest.channel, oldest.id));
        }
        self.held.push(Held { voice: voice.id(), channel, key, velocity, id });
        send(NoteEvent::on(0, channel, id, f32::from(key), velocity));
    }

    fn lift(&mut self, which: (VoiceID, Channel, Key), velocity: f32, send: &mut impl FnMut(NoteEvent)) {
        self.held.retain(|held| {
            let meant = held.is_meant(which);
            if meant {
                let kind = NoteKind::Off { velocity };
                send(NoteEvent { offset: 0, channel: held.channel, id: held.id, kind });
            }
            !meant
        });
    }

    fn express(&self, which: (VoiceID, Channel, Key), kind: NoteKind, send: &mut impl FnMut(NoteEvent)) {
        for held in self.held.iter().filter(|held| held.is_meant(which)) {
            send(NoteEvent { offset: 0, channel: held.channel, id: held.id, kind });
        }
    }

    fn control(&mut self, channel: u8, cc: u8, value: f32, send: &mut impl FnMut(NoteEvent)) {
        let number = (value * 127.0).round() as u8;
        let index = usize::from(channel);
        match cc {
            control_change::DAMPER_PEDAL => {
                self.channels[index].sustain = Some(value);
                send(whole(channel, NoteKind::Sustain(value)));
            }
            control_change::SOUND_CONTROLLER_5 => {
                self.channels[index].timbre = Some(value);
                send(whole(channel, NoteKind::Timbre(value)));
            }
            control_change::REGISTERED_PARAMETER_NUMBER_MSB => self.chosen[index].0 = number,
            control_change::REGISTERED_PARAMETER_NUMBER_LSB => self.chosen[index].1 = number,
            control_change::DATA_ENTRY_MSB => match self.chosen[index] {
                (0, 0) => self.reach[index] = f32::from(number.min(96)),
                // The MPE configuration message: a zone of so many channels above, or below, its master's.
                (0, 6) => {
                    for nth in 1..=number.min(15) {
                        let member = if channel == 0 { nth } else { 15_u8.saturating_sub(nth) };
                        self.reach[usize::from(member)] = MPE_BEND;
                    }
                }
                _ => {}
            },
            control_change::ALL_SOUND_OFF | control_change::ALL_NOTES_OFF => {
                let all = (VoiceID::Wildcard, Channel::Number(channel), Key::Wildcard);
                self.lift(all, 0.5, send);
                send(NoteEvent::release_all(0, channel));
            }
            _ => {}
        }
    }
}

impl Held {
    /// Whether an event is about this: by its voice, if it names one that is known, else by channel and key.
    fn is_meant(&self, (voice, channel, key): (VoiceID, Channel, Key)) -> bool {
        if let (Some(wanted), Some(own)) = (voice.id(), self.voice) {
            return wanted == own;
        }
        channel.number().is_none_or(|channel| channel == self.channel)
            && key.number().is_none_or(|key| key == self.key)
    }
}

fn whole(channel: u8, kind: NoteKind) -> NoteEvent {
    NoteEvent { offset: 0, channel: channel & 15, id: NoteEvent::CHANNEL, kind }
}
