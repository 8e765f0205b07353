//! The text of what plays: coloured, with its mistakes in place, applied as it is typed. Control side.

use super::marks::{self, Mark};
use super::syntax::{self, Word};
use super::theme::{self, AMBER, AURORA, DIM, FAINT, INK, LINE, NIGHT, ROSE, VIOLET};
use crate::desk::Outcome;
use auralis_graph::Source;
use auralis_graph::preset::{Outlined, outline};
use egui::text::{CCursor, CCursorRange, LayoutJob, TextFormat};
use egui::text_edit::TextEditState;
use egui::{
    Align2, Color32, Event, Galley, Id, Key, Modifiers, Pos2, Rect, ScrollArea, Shape, Stroke, TextBuffer,
    Ui, pos2, vec2,
};
use std::sync::Arc;

/// Seconds of rest after which what was typed is played.
const REST: f64 = 0.15;
/// Room for the numbers of lines.
const GUTTER: f32 = 44.0;
/// Texts beyond this are not coloured: every key would cost a look at all of it.
const LARGE: usize = 400_000;

/// See the module.
pub struct TextPane {
    text: String,
    /// Counts changes of the text.
    revision: u64,
    /// When the text was last typed at, until it is played.
    typed: Option<f64>,
    /// Colours, and of which revision they are.
    job: Option<(u64, bool, LayoutJob)>,
    outline: Option<(u64, Vec<Outlined>)>,
    marks: Vec<Mark>,
    marked: Option<(u64, usize, usize, u64)>,
    /// The byte to which the cursor is to go.
    go: Option<usize>,
    wants_focus: bool,
    /// Where the cursor is, in bytes.
    cursor: Option<usize>,
    /// Whether lines are folded at the edge.
    pub wrap: bool,
}

