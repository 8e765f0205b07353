//! JSON Schema of the preset format, for editors. Made from the same definitions that reading uses.

use crate::catalogue::{Catalogue, Kind};
use crate::music::Mode;
use crate::param::{Amount, Curve, ParamSpec, Unit};
use crate::settings::{MAX_TEMPO, MIN_TEMPO};
use serde_json::{Map, Value as Json, json};

/// The schema (draft 2020-12) of presets that use the kinds of a catalogue.
pub fn json_schema(catalogue: &Catalogue) -> Json {
    let kinds: Vec<&Kind> = catalogue.iter().collect();
    let mut definitions = Map::new();
    for kind in &kinds {
        definitions.insert(format!("node_{}", kind.name), node(kind));
    }
    let reference = "^[a-z][a-z0-9_]*(\\.[a-z][a-z0-9_]*)?$";
    definitions.insert(
        "reference".into(),
        json!({
            "type": "string", "pattern": reference,
            "description": "A node's name for its first output, or node.port."
        }),
    );
    definitions.insert("audio_input".into(), input(true));
    definitions.insert("input".into(), input(false));
    definitions.insert("modulation".into(), modulation());
    definitions.insert("control".into(), control());
    let choose = kinds.iter().map(|kind| {
        json!({
            "if": { "properties": { "type": { "const": kind.name } }, "required": ["type"] },
            "then": { "$ref": format!("#/$defs/node_{}", kind.name) }
        })
    });
    let types = kinds.iter().map(|kind| json!({ "const": kind.name, "description": kind.summary() }));
    definitions.insert(
        "node".into(),
        json!({
            "type": "object",
            "required": ["type"],
            "properties": { "type": { "oneOf": types.collect::<Vec<_>>() } },
            "allOf": choose.collect::<Vec<_>>()
        }),
    );
    let mut properties = json!({
        "auralis": { "const": super::FORMAT, "description": "Format version." },
        "name": { "type": "string", "description": "Title." },
        "author": { "type": "string" },
        "description": { "type": "string" },
        "tags": { "type": "array", "items": { "type": "string" }, "description": "Words to find it by." },
        "nodes": {
            "type": "object",
            "propertyNames": { "pattern": NAME },
            "additionalProperties": { "$ref": "#/$defs/node" },
            "description": "The audio graph: nodes by name."
        },
        "expose": {
            "type": "object",
            "propertyNames": { "pattern": NAME },
            "additionalProperties": { "$ref": "#/$defs/control" },
            "description": "Controls for every surface; the order is the order of the slots."
        }
    });
    extend(&mut properties, settings());
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Auralis preset",
        "type": "object",
        "required": ["auralis", "nodes"],
        "properties": properties,
        "additionalProperties": false,
        "$defs": definitions
    })
}

const NAME: &str = "^[a-z][a-z0-9_]{0,63}$";

fn extend(into: &mut Json, from: Json) {
    if let (Json::Object(into), Json::Object(from)) = (into, from) {
        into.extend(from);
    }
}

fn settings() -> Json {
    let modes = Mode::ALL.map(|mode| mode.name()).join("|");
    json!({
        "key": {
            "type": "string", "pattern": format!("^[A-Ga-g][#b]?\\s+({modes}|ionian|aeolian|natural minor)$"),
            "description": "Tonic and mode, such as `A minor` or `F# dorian`."
        },
        "tempo": {
            "description": format!("Beats per minute, {MIN_TEMPO} to {MAX_TEMPO}."),
            "anyOf": [
                { "type": "number", "minimum": MIN_TEMPO, "maximum": MAX_TEMPO },
                { "type": "string", "pattern": "bpm$" }
            ]
        },
        "meter": { "type": "string", "pattern": "^[0-9]+/[0-9]+$", "description": "Time signature; 4/4." },
        "intensity": {
            "description": "From 0, sparse, to 1, dense.",
            "anyOf": [{ "type": "number", "minimum": 0, "maximum": 1 }, { "type": "string", "pattern": "%$" }]
        },
        "seed": { "type": "integer", "minimum": 0, "description": "The root of all chance." }
    })
}

