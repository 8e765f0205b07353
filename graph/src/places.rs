//! Where the files that a preset names are looked for. Control side only.

use crate::node::NodeError;
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

/// What is embedded, then folders, in the order in which they are searched.
#[derive(Clone, Default)]
pub struct Places {
    /// Files within the program, by the names that presets give them: an instrument made of a preset carries what that
    /// names. Found before any other, and by whoever may name files at all.
    pub embedded: &'static [(&'static str, &'static [u8])],
    /// Whether a preset is read and built although a file that it names is missing or cannot be read: its node is silent
    /// then, and that is told ([`crate::Preset::warnings`], [`crate::Built::missing`], [`crate::plan::Edited::missing`]).
    pub forgiving: bool,
    /// The folder of the preset's file; none for presets that are not files.
    pub preset: Option<PathBuf>,
    /// The user's folder, with `samples` and `soundfonts` in it.
    pub user: Option<PathBuf>,
    /// Set for presets that came over the network: assets only inside these folders, no absolute paths.
    pub confined: Option<Vec<PathBuf>>,
}

/// A file that a preset names, found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asset {
    /// On the disk.
    File(PathBuf),
    /// Within the program.
    Embedded(Embedded),
}

/// A file within the program. It is the same as another where their bytes are the same in memory.
#[derive(Clone, Copy)]
pub struct Embedded {
    /// What presets call it.
    pub name: &'static str,
    /// What is in it.
    pub bytes: &'static [u8],
}

/// What an asset holds at a time: whatever is made from equal contents is equal, so that it can be shared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Of a file on the disk, as it was then.
    File(Version),
    /// Of a file within the program, as it always is.
    Embedded(Embedded),
}

impl Asset {
    /// What it holds now; to be asked before it is read.
    ///
    /// # Errors
    /// That it cannot be read.
    pub fn content(&self) -> std::io::Result<Content> {
        match self {
            Self::File(path) => Version::of(path).map(Content::File),
            Self::Embedded(embedded) => Ok(Content::Embedded(*embedded)),
        }
    }
}

impl std::fmt::Display for Asset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => path.display().fmt(f),
            Self::Embedded(embedded) => f.write_str(embedded.name),
        }
    }
}

impl Content {
    /// The file, for [`crate::Prepare::reads`]; none of what lies within the program and never changes.
    pub fn version(&self) -> Option<&Version> {
        match self {
            Self::File(version) => Some(version),
            Self::Embedded(_) => None,
        }
    }
}

impl PartialEq for Embedded {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self.bytes, other.bytes)
    }
}

impl Eq for Embedded {}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({} bytes)", self.name, self.bytes.len())
    }
}

impl std::fmt::Debug for Places {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let embedded: Vec<&str> = self.embedded.iter().map(|(name, _)| *name).collect();
        f.debug_struct("Places")
            .field("embedded", &embedded)
            .field("forgiving", &self.forgiving)
            .field("preset", &self.preset)
            .field("user", &self.user)
            .field("confined", &self.confined)
            .finish()
    }
}

/// Why an asset was not found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PlaceError {
    /// There is no such file.
    #[error("there is no file `{name}`; looked in {searched}")]
    Missing {
        /// The name as written.
        name: String,
        /// Where it was looked for, for the reader.
        searched: String,
    },
    /// The preset may not name this file.
    #[error("`{name}` lies outside of the folders that the operator allows")]
    Outside {
        /// The name as written.
        name: String,
    },
}

impl PlaceError {
    /// As the mistake of a node whose key named the file.
    pub fn of_node(&self, key: &'static str) -> NodeError {
        let mistake = NodeError::new(self.to_string()).at(key);
        if matches!(self, Self::Missing { .. }) { mistake.of_file() } else { mistake }
    }
}

impl Places {
    /// Places around a preset's file.
    pub fn beside(preset: &Path) -> Self {
        Self { preset: preset.parent().map(Path::to_path_buf), ..Self::anywhere() }
    }

    /// Places of a preset without a file.
    pub fn anywhere() -> Self {
        Self { user: user_folder(), ..Self::default() }
    }

    /// Whether a mistake leaves its node silent instead of keeping the whole preset from playing.
    pub(crate) fn forgives(&self, mistake: &NodeError) -> bool {
        self.forgiving && mistake.of_file
    }

    /// The file of this very name within the program.
    pub fn embedded(&self, name: &str) -> Option<Embedded> {
        let (name, bytes) = self.embedded.iter().find(|(embedded, _)| *embedded == name)?;
        Some(Embedded { name, bytes })
    }

    /// Finds an asset: within the program, beside the preset, then in `folder` (`samples`, `soundfonts`) of the user's
    /// folder.
    ///
    /// # Errors
    /// Where it was looked for, or that it may not be named.
    pub fn find(&self, name: &str, folder: &str) -> Result<Asset, PlaceError> {
        match self.embedded(name) {
            Some(embedded) => Ok(Asset::Embedded(embedded)),
            None => self.find_file(name, folder).map(Asset::File),
        }
    }

