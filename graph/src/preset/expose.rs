//! Reading `expose`: the controls that a preset offers to every surface.

use super::connect::Names;
use super::document::{NAME_RULE, shorten};
use super::{Control, NodeEntry, ParamReach, Target, is_name};
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::music::Meter;
use crate::param::{Amount, Curve, ParamSpec, Range, Unit};
use crate::quantity::{Measure, Quantity};
use crate::yaml::{Key, Node, Value};

const KEYS: [&str; 4] = ["to", "default", "label", "unit"];
const TARGET_KEYS: [&str; 4] = ["param", "min", "max", "curve"];
/// Words that every surface has anyway.
const RESERVED: [&str; 7] = ["key", "mode", "tempo", "bpm", "meter", "intensity", "seed"];
/// How far apart the targets' own values may stand and still agree on one default.
const AGREEMENT: f32 = 0.005;

pub(super) fn read(
    value: &Node<'_>,
    nodes: &mut [NodeEntry],
    names: &Names,
    out: &mut Diagnostics,
) -> Vec<Control> {
    let entries = match &value.value {
        Value::Map(entries) => entries,
        Value::Null => return Vec::new(),
        _ => {
            let message = format!("`expose` is a mapping from names to controls, not {}", value.what());
            out.push(Diagnostic::error(value.span, message));
            return Vec::new();
        }
    };
    let mut controls: Vec<Control> = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        if !is_name(&key.text) {
            let message = format!("`{}` is not a name", shorten(&key.text));
            out.push(Diagnostic::error(key.span, message).help(NAME_RULE));
        } else if RESERVED.contains(&key.text.as_ref()) {
            let message = format!("`{}` is always a control; nothing else can have its name", key.text);
            out.push(Diagnostic::error(key.span, message));
        }
        let mut reader = Reader { nodes, names, out };
        if let Some(control) = reader.control(key, value) {
            for target in &control.targets {
                warn_if_taken(&controls, target, &control, nodes, out);
            }
            controls.push(control);
        }
    }
    controls
}

fn warn_if_taken(
    controls: &[Control],
    target: &Target,
    control: &Control,
    nodes: &[NodeEntry],
    out: &mut Diagnostics,
) {
    let same = |other: &Target| other.node == target.node && other.param == target.param;
    let Some(other) = controls.iter().find(|other| other.targets.iter().any(same)) else { return };
    let node = &nodes[target.node];
    let param = node.params[target.param].spec.name;
    let message = format!("`{}.{param}` is moved by two controls; the last one moved wins", node.name);
    out.push(Diagnostic::warning(control.span, message).related(other.span, "also moves it"));
}

struct Reader<'s> {
    nodes: &'s mut [NodeEntry],
    names: &'s Names,
    out: &'s mut Diagnostics,
}