impl TextPane {
    /// With a text in it.
    pub fn new(text: String) -> Self {
        Self {
            text,
            revision: 1,
            typed: None,
            job: None,
            outline: None,
            marks: Vec::new(),
            marked: None,
            go: None,
            wants_focus: false,
            cursor: None,
            wrap: false,
        }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Puts in another text; the field's own undo brings back the one before.
    pub fn put(&mut self, text: &str) {
        if self.text != text {
            self.text = text.into();
            self.revision += 1;
            self.outline = None;
        }
        self.typed = None;
    }

    /// Whether something was typed that nobody has played yet: it is to be played now, since nobody will draw this.
    pub fn flush(&mut self) -> bool {
        self.typed.take().is_some()
    }

    /// Whether it is too long to be coloured.
    pub fn is_large(&self) -> bool {
        self.text.len() > LARGE
    }

    /// Has the keyboard go to the text.
    pub fn focus(&mut self) {
        self.wants_focus = true;
    }

    /// Leads to a node's place.
    pub fn go_to_node(&mut self, name: &str) {
        let at = self.outlined().iter().find(|node| node.name == name).map(|node| node.at.start as usize);
        if let Some(at) = at {
            self.go = Some(at);
        }
    }

    /// The node that the cursor is in.
    pub fn node(&mut self) -> Option<String> {
        let at = self.cursor?;
        let nodes = self.outlined();
        let found = nodes.iter().rev().find(|node| node.whole.range().contains(&at));
        found.map(|node| node.name.clone())
    }

    /// The nodes with mistakes or warnings, and whether they are mistakes.
    pub fn marked_nodes(&mut self) -> Vec<(String, bool)> {
        if self.marks.is_empty() {
            return Vec::new();
        }
        self.outlined();
        let nodes = self.outline.as_ref().map_or(&[][..], |(_, nodes)| nodes);
        let within =
            |mark: &Mark| nodes.iter().rev().find(|node| node.whole.range().contains(&mark.range.start));
        self.marks.iter().filter_map(|mark| Some((within(mark)?.name.clone(), mark.is_error()))).collect()
    }

    fn outlined(&mut self) -> &[Outlined] {
        let known = self.outline.as_ref().is_some_and(|(revision, _)| *revision == self.revision);
        if !known {
            let nodes = outline(&Source::new("", self.text.as_str()));
            // A text that is no YAML while one types keeps the places it had.
            let before = self.outline.take().map(|(_, nodes)| nodes).filter(|_| nodes.is_empty());
            self.outline = Some((self.revision, before.unwrap_or(nodes)));
        }
        self.outline.as_ref().map_or(&[], |(_, nodes)| nodes)
    }

    /// Takes what became of the text.
    pub fn mark(&mut self, outcome: &Outcome) {
        let address = |list: &Option<Arc<_>>| list.as_ref().map_or(0, |list| Arc::as_ptr(list) as usize);
        let now = (outcome.number, address(&outcome.mistakes), address(&outcome.warnings), self.revision);
        if self.marked != Some(now) {
            self.marks = marks::place(&[&outcome.mistakes, &outcome.warnings], &self.text);
            self.marked = Some(now);
        }
    }

    /// Draws text and mistakes. Returns whether it is to be played now.
    pub fn show(&mut self, ui: &mut Ui) -> bool {
        let listed =
            if self.marks.is_empty() { 0.0 } else { (self.marks.len() as f32 * 34.0).min(104.0) + 10.0 };
        let whole = ui.available_rect_before_wrap();
        let field = Rect::from_min_max(whole.min, pos2(whole.right(), whole.bottom() - listed));
        ui.painter().rect_filled(field, theme::ROUND, NIGHT);
        let id = ui.scope_id().with("text");
        let focused = ui.memory(|memory| memory.has_focus(id));
        let edge = if focused { AURORA.gamma_multiply(0.6) } else { LINE };
        ui.painter().rect_stroke(field, theme::ROUND, Stroke::new(1.0, edge), egui::StrokeKind::Inside);
        if focused {
            self.rewrite_keys(ui, id);
        }
        self.field(ui, id, field.shrink(1.5));
        if listed > 0.0 {
            let list = Rect::from_min_max(pos2(whole.left(), field.bottom() + 8.0), whole.max);
            self.list(ui, list);
        }
        ui.advance_cursor_after_rect(whole);
        let now = ui.input(|input| input.time);
        match self.typed {
            Some(typed) if now - typed >= REST => {
                self.typed = None;
                true
            }
            Some(_) => {
                ui.ctx().request_repaint_after_secs(REST as f32 / 3.0);
                false
            }
            None => false,
        }
    }

    /// The tabulator writes spaces, which YAML asks for, and a new line begins below the one before.
    fn rewrite_keys(&self, ui: &Ui, id: Id) {
        let letter = TextEditState::load(ui.ctx(), id).and_then(|state| state.cursor.char_range());
        let at = letter.map(|range| self.text.byte_index_from_char_index(range.primary.index).0);
        let newline = at.map(|at| indented(&self.text, at));
        ui.input_mut(|input| {
            for event in &mut input.events {
                match event {
                    Event::Key { key: Key::Tab, pressed: true, modifiers: Modifiers::NONE, .. } => {
                        *event = Event::Text("  ".into());
                    }
                    Event::Key { key: Key::Enter, pressed: true, modifiers: Modifiers::NONE, .. } => {
                        if let Some(newline) = newline.as_deref().filter(|line| line.len() > 1) {
                            *event = Event::Text(newline.into());
                        }
                    }
                    Event::Text(text) | Event::Paste(text) if text.contains('\r') => {
                        *text = text.replace("\r\n", "\n").replace('\r', "\n");
                    }
                    _ => {}
                }
            }
        });
    }

    fn field(&mut self, ui: &mut Ui, id: Id, rect: Rect) {
        let inside = Rect::from_min_max(rect.min + vec2(GUTTER, 0.0), rect.max);
        let mut child = ui.new_child(egui::UiBuilder::new().max_rect(inside));
        let (go, focus) = (self.go.take(), std::mem::take(&mut self.wants_focus));
        if let Some(go) = go {
            let cursor = CCursor::new(marks::letter_at(&self.text, go));
            let mut state = TextEditState::load(ui.ctx(), id).unwrap_or_default();
            state.cursor.set_char_range(Some(CCursorRange::one(cursor)));
            state.store(ui.ctx(), id);
        }
        let Self { text, job, revision, wrap, .. } = self;
        let before = *revision;
        let scroll = ScrollArea::both().id_salt("text").auto_shrink(false).max_height(inside.height());
        let shown = scroll.show(&mut child, |ui| {
            let mut layout = |ui: &Ui, buffer: &dyn TextBuffer, width: f32| {
                // While keys are worked off, the text runs ahead of its revision.
                let fits = |job: &(u64, bool, LayoutJob)| {
                    job.0 == before && job.1 == *wrap && job.2.text == buffer.as_str()
                };
                if !job.as_ref().is_some_and(fits) {
                    *job = Some((before, *wrap, colour(buffer.as_str())));
                }
                let mut coloured = job.as_ref().map(|(_, _, job)| job.clone()).unwrap_or_default();
                coloured.wrap.max_width = if *wrap { width } else { f32::INFINITY };
                ui.fonts_mut(|fonts| fonts.layout_job(coloured))
            };
            let edit = egui::TextEdit::multiline(text)
                .id(id)
                .code_editor()
                .frame(egui::Frame::NONE)
                .background_color(Color32::TRANSPARENT)
                .margin(egui::Margin { left: 4, right: 24, top: 8, bottom: 40 })
                .desired_width(f32::INFINITY)
                .min_size(inside.size())
                .layouter(&mut layout);
            let output = edit.show(ui);
            if go.is_some() {
                let cursor =
                    output.state.cursor.char_range().map_or(CCursor::default(), |range| range.primary);
                let place = output.galley.pos_from_cursor(cursor).translate(output.galley_pos.to_vec2());
                ui.scroll_to_rect(place.expand(30.0), Some(egui::Align::Center));
            }
            output
        });
        let output = shown.inner;
        if go.is_some() || focus {
            output.response.request_focus();
        }
        if output.response.changed() {
            self.revision += 1;
            self.typed = Some(ui.input(|input| input.time));
        }
        if output.response.has_focus() {
            let byte = |range: CCursorRange| self.text.byte_index_from_char_index(range.primary.index).0;
            self.cursor = output.cursor_range.map(byte);
        }
        let line = self.cursor.filter(|_| output.response.has_focus());
        let line = line
            .and_then(|at| self.text.get(..at))
            .map(|text| text.bytes().filter(|byte| *byte == b'\n').count());
        self.numbers(ui, rect, &output.galley, output.galley_pos, line);
        self.underline(ui, inside, &output.galley, output.galley_pos);
    }

    /// The numbers of the lines in view, and what is wrong with them.
    fn numbers(&self, ui: &Ui, rect: Rect, galley: &Galley, origin: Pos2, current: Option<usize>) {
        let gutter = Rect::from_min_max(rect.min, pos2(rect.left() + GUTTER, rect.bottom()));
        let painter = ui.painter().with_clip_rect(gutter);
        painter.vline(gutter.right() - 4.0, gutter.y_range(), Stroke::new(1.0, LINE));
        let mut line = 0;
        let mut begins = true;
        for row in &galley.rows {
            let y = origin.y + row.rect().center().y;
            if begins && y > gutter.top() - 20.0 && y < gutter.bottom() + 20.0 {
                let worst = self.marks.iter().find(|mark| mark.line == line + 1);
                let ink = match worst {
                    Some(mark) if mark.is_error() => ROSE,
                    Some(_) => AMBER,
                    None if current == Some(line) => INK,
                    None => FAINT.gamma_multiply(0.75),
                };
                let at = pos2(gutter.right() - 12.0, y);
                painter.text(at, Align2::RIGHT_CENTER, (line + 1).to_string(), theme::mono(11.0), ink);
            }
            begins = row.ends_with_newline;
            line += usize::from(begins);
        }
    }

    fn underline(&self, ui: &Ui, clip: Rect, galley: &Galley, origin: Pos2) {
        let painter = ui.painter().with_clip_rect(clip);
        let pointer = ui.input(|input| input.pointer.hover_pos()).filter(|at| clip.contains(*at));
        let mut hovered = None;
        for mark in &self.marks {
            let place =
                |letter: usize| galley.pos_from_cursor(CCursor::new(letter)).translate(origin.to_vec2());
            let (from, to) = (place(mark.letters.start), place(mark.letters.end));
            let end = if to.top() > from.top() { origin.x + galley.rect.right() } else { to.left() };
            let stretch =
                Rect::from_min_max(from.left_top(), pos2(end.max(from.left() + 6.0), from.bottom()));
            if !stretch.intersects(clip) {
                continue;
            }
            let ink = if mark.is_error() { ROSE } else { AMBER };
            painter.rect_filled(stretch.expand2(vec2(1.0, 0.0)), 2, ink.gamma_multiply(0.10));
            painter.add(Shape::line(squiggle(stretch), Stroke::new(1.2, ink)));
            if pointer.is_some_and(|at| stretch.expand(2.0).contains(at)) {
                hovered = Some(mark);
            }
        }
        if let Some(mark) = hovered {
            let layer = ui.layer_id();
            egui::Tooltip::always_open(
                ui.ctx().clone(),
                layer,
                ui.scope_id().with("mark"),
                egui::PopupAnchor::Pointer,
            )
            .gap(14.0)
            .show(|ui| explain(ui, mark));
        }
    }

    /// The mistakes below the text; each leads to its place.
    fn list(&mut self, ui: &mut Ui, rect: Rect) {
        let mut child = ui.new_child(egui::UiBuilder::new().max_rect(rect));
        let mut go = None;
        ScrollArea::vertical().id_salt("mistakes").auto_shrink(false).show(&mut child, |ui| {
            ui.spacing_mut().item_spacing.y = 2.0;
            for mark in &self.marks {
                if problem(ui, mark) {
                    go = Some(mark.range.start);
                }
            }
        });
        self.go = go.or(self.go);
    }
}

/// One mistake below the text; returns whether it was chosen.
fn problem(ui: &mut Ui, mark: &Mark) -> bool {
    let ink = if mark.is_error() { ROSE } else { AMBER };
    let diagnostic = &mark.diagnostic;
    let mut job = LayoutJob::default();
    let part = |job: &mut LayoutJob, text: &str, ink| {
        job.append(text, 0.0, TextFormat::simple(theme::font(theme::SMALL + 0.5), ink))
    };
    part(&mut job, &format!("{}  ", mark.line), ink);
    part(&mut job, &diagnostic.message, INK);
    if let Some(help) = &diagnostic.help {
        part(&mut job, &format!("  {help}"), AURORA);
    }
    job.wrap = egui::text::TextWrapping::truncate_at_width(ui.available_width() - 16.0);
    job.wrap.max_rows = 2;
    job.wrap.break_anywhere = false;
    let galley = ui.painter().layout_job(job);
    let size = vec2(ui.available_width(), (galley.size().y + 8.0).max(26.0));
    let (rect, response) = ui.allocate_exact_size(size, egui::Sense::click());
    let fill = if response.hovered() { theme::LIT } else { theme::RAISED };
    ui.painter().rect_filled(rect, 4, fill);
    ui.painter().rect_filled(Rect::from_min_size(rect.min, vec2(3.0, rect.height())), 2, ink);
    ui.painter().galley(pos2(rect.left() + 11.0, rect.center().y - galley.size().y / 2.0), galley, INK);
    if response.has_focus() {
        theme::focus_ring(ui.painter(), rect.shrink(1.0));
    }
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, &diagnostic.message));
    response.clicked()
}

