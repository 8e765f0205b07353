//! How one graph turns into another within 20 ms: the gains of what comes, of what goes, and of what changes.
//! Audio thread.

use super::params::Reach;
use crate::dsp::{Block, QUANTUM};
use crate::lanes::quarter_sine;
use crate::param::Range;

/// Seconds from one graph to the next.
const SECONDS: f64 = 0.02;

/// How a gain gets from one number to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Law {
    /// In a straight line.
    Linear,
    /// Along a quarter of a sine: what comes and what goes have nothing in common.
    EqualPower,
    /// Linear where the new node of this replacement took over the phases of the old one, else of equal power.
    Replaced(u32),
    /// Smoothly and within the first half: what a new node hears. A delay that heard a tone begin at once would
    /// give the click back when nobody fades it any more.
    Early,
}

/// A summand whose gain changes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Fade {
    pub from: u32,
    pub gains: [f32; 2],
    pub law: Law,
}

/// Where a parameter stands that is not moved, or around which it is.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Centre {
    pub value: f32,
    pub position: f32,
}

/// A parameter that gets another modulation, or loses or gains one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Blend {
    pub slot: u16,
    pub range: Range,
    /// Source and reach, before and after.
    pub drives: [Option<(u32, Reach)>; 2],
    /// Where it stands before and after, among [`Fader::centres`].
    pub centres: u32,
}

/// The progress of an edit.
pub(crate) struct Fader {
    quanta: u32,
    /// Factors of what was and of what will be: in a straight line, of equal power, and early.
    fall: [Block; 3],
    rise: [Block; 3],
    /// Of each replacement whether the new node took over phases.
    pub adopted: Box<[bool]>,
    /// Where parameters that get another modulation stand before and after; known when the edit begins.
    pub centres: Box<[[Centre; 2]]>,
}

impl Fader {
    /// For a sample rate, and so many replacements and blends.
    pub fn new(sample_rate: u32, replacements: usize, blends: usize) -> Self {
        let quanta = (SECONDS * f64::from(sample_rate) / QUANTUM as f64).ceil() as u32;
        Self {
            quanta: quanta.max(1),
            fall: [Block::SILENCE; 3],
            rise: [Block::SILENCE; 3],
            adopted: vec![false; replacements].into(),
            centres: vec![Default::default(); blends].into(),
        }
    }

    /// Sets the factors for a quantum of the edit, from 0. Returns false when the edit is over by then.
    pub fn aim(&mut self, quantum: u32) -> bool {
        if quantum >= self.quanta {
            return false;
        }
        let frames = (self.quanta * QUANTUM as u32) as f32;
        for frame in 0..QUANTUM {
            let way = (quantum * QUANTUM as u32 + frame as u32) as f32 / frames;
            (self.fall[0][frame], self.rise[0][frame]) = (1.0 - way, way);
            // A quarter of a cycle from 0 to 1.
            (self.fall[1][frame], self.rise[1][frame]) =
                (quarter_sine((1.0 - way) * 0.25), quarter_sine(way * 0.25));
            let half = (2.0 * way).min(1.0);
            let smooth = half * half * (3.0 - 2.0 * half);
            (self.fall[2][frame], self.rise[2][frame]) = (1.0 - smooth, smooth);
        }
        true
    }

    /// The factors of what was and of what will be.
    pub fn factors(&self, law: Law) -> (&Block, &Block) {
        let index = match law {
            Law::Linear => 0,
            Law::EqualPower => 1,
            Law::Replaced(index) => usize::from(!self.adopted[index as usize]),
            Law::Early => 2,
        };
        (&self.fall[index], &self.rise[index])
    }
}

impl Fade {
    /// Adds the summand to a sum.
    pub fn add(&self, from: &Block, fader: &Fader, to: &mut Block) {
        let (fall, rise) = fader.factors(self.law);
        let [before, after] = self.gains;
        for (frame, (to, x)) in to.iter_mut().zip(from.iter()).enumerate() {
            *to += x * (before * fall[frame] + after * rise[frame]);
        }
    }
}
