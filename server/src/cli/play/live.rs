//! A preset that is edited while it plays on the machine's audio device. Control side.
#![allow(clippy::disallowed_types, reason = "the thread that watches locks, the audio thread does not")]

use super::midi::Keyboards;
use crate::adjust::Sets;
use crate::watch::Watch;
use auralis_graph::command::{Report, STALLED, WAITED, When, describe_relief};
use auralis_graph::node::Role;
use auralis_graph::places::Version;
use auralis_graph::plan::{EditError, Editor};
use auralis_graph::{Catalogue, Controller, Preset};
use auralis_library::{self as library, Loaded};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What plays, and the hands on it.
pub struct Live {
    pub catalogue: Catalogue,
    pub sets: Sets,
    pub preset: Preset,
    /// Its file, if it is one.
    pub path: Option<PathBuf>,
    pub editor: Editor,
    pub controller: Controller,
    pub keyboards: Keyboards,
    /// The nodes that failed and are silent.
    pub failed: BTreeSet<String>,
    /// Watches its file, and those that its nodes were made from.
    pub watch: Option<Watch>,
}

/// Longest wait for an engine to take an edit over.
const PATIENCE: Duration = Duration::from_secs(1);

/// A preset as the command line has it.
pub fn read(loaded: &Loaded, catalogue: &Catalogue, sets: &Sets) -> Result<Preset, crate::cli::Failure> {
    let mut preset = Preset::read_as(&loaded.source, catalogue, &loaded.places, &sets.settings)?;
    crate::cli::show_warnings(&preset.warnings);
    sets.apply(&mut preset).map_err(crate::cli::Failure::Message)?;
    Ok(preset)
}

/// The nodes that keyboards play.
pub fn entrances(preset: &Preset) -> Vec<String> {
    let nodes = preset.nodes.iter().filter(|node| node.kind.role == Role::NotesIn);
    nodes.map(|node| node.name.clone()).collect()
}

impl Live {
    /// Edits what plays each time its file is written, or one that a node was made from, as long as this is kept.
    pub fn watched(self) -> Arc<Mutex<Self>> {
        let path = self.path.clone();
        let live = Arc::new(Mutex::new(self));
        let changes = Arc::downgrade(&live);
        let changed = move || {
            if let Some(live) = changes.upgrade() {
                live.lock().unwrap_or_else(PoisonError::into_inner).reload();
            }
        };
        let watch = path.and_then(|path| {
            let watch = Watch::new(&path, changed);
            watch.inspect_err(|error| tracing::warn!("{} is not watched: {error}", path.display())).ok()
        });
        {
            let mut live = live.lock().unwrap_or_else(PoisonError::into_inner);
            live.watch = watch;
            live.follow();
        }
        live
    }

    /// Watches the files that its nodes are made from now.
    fn follow(&self) {
        if let Some(watch) = &self.watch {
            watch.follow(self.editor.files().map(Version::path));
        }
    }

    /// Says which nodes have failed since it was asked last, and sees to it that the work is shared out well.
    pub fn listen(&mut self) {
        self.editor.balance();
        while let Some(report) = self.controller.report() {
            match report {
                Report::Failed { node, failure, .. } => {
                    let name = self.controller.node_name(node);
                    let _ = writeln!(
                        anstream::stderr(),
                        "error: the node `{name}` is silent until it is edited: {failure}"
                    );
                    self.failed.insert(name.to_string());
                }
                Report::Relieved { steps, .. } => {
                    let _ = writeln!(anstream::stderr(), "warning: {}", describe_relief(steps));
                }
                Report::Stalled { .. } => {
                    let _ = writeln!(anstream::stderr(), "warning: {STALLED}");
                }
                Report::Waited { .. } => {
                    let _ = writeln!(anstream::stderr(), "warning: {WAITED}");
                }
                Report::Applied { .. } | Report::Resumed { .. } => {}
            }
        }
    }

    /// Reads the file again; what is wrong with it is said, and what plays goes on.
    fn reload(&mut self) {
        let Some(path) = self.path.clone() else { return };
        if let Err(failure) = self.edit(&path) {
            crate::cli::complain(&failure);
            let _ = writeln!(anstream::stderr(), "what played goes on");
        }
    }

    fn edit(&mut self, path: &Path) -> crate::cli::Outcome {
        let message = |text: &str| crate::cli::Failure::Message(text.into());
        let loaded = library::load_file(path)?;
        let same = loaded.source.text() == self.preset.source.text();
        if same && self.editor.files().all(Version::is_current) {
            return Ok(());
        }
        let preset = read(&loaded, &self.catalogue, &self.sets)?;
        let (before, after) = (self.preset.settings(), preset.settings());
        if before.meter != after.meter {
            return Err(message("phrases are counted in bars: start again to hear another metre"));
        }
        let sounding = self.controller.settings(before);
        self.listen();
        let edited = self.editor.edit(&preset, &self.catalogue, sounding, loaded.places, &self.failed);
        let edited = edited.map_err(|error| match error {
            EditError::Mistakes(mistakes) => crate::cli::Failure::Mistakes(mistakes),
            EditError::Busy => message("too many edits are under way; save it again"),
        })?;
        self.failed.clear();
        (self.controller, self.preset) = (edited.controller, preset);
        self.follow();
        let _ = writeln!(anstream::stderr(), "{} is edited", path.display());
        for change in before.changes_to(&after) {
            self.controller.set(change, When::Now).map_err(|error| message(&error.to_string()))?;
        }
        self.keyboards.follow(&self.controller, entrances(&self.preset))?;
        self.editor.finish(PATIENCE);
        Ok(())
    }
}
