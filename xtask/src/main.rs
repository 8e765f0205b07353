//! Chores of the project: `cargo xtask NAME`. One module a chore; no logic that the product needs lives here.

mod bench;
mod bundle;
mod docs;
mod install;
mod instrument;
mod new_node;
mod proof;
mod python;
mod setup;
mod shell;
mod soundfont;
mod test;

use clap::{Parser, Subcommand};
use std::path::Path;
use std::process::ExitCode;

/// Chores of the Auralis project.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Builds the instrument as CLAP and VST3, or one of its own of a preset.
    Bundle(bundle::Arguments),
    /// Builds it and puts it where hosts look for a user's plugins.
    Install(install::Arguments),
    /// Runs the benches and prints the figures that the project promises, the peers' beside them.
    Bench,
    /// Feeds what reads presets, and what listeners say, with made-up bytes until it falls; needs a nightly toolchain and
    /// cargo-fuzz.
    Fuzz(proof::Fuzz),
    /// Runs the models of what threads hand to each other, in every order that there is.
    Loom,
    /// Runs what Miri can of the tests of unsafe code; needs a nightly toolchain with Miri.
    Miri,
    /// Plays a station's day in fast motion, with an edit each minute: memory must not grow.
    Soak(proof::Soak),
    /// Measures how evenly the audio thread computes a graph that takes half of one core.
    Steady(proof::Steady),
    /// Writes docs/nodes.md and docs/preset.schema.json, as the program prints them.
    Docs,
    /// Writes a node to start from, its line in the catalogue, and a test to fill in.
    NewNode(new_node::Arguments),
    /// Makes the default SoundFont, and the sampler's own sound, from their recipe.
    Soundfont(soundfont::Arguments),
    /// Formatting, clippy, all tests, the pages in docs and the docs build; installs what they need.
    Test,
}

fn main() -> ExitCode {
    // The crate lies in the project's root.
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."));
    let done = match Arguments::parse().chore {
        Chore::Bench => bench::run(root),
        Chore::Bundle(arguments) => bundle::run(&arguments, root),
        Chore::Install(arguments) => install::run(arguments, root),
        Chore::Docs => docs::run(root),
        Chore::Fuzz(fuzz) => fuzz.run(root),
        Chore::Loom => proof::loom(root),
        Chore::Miri => proof::miri(root),
        Chore::Soak(soak) => soak.run(root),
        Chore::Steady(steady) => steady.run(root),
        Chore::NewNode(arguments) => new_node::run(&arguments, root),
        Chore::Soundfont(arguments) => soundfont::run(&arguments),
        Chore::Test => test::run(root),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
