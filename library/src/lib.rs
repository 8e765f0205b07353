//! The presets that a name can mean: the user's own, then the shipped ones. Control side.

use auralis_graph::places::{Places, user_folder};
use auralis_graph::{Catalogue, Preset, Source, diagnostic::Diagnostics};
use include_dir::{Dir, include_dir};
use std::io::Read;
use std::path::{Path, PathBuf};

static SHIPPED: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/../presets");

/// The preset that plays where none is named.
pub const DEFAULT: &str = "night_drift";

/// A preset's text and where its assets are looked for.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The text.
    pub source: Source,
    /// Where its assets are.
    pub places: Places,
    /// Its file, if it is one.
    pub path: Option<PathBuf>,
}

/// Why a preset was not found.
#[derive(Debug, thiserror::Error)]
pub enum LibraryError {
    /// A path that cannot be read.
    #[error("cannot read {path}: {error}")]
    Unreadable {
        /// The path.
        path: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// Bytes that are no UTF-8.
    #[error("{path}:{line}:{column}: this is not text; presets are written in UTF-8")]
    NotText {
        /// The path.
        path: String,
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
    },
    /// A name that nobody has.
    #[error("no preset is called `{name}`{hint}")]
    Unknown {
        /// The name.
        name: String,
        /// What it may have been meant to be, or which there are.
        hint: String,
    },
}

/// A preset of the library, for lists.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Listed {
    /// The name by which it is called.
    pub id: String,
    /// Its title.
    pub name: String,
    /// What it is.
    pub description: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Whether it ships with the program; else it is the user's.
    pub shipped: bool,
}

/// Largest text that is read; larger ones are refused by the reader anyway.
const MOST_BYTES: u64 = auralis_graph::yaml::MAX_BYTES as u64 + 1;

/// Finds a preset: a path if it exists or ends in .yaml or .yml (`-` is standard input), else a name, looked for
/// in the user's folder, then among the shipped ones.
///
/// # Errors
/// What cannot be read, or that nothing has this name.
pub fn find(argument: &str) -> Result<Loaded, LibraryError> {
    if argument == "-" {
        let text = read(std::io::stdin().lock(), "standard input")?;
        return Ok(Loaded { source: Source::new("<stdin>", text), places: Places::anywhere(), path: None });
    }
    let path = Path::new(argument);
    // Pipes and devices are read too; a folder that happens to have a preset's name is none.
    let there = path.exists() && !path.is_dir();
    if there || argument.ends_with(".yaml") || argument.ends_with(".yml") {
        return load_file(path);
    }
    if let Some(path) = users().into_iter().find(|(id, _)| id == argument).map(|(_, path)| path) {
        return load_file(&path);
    }
    if let Some(text) = shipped_text(argument) {
        let source = Source::new(format!("{argument}.yaml"), text);
        return Ok(Loaded { source, places: Places::anywhere(), path: None });
    }
    let ids = ids();
    let names: Vec<&str> = ids.iter().map(String::as_str).collect();
    let hint = match auralis_graph::diagnostic::nearest(argument, &names) {
        Some(near) => format!("; did you mean `{near}`?"),
        None => format!("; there are {}", names.join(", ")),
    };
    Err(LibraryError::Unknown { name: argument.chars().take(60).collect(), hint })
}

/// Reads a preset's file.
///
/// # Errors
/// It cannot be read.
pub fn load_file(path: &Path) -> Result<Loaded, LibraryError> {
    let name = path.display().to_string();
    let file = std::fs::File::open(path);
    let file = file.map_err(|error| LibraryError::Unreadable { path: name.clone(), error })?;
    let text = read(file, &name)?;
    Ok(Loaded {
        source: Source::new(name, text),
        places: Places::beside(path),
        path: Some(path.to_path_buf()),
    })
}

fn read(from: impl Read, name: &str) -> Result<String, LibraryError> {
    let unreadable = |error| LibraryError::Unreadable { path: name.into(), error };
    let mut bytes = Vec::new();
    from.take(MOST_BYTES).read_to_end(&mut bytes).map_err(unreadable)?;
    let whole = bytes.len() < MOST_BYTES as usize;
    match String::from_utf8(bytes) {
        Ok(text) => Ok(text),
        // Cut at the limit, perhaps within a letter: the reader refuses it for its size.
        Err(error) if !whole => Ok(String::from_utf8_lossy(error.as_bytes()).into_owned()),
        Err(error) => {
            let right = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let line = right.iter().filter(|byte| **byte == b'\n').count() + 1;
            let start = right.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let column = String::from_utf8_lossy(&right[start..]).chars().count() + 1;
            Err(LibraryError::NotText { path: name.into(), line, column })
        }
    }
}

impl Loaded {
    /// Reads the preset.
    ///
    /// # Errors
    /// All mistakes.
    pub fn preset(&self, catalogue: &Catalogue) -> Result<Preset, Diagnostics> {
        Preset::read(&self.source, catalogue, &self.places)
    }
}

/// The text of a shipped preset.
pub fn shipped_text(id: &str) -> Option<&'static str> {
    SHIPPED.get_file(format!("{id}.yaml"))?.contents_utf8()
}

/// The names of the shipped presets, sorted.
pub fn shipped() -> Vec<String> {
    let mut ids: Vec<String> = SHIPPED.files().filter_map(|file| id_of(file.path())).collect();
    ids.sort();
    ids
}

/// The user's folder of presets, if the environment names a home.
pub fn users_folder() -> Option<PathBuf> {
    user_folder().map(|folder| folder.join("presets"))
}

/// The user's presets, sorted by name.
fn users() -> Vec<(String, PathBuf)> {
    let entries = users_folder().and_then(|folder| std::fs::read_dir(folder).ok());
    let paths = entries.into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let mut found: Vec<(String, PathBuf)> = paths.filter_map(|path| Some((id_of(&path)?, path))).collect();
    found.sort();
    found
}

fn id_of(path: &Path) -> Option<String> {
    let ending = path.extension()?.to_str()?;
    matches!(ending, "yaml" | "yml").then(|| path.file_stem()?.to_str().map(str::to_string)).flatten()
}

/// All names, the user's first, each once.
pub fn ids() -> Vec<String> {
    let mut ids: Vec<String> = users().into_iter().map(|(id, _)| id).collect();
    for id in shipped() {
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    ids
}

/// The user's presets that cannot be read, by name.
pub fn broken(catalogue: &Catalogue) -> Vec<String> {
    let reads = |id: &str| find(id).ok().is_some_and(|loaded| loaded.preset(catalogue).is_ok());
    users().into_iter().map(|(id, _)| id).filter(|id| !reads(id)).collect()
}

/// All presets that can be read, with what they say of themselves.
pub fn list(catalogue: &Catalogue) -> Vec<Listed> {
    let own: Vec<String> = users().into_iter().map(|(id, _)| id).collect();
    ids()
        .into_iter()
        .filter_map(|id| {
            let preset = find(&id).ok()?.preset(catalogue).ok()?;
            let name = preset.title().to_string();
            let description = preset.info.description.clone().unwrap_or_default();
            let shipped = !own.contains(&id);
            Some(Listed { id, name, description, tags: preset.info.tags.clone(), shipped })
        })
        .collect()
}
