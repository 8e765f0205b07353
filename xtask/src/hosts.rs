//! The plugin hosts that are Python packages: in an environment of their own below the target folder.

use crate::shell;
use std::path::{Path, PathBuf};

/// The packages, pinned: a test that fails shall do so because of us.
const PACKAGES: [&str; 3] = ["dawdreamer==0.9.0", "numpy==2.4.6", "pedalboard==0.9.26"];

/// The system's own Python.
pub const PYTHON: &str = if cfg!(target_os = "windows") { "python" } else { "python3" };

/// The Python that has the hosts.
fn python(target: &Path) -> PathBuf {
    let below = if cfg!(target_os = "windows") { "Scripts/python.exe" } else { "bin/python" };
    target.join("hosts").join(below)
}

/// Makes the environment where it is not there as it should be.
///
/// # Errors
/// There is no Python, or no way to its packages.
pub fn set_up(root: &Path, target: &Path) -> Result<(), String> {
    let python = python(target);
    let python = python.to_str().ok_or("the target folder's path is no text")?;
    let has = |package: &str| {
        let (name, version) = package.split_once("==").unwrap_or((package, ""));
        let asked = format!("import importlib.metadata as m; assert m.version('{name}') == '{version}'");
        shell::succeeds(root, python, &["-c", &asked])
    };
    if PACKAGES.iter().all(|package| has(package)) {
        return Ok(());
    }
    let folder = target.join("hosts");
    let folder = folder.to_str().ok_or("the target folder's path is no text")?;
    shell::run(root, PYTHON, &["-m", "venv", "--clear", folder], &[])?;
    let install =
        ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"];
    let arguments: Vec<&str> = install.into_iter().chain(PACKAGES).collect();
    shell::run(root, python, &arguments, &[])
}
