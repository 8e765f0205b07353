//! Parameters: the one definition that feeds YAML checking, JSON Schema, the reference, automation and every
//! control surface. The mapping functions are allocation-free and safe on the audio thread.

use crate::dsp;
use crate::music::{Meter, TICKS_PER_QUARTER};
use crate::quantity::{Measure, Quantity, shortest};
use std::fmt;

/// What a parameter's number means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Unit {
    /// A bare number.
    Plain,
    /// Cycles per second.
    Hertz,
    /// Decibels.
    Decibels,
    /// Seconds.
    Seconds,
    /// A fraction, also written in %.
    Ratio,
    /// Semitones, also written in ct.
    Semitones,
    /// Off (0) or on (1).
    Switch,
    /// One of these words; the number is the index.
    Choice(&'static [&'static str]),
}

impl Unit {
    /// The unit as printed after a number, with its space; empty for bare numbers.
    pub fn suffix(self) -> &'static str {
        match self {
            Unit::Hertz => " Hz",
            Unit::Decibels => " dB",
            Unit::Seconds => " s",
            Unit::Semitones => " st",
            Unit::Plain | Unit::Ratio | Unit::Switch | Unit::Choice(_) => "",
        }
    }

    /// Whether values jump instead of gliding: switches and choices.
    pub fn stepped(self) -> bool {
        matches!(self, Unit::Switch | Unit::Choice(_))
    }
}

/// How the way from `min` to `max` is travelled by knobs and modulation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Curve {
    /// Evenly.
    Linear,
    /// By equal ratios; both ends must be above zero.
    Exponential,
    /// As `min + (max - min) * n^p`: p above 1 spends more of the way near `min`.
    Power(f32),
}

impl fmt::Display for Curve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Curve::Linear => f.write_str("lin"),
            Curve::Exponential => f.write_str("exp"),
            Curve::Power(p) => f.write_str(&shortest(*p)),
        }
    }
}

/// The numbers between two ends and the way from one to the other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// Value at 0.
    pub min: f32,
    /// Value at 1.
    pub max: f32,
    /// The way between.
    pub curve: Curve,
}

impl Range {
    /// The value at `n` in [0, 1]; `n` outside is clamped.
    pub fn value(&self, n: f32) -> f32 {
        let n = n.clamp(0.0, 1.0);
        match self.curve {
            Curve::Linear => self.min + (self.max - self.min) * n,
            Curve::Exponential if n == 0.0 => self.min,
            Curve::Exponential if n == 1.0 => self.max,
            Curve::Exponential => self.min * dsp::exp2(n * (self.max / self.min).log2()),
            Curve::Power(p) => self.min + (self.max - self.min) * n.powf(p),
        }
    }

    /// The inverse of [`Range::value`]: where in [0, 1] a value stands.
    pub fn position(&self, value: f32) -> f32 {
        self.extended_position(value).clamp(0.0, 1.0)
    }

    /// [`Range::position`], going on outside of [0, 1] where the curve can be continued.
    pub fn extended_position(&self, value: f32) -> f32 {
        if self.max == self.min {
            return 0.0;
        }
        let linear = (value - self.min) / (self.max - self.min);
        match self.curve {
            Curve::Linear => linear,
            Curve::Exponential => (value.max(1e-9) / self.min).ln() / (self.max / self.min).ln(),
            Curve::Power(p) => linear.max(0.0).powf(1.0 / p),
        }
    }
}

/// A parameter of a node kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ParamSpec {
    /// Its key in the YAML: `[a-z][a-z0-9_]*`.
    pub name: &'static str,
    /// One sentence for the reference.
    pub about: &'static str,
    /// What its number means.
    pub unit: Unit,
    /// The legal values.
    pub range: Range,
    /// The value where the YAML says nothing.
    pub default: f32,
    /// Seconds over which a change glides; 0 jumps.
    pub smoothing: f32,
    /// Whether a musical length may be given instead (`1/8`, `2 bars`): a time of that length, a rate of its
    /// inverse, both by the tempo.
    pub musical: bool,
}

