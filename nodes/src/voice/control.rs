//! The slow half of the voice: pitch, envelopes, modulation and expression, once a step of 16 frames. Real-time
//! safe, for one voice or lanes.

use super::adsr::{Envelope, Stride};
use super::patch::{FASTEST, Patch, Step, Tuned};
use super::shape::{Speed, sine};
use super::state::Voice;
use super::svf::Angle;
use super::wide::{Reader, Wide};
use auralis_graph::lanes::{exp2, quarter_sine};

/// Furthest that modulation moves a cutoff, in octaves.
const WIDEST: f32 = 14.0;

/// What of the voice is moved by what, at the end of a step.
struct Now<V> {
    /// The low-frequency oscillator, faded in.
    lfo: V,
    /// MIDI key that is played, glide and bend included.
    key: V,
    /// Level of the filter's envelope.
    filter: V,
    pressure: V,
    timbre: V,
    strand: V,
}

/// Takes voices to where they are after `step.frames` frames, and sets the lines along which they get there. `cutoff`
/// is the patch's, over the sample rate, where it stands still.
#[inline(always)]
pub fn advance<V: Wide>(
    token: V::Token,
    voice: &mut Voice<V::Row, V::BitRow>,
    tuned: &Tuned,
    step: &Step,
    cutoff: f32,
) {
    let (read, share) = (Reader::<V>(token), 1.0 / step.frames);
    let gate = read.row(&voice.gate);
    // A voice that has not begun to sound has no way to go to its cutoff: it starts there.
    let fresh = read.row(&voice.amp[0]).below(read.all(1e-9));
    let amp = run_envelope::<V>(token, &mut voice.amp, gate, &step.amp);
    let filter = run_envelope::<V>(token, &mut voice.filter, gate, &step.filter);
    let bend = settle::<V>(token, &mut voice.bend, step.settle);
    let now = Now {
        lfo: run_lfo::<V>(token, voice, step),
        key: run_glide::<V>(token, voice, step) + bend,
        filter,
        pressure: settle::<V>(token, &mut voice.pressure, step.settle),
        timbre: settle::<V>(token, &mut voice.timbre, step.settle),
        strand: read.row(&voice.strand),
    };
    set_pitch(token, voice, tuned, &now);

    let open = opening(token, voice, &tuned.patch, &now);
    let from = V::select(fresh, open, read.row(&voice.open[0]));
    from.store(&mut voice.open[0]);
    line(token, &mut voice.open, open, share);
    let (start, end) = (angle(from, cutoff), angle(open, cutoff));
    start.sine.store(&mut voice.sine[0]);
    start.cosine.store(&mut voice.cosine[0]);
    line(token, &mut voice.sine, end.sine, share);
    line(token, &mut voice.cosine, end.cosine, share);

    let loudness = settle::<V>(token, &mut voice.loudness, step.settle);
    let fade = (read.row(&voice.fade[0]) - read.row(&voice.fade[1]) * step.fade).greatest(read.all(0.0));
    fade.store(&mut voice.fade[0]);
    let swell = (now.lfo - 1.0) * (tuned.patch.lfo_amp * 0.5) + 1.0;
    let (left, right) = sides(token, voice, &tuned.patch, &now);
    // Flat at both ends.
    let faded = fade * fade * (-(fade * 2.0 - 3.0));
    let gain = amp * loudness * faded * swell;
    line(token, &mut voice.left, gain * left, share);
    line(token, &mut voice.right, gain * right, share);
}

#[inline(always)]
fn run_envelope<V: Wide>(token: V::Token, [level, rising]: &mut [V::Row; 2], gate: V, stride: &Stride) -> V {
    let mut envelope = Envelope { level: V::load(token, level), rising: V::load(token, rising) };
    envelope.advance(gate, stride);
    envelope.level.store(level);
    envelope.rising.store(rising);
    envelope.level
}

