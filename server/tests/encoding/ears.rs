//! Players and measures.

use std::f64::consts::TAU;
use std::io::Write as _;
use std::process::{Command, Output, Stdio};

/// Interleaved stereo.
pub type Sound = Vec<i16>;

/// Runs a program that reads from its input; what it wrote, if it has nothing to say against it.
#[track_caller]
pub fn run(program: &str, arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}; `cargo xtask setup` installs it"));
    let mut pipe = child.stdin.take().unwrap();
    let input = input.to_vec();
    // It may end before it has read everything.
    let feeding = std::thread::spawn(move || drop(pipe.write_all(&input)));
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    feeding.join().unwrap();
    let said = String::from_utf8_lossy(&stderr);
    assert!(status.success() && said.is_empty(), "{program} {arguments:?}: {status}\n{said}");
    stdout
}

/// What ffmpeg hears in a stream, at a rate.
#[track_caller]
pub fn ffmpeg(stream: &[u8], rate: u32) -> Sound {
    let rate = rate.to_string();
    let arguments = ["-v", "error", "-i", "pipe:0", "-f", "s16le", "-ac", "2", "-ar", &rate, "pipe:1"];
    samples(&run("ffmpeg", &arguments, stream))
}

/// What ffmpeg makes of sound with other encoders, as Ogg Opus.
#[track_caller]
pub fn libopus(sound: &[i16], bitrate: u32) -> Vec<u8> {
    let bytes: Vec<u8> = sound.iter().flat_map(|x| x.to_le_bytes()).collect();
    let bitrate = bitrate.to_string();
    let from = ["-v", "error", "-f", "s16le", "-ac", "2", "-ar", "48000", "-i", "pipe:0"];
    let to = ["-c:a", "libopus", "-b:a", &bitrate, "-vbr", "constrained", "-f", "ogg", "pipe:1"];
    run("ffmpeg", &[&from[..], &to].concat(), &bytes)
}

/// What mpv plays of a stream, at the stream's rate.
#[track_caller]
pub fn mpv(stream: &[u8]) -> Sound {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("heard.pcm");
    let out = format!("--ao-pcm-file={}", file.display());
    let quiet = ["--no-config", "--msg-level=all=error", "--vid=no", "--ao=pcm", "--ao-pcm-waveheader=no"];
    run("mpv", &[&quiet[..], &["--audio-format=s16", "--audio-channels=stereo", &out, "-"]].concat(), stream);
    samples(&std::fs::read(&file).unwrap())
}

fn samples(bytes: &[u8]) -> Sound {
    bytes.chunks_exact(2).map(|x| i16::from_le_bytes([x[0], x[1]])).collect()
}

/// Tones of (hertz, amplitude of 1) to the left, and what follows them to the right, for some seconds.
pub fn tones(rate: u32, seconds: f64, tones: &[(f64, f64)]) -> Sound {
    let at = |frame: usize, shift: f64| -> i16 {
        let time = frame as f64 / f64::from(rate);
        let sum: f64 = tones.iter().map(|(hz, level)| level * (TAU * (hz * time) + shift * hz).sin()).sum();
        (sum * 32_767.0).round() as i16
    };
    (0..(seconds * f64::from(rate)) as usize).flat_map(|frame| [at(frame, 0.0), at(frame, 1.0)]).collect()
}

/// White noise of an amplitude of 1, for some seconds.
pub fn noise(rate: u32, seconds: f64, level: f32) -> Sound {
    let mut chance = auralis_graph::chance::Chance::new(7);
    let samples = 2 * (seconds * f64::from(rate)) as usize;
    (0..samples).map(|_| (chance.bipolar() * level * 32_767.0) as i16).collect()
}

/// Decibels between the power of some sound and of what differs in another one.
pub fn nearness(source: &[i16], heard: &[i16]) -> f64 {
    let both = || source.iter().zip(heard).map(|(a, b)| (f64::from(*a), f64::from(*b)));
    let power: f64 = both().map(|(a, _)| a * a).sum();
    let difference: f64 = both().map(|(a, b)| (a - b).powi(2)).sum();
    10.0 * (power / difference.max(1e-9)).log10()
}

/// Decibels by which a sound is louder than another one.
pub fn louder(source: &[i16], heard: &[i16]) -> f64 {
    let power = |sound: &[i16]| sound.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / sound.len() as f64;
    10.0 * (power(heard) / power(source)).log10()
}
