//! `cargo xtask new-node NAME`: a node to start from, its line in the catalogue, and a test to fill in.

use std::fs;
use std::path::Path;

const NODE: &str = include_str!("../templates/node.rs");
const TEST: &str = include_str!("../templates/test.rs");

/// What to make.
#[derive(clap::Args)]
pub struct Arguments {
    /// The node's type as presets write it: lower-case letters, digits and _, such as `ring_mod`.
    name: String,
}

/// Writes `nodes/src/NAME.rs`, `nodes/tests/NAME.rs` and the lines in `nodes/src/lib.rs`.
///
/// # Errors
/// A name that is not legal or is taken, or what the system says.
pub fn run(arguments: &Arguments, root: &Path) -> Result<(), String> {
    let name = arguments.name.as_str();
    check(name)?;
    let (source, test) = (root.join(format!("nodes/src/{name}.rs")), root.join(format!("nodes/tests/{name}.rs")));
    let folder = root.join("nodes/src").join(name);
    for path in [&source, &test, &folder] {
        if path.exists() {
            return Err(format!("{} is already there", path.display()));
        }
    }
    let list = root.join("nodes/src/lib.rs");
    let failed = |path: &Path| {
        let shown = path.display().to_string();
        move |error: std::io::Error| format!("{shown}: {error}")
    };
    let catalogue = fs::read_to_string(&list).map_err(failed(&list))?;
    let catalogue = enter(&catalogue, name).ok_or("nodes/src/lib.rs has no catalogue where one was expected")?;
    fs::write(&source, fill(NODE, name)).map_err(failed(&source))?;
    fs::write(&test, fill(TEST, name)).map_err(failed(&test))?;
    fs::write(&list, catalogue).map_err(failed(&list))?;
    println!("{}\n{}\n{}", source.display(), test.display(), list.display());
    println!("next: cargo test -p auralis-nodes, then write what it is to be");
    Ok(())
}

fn check(name: &str) -> Result<(), String> {
    let legal = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.starts_with(|c: char| c.is_ascii_lowercase()) && name.bytes().all(legal) && name.len() <= 40 {
        return Ok(());
    }
    Err(format!("`{name}` is no node type: use lower-case letters, digits and _, starting with a letter"))
}

/// `ring_mod` as a Rust type: `RingMod`.
fn type_name(name: &str) -> String {
    let upper = |word: &str| word[..1].to_uppercase() + &word[1..];
    name.split('_').filter(|word| !word.is_empty()).map(upper).collect()
}

fn fill(template: &str, name: &str) -> String {
    template.replace("Template", &type_name(name)).replace("template", name)
}

/// The catalogue with the node's module and line in their alphabetical places.
fn enter(text: &str, name: &str) -> Option<String> {
    let module = format!("mod {name};");
    let line = format!("        Kind::of::<{name}::{}>(),", type_name(name));
    let mut lines: Vec<&str> = text.lines().collect();
    let bare = |line: &str| line.trim_start_matches("pub ").to_string();
    let is_module = |line: &&str| bare(line).starts_with("mod ");
    let after = lines.iter().rposition(|l| is_module(l) && bare(l) < module).map(|index| index + 1);
    let at = after.or_else(|| lines.iter().position(|l| is_module(l)))?;
    lines.insert(at, &module);
    let is_kind = |line: &&str| line.trim_start().starts_with("Kind::of::<");
    let after = lines.iter().rposition(|l| is_kind(l) && *l < line.as_str()).map(|index| index + 1);
    let at = after.or_else(|| lines.iter().position(|l| is_kind(l)))?;
    lines.insert(at, &line);
    Some(lines.join("\n") + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "//! x\n\nmod gain;\npub mod mix;\n\nfn catalogue() {\n    new([\n        Kind::of::<gain::Gain>(),\n        Kind::of::<mix::Mix>(),\n    ])\n}\n";

    #[test]
    fn lines_go_to_their_alphabetical_places() {
        for (name, before) in [("aaa", "mod gain;"), ("hum", "pub mod mix;"), ("zed", "")] {
            let text = enter(LIST, name).unwrap();
            let module = format!("mod {name};\n{before}");
            assert!(text.contains(&module), "{text}");
            let kind = format!("Kind::of::<{name}::{}>(),", type_name(name));
            assert!(text.contains(&kind), "{text}");
        }
    }

    #[test]
    fn names_become_types_and_illegal_ones_are_refused() {
        assert_eq!(type_name("ring_mod"), "RingMod");
        assert!(fill(NODE, "ring_mod").contains("impl Node for RingMod"));
        assert!(fill(TEST, "ring_mod").contains("type: ring_mod"));
        for wrong in ["", "Ring", "1st", "a-b", "é"] {
            assert!(check(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_new_node_is_written_once_and_never_over_another() {
        let root = std::env::temp_dir().join(format!("auralis-new-node-{}", std::process::id()));
        fs::create_dir_all(root.join("nodes/src")).unwrap();
        fs::create_dir_all(root.join("nodes/tests")).unwrap();
        fs::write(root.join("nodes/src/lib.rs"), LIST).unwrap();
        let arguments = Arguments { name: "hum".into() };
        run(&arguments, &root).unwrap();
        assert!(fs::read_to_string(root.join("nodes/src/lib.rs")).unwrap().contains("hum::Hum"));
        assert!(run(&arguments, &root).unwrap_err().contains("already there"));
        fs::remove_dir_all(root).unwrap();
    }
}
