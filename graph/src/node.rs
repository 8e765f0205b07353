//! What a node is: a control half that describes itself and prepares, and an audio half that only processes.

use crate::engine::{Bank, Context, Io};
use crate::param::ParamSpec;
use crate::places::{Places, Version};
use crate::port::{PacketFlow, Ports};
use crate::settings::Settings;
use crate::voices::Voices;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::any::Any;
use std::sync::Arc;

/// The control half of a node kind. One type, never made: all its functions are associated.
pub trait Node: 'static {
    /// The YAML `type`: `[a-z][a-z0-9_]*`.
    const KIND: &'static str;
    /// The reference text in Markdown; its first line is the summary in lists.
    const ABOUT: &'static str;
    /// An example of use for the reference: the `nodes` part of a preset that can run.
    const EXAMPLE: &'static str;
    /// Continuous parameters: smoothed, modulatable, automatable. At most 60.
    const PARAMS: &'static [ParamSpec] = &[];
    /// What the node is to a socket.
    const ROLE: Role = Role::Part;
    /// Whether the node goes by key, tempo, meter, intensity or seed, and so may fix them for itself.
    const SETTINGS: bool = false;
    /// Structural configuration: a change rebuilds the node. Every field should have a default.
    type Config: DeserializeOwned + Serialize + JsonSchema + Send + Sync + 'static;

    /// The ports of a node with this configuration.
    fn ports(config: &Self::Config) -> Ports;

    /// Mistakes in a configuration that deserialised: values out of range, files that are missing. Runs on
    /// every check of a preset, so it must be quick.
    fn check(_config: &Self::Config, _places: &Places) -> Vec<NodeError> {
        Vec::new()
    }

    /// Whether [`Processor::process`] leaves recursions to the engine, so that those of like nodes run side by side.
    fn recursive(_config: &Self::Config) -> bool {
        false
    }

    /// The least delay in frames between input and output, if the node may close a feedback loop. Such a node
    /// must honour [`Prepare::advance`] and have no latency.
    fn feedback_delay(_config: &Self::Config, _sample_rate: u32) -> Option<u32> {
        None
    }

    /// Makes the audio half. May load, allocate and block; never on the audio thread.
    ///
    /// # Errors
    /// What keeps the node from running, in words for the preset's author.
    fn prepare(config: &Self::Config, cx: &mut Prepare<'_>) -> Result<Prepared, NodeError>;
}

/// What a node is to the socket that runs the graph; the roots decide what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// A node between others.
    Part,
    /// Takes the audio that a listener or a file gets. Root in plugin, render and play.
    Output,
    /// Takes the notes that leave the program. Root in plugin and play.
    NotesOut,
    /// Writes a file. Root in render and server.
    FileSink,
    /// Keeps encoded chunks for listeners. Root in the server.
    Ring,
    /// Encodes audio into packets.
    Encoder,
    /// Measures: lives wherever its input lives.
    Meter,
    /// Takes notes from outside.
    NotesIn,
    /// Makes notes of its own, which leave the program where a socket takes notes, whatever plays them here.
    Composer,
}

/// The audio half of a node. All methods but `drop` run on the audio thread.
pub trait Processor: Send + Any {
    /// Processes one quantum of 64 frames. Must not allocate, free, lock, wait, log, do I/O or panic. Unless it
    /// returns [`Status::Active`], the outputs need not be written; else every frame of them must be.
    fn process(&mut self, cx: &Context<'_>, io: &mut Io<'_>) -> Status;

    /// What [`Status::Recursions`] leaves over: adds a recursion for each channel of each output. May be asked
    /// twice in a quantum, if another node fails meanwhile.
    fn recursions<'a>(&'a mut self, _bank: &mut Bank<'a>) {}

    /// Forgets all signal: afterwards the state is a function of seed and position alone.
    fn reset(&mut self);

    /// Takes phases from the node that this one replaces, in constant time. Returns whether it did; the old
    /// one sounds on while it fades.
    fn adopt(&mut self, _previous: &dyn Any) -> bool {
        false
    }
}

/// What [`Processor::process`] says about its outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// The outputs hold sound (or may do so).
    Active,
    /// The outputs hold what comes in at the first input, which has as many channels: the engine hands it on.
    Through,
    /// The outputs hold what the node's recursions give: [`Processor::recursions`] is asked for them. Only for kinds that
    /// say so ([`Node::recursive`]).
    Recursions,
    /// The outputs are silent in this quantum.
    Silent,
    /// The outputs are silent and stay so until an input, a note, a parameter or the position changes: the
    /// node need not run until then.
    Asleep,
}

/// How long a node sounds after its inputs fell silent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tail {
    /// At most this many frames.
    Frames(u64),
    /// Without end: generators, composers.
    Endless,
}

