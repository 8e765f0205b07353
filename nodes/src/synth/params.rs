//! The parameters of `synth`, and the patch that follows from them: looked at in every frame where that can be heard,
//! else once a step. Audio thread.

use crate::voice::adsr::Adsr;
use crate::voice::patch::{Patch, STEP, Tracks, Tuned, WaveTrack};
use crate::voice::shape::Blend;
use auralis_graph::dsp::{Block, QUANTUM, db_to_gain, exp2};
use auralis_graph::engine::{Io, Param};
use auralis_graph::param::{ParamSpec, SILENCE_DB, Unit, gain_factor};

/// Parameters in order, each with its index.
macro_rules! params {
    ($($index:ident = $spec:expr;)*) => {
        #[allow(clippy::upper_case_acronyms, non_camel_case_types)]
        enum Index { $($index),* }
        $(pub const $index: usize = Index::$index as usize;)*
        pub const PARAMS: &[ParamSpec] = &[$($spec),*];
    };
}

const fn semitones(name: &'static str, min: f32, max: f32, default: f32) -> ParamSpec {
    ParamSpec::new(name, Unit::Semitones, min, max, default)
}

const fn octaves(name: &'static str, min: f32, max: f32, default: f32) -> ParamSpec {
    ParamSpec::new(name, Unit::Plain, min, max, default)
}

const fn shape(name: &'static str, default: f32) -> ParamSpec {
    ParamSpec::new(name, Unit::Plain, 0.0, 3.0, default)
        .about("Wave: 0 sine, 1 triangle, 2 saw, 3 pulse, and everything between.")
}

const fn width(name: &'static str) -> ParamSpec {
    ParamSpec::new(name, Unit::Ratio, 0.02, 0.98, 0.5)
        .about("Part of the cycle that the pulse is high: 50 % is a square.")
}

const fn level(name: &'static str, default: f32) -> ParamSpec {
    ParamSpec::decibels(name, SILENCE_DB, 6.0, default)
}

/// The shortest segment of an envelope, in seconds.
const SHORTEST: f32 = 0.001;
/// The longest segment of an envelope, in seconds.
pub const LONGEST: f32 = 30.0;

const fn segment(name: &'static str, default: f32) -> ParamSpec {
    ParamSpec::seconds(name, SHORTEST, LONGEST, default)
}

