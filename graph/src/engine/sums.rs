//! Arithmetic over whole blocks: sums where connections meet, and levels at a node's door. Audio thread.

use super::fade::Fader;
use super::memory::Memory;
use super::schedule::{Segment, Sum};
use crate::dsp::Block;
use fearless_simd::{Simd, f32x16, prelude::*};

/// Sums channels in text order; silent ones add nothing. Returns whether anything sounds; else `to` is left as it
/// is.
#[inline(always)]
pub(super) fn form<S: Simd>(
    simd: S,
    segment: &Segment,
    memory: &Memory,
    sum: &Sum,
    fader: Option<&Fader>,
    to: &mut Block,
) -> bool {
    let mut sounding =
        segment.list(&segment.terms, sum.terms).iter().filter(|term| !memory.is_silent(term.from));
    let mut sounds = false;
    if let Some(first) = sounding.next() {
        // Held in registers until all is added.
        let mut parts = scaled(simd, memory.block(first.from), first.gain);
        for term in sounding {
            let more = scaled(simd, memory.block(term.from), term.gain);
            for (part, more) in parts.iter_mut().zip(more) {
                *part += more;
            }
        }
        to.chunks_exact_mut(16).zip(parts).for_each(|(to, part)| part.store_slice(to));
        sounds = true;
    }
    let Some(fader) = fader.filter(|_| sum.fades.len > 0) else { return sounds };
    for fade in segment.list(&segment.fades, sum.fades).iter().filter(|fade| !memory.is_silent(fade.from)) {
        if !sounds {
            to.fill(0.0);
            sounds = true;
        }
        fade.add(memory.block(fade.from), fader, to);
    }
    sounds
}

/// A block as vectors.
#[inline(always)]
fn parts<S: Simd>(simd: S, block: &Block) -> [f32x16<S>; 4] {
    let part = |index: usize| f32x16::from_slice(simd, &block[index * 16..][..16]);
    [part(0), part(1), part(2), part(3)]
}

/// Whether all 64 samples are finite. A sum that is finite has only finite summands.
#[inline(always)]
pub(super) fn is_finite<S: Simd>(simd: S, block: &Block) -> bool {
    let [a, b, c, d] = parts(simd, block);
    (((a + b) + (c + d)) * 0.0).simd_eq(0.0).all_true() || all_finite(block)
}

/// The same, by a factor.
#[inline(always)]
fn scaled<S: Simd>(simd: S, block: &Block, factor: f32) -> [f32x16<S>; 4] {
    let [a, b, c, d] = parts(simd, block);
    [a * factor, b * factor, c * factor, d * factor]
}

/// Multiplies by a factor. Returns whether all 64 samples are finite.
#[inline(always)]
pub(super) fn scale<S: Simd>(simd: S, from: &Block, factor: f32, to: &mut Block) -> bool {
    let [a, b, c, d] = scaled(simd, from, factor);
    to.chunks_exact_mut(16).zip([a, b, c, d]).for_each(|(to, part)| part.store_slice(to));
    (((a + b) + (c + d)) * 0.0).simd_eq(0.0).all_true() || all_finite(to)
}

/// The same, where it stands.
#[inline(always)]
pub(super) fn scale_in_place<S: Simd>(simd: S, block: &mut Block, factor: f32) -> bool {
    let before = *block;
    scale(simd, &before, factor, block)
}

/// The same, one by one: finite samples may have a sum that is not.
#[cold]
fn all_finite(block: &Block) -> bool {
    block.iter().all(|x| x.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;
    use fearless_simd::{Level, dispatch};

    #[test]
    fn one_bad_sample_anywhere_is_seen() {
        let is_finite = |block: &Block| dispatch!(Level::new(), simd => is_finite(simd, block));
        assert!(is_finite(&Block::filled(f32::MAX)));
        assert!(is_finite(&Block::filled(-f32::MIN_POSITIVE / 4.0)));
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
            for at in 0..64 {
                let mut block = Block::filled(-0.5);
                block[at] = bad;
                assert!(!is_finite(&block), "{bad} at {at}");
            }
        }
    }
}
