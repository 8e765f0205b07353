//! Real plugin hosts, without a display: what runs them, and what they left behind.

use crate::Room;
use crate::sound::{Frame, wav};
use serde_json::Value as Json;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

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

/// The Python that `cargo xtask test` makes for packages: `hosts`, or `schemas`.
///
/// # Panics
/// It is not there.
pub fn python(packages: &str) -> PathBuf {
    let target = target();
    let below = if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" };
    let python = target.join(packages).join(below);
    assert!(python.exists(), "{} is not there: `cargo xtask test` makes it", python.display());
    python
}

/// Runs a Python script with a job on its standard input, and gives what it says on its standard output.
///
/// # Panics
/// It fails.
#[track_caller]
pub fn run(name: &str, job: &Json) -> Json {
    let mut command = Command::new(python("hosts"));
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