impl Reader<'_> {
    fn control(&mut self, key: &Key<'_>, value: &Node<'_>) -> Option<Control> {
        let name = key.text.to_string();
        let Value::Map(entries) = &value.value else {
            let message = format!("`{}` is a mapping with `to`, not {}", shorten(&name), value.what());
            self.out.push(Diagnostic::error(key.span, message).help("write `name: { to: node.param }`"));
            return None;
        };
        for (key, _) in entries.iter().filter(|(key, _)| !KEYS.contains(&key.text.as_ref())) {
            let message = format!("a control has no `{}`", shorten(&key.text));
            self.out.push(Diagnostic::error(key.span, message).nearest(&key.text, "keys", KEYS));
        }
        let find = |name: &str| entries.iter().find(|(key, _)| key.text == name).map(|(_, value)| value);
        let Some(to) = find("to") else {
            let found = Diagnostic::error(key.span, format!("`{name}` moves nothing"));
            self.out.push(found.help("add `to: node.param`"));
            return None;
        };
        let targets: Vec<Target> = match &to.value {
            Value::List(list) if list.is_empty() => {
                self.out.push(Diagnostic::error(to.span, format!("`{name}` moves nothing")));
                return None;
            }
            Value::List(list) => {
                let single = list.len() == 1;
                list.iter().map(|target| self.target(target, single)).collect::<Option<_>>()?
            }
            _ => vec![self.target(to, true)?],
        };
        let label = find("label").and_then(|node| self.text(node, "label")).unwrap_or_else(|| title(&name));
        let unit_label = find("unit").and_then(|node| self.text(node, "unit"));
        let given = find("default");
        let (unit, range, default) = match targets.as_slice() {
            [Target { node, param, stretch: None }] => self.like_target(*node, *param, given)?,
            _ => (Unit::Plain, UNIT_RANGE, self.shared_default(&targets, given, key)?),
        };
        if given.is_some() {
            self.start_at(default, &targets);
        }
        Some(Control { name, label, unit, unit_label, range, default, targets, span: key.span })
    }

    /// A control that says where it stands says so of its targets too, or they would jump when it is first moved.
    fn start_at(&mut self, value: f32, targets: &[Target]) {
        for target in targets {
            let value = target.stretch.map_or(value, |range| range.value(value));
            self.nodes[target.node].params[target.param].amount = Amount::Value(value);
        }
    }

    fn text(&mut self, node: &Node<'_>, what: &str) -> Option<String> {
        if node.text().is_none() {
            let message = format!("`{what}` is a text, not {}", node.what());
            self.out.push(Diagnostic::error(node.span, message));
        }
        node.text().map(str::to_string)
    }

    /// A single target without a range of its own: the control is that parameter.
    fn like_target(
        &mut self,
        node: usize,
        param: usize,
        given: Option<&Node<'_>>,
    ) -> Option<(Unit, Range, f32)> {
        let entry = self.nodes[node].params[param].clone();
        let own = match entry.amount {
            Amount::Value(value) => value,
            Amount::Length { .. } => {
                entry.amount.at_tempo(entry.spec, crate::settings::Settings::default().tempo)
            }
        };
        let default = match given {
            None => own,
            Some(node) => self.number(node, entry.spec)?,
        };
        Some((entry.spec.unit, entry.spec.range, default))
    }

    /// Several targets, or one with a range: the control runs from 0 to 1.
    fn shared_default(&mut self, targets: &[Target], given: Option<&Node<'_>>, key: &Key<'_>) -> Option<f32> {
        if let Some(node) = given {
            return self.number(node, &ParamSpec::ratio("default", 0.0));
        }
        let positions = targets.iter().filter_map(|target| {
            let Amount::Value(value) = self.nodes[target.node].params[target.param].amount else {
                return None;
            };
            Some(target.stretch.unwrap_or(UNIT_RANGE).position(value))
        });
        let positions: Vec<f32> = positions.collect();
        let first = positions.first().copied().unwrap_or(0.0);
        let agree = positions.len() == targets.len()
            && positions.iter().all(|position| (position - first).abs() <= AGREEMENT);
        if !agree {
            let found = Diagnostic::error(key.span, format!("`{}` needs a `default`", key.text));
            self.out.push(found.help("its targets' own values stand at different places of their ranges; give a number from 0 to 1"));
            return None;
        }
        Some(first)
    }

    fn number(&mut self, node: &Node<'_>, spec: &ParamSpec) -> Option<f32> {
        let read = node.text().ok_or_else(|| format!("a value was expected, not {}", node.what()));
        match read.and_then(|text| spec.read(text, Meter::COMMON)) {
            Ok(Amount::Value(value)) => Some(value),
            Ok(Amount::Length { .. }) => {
                self.out.push(Diagnostic::error(node.span, "a control cannot stand at a musical length"));
                None
            }
            Err(message) => {
                self.out.push(Diagnostic::error(node.span, message));
                None
            }
        }
    }

    fn target(&mut self, value: &Node<'_>, single: bool) -> Option<Target> {
        let Value::Map(entries) = &value.value else {
            let (node, param) = self.param(value)?;
            let range = self.nodes[node].params[param].spec.range;
            return Some(Target { node, param, stretch: (!single).then_some(range) });
        };
        for (key, _) in entries.iter().filter(|(key, _)| !TARGET_KEYS.contains(&key.text.as_ref())) {
            let message = format!("a target has no `{}`", shorten(&key.text));
            self.out.push(Diagnostic::error(key.span, message).nearest(&key.text, "keys", TARGET_KEYS));
        }
        let find = |name: &str| entries.iter().find(|(key, _)| key.text == name).map(|(_, value)| value);
        let Some(reference) = find("param") else {
            let found = Diagnostic::error(value.span, "this target names no parameter");
            self.out.push(found.help("write `{ param: node.param, min: …, max: … }`"));
            return None;
        };
        let (node, param) = self.param(reference)?;
        let spec = self.nodes[node].params[param].spec;
        let min = find("min").map_or(Some(spec.range.min), |value| self.number(value, spec))?;
        let max = find("max").map_or(Some(spec.range.max), |value| self.number(value, spec))?;
        let curve = match find("curve") {
            Some(value) => self.curve(value, min, max)?,
            None if spec.range.curve == Curve::Exponential => Curve::Exponential,
            None => spec.range.curve,
        };
        Some(Target { node, param, stretch: Some(Range { min, max, curve }) })
    }

    fn curve(&mut self, value: &Node<'_>, min: f32, max: f32) -> Option<Curve> {
        let power = |text: &str| match Quantity::parse(text) {
            Ok(Quantity { value, measure: Measure::Bare }) if (0.05..=20.0).contains(&value) => {
                Some(Curve::Power(value as f32))
            }
            _ => None,
        };
        let curve = match value.text() {
            Some("lin") => Some(Curve::Linear),
            Some("exp") if min > 0.0 && max > 0.0 => Some(Curve::Exponential),
            Some("exp") => {
                let found = Diagnostic::error(value.span, "an exponential curve cannot reach zero");
                self.out.push(found.help("raise `min` above 0, or use `lin` or a power such as 3"));
                return None;
            }
            Some(text) => power(text),
            None => None,
        };
        if curve.is_none() {
            let found = Diagnostic::error(value.span, "not a curve");
            self.out.push(found.help("a curve is `lin`, `exp`, or a power between 0.05 and 20"));
        }
        curve
    }

    /// `node.param`.
    fn param(&mut self, value: &Node<'_>) -> Option<(usize, usize)> {
        let Some((node_name, param_name)) = value.text().and_then(|text| text.split_once('.')) else {
            let found = Diagnostic::error(value.span, "a target is `node.param`");
            self.out.push(found);
            return None;
        };
        let node = self.names.find(node_name, value.span, self.out)?;
        let entry = &self.nodes[node];
        let Some(param) = entry.params.iter().position(|param| param.spec.name == param_name) else {
            let message = format!("`{node_name}` has no parameter `{}`", shorten(param_name));
            let found =
                Diagnostic::error(value.span, message).related(entry.span, format!("a {}", entry.kind.name));
            let specs = entry.params.iter().map(|param| param.spec.name);
            self.out.push(found.nearest(param_name, "parameters", specs));
            return None;
        };
        if let Some(modulation) = &entry.params[param].modulation
            && matches!(modulation.reach, ParamReach::Span { .. })
        {
            let message = format!(
                "`{node_name}.{param_name}` is moved by a node from end to end; a control cannot move it too"
            );
            let found = Diagnostic::error(value.span, message).related(modulation.span, "moved by this");
            self.out
                .push(found.help("let the node move it around a value: `{ value: …, from: …, depth: … }`"));
            return None;
        }
        Some((node, param))
    }
}

const UNIT_RANGE: Range = Range { min: 0.0, max: 1.0, curve: Curve::Linear };

/// `night_drift` as a reader would write it.
fn title(name: &str) -> String {
    let spaced = name.replace('_', " ");
    let mut chars = spaced.chars();
    chars.next().map(|first| first.to_uppercase().collect::<String>() + chars.as_str()).unwrap_or_default()
}
