//! What an instrument of its own is: a name, a vendor, ids that stay, a preset with all its files. Written as a folder
//! that the package's build script (`plugin/build.rs`) reads.

use crate::shell;
use serde_json::{Value as Json, json};
use std::fs;
use std::path::{Path, PathBuf};

/// The name of the general instrument.
pub const GENERAL: &str = "Auralis";
/// Who makes instruments of presets that name no author.
const VENDOR: &str = "Auralis";
/// Most characters of a name: VST3 has room for 63.
const LONGEST: usize = 60;

/// The preset that an instrument is made of; the general instrument without one.
#[derive(clap::Args)]
pub struct Piece {
    /// Makes an instrument of its own of this preset: a file, or a name of the library.
    #[arg(long, value_name = "PRESET")]
    preset: Option<String>,
    /// What hosts call it; by default the preset's name. Its ids follow from it and the vendor.
    #[arg(long, requires = "preset")]
    name: Option<String>,
    /// Who makes it; by default the preset's author.
    #[arg(long, requires = "preset")]
    vendor: Option<String>,
}

/// An instrument's ids.
#[derive(Debug, PartialEq, Eq)]
struct Ids {
    /// For folders.
    slug: String,
    clap: String,
    /// 16 bytes in hexadecimal.
    vst3: String,
}

impl Piece {
    /// Writes what the build script reads into a folder of its own below `rooms`. Gives the name and the folder; none
    /// for the general instrument.
    ///
    /// # Errors
    /// The preset has mistakes, or a name is none that every system takes.
    pub fn write(&self, root: &Path, rooms: &Path) -> Result<Option<(String, PathBuf)>, String> {
        let Some(preset) = &self.preset else { return Ok(None) };
        let parts = parts(root, preset)?;
        let text = |key: &str| parts[key].as_str().unwrap_or_default();
        let name = self.name.as_deref().unwrap_or(text("title"));
        check("name", name)?;
        let author = Some(text("author")).filter(|author| !author.is_empty());
        let vendor = self.vendor.as_deref().or(author).unwrap_or(VENDOR);
        check("vendor", vendor)?;
        let ids = Ids::of(name, vendor);
        if name.eq_ignore_ascii_case(GENERAL) {
            return Err(format!("`{name}` is the general instrument's name: give another with --name"));
        }

        let room = rooms.join("made").join(&ids.slug);
        let assets = room.join("assets");
        let failed = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
        fs::create_dir_all(&assets).map_err(|error| failed(&assets, error))?;
        let mut rows = Vec::new();
        for (number, asset) in parts["assets"].as_array().into_iter().flatten().enumerate() {
            let path = Path::new(asset["path"].as_str().unwrap_or_default());
            let Some(named) = asset["name"].as_str() else {
                let what = "is the machine's own and cannot be part of an instrument";
                return Err(format!("`{}` {what}: name a file in the preset", path.display()));
            };
            let file = assets.join(number.to_string());
            keep(&file, &fs::read(path).map_err(|error| failed(path, error))?)?;
            rows.push(json!({ "name": named, "file": file }));
        }
        let piece = room.join("preset.yaml");
        keep(&piece, text("text").as_bytes())?;
        let manifest = json!({
            "name": name,
            "vendor": vendor,
            "clap_id": ids.clap,
            "vst3_id": ids.vst3,
            "preset": piece,
            "assets": rows,
        });
        keep(&room.join("instrument.json"), format!("{manifest:#}\n").as_bytes())?;
        Ok(Some((name.to_string(), room)))
    }
}

/// What a preset is made of, as the program says; it says its mistakes on standard error.
fn parts(root: &Path, preset: &str) -> Result<Json, String> {
    // A file is meant as seen from where the command was given; the program runs in the project's root.
    let file = std::path::absolute(preset).ok().filter(|path| path.exists());
    let preset = file.map_or(preset.to_string(), |path| path.display().to_string());
    let said = shell::auralis(root, &["check", "--parts", &preset])
        .map_err(|_| format!("`{preset}` cannot be made an instrument, for the reason above"))?;
    let said: Json =
        serde_json::from_str(&said).map_err(|error| format!("auralis check --parts: {error}"))?;
    Ok(said[0].clone())
}

