//! The instrument as a program of its own: JACK, the system's own audio, or none at all (`--backend dummy`).

use auralis_plugin::plugin::Auralis;
use nice_plug::prelude::nice_export_standalone;
use std::process::ExitCode;

fn main() -> ExitCode {
    if nice_export_standalone::<Auralis>() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
