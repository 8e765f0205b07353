//! `cargo xtask test`: everything that holds the project together.

use crate::{docs, setup, shell};
use std::path::Path;

/// Runs all checks, the quick ones first.
///
/// # Errors
/// The first that fails.
pub fn run(root: &Path) -> Result<(), String> {
    setup::run(root)?;
    shell::run(root, "cargo", &["fmt", "--all", "--check"], &[])?;
    let everything = ["--workspace", "--all-targets", "--all-features", "--locked"];
    let clippy: Vec<&str> = ["clippy"].into_iter().chain(everything).chain(["--", "-D", "warnings"]).collect();
    shell::run(root, "cargo", &clippy, &[])?;
    docs::check(root)?;
    client_tests(root)?;
    shell::run(root, "cargo", &["test", "--workspace", "--all-features", "--locked"], &[])?;
    let doc = ["doc", "--workspace", "--no-deps", "--all-features", "--locked"];
    shell::run(root, "cargo", &doc, &[("RUSTDOCFLAGS", "-D warnings")])?;
    eprintln!("\nall is well");
    Ok(())
}

/// The client's unit tests, file by file: what a folder means to `node --test` depends on its version.
fn client_tests(root: &Path) -> Result<(), String> {
    let folder = root.join("tests/client");
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path().to_str()?.to_string()));
    let mut files: Vec<String> = paths.filter(|path| path.ends_with(".test.mjs")).collect();
    files.sort();
    if files.is_empty() {
        return Err(format!("{} holds no tests", folder.display()));
    }
    let arguments: Vec<&str> = ["--test"].into_iter().chain(files.iter().map(String::as_str)).collect();
    shell::run(root, "node", &arguments, &[])
}
