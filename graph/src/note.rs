//! Notes between nodes: sample-accurate events with an id each. Plain values, real-time safe.

use crate::dsp::QUANTUM;

/// Something that happens to a note at a frame of the quantum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NoteEvent {
    /// Frame within the quantum, 0 to 63.
    pub offset: u8,
    /// Channel, 0 to 15; the composer's chords, melody and bass use 0, 1 and 2.
    pub channel: u8,
    /// The note; a note-off names the id of its note-on.
    pub id: u32,
    /// What happens.
    pub kind: NoteKind,
}

/// What happens to a note, or to a whole channel where the docs say so.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum NoteKind {
    /// The note starts.
    On {
        /// MIDI key, fractional: 69.0 is A4 at 440 Hz.
        key: f32,
        /// 0 to 1.
        velocity: f32,
    },
    /// The note is released.
    Off {
        /// Release velocity, 0 to 1; 0.5 where the source knows none.
        velocity: f32,
    },
    /// Pressure on the note, 0 to 1; id [`NoteEvent::CHANNEL`] means every note of the channel.
    Pressure(f32),
    /// Pitch offset in semitones; id [`NoteEvent::CHANNEL`] means every note of the channel.
    Bend(f32),
    /// Brightness (MPE's third dimension), 0 to 1; id [`NoteEvent::CHANNEL`] means every note of the channel.
    Timbre(f32),
    /// The sustain pedal of the channel, 0 to 1.
    Sustain(f32),
    /// Every note of the channel is released (a seek, a mute, a connection that goes).
    ReleaseAll,
}

impl NoteEvent {
    /// The id of events that concern a whole channel.
    pub const CHANNEL: u32 = u32::MAX;

    /// A note-on.
    pub fn on(offset: usize, channel: u8, id: u32, key: f32, velocity: f32) -> Self {
        Self { offset: clamp(offset), channel, id, kind: NoteKind::On { key, velocity } }
    }

    /// A note-off without a velocity of its own.
    pub fn off(offset: usize, channel: u8, id: u32) -> Self {
        Self { offset: clamp(offset), channel, id, kind: NoteKind::Off { velocity: 0.5 } }
    }

    /// Releases every note of a channel.
    pub fn release_all(offset: usize, channel: u8) -> Self {
        Self { offset: clamp(offset), channel, id: Self::CHANNEL, kind: NoteKind::ReleaseAll }
    }

    /// The frame within the quantum.
    pub fn frame(&self) -> usize {
        self.offset as usize
    }
}

fn clamp(offset: usize) -> u8 {
    offset.min(QUANTUM - 1) as u8
}

/// The frequency of a MIDI key at A4 = 440 Hz.
pub fn key_to_hertz(key: f32) -> f32 {
    440.0 * crate::dsp::exp2((key - 69.0) * (1.0 / 12.0))
}

/// A list of events of one port and quantum, of fixed capacity.
#[derive(Debug)]
pub struct NoteBuffer {
    events: Vec<NoteEvent>,
    capacity: usize,
}

impl NoteBuffer {
    /// Allocates room for `capacity` events; the only allocation.
    pub fn new(capacity: usize) -> Self {
        Self { events: Vec::with_capacity(capacity), capacity }
    }

    /// The events, by offset.
    pub fn events(&self) -> &[NoteEvent] {
        &self.events
    }

    /// Empties the list.
    pub fn clear(&mut self) {
        self.events.clear();
    }

    /// Adds an event behind those of the same or an earlier frame.
    ///
    /// # Errors
    /// Gives the event back when the list is full; the caller keeps it for the next quantum.
    pub fn push(&mut self, event: NoteEvent) -> Result<(), NoteEvent> {
        if self.events.len() == self.capacity {
            return Err(event);
        }
        let mut at = self.events.len();
        while at > 0 && self.events[at - 1].offset > event.offset {
            at -= 1;
        }
        self.events.insert(at, event);
        Ok(())
    }

    /// Events that the list can still take.
    pub fn room(&self) -> usize {
        self.capacity - self.events.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_stay_in_time_order_and_ties_in_order_of_arrival() {
        let mut buffer = NoteBuffer::new(4);
        for (offset, id) in [(5, 1), (3, 2), (5, 3), (0, 4)] {
            buffer.push(NoteEvent::off(offset, 0, id)).unwrap();
        }
        let ids: Vec<u32> = buffer.events().iter().map(|e| e.id).collect();
        assert_eq!(ids, [4, 2, 1, 3]);
        assert_eq!(buffer.push(NoteEvent::off(0, 0, 9)).unwrap_err().id, 9);
    }

    #[test]
    fn keys_have_their_frequency() {
        assert!((key_to_hertz(69.0) - 440.0).abs() < 1e-4);
        assert!((key_to_hertz(60.0) - 261.6256).abs() < 1e-3);
    }
}
