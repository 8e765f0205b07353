//! `envelope`: attack, decay, sustain, release, started by notes. Audio thread.

use crate::voice::adsr::{Adsr, Envelope as Level, Stride};
use auralis_graph::engine::{Context, Io};
use auralis_graph::note::{NoteEvent, NoteKind};
use auralis_graph::param::ParamSpec;
use auralis_graph::port::{Polarity, PortSpec, Ports};
use auralis_graph::{Node, NodeError, Prepare, Prepared, Processor, Status, Tail};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::any::Any;

/// One envelope for all notes.
pub struct Envelope {
    trigger: Trigger,
    sample_rate: f32,
    adsr: Option<Adsr>,
    stride: Stride,
    level: Level<f32>,
    held: Held,
}

/// Which notes start an attack.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    /// Every note.
    #[default]
    Every,
    /// Only one that comes while no other is held.
    First,
}

/// Structural configuration.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct EnvelopeConfig {
    /// Which notes start an attack: every one, or only the first while others are held.
    trigger: Trigger,
}

const ATTACK: usize = 0;
const DECAY: usize = 1;
const SUSTAIN: usize = 2;
const RELEASE: usize = 3;

/// The longest segment, in seconds.
const LONGEST: f32 = 60.0;

impl Node for Envelope {
    const KIND: &'static str = "envelope";
    const ABOUT: &'static str = "An envelope that notes start: attack, decay, sustain, release.

It moves what has none of its own: the level of a noise, the mix of a reverb, the cutoff of a filter on a bus. It is held
as long as any note is held; the last one that goes releases it. A new attack starts from where the level is, so
there is never a jump. The segments are those of a capacitor: quick at first, then slower.";
    const EXAMPLE: &'static str = "
keys: { type: midi_in }
breath: { type: envelope, in: keys, attack: 0.4, release: 2 }
air: { type: noise, colour: pink, gain: { from: breath, min: -90 dB, max: -18 dB } }
out: { type: output, in: air }";
    const PARAMS: &'static [ParamSpec] = &[
        ParamSpec::seconds("attack", 0.0, LONGEST, 0.01).about("Time from 0 to 1."),
        ParamSpec::seconds("decay", 0.0, LONGEST, 0.5).about("Time from 1 to the sustain level."),
        ParamSpec::ratio("sustain", 0.7).about("Level while a note is held."),
        ParamSpec::seconds("release", 0.0, LONGEST, 0.5).about("Time from 1 to 0 after the last note."),
    ];
    type Config = EnvelopeConfig;

    fn ports(_config: &EnvelopeConfig) -> Ports {
        Ports::new([PortSpec::notes("in")], [PortSpec::control("out", Polarity::Unipolar)])
    }

    fn prepare(config: &EnvelopeConfig, cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        let envelope = Envelope {
            trigger: config.trigger,
            sample_rate: cx.sample_rate as f32,
            adsr: None,
            stride: Stride::default(),
            level: Level { level: 0.0, rising: 0.0 },
            held: Held::new(),
        };
        let tail = (f64::from(LONGEST) * f64::from(cx.sample_rate)) as u64;
        Ok(Prepared::new(envelope).tail(Tail::Frames(tail)))
    }
}

/// Notes that hold the envelope.
struct Held {
    notes: Vec<(u8, u32)>,
    /// Channels whose pedal is down, as bits, and those of them whose pedal holds a note.
    pedals: u16,
    kept: u16,
}

impl Held {
    /// Notes that are told apart; of more the oldest is forgotten.
    const MOST: usize = 256;

    fn new() -> Self {
        Self { notes: Vec::with_capacity(Self::MOST), pedals: 0, kept: 0 }
    }

    fn any(&self) -> bool {
        !self.notes.is_empty() || self.kept != 0
    }

    fn take(&mut self, event: &NoteEvent) {
        let (channel, bit) = (event.channel & 15, 1u16 << (event.channel & 15));
        match event.kind {
            NoteKind::On { .. } => {
                if self.notes.len() == Self::MOST {
                    self.notes.remove(0);
                }
                self.notes.push((channel, event.id));
            }
            NoteKind::Off { .. } => {
                let before = self.notes.len();
                self.notes.retain(|note| *note != (channel, event.id));
                if self.notes.len() < before {
                    self.kept |= self.pedals & bit;
                }
            }
            NoteKind::Sustain(pedal) if pedal >= 0.5 => self.pedals |= bit,
            NoteKind::Sustain(_) => {
                self.pedals &= !bit;
                self.kept &= !bit;
            }
            NoteKind::ReleaseAll => {
                self.notes.retain(|note| note.0 != channel);
                self.kept &= !bit;
            }
            NoteKind::Pressure(_) | NoteKind::Bend(_) | NoteKind::Timbre(_) => {}
        }
    }
}

impl Envelope {
    fn take(&mut self, event: &NoteEvent) {
        let held = self.held.any();
        self.held.take(event);
        let starts = matches!(event.kind, NoteKind::On { .. });
        if starts && (self.trigger == Trigger::Every || !held) {
            self.level.rising = 1.0;
        }
    }

    /// Takes the parameters as they are at the start of the quantum.
    fn follow(&mut self, io: &Io<'_>) {
        let value = |index: usize| io.param(index).first();
        let adsr = Adsr {
            attack: value(ATTACK),
            decay: value(DECAY),
            sustain: value(SUSTAIN),
            release: value(RELEASE),
        };
        if self.adsr != Some(adsr) {
            self.adsr = Some(adsr);
            self.stride = adsr.rates(self.sample_rate).over(1.0);
        }
    }
}

impl Processor for Envelope {
    fn process(&mut self, _cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        let events = io.notes(0);
        if events.is_empty() && !self.held.any() && self.level.level == 0.0 {
            return Status::Asleep;
        }
        self.follow(io);
        let mut output = io.output(0);
        let mut events = events.iter().peekable();
        for (frame, out) in output.channel(0).iter_mut().enumerate() {
            while let Some(event) = events.next_if(|event| event.frame() <= frame) {
                self.take(event);
            }
            let gate = if self.held.any() { 1.0 } else { 0.0 };
            self.level.advance(gate, &self.stride);
            *out = self.level.level;
        }
        Status::Active
    }

    fn reset(&mut self) {
        self.level = Level { level: 0.0, rising: 0.0 };
        self.held.notes.clear();
        (self.held.pedals, self.held.kept) = (0, 0);
    }

    fn adopt(&mut self, previous: &dyn Any) -> bool {
        let Some(previous) = previous.downcast_ref::<Self>() else { return false };
        self.level = previous.level;
        true
    }
}
