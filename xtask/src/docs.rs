//! `cargo xtask docs`: the reference of the nodes and the JSON Schema, made by the program itself.

use crate::shell;
use std::fs;
use std::path::Path;

/// Files and the arguments of `auralis` that print them.
const PAGES: [(&str, &[&str]); 2] =
    [("docs/nodes.md", &["nodes", "--all"]), ("docs/preset.schema.json", &["schema"])];

/// Writes the pages.
///
/// # Errors
/// The program fails, or a file cannot be written.
pub fn run(root: &Path) -> Result<(), String> {
    for (path, arguments) in PAGES {
        fs::write(root.join(path), shell::auralis(root, arguments)?)
            .map_err(|error| format!("{path}: {error}"))?;
        println!("{path}");
    }
    Ok(())
}

/// Fails if a page is not what the program prints.
///
/// # Errors
/// The first page that is out of step.
pub fn check(root: &Path) -> Result<(), String> {
    eprintln!("\n== docs in step");
    for (path, arguments) in PAGES {
        let written = fs::read_to_string(root.join(path)).unwrap_or_default();
        if written != shell::auralis(root, arguments)? {
            return Err(format!("{path} is out of step with the code: run `cargo xtask docs`"));
        }
    }
    Ok(())
}
