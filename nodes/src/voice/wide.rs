//! One voice, or sixteen side by side: loading, storing and random bits for the arithmetic of
//! [`auralis_graph::lanes`]. Real-time safe.

use auralis_graph::lanes::Lanes;
use fearless_simd::{Simd, f32x16, i32x16, prelude::*, u32x16};

/// Voices in a group, whatever the instruction set.
pub const LANES: usize = 16;

/// One number for each voice of a group, as it lies in memory.
#[derive(Debug, Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub struct Row(pub [f32; LANES]);

impl Row {
    /// All zeros.
    pub const ZERO: Row = Row([0.0; LANES]);
}

/// Random bits for each voice of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct BitRow(pub [u32; LANES]);

/// Numbers that voices are computed with: `f32` for one, 16 lanes for a group. Each lane equals the single value
/// to the bit.
pub trait Wide: Lanes {
    /// What proves the instruction set.
    type Token: Copy;
    /// How numbers lie in memory.
    type Row: Copy;
    /// Random bits.
    type Bits: Copy;
    /// How random bits lie in memory.
    type BitRow: Copy;

    /// The same number in every lane.
    fn all(token: Self::Token, value: f32) -> Self;

    /// Reads a row.
    fn load(token: Self::Token, row: &Self::Row) -> Self;

    /// Writes a row.
    fn store(self, row: &mut Self::Row);

    /// Reads random bits.
    fn load_bits(token: Self::Token, row: &Self::BitRow) -> Self::Bits;

    /// Writes random bits.
    fn store_bits(bits: Self::Bits, row: &mut Self::BitRow);

    /// The next random bits; never zero unless they were. The generator is xorshift32 with the shifts 13, 17, 5
    /// (Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8, 2003, section 4).
    fn scramble(bits: Self::Bits) -> Self::Bits;

    /// Random bits as a number in [-1/2, 1/2).
    fn centred(bits: Self::Bits) -> Self;

    /// A part of a cycle in [-1/2, 1/2) as a turn: 2^32 to the cycle, so that sums wrap by themselves, exactly.
    fn turn(self) -> Self::Bits;

    /// One turn further by another.
    fn plus(turn: Self::Bits, other: Self::Bits) -> Self::Bits;

    /// The same turn for every voice.
    fn all_bits(token: Self::Token, turn: u32) -> Self::Bits;

    /// A turn in cycles, in [-1/2, 1/2).
    fn cycles(turn: Self::Bits) -> Self;
}

/// Reads rows and spreads numbers. (Not closures: one that the compiler does not inline costs a factor of ten.)
#[derive(Debug, Clone, Copy)]
pub struct Reader<V: Wide>(pub V::Token);

impl<V: Wide> Reader<V> {
    /// Reads a row.
    #[inline(always)]
    pub fn row(self, row: &V::Row) -> V {
        V::load(self.0, row)
    }

    /// The same number in every lane.
    #[inline(always)]
    pub fn all(self, value: f32) -> V {
        V::all(self.0, value)
    }
}

/// A cycle in turns.
const CYCLE: f32 = 4_294_967_296.0;

/// The bits of 1.0: with random bits below them, a number in [1, 2).
const ONE: u32 = 0x3f80_0000;

impl Wide for f32 {
    type Token = ();
    type Row = f32;
    type Bits = u32;
    type BitRow = u32;

    #[inline(always)]
    fn all(_token: (), value: f32) -> Self {
        value
    }

    #[inline(always)]
    fn load(_token: (), row: &f32) -> Self {
        *row
    }

    #[inline(always)]
    fn store(self, row: &mut f32) {
        *row = self;
    }

    #[inline(always)]
    fn load_bits(_token: (), row: &u32) -> u32 {
        *row
    }

    #[inline(always)]
    fn store_bits(bits: u32, row: &mut u32) {
        *row = bits;
    }

    #[inline(always)]
    fn scramble(bits: u32) -> u32 {
        let bits = bits ^ (bits << 13);
        let bits = bits ^ (bits >> 17);
        bits ^ (bits << 5)
    }

    #[inline(always)]
    fn centred(bits: u32) -> Self {
        f32::from_bits((bits >> 9) | ONE) - 1.5
    }

    #[inline(always)]
    fn turn(self) -> u32 {
        (self * CYCLE) as i32 as u32
    }

    #[inline(always)]
    fn plus(turn: u32, other: u32) -> u32 {
        turn.wrapping_add(other)
    }

    #[inline(always)]
    fn all_bits(_token: (), turn: u32) -> u32 {
        turn
    }

    #[inline(always)]
    fn cycles(turn: u32) -> f32 {
        turn as i32 as f32 * (1.0 / CYCLE)
    }
}

impl<S: Simd> Wide for f32x16<S> {
    type Token = S;
    type Row = Row;
    type Bits = u32x16<S>;
    type BitRow = BitRow;

    #[inline(always)]
    fn all(token: S, value: f32) -> Self {
        Self::splat(token, value)
    }

    #[inline(always)]
    fn load(token: S, row: &Row) -> Self {
        Self::load_array_ref(token, &row.0)
    }

    #[inline(always)]
    fn store(self, row: &mut Row) {
        row.0 = *self;
    }

    #[inline(always)]
    fn load_bits(token: S, row: &BitRow) -> u32x16<S> {
        u32x16::load_array_ref(token, &row.0)
    }

    #[inline(always)]
    fn store_bits(bits: u32x16<S>, row: &mut BitRow) {
        row.0 = *bits;
    }

    #[inline(always)]
    fn scramble(bits: u32x16<S>) -> u32x16<S> {
        let bits = bits ^ (bits << 13);
        let bits = bits ^ (bits >> 17);
        bits ^ (bits << 5)
    }

    #[inline(always)]
    fn centred(bits: u32x16<S>) -> Self {
        let unit: Self = ((bits >> 9) | ONE).bitcast();
        unit - 1.5
    }

    #[inline(always)]
    fn turn(self) -> u32x16<S> {
        let turns: i32x16<S> = (self * CYCLE).to_int();
        turns.bitcast()
    }

    #[inline(always)]
    fn plus(turn: u32x16<S>, other: u32x16<S>) -> u32x16<S> {
        turn + other
    }

    #[inline(always)]
    fn all_bits(token: S, turn: u32) -> u32x16<S> {
        u32x16::splat(token, turn)
    }

    #[inline(always)]
    fn cycles(turn: u32x16<S>) -> Self {
        let turns: i32x16<S> = turn.bitcast();
        turns.to_float::<Self>() * (1.0 / CYCLE)
    }
}
