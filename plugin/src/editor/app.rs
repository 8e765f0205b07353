//! The panes of the editor and what goes between them. On the window's thread.

use super::browser::Browser;
use super::deck::{self, Deck};
use super::graph_view::{GraphView, Remarks};
use super::header::{self, Header, Heading, Panes};
use super::levels::{self, Levels};
use super::saving;
use super::scope::Scope;
use super::text::TextPane;
use super::theme::{self, AMBER, AURORA, DEEP, DIM, FAINT, GAP, INK, LINE, NIGHT, ROSE};
use crate::desk::{Desk, Outcome, Scene};
use crate::identity::MADE;
use crate::params::InstrumentParams;
use crate::reading::{Piece, Reading};
use egui::{Frame, Key, Margin, Modifiers, Panel, Rect, Stroke, Ui, pos2, vec2};
use nice_plug::context::gui::GuiContext;
use nice_plug::prelude::Param;
use std::path::PathBuf;
use std::sync::Arc;

/// Seconds between two looks, while something moves and while nothing does.
const LIVELY: f32 = 1.0 / 30.0;
const CALM: f32 = 0.1;
/// The height of the strip that shows one node's sound.
const STRIP: f32 = 80.0;
/// From which height on the strip has its own place.
const ROOMY: f32 = 360.0;

/// See the module.
pub struct App {
    desk: Arc<Desk>,
    params: Arc<InstrumentParams>,
    gui: Option<GuiContext>,
    header: Header,
    browser: Browser,
    text: TextPane,
    graph: GraphView,
    scope: Scope,
    levels: Levels,
    deck: Deck,
    panes: Panes,
    /// The number of the piece that is shown.
    number: u64,
    /// What was loaded or saved: what the text goes back to. Its name may be another one than that of what plays, since
    /// another name would be another piece.
    loaded: Piece,
    /// The user's folder of presets.
    folder: Option<PathBuf>,
    /// The name under which the text is to be saved, while that is asked.
    saving: Option<String>,
    /// Whether the keyboard is to go to that name.
    wants_name: bool,
    /// What became of saving.
    said: Option<(String, bool)>,
    /// Counts edits, for the host.
    edits: i32,
}

impl App {
    /// Of an instrument.
    pub fn new(desk: &Arc<Desk>, params: &Arc<InstrumentParams>) -> Self {
        let loaded = desk.piece();
        Self {
            header: Header::default(),
            browser: Browser::default(),
            text: TextPane::new(loaded.text.clone()),
            graph: GraphView::default(),
            scope: Scope::default(),
            levels: Levels::default(),
            deck: Deck::default(),
            panes: Panes { library: true, text: true },
            number: desk.number(),
            loaded,
            folder: auralis_library::users_folder(),
            saving: None,
            wants_name: false,
            said: None,
            edits: 0,
            gui: None,
            desk: Arc::clone(desk),
            params: Arc::clone(params),
        }
    }

    /// A window opens.
    pub fn open(&mut self, gui: GuiContext) {
        self.gui = Some(gui);
        if MADE.is_none() {
            self.browser.read(&self.desk);
        }
    }

    /// The window closes: what was typed is played, and nothing is measured any more.
    pub fn close(&mut self) {
        self.flush();
        self.gui = None;
        self.levels = Levels::default();
        self.scope.close();
    }

    /// Draws everything, and takes what is done.
    pub fn show(&mut self, ui: &mut Ui) {
        let seconds = ui.input(|input| input.stable_dt).min(1.0);
        self.follow();
        let (scene, reading, outcome) = (self.desk.scene(), self.desk.reading(), self.desk.outcome());
        self.levels.follow(scene.as_ref(), seconds);
        self.text.mark(&outcome);
        self.shortcuts(ui);
        self.header(ui, scene.as_deref(), reading.as_deref());
        self.deck(ui, reading.as_deref());
        if MADE.is_none() {
            self.library(ui);
            self.text(ui, &outcome);
        }
        let shown = scene.as_ref().map(|scene| &scene.reading).or(reading.as_ref());
        self.graph(ui, scene.as_ref(), shown, seconds);
        let moves = self.desk.gauges.is_playing() || self.levels.sound();
        ui.ctx().request_repaint_after_secs(if moves { LIVELY } else { CALM });
    }

    /// Takes over what somebody else put on the desk: a session, another window.
    fn follow(&mut self) {
        let number = self.desk.number();
        if number != self.number {
            self.number = number;
            let piece = self.desk.piece();
            self.text.put(&piece.text);
            self.loaded = piece;
            self.said = None;
        }
    }

