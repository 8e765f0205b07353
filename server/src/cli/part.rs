//! A file that is written beside its goal and moved there once it is whole.

use super::{Failure, Outcome};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// What is written so far; dropped, it is gone, and what stood at the goal before stays.
pub struct Part {
    file: NamedTempFile,
    goal: PathBuf,
}

impl Part {
    /// Begins a file for a goal.
    ///
    /// # Errors
    /// The goal is a folder, or its folder cannot be written to.
    pub fn of(goal: &Path) -> Result<Self, Failure> {
        if goal.is_dir() {
            return Err(refuse(goal, "it is a folder"));
        }
        let folder = goal.parent().filter(|folder| !folder.as_os_str().is_empty());
        let mut prefix = goal.file_name().unwrap_or_default().to_os_string();
        prefix.push(".");
        let mut builder = tempfile::Builder::new();
        builder.prefix(&prefix).suffix(".part");
        #[cfg(unix)]
        {
            // As the user's mask has it, like any other file.
            use std::os::unix::fs::PermissionsExt;
            builder.permissions(std::fs::Permissions::from_mode(0o666));
        }
        let file =
            builder.tempfile_in(folder.unwrap_or(Path::new("."))).map_err(|error| refuse(goal, error))?;
        Ok(Self { file, goal: goal.to_path_buf() })
    }

    /// Where it is written.
    pub fn path(&self) -> &Path {
        self.file.path()
    }

    /// Moves it to its goal.
    ///
    /// # Errors
    /// What the system says; then it is gone.
    pub fn keep(self) -> Outcome {
        self.file.persist(&self.goal).map_err(|error| refuse(&self.goal, error.error))?;
        Ok(())
    }
}

/// That a goal cannot be written.
pub fn refuse(goal: &Path, why: impl std::fmt::Display) -> Failure {
    Failure::Message(format!("cannot write {}: {why}", goal.display()))
}
