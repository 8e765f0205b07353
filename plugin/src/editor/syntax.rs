//! What the words of a preset's text are, for their colours. A scanner that never fails: a text with mistakes is coloured
//! as far as it makes sense.

use std::ops::Range;

/// What a stretch of the text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Word {
    /// A key at the left edge: `nodes`, `tempo`.
    Top,
    /// The name that a node or control is given.
    Name,
    /// Any other key.
    Key,
    /// A node's type.
    Kind,
    /// A node, an output or a parameter that is referred to.
    Reference,
    /// A number, with its unit.
    Number,
    /// Words.
    Text,
    /// Brackets, colons and commas.
    Mark,
    /// What only people read.
    Comment,
}

/// Keys whose values refer to nodes.
const REFERRING: [&str; 5] = ["in", "from", "to", "param", "sidechain"];

/// Where a scanner stands.
struct Scan<'a> {
    text: &'a str,
    words: Vec<(Range<usize>, Word)>,
    /// The top-level key in whose part this is.
    part: &'a str,
    /// How far names of nodes or controls are indented in this part.
    indent: Option<usize>,
    /// For each open bracket: whether it is a mapping, and the key in it that a value now belongs to.
    open: Vec<(bool, &'a str)>,
    /// The key of the line that a value now belongs to.
    key: &'a str,
    /// Where a block of text hangs: lines that are indented further belong to it.
    block: Option<usize>,
}

/// The words of a text, in its order; what lies between them is white.
pub fn words(text: &str) -> Vec<(Range<usize>, Word)> {
    let mut scan =
        Scan { text, words: Vec::new(), part: "", indent: None, open: Vec::new(), key: "", block: None };
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        scan.line(start, line.trim_end_matches(['\n', '\r']));
        start += line.len();
    }
    scan.words
}

impl<'a> Scan<'a> {
    fn add(&mut self, range: Range<usize>, word: Word) {
        if !range.is_empty() {
            self.words.push((range, word));
        }
    }

    fn line(&mut self, start: usize, line: &'a str) {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let rest = line.get(indent..).unwrap_or("");
        if let Some(block) = self.block {
            if rest.is_empty() || indent > block {
                self.add(start + indent..start + line.len(), Word::Text);
                return;
            }
            self.block = None;
        }
        let mut at = indent;
        if self.open.is_empty() {
            self.key = if rest.starts_with('-') { self.key } else { "" };
            at += self.line_key(start, indent, rest);
        }
        self.values(start, line, at, indent);
    }

    /// A key at the beginning of a line; returns how long it is, its colon included.
    fn line_key(&mut self, start: usize, indent: usize, rest: &'a str) -> usize {
        let Some(key) = key_of(rest) else { return 0 };
        if indent == 0 {
            (self.part, self.indent) = (key, None);
        }
        let named = matches!(self.part, "nodes" | "expose") && indent > 0;
        let is_name = named && *self.indent.get_or_insert(indent) == indent;
        let word = match (indent, is_name) {
            (0, _) => Word::Top,
            (_, true) => Word::Name,
            _ => Word::Key,
        };
        let from = start + indent;
        self.add(from..from + key.len(), word);
        self.add(from + key.len()..from + key.len() + 1, Word::Mark);
        self.key = key;
        key.len() + 1
    }

    /// What stands behind a key, or within brackets.
    fn values(&mut self, start: usize, line: &'a str, mut at: usize, indent: usize) {
        while let Some(rest) = line.get(at..).filter(|rest| !rest.is_empty()) {
            let Some(first) = rest.chars().next() else { return };
            let from = start + at;
            let behind_space = at == 0 || line.as_bytes().get(at - 1).is_some_and(u8::is_ascii_whitespace);
            match first {
                ' ' | '\t' => at += 1,
                '#' if behind_space => {
                    self.add(from..start + line.len(), Word::Comment);
                    return;
                }
                '{' | '[' => {
                    let key = self.current();
                    self.open.push((first == '{', key));
                    self.add(from..from + 1, Word::Mark);
                    at += 1;
                }
                '}' | ']' => {
                    self.open.pop();
                    self.add(from..from + 1, Word::Mark);
                    at += 1;
                }
                ',' | ':' | '-' if first != '-' || rest.len() == 1 || rest.starts_with("- ") => {
                    self.add(from..from + 1, Word::Mark);
                    at += 1;
                }
                '"' | '\'' => {
                    let end =
                        rest.get(1..).and_then(|inner| inner.find(first)).map_or(rest.len(), |end| end + 2);
                    self.add(from..from + end, Word::Text);
                    at += end;
                }
                '|' | '>' if self.open.is_empty() => {
                    self.block = Some(indent);
                    self.add(from..from + 1, Word::Mark);
                    at += 1;
                }
                _ => at += self.plain(from, rest),
            }
        }
    }

