//! What the tests need from the system: installed where that is possible, else named.

use crate::shell;
use std::path::Path;

/// A program or header, and the Debian package that has it.
struct Need {
    there: fn() -> bool,
    packages: &'static [&'static str],
    what: &'static str,
}

const NEEDS: &[Need] = &[
    Need {
        there: || shell::is_there("chromium") && shell::is_there("chromedriver"),
        packages: &["chromium", "chromium-driver"],
        what: "Chromium and its driver, for the browser test",
    },
    Need { there: || shell::is_there("node"), packages: &["nodejs"], what: "Node.js, for the client's unit tests" },
    Need {
        there: || shell::is_there("fluidsynth"),
        packages: &["fluidsynth"],
        what: "FluidSynth, to hear the default SoundFont with other ears",
    },
    Need {
        there: || Path::new("/usr/include/alsa/asoundlib.h").exists() || !cfg!(target_os = "linux"),
        packages: &["libasound2-dev"],
        what: "the ALSA headers, for `auralis play`",
    },
    Need {
        there: || shell::is_there("pkg-config") || !cfg!(target_os = "linux"),
        packages: &["pkg-config"],
        what: "pkg-config, which finds the ALSA headers",
    },
];

/// Makes sure that everything is there.
///
/// # Errors
/// What is missing, where it cannot be installed from here.
pub fn run(root: &Path) -> Result<(), String> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !(need.there)()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let packages: Vec<&str> = missing.iter().flat_map(|need| need.packages).copied().collect();
    if shell::is_there("apt-get") && is_root(root) {
        shell::run(root, "apt-get", &["update", "--quiet"], &[])?;
        let mut arguments = vec!["install", "--yes", "--quiet", "--no-install-recommends"];
        arguments.extend(&packages);
        return shell::run(root, "apt-get", &arguments, &[("DEBIAN_FRONTEND", "noninteractive")]);
    }
    let list: Vec<String> =
        missing.iter().map(|need| format!("  {} (Debian: {})", need.what, need.packages.join(" "))).collect();
    Err(format!("the tests need:\n{}\ninstall them, or run this as root on Debian", list.join("\n")))
}

fn is_root(root: &Path) -> bool {
    shell::output(root, "id", &["-u"]).is_ok_and(|id| id.trim() == "0")
}
