//! YAML as a tree in which every value knows its place. Control side only.
//!
//! Scanning and parsing are granit-parser's; this module only builds the tree, resolves aliases and merge
//! keys, and bounds what a hostile file may cost: size, depth and the number of values after expansion.

use crate::diagnostic::Diagnostic;
use crate::source::Span;
use granit_parser::{Event, Parser, ScalarStyle};
use std::borrow::Cow;
use std::collections::HashMap;

/// Larger texts are refused unread: a preset of 10,000 nodes has 1.3 MB.
pub const MAX_BYTES: usize = 16 << 20;
/// Deeper nesting is refused: the deepest legal preset has seven levels.
pub const MAX_DEPTH: usize = 32;
/// More values than this, aliases expanded, are refused.
pub const MAX_VALUES: usize = 1_000_000;

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Node<'a> {
    /// The text of the value.
    pub span: Span,
    /// The value.
    pub value: Value<'a>,
}

/// A YAML value. Scalars are kept as text: what they mean depends on the key they stand under.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    /// A scalar. A plain (unquoted) empty one, `~` and `null` are [`Value::Null`] instead.
    Scalar {
        /// The text after unescaping.
        text: Cow<'a, str>,
        /// Whether it was written without quotes.
        plain: bool,
    },
    /// Nothing.
    Null,
    /// A sequence.
    List(Vec<Node<'a>>),
    /// A mapping, in text order, without repeated keys.
    Map(Vec<(Key<'a>, Node<'a>)>),
}

/// A key of a mapping.
#[derive(Debug, Clone, PartialEq)]
pub struct Key<'a> {
    /// The text of the key.
    pub text: Cow<'a, str>,
    /// Where it stands.
    pub span: Span,
}

