//! The instrument's own reverb: fundsp's, with the room, damping and level of the contract. Audio thread, but for
//! its making.

use auralis_graph::dsp::{Block, QUANTUM};
use fundsp::prelude::{AudioUnit, BufferArray, U2, reverb_stereo};

/// A stereo room.
pub struct Reverb {
    unit: Box<dyn AudioUnit>,
    input: BufferArray<U2>,
    output: BufferArray<U2>,
    /// Seconds to -60 dB.
    time: f64,
    /// Quanta in a row that came in silent and went out below hearing.
    quiet: usize,
    /// Quanta that no echo outlasts.
    memory: usize,
    /// Whether anything went in since the room was last empty.
    used: bool,
}

/// What is no longer heard: -120 dB.
const INAUDIBLE: f32 = 1e-6;

impl Reverb {
    /// A room of a size and damping from 0 to 1.
    pub fn new(size: f64, damping: f64, sample_rate: u32) -> Self {
        // From a chamber of 10 m that rings 0.6 s to a hall of 30 m that rings 8 s.
        let (metres, time) = (10.0 + 20.0 * size, 0.6 * (size * (8.0f64 / 0.6).ln()).exp());
        let mut unit: Box<dyn AudioUnit> = Box::new(reverb_stereo(metres, time, damping));
        unit.set_sample_rate(f64::from(sample_rate));
        unit.allocate();
        // The longest line is 83 ms in a room of 10 m.
        let memory = (0.083 * metres / 10.0 * f64::from(sample_rate) / QUANTUM as f64) as usize + 2;
        let (input, output) = (BufferArray::new(), BufferArray::new());
        Self { unit, input, output, time, quiet: memory, memory, used: false }
    }

    /// Seconds to -60 dB.
    pub fn time(&self) -> f64 {
        self.time
    }

    /// Whether nothing is left in the room.
    pub fn is_empty(&self) -> bool {
        self.quiet >= self.memory
    }

    /// Adds the room's answer at a level to the sound.
    pub fn add(&mut self, left: &mut Block, right: &mut Block, level: impl Fn(usize) -> f32, silent: bool) {
        self.used = true;
        for frame in 0..QUANTUM {
            self.input.set_f32(0, frame, left[frame]);
            self.input.set_f32(1, frame, right[frame]);
        }
        self.unit.process(QUANTUM, &self.input.buffer_ref(), &mut self.output.buffer_mut());
        let mut loudest = 0.0f32;
        for frame in 0..QUANTUM {
            let (a, b) = (self.output.at_f32(0, frame), self.output.at_f32(1, frame));
            loudest = loudest.max(a.abs()).max(b.abs());
            let level = level(frame);
            left[frame] += a * level;
            right[frame] += b * level;
        }
        self.quiet = if silent && loudest < INAUDIBLE { self.quiet + 1 } else { 0 };
    }

    /// Empties the room.
    pub fn clear(&mut self) {
        if self.used {
            self.unit.reset();
            self.used = false;
        }
        self.quiet = self.memory;
    }
}
