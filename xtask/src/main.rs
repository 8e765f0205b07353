//! Chores of the project: `cargo xtask NAME`. One module a chore; no logic that the product needs lives here.

mod soundfont;

use clap::{Parser, Subcommand};
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
    /// Makes the default SoundFont, and the sampler's own sound, from their recipe.
    Soundfont(soundfont::Arguments),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().chore {
        Chore::Soundfont(arguments) => soundfont::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}
