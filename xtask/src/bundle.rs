//! `cargo xtask bundle`: the instrument as the files that hosts load, and instruments made of presets.

use crate::instrument::{GENERAL, Piece};
use crate::shell;
use serde_json::Value as Json;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The package that all instruments are built from.
const PACKAGE: &str = "auralis-plugin";
/// What its build script reads: the folder of the instrument that is made; the general one without it.
const VARIABLE: &str = "AURALIS_INSTRUMENT";

#[derive(clap::Args)]
pub struct Arguments {
    /// The package; auralis-plugin is the only one.
    #[arg(value_name = "PACKAGE", default_value = PACKAGE, value_parser = [PACKAGE])]
    package: String,
    #[command(flatten)]
    build: Build,
    /// Where the bundles go, in the place of target/bundled.
    #[arg(long, value_name = "FOLDER")]
    into: Option<PathBuf>,
}

/// What is built, and how.
#[derive(clap::Args)]
pub struct Build {
    /// Optimised, as it is given to others.
    #[arg(long)]
    release: bool,
    /// Features of the package: `standalone` adds the program.
    #[arg(long, value_name = "FEATURES", value_delimiter = ',')]
    features: Vec<String>,
    /// For another system, such as x86_64-pc-windows-msvc.
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
    #[command(flatten)]
    piece: Piece,
}

/// What was built: files, and folders that are one thing to a host. While it is there nobody else builds, as it would
/// take their place.
pub struct Made {
    /// Where they lie.
    pub paths: Vec<PathBuf>,
    _lock: File,
}

/// Runs the chore, and prints where the bundles lie and how large they are.
///
/// # Errors
/// The instrument cannot be what was asked for, or cannot be built.
pub fn run(arguments: &Arguments, root: &Path) -> Result<(), String> {
    let target = target_folder(root)?;
    // Whoever gives a folder means it as seen from where they are.
    let into = arguments.into.clone().unwrap_or_else(|| target.join("bundled"));
    let into = std::path::absolute(&into).map_err(|error| format!("{}: {error}", into.display()))?;
    let made = arguments.build.make(root, &target)?;
    for path in &made.paths {
        let Some(name) = path.file_name() else { continue };
        let to = into.join(name);
        replace(path, &to)?;
        println!("{} ({:.1} MB)", to.display(), bytes(&to)? as f64 / 1e6);
    }
    Ok(())
}

/// The folder that cargo builds into.
///
/// # Errors
/// Cargo does not say.
pub fn target_folder(root: &Path) -> Result<PathBuf, String> {
    let said = shell::output(root, "cargo", &["metadata", "--no-deps", "--format-version", "1", "--locked"])?;
    let said: Json = serde_json::from_str(&said).map_err(|error| format!("cargo metadata: {error}"))?;
    let folder = said["target_directory"].as_str().ok_or("cargo metadata names no target folder")?;
    Ok(folder.into())
}

impl Build {
    /// The same for release.
    pub fn released(self) -> Self {
        Self { release: true, ..self }
    }

    /// Builds, once nobody else does.
    ///
    /// # Errors
    /// The instrument cannot be what was asked for, or cannot be built.
    pub fn make(&self, root: &Path, target: &Path) -> Result<Made, String> {
        let rooms = target.join("instruments");
        fs::create_dir_all(&rooms).map_err(|error| format!("{}: {error}", rooms.display()))?;
        // All instruments are built as the same files, so that one is out of the way before the next is built.
        let lock = rooms.join("lock");
        let held = File::create(&lock).and_then(|file| file.lock().map(|()| file));
        let held = held.map_err(|error| format!("{}: {error}", lock.display()))?;

        let (name, room) = match self.piece.write(root, &rooms)? {
            Some((name, room)) => (name, Some(room)),
            None => (GENERAL.to_string(), None),
        };
        self.cargo(root, room.as_deref())?;
        let room = room.unwrap_or_else(|| rooms.join("general"));
        Ok(Made { paths: self.bundle(target, &room, &name)?, _lock: held })
    }

