//! Where the files that a preset names are looked for. Control side only.

use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

/// Folders in the order in which they are searched.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// The folder of the preset's file; none for presets that are not files.
    pub preset: Option<PathBuf>,
    /// The user's folder, with `samples` and `soundfonts` in it.
    pub user: Option<PathBuf>,
    /// Set for presets that came over the network: assets only inside these folders, no absolute paths.
    pub confined: Option<Vec<PathBuf>>,
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

impl Places {
    /// Places around a preset's file.
    pub fn beside(preset: &Path) -> Self {
        Self { preset: preset.parent().map(Path::to_path_buf), user: user_folder(), confined: None }
    }

    /// Places of a preset without a file.
    pub fn anywhere() -> Self {
        Self { preset: None, user: user_folder(), confined: None }
    }

    /// Finds an asset: beside the preset, then in `folder` (`samples`, `soundfonts`) of the user's folder.
    ///
    /// # Errors
    /// Where it was looked for, or that it may not be named.
    pub fn find(&self, name: &str, folder: &str) -> Result<PathBuf, PlaceError> {
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
}
