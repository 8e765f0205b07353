//! The `auralis` program.

fn main() -> std::process::ExitCode {
    auralis::cli::run()
}
