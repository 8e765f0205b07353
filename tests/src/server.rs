//! A running `auralis serve`.

use crate::http::agent;
use crate::program::{Room, wait};
use crate::text::{Ready, wait_for_line};
use serde_json::Value as Json;
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::mpsc::Receiver;
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A station of its own: its presets, its port, nobody else's settings.
pub struct Server {
    child: Child,
    ready: Ready<u16>,
    arguments: Vec<String>,
    room: Room,
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
        let room = Room::new();
        for (name, text) in presets {
            room.preset(name, text);
        }
        let first = presets.first().map(|(name, _)| *name);
        let arguments: Vec<String> = first.iter().chain(more).map(ToString::to_string).collect();
        let (child, ready) = launch(&room, &arguments, 0);
        Self { child, ready, arguments, room }
    }

    /// Saves another text of a preset of its, as editors do: a new file takes the place of the old one.
    ///
    /// # Panics
    /// The system refuses.
    pub fn save(&self, name: &str, text: &str) {
        let draft = self.room.put("draft.yaml", text);
        let goal = self.room.path(&format!("auralis/presets/{name}.yaml"));
        std::fs::rename(draft, goal).expect("the preset cannot be saved");
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
        (self.child, self.ready) = launch(&self.room, &self.arguments, self.ready.found);
    }

    /// What it said before it listened.
    pub fn said(&self) -> &str {
        &self.ready.before
    }

    /// What it has said since then, or since it was asked last.
    pub fn said_since(&self) -> String {
        self.after().try_iter().map(|line| line + "\n").collect()
    }

    /// Waits until it has said all these words since then, or since it was asked last; gives all of that.
    ///
    /// # Panics
    /// It does not.
    #[track_caller]
    pub fn wait_until_said(&self, words: &[&str]) -> String {
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut said = String::new();
        while !words.iter().all(|word| said.contains(word)) {
            let left = deadline.saturating_duration_since(Instant::now());
            match self.after().recv_timeout(left) {
                Ok(line) => said += &(line + "\n"),
                Err(_) => panic!("{words:?} are not in:\n{said}"),
            }
        }
        said
    }

    fn after(&self) -> MutexGuard<'_, Receiver<String>> {
        self.ready.after.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The room that it runs in.
    pub fn room(&self) -> &Room {
        &self.room
    }

    /// The folder in which it keeps what was changed in a preset.
    ///
    /// # Panics
    /// There is none, or several.
    pub fn state(&self, preset: &str) -> PathBuf {
        let folders = std::fs::read_dir(self.room.path("state/auralis")).expect("there are states");
        let names = folders.map(|entry| entry.expect("a folder can be read").path());
        let is_its = |path: &PathBuf| {
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(&format!("{preset}-")))
        };
        let mut its: Vec<PathBuf> = names.filter(is_its).collect();
        assert_eq!(its.len(), 1, "{its:?}");
        its.remove(0)
    }

    /// Sends it a signal, such as INT or TERM, and waits for its end: the exit status and how long it took.
    ///
    /// # Panics
    /// It does not end within ten seconds.
    pub fn end(&mut self, signal: &str) -> (i32, Duration) {
        let begun = Instant::now();
        crate::program::signal(&self.child, signal);
        let status = wait(&mut self.child, Duration::from_secs(10)).expect("the station does not end");
        (status, begun.elapsed())
    }

    /// Sends it a signal, such as HUP.
    ///
    /// # Panics
    /// It has ended.
    pub fn signal(&self, signal: &str) {
        crate::program::signal(&self.child, signal);
    }

    /// Its number among the processes.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// A figure of its memory that Linux keeps, such as `VmRSS`, in KiB.
    ///
    /// # Panics
    /// It has ended.
    #[cfg(target_os = "linux")]
    pub fn memory(&self, figure: &str) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process()));
        let status = status.expect("the process is there");
        let line = status.lines().find_map(|line| line.strip_prefix(figure)?.strip_prefix(':'));
        let kib = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse().ok());
        kib.unwrap_or_else(|| panic!("no {figure}: {status}"))
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.ready.found
    }

    /// An address of it, such as `/api/v1/status`.
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port())
    }

    /// What it answers to GET.
    ///
    /// # Panics
    /// It does not answer with JSON.
    pub fn get(&self, path: &str) -> Json {
        let mut answer = agent().get(self.url(path)).call().expect("the station does not answer");
        answer.body_mut().read_json().expect("the answer is no JSON")
    }

    /// What it answers to a method with a body: the status and the JSON.
    ///
    /// # Panics
    /// It does not answer with JSON.
    pub fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Json) {
        let request =
            ureq::http::Request::builder().method(method).uri(self.url(path)).body(body.to_string());
        let mut answer = agent().run(request.expect("a request")).expect("the station does not answer");
        let said = answer.body_mut().read_to_string().expect("the answer is no text");
        let json = serde_json::from_str(&said).unwrap_or_else(|_| panic!("{method} {path}: no JSON: {said}"));
        (answer.status().as_u16(), json)
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

fn launch(room: &Room, arguments: &[String], port: u16) -> (Child, Ready<u16>) {
    let mut child = room
        .command()
        .args(["serve", "--host", "0.0.0.0", "--port", &port.to_string()])
        .args(arguments)
        .stdout(Stdio::null())
        .spawn()
        .expect("the program does not start");
    let stderr = child.stderr.take().expect("its standard error is a pipe");
    let port = |line: &str| line.split_once(" plays on http")?.1.rsplit(':').next()?.parse().ok();
    (child, wait_for_line(stderr, port))
}
