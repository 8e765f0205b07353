//! Says which instrument is built: the general one, or the one whose folder `AURALIS_INSTRUMENT` names, as
//! `cargo xtask bundle --preset` writes it. `src/identity.rs` includes what this makes.

use serde_json::Value as Json;
use std::fmt::Write;
use std::path::Path;
use std::{env, fs};

const VARIABLE: &str = "AURALIS_INSTRUMENT";

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed={VARIABLE}");
    let identity = match env::var(VARIABLE) {
        Ok(folder) if !folder.is_empty() => made(Path::new(&folder)),
        _ => general(),
    };
    let out = env::var("OUT_DIR").expect("cargo gives build scripts a folder");
    fs::write(Path::new(&out).join("identity.rs"), identity).expect("cargo's folder can be written");
}

fn general() -> String {
    identity("Auralis", "Auralis", "org.auralis.instrument", *b"AuralisInstrumen", "None")
}

fn identity(name: &str, vendor: &str, clap: &str, vst3: [u8; 16], made: &str) -> String {
    format!(
        "pub const NAME: &str = {name:?};\npub const VENDOR: &str = {vendor:?};\npub const CLAP_ID: &str = {clap:?};\n\
         pub const VST3_ID: [u8; 16] = {vst3:?};\npub const MADE: Option<super::Made> = {made};\n"
    )
}

fn made(folder: &Path) -> String {
    let manifest = folder.join("instrument.json");
    println!("cargo:rerun-if-changed={}", manifest.display());
    let text = fs::read_to_string(&manifest).unwrap_or_else(|error| {
        panic!("{}: {error}; {VARIABLE} is set by cargo xtask bundle", manifest.display())
    });
    let manifest: Json = serde_json::from_str(&text).expect("cargo xtask bundle writes JSON");
    let word = |value: &Json| value.as_str().expect("cargo xtask bundle writes all keys").to_string();
    // What the compiler includes it looks at by itself, but not before the build script.
    let file = |value: &Json| {
        let path = word(value);
        println!("cargo:rerun-if-changed={path}");
        path
    };
    let mut assets = String::new();
    for asset in manifest["assets"].as_array().into_iter().flatten() {
        let _ = write!(assets, "({:?}, include_bytes!({:?})), ", word(&asset["name"]), file(&asset["file"]));
    }
    let preset = file(&manifest["preset"]);
    let made = format!("Some(super::Made {{ text: include_str!({preset:?}), assets: &[{assets}] }})");
    let hex = word(&manifest["vst3_id"]);
    let digits = u128::from_str_radix(&hex, 16).expect("an id is 16 bytes in hexadecimal");
    let [name, vendor, clap] = ["name", "vendor", "clap_id"].map(|key| word(&manifest[key]));
    identity(&name, &vendor, &clap, digits.to_be_bytes(), &made)
}