    /// Has a text played, and tells the host that there is something to save.
    fn play(&mut self, piece: Piece) {
        self.said = None;
        self.number = self.desk.play(piece);
        self.edits = self.params.edits.unmodulated_plain_value().max(self.edits) + 1;
        if let Some(gui) = &self.gui {
            deck::set(&gui.param_setter(), &self.params.edits, self.edits);
        }
    }

    /// Has what stands in the text played, as a further text of what plays.
    fn play_text(&mut self) {
        let piece = Piece { text: self.text.text().into(), ..self.desk.piece() };
        self.play(piece);
    }

    /// Plays what was typed last, where the text is not drawn any more.
    fn flush(&mut self) {
        if self.text.flush() {
            self.play_text();
        }
    }

    fn revert(&mut self) {
        self.text.put(&self.loaded.text);
        self.play_text();
    }

    fn shortcuts(&mut self, ui: &Ui) {
        if MADE.is_some() {
            return;
        }
        let pressed = |key| ui.input_mut(|input| input.consume_key(Modifiers::COMMAND, key));
        if pressed(Key::F) {
            self.panes.library = true;
            self.browser.focus();
        }
        if pressed(Key::E) {
            self.panes.text = true;
            self.text.focus();
        }
        if pressed(Key::S) {
            self.ask_name();
        }
    }

    fn header(&mut self, ui: &mut Ui, scene: Option<&Scene>, reading: Option<&Reading>) {
        let preset = reading.map(|reading| &reading.preset);
        let title = preset.map_or(self.loaded.name.as_str(), |preset| preset.title());
        let info = preset.map(|preset| &preset.info);
        let author = info.and_then(|info| info.author.clone());
        let tags = info.filter(|info| !info.tags.is_empty()).map(|info| info.tags.join(" · "));
        let below = [author, tags].into_iter().flatten().collect::<Vec<_>>().join("  —  ");
        let meter =
            preset.map(|preset| preset.settings().meter).unwrap_or(auralis_graph::music::Meter::COMMON);
        let heading = Heading { title, below: &below, meter };
        let panes = MADE.is_none().then_some(&mut self.panes);
        let (header, desk) = (&mut self.header, &self.desk);
        let panel =
            Panel::top("header").exact_size(header::HEIGHT).resizable(false).show_separator_line(false);
        panel.frame(Frame::NONE.fill(DEEP)).show(ui, |ui| {
            let rect = ui.max_rect();
            header.show(ui, desk, scene, &heading, panes);
            ui.painter().hline(rect.x_range(), rect.bottom(), Stroke::new(1.0, LINE));
        });
    }

    fn deck(&mut self, ui: &mut Ui, reading: Option<&Reading>) {
        let Some(gui) = self.gui.clone() else { return };
        let (deck, desk, params, levels) = (&mut self.deck, &self.desk, &self.params, &self.levels);
        let frame = Frame::NONE.fill(NIGHT).inner_margin(Margin { left: 12, right: 12, top: 0, bottom: 12 });
        let panel =
            Panel::bottom("deck").exact_size(deck::HEIGHT).resizable(false).show_separator_line(false);
        panel.frame(frame).show(ui, |ui| deck.show(ui, desk, params, &gui.param_setter(), reading, levels));
    }

    fn library(&mut self, ui: &mut Ui) {
        if !self.panes.library {
            return;
        }
        let wide = ui.ctx().content_rect().width();
        let frame = Frame::NONE.fill(NIGHT).inner_margin(Margin { left: 12, right: 8, top: 12, bottom: 12 });
        let panel = Panel::left("library")
            .default_size((wide * 0.185).clamp(190.0, 280.0))
            .size_range(160.0..=(wide * 0.22).max(190.0));
        let (browser, playing) = (&mut self.browser, self.loaded.name.as_str());
        let chosen =
            panel.show_separator_line(false).frame(frame).show(ui, |ui| browser.show(ui, playing)).inner;
        if let Some(piece) = chosen {
            self.text.put(&piece.text);
            self.loaded = piece.clone();
            self.play(piece);
        }
    }

