//! Where the user's own presets are written. Control side.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

/// The file of a name in the user's folder of presets.
///
/// # Errors
/// What would be a name, or that there is no folder.
pub fn file_of(folder: Option<&Path>, name: &str) -> Result<PathBuf, &'static str> {
    let name = name.trim();
    if !is_name(name) {
        return Err("a name has letters, digits, spaces, - and _");
    }
    let folder = folder.ok_or("there is no folder for presets: the environment names no home")?;
    Ok(folder.join(format!("{name}.yaml")))
}

/// Whether files can be called so everywhere, inside of any folder.
fn is_name(name: &str) -> bool {
    let fine = |c: char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    !name.is_empty() && name.len() <= 120 && name.chars().all(fine)
}

/// Writes a text, whole or not at all: until it is on the disk the file stays as it was.
///
/// # Errors
/// What the system says.
pub fn write(path: &Path, text: &str) -> std::io::Result<()> {
    // What is a link stays one.
    let path = path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let aside = path.with_extension("yaml.part");
    let written = File::create(&aside).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    let moved = written.and_then(|()| fs::rename(&aside, &path));
    if moved.is_err() {
        let _ = fs::remove_file(&aside);
    }
    moved
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let long = "x".repeat(121);
        for name in ["", " ", "../x", "a/b", "a\\b", ".hidden", "x.yaml", "c:d", "a\nb", &long] {
            assert!(file_of(Some(Path::new("own")), name).unwrap_err().contains("letters"), "{name:?}");
        }
        for name in ["Night Drift", "piece_2", "über-all", "夜", " My Piece "] {
            let file = format!("own/{}.yaml", name.trim());
            assert_eq!(file_of(Some(Path::new("own")), name), Ok(file.into()), "{name}");
        }
        assert!(file_of(None, "x").unwrap_err().contains("no folder"));
    }

    #[test]
    fn a_file_is_written_whole_or_stays_as_it_was() {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("presets/mine.yaml");
        write(&path, "one").unwrap();
        // Who has the old file open keeps it whole: it is another one, and not this one cut short and filled anew.
        let old = folder.path().join("old");
        fs::hard_link(&path, &old).unwrap();
        write(&path, "two").unwrap();
        assert_eq!(
            (fs::read_to_string(&path).unwrap(), fs::read_to_string(&old).unwrap()),
            ("two".into(), "one".into())
        );
        let taken = folder.path().join("presets/taken.yaml");
        fs::create_dir(&taken).unwrap();
        assert!(write(&taken, "three").is_err());
        let mut names: Vec<_> = fs::read_dir(folder.path().join("presets"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        names.sort();
        assert_eq!(names, ["mine.yaml", "taken.yaml"], "nothing is left aside");
    }
}
