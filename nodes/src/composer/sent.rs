//! What those who listen have been told: which notes sound, at which keys, and what found no room yet. Audio thread: never
//! allocates, never loses a note-off.

use super::bass::{ABOVE, BELOW};
use super::fit;
use super::hands::HeldChord;
use super::harmony::PitchClasses;
use super::performance::{Held, MAX_HELD};
use super::phrase::Part;
use arrayvec::ArrayVec;
use auralis_graph::note::NoteEvent;

/// Most notes that are kept: those that sound, and those whose end has found no room.
const MOST: usize = 4 * MAX_HELD;

/// What leads notes away from their own keys.
#[derive(Debug, Clone, Copy)]
pub struct Leading {
    /// The chord that is held.
    pub chord: HeldChord,
    /// The tones of melodies.
    pub scale: PitchClasses,
    /// Key around which the bass lies.
    pub bass_at: u8,
}

/// Notes that sound, or are to.
#[derive(Default)]
pub struct Sent {
    notes: ArrayVec<Note, MOST>,
}

/// A note, where it is to sound, and where those who listen have it; nowhere once it ends, or before it found room.
#[derive(Clone, Copy)]
struct Note {
    held: Held,
    ended: bool,
    wants: Option<u8>,
    told: Option<u8>,
}

impl Note {
    /// Ends it where it should not be. Returns whether it is nowhere else.
    fn leave(&mut self, frame: usize, send: &mut impl FnMut(usize, NoteEvent) -> bool) -> bool {
        let port = self.held.part as usize;
        if self.told.is_some()
            && self.told != self.wants
            && send(port, NoteEvent::off(frame, port as u8, self.held.id))
        {
            self.told = None;
        }
        self.told.is_none() || self.told == self.wants
    }

    /// Starts it where it should be.
    fn arrive(&mut self, frame: usize, send: &mut impl FnMut(usize, NoteEvent) -> bool) {
        let port = self.held.part as usize;
        let (None, Some(key)) = (self.told, self.wants) else { return };
        let event = NoteEvent::on(frame, port as u8, self.held.id, f32::from(key), self.held.velocity);
        if send(port, event) {
            self.told = self.wants;
        }
    }
}

impl Sent {
    /// Starts a note, now or as soon as there is room.
    pub fn start(
        &mut self,
        held: &Held,
        leading: Option<&Leading>,
        frame: usize,
        send: &mut impl FnMut(usize, NoteEvent) -> bool,
    ) {
        if let Some(known) = self.notes.iter_mut().find(|note| note.held.id == held.id) {
            // It was to end and starts again (a loop): for those who listen it sounds on.
            if std::mem::take(&mut known.ended) {
                known.wants = known.told;
            }
        } else if !self.notes.is_full() {
            let wants = self.key_of(held, None, leading, usize::MAX);
            let mut note = Note { held: *held, ended: false, wants, told: None };
            note.arrive(frame, send);
            self.notes.push(note);
        }
    }

    /// Ends a note, now or as soon as there is room.
    pub fn end(&mut self, held: &Held, frame: usize, send: &mut impl FnMut(usize, NoteEvent) -> bool) {
        let Some(at) = self.notes.iter().position(|note| note.held.id == held.id) else { return };
        let note = &mut self.notes[at];
        (note.ended, note.wants) = (true, None);
        if note.leave(frame, send) {
            self.notes.swap_remove(at);
        }
    }

    /// Sends what found no room before; ends first.
    pub fn catch_up(&mut self, send: &mut impl FnMut(usize, NoteEvent) -> bool) {
        self.settle(0, send);
    }

    fn settle(&mut self, frame: usize, send: &mut impl FnMut(usize, NoteEvent) -> bool) {
        self.notes.retain(|note| !(note.leave(frame, send) && note.ended));
        self.notes.iter_mut().for_each(|note| note.arrive(frame, send));
    }

    /// Leads what sounds: voices of pads and the bass go where their key is another now, in one frame. A note of the melody
    /// ends where it is.
    pub fn lead(
        &mut self,
        leading: Option<&Leading>,
        frame: usize,
        send: &mut impl FnMut(usize, NoteEvent) -> bool,
    ) {
        let mut order: ArrayVec<u8, MOST> = (0..self.notes.len() as u8).collect();
        order.retain(|at| {
            let note = &self.notes[usize::from(*at)];
            !note.ended && note.held.part != Part::Melody
        });
        order.sort_unstable_by_key(|at| {
            let held = &self.notes[usize::from(*at)].held;
            (held.key, held.id)
        });
        for at in &order {
            self.notes[usize::from(*at)].wants = None;
        }
        for at in order.into_iter().map(usize::from) {
            let Note { held, told, .. } = self.notes[at];
            self.notes[at].wants = self.key_of(&held, told, leading, at);
        }
        if leading.is_some() {
            self.keep_in_place();
        }
        self.settle(frame, send);
    }

