//! The instrument's own thread: it reads pieces, builds engines or edits the one that plays, hands them to the audio
//! thread, and drops what comes back. It ends with its instance, before the library can be unloaded.

#[cfg(test)]
mod tests;

use crate::desk::{Desk, Job, Outcome, Scene, Setup};
use crate::player::{Orphans, Patch, Running, Stage};
use crate::reading::{Asset, Piece, Reading};
use auralis_graph::command::Report;
use auralis_graph::diagnostic::Diagnostics;
use auralis_graph::node::Pace;
use auralis_graph::places::Version;
use auralis_graph::plan::{EditError, Editor, Options, Socket, build};
use auralis_graph::settings::Settings;
use auralis_graph::{Built, Controller};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

/// How often what plays is looked after.
const LOOK: Duration = Duration::from_millis(200);

/// The thread; it ends when this is dropped.
pub struct Builder {
    desk: Arc<Desk>,
    thread: Option<JoinHandle<()>>,
}

impl Builder {
    /// Starts a thread for an instance.
    pub fn start(desk: &Arc<Desk>, stage: &Arc<Stage>) -> Self {
        let work = Work {
            desk: Arc::clone(desk),
            stage: Arc::clone(stage),
            read: None,
            playing: None,
            known: HashMap::new(),
            compared: (0, Vec::new()),
            seed: 0,
        };
        let thread = std::thread::Builder::new().name("auralis-builder".into()).spawn(move || work.run());
        if let Err(error) = &thread {
            tracing::error!("no thread to build on: {error}");
            desk.end();
        }
        Self { desk: Arc::clone(desk), thread: thread.ok() }
    }
}

impl Drop for Builder {
    fn drop(&mut self) {
        self.desk.end();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Ends the desk's waiting however its thread ends.
struct Ending(Arc<Desk>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// What the thread knows.
struct Work {
    desk: Arc<Desk>,
    stage: Arc<Stage>,
    /// The last piece that was read without mistakes, and its number.
    read: Option<(u64, Piece, Arc<Reading>)>,
    playing: Option<Playing>,
    /// Hashes of files.
    known: HashMap<PathBuf, (Version, String)>,
    /// The piece whose files were compared last, and what was found then: once it plays, a session knows the files of now.
    compared: (u64, Vec<String>),
    /// The seed that was asked for when it was last looked at.
    seed: u64,
}

/// What plays.
struct Playing {
    number: u64,
    piece: Piece,
    reading: Arc<Reading>,
    setup: Setup,
    editor: Editor,
    controller: Controller,
    /// The seed that it was built with.
    seed: u64,
    failed: BTreeMap<String, String>,
    /// What is silent for want of a file.
    missing: Vec<String>,
}

impl Work {
    fn run(mut self) {
        let _ending = Ending(Arc::clone(&self.desk));
        loop {
            match self.desk.next_job(LOOK) {
                Job::End => return self.stage.sweep(true),
                Job::Look => self.guarded(0, Self::look),
                Job::Build { version, number, piece, reading, setup } => {
                    let saved = piece.assets.clone();
                    self.guarded(number, |work| work.bring(number, piece, reading, setup));
                    self.desk.settle(version);
                    // Large files take their time, and nobody is to wait for that.
                    self.guarded(number, |work| work.compare(&saved));
                }
            }
            self.stage.sweep(false);
        }
    }

    /// Does something; a panic in what reads and prepares, as of a file that a decoder cannot bear, ends only that.
    fn guarded(&mut self, number: u64, work: impl FnOnce(&mut Self)) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| work(self))) {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or(panic.downcast_ref::<&str>().copied()).unwrap_or("no reason was given");
            let notice = format!(
                "this text cannot be built, by a mistake of Auralis itself ({said}); what played goes on: leave out what \
                 was added last"
            );
            self.desk.note_outcome(Outcome { number, notices: vec![notice], ..Outcome::default() });
        }
    }

