//! Recursive filters of several channels, run side by side. Real-time safe.

use auralis_graph::dsp::Block;
use fundsp::audionode::AudioNode;

/// Filters the block of each channel by the filter of the same index. Two run side by side: each sample of a
/// filter waits for the one before, so that a second one costs next to nothing.
///
/// `F` takes one channel and gives one.
#[inline]
pub fn filter<F: AudioNode>(filters: &mut [F], sound: &mut [Block]) {
    for (filters, blocks) in filters.chunks_mut(2).zip(sound.chunks_mut(2)) {
        match (filters, blocks) {
            ([left, right], [left_block, right_block]) => {
                let (mut l, mut r) = (left.clone(), right.clone());
                for (x, y) in left_block.iter_mut().zip(right_block.iter_mut()) {
                    (*x, *y) = (l.filter_mono(*x), r.filter_mono(*y));
                }
                (*left, *right) = (l, r);
            }
            (filters, blocks) => {
                for (filter, block) in filters.iter_mut().zip(blocks) {
                    block.iter_mut().for_each(|x| *x = filter.filter_mono(*x));
                }
            }
        }
    }
}
