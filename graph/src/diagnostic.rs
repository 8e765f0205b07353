//! What is wrong with a preset, where, and what would be right. Control side only.

use crate::preset::outline;
use crate::source::{Source, Span};
use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use serde::Serialize;
use std::ops::Range;

/// How bad a [`Diagnostic`] is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The preset cannot run.
    Error,
    /// The preset runs, but probably not as meant.
    Warning,
}

/// One mistake: what is wrong, the text it is about, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// One sentence, without a final full stop.
    pub message: String,
    /// The offending text.
    pub span: Span,
    /// A few words printed under the offending text.
    pub label: String,
    /// Further places that explain the mistake (the other end of a connection, the first definition).
    pub related: Vec<(Span, String)>,
    /// What would be right.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error about the text under `span`.
    pub fn error(span: Span, message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            span,
            label: String::new(),
            related: Vec::new(),
            help: None,
        }
    }

    /// A warning about the text under `span`.
    pub fn warning(span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(span, message) }
    }

    /// Adds the words printed under the offending text.
    pub fn label(mut self, label: impl Into<String>) -> Self {
        self.label = label.into();
        self
    }

    /// Adds another place that explains the mistake.
    pub fn related(mut self, span: Span, label: impl Into<String>) -> Self {
        self.related.push((span, label.into()));
        self
    }

    /// Says what would be right.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Proposes the nearest of `names` to `given`, or lists them all when none is near.
    pub fn nearest<'a>(self, given: &str, what: &str, names: impl IntoIterator<Item = &'a str>) -> Self {
        let names: Vec<&str> = names.into_iter().collect();
        let listed: usize = names.iter().map(|name| name.len()).sum();
        match nearest(given, &names) {
            Some(name) => self.help(format!("did you mean `{name}`?")),
            None if names.is_empty() => self,
            None if names.len() > 40 || listed > 2000 => {
                self.help(format!("there are {} {what}", names.len()))
            }
            None => self.help(format!("{what}: {}", names.join(", "))),
        }
    }
}

/// More names than these are not searched for one that is near.
const MOST_NAMES: usize = 10_000;

/// The name in `names` that `given` was most likely meant to be, if any is near.
pub fn nearest<'a>(given: &str, names: &[&'a str]) -> Option<&'a str> {
    // Bounded work: a preset from a stranger may hold very long names, and very many.
    if given.len() > 64 || names.len() > MOST_NAMES {
        return None;
    }
    let lower = given.to_lowercase();
    let scored = names.iter().filter(|n| n.len() <= 64).map(|name| {
        let other = name.to_lowercase();
        let distance = strsim::damerau_levenshtein(&lower, &other);
        let prefix = lower.len() >= 3 && (other.starts_with(&lower) || lower.starts_with(&other));
        (if prefix { distance.min(1) } else { distance }, *name)
    });
    let (distance, name) = scored.min_by_key(|(distance, _)| *distance)?;
    let allowed = match given.chars().count() {
        0..=3 => 1,
        4..=8 => 2,
        _ => 3,
    };
    (distance <= allowed).then_some(name)
}

/// All that was found in one source. At most [`Diagnostics::LIMIT`] are kept, the rest are counted.
#[derive(Debug, Clone)]
pub struct Diagnostics {
    source: Source,
    list: Vec<Diagnostic>,
    errors: usize,
    dropped: usize,
}

/// The shape of `auralis check --json` and of the HTTP answers: positions count from 1.
#[derive(Serialize)]
struct Json<'a> {
    file: &'a str,
    severity: Severity,
    message: &'a str,
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    label: &'a str,
    help: Option<&'a str>,
    node: Option<&'a str>,
    related: Vec<JsonRelated<'a>>,
}

#[derive(Serialize)]
struct JsonRelated<'a> {
    line: usize,
    column: usize,
    end_line: usize,
    end_column: usize,
    label: &'a str,
}

impl Diagnostics {
    /// More diagnostics than these are counted, not kept.
    pub const LIMIT: usize = 100;

    /// An empty list about `source`.
    pub fn new(source: Source) -> Self {
        Self { source, list: Vec::new(), errors: 0, dropped: 0 }
    }

