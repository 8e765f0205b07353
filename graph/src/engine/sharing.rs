//! Whether the audio thread shares its work with workers. Where the machine starves them it would wait for them in every
//! quantum; so it waits once, and then does all by itself for a while. Audio thread.

use std::time::Duration;

/// Seconds for which it does all by itself.
const ALONE: i64 = 5;
/// Late quanta by itself, those that were not taken off, after which it shares all the same: there is too much for one.
const TOO_MUCH: u8 = 16;

/// Since when, and until when.
pub(super) struct Sharing {
    /// Frames for which it does all by itself.
    alone: i64,
    /// The frame from which on it shares.
    from: i64,
    /// Quanta that were late, less those that were not.
    late: u8,
}

impl Sharing {
    pub fn new(sample_rate: u32) -> Self {
        Self { alone: ALONE * i64::from(sample_rate), from: i64::MIN, late: 0 }
    }

    /// Whether the quantum of a frame is shared.
    pub fn is_on(&self, frame: i64) -> bool {
        frame >= self.from
    }

    /// Notes how a quantum went, `frame` being that of the next one: how long it waited for workers, and whether it was
    /// late. Returns whether it waited for so long that no more is shared.
    pub fn note(&mut self, frame: i64, deadline: Option<f32>, waited: Duration, late: bool) -> bool {
        self.late = if late { self.late.saturating_add(1) } else { self.late.saturating_sub(1) };
        if deadline.is_some_and(|deadline| waited.as_nanos() as f32 > deadline) {
            (self.from, self.late) = (frame + self.alone, 0);
            return true;
        }
        if !self.is_on(frame) && self.late >= TOO_MUCH {
            self.from = frame;
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_micros(300);
    const LONG: Duration = Duration::from_millis(3);
    const QUANTUM: Option<f32> = Some(64.0 / 48_000.0 * 1e9);

    #[test]
    fn after_a_long_wait_nothing_is_shared_for_some_seconds() {
        let mut sharing = Sharing::new(48_000);
        assert!(!sharing.note(64, QUANTUM, SHORT, false) && sharing.is_on(64));
        assert!(sharing.note(128, QUANTUM, LONG, true));
        let shared = (3..20_000).map(|quantum| quantum * 64).find(|frame| {
            sharing.note(*frame, QUANTUM, Duration::ZERO, false);
            sharing.is_on(*frame)
        });
        assert_eq!(shared, Some(128 + 5 * 48_000));
    }

    #[test]
    fn what_is_too_much_for_one_thread_is_shared_whatever_happens() {
        let mut sharing = Sharing::new(48_000);
        assert!(sharing.note(0, QUANTUM, LONG, true));
        // Interruptions are not too much work.
        for quantum in 1..100 {
            sharing.note(quantum * 64, QUANTUM, Duration::ZERO, quantum % 2 > 0);
            assert!(!sharing.is_on(quantum * 64));
        }
        for quantum in 100..116 {
            sharing.note(quantum * 64, QUANTUM, Duration::ZERO, true);
        }
        assert!(sharing.is_on(116 * 64));
    }

    #[test]
    fn offline_all_is_shared() {
        let mut sharing = Sharing::new(48_000);
        assert!(!sharing.note(64, None, LONG, false) && sharing.is_on(64));
    }
}
