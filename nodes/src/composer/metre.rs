//! The grid of a phrase: slots, on which rhythm is written, and how strong each is. Plain values.

use auralis_graph::music::Meter;

/// Most slots in a bar.
pub const MAX_SLOTS: usize = 32;

/// How strong a slot is.
pub const DOWNBEAT: u8 = 3;
/// The start of a group of beats.
pub const STRONG: u8 = 2;
/// Any other beat.
pub const BEAT: u8 = 1;

/// The grid of a phrase in a time signature.
#[derive(Debug, Clone)]
pub struct Metre {
    /// Bars in a phrase.
    pub bars: usize,
    /// Slots in a bar, 4 to [`MAX_SLOTS`].
    pub slots: usize,
    /// Slots in a beat.
    pub pulse: usize,
    /// Ticks in a slot.
    pub slot_ticks: u32,
    /// Ticks in a beat.
    pub beat_ticks: i64,
    weights: [u8; MAX_SLOTS],
}

impl Metre {
    /// The grid of phrases of so many bars. A slot is an eighth note where the beat can be cut into eighths; bars
    /// shorter than a half note are cut finer, so that there is room for a melody.
    pub fn new(meter: Meter, bars: usize) -> Self {
        let beats = usize::from(meter.beats);
        let (mut slots, mut pulse) = (beats, 1);
        let length = |slots: usize| meter.bar_ticks() as usize / slots;
        let least = if meter.bar_ticks() < 1920 { 8 } else { 4 };
        while slots < least || (slots * 2 <= 16 && length(slots * 2) >= 480) {
            slots *= 2;
            pulse *= 2;
        }
        let mut weights = [0; MAX_SLOTS];
        for (beat, weight) in beat_weights(meter).into_iter().take(beats).enumerate() {
            // Where slots are beats, those within a group are the weak ones.
            weights[beat * pulse] = if pulse == 1 && weight == BEAT { 0 } else { weight };
        }
        let slot_ticks = length(slots) as u32;
        Self { bars, slots, pulse, slot_ticks, beat_ticks: meter.beat_ticks(), weights }
    }

    /// Slots in a phrase.
    pub fn phrase_slots(&self) -> usize {
        self.bars * self.slots
    }

    /// Ticks in a bar.
    pub fn bar_ticks(&self) -> u32 {
        self.slot_ticks * self.slots as u32
    }

    /// Ticks in a phrase.
    pub fn phrase_ticks(&self) -> i64 {
        i64::from(self.bar_ticks()) * self.bars as i64
    }

    /// How strong a slot of the phrase is: [`DOWNBEAT`], [`STRONG`], [`BEAT`] or 0.
    pub fn weight(&self, slot: usize) -> u8 {
        self.weights[slot % self.slots]
    }

    /// Ticks from the start of the phrase to a slot.
    pub fn tick(&self, slot: usize) -> u32 {
        slot as u32 * self.slot_ticks
    }
}

/// How strong each beat of a bar is, by the usual groups: threes in compound and triple time, else twos with a
/// three at the end of what is odd.
fn beat_weights(meter: Meter) -> [u8; MAX_SLOTS] {
    let beats = usize::from(meter.beats);
    let compound = meter.unit >= 8 && beats > 3;
    let group = |left: usize| match beats {
        _ if beats % 3 == 0 && (compound || beats == 3 || beats == 6 || beats == 9) => 3,
        5 if left == 5 => 3,
        _ if beats.is_multiple_of(8) => 4,
        _ if left == 3 => 3,
        _ => 2,
    };
    let mut weights = [BEAT; MAX_SLOTS];
    let mut at = 0;
    while at < beats {
        weights[at] = STRONG;
        at += group(beats - at);
    }
    weights[0] = DOWNBEAT;
    weights
}

#[cfg(test)]
mod tests {
    use super::*;

    fn weights(meter: &str) -> Vec<u8> {
        let metre = Metre::new(meter.parse().unwrap(), 8);
        (0..metre.slots).map(|slot| metre.weight(slot)).collect()
    }

    #[test]
    fn the_usual_metres_have_the_usual_accents() {
        assert_eq!(weights("4/4"), [3, 0, 1, 0, 2, 0, 1, 0]);
        assert_eq!(weights("3/4"), [3, 0, 1, 0, 1, 0]);
        assert_eq!(weights("2/4"), [3, 0, 1, 0]);
        assert_eq!(weights("6/8"), [3, 0, 0, 2, 0, 0]);
        assert_eq!(weights("7/8"), [3, 0, 2, 0, 2, 0, 0]);
        assert_eq!(weights("5/4"), [3, 0, 1, 0, 1, 0, 2, 0, 1, 0]);
        assert_eq!(weights("12/8"), [3, 0, 0, 2, 0, 0, 2, 0, 0, 2, 0, 0]);
        assert_eq!(weights("1/4"), [3, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn every_legal_metre_has_a_grid_that_fits_its_bar() {
        for beats in 1..=32 {
            for unit in [1, 2, 4, 8, 16, 32] {
                for bars in [8, 16] {
                    let meter = Meter { beats, unit };
                    let metre = Metre::new(meter, bars);
                    assert!((4..=MAX_SLOTS).contains(&metre.slots), "{meter}");
                    assert_eq!(i64::from(metre.bar_ticks()), meter.bar_ticks(), "{meter}");
                    assert_eq!(metre.pulse * usize::from(beats), metre.slots, "{meter}");
                    assert_eq!(metre.weight(metre.slots), DOWNBEAT);
                }
            }
        }
    }
}
