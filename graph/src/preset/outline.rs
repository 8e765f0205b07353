//! Where the nodes of a text stand, of one with mistakes too.

use crate::source::{Source, Span};
use crate::yaml::{self, Node, Value};

/// A node of a text that may be wrong in any other way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outlined {
    /// Its name, as it is written.
    pub name: String,
    /// Where the name stands.
    pub at: Span,
    /// The name and all that belongs to it.
    pub whole: Span,
}

/// The nodes of a text, in its order; none of a text that is no YAML.
pub fn outline(source: &Source) -> Vec<Outlined> {
    let Ok((root, _)) = yaml::parse(source.text()) else { return Vec::new() };
    let Some(Value::Map(nodes)) = entry(&root, "nodes").map(|node| &node.value) else { return Vec::new() };
    let outlined = nodes.iter().map(|(key, value)| {
        // What an alias stands for may stand before its name.
        let whole = if value.span.end >= key.span.end { key.span.to(value.span) } else { key.span };
        Outlined { name: key.text.to_string(), at: key.span, whole }
    });
    outlined.collect()
}

fn entry<'n, 'a>(root: &'n Node<'a>, name: &str) -> Option<&'n Node<'a>> {
    let Value::Map(entries) = &root.value else { return None };
    entries.iter().find(|(key, _)| key.text == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_are_found_in_a_text_with_mistakes_and_in_none_that_is_no_yaml() {
        let text =
            "auralis: 9\nnodes:\n  a: { type: nothing }\n  b:\n    type: [\"?\"]\n    x: 1\nexpose: 5\n";
        let source = Source::new("x", text);
        let found = outline(&source);
        let parts: Vec<_> =
            found.iter().map(|node| (source.slice(node.at), source.slice(node.whole))).collect();
        assert_eq!(parts[0], ("a", "a: { type: nothing }"));
        assert_eq!((parts[1].0, parts[1].1.trim_end()), ("b", "b:\n    type: [\"?\"]\n    x: 1"));
        for text in ["", "nodes: [", "nodes: 5", "- nodes", "\u{0}"] {
            assert_eq!(outline(&Source::new("x", text)), [], "{text}");
        }
    }
}
