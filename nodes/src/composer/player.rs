//! The audio half of a composer: turns what happens at ticks into events at frames, in the harmony of whoever plays
//! along. Audio thread: never allocates, never loses a note-off.

use super::hands::{Hands, HeldChord};
use super::harmony::Palette;
use super::performance::{Event, Performance};
use super::score::Score;
use super::sent::{Leading, Sent};
use auralis_graph::dsp::QUANTUM;
use auralis_graph::engine::{Context, Io};
use auralis_graph::note::NoteEvent;
use auralis_graph::settings::Settings;
use auralis_graph::transport::Segment;
use auralis_graph::{Processor, Status};

/// Index of the input for what is played along.
const HANDS: usize = 0;

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
    hands: Hands,
    /// The chord that all goes by instead of the composed harmony.
    harmony: Option<HeldChord>,
    /// The tick at which the composed harmony comes back, once nothing is held.
    returns: Option<i64>,
    /// The frame of the quantum from which what sounds has to follow another harmony.
    turned: Option<usize>,
}

impl Player {
    /// A player of a score, not yet placed.
    pub fn new(score: Score) -> Self {
        Self {
            performance: Performance::new(score),
            placed: false,
            sent: Sent::default(),
            curve: Curve::new(),
            hands: Hands::default(),
            harmony: None,
            returns: None,
            turned: None,
        }
    }

    /// Ends everything and forgets the place.
    fn release(&mut self, frame: usize, send: &mut impl FnMut(usize, NoteEvent) -> bool) {
        for held in self.performance.held() {
            self.sent.end(held, frame, send);
        }
        self.placed = false;
        self.turned = None;
        // Elsewhere nothing lingers.
        (self.harmony, self.returns) = (self.hands.chord(), None);
    }

    /// How composed notes are led now.
    fn leading(&self) -> Option<Leading> {
        let (score, settings) = (self.performance.score(), self.performance.settings());
        let config = score.config();
        self.harmony.map(|chord| Leading {
            chord,
            scale: Palette::new(settings.key, config.diminished).melody,
            bass_at: config.bass_at,
        })
    }

    /// Takes what is played at a frame, up to the events of that frame.
    fn listen(&mut self, cx: &Context<'_>, notes: &[NoteEvent], segment: &Segment, frame: usize) {
        let now = cx.frame + frame as i64;
        let key = cx.settings().key;
        let before = self.hands.chord();
        if self.hands.settles().is_some_and(|settles| settles <= now) {
            self.hands.settle(key);
        }
        for event in notes {
            self.hands.take(event, now, cx.sample_rate, key);
        }
        let chord = self.hands.chord();
        if chord.is_some() {
            self.returns = None;
            self.turn(chord, frame);
        } else if before.is_some() {
            // What rounding puts behind a tick is at it.
            let tick = segment.tick + segment.ticks_per_frame * (frame - segment.from) as f64;
            let comes = self.performance.next_change_of_chord((tick - 1e-3).ceil() as i64);
            match self.placed && segment.playing {
                true => self.returns = Some(comes),
                false => self.harmony = None,
            }
        }
    }

    /// Has all go by another harmony from a frame on.
    fn turn(&mut self, harmony: Option<HeldChord>, frame: usize) {
        if self.harmony != harmony {
            self.harmony = harmony;
            self.turned = Some(frame);
        }
    }

    /// Leads what sounds to a harmony that has changed.
    fn follow(&mut self, send: &mut impl FnMut(usize, NoteEvent) -> bool) {
        if let Some(frame) = self.turned.take() {
            let leading = self.leading();
            self.sent.lead(leading.as_ref(), frame, send);
        }
    }

    /// Plays what is composed for a frame. What ends there does not follow a new harmony, what begins there comes after
    /// what does.
    fn step(
        &mut self,
        settings_at: impl Fn(i64) -> Settings,
        frame: usize,
        send: &mut impl FnMut(usize, NoteEvent) -> bool,
    ) {
        let leading = self.leading();
        let (sent, turned) = (&mut self.sent, &mut self.turned);
        self.performance.step(settings_at, |event| match event {
            Event::Off(held) => sent.end(&held, frame, send),
            Event::On(held) => {
                if let Some(frame) = turned.take() {
                    sent.lead(leading.as_ref(), frame, send);
                }
                sent.start(&held, leading.as_ref(), frame, send);
            }
        });
    }

    /// Plays a stretch in which the position runs evenly.
    fn play(
        &mut self,
        cx: &Context<'_>,
        mut notes: &[NoteEvent],
        segment: &Segment,
        send: &mut impl FnMut(usize, NoteEvent) -> bool,
    ) {
        let settings_at = |tick: i64| cx.settings_at(tick);
        let frame_of = |tick: Option<i64>| tick.and_then(|tick| segment.frame_of(tick));
        loop {
            let played = notes.first().map(|event| event.frame());
            let settles = self.hands.settles().map(|frame| (frame - cx.frame).max(0) as usize);
            let settles = settles.filter(|frame| *frame < segment.to).map(|frame| frame.max(segment.from));
            let heard = played.into_iter().chain(settles).min();
            let returns = if self.placed { frame_of(self.returns) } else { None };
            let composed = if self.placed { frame_of(self.performance.next_tick()) } else { None };
            let Some(frame) = heard.into_iter().chain(returns).chain(composed).min() else { break };
            if self.turned.is_some_and(|turned| turned < frame) {
                self.follow(send);
            }
            if heard == Some(frame) {
                let count = notes.iter().take_while(|event| event.frame() == frame).count();
                let (now, rest) = notes.split_at(count);
                self.listen(cx, now, segment, frame);
                notes = rest;
            } else if returns == Some(frame) {
                self.returns = None;
                self.turn(None, frame);
            } else {
                self.step(settings_at, frame, send);
            }
        }
        self.follow(send);
    }
}

impl Processor for Player {
    fn process(&mut self, cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        let notes = io.notes(HANDS);
        let mut send = |port: usize, event: NoteEvent| io.send(port, event).is_ok();
        self.sent.catch_up(&mut send);
        for segment in cx.segments() {
            if (segment.jump || !segment.playing) && self.placed {
                self.release(segment.from, &mut send);
            }
            if segment.playing && !self.placed {
                // What a rounding error puts behind the position has not happened yet.
                let settings_at = |tick: i64| cx.settings_at(tick);
                self.performance.seek((segment.tick - 1e-3).ceil() as i64, settings_at);
                self.placed = true;
                let leading = self.leading();
                for held in self.performance.held() {
                    self.sent.start(held, leading.as_ref(), segment.from, &mut send);
                }
            }
            let from = notes.partition_point(|event| event.frame() < segment.from);
            let to = notes.partition_point(|event| event.frame() < segment.to);
            self.play(cx, &notes[from..to], &segment, &mut send);
        }
        let aim = self.curve.aim(&self.performance, cx.tick(), || cx.settings());
        let mut output = io.output(TENSION);
        self.curve.render(aim, cx.sample_rate, output.channel(0));
        Status::Active
    }

    fn reset(&mut self) {
        self.performance.leave();
        self.placed = false;
        self.sent = Sent::default();
        self.curve = Curve::new();
        self.hands.clear();
        (self.harmony, self.returns, self.turned) = (None, None, None);
    }
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
