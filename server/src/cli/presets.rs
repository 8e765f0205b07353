//! `auralis presets`: the library.

use super::{Failure, Outcome, print};
use auralis_library as library;
use std::io::Write;

/// List the presets of the library, or copy a shipped one to edit it.
#[derive(Debug, clap::Args)]
pub struct Presets {
    /// Copy this shipped preset into your own folder, where it can be edited.
    #[arg(long, value_name = "NAME")]
    copy: Option<String>,
}

impl Presets {
    pub(super) fn run(self) -> Outcome {
        if let Some(id) = self.copy {
            return copy(&id);
        }
        let catalogue = auralis_nodes::catalogue();
        let list = library::list(&catalogue);
        let widest = list.iter().map(|preset| preset.id.len()).max().unwrap_or(0);
        for preset in &list {
            let whose = if preset.shipped { "" } else { "(yours) " };
            let tags =
                if preset.tags.is_empty() { String::new() } else { format!(" [{}]", preset.tags.join(", ")) };
            let words = first_sentence(&preset.description);
            print(format!("{:widest$}  {whose}{}: {words}{tags}", preset.id, preset.name))?;
        }
        for id in library::broken(&catalogue) {
            let _ = writeln!(anstream::stderr(), "{id} (yours) has mistakes: see `auralis check {id}`");
        }
        Ok(())
    }
}

fn first_sentence(text: &str) -> &str {
    let text = text.trim();
    text.find(". ").map_or(text, |end| &text[..=end])
}

fn copy(id: &str) -> Outcome {
    let Some(text) = library::shipped_text(id) else {
        let names = library::shipped().join(", ");
        return Err(Failure::Message(format!("no shipped preset is called `{id}`; there are {names}")));
    };
    let none =
        || Failure::Message("no folder for your presets: neither HOME nor XDG_DATA_HOME is set".into());
    let folder = library::users_folder().ok_or_else(none)?;
    let failed =
        |error: std::io::Error| Failure::Message(format!("cannot write to {}: {error}", folder.display()));
    std::fs::create_dir_all(&folder).map_err(failed)?;
    let path = folder.join(format!("{id}.yaml"));
    if path.exists() {
        return Err(Failure::Message(format!("{} is already there; it was left as it is", path.display())));
    }
    std::fs::write(&path, text).map_err(failed)?;
    print(path.display())
}
