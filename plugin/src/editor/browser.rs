//! The library: presets to be found by words and tags, and files. Control side.

use super::theme::{self, AMBER, AURORA, DIM, FAINT, GAP, INK, LINE, LIT, RAISED, ROSE};
use crate::desk::Desk;
use crate::reading::Piece;
use auralis_library::{Listed, Loaded};
use egui::{Align2, Key, Rect, ScrollArea, Sense, Stroke, Ui, pos2, vec2};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

/// Tags that are offered at once, the commonest first.
const MOST_TAGS: usize = 9;
/// The height of a preset in the list.
const ROW: f32 = 46.0;

/// See the module.
#[derive(Default)]
pub struct Browser {
    /// What there is; it is read on another thread.
    list: Arc<OnceLock<Vec<Listed>>>,
    search: String,
    tags: Vec<String>,
    path: String,
    /// Why a file could not be opened.
    failed: Option<String>,
    wants_focus: bool,
}

impl Browser {
    /// Reads the library: a window opens, or there is another preset in it.
    pub fn read(&mut self, desk: &Arc<Desk>) {
        self.list = Arc::default();
        let (list, desk) = (Arc::clone(&self.list), Arc::clone(desk));
        let reader = std::thread::Builder::new().name("auralis library".into());
        if reader.spawn(move || list.set(auralis_library::list(&desk.catalogue))).is_err() {
            // Where no thread is to be had, the library is empty; everything else goes on.
            let _ = self.list.set(Vec::new());
        }
    }

    /// Has the keyboard go to the search.
    pub fn focus(&mut self) {
        self.wants_focus = true;
    }

    /// Draws it. Returns a piece that is to be played; `playing` is the name of the one that plays.
    pub fn show(&mut self, ui: &mut Ui, playing: &str) -> Option<Piece> {
        ui.add_space(2.0);
        ui.label(theme::caption("Library"));
        self.search_field(ui);
        let list = Arc::clone(&self.list);
        let Some(list) = list.get() else {
            ui.weak("Reading…");
            ui.request_repaint();
            return None;
        };
        self.chips(ui, list);
        let bottom = 34.0 + if self.failed.is_some() { 34.0 } else { 0.0 };
        let height = (ui.available_height() - bottom - GAP).max(ROW);
        let mut chosen = None;
        ScrollArea::vertical().max_height(height).min_scrolled_height(height).auto_shrink(false).show(
            ui,
            |ui| {
                ui.spacing_mut().item_spacing.y = 2.0;
                let found: Vec<&Listed> =
                    list.iter().filter(|one| matches(one, &self.search, &self.tags)).collect();
                if found.is_empty() {
                    ui.add_space(GAP);
                    ui.weak("Nothing fits.");
                }
                for listed in found {
                    if row(ui, listed, listed.id == playing) {
                        chosen = Some(listed.id.clone());
                    }
                }
            },
        );
        let typed = self.file_field(ui);
        match (chosen, typed) {
            (Some(id), _) => self.choose(&id),
            (None, Some(path)) => self.open(&path),
            (None, None) => None,
        }
    }

    fn search_field(&mut self, ui: &mut Ui) {
        let field = egui::TextEdit::singleline(&mut self.search)
            .hint_text("Search")
            .margin(egui::Margin { left: 26, right: 8, top: 5, bottom: 5 })
            .desired_width(f32::INFINITY);
        let response = ui.add(field);
        let glass = pos2(response.rect.left() + 13.0, response.rect.center().y - 1.0);
        let stroke = Stroke::new(1.4, FAINT);
        ui.painter().circle_stroke(glass, 4.0, stroke);
        ui.painter().line_segment([glass + vec2(3.0, 3.0), glass + vec2(6.0, 6.0)], stroke);
        if std::mem::take(&mut self.wants_focus) {
            response.request_focus();
        }
    }

    fn chips(&mut self, ui: &mut Ui, list: &[Listed]) {
        ui.scope(|ui| {
            ui.spacing_mut().item_spacing = vec2(4.0, 4.0);
            ui.horizontal_wrapped(|ui| {
                for tag in offered(list, &self.tags) {
                    let chosen = self.tags.contains(&tag);
                    if chip(ui, &tag, chosen) {
                        if chosen {
                            self.tags.retain(|other| *other != tag);
                        } else {
                            self.tags.push(tag);
                        }
                    }
                }
            });
        });
    }

