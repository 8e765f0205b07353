//! The node kinds that presets can use, with their concrete types erased. Control side only.

use crate::node::{Node, NodeError, Prepare, Prepared, Role};
use crate::param::{COMMON, ParamSpec};
use crate::places::Places;
use crate::port::Ports;
use serde_json::Value as Json;
use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A node kind.
#[derive(Clone, Copy)]
pub struct Kind {
    /// The YAML `type`.
    pub name: &'static str,
    /// Reference text in Markdown; the first line is the summary.
    pub about: &'static str,
    /// The `nodes` part of a preset that uses it.
    pub example: &'static str,
    /// Its own parameters, without the common ones.
    pub params: &'static [ParamSpec],
    /// What it is to a socket.
    pub role: Role,
    /// Whether it may fix key, tempo, meter, intensity and seed for itself.
    pub settings: bool,
    read: fn(Json) -> Result<Config, ConfigError>,
    schema: fn() -> Json,
    ports: fn(&Config) -> Ports,
    check: fn(&Config, &Places) -> Vec<NodeError>,
    recursive: fn(&Config) -> bool,
    feedback_delay: fn(&Config, u32) -> Option<u32>,
    prepare: fn(&Config, &mut Prepare<'_>) -> Result<Prepared, NodeError>,
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Kind").field(&self.name).finish()
    }
}

/// A node's structural configuration, read and completed with its defaults.
#[derive(Clone)]
pub struct Config {
    typed: Arc<dyn Any + Send + Sync>,
    /// The same as data: what `--expand` prints and what an edit compares.
    pub json: Json,
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.json.fmt(f)
    }
}

/// Why a configuration cannot be read: the key (empty for the whole) and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConfigError {
    pub key: String,
    pub message: String,
}

fn typed<N: Node>(config: &Config) -> &N::Config {
    // A configuration is only ever handed to the kind that read it.
    config.typed.downcast_ref().expect("a configuration belongs to the kind that read it")
}

impl Kind {
    /// The kind of a node type.
    pub const fn of<N: Node>() -> Self {
        Self {
            name: N::KIND,
            about: N::ABOUT,
            example: N::EXAMPLE,
            params: N::PARAMS,
            role: N::ROLE,
            settings: N::SETTINGS,
            read: |json| {
                let config: N::Config = serde_path_to_error::deserialize(json).map_err(|error| {
                    let key = error.path().iter().next().map(ToString::to_string).unwrap_or_default();
                    ConfigError { key, message: error.into_inner().to_string() }
                })?;
                let json = serde_json::to_value(&config)
                    .map_err(|error| ConfigError { key: String::new(), message: error.to_string() })?;
                Ok(Config { typed: Arc::new(config), json })
            },
            schema: || {
                let mut schema = schemars::generate::SchemaSettings::draft2020_12();
                schema.inline_subschemas = true;
                schema.meta_schema = None;
                schema.into_generator().into_root_schema_for::<N::Config>().to_value()
            },
            ports: |config| N::ports(typed::<N>(config)),
            check: |config, places| N::check(typed::<N>(config), places),
            recursive: |config| N::recursive(typed::<N>(config)),
            feedback_delay: |config, rate| N::feedback_delay(typed::<N>(config), rate),
            prepare: |config, cx| N::prepare(typed::<N>(config), cx),
        }
    }

    /// The summary: the first line of the reference text.
    pub fn summary(&self) -> &'static str {
        self.about.trim().lines().next().unwrap_or_default()
    }

    /// JSON Schema of the structural configuration.
    pub fn config_schema(&self) -> Json {
        (self.schema)()
    }

    /// The keys of the structural configuration.
    pub fn config_keys(&self) -> Vec<String> {
        let schema = self.config_schema();
        let properties = schema.get("properties").and_then(Json::as_object);
        properties.map(|keys| keys.keys().cloned().collect()).unwrap_or_default()
    }

    /// The configuration of a node that gives no keys, if that is legal.
    pub fn default_config(&self) -> Option<Config> {
        self.read_config(Json::Object(Default::default())).ok()
    }

    pub(crate) fn read_config(&self, json: Json) -> Result<Config, ConfigError> {
        (self.read)(json)
    }

    /// The ports of a node with this configuration.
    pub fn ports(&self, config: &Config) -> Ports {
        (self.ports)(config)
    }

    /// Mistakes in the configuration.
    pub fn check(&self, config: &Config, places: &Places) -> Vec<NodeError> {
        (self.check)(config, places)
    }

    /// Whether recursions of a node may run side by side with those of like nodes.
    pub fn recursive(&self, config: &Config) -> bool {
        (self.recursive)(config)
    }

    /// The least delay in frames of a node that may close a feedback loop.
    pub fn feedback_delay(&self, config: &Config, sample_rate: u32) -> Option<u32> {
        (self.feedback_delay)(config, sample_rate)
    }

    /// Makes the audio half.
    ///
    /// # Errors
    /// What [`Node::prepare`] says.
    pub fn prepare(&self, config: &Config, cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        (self.prepare)(config, cx)
    }

    /// All parameters of a node with these ports: its own, then the common ones if it makes audio.
    pub fn all_params(&self, ports: &Ports) -> impl Iterator<Item = &'static ParamSpec> + Clone + use<> {
        let common: &[ParamSpec] = if ports.audible() { &COMMON } else { &[] };
        self.params.iter().chain(common)
    }
}

/// All kinds that a preset can use.
#[derive(Debug, Clone, Default)]
pub struct Catalogue {
    kinds: BTreeMap<&'static str, Kind>,
}

impl Catalogue {
    /// From a list of kinds.
    ///
    /// # Panics
    /// If two kinds have one name: a mistake in the program, held by a test of the catalogue.
    pub fn new(kinds: impl IntoIterator<Item = Kind>) -> Self {
        let mut catalogue = Self::default();
        for kind in kinds {
            let twin = catalogue.kinds.insert(kind.name, kind);
            assert!(twin.is_none(), "two node kinds are called `{}`", kind.name);
        }
        catalogue
    }

    /// The kind of a name.
    pub fn get(&self, name: &str) -> Option<&Kind> {
        self.kinds.get(name)
    }

    /// All kinds, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Kind> {
        self.kinds.values()
    }
}
