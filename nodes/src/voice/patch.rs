//! What a voice sounds like: the plain numbers that every backend of the voice is given, and what follows from them
//! at a sample rate. Real-time safe.

use super::adsr::{Adsr, Rates, Stride};
use super::wide::Wide;
use auralis_graph::dsp::{Block, QUANTUM, exp2};

/// Frames after which pitch, envelopes and modulation are computed anew; between, what is heard of them moves
/// in straight lines.
pub const STEP: usize = 16;

const _: () = assert!(QUANTUM.is_multiple_of(STEP), "a quantum is cut into whole steps");

/// The numbers of a patch that are looked at once a [`STEP`].
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C)]
pub struct Patch {
    /// Semitones by which the two oscillators are above the key.
    pub tune: [f32; 2],
    /// Semitones by which the sub oscillator is above the key.
    pub sub_tune: f32,
    /// Octaves that the cutoff moves for an octave of the key, around C4.
    pub tracking: f32,
    /// Octaves that the filter envelope opens the filter.
    pub filter_depth: f32,
    /// Octaves that full velocity opens the filter.
    pub velocity_depth: f32,
    /// Octaves that full pressure opens the filter.
    pub pressure_depth: f32,
    /// Octaves that timbre opens the filter from its middle to its end.
    pub timbre_depth: f32,
    /// The amplitude's envelope.
    pub amp: Adsr,
    /// The filter's envelope.
    pub filter: Adsr,
    /// Cycles per second of the low-frequency oscillator.
    pub lfo_rate: f32,
    /// Seconds in which it fades in after a note started.
    pub lfo_fade: f32,
    /// Semitones that it moves the pitch to each side.
    pub lfo_pitch: f32,
    /// Octaves that it moves the cutoff to each side.
    pub lfo_cutoff: f32,
    /// Part of the amplitude that it takes away at its lowest.
    pub lfo_amp: f32,
    /// How far it moves the place to each side.
    pub lfo_pan: f32,
    /// How far voices are spread to the sides.
    pub spread: f32,
    /// Semitones between the outermost strands of a unison.
    pub unison_detune: f32,
    /// How far the strands of a unison are spread to the sides.
    pub unison_spread: f32,
}

/// Cycles of the doubled rate's sample above which nothing is heard any more: the half-band filter takes it away.
pub const FASTEST: f32 = 0.3;

/// Seconds in which a voice that is stolen fades.
pub const FADE: f32 = 0.006;

/// Seconds in which bend, pressure, timbre and loudness have gone most (1 - 1/e) of the way to a new value.
const SETTLING: f32 = 0.004;

/// A [`Patch`] at a sample rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tuned {
    /// The numbers themselves.
    pub patch: Patch,
    /// For the two oscillators and the sub oscillator: octaves from key 0 to cycles per sample, for the two of the
    /// doubled rate.
    pub octaves: [f32; 3],
    amp: Rates,
    filter: Rates,
    sample_rate: f32,
    whole: Step,
}

impl Tuned {
    /// At frames per second.
    pub fn new(patch: Patch, sample_rate: f32) -> Self {
        let octaves = |tune: f32, rate: f32| (tune - 69.0) / 12.0 + (440.0 / rate).log2();
        let [first, second] = patch.tune.map(|tune| octaves(tune, 2.0 * sample_rate));
        let octaves = [first, second, octaves(patch.sub_tune, sample_rate)];
        let mut tuned = Self {
            patch,
            octaves,
            amp: patch.amp.rates(sample_rate),
            filter: patch.filter.rates(sample_rate),
            sample_rate,
            whole: Step::default(),
        };
        tuned.whole = tuned.over(STEP);
        tuned
    }

    /// What happens within a number of frames, at most [`STEP`].
    #[inline]
    pub fn step(&self, frames: usize) -> Step {
        if frames == STEP { self.whole } else { self.over(frames) }
    }

    fn over(&self, frames: usize) -> Step {
        let frames = frames as f32;
        let seconds = frames / self.sample_rate;
        Step {
            frames,
            amp: self.amp.over(frames),
            filter: self.filter.over(frames),
            settle: 1.0 - exp2(-seconds / (SETTLING * std::f32::consts::LN_2)),
            lfo: (self.patch.lfo_rate * seconds).turn(),
            lfo_fade: seconds / self.patch.lfo_fade.max(1e-4),
            fade: seconds / FADE,
        }
    }
}

/// What happens to every voice within some frames.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Step {
    /// How many.
    pub frames: f32,
    /// Of the amplitude's envelope.
    pub amp: Stride,
    /// Of the filter's envelope.
    pub filter: Stride,
    /// Part of the way that expression goes to its goal.
    pub settle: f32,
    /// Turns of the low-frequency oscillator.
    pub lfo: u32,
    /// Part of its fade-in.
    pub lfo_fade: f32,
    /// Part of the fade of a stolen voice.
    pub fade: f32,
}

/// How much an oscillator gives of each wave, frame by frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WaveTrack {
    /// Of the sine, and whether there is any.
    pub sine: (Block, bool),
    /// Of the triangle.
    pub triangle: (Block, bool),
    /// Of the saw.
    pub saw: (Block, bool),
    /// Of the second saw that is taken away.
    pub pulse: (Block, bool),
    /// The part of the cycle by which that one is late.
    pub delay: Block,
}

/// The numbers of a patch that are looked at in every frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Tracks {
    /// The two oscillators.
    pub waves: [WaveTrack; 2],
    /// Level of the sub oscillator, and whether it sounds.
    pub sub: (Block, bool),
    /// Level of the noise.
    pub noise: (Block, bool),
    /// Factor by which the oscillators are driven into a bend, and whether it is above 1.
    pub drive: (Block, bool),
    /// Cutoff over the sample rate, before each voice's own factor, and whether it moves within the quantum.
    pub cutoff: (Block, bool),
    /// The filter's damping.
    pub damping: Block,
    /// How much of the filter's input, band-pass and low-pass is heard.
    pub through: Block,
    /// See [`Tracks::through`].
    pub band: Block,
    /// See [`Tracks::through`].
    pub low: Block,
}

impl WaveTrack {
    /// Without sound.
    pub const SILENT: WaveTrack = WaveTrack {
        sine: (Block::SILENCE, false),
        triangle: (Block::SILENCE, false),
        saw: (Block::SILENCE, false),
        pulse: (Block::SILENCE, false),
        delay: Block::SILENCE,
    };
}

impl Tracks {
    /// Without sound, the filter open.
    pub const SILENT: Tracks = Tracks {
        waves: [WaveTrack::SILENT; 2],
        sub: (Block::SILENCE, false),
        noise: (Block::SILENCE, false),
        drive: (Block::SILENCE, false),
        cutoff: (Block([0.4; QUANTUM]), false),
        damping: Block([1.0; QUANTUM]),
        through: Block::SILENCE,
        band: Block::SILENCE,
        low: Block([1.0; QUANTUM]),
    };
}
