//! The hand on a running engine: parameters, notes and transport from any thread, reports back. Control side;
//! the audio side of it (`Link`) neither locks nor waits.

use crate::command::{Change, Command, NodeId, Report, When};
use crate::engine::{Page, Peak, Peaks, REACH, Scope, Tapped};
use crate::music::Key;
use crate::note::NoteEvent;
use crate::param::Amount;
use crate::preset::{Control, NodeEntry, ParamEntry};
use crate::settings::{Setting, Settings};
use crate::sync::ArrayQueue;
use crate::sync::atomic::{AtomicI64, AtomicU32, AtomicU64, Ordering};
use crate::voices::Voices;
use rpds::{HashTrieMapSync, VectorSync};
use std::sync::Arc;

/// Commands that can be under way to an engine.
const COMMANDS: usize = 1024;
/// Reports that can wait for a reader; further ones are lost and counted.
const REPORTS: usize = 4096;

/// Edits that can be under way to an engine and back.
pub(crate) const EDITS: usize = if cfg!(loom) { 2 } else { 8 };

/// The engine's end of the rings.
pub(crate) struct Link {
    /// Commands, each for the graph of an edition.
    pub commands: Arc<ArrayQueue<(u32, Command)>>,
    /// Edits, and those that are done or were left behind.
    pub edits: Arc<ArrayQueue<Page>>,
    pub retired: Arc<ArrayQueue<Page>>,
    reports: Arc<ArrayQueue<Report>>,
    pub status: Arc<Status>,
}

impl Link {
    /// Tells the control side. Never waits: when nobody reads, the report is counted and lost.
    pub fn report(&self, report: Report) {
        if self.reports.push(report).is_err() {
            self.status.lost_reports.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// Where the engine is, for any thread to read.
#[derive(Debug, Default)]
pub(crate) struct Status {
    frame: AtomicI64,
    tick: AtomicU64,
    tempo: AtomicU64,
    seed: AtomicU64,
    key: AtomicU32,
    intensity: AtomicU32,
    lost_reports: AtomicU64,
    watchers: AtomicU32,
    pub scope: Scope,
}

impl Status {
    /// The tap in force, for the quantum from a frame on.
    pub fn tapped(&self, frame: i64) -> Option<Tapped<'_>> {
        let (scope, tap) = (&self.scope, self.scope.tap());
        (tap != 0).then_some(Tapped { scope, tap, frame })
    }

    /// Whether anybody wants to know how loud the nodes are.
    pub fn is_watched(&self) -> bool {
        self.watchers.load(Ordering::Relaxed) > 0
    }

    pub fn publish(&self, frame: i64, tick: f64, settings: Settings) {
        self.tick.store(tick.to_bits(), Ordering::Relaxed);
        self.tempo.store(settings.tempo.to_bits(), Ordering::Relaxed);
        self.seed.store(settings.seed, Ordering::Relaxed);
        self.key.store(settings.key.to_bits(), Ordering::Relaxed);
        self.intensity.store(settings.intensity.to_bits(), Ordering::Relaxed);
        self.frame.store(frame, Ordering::Release);
    }

    pub fn frame(&self) -> i64 {
        self.frame.load(Ordering::Acquire)
    }

    pub fn tick(&self) -> f64 {
        f64::from_bits(self.tick.load(Ordering::Relaxed))
    }
}

/// Has an engine measure how loud its nodes are for as long as this lives, through all its edits.
#[derive(Debug)]
pub struct LevelWatch(Arc<Status>);

impl LevelWatch {
    fn new(status: &Arc<Status>) -> Self {
        status.watchers.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(status))
    }
}

impl Drop for LevelWatch {
    fn drop(&mut self) {
        self.0.watchers.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What one node sounds, while this lives: through all edits that leave a node of its name, until another tap takes its
/// place. Any thread; never waits.
#[derive(Debug)]
pub struct Tap {
    status: Arc<Status>,
    number: u32,
}

impl Tap {
    /// The newest frames of the node's first audio output, in order of time: the mean of its channels behind its `gain` and
    /// `mute`. At most 4,096 of them, up to the engine's last quantum; returns how many were written to the start of `into`.
    /// Silent are times at which the node was, and those before it was tapped. None once another tap is in force.
    pub fn read(&self, into: &mut [f32]) -> usize {
        if self.status.scope.tap() != self.number {
            return 0;
        }
        let end = self.status.frame();
        let count = into.len().min(REACH).min(usize::try_from(end).unwrap_or(0));
        self.status.scope.read(self.number, end, &mut into[..count]);
        count
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.status.scope.close(self.number);
    }
}

/// Why a command was not sent.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum ControlError {
    /// The engine has not taken the commands sent before.
    #[error("too many changes are under way; try again")]
    Full,
    /// There is no node of this name in the running graph.
    #[error("no node is called `{0}`")]
    NoNode(String),
    /// The node has no such parameter.
    #[error("`{node}` has no parameter `{param}`")]
    NoParam {
        /// The node.
        node: String,
        /// The parameter asked for.
        param: String,
    },
    /// The preset exposes no such control.
    #[error("no control is called `{0}`")]
    NoControl(String),
    /// The value is outside of the range.
    #[error("`{name}` must be between {min} and {max}")]
    OutOfRange {
        /// The control or parameter.
        name: String,
        /// Lowest legal value.
        min: f32,
        /// Highest legal value.
        max: f32,
    },
}

/// What a controller knows of the nodes of a running graph. Graphs share what they do not differ in.
#[derive(Debug, Default)]
pub(crate) struct Directory {
    pub names: HashTrieMapSync<String, NodeId>,
    /// By their numbers.
    pub nodes: VectorSync<Option<Listed>>,
    /// The numbers in text order.
    pub text: Arc<[u32]>,
    pub controls: Vec<Control>,
    /// Of those that are instruments.
    pub voices: Vec<Voices>,
}

/// A node that runs.
#[derive(Debug)]
pub(crate) struct Listed {
    pub entry: Arc<NodeEntry>,
    pub peaks: Peaks,
}

impl Directory {
    fn listed(&self, node: NodeId) -> Option<&Listed> {
        self.nodes.get(node.0 as usize)?.as_ref()
    }

