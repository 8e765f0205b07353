//! What a voice remembers from frame to frame: plain numbers, the same for one voice and for lanes.

use super::halfband::MEMORY;
use super::wide::{BitRow, LANES, Row};

/// The state of a voice (`R` is `f32`, `B` is `u32`) or of a group of voices ([`Row`], [`BitRow`]).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Voice<R, B> {
    /// MIDI key that the pitch goes to.
    pub key: R,
    /// Semitones that the pitch is still away from it.
    pub glide: R,
    /// Semitones a frame by which that shrinks.
    pub glide_rate: R,
    /// Semitones by which this voice is out of tune.
    pub drift: R,
    /// Place among the strands of a unison, -1 to 1.
    pub strand: R,
    /// Place among the voices, -1 left to 1 right.
    pub place: R,
    /// Octaves by which this voice's filter is open further.
    pub shade: R,
    /// Velocity of the note.
    pub velocity: R,
    /// Factor of the amplitude, and where it goes.
    pub loudness: [R; 2],
    /// Bend in semitones, and where it goes.
    pub bend: [R; 2],
    /// Pressure, 0 to 1, and where it goes.
    pub pressure: [R; 2],
    /// Timbre, 0 to 1, and where it goes.
    pub timbre: [R; 2],
    /// 1 while the note is held, else 0.
    pub gate: R,
    /// Level of the amplitude's envelope, and whether it rises.
    pub amp: [R; 2],
    /// Level of the filter's envelope, and whether it rises.
    pub filter: [R; 2],
    /// What is left of a voice that is stolen, 1 to 0, and 1 if it is being stolen.
    pub fade: [R; 2],
    /// Phase of the low-frequency oscillator, in turns.
    pub lfo_phase: B,
    /// How far it has faded in.
    pub lfo_depth: R,
    /// Phases of the two oscillators and the sub oscillator, in turns.
    pub phase: [B; 3],
    /// Their increments: of the two at the doubled rate, of the third at the sample rate.
    pub increment: [B; 3],
    /// State of the noise; never zero.
    pub noise: B,
    /// For each oscillator half the kernel's length in cycles, and its inverse.
    pub kernel: [[R; 2]; 2],
    /// The half-band filter's memory.
    pub halfband: [R; MEMORY],
    /// The filter's memory.
    pub svf: [R; 2],
    /// Factor of the cutoff, and its step a frame.
    pub open: [R; 2],
    /// Sine of the cutoff's angle, and its step a frame.
    pub sine: [R; 2],
    /// Cosine of the cutoff's angle, and its step a frame.
    pub cosine: [R; 2],
    /// Factor of the left channel, and its step a frame.
    pub left: [R; 2],
    /// Factor of the right channel, and its step a frame.
    pub right: [R; 2],
}

impl<R: Copy, B: Copy> Voice<R, B> {
    /// The same in every field.
    pub const fn filled(value: R, bits: B) -> Self {
        Self {
            key: value,
            glide: value,
            glide_rate: value,
            drift: value,
            strand: value,
            place: value,
            shade: value,
            velocity: value,
            loudness: [value; 2],
            bend: [value; 2],
            pressure: [value; 2],
            timbre: [value; 2],
            gate: value,
            amp: [value; 2],
            filter: [value; 2],
            fade: [value; 2],
            lfo_phase: bits,
            lfo_depth: value,
            phase: [bits; 3],
            increment: [bits; 3],
            noise: bits,
            kernel: [[value; 2]; 2],
            halfband: [value; MEMORY],
            svf: [value; 2],
            open: [value; 2],
            sine: [value; 2],
            cosine: [value; 2],
            left: [value; 2],
            right: [value; 2],
        }
    }
}

/// Sixteen voices side by side.
pub type Group = Voice<Row, BitRow>;

impl Group {
    /// At rest.
    pub const SILENT: Group = Voice::filled(Row::ZERO, BitRow([1; LANES]));
}