params! {
    TUNE = semitones("tune", -36.0, 36.0, 0.0).about("Transposes the whole sound.");
    OSC1_SHAPE = shape("osc1_shape", 2.0);
    OSC1_WIDTH = width("osc1_width");
    OSC1_TUNE = semitones("osc1_tune", -36.0, 36.0, 0.0)
        .about("First oscillator above the key: 12 st is an octave.");
    OSC1_LEVEL = level("osc1_level", -9.0).about("Level of the first oscillator.");
    OSC2_SHAPE = shape("osc2_shape", 1.6);
    OSC2_WIDTH = width("osc2_width");
    OSC2_TUNE = semitones("osc2_tune", -36.0, 36.0, 0.0)
        .about("Second oscillator above the key: 12 st is an octave.");
    OSC2_LEVEL = level("osc2_level", -9.0).about("Level of the second oscillator.");
    DETUNE = semitones("detune", 0.0, 1.0, 0.09)
        .about("How far the two oscillators are apart, half to each side: they beat.");
    SUB_LEVEL = level("sub_level", -15.0).about("Level of the sub oscillator, a sine.");
    SUB_TUNE = semitones("sub_tune", -36.0, 0.0, -12.0).about("Sub oscillator above the key.");
    NOISE_LEVEL = level("noise_level", SILENCE_DB).about("Level of white noise, before the filter.");
    DRIVE = ParamSpec::decibels("drive", 0.0, 30.0, 0.0)
        .about("Bends the oscillators, but neither sub nor noise: warm at first, then rough; 0 is clean.");
    FILTER = ParamSpec::new("filter", Unit::Ratio, 0.0, 1.0, 0.0)
        .about("What the filter lets through: 0 low-pass, 0.5 band-pass, 1 high-pass, and everything between.");
    CUTOFF = ParamSpec::hertz("cutoff", 20.0, 20_000.0, 700.0)
        .about("Where the filter turns, for C4 played as softly as can be, before envelope and LFO.");
    RESONANCE = ParamSpec::ratio("resonance", 0.12).about("Emphasis at the cutoff.");
    TRACKING = ParamSpec::new("tracking", Unit::Ratio, -1.0, 2.0, 0.4)
        .about("How far the cutoff follows the key: 1 keeps the colour of every key alike.");
    FILTER_ENVELOPE = octaves("filter_envelope", -8.0, 8.0, 1.6).about("Octaves that its envelope opens the filter.");
    FILTER_ATTACK = segment("filter_attack", 0.5).about("Time in which the filter's envelope rises.");
    FILTER_DECAY = segment("filter_decay", 3.0).about("Time in which it falls to its sustain level.");
    FILTER_SUSTAIN = ParamSpec::ratio("filter_sustain", 0.5).about("Its level while the note is held.");
    FILTER_RELEASE = segment("filter_release", 2.0).about("Time in which it falls to nothing after the note.");
    ATTACK = segment("attack", 0.15).about("Time in which the note rises.");
    DECAY = segment("decay", 2.0).about("Time in which it falls to the sustain level.");
    SUSTAIN = ParamSpec::ratio("sustain", 0.8).about("Level while the note is held.");
    RELEASE = segment("release", 1.5).about("Time in which it falls to nothing after the note.");
    VELOCITY = ParamSpec::ratio("velocity", 0.6)
        .about("How much velocity tells in the level: at 1 half the velocity is a quarter of it.");
    VELOCITY_CUTOFF = octaves("velocity_cutoff", 0.0, 5.0, 1.0)
        .about("Octaves that full velocity opens the filter.");
    LFO_RATE = ParamSpec::hertz("lfo_rate", 0.01, 40.0, 0.35).musical()
        .about("Speed of the low-frequency oscillator that each voice has.");
    LFO_FADE = ParamSpec::seconds("lfo_fade", 0.0, LONGEST, 0.8)
        .about("Time in which it fades in after the note began.");
    LFO_PITCH = semitones("lfo_pitch", 0.0, 12.0, 0.03).about("Vibrato: how far it moves the pitch to each side.");
    LFO_CUTOFF = octaves("lfo_cutoff", 0.0, 5.0, 0.25).about("Octaves that it moves the cutoff to each side.");
    LFO_AMP = ParamSpec::ratio("lfo_amp", 0.0).about("Tremolo: the part of the level that it takes away.");
    LFO_PAN = ParamSpec::ratio("lfo_pan", 0.1).about("How far it moves the voice to each side.");
    GLIDE = ParamSpec::seconds("glide", 0.0, 10.0, 0.0)
        .about("Time in which the pitch slides from the last note to a new one.");
    SPREAD = ParamSpec::ratio("spread", 0.5)
        .about("How far voices are placed to the sides, each by its chance; mono and legato stay in the middle.");
    UNISON_DETUNE = semitones("unison_detune", 0.0, 2.0, 0.2)
        .about("How far the outermost strands of a unison are apart.");
    UNISON_SPREAD = ParamSpec::ratio("unison_spread", 0.7)
        .about("How far the strands of a unison are placed to the sides.");
    VARIATION = ParamSpec::ratio("variation", 0.5)
        .about("How much each voice differs by its chance: start phases, tuning, filter.");
    PRESSURE = octaves("pressure", 0.0, 5.0, 1.5).about("Octaves that full pressure opens the filter.");
    TIMBRE = octaves("timbre", 0.0, 5.0, 2.0)
        .about("Octaves that timbre (MPE's slide) opens the filter from its middle to its end.");
}

/// Tells constants that stay from those that changed and from signals.
struct Watch<const N: usize> {
    last: Option<[f32; N]>,
}

enum News<const N: usize> {
    Same,
    Changed([f32; N]),
    Moving,
}

impl<const N: usize> Watch<N> {
    const NEW: Self = Self { last: None };

