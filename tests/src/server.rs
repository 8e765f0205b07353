//! A running `auralis serve`.

use crate::http::agent;
use crate::text::wait_for_line;
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use tempfile::TempDir;

static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let build = escargot::CargoBuild::new().manifest_path(manifest).package("auralis").bin("auralis");
    let run = build.current_release().run().expect("the program `auralis` does not build");
    run.path().to_path_buf()
});

/// The program `auralis`, built from this workspace in the profile of the test or bench that asks.
///
/// # Panics
/// It does not build.
pub fn program() -> &'static Path {
    &PROGRAM
}

/// A station of its own: its presets, its port, nobody else's settings.
pub struct Server {
    child: Child,
    port: u16,
    arguments: Vec<String>,
    home: TempDir,
}

impl Server {
    /// Starts a station on a free port with these presets (name and text) in its user's folder; the first one
    /// plays.
    ///
    /// # Panics
    /// The program does not build or start.
    pub fn start(presets: &[(&str, &str)]) -> Self {
        Self::start_with(presets, &[])
    }

    /// The same, with more arguments for `auralis serve`.
    ///
    /// # Panics
    /// The program does not build or start.
    pub fn start_with(presets: &[(&str, &str)], more: &[&str]) -> Self {
        let home = TempDir::new().expect("no temporary folder");
        let folder = home.path().join("auralis/presets");
        std::fs::create_dir_all(&folder).expect("no folder for presets");
        for (name, text) in presets {
            std::fs::write(folder.join(format!("{name}.yaml")), text).expect("a preset cannot be written");
        }
        let first = presets.first().map(|(name, _)| *name);
        let arguments: Vec<String> = first.iter().chain(more).map(ToString::to_string).collect();
        let (child, port) = launch(&home, &arguments, 0);
        Self { child, port, arguments, home }
    }

    /// Kills the program, as a crash or a power cut does.
    pub fn kill(&mut self) {
        // Both fail only where it is dead already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Starts it anew on the port that it had.
    pub fn restart(&mut self) {
        self.kill();
        (self.child, self.port) = launch(&self.home, &self.arguments, self.port);
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// An address of it, such as `/api/v1/status`.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// What it answers to GET.
    ///
    /// # Panics
    /// It does not answer with JSON.
    pub fn get(&self, path: &str) -> Json {
        let mut answer = agent().get(self.url(path)).call().expect("the station does not answer");
        answer.body_mut().read_json().expect("the answer is no JSON")
    }

    /// Changes something as another listener would, over HTTP.
    ///
    /// # Panics
    /// It refuses.
    pub fn control(&self, change: &Json) {
        let answer = agent().post(self.url("/api/v1/control")).send_json(change);
        let mut answer = answer.expect("the station does not answer");
        let said: Json = answer.body_mut().read_json().expect("the answer is no JSON");
        assert_eq!(said["status"], "updated", "the station refuses {change}: {said}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn launch(home: &TempDir, arguments: &[String], port: u16) -> (Child, u16) {
    let mut child = Command::new(program())
        .args(["serve", "--host", "0.0.0.0", "--port", &port.to_string()])
        .args(arguments)
        .current_dir(home.path())
        .env("XDG_DATA_HOME", home.path())
        .env("NO_COLOR", "1")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program does not start");
    let stderr = child.stderr.take().expect("its standard error is a pipe");
    let port = wait_for_line(stderr, |line| {
        line.split_once(" plays on http://")?.1.rsplit(':').next()?.parse().ok()
    });
    (child, port)
}