    /// The key that a value belongs to.
    fn current(&self) -> &'a str {
        self.open.last().map_or(self.key, |(_, key)| key)
    }

    /// A word without quotation marks: a key within brackets, or a value. Returns how long it is.
    fn plain(&mut self, from: usize, rest: &'a str) -> usize {
        let flow = !self.open.is_empty();
        let ends = |(at, c): (usize, char)| {
            let next = rest.get(at + c.len_utf8()..).unwrap_or("");
            let comment = c == ' ' && next.starts_with('#');
            let colon = c == ':' && (next.is_empty() || next.starts_with([' ', '}', ']', ',']));
            comment || colon || (flow && matches!(c, ',' | '}' | ']' | '{' | '['))
        };
        let end = rest.char_indices().find(|found| ends(*found)).map_or(rest.len(), |(at, _)| at);
        let word = rest.get(..end).unwrap_or(rest);
        // What is white only to some is a word of its own here.
        let length = match word.trim_end().len() {
            0 => word.chars().next().map_or(1, char::len_utf8),
            length => length,
        };
        if rest.get(end..).is_some_and(|behind| behind.starts_with(':')) {
            if let Some((true, key)) = self.open.last_mut() {
                *key = word.trim_end();
            }
            self.add(from..from + length, Word::Key);
            return length;
        }
        let word = &self.text[from..(from + length).min(self.text.len())];
        let word = match self.current() {
            "type" => Word::Kind,
            key if REFERRING.contains(&key) => Word::Reference,
            _ if is_number(word) => Word::Number,
            _ => Word::Text,
        };
        self.add(from..from + length, word);
        length
    }
}

/// The key with which a line begins.
fn key_of(rest: &str) -> Option<&str> {
    let end = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | '.')))?;
    let (key, behind) = rest.split_at(end);
    let colon = behind.starts_with(": ") || behind.trim_end() == ":";
    (colon && !key.is_empty()).then_some(key)
}

/// Whether a value is a number, perhaps with a unit, or a switch.
fn is_number(word: &str) -> bool {
    let bare = word.trim_start_matches(['-', '+', '.']);
    bare.starts_with(|c: char| c.is_ascii_digit()) || matches!(word, "true" | "false" | "-inf")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> Vec<(&str, Word)> {
        words(text).into_iter().map(|(range, word)| (&text[range], word)).collect()
    }

    #[test]
    fn words_of_a_node_are_told_apart() {
        use Word::*;
        let text = "nodes:\n  pad: { type: synth, in: [composer.chords, { from: lfo, gain: -3 dB }], cutoff: 2 kHz } # warm\n";
        let expected = [
            ("nodes", Top),
            (":", Mark),
            ("pad", Name),
            (":", Mark),
            ("{", Mark),
            ("type", Key),
            (":", Mark),
            ("synth", Kind),
            (",", Mark),
            ("in", Key),
            (":", Mark),
            ("[", Mark),
            ("composer.chords", Reference),
            (",", Mark),
            ("{", Mark),
            ("from", Key),
            (":", Mark),
            ("lfo", Reference),
            (",", Mark),
            ("gain", Key),
            (":", Mark),
            ("-3 dB", Number),
            ("}", Mark),
            ("]", Mark),
            (",", Mark),
            ("cutoff", Key),
            (":", Mark),
            ("2 kHz", Number),
            ("}", Mark),
            ("# warm", Comment),
        ];
        assert_eq!(shown(text), expected);
    }

    #[test]
    fn names_stand_at_the_first_indent_of_nodes_and_keys_below() {
        let text = "name: Night Drift\nnodes:\n  hall:\n    type: reverb\n    size: 0.9\n";
        let words = shown(text);
        assert!(words.contains(&("Night Drift", Word::Text)), "{words:?}");
        assert!(words.contains(&("hall", Word::Name)), "{words:?}");
        assert!(words.contains(&("type", Word::Key)), "{words:?}");
        assert!(words.contains(&("reverb", Word::Kind)), "{words:?}");
    }

    #[test]
    fn a_block_of_text_is_text_until_the_indent_ends() {
        let text = "description: >-\n  key: not a key\n  # no comment\ntempo: 70\n";
        let words = shown(text);
        assert!(words.contains(&("key: not a key", Word::Text)), "{words:?}");
        assert!(words.contains(&("# no comment", Word::Text)), "{words:?}");
        assert!(words.contains(&("tempo", Word::Top)) && words.contains(&("70", Word::Number)), "{words:?}");
    }

    #[test]
    fn brackets_hold_over_lines() {
        let words = shown("nodes:\n  mix: { type: mixer,\n    in: [a,\n      b] }\n  out: { in: mix }\n");
        assert!(words.contains(&("b", Word::Reference)), "{words:?}");
        assert!(words.contains(&("out", Word::Name)), "{words:?}");
    }

    #[test]
    fn nothing_makes_it_fail_and_words_are_in_order() {
        let hostile = [
            "",
            "}",
            "]]]]",
            "\u{0}",
            "ç: \"ü",
            "a: 'b",
            "- - -",
            ":",
            "#",
            "{{{{:::,,,",
            "\t\tx:\r\n",
            "é#é: é",
            "\u{a0}",
            "a: \u{2003}: \u{a0}#",
        ];
        for text in hostile {
            let found = words(text);
            assert!(found.windows(2).all(|pair| pair[0].0.end <= pair[1].0.start), "{text:?}: {found:?}");
            assert!(found.iter().all(|(range, _)| text.get(range.clone()).is_some()), "{text:?}: {found:?}");
        }
    }
}