    /// Looks after what plays.
    fn look(&mut self) {
        let Some(playing) = &mut self.playing else { return };
        playing.editor.balance();
        if playing.listen() {
            self.desk.note_scene(playing.scene());
        }
        let (offline, reading) = (playing.setup.offline, Arc::clone(&playing.reading));
        let seed = self.settings(&reading).seed;
        let rests = std::mem::replace(&mut self.seed, seed) == seed;
        let Some(playing) = self.playing.as_ref().filter(|playing| playing.seed != seed) else { return };
        if rests && !offline {
            // Composers follow by themselves, but the chance of all other nodes is drawn when they are made. A session
            // is to sound as it will when it is opened again.
            let (number, piece, setup) = (playing.number, playing.piece.clone(), playing.setup);
            if self.play(number, &piece, &reading, setup).is_err()
                && let Some(playing) = &mut self.playing
            {
                playing.seed = seed;
            }
        }
    }

    /// Brings what plays to a piece and a setup, or says why not.
    fn bring(&mut self, number: u64, piece: Piece, reading: Option<Arc<Reading>>, setup: Option<Setup>) {
        let mut outcome = Outcome { number, ..Outcome::default() };
        if self.read.as_ref().is_none_or(|(read, ..)| *read != number) {
            let read = || Reading::of(&piece, &self.desk.catalogue).map(Arc::new);
            match reading.map_or_else(read, Ok) {
                Ok(reading) => {
                    self.desk.note_reading(number, &reading);
                    self.read = Some((number, piece, reading));
                }
                Err(mistakes) => outcome.mistakes = Some(Arc::new(mistakes)),
            }
        }
        // Where the newest text has mistakes, the last one without plays on, in another setup too.
        if let (Some(setup), Some((number, piece, reading))) = (setup, self.read.clone()) {
            match self.play(number, &piece, &reading, setup) {
                Ok(()) => {
                    outcome.notices =
                        self.playing.as_ref().map_or(Vec::new(), |playing| playing.missing.clone());
                }
                Err(mistakes) => {
                    outcome.mistakes.get_or_insert(Arc::new(*mistakes));
                }
            }
            outcome.warnings = Some(reading.preset.warnings.clone()).filter(|w| !w.is_empty()).map(Arc::new);
        }
        self.desk.note_outcome(outcome);
    }

    fn play(
        &mut self,
        number: u64,
        piece: &Piece,
        reading: &Arc<Reading>,
        setup: Setup,
    ) -> Result<(), Box<Diagnostics>> {
        let settings = self.settings(reading);
        let Some(mut before) = self.playing.take() else {
            self.playing = Some(self.start(number, piece, reading, setup)?);
            return Ok(());
        };
        if before.setup == setup {
            let same_metre = before.reading.preset.settings().meter == settings.meter;
            let same_seed = before.seed == settings.seed;
            let done = if before.number == number && same_seed {
                Ok(true)
            } else if piece.continues(&before.piece) && same_metre && same_seed {
                self.edit(&mut before, number, piece, reading, settings)
            } else {
                Ok(false)
            };
            if !matches!(done, Ok(false)) {
                self.playing = Some(before);
                return done.map(|_| ());
            }
        }
        match self.start(number, piece, reading, setup) {
            Ok(playing) => {
                self.playing = Some(playing);
                Ok(())
            }
            Err(mistakes) => {
                // What played before goes on, be it at another rate.
                if before.setup != setup {
                    before = self.start(before.number, &before.piece, &before.reading, setup)?;
                }
                self.playing = Some(before);
                Err(mistakes)
            }
        }
    }

    /// The settings with which a piece begins: its own, as far as the host's parameters and its tempo do not say others.
    fn settings(&self, reading: &Reading) -> Settings {
        let written = reading.preset.settings();
        let settings = self.desk.wishes().map_or(written, |wishes| wishes.settings(written));
        Settings { tempo: self.desk.gauges.tempo().unwrap_or(settings.tempo), ..settings }
    }

    /// Turns what plays into a further text. Returns whether it could: an engine that does not render takes a few edits
    /// only.
    fn edit(
        &self,
        playing: &mut Playing,
        number: u64,
        piece: &Piece,
        reading: &Arc<Reading>,
        settings: Settings,
    ) -> Result<bool, Box<Diagnostics>> {
        playing.listen();
        let sounding = playing.controller.settings(settings);
        let failed: BTreeSet<String> = playing.failed.keys().cloned().collect();
        let (preset, places) = (&reading.preset, piece.places());
        let edited = playing.editor.edit(preset, &self.desk.catalogue, sounding, places, &failed);
        let edited = match edited {
            Ok(edited) => edited,
            Err(EditError::Busy) => return Ok(false),
            Err(EditError::Mistakes(mistakes)) => return Err(mistakes),
        };
        let controller = &edited.controller;
        let orphans = Orphans::of(&playing.reading, reading, controller);
        let patch = Patch::new(reading, controller.clone(), edited.tail, edited.latency, edited.voices);
        let patch = Patch { orphans, ..patch };
        (playing.controller, playing.number) = (edited.controller, number);
        (playing.piece, playing.reading) = (piece.clone(), Arc::clone(reading));
        playing.failed.clear();
        playing.missing = edited.missing;
        self.desk.note_scene(playing.scene());
        Ok(self.stage.edit(patch))
    }

