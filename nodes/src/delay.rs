//! `delay`: echoes, by the clock or by the beat.

use crate::blend::{INAUDIBLE, blend_all, loudest};
use crate::cut::{FLAT, GENTLE, HighCut, LowCut};
use crate::line::{Head, Line, Travel};
use auralis_graph::dsp::{Block, QUANTUM, db_to_gain, gain_to_db};
use auralis_graph::engine::{AudioIn, Context, Io, Param};
use auralis_graph::param::{ParamSpec, Unit};
use auralis_graph::port::{PortSpec, Ports};
use auralis_graph::{Node, NodeError, Prepare, Prepared, Processor, Status, Tail, places::Places};
use fundsp::audionode::AudioNode;
use fundsp::filter::DCBlock;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::any::Any;

const TIME: usize = 0;
const FEEDBACK: usize = 1;
const LOW_CUT: usize = 2;
const HIGH_CUT: usize = 3;
const DUCK: usize = 4;
const MIX: usize = 5;

const LONGEST: f32 = 8.0;
const LOW_CUT_OFF: f32 = 20.0;
const HIGH_CUT_OFF: f32 = 20_000.0;

/// More frames than any line is long: there is nothing in it.
const EMPTY: usize = usize::MAX;

/// An echo.
pub struct Delay {
    ping_pong: bool,
    /// Frames by which the input comes late, in a loop of the graph.
    advance: usize,
    shortest: f64,
    sample_rate: f64,
    head: Head,
    channels: Box<[Channel]>,
    low_cut: LowCut,
    high_cut: HighCut,
    duck: Ducker,
    /// Frames since anything audible went into a line.
    quiet: usize,
    wet: Box<[Block]>,
    /// What comes out of the lines, while a quantum runs.
    echoes: Box<[Block]>,
}

struct Channel {
    /// What came in and what comes back.
    line: Line,
    /// What was heard, as late as the input comes. Empty outside of loops.
    heard: Line,
    /// Keeps the loop free of what is too slow to hear, which would add up in it.
    block: DCBlock<f64>,
    /// What is heard in this frame, and what goes round from it.
    echo: f32,
    back: f32,
}

/// Structural configuration.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct DelayConfig {
    /// Whether echoes go from side to side, the first to the left; it makes the node stereo.
    ping_pong: bool,
    /// What a change of `time` or tempo sounds like: `fade` crosses over to the new time, `tape` bends the pitch.
    change: Change,
    /// The shortest time in seconds that it is used with; a loop through nodes with latency needs at least that.
    shortest: f64,
}

/// What a change of time sounds like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Change {
    /// The echoes fade over to the new time.
    #[default]
    Fade,
    /// The echoes bend in pitch, as on a tape whose head is moved.
    Tape,
}

impl DelayConfig {
    /// The least delay that a loop may count on, in frames.
    fn least(&self, sample_rate: u32) -> u32 {
        let shortest = (self.shortest * f64::from(sample_rate)).round() as u32;
        shortest.max(QUANTUM as u32)
    }
}