    /// All nodes in text order.
    fn iter(&self) -> impl Iterator<Item = &Listed> {
        self.text.iter().filter_map(|number| self.listed(NodeId(*number)))
    }
}

/// Sends changes to an engine and reads its state. Cheap to clone; any thread; never waits for the engine.
#[derive(Debug, Clone)]
pub struct Controller {
    commands: Arc<ArrayQueue<(u32, Command)>>,
    edition: u32,
    reports: Arc<ArrayQueue<Report>>,
    status: Arc<Status>,
    directory: Arc<Directory>,
    /// What was known of the graph before the last edit: reports about it may still be under way.
    before: Arc<Directory>,
}

/// Makes both ends.
pub(crate) fn link(directory: Directory, settings: Settings) -> (Link, Controller) {
    let commands = Arc::new(ArrayQueue::new(COMMANDS));
    let reports = Arc::new(ArrayQueue::new(REPORTS));
    let status = Arc::new(Status::default());
    status.publish(0, 0.0, settings);
    let link = Link {
        commands: Arc::clone(&commands),
        edits: Arc::new(ArrayQueue::new(EDITS)),
        retired: Arc::new(ArrayQueue::new(EDITS)),
        reports: Arc::clone(&reports),
        status: Arc::clone(&status),
    };
    let directory = Arc::new(directory);
    let before = Arc::clone(&directory);
    (link, Controller { commands, edition: 0, reports, status, directory, before })
}

impl Controller {
    /// The hand on the same engine after its next edit.
    pub(crate) fn after_edit(&self, directory: Directory) -> Self {
        let (edition, before) = (self.edition.wrapping_add(1), Arc::clone(&self.directory));
        Self { edition, directory: Arc::new(directory), before, ..self.clone() }
    }

    /// Sends a command as it is.
    ///
    /// # Errors
    /// [`ControlError::Full`] when the engine does not keep up.
    pub fn send(&self, command: Command) -> Result<(), ControlError> {
        self.commands.push((self.edition, command)).map_err(|_| ControlError::Full)
    }

    /// Changes a setting of the piece; values out of range are clamped by the engine.
    ///
    /// # Errors
    /// As [`Controller::send`].
    pub fn set(&self, setting: Setting, when: When) -> Result<(), ControlError> {
        self.send(Command { when, change: Change::Setting(setting) })
    }

    /// Moves a control that the preset exposes, in the control's own unit.
    ///
    /// # Errors
    /// No such control, a value out of its range, or as [`Controller::send`].
    pub fn set_control(&self, name: &str, value: f32, when: When) -> Result<(), ControlError> {
        let (index, control) = self.find_control(name)?;
        let (min, max) = (control.range.min, control.range.max);
        if !(min..=max).contains(&value) {
            return Err(ControlError::OutOfRange { name: name.into(), min, max });
        }
        self.send(Command { when, change: Change::Control { index, value } })
    }

    fn find_control(&self, name: &str) -> Result<(u16, &Control), ControlError> {
        let found = self.directory.controls.iter().position(|control| control.name == name);
        let index = found.ok_or_else(|| ControlError::NoControl(name.into()))?;
        Ok((index as u16, &self.directory.controls[index]))
    }

    /// Moves a parameter of a node.
    ///
    /// # Errors
    /// No such node or parameter, a value out of its range, or as [`Controller::send`].
    pub fn set_param(&self, node: &str, param: &str, amount: Amount, when: When) -> Result<(), ControlError> {
        let (id, params) = self.find_node(node)?;
        let missing = || ControlError::NoParam { node: node.into(), param: param.into() };
        let index = params.iter().position(|entry| entry.spec.name == param).ok_or_else(missing)?;
        if let Amount::Value(value) = amount {
            let range = params[index].spec.range;
            if !(range.min..=range.max).contains(&value) {
                let name = format!("{node}.{param}");
                return Err(ControlError::OutOfRange { name, min: range.min, max: range.max });
            }
        }
        self.send(Command { when, change: Change::Param { node: id, param: index as u16, amount } })
    }

