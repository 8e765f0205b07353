//! What the tests need from the system: installed where that is possible, else named.

use crate::bundle::target_folder;
use crate::{python, shell};
use std::path::Path;

/// A program or header, and the Debian package that has it.
struct Need {
    there: fn() -> bool,
    packages: &'static [&'static str],
    what: &'static str,
}

const LINUX: bool = cfg!(target_os = "linux");

const NEEDS: &[Need] = &[
    Need {
        there: || shell::is_there("chromium") && shell::is_there("chromedriver"),
        packages: &["chromium", "chromium-driver"],
        what: "Chromium and its driver, for the browser test",
    },
    Need {
        there: || shell::is_there("node"),
        packages: &["nodejs"],
        what: "Node.js, for the client's unit tests",
    },
    Need {
        there: || shell::is_there("fluidsynth"),
        packages: &["fluidsynth"],
        what: "FluidSynth, to hear the default SoundFont with other ears",
    },
    Need {
        there: || ["ffmpeg", "ffprobe", "mpv"].iter().all(|player| shell::is_there(player)),
        packages: &["ffmpeg", "mpv"],
        what: "ffmpeg and mpv, to hear the station's streams with other ears",
    },
    Need {
        there: || shell::is_there("promtool"),
        packages: &["prometheus"],
        what: "promtool, which reads the station's figures as Prometheus does",
    },
    Need {
        there: || Path::new("/usr/include/alsa/asoundlib.h").exists() || !LINUX,
        packages: &["libasound2-dev"],
        what: "the ALSA headers, for `auralis play` and the instrument as a program",
    },
    Need {
        there: || Path::new("/usr/include/jack/jack.h").exists() || !LINUX,
        packages: &["libjack-jackd2-dev"],
        what: "the JACK headers, for the instrument as a program",
    },
    Need {
        there: || shell::is_there("pkg-config") || !LINUX,
        packages: &["pkg-config"],
        what: "pkg-config, which finds the headers",
    },
    Need {
        there: || shell::is_there("ardour7-lua") || !LINUX,
        packages: &["ardour"],
        what: "Ardour, to play the instrument in a session of a real host",
    },
    Need {
        there: || there_is("qtractor/qtractor_plugin_scan") || !LINUX,
        packages: &["qtractor"],
        what: "Qtractor, whose scanner reads our CLAP",
    },
    Need {
        there: || shell::is_there("Xvfb") && shell::is_there("openbox") || !LINUX,
        packages: &["xvfb", "openbox"],
        what: "a display that nobody sees and its window manager, for the instrument's editor",
    },
    Need {
        there: || {
            ["libGL.so.1", "libxkbcommon-x11.so.0", "dri/swrast_dri.so"].iter().all(|file| there_is(file))
                || !LINUX
        },
        packages: &["libgl1", "libgl1-mesa-dri", "libxkbcommon-x11-0"],
        what: "what a window without a graphics card is drawn by",
    },
    Need {
        there: || there_is("libxcb.so") || !LINUX,
        packages: &["libxcb1-dev"],
        what: "the headers of XCB, which the tests' VST3 host links",
    },
    Need {
        there: || shell::is_there("xwd") && shell::is_there("convert") || !LINUX,
        packages: &["x11-apps", "imagemagick"],
        what: "what takes pictures of windows",
    },
    Need {
        there: || shell::succeeds(Path::new("."), python::PYTHON, &["-c", "import venv, ensurepip"]),
        packages: &["python3", "python3-venv"],
        what: "Python with its module venv, for hosts and tests that are its packages",
    },
];

/// Makes sure that everything is there.
///
/// # Errors
/// What is missing, where it cannot be installed from here.
pub fn run(root: &Path) -> Result<(), String> {
    let missing: Vec<&Need> = NEEDS.iter().filter(|need| !(need.there)()).collect();
    if !missing.is_empty() {
        install(root, &missing)?;
    }
    python::set_up(root, &target_folder(root)?)
}

fn install(root: &Path, missing: &[&Need]) -> Result<(), String> {
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

/// Whether a file is there in one of the folders of libraries, which differ with the processor.
fn there_is(file: &str) -> bool {
    let folders = std::fs::read_dir("/usr/lib").into_iter().flatten().flatten();
    folders.map(|folder| folder.path().join(file)).any(|path| path.exists())
}

fn is_root(root: &Path) -> bool {
    shell::output(root, "id", &["-u"]).is_ok_and(|id| id.trim() == "0")
}
