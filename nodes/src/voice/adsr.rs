//! The envelope of voices and of the node `envelope`: attack, decay, sustain and release in exponential segments,
//! like a capacitor's. Real-time safe, for one voice or lanes.
//!
//! Each segment heads for a point past its end, so that it arrives, and at a time that can be named (Redmon, "Envelope
//! generators", earlevel.com, 2013). A new attack starts from where the level is: there is no jump anywhere.

use super::wide::Wide;
use auralis_graph::dsp::exp2;

/// The four parameters.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Adsr {
    /// Seconds from 0 to 1.
    pub attack: f32,
    /// Seconds in which all but a thousandth of the way from 1 to the sustain level is covered.
    pub decay: f32,
    /// Level while the note is held, 0 to 1.
    pub sustain: f32,
    /// Seconds from 1 to 0.
    pub release: f32,
}

/// Where the attack heads for.
const OVER: f32 = 1.3;
/// Where the release heads for.
const UNDER: f32 = -0.001;
/// log2 of the part of its way that the attack leaves: (OVER - 1) / OVER.
const ATTACK_OCTAVES: f32 = -2.115_477;
/// log2 of a thousandth.
const DECAY_OCTAVES: f32 = -9.965_784;
/// log2 of the part of its way that the release leaves: -UNDER / (1 - UNDER).
const RELEASE_OCTAVES: f32 = -9.967_226;

impl Adsr {
    /// What the segments leave of their way in one frame, as logarithms.
    pub fn rates(&self, sample_rate: f32) -> Rates {
        let rate = |octaves: f32, seconds: f32| octaves / (seconds * sample_rate).max(1.0);
        Rates {
            attack: rate(ATTACK_OCTAVES, self.attack),
            decay: rate(DECAY_OCTAVES, self.decay),
            release: rate(RELEASE_OCTAVES, self.release),
            sustain: self.sustain,
        }
    }
}

/// An [`Adsr`] at a sample rate: octaves a frame.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rates {
    attack: f32,
    decay: f32,
    release: f32,
    sustain: f32,
}

impl Rates {
    /// What is left after a number of frames.
    pub fn over(&self, frames: f32) -> Stride {
        Stride {
            attack: exp2(self.attack * frames),
            decay: exp2(self.decay * frames),
            release: exp2(self.release * frames),
            sustain: self.sustain,
        }
    }
}

/// A step of an envelope over some frames.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Stride {
    attack: f32,
    decay: f32,
    release: f32,
    sustain: f32,
}

/// An envelope on its way.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Envelope<V> {
    /// 0 to 1.
    pub level: V,
    /// 1 during the attack, else 0.
    pub rising: V,
}

impl<V: Wide> Envelope<V> {
    /// One stride; `gate` is 1 while the note is held, else 0.
    #[inline(always)]
    pub fn advance(&mut self, gate: V, stride: &Stride) {
        let half = gate.like(0.5);
        let (held, rising) = (half.below(gate), half.below(self.rising));
        let goal =
            V::select(held, V::select(rising, gate.like(OVER), gate.like(stride.sustain)), gate.like(UNDER));
        let left = V::select(rising, gate.like(stride.attack), gate.like(stride.decay));
        let left = V::select(held, left, gate.like(stride.release));
        let level = goal + (self.level - goal) * left;
        self.rising = V::select(level.below(gate.like(1.0)), self.rising, gate.like(0.0));
        self.level = level.between(0.0, 1.0);
    }
}
