//! What waits for its own last sample, such as a filter, leaves most of the machine idle. So the recursions of like
//! nodes run side by side, a lane each. One definition serves for one lane and for many, and each lane equals the
//! single recursion to the bit, on every instruction set. Audio thread.

use super::io::AudioIn;
use super::memory::Memory;
use super::schedule::{Segment, Step};
use super::tile::{FOUR, Tile};
use crate::dsp::{Block, QUANTUM};
use crate::lanes::Lanes;
use arrayvec::ArrayVec;
use fearless_simd::{Level, Simd, dispatch, f32x4, f32x8, f32x16, prelude::*};

/// Frames that a recursion takes at once.
pub const STRIDE: usize = 4;

/// A recursion of one sound: it remembers `MEMORY` numbers, follows `STEADY` numbers that rest and `SIGNALS` that move
/// (at most [`MOST_SIGNALS`]), and gives one signal.
pub trait Recursion<const MEMORY: usize, const STEADY: usize, const SIGNALS: usize>: 'static {
    /// Four frames. `#[inline(always)]`, and with nothing but the arithmetic of [`Lanes`]: then a lane is the single
    /// recursion, and the compiler keeps all of it in registers.
    fn stride<V: Lanes>(
        memory: &mut [V; MEMORY],
        steady: &[V; STEADY],
        signals: &[[V; STRIDE]; SIGNALS],
    ) -> [V; STRIDE];
}

/// Signals that a recursion can follow.
pub const MOST_SIGNALS: usize = 8;

/// Recursions that run together at most, whatever the instruction set.
pub(crate) const BANK: usize = 16;

/// One recursion in one quantum.
struct Lane<'a> {
    run: Run,
    memory: &'a mut [f32],
    steady: &'a [f32],
    signals: [&'a Block; MOST_SIGNALS],
    to: u32,
}