    /// Where one voice of a pad wants what another leaves, the other stays: the chord is the same, and less is struck again.
    /// Each exchange lets one more stay, so that it ends.
    fn keep_in_place(&mut self) {
        let of_pad = |note: &Note| !note.ended && note.held.part == Part::Chords;
        let mut at = 0;
        while at < self.notes.len() {
            let Note { wants, told, .. } = self.notes[at];
            let leaves = |note: &Note| of_pad(note) && note.told == wants && note.wants != wants;
            let moves = of_pad(&self.notes[at]) && wants.is_some() && wants != told;
            match self.notes.iter().position(leaves).filter(|_| moves) {
                // What it wants instead may be what yet another leaves: it is looked at once more.
                Some(other) => self.notes[at].wants = std::mem::replace(&mut self.notes[other].wants, wants),
                None => at += 1,
            }
        }
    }

    /// Where a note is to sound, among the others of its part.
    fn key_of(&self, held: &Held, told: Option<u8>, leading: Option<&Leading>, at: usize) -> Option<u8> {
        let Some(Leading { chord, scale, bass_at }) = leading.copied() else { return Some(held.key) };
        match held.part {
            Part::Chords => {
                let others = self.notes.iter().enumerate();
                let others = others.filter(|(other, note)| *other != at && note.held.part == held.part);
                let others: ArrayVec<u8, MOST> = others.filter_map(|(_, note)| note.wants).collect();
                fit::pad(held.key, chord, told, &others)
            }
            Part::Bass => Some(fit::bass(held.key, held.footing, chord, bass_at - BELOW..=bass_at + ABOVE)),
            Part::Melody => Some(fit::melody(held.key, held.footing, chord, scale)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::fit::Footing;
    use super::*;
    use auralis_graph::note::{NoteBuffer, NoteKind};

    fn held(id: u32) -> Held {
        Held { id, part: Part::Chords, key: 60, velocity: 0.5, end: 10, footing: Footing::Chord }
    }

    #[test]
    fn a_full_port_delays_events_and_loses_no_end() {
        let mut sent = Sent::default();
        let mut port = NoteBuffer::new(4);
        let mut heard = Vec::new();
        for round in 0..40u32 {
            let mut send = |_: usize, event| port.push(event).is_ok();
            sent.catch_up(&mut send);
            if round < 10 {
                (0..3).for_each(|n| sent.start(&held(round * 3 + n), None, 5, &mut send));
                (0..3).filter(|n| round > 2 && n % 2 == 0).for_each(|n| {
                    sent.end(&held((round - 3) * 3 + n), 6, &mut send);
                });
            } else if round == 10 {
                (0..30).for_each(|id| sent.end(&held(id), 0, &mut send));
            }
            heard.extend(port.events().iter().copied());
            port.clear();
        }
        assert!(sent.notes.is_empty());
        let mut sounding = std::collections::BTreeSet::new();
        for event in heard {
            match event.kind {
                NoteKind::On { .. } => assert!(sounding.insert(event.id)),
                _ => assert!(sounding.remove(&event.id)),
            }
        }
        assert!(sounding.is_empty());
    }

    #[test]
    fn what_ends_and_starts_again_before_the_end_found_room_sounds_on() {
        let mut sent = Sent::default();
        let (mut room, mut count) = (true, 0);
        for (starts, open) in [(true, true), (false, false), (true, false), (false, true)] {
            room = open;
            let mut send = |_: usize, _| {
                count += usize::from(room);
                room
            };
            match starts {
                true => sent.start(&held(7), None, 0, &mut send),
                false => sent.end(&held(7), 0, &mut send),
            }
        }
        assert!(room && sent.notes.is_empty());
        assert_eq!(count, 2);
    }

    #[test]
    fn voices_that_a_full_port_keeps_from_following_do_so_when_there_is_room() {
        let mut sent = Sent::default();
        let keys = [57u8, 60, 64, 69];
        let mut sounding: Vec<(u32, f32)> = Vec::new();
        let mut room = 100;
        let tell = |sounding: &mut Vec<(u32, f32)>, room: &mut i32, event: NoteEvent| {
            *room -= 1;
            match event.kind {
                _ if *room < 0 => return false,
                NoteKind::On { key, .. } => sounding.push((event.id, key)),
                _ => sounding.retain(|(id, _)| *id != event.id),
            }
            true
        };
        for (id, key) in keys.into_iter().enumerate() {
            let held = Held { key, ..held(id as u32) };
            sent.start(&held, None, 0, &mut |_, event| tell(&mut sounding, &mut room, event));
        }
        let tones = PitchClasses::default().with(1).with(5).with(8);
        let chord = HeldChord { tones, lowest: 1 };
        let leading = Leading { chord, scale: PitchClasses(0xfff), bass_at: 38 };
        room = 3;
        sent.lead(Some(&leading), 9, &mut |_, event| tell(&mut sounding, &mut room, event));
        assert_eq!(sounding.len(), 1, "three have ended, and nothing has begun");
        for _ in 0..3 {
            room = 2;
            sent.catch_up(&mut |_, event| tell(&mut sounding, &mut room, event));
        }
        assert_eq!(sounding.len(), 4);
        assert!(sounding.iter().all(|(_, key)| tones.has(*key as u8)), "{sounding:?}");
    }
}
