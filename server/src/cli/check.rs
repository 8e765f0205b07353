//! `auralis check`: says whether presets are right.

use super::{Failure, Outcome, print};
use auralis_graph::diagnostic::Diagnostics;
use auralis_graph::places::Asset;
use auralis_graph::plan::{Options, Socket, build};
use auralis_graph::{Catalogue, Preset};
use auralis_library as library;
use serde_json::{Value as Json, json};
use std::io::Write;
use std::path::PathBuf;

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
    /// Print as JSON what the presets are made of: their texts, and the files that they name.
    #[arg(long, conflicts_with_all = ["expand", "json"])]
    parts: bool,
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
            let read = loaded.preset(&catalogue).and_then(|preset| {
                if self.parts {
                    rows.push(parts(&loaded, &preset, &catalogue)?);
                }
                Ok(preset)
            });
            let found = match read {
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
        if self.json || self.parts {
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
        } else if self.json || self.parts {
            Ok(())
        } else {
            let (nodes, controls) = (preset.nodes.len(), preset.controls.len());
            print(format!("{}: ok, {nodes} nodes, {controls} controls", loaded.source.name()))
        }
    }
}

/// A preset as it can be carried elsewhere.
fn parts(loaded: &library::Loaded, preset: &Preset, catalogue: &Catalogue) -> Result<Json, Diagnostics> {
    // Only nodes that are prepared tell what they read; in this socket none of them writes.
    let options = Options {
        socket: Socket::Plugin,
        ..Options::render(44_100, preset.settings(), loaded.places.clone())
    };
    let built = build(preset, catalogue, &options)?;
    let named = named(loaded, preset);
    let mut assets = Vec::new();
    for file in built.editor.files() {
        let given = |name: Option<&str>| json!({ "name": name, "path": file.path() });
        let names: Vec<Json> =
            named.iter().filter(|(_, path)| path == file.path()).map(|(name, _)| given(Some(name))).collect();
        // A word may stand for a file, such as that for the machine's own SoundFont.
        assets.extend(if names.is_empty() { vec![given(None)] } else { names });
    }
    assets.sort_by_key(ToString::to_string);
    assets.dedup();
    Ok(json!({
        "title": preset.title(),
        "author": preset.info.author,
        "text": loaded.source.text(),
        "assets": assets,
    }))
}

/// What the text calls files, and where those lie.
fn named<'p>(loaded: &library::Loaded, preset: &'p Preset) -> Vec<(&'p str, PathBuf)> {
    let keys = preset.nodes.iter().filter_map(|node| node.config.json.as_object());
    let words = keys.flat_map(|keys| keys.values()).filter_map(Json::as_str);
    let places = words.flat_map(|word| ["samples", "soundfonts"].map(|folder| (word, folder)));
    let found = places.filter_map(|(word, folder)| match loaded.places.find(word, folder).ok()? {
        Asset::File(path) => Some((word, path.canonicalize().ok()?)),
        Asset::Embedded(_) => None,
    });
    found.collect()
}

fn count(presets: usize) -> String {
    if presets == 1 { "1 preset".into() } else { format!("{presets} presets") }
}