#[inline(always)]
fn run_lfo<V: Wide>(token: V::Token, voice: &mut Voice<V::Row, V::BitRow>, step: &Step) -> V {
    let phase = V::plus(V::load_bits(token, &voice.lfo_phase), V::all_bits(token, step.lfo));
    V::store_bits(phase, &mut voice.lfo_phase);
    let depth = (V::load(token, &voice.lfo_depth) + step.lfo_fade).least(V::all(token, 1.0));
    depth.store(&mut voice.lfo_depth);
    sine(V::cycles(phase)) * depth
}

/// The key that is played, and the way to it.
#[inline(always)]
fn run_glide<V: Wide>(token: V::Token, voice: &mut Voice<V::Row, V::BitRow>, step: &Step) -> V {
    let reach = V::load(token, &voice.glide_rate) * step.frames;
    let glide = V::load(token, &voice.glide);
    let glide = glide - glide.least(reach).greatest(-reach);
    glide.store(&mut voice.glide);
    V::load(token, &voice.key) + glide
}

/// Sets the increments of the oscillators.
#[inline(always)]
fn set_pitch<V: Wide>(token: V::Token, voice: &mut Voice<V::Row, V::BitRow>, tuned: &Tuned, now: &Now<V>) {
    let Patch { unison_detune, lfo_pitch, .. } = tuned.patch;
    let fastest = V::all(token, FASTEST);
    let drift = V::load(token, &voice.drift);
    let pitch = now.key + drift + now.strand * (unison_detune * 0.5) + now.lfo * lfo_pitch;
    let octaves = pitch * (1.0 / 12.0);
    for index in 0..2 {
        let increment = exp2(octaves + tuned.octaves[index]).least(fastest);
        V::store_bits(increment.turn(), &mut voice.increment[index]);
        let (half, inverse) = Speed::new(increment).parts();
        half.store(&mut voice.kernel[index][0]);
        inverse.store(&mut voice.kernel[index][1]);
    }
    let sub = exp2(octaves + tuned.octaves[2]).least(fastest);
    V::store_bits(sub.turn(), &mut voice.increment[2]);
}

/// The factor by which the filter is open.
#[inline(always)]
fn opening<V: Wide>(token: V::Token, voice: &Voice<V::Row, V::BitRow>, patch: &Patch, now: &Now<V>) -> V {
    let octaves = (now.key - 60.0) * (patch.tracking / 12.0)
        + now.filter * patch.filter_depth
        + now.lfo * patch.lfo_cutoff
        + V::load(token, &voice.velocity) * patch.velocity_depth
        + now.pressure * patch.pressure_depth
        + (now.timbre - 0.5) * (patch.timbre_depth * 2.0)
        + V::load(token, &voice.shade);
    exp2(octaves.between(-WIDEST, WIDEST))
}

/// The factors of left and right: a quarter circle, so that the power is constant.
#[inline(always)]
fn sides<V: Wide>(token: V::Token, voice: &Voice<V::Row, V::BitRow>, patch: &Patch, now: &Now<V>) -> (V, V) {
    let place = V::load(token, &voice.place) * patch.spread
        + now.strand * patch.unison_spread
        + now.lfo * patch.lfo_pan;
    let angle = (place.between(-1.0, 1.0) + 1.0) * 0.125;
    (quarter_sine(-(angle - 0.25)), quarter_sine(angle))
}

/// The angle of a cutoff that is open by a factor.
#[inline(always)]
fn angle<V: Wide>(open: V, cutoff: f32) -> Angle<V> {
    Angle::new((open * cutoff).least(open.like(0.5)))
}

/// Takes a number a part of the way to its goal.
#[inline(always)]
fn settle<V: Wide>(token: V::Token, [now, goal]: &mut [V::Row; 2], part: f32) -> V {
    let from = V::load(token, now);
    let to = from + (V::load(token, goal) - from) * part;
    to.store(now);
    to
}

/// Sets the step a frame that takes a number to its goal.
#[inline(always)]
fn line<V: Wide>(token: V::Token, [now, step]: &mut [V::Row; 2], goal: V, share: f32) {
    ((goal - V::load(token, now)) * share).store(step);
}
