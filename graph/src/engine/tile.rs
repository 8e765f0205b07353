//! Samples between two orders: a row for each lane, as wires have them, and a vector for each frame, as lanes that run
//! side by side want them. Audio thread.

use crate::lanes::Lanes;
use fearless_simd::{Simd, f32x4, f32x8, f32x16, prelude::*};

/// Frames that are read at once.
pub(super) const FOUR: usize = 4;

/// A vector of `N` lanes.
pub(super) trait Tile<S: Simd, const N: usize>: Lanes + SimdFloat<S, Element = f32> {
    /// Four frames of rows.
    fn load(simd: S, rows: &[&[f32]; N], from: usize) -> [Self; FOUR];

    /// `N` frames as rows.
    fn rows(frames: [Self; N]) -> [Self; N];
}

impl<S: Simd> Tile<S, 4> for f32x4<S> {
    #[inline(always)]
    fn load(simd: S, [a, b, c, d]: &[&[f32]; 4], from: usize) -> [Self; FOUR] {
        Self::rows([four(simd, a, from), four(simd, b, from), four(simd, c, from), four(simd, d, from)])
    }

    #[inline(always)]
    fn rows([a, b, c, d]: [Self; 4]) -> [Self; 4] {
        let ((a, b), (c, d)) = (a.interleave(c), b.interleave(d));
        let ((a, b), (c, d)) = (a.interleave(c), b.interleave(d));
        [a, b, c, d]
    }
}

impl<S: Simd> Tile<S, 8> for f32x8<S> {
    #[inline(always)]
    fn load(simd: S, [a, b, c, d, e, f, g, h]: &[&[f32]; 8], from: usize) -> [Self; FOUR] {
        turn([
            four(simd, a, from).combine(four(simd, e, from)),
            four(simd, b, from).combine(four(simd, f, from)),
            four(simd, c, from).combine(four(simd, g, from)),
            four(simd, d, from).combine(four(simd, h, from)),
        ])
    }

    #[inline(always)]
    fn rows([a, b, c, d, e, f, g, h]: [Self; 8]) -> [Self; 8] {
        let ([a, b, c, d], [e, f, g, h]) = (turn([a, b, c, d]), turn([e, f, g, h]));
        let ((a, e), (b, f), (c, g), (d, h)) = (halves(a, e), halves(b, f), halves(c, g), halves(d, h));
        [a, b, c, d, e, f, g, h]
    }
}

impl<S: Simd> Tile<S, 16> for f32x16<S> {
    #[inline(always)]
    fn load(simd: S, rows: &[&[f32]; 16], from: usize) -> [Self; FOUR] {
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = *rows;
        let [q, r, s, t] = f32x8::load(simd, &[a, b, c, d, e, f, g, h], from);
        let [u, v, w, x] = f32x8::load(simd, &[i, j, k, l, m, n, o, p], from);
        [q.combine(u), r.combine(v), s.combine(w), t.combine(x)]
    }

    #[inline(always)]
    fn rows(mut frames: [Self; 16]) -> [Self; 16] {
        // As many perfect shuffles as it takes to halve the frames down to one.
        for _ in 0..4 {
            let before = frames;
            for index in 0..8 {
                (frames[2 * index], frames[2 * index + 1]) = before[index].interleave(before[index + 8]);
            }
        }
        frames
    }
}

#[inline(always)]
fn four<S: Simd>(simd: S, row: &[f32], from: usize) -> f32x4<S> {
    f32x4::from_slice(simd, &row[from..from + FOUR])
}

/// Turns two squares of four by four on their sides: the shuffles stay within four samples, where they are cheap.
#[inline(always)]
fn turn<S: Simd>([a, b, c, d]: [f32x8<S>; FOUR]) -> [f32x8<S>; FOUR] {
    let ((a, b), (c, d)) = (interleave_fours(a, c), interleave_fours(b, d));
    let ((a, b), (c, d)) = (interleave_fours(a, c), interleave_fours(b, d));
    [a, b, c, d]
}

/// Each four samples interleaved with the other's: the first two of each four, and the last two.
#[inline(always)]
fn interleave_fours<S: Simd>(a: f32x8<S>, b: f32x8<S>) -> (f32x8<S>, f32x8<S>) {
    // The compiler sees that the halves go back to where they come from.
    let (low, high) = a.interleave(b);
    halves(low, high)
}

/// The lower halves of both, and the upper ones.
#[inline(always)]
fn halves<S: Simd>(a: f32x8<S>, b: f32x8<S>) -> (f32x8<S>, f32x8<S>) {
    let ((a_low, a_high), (b_low, b_high)) = (a.split(), b.split());
    (a_low.combine(b_low), a_high.combine(b_high))
}
