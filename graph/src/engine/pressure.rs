//! Whether the audio thread keeps up, and what it gives up before it does not: voices first, then nodes of low priority.
//! Only in real time; offline has no deadlines. Audio thread.

use crate::dsp::QUANTUM;
use crate::node::Pace;

/// Steps of relief: each halves the voices that instruments may sound, and the last silences nodes of low priority.
pub const MOST_RELIEF: u8 = 4;
/// Steps that only concern voices.
const OF_VOICES: u8 = 3;

/// Part of a quantum's time that it may take.
const FULL: f32 = 0.9;
/// Part of it below which something may be given back.
const EASY: f32 = 0.45;
/// Quanta over which is judged; more than half of them must be full.
const WINDOW: u32 = 64;
/// Windows of ease, in a row, before one step is given back: some five seconds.
const PATIENCE: u32 = 60;
/// How often in a row a node must be found to take longer than all may together, before it is muted. One that the
/// system interrupted is not the same one again.
pub(super) const STRIKES: u8 = 8;

/// How the audio thread keeps up.
pub(super) struct Pressure {
    /// Nanoseconds that a quantum sounds; none without deadlines.
    quantum: Option<f32>,
    /// Whether the last one took longer.
    late: bool,
    relief: u8,
    quanta: u32,
    full: u32,
    load: f32,
    easy_windows: u32,
}

impl Pressure {
    pub fn new(sample_rate: u32, pace: Pace) -> Self {
        let quantum = QUANTUM as f32 / sample_rate as f32 * 1e9;
        Self {
            quantum: (pace == Pace::RealTime).then_some(quantum),
            late: false,
            relief: 0,
            quanta: 0,
            full: 0,
            load: 0.0,
            easy_windows: 0,
        }
    }

    /// Nanoseconds that a quantum may take; none without deadlines.
    pub fn deadline(&self) -> Option<f32> {
        self.quantum
    }

    /// Whether it must be found out who takes so long.
    pub fn is_late(&self) -> bool {
        self.late
    }

    /// Steps of relief, up to [`MOST_RELIEF`].
    pub fn relief(&self) -> u8 {
        self.relief
    }

    /// Whether nodes of low priority are to be silent.
    pub fn silences(&self) -> bool {
        self.relief > OF_VOICES
    }

    /// Notes how long a quantum took. Returns whether the relief changed.
    pub fn note(&mut self, nanoseconds: f32) -> bool {
        let Some(quantum) = self.quantum else { return false };
        let load = nanoseconds / quantum;
        self.late = load > 1.0;
        self.quanta += 1;
        self.full += u32::from(load > FULL);
        // One that was interrupted for long is one.
        self.load += load.min(2.0);
        if self.quanta < WINDOW {
            return false;
        }
        let before = self.relief;
        let (full, load) = (self.full > WINDOW / 2, self.load / WINDOW as f32);
        (self.quanta, self.full, self.load) = (0, 0, 0.0);
        self.easy_windows = if load < EASY && !full { self.easy_windows + 1 } else { 0 };
        if full && self.relief < MOST_RELIEF {
            self.relief += 1;
        } else if self.easy_windows >= PATIENCE && self.relief > 0 {
            self.relief -= 1;
            self.easy_windows = 0;
        }
        self.relief != before
    }
}

/// Voices that an instrument may sound of those that it could: half as many with each step, and one at least.
pub(super) fn voices(limit: usize, relief: u8) -> usize {
    (limit >> relief.min(OF_VOICES)).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUANTUM_NS: f32 = 64.0 / 48_000.0 * 1e9;

    fn run(pressure: &mut Pressure, load: f32, quanta: u32) -> u8 {
        for _ in 0..quanta {
            pressure.note(load * QUANTUM_NS);
        }
        pressure.relief()
    }

    #[test]
    fn what_lasts_is_relieved_step_by_step_and_given_back_slowly() {
        let mut pressure = Pressure::new(48_000, Pace::RealTime);
        assert_eq!(run(&mut pressure, 0.8, 64 * 20), 0);
        assert_eq!(run(&mut pressure, 0.95, 64 * 2), 2);
        assert_eq!(run(&mut pressure, 1.5, 64 * 10), MOST_RELIEF);
        assert!(pressure.silences() && pressure.is_late());
        assert_eq!(run(&mut pressure, 0.7, 64 * 200), MOST_RELIEF, "it would come back at once");
        assert_eq!(run(&mut pressure, 0.3, 64 * 60), MOST_RELIEF - 1);
        assert_eq!(run(&mut pressure, 0.3, 64 * 60 * 3), 0);
    }

    #[test]
    fn an_interruption_is_no_overload() {
        let mut pressure = Pressure::new(48_000, Pace::RealTime);
        for _ in 0..200 {
            assert_eq!(run(&mut pressure, 80.0, 1), 0);
            assert_eq!(run(&mut pressure, 0.05, 30), 0);
        }
    }

    #[test]
    fn offline_has_all_the_time() {
        let mut pressure = Pressure::new(48_000, Pace::Offline);
        assert_eq!(run(&mut pressure, 50.0, 10_000), 0);
        assert_eq!((pressure.deadline(), pressure.is_late()), (None, false));
    }
}
