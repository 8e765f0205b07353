//! One note of the sampler. Audio thread.

use super::kernel::Kernel;
use super::sound::{Place, Sound};

/// A sounding note.
#[derive(Debug, Clone, Copy)]
pub struct Voice {
    /// The note's id.
    pub id: u32,
    /// Its channel.
    pub channel: u8,
    /// When it started, counted in notes.
    pub age: u64,
    /// Semitones from the recording's own pitch, bends of the note and tuning not counted.
    pub semitones: f32,
    /// The note's own bend in semitones.
    pub bend: f32,
    /// Whether only the pedal holds it.
    pub pedalled: bool,
    /// What is left of it since it gave its place to another, and how much of that goes each frame.
    rest: f32,
    going: f32,
    gain: f32,
    place: Place,
    /// In f64: a step of a long release is a few roundings of an f32.
    level: f64,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    /// Rises by this much a frame.
    Attack(f64),
    Hold,
    /// Falls by this factor a frame.
    Release(f64),
}

/// Level below which a release has ended: -80 dB.
const INAUDIBLE: f64 = 1e-4;

impl Voice {
    /// A note that begins; the attack is in frames.
    pub fn new(id: u32, channel: u8, age: u64, semitones: f32, gain: f32, attack: f32) -> Self {
        let stage = if attack < 1.0 { Stage::Hold } else { Stage::Attack(1.0 / f64::from(attack)) };
        let level = if attack < 1.0 { 1.0 } else { 0.0 };
        let (pedalled, bend, rest, going, place) = (false, 0.0, 1.0, 0.0, Place::START);
        Self { id, channel, age, semitones, bend, pedalled, rest, going, gain, place, level, stage }
    }

    /// Whether it still waits for its end.
    pub fn is_held(&self) -> bool {
        !matches!(self.stage, Stage::Release(_))
    }

    /// Lets go, to -60 dB within this many frames; a release that is under way only becomes faster.
    pub fn release(&mut self, frames: f32) {
        // exp(-6.9078) is -60 dB.
        let factor = (-6.907_755 / f64::from(frames.max(1.0))).exp();
        self.stage = match self.stage {
            Stage::Release(now) => Stage::Release(now.min(factor)),
            _ => Stage::Release(factor),
        };
    }

    /// Gives its place to another: fades softly within this many frames.
    pub fn give_way(&mut self, frames: f32) {
        self.going = 1.0 / frames.max(1.0);
    }

    /// Whether it gave its place to another.
    pub fn gave_way(&self) -> bool {
        self.going > 0.0
    }

    /// How loud it is, for choosing whom to end.
    pub fn loudness(&self) -> f32 {
        self.level as f32 * self.gain * self.rest
    }

    /// Adds the note to both sides. `speed` gives source frames for each frame. Returns false when it has ended.
    #[inline]
    pub fn add(
        &mut self,
        sound: &Sound,
        kernel: &Kernel,
        left: &mut [f32],
        right: &mut [f32],
        speed: impl Fn(usize) -> f64,
    ) -> bool {
        for (frame, (left, right)) in left.iter_mut().zip(right).enumerate() {
            let Some((l, r)) = sound.read(&mut self.place, speed(frame), kernel) else { return false };
            // Level at both ends, so that neither is heard.
            let gain = self.level as f32 * self.gain * (self.rest * self.rest * (3.0 - 2.0 * self.rest));
            *left += l * gain;
            *right += r * gain;
            self.rest -= self.going;
            if self.rest <= 0.0 {
                return false;
            }
            match self.stage {
                Stage::Attack(step) => {
                    self.level += step;
                    if self.level >= 1.0 {
                        (self.level, self.stage) = (1.0, Stage::Hold);
                    }
                }
                Stage::Hold => {}
                Stage::Release(factor) => {
                    self.level *= factor;
                    if self.level < INAUDIBLE {
                        return false;
                    }
                }
            }
        }
        true
    }
}
