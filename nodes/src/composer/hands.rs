//! What is held on a keyboard, and the chord that follows from it. Audio thread: never allocates.

use super::harmony::{Palette, PitchClasses};
use arrayvec::ArrayVec;
use auralis_graph::music::Key;
use auralis_graph::note::{NoteEvent, NoteKind};

/// Most keys that count at once; the oldest makes room.
const MOST: usize = 32;

/// Seconds after a key was lifted until it no longer counts, if others are held and none comes: fingers that let go of a
/// chord do not do so at once.
const GRACE: f64 = 0.08;

/// A chord that is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeldChord {
    /// Its tones.
    pub tones: PitchClasses,
    /// Pitch class of what lies lowest.
    pub lowest: u8,
}

/// A key that is down.
#[derive(Debug, Clone, Copy)]
struct Down {
    id: u32,
    channel: u8,
    key: u8,
}

/// Two hands and a foot.
#[derive(Debug, Default)]
pub struct Hands {
    keys: ArrayVec<Down, MOST>,
    /// Sustain pedals that are down, one bit a channel.
    pedals: u16,
    chord: Option<HeldChord>,
    /// The frame of the engine's clock from which keys that were lifted no longer count.
    settles: Option<i64>,
}

impl Hands {
    /// The chord that is held: one key is the triad of its scale, keys of two or more pitch classes are what they are.
    /// None once all keys are up, and the pedal.
    pub fn chord(&self) -> Option<HeldChord> {
        self.chord
    }

    /// The frame of the engine's clock at which [`Hands::settle`] is to be called.
    pub fn settles(&self) -> Option<i64> {
        self.settles
    }

    /// Takes an event at a frame of the engine's clock. The scale is that of `key`.
    pub fn take(&mut self, event: &NoteEvent, frame: i64, sample_rate: f32, key: Key) {
        let channel = event.channel & 15;
        match event.kind {
            NoteKind::On { key: pitch, .. } if pitch.is_finite() => {
                self.keys.retain(|down| down.id != event.id);
                if self.keys.is_full() {
                    self.keys.remove(0);
                }
                let pitch = pitch.round().clamp(0.0, 127.0) as u8;
                self.keys.push(Down { id: event.id, channel, key: pitch });
                // A hand that comes says what it means: those that let go before it did no longer count.
                self.settle(key);
            }
            NoteKind::Off { .. } => self.lift(frame, sample_rate, |down| down.id == event.id),
            NoteKind::Sustain(value) if value >= 0.5 => {
                self.pedals |= 1 << channel;
                // What sounds now is held, with keys that were lifted a moment ago.
                self.settles = None;
            }
            NoteKind::Sustain(_) => {
                self.pedals &= !(1 << channel);
                self.lift(frame, sample_rate, |_| false);
            }
            NoteKind::ReleaseAll => {
                // Whoever held the pedal is gone.
                self.pedals &= !(1 << channel);
                self.lift(frame, sample_rate, |down| down.channel == channel);
            }
            NoteKind::On { .. } | NoteKind::Pressure(_) | NoteKind::Bend(_) | NoteKind::Timbre(_) => {}
        }
    }

    /// Forms the chord of the keys that are left, at [`Hands::settles`].
    pub fn settle(&mut self, key: Key) {
        self.settles = None;
        let Some(lowest) = self.keys.iter().map(|down| down.key).min() else { return };
        let held = self.keys.iter().fold(PitchClasses::default(), |set, down| set.with(down.key));
        let tones = if held.0.count_ones() == 1 { triad(lowest, key) } else { held };
        self.chord = Some(HeldChord { tones, lowest: lowest % 12 });
    }

    /// Nothing is held.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    fn lift(&mut self, frame: i64, sample_rate: f32, which: impl Fn(&Down) -> bool) {
        self.keys.retain(|down| !which(down));
        if self.pedals != 0 || self.chord.is_none() {
            return;
        }
        if self.keys.is_empty() {
            (self.chord, self.settles) = (None, None);
        } else {
            self.settles = Some(frame + (GRACE * f64::from(sample_rate)) as i64);
        }
    }
}

