//! Parameters while they move: glides placed on samples, and modulation by other nodes. Audio thread.

use super::io::ParamValue;
use crate::dsp::{self, Block, QUANTUM};
use crate::param::{Amount, Curve, ParamSpec, Range};
use crate::port::Polarity;

/// A parameter's way to its target.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Glide {
    current: f32,
    target: f32,
    step: f32,
    remaining: u32,
}

impl Glide {
    pub fn at(value: f32) -> Self {
        Self { current: value, target: value, step: 0.0, remaining: 0 }
    }

    pub fn target(&self) -> f32 {
        self.target
    }

    /// Where it is now.
    pub fn now(&self) -> f32 {
        self.current
    }

    fn retarget(&mut self, target: f32, frames: u32) {
        self.target = target;
        if frames == 0 || target == self.current {
            *self = Self::at(target);
            return;
        }
        self.step = (target - self.current) / frames as f32;
        self.remaining = frames;
    }

    fn advance(&mut self, out: &mut [f32]) {
        let moving = (self.remaining as usize).min(out.len());
        let (ramp, rest) = out.split_at_mut(moving);
        for value in ramp {
            self.current += self.step;
            *value = self.current;
        }
        self.remaining -= moving as u32;
        if self.remaining == 0 {
            // Land exactly: the sum of steps is off by rounding.
            self.current = self.target;
            if let Some(last) = out[..moving].last_mut() {
                *last = self.target;
            }
            out[moving..].fill(self.target);
        } else {
            debug_assert!(rest.is_empty());
        }
    }
}

/// A new target at a frame of the quantum.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Move {
    pub slot: u16,
    pub offset: u8,
    pub target: f32,
    /// The next move of the same node in this quantum, or [`Move::LAST`].
    pub next: u32,
}

impl Move {
    pub const LAST: u32 = u32::MAX;
}

/// One parameter of a running node: its specification, where it is going, and who modulates it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slot {
    pub spec: &'static ParamSpec,
    pub glide: Glide,
    pub glide_frames: u32,
    /// The value as set; kept for musical lengths, which follow the tempo.
    pub amount: Amount,
    /// Whether the glide runs in the position domain of the range: the centre of a depth modulation.
    pub centred: bool,
}

impl Slot {
    pub fn new(
        spec: &'static ParamSpec,
        amount: Amount,
        tempo: f64,
        sample_rate: u32,
        centred: bool,
    ) -> Self {
        let value = amount.at_tempo(spec, tempo);
        let value = if centred { spec.range.position(value) } else { value };
        let glide_frames = (spec.smoothing * sample_rate as f32).round() as u32;
        Self { spec, glide: Glide::at(value), glide_frames, amount, centred }
    }

    /// The number that a glide to this amount ends at.
    pub fn goal(&self, amount: Amount, tempo: f64) -> f32 {
        let value = amount.at_tempo(self.spec, tempo);
        if self.centred { self.spec.range.position(value) } else { value }
    }

    /// Renders the quantum into `out`, which holds the outcome while the slot moves. Returns whether the slot
    /// still moves in the next quantum.
    pub fn render(&mut self, out: &mut Block, moves: &[Move], first: u32, index: usize) -> bool {
        let mut done = 0;
        let mut next = first;
        while let Some(step) = moves.get(next as usize) {
            if usize::from(step.slot) == index {
                let offset = usize::from(step.offset).max(done);
                self.glide.advance(&mut out[done..offset]);
                self.glide.retarget(step.target, self.glide_frames);
                done = offset;
            }
            next = step.next;
        }
        self.glide.advance(&mut out[done..QUANTUM]);
        self.glide.remaining > 0
    }
}

/// One parameter moved by a signal.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Modulation {
    pub slot: u16,
    /// The mono wire of the source.
    pub source: u32,
    /// Where the source moves the parameter within the range.
    pub reach: Reach,
    pub range: Range,
}

/// How a source's numbers become positions in a range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Reach {
    /// Position = `offset + scale x source`, between the positions `low` and `high`.
    Span { offset: f32, scale: f32, low: f32, high: f32 },
    /// Position = the parameter's own + `scale x source`, anywhere in the range.
    Around { scale: f32 },
}

