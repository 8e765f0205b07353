//! The preset's text changes while it plays: a good text is taken over, a bad one changes nothing. Control side.

use super::history::{Next, Step};
use super::{Current, Fault, Shared, StationError, lock, read, starting_settings};
use crate::watch::Watch;
use auralis_graph::diagnostic::Diagnostics;
use auralis_graph::engine::Reclaimed;
use auralis_graph::journal::{Entry, JournalChange};
use auralis_graph::node::Role;
use auralis_graph::places::{Places, Version};
use auralis_graph::plan::Editor;
use auralis_graph::{Preset, Source};
use auralis_library::{self as library, Loaded};
use auralis_nodes::composer::PhraseGrid;
use std::path::Path;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

/// Longest wait for an engine to take an edit over.
const PATIENCE: Duration = Duration::from_secs(1);

impl Current {
    /// Its text, as it was loaded.
    fn loaded(&self) -> Loaded {
        let source = self.preset.source.clone();
        Loaded { source, places: self.places.clone(), path: self.path.clone() }
    }

    /// What is to be played instead, and what its file says, if that, or a file that its nodes were made from, is new.
    fn read_again(&self) -> Result<Option<(Loaded, Arc<str>)>, StationError> {
        let Some(path) = &self.path else { return Ok(None) };
        let loaded = library::load_file(path)?;
        let written: Arc<str> = loaded.source.text().into();
        let is_new = written != *lock(&self.written);
        let next = if is_new { loaded } else { self.loaded() };
        let same = next.source.text() == self.preset.source.text();
        if !same || !lock(&self.editor).files().all(Version::is_current) {
            return Ok(Some((next, written)));
        }
        *lock(&self.written) = written;
        Ok(None)
    }
}

impl Shared {
    /// Watches the file of what plays, or comes, if it is one, and those that its nodes were made from. Edits the graph
    /// each time that one is written.
    pub(super) fn watch(self: &Arc<Self>, path: Option<&Path>, editor: &Mutex<Editor>) {
        let watch = path.filter(|path| path.is_file()).and_then(|path| {
            let station: Weak<Self> = Arc::downgrade(self);
            let changed = move || {
                if let Some(station) = station.upgrade() {
                    station.reload();
                }
            };
            let watching = Watch::new(path, changed);
            watching.inspect_err(|error| tracing::warn!("{} is not watched: {error}", path.display())).ok()
        });
        if let Some(watch) = &watch {
            watch.follow(lock(editor).files().map(Version::path));
        }
        *lock(&self.watch) = watch;
    }

    /// Reads the file of what plays again, and those that its nodes were made from. What came over the network stays
    /// until the file says something new. What is wrong with it is logged and told; what plays goes on.
    pub fn reload(self: &Arc<Self>) {
        // Nobody is woken for nothing.
        if lock(&self.next).is_none() && matches!(self.current().read_again(), Ok(None)) {
            return;
        }
        self.settle();
        let current = self.current();
        let outcome = current.read_again().and_then(|again| {
            let Some((loaded, written)) = again else { return Ok(None) };
            let edited = self.edit(Next::Written(loaded))?;
            *lock(&current.written) = written;
            Ok(Some(edited))
        });
        match outcome {
            Ok(None) => {}
            Ok(Some(what)) => tracing::info!("{} is edited: {what}", current.preset.source.name()),
            Err(error) => {
                tracing::error!("{error}\nwhat played goes on");
                let text = error.to_string();
                let first = text.lines().find(|line| line.starts_with("error")).unwrap_or(&text);
                let text = format!("the preset's new text is not taken over: {first}");
                self.tell_all(&Fault::GenerationError.message(&text));
            }
        }
    }

