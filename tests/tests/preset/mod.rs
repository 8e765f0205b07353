//! What the tests of the shipped presets share: their texts, stretches of their sound, and what is measured of it.

use auralis_graph::engine::Start;
use auralis_graph::music::{Key, Mode};
use auralis_graph::testing::measure::level_db;
use auralis_graph::testing::{RATE, render_blocks};
use auralis_graph::{Built, Preset};
use auralis_nodes::loudness::Loudness;
use rustfft::{FftPlanner, num_complex::Complex};
use std::path::Path;

/// Both sides of a stretch of sound.
pub type Stereo = [Vec<f32>; 2];

/// Names and texts of the shipped presets.
pub fn shipped() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../presets");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let yaml = files.filter(|path| path.extension().is_some_and(|ending| ending == "yaml"));
    let name = |path: &Path| path.file_stem().unwrap().to_string_lossy().into_owned();
    let mut found: Vec<_> = yaml.map(|path| (name(&path), std::fs::read_to_string(&path).unwrap())).collect();
    found.sort();
    found
}

/// Renders seconds from a minute of the piece on, with exposed controls (by slot) and an intensity of their own.
pub fn stretch(
    built: &mut Built,
    minute: f64,
    seconds: f64,
    intensity: Option<f32>,
    controls: &[(u16, f32)],
) -> Stereo {
    let mut settings = built.engine.initial_settings();
    settings.intensity = intensity.unwrap_or(settings.intensity);
    let bars = minute * settings.tempo / f64::from(settings.meter.beats);
    let tick = bars.round() * settings.meter.bar_ticks() as f64;
    let start = Start {
        tick,
        seconds: tick / 960.0 * 60.0 / settings.tempo,
        controls: controls.to_vec(),
        ..Start::beginning(settings)
    };
    built.engine.reset(&start);
    render_blocks(built, (seconds * f64::from(RATE)) as usize, &[1024])
}

/// Loudness and true peak of a stretch, in LUFS and dBTP.
pub fn loudness([left, right]: &Stereo) -> (f64, f64) {
    let mut loudness = Loudness::new(2, RATE);
    loudness.add(&[left, right]);
    (loudness.integrated(), 20.0 * f64::from(loudness.true_peak().max(1e-9)).log10())
}

/// Mean of the samples.
pub fn offset(samples: &[f32]) -> f64 {
    samples.iter().map(|x| f64::from(*x)).sum::<f64>() / samples.len() as f64
}

/// Correlation of the two sides: 1 for mono, 0 for strangers, below 0 where a mono sum loses.
pub fn correlation(left: &[f32], right: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(left, right) / (dot(left, left) * dot(right, right)).sqrt().max(1e-12)
}

/// How much the sharpest corner stands out: the greatest second difference against the energy of all within 20 ms
/// on either side. A single step in otherwise smooth sound is near 0.8; noise, and the hardest stroke of the
/// instruments, stay below half of it. Corners below -80 dB do not count.
pub fn sharpest_corner(samples: &[f32]) -> f64 {
    let reach = RATE as usize / 50;
    let corners: Vec<f64> = samples.windows(3).map(|w| f64::from(w[0] - 2.0 * w[1] + w[2]).powi(2)).collect();
    let mut energy = vec![0.0];
    for corner in &corners {
        energy.push(energy.last().unwrap() + corner);
    }
    let part = |(at, corner): (usize, &f64)| {
        let around = energy[(at + reach).min(corners.len())] - energy[at.saturating_sub(reach)];
        (corner / around.max(1e-8)).sqrt()
    };
    corners.iter().enumerate().map(part).fold(0.0, f64::max)
}

/// Frames of one spectrum.
const WINDOW: usize = 16_384;

/// Mean amplitudes over frequency, of the sum of both sides.
fn spectrum([left, right]: &Stereo) -> Vec<f64> {
    let fft = FftPlanner::new().plan_fft_forward(WINDOW);
    let mut sums = vec![0.0; WINDOW / 2];
    for start in (0..left.len() - WINDOW).step_by(WINDOW) {
        let mut bins: Vec<Complex<f64>> = (0..WINDOW)
            .map(|i| {
                let window = 0.5 - 0.5 * (std::f64::consts::TAU * i as f64 / WINDOW as f64).cos();
                Complex::new(window * f64::from(left[start + i] + right[start + i]) / 2.0, 0.0)
            })
            .collect();
        fft.process(&mut bins);
        sums.iter_mut().zip(&bins).for_each(|(sum, bin)| *sum += bin.norm());
    }
    let windows = (left.len() / WINDOW).max(1) as f64;
    sums.iter().map(|sum| sum / windows).collect()
}

fn hertz(bin: usize) -> f64 {
    bin as f64 * f64::from(RATE) / WINDOW as f64
}

/// Level of what differs between two renderings of the same music, in dB below the louder one.
pub fn difference(one: &Stereo, other: &Stereo) -> f64 {
    let apart: Vec<f32> = one[0].iter().zip(&other[0]).map(|(a, b)| a - b).collect();
    level_db(&apart) - level_db(&one[0]).max(level_db(&other[0]))
}

/// How much of the tones' energy lies at each pitch class, from C; they sum to 1. Below 200 Hz the window cannot tell
/// one semitone from the next.
pub fn chroma(sound: &Stereo) -> [f64; 12] {
    let mut classes = [0.0; 12];
    for (bin, amplitude) in spectrum(sound).iter().enumerate() {
        if (200.0..2500.0).contains(&hertz(bin)) {
            let key = 69.0 + 12.0 * (hertz(bin) / 440.0).log2();
            classes[(key.round() as usize) % 12] += amplitude * amplitude;
        }
    }
    let sum: f64 = classes.iter().sum();
    classes.map(|x| x / sum)
}

/// The part of the tones' energy that lies on a scale.
pub fn on_scale(chroma: &[f64; 12], tonic: u8, mode: Mode) -> f64 {
    mode.scale().iter().map(|step| chroma[usize::from((tonic + step) % 12)]).sum()
}

/// Correlation with what listeners expect of a key (C. Krumhansl, "Cognitive Foundations of Musical Pitch", 1990):
/// the profile of minor where the mode's third is minor, else that of major.
pub fn fits(chroma: &[f64; 12], key: Key) -> f64 {
    const MAJOR: [f64; 12] = [6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88];
    const MINOR: [f64; 12] = [6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17];
    let profile = if key.mode.scale().contains(&3) { MINOR } else { MAJOR };
    let expected: Vec<f64> =
        (0..12).map(|class| profile[(class + 12 - usize::from(tonic(key))) % 12]).collect();
    let heard = chroma.map(f64::sqrt);
    let [mean, level] = [&expected[..], &heard].map(|x| x.iter().sum::<f64>() / 12.0);
    let (mut both, mut own, mut theirs) = (0.0, 0.0, 0.0);
    for (x, y) in heard.iter().zip(&expected) {
        let (x, y) = (x - level, y - mean);
        (both, own, theirs) = (both + x * y, own + x * x, theirs + y * y);
    }
    both / (own * theirs).sqrt()
}

/// Pitch class of a key's tonic, from C.
pub fn tonic(key: Key) -> u8 {
    key.pitch_class()
}

/// Whether two presets' descriptions or settings could be taken for one another.
pub fn alike(one: &Preset, other: &Preset) -> bool {
    let (a, b) = (one.settings(), other.settings());
    one.title() == other.title()
        || one.info.description == other.info.description
        || (a.key == b.key && (a.tempo - b.tempo).abs() < 1.0)
}