fn input(audio: bool) -> Json {
    let mut properties = json!({ "from": { "$ref": "#/$defs/reference" } });
    if audio {
        extend(&mut properties, json!({ "gain": { "type": ["number", "string"], "description": "dB." } }));
    }
    let entry = json!({
        "anyOf": [
            { "$ref": "#/$defs/reference" },
            { "type": "object", "required": ["from"], "properties": properties, "additionalProperties": false }
        ]
    });
    json!({ "anyOf": [entry.clone(), { "type": "array", "items": entry }] })
}

fn modulation() -> Json {
    let value = json!({ "type": ["number", "string"] });
    json!({
        "type": "object",
        "required": ["from"],
        "properties": {
            "from": { "$ref": "#/$defs/reference" },
            "min": value, "max": value, "value": value, "depth": value
        },
        "additionalProperties": false,
        "description": "Moved by another node: from `min` to `max`, or by `depth` around `value`."
    })
}

fn control() -> Json {
    let value = json!({ "type": ["number", "string", "boolean"] });
    let target = json!({
        "anyOf": [
            { "type": "string", "pattern": "^[a-z][a-z0-9_]*\\.[a-z][a-z0-9_]*$" },
            {
                "type": "object",
                "required": ["param"],
                "properties": {
                    "param": { "type": "string" }, "min": value, "max": value,
                    "curve": { "description": "lin, exp, or a power.", "type": ["number", "string"] }
                },
                "additionalProperties": false
            }
        ]
    });
    json!({
        "type": "object",
        "required": ["to"],
        "properties": {
            "to": { "anyOf": [target.clone(), { "type": "array", "items": target, "minItems": 1 }] },
            "default": value, "label": { "type": "string" }, "unit": { "type": "string" }
        },
        "additionalProperties": false
    })
}

fn node(kind: &Kind) -> Json {
    let mut properties = json!({
        "type": { "const": kind.name },
        "seed_as": { "type": "string", "pattern": NAME, "description": "Former name, which keeps its chance." },
        "priority": { "enum": ["low", "normal"], "description": "Nodes of low priority fall silent first on a busy machine." }
    });
    if kind.settings {
        extend(&mut properties, settings());
    }
    let config = kind.config_schema();
    if let Some(config) = config.get("properties") {
        extend(&mut properties, config.clone());
    }
    let mut required = vec![json!("type")];
    required.extend(config.get("required").and_then(Json::as_array).into_iter().flatten().cloned());
    let shown = kind.default_config().map(|config| kind.ports(&config)).unwrap_or_default();
    // Ports and common parameters may depend on the configuration; what the default shows is documented.
    for (index, port) in shown.inputs.iter().enumerate() {
        let definition = if port.is_audio() { "audio_input" } else { "input" };
        let entry = json!({ "$ref": format!("#/$defs/{definition}"), "description": port.about });
        if index == 0 {
            extend(&mut properties, json!({ "in": entry.clone() }));
        }
        extend(&mut properties, json!({ port.name: entry }));
    }
    if shown == Default::default() {
        extend(&mut properties, json!({ "in": { "$ref": "#/$defs/audio_input" } }));
    }
    for spec in kind.all_params(&shown) {
        extend(&mut properties, json!({ spec.name: param(spec) }));
    }
    json!({
        "type": "object",
        "description": kind.summary(),
        "properties": properties,
        "required": required,
        "additionalProperties": false
    })
}

fn param(spec: &ParamSpec) -> Json {
    let default = match spec.unit {
        Unit::Switch => json!(spec.default >= 0.5),
        _ => json!(spec.print(Amount::Value(spec.default))),
    };
    let constant = match spec.unit {
        Unit::Switch => json!({ "type": "boolean" }),
        Unit::Choice(words) => json!({ "enum": words }),
        _ => json!({ "type": "number", "minimum": spec.range.min, "maximum": spec.range.max }),
    };
    let mut forms = vec![constant];
    if !spec.unit.stepped() {
        forms.push(json!({ "type": "string", "description": spec.wants() }));
        forms.push(json!({ "$ref": "#/$defs/modulation" }));
    }
    let curve = match spec.range.curve {
        Curve::Linear => "",
        _ => " Travelled on a curve.",
    };
    json!({ "anyOf": forms, "default": default, "description": format!("{}{curve}", spec.about) })
}
