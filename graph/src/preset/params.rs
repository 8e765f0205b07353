//! Reading a parameter's value: a constant, or a modulation whose source is looked up later.

use super::document::shorten;
use super::{Depth, ParamReach};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::music::Meter;
use crate::param::{Amount, Curve, ParamSpec, Unit};
use crate::quantity::{Measure, Quantity};
use crate::source::Span;
use crate::yaml::{Node, Value};

/// A parameter as far as it can be read without knowing the other nodes.
pub(super) struct ParamDraft<'n, 'a> {
    pub spec: &'static ParamSpec,
    pub amount: Amount,
    /// The source as written, and how far it reaches.
    pub modulation: Option<(&'n Node<'a>, ParamReach)>,
    pub span: Span,
}

impl ParamDraft<'_, '_> {
    pub fn default_of(spec: &'static ParamSpec, span: Span) -> Self {
        Self { spec, amount: Amount::Value(spec.default), modulation: None, span }
    }
}

pub(super) fn read<'n, 'a>(
    spec: &'static ParamSpec,
    value: &'n Node<'a>,
    meter: Meter,
    out: &mut Diagnostics,
) -> ParamDraft<'n, 'a> {
    let mut draft = ParamDraft::default_of(spec, value.span);
    match &value.value {
        Value::Scalar { text, .. } => match spec.read(text, meter) {
            Ok(amount) => draft.amount = amount,
            Err(message) => {
                let found = Diagnostic::error(value.span, message);
                let reference = super::is_name(text.split('.').next().unwrap_or_default());
                out.push(match reference && !matches!(spec.unit, Unit::Switch | Unit::Choice(_)) {
                    true => found.help(format!(
                        "to let a node move it: `{}: {{ from: {}, min: …, max: … }}`",
                        spec.name,
                        shorten(text)
                    )),
                    false => found,
                });
            }
        },
        Value::Map(_) => read_modulation(value, meter, &mut draft, out),
        _ => out.push(
            Diagnostic::error(value.span, format!("`{}` is a value, not {}", spec.name, value.what()))
                .help(format!("it wants {}", spec.wants())),
        ),
    }
    draft
}

const KEYS: [&str; 5] = ["from", "min", "max", "value", "depth"];

fn read_modulation<'n, 'a>(
    node: &'n Node<'a>,
    meter: Meter,
    draft: &mut ParamDraft<'n, 'a>,
    out: &mut Diagnostics,
) {
    let Value::Map(entries) = &node.value else { return };
    let spec = draft.spec;
    for (key, _) in entries.iter().filter(|(key, _)| !KEYS.contains(&key.text.as_ref())) {
        let message = format!("a modulation has no `{}`", shorten(&key.text));
        out.push(Diagnostic::error(key.span, message).nearest(&key.text, "keys", KEYS));
    }
    if spec.unit.stepped() {
        let message = format!("`{}` cannot be modulated: it has no values between", spec.name);
        out.push(Diagnostic::error(node.span, message).help(format!("give it {}", spec.wants())));
        return;
    }
    let find = |name: &str| entries.iter().find(|(key, _)| key.text == name).map(|(_, value)| value);
    let Some(from) = find("from") else {
        out.push(
            Diagnostic::error(node.span, format!("`{}` names nobody who moves it", spec.name))
                .help("add `from: node` or give a single value"),
        );
        return;
    };
    let number = |name: &str, out: &mut Diagnostics| find(name).and_then(|v| constant(spec, v, meter, out));
    let (min, max) = (find("min"), find("max"));
    let depth = find("depth");
    if depth.is_some() && (min.is_some() || max.is_some()) {
        out.push(
            Diagnostic::error(node.span, "`depth` and `min`/`max` exclude each other")
                .help("`min` and `max` replace the value; `depth` moves around it"),
        );
        return;
    }
    if let Some(depth_node) = depth {
        if let Some(amount) = number("value", out) {
            draft.amount = amount;
        }
        if let Some(depth) = read_depth(spec, depth_node, out) {
            draft.modulation = Some((from, ParamReach::Around(depth)));
        }
        return;
    }
    if let Some(value) = find("value") {
        out.push(
            Diagnostic::error(value.span, "`value` needs a `depth` to move by")
                .help("give a `depth`, or `min` and `max` instead of `value`"),
        );
    }
    let end = |name: &str, default: f32, out: &mut Diagnostics| match number(name, out) {
        Some(Amount::Value(value)) => value,
        Some(Amount::Length { .. }) => {
            let span = find(name).map_or(node.span, |value| value.span);
            out.push(Diagnostic::error(span, "the ends of a modulation cannot be musical lengths"));
            default
        }
        None => default,
    };
    let min = end("min", spec.range.min, out);
    let max = end("max", spec.range.max, out);
    draft.amount = Amount::Value(min);
    draft.modulation = Some((from, ParamReach::Span { min, max }));
}

fn constant(spec: &ParamSpec, value: &Node<'_>, meter: Meter, out: &mut Diagnostics) -> Option<Amount> {
    let read = match value.text() {
        Some(text) => spec.read(text, meter),
        None => Err(format!("`{}` is a value, not {}", spec.name, value.what())),
    };
    read.map_err(|message| out.push(Diagnostic::error(value.span, message))).ok()
}

fn read_depth(spec: &ParamSpec, value: &Node<'_>, out: &mut Diagnostics) -> Option<Depth> {
    let read = value.text().ok_or_else(|| format!("`depth` is a value, not {}", value.what()));
    let read = read.and_then(Quantity::parse).and_then(|quantity| depth_of(spec, quantity));
    read.map_err(|message| out.push(Diagnostic::error(value.span, message))).ok()
}

fn depth_of(spec: &ParamSpec, quantity: Quantity) -> Result<Depth, String> {
    let value = quantity.value as f32;
    let exponential = spec.range.curve == Curve::Exponential;
    let span = spec.range.max - spec.range.min;
    let wants = || {
        let unit = spec.unit.suffix().trim();
        let own = if unit.is_empty() { "a number".to_string() } else { unit.to_string() };
        let interval = if exponential { ", st or ct" } else { "" };
        format!("`depth` of `{}` is in {own}{interval}, or % of its whole range", spec.name)
    };
    match (quantity.measure, spec.unit) {
        (Measure::Percent, Unit::Ratio) | (Measure::Bare, _) | (Measure::Hertz, Unit::Hertz) => {
            own(value, span)
        }
        (Measure::Decibels, Unit::Decibels)
        | (Measure::Seconds, Unit::Seconds)
        | (Measure::Semitones, Unit::Semitones) => own(value, span),
        (Measure::Percent, _) if value.abs() <= 1.0 => Ok(Depth::Ratio(value)),
        (Measure::Semitones, Unit::Hertz) if exponential && value.abs() <= 120.0 => {
            Ok(Depth::Semitones(value))
        }
        _ => Err(wants()),
    }
}

fn own(value: f32, span: f32) -> Result<Depth, String> {
    if value.abs() <= span {
        Ok(Depth::Own(value))
    } else {
        Err(format!("`depth` is more than the whole range ({span})"))
    }
}
