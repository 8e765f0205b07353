//! Reading one node: its kind, configuration, parameters, and what is to be connected later.

use super::document::{Entries, NAME_RULE, SETTINGS, read_settings, shorten};
use super::params::{self, ParamDraft};
use super::{Priority, is_name};
use crate::catalogue::{Catalogue, Config, Kind};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::music::Meter;
use crate::places::Places;
use crate::port::Ports;
use crate::settings::Overrides;
use crate::source::Span;
use crate::yaml::{Key, Node, Value};
use serde_json::Value as Json;
use std::collections::HashMap;

/// A node as far as it can be read without knowing the others.
pub(super) struct Draft<'n, 'a> {
    pub name: String,
    pub span: Span,
    pub kind: Kind,
    pub seed_as: String,
    pub priority: Priority,
    pub overrides: Overrides,
    pub config: Config,
    pub config_spans: HashMap<String, Span>,
    pub ports: Ports,
    /// What the text gives for each input port.
    pub inputs: Vec<Option<&'n Node<'a>>>,
    pub params: Vec<ParamDraft<'n, 'a>>,
}

/// The kinds met so far, with what is costly to ask for.
pub(super) struct KindTable<'c> {
    catalogue: &'c Catalogue,
    config_keys: HashMap<&'static str, Vec<String>>,
}

impl<'c> KindTable<'c> {
    pub fn new(catalogue: &'c Catalogue) -> Self {
        Self { catalogue, config_keys: HashMap::new() }
    }

    fn find(&mut self, name: &str) -> Option<(Kind, &[String])> {
        let kind = *self.catalogue.get(name)?;
        let keys = self.config_keys.entry(kind.name).or_insert_with(|| kind.config_keys());
        Some((kind, keys))
    }
}

/// Keys that every node may have.
const ALWAYS: [&str; 4] = ["type", "in", "seed_as", "priority"];

pub(super) fn read<'n, 'a>(
    name: &Key<'a>,
    value: &'n Node<'a>,
    meter: Meter,
    kinds: &mut KindTable<'_>,
    places: &Places,
    out: &mut Diagnostics,
) -> Option<Draft<'n, 'a>> {
    let Value::Map(entries) = &value.value else {
        let message = format!("a node is a mapping with a `type`, not {}", value.what());
        out.push(Diagnostic::error(name.span, message).help(format!("write `{}: {{ type: … }}`", name.text)));
        return None;
    };
    let Some((_, given)) = entries.iter().find(|(key, _)| key.text == "type") else {
        let found = Diagnostic::error(name.span, format!("`{}` has no `type`", shorten(&name.text)));
        out.push(found.nearest("", "types", kinds.catalogue.iter().map(|kind| kind.name)));
        return None;
    };
    let kind_name = given.text().unwrap_or_default();
    let catalogue = kinds.catalogue;
    let Some((kind, config_keys)) = kinds.find(kind_name) else {
        let found = Diagnostic::error(given.span, format!("unknown node type `{}`", shorten(kind_name)));
        out.push(found.nearest(kind_name, "types", catalogue.iter().map(|kind| kind.name)));
        return None;
    };
    let (config, config_spans) = read_config(&kind, entries, config_keys, name, out)?;
    for error in kind.check(&config, places) {
        let span = error.key.and_then(|key| config_spans.get(key)).copied().unwrap_or(name.span);
        let found = match places.forgives(&error) {
            true => Diagnostic::warning(span, error.of_silent(&name.text)),
            false => Diagnostic::error(span, format!("`{}`: {}", name.text, error.message)),
        };
        out.push(match error.help {
            Some(help) => found.help(help),
            None => found,
        });
    }
    let ports = kind.ports(&config);
    let overrides = if kind.settings { read_settings(entries, out) } else { Overrides::default() };
    let own_meter = overrides.meter.unwrap_or(meter);
    let specs: Vec<_> = kind.all_params(&ports).collect();
    let mut params: Vec<ParamDraft<'n, 'a>> =
        specs.iter().map(|spec| ParamDraft::default_of(spec, name.span)).collect();
    let mut inputs = vec![None; ports.inputs.len()];
    let mut seed_as = name.text.to_string();
    let mut priority = Priority::default();
    for (key, value) in entries {
        let word = key.text.as_ref();
        if word == "type"
            || config_keys.iter().any(|k| k == word)
            || (kind.settings && SETTINGS.contains(&word))
        {
            continue;
        }
        if word == "seed_as" {
            match value.text().filter(|text| is_name(text)) {
                Some(text) => seed_as = text.to_string(),
                None => out.push(
                    Diagnostic::error(value.span, "`seed_as` is the former name of a node").help(NAME_RULE),
                ),
            }
        } else if word == "priority" {
            match value.text().and_then(Priority::named) {
                Some(named) => priority = named,
                None => out.push(
                    Diagnostic::error(
                        value.span,
                        "`priority` is what may fall silent first on a busy machine",
                    )
                    .help("write `priority: low`, or leave it `normal`"),
                ),
            }
        } else if let Some(port) = port_of(&ports, word) {
            if let Some(first) = inputs[port].replace(value) {
                let message = format!("`{word}` and `in` are the same input");
                out.push(Diagnostic::error(key.span, message).related(first.span, "connected here"));
            }
        } else if let Some(index) = specs.iter().position(|spec| spec.name == word) {
            params[index] = params::read(specs[index], value, own_meter, out);
        } else {
            unknown_key(key, &kind, &ports, config_keys, out);
        }
    }
    let name_text = name.text.to_string();
    Some(Draft {
        name: name_text,
        span: name.span,
        kind,
        seed_as,
        priority,
        overrides,
        config,
        config_spans,
        ports,
        inputs,
        params,
    })
}

