//! Knobs, faders and switches, drawn by hand.

use super::dial::{Deed, Dial};
use super::theme::{self, AURORA, DIM, FAINT, INK, LINE, LIT, NIGHT, RAIL, RAISED};
use egui::epaint::{Mesh, Vertex};
use egui::{Align2, Color32, Id, Painter, Pos2, Rect, Shape, Stroke, Ui, Vec2, pos2, vec2};
use std::f32::consts::{PI, TAU};

/// Where a knob's way begins and how far it goes, clockwise from the right, in radians.
const FROM: f32 = 0.75 * PI;
const SWEEP: f32 = 1.5 * PI;

/// What a knob shows.
pub struct Knob<'a> {
    /// Tells it from others.
    pub id: Id,
    /// Its name.
    pub name: &'a str,
    /// The value, with its unit, for a place.
    pub print: &'a dyn Fn(f32) -> String,
    /// Where it stands, 0 to 1.
    pub way: f32,
    /// Where it stands by itself.
    pub origin: f32,
    /// Whether what lies between origin and place is lit, and not what lies behind.
    pub bipolar: bool,
    /// More about it, for who waits over it.
    pub about: &'a str,
}

/// How large knobs are drawn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KnobSize {
    /// Width and height with name and value.
    pub cell: Vec2,
    /// Radius of the knob's body.
    pub radius: f32,
}

impl KnobSize {
    /// Where there is room.
    pub const LARGE: Self = Self { cell: vec2(92.0, 128.0), radius: 29.0 };
    /// Where there are many.
    pub const SMALL: Self = Self { cell: vec2(78.0, 73.0), radius: 13.0 };
}

impl Knob<'_> {
    /// Draws it, and takes what is done to it.
    pub fn show(&self, ui: &mut Ui, size: KnobSize) -> Deed {
        let (cell, _) = ui.allocate_exact_size(size.cell, egui::Sense::hover());
        let outer = size.radius + 8.0;
        let middle = pos2(cell.center().x, cell.top() + outer + 3.5);
        let mut dial =
            Dial::of(ui, self.id, Rect::from_center_size(middle, Vec2::splat(2.0 * outer)), self.way);
        let value = (self.print)(dial.way);
        dial.tell(self.name, &value);
        theme::come_into_view(ui, &dial.response, cell);
        if !ui.is_rect_visible(cell) {
            return dial.deed;
        }
        let lively = dial.response.hovered() || dial.response.dragged() || dial.response.has_focus();
        let painter = ui.painter();
        self.paint(painter, middle, size.radius, dial.way, lively);
        if dial.response.has_focus() {
            painter.circle_stroke(middle, outer + 1.5, Stroke::new(1.5, AURORA));
        }
        let name = pos2(middle.x, middle.y + size.radius + 6.5);
        write(painter, name, self.name, theme::SMALL + 0.5, INK, size.cell.x - 6.0);
        let below = pos2(middle.x, name.y + 14.0);
        if dial.typing {
            let field = Rect::from_center_size(pos2(below.x, below.y + 8.0), vec2(size.cell.x - 12.0, 19.0));
            dial.type_in(ui, field);
        } else {
            let colour = if lively { AURORA } else { DIM };
            write(ui.painter(), below, &value, theme::SMALL, colour, size.cell.x - 2.0);
        }
        if !self.about.is_empty() && !dial.response.dragged() {
            dial.response.clone().on_hover_text(self.about);
        }
        dial.deed
    }

    fn paint(&self, painter: &Painter, middle: Pos2, radius: f32, way: f32, lively: bool) {
        let track = radius + 4.5;
        let width = if radius > 20.0 { 3.0 } else { 2.5 };
        arc(painter, middle, track, 0.0, 1.0, Stroke::new(width, RAIL));
        let start = if self.bipolar { self.origin } else { 0.0 };
        let (low, high) = (start.min(way), start.max(way));
        if high - low > 0.003 {
            arc(painter, middle, track, low, high, Stroke::new(width + 4.0, AURORA.gamma_multiply(0.13)));
            arc(painter, middle, track, low, high, Stroke::new(width, AURORA));
        }
        body(painter, middle, radius, lively);
        let mark = angle(self.origin);
        painter.circle_filled(middle + (track + 5.0) * mark, 1.6, if lively { INK } else { FAINT });
        let hand = angle(way);
        let stroke = Stroke::new(if radius > 20.0 { 2.5 } else { 2.0 }, INK);
        painter.line_segment([middle + 0.42 * radius * hand, middle + 0.84 * radius * hand], stroke);
    }
}

/// The direction of a place.
fn angle(way: f32) -> Vec2 {
    Vec2::angled(FROM + SWEEP * way)
}

/// A part of a knob's way.
fn arc(painter: &Painter, middle: Pos2, radius: f32, from: f32, to: f32, stroke: Stroke) {
    let steps = (48.0 * (to - from)).ceil().max(2.0) as usize;
    let point = |step: usize| middle + radius * angle(from + (to - from) * step as f32 / steps as f32);
    painter.add(Shape::line((0..=steps).map(point).collect(), stroke));
}