/// What [`Node::prepare`] makes.
pub struct Prepared {
    /// The audio half.
    pub processor: Box<dyn Processor>,
    /// Frames by which the outputs lag behind the inputs.
    pub latency: u32,
    /// How long it sounds after its inputs fell silent.
    pub tail: Tail,
}

impl Prepared {
    /// Without latency or tail.
    pub fn new(processor: impl Processor) -> Self {
        Self { processor: Box::new(processor), latency: 0, tail: Tail::Frames(0) }
    }

    /// Sets the latency in frames.
    pub fn latency(self, latency: u32) -> Self {
        Self { latency, ..self }
    }

    /// Sets the tail.
    pub fn tail(self, tail: Tail) -> Self {
        Self { tail, ..self }
    }
}

/// Whether samples are wanted in time or at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// The audio thread has deadlines and never waits.
    RealTime,
    /// There are no deadlines: worker-backed nodes wait for their samples.
    Offline,
}

/// Something a node offers to the socket around the graph: a ring of chunks, a meter.
pub type Outlet = Arc<dyn Any + Send + Sync>;

/// What a node is prepared for.
pub struct Prepare<'a> {
    /// The node's name in the preset.
    pub name: &'a str,
    /// Frames per second.
    pub sample_rate: u32,
    /// The node's own seed, derived from the preset's and the node's name.
    pub seed: u64,
    /// The name on which the node's chance hangs: its own, or the one that `seed_as` keeps. With it a node that
    /// follows the piece's seed while it plays derives its own anew: `Chance::new(seed).named(seed_name)`.
    pub seed_name: &'a str,
    /// The settings at the start, the node's own values included.
    pub settings: Settings,
    /// Channels of each input port, 0 where no audio flows.
    pub inputs: &'a [u16],
    /// Channels of each output port, 0 where no audio flows.
    pub outputs: &'a [u16],
    /// What the packets of each input port are like; none where no packets flow or nothing is connected.
    pub packets: &'a [Option<PacketFlow>],
    /// Microseconds from the Unix epoch to frame 0 of the engine's clock; none where no clock stands behind it.
    pub epoch: Option<i64>,
    /// Frames by which the input of a node that closes a feedback loop comes late, and by which its delay must
    /// be shorter than it sounds. 0 outside of loops.
    pub advance: u32,
    /// In real time or offline.
    pub pace: Pace,
    /// Where files are looked for.
    pub places: &'a Places,
    pub(crate) offers: &'a mut Vec<Outlet>,
    pub(crate) files: &'a mut Vec<Version>,
    pub(crate) voices: &'a mut Option<Voices>,
}

impl Prepare<'_> {
    /// Offers something to the socket around the graph.
    pub fn publish<T: Any + Send + Sync>(&mut self, outlet: Arc<T>) {
        self.offers.push(outlet);
    }

    /// Declares an instrument of so many voices at most, and gives what it counts those in that sound. Where it is asked
    /// for twice, the last one counts.
    pub fn voices(&mut self, most: u32) -> Voices {
        self.voices.insert(Voices::new(most)).clone()
    }

    /// Notes a file that the node was made from. Once that is written anew an edit prepares the node anew, too.
    pub fn reads(&mut self, file: Version) {
        self.files.push(file);
    }
}

/// Why a node cannot be prepared, in words for the preset's author.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct NodeError {
    /// The key of the configuration that is at fault, if it is one.
    pub key: Option<&'static str>,
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub help: Option<String>,
    /// Whether a file is at fault, and not the preset: it is not there, or cannot be read. Where that is forgiven
    /// ([`Places::forgiving`]) the node is silent.
    pub of_file: bool,
}

impl NodeError {
    /// About the node as a whole.
    pub fn new(message: impl Into<String>) -> Self {
        Self { key: None, message: message.into(), help: None, of_file: false }
    }

    /// Says that a file is at fault, which the message names.
    pub fn of_file(self) -> Self {
        Self { of_file: true, ..self }
    }

    /// What is told where this is forgiven.
    pub(crate) fn of_silent(&self, node: &str) -> String {
        format!("`{node}` is silent: {}", self.message)
    }

    /// Names the key at fault.
    pub fn at(self, key: &'static str) -> Self {
        Self { key: Some(key), ..self }
    }

    /// Says what would be right.
    pub fn help(self, help: impl Into<String>) -> Self {
        Self { help: Some(help.into()), ..self }
    }
}

/// What stands for a node that has no file to play: it runs as one that has nothing to say.
pub(crate) struct Mute;

impl Processor for Mute {
    fn process(&mut self, _cx: &Context<'_>, _io: &mut Io<'_>) -> Status {
        Status::Asleep
    }

    fn reset(&mut self) {}
}

/// A configuration without keys, for nodes that have only ports and parameters.
#[derive(Debug, Clone, Copy, Default, serde::Deserialize, Serialize, JsonSchema)]
pub struct NoConfig {}
