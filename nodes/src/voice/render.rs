//! The fast half of the voice: oscillators at twice the sample rate, half-band filter, noise, filter, place. One pass
//! after the other over a step of at most 16 frames, each with few numbers in hand. Real-time safe, for one voice or
//! lanes.

use super::halfband::Halfband;
use super::patch::{STEP, Tracks, WaveTrack};
use super::shape::{Speed, saw, sine, triangle, wrap};
use super::state::Voice;
use super::svf::{Angle, Coefs, Svf};
use super::wide::{Reader, Wide};
use auralis_graph::dsp::QUANTUM;
use std::ops::Range;

/// Room for one step.
#[derive(Debug, Clone)]
pub struct Scratch<R> {
    /// Phases in cycles, at the doubled rate.
    phases: [R; 2 * STEP],
    /// The oscillators, at the doubled rate.
    mix: [R; 2 * STEP],
    /// What joins them at the sample rate.
    below: [R; STEP],
}

impl<R: Copy> Scratch<R> {
    /// Room that holds `zero`.
    pub const fn new(zero: R) -> Self {
        Self { phases: [zero; 2 * STEP], mix: [zero; 2 * STEP], below: [zero; STEP] }
    }
}

/// The sum of voices, lane by lane.
#[derive(Debug, Clone)]
pub struct Sum<R> {
    /// Left channel.
    pub left: [R; QUANTUM],
    /// Right channel.
    pub right: [R; QUANTUM],
}

/// Adds what voices sound in some frames of the quantum, at most [`STEP`], after [`super::control::advance`] for as
/// many.
#[inline(always)]
pub fn render<V: Wide>(
    token: V::Token,
    voice: &mut Voice<V::Row, V::BitRow>,
    tracks: &Tracks,
    frames: Range<usize>,
    scratch: &mut Scratch<V::Row>,
    sum: &mut Sum<V::Row>,
) {
    let (n, from) = (frames.len(), frames.start);
    let (phases, mix) = (&mut scratch.phases[..2 * n], &mut scratch.mix[..2 * n]);
    let below = &mut scratch.below[..n];
    fill::<V>(token, mix);
    for index in 0..2 {
        let track = &tracks.waves[index];
        if track.sounds() {
            run_phase::<V>(token, &mut voice.phase[index], &voice.increment[index], phases);
            let [half, inverse] = &voice.kernel[index];
            let speed = Speed::of(V::load(token, half), V::load(token, inverse));
            add_waves::<V>(token, track, speed, from, phases, mix);
        }
    }
    if tracks.drive.1 {
        for (pair, drive) in mix.chunks_exact_mut(2).zip(&tracks.drive.0[from..]) {
            for row in pair {
                bend(V::load(token, row), *drive).store(row);
            }
        }
    }
    fill::<V>(token, below);
    if tracks.sub.1 {
        add_sub::<V>(token, &mut voice.phase[2], &voice.increment[2], &tracks.sub.0[from..], below);
    }
    if tracks.noise.1 {
        add_noise::<V>(token, &mut voice.noise, &tracks.noise.0[from..], below);
    }
    if tracks.cutoff.1 {
        finish::<V, true>(token, voice, tracks, frames, mix, below, sum);
    } else {
        finish::<V, false>(token, voice, tracks, frames, mix, below, sum);
    }
}

impl WaveTrack {
    #[inline(always)]
    fn sounds(&self) -> bool {
        self.sine.1 || self.triangle.1 || self.saw.1 || self.pulse.1
    }
}

#[inline(always)]
fn fill<V: Wide>(token: V::Token, rows: &mut [V::Row]) {
    for row in rows {
        V::all(token, 0.0).store(row);
    }
}

/// Runs a phase over samples of the doubled rate.
#[inline(always)]
fn run_phase<V: Wide>(token: V::Token, state: &mut V::BitRow, increment: &V::BitRow, out: &mut [V::Row]) {
    let (mut turn, increment) = (V::load_bits(token, state), V::load_bits(token, increment));
    for row in out {
        V::cycles(turn).store(row);
        turn = V::plus(turn, increment);
    }
    V::store_bits(turn, state);
}

/// Adds a wave of the phases, each pair by the level of its frame.
#[inline(always)]
fn add<V: Wide>(
    token: V::Token,
    levels: &[f32],
    phases: &[V::Row],
    mix: &mut [V::Row],
    wave: impl Fn(usize, V) -> V,
) {
    let pairs = phases.chunks_exact(2).zip(mix.chunks_exact_mut(2)).zip(levels);
    for (frame, ((phases, mix), level)) in pairs.enumerate() {
        for half in 0..2 {
            let now = V::load(token, &mix[half]);
            (now + wave(frame, V::load(token, &phases[half])) * *level).store(&mut mix[half]);
        }
    }
}