    /// A file by its path; returns it where it is to be opened.
    fn file_field(&mut self, ui: &mut Ui) -> Option<String> {
        let mut open = false;
        // From the right, so that the field takes what is left and the pane never grows.
        let row = vec2(ui.available_width(), 28.0);
        ui.allocate_ui_with_layout(row, egui::Layout::right_to_left(egui::Align::Center), |ui| {
            ui.spacing_mut().item_spacing.x = 6.0;
            let button = egui::Button::new(egui::RichText::new("Open").size(theme::SMALL + 0.5));
            open = ui.add_enabled(!self.path.trim().is_empty(), button).clicked();
            let field = egui::TextEdit::singleline(&mut self.path)
                .hint_text("A file\u{2019}s path")
                .font(theme::font(theme::SMALL + 0.5))
                .margin(vec2(8.0, 6.0))
                .desired_width(ui.available_width());
            let response = ui.add(field);
            open |= response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
        });
        if let Some(failed) = &self.failed {
            let text = egui::RichText::new(failed).size(theme::SMALL).color(ROSE);
            ui.add(egui::Label::new(text).truncate()).on_hover_text(failed);
        }
        (open && !self.path.trim().is_empty()).then(|| unquoted(&self.path).to_string())
    }

    /// A preset of the library.
    fn choose(&mut self, id: &str) -> Option<Piece> {
        self.piece(id, auralis_library::find(id).map_err(|error| error.to_string()))
    }

    /// A file by its path. Only what ends is read: a pipe would hold up the host's windows.
    fn open(&mut self, path: &str) -> Option<Piece> {
        let file = Path::new(path);
        let loaded = match file.is_file() {
            true => auralis_library::load_file(file).map_err(|error| error.to_string()),
            false => Err(format!("there is no file `{path}`")),
        };
        self.piece(path, loaded)
    }

    fn piece(&mut self, name: &str, loaded: Result<Loaded, String>) -> Option<Piece> {
        match loaded {
            Ok(loaded) => {
                self.failed = None;
                let folder = loaded.path.as_deref().and_then(Path::parent).map(Path::to_path_buf);
                let text = loaded.source.text().to_string();
                Some(Piece { text, name: name.into(), folder, assets: Vec::new() })
            }
            Err(why) => {
                self.failed = Some(why);
                None
            }
        }
    }
}

/// A path as file managers put it on the clipboard.
fn unquoted(path: &str) -> &str {
    let path = path.trim();
    let path = path.strip_prefix("file://").unwrap_or(path);
    path.trim_matches(['"', '\''])
}

/// Whether a preset has every word that is looked for and every tag that was chosen.
fn matches(listed: &Listed, search: &str, tags: &[String]) -> bool {
    let all = format!("{} {} {} {}", listed.id, listed.name, listed.description, listed.tags.join(" "))
        .to_lowercase();
    let has_words = search.to_lowercase().split_whitespace().all(|word| all.contains(word));
    has_words && tags.iter().all(|tag| listed.tags.contains(tag))
}

/// The tags to choose from: those chosen, then the commonest of what is left with them.
fn offered(list: &[Listed], chosen: &[String]) -> Vec<String> {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for tag in list.iter().filter(|one| matches(one, "", chosen)).flat_map(|one| &one.tags) {
        *counts.entry(tag).or_default() += 1;
    }
    let mut tags: Vec<(&str, usize)> = counts.into_iter().collect();
    tags.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    let mut tags: Vec<String> = tags.into_iter().take(MOST_TAGS).map(|(tag, _)| tag.to_string()).collect();
    for tag in chosen {
        if !tags.contains(tag) {
            tags.push(tag.clone());
        }
    }
    tags
}

fn chip(ui: &mut Ui, tag: &str, chosen: bool) -> bool {
    let ink = if chosen { theme::NIGHT } else { DIM };
    let galley = ui.painter().layout_no_wrap(tag.to_string(), theme::font(theme::SMALL), ink);
    let (rect, response) = ui.allocate_exact_size(galley.size() + vec2(14.0, 6.0), Sense::click());
    let fill = match (chosen, response.hovered()) {
        (true, _) => AURORA,
        (false, true) => LIT,
        (false, false) => RAISED,
    };
    ui.painter().rect_filled(rect, 9, fill);
    ui.painter().galley(rect.min + vec2(7.0, 3.0), galley, ink);
    if response.has_focus() {
        theme::focus_ring(ui.painter(), rect);
    }
    response.widget_info(|| egui::WidgetInfo::selected(egui::Role::Button, true, chosen, tag));
    response.clicked()
}

