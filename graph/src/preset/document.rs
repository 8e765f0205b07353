//! Reading a preset's text from the top.

use super::connect::Names;
use super::node::{self, Draft, KindTable};
use super::{FORMAT, Info, NodeEntry, Preset, connect, expose, is_name, verify};
use crate::catalogue::Catalogue;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::places::Places;
use crate::settings::{MAX_TEMPO, MIN_TEMPO, Overrides};
use crate::source::{Source, Span};
use crate::yaml::{self, Key, Node, Value};
use std::sync::Arc;

const KEYS: [&str; 12] = [
    "auralis",
    "name",
    "author",
    "description",
    "tags",
    "seed",
    "key",
    "tempo",
    "meter",
    "intensity",
    "nodes",
    "expose",
];

/// The settings' keys, which nodes that go by settings may give for themselves.
pub(super) const SETTINGS: [&str; 5] = ["key", "tempo", "meter", "intensity", "seed"];

/// The entries of a mapping.
pub(super) type Entries<'a> = Vec<(Key<'a>, Node<'a>)>;

pub(super) fn read(
    source: &Source,
    catalogue: &Catalogue,
    places: &Places,
    given: &Overrides,
) -> Result<Preset, Diagnostics> {
    let mut out = Diagnostics::new(source.clone());
    let preset = read_text(source, catalogue, places, given, &mut out);
    out.sort();
    match preset {
        Some(preset) if !out.has_errors() => Ok(Preset { warnings: out, ..preset }),
        _ => Err(out),
    }
}

fn read_text(
    source: &Source,
    catalogue: &Catalogue,
    places: &Places,
    given: &Overrides,
    out: &mut Diagnostics,
) -> Option<Preset> {
    let root = match yaml::parse(source.text()) {
        Ok((root, mistakes)) => {
            mistakes.into_iter().for_each(|mistake| out.push(mistake));
            root
        }
        Err(mistakes) => {
            mistakes.into_iter().for_each(|mistake| out.push(mistake));
            return None;
        }
    };
    let start = Span::new(root.span.range().start, root.span.range().start);
    let entries = match root.value {
        Value::Map(entries) => entries,
        Value::Null => {
            out.push(Diagnostic::error(start, "the preset is empty").help(MINIMAL));
            return None;
        }
        _ => {
            out.push(
                Diagnostic::error(start, format!("a preset is a mapping, not {}", root.what())).help(MINIMAL),
            );
            return None;
        }
    };
    if !check_version(&entries, start, out) {
        return None;
    }
    for (key, _) in entries.iter().filter(|(key, _)| !KEYS.contains(&key.text.as_ref())) {
        let message = format!("a preset has no key `{}`", shorten(&key.text));
        out.push(Diagnostic::error(key.span, message).nearest(&key.text, "keys", KEYS));
    }
    let find = |name: &str| entries.iter().find(|(key, _)| key.text == name);
    let info = read_info(&entries, out);
    let settings = given.or(read_settings(&entries, out));
    let Some((nodes_key, nodes)) = find("nodes") else {
        out.push(Diagnostic::error(start, "the preset has no `nodes`").help(MINIMAL));
        return None;
    };
    let Value::Map(nodes) = &nodes.value else {
        let message = format!("`nodes` is a mapping from names to nodes, not {}", nodes.what());
        out.push(Diagnostic::error(nodes_key.span, message).help(MINIMAL));
        return None;
    };
    let meter = settings.meter.unwrap_or(crate::music::Meter::COMMON);
    let mut kinds = KindTable::new(catalogue);
    let mut names = Names::default();
    let mut drafts: Vec<Draft<'_, '_>> = Vec::with_capacity(nodes.len());
    for (key, value) in nodes {
        if !is_name(&key.text) {
            let message = format!("`{}` is not a name", shorten(&key.text));
            out.push(Diagnostic::error(key.span, message).help(NAME_RULE));
        }
        let draft = node::read(key, value, meter, &mut kinds, places, out);
        names.enter(&key.text, draft.is_some().then_some(drafts.len()));
        drafts.extend(draft);
    }
    let mut nodes = connect::connect(drafts, &names, out);
    let controls = match find("expose") {
        Some((_, value)) => expose::read(value, &mut nodes, &names, out),
        None => Vec::new(),
    };
    // Mistakes in the parts would only echo in the whole.
    if out.has_errors() {
        return None;
    }
    let nodes: Vec<Arc<NodeEntry>> = nodes.into_iter().map(Arc::new).collect();
    let topology = verify::verify(&nodes, nodes_key.span, out)?;
    let warnings = Diagnostics::new(source.clone());
    Some(Preset { source: source.clone(), info, settings, nodes, controls, warnings, topology })
}

const MINIMAL: &str = "the smallest preset: `auralis: 1` and \
     `nodes: { tone: { type: oscillator }, out: { type: output, in: tone } }`";

pub(super) const NAME_RULE: &str =
    "names are lower-case letters, digits and _, start with a letter, and have at most 64";