/// All that is to be said of a mistake.
fn explain(ui: &mut Ui, mark: &Mark) {
    let diagnostic = &mark.diagnostic;
    ui.set_max_width(360.0);
    let ink = if mark.is_error() { ROSE } else { AMBER };
    ui.colored_label(ink, &diagnostic.message);
    if !diagnostic.label.is_empty() {
        ui.label(egui::RichText::new(&diagnostic.label).color(DIM));
    }
    for (_, label) in diagnostic.related.iter().filter(|(_, label)| !label.is_empty()) {
        ui.label(egui::RichText::new(label).color(DIM));
    }
    if let Some(help) = &diagnostic.help {
        ui.label(egui::RichText::new(help).color(AURORA));
    }
}

fn squiggle(rect: Rect) -> Vec<Pos2> {
    let steps = (rect.width() / 3.0).ceil().max(2.0) as usize;
    let point = |step: usize| {
        let way = (rect.left() + step as f32 * 3.0).min(rect.right());
        pos2(way, rect.bottom() - if step.is_multiple_of(2) { 0.5 } else { 2.5 })
    };
    (0..=steps.min(400)).map(point).collect()
}

/// A new line, as far in as the one at `at`; further where that one opens something.
fn indented(text: &str, at: usize) -> String {
    let before = text.get(..at).unwrap_or("");
    let line = before.rsplit('\n').next().unwrap_or("");
    let indent = line.len() - line.trim_start_matches(' ').len();
    let deeper = if line.trim_end().ends_with(':') { 2 } else { 0 };
    format!("\n{}", " ".repeat(indent + deeper))
}

