//! Notes out: what leaves the graph goes to the host with the sound that it belongs to, and every note that has begun
//! ends. Audio thread; fixed capacity.

use arrayvec::ArrayVec;
use auralis_graph::engine::NoteOut;
use auralis_graph::note::{NoteEvent, NoteKind};
use nice_plug::midi::{Channel, Key, VoiceID};
use nice_plug::prelude::NoteEvent as HostEvent;

/// Notes that can sound in the host at once.
const SOUNDING: usize = 512;
/// Events that can wait for the host.
const WAITING: usize = 2048;

/// Notes on their way to the host.
pub struct Departures {
    sounding: ArrayVec<Sounding, SOUNDING>,
    waiting: std::collections::VecDeque<Waiting>,
}

/// A note that the host was told of.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Sounding {
    source: u16,
    id: u32,
    channel: u8,
    key: u8,
}

/// An event and its frame of the host's clock.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    frame: i64,
    source: u16,
    event: NoteEvent,
}

impl Departures {
    /// Nothing is on its way.
    pub fn new() -> Self {
        Self { sounding: ArrayVec::new(), waiting: std::collections::VecDeque::with_capacity(WAITING) }
    }

    /// Takes what left the graph; `later` is by how many frames the host's clock is ahead of the engine's.
    pub fn take(&mut self, notes: &[NoteOut], later: i64) {
        for note in notes {
            let ends = matches!(note.event.kind, NoteKind::Off { .. } | NoteKind::ReleaseAll);
            // The last quarter is for what ends notes.
            let room = if ends { WAITING } else { WAITING / 4 * 3 };
            if self.waiting.len() < room {
                let waiting = Waiting { frame: note.frame + later, source: note.source, event: note.event };
                self.waiting.push_back(waiting);
            }
        }
    }

    /// Gives the host what is due in the `frames` from `frame` on, which lie at `offset` in its block. What it has no
    /// room for waits.
    pub fn give(
        &mut self,
        frame: i64,
        frames: usize,
        offset: usize,
        send: &mut impl FnMut(HostEvent<()>) -> bool,
    ) {
        while let Some(waiting) = self.waiting.front().copied() {
            let at = (waiting.frame - frame).max(0) as usize;
            if at >= frames {
                return;
            }
            if !self.tell(&waiting, (offset + at) as u32, send) {
                return;
            }
            self.waiting.pop_front();
        }
    }

    /// Ends everything at `timing`, and forgets what waits. What the host has no room for is still to be ended.
    pub fn release(&mut self, timing: u32, send: &mut impl FnMut(HostEvent<()>) -> bool) {
        self.waiting.clear();
        self.sounding.retain(|note| !send(note.off(timing, 0.5)));
    }

    /// Whether notes sound in the host.
    pub fn are_sounding(&self) -> bool {
        !self.sounding.is_empty()
    }

    /// Whether none sounds, and none is on its way.
    pub fn are_none(&self) -> bool {
        self.sounding.is_empty() && self.waiting.is_empty()
    }

    fn tell(&mut self, waiting: &Waiting, timing: u32, send: &mut impl FnMut(HostEvent<()>) -> bool) -> bool {
        let Waiting { source, event, .. } = *waiting;
        let found = self.sounding.iter().position(|note| (note.source, note.id) == (source, event.id));
        match event.kind {
            NoteKind::On { key, velocity } => {
                if found.is_some() || self.sounding.is_full() {
                    return true;
                }
                let key = key.round().clamp(0.0, 127.0) as u8;
                let note = Sounding { source, id: event.id, channel: event.channel & 15, key };
                let told = send(HostEvent::NoteOn {
                    timing,
                    voice_id: VoiceID::Wildcard,
                    channel: Channel::Number(note.channel),
                    key: Key::Number(key),
                    velocity,
                });
                if told {
                    self.sounding.push(note);
                }
                told
            }
            NoteKind::Off { velocity } => {
                let Some(found) = found else { return true };
                let told = send(self.sounding[found].off(timing, velocity));
                if told {
                    self.sounding.remove(found);
                }
                told
            }
            NoteKind::ReleaseAll => {
                let channel = event.channel & 15;
                let mut all = true;
                self.sounding.retain(|note| {
                    let meant = note.source == source && note.channel == channel;
                    let told = meant && send(note.off(timing, 0.5));
                    all &= told || !meant;
                    !told
                });
                all
            }
            // What bends and presses is heard, and not what a sequence is made of.
            _ => true,
        }
    }
}

impl Sounding {
    fn off(&self, timing: u32, velocity: f32) -> HostEvent<()> {
        HostEvent::NoteOff {
            timing,
            voice_id: VoiceID::Wildcard,
            channel: Channel::Number(self.channel),
            key: Key::Number(self.key),
            velocity,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(frame: i64, event: NoteEvent) -> NoteOut {
        NoteOut { frame, tick: 0.0, source: 0, event }
    }

    #[test]
    fn notes_leave_at_their_frame_and_every_one_ends() {
        let mut departures = Departures::new();
        departures
            .take(&[out(10, NoteEvent::on(10, 1, 7, 60.0, 0.5)), out(80, NoteEvent::off(16, 1, 7))], 64);
        let mut told = Vec::new();
        let mut send = |event: HostEvent<()>| {
            told.push(event.timing());
            true
        };
        departures.give(0, 100, 0, &mut send);
        departures.give(100, 100, 0, &mut send);
        assert_eq!(told, [74, 44]);
        assert!(!departures.are_sounding());
    }

    #[test]
    fn a_host_without_room_gets_the_ends_later() {
        let mut departures = Departures::new();
        let on = |id| out(0, NoteEvent::on(0, 0, id, 60.0, 0.5));
        departures.take(&[on(1), on(2), on(3)], 0);
        departures.give(0, 64, 0, &mut |_| true);
        let mut room = 1;
        let mut send = |_| {
            room -= 1;
            room >= 0
        };
        departures.release(0, &mut send);
        assert!(departures.are_sounding());
        departures.release(0, &mut |_| true);
        assert!(!departures.are_sounding());
    }
}