    fn text(&mut self, ui: &mut Ui, outcome: &Outcome) {
        if !self.panes.text {
            return self.flush();
        }
        let wide = ui.ctx().content_rect().width();
        let frame = Frame::NONE.fill(NIGHT).inner_margin(Margin { left: 8, right: 12, top: 12, bottom: 12 });
        let panel = Panel::right("text")
            .default_size((wide * 0.34).clamp(300.0, 620.0))
            .size_range(240.0..=(wide * 0.42).max(300.0));
        let play = panel.show_separator_line(false).frame(frame).show(ui, |ui| {
            ui.spacing_mut().item_spacing.y = 6.0;
            self.text_bar(ui, outcome);
            if self.saving.is_some() {
                self.save_bar(ui);
            }
            self.text.show(ui)
        });
        if play.inner {
            self.play_text();
        }
    }

    /// What became of the text, and what can be done with it.
    fn text_bar(&mut self, ui: &mut Ui, outcome: &Outcome) {
        let (words, ink, about) = self.state(outcome);
        ui.horizontal(|ui| {
            ui.set_height(24.0);
            ui.label(theme::caption("Text"));
            let small = |words: &str| egui::Button::new(egui::RichText::new(words).size(theme::SMALL + 0.5));
            ui.with_layout(egui::Layout::right_to_left(egui::Align::Center), |ui| {
                ui.spacing_mut().item_spacing.x = 5.0;
                if ui.add(small("Save")).on_hover_text("Into your own folder of presets (Ctrl+S)").clicked() {
                    self.ask_name();
                }
                let changed = self.text.text() != self.loaded.text;
                let revert =
                    ui.add_enabled(changed, small("Revert")).on_hover_text("Back to what was loaded");
                if revert.clicked() {
                    self.revert();
                }
                let wrap = small("Wrap").selected(self.text.wrap);
                if ui.add(wrap).on_hover_text("Break long lines at the edge").clicked() {
                    self.text.wrap = !self.text.wrap;
                }
                ui.with_layout(egui::Layout::left_to_right(egui::Align::Center), |ui| {
                    let (dot, _) = ui.allocate_exact_size(vec2(8.0, 8.0), egui::Sense::hover());
                    ui.painter().circle_filled(dot.center(), 3.0, ink);
                    let text = egui::RichText::new(words).size(theme::SMALL + 0.5).color(DIM);
                    let label = ui.add(egui::Label::new(text).truncate());
                    if !about.is_empty() {
                        label.on_hover_text(about);
                    }
                });
            });
        });
    }

    /// The text's state in a few words, and all of it.
    fn state(&self, outcome: &Outcome) -> (String, egui::Color32, String) {
        if let Some((said, fine)) = &self.said {
            return (said.clone(), if *fine { AURORA } else { ROSE }, said.clone());
        }
        let errors = outcome.mistakes.as_ref().map_or(0, |mistakes| mistakes.errors());
        if errors > 0 {
            let words = if errors == 1 { "1 mistake".into() } else { format!("{errors} mistakes") };
            return (words, ROSE, "What played before goes on until the text is right".into());
        }
        if outcome.number < self.number && self.desk.scene().is_some() {
            return ("…".into(), FAINT, String::new());
        }
        if let Some(notice) = outcome.notices.first() {
            return (notice.clone(), AMBER, outcome.notices.join("\n"));
        }
        match outcome.warnings.as_ref().map_or(0, |warnings| warnings.iter().count()) {
            0 if self.text.is_large() => {
                ("As it plays".into(), AURORA, "A text as long as this is shown without colours".into())
            }
            0 => ("As it plays".into(), AURORA, String::new()),
            1 => ("1 warning".into(), AMBER, String::new()),
            count => (format!("{count} warnings"), AMBER, String::new()),
        }
    }

    fn ask_name(&mut self) {
        let stem = std::path::Path::new(&self.loaded.name).file_stem();
        self.saving = Some(stem.map_or_else(String::new, |stem| stem.to_string_lossy().into_owned()));
        self.said = None;
        self.panes.text = true;
        self.wants_name = true;
    }

    /// Asks under which name the text is to be saved.
    fn save_bar(&mut self, ui: &mut Ui) {
        let Some(mut name) = self.saving.take() else { return };
        let (mut save, mut leave) = (false, false);
        ui.horizontal(|ui| {
            let width = (ui.available_width() - 150.0).max(60.0);
            let field = egui::TextEdit::singleline(&mut name)
                .hint_text("Name")
                .margin(vec2(8.0, 5.0))
                .desired_width(width);
            let response = ui.add(field);
            if std::mem::take(&mut self.wants_name) {
                response.request_focus();
            }
            save = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
            leave = ui.input(|input| input.key_pressed(Key::Escape));
            let exists = saving::file_of(self.folder.as_deref(), &name).is_ok_and(|path| path.exists());
            save |= ui.button(if exists { "Replace" } else { "Save" }).clicked();
            leave |= ui.button("Cancel").clicked();
        });
        if save {
            self.save(name);
        } else if !leave {
            self.saving = Some(name);
        }
    }

