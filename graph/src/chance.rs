//! Chance that follows from a seed and a path of words and numbers, so that any point of an endless piece can
//! be found without playing up to it. Allocation-free, safe on any thread.
//!
//! The generator is SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
//! OOPSLA 2014, figure 17): a hash of a counter, so a stream can start anywhere.

const GOLDEN: u64 = 0x9e37_79b9_7f4a_7c15;

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// A stream of random numbers, and the root of further streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chance {
    state: u64,
}

impl Chance {
    /// The stream of a seed.
    pub const fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The stream below this one for a number (a phrase, a bar, a voice). Does not advance this stream.
    #[must_use]
    pub fn at(self, index: u64) -> Self {
        Self { state: mix(self.state ^ mix(index.wrapping_add(GOLDEN))) }
    }

    /// The stream below this one for a word (a node's name, a purpose). Does not advance this stream.
    #[must_use]
    pub fn named(self, name: &str) -> Self {
        // FNV-1a, 64 bits.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        self.at(hash)
    }

    /// The seed from which [`Chance::new`] makes this stream again.
    pub fn seed(self) -> u64 {
        self.state
    }

    /// The next 64 bits.
    pub fn bits(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GOLDEN);
        mix(self.state)
    }

    /// The next number in [0, 1), with 24 bits.
    pub fn unit(&mut self) -> f32 {
        (self.bits() >> 40) as f32 * (1.0 / (1u64 << 24) as f32)
    }

    /// The next number in [-1, 1).
    pub fn bipolar(&mut self) -> f32 {
        self.unit() * 2.0 - 1.0
    }

    /// The next whole number in [0, n); 0 where `n` is 0.
    pub fn below(&mut self, n: u32) -> u32 {
        // Lemire, "Fast random integer generation in an interval" (2019), without the rejection: the bias is
        // below 2^-32 for the small ranges used here.
        ((u128::from(self.bits()) * u128::from(n)) >> 64) as u32
    }

    /// True with the given probability.
    pub fn happens(&mut self, probability: f32) -> bool {
        self.unit() < probability
    }

    /// An index drawn with the given non-negative weights; the last one with weight if rounding leaves none.
    pub fn weighted(&mut self, weights: &[f32]) -> usize {
        let total: f32 = weights.iter().sum();
        let mut rest = self.unit() * total;
        let mut last = 0;
        for (index, weight) in weights.iter().enumerate() {
            if *weight > 0.0 {
                last = index;
                if rest < *weight {
                    return index;
                }
                rest -= weight;
            }
        }
        last
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_differ_by_name_and_index_and_repeat() {
        let root = Chance::new(7);
        let draw = |mut c: Chance| c.bits();
        assert_eq!(draw(root.named("pad").at(3)), draw(root.named("pad").at(3)));
        assert_ne!(draw(root.named("pad").at(3)), draw(root.named("pad").at(4)));
        assert_ne!(draw(root.named("pad")), draw(root.named("pads")));
        assert_ne!(draw(root.at(0)), draw(root));
    }

    #[test]
    fn draws_are_even() {
        let mut chance = Chance::new(1);
        let n = 100_000;
        let mean = (0..n).map(|_| f64::from(chance.unit())).sum::<f64>() / f64::from(n);
        assert!((mean - 0.5).abs() < 0.005, "{mean}");
        let mut counts = [0; 7];
        (0..n).for_each(|_| counts[chance.below(7) as usize] += 1);
        assert!(counts.iter().all(|c| (13_600..15_000).contains(c)), "{counts:?}");
        let mut weighted = [0; 3];
        (0..n).for_each(|_| weighted[chance.weighted(&[1.0, 0.0, 3.0])] += 1);
        assert_eq!(weighted[1], 0);
        assert!((24_000..26_000).contains(&weighted[0]), "{weighted:?}");
    }
}