    fn find_file(&self, name: &str, folder: &str) -> Result<PathBuf, PlaceError> {
        let path = Path::new(name);
        if let Some(allowed) = &self.confined {
            return find_confined(name, allowed);
        }
        let mut searched = Vec::new();
        let roots = [self.preset.clone(), self.user.as_ref().map(|user| user.join(folder))];
        for root in roots.into_iter().flatten() {
            // Joining an absolute path gives that path: those are found at once or not at all.
            let candidate = root.join(path);
            if candidate.is_file() {
                return Ok(candidate);
            }
            searched.push(root.display().to_string());
        }
        if path.is_file() && (path.is_absolute() || self.preset.is_none()) {
            return Ok(path.to_path_buf());
        }
        if searched.is_empty() {
            searched.push("the working folder".into());
        }
        Err(PlaceError::Missing { name: name.into(), searched: searched.join(" and ") })
    }
}

/// A file as it was when it was read: one that was written anew is another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Version {
    path: PathBuf,
    written: SystemTime,
    length: u64,
}

impl Version {
    /// Of a file as it is now; to be taken before it is read.
    ///
    /// # Errors
    /// That it cannot be read.
    pub fn of(path: &Path) -> std::io::Result<Self> {
        let about = std::fs::metadata(path)?;
        Ok(Self { path: path.canonicalize()?, written: about.modified()?, length: about.len() })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the file is still the same.
    pub fn is_current(&self) -> bool {
        Self::of(&self.path).is_ok_and(|now| now == *self)
    }
}

fn find_confined(name: &str, allowed: &[PathBuf]) -> Result<PathBuf, PlaceError> {
    let path = Path::new(name);
    let outside = || PlaceError::Outside { name: name.into() };
    if !path.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(outside());
    }
    for root in allowed {
        let candidate = root.join(path);
        if candidate.is_file() {
            // A link may lead out of the folder.
            let inside = candidate.canonicalize().ok().zip(root.canonicalize().ok());
            return inside
                .filter(|(file, root)| file.starts_with(root))
                .map(|(file, _)| file)
                .ok_or_else(outside);
        }
    }
    let searched = allowed.iter().map(|root| root.display().to_string()).collect::<Vec<_>>().join(" and ");
    Err(PlaceError::Missing { name: name.into(), searched })
}

fn variable(name: &str) -> Option<PathBuf> {
    std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from)
}

/// The folder for what a program of the user's keeps from run to run, by the platform's convention; none where the
/// environment names no home.
pub fn state_folder() -> Option<PathBuf> {
    if cfg!(target_os = "windows") {
        return variable("LOCALAPPDATA").map(|root| root.join("Auralis"));
    }
    if cfg!(target_os = "macos") {
        return user_folder().map(|folder| folder.join("stations"));
    }
    let state = variable("XDG_STATE_HOME").filter(|path| path.is_absolute());
    let state = state.or_else(|| variable("HOME").map(|home| home.join(".local/state")));
    state.map(|root| root.join("auralis"))
}

/// The user's Auralis folder by the platform's convention; none where the environment names no home.
pub fn user_folder() -> Option<PathBuf> {
    if cfg!(target_os = "windows") {
        return variable("APPDATA").map(|root| root.join("Auralis"));
    }
    let home = variable("HOME");
    if cfg!(target_os = "macos") {
        return home.map(|home| home.join("Library/Application Support/Auralis"));
    }
    let share = variable("XDG_DATA_HOME").filter(|path| path.is_absolute());
    share.or_else(|| home.map(|home| home.join(".local/share"))).map(|root| root.join("auralis"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn confined_presets_cannot_leave_their_folders() {
        let root = auralis_graph::testing::folder();
        std::fs::create_dir_all(root.join("in")).unwrap();
        std::fs::write(root.join("in/a.wav"), b"x").unwrap();
        std::fs::write(root.join("secret.wav"), b"x").unwrap();
        let places = Places { confined: Some(vec![root.join("in")]), ..Places::default() };
        assert!(places.find("a.wav", "samples").is_ok());
        let absolute = root.join("secret.wav").display().to_string();
        for name in ["../secret.wav", "./../secret.wav", absolute.as_str(), "/etc/passwd"] {
            assert!(matches!(places.find(name, "samples"), Err(PlaceError::Outside { .. })), "{name}");
        }
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(root.join("secret.wav"), root.join("in/link.wav")).unwrap();
            assert!(matches!(places.find("link.wav", "samples"), Err(PlaceError::Outside { .. })));
        }
        assert!(matches!(places.find("b.wav", "samples"), Err(PlaceError::Missing { .. })));
    }

    #[test]
    fn what_is_embedded_is_found_first_and_by_its_very_name_only() {
        static FILES: &[(&str, &[u8])] = &[("a.wav", b"within"), ("../b.wav", b"above")];
        let root = auralis_graph::testing::folder();
        std::fs::write(root.join("a.wav"), b"beside").unwrap();
        let places = Places { embedded: FILES, preset: Some(root.clone()), ..Places::default() };
        let within = |name, bytes| Asset::Embedded(Embedded { name, bytes });
        assert_eq!(places.find("a.wav", "samples").unwrap(), within("a.wav", FILES[0].1));
        assert_eq!(places.find("./a.wav", "samples").unwrap(), Asset::File(root.join("./a.wav")));
        let confined = Places { confined: Some(Vec::new()), ..places };
        assert_eq!(confined.find("../b.wav", "samples").unwrap(), within("../b.wav", FILES[1].1));
        assert!(matches!(confined.find("b.wav", "samples"), Err(PlaceError::Missing { .. })));
    }
}