impl Node for Delay {
    const KIND: &'static str = "delay";
    const ABOUT: &'static str = "Echoes, by the clock or by the beat.

`time` takes seconds or a musical length (`1/8d`), which follows the tempo. Each echo is `feedback` times as loud as
the one before; at 1 they never end, above 1 they swell until they saturate softly. Cuts shape every echo once
more: a low cut around 200 Hz and a high cut around 4 kHz keep them behind the sound that made them. `duck` turns
the echoes down while the dry sound plays, and lets them rise in its gaps.

Small movements of `time` glide; larger ones fade over to the new time, or bend the pitch with `change: tape`. With
`ping_pong` the echoes go from side to side.

It may close a feedback loop of the graph, through filters or a pitch shifter, say. Its `time` is then exact too,
but never below 64 frames (or `shortest`). Set `mix: 1` there, or dry sound goes round the loop as well.";
    const EXAMPLE: &'static str = "
hiss: { type: noise, gain: -30 dB }
echo: { type: delay, in: hiss, time: 1/8d, feedback: 0.5, low_cut: 200 Hz, high_cut: 4 kHz, mix: 0.4 }
out: { type: output, in: echo }";
    const PARAMS: &'static [ParamSpec] = &[
        ParamSpec::seconds("time", 0.001, LONGEST, 0.35)
            .musical()
            .smoothing(0.0)
            .about("From one echo to the next."),
        ParamSpec::new("feedback", Unit::Ratio, 0.0, 1.1, 0.35)
            .about("Each echo's level against the one before."),
        ParamSpec::hertz("low_cut", LOW_CUT_OFF, 2_000.0, LOW_CUT_OFF)
            .about("Takes the lows from each echo, 12 dB an octave; off at its lowest."),
        ParamSpec::hertz("high_cut", 500.0, HIGH_CUT_OFF, HIGH_CUT_OFF)
            .about("Takes the highs from each echo, 12 dB an octave; off at its highest."),
        ParamSpec::decibels("duck", 0.0, 30.0, 0.0)
            .about("How far the echoes step back while the dry sound plays at -20 dB or more."),
        ParamSpec::ratio("mix", 0.35).about("From dry at 0 to echoes alone at 1."),
    ];
    const SETTINGS: bool = true;
    type Config = DelayConfig;

    fn ports(config: &DelayConfig) -> Ports {
        if config.ping_pong {
            return Ports::new([PortSpec::audio("in", 2)], [PortSpec::audio("out", 2)]);
        }
        Ports::effect()
    }

    fn check(config: &DelayConfig, _places: &Places) -> Vec<NodeError> {
        if (0.0..=f64::from(LONGEST)).contains(&config.shortest) {
            return Vec::new();
        }
        let error = NodeError::new(format!("the shortest time is between 0 and {LONGEST} seconds"));
        vec![error.at("shortest")]
    }

    fn feedback_delay(config: &DelayConfig, sample_rate: u32) -> Option<u32> {
        Some(config.least(sample_rate))
    }

    fn prepare(config: &DelayConfig, cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        let sample_rate = f64::from(cx.sample_rate);
        let (advance, channels) = (cx.advance as usize, usize::from(cx.outputs[0]));
        let longest = (f64::from(LONGEST) * sample_rate) as usize + 1;
        let mut block = DCBlock::new(5.0);
        block.set_sample_rate(sample_rate);
        let channel = || Channel {
            line: Line::new(longest),
            heard: Line::new(advance),
            block: block.clone(),
            echo: 0.0,
            back: 0.0,
        };
        let travel = if config.change == Change::Tape { Travel::Tape } else { Travel::Fade };
        let in_loop = advance > 0 || config.shortest > 0.0;
        let delay = Delay {
            ping_pong: config.ping_pong,
            advance,
            shortest: if in_loop { f64::from(config.least(cx.sample_rate)) } else { 1.0 },
            sample_rate,
            head: Head::new(travel, sample_rate),
            channels: (0..channels).map(|_| channel()).collect(),
            low_cut: LowCut::new(channels, cx.sample_rate, LOW_CUT_OFF, &GENTLE),
            high_cut: HighCut::new(channels, cx.sample_rate, HIGH_CUT_OFF, &GENTLE),
            duck: Ducker::new(sample_rate),
            quiet: EMPTY,
            wet: vec![Block::SILENCE; channels].into(),
            echoes: vec![Block::SILENCE; channels].into(),
        };
        // How long depends on `feedback`, which moves: enough for echoes every second that halve.
        Ok(Prepared::new(delay).tail(Tail::Frames(20 * u64::from(cx.sample_rate))))
    }
}

/// Linear up to full scale, above that bent softly towards twice as much: loops stay within bounds.
#[inline]
fn bounded(x: f32) -> f32 {
    let over = x.abs() - 1.0;
    if over <= 0.0 { x } else { (1.0 + over / (1.0 + over)).copysign(x) }
}

impl Delay {
    /// The place of the head in frames. Times that rest are whole frames: exact, and without any loss of highs.
    #[inline]
    fn target(&self, time: Param<'_>, frame: usize) -> f64 {
        let frames = f64::from(time.at(frame)) * self.sample_rate;
        let frames = if let Param::Constant(_) = time { frames.round() } else { frames };
        frames.max(self.shortest)
    }