/// The triad on a key, of its scale; on a key beside the scale, what keeps nearest to it.
fn triad(root: u8, key: Key) -> PitchClasses {
    let scale = Palette::new(key, false).chords;
    let (minor, major) = (scale.has(root + 3), scale.has(root + 4));
    let third = if minor && !(major && scale.has(root)) { 3 } else { 4 };
    let fifths: &[u8] = if scale.has(root) { &[7, 6, 8] } else { &[7] };
    let fifth = fifths.iter().copied().find(|fifth| scale.has(root + fifth)).unwrap_or(7);
    PitchClasses::default().with(root).with(root + third).with(root + fifth)
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: f32 = 48_000.0;

    fn classes(keys: &[u8]) -> PitchClasses {
        keys.iter().fold(PitchClasses::default(), |set, key| set.with(*key))
    }

    fn key(text: &str) -> Key {
        text.parse().unwrap()
    }

    fn on(hands: &mut Hands, pitch: u8, frame: i64) {
        let event = NoteEvent::on(0, 0, u32::from(pitch), f32::from(pitch), 0.8);
        hands.take(&event, frame, RATE, key("A minor"));
    }

    fn off(hands: &mut Hands, pitch: u8, frame: i64) {
        hands.take(&NoteEvent::off(0, 0, u32::from(pitch)), frame, RATE, key("A minor"));
    }

    fn pedal(hands: &mut Hands, value: f32, frame: i64) {
        let event =
            NoteEvent { offset: 0, channel: 0, id: NoteEvent::CHANNEL, kind: NoteKind::Sustain(value) };
        hands.take(&event, frame, RATE, key("A minor"));
    }

    fn tones(hands: &Hands) -> Option<PitchClasses> {
        hands.chord().map(|chord| chord.tones)
    }

    #[test]
    fn one_key_is_the_triad_of_its_scale() {
        for (scale, root, wanted) in [
            ("A minor", 60, [0, 4, 7]),
            ("A minor", 57, [9, 0, 4]),
            ("A minor", 59, [11, 2, 5]),
            ("C major", 62, [2, 5, 9]),
            ("A harmonic minor", 64, [4, 8, 11]),
            ("A harmonic minor", 60, [0, 4, 8]),
            ("C major pentatonic", 65, [5, 9, 0]),
            // Beside the scale: F sharp has A in it, B flat has D.
            ("A minor", 66, [6, 9, 1]),
            ("A minor", 70, [10, 2, 5]),
        ] {
            assert_eq!(triad(root, key(scale)), classes(&wanted), "{scale} {root}");
        }
    }

    #[test]
    fn keys_that_go_one_by_one_leave_the_chord_until_they_settle() {
        let mut hands = Hands::default();
        for pitch in [60, 64, 67] {
            on(&mut hands, pitch, 0);
        }
        let whole = HeldChord { tones: classes(&[0, 4, 7]), lowest: 0 };
        assert_eq!(hands.chord(), Some(whole));
        // All fingers go within the grace: the chord is whole to the end.
        off(&mut hands, 60, 100);
        off(&mut hands, 67, 900);
        assert_eq!(hands.chord(), Some(whole));
        off(&mut hands, 64, 1_700);
        assert_eq!((hands.chord(), hands.settles()), (None, None));
        // One finger goes and the others stay.
        for pitch in [60, 64, 67] {
            on(&mut hands, pitch, 2_000);
        }
        off(&mut hands, 60, 3_000);
        assert_eq!((tones(&hands), hands.settles()), (Some(whole.tones), Some(3_000 + 3_840)));
        hands.settle(key("A minor"));
        assert_eq!(hands.chord(), Some(HeldChord { tones: classes(&[4, 7]), lowest: 4 }));
    }

    #[test]
    fn a_pedal_keeps_the_chord_until_it_goes_up_and_a_new_one_takes_its_place() {
        let mut hands = Hands::default();
        on(&mut hands, 60, 0);
        on(&mut hands, 64, 0);
        pedal(&mut hands, 1.0, 10);
        off(&mut hands, 60, 20);
        off(&mut hands, 64, 30);
        assert_eq!((tones(&hands), hands.settles()), (Some(classes(&[0, 4])), None));
        on(&mut hands, 62, 40);
        on(&mut hands, 65, 50);
        assert_eq!(tones(&hands), Some(classes(&[2, 5])));
        off(&mut hands, 62, 60);
        pedal(&mut hands, 0.0, 70);
        assert!(hands.settles().is_some());
        hands.settle(key("A minor"));
        assert_eq!(tones(&hands), Some(classes(&[5, 9, 0])));
        pedal(&mut hands, 1.0, 80);
        off(&mut hands, 65, 90);
        assert!(hands.chord().is_some());
        pedal(&mut hands, 0.0, 99);
        assert_eq!(hands.chord(), None);
    }

    #[test]
    fn a_pedal_that_goes_down_keeps_keys_that_were_lifted_a_moment_ago() {
        let mut hands = Hands::default();
        for pitch in [60, 64, 67] {
            on(&mut hands, pitch, 0);
        }
        off(&mut hands, 60, 1_000);
        assert_eq!(hands.settles(), Some(1_000 + 3_840));
        pedal(&mut hands, 1.0, 2_000);
        assert_eq!((tones(&hands), hands.settles()), (Some(classes(&[0, 4, 7])), None));
        off(&mut hands, 64, 3_000);
        assert_eq!((tones(&hands), hands.settles()), (Some(classes(&[0, 4, 7])), None));
        pedal(&mut hands, 0.0, 9_000);
        assert_eq!(hands.settles(), Some(9_000 + 3_840));
        hands.settle(key("A minor"));
        assert_eq!(tones(&hands), Some(classes(&[7, 11, 2])));
    }

    #[test]
    fn more_keys_than_count_and_a_release_of_all_are_taken() {
        let mut hands = Hands::default();
        (0..60).for_each(|pitch| on(&mut hands, pitch, 0));
        assert_eq!(hands.chord().map(|chord| chord.lowest), Some((60 - MOST as u8) % 12));
        pedal(&mut hands, 1.0, 0);
        hands.take(&NoteEvent::release_all(0, 0), 10, RATE, key("A minor"));
        assert_eq!(hands.chord(), None);
    }
}
