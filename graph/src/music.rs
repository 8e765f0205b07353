//! Keys, modes and metre: the musical words of a preset. Plain values, safe on any thread.

use std::fmt;
use std::str::FromStr;

/// Ticks in a quarter note; musical positions are whole ticks.
pub const TICKS_PER_QUARTER: i64 = 960;

/// A scale as semitones above its tonic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Major: 0 2 4 5 7 9 11.
    Ionian,
    /// 0 2 3 5 7 9 10.
    Dorian,
    /// 0 1 3 5 7 8 10.
    Phrygian,
    /// 0 2 4 6 7 9 11.
    Lydian,
    /// 0 2 4 5 7 9 10.
    Mixolydian,
    /// Natural minor: 0 2 3 5 7 8 10.
    Aeolian,
    /// 0 1 3 5 6 8 10.
    Locrian,
    /// 0 2 3 5 7 8 11.
    HarmonicMinor,
    /// 0 2 3 5 7 9 11.
    MelodicMinor,
    /// 0 2 4 7 9.
    MajorPentatonic,
    /// 0 3 5 7 10.
    MinorPentatonic,
}

impl Mode {
    /// Every mode, in the order in which they are listed to a reader.
    pub const ALL: [Mode; 11] = [
        Mode::Ionian,
        Mode::Dorian,
        Mode::Phrygian,
        Mode::Lydian,
        Mode::Mixolydian,
        Mode::Aeolian,
        Mode::Locrian,
        Mode::HarmonicMinor,
        Mode::MelodicMinor,
        Mode::MajorPentatonic,
        Mode::MinorPentatonic,
    ];

    /// Semitones above the tonic, ascending, starting at 0.
    pub fn scale(self) -> &'static [u8] {
        match self {
            Mode::Ionian => &[0, 2, 4, 5, 7, 9, 11],
            Mode::Dorian => &[0, 2, 3, 5, 7, 9, 10],
            Mode::Phrygian => &[0, 1, 3, 5, 7, 8, 10],
            Mode::Lydian => &[0, 2, 4, 6, 7, 9, 11],
            Mode::Mixolydian => &[0, 2, 4, 5, 7, 9, 10],
            Mode::Aeolian => &[0, 2, 3, 5, 7, 8, 10],
            Mode::Locrian => &[0, 1, 3, 5, 6, 8, 10],
            Mode::HarmonicMinor => &[0, 2, 3, 5, 7, 8, 11],
            Mode::MelodicMinor => &[0, 2, 3, 5, 7, 9, 11],
            Mode::MajorPentatonic => &[0, 2, 4, 7, 9],
            Mode::MinorPentatonic => &[0, 3, 5, 7, 10],
        }
    }

    /// The seven-note scale whose degrees carry the chords: a pentatonic borrows its parent's.
    pub fn harmony(self) -> Mode {
        match self {
            Mode::MajorPentatonic => Mode::Ionian,
            Mode::MinorPentatonic => Mode::Aeolian,
            other => other,
        }
    }

    /// The name as it is written in a preset; `minor` and `major` are the everyday names.
    pub fn name(self) -> &'static str {
        match self {
            Mode::Ionian => "major",
            Mode::Dorian => "dorian",
            Mode::Phrygian => "phrygian",
            Mode::Lydian => "lydian",
            Mode::Mixolydian => "mixolydian",
            Mode::Aeolian => "minor",
            Mode::Locrian => "locrian",
            Mode::HarmonicMinor => "harmonic minor",
            Mode::MelodicMinor => "melodic minor",
            Mode::MajorPentatonic => "major pentatonic",
            Mode::MinorPentatonic => "minor pentatonic",
        }
    }
}

impl FromStr for Mode {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
        let name = words.join(" ");
        match name.as_str() {
            "ionian" => Ok(Mode::Ionian),
            "aeolian" | "natural minor" => Ok(Mode::Aeolian),
            name => {
                Mode::ALL.into_iter().find(|mode| mode.name() == name).ok_or_else(|| KeyError(text.into()))
            }
        }
    }
}

/// A tonic and a mode, such as `A minor` or `F# dorian`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    letter: u8,
    accidental: i8,
    /// The scale.
    pub mode: Mode,
}

/// A text that is no key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a key; a key is a note from A to G, an optional # or b, and a mode ({modes})",
    modes = Mode::ALL.map(Mode::name).join(", ")
)]
pub struct KeyError(String);