/// Glide of a parameter that says nothing else, in seconds.
pub const SMOOTHING: f32 = 0.02;

impl ParamSpec {
    /// A linear parameter that glides over [`SMOOTHING`].
    pub const fn new(name: &'static str, unit: Unit, min: f32, max: f32, default: f32) -> Self {
        let range = Range { min, max, curve: Curve::Linear };
        Self { name, about: "", unit, range, default, smoothing: SMOOTHING, musical: false }
    }

    /// An exponential frequency in hertz.
    pub const fn hertz(name: &'static str, min: f32, max: f32, default: f32) -> Self {
        Self::new(name, Unit::Hertz, min, max, default).curve(Curve::Exponential)
    }

    /// A time in seconds on a curve that gives short times room.
    pub const fn seconds(name: &'static str, min: f32, max: f32, default: f32) -> Self {
        Self::new(name, Unit::Seconds, min, max, default).curve(Curve::Power(3.0))
    }

    /// A level or gain in decibels.
    pub const fn decibels(name: &'static str, min: f32, max: f32, default: f32) -> Self {
        Self::new(name, Unit::Decibels, min, max, default)
    }

    /// A fraction from 0 to 1.
    pub const fn ratio(name: &'static str, default: f32) -> Self {
        Self::new(name, Unit::Ratio, 0.0, 1.0, default)
    }

    /// Off or on.
    pub const fn switch(name: &'static str, default: bool) -> Self {
        Self { smoothing: 0.0, ..Self::new(name, Unit::Switch, 0.0, 1.0, if default { 1.0 } else { 0.0 }) }
    }

    /// One of several words, the one at index `default` where the YAML says nothing.
    pub const fn choice(name: &'static str, words: &'static [&'static str], default: usize) -> Self {
        let spec = Self::new(name, Unit::Choice(words), 0.0, (words.len() - 1) as f32, default as f32);
        Self { smoothing: 0.0, ..spec }
    }

    /// Sets the curve.
    pub const fn curve(mut self, curve: Curve) -> Self {
        self.range.curve = curve;
        self
    }

    /// Sets the sentence for the reference.
    pub const fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    /// Sets the glide, in seconds.
    pub const fn smoothing(mut self, seconds: f32) -> Self {
        self.smoothing = seconds;
        self
    }

    /// Allows a musical length.
    pub const fn musical(mut self) -> Self {
        self.musical = true;
        self
    }

    /// Reads a value as it stands in the YAML.
    ///
    /// # Errors
    /// A sentence that says what is wrong and what would be right.
    pub fn read(&self, text: &str, meter: Meter) -> Result<Amount, String> {
        match self.unit {
            Unit::Switch => return self.read_switch(text),
            Unit::Choice(words) => return self.read_choice(text, words),
            _ => {}
        }
        let quantity = Quantity::parse(text)?;
        if let Some(quarters) = quantity.quarters(meter) {
            if !self.musical {
                return Err(format!("`{}` cannot be a musical length; it wants {}", self.name, self.wants()));
            }
            return self.read_length(quarters);
        }
        let value = self.in_own_unit(quantity)?;
        if value < self.range.min || value > self.range.max {
            return Err(format!("`{}` must be {}", self.name, self.wants()));
        }
        Ok(Amount::Value(value))
    }

    fn read_switch(&self, text: &str) -> Result<Amount, String> {
        match text.trim() {
            "true" | "on" | "yes" | "1" => Ok(Amount::Value(1.0)),
            "false" | "off" | "no" | "0" => Ok(Amount::Value(0.0)),
            _ => Err(format!("`{}` is a switch: true or false", self.name)),
        }
    }

    fn read_choice(&self, text: &str, words: &'static [&'static str]) -> Result<Amount, String> {
        let index = words.iter().position(|word| *word == text.trim());
        index.map(|index| Amount::Value(index as f32)).ok_or_else(|| {
            let near = crate::diagnostic::nearest(text.trim(), words);
            let near = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            format!("`{}` is one of {}{near}", self.name, words.join(", "))
        })
    }

