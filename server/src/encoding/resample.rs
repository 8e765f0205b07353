//! To the rate at which Opus works. On the rendering thread; nothing allocates after the start.

use super::EncodingError;
use super::opus::RATE;
use audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler as _};

/// Frames of a transform at the lower of both rates. The filter lets through what lies 1.2 kHz below half of 44,100 Hz
/// (20.8 kHz, where Opus itself ends at 20 kHz), and what is folded lies 100 dB below.
const BLOCK: usize = 512;

/// Interleaved stereo from one rate to 48,000 Hz.
pub struct Resampler {
    /// None where the rate is 48,000 Hz already.
    filter: Option<Fft<f32>>,
    rate: u32,
    /// What waits for a whole block.
    waiting: Vec<f32>,
}

impl Resampler {
    /// From a rate, in Hz, with chunks of so many frames.
    pub fn new(rate: u32, chunk_frames: usize) -> Result<Self, EncodingError> {
        let filter = if rate == RATE { None } else { Some(filter(rate)?) };
        let block = filter.as_ref().map_or(0, Fft::fft_size_in);
        Ok(Self { filter, rate, waiting: Vec::with_capacity(2 * (block + chunk_frames)) })
    }

    /// How much later sound comes out, in frames at 48,000 Hz, besides what waits.
    pub fn delay(&self) -> usize {
        self.filter.as_ref().map_or(0, |filter| filter.output_delay())
    }

    /// The most frames that a chunk of so many can come to.
    pub fn most(&self, chunk_frames: usize) -> usize {
        self.filter
            .as_ref()
            .map_or(chunk_frames, |filter| (chunk_frames / filter.fft_size_in() + 1) * filter.fft_size_out())
    }

    /// Seconds of sound that wait for the next chunk.
    pub fn waiting(&self) -> f64 {
        (self.waiting.len() / 2) as f64 / f64::from(self.rate)
    }

    /// Adds a chunk's sound to `out`, as much of it as fills whole blocks.
    pub fn process(&mut self, pcm: &[i16], out: &mut Vec<f32>) -> Result<(), EncodingError> {
        let samples = pcm.iter().map(|x| f32::from(*x) / 32_768.0);
        let Some(filter) = &mut self.filter else {
            out.extend(samples);
            return Ok(());
        };
        self.waiting.extend(samples);
        let (from, to) = (filter.fft_size_in(), filter.fft_size_out());
        let whole = self.waiting.len() / (2 * from) * (2 * from);
        for block in self.waiting[..whole].chunks_exact(2 * from) {
            let start = out.len();
            out.resize(start + 2 * to, 0.0);
            let source = InterleavedSlice::new(block, 2, from).map_err(refused)?;
            let mut sink = InterleavedSlice::new_mut(&mut out[start..], 2, to).map_err(refused)?;
            filter.process_into_buffer(&source, &mut sink, None).map_err(refused)?;
        }
        self.waiting.drain(..whole);
        Ok(())
    }
}

fn filter(rate: u32) -> Result<Fft<f32>, EncodingError> {
    let (rate, to) = (rate as usize, RATE as usize);
    let step = rate / gcd(rate, to);
    // Of an even number of frames the middle is a frame, and the delay a whole number.
    let step = if step % 2 == 1 && step < BLOCK { 2 * step } else { step };
    let wanted = BLOCK * rate.max(to) / to;
    Fft::new_custom(rate, to, wanted.next_multiple_of(step), 1, 2, WINDOW, FixedSync::Both).map_err(refused)
}

const WINDOW: rubato::WindowFunction = rubato::WindowFunction::BlackmanHarris2;

fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

