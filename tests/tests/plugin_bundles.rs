//! `cargo xtask bundle`: what it makes and refuses, how large it is, and what validators say of it. And the instrument
//! as a program of its own.

use auralis_tests::bundles::{self, bundle};
use auralis_tests::{Display, Room, Said, collect, finish, hosts, signal, wait};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Largest instrument, in bytes, without the default SoundFont that is in it.
const LARGEST: u64 = 15_000_000;

/// Gives `cargo xtask bundle` what a user would.
#[track_caller]
fn said(arguments: &[&str]) -> Said {
    // cargo may have to build, which takes as long as it takes.
    let output = bundle().args(arguments).output().expect("cargo runs");
    Said {
        status: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

#[test]
fn what_cannot_be_an_instrument_is_refused_with_the_reason() {
    let room = Room::new();
    let path = |name: &str, text: &str| room.put(name, text).to_str().unwrap().to_string();
    let right =
        path("right.yaml", "auralis: 1\nnodes:\n  n: { type: noise }\n  out: { type: output, in: n }\n");
    let wrong =
        path("wrong.yaml", "auralis: 1\nnodes:\n  n: { type: nose }\n  out: { type: output, in: n }\n");
    let gone = room.path("gone.yaml");
    let long = "n".repeat(61);
    for (arguments, words) in [
        (vec!["--preset", &right, "--name", "a/b"], vec!["`/` is one"]),
        (vec!["--preset", &right, "--name", &long], vec!["1 to 60 characters, not 61"]),
        (vec!["--preset", &right, "--name", ""], vec!["1 to 60 characters, not 0"]),
        (vec!["--preset", &right, "--name", "auralis"], vec!["the general instrument's name", "--name"]),
        (vec!["--preset", &right, "--name", "x", "--vendor", "a\nb"], vec!["a vendor has", "`\\n` is one"]),
        (
            vec!["--preset", &wrong, "--name", "x"],
            vec!["unknown node type `nose`", "wrong.yaml", "did you mean `noise`"],
        ),
        (vec!["--preset", gone.to_str().unwrap(), "--name", "x"], vec!["gone.yaml", "cannot read"]),
        (vec!["--preset", "night_drfit", "--name", "x"], vec!["did you mean `night_drift`?"]),
    ] {
        said(&arguments).fails(1, &words);
    }
    said(&["--name", "x"]).fails(2, &["--preset"]);
    said(&["auralis"]).fails(2, &["auralis-plugin"]);
}

#[test]
fn the_instrument_is_small() {
    let font = Path::new(env!("CARGO_MANIFEST_DIR")).join("../soundfonts/auralis.sf2");
    let font = std::fs::metadata(font).unwrap().len();
    // What is for debuggers is not in what is given to others.
    let room = Room::new();
    let bare = room.path("bare");
    let stripped = Command::new("strip").arg("-s").arg(bundles::clap()).arg("-o").arg(&bare).status();
    let bare = if stripped.is_ok_and(|status| status.success()) { bare } else { bundles::clap().into() };
    let bytes = std::fs::metadata(bare).unwrap().len() - font;
    eprintln!("the instrument has {:.1} MB without the SoundFont", bytes as f64 / 1e6);
    // This profile's code is larger than a release's.
    let most = if cfg!(debug_assertions) { 2 * LARGEST } else { LARGEST };
    assert!(bytes <= most, "{bytes} bytes");
}

#[test]
fn validators_find_nothing_wrong() {
    let (clap, vst3) = (bundles::clap().to_str().unwrap(), bundles::vst3().to_str().unwrap());
    for (program, arguments) in [
        ("clap-validator", vec!["validate", clap]),
        ("validator", vec![vst3]),
        ("pluginval", vec!["--strictness-level", "10", "--validate-in-process", "--skip-gui-tests", vst3]),
    ] {
        let mut command = Command::new(program);
        let output = command.args(&arguments).stdin(Stdio::null()).output();
        match output {
            // `cargo xtask test` says which are not there.
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::NotFound, "{program}: {error}"),
            Ok(output) => {
                let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
                let (out, err) = (text(&output.stdout), text(&output.stderr));
                assert!(output.status.success(), "{program}: {}\n{out}\n{err}", output.status);
            }
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_program_plays_until_it_is_told_to_end() {
    let folder = hosts::target().join("programs");
    let made = said(&["--into", folder.to_str().unwrap()]);
    assert_eq!(made.status, 0, "{}", made.err);
    let program = folder.join("Auralis");
    let help = finish(Command::new(&program).arg("--help").stdout(Stdio::piped()).stderr(Stdio::piped()));
    assert!(help.ok().contains("--backend <BACKEND>") && help.out.contains("dummy"), "{}", help.out);

    let display = Display::new();
    let mut command = Command::new(&program);
    command.args(["--backend", "dummy", "--tempo", "66"]).env("DISPLAY", display.name());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let ended = wait(&mut child, Duration::from_secs(2));
    if ended.is_none() {
        signal(&child, "TERM");
    }
    let said = collect(child);
    assert_eq!(ended, None, "it plays on: {}{}", said.out, said.err);
    assert!(!said.err.contains("panicked"), "{}", said.err);
}