    fn read_length(&self, quarters: f64) -> Result<Amount, String> {
        if !(1.0 / 64.0..=65_536.0).contains(&quarters) {
            return Err(format!("`{}` must be between 1/256 and 16384 bars of 4/4", self.name));
        }
        let ticks = (quarters * TICKS_PER_QUARTER as f64).round() as u32;
        Ok(Amount::Length { ticks })
    }

    fn in_own_unit(&self, quantity: Quantity) -> Result<f32, String> {
        let value = match (self.unit, quantity.measure) {
            (_, Measure::Bare)
            | (Unit::Hertz, Measure::Hertz)
            | (Unit::Decibels, Measure::Decibels)
            | (Unit::Seconds, Measure::Seconds)
            | (Unit::Semitones, Measure::Semitones)
            | (Unit::Ratio, Measure::Percent) => quantity.value,
            _ => return Err(format!("wrong unit; `{}` wants {}", self.name, self.wants())),
        };
        // `-inf dB` is the everyday word for silence; the lowest gain is exact silence.
        Ok(if value == f64::NEG_INFINITY { self.range.min } else { value as f32 })
    }

    /// What a legal value looks like, for a diagnostic.
    pub fn wants(&self) -> String {
        let form = match self.unit {
            Unit::Switch => return "true or false".into(),
            Unit::Choice(words) => return words.join(", "),
            Unit::Plain => "a number",
            Unit::Hertz => "a frequency",
            Unit::Decibels => "decibels",
            Unit::Seconds => "a time",
            Unit::Ratio => "a fraction",
            Unit::Semitones => "semitones",
        };
        let length = if self.musical { ", or a musical length such as 1/8d or 2 bars" } else { "" };
        format!(
            "{form} between {} and {}{length}",
            self.print(Amount::Value(self.range.min)),
            self.print(Amount::Value(self.range.max))
        )
    }

    /// Prints a value so that [`ParamSpec::read`] gives it back.
    pub fn print(&self, amount: Amount) -> String {
        match (amount, self.unit) {
            (Amount::Length { ticks }, _) => print_length(ticks),
            (Amount::Value(value), Unit::Switch) => (value >= 0.5).to_string(),
            (Amount::Value(value), Unit::Choice(words)) => {
                words.get(value.max(0.0) as usize).copied().unwrap_or_default().to_string()
            }
            (Amount::Value(value), unit) => shortest(value) + unit.suffix(),
        }
    }
}

/// A musical length as a note value.
fn print_length(ticks: u32) -> String {
    let whole = 4 * TICKS_PER_QUARTER as u32;
    for (suffix, above, below) in [("", 1, 1), ("d", 3, 2), ("t", 2, 3)] {
        for unit in [1u32, 2, 4, 8, 16, 32, 64, 128, 256] {
            let one = whole * above / unit / below;
            if one * unit * below == whole * above && ticks.is_multiple_of(one) && ticks / one <= 8 {
                return format!("{}/{unit}{suffix}", ticks / one);
            }
        }
    }
    if ticks.is_multiple_of(whole) { format!("{}/1", ticks / whole) } else { format!("{ticks}/{whole}") }
}

/// A parameter's value as a preset gives it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Amount {
    /// In the parameter's own unit.
    Value(f32),
    /// A musical length; what it is in the parameter's unit follows from the tempo.
    Length {
        /// Length in ticks, 960 a quarter note.
        ticks: u32,
    },
}

impl Amount {
    /// The value at a tempo in the unit of `spec`, clamped to its range.
    pub fn at_tempo(self, spec: &ParamSpec, tempo: f64) -> f32 {
        let value = match self {
            Amount::Value(value) => value,
            Amount::Length { ticks } => {
                let quarters = f64::from(ticks) / TICKS_PER_QUARTER as f64;
                let seconds = (quarters * 60.0 / tempo) as f32;
                if spec.unit == Unit::Hertz { 1.0 / seconds } else { seconds }
            }
        };
        value.clamp(spec.range.min, spec.range.max)
    }
}

