//! The line at the top: what plays, where it is, and how the machine copes. Control side.

use super::theme::{self, AMBER, AURORA, DIM, FAINT, GAP, INK, RAIL, ROSE};
use crate::desk::{Desk, Scene};
use auralis_graph::music::{Meter, TICKS_PER_QUARTER};
use egui::{Align2, Painter, Pos2, Rect, Shape, Stroke, Ui, pos2, vec2};

/// How high it is.
pub const HEIGHT: f32 = 66.0;
/// How long the highest load stands, in seconds.
const HOLD: f32 = 2.0;

/// What is shown besides the middle.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Panes {
    /// The library.
    pub library: bool,
    /// The text.
    pub text: bool,
}

/// See the module.
#[derive(Default)]
pub struct Header {
    load: f32,
    peak: f32,
    since: f32,
}

/// What the piece says of itself.
pub struct Heading<'a> {
    /// Its title.
    pub title: &'a str,
    /// Who made it, its tags.
    pub below: &'a str,
    /// Beats in its bars.
    pub meter: Meter,
}

impl Header {
    /// Draws it. `panes` are switched here, where there are any.
    pub fn show(
        &mut self,
        ui: &mut Ui,
        desk: &Desk,
        scene: Option<&Scene>,
        heading: &Heading<'_>,
        panes: Option<&mut Panes>,
    ) {
        let rect = ui.available_rect_before_wrap();
        self.measure(ui, desk);
        let painter = ui.painter().clone();
        let mut right = rect.right() - 20.0;
        let middle = rect.center().y;
        let mut cell = |width: f32| {
            right -= width;
            let cell = Rect::from_min_max(pos2(right, middle - 20.0), pos2(right + width, middle + 20.0));
            right -= 16.0;
            cell
        };
        let gauges = &desk.gauges;
        let latency = scene.map(|scene| 1_000.0 * gauges.latency() as f32 / scene.sample_rate.max(1) as f32);
        figure(&painter, cell(62.0), "Latency", &latency.map_or("–".into(), |ms| format!("{ms:.1} ms")), INK);
        figure(&painter, cell(44.0), "Voices", &gauges.voices().to_string(), INK);
        self.cpu(&painter, cell(104.0));
        place(&painter, cell(124.0), gauges.is_playing(), scene, heading.meter);
        if let Some(panes) = panes {
            let at = Rect::from_min_max(pos2(right - 134.0, middle - 14.0), pos2(right, middle + 14.0));
            right = at.left() - 16.0;
            let mut child = ui.new_child(
                egui::UiBuilder::new().max_rect(at).layout(egui::Layout::right_to_left(egui::Align::Center)),
            );
            child.spacing_mut().item_spacing.x = 6.0;
            toggle(&mut child, &mut panes.text, "Text", "Ctrl+E");
            toggle(&mut child, &mut panes.library, "Library", "Ctrl+F");
        }
        let left = rect.left() + 20.0;
        let mark = emblem(&painter, pos2(left + 15.0, middle));
        title(&painter, mark + 16.0, right, middle, heading);
        ui.advance_cursor_after_rect(rect);
    }

    fn measure(&mut self, ui: &Ui, desk: &Desk) {
        let seconds = ui.input(|input| input.stable_dt).min(1.0);
        let load = desk.gauges.load();
        let way = (seconds * 4.0).min(1.0);
        self.load += (load - self.load) * way;
        let peak = desk.gauges.take_peak_load().max(load);
        self.since += seconds;
        if peak >= self.peak || self.since > HOLD {
            (self.peak, self.since) = (peak, 0.0);
        }
    }

    fn cpu(&self, painter: &Painter, rect: Rect) {
        let ink = match self.peak {
            peak if peak > 0.9 => ROSE,
            peak if peak > 0.6 => AMBER,
            _ => INK,
        };
        let words = format!("{:.0} %", 100.0 * self.load);
        figure(painter, rect, "CPU", &words, ink);
        let peak = format!("peak {:.0} %", 100.0 * self.peak);
        painter.text(
            rect.right_bottom() + vec2(0.0, -3.0),
            Align2::RIGHT_BOTTOM,
            peak,
            theme::font(10.0),
            FAINT,
        );
        let rail =
            Rect::from_min_size(pos2(rect.left() + 34.0, rect.top() + 7.0), vec2(rect.width() - 34.0, 3.0));
        painter.rect_filled(rail, 1, RAIL);
        let part = |load: f32| rail.width() * load.clamp(0.0, 1.0);
        let bar = Rect::from_min_size(rail.min, vec2(part(self.load), rail.height()));
        painter.rect_filled(bar, 1, if ink == INK { AURORA } else { ink });
        let x = rail.left() + part(self.peak);
        painter.vline(x, rail.y_range().expand(2.0), Stroke::new(1.5, ink));
    }
}

