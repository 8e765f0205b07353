//! Numbers with units, as they are written in a preset: `2 kHz`, `-6 dB`, `1/8d`, `8 bars`. Control side only.

use crate::music::{Meter, TICKS_PER_QUARTER};

/// A number and what it counts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quantity {
    /// The number, in the base unit of `measure`; infinite only for `-inf dB`.
    pub value: f64,
    /// What it counts.
    pub measure: Measure,
}

/// What a [`Quantity`] counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// A bare number.
    Bare,
    /// Cycles per second; `kHz` is folded in.
    Hertz,
    /// Decibels.
    Decibels,
    /// Seconds; `ms` is folded in.
    Seconds,
    /// A fraction written as `%`: 35 % has the value 0.35.
    Percent,
    /// Semitones; `ct` is folded in.
    Semitones,
    /// Beats per minute.
    Bpm,
    /// A note value in whole notes: `1/8` has the value 0.125.
    Notes,
    /// Beats of the meter.
    Beats,
    /// Bars of the meter.
    Bars,
}

/// Every way to write a unit: the suffix, what it measures, and the factor to the base unit.
const SUFFIXES: [(&str, Measure, f64); 17] = [
    ("Hz", Measure::Hertz, 1.0),
    ("kHz", Measure::Hertz, 1000.0),
    ("dB", Measure::Decibels, 1.0),
    ("ms", Measure::Seconds, 0.001),
    ("s", Measure::Seconds, 1.0),
    ("sec", Measure::Seconds, 1.0),
    ("min", Measure::Seconds, 60.0),
    ("m", Measure::Seconds, 60.0),
    ("h", Measure::Seconds, 3600.0),
    ("%", Measure::Percent, 0.01),
    ("st", Measure::Semitones, 1.0),
    ("ct", Measure::Semitones, 0.01),
    ("bpm", Measure::Bpm, 1.0),
    ("beat", Measure::Beats, 1.0),
    ("beats", Measure::Beats, 1.0),
    ("bar", Measure::Bars, 1.0),
    ("bars", Measure::Bars, 1.0),
];

/// The units a preset may use, for a diagnostic.
const KNOWN: &str = "units are Hz, kHz, dB, ms, s, min, h, %, st, ct, bpm, beats, bars and note values such as 1/8, 1/8d, 1/8t";

impl Quantity {
    /// Reads a number with an optional unit.
    ///
    /// # Errors
    /// A sentence that says what is wrong and what would be right.
    pub fn parse(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let shown: String = text.chars().take(40).collect();
        if let Some(notes) = note_value(text) {
            return Ok(Self { value: notes, measure: Measure::Notes });
        }
        let digits = text.bytes().take_while(|b| b.is_ascii_digit() || b"+-.".contains(b)).count();
        let exponent = exponent_length(&text[digits..]);
        let (number, suffix) = text.split_at(digits + exponent);
        let suffix = suffix.trim();
        if text.strip_prefix("-inf").is_some_and(|rest| rest.trim() == "dB") {
            return Ok(Self { value: f64::NEG_INFINITY, measure: Measure::Decibels });
        }
        let value: f64 = number.parse().map_err(|_| format!("`{shown}` is not a number; {KNOWN}"))?;
        if !value.is_finite() {
            return Err(format!("`{shown}` is too large for a number"));
        }
        if suffix.is_empty() {
            return Ok(Self { value, measure: Measure::Bare });
        }
        let found = SUFFIXES.iter().find(|(name, ..)| name.eq_ignore_ascii_case(suffix));
        let (_, measure, factor) = found.ok_or_else(|| {
            let shown: String = suffix.chars().take(20).collect();
            format!("`{shown}` is not a unit; {KNOWN}")
        })?;
        // Dividing by the inverse keeps decimal units exact: 35 % is the float nearest 0.35.
        let value = if *factor < 1.0 { value / (1.0 / factor).round() } else { value * factor };
        Ok(Self { value, measure: *measure })
    }

