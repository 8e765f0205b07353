//! What stands before the tank: allpasses that make a cloud of every click, and the first reflections of a
//! near wall. Audio thread, but for `new`; allocates nothing after that.

use crate::line::Line;
use auralis_graph::dsp::{Block, QUANTUM};
use fundsp::audionode::AudioNode;
use fundsp::delay::{AllNest, Delay};
use fundsp::typenum::U1;

/// Allpasses in a row.
const STAGES: usize = 6;

/// Schroeder allpasses in a row.
pub struct Diffuser {
    stages: [AllNest<U1, Delay>; STAGES],
    frames: usize,
}

/// Lengths in milliseconds for either side, and coefficients: those of J. Dattorro, "Effect design, part 1", JAES
/// 45, 1997, figure 1, after two shorter ones, which fill the gaps in the first 50 ms.
const LENGTHS: [[f64; STAGES]; 2] =
    [[1.871, 2.633, 4.771, 3.595, 12.735, 9.307], [2.113, 2.371, 5.201, 3.947, 11.653, 8.549]];
const COEFFICIENTS: [f32; STAGES] = [0.7, 0.7, 0.75, 0.75, 0.625, 0.625];

impl Diffuser {
    /// For the left (0) or right (1) side.
    pub fn new(side: usize, sample_rate: u32, scale: f64) -> Self {
        let rate = f64::from(sample_rate);
        let stage = |index: usize| {
            // The allpass itself adds one frame.
            let seconds = (LENGTHS[side][index] * 0.001 * scale - 1.0 / rate).max(0.0);
            let mut delay = Delay::new(seconds);
            delay.set_sample_rate(rate);
            AllNest::new(COEFFICIENTS[index], delay)
        };
        let frames = LENGTHS[side].iter().sum::<f64>() * 0.001 * scale * rate;
        Self { stages: std::array::from_fn(stage), frames: frames as usize }
    }

    /// Frames of all its delays.
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// Forgets all signal.
    pub fn reset(&mut self) {
        self.stages.iter_mut().for_each(AudioNode::reset);
    }

    /// Diffuses a quantum.
    pub fn quantum(&mut self, sound: &mut Block) {
        // Stage by stage: what waits for what is then in the delays, not in the arithmetic.
        for stage in &mut self.stages {
            sound.iter_mut().for_each(|x| *x = stage.filter_mono(*x));
        }
    }
}

/// Milliseconds after the sound, gains, and whether they come from the other side, of a wall's reflections.
type Reflection = (f64, f32, bool);

const REFLECTIONS: [[Reflection; 7]; 2] = [
    [
        (6.1, 0.62, false),
        (10.7, -0.47, true),
        (14.9, 0.44, false),
        (22.3, 0.36, true),
        (29.7, -0.31, false),
        (41.1, 0.25, true),
        (53.9, -0.2, false),
    ],
    [
        (7.3, 0.6, false),
        (9.5, -0.49, true),
        (16.7, -0.42, false),
        (20.9, 0.37, true),
        (31.9, 0.3, false),
        (38.3, -0.26, true),
        (57.1, 0.19, false),
    ],
];

/// First reflections of both sides.
pub struct Early {
    lines: [Line; 2],
    /// For each side: frames, gain, and the line.
    taps: [[(usize, f32, usize); 7]; 2],
    frames: usize,
    /// Level at the start and at the end of the quantum.
    levels: [f32; 2],
    fresh: bool,
}

impl Early {
    /// Reflections at `scale` times the times of a hall.
    pub fn new(sample_rate: u32, scale: f64) -> Self {
        let rate = f64::from(sample_rate);
        let tap = |side: usize| {
            move |(ms, gain, crosses): Reflection| {
                let line = if crosses { 1 - side } else { side };
                ((ms * 0.001 * scale * rate) as usize, gain, line)
            }
        };
        let taps = [REFLECTIONS[0].map(tap(0)), REFLECTIONS[1].map(tap(1))];
        let frames = taps.iter().flatten().fold(0, |most, tap| most.max(tap.0));
        let lines = [Line::new(frames + QUANTUM), Line::new(frames + QUANTUM)];
        Self { lines, taps, frames, levels: [0.0; 2], fresh: true }
    }

    /// Frames until the last reflection.
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// Forgets all signal, in constant time.
    pub fn clear(&mut self) {
        self.lines.iter_mut().for_each(Line::clear);
        self.fresh = true;
    }

    /// Takes a quantum, and the level at its end.
    pub fn take(&mut self, sound: &[Block; 2], level: f32) {
        self.lines.iter_mut().zip(sound).for_each(|(line, sound)| line.push_quantum(sound));
        self.levels = [if self.fresh { level } else { self.levels[1] }, level];
        self.fresh = false;
    }

    /// Adds the reflections of the quantum that was taken.
    pub fn add(&self, out: &mut [Block; 2]) {
        let [from, to] = self.levels;
        if to == 0.0 && from == 0.0 {
            return;
        }
        let mut levels = Block::SILENCE;
        for (frame, level) in levels.iter_mut().enumerate() {
            *level = from + (to - from) * (frame + 1) as f32 / QUANTUM as f32;
        }
        for (taps, out) in self.taps.iter().zip(out) {
            for (frames, gain, line) in taps {
                let mut reflection = Block::SILENCE;
                self.lines[*line].late(*frames, &mut reflection);
                for (frame, out) in out.iter_mut().enumerate() {
                    *out += reflection[frame] * levels[frame] * gain;
                }
            }
        }
    }
}
