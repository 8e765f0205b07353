//! References between nodes: inputs and modulations, once all names are known.

use super::document::shorten;
use super::node::Draft;
use super::{Connection, NodeEntry, Outlet, ParamEntry, ParamModulation};
use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::param::{COMMON, SILENCE_DB};
use crate::port::{PortKind, PortSpec, Ports};
use crate::source::Span;
use crate::yaml::{Node, Value};
use std::collections::HashMap;

/// The names of all nodes; those with mistakes of their own have no index.
#[derive(Default)]
pub(super) struct Names {
    index: HashMap<String, Option<usize>>,
    order: Vec<String>,
}

impl Names {
    pub fn enter(&mut self, name: &str, index: Option<usize>) {
        self.index.insert(name.to_string(), index);
        self.order.push(name.to_string());
    }

    /// The node of a name. A node with mistakes of its own is known, but gives nothing.
    pub fn find(&self, name: &str, span: Span, out: &mut Diagnostics) -> Option<usize> {
        match self.index.get(name) {
            Some(index) => *index,
            None => {
                out.push_with(Severity::Error, || {
                    let found = Diagnostic::error(span, format!("no node is called `{}`", shorten(name)));
                    found.nearest(name, "nodes", self.order.iter().map(String::as_str))
                });
                None
            }
        }
    }
}

/// What a reference needs to know of the node that it names.
struct Known {
    name: String,
    span: Span,
    ports: Ports,
    kind: &'static str,
}

pub(super) fn connect(drafts: Vec<Draft<'_, '_>>, names: &Names, out: &mut Diagnostics) -> Vec<NodeEntry> {
    let known: Vec<Known> = drafts
        .iter()
        .map(|draft| Known {
            name: draft.name.clone(),
            span: draft.span,
            ports: draft.ports.clone(),
            kind: draft.kind.name,
        })
        .collect();
    let mut wiring = Wiring { known, names, out };
    drafts.into_iter().map(|draft| wiring.node(draft)).collect()
}

struct Wiring<'s> {
    known: Vec<Known>,
    names: &'s Names,
    out: &'s mut Diagnostics,
}