/// A text with its colours.
fn colour(text: &str) -> LayoutJob {
    let mut job = LayoutJob { text: text.into(), break_on_newline: true, ..LayoutJob::default() };
    let mut add = |range: std::ops::Range<usize>, ink: Color32, italics: bool| {
        if !range.is_empty() {
            let format = TextFormat {
                italics,
                line_height: Some(19.0),
                ..TextFormat::simple(theme::mono(theme::CODE), ink)
            };
            let byte_range = range.start.into()..range.end.into();
            job.sections.push(egui::text::LayoutSection { leading_space: 0.0, byte_range, format });
        }
    };
    let mut at = 0;
    let words = if text.len() > LARGE { Vec::new() } else { syntax::words(text) };
    for (range, word) in words {
        if range.start < at {
            continue;
        }
        add(at..range.start, DIM, false);
        at = range.end;
        add(range, ink(word), word == Word::Comment);
    }
    add(at..text.len(), DIM, false);
    job
}

fn ink(word: Word) -> Color32 {
    match word {
        Word::Top => DIM,
        Word::Name => INK,
        Word::Key => Color32::from_rgb(133, 160, 178),
        Word::Kind => AURORA,
        Word::Reference => VIOLET,
        Word::Number => AMBER,
        Word::Text => Color32::from_rgb(206, 196, 178),
        Word::Mark => FAINT,
        Word::Comment => Color32::from_rgb(96, 106, 122),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_line_begins_where_it_belongs() {
        let text = "nodes:\n  pad:\n    type: synth\n";
        assert_eq!(indented(text, 6), "\n  ");
        assert_eq!(indented(text, text.find("\n    type").unwrap()), "\n    ");
        assert_eq!(indented(text, text.len() - 1), "\n    ");
        assert_eq!(indented("", 0), "\n");
    }

    #[test]
    fn every_byte_of_the_text_has_a_colour() {
        for text in ["", "a: 1\n", "# ä\nnodes: { x: { type: y } }", "\"", "  \n\n"] {
            let job = colour(text);
            let bytes: usize = job
                .sections
                .iter()
                .map(|section| section.byte_range.end.0 - section.byte_range.start.0)
                .sum();
            assert_eq!(bytes, text.len(), "{text:?}");
        }
    }

    #[test]
    fn a_node_is_found_by_the_cursor_and_the_cursor_by_a_node() {
        let text = "auralis: 1\nnodes:\n  pad: { type: synth }\n  out: { type: output, in: pad }\n";
        let mut pane = TextPane::new(text.into());
        pane.go_to_node("out");
        assert_eq!(pane.go, text.find("out"));
        pane.cursor = text.find("synth");
        assert_eq!(pane.node().as_deref(), Some("pad"));
    }

    #[test]
    fn a_text_that_is_broken_while_one_types_keeps_its_places_and_another_text_does_not() {
        let mut pane = TextPane::new("nodes:\n  pad: { type: synth }\n".into());
        pane.go_to_node("pad");
        let place = pane.go.take();
        pane.text.push_str("  x: {");
        pane.revision += 1;
        pane.go_to_node("pad");
        assert_eq!((pane.go.take(), place.is_some()), (place, true));
        // It is looked at once, and not each time that it is drawn.
        assert_eq!(pane.outline.as_ref().map(|(revision, _)| *revision), Some(pane.revision));
        pane.put("nodes: {");
        pane.go_to_node("pad");
        assert_eq!(pane.go, None);
    }
}
