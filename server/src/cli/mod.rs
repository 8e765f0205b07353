//! The command line: one file a command. Exit status 0 is success, 1 that the work failed, 2 wrong use. Errors
//! go to standard error, results to standard output.

mod check;
mod graph;
mod log;
mod nodes;
mod part;
mod play;
mod presets;
mod render;
mod schema;
mod serve;
mod signals;
mod summary;
mod token;

use auralis_graph::diagnostic::Diagnostics;
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};
use std::io::{ErrorKind, IsTerminal, Write};
use std::process::ExitCode;

/// Living music from a text file.
#[derive(Debug, Parser)]
#[command(
    name = "auralis",
    version,
    about = "Living music from a text file",
    long_about = "Auralis turns a YAML file, the preset, into music that never ends and never repeats.\n\n\
        Start with `auralis serve` and open http://localhost:8000, or make a file with\n\
        `auralis render night_drift -o drift.flac --length 5m`.",
    after_help = "A PRESET is a path if it exists or ends in .yaml, `-` for standard input, else a name: see `auralis presets`.",
    arg_required_else_help = true
)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Render(Box<render::Render>),
    Play(play::Play),
    Check(check::Check),
    Nodes(nodes::Nodes),
    Schema(schema::Schema),
    Graph(graph::Graph),
    Presets(presets::Presets),
    Token(token::Token),
    Completions(Completions),
}

/// Print completions for a shell.
///
/// For example: `auralis completions bash > ~/.local/share/bash-completion/completions/auralis`.
#[derive(Debug, clap::Args)]
struct Completions {
    /// The shell.
    shell: clap_complete::Shell,
}

/// Why a command did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// What went wrong, for the reader.
    #[error("{0}")]
    Message(String),
    /// Mistakes in a preset; they are shown with their places.
    #[error("the preset has mistakes")]
    Mistakes(Box<Diagnostics>),
    /// Whoever read our output has gone: no failure of ours.
    #[error("the reader is gone")]
    ReaderGone,
}

impl From<Diagnostics> for Failure {
    fn from(mistakes: Diagnostics) -> Self {
        Self::Mistakes(Box::new(mistakes))
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == ErrorKind::BrokenPipe {
            Self::ReaderGone
        } else {
            Self::Message(error.to_string())
        }
    }
}

impl From<auralis_library::LibraryError> for Failure {
    fn from(error: auralis_library::LibraryError) -> Self {
        Self::Message(error.to_string())
    }
}

/// What a command gives back.
type Outcome = Result<(), Failure>;

/// Reads the command line, does the work, and says how it went.
pub fn run() -> ExitCode {
    let matches = Arguments::command().get_matches();
    let arguments = Arguments::from_arg_matches(&matches).unwrap_or_else(|error| error.exit());
    let outcome = match arguments.command {
        Command::Serve(command) => command.run(),
        Command::Render(command) => command.run(),
        Command::Play(command) => command.run(),
        Command::Check(command) => command.run(),
        Command::Nodes(command) => command.run(),
        Command::Schema(command) => command.run(),
        Command::Graph(command) => command.run(),
        Command::Presets(command) => command.run(),
        Command::Token(command) => command.run(),
        Command::Completions(command) => command.run(),
    };
    match outcome {
        Ok(()) | Err(Failure::ReaderGone) => ExitCode::SUCCESS,
        Err(failure) => {
            complain(&failure);
            ExitCode::FAILURE
        }
    }
}

fn complain(failure: &Failure) {
    let mut stderr = anstream::stderr();
    // When even standard error is gone there is nobody left to tell.
    let _ = match failure {
        Failure::Mistakes(mistakes) => writeln!(stderr, "{}", mistakes.render(true)),
        failure => writeln!(stderr, "error: {failure}"),
    };
}

/// Shows what is probably not as meant.
fn show_warnings(warnings: &Diagnostics) {
    if !warnings.is_empty() {
        let _ = writeln!(anstream::stderr(), "{}\n", warnings.render(true));
    }
}

/// Writes a result to standard output.
fn print(text: impl std::fmt::Display) -> Outcome {
    let mut stdout = anstream::stdout();
    writeln!(stdout, "{text}")?;
    stdout.flush()?;
    Ok(())
}

/// Whether progress can be shown to somebody.
fn on_terminal() -> bool {
    std::io::stderr().is_terminal()
}

impl Completions {
    fn run(self) -> Outcome {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Arguments::command(), "auralis", &mut script);
        std::io::stdout().write_all(&script)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }
}