    /// A musical length in quarter notes, if this is one.
    pub fn quarters(self, meter: Meter) -> Option<f64> {
        let per_quarter = TICKS_PER_QUARTER as f64;
        match self.measure {
            Measure::Notes => Some(self.value * 4.0),
            Measure::Beats => Some(self.value * meter.beat_ticks() as f64 / per_quarter),
            Measure::Bars => Some(self.value * meter.bar_ticks() as f64 / per_quarter),
            _ => None,
        }
    }
}

/// Length of an exponent such as `e-3` at the start of `text`, or 0.
fn exponent_length(text: &str) -> usize {
    let bytes = text.as_bytes();
    if !matches!(bytes.first(), Some(b'e' | b'E')) {
        return 0;
    }
    let sign = usize::from(matches!(bytes.get(1), Some(b'+' | b'-')));
    let digits = bytes[1 + sign..].iter().take_while(|b| b.is_ascii_digit()).count();
    if digits == 0 { 0 } else { 1 + sign + digits }
}

/// `1/8`, `3/4`, dotted `1/8d`, triplet `1/8t`: whole notes.
fn note_value(text: &str) -> Option<f64> {
    let (above, below) = text.split_once('/')?;
    let (below, factor) = match below.strip_suffix('d') {
        Some(below) => (below, 1.5),
        None => match below.strip_suffix('t') {
            Some(below) => (below, 2.0 / 3.0),
            None => (below, 1.0),
        },
    };
    let above: u32 = above.trim().parse().ok()?;
    let below: u32 = below.trim().parse().ok()?;
    (above > 0 && below > 0).then(|| f64::from(above) / f64::from(below) * factor)
}

/// A number as short as it can be written and still be read as the same `f32`.
pub(crate) fn shortest(value: f32) -> String {
    if value == value.trunc() && value.abs() < 1e7 {
        // `-0` would read back as another bit pattern than it prints like.
        return format!("{}", if value == 0.0 { 0.0 } else { value });
    }
    format!("{value}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (f64, Measure) {
        let quantity = Quantity::parse(text).unwrap();
        (quantity.value, quantity.measure)
    }

    #[test]
    fn units_fold_to_their_base() {
        assert_eq!(read("800 Hz"), (800.0, Measure::Hertz));
        assert_eq!(read("2kHz"), (2000.0, Measure::Hertz));
        assert_eq!(read("-6 dB"), (-6.0, Measure::Decibels));
        assert_eq!(read("-inf dB"), (f64::NEG_INFINITY, Measure::Decibels));
        assert_eq!(read("100 ms"), (0.1, Measure::Seconds));
        assert_eq!(read("35 %"), (0.35, Measure::Percent));
        assert_eq!(read("12 ct"), (0.12, Measure::Semitones));
        assert_eq!(read("1e3"), (1000.0, Measure::Bare));
        assert_eq!(read("-.5"), (-0.5, Measure::Bare));
        assert_eq!(read("10m"), (600.0, Measure::Seconds));
    }

    #[test]
    fn musical_lengths_follow_the_meter() {
        let waltz = Meter { beats: 3, unit: 4 };
        let quarters = |text: &str| Quantity::parse(text).unwrap().quarters(waltz);
        assert_eq!(quarters("1/8"), Some(0.5));
        assert_eq!(quarters("1/8d"), Some(0.75));
        assert_eq!(quarters("2 beats"), Some(2.0));
        assert_eq!(quarters("8 bars"), Some(24.0));
        assert!((quarters("1/8t").unwrap() - 1.0 / 3.0).abs() < 1e-12);
        assert_eq!(quarters("2 s"), None);
    }

    #[test]
    fn nonsense_is_refused_with_advice() {
        for text in
            ["", "NaN", "inf", ".inf", "1e999", "12 parsecs", "1/0", "0/4", "5 5", "--3", "Hz", "1e", "é"]
        {
            assert!(Quantity::parse(text).is_err(), "{text}");
        }
        assert!(Quantity::parse("12 parsecs").unwrap_err().contains("kHz"));
    }
}