impl Reach {
    /// From the lower to the upper end of a stretch of the range.
    pub fn span(range: &Range, min: f32, max: f32, polarity: Polarity) -> Self {
        let (from, to) = (range.position(min), range.position(max));
        let (offset, scale) = match polarity {
            Polarity::Unipolar => (from, to - from),
            Polarity::Bipolar => ((from + to) * 0.5, (to - from) * 0.5),
        };
        Reach::Span { offset, scale, low: from.min(to), high: from.max(to) }
    }
}

impl Modulation {
    /// Writes the parameter's 64 values into `out`. Where the centre glides, `out` holds its positions
    /// already (`moving`); else it stands at `centre`.
    pub fn render(&self, source: &Block, out: &mut Block, centre: f32, moving: bool) {
        match self.reach {
            Reach::Span { offset, scale, low, high } => {
                for (out, x) in out.iter_mut().zip(source.iter()) {
                    *out = (offset + scale * x).clamp(low, high);
                }
            }
            Reach::Around { scale } => {
                if !moving {
                    out.fill(centre);
                }
                for (out, x) in out.iter_mut().zip(source.iter()) {
                    *out = (*out + scale * x).clamp(0.0, 1.0);
                }
            }
        }
        let Range { min, max, curve } = self.range;
        match curve {
            Curve::Linear => out.iter_mut().for_each(|n| *n = min + (max - min) * *n),
            Curve::Exponential => {
                let octaves = (max / min).log2();
                out.iter_mut().for_each(|n| *n = (min * dsp::exp2(*n * octaves)).clamp(min, max));
            }
            Curve::Power(p) => out.iter_mut().for_each(|n| *n = min + (max - min) * power(*n, p)),
        }
    }
}

fn power(n: f32, p: f32) -> f32 {
    if p == 3.0 {
        n * n * n
    } else if p == 2.0 {
        n * n
    } else {
        n.powf(p)
    }
}

/// A slot that has come to rest is a constant again.
pub(crate) fn settle(value: &mut ParamValue, slot: &Slot) {
    *value = ParamValue { value: slot.glide.target(), signal: false };
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEVEL: ParamSpec = ParamSpec::ratio("level", 0.0);

    fn slot() -> Slot {
        Slot::new(&LEVEL, Amount::Value(0.0), 60.0, 1000, false)
    }

    #[test]
    fn a_glide_starts_at_its_sample_and_lands_exactly() {
        let mut slot = slot();
        let mut out = Block::SILENCE;
        let moves = [Move { slot: 0, offset: 10, target: 1.0, next: Move::LAST }];
        assert!(!slot.render(&mut out, &moves, 0, 0));
        assert!(out[..10].iter().all(|v| *v == 0.0));
        assert!((out[10] - 0.05).abs() < 1e-6 && out[28] < 1.0);
        assert!(out[29..].iter().all(|v| *v == 1.0));
    }

    #[test]
    fn moves_of_other_slots_are_passed_over_and_later_moves_win() {
        let mut slot = slot();
        let mut out = Block::SILENCE;
        let moves = [
            Move { slot: 0, offset: 0, target: 1.0, next: 1 },
            Move { slot: 1, offset: 5, target: 9.0, next: 2 },
            Move { slot: 0, offset: 60, target: 0.0, next: Move::LAST },
        ];
        assert!(slot.render(&mut out, &moves, 0, 0));
        assert_eq!(out[59], 1.0);
        assert!((out[63] - 0.8).abs() < 1e-6);
    }

    #[test]
    fn modulation_maps_along_the_curve_and_is_clamped() {
        let range = Range { min: 20.0, max: 20_000.0, curve: Curve::Exponential };
        let reach = Reach::span(&range, 300.0, 2_000.0, Polarity::Bipolar);
        let modulation = Modulation { slot: 0, source: 1, reach, range };
        let mut source = Block::SILENCE;
        source[..5].copy_from_slice(&[-1.0, 0.0, 1.0, 7.0, -7.0]);
        let mut out = Block::SILENCE;
        modulation.render(&source, &mut out, 0.0, false);
        let expected = [300.0, (300.0f32 * 2000.0).sqrt(), 2000.0, 2000.0, 300.0];
        for (out, expected) in out.iter().zip(expected) {
            assert!((out / expected - 1.0).abs() < 1e-4, "{out} {expected}");
        }
        let around = Modulation { reach: Reach::Around { scale: 0.1 }, ..modulation };
        around.render(&source, &mut out, range.position(632.4555), false);
        assert!((out[1] / 632.4555 - 1.0).abs() < 1e-4);
        assert!((out[2] / 1261.9).log2().abs() < 1e-3, "{}", out[2]);
    }
}
