//! MIDI ports: keyboards in, instruments out. Each port has a thread of its own.
#![allow(clippy::disallowed_types, reason = "the threads of MIDI ports lock, the audio thread does not")]

use crate::cli::Failure;
use auralis_graph::Controller;
use auralis_graph::command::When;
use auralis_graph::engine::NoteOut;
use auralis_graph::note::{NoteEvent, NoteKind};
use midir::{MidiInput, MidiInputConnection, MidiOutput, MidiOutputConnection};
use midly::MidiMessage;
use midly::live::LiveEvent;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Semitones of a full pitch bend.
const BEND: f32 = 2.0;
/// Notes that can wait for the sending thread.
const WAITING: usize = 1024;

/// The names of the MIDI inputs.
pub fn inputs() -> Vec<String> {
    let Ok(input) = MidiInput::new("auralis") else { return Vec::new() };
    input.ports().iter().filter_map(|port| input.port_name(port).ok()).collect()
}

/// The names of the MIDI outputs.
pub fn outputs() -> Vec<String> {
    let Ok(output) = MidiOutput::new("auralis") else { return Vec::new() };
    output.ports().iter().filter_map(|port| output.port_name(port).ok()).collect()
}

/// Connected keyboards; they are let go when this is dropped.
pub struct Keyboards {
    wanted: Option<String>,
    hands: Arc<Mutex<Hands>>,
    connections: Vec<MidiInputConnection<()>>,
}

/// Where the notes of keyboards go: it changes with the graph.
struct Hands {
    controller: Controller,
    entrances: Vec<String>,
}

impl Keyboards {
    /// Connects the inputs whose name contains `wanted`, or all, to the preset's `midi_in` nodes.
    pub fn open(
        wanted: Option<&str>,
        controller: &Controller,
        entrances: Vec<String>,
    ) -> Result<Self, Failure> {
        let hands = Hands { controller: controller.clone(), entrances: Vec::new() };
        let hands = Arc::new(Mutex::new(hands));
        let mut keyboards = Self { wanted: wanted.map(str::to_string), hands, connections: Vec::new() };
        keyboards.follow(controller, entrances)?;
        Ok(keyboards)
    }

    /// Plays these nodes from now on. The first time that there are any, the inputs are connected.
    pub fn follow(&mut self, controller: &Controller, entrances: Vec<String>) -> Result<(), Failure> {
        let silent = entrances.is_empty();
        *lock(&self.hands) = Hands { controller: controller.clone(), entrances };
        if silent || !self.connections.is_empty() {
            return Ok(());
        }
        let wanted = self.wanted.as_deref();
        for name in inputs().into_iter().filter(|name| wanted.is_none_or(|w| contains(name, w))) {
            let Ok(input) = MidiInput::new("auralis") else { continue };
            let ports = input.ports();
            let Some(port) = ports.iter().find(|port| input.port_name(port).is_ok_and(|n| n == name)) else {
                continue;
            };
            let hands = Arc::clone(&self.hands);
            let hear = move |_stamp: u64, bytes: &[u8], _: &mut ()| {
                if let Some(event) = event(bytes) {
                    let hands = lock(&hands);
                    for entrance in &hands.entrances {
                        // More notes than the engine takes: this one is lost, as on a full cable.
                        let _ = hands.controller.note(entrance, event, When::Now);
                    }
                }
            };
            match input.connect(port, "auralis", hear, ()) {
                Ok(connection) => self.connections.push(connection),
                Err(error) => tracing::warn!("MIDI input {name}: {error}"),
            }
        }
        match wanted {
            Some(wanted) if self.connections.is_empty() => Err(Failure::Message(format!(
                "no MIDI input is called `{wanted}`; see `auralis play --list`"
            ))),
            _ => Ok(()),
        }
    }
}

/// Locks, also after a thread panicked with the lock held.
fn lock(hands: &Mutex<Hands>) -> MutexGuard<'_, Hands> {
    hands.lock().unwrap_or_else(PoisonError::into_inner)
}

fn contains(name: &str, wanted: &str) -> bool {
    name.to_lowercase().contains(&wanted.to_lowercase())
}

/// A MIDI message as a note event. Notes are known by channel and key.
fn event(bytes: &[u8]) -> Option<NoteEvent> {
    let LiveEvent::Midi { channel, message } = LiveEvent::parse(bytes).ok()? else { return None };
    let channel = channel.as_int();
    let id = |key: midly::num::u7| u32::from(channel) << 7 | u32::from(key.as_int());
    let part = |value: midly::num::u7| f32::from(value.as_int()) / 127.0;
    let of = |id, kind| Some(NoteEvent { offset: 0, channel, id, kind });
    match message {
        MidiMessage::NoteOn { key, vel } if vel > 0 => {
            of(id(key), NoteKind::On { key: f32::from(key.as_int()), velocity: part(vel) })
        }
        MidiMessage::NoteOn { key, .. } => of(id(key), NoteKind::Off { velocity: 0.5 }),
        MidiMessage::NoteOff { key, vel } => of(id(key), NoteKind::Off { velocity: part(vel) }),
        MidiMessage::Aftertouch { key, vel } => of(id(key), NoteKind::Pressure(part(vel))),
        MidiMessage::ChannelAftertouch { vel } => of(NoteEvent::CHANNEL, NoteKind::Pressure(part(vel))),
        MidiMessage::PitchBend { bend } => of(NoteEvent::CHANNEL, NoteKind::Bend(bend.as_f32() * BEND)),
        MidiMessage::Controller { controller, value } => match controller.as_int() {
            64 => of(NoteEvent::CHANNEL, NoteKind::Sustain(part(value))),
            74 => of(NoteEvent::CHANNEL, NoteKind::Timbre(part(value))),
            120 | 123 => of(NoteEvent::CHANNEL, NoteKind::ReleaseAll),
            _ => None,
        },
        MidiMessage::ProgramChange { .. } => None,
    }
}