    /// Adds one.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.errors += usize::from(diagnostic.severity == Severity::Error);
        if self.list.len() < Self::LIMIT {
            self.list.push(diagnostic);
        } else {
            self.dropped += 1;
        }
    }

    /// Adds one whose making costs more than a look: it is made only where it is kept.
    pub(crate) fn push_with(&mut self, severity: Severity, make: impl FnOnce() -> Diagnostic) {
        if self.list.len() < Self::LIMIT {
            self.push(make());
        } else {
            self.errors += usize::from(severity == Severity::Error);
            self.dropped += 1;
        }
    }

    /// Whether any of them is an error.
    pub fn has_errors(&self) -> bool {
        self.errors > 0
    }

    /// How many errors there are, those not kept included.
    pub fn errors(&self) -> usize {
        self.errors
    }

    /// Whether there is nothing to say.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Those kept, in the order of the text.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.list.iter()
    }

    /// The text they are about.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Sorts by place in the text; readers work from the top.
    pub(crate) fn sort(&mut self) {
        self.list.sort_by_key(|d| (d.span.start, d.span.end));
    }

    /// Renders all of them for a reader: name:line:column, the text underlined, what would be right.
    /// `colour` adds ANSI escapes for a terminal.
    pub fn render(&self, colour: bool) -> String {
        let renderer = if colour { Renderer::styled() } else { Renderer::plain() };
        let mut out: Vec<String> = self.list.iter().map(|d| self.render_one(d, &renderer)).collect();
        if self.dropped > 0 {
            out.push(format!("and {} more", self.dropped));
        }
        out.join("\n\n")
    }

    fn render_one(&self, diagnostic: &Diagnostic, renderer: &Renderer) -> String {
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
        };
        let text = self.source.text();
        let mut marks =
            vec![(clip(text, diagnostic.span), AnnotationKind::Primary, diagnostic.label.as_str())];
        let related = diagnostic.related.iter();
        marks.extend(
            related.map(|(span, label)| (clip(text, *span), AnnotationKind::Context, label.as_str())),
        );
        let whole = marks.iter().map(|mark| lines_of(text, &mark.0));
        let whole = whole.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end)).unwrap_or_default();
        let mut group = Group::with_title(level.primary_title(diagnostic.message.as_str()));
        if whole.len() <= MOST_SHOWN {
            group = self.show(group, whole, &marks);
        } else {
            for mark in marks {
                group = self.show(group, lines_of(text, &mark.0), &[mark]);
            }
        }
        if let Some(help) = &diagnostic.help {
            group = group.element(Level::HELP.message(help.as_str()));
        }
        renderer.render(&[group])
    }

    /// Adds a stretch of the text with marks in it; of what is too long for a reader, only the place.
    fn show<'s>(&'s self, group: Group<'s>, lines: Range<usize>, marks: &[Mark<'s>]) -> Group<'s> {
        let first = self.source.position(lines.start as u32).line;
        if lines.len() > MOST_SHOWN {
            let at = self.source.position(marks[0].0.start as u32);
            let origin = Origin::path(self.source.name()).line(at.line).char_column(at.column);
            return group.element(origin);
        }
        let annotation = |(range, kind, label): &Mark<'s>| -> Annotation<'s> {
            let annotation = kind.span(range.start - lines.start..range.end - lines.start);
            if label.is_empty() { annotation } else { annotation.label(*label) }
        };
        let annotations = marks.iter().map(annotation);
        let snippet = Snippet::source(&self.source.text()[lines.clone()]).line_start(first);
        group.element(snippet.path(self.source.name()).annotations(annotations))
    }

    /// The same as data: a JSON array of objects with file, severity, message, line, column, end_line,
    /// end_column, label, help, node (in which it is, if in one) and related.
    pub fn to_json(&self) -> serde_json::Value {
        let nodes = if self.list.is_empty() { Vec::new() } else { outline(&self.source) };
        let node_at = |span: Span| {
            let after = nodes.partition_point(|node| node.whole.start <= span.start);
            let node = nodes[..after].last().filter(|node| span.start < node.whole.end)?;
            Some(node.name.as_str())
        };
        let rows = self.list.iter().map(|d| {
            let (start, end) = (self.source.position(d.span.start), self.source.position(d.span.end));
            Json {
                file: self.source.name(),
                severity: d.severity,
                message: &d.message,
                line: start.line,
                column: start.column,
                end_line: end.line,
                end_column: end.column,
                label: &d.label,
                help: d.help.as_deref(),
                node: node_at(d.span),
                related: d.related.iter().map(|(span, label)| self.json_related(*span, label)).collect(),
            }
        });
        serde_json::to_value(rows.collect::<Vec<_>>()).unwrap_or_default()
    }

    fn json_related<'a>(&self, span: Span, label: &'a str) -> JsonRelated<'a> {
        let (start, end) = (self.source.position(span.start), self.source.position(span.end));
        JsonRelated {
            line: start.line,
            column: start.column,
            end_line: end.line,
            end_column: end.column,
            label,
        }
    }
}