    /// Saves the text in the user's folder, and says so. Where that fails one can choose another name.
    fn save(&mut self, name: String) {
        self.said = Some(match self.write(&name) {
            Ok(()) => (format!("Saved as {}", name.trim()), true),
            Err(why) => {
                (self.saving, self.wants_name) = (Some(name), true);
                (format!("Not saved: {why}"), false)
            }
        });
    }

    /// What plays goes on under the name that it has.
    fn write(&mut self, name: &str) -> Result<(), String> {
        let path = saving::file_of(self.folder.as_deref(), name)?;
        saving::write(&path, self.text.text()).map_err(|error| error.to_string())?;
        self.loaded = Piece { text: self.text.text().into(), name: name.trim().into(), ..self.desk.piece() };
        self.browser.read(&self.desk);
        Ok(())
    }

    fn graph(
        &mut self,
        ui: &mut Ui,
        scene: Option<&Arc<Scene>>,
        reading: Option<&Arc<Reading>>,
        seconds: f32,
    ) {
        let lean = |shown: bool| if shown { 0 } else { 12 };
        let shows = |shown: bool| shown && MADE.is_none();
        let margin = Margin {
            left: lean(shows(self.panes.library)),
            right: lean(shows(self.panes.text)),
            top: 12,
            bottom: 12,
        };
        let frame = Frame::NONE.fill(NIGHT).inner_margin(margin);
        egui::CentralPanel::no_frame().frame(frame).show(ui, |ui| {
            let whole = ui.max_rect();
            ui.painter().rect_filled(whole, theme::ROUND, DEEP);
            // Where there is little room, the strip is there while a node is pointed at.
            let over = whole.height() < ROOMY;
            let split = if over { whole.bottom() } else { whole.bottom() - STRIP };
            let upper = Rect::from_min_max(whole.min, pos2(whole.right(), split));
            let mut child = ui.new_child(egui::UiBuilder::new().max_rect(upper.shrink(1.0)));
            let marked = self.text.marked_nodes();
            let current = self.text.node();
            let failed = scene.map_or(&[][..], |scene| &scene.failed);
            let remarks =
                Remarks { levels: &self.levels, failed, marked: &marked, current: current.as_deref() };
            if let Some(name) = self.graph.show(&mut child, reading, &remarks) {
                self.text.go_to_node(&name);
            }
            let lower = Rect::from_min_max(pos2(whole.left(), whole.bottom() - STRIP), whole.max);
            if !over || self.graph.pointed().is_some() {
                ui.painter().rect_filled(lower, theme::ROUND, DEEP);
                ui.painter().hline(whole.x_range(), lower.top(), Stroke::new(1.0, LINE));
                self.strip(ui, lower, scene, reading, seconds);
            }
            ui.painter().rect_stroke(whole, theme::ROUND, Stroke::new(1.0, LINE), egui::StrokeKind::Inside);
        });
    }

    /// The sound of the node under the pointer; else of the piece's last one.
    fn strip(
        &mut self,
        ui: &mut Ui,
        rect: Rect,
        scene: Option<&Arc<Scene>>,
        reading: Option<&Arc<Reading>>,
        seconds: f32,
    ) {
        let Some(reading) = reading else { return };
        let nodes = &reading.preset.nodes;
        let pointed = self.graph.pointed().and_then(|name| nodes.iter().find(|node| node.name == name));
        let Some(node) = pointed.or_else(|| nodes.iter().rev().find(|node| node.kind.name == "output"))
        else {
            return;
        };
        self.scope.listen(scene, &node.name, seconds);
        let painter = ui.painter_at(rect);
        let inner = rect.shrink2(vec2(16.0, 12.0));
        let words = 104.0;
        let write = |top: f32, text: &str, size: f32, ink| {
            let mut job = egui::text::LayoutJob::simple_singleline(text.into(), theme::font(size), ink);
            job.wrap = egui::text::TextWrapping::truncate_at_width(words);
            painter.galley(inner.min + vec2(0.0, top), painter.layout_job(job), ink);
        };
        write(0.0, &node.name, theme::BODY + 1.0, INK);
        write(19.0, node.kind.name, theme::SMALL, FAINT);
        let failed = scene.and_then(|scene| scene.failed.iter().find(|(name, _)| *name == node.name));
        match failed {
            Some((_, how)) => write(44.0, how, theme::SMALL, ROSE),
            None => write(44.0, &levels::print(self.levels.of(&node.name, None).peak), theme::BODY, DIM),
        }
        let room = inner.width() - words - 2.0 * GAP;
        let half = (room - 2.0 * GAP) / 2.0;
        let wave = Rect::from_min_size(inner.min + vec2(words + 2.0 * GAP, 0.0), vec2(half, inner.height()));
        self.scope.paint_wave(&painter, wave);
        self.scope.paint_spectrum(&painter, wave.translate(vec2(half + 2.0 * GAP, 0.0)));
    }
}