/// A knob's cap, lit from above.
fn body(painter: &Painter, middle: Pos2, radius: f32, lively: bool) {
    const SIDES: u32 = 40;
    painter.circle_filled(middle + vec2(0.0, 2.0), radius + 1.0, Color32::from_black_alpha(110));
    let (top, bottom) =
        if lively { (theme::mix(LIT, DIM, 0.22), RAISED) } else { (theme::mix(LIT, DIM, 0.1), DEEPER) };
    let colour = |y: f32| theme::mix(top, bottom, 0.5 + 0.5 * y);
    let mut mesh = Mesh::default();
    mesh.vertices.push(Vertex::untextured(middle, colour(0.0)));
    for side in 0..SIDES {
        let direction = Vec2::angled(TAU * side as f32 / SIDES as f32);
        mesh.vertices.push(Vertex::untextured(middle + radius * direction, colour(direction.y)));
        mesh.add_triangle(0, 1 + side, 1 + (side + 1) % SIDES);
    }
    painter.add(Shape::mesh(mesh));
    // The mesh's edge is rough; the rim smooths it.
    painter.circle_stroke(middle, radius, Stroke::new(1.5, theme::mix(bottom, NIGHT, 0.35)));
    painter.circle_stroke(middle, radius - 1.2, Stroke::new(0.8, theme::mix(bottom, DIM, 0.16)));
}

/// The unlit side of a cap.
const DEEPER: Color32 = Color32::from_rgb(15, 21, 31);

/// A line of text below a point, cut where there is no more room.
fn write(painter: &Painter, top: Pos2, text: &str, size: f32, colour: Color32, width: f32) {
    let mut job = egui::text::LayoutJob::simple_singleline(text.to_string(), theme::font(size), colour);
    job.wrap = egui::text::TextWrapping::truncate_at_width(width);
    let galley = painter.layout_job(job);
    painter.galley(pos2(top.x - galley.size().x / 2.0, top.y), galley, colour);
}

/// What a fader shows.
pub struct Fader<'a> {
    /// Tells it from others.
    pub id: Id,
    /// Its name.
    pub name: &'a str,
    /// Its value where it stands.
    pub print: &'a dyn Fn(f32) -> String,
    /// Where it stands, 0 to 1.
    pub way: f32,
    /// Where it stands by itself.
    pub origin: f32,
    /// How loud it is behind it, 0 to 1, and how loud it was.
    pub level: (f32, f32),
}

impl Fader<'_> {
    /// Draws it in a cell of its own, and takes what is done to it.
    pub fn show(&self, ui: &mut Ui, cell: Vec2) -> Deed {
        let (cell, _) = ui.allocate_exact_size(cell, egui::Sense::hover());
        let bottom = cell.bottom() - 33.0;
        let rail = Rect::from_min_max(
            pos2(cell.center().x - 13.0, cell.top() + 8.0),
            pos2(cell.center().x + 13.0, bottom),
        );
        let mut dial = Dial::of(ui, self.id, rail.expand2(vec2(4.0, 6.0)), self.way);
        let value = (self.print)(dial.way);
        dial.tell(self.name, &value);
        theme::come_into_view(ui, &dial.response, cell);
        if !ui.is_rect_visible(cell) {
            return dial.deed;
        }
        let lively = dial.response.hovered() || dial.response.dragged() || dial.response.has_focus();
        let painter = ui.painter();
        let y = |way: f32| rail.bottom() - rail.height() * way;
        let slit = |x: f32, from: f32, to: f32, width: f32| {
            Rect::from_min_max(pos2(x - width / 2.0, y(to)), pos2(x + width / 2.0, y(from)))
        };
        let (left, right) = (rail.center().x - 6.0, rail.center().x + 6.0);
        painter.rect_filled(slit(left, 0.0, 1.0, 4.0), 2, RAIL);
        let (level, peak) = self.level;
        if level > 0.0 {
            let lit = slit(left, 0.0, level, 4.0);
            painter.add(Shape::gradient_rect(
                lit,
                egui::Direction::BottomUp,
                [theme::TEAL, theme::glow(level)],
            ));
        }
        if peak > 0.0 {
            painter.hline(left - 3.0..=left + 3.0, y(peak), Stroke::new(1.5, theme::glow(peak)));
        }
        painter.rect_filled(slit(right, 0.0, 1.0, 2.0), 1, LINE);
        painter.hline(right + 6.0..=right + 10.0, y(self.origin), Stroke::new(1.0, FAINT));
        let handle = Rect::from_center_size(pos2(right, y(dial.way)), vec2(16.0, 9.0));
        painter.rect_filled(handle.translate(vec2(0.0, 1.5)), 3, Color32::from_black_alpha(120));
        painter.rect_filled(handle, 3, if lively { INK } else { DIM });
        painter.hline(handle.left() + 3.0..=handle.right() - 3.0, handle.center().y, Stroke::new(1.0, NIGHT));
        if dial.response.has_focus() {
            theme::focus_ring(painter, rail.expand2(vec2(5.0, 7.0)));
        }
        let name = pos2(cell.center().x, bottom + 6.0);
        write(painter, name, self.name, theme::SMALL, INK, cell.width() - 4.0);
        let below = pos2(name.x, name.y + 13.0);
        if dial.typing {
            let field = Rect::from_center_size(pos2(below.x, below.y + 7.0), vec2(cell.width() - 2.0, 18.0));
            dial.type_in(ui, field);
        } else {
            write(ui.painter(), below, &value, 10.5, if lively { AURORA } else { FAINT }, cell.width());
        }
        dial.deed
    }
}