impl Key {
    /// The tonics by their semitones above C, spelled with the fewest accidentals.
    pub const TONICS: [&'static str; 12] = ["C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B"];

    /// The key of the built-in default.
    pub const A_MINOR: Key = Key { letter: b'A', accidental: 0, mode: Mode::Aeolian };

    /// Semitones of the tonic above C, 0 to 11.
    pub fn pitch_class(self) -> u8 {
        let natural = match self.letter {
            b'C' => 0,
            b'D' => 2,
            b'E' => 4,
            b'F' => 5,
            b'G' => 7,
            b'A' => 9,
            _ => 11,
        };
        (natural + i16::from(self.accidental)).rem_euclid(12) as u8
    }

    /// The tonic's MIDI key: 57 (A) to 68 (A flat), as the contract's table of roots has it.
    pub fn root(self) -> u8 {
        let above_a = (self.pitch_class() + 3) % 12;
        57 + above_a
    }

    /// The key as a number, for places that hold numbers only (atomics, journals in memory).
    pub fn to_bits(self) -> u32 {
        let mode = Mode::ALL.iter().position(|mode| *mode == self.mode).unwrap_or(0) as u32;
        u32::from(self.letter) | ((self.accidental + 1) as u32) << 8 | mode << 16
    }

    /// The inverse of [`Key::to_bits`].
    pub fn from_bits(bits: u32) -> Option<Key> {
        let letter = (bits & 0xff) as u8;
        let accidental = ((bits >> 8) & 0xff) as i8 - 1;
        let mode = *Mode::ALL.get((bits >> 16) as usize)?;
        ((b'A'..=b'G').contains(&letter) && accidental <= 1).then_some(Key { letter, accidental, mode })
    }

    /// The same tonic in another mode.
    pub fn with_mode(self, mode: Mode) -> Key {
        Key { mode, ..self }
    }

    /// The key a number of semitones above or below, spelled with the fewest accidentals, in the same mode.
    pub fn transposed(self, semitones: i32) -> Key {
        let class = (i32::from(self.pitch_class()) + semitones).rem_euclid(12) as usize;
        let name = Self::TONICS[class].as_bytes();
        let (letter, accidental) = match name {
            [letter, b'#', ..] => (*letter, 1),
            [letter, _, ..] => (*letter, -1),
            _ => (name[0], 0),
        };
        Key { letter, accidental, mode: self.mode }
    }
}

impl FromStr for Key {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let error = || KeyError(text.chars().take(40).collect());
        let trimmed = text.trim();
        let letter = trimmed.bytes().next().ok_or_else(error)?.to_ascii_uppercase();
        if !letter.is_ascii_uppercase() || letter > b'G' {
            return Err(error());
        }
        let rest = &trimmed[1..];
        let (accidental, mode) = match rest.bytes().next() {
            Some(b'#') => (1, &rest[1..]),
            Some(b'b') => (-1, &rest[1..]),
            _ => (0, rest),
        };
        if !mode.starts_with(char::is_whitespace) {
            return Err(error());
        }
        let mode = mode.parse().map_err(|_| error())?;
        Ok(Key { letter, accidental, mode })
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let accidental = match self.accidental {
            0 => "",
            1 => "#",
            _ => "b",
        };
        write!(f, "{}{accidental} {}", self.letter as char, self.mode.name())
    }
}

/// A time signature such as 4/4 or 7/8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Meter {
    /// Beats in a bar, 1 to 32.
    pub beats: u8,
    /// The note that gets one beat: 1, 2, 4, 8, 16 or 32.
    pub unit: u8,
}

/// A text that is no time signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a meter; a meter is beats (1 to 32) over a note value (1, 2, 4, 8, 16, 32), such as 4/4"
)]
pub struct MeterError(String);

impl Meter {
    /// Four quarters.
    pub const COMMON: Meter = Meter { beats: 4, unit: 4 };

    /// Ticks in one beat.
    pub fn beat_ticks(self) -> i64 {
        TICKS_PER_QUARTER * 4 / i64::from(self.unit)
    }

    /// Ticks in one bar.
    pub fn bar_ticks(self) -> i64 {
        self.beat_ticks() * i64::from(self.beats)
    }
}

impl FromStr for Meter {
    type Err = MeterError;

    fn from_str(text: &str) -> Result<Self, MeterError> {
        let error = || MeterError(text.chars().take(40).collect());
        let (beats, unit) = text.split_once('/').ok_or_else(error)?;
        let beats: u8 = beats.trim().parse().map_err(|_| error())?;
        let unit: u8 = unit.trim().parse().map_err(|_| error())?;
        if !(1..=32).contains(&beats) || unit > 32 || !unit.is_power_of_two() {
            return Err(error());
        }
        Ok(Meter { beats, unit })
    }
}

impl fmt::Display for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.beats, self.unit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roots_are_the_contracts() {
        let minor = [("A", 57), ("B", 59), ("C", 60), ("D", 62), ("E", 64), ("F", 65), ("G", 67)];
        let other = [("C#", 61), ("Eb", 63), ("F#", 66), ("Ab", 68), ("Bb", 58)];
        for (name, root) in minor.into_iter().chain(other) {
            for mode in ["minor", "major"] {
                let key: Key = format!("{name} {mode}").parse().unwrap();
                assert_eq!(key.root(), root, "{key}");
            }
        }
    }

    #[test]
    fn keys_read_and_print() {
        for (text, printed) in [
            ("A minor", "A minor"),
            ("a aeolian", "A minor"),
            ("F# dorian", "F# dorian"),
            ("Bb  Harmonic   Minor", "Bb harmonic minor"),
        ] {
            let key = text.parse::<Key>().unwrap();
            assert_eq!(key.to_string(), printed);
            assert_eq!(Key::from_bits(key.to_bits()), Some(key));
        }
        for wrong in ["", "H minor", "A", "Aminor", "A# ", "A blues", "♯ minor", "Abb minor"] {
            assert!(wrong.parse::<Key>().is_err(), "{wrong}");
        }
        assert!("A blues".parse::<Key>().unwrap_err().to_string().contains("harmonic minor"));
    }

    #[test]
    fn transposition_keeps_the_mode() {
        let key: Key = "A minor".parse().unwrap();
        assert_eq!(key.transposed(3).to_string(), "C minor");
        assert_eq!(key.transposed(-1).to_string(), "Ab minor");
        assert_eq!(key.transposed(-1).root(), 68);
    }

    #[test]
    fn meters_read_and_measure() {
        assert_eq!("4/4".parse::<Meter>().unwrap().bar_ticks(), 3840);
        assert_eq!("7/8".parse::<Meter>().unwrap().bar_ticks(), 3360);
        for wrong in ["4", "4/3", "0/4", "33/4", "4/64", "x/4", "4/0"] {
            assert!(wrong.parse::<Meter>().is_err(), "{wrong}");
        }
    }
}