fn refused(error: impl std::fmt::Display) -> EncodingError {
    EncodingError::Resampling(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    /// A sine at 3/4 of full scale through the resampler, in seconds of sound from a tenth of a second in.
    fn resampled(rate: u32, hz: f64) -> (Vec<f32>, usize) {
        let chunk = rate as usize / 10;
        let mut resampler = Resampler::new(rate, chunk).unwrap();
        let mut out = Vec::new();
        for c in 0..40 {
            let wave = |i| (24_000.0 * (TAU * hz * i as f64 / f64::from(rate)).sin()).round() as i16;
            let pcm: Vec<i16> = (c * chunk..(c + 1) * chunk).flat_map(|i| [wave(i), -wave(i)]).collect();
            resampler.process(&pcm, &mut out).unwrap();
        }
        let delay = resampler.delay();
        (out, delay)
    }

    /// The sine of a frequency in the left channel between two frames: its amplitude, its phase against the input's,
    /// and what else there is, root mean square, all for full scale 1.
    fn found(out: &[f32], hz: f64, delay: usize) -> (f64, f64, f64) {
        let (from, to) = (out.len() / 4, out.len() / 4 + 48_000);
        let left = |i: usize| f64::from(out[2 * i]);
        let turn = |i: usize| TAU * hz * (i as f64 - delay as f64) / f64::from(RATE);
        let n = (to - from) as f64;
        let sine = (from..to).map(|i| left(i) * turn(i).sin()).sum::<f64>() * 2.0 / n;
        let cosine = (from..to).map(|i| left(i) * turn(i).cos()).sum::<f64>() * 2.0 / n;
        let rest = (from..to).map(|i| (left(i) - sine * turn(i).sin() - cosine * turn(i).cos()).powi(2));
        (sine.hypot(cosine), cosine.atan2(sine), (rest.sum::<f64>() / n).sqrt())
    }

    #[test]
    fn a_tone_keeps_its_level_and_its_place_and_nothing_else_sounds() {
        // Only whole periods fit into a second, so that what is left is noise alone.
        for rate in [8_000, 11_025, 22_050, 32_000, 44_100, 48_000, 88_200, 96_000, 192_000] {
            for hz in [100.0, 997.0, 0.42 * f64::from(rate.min(RATE))] {
                let (out, delay) = resampled(rate, hz);
                let (level, phase, rest) = found(&out, hz, delay);
                let wanted = 24_000.0 / 32_768.0;
                assert!((level / wanted - 1.0).abs() < 0.002, "{rate} Hz, tone of {hz}: level {level}");
                let frames = phase * f64::from(RATE) / TAU / hz;
                assert!(frames.abs() < 0.01, "{rate} Hz, tone of {hz}: {frames} frames away");
                // 16 bits alone are at -101 dB.
                assert!(
                    20.0 * rest.log10() < -95.0,
                    "{rate} Hz, tone of {hz}: rest {:.1} dB",
                    20.0 * rest.log10()
                );
            }
        }
    }

    #[test]
    fn what_48_khz_cannot_hold_is_not_folded_back() {
        for (rate, hz) in [(96_000, 24_500.0), (96_000, 30_000.0), (192_000, 25_000.0), (192_000, 80_000.0)] {
            let (out, delay) = resampled(rate, hz);
            let (level, _, rest) = found(&out, 48_000.0 - hz % 48_000.0, delay);
            let all = 20.0 * level.hypot(rest).log10();
            assert!(all < -90.0, "{hz} Hz at {rate} Hz: {all:.1} dB is left");
        }
    }

    #[test]
    fn rates_that_share_nothing_with_48_khz_work_with_a_longer_delay() {
        let (out, delay) = resampled(44_101, 1_000.0);
        let (level, phase, rest) = found(&out, 1_000.0, delay);
        assert!(
            (level * 32_768.0 / 24_000.0 - 1.0).abs() < 0.002 && rest < 2e-5,
            "level {level}, rest {rest}"
        );
        assert!(phase.abs() * f64::from(RATE) / TAU / 1_000.0 < 1.0, "phase {phase}");
        assert!(delay <= 24_000, "{delay}");
    }
}
