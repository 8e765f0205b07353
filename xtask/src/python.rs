//! What tests use of Python's packages: plugin hosts, and what asks a server about its description. Each set lies in an
//! environment of its own below the target folder.

use crate::shell;
use std::path::Path;

/// Packages that live together, pinned: a test that fails shall do so because of us.
struct Environment {
    /// Its folder below the target folder.
    folder: &'static str,
    packages: &'static [&'static str],
}

const ENVIRONMENTS: [Environment; 2] = [
    Environment { folder: "hosts", packages: &["dawdreamer==0.9.0", "numpy==2.4.6", "pedalboard==0.9.26"] },
    Environment { folder: "schemas", packages: &["schemathesis==4.32.5"] },
];

/// The system's own Python.
pub const PYTHON: &str = if cfg!(target_os = "windows") { "python" } else { "python3" };

/// Makes the environments where they are not there as they should be.
///
/// # Errors
/// There is no Python, or no way to its packages.
pub fn set_up(root: &Path, target: &Path) -> Result<(), String> {
    ENVIRONMENTS.iter().try_for_each(|environment| environment.set_up(root, target))
}

impl Environment {
    fn set_up(&self, root: &Path, target: &Path) -> Result<(), String> {
        let folder = target.join(self.folder);
        let below = if cfg!(target_os = "windows") { "Scripts/python.exe" } else { "bin/python" };
        let python = folder.join(below);
        let python = python.to_str().ok_or("the target folder's path is no text")?;
        let has = |package: &str| {
            let (name, version) = package.split_once("==").unwrap_or((package, ""));
            let asked = format!("import importlib.metadata as m; assert m.version('{name}') == '{version}'");
            shell::succeeds(root, python, &["-c", &asked])
        };
        if self.packages.iter().all(|package| has(package)) {
            return Ok(());
        }
        let folder = folder.to_str().ok_or("the target folder's path is no text")?;
        shell::run(root, PYTHON, &["-m", "venv", "--clear", folder], &[])?;
        let install =
            ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"];
        let arguments: Vec<&str> = install.iter().chain(self.packages).copied().collect();
        shell::run(root, python, &arguments, &[])
            .map_err(|error| format!("{error}: the packages need Python 3.11 or newer, and the network once"))
    }
}
