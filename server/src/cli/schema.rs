//! `auralis schema`: the preset format for editors.

use super::{Outcome, print};

/// Print the JSON Schema of presets, for editors that check and complete YAML.
///
/// For example, in a preset's first line: `# yaml-language-server: $schema=auralis.schema.json`.
#[derive(Debug, clap::Args)]
pub struct Schema {}

impl Schema {
    pub(super) fn run(self) -> Outcome {
        let schema = auralis_graph::preset::json_schema(&auralis_nodes::catalogue());
        print(serde_json::to_string_pretty(&schema).unwrap_or_default())
    }
}
