//! The program `auralis`, run to its end in a room of its own.

use serde_json::Value as Json;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// No command takes longer; one that does hangs.
const PATIENCE: Duration = Duration::from_secs(60);

static PROGRAM: LazyLock<PathBuf> = LazyLock::new(|| {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.toml");
    let build = escargot::CargoBuild::new().manifest_path(manifest).package("auralis").bin("auralis");
    let build = if cfg!(feature = "play") { build.features("play") } else { build };
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

/// A folder to work in, with a user's folder of presets in it; nobody else's settings reach it.
pub struct Room(TempDir);

/// What a run of the program left behind.
#[derive(Debug)]
pub struct Said {
    /// The exit status; 128 and the signal's number where one killed it.
    pub status: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

impl Default for Room {
    fn default() -> Self {
        Self::new()
    }
}

impl Room {
    /// An empty room.
    ///
    /// # Panics
    /// The system has no temporary folder.
    pub fn new() -> Self {
        let folder = TempDir::new().expect("no temporary folder");
        std::fs::create_dir_all(folder.path().join("auralis/presets")).expect("no folder for presets");
        Self(folder)
    }

    /// A path in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Puts a file into it.
    ///
    /// # Panics
    /// The system refuses.
    pub fn put(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::write(&path, contents).expect("a file cannot be written");
        path
    }

    /// Puts a preset into the user's folder, where its name finds it.
    pub fn preset(&self, name: &str, text: &str) {
        self.put(&format!("auralis/presets/{name}.yaml"), text);
    }

    /// The bytes of a file in it.
    ///
    /// # Panics
    /// It is not there.
    pub fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The program, to be started in this room.
    pub fn command(&self) -> Command {
        let mut command = Command::new(program());
        let foreign = std::env::vars_os().map(|(name, _)| name);
        for name in foreign.filter(|name| name.to_string_lossy().to_uppercase().starts_with("AURALIS_")) {
            command.env_remove(name);
        }
        command.current_dir(self.0.path()).env("NO_COLOR", "1");
        command.env("XDG_DATA_HOME", self.0.path()).env("XDG_STATE_HOME", self.path("state"));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Runs the program with these arguments.
    pub fn run(&self, arguments: &[&str]) -> Said {
        finish(self.command().args(arguments))
    }

    /// The same, with something on its standard input.
    pub fn feed(&self, arguments: &[&str], input: &[u8]) -> Said {
        let mut child =
            self.command().args(arguments).stdin(Stdio::piped()).spawn().expect("it does not start");
        let mut stdin = child.stdin.take().expect("its standard input is a pipe");
        let input = input.to_vec();
        // The program may end without reading it all.
        std::thread::spawn(move || stdin.write_all(&input).ok());
        collect(child)
    }
}

/// Starts a command and waits for its end.
///
/// # Panics
/// It does not start or does not end.
pub fn finish(command: &mut Command) -> Said {
    collect(command.spawn().expect("the program does not start"))
}

/// Waits for the end of a program whose output and errors are pipes.
///
/// # Panics
/// It does not end.
pub fn collect(mut child: Child) -> Said {
    let drain = |pipe: Option<Box<dyn Read + Send>>| {
        let mut bytes = Vec::new();
        std::thread::spawn(move || {
            // A pipe that breaks has said all that it will.
            let _ = pipe.map(|mut pipe| pipe.read_to_end(&mut bytes));
            bytes
        })
    };
    let out = drain(child.stdout.take().map(|pipe| Box::new(pipe) as _));
    let err = drain(child.stderr.take().map(|pipe| Box::new(pipe) as _));
    let status = wait(&mut child, PATIENCE).unwrap_or_else(|| {
        let _ = child.kill();
        let said = err.is_finished();
        panic!("the program hangs (standard error closed: {said})")
    });
    let text = |reader: std::thread::JoinHandle<Vec<u8>>| {
        String::from_utf8_lossy(&reader.join().expect("reading a pipe failed")).into_owned()
    };
    Said { status, out: text(out), err: text(err) }
}

/// Sends a program a signal, such as INT for Ctrl-C.
///
/// # Panics
/// It has ended.
pub fn signal(child: &Child, signal: &str) {
    let sent = Command::new("kill").args(["-s", signal, &child.id().to_string()]).status();
    assert!(sent.is_ok_and(|status| status.success()), "SIG{signal} cannot be sent");
}

/// Waits for a program's end; none if it takes longer.
///
/// # Panics
/// The system does not know the program.
pub fn wait(child: &mut Child, patience: Duration) -> Option<i32> {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(status) = child.try_wait().expect("the system knows its children") {
            return Some(code(status));
        }
        if Instant::now() > deadline {
            return None;
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn code(status: ExitStatus) -> i32 {
    #[cfg(unix)]
    let signal = std::os::unix::process::ExitStatusExt::signal(&status);
    #[cfg(not(unix))]
    let signal: Option<i32> = None;
    status.code().or(signal.map(|signal| 128 + signal)).unwrap_or(-1)
}

impl Said {
    /// Holds that the work was done, and gives what was printed.
    ///
    /// # Panics
    /// It was not; the message has what was said.
    #[track_caller]
    pub fn ok(&self) -> &str {
        assert_eq!(self.status, 0, "{}", self.err);
        &self.out
    }

    /// Holds that the work failed with this status, and that standard error has all these words and no panic.
    ///
    /// # Panics
    /// Otherwise.
    #[track_caller]
    pub fn says(&self, status: i32, words: &[&str]) {
        assert_eq!(self.status, status, "out: {}\nerr: {}", self.out, self.err);
        for word in words {
            assert!(self.err.contains(word), "`{word}` is not in:\n{}", self.err);
        }
        assert!(!self.err.contains("panicked"), "{}", self.err);
    }

    /// The same, and that standard output stayed empty.
    ///
    /// # Panics
    /// Otherwise.
    #[track_caller]
    pub fn fails(&self, status: i32, words: &[&str]) {
        self.says(status, words);
        assert_eq!(self.out, "", "results and errors are mixed");
    }

    /// What was printed, as JSON.
    ///
    /// # Panics
    /// It is none.
    #[track_caller]
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }
}
