//! What other people's players hear, and measures of it.

use crate::program::{Said, collect, finish};
use std::process::{Command, Stdio};
use std::time::Duration;

/// Runs a player.
fn run(program: &str, arguments: &[&str]) -> Said {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    finish(&mut command)
}

/// Holds that a player did its work and had nothing to say.
#[track_caller]
fn content(program: &str, what: &str, said: &Said) {
    assert!(said.status == 0 && said.err.is_empty(), "{program}, {what}: {} {}", said.status, said.err);
}

/// What ffmpeg hears of a stream or file: interleaved stereo at the rate that it has.
///
/// # Panics
/// ffmpeg is not there, or says anything.
#[track_caller]
pub fn ffmpeg(what: &str, seconds: f64) -> Vec<i16> {
    let (folder, seconds) = (tempfile::tempdir().expect("a folder"), seconds.to_string());
    let file = folder.path().join("heard.pcm");
    let out = file.to_str().expect("a path is text");
    let said = run(
        "ffmpeg",
        &["-v", "error", "-t", &seconds, "-i", what, "-f", "s16le", "-c:a", "pcm_s16le", "-ac", "2", out],
    );
    content("ffmpeg", what, &said);
    samples(&std::fs::read(&file).expect("ffmpeg writes a file"))
}

/// What mpv plays of a stream or playlist until it is ended after some seconds, at the rate that it has.
///
/// # Panics
/// mpv is not there, or says anything.
#[cfg(unix)]
#[track_caller]
pub fn mpv(what: &str, seconds: f64) -> Vec<i16> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("heard.pcm");
    let out = format!("--ao-pcm-file={}", file.display());
    let quiet = ["--no-config", "--msg-level=all=error", "--vid=no", "--ao=pcm", "--ao-pcm-waveheader=no"];
    let format = ["--audio-format=s16", "--audio-channels=stereo", &out, what];
    let mut command = Command::new("mpv");
    command.args(quiet).args(format).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("mpv is there: `cargo xtask setup` installs it");
    // Its `--length` counts from where it believes that a stream begins, which of one that was joined may be anywhere.
    std::thread::sleep(Duration::from_secs_f64(seconds));
    crate::program::signal(&child, "TERM");
    let said = collect(child);
    assert!(said.err.is_empty() && said.out.is_empty(), "mpv, {what}: {} {}", said.out, said.err);
    samples(&std::fs::read(&file).expect("mpv writes a file"))
}

/// What ffprobe says of the sound of a stream: codec, rate, channels.
///
/// # Panics
/// ffprobe is not there, or says anything else.
#[track_caller]
pub fn ffprobe(what: &str) -> String {
    let wanted = ["-show_entries", "stream=codec_name,sample_rate,channels", "-of", "csv=p=0", what];
    let said = run("ffprobe", &[&["-v", "error"][..], &wanted].concat());
    content("ffprobe", what, &said);
    said.out.trim().to_string()
}

/// The tags that ffprobe finds in a stream, as lines `TAG:name=value`.
///
/// # Panics
/// ffprobe is not there, or says anything else.
#[track_caller]
pub fn ffprobe_tags(what: &str) -> String {
    let said = run("ffprobe", &["-v", "error", "-show_entries", "stream_tags", "-of", "default=nw=1", what]);
    content("ffprobe", what, &said);
    said.out
}

/// Bytes as samples.
pub fn samples(bytes: &[u8]) -> Vec<i16> {
    bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

/// The left channel of interleaved stereo, where full scale is 1.
pub fn left(samples: &[i16]) -> Vec<f32> {
    samples.iter().step_by(2).map(|sample| f32::from(*sample) / 32_768.0).collect()
}

/// Root mean square.
pub fn rms(sound: &[f32]) -> f32 {
    (sound.iter().map(|sample| sample * sample).sum::<f32>() / sound.len() as f32).sqrt()
}

/// How often a sound crosses zero on its way up, in a second.
pub fn pitch(sound: &[f32], rate: f64) -> f64 {
    let ups = sound.windows(2).filter(|pair| pair[0] < 0.0 && pair[1] >= 0.0).count();
    ups as f64 * rate / sound.len() as f64
}

/// The sharpest bend of a sound: of a sine of amplitude 1 the square of 2 pi f / rate. A click has far more.
pub fn sharpest(sound: &[f32]) -> f32 {
    sound.windows(3).map(|x| (x[0] - 2.0 * x[1] + x[2]).abs()).fold(0.0, f32::max)
}
