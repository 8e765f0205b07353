//! `cargo xtask test`: everything that holds the project together.

use crate::{docs, proof, setup, shell};
use std::path::Path;

/// What validates plugins, where it is there: none of them can be had from Debian.
const VALIDATORS: [&str; 3] = ["clap-validator", "validator", "pluginval"];

/// Runs all checks, the quick ones first. The tests run to their end, so that one run names all that fail.
///
/// # Errors
/// The first check that fails.
pub fn run(root: &Path) -> Result<(), String> {
    setup::run(root)?;
    shell::run(root, "cargo", &["fmt", "--all", "--check"], &[])?;
    let everything = ["--workspace", "--all-targets", "--all-features", "--locked"];
    let clippy: Vec<&str> =
        ["clippy"].into_iter().chain(everything).chain(["--", "-D", "warnings"]).collect();
    shell::run(root, "cargo", &clippy, &[])?;
    docs::check(root)?;
    shell::run(root, "cargo", &["test", "--workspace", "--all-features", "--locked", "--no-fail-fast"], &[])?;
    for program in VALIDATORS.into_iter().filter(|program| !shell::is_there(program)) {
        eprintln!("\n== {program} is not on the path: it has validated nothing");
    }
    proof::loom(root)?;
    if proof::miri_is_there(root) {
        proof::miri(root)?;
    } else {
        eprintln!(
            "\n== Miri is not installed: `rustup +nightly component add miri rust-src`; unsafe code goes without it"
        );
    }
    let doc = ["doc", "--workspace", "--no-deps", "--all-features", "--locked"];
    shell::run(root, "cargo", &doc, &[("RUSTDOCFLAGS", "-D warnings")])?;
    eprintln!("\nall is well");
    Ok(())
}