    /// The number of a node that runs, for commands that are made where no names are.
    pub fn node_id(&self, node: &str) -> Option<NodeId> {
        self.directory.names.get(node).copied()
    }

    fn find_node(&self, node: &str) -> Result<(NodeId, &[ParamEntry]), ControlError> {
        let found = self.directory.names.get(node).and_then(|id| Some((*id, self.directory.listed(*id)?)));
        let found = found.map(|(id, listed)| (id, listed.entry.params.as_slice()));
        found.ok_or_else(|| ControlError::NoNode(node.into()))
    }

    /// Sends a note to a node that takes notes from outside.
    ///
    /// # Errors
    /// No such node, or as [`Controller::send`].
    pub fn note(&self, node: &str, event: NoteEvent, when: When) -> Result<(), ControlError> {
        let (node, _) = self.find_node(node)?;
        self.send(Command { when, change: Change::Note { node, event } })
    }

    /// The next report of the engine, oldest first.
    pub fn report(&self) -> Option<Report> {
        self.reports.pop()
    }

    /// Reports that were lost because nobody read them.
    pub fn lost_reports(&self) -> u64 {
        self.status.lost_reports.load(Ordering::Relaxed)
    }

    /// Frames computed since reset.
    pub fn frame(&self) -> i64 {
        self.status.frame()
    }

    /// Musical position after the last quantum, in ticks.
    pub fn tick(&self) -> f64 {
        self.status.tick()
    }

    /// Key, tempo, intensity and seed as they sound now; `meter` as the piece has it.
    pub fn settings(&self, piece: Settings) -> Settings {
        Settings {
            key: Key::from_bits(self.status.key.load(Ordering::Relaxed)).unwrap_or(piece.key),
            tempo: f64::from_bits(self.status.tempo.load(Ordering::Relaxed)),
            intensity: f32::from_bits(self.status.intensity.load(Ordering::Relaxed)),
            seed: self.status.seed.load(Ordering::Relaxed),
            ..piece
        }
    }

    /// How many voices the instruments sound now, all together: at most [`crate::Built::voices`]. Any thread; a sum over
    /// the instruments.
    pub fn voices(&self) -> u32 {
        self.directory.voices.iter().map(Voices::now).fold(0, u32::saturating_add)
    }

    /// The controls that the preset exposes, in its order.
    pub fn controls(&self) -> &[Control] {
        &self.directory.controls
    }

    /// The control that a report of an edition means; none where that edition is long gone.
    pub fn control_of(&self, edition: u32, index: u16) -> Option<&Control> {
        let directory = match self.edition.wrapping_sub(edition) {
            0 => &self.directory,
            1 => &self.before,
            _ => return None,
        };
        directory.controls.get(usize::from(index))
    }

    /// Has the engine measure levels from its next quantum on, until what this gives is dropped. An engine that
    /// nobody watches measures nothing.
    pub fn watch_levels(&self) -> LevelWatch {
        if !self.status.is_watched() {
            // What was measured for who watched before is over.
            self.take_levels().for_each(drop);
        }
        LevelWatch::new(&self.status)
    }

    /// What [`Controller::take_levels`] gives, in its order: nodes by name, and which of their outputs. These are the
    /// audio outputs of all nodes that run, modulators included.
    pub fn measured(&self) -> impl Iterator<Item = (&str, usize)> {
        self.directory.iter().flat_map(|Listed { entry, peaks }| {
            peaks.iter().map(|peak| (entry.name.as_str(), usize::from(peak.port)))
        })
    }

    /// The largest amplitude of each output since this was last called, over all its channels and after the node's
    /// `gain` and `mute`; 0 where nothing sounded. What one reader took another does not get.
    pub fn take_levels(&self) -> impl Iterator<Item = f32> {
        self.directory.iter().flat_map(|listed| listed.peaks.iter().map(Peak::take))
    }

    /// Taps a node from the engine's next quantum on, until what this gives is dropped: it sees what the node sounds. None
    /// where no node of this name runs, or it has no audio output. One tap is in force at a time, the last. While there is
    /// one no node takes the shortest way through the engine, but levels are measured only for who watches them.
    ///
    /// An edit that prepares the node anew hands the tap on as it goes to the engine: what is tapped later by a controller of
    /// before the edit shows the node that goes, and then silence; [`crate::plan::Edited::controller`] taps the new one.
    pub fn tap(&self, node: &str) -> Option<Tap> {
        let listed = self.directory.listed(*self.directory.names.get(node)?)?;
        let first = listed.peaks.first()?;
        let number = self.status.scope.open();
        first.put_tap(number);
        Some(Tap { status: Arc::clone(&self.status), number })
    }

    /// The name of a node.
    pub fn node_name(&self, node: NodeId) -> &str {
        // One that is gone may still be spoken of.
        let listed = self.directory.listed(node).or_else(|| self.before.listed(node));
        listed.map_or("", |listed| &listed.entry.name)
    }

    /// The names of all nodes that run, in the order of the text.
    pub fn node_names(&self) -> impl Iterator<Item = &str> {
        self.directory.iter().map(|listed| listed.entry.name.as_str())
    }
}