/// A preset in the list; returns whether it was chosen.
fn row(ui: &mut Ui, listed: &Listed, plays: bool) -> bool {
    let (rect, response) = ui.allocate_exact_size(vec2(ui.available_width(), ROW), Sense::click());
    response.widget_info(|| egui::WidgetInfo::selected(egui::Role::Button, true, plays, &listed.name));
    theme::come_into_view(ui, &response, rect);
    if !ui.is_rect_visible(rect) {
        return response.clicked();
    }
    let painter = ui.painter().with_clip_rect(rect.intersect(ui.clip_rect()));
    if plays || response.hovered() {
        painter.rect_filled(rect, theme::ROUND, if plays { LIT } else { RAISED });
    }
    if plays {
        let bar = Rect::from_min_size(rect.min + vec2(0.0, 10.0), vec2(3.0, ROW - 20.0));
        painter.rect_filled(bar, 2, AURORA);
    }
    let left = rect.left() + 11.0;
    let width = rect.width() - 20.0;
    let line = |text: &str, size: f32, colour: egui::Color32, top: f32| {
        let mut job = egui::text::LayoutJob::simple_singleline(text.to_string(), theme::font(size), colour);
        job.wrap = egui::text::TextWrapping::truncate_at_width(width);
        painter.galley(pos2(left, rect.top() + top), painter.layout_job(job), colour);
    };
    line(&listed.name, theme::BODY + 0.5, if plays { AURORA } else { INK }, 6.0);
    let words =
        if listed.description.is_empty() { listed.tags.join(", ") } else { listed.description.clone() };
    line(&words, theme::SMALL, FAINT, 25.0);
    if !listed.shipped {
        let at = pos2(rect.right() - 8.0, rect.top() + 8.0);
        painter.text(at, Align2::RIGHT_TOP, "yours", theme::font(10.0), AMBER);
    }
    if response.has_focus() {
        theme::focus_ring(ui.painter(), rect.shrink(1.0));
    }
    painter.hline(left..=rect.right() - 9.0, rect.bottom() + 1.0, Stroke::new(1.0, LINE.gamma_multiply(0.5)));
    let about = format!("{}\n{}", listed.description, listed.tags.join(" · "));
    response.on_hover_text_at_pointer(about.trim()).clicked()
}

#[cfg(test)]
mod tests {
    use super::super::screen::{self, Screen};
    use super::*;

    fn listed(name: &str, description: &str, tags: &[&str]) -> Listed {
        let tags = tags.iter().map(ToString::to_string).collect();
        Listed {
            id: name.to_lowercase(),
            name: name.into(),
            description: description.into(),
            tags,
            shipped: true,
        }
    }

    #[test]
    fn every_word_and_every_tag_has_to_fit() {
        let one = listed("Night Drift", "A piano far away", &["ambient", "piano"]);
        assert!(matches(&one, "", &[]));
        assert!(matches(&one, "NIGHT piano", &[]));
        assert!(matches(&one, "ambi", &["piano".into()]));
        assert!(!matches(&one, "night drums", &[]));
        assert!(!matches(&one, "", &["piano".into(), "drone".into()]));
    }

    #[test]
    fn the_commonest_tags_come_first_and_the_chosen_ones_stay() {
        let list = [listed("A", "", &["x", "slow"]), listed("B", "", &["slow"]), listed("C", "", &["fast"])];
        assert_eq!(offered(&list, &[]), ["slow", "fast", "x"]);
        assert_eq!(offered(&list, &["x".into()]), ["slow", "x"]);
        assert_eq!(offered(&list, &["gone".into()]), ["gone"]);
    }

    #[test]
    fn only_files_are_opened_by_their_path() {
        let folder = tempfile::TempDir::new().unwrap();
        let path = folder.path().join("mine.yaml");
        std::fs::write(&path, "auralis: 1\n").unwrap();
        let mut browser = Browser::default();
        let piece = browser.open(&path.display().to_string()).unwrap();
        assert_eq!((piece.text.as_str(), piece.folder.as_deref()), ("auralis: 1\n", Some(folder.path())));
        // What is read to its end must have one.
        let other = folder.path().display().to_string();
        for path in ["-", "/dev/zero", "/dev/tty", "gone.yaml", "night_drift", &other] {
            assert_eq!(browser.open(path), None, "{path}");
            assert_eq!(browser.failed.take(), Some(format!("there is no file `{path}`")));
        }
        assert_eq!(browser.choose("night_drift").unwrap().name, "night_drift");
    }

    #[test]
    fn the_keyboard_reaches_presets_that_are_out_of_view() {
        let mut screen = Screen::default();
        let list: Vec<Listed> = (0..40).map(|index| listed(&format!("Preset {index}"), "", &[])).collect();
        let mut clicked = None;
        let mut draw = |screen: &mut Screen, events| {
            screen.show(events, |ui| {
                ScrollArea::vertical().max_height(200.0).show(ui, |ui| {
                    for (index, listed) in list.iter().enumerate() {
                        if row(ui, listed, false) {
                            clicked = Some(index);
                        }
                    }
                });
            });
            clicked.take()
        };
        draw(&mut screen, Vec::new());
        for _ in 0..31 {
            draw(&mut screen, screen::press(Key::Tab));
        }
        assert_eq!(draw(&mut screen, screen::press(Key::Enter)), Some(30));
        for _ in 0..30 {
            draw(&mut screen, Vec::new());
        }
        let shown = screen.focused().expect("a row has the keyboard");
        assert!(shown.top() >= 0.0 && shown.bottom() <= 210.0, "{shown:?}");
    }

    #[test]
    fn paths_are_taken_as_they_are_pasted() {
        assert_eq!(unquoted(" '/a b/c.yaml' \n"), "/a b/c.yaml");
        assert_eq!(unquoted("file:///a.yaml"), "/a.yaml");
    }
}
