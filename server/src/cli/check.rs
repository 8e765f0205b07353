//! `auralis check`: says whether presets are right.

use super::{Failure, Outcome, print};
use auralis_graph::Preset;
use auralis_library as library;
use std::io::Write;

/// Check presets and say what is wrong with them.
///
/// All mistakes are shown at once, each with its place and what would be right. The exit status is 1 if any
/// preset has a mistake; warnings do not count.
#[derive(Debug, clap::Args)]
pub struct Check {
    /// Presets: files, or names of the library, or - for standard input.
    #[arg(required = true, value_name = "PRESET")]
    presets: Vec<String>,
    /// Print the canonical form: every value spelled out.
    #[arg(long, conflicts_with = "json")]
    expand: bool,
    /// Print the diagnostics as a JSON array.
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(super) fn run(self) -> Outcome {
        let catalogue = auralis_nodes::catalogue();
        let (mut wrong, mut missing) = (0, 0);
        let mut rows = Vec::new();
        for argument in &self.presets {
            let loaded = match library::find(argument) {
                Ok(loaded) => loaded,
                Err(error) => {
                    missing += 1;
                    let _ = writeln!(anstream::stderr(), "error: {error}\n");
                    continue;
                }
            };
            let found = match loaded.preset(&catalogue) {
                Ok(preset) => {
                    self.right(&loaded, &preset)?;
                    preset.warnings
                }
                Err(mistakes) => {
                    wrong += 1;
                    mistakes
                }
            };
            if self.json {
                rows.extend(found.to_json().as_array().cloned().unwrap_or_default());
            } else if !found.is_empty() {
                let _ = writeln!(anstream::stderr(), "{}\n", found.render(true));
            }
        }
        if self.json {
            print(serde_json::to_string_pretty(&rows).unwrap_or_default())?;
        }
        let mistaken = format!("{} {} mistakes", count(wrong), if wrong == 1 { "has" } else { "have" });
        let unread = format!("{} could not be read", count(missing));
        match (wrong, missing) {
            (0, 0) => Ok(()),
            (0, _) => Err(Failure::Message(unread)),
            (_, 0) => Err(Failure::Message(mistaken)),
            _ => Err(Failure::Message(format!("{mistaken}, {unread}"))),
        }
    }

    fn right(&self, loaded: &library::Loaded, preset: &Preset) -> Outcome {
        if self.expand {
            print(preset.expand().trim_end())
        } else if self.json {
            Ok(())
        } else {
            let (nodes, controls) = (preset.nodes.len(), preset.controls.len());
            print(format!("{}: ok, {nodes} nodes, {controls} controls", loaded.source.name()))
        }
    }
}

fn count(presets: usize) -> String {
    if presets == 1 { "1 preset".into() } else { format!("{presets} presets") }
}