#[cfg(test)]
mod tests {
    use super::super::screen::{self, Screen};
    use super::*;
    use tempfile::TempDir;

    /// An editor in whose text the keyboard is.
    fn opened() -> (App, Screen, TempDir) {
        let desk = Arc::new(Desk::new());
        let params = Arc::new(InstrumentParams::new(&desk));
        let (mut app, mut screen) = (App::new(&desk, &params), Screen::default());
        let folder = TempDir::new().unwrap();
        app.folder = Some(folder.path().join("presets"));
        app.text.focus();
        screen.show(Vec::new(), |ui| app.show(ui));
        (app, screen, folder)
    }

    #[test]
    fn what_was_typed_is_played_though_the_text_or_the_window_goes() {
        let (mut app, mut screen, _folder) = opened();
        let before = app.desk.piece().text;
        screen.show(screen::text("# one\n"), |ui| app.show(ui));
        assert_eq!((app.text.text().len(), app.desk.piece().text), (before.len() + 6, before));
        app.panes.text = false;
        screen.show(Vec::new(), |ui| app.show(ui));
        assert_eq!(app.desk.piece().text, app.text.text());
        app.panes.text = true;
        app.text.focus();
        screen.show(Vec::new(), |ui| app.show(ui));
        screen.show(screen::text("# two\n"), |ui| app.show(ui));
        assert_ne!(app.desk.piece().text, app.text.text());
        app.close();
        assert_eq!(app.desk.piece().text, app.text.text());
        let number = app.desk.number();
        app.close();
        assert_eq!(app.desk.number(), number, "it is played once");
    }

    #[test]
    fn a_text_that_is_saved_plays_on_under_the_name_it_has() {
        let (mut app, mut screen, folder) = opened();
        screen.show(screen::text("# mine\n"), |ui| app.show(ui));
        app.flush();
        let (number, piece) = (app.desk.number(), app.desk.piece());
        app.save(" My Piece ".into());
        assert_eq!(app.said, Some(("Saved as My Piece".into(), true)));
        let saved = std::fs::read_to_string(folder.path().join("presets/My Piece.yaml")).unwrap();
        assert_eq!((saved.as_str(), app.loaded.name.as_str()), (piece.text.as_str(), "My Piece"));
        assert_eq!((app.desk.number(), app.desk.piece()), (number, piece.clone()));
        // What is typed is news, and what was saved is what one goes back to.
        screen.show(screen::text("# more\n"), |ui| app.show(ui));
        app.flush();
        assert_eq!(app.said, None);
        app.revert();
        assert_eq!(app.desk.piece(), piece);
    }

    #[test]
    fn a_text_that_cannot_be_saved_says_why_and_asks_again() {
        let (mut app, _screen, folder) = opened();
        std::fs::write(folder.path().join("presets"), "no folder").unwrap();
        for name in ["My Piece", "../x"] {
            app.save(name.into());
            assert_eq!(app.saving.as_deref(), Some(name));
            let (words, ink, about) = app.state(&Outcome::default());
            assert!(words.starts_with("Not saved: ") && ink == ROSE && about == words, "{words}");
        }
    }

    #[test]
    fn the_keys_for_saving_lead_from_the_text_to_the_name() {
        let (mut app, mut screen, _folder) = opened();
        let text = app.text.text().to_string();
        screen.show(screen::press_with(Modifiers::COMMAND, Key::S), |ui| app.show(ui));
        let asked = app.saving.clone().expect("a name is asked for");
        screen.show(Vec::new(), |ui| app.show(ui));
        screen.show(screen::text("x"), |ui| app.show(ui));
        assert_eq!(
            (app.saving.map(|name| name.len()), app.text.text()),
            (Some(asked.len() + 1), text.as_str())
        );
    }
}