    /// Builds an engine.
    fn start(
        &self,
        number: u64,
        piece: &Piece,
        reading: &Arc<Reading>,
        setup: Setup,
    ) -> Result<Playing, Box<Diagnostics>> {
        let settings = self.settings(reading);
        let options = Options {
            socket: Socket::Plugin,
            pace: if setup.offline { Pace::Offline } else { Pace::RealTime },
            // A host has threads of its own, and its tracks on them; ours would be in their way, and in that of
            // a library that is unloaded.
            threads: 1,
            ..Options::render(setup.sample_rate, settings, piece.places())
        };
        let built = build(&reading.preset, &self.desk.catalogue, &options);
        let built = built.map_err(Box::new)?;
        let Built { engine, controller, editor, tail, missing, voices, .. } = built;
        let patch = Patch::new(reading, controller.clone(), tail, engine.latency(), voices);
        let running = Running::new(engine, patch, self.desk.wishes().as_ref());
        self.stage.start(running);
        let playing = Playing {
            number,
            piece: piece.clone(),
            reading: Arc::clone(reading),
            setup,
            editor,
            controller,
            seed: settings.seed,
            failed: BTreeMap::new(),
            missing,
        };
        self.desk.note_scene(playing.scene());
        Ok(playing)
    }

    /// Keeps the hashes of the files that a piece is made from, and says which are not those that it was made from when
    /// its session was saved.
    fn compare(&mut self, saved: &[Asset]) {
        let Some(playing) = &self.playing else { return };
        let files: Vec<Version> = playing.editor.files().cloned().collect();
        let number = playing.number;
        if self.compared.0 == number {
            return self.desk.add_notices(self.compared.1.iter().cloned());
        }
        let mut assets: Vec<Asset> = Vec::new();
        for file in files {
            let path = file.path().to_path_buf();
            let known = self.known.get(&path).filter(|(version, _)| *version == file);
            let hash = match known {
                Some((_, hash)) => hash.clone(),
                None => {
                    let Ok(hash) = hash(&path) else { continue };
                    self.known.insert(path.clone(), (file, hash.clone()));
                    hash
                }
            };
            if !assets.iter().any(|asset| asset.path == path) {
                assets.push(Asset { path, hash });
            }
        }
        let changed = saved.iter().filter_map(|saved| {
            let here = assets.iter().find(|asset| asset.path.file_name() == saved.path.file_name())?;
            let name = saved.path.file_name()?.to_string_lossy();
            (here.hash != saved.hash).then(|| {
                format!("`{name}` is another file than when the session was saved: it may sound different")
            })
        });
        self.compared = (number, changed.collect());
        self.desk.add_notices(self.compared.1.iter().cloned());
        self.desk.note_assets(number, assets);
    }
}

fn hash(path: &std::path::Path) -> std::io::Result<String> {
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(std::fs::File::open(path)?)?;
    Ok(hasher.finalize().to_hex().to_string())
}

impl Playing {
    /// Hears what the engine says. Returns whether a node has failed.
    fn listen(&mut self) -> bool {
        let before = self.failed.len();
        while let Some(report) = self.controller.report() {
            if let Report::Failed { node, failure, .. } = report {
                self.failed.insert(self.controller.node_name(node).to_string(), failure.to_string());
            }
        }
        self.failed.len() > before
    }

    fn scene(&self) -> Scene {
        Scene {
            number: self.number,
            reading: Arc::clone(&self.reading),
            controller: self.controller.clone(),
            sample_rate: self.setup.sample_rate,
            failed: self.failed.iter().map(|(name, what)| (name.clone(), what.clone())).collect(),
        }
    }
}
