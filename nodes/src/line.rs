//! A delay line that is read at whole and fractional frames, and the head that travels along it. Audio thread,
//! but for `new`; allocates nothing after that, and is emptied in constant time.

use auralis_graph::dsp::{Block, QUANTUM};
use fundsp::math::{smooth3, spline};

/// The past of one channel.
pub struct Line {
    samples: Box<[f32]>,
    /// Where the next sample goes.
    next: usize,
    /// Samples pushed since the line was emptied: what is older counts as silence.
    pushed: usize,
}

/// Samples around a fractional place that interpolation looks at.
const AROUND: usize = 4;

/// Widest stretch of a line that a quantum is read from: its frames, and how far its delay travels.
const STRETCH: usize = QUANTUM + 64;

impl Line {
    /// A line that can be read up to `longest` frames back.
    pub fn new(longest: usize) -> Self {
        Self { samples: vec![0.0; longest + AROUND + QUANTUM].into(), next: 0, pushed: 0 }
    }

    /// Empties the line.
    pub fn clear(&mut self) {
        self.next = 0;
        self.pushed = 0;
    }

    /// Adds the newest sample.
    #[inline]
    pub fn push(&mut self, sample: f32) {
        self.samples[self.next] = sample;
        self.next += 1;
        if self.next == self.samples.len() {
            self.next = 0;
        }
        self.pushed = (self.pushed + 1).min(self.samples.len());
    }

    /// Adds a quantum.
    pub fn push_quantum(&mut self, block: &[f32; QUANTUM]) {
        let first = QUANTUM.min(self.samples.len() - self.next);
        self.samples[self.next..self.next + first].copy_from_slice(&block[..first]);
        self.samples[..QUANTUM - first].copy_from_slice(&block[first..]);
        self.next = (self.next + QUANTUM) % self.samples.len();
        self.pushed = (self.pushed + QUANTUM).min(self.samples.len());
    }

    /// The sample that was pushed `back` frames before the newest.
    #[inline]
    pub fn whole(&self, back: usize) -> f32 {
        if back >= self.pushed {
            return 0.0;
        }
        let from_start = self.next + self.samples.len() - 1 - back;
        let wraps = from_start >= self.samples.len();
        self.samples[if wraps { from_start - self.samples.len() } else { from_start }]
    }

    /// The same between samples, by a cubic; exact at whole frames.
    #[inline]
    pub fn between(&self, back: f64) -> f32 {
        let whole = back as usize;
        let part = (back - whole as f64) as f32;
        if part == 0.0 {
            return self.whole(whole);
        }
        let (newer, here) = (self.whole(whole.saturating_sub(1)), self.whole(whole));
        spline(newer, here, self.whole(whole + 1), self.whole(whole + 2), part)
    }

    /// The last quantum that was pushed, as it was a delay before that starts at `from` frames and grows by
    /// `step` a frame, less than 60 frames in all.
    #[inline(always)]
    pub fn swept(&self, from: f64, step: f64, out: &mut Block) {
        if step == 0.0 && from.fract() == 0.0 {
            return self.late(from as usize, out);
        }
        let to = from + step * (QUANTUM - 1) as f64;
        let (stretch, first) = self.around(from.max(to));
        let mut frame = 0;
        while frame < QUANTUM {
            // As many frames at a time as lie between the same samples, but for the quantum's own advance.
            let whole = (from + step * frame as f64).floor();
            let next = if step > 0.0 { (whole + 1.0 - from) / step } else { (whole - from) / step };
            let end = if step == 0.0 { QUANTUM } else { (next.ceil() as usize).clamp(frame + 1, QUANTUM) };
            let (part, step) = ((from - whole) as f32, step as f32);
            let here = first - whole as usize + frame;
            let count = end - frame;
            let [older, old, now, newer] =
                [here - 2, here - 1, here, here + 1].map(|at| &stretch[at..at + count]);
            for i in 0..count {
                out[frame + i] = spline(newer[i], now[i], old[i], older[i], part + step * (frame + i) as f32);
            }
            frame = end;
        }
    }