/// Writes a file, but where it has these bytes already: what is older than the build is not built anew.
fn keep(path: &Path, bytes: &[u8]) -> Result<(), String> {
    if fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    fs::write(path, bytes).map_err(|error| format!("{}: {error}", path.display()))
}

/// Whether every system and host takes a name.
fn check(what: &str, name: &str) -> Result<(), String> {
    let right = format!("a {what} has 1 to {LONGEST} characters");
    let length = name.chars().count();
    if length == 0 || length > LONGEST {
        return Err(format!("{right}, not {length}: give another with --{what}"));
    }
    if let Some(bad) = name.chars().find(|c| c.is_control() || r#"/\:*?"<>|"#.contains(*c)) {
        let bad = bad.escape_default();
        return Err(format!(
            r#"{right}, and none that files cannot have (/ \ : * ? " < > |): `{bad}` is one"#
        ));
    }
    if name.starts_with([' ', '.']) || name.ends_with([' ', '.']) {
        return Err(format!("a {what} neither begins nor ends with a space or a full stop: `{name}` does"));
    }
    Ok(())
}

impl Ids {
    /// They follow from name and vendor alone, so that sessions find the instrument in every later version. Case and
    /// punctuation do not count.
    fn of(name: &str, vendor: &str) -> Self {
        let (slug, maker) = (slug(name), slug(vendor));
        let hash = blake3::hash(format!("{maker}\n{slug}").as_bytes());
        Self {
            clap: format!("org.auralis.instrument.{maker}.{slug}"),
            vst3: hash.to_hex()[..32].to_string(),
            slug: format!("{maker}.{slug}"),
        }
    }
}

/// A name in small ASCII letters, digits and dashes. One with other letters has a hash besides.
fn slug(name: &str) -> String {
    let small = name.to_lowercase();
    let words = |counts: fn(char) -> bool| -> String {
        let words = small.split(|c| !counts(c)).filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join("-")
    };
    let (whole, plain) = (words(char::is_alphanumeric), words(|c| c.is_ascii_alphanumeric()));
    if whole == plain && !plain.is_empty() {
        return plain;
    }
    let hash = blake3::hash(whole.as_bytes()).to_hex();
    let parts = [plain.as_str(), &hash[..8]];
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_follow_from_name_and_vendor_and_never_change() {
        let ids = Ids::of("Night Drift", "Auralis");
        assert_eq!(ids.clap, "org.auralis.instrument.auralis.night-drift");
        // Sessions hang on it: where this fails, the recipe of ids was changed and must not be.
        assert_eq!(ids.vst3, "1c08b4147ff352c8780389dc41cfcf45");
        assert_eq!(Ids::of("night  drift!", "AURALIS"), ids);
        assert_ne!(Ids::of("Night Drift", "Somebody").vst3, ids.vst3);
        assert_ne!(Ids::of("Nacht Drift", "Auralis").vst3, ids.vst3);
        let far = slug("夜");
        assert!(far.len() == 8 && far != slug("昼"), "{far}");
        assert_ne!(slug("Über"), slug("Ober"));
        // Case and punctuation do not count in other letters either.
        assert_eq!((slug("über!"), slug("Très  Doux")), (slug("Über"), slug("TRÈS-DOUX")));
        assert!(slug("Über").starts_with("ber-") && slug("!").len() == 8, "{} {}", slug("Über"), slug("!"));
    }

    #[test]
    fn names_that_some_system_cannot_take_are_refused_with_the_reason() {
        for name in ["Night Drift", "Très Doux", "夜", "7", &"n".repeat(60)] {
            assert_eq!(check("name", name), Ok(()), "{name}");
        }
        for (name, reason) in [
            ("", "1 to 60 characters, not 0"),
            (&*"n".repeat(61), "not 61: give another with --name"),
            ("a/b", "`/` is one"),
            ("a\\b", "`\\\\` is one"),
            ("a\nb", "`\\n` is one"),
            ("..", "neither begins nor ends with"),
            ("a ", "neither begins nor ends with"),
        ] {
            let said = check("name", name).unwrap_err();
            assert!(said.contains(reason), "{said}");
        }
    }
}