/// A switch with its words; returns whether it was turned.
pub fn switch(ui: &mut Ui, on: bool, words: &str) -> egui::Response {
    let galley = ui.painter().layout_no_wrap(words.to_string(), theme::font(theme::SMALL + 0.5), DIM);
    let size = vec2(38.0 + galley.size().x, 22.0);
    let (rect, mut response) = ui.allocate_exact_size(size, egui::Sense::click());
    if response.clicked() {
        response.mark_changed();
    }
    let way = ui.ctx().animate_bool_responsive(response.id, on);
    let painter = ui.painter();
    let slot = Rect::from_min_size(pos2(rect.left(), rect.center().y - 7.5), vec2(28.0, 15.0));
    let lit = theme::mix(RAIL, AURORA, way);
    painter.rect_filled(slot, 8, if response.hovered() { theme::mix(lit, INK, 0.1) } else { lit });
    let knob = pos2(slot.left() + 7.5 + 13.0 * way, slot.center().y);
    painter.circle_filled(knob, 5.5, theme::mix(INK, NIGHT, way));
    let ink = if on || response.hovered() { INK } else { DIM };
    let at = pos2(slot.right() + 8.0, rect.center().y - galley.size().y / 2.0);
    painter.galley_with_override_text_color(at, galley, ink);
    if response.has_focus() {
        theme::focus_ring(painter, slot.expand(2.0));
    }
    response.widget_info(|| egui::WidgetInfo::selected(egui::Role::CheckBox, true, on, words));
    response
}

/// A die: a new number by chance.
pub fn die(ui: &mut Ui) -> egui::Response {
    let (rect, response) = ui.allocate_exact_size(Vec2::splat(26.0), egui::Sense::click());
    let painter = ui.painter();
    let down = response.is_pointer_button_down_on();
    let fill = if down {
        AURORA
    } else if response.hovered() {
        LIT
    } else {
        RAISED
    };
    painter.rect_filled(rect, 6, fill);
    let edge = if response.hovered() { RAIL } else { LINE };
    painter.rect_stroke(rect, 6, Stroke::new(1.0, edge), egui::StrokeKind::Inside);
    let pip = if down { NIGHT } else { INK };
    for (x, y) in [(-1.0, -1.0), (1.0, -1.0), (0.0, 0.0), (-1.0, 1.0), (1.0, 1.0)] {
        painter.circle_filled(rect.center() + vec2(x, y) * 5.5, 1.9, pip);
    }
    if response.has_focus() {
        theme::focus_ring(painter, rect);
    }
    response.widget_info(|| egui::WidgetInfo::labeled(egui::Role::Button, true, "New seed"));
    response
}

/// Words in the middle of a place where there is nothing else.
pub fn say(painter: &Painter, rect: Rect, words: &str) {
    painter.text(rect.center(), Align2::CENTER_CENTER, words, theme::font(theme::BODY), FAINT);
}

#[cfg(test)]
mod tests {
    use super::super::screen::{self, Screen};
    use super::*;
    use egui::{Key, ScrollArea};

    #[test]
    fn the_keyboard_reaches_knobs_that_are_out_of_view() {
        let mut screen = Screen::default();
        let id = |index: i32| Id::unique(("knob", index));
        let draw = |screen: &mut Screen, events| {
            let mut moved = None;
            screen.show(events, |ui| {
                ScrollArea::vertical().max_height(200.0).show(ui, |ui| {
                    for index in 0..20 {
                        let print = |way: f32| way.to_string();
                        let knob = Knob {
                            id: id(index),
                            name: "Knob",
                            print: &print,
                            way: 0.5,
                            origin: 0.5,
                            bipolar: false,
                            about: "",
                        };
                        if knob.show(ui, KnobSize::SMALL).to.is_some() {
                            moved = Some(index);
                        }
                    }
                });
            });
            moved
        };
        draw(&mut screen, Vec::new());
        for _ in 0..16 {
            draw(&mut screen, screen::press(Key::Tab));
        }
        assert_eq!(draw(&mut screen, screen::press(Key::ArrowUp)), Some(15));
        for _ in 0..30 {
            draw(&mut screen, Vec::new());
        }
        let shown = screen.focused().expect("a knob has the keyboard");
        assert!(shown.top() >= 0.0 && shown.bottom() <= 210.0, "{shown:?}");
    }
}