    /// The last quantum that was pushed, each frame as it was its own delay before. The delays may differ by 60
    /// frames.
    pub fn scattered(&self, delays: &[f64; QUANTUM], out: &mut Block) {
        let (stretch, first) = self.around(delays.iter().fold(0.0, |most, delay| delay.max(most)));
        for (frame, (out, delay)) in out.iter_mut().zip(delays).enumerate() {
            let whole = *delay as usize;
            let here = (first + frame).wrapping_sub(whole).min(STRETCH - 2);
            let [older, old, now, newer] =
                [here.saturating_sub(2), here.saturating_sub(1), here, here + 1].map(|at| stretch[at]);
            *out = spline(newer, now, old, older, (delay - whole as f64) as f32);
        }
    }

    /// The samples from which a quantum with delays up to `longest` is read, oldest first, and where among them
    /// its first frame would be without a delay.
    #[inline(always)]
    fn around(&self, longest: f64) -> ([f32; STRETCH], usize) {
        let mut stretch = [0.0; STRETCH];
        let before = longest as usize + 2;
        self.stretch(before + QUANTUM - 1, &mut stretch);
        (stretch, before)
    }

    /// The last quantum that was pushed, as it was `back` frames before.
    pub fn late(&self, back: usize, out: &mut Block) {
        self.stretch(back + QUANTUM - 1, &mut out.0);
    }

    /// Copies a stretch that starts `back` frames before the newest sample; silence where nothing was pushed.
    #[inline(always)]
    fn stretch(&self, back: usize, out: &mut [f32]) {
        let silent = (back + 1).saturating_sub(self.pushed).min(out.len());
        out[..silent].fill(0.0);
        let there = (back + 1 - silent).min(out.len() - silent);
        let out = &mut out[silent..silent + there];
        let len = self.samples.len();
        let start = (self.next + len - (back + 1 - silent).min(len)) % len;
        let first = out.len().min(len - start);
        out[..first].copy_from_slice(&self.samples[start..start + first]);
        let rest = out.len() - first;
        out[first..].copy_from_slice(&self.samples[..rest]);
    }
}

/// How a head gets from one place to a distant one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Travel {
    /// It fades over to the new place: no pitch bends.
    Fade,
    /// It runs there, at most half as fast as the sound: pitch bends as on a tape.
    Tape,
}

/// A place on a line in frames, that follows a target without clicks.
#[derive(Debug, Clone, Copy)]
pub struct Head {
    place: f64,
    /// The place that is left, while the head fades.
    left: f64,
    /// How far the fade is; 1 at rest.
    fade: f32,
    fade_step: f32,
    travel: Travel,
    /// Frames per frame at which it runs.
    speed: f64,
    /// Part of the distance to the target that is travelled in a frame.
    approach: f64,
    /// The farthest target that a fading head follows by running.
    near: f64,
    /// Whether it stands anywhere: the first target is taken at once.
    placed: bool,
}

impl Head {
    /// Frames per frame at most, by tape: an octave down, a fifth up.
    const FASTEST: f64 = 0.5;
    /// Length of a fade in seconds.
    const FADE: f64 = 0.05;
    /// Time constant of the approach in seconds.
    const LAG: f64 = 0.01;
    /// Seconds within which a target is followed rather than faded to.
    const NEAR: f64 = 0.001;

    /// A head that stands where its first target will be.
    pub fn new(travel: Travel, sample_rate: f64) -> Self {
        Self {
            place: 0.0,
            left: 0.0,
            fade: 1.0,
            fade_step: (1.0 / (Self::FADE * sample_rate)) as f32,
            travel,
            speed: 0.0,
            approach: 1.0 / (Self::LAG * sample_rate),
            near: Self::NEAR * sample_rate,
            placed: false,
        }
    }

    /// Forgets its place.
    pub fn reset(&mut self) {
        self.placed = false;
        self.fade = 1.0;
        self.speed = 0.0;
    }

    /// Stands where another one stood.
    pub fn adopt(&mut self, other: &Head) {
        self.place = other.place;
        self.placed = other.placed;
    }

    /// Whether nothing moves towards this target, so that a whole quantum can be read at once.
    #[inline]
    pub fn rests_at(&self, target: f64) -> bool {
        self.fade == 1.0 && (!self.placed || (self.place == target && self.speed == 0.0))
    }

