//! `cargo xtask install`: puts the instrument where hosts look for it.

use crate::bundle::{Build, replace, target_folder};
use std::path::{Path, PathBuf};

#[derive(clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    build: Build,
}

/// Builds for release, copies the bundles to the user's folders, and says where they are.
///
/// # Errors
/// It cannot be built, the system names no home, or a folder cannot be written.
pub fn run(arguments: Arguments, root: &Path) -> Result<(), String> {
    let folders = Folders::of(|name| std::env::var_os(name).map(PathBuf::from))?;
    let made = arguments.build.released().make(root, &target_folder(root)?)?;
    for path in &made.paths {
        let Some(name) = path.file_name() else { continue };
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
        let to = match ending {
            "clap" => folders.clap.join(name),
            "vst3" => folders.vst3.join(name),
            _ => {
                println!("{} (a program: it goes wherever you want it)", path.display());
                continue;
            }
        };
        replace(path, &to)?;
        println!("{}", to.display());
    }
    Ok(())
}

/// Where hosts look for a user's plugins.
#[derive(Debug, PartialEq, Eq)]
struct Folders {
    clap: PathBuf,
    vst3: PathBuf,
}

impl Folders {
    /// By the system's convention.
    fn of(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<Self, String> {
        let (name, below) = if cfg!(target_os = "windows") {
            ("LOCALAPPDATA", ["Programs/Common/CLAP", "Programs/Common/VST3"])
        } else if cfg!(target_os = "macos") {
            ("HOME", ["Library/Audio/Plug-Ins/CLAP", "Library/Audio/Plug-Ins/VST3"])
        } else {
            ("HOME", [".clap", ".vst3"])
        };
        let home = variable(name).filter(|path| path.is_absolute());
        let home =
            home.ok_or(format!("{name} names no folder: set it, or copy what `cargo xtask bundle` makes"))?;
        let [clap, vst3] = below.map(|folder| home.join(folder));
        Ok(Self { clap, vst3 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plugins_go_where_the_system_keeps_them_and_nowhere_without_a_home() {
        let home = std::env::temp_dir();
        let folders = Folders::of(|_| Some(home.clone())).unwrap();
        let below = |path: &Path| path.strip_prefix(&home).unwrap().display().to_string().replace('\\', "/");
        let expected = if cfg!(target_os = "windows") {
            ["Programs/Common/CLAP", "Programs/Common/VST3"]
        } else if cfg!(target_os = "macos") {
            ["Library/Audio/Plug-Ins/CLAP", "Library/Audio/Plug-Ins/VST3"]
        } else {
            [".clap", ".vst3"]
        };
        assert_eq!([below(&folders.clap), below(&folders.vst3)], expected);
        for none in [None, Some(PathBuf::from("not/absolute"))] {
            let said = Folders::of(|_| none.clone()).unwrap_err();
            assert!(said.contains("names no folder") && said.contains("cargo xtask bundle"), "{said}");
        }
    }
}