impl Wiring<'_> {
    fn node(&mut self, draft: Draft<'_, '_>) -> NodeEntry {
        let given = draft.ports.inputs.iter().zip(&draft.inputs);
        let inputs =
            given.map(|(port, node)| node.map_or_else(Vec::new, |node| self.input(node, port))).collect();
        let params = draft.params.into_iter().map(|param| {
            let modulation = param.modulation.and_then(|(node, reach)| {
                let from = self.modulator(node)?;
                Some(ParamModulation { from, reach, span: node.span })
            });
            ParamEntry { spec: param.spec, amount: param.amount, modulation, span: param.span }
        });
        let params = params.collect();
        NodeEntry {
            name: draft.name,
            span: draft.span,
            kind: draft.kind,
            seed_as: draft.seed_as,
            priority: draft.priority,
            overrides: draft.overrides,
            config: draft.config,
            config_spans: draft.config_spans,
            ports: draft.ports,
            inputs,
            params,
        }
    }

    fn input(&mut self, node: &Node<'_>, port: &PortSpec) -> Vec<Connection> {
        match &node.value {
            Value::List(list) => {
                if list.len() > 1 && matches!(port.kind, PortKind::Packets { .. }) {
                    let found = Diagnostic::error(node.span, "packets cannot be summed");
                    self.out.push(found.help("connect one encoder; mix the audio before it"));
                }
                list.iter().filter_map(|entry| self.connection(entry, port)).collect()
            }
            Value::Null => {
                self.out
                    .push(Diagnostic::error(node.span, format!("nothing is connected to `{}`", port.name)));
                Vec::new()
            }
            _ => self.connection(node, port).into_iter().collect(),
        }
    }

    fn connection(&mut self, node: &Node<'_>, port: &PortSpec) -> Option<Connection> {
        let (reference, gain) = match &node.value {
            Value::Map(entries) => {
                for (key, _) in
                    entries.iter().filter(|(key, _)| !["from", "gain"].contains(&key.text.as_ref()))
                {
                    let message = format!("a connection has no `{}`", shorten(&key.text));
                    self.out.push(Diagnostic::error(key.span, message).nearest(
                        &key.text,
                        "keys",
                        ["from", "gain"],
                    ));
                }
                let find =
                    |name: &str| entries.iter().find(|(key, _)| key.text == name).map(|(_, value)| value);
                let Some(from) = find("from") else {
                    let found = Diagnostic::error(node.span, "this connection comes from nowhere");
                    self.out.push(found.help("write `{ from: node, gain: -3 dB }`"));
                    return None;
                };
                (from, find("gain"))
            }
            _ => (node, None),
        };
        let from = self.outlet(reference)?;
        let source = &self.known[from.node].ports.outputs[from.port];
        if source.flow() != port.flow() {
            let text = format!(
                "`{}` gives {}, but `{}` takes {}",
                shorten(reference.text().unwrap_or_default()),
                source.flow(),
                port.name,
                port.flow()
            );
            let known = &self.known[from.node];
            let fitting: Vec<String> = known
                .ports
                .outputs
                .iter()
                .filter(|output| output.flow() == port.flow())
                .map(|output| format!("`{}.{}`", known.name, output.name))
                .collect();
            let label = format!("a {}, which gives {}", known.kind, source.flow());
            let found = Diagnostic::error(reference.span, text)
                .label(format!("this input takes {}", port.flow()))
                .related(known.span, label);
            self.out.push(match fitting.is_empty() {
                true => found,
                false => found.help(format!("{} would fit", fitting.join(", "))),
            });
            return None;
        }
        let gain = match gain {
            None => 0.0,
            Some(node) if !port.is_audio() => {
                let message = format!("a connection of {} has no gain", port.flow());
                self.out.push(Diagnostic::error(node.span, message));
                0.0
            }
            Some(node) => self.gain(node),
        };
        Some(Connection { from, gain, span: reference.span })
    }

    fn gain(&mut self, node: &Node<'_>) -> f32 {
        let spec = &COMMON[0];
        let read = node.text().ok_or_else(|| format!("`gain` is a value, not {}", node.what()));
        match read.and_then(|text| spec.read(text, crate::music::Meter::COMMON)) {
            Ok(crate::param::Amount::Value(db)) => db,
            Ok(crate::param::Amount::Length { .. }) => SILENCE_DB,
            Err(message) => {
                self.out.push(Diagnostic::error(node.span, message));
                0.0
            }
        }
    }

    /// `node` (its first output) or `node.port`.
    fn outlet(&mut self, node: &Node<'_>) -> Option<Outlet> {
        let Some(text) = node.text() else {
            let message = format!("a connection names a node, not {}", node.what());
            self.out.push(Diagnostic::error(node.span, message).help("write `node` or `node.port`"));
            return None;
        };
        let (name, port) = match text.split_once('.') {
            Some((name, port)) => (name, Some(port)),
            None => (text, None),
        };
        let index = self.names.find(name, node.span, self.out)?;
        let known = &self.known[index];
        let outputs = &known.ports.outputs;
        if outputs.is_empty() {
            let message = format!("`{}` is a {}: nothing comes out of it", known.name, known.kind);
            self.out.push(Diagnostic::error(node.span, message).related(known.span, "a sink"));
            return None;
        }
        let found = port.map_or(Some(0), |port| outputs.iter().position(|output| output.name == port));
        if found.is_none() {
            let port = port.unwrap_or_default();
            let message = format!("`{}` has no output `{}`", known.name, shorten(port));
            let diagnostic =
                Diagnostic::error(node.span, message).related(known.span, format!("a {}", known.kind));
            self.out.push(diagnostic.nearest(port, "outputs", outputs.iter().map(|output| output.name)));
        }
        found.map(|port| Outlet { node: index, port })
    }

    fn modulator(&mut self, node: &Node<'_>) -> Option<Outlet> {
        let from = self.outlet(node)?;
        let known = &self.known[from.node];
        let port = &known.ports.outputs[from.port];
        if port.is_audio() {
            return Some(from);
        }
        let message = format!("`{}` gives {}, which cannot move a parameter", known.name, port.flow());
        let found = Diagnostic::error(node.span, message).related(known.span, format!("a {}", known.kind));
        self.out.push(found.help("modulate with audio: an lfo, an envelope, or any node that makes sound"));
        None
    }
}