    /// One frame: `wet` holds the input of all channels before, and their echoes after. Returns the loudest
    /// that went into a line.
    #[inline]
    fn tick(&mut self, wet: &mut [Block], frame: usize, feedback: f32) -> f32 {
        let late = self.advance;
        if late == 0 {
            // Read before anything is pushed: the newest sample is one frame old.
            for (index, channel) in self.channels.iter_mut().enumerate() {
                let echo = self.head.read(&channel.line, 1.0);
                channel.echo = self.high_cut.tick(index, self.low_cut.tick(index, echo));
                channel.back = channel.echo;
            }
        } else {
            self.channels.iter_mut().for_each(|channel| channel.back = channel.heard.whole(late - 1));
        }
        if self.ping_pong {
            let (left, right) = (self.channels[0].back, self.channels[1].back);
            (self.channels[0].back, self.channels[1].back) = (right, left);
            wet[0][frame] = (wet[0][frame] + wet[1][frame]) * 0.5;
            wet[1][frame] = 0.0;
        }
        let mut loudest = 0.0f32;
        for (channel, wet) in self.channels.iter_mut().zip(wet) {
            let back = channel.block.filter_mono(bounded(channel.back * feedback));
            let into = wet[frame] + back;
            loudest = loudest.max(into.abs());
            channel.line.push(into);
            wet[frame] = channel.echo;
        }
        loudest
    }

    /// A quantum frame by frame: the head may move, and short echoes go in again at once.
    fn walk(
        &mut self,
        wet: &mut [Block],
        time: Param<'_>,
        (low_cut, high_cut): (Param<'_>, Param<'_>),
        feedback: Param<'_>,
    ) -> f32 {
        let mut into = 0.0f32;
        for frame in 0..QUANTUM {
            self.head.advance(self.target(time, frame));
            self.low_cut.aim(low_cut.at(frame), FLAT);
            self.high_cut.aim(high_cut.at(frame), FLAT);
            into = into.max(self.tick(wet, frame, feedback.at(frame)));
            if self.advance > 0 {
                self.tick_late(wet, frame);
            }
        }
        into
    }

    /// A whole quantum as [`Delay::walk`] would do it, where nothing moves and no echo goes in again before its end.
    fn rest(
        &mut self,
        wet: &mut [Block],
        place: usize,
        (low_cut, high_cut): (Param<'_>, Param<'_>),
        feedback: Param<'_>,
    ) -> f32 {
        for (channel, echo) in self.channels.iter().zip(self.echoes.iter_mut()) {
            channel.line.late(place - QUANTUM, echo);
        }
        self.low_cut.quantum(low_cut, Param::Constant(FLAT), &mut self.echoes);
        self.high_cut.quantum(high_cut, Param::Constant(FLAT), &mut self.echoes);
        if self.ping_pong {
            let (left, right) = wet.split_at_mut(1);
            left[0].iter_mut().zip(right[0].iter()).for_each(|(left, right)| *left = (*left + right) * 0.5);
            wet[1] = Block::SILENCE;
        }
        let mut loudest = 0.0f32;
        for (index, (channel, wet)) in self.channels.iter_mut().zip(wet).enumerate() {
            let back = &self.echoes[if self.ping_pong { 1 - index } else { index }];
            for frame in 0..QUANTUM {
                let back = channel.block.filter_mono(bounded(back[frame] * feedback.at(frame)));
                wet[frame] += back;
                loudest = loudest.max(wet[frame].abs());
            }
            channel.line.push_quantum(wet);
            *wet = self.echoes[index];
        }
        loudest
    }

    /// In a loop of the graph: the echoes of one frame, after it was pushed.
    #[inline]
    fn tick_late(&mut self, wet: &mut [Block], frame: usize) {
        for (index, (channel, wet)) in self.channels.iter_mut().zip(wet).enumerate() {
            let echo = self.head.read(&channel.line, self.advance as f64);
            let echo = self.high_cut.tick(index, self.low_cut.tick(index, echo));
            channel.heard.push(echo);
            wet[frame] = echo;
        }
    }