    fn cargo(&self, root: &Path, instrument: Option<&Path>) -> Result<(), String> {
        let mut command = Command::new("cargo");
        command.args(["build", "--locked", "--package", PACKAGE]).current_dir(root);
        if self.release {
            command.arg("--release");
        }
        if !self.features.is_empty() {
            command.args(["--features", &self.features.join(",")]);
        }
        if let Some(triple) = &self.target {
            command.args(["--target", triple]);
        }
        match instrument {
            Some(folder) => command.env(VARIABLE, folder),
            None => command.env_remove(VARIABLE),
        };
        let status = command.status().map_err(|error| format!("cargo: {error}"))?;
        if status.success() { Ok(()) } else { Err(format!("{PACKAGE} does not build ({status})")) }
    }

    /// Bundles what was built. The bundler takes the name from `bundler.toml` in the working folder, and what it
    /// bundles from a target folder: `room` is made to be both.
    fn bundle(&self, target: &Path, room: &Path, name: &str) -> Result<Vec<PathBuf>, String> {
        let triple = self.target.as_deref();
        let built =
            target.join(triple.unwrap_or_default()).join(if self.release { "release" } else { "debug" });
        let staged = room.join(triple.unwrap_or_default()).join("debug");
        let bundled = room.join("bundled");
        for folder in [&staged, &bundled] {
            let emptied =
                fs::remove_dir_all(folder).or_else(absent).and_then(|()| fs::create_dir_all(folder));
            emptied.map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        let library = PACKAGE.replace('-', "_");
        let mut files = ["lib_.so", "lib_.dylib", "_.dll"]
            .map(|file| [file.replace('_', &library), String::new()])
            .to_vec();
        if self.features.iter().any(|feature| feature == "standalone") {
            // The bundler looks for programs by the name of the library.
            files.extend(
                ["", ".exe"].map(|ending| [format!("{PACKAGE}{ending}"), format!("{library}{ending}")]),
            );
        }
        for [file, staged_as] in files {
            let (from, to) =
                (built.join(&file), staged.join(if staged_as.is_empty() { file } else { staged_as }));
            fs::copy(&from, &to)
                .map(|_| ())
                .or_else(absent)
                .map_err(|error| format!("{}: {error}", from.display()))?;
        }
        let config = format!("[{PACKAGE}]\nname = {}\n", Json::from(name));
        fs::write(room.join("bundler.toml"), config)
            .map_err(|error| format!("{}: {error}", room.display()))?;
        std::env::set_current_dir(room).map_err(|error| format!("{}: {error}", room.display()))?;
        let arguments: Vec<String> =
            triple.into_iter().flat_map(|triple| ["--target".into(), triple.into()]).collect();
        nice_plug_xtask::bundle(room, PACKAGE, &arguments, false).map_err(|error| format!("{error:#}"))?;
        let entries = fs::read_dir(&bundled).map_err(|error| format!("{}: {error}", bundled.display()))?;
        let mut made: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
        made.sort();
        Ok(made)
    }
}

fn absent(error: std::io::Error) -> std::io::Result<()> {
    if error.kind() == std::io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

/// Copies a file or folder to where another version of it may lie. A file that is the same already is left alone: a
/// host may have it open, and knows it by its time.
///
/// # Errors
/// What the system refuses.
pub fn replace(from: &Path, to: &Path) -> Result<(), String> {
    if from.is_dir() {
        for entry in fs::read_dir(from).map_err(|error| format!("{}: {error}", from.display()))? {
            let entry = entry.map_err(|error| format!("{}: {error}", from.display()))?;
            replace(&entry.path(), &to.join(entry.file_name()))?;
        }
        return Ok(());
    }
    if fs::read(to).is_ok_and(|there| fs::read(from).is_ok_and(|new| new == there)) {
        return Ok(());
    }
    let folder = to.parent().unwrap_or(Path::new("."));
    // Beside it first: hosts that run keep the file that they have open, and none sees half of the new one.
    let mut beside = to.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let copied = fs::create_dir_all(folder)
        .and_then(|()| fs::copy(from, &beside))
        .and_then(|_| fs::rename(&beside, to));
    copied.map_err(|error| format!("{}: {error}", to.display()))
}

/// The bytes of a file, or of all in a folder.
fn bytes(path: &Path) -> Result<u64, String> {
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    if !path.is_dir() {
        return Ok(fs::metadata(path).map_err(failed)?.len());
    }
    let entries = fs::read_dir(path).map_err(failed)?;
    entries.map(|entry| bytes(&entry.map_err(failed)?.path())).sum()
}
