//! What a rendering was like: how long, how fast, how loud.

use super::{Failure, Outcome, print};
use ebur128::{EbuR128, Mode};

/// Measures while samples pass.
pub struct Summary {
    meter: EbuR128,
    frames: u64,
}

impl Summary {
    /// For stereo at a rate.
    ///
    /// # Errors
    /// A rate that cannot be measured.
    pub fn new(rate: u32) -> Result<Self, Failure> {
        let meter = EbuR128::new(2, rate, Mode::I | Mode::TRUE_PEAK | Mode::LRA)
            .map_err(|error| Failure::Message(format!("cannot measure loudness at {rate} Hz: {error}")))?;
        Ok(Self { meter, frames: 0 })
    }

    /// Takes interleaved stereo.
    pub fn add(&mut self, interleaved: &[f32]) {
        self.frames += interleaved.len() as u64 / 2;
        // Whole frames of two channels are always taken.
        let _ = self.meter.add_frames_f32(interleaved);
    }

    /// Prints one line.
    pub fn print(&self, path: &str, elapsed: f64, rate: u32) -> Outcome {
        let seconds = self.frames as f64 / f64::from(rate);
        let peak = (0..2).filter_map(|channel| self.meter.true_peak(channel).ok()).fold(0.0, f64::max);
        let loudness = match self.meter.loudness_global() {
            Ok(lufs) if lufs.is_finite() => format!("{lufs:.1} LUFS"),
            _ => "silent".into(),
        };
        let peak =
            if peak > 0.0 { format!("true peak {:.1} dBTP", 20.0 * peak.log10()) } else { "no peak".into() };
        let times = seconds / elapsed.max(1e-9);
        print(format!("{path}: {}, {times:.0} times real time, {loudness}, {peak}", clock(seconds)))
    }
}

fn clock(seconds: f64) -> String {
    let whole = seconds as u64;
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, seconds - (whole / 60 * 60) as f64);
    match (hours, minutes) {
        (0, 0) => format!("{rest:.1} s"),
        (0, minutes) => format!("{minutes}:{rest:04.1} min"),
        (hours, minutes) => format!("{hours}:{minutes:02}:{rest:04.1} h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_printed_for_people() {
        assert_eq!((clock(7.25).as_str(), clock(61.0).as_str()), ("7.2 s", "1:01.0 min"));
        assert_eq!(clock(3_725.5), "1:02:05.5 h");
    }
}
