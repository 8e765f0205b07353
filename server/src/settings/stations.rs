//! The stations of a configuration file.

use super::table::{Definition, switch};
use super::{DEFINITIONS, Settings, SettingsError};
use auralis_graph::yaml::{Node, Value};

/// A station of a configuration file: its name, its preset, and the settings that are its own.
#[derive(Debug, Clone, PartialEq)]
pub struct StationLines {
    /// The name in its address.
    pub name: String,
    /// The preset's file, or its name in the library.
    pub preset: String,
    /// Whether it is recorded; the default station is where this says nothing.
    pub record: Option<bool>,
    /// Settings by name, with where they stand.
    lines: Vec<(&'static str, String, String)>,
}

impl StationLines {
    /// The settings that it runs by: those of all, and its own.
    ///
    /// # Errors
    /// A value that is not legal, with its place.
    pub fn over(&self, all: &Settings) -> Result<Settings, SettingsError> {
        let mut settings = all.clone();
        for (name, value, place) in &self.lines {
            let definition = DEFINITIONS.iter().find(|definition| definition.name == *name);
            definition.map_or(Ok(()), |definition| definition.apply(&mut settings, value, place.clone()))?;
        }
        Ok(settings)
    }
}

/// The settings that a station of a configuration file can have for itself.
pub const OWN: [&str; 4] = ["default-key", "default-bpm", "default-intensity", "default-seed"];

/// The setting of a key in a file, of those that stand there.
pub(super) fn definition_of(
    key: &str,
    file: &str,
    stands: impl Fn(&Definition) -> bool,
) -> Result<&'static Definition, SettingsError> {
    let all = || DEFINITIONS.iter().filter(|definition| stands(definition));
    all().find(|definition| definition.key() == key).ok_or_else(|| {
        let names: Vec<String> = all().map(Definition::key).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let near = auralis_graph::diagnostic::nearest(key, &names);
        let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        SettingsError::Unknown { file: file.into(), key: key.into(), hint }
    })
}

/// A value as a flag would have it.
pub(super) fn scalar(value: &Node) -> String {
    match &value.value {
        Value::List(list) => list.iter().filter_map(|v| v.text()).collect::<Vec<_>>().join(","),
        _ => value.text().unwrap_or_default().to_string(),
    }
}

/// The stations of a configuration file: each a preset, or a preset with settings of its own.
pub(super) fn read_stations(node: Node, file: &str) -> Result<Vec<StationLines>, SettingsError> {
    let failed = |message: String| SettingsError::File { file: file.into(), message };
    let Value::Map(entries) = node.value else {
        return Err(failed("`stations` is a mapping from names to presets".into()));
    };
    let mut stations = Vec::new();
    for (name, value) in entries {
        let name = name.text.to_string();
        if !crate::stations::is_name(&name) {
            let wants = "1 to 64 letters, digits, _ and -".into();
            return Err(SettingsError::Value {
                place: format!("the name of a station in {file}"),
                value: name,
                wants,
            });
        }
        let (mut preset, mut record, mut lines) = (None, None, Vec::new());
        match value.value {
            Value::Map(entries) => {
                for (key, value) in entries {
                    if key.text == "preset" {
                        preset = value.text().map(str::to_string);
                        continue;
                    }
                    let place = format!("`{}` of the station `{name}` in {file}", key.text);
                    if key.text == "record" {
                        let value = scalar(&value);
                        let wants = |wants| SettingsError::Value { place, value: value.clone(), wants };
                        record = Some(switch(&value).map_err(wants)?);
                        continue;
                    }
                    let definition = definition_of(&key.text, file, |one| OWN.contains(&one.name))?;
                    lines.push((definition.name, scalar(&value), place));
                }
            }
            _ => preset = value.text().map(str::to_string),
        }
        let preset = preset.ok_or_else(|| failed(format!("the station `{name}` needs a `preset`")))?;
        stations.push(StationLines { name, preset, record, lines });
    }
    if stations.is_empty() {
        return Err(failed("`stations` names none".into()));
    }
    Ok(stations)
}