/// A connected instrument and the thread that sends to it. Dropping it releases what sounds.
pub struct Instruments {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

type Notes = rtrb::Producer<(NoteOut, Instant)>;

impl Instruments {
    /// Connects the output whose name contains `wanted`, if one is wanted. The ring takes notes with the moment
    /// of their callback.
    pub fn open(wanted: Option<&str>, sample_rate: u32) -> Result<(Option<Self>, Option<Notes>), Failure> {
        let Some(wanted) = wanted else { return Ok((None, None)) };
        let failed = |error: String| Failure::Message(format!("MIDI output: {error}"));
        let output = MidiOutput::new("auralis").map_err(|error| failed(error.to_string()))?;
        let ports = output.ports();
        let fits =
            |port: &&midir::MidiOutputPort| output.port_name(port).is_ok_and(|name| contains(&name, wanted));
        let none =
            || Failure::Message(format!("no MIDI output is called `{wanted}`; see `auralis play --list`"));
        let port = ports.iter().find(fits).ok_or_else(none)?.clone();
        let connection = output.connect(&port, "auralis").map_err(|error| failed(error.to_string()))?;
        let (producer, notes) = rtrb::RingBuffer::new(WAITING);
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let sender = Sender { connection, notes, sounding: HashMap::new(), sample_rate, first: None };
        let thread =
            std::thread::Builder::new().name("auralis-midi".into()).spawn(move || sender.run(&told))?;
        Ok((Some(Self { stop, thread: Some(thread) }), Some(producer)))
    }
}

impl Drop for Instruments {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            // A sender that panicked has been reported by the panic itself.
            let _ = thread.join();
        }
    }
}

struct Sender {
    connection: MidiOutputConnection,
    notes: rtrb::Consumer<(NoteOut, Instant)>,
    /// Channel and key of what sounds, by channel and id.
    sounding: HashMap<(u8, u32), (u8, u8)>,
    sample_rate: u32,
    /// The first note's frame and moment: all others follow from it.
    first: Option<(i64, Instant)>,
}

impl Sender {
    fn run(mut self, stop: &AtomicBool) {
        while !stop.load(Ordering::Acquire) {
            let Ok((note, heard)) = self.notes.pop() else {
                std::thread::sleep(Duration::from_millis(1));
                continue;
            };
            let (frame, begun) = *self.first.get_or_insert((note.frame, heard));
            let ahead = (note.frame - frame).max(0) as f64 / f64::from(self.sample_rate);
            let due = begun + Duration::from_secs_f64(ahead);
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            self.send(&note.event);
        }
        for (channel, key) in std::mem::take(&mut self.sounding).into_values() {
            let _ = self.connection.send(&[0x80 | channel, key, 64]);
        }
    }

    fn send(&mut self, event: &NoteEvent) {
        let channel = event.channel.min(15);
        let seven = |value: f32| (value.clamp(0.0, 1.0) * 127.0).round() as u8;
        let bytes = match event.kind {
            NoteKind::On { key, velocity } => {
                let key = key.round().clamp(0.0, 127.0) as u8;
                self.sounding.insert((channel, event.id), (channel, key));
                [0x90 | channel, key, seven(velocity).max(1)]
            }
            NoteKind::Off { velocity } => {
                let Some((channel, key)) = self.sounding.remove(&(channel, event.id)) else { return };
                [0x80 | channel, key, seven(velocity)]
            }
            NoteKind::Sustain(value) => [0xb0 | channel, 64, seven(value)],
            NoteKind::Timbre(value) => [0xb0 | channel, 74, seven(value)],
            NoteKind::ReleaseAll => [0xb0 | channel, 123, 0],
            NoteKind::Pressure(_) | NoteKind::Bend(_) => return,
        };
        if let Err(error) = self.connection.send(&bytes) {
            tracing::warn!("MIDI output: {error}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_become_events() {
        let on = event(&[0x91, 60, 127]).unwrap();
        assert_eq!((on.channel, on.kind), (1, NoteKind::On { key: 60.0, velocity: 1.0 }));
        let off = event(&[0x91, 60, 0]).unwrap();
        assert_eq!((off.id, off.kind), (on.id, NoteKind::Off { velocity: 0.5 }));
        assert_eq!(event(&[0xb0, 64, 127]).unwrap().kind, NoteKind::Sustain(1.0));
        assert_eq!(event(&[0xe0, 0, 0]).unwrap().kind, NoteKind::Bend(-BEND));
        for wrong in [&[][..], &[0x90], &[0xf8], &[0x12, 3]] {
            assert!(event(wrong).is_none(), "{wrong:?}");
        }
    }
}
