//! Band-limited waves, computed at twice the sample rate. Real-time safe, for one voice or lanes.
//!
//! A jump or a corner of a wave is smoothed by a kernel that is short in time and weak where its spectrum would
//! fold back below 22 kHz; what lies between 24 and 48 kHz is left to [`super::halfband`]. Together they keep all that
//! folds back below -70 dB of the fundamental for notes up to C8.
//!
//! The principle is the band-limited step (Brandt, "Hard sync without aliasing", ICMC 2001) as a polynomial
//! (Välimäki, Pekonen and Nam, "Perceptually informed synthesis of bandlimited classical waveforms using integrated
//! polynomial interpolation", JASA 131, 2012). The kernel here is one even polynomial of degree 8 over 5.3 samples,
//! found by linear programming: the least weight within 0.229 of whole multiples of the rate, zero at its ends, at
//! most 1 dB lost at 20 kHz (at 96 kHz). It folds back -56 dB of the partial at three quarters of the rate.

use auralis_graph::lanes::{Lanes, quarter_sine};

/// Half the kernel's length in samples of the doubled rate.
pub const REACH: f32 = 2.65;

/// The highest phase increment for which the kernels of neighbouring jumps do not meet: half a cycle each. Above it
/// (18 kHz at 48 kHz) the kernel shrinks with the cycle.
const MEETING: f32 = 0.5 / REACH;

/// What a wave needs to know of its speed.
#[derive(Debug, Clone, Copy)]
pub struct Speed<V> {
    /// Half the kernel's length in cycles.
    half: V,
    /// Its inverse.
    inverse: V,
}

impl<V: Lanes> Speed<V> {
    /// From cycles per sample of the doubled rate; above zero.
    #[inline(always)]
    pub fn new(increment: V) -> Self {
        let half = increment.least(increment.like(MEETING)) * REACH;
        Self { half, inverse: half.like(1.0) / half }
    }

    /// From what was kept of another.
    #[inline(always)]
    pub fn of(half: V, inverse: V) -> Self {
        Self { half, inverse }
    }

    /// Half the kernel's length in cycles, and its inverse.
    #[inline(always)]
    pub fn parts(self) -> (V, V) {
        (self.half, self.inverse)
    }
}

/// A phase brought to [-1/2, 1/2].
#[inline(always)]
pub fn wrap<V: Lanes>(phase: V) -> V {
    phase - phase.nearest()
}

/// A saw that falls from 1 to -1 at phase 0 and rises all the rest of the cycle. Phase in [-1/2, 1/2].
#[inline(always)]
pub fn saw<V: Lanes>(phase: V, speed: Speed<V>) -> V {
    // The kernel's integral, odd, +-1/2 at its ends: twice over, for a jump of 2.
    let t = (phase * speed.inverse).between(-1.0, 1.0);
    let z = t * t;
    let p = z * 1.721_437_1 - 6.618_371;
    let p = p * z + 10.187_36;
    let p = p * z - 7.905_356_4;
    let p = p * z + 3.614_929_7;
    phase + phase - p * t
}

/// A triangle, and its distance from the trough for [`sine`]; in step with a [`saw`]: the fundamentals of all three
/// are -sin(2 pi phase). Phase in [-1/2, 1/2].
#[inline(always)]
pub fn triangle<V: Lanes>(phase: V, speed: Speed<V>) -> V {
    let u = from_trough(phase);
    (corner(u, speed) - corner(-(u - 0.5), speed) - u) * 4.0 + 1.0
}

/// A sine, in step with [`saw`]: -sin(2 pi phase). Phase in [-1/2, 1/2].
#[inline(always)]
pub fn sine<V: Lanes>(phase: V) -> V {
    quarter_sine(from_trough(phase) - 0.25)
}

/// Distance from the trough at phase 1/4, in [0, 1/2].
#[inline(always)]
fn from_trough<V: Lanes>(phase: V) -> V {
    wrap(phase - 0.25).size()
}

/// The distance `u` with its corner at 0 smoothed: the kernel's second integral.
#[inline(always)]
fn corner<V: Lanes>(u: V, speed: Speed<V>) -> V {
    let t = u * speed.inverse;
    let z = (t * t).least(t.like(1.0));
    let p = z * 0.172_143_7 - 0.827_296_4;
    let p = p * z + 1.697_893_4;
    let p = p * z - 1.976_339_1;
    let p = p * z + 1.807_465;
    let p = p * z + 0.126_133_46;
    p * speed.half + (u - speed.half).greatest(u.like(0.0))
}

/// How much of each wave a shape holds: the morph from sine (0) over triangle (1) and saw (2) to pulse (3), in
/// equal steps from one to the next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Blend {
    /// Of [`sine`].
    pub sine: f32,
    /// Of [`triangle`].
    pub triangle: f32,
    /// Of [`saw`].
    pub saw: f32,
    /// Of a second saw, [`Blend::delay`] later, that is taken away: it makes the pulse.
    pub pulse: f32,
    /// The part of the cycle by which the second saw is late: while the pulse is low.
    pub delay: f32,
}

/// Peak of the pulse wave: a square as loud as a full saw, and a little.
const PULSE: f32 = 0.7;

impl Blend {
    /// For a shape in [0, 3], a pulse width in (0, 1) and a level as a factor.
    pub fn new(shape: f32, width: f32, level: f32) -> Self {
        let near = |whole: f32| (1.0 - (shape - whole).abs()).max(0.0) * level;
        let pulse = near(3.0) * PULSE;
        Self { sine: near(0.0), triangle: near(1.0), saw: near(2.0) + pulse, pulse, delay: 1.0 - width }
    }
}
