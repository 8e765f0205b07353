//! Where the diagnostics of a text stand in the text that it has become since. Plain values.

use auralis_graph::diagnostic::{Diagnostic, Diagnostics, Severity};
use std::ops::Range;
use std::sync::Arc;

/// A diagnostic in the text that is shown.
#[derive(Debug, Clone)]
pub struct Mark {
    /// What it is about, in bytes of the text; never empty unless the text ends there.
    pub range: Range<usize>,
    /// The same in letters, as text fields count.
    pub letters: Range<usize>,
    /// Its line, from 1.
    pub line: usize,
    /// What it says.
    pub diagnostic: Diagnostic,
}

impl Mark {
    /// Whether the text cannot be played because of it.
    pub fn is_error(&self) -> bool {
        self.diagnostic.severity == Severity::Error
    }
}

/// The diagnostics that still have a place in `text`; what they are about may have moved since.
pub fn place(lists: &[&Option<Arc<Diagnostics>>], text: &str) -> Vec<Mark> {
    let lists = lists.iter().filter_map(|list| list.as_ref());
    let found = lists.flat_map(|list| {
        let change = Change::between(list.source().text(), text);
        list.iter().filter_map(move |diagnostic| {
            let range = visible(text, change.carry(diagnostic.span.range())?);
            let line = text.get(..range.start)?.bytes().filter(|byte| *byte == b'\n').count() + 1;
            let letters = letter_at(text, range.start)..letter_at(text, range.end);
            Some(Mark { range, letters, line, diagnostic: diagnostic.clone() })
        })
    });
    let mut found: Vec<Mark> = found.collect();
    found.sort_by_key(|mark| (!mark.is_error(), mark.range.start));
    found
}

/// What two texts have in common at both ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Change {
    /// Bytes at the beginning.
    before: usize,
    /// Bytes at the end.
    behind: usize,
    old: usize,
    new: usize,
}

impl Change {
    fn between(old: &str, new: &str) -> Self {
        let same = |pair: &(u8, u8)| pair.0 == pair.1;
        let before = old.bytes().zip(new.bytes()).take_while(same).count();
        let room = old.len().min(new.len()) - before;
        let behind = old.bytes().rev().zip(new.bytes().rev()).take(room).take_while(same).count();
        Self { before, behind, old: old.len(), new: new.len() }
    }

    /// Where a stretch of the old text is in the new one; none where it was touched.
    fn carry(&self, range: Range<usize>) -> Option<Range<usize>> {
        if range.end <= self.before || self.before == self.old && self.old == self.new {
            Some(range)
        } else if range.start >= self.old - self.behind {
            Some(range.start + self.new - self.old..range.end + self.new - self.old)
        } else {
            None
        }
    }
}

/// A stretch that one can see: on the boundaries of letters, within its first line, and of one letter at least.
fn visible(text: &str, range: Range<usize>) -> Range<usize> {
    let floor = |mut at: usize| {
        at = at.min(text.len());
        while !text.is_char_boundary(at) {
            at -= 1;
        }
        at
    };
    let (mut start, mut end) = (floor(range.start), floor(range.end));
    let stretch = text.get(start..end).unwrap_or("");
    end = start + stretch.find('\n').unwrap_or(stretch.len());
    if start == end {
        match text.get(start..).and_then(|rest| rest.chars().next()) {
            Some(letter) if letter != '\n' => end += letter.len_utf8(),
            // At the end of a line, its last letter.
            _ => {
                let before = text.get(..start).and_then(|rest| rest.chars().next_back());
                start -= before.filter(|letter| *letter != '\n').map_or(0, char::len_utf8);
            }
        }
    }
    start..end
}

/// Which letter begins at a byte, as text fields count.
pub fn letter_at(text: &str, byte: usize) -> usize {
    text.char_indices().take_while(|(at, _)| *at < byte).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use auralis_graph::Source;
    use auralis_graph::source::Span;

    fn about(text: &str, part: &str) -> Option<Arc<Diagnostics>> {
        let start = text.find(part).unwrap();
        let mut all = Diagnostics::new(Source::new("x", text));
        all.push(Diagnostic::error(Span::new(start, start + part.len()), "odd"));
        Some(Arc::new(all))
    }

    fn carried<'t>(old: &str, part: &str, new: &'t str) -> Option<&'t str> {
        place(&[&about(old, part)], new).first().map(|mark| &new[mark.range.clone()])
    }

    #[test]
    fn marks_move_with_the_text_and_go_where_it_is_touched() {
        let old = "a: 1\nb: two\nc: 3\n";
        assert_eq!(carried(old, "two", old), Some("two"));
        assert_eq!(carried(old, "two", "a: 100\nb: two\nc: 3\n"), Some("two"));
        assert_eq!(carried(old, "two", "a: 1\nb: two\nc: 3\nd: 4\n"), Some("two"));
        assert_eq!(carried(old, "two", "a: 1\nb: twice\nc: 3\n"), None);
        assert_eq!(carried(old, "two", ""), None);
    }

    #[test]
    fn a_mark_stays_on_its_line_and_can_be_seen() {
        let text = "ä: { b\nc\n";
        assert_eq!(visible(text, 4..10), 4..text.find('\n').unwrap());
        assert_eq!(&text[visible(text, 1..1)], "ä");
        let end = text.find('\n').unwrap();
        assert_eq!(&text[visible(text, end..end)], "b");
        assert_eq!(visible("", 5..9), 0..0);
        assert_eq!(place(&[&about(text, "c")], text)[0].line, 2);
    }

    #[test]
    fn letters_and_bytes_are_told_apart() {
        let text = "äb\nç";
        assert_eq!(letter_at(text, 2), 1);
        assert_eq!(letter_at(text, 99), 4);
    }
}