/// A number with its caption above.
fn figure(painter: &Painter, rect: Rect, caption: &str, words: &str, ink: egui::Color32) {
    let galley = painter.layout_job(spaced(caption, FAINT));
    painter.galley(rect.left_top() + vec2(0.0, 2.0), galley, FAINT);
    painter.text(rect.left_bottom(), Align2::LEFT_BOTTOM, words, theme::font(16.0), ink);
}

fn spaced(text: &str, ink: egui::Color32) -> egui::text::LayoutJob {
    let format = egui::text::TextFormat {
        extra_letter_spacing: 1.2,
        ..egui::text::TextFormat::simple(theme::font(9.5), ink)
    };
    egui::text::LayoutJob::single_section(text.to_uppercase(), format)
}

/// Bar and beat, and whether time goes on.
fn place(painter: &Painter, rect: Rect, playing: bool, scene: Option<&Scene>, meter: Meter) {
    let words = match scene {
        Some(scene) => bar_and_beat(scene.controller.tick(), meter),
        None => "–".into(),
    };
    figure(painter, rect, if playing { "Playing" } else { "Stopped" }, "", INK);
    let behind = rect.left_bottom() + vec2(17.0, 0.0);
    painter.text(behind, Align2::LEFT_BOTTOM, words, theme::font(16.0), INK);
    let at = pos2(rect.left() + 5.0, rect.bottom() - 9.5);
    if playing {
        let points = vec![at + vec2(-4.0, -5.5), at + vec2(5.5, 0.0), at + vec2(-4.0, 5.5)];
        painter.add(Shape::convex_polygon(points, AURORA, Stroke::NONE));
    } else {
        painter.rect_filled(Rect::from_center_size(at, vec2(9.0, 9.0)), 1, FAINT);
    }
    if let Some(scene) = scene {
        let settings = scene.controller.settings(scene.reading.preset.settings());
        let tempo = format!("{:.0} bpm", settings.tempo);
        painter.text(
            rect.right_bottom() + vec2(0.0, -2.0),
            Align2::RIGHT_BOTTOM,
            tempo,
            theme::font(theme::SMALL),
            DIM,
        );
    }
}

/// A position as musicians count: from 1.
fn bar_and_beat(tick: f64, meter: Meter) -> String {
    let tick = tick.max(0.0) as i64;
    let (bar, beat) = (meter.bar_ticks().max(TICKS_PER_QUARTER / 8), meter.beat_ticks().max(1));
    format!("{}:{}", tick / bar + 1, tick % bar / beat + 1)
}

/// The mark of the house: a wave in a ring. Returns where it ends.
fn emblem(painter: &Painter, middle: Pos2) -> f32 {
    const RADIUS: f32 = 15.0;
    painter.circle_stroke(middle, RADIUS, Stroke::new(1.4, AURORA.gamma_multiply(0.75)));
    for (offset, height, ink) in [(0.0, 6.5, AURORA), (0.55, 4.0, AURORA.gamma_multiply(0.5))] {
        let point = |step: i32| {
            let x = step as f32 / 24.0;
            let hull = (x * std::f32::consts::PI).sin();
            let wave = ((x + offset) * 2.0 * std::f32::consts::TAU).sin();
            middle + vec2((x - 0.5) * (2.0 * RADIUS - 9.0), -wave * hull * height)
        };
        painter.add(Shape::line((0..=24).map(point).collect(), Stroke::new(1.5, ink)));
    }
    middle.x + RADIUS
}

fn title(painter: &Painter, left: f32, right: f32, middle: f32, heading: &Heading<'_>) {
    let width = (right - left - GAP).max(40.0);
    let line = |text: &str, size: f32, ink: egui::Color32| {
        let mut job = egui::text::LayoutJob::simple_singleline(text.to_string(), theme::font(size), ink);
        job.wrap = egui::text::TextWrapping::truncate_at_width(width);
        painter.layout_job(job)
    };
    let (name, below) = (line(heading.title, theme::TITLE, INK), line(heading.below, theme::SMALL, FAINT));
    let whole = name.size().y + if heading.below.is_empty() { 0.0 } else { below.size().y - 1.0 };
    let top = middle - whole / 2.0;
    let next = top + name.size().y - 1.0;
    painter.galley(pos2(left, top), name, INK);
    painter.galley(pos2(left + 1.0, next), below, FAINT);
}

fn toggle(ui: &mut Ui, on: &mut bool, words: &str, keys: &str) {
    let ink = if *on { AURORA } else { DIM };
    let text = egui::RichText::new(words).size(theme::SMALL + 0.5).color(ink);
    let response = ui.add(egui::Button::new(text).selected(false)).on_hover_text(keys);
    if response.clicked() {
        *on = !*on;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_from_one() {
        assert_eq!(bar_and_beat(0.0, Meter::COMMON), "1:1");
        assert_eq!(bar_and_beat(3_840.0 + 960.0, Meter::COMMON), "2:2");
        assert_eq!(bar_and_beat(-5.0, Meter::COMMON), "1:1");
        assert_eq!(bar_and_beat(2_880.0, Meter { beats: 3, unit: 4 }), "2:1");
    }
}