fn check_version(entries: &Entries<'_>, start: Span, out: &mut Diagnostics) -> bool {
    let Some((_, value)) = entries.iter().find(|(key, _)| key.text == "auralis") else {
        let found = Diagnostic::error(start, "the preset does not say its format version");
        out.push(found.help(format!("begin it with `auralis: {FORMAT}`")));
        return false;
    };
    let given = value.text().unwrap_or_default();
    if given.trim().parse() == Ok(FORMAT) {
        return true;
    }
    let found = Diagnostic::error(value.span, format!("format version `{}` is unknown", shorten(given)));
    let newer = given.trim().parse::<u32>().is_ok_and(|version| version > FORMAT);
    out.push(found.help(if newer {
        format!("this program reads version {FORMAT}; a newer Auralis is needed")
    } else {
        format!("this program reads version {FORMAT}: `auralis: {FORMAT}`")
    }));
    false
}

fn read_info(entries: &Entries<'_>, out: &mut Diagnostics) -> Info {
    let mut info = Info::default();
    for (key, value) in entries {
        let slot = match key.text.as_ref() {
            "name" => &mut info.name,
            "author" => &mut info.author,
            "description" => &mut info.description,
            "tags" => {
                info.tags = read_tags(value, out);
                continue;
            }
            _ => continue,
        };
        match value.text() {
            Some(text) => *slot = Some(text.trim().to_string()),
            None => out.push(Diagnostic::error(
                value.span,
                format!("`{}` is a text, not {}", key.text, value.what()),
            )),
        }
    }
    info
}

fn read_tags(value: &Node<'_>, out: &mut Diagnostics) -> Vec<String> {
    let Value::List(list) = &value.value else {
        let message = format!("`tags` is a list of words, not {}", value.what());
        out.push(Diagnostic::error(value.span, message).help("write `tags: [ambient, piano]`"));
        return Vec::new();
    };
    let mut tags = Vec::new();
    for tag in list {
        match tag.text() {
            Some(text) => tags.push(text.to_string()),
            None => out.push(Diagnostic::error(tag.span, format!("a tag is a word, not {}", tag.what()))),
        }
    }
    tags
}

/// Reads the settings' keys among the entries of a preset or node; all others are passed over.
pub(super) fn read_settings(entries: &Entries<'_>, out: &mut Diagnostics) -> Overrides {
    let mut settings = Overrides::default();
    for (key, value) in entries {
        let name = key.text.as_ref();
        if !SETTINGS.contains(&name) {
            continue;
        }
        let outcome = match value.text() {
            Some(text) => set(&mut settings, name, text),
            None => Err(format!("`{name}` is a single value, not {}", value.what())),
        };
        if let Err(message) = outcome {
            out.push(Diagnostic::error(value.span, message));
        }
    }
    settings
}

fn set(settings: &mut Overrides, name: &str, text: &str) -> Result<(), String> {
    match name {
        "key" => {
            settings.key = Some(text.parse().map_err(|error: crate::music::KeyError| error.to_string())?)
        }
        "meter" => {
            settings.meter = Some(text.parse().map_err(|error: crate::music::MeterError| error.to_string())?);
        }
        "tempo" => settings.tempo = Some(read_tempo(text)?),
        "intensity" => settings.intensity = Some(read_intensity(text)?),
        _ => settings.seed = Some(read_seed(text)?),
    }
    Ok(())
}

/// Reads a tempo.
///
/// # Errors
/// What is wrong and what would be right.
pub fn read_tempo(text: &str) -> Result<f64, String> {
    use crate::quantity::{Measure, Quantity};
    let wants = format!("`tempo` must be between {MIN_TEMPO} and {MAX_TEMPO} beats per minute");
    let quantity = Quantity::parse(text)?;
    let right_unit = matches!(quantity.measure, Measure::Bare | Measure::Bpm);
    if right_unit && (MIN_TEMPO..=MAX_TEMPO).contains(&quantity.value) {
        Ok(quantity.value)
    } else {
        Err(wants)
    }
}

/// Reads an intensity.
///
/// # Errors
/// What is wrong and what would be right.
pub fn read_intensity(text: &str) -> Result<f32, String> {
    use crate::quantity::{Measure, Quantity};
    let quantity = Quantity::parse(text)?;
    let right_unit = matches!(quantity.measure, Measure::Bare | Measure::Percent);
    if right_unit && (0.0..=1.0).contains(&quantity.value) {
        Ok(quantity.value as f32)
    } else {
        Err("`intensity` must be between 0 (sparse) and 1 (dense)".into())
    }
}

/// Reads a seed.
///
/// # Errors
/// What is wrong and what would be right.
pub fn read_seed(text: &str) -> Result<u64, String> {
    text.trim().parse().map_err(|_| format!("`seed` must be a whole number from 0 to {}", u64::MAX))
}

/// Text for a message, cut where a stranger made it long.
pub(super) fn shorten(text: &str) -> String {
    let mut short: String = text.chars().take(40).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
}
