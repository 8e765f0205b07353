//! A preset: the YAML read, checked and resolved. Control side only.

mod connect;
mod document;
mod expand;
mod expose;
mod node;
mod outline;
mod params;
mod schema;
mod verify;

pub use document::{read_intensity, read_seed, read_tempo};
pub use outline::{Outlined, outline};
pub use schema::json_schema;

use crate::catalogue::{Catalogue, Config, Kind};
use crate::diagnostic::Diagnostics;
use crate::music::Meter;
use crate::param::{Amount, ParamSpec, Range, Unit};
use crate::places::Places;
use crate::plan::Topology;
use crate::port::Ports;
use crate::settings::{Overrides, Settings};
use crate::source::{Source, Span};
use std::collections::HashMap;
use std::sync::Arc;

/// The format version that this program writes; `auralis: 1` in the text.
pub const FORMAT: u32 = 1;

/// A preset without mistakes.
#[derive(Debug, Clone)]
pub struct Preset {
    /// The text it was read from.
    pub source: Source,
    /// What it says of itself.
    pub info: Info,
    /// The settings that the text gives; what it leaves out follows from the socket.
    pub settings: Overrides,
    /// The nodes, in text order. [`Preset::change_node`] changes one.
    pub nodes: Vec<Arc<NodeEntry>>,
    /// The exposed controls, in text order.
    pub controls: Vec<Control>,
    /// What is probably not as meant.
    pub warnings: Diagnostics,
    /// What follows from the connections.
    pub(crate) topology: Topology,
}

/// What a preset says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Info {
    /// Its title.
    pub name: Option<String>,
    /// Who made it.
    pub author: Option<String>,
    /// What it is.
    pub description: Option<String>,
    /// Words to find it by.
    pub tags: Vec<String>,
}

/// What may fall silent first on a machine that does not keep up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Priority {
    /// This, once instruments have given up voices.
    Low,
    /// Nothing of this.
    #[default]
    Normal,
}

impl Priority {
    /// By its word in the text.
    fn named(word: &str) -> Option<Self> {
        match word {
            "low" => Some(Self::Low),
            "normal" => Some(Self::Normal),
            _ => None,
        }
    }
}

/// A node of a preset.
#[derive(Debug, Clone)]
pub struct NodeEntry {
    /// Its name.
    pub name: String,
    /// Where the name stands.
    pub span: Span,
    /// What it is.
    pub kind: Kind,
    /// The name from which its chance is derived.
    pub seed_as: String,
    /// Whether it may fall silent before others on a machine that does not keep up.
    pub priority: Priority,
    /// Settings that it fixes for itself.
    pub overrides: Overrides,
    /// Structural configuration.
    pub config: Config,
    /// Where the keys of the configuration stand.
    pub config_spans: HashMap<String, Span>,
    /// Its ports.
    pub ports: Ports,
    /// What is connected to each input port, in text order.
    pub inputs: Vec<Vec<Connection>>,
    /// Its parameters, the common ones last.
    pub params: Vec<ParamEntry>,
}

/// An output of a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Outlet {
    /// Index of the node in [`Preset::nodes`].
    pub node: usize,
    /// Index of its output port.
    pub port: usize,
}

/// A connection to an input port.
#[derive(Debug, Clone, PartialEq)]
pub struct Connection {
    /// Where it comes from.
    pub from: Outlet,
    /// Gain in dB; 0 for notes and packets.
    pub gain: f32,
    /// Where the reference stands.
    pub span: Span,
}

/// A parameter of a node.
#[derive(Debug, Clone)]
pub struct ParamEntry {
    /// Its definition.
    pub spec: &'static ParamSpec,
    /// Its value; the centre where it is modulated by depth.
    pub amount: Amount,
    /// Who moves it.
    pub modulation: Option<ParamModulation>,
    /// Where its value stands; the node's name where the text says nothing.
    pub span: Span,
}

/// A parameter moved by another node's output.
#[derive(Debug, Clone, PartialEq)]
pub struct ParamModulation {
    /// Who moves it.
    pub from: Outlet,
    /// How far.
    pub reach: ParamReach,
    /// Where the reference stands.
    pub span: Span,
}

/// How far a modulation reaches.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ParamReach {
    /// From one value to another; replaces the constant.
    Span {
        /// Value at the source's lower end.
        min: f32,
        /// Value at the source's upper end.
        max: f32,
    },
    /// Around the parameter's own value.
    Around(Depth),
}

/// How far around its value a parameter is moved.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Depth {
    /// To this much above the value, in the parameter's own unit.
    Own(f32),
    /// By this part of the whole range.
    Ratio(f32),
    /// By this interval, for frequencies.
    Semitones(f32),
}

/// A control that a preset exposes.
#[derive(Debug, Clone, PartialEq)]
pub struct Control {
    /// Its name.
    pub name: String,
    /// What a reader sees.
    pub label: String,
    /// Its unit; where it has one target without a range, the target's.
    pub unit: Unit,
    /// A unit that the preset names for readers.
    pub unit_label: Option<String>,
    /// Its values.
    pub range: Range,
    /// Where it stands until it is moved, and its targets with it.
    pub default: f32,
    /// What it moves.
    pub targets: Vec<Target>,
    /// Where its name stands.
    pub span: Span,
}