/// The parameters that every node which makes audio has, after its own.
pub const COMMON: [ParamSpec; 2] = [
    ParamSpec::decibels("gain", SILENCE_DB, 24.0, 0.0)
        .about("Level of all audio outputs; the lowest value is silence."),
    ParamSpec::switch("mute", false).smoothing(0.01).about("Silences all audio outputs, with a short fade."),
];

/// The gain at and below which there is exact silence, in dB.
pub const SILENCE_DB: f32 = -90.0;

/// The factor of a gain in dB; exactly 0 at [`SILENCE_DB`] and below, exactly 1 at 0 dB.
pub fn gain_factor(db: f32) -> f32 {
    if db <= SILENCE_DB { 0.0 } else { dsp::db_to_gain(db) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUTOFF: ParamSpec = ParamSpec::hertz("cutoff", 20.0, 20_000.0, 1_000.0);
    const TIME: ParamSpec = ParamSpec::seconds("time", 0.001, 10.0, 0.5).musical();

    #[test]
    fn values_are_read_in_any_fitting_unit_and_refused_otherwise() {
        let read = |spec: &ParamSpec, text| spec.read(text, Meter::COMMON);
        assert_eq!(read(&CUTOFF, "2 kHz"), Ok(Amount::Value(2000.0)));
        assert_eq!(read(&CUTOFF, "440"), Ok(Amount::Value(440.0)));
        assert!(read(&CUTOFF, "1/8").unwrap_err().contains("frequency between 20 Hz and 20000 Hz"));
        assert!(read(&CUTOFF, "3 dB").unwrap_err().contains("wrong unit"));
        assert!(read(&CUTOFF, "1 Hz").unwrap_err().contains("must be"));
        assert_eq!(read(&TIME, "1/8d"), Ok(Amount::Length { ticks: 720 }));
        assert_eq!(read(&COMMON[0], "-inf dB"), Ok(Amount::Value(SILENCE_DB)));
        assert_eq!(read(&COMMON[1], "true"), Ok(Amount::Value(1.0)));
        let shape = ParamSpec::choice("shape", &["sine", "triangle"], 0);
        assert_eq!(read(&shape, "triangle"), Ok(Amount::Value(1.0)));
        assert!(read(&shape, "triangel").unwrap_err().contains("did you mean `triangle`"));
    }

    #[test]
    fn printing_reads_back() {
        for text in
            ["0.001", "10 s", "333 ms", "1/8d", "1/4t", "3/4", "7/1", "5/128", "100 bars", "7/12", "13/7"]
        {
            let amount = TIME.read(text, Meter::COMMON).unwrap();
            assert_eq!(TIME.read(&TIME.print(amount), Meter::COMMON), Ok(amount), "{text}");
        }
    }

    #[test]
    fn ranges_invert() {
        for curve in [Curve::Linear, Curve::Exponential, Curve::Power(3.0)] {
            let range = Range { min: 20.0, max: 20_000.0, curve };
            assert_eq!(range.value(0.0), 20.0);
            assert_eq!(range.value(1.0), 20_000.0);
            for n in [0.1, 0.5, 0.9] {
                assert!((range.position(range.value(n)) - n).abs() < 1e-4, "{curve:?} {n}");
            }
        }
    }

    #[test]
    fn lengths_follow_the_tempo() {
        let eighth = Amount::Length { ticks: 480 };
        assert_eq!(eighth.at_tempo(&TIME, 120.0), 0.25);
        let rate = ParamSpec::hertz("rate", 0.01, 20.0, 1.0).musical();
        assert_eq!(eighth.at_tempo(&rate, 120.0), 4.0);
        assert_eq!(gain_factor(0.0), 1.0);
        assert_eq!(gain_factor(-90.0), 0.0);
        assert!((gain_factor(-6.0) - 0.501_187).abs() < 1e-5);
    }
}