    fn forget(&mut self) {
        for channel in &mut self.channels {
            channel.line.clear();
            channel.heard.clear();
            channel.block.reset();
        }
        self.low_cut.reset();
        self.high_cut.reset();
        self.head.reset();
        self.duck.reset();
        self.quiet = EMPTY;
    }
}

impl Processor for Delay {
    fn process(&mut self, _cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        let input = io.input(0);
        if input.is_silent() && self.quiet > self.head.farthest() as usize + self.advance {
            self.forget();
            return Status::Asleep;
        }
        let [time, feedback, low_cut, high_cut, duck, mix] =
            [TIME, FEEDBACK, LOW_CUT, HIGH_CUT, DUCK, MIX].map(|index| io.param(index));
        let mut wet = std::mem::take(&mut self.wet);
        for (channel, wet) in wet.iter_mut().enumerate() {
            *wet = *input.channel(channel);
        }
        let place = self.target(time, 0);
        let moves = !matches!(time, Param::Constant(_)) || !self.head.rests_at(place);
        let into = if !moves && self.advance == 0 && place >= QUANTUM as f64 {
            self.head.advance(place);
            self.rest(&mut wet, place as usize, (low_cut, high_cut), feedback)
        } else {
            self.walk(&mut wet, time, (low_cut, high_cut), feedback)
        };
        self.quiet = if into > INAUDIBLE { 0 } else { self.quiet.saturating_add(QUANTUM) };
        let (from, to) = self.duck.quantum(&input, duck.first());
        let mut output = io.output(0);
        for (channel, wet) in wet.iter().enumerate() {
            let out = output.channel(channel);
            for frame in 0..QUANTUM {
                out[frame] = wet[frame] * (from + (to - from) * (frame + 1) as f32 / QUANTUM as f32);
            }
        }
        self.wet = wet;
        blend_all(&input, &mut output, mix);
        Status::Active
    }

    fn reset(&mut self) {
        self.forget();
    }

    fn adopt(&mut self, previous: &dyn Any) -> bool {
        let Some(previous) = previous.downcast_ref::<Delay>() else { return false };
        // The echoes themselves fade with the old node; its time and the step back go on.
        self.head.adopt(&previous.head);
        self.duck = previous.duck;
        true
    }
}

/// Turns the echoes down while the dry sound plays.
#[derive(Debug, Clone, Copy)]
struct Ducker {
    level: f32,
    gain: f32,
    /// What is left of the level, and of the distance of the gain to its target, after a quantum.
    level_keeps: f32,
    gain_keeps: f32,
}

impl Ducker {
    /// Level in dB from which the echoes begin to step back, and from which they are back as far as they go.
    const LEVELS: (f32, f32) = (-50.0, -20.0);
    /// Time constants in seconds: how long a level is remembered, and how fast the gain follows.
    const MEMORY: f64 = 0.15;
    const LAG: f64 = 0.02;

    fn new(sample_rate: f64) -> Self {
        let keeps = |seconds: f64| (-(QUANTUM as f64) / (seconds * sample_rate)).exp() as f32;
        Self { level: 0.0, gain: 1.0, level_keeps: keeps(Self::MEMORY), gain_keeps: keeps(Self::LAG) }
    }

    fn reset(&mut self) {
        self.level = 0.0;
        self.gain = 1.0;
    }

    /// The gain before and after a quantum, for echoes that step back by `duck` dB.
    fn quantum(&mut self, dry: &AudioIn<'_>, duck: f32) -> (f32, f32) {
        let before = self.gain;
        if duck == 0.0 && before == 1.0 {
            return (1.0, 1.0);
        }
        self.level = loudest(dry).max(self.level * self.level_keeps);
        let (low, high) = Self::LEVELS;
        let part = ((gain_to_db(self.level) - low) / (high - low)).clamp(0.0, 1.0);
        let target = db_to_gain(-duck * part);
        self.gain = target + (before - target) * self.gain_keeps;
        if duck == 0.0 && self.gain > 0.9999 {
            self.gain = 1.0;
        }
        (before, self.gain)
    }
}
