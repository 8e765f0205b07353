//! The audio half of a composer: turns what happens at ticks into events at frames. Audio thread: never
//! allocates, never loses a note-off.

use super::performance::{Event, Held, MAX_HELD, Performance};
use super::score::Score;
use arrayvec::ArrayVec;
use auralis_graph::dsp::QUANTUM;
use auralis_graph::engine::{Context, Io};
use auralis_graph::note::NoteEvent;
use auralis_graph::settings::Settings;
use auralis_graph::{Processor, Status};

/// Index of the output that carries the curve of tension.
pub const TENSION: usize = 3;

/// Fastest change of tension, in a second: a change of settings glides.
const GLIDE: f32 = 0.25;

/// A composer as it runs.
pub struct Player {
    performance: Performance,
    /// Whether the performance stands where the position is.
    placed: bool,
    sent: Sent,
    curve: Curve,
}

impl Player {
    /// A player of a score, not yet placed.
    pub fn new(score: Score) -> Self {
        Self {
            performance: Performance::new(score),
            placed: false,
            sent: Sent::default(),
            curve: Curve::new(),
        }
    }

    /// Ends everything and forgets the place.
    fn release(&mut self, frame: usize, send: &mut impl FnMut(usize, NoteEvent) -> bool) {
        for held in self.performance.held() {
            self.sent.take(Event::Off(*held), frame, send);
        }
        self.placed = false;
    }
}

impl Processor for Player {
    fn process(&mut self, cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        let mut send = |port: usize, event: NoteEvent| io.send(port, event).is_ok();
        self.sent.catch_up(&mut send);
        let settings_at = |tick: i64| cx.settings_at(tick);
        for segment in cx.segments() {
            if (segment.jump || !segment.playing) && self.placed {
                self.release(segment.from, &mut send);
            }
            if !segment.playing {
                continue;
            }
            if !self.placed {
                // What a rounding error puts behind the position has not happened yet.
                self.performance.seek((segment.tick - 1e-3).ceil() as i64, settings_at);
                self.placed = true;
                for held in self.performance.held() {
                    self.sent.take(Event::On(*held), segment.from, &mut send);
                }
            }
            while let Some(frame) = self.performance.next_tick().and_then(|tick| segment.frame_of(tick)) {
                self.performance.step(settings_at, |event| self.sent.take(event, frame, &mut send));
            }
        }
        let aim = self.curve.aim(&self.performance, cx.tick(), || cx.settings());
        let mut output = io.output(TENSION);
        self.curve.render(aim, cx.sample_rate, output.channel(0));
        Status::Active
    }

    fn reset(&mut self) {
        self.performance.leave();
        self.placed = false;
        self.sent.notes.clear();
        self.curve = Curve::new();
    }
}

/// What those who listen have been told.
#[derive(Default)]
struct Sent {
    notes: ArrayVec<(Held, State), { 4 * MAX_HELD }>,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// Its start has not found room yet.
    Starting,
    Sounding,
    /// Its end has not found room yet.
    Ending,
}

impl Sent {
    /// Sends an event, or keeps it until there is room.
    fn take(&mut self, event: Event, frame: usize, send: &mut impl FnMut(usize, NoteEvent) -> bool) {
        match event {
            Event::On(held) => {
                let known = self.notes.iter_mut().find(|(note, _)| note.id == held.id);
                if let Some((_, state)) = known {
                    // It was to end and starts again (a loop): for the listener it sounds on.
                    *state = if *state == State::Ending { State::Sounding } else { *state };
                } else if !self.notes.is_full() {
                    let state = if send_on(&held, frame, send) { State::Sounding } else { State::Starting };
                    self.notes.push((held, state));
                }
            }
            Event::Off(held) => {
                let Some(at) = self.notes.iter().position(|(note, _)| note.id == held.id) else { return };
                let gone = self.notes[at].1 == State::Starting || send_off(&held, frame, send);
                if gone {
                    self.notes.swap_remove(at);
                } else {
                    self.notes[at].1 = State::Ending;
                }
            }
        }
    }

