//! Real plugin hosts, without a display: what runs them, and what they left behind.

use crate::Room;
use serde_json::Value as Json;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A frame of stereo.
pub type Frame = [f32; 2];

/// A script of `tests/hosts`.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("hosts").join(name)
}

/// The folder that cargo builds into.
///
/// # Panics
/// This is no test that cargo has built.
pub fn target() -> PathBuf {
    let program = std::env::current_exe().expect("the system knows its programs");
    // target/PROFILE/deps/TEST
    program.ancestors().nth(3).expect("cargo's folders").to_path_buf()
}

/// The Python that `cargo xtask test` makes for the hosts that are its packages.
///
/// # Panics
/// It is not there.
pub fn python() -> PathBuf {
    let target = target();
    let below = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" };
    let python = target.join("hosts").join(below);
    assert!(python.exists(), "{} is not there: `cargo xtask test` makes it", python.display());
    python
}

/// Runs a Python script with a job on its standard input, and gives what it says on its standard output.
///
/// # Panics
/// It fails.
#[track_caller]
pub fn run(name: &str, job: &Json) -> Json {
    let mut command = Command::new(python());
    command.arg(script(name)).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("Python starts");
    let mut stdin = child.stdin.take().expect("its standard input is a pipe");
    stdin.write_all(job.to_string().as_bytes()).expect("Python reads its job");
    drop(stdin);
    let said = child.wait_with_output().expect("Python ends");
    let (out, err) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
    assert!(said.status.success(), "{name} ended with {}:\n{err}\n{out}", said.status);
    // Hosts and what they load print, too; the script speaks last.
    let last = out.lines().last().unwrap_or_default();
    serde_json::from_str(last).unwrap_or_else(|error| panic!("{error}: {out}\n{err}"))
}

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

/// What `auralis render` makes of a preset.
///
/// # Panics
/// It fails.
#[track_caller]
pub fn rendered(room: &Room, preset: &str, rate: u32, seconds: f64, more: &[&str]) -> Vec<Frame> {
    let (rate, length) = (rate.to_string(), format!("{seconds}s"));
    let file = room.path("rendered.wav");
    let out = file.to_str().expect("a plain path");
    let arguments = ["render", preset, "-o", out, "--bits", "32f", "--rate", &rate, "--length", &length];
    room.run(&[&arguments, more].concat()).ok();
    wav(&file)
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

/// Holds that frames are those that were rendered, to the bit, as far as there are both, and that they sound.
///
/// # Panics
/// They differ, with how many do, or they are silent.
#[track_caller]
pub fn same(heard: &[Frame], rendered: &[Frame]) {
    let length = heard.len().min(rendered.len());
    assert!(length > 0, "nothing was heard");
    let (heard, rendered) = (&heard[..length], &rendered[..length]);
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
