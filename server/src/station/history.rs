//! The texts that played one after the other, so that an edit can be taken back, and made again. Control side.

use auralis_library::Loaded;
use std::collections::VecDeque;

/// Texts that are kept, and bytes of text: the oldest go first.
const MOST_TEXTS: usize = 100;
const MOST_BYTES: usize = 8 << 20;

/// How the next text is found.
#[derive(Debug)]
pub enum Next {
    /// It is written.
    Written(Loaded),
    /// The one that played before.
    Back,
    /// The one from which somebody went back.
    Forth,
}

/// What played before what plays, and what was taken back.
#[derive(Debug, Default)]
pub struct History {
    past: VecDeque<Loaded>,
    future: Vec<Loaded>,
}

impl History {
    /// The text that a step leads to, if there is one.
    pub fn find(&self, next: Next) -> Option<(Loaded, Step)> {
        match next {
            Next::Written(loaded) => Some((loaded, Step::On)),
            Next::Back => Some((self.past.back()?.clone(), Step::Back)),
            Next::Forth => Some((self.future.last()?.clone(), Step::Forth)),
        }
    }

    /// Notes that a step was made away from a text.
    pub fn note(&mut self, step: Step, from: Loaded) {
        match step {
            Step::On => {
                self.future.clear();
                self.past.push_back(from);
            }
            Step::Back => {
                self.past.pop_back();
                self.future.push(from);
            }
            Step::Forth => {
                self.future.pop();
                self.past.push_back(from);
            }
        }
        while self.past.len() > MOST_TEXTS || self.bytes() > MOST_BYTES && !self.past.is_empty() {
            self.past.pop_front();
        }
    }

    /// Bytes of all texts.
    pub fn bytes(&self) -> usize {
        self.past.iter().chain(&self.future).map(|loaded| loaded.source.text().len()).sum()
    }

    /// How often one can go back, and forth.
    pub fn reach(&self) -> (usize, usize) {
        (self.past.len(), self.future.len())
    }

    /// Forgets everything: another preset plays.
    pub fn clear(&mut self) {
        (self.past, self.future) = Default::default();
    }
}

/// A step from one text to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// To a new one.
    On,
    /// To the one before.
    Back,
    /// To the one after.
    Forth,
}

#[cfg(test)]
mod tests {
    use super::*;
    use auralis_graph::Source;
    use auralis_graph::places::Places;

    fn text(text: &str) -> Loaded {
        Loaded { source: Source::new("x", text), places: Places::anywhere(), path: None }
    }

    /// Goes from what plays by a step; what plays then.
    fn go(history: &mut History, playing: &str, next: Next) -> Option<String> {
        let (to, step) = history.find(next)?;
        history.note(step, text(playing));
        Some(to.source.text().to_string())
    }

    #[test]
    fn one_goes_back_and_forth_and_what_is_written_ends_what_was_taken_back() {
        let mut history = History::default();
        assert_eq!(go(&mut history, "a", Next::Back), None);
        for (from, to) in [("a", "b"), ("b", "c")] {
            assert_eq!(go(&mut history, from, Next::Written(text(to))).as_deref(), Some(to));
        }
        assert_eq!(go(&mut history, "c", Next::Back).as_deref(), Some("b"));
        assert_eq!(go(&mut history, "b", Next::Back).as_deref(), Some("a"));
        assert_eq!(go(&mut history, "a", Next::Back), None);
        assert_eq!((history.reach(), go(&mut history, "a", Next::Forth).as_deref()), ((0, 2), Some("b")));
        go(&mut history, "b", Next::Written(text("d")));
        assert_eq!(history.reach(), (2, 0));
        assert_eq!(go(&mut history, "d", Next::Forth), None);
        assert_eq!(go(&mut history, "d", Next::Back).as_deref(), Some("b"));
    }

    #[test]
    fn the_oldest_texts_go_first_and_large_ones_sooner() {
        let mut history = History::default();
        (0..200).for_each(|_| history.note(Step::On, text("a")));
        assert_eq!(history.reach(), (MOST_TEXTS, 0));
        (0..10).for_each(|_| history.note(Step::On, text(&"x".repeat(1 << 20))));
        assert_eq!(history.reach(), (8, 0));
        history.clear();
        assert_eq!(history.reach(), (0, 0));
    }
}
