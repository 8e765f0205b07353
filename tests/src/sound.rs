//! What was heard, or written to a file: frames of stereo, how loud they are, and whether they are the same.

use std::path::Path;

/// A frame of stereo.
pub type Frame = [f32; 2];

/// The frames of a file of bare floats.
///
/// # Panics
/// There is no such file.
#[track_caller]
pub fn floats(path: &Path) -> Vec<Frame> {
    let bytes = std::fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let samples: Vec<f32> = bytes.as_chunks::<4>().0.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
    samples.as_chunks::<2>().0.to_vec()
}

/// The frames of a WAV file of floats in stereo.
///
/// # Panics
/// It is none.
#[track_caller]
pub fn wav(path: &Path) -> Vec<Frame> {
    let reader = hound::WavReader::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let samples = reader.into_samples::<f32>().collect::<Result<Vec<f32>, _>>();
    samples.expect("samples are floats").as_chunks::<2>().0.to_vec()
}

/// The power of all samples in dB; -infinity for silence.
pub fn db(frames: &[Frame]) -> f64 {
    let power: f64 = frames.iter().flatten().map(|x| f64::from(*x).powi(2)).sum();
    10.0 * (power / (2.0 * frames.len().max(1) as f64)).log10()
}

/// Holds that frames are those that were rendered, to the bit, as many, and that they sound.
///
/// # Panics
/// They differ, with how many do, there are more of ones than of others, or they are silent.
#[track_caller]
pub fn same(heard: &[Frame], rendered: &[Frame]) {
    let length = rendered.len();
    assert_eq!(heard.len(), length, "frames that were heard, and that were rendered");
    assert!(db(rendered) > -60.0, "there is nothing to be compared: {} dB", db(rendered));
    let bits = |frame: &Frame| frame.map(|x| (x + 0.0).to_bits());
    let differing = |(a, b): &(&Frame, &Frame)| bits(a) != bits(b);
    let count = heard.iter().zip(rendered).filter(differing).count();
    let first = heard.iter().zip(rendered).position(|pair| differing(&pair));
    if let Some(first) = first {
        let error: Vec<Frame> = heard.iter().zip(rendered).map(|(a, b)| [a[0] - b[0], a[1] - b[1]]).collect();
        let apart = db(&error) - db(rendered);
        let (a, b) = (heard[first], rendered[first]);
        panic!("{count} of {length} frames differ, from {first} on ({a:?} for {b:?}): {apart:.1} dB");
    }
}
