//! What a station keeps over a restart: for each preset a folder with the instant of its position 0 and the journal
//! of what was changed. Read when a preset begins; written by a thread of its own, never by the one that renders.
#![allow(
    clippy::disallowed_types,
    reason = "control threads lock; the render thread does so between quanta, never within"
)]

mod files;
mod keeper;
mod writer;

pub use keeper::{Keeper, Resumed};

use auralis_graph::chance::Chance;
use auralis_library::Loaded;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// Why a station cannot go on from what was kept.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Another process plays from this folder.
    #[error(
        "{folder} is in use by another station{holder}: end that one, or give this one a folder of its own with --state"
    )]
    InUse {
        /// The folder.
        folder: String,
        /// Which process, where it says so.
        holder: String,
    },
    /// A file that is not as a station left it.
    #[error("{file}: {message}; mend it, or move it away to begin without what it says")]
    Damaged {
        /// The file.
        file: String,
        /// What is wrong, and where.
        message: String,
    },
    /// The clock says that the piece has not begun.
    #[error(
        "position 0 is at {epoch}, which is still to come: set the clock, or give --epoch an instant that has passed"
    )]
    Future {
        /// The instant of position 0.
        epoch: String,
    },
    /// The clock says that what was heard is still to come.
    #[error(
        "{folder} has been played up to {end:.0} s, but by the clock and --epoch the piece is at {now:.0} s: set the \
         clock, give another --epoch, or move the folder away to begin anew"
    )]
    Ahead {
        /// The folder.
        folder: String,
        /// Where the journal ends, in seconds since position 0.
        end: f64,
        /// Where the clock is.
        now: f64,
    },
}

/// The states of all presets that a station plays or has played.
#[derive(Debug, Default)]
pub struct States {
    /// The folder around the presets' own; none where nothing is kept.
    root: Option<PathBuf>,
    open: Mutex<BTreeMap<String, Arc<Keeper>>>,
}

impl States {
    /// States below a folder, which need not be there yet.
    pub fn new(root: Option<PathBuf>) -> Self {
        Self { root, open: Mutex::default() }
    }

    /// The state of a preset: what was kept of it, or a new one.
    ///
    /// # Errors
    /// It is in use by another process or damaged. A folder that cannot be read or written is none: it is logged, and
    /// the station plays without it.
    pub fn of(&self, argument: &str, loaded: &Loaded) -> Result<Arc<Keeper>, StateError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let name = name_of(argument, loaded);
        if let Some(keeper) = open.get(&name) {
            return Ok(Arc::clone(keeper));
        }
        let folder = self.root.as_ref().map(|root| root.join(&name));
        let keeper = Arc::new(Keeper::open(folder.as_deref())?);
        open.insert(name, Arc::clone(&keeper));
        Ok(keeper)
    }

    /// Waits until all is written, and lets the folders go.
    pub fn close(&self) {
        let open = std::mem::take(&mut *self.open.lock().unwrap_or_else(PoisonError::into_inner));
        open.values().for_each(|keeper| keeper.close());
    }
}

/// The name of a preset's folder. A file is known by its path, so that files of one name are not mixed up and an
/// edited text is still the same preset; a text from a pipe by what it says; a shipped preset by its name.
fn name_of(argument: &str, loaded: &Loaded) -> String {
    let file = loaded.path.as_deref().filter(|path| path.is_file());
    if let Some(path) = file {
        // Links stay: what is behind one may move with each version, and the preset is the same.
        let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let stem = whole.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        return format!("{}-{}", plain(&stem), mark(&whole.to_string_lossy()));
    }
    if loaded.path.is_some() || argument == "-" {
        return format!("text-{}", mark(loaded.source.text()));
    }
    plain(argument)
}

/// Only what every file system takes in a name.
fn plain(name: &str) -> String {
    let legal = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    name.chars().take(40).map(|letter| if legal(letter) { letter } else { '_' }).collect()
}

/// A few letters that tell texts apart.
fn mark(text: &str) -> String {
    format!("{:016x}", Chance::new(0).named(text).seed())
}

/// How a path is shown.
fn shown(path: &Path) -> String {
    path.display().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use auralis_graph::{Source, places::Places};

    #[test]
    fn presets_of_one_name_are_told_apart_and_edits_are_not() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("other")).unwrap();
        let loaded = |path: &str, text: &str| {
            let path = folder.path().join(path);
            std::fs::write(&path, text).unwrap();
            Loaded { source: Source::new("x", text), places: Places::default(), path: Some(path) }
        };
        let one = name_of("rain.yaml", &loaded("rain.yaml", "a"));
        assert_eq!(one, name_of("./rain.yaml", &loaded("rain.yaml", "b")), "an edit is the same preset");
        assert_ne!(one, name_of("rain.yaml", &loaded("other/rain.yaml", "a")));
        assert!(one.starts_with("rain-"), "{one}");
        let text =
            |text: &str| Loaded { source: Source::new("x", text), places: Places::default(), path: None };
        assert_eq!(name_of("night_drift", &text("a")), "night_drift");
        assert_ne!(name_of("-", &text("a")), name_of("-", &text("b")));
        assert_eq!(name_of("../etc", &text("a")), "___etc");
    }
}