#[inline(always)]
fn add_waves<V: Wide>(
    token: V::Token,
    track: &WaveTrack,
    speed: Speed<V>,
    from: usize,
    phases: &[V::Row],
    mix: &mut [V::Row],
) {
    if track.sine.1 {
        add::<V>(
            token,
            &track.sine.0[from..],
            phases,
            mix,
            #[inline(always)]
            |_, phase| sine(phase),
        );
    }
    if track.triangle.1 {
        add::<V>(
            token,
            &track.triangle.0[from..],
            phases,
            mix,
            #[inline(always)]
            |_, phase| triangle(phase, speed),
        );
    }
    if track.saw.1 {
        add::<V>(
            token,
            &track.saw.0[from..],
            phases,
            mix,
            #[inline(always)]
            |_, phase| saw(phase, speed),
        );
    }
    if track.pulse.1 {
        let delay = &track.delay[from..];
        add::<V>(
            token,
            &track.pulse.0[from..],
            phases,
            mix,
            #[inline(always)]
            |frame, phase| -saw(wrap(phase - delay[frame]), speed),
        );
    }
}

/// A bend for oscillators that are driven by a factor above 1: a cubic, whose products stay within the doubled rate. It
/// sets in gradually above 1, and what is bent hard keeps half of its height.
#[inline(always)]
fn bend<V: Wide>(x: V, drive: f32) -> V {
    let bent = ((drive - 1.0) * 2.0).min(1.0);
    let hot = (x * drive).between(-1.5, 1.5);
    let curve = hot - hot * hot * hot * (4.0 / 27.0);
    x * (1.0 - bent) + curve * (bent * (0.5 + 0.5 / drive))
}

#[inline(always)]
fn add_sub<V: Wide>(
    token: V::Token,
    state: &mut V::BitRow,
    increment: &V::BitRow,
    levels: &[f32],
    out: &mut [V::Row],
) {
    let (mut turn, increment) = (V::load_bits(token, state), V::load_bits(token, increment));
    for (out, level) in out.iter_mut().zip(levels) {
        (V::load(token, out) + sine(V::cycles(turn)) * *level).store(out);
        turn = V::plus(turn, increment);
    }
    V::store_bits(turn, state);
}

#[inline(always)]
fn add_noise<V: Wide>(token: V::Token, state: &mut V::BitRow, levels: &[f32], out: &mut [V::Row]) {
    let mut noise = V::load_bits(token, state);
    for (out, level) in out.iter_mut().zip(levels) {
        noise = V::scramble(noise);
        (V::load(token, out) + V::centred(noise) * *level).store(out);
    }
    V::store_bits(noise, state);
}

/// Half-band filter, filter and place in one pass: what each waits for, the others use. Where the patch's cutoff
/// moves (`MOVING`) each frame has its own angle, else the angle goes along its line.
#[inline(always)]
fn finish<V: Wide, const MOVING: bool>(
    token: V::Token,
    voice: &mut Voice<V::Row, V::BitRow>,
    tracks: &Tracks,
    frames: Range<usize>,
    mix: &[V::Row],
    below: &[V::Row],
    sum: &mut Sum<V::Row>,
) {
    let read = Reader::<V>(token);
    let mut halfband = Halfband::<V>::load(token, &voice.halfband);
    let mut svf = Svf { first: read.row(&voice.svf[0]), second: read.row(&voice.svf[1]) };
    let [mut open, mut left, mut right] =
        [read.row(&voice.open[0]), read.row(&voice.left[0]), read.row(&voice.right[0])];
    let steps = [read.row(&voice.open[1]), read.row(&voice.left[1]), read.row(&voice.right[1])];
    let mut angle = Angle { sine: read.row(&voice.sine[0]), cosine: read.row(&voice.cosine[0]) };
    let turn = Angle { sine: read.row(&voice.sine[1]), cosine: read.row(&voice.cosine[1]) };
    for ((pair, below), frame) in mix.chunks_exact(2).zip(below).zip(frames) {
        (left, right) = (left + steps[1], right + steps[2]);
        if MOVING {
            open = open + steps[0];
            angle = Angle::new((open * tracks.cutoff.0[frame]).least(read.all(0.5)));
        } else {
            angle = Angle { sine: angle.sine + turn.sine, cosine: angle.cosine + turn.cosine };
        }
        let coefs = Coefs::new(angle, read.all(tracks.damping[frame]));
        let x = halfband.tick(read.row(&pair[0]), read.row(&pair[1])) + read.row(below);
        let (band, low) = svf.tick(x, &coefs);
        let y = x * tracks.through[frame] + band * tracks.band[frame] + low * tracks.low[frame];
        (read.row(&sum.left[frame]) + y * left).store(&mut sum.left[frame]);
        (read.row(&sum.right[frame]) + y * right).store(&mut sum.right[frame]);
    }
    halfband.store(&mut voice.halfband);
    svf.first.store(&mut voice.svf[0]);
    svf.second.store(&mut voice.svf[1]);
    if !MOVING {
        open = open + steps[0] * mix.len() as f32 * 0.5;
    }
    open.store(&mut voice.open[0]);
    left.store(&mut voice.left[0]);
    right.store(&mut voice.right[0]);
}