    /// Waits for what is about to play: the render thread takes it over within a chunk, or once it has faded to what
    /// came before.
    fn settle(&self) {
        self.wake_and_wait();
        while lock(&self.next).is_some() && self.is_rendering() {
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Turns what plays into what another text says.
    ///
    /// # Errors
    /// The text has mistakes, or a node cannot be prepared: nothing has changed.
    fn edit(self: &Arc<Self>, next: Next) -> Result<Edited, StationError> {
        let editor = self.current().editor;
        // One edit after the other, each from what the one before made.
        let mut editing = lock(&editor);
        let current = self.current();
        let (loaded, step) = lock(&self.history).find(next).ok_or(StationError::NoText)?;
        let preset = Arc::new(read(&loaded, &self.kit.catalogue, &self.settings)?);
        if !Arc::ptr_eq(&current.editor, &editor) || current.path != loaded.path {
            return Err(StationError::Replaced);
        }
        let before = current.loaded();
        if needs_another_engine(&current.preset, &preset) {
            let keeper = Arc::clone(&current.keeper);
            let prepared = self.build(&current.id, Arc::clone(&preset), loaded, keeper)?;
            self.play_next(prepared.after(&current), &super::Change::default())?;
            self.note(step, before, &preset);
            return Ok(Edited { prepared: Vec::new(), anew: true });
        }
        let places = loaded.places.clone();
        let edited =
            editing.edit(&preset, &self.kit.catalogue, self.sounding(), loaded.places, &self.muted())?;
        lock(&self.muted).clear();
        if let Some(watch) = &*lock(&self.watch) {
            watch.follow(editing.files().map(Version::path));
        }
        let grid = edited.offers.of::<PhraseGrid>().next().map_or(current.grid, |(_, grid)| *grid);
        let next = Current {
            preset: Arc::clone(&preset),
            controller: edited.controller,
            grid,
            edition: current.edition + 1,
            places,
            ..current.clone()
        };
        {
            let mut playing = lock(&self.current);
            if !Arc::ptr_eq(&playing.editor, &editor) {
                return Err(StationError::Replaced);
            }
            *playing = next;
        }
        self.note(step, before, &preset);
        self.carry_wishes(&current.preset, &preset, &edited.prepared);
        current.keeper.text(&preset, starting_settings(&self.settings, &preset));
        self.keep_wishes();
        self.tell_change();
        editing.finish(PATIENCE);
        self.stats.reclaim(editing.take_reclaimed());
        Ok(Edited { prepared: edited.prepared, anew: false })
    }

    /// Gives back what edits left, of what plays. Returns how many messages, nodes and graphs. Waits for an edit that is
    /// under way.
    pub fn reclaim(&self) -> u64 {
        let editor = self.current().editor;
        let mut editing = lock(&editor);
        editing.sweep();
        let Reclaimed { buffers, nodes, graphs } = editing.take_reclaimed();
        self.stats.reclaim(Reclaimed { buffers, nodes, graphs });
        buffers + nodes + graphs
    }

    /// Bytes of the texts that played and can be gone back to.
    pub fn text_bytes(&self) -> usize {
        lock(&self.history).bytes()
    }

    /// Turns what plays into what a text that came over the network says: it names assets only in the folders that
    /// the operator listed, and writes no files.
    ///
    /// # Errors
    /// The text has mistakes, a node cannot be prepared, or the engine has not taken the edits before: nothing has
    /// changed.
    pub fn edit_text(self: &Arc<Self>, text: String) -> Result<Edited, StationError> {
        self.settle();
        let current = self.current();
        let edited = self.edit(Next::Written(self.foreign(&current, text)))?;
        tracing::info!("{} is edited over the network: {edited}", current.id);
        Ok(edited)
    }

    /// Takes the last edit back, whoever made it.
    ///
    /// # Errors
    /// As [`Shared::edit_text`], or nothing was edited.
    pub fn undo(self: &Arc<Self>) -> Result<Edited, StationError> {
        self.settle();
        self.edit(Next::Back)
    }

    /// Makes the edit again that was taken back last.
    ///
    /// # Errors
    /// As [`Shared::edit_text`], or nothing was taken back.
    pub fn redo(self: &Arc<Self>) -> Result<Edited, StationError> {
        self.settle();
        self.edit(Next::Forth)
    }

    /// Notes a step away from a text; the same text again is none.
    fn note(&self, step: Step, before: Loaded, after: &Preset) {
        if step != Step::On || before.source.text() != after.source.text() {
            lock(&self.history).note(step, before);
        }
    }

    /// How many edits can be taken back, and made again.
    pub fn reach(&self) -> (usize, usize) {
        lock(&self.history).reach()
    }

    /// Reads a text that came over the network, and no more.
    ///
    /// # Errors
    /// All its mistakes.
    pub fn check_text(&self, text: String) -> Result<Preset, Diagnostics> {
        read(&self.foreign(&self.current(), text), &self.kit.catalogue, &self.settings)
    }

    fn foreign(&self, current: &Current, text: String) -> Loaded {
        let confined = Some(self.settings.assets.clone());
        Loaded {
            source: Source::new(current.preset.source.name(), text),
            places: Places { confined, ..Places::default() },
            path: current.path.clone(),
        }
    }

    /// What listeners moved stays moved, except where the author moved it now; what the author changed of key,
    /// tempo, intensity and seed comes with the composer's next change.
    fn carry_wishes(&self, before: &Preset, after: &Preset, prepared: &[String]) {
        let current = self.current();
        let mut wishes = lock(&self.wishes);
        for (name, value) in wishes.params(&current.id) {
            let control = after.controls.iter().find(|control| control.name == name);
            let old = before.controls.iter().find(|control| control.name == name);
            let keeps = control.zip(old).filter(|(control, old)| {
                control.default == old.default && (control.range.min..=control.range.max).contains(&value)
            });
            match keeps {
                None => {
                    wishes.forget(&name);
                    if let Some(control) = control {
                        let tick = current.controller.tick() as i64;
                        let change = JournalChange::Control { name, value: control.default };
                        current.keeper.note(Entry { tick, change });
                    }
                }
                Some((control, _)) => {
                    let fresh = |node: usize| prepared.contains(&after.nodes[node].name);
                    if control.targets.iter().any(|target| fresh(target.node)) {
                        wishes.keep_moved(name, value);
                    }
                }
            }
        }
        wishes.author(before.settings(), after.settings());
    }
}

/// What an edit did.
#[derive(Debug, Clone)]
pub struct Edited {
    /// Nodes that were prepared anew.
    pub prepared: Vec<String>,
    /// Whether the whole graph was.
    pub anew: bool,
}

impl std::fmt::Display for Edited {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.prepared.as_slice() {
            _ if self.anew => f.write_str("it is built anew, since its metre or its encoder changed"),
            [] => f.write_str("every node goes on"),
            names => write!(f, "new: {}", names.join(", ")),
        }
    }
}

/// Whether a graph cannot become another one while it runs: phrases are counted in bars, and listeners' chunks
/// come from one ring.
fn needs_another_engine(before: &Preset, after: &Preset) -> bool {
    let streams = |preset: &Preset| -> Vec<_> {
        let ends = |role: Role| matches!(role, Role::Encoder | Role::Ring);
        let nodes = preset.nodes.iter().filter(|node| ends(node.kind.role));
        nodes.map(|node| (node.name.clone(), node.config.json.clone())).collect()
    };
    before.settings().meter != after.settings().meter || streams(before) != streams(after)
}

/// Time between two looks at what the nodes cost.
const BALANCED: Duration = Duration::from_secs(1);

/// Shares out the work of the graph that plays, as long as the station is there.
pub(super) fn keep_balance(shared: &Arc<Shared>) -> std::io::Result<()> {
    let station = Arc::downgrade(shared);
    let balance = move || {
        let mut threads = 1;
        while let Some(shared) = station.upgrade() {
            let editor = shared.current().editor;
            drop(shared);
            let (now, reclaimed) = {
                let mut editor = lock(&editor);
                (editor.balance(), editor.take_reclaimed())
            };
            drop(editor);
            if let Some(shared) = station.upgrade() {
                shared.stats.reclaim(reclaimed);
            }
            if now != threads {
                tracing::info!("the graph is spread over {now} threads");
                threads = now;
            }
            std::thread::sleep(BALANCED);
        }
    };
    std::thread::Builder::new().name("auralis-balance".into()).spawn(balance).map(drop)
}
