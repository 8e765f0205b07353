//! What a rendering was like: how long, how fast, how loud.

use super::{Outcome, print};
use auralis_nodes::loudness::Loudness;

/// Measures while samples pass.
pub struct Summary {
    loudness: Loudness,
    frames: u64,
}

impl Summary {
    /// For stereo at a rate.
    pub fn new(rate: u32) -> Self {
        Self { loudness: Loudness::new(2, rate), frames: 0 }
    }

    /// Takes frames of stereo.
    pub fn add(&mut self, left: &[f32], right: &[f32]) {
        self.frames += left.len() as u64;
        self.loudness.add(&[left, right]);
    }

    /// Prints one line.
    pub fn print(&self, path: &str, elapsed: f64, rate: u32) -> Outcome {
        let seconds = self.frames as f64 / f64::from(rate);
        let lufs = self.loudness.integrated();
        let peak = auralis_graph::dsp::gain_to_db(self.loudness.true_peak());
        let loudness = if lufs.is_finite() { format!("{lufs:.1} LUFS") } else { "silent".into() };
        let peak = if peak.is_finite() { format!("true peak {peak:.1} dBTP") } else { "no peak".into() };
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
