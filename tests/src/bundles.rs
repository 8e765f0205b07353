//! The instrument as hosts load it, and instruments made of presets: bundled by the command that users have, once a
//! run, in the profile of the test that asks. They abort where their audio thread allocates. Bundles and the instrument
//! as a program have the same features, so that both are one build.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// An instrument in both forms.
#[derive(Debug)]
pub struct Bundles {
    /// The CLAP bundle; a file on Linux and Windows.
    pub clap: PathBuf,
    /// The VST3 bundle.
    pub vst3: PathBuf,
}

static GENERAL: LazyLock<Bundles> = LazyLock::new(|| Bundles::made("Auralis", &["auralis-plugin"]));

/// The general instrument's CLAP bundle.
///
/// # Panics
/// It does not build.
pub fn clap() -> &'static Path {
    &GENERAL.clap
}

/// The general instrument's VST3 bundle.
///
/// # Panics
/// It does not build.
pub fn vst3() -> &'static Path {
    &GENERAL.vst3
}

/// Where this run's bundles lie.
pub fn folder() -> PathBuf {
    let program = std::env::current_exe().expect("the system knows its programs");
    // target/PROFILE/deps/TEST
    program.ancestors().nth(2).expect("cargo's folders").join("bundles")
}

impl Bundles {
    /// An instrument of its own.
    ///
    /// # Panics
    /// It does not build.
    pub fn of(preset: &Path, name: &str) -> Self {
        Self::made(name, &["--preset", preset.to_str().expect("a plain path"), "--name", name])
    }

    fn made(name: &str, what: &[&str]) -> Self {
        let folder = folder();
        let said = bundle().args(what).arg("--into").arg(&folder).output().expect("cargo runs");
        let (out, err) = (String::from_utf8_lossy(&said.stdout), String::from_utf8_lossy(&said.stderr));
        assert!(said.status.success(), "{out}\n{err}");
        let [clap, vst3] = ["clap", "vst3"].map(|ending| folder.join(format!("{name}.{ending}")));
        assert!(clap.exists() && vst3.exists(), "{name} is not among what was made:\n{out}");
        Self { clap, vst3 }
    }
}

/// `cargo xtask bundle` in the profile of this test, to be given what else it shall do.
pub fn bundle() -> Command {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or("cargo".into()));
    command.args(["run", "--quiet", "--locked", "--package", "xtask", "--", "bundle"]).current_dir(root);
    command.args(["--features", "assert_process_allocs,standalone"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    command.stdin(Stdio::null());
    command
}
