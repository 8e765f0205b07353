//! What can only be judged once everything is connected: widths of audio, loops, inputs left open, nodes that
//! nobody hears.

use super::NodeEntry;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::node::Role;
use crate::plan::{self, Order, Topology, WidthMismatch, Widths};
use crate::source::Span;
use std::sync::Arc;

/// What follows from the connections, unless they are wrong.
pub(super) fn verify(nodes: &[Arc<NodeEntry>], nodes_key: Span, out: &mut Diagnostics) -> Option<Topology> {
    let order = order(nodes, out);
    let widths = widths(nodes, order.as_ref(), out);
    open_inputs(nodes, out);
    roots(nodes, nodes_key, out);
    Some(Topology::new(nodes, order?, widths?))
}

fn order(nodes: &[Arc<NodeEntry>], out: &mut Diagnostics) -> Option<Order> {
    let loops = match plan::order(nodes) {
        Ok(order) => return Some(order),
        Err(loops) => loops,
    };
    for members in loops {
        // The text order of a loop's members is as good a start as any; the arrow closes it.
        let shown: Vec<&str> = members.iter().take(12).map(|index| nodes[*index].name.as_str()).collect();
        let more = if members.len() > shown.len() { " -> …" } else { "" };
        let path = format!("{}{more} -> {}", shown.join(" -> "), shown[0]);
        let first = &nodes[members[0]];
        let mut found =
            Diagnostic::error(first.span, format!("these nodes feed each other without a delay: {path}"))
                .help("put a `delay` into the loop: it may feed back, since it sounds later than it hears");
        for member in members.iter().skip(1).take(11) {
            found = found.related(nodes[*member].span, "in the loop");
        }
        out.push(found);
    }
    None
}

fn widths(nodes: &[Arc<NodeEntry>], order: Option<&Order>, out: &mut Diagnostics) -> Option<Vec<Widths>> {
    let found = match order {
        Some(order) => plan::widths(nodes, order.sequence.iter().copied()),
        None => plan::widths(nodes, 0..nodes.len()),
    };
    let mismatches = match found {
        Ok(widths) => return Some(widths),
        Err(mismatches) => mismatches,
    };
    for WidthMismatch { node, connection, source, given, wanted } in mismatches {
        let (node, source) = (&nodes[node], &nodes[source]);
        let message = format!("`{}` has {given} channels, but `{}` takes {wanted}", source.name, node.name);
        let found =
            Diagnostic::error(connection.span, message).related(source.span, format!("{given} channels"));
        out.push(found.help("only mono to any width and stereo to mono are converted"));
    }
    None
}

fn open_inputs(nodes: &[Arc<NodeEntry>], out: &mut Diagnostics) {
    for node in nodes {
        for (port, connections) in node.ports.inputs.iter().zip(&node.inputs) {
            if connections.is_empty() && !port.optional {
                let key = if port.name == node.ports.inputs[0].name { "in" } else { port.name };
                let message = format!("nothing is connected to `{key}` of `{}`", node.name);
                let help =
                    format!("a {} without {} is silent; add `{key}: node`", node.kind.name, port.flow());
                out.push(Diagnostic::warning(node.span, message).help(help));
            }
        }
    }
}

fn roots(nodes: &[Arc<NodeEntry>], nodes_key: Span, out: &mut Diagnostics) {
    let roots: Vec<usize> = (0..nodes.len()).filter(|i| is_root(nodes[*i].kind.role)).collect();
    if roots.is_empty() {
        let found = Diagnostic::error(nodes_key, "nothing of this can be heard: there is no `output`");
        out.push(found.help("add `out: { type: output, in: … }`"));
        return;
    }
    let reached = plan::reached(nodes, roots);
    for (node, reached) in nodes.iter().zip(reached) {
        if !reached {
            let message = format!("`{}` is not used: it reaches no output", node.name);
            out.push(Diagnostic::warning(node.span, message));
        }
    }
}

fn is_root(role: Role) -> bool {
    matches!(role, Role::Output | Role::NotesOut | Role::FileSink | Role::Ring)
}