    fn look(&mut self, params: &[Param<'_>; N]) -> News<N> {
        let mut now = [0.0; N];
        for (now, param) in now.iter_mut().zip(params) {
            let Param::Constant(value) = param else {
                self.last = None;
                return News::Moving;
            };
            *now = *value;
        }
        if self.last == Some(now) {
            return News::Same;
        }
        self.last = Some(now);
        News::Changed(now)
    }
}

/// The patch in one quantum.
pub struct Sound {
    sample_rate: f32,
    /// For each step.
    pub tuned: [Tuned; QUANTUM / STEP],
    /// For each frame.
    pub tracks: Tracks,
    waves: [Watch<3>; 2],
    levels: [Watch<1>; 3],
    filter: Watch<3>,
}

impl Sound {
    /// With the parameters' defaults.
    pub fn new(sample_rate: f32) -> Self {
        let patch = patch(|index| PARAMS[index].default);
        Self {
            sample_rate,
            tuned: [Tuned::new(patch, sample_rate); QUANTUM / STEP],
            tracks: Tracks::SILENT,
            waves: [const { Watch::NEW }; 2],
            levels: [const { Watch::NEW }; 3],
            filter: Watch::NEW,
        }
    }

    /// Takes the parameters of this quantum. What did not change costs a comparison.
    pub fn follow(&mut self, io: &Io<'_>) {
        self.follow_steps(io);
        let [first, second] = &mut self.tracks.waves;
        let [watch_first, watch_second] = &mut self.waves;
        let wave = |shape, width, level| [io.param(shape), io.param(width), io.param(level)];
        follow_wave(first, watch_first, wave(OSC1_SHAPE, OSC1_WIDTH, OSC1_LEVEL));
        follow_wave(second, watch_second, wave(OSC2_SHAPE, OSC2_WIDTH, OSC2_LEVEL));
        let [sub, noise, drive] = &mut self.levels;
        follow_level(&mut self.tracks.sub, sub, io.param(SUB_LEVEL), gain_factor);
        // Noise comes between -1/2 and 1/2.
        follow_level(&mut self.tracks.noise, noise, io.param(NOISE_LEVEL), |db| 2.0 * gain_factor(db));
        follow_level(&mut self.tracks.drive, drive, io.param(DRIVE), db_to_gain);
        self.tracks.drive.1 = self.tracks.drive.0.iter().any(|drive| *drive > 1.0);
        self.follow_filter([io.param(CUTOFF), io.param(RESONANCE), io.param(FILTER)]);
    }

    fn follow_steps(&mut self, io: &Io<'_>) {
        let moving = PATCH.iter().any(|index| matches!(io.param(*index), Param::Signal(_)));
        let steps = if moving { QUANTUM / STEP } else { 1 };
        for step in 0..steps {
            let last = (step + 1) * STEP - 1;
            let patch = patch(|index| io.param(index).at(last));
            if self.tuned[step].patch != patch {
                self.tuned[step] = Tuned::new(patch, self.sample_rate);
            }
        }
        let (first, rest) = self.tuned.split_at_mut(steps);
        for tuned in rest {
            if tuned.patch != first[0].patch {
                *tuned = first[0];
            }
        }
    }