impl std::fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.render(false))
    }
}

impl std::error::Error for Diagnostics {}

/// A stretch to underline, how, and what to write beside it.
type Mark<'s> = (Range<usize>, AnnotationKind, &'s str);

/// Bytes of the text that are shown at once: what a renderer is given it walks from end to end.
const MOST_SHOWN: usize = 16 << 10;

/// The lines around a stretch; of the last one not much more than what is underlined.
fn lines_of(text: &str, range: &Range<usize>) -> Range<usize> {
    const BEHIND: usize = 400;
    let start = text[..range.start].rfind('\n').map_or(0, |newline| newline + 1);
    let rest = &text[range.end..floor_boundary(text, range.end + BEHIND)];
    start..range.end + rest.find('\n').unwrap_or(rest.len())
}

/// Keeps what is underlined short (a span may cover a whole document) and on character boundaries.
fn clip(text: &str, span: Span) -> Range<usize> {
    const WIDEST: usize = 400;
    let start = floor_boundary(text, span.start as usize);
    let mut end = floor_boundary(text, (span.end as usize).min(start + WIDEST));
    if let Some(newline) = text[start..end].find('\n') {
        end = start + newline;
    }
    if end > start || start >= text.len() {
        return start..end;
    }
    // An empty span still shows one character.
    let next = text[start..].chars().next().map_or(0, char::len_utf8);
    start..start + next
}

fn floor_boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    offset
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_finds_slips_of_the_finger_and_nothing_far() {
        let names = ["cutoff", "resonance", "attack", "gain"];
        assert_eq!(nearest("cutof", &names), Some("cutoff"));
        assert_eq!(nearest("ctuoff", &names), Some("cutoff"));
        assert_eq!(nearest("reso", &names), Some("resonance"));
        assert_eq!(nearest("Gain", &names), Some("gain"));
        assert_eq!(nearest("banana", &names), None);
    }

    #[test]
    fn rendering_names_line_and_column_and_underlines() {
        let source = Source::new("a.yaml", "auralis: 1\nnodes: { pad: { type: sinth } }\n");
        let mut all = Diagnostics::new(source);
        all.push(
            Diagnostic::error(Span::new(32, 37), "unknown node type `sinth`").help("did you mean `synth`?"),
        );
        let text = all.render(false);
        assert!(text.contains("error: unknown node type `sinth`"), "{text}");
        assert!(text.contains("a.yaml:2:22"), "{text}");
        assert!(text.contains("^^^^^"), "{text}");
        assert!(text.contains("help: did you mean `synth`?"), "{text}");
        assert_eq!(all.to_json()[0]["line"], 2);
        assert_eq!(all.to_json()[0]["node"], "pad");
    }

    #[test]
    fn a_long_text_is_shown_in_parts_and_a_long_line_by_its_place() {
        let text = format!("first: 1\n{}second: 2\n{}", "\n".repeat(100_000), "x".repeat(100_000));
        let second = text.find("second").unwrap();
        let mut all = Diagnostics::new(Source::new("a.yaml", text.as_str()));
        all.push(
            Diagnostic::error(Span::new(second, second + 6), "twice").related(Span::new(0, 5), "first here"),
        );
        all.push(Diagnostic::error(Span::new(text.len() - 1, text.len()), "far out"));
        let shown = all.render(false);
        for part in ["a.yaml:100002:1", "second: 2", "first: 1", "first here", "a.yaml:100003:100000"] {
            assert!(shown.contains(part), "{part}:\n{shown}");
        }
        assert!(shown.len() < 2_000, "{shown}");
    }

    #[test]
    fn spans_out_of_range_or_inside_a_character_do_not_panic() {
        let source = Source::new("a.yaml", "ççç");
        let mut all = Diagnostics::new(source);
        for (start, end) in [(1, 2), (0, 999), (999, 1000), (6, 6), (3, 3)] {
            all.push(Diagnostic::error(Span::new(start, end), "odd"));
        }
        assert!(all.render(true).contains("odd"));
    }
}