/// Runs lanes that are all of one kind of recursion.
type Run = fn(Level, &Memory, &mut [Lane<'_>]);

/// Recursions that are to run in this quantum.
pub struct Bank<'a> {
    segment: &'a Segment,
    memory: &'a Memory,
    level: Level,
    /// The node whose recursions are added.
    step: &'a Step,
    lanes: ArrayVec<Lane<'a>, BANK>,
    /// Whether there are those of other nodes: then none runs before all are known.
    shared: bool,
}

impl<'a> Bank<'a> {
    pub(crate) fn new(segment: &'a Segment, memory: &'a Memory, step: &'a Step, level: Level) -> Self {
        Self { segment, memory, level, step, lanes: ArrayVec::new(), shared: false }
    }

    /// For the recursions of several nodes, of which `step` is the first.
    pub(crate) fn shared(segment: &'a Segment, memory: &'a Memory, step: &'a Step, level: Level) -> Self {
        Self { shared: true, ..Self::new(segment, memory, step, level) }
    }

    /// The node whose recursions are added next.
    pub(crate) fn turn_to(&mut self, step: &'a Step) {
        self.step = step;
    }

    /// An audio input port of the node, as it was in [`crate::Processor::process`].
    ///
    /// # Panics
    /// If there is no such port.
    pub fn input(&self, port: usize) -> AudioIn<'a> {
        AudioIn::of(self.segment, self.memory, self.step, port)
    }

    /// Adds a recursion that gives a channel of an output port.
    ///
    /// # Panics
    /// If there is no such port or channel, the recursion remembers or follows fewer or more numbers, or the node has
    /// more recursions than channels.
    #[inline]
    pub fn add<R, const MEMORY: usize, const STEADY: usize, const SIGNALS: usize>(
        &mut self,
        (port, channel): (usize, usize),
        memory: &'a mut [f32],
        steady: &'a [f32],
        signals: [&'a Block; SIGNALS],
    ) where
        R: Recursion<MEMORY, STEADY, SIGNALS>,
    {
        const { assert!(0 < SIGNALS && SIGNALS <= MOST_SIGNALS, "a recursion follows too many signals") };
        assert!(memory.len() == MEMORY && steady.len() == STEADY, "a recursion has other numbers");
        let mut all = [signals[0]; MOST_SIGNALS];
        all[..SIGNALS].copy_from_slice(&signals);
        let to = self.segment.output_wire(self.step, port, channel);
        if self.lanes.is_full() {
            assert!(!self.shared, "a node has more recursions than channels");
            self.run();
        }
        self.lanes.push(Lane { run: run::<R, MEMORY, STEADY, SIGNALS>, memory, steady, signals: all, to });
    }

    /// Runs all that were added; their outputs then hold what they give.
    pub(crate) fn run(&mut self) {
        let mut rest = &mut self.lanes[..];
        while let Some(first) = rest.first() {
            let run = first.run;
            let like = gather_like(rest);
            let (now, later) = rest.split_at_mut(like);
            run(self.level, self.memory, now);
            rest = later;
        }
        self.lanes.clear();
    }
}

/// Puts lanes of the first one's kind first, and says how many there are. Mostly they all are.
fn gather_like(lanes: &mut [Lane<'_>]) -> usize {
    let kind = lanes[0].run as usize;
    let first = lanes.iter().take_while(|lane| lane.run as usize == kind).count();
    let mut like = first;
    for index in first..lanes.len() {
        if lanes[index].run as usize == kind {
            lanes.swap(like, index);
            like += 1;
        }
    }
    like
}

fn run<R, const MEMORY: usize, const STEADY: usize, const SIGNALS: usize>(
    level: Level,
    memory: &Memory,
    lanes: &mut [Lane<'_>],
) where
    R: Recursion<MEMORY, STEADY, SIGNALS>,
{
    if let [lane] = lanes {
        return alone::<R, MEMORY, STEADY, SIGNALS>(memory, lane);
    }
    dispatch!(level, simd => {
        run_all::<_, R, MEMORY, STEADY, SIGNALS>(simd, memory, lanes);
    });
}

#[inline(always)]
fn run_all<S: Simd, R, const MEMORY: usize, const STEADY: usize, const SIGNALS: usize>(
    simd: S,
    memory: &Memory,
    mut lanes: &mut [Lane<'_>],
) where
    R: Recursion<MEMORY, STEADY, SIGNALS>,
{
    while !lanes.is_empty() {
        let native = S::f32s::LEN;
        let now;
        if lanes.len() <= 4 || native == 4 {
            (now, lanes) = lanes.split_at_mut(lanes.len().min(4));
            side_by_side::<S, f32x4<S>, R, 4, MEMORY, STEADY, SIGNALS>(simd, memory, now);
        } else if lanes.len() <= 8 || native == 8 {
            (now, lanes) = lanes.split_at_mut(lanes.len().min(8));
            side_by_side::<S, f32x8<S>, R, 8, MEMORY, STEADY, SIGNALS>(simd, memory, now);
        } else {
            (now, lanes) = lanes.split_at_mut(lanes.len().min(16));
            side_by_side::<S, f32x16<S>, R, 16, MEMORY, STEADY, SIGNALS>(simd, memory, now);
        }
    }
}

/// A recursion by itself.
fn alone<R, const MEMORY: usize, const STEADY: usize, const SIGNALS: usize>(
    memory: &Memory,
    lane: &mut Lane<'_>,
) where
    R: Recursion<MEMORY, STEADY, SIGNALS>,
{
    let mut state = [0.0; MEMORY];
    let mut steady = [0.0; STEADY];
    state.copy_from_slice(lane.memory);
    steady.copy_from_slice(lane.steady);
    // SAFETY: as in `side_by_side`.
    let out = unsafe { memory.block_mut(lane.to) };
    for from in (0..QUANTUM).step_by(STRIDE) {
        let mut x = [[0.0; STRIDE]; SIGNALS];
        for (x, signal) in x.iter_mut().zip(&lane.signals) {
            x.copy_from_slice(&signal[from..from + STRIDE]);
        }
        out[from..from + STRIDE].copy_from_slice(&R::stride(&mut state, &steady, &x));
    }
    lane.memory.copy_from_slice(&state);
}

/// As many as `V` has lanes, or fewer: what is left over does the same as the first.
#[inline(always)]
fn side_by_side<S, V, R, const N: usize, const MEMORY: usize, const STEADY: usize, const SIGNALS: usize>(
    simd: S,
    memory: &Memory,
    lanes: &mut [Lane<'_>],
) where
    S: Simd,
    V: Tile<S, N>,
    R: Recursion<MEMORY, STEADY, SIGNALS>,
{
    let zero = V::from_slice(simd, &[0.0; N]);
    let (mut to, mut inputs): ([u32; N], [[&[f32]; N]; SIGNALS]) = ([0; N], [[&[0.0; QUANTUM]; N]; SIGNALS]);
    let (mut memories, mut numbers): ([&[f32]; N], [&[f32]; N]) = ([&[0.0; MEMORY]; N], [&[0.0; STEADY]; N]);
    for index in 0..N {
        let lane = &lanes[if index < lanes.len() { index } else { 0 }];
        to[index] = lane.to;
        (memories[index], numbers[index]) = (&lane.memory[..MEMORY], &lane.steady[..STEADY]);
        for (signal, inputs) in inputs.iter_mut().enumerate() {
            inputs[index] = &lane.signals[signal][..];
        }
    }
    let mut state: [V; MEMORY] = columns(simd, &memories);
    let steady: [V; STEADY] = columns(simd, &numbers);
    for from in (0..QUANTUM).step_by(N) {
        let mut out = [zero; N];
        for (stride, out) in out.as_chunks_mut::<STRIDE>().0.iter_mut().enumerate() {
            let mut x = [[zero; STRIDE]; SIGNALS];
            for (x, inputs) in x.iter_mut().zip(&inputs) {
                *x = V::load(simd, inputs, from + stride * STRIDE);
            }
            *out = R::stride(&mut state, &steady, &x);
        }
        for (row, to) in V::rows(out).iter().zip(to) {
            // SAFETY: the wire is an output of a step of this bank, no input of any of them, and the reference ends
            // with this statement.
            row.store_slice(&mut unsafe { memory.block_mut(to) }[from..from + N]);
        }
    }
    for (index, state) in state.iter().enumerate() {
        let mut numbers = [0.0; N];
        state.store_slice(&mut numbers);
        for (number, lane) in numbers.iter().zip(lanes.iter_mut()) {
            lane.memory[index] = *number;
        }
    }
}

/// The numbers of each lane as vectors over the lanes.
#[inline(always)]
fn columns<S, V, const N: usize, const COUNT: usize>(simd: S, lanes: &[&[f32]; N]) -> [V; COUNT]
where
    S: Simd,
    V: Tile<S, N>,
{
    let mut columns = [V::from_slice(simd, &[0.0; N]); COUNT];
    let (fours, rest) = columns.as_chunks_mut::<FOUR>();
    for (four, columns) in fours.iter_mut().enumerate() {
        *columns = V::load(simd, lanes, four * FOUR);
    }
    for (index, column) in rest.iter_mut().enumerate() {
        let mut numbers = [0.0; N];
        for (number, lane) in numbers.iter_mut().zip(lanes) {
            *number = lane[COUNT / FOUR * FOUR + index];
        }
        *column = V::from_slice(simd, &numbers);
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::Chance;
    use crate::instructions;
    use std::sync::Arc;

    /// A resonator that a signal drives and another one damps; its pitch rests.
    enum Resonator {}

    impl Recursion<2, 1, 2> for Resonator {
        #[inline(always)]
        fn stride<V: Lanes>(
            memory: &mut [V; 2],
            [pitch]: &[V; 1],
            [x, damping]: &[[V; STRIDE]; 2],
        ) -> [V; STRIDE] {
            let mut out = *x;
            for frame in 0..STRIDE {
                let y = x[frame] + (*pitch * memory[0] - memory[1]) * damping[frame];
                *memory = [y, memory[0]];
                out[frame] = y;
            }
            out
        }
    }

    #[test]
    fn a_lane_equals_the_single_recursion_to_the_bit_among_any_number_on_every_level() {
        let mut chance = Chance::new(8);
        let mut noise = |size: f32| Block(std::array::from_fn(|_| chance.bipolar() * size));
        let inputs: Vec<Block> = (0..BANK).map(|_| noise(1.0)).collect();
        let damping: Vec<Block> = (0..BANK).map(|_| noise(0.99)).collect();
        let pitches: Vec<[f32; 1]> = (0..BANK).map(|lane| [lane as f32 * 0.12 - 1.0]).collect();
        let play = |level: Level, lanes: std::ops::Range<usize>| {
            let memory = Memory::new(BANK, Arc::default(), Arc::default());
            let mut states = [[0.3, -0.1]; BANK];
            let mut bank: Vec<Lane<'_>> = states[lanes.clone()]
                .iter_mut()
                .zip(lanes.clone())
                .map(|(state, lane)| Lane {
                    run: run::<Resonator, 2, 1, 2>,
                    memory: state,
                    steady: &pitches[lane],
                    signals: std::array::from_fn(|at| if at == 0 { &inputs[lane] } else { &damping[lane] }),
                    to: lane as u32 + 1,
                })
                .collect();
            for _ in 0..3 {
                run::<Resonator, 2, 1, 2>(level, &memory, &mut bank);
            }
            drop(bank);
            let sound = lanes.map(|lane| {
                memory.set_silent(lane as u32 + 1, false);
                let block = memory.block(lane as u32 + 1);
                (block.0.map(f32::to_bits), states[lane].map(f32::to_bits))
            });
            sound.collect::<Vec<_>>()
        };
        for (name, level) in instructions::available() {
            let alone: Vec<_> = (0..BANK).flat_map(|lane| play(level, lane..lane + 1)).collect();
            assert!(alone.iter().all(|(block, _)| block[63] != block[31]), "{name}: nothing sounds");
            for count in 2..=BANK {
                assert_eq!(play(level, 0..count), alone[..count], "{count} lanes on {name}");
            }
        }
    }

    #[test]
    fn lanes_of_one_kind_are_found_among_others() {
        let blocks = [Block::SILENCE; 5];
        let memory = Memory::new(5, Arc::default(), Arc::default());
        let mut states = [[0.0f32; 2]; 5];
        // Each named once: a function that is named twice may have two addresses, and is then two kinds.
        let (other, resonator): (Run, Run) = (|_, _, _| {}, run::<Resonator, 2, 1, 2>);
        let kinds = [other, resonator, other, resonator, other];
        let lanes = states.iter_mut().zip(kinds).zip(1..).map(|((state, run), to)| Lane {
            run,
            memory: state,
            steady: &[0.5],
            signals: [&blocks[0]; MOST_SIGNALS],
            to,
        });
        let mut lanes: Vec<Lane<'_>> = lanes.collect();
        assert_eq!(gather_like(&mut lanes), 3);
        assert!(lanes[..3].iter().all(|lane| [1, 3, 5].contains(&lane.to)));
        assert_eq!(gather_like(&mut lanes[3..]), 2);
        run::<Resonator, 2, 1, 2>(Level::new(), &memory, &mut lanes[3..]);
    }
}