impl<'a> Node<'a> {
    /// The text, if this is a scalar.
    pub fn text(&self) -> Option<&str> {
        match &self.value {
            Value::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// A word for a diagnostic: what was found instead of what was wanted.
    pub fn what(&self) -> &'static str {
        match self.value {
            Value::Scalar { .. } => "a single value",
            Value::Null => "nothing",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// The value as JSON: plain scalars that read as booleans or numbers become such, all else stays text.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::Value as Json;
        match &self.value {
            Value::Null => Json::Null,
            Value::Scalar { text, plain: false } => Json::String(text.to_string()),
            Value::Scalar { text, plain: true } => match text.as_ref() {
                "true" => Json::Bool(true),
                "false" => Json::Bool(false),
                text => number(text).unwrap_or_else(|| Json::String(text.to_string())),
            },
            Value::List(list) => Json::Array(list.iter().map(Node::to_json).collect()),
            Value::Map(map) => {
                Json::Object(map.iter().map(|(k, v)| (k.text.to_string(), v.to_json())).collect())
            }
        }
    }

    fn values(&self) -> usize {
        match &self.value {
            Value::Scalar { .. } | Value::Null => 1,
            Value::List(list) => 1 + list.iter().map(Node::values).sum::<usize>(),
            Value::Map(map) => 1 + map.iter().map(|(_, v)| 1 + v.values()).sum::<usize>(),
        }
    }
}

fn number(text: &str) -> Option<serde_json::Value> {
    if let Ok(whole) = text.parse::<i64>() {
        return Some(whole.into());
    }
    // `inf`, `nan` and their kin are words to Rust's parser; a number of ours has a digit and is finite.
    let value: f64 = text.parse().ok()?;
    (value.is_finite() && text.bytes().any(|b| b.is_ascii_digit())).then(|| value.into())
}

/// Parses one document. Mistakes that can be read past (a repeated key, an unknown alias, a tag) come beside
/// the tree.
///
/// # Errors
/// The first syntax error (YAML cannot be read past one) or limit, with the mistakes found before it.
pub fn parse(text: &str) -> Result<(Node<'_>, Vec<Diagnostic>), Vec<Diagnostic>> {
    if text.len() > MAX_BYTES {
        let message = format!("the file has {} MB, more than a preset may have", text.len() >> 20);
        return Err(vec![Diagnostic::error(Span::new(0, 0), message).help(format!(
            "at most {} MB; samples and SoundFonts belong in files of their own",
            MAX_BYTES >> 20
        ))]);
    }
    let options = granit_parser::options! {
        flow_nesting_limit: MAX_DEPTH + 1,
        block_nesting_limit: MAX_DEPTH + 1,
        emit_comments: false,
        emit_unresolved_aliases: true,
    };
    let parser = Parser::new_from_str_with_options(text, options);
    let mut tree = Tree { parser, text, anchors: HashMap::new(), values: 0, mistakes: Vec::new() };
    match tree.document() {
        Ok(root) => Ok((root, tree.mistakes)),
        Err(fatal) => {
            tree.mistakes.push(fatal);
            Err(tree.mistakes)
        }
    }
}

struct Tree<'a> {
    parser: Parser<'a, granit_parser::StrInput<'a>>,
    text: &'a str,
    anchors: HashMap<usize, Node<'a>>,
    values: usize,
    mistakes: Vec<Diagnostic>,
}

impl<'a> Tree<'a> {
    fn document(&mut self) -> Result<Node<'a>, Diagnostic> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                Event::StreamEnd => break,
                _ if root.is_some() => {
                    return Err(Diagnostic::error(span, "a second document in one file")
                        .help("a preset is one YAML document; remove the `---` and what follows it"));
                }
                event => root = Some(self.node(event, span, 0)?),
            }
        }
        Ok(root.unwrap_or(Node { span: Span::default(), value: Value::Null }))
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Diagnostic> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, self.span(span))),
            Some(Err(error)) => {
                let at = self.offset(error.marker());
                Err(Diagnostic::error(Span::new(at, at), format!("not valid YAML: {}", error.info())))
            }
            None => Ok((Event::StreamEnd, Span::new(self.text.len(), self.text.len()))),
        }
    }

    fn offset(&self, marker: &granit_parser::Marker) -> usize {
        marker.byte_offset().unwrap_or(self.text.len()).min(self.text.len())
    }

    fn span(&self, span: granit_parser::Span) -> Span {
        let start = self.offset(&span.start);
        let end = self.offset(&span.end).max(start);
        // Block collections end where the next token starts; the text ends where the spaces do.
        let text = self.text.get(start..end).unwrap_or("");
        Span::new(start, start + text.trim_end().len())
    }

    fn count(&mut self, values: usize, span: Span) -> Result<(), Diagnostic> {
        self.values += values;
        if self.values <= MAX_VALUES {
            return Ok(());
        }
        Err(Diagnostic::error(span, "the file expands to too many values")
            .help(format!("at most {MAX_VALUES} values, aliases (`*name`) counted each time they are used")))
    }

    fn node(&mut self, event: Event<'a>, span: Span, depth: usize) -> Result<Node<'a>, Diagnostic> {
        if depth > MAX_DEPTH {
            return Err(Diagnostic::error(span, format!("nested deeper than {MAX_DEPTH} levels")));
        }
        self.count(1, span)?;
        if let Some(tag) = event.tag() {
            let message = format!("the YAML tag `{tag}` has no meaning here");
            let help = "remove the tag; what a value means follows from its key";
            self.mistakes.push(Diagnostic::error(span, message).help(help));
        }
        let anchor = event.anchor_id();
        let node = match event {
            Event::Scalar(text, style, ..) => {
                let plain = style == ScalarStyle::Plain;
                let null = plain && matches!(text.as_ref(), "" | "~" | "null");
                Node { span, value: if null { Value::Null } else { Value::Scalar { text, plain } } }
            }
            Event::Alias(id) => {
                let values = self.anchors.get(&id).map_or(0, Node::values);
                self.count(values, span)?;
                self.anchors.get(&id).cloned().unwrap_or_else(|| {
                    self.mistakes.push(Diagnostic::error(span, "this alias stands inside what it names"));
                    Node { span, value: Value::Null }
                })
            }
            Event::UnresolvedAlias(name) => {
                let message = format!("no anchor `&{name}` stands before this alias");
                self.mistakes.push(Diagnostic::error(span, message));
                Node { span, value: Value::Null }
            }
            Event::SequenceStart(..) => self.list(span, depth)?,
            Event::MappingStart(..) => self.map(span, depth)?,
            _ => return Err(Diagnostic::error(span, "not valid YAML: a value was expected here")),
        };
        if let Some(id) = anchor {
            self.anchors.insert(id, node.clone());
        }
        Ok(node)
    }

    fn list(&mut self, start: Span, depth: usize) -> Result<Node<'a>, Diagnostic> {
        let mut list = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::SequenceEnd) {
                let end = list.last().map_or(span, |last: &Node| last.span.to(span));
                return Ok(Node { span: start.to(end), value: Value::List(list) });
            }
            list.push(self.node(event, span, depth + 1)?);
        }
    }

    fn map(&mut self, start: Span, depth: usize) -> Result<Node<'a>, Diagnostic> {
        let mut map: Vec<(Key<'a>, Node<'a>)> = Vec::new();
        let mut seen: HashMap<Cow<'a, str>, Span> = HashMap::new();
        let mut merged = Vec::new();
        let end = loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                break map.last().map_or(span, |last| last.1.span.to(span));
            }
            let key = self.node(event, span, depth + 1)?;
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            let Value::Scalar { text, .. } = key.value else {
                let message = format!("a key must be a word, not {}", key.what());
                self.mistakes.push(Diagnostic::error(key.span, message));
                continue;
            };
            if text == "<<" {
                merged.push(value);
                continue;
            }
            if let Some(first) = seen.get(&text) {
                let mistake = Diagnostic::error(key.span, format!("`{text}` is given twice"));
                let help = "remove one of them, or give it another name";
                self.mistakes.push(mistake.related(*first, "first here").help(help));
                continue;
            }
            seen.insert(text.clone(), key.span);
            map.push((Key { text, span: key.span }, value));
        };
        for value in merged {
            self.merge(&mut map, &mut seen, value);
        }
        Ok(Node { span: start.to(end), value: Value::Map(map) })
    }

    /// YAML's merge key: `<<: *base` or `<<: [*a, *b]`; what the mapping says itself wins, then the first named.
    fn merge(
        &mut self,
        map: &mut Vec<(Key<'a>, Node<'a>)>,
        seen: &mut HashMap<Cow<'a, str>, Span>,
        value: Node<'a>,
    ) {
        match value.value {
            Value::Map(entries) => {
                for (key, value) in entries {
                    if !seen.contains_key(&key.text) {
                        seen.insert(key.text.clone(), key.span);
                        map.push((key, value));
                    }
                }
            }
            Value::List(list) => list.into_iter().for_each(|entry| self.merge(map, seen, entry)),
            _ => {
                let message = format!("`<<` merges a mapping, not {}", value.what());
                self.mistakes.push(Diagnostic::error(value.span, message));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_know_their_text() {
        let text = "a: 1\nb:\n  - x\n  - {c: \"2\"}\n";
        let (root, _) = parse(text).unwrap();
        let Value::Map(map) = &root.value else { panic!("{root:?}") };
        assert_eq!(&text[map[0].1.span.range()], "1");
        let Value::List(list) = &map[1].1.value else { panic!() };
        assert_eq!(&text[list[0].span.range()], "x");
        assert_eq!(&text[list[1].span.range()], "{c: \"2\"}");
        assert_eq!(list[1].to_json(), serde_json::json!({"c": "2"}));
        assert_eq!(map[0].1.to_json(), serde_json::json!(1));
    }

    #[test]
    fn aliases_and_merge_keys_expand() {
        let (root, _) = parse("base: &b {x: 1, y: 2}\nuse: {<<: *b, y: 3}\n").unwrap();
        assert_eq!(root.to_json()["use"], serde_json::json!({"y": 3, "x": 1}));
    }

    #[test]
    fn words_that_look_like_infinities_stay_words() {
        for word in ["nan", ".nan", "inf", "-inf", "infinity", "1e999"] {
            let (root, _) = parse(word).unwrap();
            assert_eq!(root.to_json(), serde_json::json!(word));
        }
    }

    #[test]
    fn several_mistakes_are_found_at_once() {
        let (root, mistakes) = parse("a: 1\na: 2\nb: *c\n[x]: 3\nd: !!int 4\n").unwrap();
        assert_eq!(mistakes.len(), 4, "{mistakes:?}");
        assert_eq!(root.to_json(), serde_json::json!({"a": 1, "b": null, "d": 4}));
    }

    #[test]
    fn hostile_input_is_refused_in_bounded_time() {
        let mut bomb = String::from("a: &a [x,x,x,x,x,x,x,x,x]\n");
        for (last, next) in ('a'..'k').zip('b'..'l') {
            let list = vec![format!("*{last}"); 9].join(",");
            bomb += &format!("{next}: &{next} [{list}]\n");
        }
        let deep_flow = "[".repeat(1_000_000);
        let deep_block = "- ".repeat(1_000_000);
        let inside_itself = "a: &a [*a]".to_string();
        for text in [bomb, deep_flow, deep_block, inside_itself, "a: 1\na: 2".into(), "!!str x".into()] {
            let start = std::time::Instant::now();
            let mistakes = parse(&text).map_or_else(|m| m.len(), |(_, m)| m.len());
            assert!(mistakes > 0, "{}", &text[..text.len().min(40)]);
            assert!(start.elapsed().as_secs() < 2, "{}", &text[..text.len().min(40)]);
        }
    }
}