/// A parameter that a control moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Target {
    /// Index of the node in [`Preset::nodes`].
    pub node: usize,
    /// Index of the parameter in [`NodeEntry::params`].
    pub param: usize,
    /// The stretch that the control's 0 to 1 travels; none where the control has the parameter's own unit.
    pub stretch: Option<Range>,
}

impl Preset {
    /// Reads and checks a text.
    ///
    /// # Errors
    /// All mistakes at once, in the order of the text. The work is bounded whatever the text.
    pub fn read(source: &Source, catalogue: &Catalogue, places: &Places) -> Result<Self, Diagnostics> {
        document::read(source, catalogue, places, &Overrides::default())
    }

    /// Reads a text with some settings in place of its own, as if it had been written so.
    ///
    /// # Errors
    /// As [`Preset::read`].
    pub fn read_as(
        source: &Source,
        catalogue: &Catalogue,
        places: &Places,
        settings: &Overrides,
    ) -> Result<Self, Diagnostics> {
        document::read(source, catalogue, places, settings)
    }

    /// The settings at the start: the text's, else the built-in ones.
    pub fn settings(&self) -> Settings {
        self.settings.apply(Settings::default())
    }

    /// The canonical form as YAML: every value spelled out. Reading it gives the same preset, and expanding
    /// that gives the same text.
    pub fn expand(&self) -> String {
        expand::expand(self)
    }

    /// The node of a name, with its index.
    pub fn node(&self, name: &str) -> Option<(usize, &NodeEntry)> {
        self.nodes
            .iter()
            .enumerate()
            .map(|(index, node)| (index, &**node))
            .find(|(_, node)| node.name == name)
    }

    /// The nodes that make sound from no sound: what stems are made of, and what a mix balances. In text order.
    pub fn sources(&self) -> Vec<usize> {
        let makes = |index: &usize| {
            let node = &self.nodes[*index];
            node.ports.audible() && !node.ports.inputs.iter().any(|port| port.is_audio())
        };
        (0..self.nodes.len()).filter(makes).collect()
    }

    /// Changes a node. Its connections to inputs have to stay as they are: what follows from them is known already.
    ///
    /// # Panics
    /// If there is no such node.
    pub fn change_node(&mut self, index: usize, change: impl FnOnce(&mut NodeEntry)) {
        change(Arc::make_mut(&mut self.nodes[index]));
        self.topology.note_change(&self.nodes, index);
    }

    /// Adds nodes that only listen. Returns whether they can be: what they hear fits their inputs.
    pub fn add_nodes(&mut self, nodes: Vec<NodeEntry>) -> bool {
        let before = self.nodes.len();
        self.nodes.extend(nodes.into_iter().map(Arc::new));
        let topology = Topology::find(&self.nodes);
        let fits = topology.is_some();
        match topology {
            Some(topology) => self.topology = topology,
            None => self.nodes.truncate(before),
        }
        fits
    }

    /// The control of a name.
    pub fn control(&self, name: &str) -> Option<&Control> {
        self.controls.iter().find(|control| control.name == name)
    }

    /// The title, or the name of the text it was read from.
    pub fn title(&self) -> &str {
        self.info.name.as_deref().unwrap_or_else(|| self.source.name())
    }
}

impl NodeEntry {
    /// A node that no text has: all as its kind has it by itself, and its first input connected. None where the kind
    /// asks for more.
    pub fn plain(kind: Kind, name: String, from: Outlet, span: Span) -> Option<Self> {
        let config = kind.default_config()?;
        let ports = kind.ports(&config);
        let params = kind.all_params(&ports).map(|spec| ParamEntry {
            spec,
            amount: Amount::Value(spec.default),
            modulation: None,
            span,
        });
        let mut inputs = vec![Vec::new(); ports.inputs.len()];
        inputs.first_mut()?.push(Connection { from, gain: 0.0, span });
        Some(Self {
            seed_as: name.clone(),
            priority: Priority::Normal,
            name,
            span,
            kind,
            overrides: Overrides::default(),
            config,
            config_spans: HashMap::new(),
            params: params.collect(),
            ports,
            inputs,
        })
    }

    /// Every output that this node listens to: inputs, then modulations.
    pub fn sources(&self) -> impl Iterator<Item = Outlet> + '_ {
        let inputs = self.inputs.iter().flatten().map(|connection| connection.from);
        let modulations = self.params.iter().filter_map(|param| Some(param.modulation.as_ref()?.from));
        inputs.chain(modulations)
    }
}

impl Control {
    fn spec(&self) -> ParamSpec {
        ParamSpec {
            unit: self.unit,
            range: self.range,
            ..ParamSpec::new("", Unit::Plain, self.range.min, self.range.max, self.default)
        }
    }

    /// A value as a reader sees it.
    pub fn print(&self, value: f32) -> String {
        self.spec().print(Amount::Value(value))
    }

    /// A value as a reader writes it, such as `1.2 kHz`; none where it is no value of this control.
    pub fn read(&self, text: &str) -> Option<f32> {
        match self.spec().read(text, Meter::COMMON) {
            Ok(Amount::Value(value)) => Some(value),
            _ => None,
        }
    }
}

/// Whether a word is a legal name of a node or control: `[a-z][a-z0-9_]*`, at most 64 long.
pub fn is_name(word: &str) -> bool {
    let mut bytes = word.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && bytes.all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
        && word.len() <= 64
}