    /// Sends what found no room before; ends first.
    fn catch_up(&mut self, send: &mut impl FnMut(usize, NoteEvent) -> bool) {
        self.notes.retain(|(held, state)| *state != State::Ending || !send_off(held, 0, send));
        for (held, state) in &mut self.notes {
            if *state == State::Starting && send_on(held, 0, send) {
                *state = State::Sounding;
            }
        }
    }
}

fn send_on(held: &Held, frame: usize, send: &mut impl FnMut(usize, NoteEvent) -> bool) -> bool {
    let port = held.part as usize;
    send(port, NoteEvent::on(frame, port as u8, held.id, f32::from(held.key), held.velocity))
}

fn send_off(held: &Held, frame: usize, send: &mut impl FnMut(usize, NoteEvent) -> bool) -> bool {
    let port = held.part as usize;
    send(port, NoteEvent::off(frame, port as u8, held.id))
}

/// The curve of tension as a signal.
struct Curve {
    /// The phrase that the ends belong to.
    phrase: i64,
    /// The settings from which they follow.
    settings: Settings,
    /// Tension at the start of the phrase and of the next.
    ends: Option<(f32, f32)>,
    /// Where the signal stands; nowhere after a reset.
    at: Option<f32>,
}

impl Curve {
    fn new() -> Self {
        Self { phrase: i64::MIN, settings: Settings::default(), ends: None, at: None }
    }

    /// The tension at a position: from one phrase's start straight to the next one's.
    fn aim(&mut self, performance: &Performance, tick: f64, settings: impl Fn() -> Settings) -> f32 {
        let (score, grid) = (performance.score(), performance.score().grid());
        let number = grid.phrase_at(tick as i64);
        // Before the first phrase the piece's settings are those that it will begin with.
        let played = performance.phrase().number == number;
        let settings = if played { *performance.settings() } else { settings() };
        if self.phrase != number || self.settings != settings || self.ends.is_none() {
            let next = number.saturating_add(1);
            self.ends = Some((score.tension(&settings, number), score.tension(&settings, next)));
            self.phrase = number;
            self.settings = settings;
        }
        let (from, to) = self.ends.unwrap_or_default();
        let part = ((tick - grid.start_of(number) as f64) / grid.ticks as f64).clamp(0.0, 1.0);
        from + (to - from) * part as f32
    }

    /// Goes towards the aim within a quantum.
    fn render(&mut self, aim: f32, sample_rate: f32, out: &mut [f32; QUANTUM]) {
        let from = self.at.unwrap_or(aim);
        let most = GLIDE * QUANTUM as f32 / sample_rate;
        let to = from + (aim - from).clamp(-most, most);
        for (frame, x) in out.iter_mut().enumerate() {
            *x = from + (to - from) * ((frame + 1) as f32 / QUANTUM as f32);
        }
        self.at = Some(to);
    }
}

#[cfg(test)]
mod tests {
    use super::super::phrase::Part;
    use super::*;
    use auralis_graph::note::{NoteBuffer, NoteKind};

    fn held(id: u32) -> Held {
        Held { id, part: Part::Chords, key: 60, velocity: 0.5, end: 10 }
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
                (0..3).for_each(|n| sent.take(Event::On(held(round * 3 + n)), 5, &mut send));
                (0..3).filter(|n| round > 2 && n % 2 == 0).for_each(|n| {
                    sent.take(Event::Off(held((round - 3) * 3 + n)), 6, &mut send);
                });
            } else if round == 10 {
                (0..30).for_each(|id| sent.take(Event::Off(held(id)), 0, &mut send));
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
        let mut room = true;
        let mut count = 0;
        for (event, open) in [
            (Event::On(held(7)), true),
            (Event::Off(held(7)), false),
            (Event::On(held(7)), false),
            (Event::Off(held(7)), true),
        ] {
            room = open;
            sent.take(event, 0, &mut |_, _| {
                count += usize::from(room);
                room
            });
        }
        assert!(room && sent.notes.is_empty());
        assert_eq!(count, 2);
    }
}