fn port_of(ports: &Ports, word: &str) -> Option<usize> {
    if word == "in" && !ports.inputs.is_empty() {
        return Some(0);
    }
    ports.inputs.iter().position(|port| port.name == word)
}

fn unknown_key(key: &Key<'_>, kind: &Kind, ports: &Ports, config_keys: &[String], out: &mut Diagnostics) {
    let settings: &[&str] = if kind.settings { &SETTINGS } else { &[] };
    let mut legal: Vec<&str> =
        ALWAYS.into_iter().filter(|word| *word != "in" || !ports.inputs.is_empty()).collect();
    legal.extend(ports.inputs.iter().map(|port| port.name).filter(|name| *name != "in"));
    legal.extend(kind.all_params(ports).map(|spec| spec.name));
    legal.extend(config_keys.iter().map(String::as_str));
    legal.extend(settings);
    let message = format!("`{}` has no `{}`", kind.name, shorten(&key.text));
    let found = Diagnostic::error(key.span, message);
    if key.text == "in" {
        out.push(found.help(format!("`{}` is a source: nothing goes into it", kind.name)));
    } else {
        out.push(found.nearest(&key.text, "keys", legal));
    }
}

/// Reads the structural part. Each wrong key is reported and left out, so that one mistake does not hide the
/// next; a node whose configuration stays illegal without them is given up.
fn read_config(
    kind: &Kind,
    entries: &Entries<'_>,
    keys: &[String],
    name: &Key<'_>,
    out: &mut Diagnostics,
) -> Option<(Config, HashMap<String, Span>)> {
    let mut map = serde_json::Map::new();
    let mut spans = HashMap::new();
    for (key, value) in entries.iter().filter(|(key, _)| keys.iter().any(|k| *k == key.text)) {
        spans.insert(key.text.to_string(), value.span);
        map.insert(key.text.to_string(), value.to_json());
    }
    let mut wrong = false;
    loop {
        match kind.read_config(Json::Object(map.clone())) {
            Ok(config) => return Some((config, spans)),
            Err(error) => {
                let span = spans.get(&error.key).copied().unwrap_or(name.span);
                let known = map.remove(&error.key).is_some();
                // After a mistake was left out, what is missing is no news.
                if known || !wrong {
                    let place = if known { error.key.as_str() } else { name.text.as_ref() };
                    out.push(Diagnostic::error(span, format!("`{place}`: {}", error.message)));
                }
                if !known {
                    return None;
                }
                wrong = true;
            }
        }
    }
}