    /// Goes on by one frame.
    #[inline]
    pub fn advance(&mut self, target: f64) {
        if !self.placed {
            self.place = target;
            self.placed = true;
        }
        if self.fade < 1.0 {
            self.fade = (self.fade + self.fade_step).min(1.0);
            return;
        }
        let distance = target - self.place;
        if distance == 0.0 && self.speed == 0.0 {
            return;
        }
        if self.travel == Travel::Fade && distance.abs() > self.near {
            self.left = self.place;
            self.place = target;
            self.fade = 0.0;
            self.speed = 0.0;
        } else if distance.abs() < 1e-3 && self.speed.abs() < 1e-4 {
            // A step of a thousandth of a frame is below the noise of any converter.
            self.place = target;
            self.speed = 0.0;
        } else {
            // Critically damped: the speed follows four times as fast as the place, so the pitch has no corners.
            let wanted = (distance * self.approach).clamp(-Self::FASTEST, Self::FASTEST);
            self.speed += (wanted - self.speed) * (4.0 * self.approach);
            self.place += self.speed;
        }
    }

    /// The farthest place that is heard.
    pub fn farthest(&self) -> f64 {
        if self.fade < 1.0 { self.place.max(self.left) } else { self.place }
    }

    /// What is heard of a line that is `shorter` frames shorter than the place says.
    #[inline]
    pub fn read(&self, line: &Line, shorter: f64) -> f32 {
        let here = line.between((self.place - shorter).max(0.0));
        if self.fade == 1.0 {
            return here;
        }
        let there = line.between((self.left - shorter).max(0.0));
        there + (here - there) * smooth3(self.fade)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp(line: &mut Line, count: usize) {
        (0..count).for_each(|i| line.push(i as f32));
    }

    #[test]
    fn whole_frames_are_exact_and_what_was_never_pushed_is_silence() {
        let mut line = Line::new(100);
        ramp(&mut line, 1000);
        assert_eq!((line.whole(0), line.whole(100)), (999.0, 899.0));
        assert_eq!(line.between(37.0), 962.0);
        assert!((line.between(37.25) - 961.75).abs() < 1e-3);
        line.clear();
        ramp(&mut line, 3);
        assert_eq!([0, 1, 2, 3].map(|back| line.whole(back)), [2.0, 1.0, 0.0, 0.0]);
    }

    #[test]
    fn a_quantum_is_read_as_its_samples_are() {
        let mut line = Line::new(300);
        for quantum in 0..40 {
            let samples: [f32; QUANTUM] =
                std::array::from_fn(|i| ((quantum * QUANTUM + i) as f32 * 0.37).sin());
            let ways = [
                (2.0, 0.0),
                (300.0, 0.0),
                (211.0, -0.5),
                (99.25, 0.5),
                (6.5, 0.0),
                (40.1, 0.003),
                (50.0, -0.02),
            ];
            for (from, step) in ways {
                let mut copy = Line { samples: line.samples.clone(), ..line };
                let expected: Vec<f32> = samples
                    .iter()
                    .enumerate()
                    .map(|(frame, sample)| {
                        copy.push(*sample);
                        copy.between(from + step * frame as f64)
                    })
                    .collect();
                let (mut swept, mut scattered) = (Block::SILENCE, Block::SILENCE);
                copy.swept(from, step, &mut swept);
                copy.scattered(&std::array::from_fn(|frame| from + step * frame as f64), &mut scattered);
                for (frame, expected) in expected.iter().enumerate() {
                    assert_eq!(scattered[frame], *expected, "{quantum} {from} {step} {frame}");
                    assert!((swept[frame] - expected).abs() < 1e-5, "{quantum} {from} {step} {frame}");
                }
            }
            line.push_quantum(&samples);
        }
    }

    #[test]
    fn a_head_takes_its_first_place_at_once_and_lands_exactly() {
        for travel in [Travel::Fade, Travel::Tape] {
            let mut head = Head::new(travel, 48_000.0);
            head.advance(1_000.0);
            assert!(head.rests_at(1_000.0));
            for target in [24_000.0, 24_020.0, 100.0] {
                (0..96_000).for_each(|_| head.advance(target));
                assert!(head.rests_at(target) && head.farthest() == target, "{travel:?} {}", head.farthest());
            }
        }
    }
}