    fn follow_filter(&mut self, params: [Param<'_>; 3]) {
        let tracks = &mut self.tracks;
        let sample_rate = self.sample_rate;
        let mut set = |frame: usize, [cutoff, resonance, filter]: [f32; 3]| {
            let damping = damping(resonance);
            // Half of what resonance adds is taken from the whole: it colours, and does not ring out of the mix.
            let level = (damping / UNDAMPED).min(1.0).sqrt();
            let (low, high) = ((1.0 - 2.0 * filter).max(0.0), (2.0 * filter - 1.0).max(0.0));
            let band = 1.0 - low - high;
            tracks.cutoff.0[frame] = cutoff / sample_rate;
            tracks.damping[frame] = damping;
            // The high-pass is the input without damping x band and low; the band-pass peaks at 1.
            tracks.through[frame] = high * level;
            tracks.band[frame] = (band - high) * damping * level;
            tracks.low[frame] = (low - high) * level;
        };
        match self.filter.look(&params) {
            News::Same => {}
            News::Changed(now) => (0..QUANTUM).for_each(|frame| set(frame, now)),
            News::Moving => (0..QUANTUM).for_each(|frame| set(frame, params.map(|param| param.at(frame)))),
        }
        self.tracks.cutoff.1 = matches!(params[0], Param::Signal(_));
    }
}

/// The damping from which on emphasis is to be heard as such: 3 dB of it.
const UNDAMPED: f32 = 0.7;

/// The filter's damping: from 2 (no emphasis at all) to 1/32 (30 dB of it), by equal ratios.
fn damping(resonance: f32) -> f32 {
    exp2(1.0 - 6.0 * resonance)
}

fn follow_wave(track: &mut WaveTrack, watch: &mut Watch<3>, params: [Param<'_>; 3]) {
    let news = watch.look(&params);
    let mut set = |frame: usize, [shape, width, level]: [f32; 3]| {
        let blend = Blend::new(shape, width, gain_factor(level));
        track.sine.0[frame] = blend.sine;
        track.triangle.0[frame] = blend.triangle;
        track.saw.0[frame] = blend.saw;
        track.pulse.0[frame] = blend.pulse;
        track.delay[frame] = blend.delay;
    };
    match news {
        News::Same => return,
        News::Changed(now) => (0..QUANTUM).for_each(|frame| set(frame, now)),
        News::Moving => (0..QUANTUM).for_each(|frame| set(frame, params.map(|param| param.at(frame)))),
    }
    for (block, sounds) in [&mut track.sine, &mut track.triangle, &mut track.saw, &mut track.pulse] {
        *sounds = any(block);
    }
}

fn follow_level(
    (block, sounds): &mut (Block, bool),
    watch: &mut Watch<1>,
    param: Param<'_>,
    factor: impl Fn(f32) -> f32,
) {
    match watch.look(&[param]) {
        News::Same => return,
        News::Changed([now]) => block.fill(factor(now)),
        News::Moving => block.iter_mut().enumerate().for_each(|(frame, to)| *to = factor(param.at(frame))),
    }
    *sounds = any(block);
}

fn any(block: &Block) -> bool {
    block.iter().any(|value| *value != 0.0)
}

/// The parameters that are looked at once a step.
const PATCH: [usize; 27] = [
    TUNE,
    OSC1_TUNE,
    OSC2_TUNE,
    DETUNE,
    SUB_TUNE,
    TRACKING,
    FILTER_ENVELOPE,
    VELOCITY_CUTOFF,
    PRESSURE,
    TIMBRE,
    ATTACK,
    DECAY,
    SUSTAIN,
    RELEASE,
    FILTER_ATTACK,
    FILTER_DECAY,
    FILTER_SUSTAIN,
    FILTER_RELEASE,
    LFO_RATE,
    LFO_FADE,
    LFO_PITCH,
    LFO_CUTOFF,
    LFO_AMP,
    LFO_PAN,
    SPREAD,
    UNISON_DETUNE,
    UNISON_SPREAD,
];

fn patch(value: impl Fn(usize) -> f32) -> Patch {
    let adsr = |attack, decay, sustain, release| Adsr {
        attack: value(attack),
        decay: value(decay),
        sustain: value(sustain),
        release: value(release),
    };
    let (tune, apart) = (value(TUNE), value(DETUNE) * 0.5);
    Patch {
        tune: [tune + value(OSC1_TUNE) - apart, tune + value(OSC2_TUNE) + apart],
        sub_tune: tune + value(SUB_TUNE),
        tracking: value(TRACKING),
        filter_depth: value(FILTER_ENVELOPE),
        velocity_depth: value(VELOCITY_CUTOFF),
        pressure_depth: value(PRESSURE),
        timbre_depth: value(TIMBRE),
        amp: adsr(ATTACK, DECAY, SUSTAIN, RELEASE),
        filter: adsr(FILTER_ATTACK, FILTER_DECAY, FILTER_SUSTAIN, FILTER_RELEASE),
        lfo_rate: value(LFO_RATE),
        lfo_fade: value(LFO_FADE),
        lfo_pitch: value(LFO_PITCH),
        lfo_cutoff: value(LFO_CUTOFF),
        lfo_amp: value(LFO_AMP),
        lfo_pan: value(LFO_PAN),
        spread: value(SPREAD),
        unison_detune: value(UNISON_DETUNE),
        unison_spread: value(UNISON_SPREAD),
    }
}
