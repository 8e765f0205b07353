//! `synth`: the polyphonic voice, sixteen at a time.

mod lanes;
mod params;
mod roster;

use crate::voice::control;
use crate::voice::guard::Guard;
use crate::voice::patch::STEP;
use crate::voice::render::{Scratch, Sum, render};
use crate::voice::state::Group;
use crate::voice::wide::Row;
use auralis_graph::dsp::{Block, QUANTUM};
use auralis_graph::engine::{Context, Io};
use auralis_graph::param::ParamSpec;
use auralis_graph::places::Places;
use auralis_graph::port::Ports;
use auralis_graph::{Node, NodeError, Prepare, Prepared, Processor, Status, Tail, Voices};
use fearless_simd::{Level, Simd, dispatch, f32x16, prelude::*};
use params::{GLIDE, LONGEST, Sound, VARIATION, VELOCITY};
use roster::{Manner, Roster};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::marker::PhantomData;

/// Which instruction set voices are computed with.
pub trait Instructions: 'static {
    /// The set; must be one that the machine has.
    fn level() -> Level;
}

/// The best that the machine has.
pub enum Best {}

impl Instructions for Best {
    fn level() -> Level {
        auralis_graph::instructions::level()
    }
}

/// The synthesizer. The samples do not depend on the instruction set `I`; benches and tests choose it.
pub struct Synth<I = Best> {
    level: Level,
    sample_rate: f32,
    roster: Roster,
    /// Notes that may sound at once, and how many do.
    voices: usize,
    count: Voices,
    groups: Box<[Group]>,
    sound: Box<Sound>,
    scratch: Box<Scratch<Row>>,
    sum: Box<Sum<Row>>,
    guards: [Guard<f32>; 2],
    unison: f32,
    instructions: PhantomData<fn() -> I>,
}

/// How notes share the voices.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SynthMode {
    /// Each note has its own.
    #[default]
    Poly,
    /// One note at a time, each with a new attack.
    Mono,
    /// One note at a time; notes that overlap go on without a new attack.
    Legato,
}

/// Structural configuration.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct SynthConfig {
    /// Notes that sound at once, 1 to 4096; a further one takes the place of the quietest that dies away, else of the oldest.
    #[schemars(range(min = 1, max = 4096))]
    voices: u32,
    /// Strands of each note, 1 to 8: slightly detuned copies, each a voice of its own.
    #[schemars(range(min = 1, max = 8))]
    unison: u32,
    /// poly (every note has its voice), mono (one note, each with a new attack) or legato (one note, overlapping ones without).
    mode: SynthMode,
}

impl Default for SynthConfig {
    fn default() -> Self {
        Self { voices: 32, unison: 1, mode: SynthMode::Poly }
    }
}

/// Most voices of one node: notes times strands.
const MOST_VOICES: u32 = 4096;

/// Amplitude of one voice at full velocity: a chord of the default patch keeps below full scale.
const LEVEL: f32 = 0.8;

impl<I: Instructions> Node for Synth<I> {
    const KIND: &'static str = "synth";
    const ABOUT: &'static str = "A polyphonic synthesizer: two oscillators, sub, noise, filter, envelopes and LFO.

As it comes it is a warm pad. Each note has two oscillators that morph from sine over triangle and saw to pulse
(`osc1_shape`, 0 to 3), a sine below them and noise; they go through a filter with an envelope and an LFO of its own,
and are placed between left and right. No two voices are alike: `variation` and `spread` say how far start phase,
tuning, filter and place differ.

- **Brightness**: `cutoff` and `filter_envelope` first, then `tracking` for high keys and `velocity_cutoff` for hard
  ones. `resonance` colours.
- **Movement**: `detune` makes the oscillators beat, slowly at 4 to 9 ct; `lfo_cutoff` and `lfo_pan` breathe.
- **Plucks and bells**: short `attack` and `decay`, `sustain` 0, a second oscillator at 19 or 31 st.
- **Bass and leads**: `mode: mono` or `legato` with `glide`; `unison` for width.

`attack`, `decay`, `sustain` and `release` shape the level, the same with `filter_` before them the filter. Pressure,
bend, slide and the sustain pedal of a keyboard are heard.";
    const EXAMPLE: &'static str = "
keys: { type: midi_in }
pad: { type: synth, in: keys, cutoff: 900 Hz, detune: 7 ct, voices: 16 }
out: { type: output, in: pad }";
    const PARAMS: &'static [ParamSpec] = params::PARAMS;
    type Config = SynthConfig;

    fn ports(_config: &SynthConfig) -> Ports {
        Ports::instrument()
    }

    fn check(config: &SynthConfig, _places: &Places) -> Vec<NodeError> {
        let mut mistakes = Vec::new();
        if !(1..=MOST_VOICES).contains(&config.voices) {
            mistakes.push(NodeError::new("`voices` is 1 to 4096").at("voices"));
        }
        if !(1..=8).contains(&config.unison) {
            mistakes.push(NodeError::new("`unison` is 1 to 8").at("unison"));
        }
        if mistakes.is_empty() && config.voices * config.unison > MOST_VOICES {
            let most = MOST_VOICES / config.unison;
            let error = NodeError::new(format!(
                "{} notes of {} strands are more than 4096 voices",
                config.voices, config.unison
            ));
            mistakes
                .push(error.at("voices").help(format!("with `unison: {}` up to {most} fit", config.unison)));
        }
        mistakes
    }

