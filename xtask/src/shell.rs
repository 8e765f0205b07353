//! Running other programs, with what they are shown first.

use std::path::Path;
use std::process::{Command, Stdio};

/// Runs a program in the project's root and fails if it does. What it prints goes to standard error: standard output
/// is for what the chore itself has to say.
///
/// # Errors
/// The program cannot be started, or ended with another status than 0.
pub fn run(root: &Path, program: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Result<(), String> {
    let shown = format!("{program} {}", arguments.join(" "));
    eprintln!("\n== {shown}");
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root).envs(variables.iter().copied()).stdout(std::io::stderr());
    let status = command.status().map_err(|error| format!("{shown}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("`{shown}` failed ({status})")) }
}

/// What a program prints.
///
/// # Errors
/// As [`run`].
pub fn output(root: &Path, program: &str, arguments: &[&str]) -> Result<String, String> {
    let shown = format!("{program} {}", arguments.join(" "));
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root).stderr(Stdio::inherit());
    let output = command.output().map_err(|error| format!("{shown}: {error}"))?;
    if !output.status.success() {
        return Err(format!("`{shown}` failed ({})", output.status));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("`{shown}`: {error}"))
}

/// What the program `auralis` prints, built from here; what it says besides goes to standard error.
///
/// # Errors
/// As [`run`].
pub fn auralis(root: &Path, arguments: &[&str]) -> Result<String, String> {
    let command = ["run", "--quiet", "--package", "auralis", "--locked", "--"];
    output(root, "cargo", &[&command, arguments].concat())
}

/// Whether a program runs and is content. What it prints is not shown.
pub fn succeeds(root: &Path, program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// Whether a program is on the path.
pub fn is_there(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}
