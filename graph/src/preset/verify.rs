//! What can only be judged once everything is connected: widths of audio, loops, inputs left open, nodes that
//! nobody hears.

use super::Preset;
use crate::diagnostic::{Diagnostic, Diagnostics};
use crate::node::Role;
use crate::plan::{self, WidthMismatch};
use crate::source::Span;

pub(super) fn verify(preset: &Preset, nodes_key: Span, out: &mut Diagnostics) {
    loops(preset, out);
    widths(preset, out);
    open_inputs(preset, out);
    roots(preset, nodes_key, out);
}

fn loops(preset: &Preset, out: &mut Diagnostics) {
    let Err(loops) = plan::order(&preset.nodes) else { return };
    for members in loops {
        // The text order of a loop's members is as good a start as any; the arrow closes it.
        let shown: Vec<&str> =
            members.iter().take(12).map(|index| preset.nodes[*index].name.as_str()).collect();
        let more = if members.len() > shown.len() { " -> …" } else { "" };
        let path = format!("{}{more} -> {}", shown.join(" -> "), shown[0]);
        let first = &preset.nodes[members[0]];
        let mut found =
            Diagnostic::error(first.span, format!("these nodes feed each other without a delay: {path}"))
                .help("put a `delay` into the loop: it may feed back, since it sounds later than it hears");
        for member in members.iter().skip(1).take(11) {
            found = found.related(preset.nodes[*member].span, "in the loop");
        }
        out.push(found);
    }
}

fn widths(preset: &Preset, out: &mut Diagnostics) {
    let Err(mismatches) = plan::widths(&preset.nodes) else { return };
    for WidthMismatch { node, connection, source, given, wanted } in mismatches {
        let (node, source) = (&preset.nodes[node], &preset.nodes[source]);
        let message = format!("`{}` has {given} channels, but `{}` takes {wanted}", source.name, node.name);
        let found =
            Diagnostic::error(connection.span, message).related(source.span, format!("{given} channels"));
        out.push(found.help("only mono to any width and stereo to mono are converted"));
    }
}

fn open_inputs(preset: &Preset, out: &mut Diagnostics) {
    for node in &preset.nodes {
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

fn roots(preset: &Preset, nodes_key: Span, out: &mut Diagnostics) {
    let roots: Vec<usize> = (0..preset.nodes.len()).filter(|i| is_root(preset.nodes[*i].kind.role)).collect();
    if roots.is_empty() {
        let found = Diagnostic::error(nodes_key, "nothing of this can be heard: there is no `output`");
        out.push(found.help("add `out: { type: output, in: … }`"));
        return;
    }
    let reached = plan::reached(&preset.nodes, roots);
    for (node, reached) in preset.nodes.iter().zip(reached) {
        if !reached {
            let message = format!("`{}` is not used: it reaches no output", node.name);
            out.push(Diagnostic::warning(node.span, message));
        }
    }
}

fn is_root(role: Role) -> bool {
    matches!(role, Role::Output | Role::NotesOut | Role::FileSink | Role::Ring)
}
