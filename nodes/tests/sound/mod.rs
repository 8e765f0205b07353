//! What the tests of the synthesis nodes share: playing notes through a preset, and looking at the spectrum.

#![allow(dead_code, reason = "each test binary uses its part")]

use auralis_graph::command::When;
use auralis_graph::note::NoteEvent;
use auralis_graph::testing::{RATE, build_text, render_blocks};
use auralis_graph::{Built, Catalogue};
use rustfft::{FftPlanner, num_complex::Complex};

/// A note that is played: from when to when in seconds, key, velocity.
#[derive(Debug, Clone, Copy)]
pub struct Note(pub f64, pub f64, pub f32, pub f32);

/// A preset of one synth, called `pad`, with parameters.
pub fn synth(params: &str) -> String {
    let params = if params.is_empty() { String::new() } else { format!(", {params}") };
    format!(
        "auralis: 1\nnodes:\n  keys: {{ type: midi_in }}\n  pad: {{ type: synth, in: keys{params} }}\n  out: {{ type: output, in: pad }}\n"
    )
}

/// Parameters with some of them set to something else.
pub fn with(params: &str, changes: &str) -> String {
    let split = |text: &str| -> Vec<(String, String)> {
        let pairs = text.split(',').filter_map(|pair| pair.split_once(':'));
        pairs.map(|(key, value)| (key.trim().to_string(), value.trim().to_string())).collect()
    };
    let (mut all, changes) = (split(params), split(changes));
    for (key, value) in changes {
        all.retain(|pair| pair.0 != key);
        all.push((key, value));
    }
    all.iter().map(|(key, value)| format!("{key}: {value}")).collect::<Vec<_>>().join(", ")
}

/// The frame of a time.
pub fn frame(seconds: f64) -> i64 {
    (seconds * f64::from(RATE)).round() as i64
}

/// Enters notes into `keys`, with ids from 0 on.
pub fn enter(built: &Built, notes: &[Note]) {
    for (id, Note(from, to, key, velocity)) in (0u32..).zip(notes) {
        let on = NoteEvent::on(0, 0, id, *key, *velocity);
        built.controller.note("keys", on, When::Frame(frame(*from))).expect("there is room");
        built
            .controller
            .note("keys", NoteEvent::off(0, 0, id), When::Frame(frame(*to)))
            .expect("there is room");
    }
}

/// Plays notes on a preset.
pub fn play_on(catalogue: &Catalogue, text: &str, notes: &[Note], seconds: f64) -> [Vec<f32>; 2] {
    let mut built = build_text(text, catalogue);
    enter(&built, notes);
    render_blocks(&mut built, frame(seconds) as usize, &[512])
}

/// Plays notes on a synth with parameters.
pub fn play(params: &str, notes: &[Note], seconds: f64) -> [Vec<f32>; 2] {
    play_on(&auralis_nodes::catalogue(), &synth(params), notes, seconds)
}

/// A stretch of samples, in seconds.
pub fn cut(samples: &[f32], from: f64, to: f64) -> &[f32] {
    &samples[frame(from) as usize..frame(to) as usize]
}

/// Amplitudes over frequency, through a Kaiser window whose leakage is below -180 dB from 12 bins on.
pub struct Spectrum {
    amplitudes: Vec<f64>,
    bin: f64,
}

impl Spectrum {
    /// Bins from a line in which its window can still be seen.
    const WIDTH: f64 = 13.0;

    pub fn of(samples: &[f32]) -> Self {
        let n = samples.len();
        let window: Vec<f64> = (0..n)
            .map(|i| {
                let x = 2.0 * i as f64 / (n - 1) as f64 - 1.0;
                bessel(22.0 * (1.0 - x * x).max(0.0).sqrt())
            })
            .collect();
        let weight: f64 = window.iter().sum();
        let windowed = samples.iter().zip(&window).map(|(x, w)| Complex::new(f64::from(*x) * w, 0.0));
        let mut bins: Vec<Complex<f64>> = windowed.collect();
        FftPlanner::new().plan_fft_forward(n).process(&mut bins);
        let amplitudes = bins[..n / 2].iter().map(|bin| 2.0 * bin.norm() / weight).collect();
        Self { amplitudes, bin: f64::from(RATE) / n as f64 }
    }

    /// The greatest amplitude between two frequencies, in dB, and its frequency.
    pub fn peak(&self, from: f64, to: f64) -> (f64, f64) {
        let bins = (from / self.bin) as usize..((to / self.bin) as usize).min(self.amplitudes.len());
        let greatest = bins.max_by(|a, b| self.amplitudes[*a].total_cmp(&self.amplitudes[*b])).unwrap_or(0);
        (20.0 * self.amplitudes[greatest].max(1e-15).log10(), greatest as f64 * self.bin)
    }

    /// The amplitude of a line, in dB.
    pub fn line(&self, hertz: f64) -> f64 {
        self.peak(hertz - 3.0 * self.bin, hertz + 3.0 * self.bin).0
    }

    /// The greatest amplitude that belongs to no harmonic of a fundamental, in dB above it, and its frequency.
    pub fn inharmonic(&self, fundamental: f64) -> (f64, f64) {
        let from = 20.0f64.max(Self::WIDTH * self.bin);
        let mut worst = (f64::NEG_INFINITY, 0.0);
        for (index, amplitude) in self.amplitudes.iter().enumerate() {
            let hertz = index as f64 * self.bin;
            let nearest = (hertz / fundamental).round().max(1.0) * fundamental;
            if hertz > from && (hertz - nearest).abs() > Self::WIDTH * self.bin && *amplitude > worst.0 {
                worst = (*amplitude, hertz);
            }
        }
        (20.0 * worst.0.log10() - self.line(fundamental), worst.1)
    }
}

/// The modified Bessel function of order 0.
pub fn bessel(x: f64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for k in 1..60 {
        term *= (x / 2.0 / f64::from(k)).powi(2);
        sum += term;
    }
    sum
}

/// Frequency of a key.
pub fn hertz(key: f32) -> f64 {
    440.0 * 2f64.powf((f64::from(key) - 69.0) / 12.0)
}