    fn prepare(config: &SynthConfig, cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        let roster = Roster::new(config.mode, config.voices as usize, config.unison as usize, cx.seed);
        let sample_rate = cx.sample_rate as f32;
        let most = if config.mode == SynthMode::Poly { config.voices } else { 1 };
        let synth = Synth::<I> {
            level: I::level(),
            sample_rate,
            groups: vec![Group::SILENT; roster.groups()].into_boxed_slice(),
            roster,
            voices: config.voices as usize,
            count: cx.voices(most),
            sound: Box::new(Sound::new(sample_rate)),
            scratch: Box::new(Scratch::new(Row::ZERO)),
            sum: Box::new(Sum { left: [Row::ZERO; QUANTUM], right: [Row::ZERO; QUANTUM] }),
            guards: [Guard::default(); 2],
            unison: config.unison as f32,
            instructions: PhantomData,
        };
        let tail = (f64::from(LONGEST) * f64::from(cx.sample_rate)) as u64;
        Ok(Prepared::new(synth).tail(Tail::Frames(tail)))
    }
}

impl<I: Instructions> Synth<I> {
    fn take_notes(&mut self, cx: &Context<'_>, io: &Io<'_>) {
        let manner = Manner {
            velocity: io.param(VELOCITY).first(),
            glide: io.param(GLIDE).first() * self.sample_rate,
            variation: io.param(VARIATION).first(),
            level: LEVEL / self.unison.sqrt(),
        };
        self.roster.thin(cx.voices(self.voices), &mut self.groups);
        for event in io.notes(0) {
            let tick = tick_at(cx, event.frame());
            self.roster.take(event, &mut self.groups, &manner, tick);
        }
    }
}

/// Musical position at a frame of the quantum.
fn tick_at(cx: &Context<'_>, frame: usize) -> f64 {
    let segment = cx.segments().find(|segment| (segment.from..segment.to).contains(&frame));
    segment.map_or(0.0, |segment| segment.tick + segment.ticks_per_frame * (frame - segment.from) as f64)
}

/// Renders all groups that sound, and sums their lanes.
#[inline(always)]
fn run<S: Simd>(
    simd: S,
    (roster, groups): (&Roster, &mut [Group]),
    sound: &Sound,
    scratch: &mut Scratch<Row>,
    sum: &mut Sum<Row>,
    (left, right): (&mut Block, &mut Block),
) {
    sum.left.fill(Row::ZERO);
    sum.right.fill(Row::ZERO);
    for (index, group) in groups.iter_mut().enumerate() {
        if !roster.is_free(index) {
            run_group(simd, roster, index, group, sound, scratch, sum);
        }
    }
    add_lanes(simd, &sum.left, left);
    add_lanes(simd, &sum.right, right);
}

/// Renders one group: step by step, and cut where its notes change.
#[inline(always)]
fn run_group<S: Simd>(
    simd: S,
    roster: &Roster,
    index: usize,
    group: &mut Group,
    sound: &Sound,
    scratch: &mut Scratch<Row>,
    sum: &mut Sum<Row>,
) {
    let mut edit = roster.edits().first(index);
    let mut from = 0;
    while from < QUANTUM {
        while let Some(due) = edit.filter(|edit| usize::from(edit.frame) <= from) {
            roster.apply(due, index, group);
            edit = roster.edits().after(due);
        }
        let end = (from / STEP + 1) * STEP;
        let to = edit.map_or(end, |edit| usize::from(edit.frame).min(end));
        let tuned = &sound.tuned[from / STEP];
        let cutoff = sound.tracks.cutoff.0[from];
        control::advance::<f32x16<S>>(simd, group, tuned, &tuned.step(to - from), cutoff);
        render::<f32x16<S>>(simd, group, &sound.tracks, from..to, scratch, sum);
        from = to;
    }
}

/// Sums the lanes of each frame, in one order on every machine.
#[inline(always)]
fn add_lanes<S: Simd>(simd: S, rows: &[Row; QUANTUM], out: &mut Block) {
    for (row, out) in rows.iter().zip(out.iter_mut()) {
        let (low, high) = f32x16::load_array_ref(simd, &row.0).split();
        let (low, high) = (low + high).split();
        let [a, b, c, d] = *(low + high);
        *out = (a + b) + (c + d);
    }
}

impl<I: Instructions> Processor for Synth<I> {
    fn process(&mut self, cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        self.take_notes(cx, io);
        if self.roster.is_silent() {
            self.guards = [Guard::default(); 2];
            self.count.sound(0);
            return Status::Asleep;
        }
        self.sound.follow(io);
        let mut output = io.output(0);
        let (roster, groups, sound) = (&self.roster, &mut self.groups, &self.sound);
        let (scratch, sum) = (&mut self.scratch, &mut self.sum);
        let (left, right) = output.stereo();
        dispatch!(self.level, simd => {
            run(simd, (roster, groups), sound, scratch, sum, (left, right));
        });
        let [guard_left, guard_right] = &mut self.guards;
        for (left, right) in left.iter_mut().zip(right.iter_mut()) {
            (*left, *right) = (guard_left.tick(*left), guard_right.tick(*right));
        }
        self.roster.end(&self.groups);
        self.count.sound(self.roster.sounding());
        Status::Active
    }

    fn reset(&mut self) {
        self.roster.reset();
        self.groups.fill(Group::SILENT);
        self.guards = [Guard::default(); 2];
        self.count.sound(0);
    }
}
