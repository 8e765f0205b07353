//! The graph that plays: boxes, lines between them, and how loud each is. Control side; where everything stands comes
//! from [`auralis_graph::drawing`].

use super::levels::{self, Levels, Meter};
use super::theme::{self, AMBER, AURORA, DIM, FAINT, INK, LINE, LIT, NIGHT, RAIL, RAISED, ROSE, VIOLET};
use crate::reading::Reading;
use auralis_graph::drawing::{BOX, Edge, Flow, MARGIN, Picture, STEP, Stroke as Piece, Way, edges, is_heard};
use egui::{
    Align2, Color32, EventFilter, Id, Key, Painter, Pos2, Rect, Response, Sense, Shape, Stroke, Ui, Vec2,
    pos2, vec2,
};
use std::sync::Arc;

/// How far one can go in and out.
const LEAST: f32 = 0.12;
const MOST: f32 = 2.0;
/// How large a graph is drawn that would fit at any size.
const FITS: f32 = 1.15;
/// Below this, words cannot be read and are left out; below the other, all but names.
const LEGIBLE: f32 = 0.3;
const DETAILED: f32 = 0.62;
/// How much of the room between layers is taken: panes are wider than high.
const CLOSER: f32 = 0.6;
/// Width of a line in silence and at the ceiling.
const THIN: f32 = 1.5;
const WIDE: f32 = 6.0;

/// A graph, laid out.
struct Sheet {
    reading: Arc<Reading>,
    size: Vec2,
    boxes: Vec<Rect>,
    /// Whether a node's outputs are made to be heard.
    heard: Vec<bool>,
    edges: Vec<Edge>,
    /// The ways of the connections as lines of short pieces.
    ways: Vec<Vec<Pos2>>,
    bounds: Vec<Rect>,
    labels: Vec<Pos2>,
}

/// Where one looks.
#[derive(Debug, Clone, Copy)]
struct View {
    zoom: f32,
    /// What of the sheet is at the top left of the pane.
    offset: Vec2,
}

/// See the module.
#[derive(Default)]
pub struct GraphView {
    sheet: Option<Sheet>,
    /// None: all of it, as large as it fits.
    view: Option<View>,
    /// The node under the pointer.
    pointed: Option<usize>,
    /// The node that the keyboard is at.
    chosen: Option<usize>,
}

/// What is to be said of nodes.
pub struct Remarks<'a> {
    /// How loud they are.
    pub levels: &'a Levels,
    /// Those that failed, and how.
    pub failed: &'a [(String, String)],
    /// Those with mistakes or warnings in the text, and whether they are mistakes.
    pub marked: &'a [(String, bool)],
    /// The one that the cursor in the text is in.
    pub current: Option<&'a str>,
}

impl GraphView {
    /// The name of the node that is under the pointer, or at which the keyboard is.
    pub fn pointed(&self) -> Option<&str> {
        let sheet = self.sheet.as_ref()?;
        let node = sheet.reading.preset.nodes.get(self.pointed.or(self.chosen)?)?;
        Some(&node.name)
    }

    /// Draws what plays. Returns the name of a node that was chosen.
    pub fn show(
        &mut self,
        ui: &mut Ui,
        reading: Option<&Arc<Reading>>,
        remarks: &Remarks<'_>,
    ) -> Option<String> {
        let rect = ui.available_rect_before_wrap();
        let response = ui.interact(rect, ui.scope_id().with("graph"), Sense::click_and_drag());
        ui.advance_cursor_after_rect(rect);
        let painter = ui.painter_at(rect);
        self.follow(reading);
        let Some(sheet) = &self.sheet else {
            super::knob::say(&painter, rect, "Nothing plays yet");
            return None;
        };
        let fitted = fit(sheet.size, rect.size());
        let mut view = self.view.unwrap_or(fitted);
        dots(&painter, rect, view);
        if look_around(ui, &response, rect, &mut view) {
            self.view = Some(view);
        }
        let pointer = response.hover_pos().filter(|_| !response.dragged());
        let under = pointer.map(|at| ((at - rect.min + view.offset) / view.zoom).to_pos2());
        self.pointed = under.and_then(|at| sheet.boxes.iter().position(|node| node.contains(at)));
        let mut picked = None;
        if response.clicked() {
            response.request_focus();
            self.chosen = self.pointed;
            picked = self.pointed;
        }
        if response.double_clicked() && self.pointed.is_none() {
            self.view = None;
        }
        if response.has_focus() {
            let before = self.chosen;
            picked = walk(ui, response.id, sheet, &mut self.chosen, &mut self.view).or(picked);
            // Whoever looks around may look away.
            if let (Some(chosen), Some(view)) =
                (self.chosen.filter(|_| self.chosen != before), &mut self.view)
            {
                keep_in_view(view, sheet, chosen, rect.size());
            }
        }
        if self.pointed.is_some() {
            ui.ctx().set_cursor_icon(egui::CursorIcon::PointingHand);
        }
        let chosen = self.chosen.filter(|_| response.has_focus());
        let canvas = Canvas { painter: &painter, origin: rect.min - view.offset, zoom: view.zoom, rect };
        let lit = self.pointed.or(chosen);
        canvas.lines(sheet, remarks, lit);
        canvas.nodes(sheet, remarks, lit, chosen);
        if response.has_focus() && chosen.is_none() {
            theme::focus_ring(&painter, rect.shrink(2.0));
        }
        let count = sheet.boxes.len();
        response.widget_info(|| {
            egui::WidgetInfo::labeled(
                egui::Role::Canvas,
                true,
                format!("Graph of {count} nodes. Arrow keys lead from node to node"),
            )
        });
        self.buttons(ui, rect, fitted);
        let node = self.sheet.as_ref()?.reading.preset.nodes.get(picked?)?;
        Some(node.name.clone())
    }

    /// Lays out another graph.
    fn follow(&mut self, reading: Option<&Arc<Reading>>) {
        let Some(reading) = reading else {
            self.sheet = None;
            return;
        };
        if self.sheet.as_ref().is_some_and(|sheet| Arc::ptr_eq(&sheet.reading, reading)) {
            return;
        }
        let names = |sheet: &Sheet| -> Vec<String> {
            sheet.reading.preset.nodes.iter().map(|node| node.name.clone()).collect()
        };
        let before = self.sheet.as_ref().map(names).unwrap_or_default();
        let sheet = Sheet::new(reading);
        let known = sheet.reading.preset.nodes.iter().filter(|node| before.contains(&node.name)).count();
        // Another piece is looked at as a whole; an edit leaves the view where it is.
        if 2 * known < sheet.boxes.len() {
            self.view = None;
        }
        (self.pointed, self.chosen, self.sheet) = (None, None, Some(sheet));
    }

    /// Larger, smaller, all of it.
    fn buttons(&mut self, ui: &mut Ui, rect: Rect, fitted: View) {
        let mut at = rect.right_bottom() - vec2(10.0, 34.0);
        let middle = rect.size() / 2.0;
        for (words, factor) in [("Fit", None), ("+", Some(1.25)), ("\u{2212}", Some(0.8))] {
            let width = if factor.is_some() { 26.0 } else { 38.0 };
            let place = Rect::from_min_size(at - vec2(width, 0.0), vec2(width, 24.0));
            let text = egui::RichText::new(words).size(theme::SMALL + 0.5).color(DIM);
            if ui.put(place, egui::Button::new(text).fill(theme::DEEP)).clicked() {
                self.view = factor.map(|factor| {
                    let mut view = self.view.unwrap_or(fitted);
                    zoom(&mut view, factor, middle);
                    view
                });
            }
            at.x -= width + 4.0;
        }
    }
}

impl Sheet {
    fn new(reading: &Arc<Reading>) -> Self {
        let preset = &reading.preset;
        let edges = edges(preset);
        let picture = Picture::of(preset.nodes.len(), &edges);
        let boxes =
            picture.boxes.iter().map(|(x, y)| Rect::from_min_size(pos2(*x, closer(*y)), vec2(BOX.0, BOX.1)));
        let heard = preset.nodes.iter().map(|node| node.ports.outputs.iter().any(|port| is_heard(port.kind)));
        let ways: Vec<Vec<Pos2>> = picture.ways.iter().map(flatten).collect();
        Self {
            reading: Arc::clone(reading),
            bounds: ways.iter().map(|way| Rect::from_points(way)).collect(),
            size: vec2(picture.size.0, closer(picture.size.1)),
            boxes: boxes.collect(),
            heard: heard.collect(),
            ways,
            labels: picture.ways.iter().map(|way| pos2(way.label.0, closer(way.label.1))).collect(),
            edges,
        }
    }
}

/// A way as a line of short pieces.
fn flatten(way: &Way) -> Vec<Pos2> {
    const PIECES: u8 = 14;
    let mut at = pos2(way.start.0, way.start.1);
    let mut points = vec![at];
    for stroke in &way.strokes {
        if let Piece::Curve(ends) = stroke {
            let [a, b, end] = ends.map(|(x, y)| vec2(x, y));
            let start = at.to_vec2();
            points.extend((1..PIECES).map(|piece| {
                let t = f32::from(piece) / f32::from(PIECES);
                let u = 1.0 - t;
                (u * u * u * start + 3.0 * u * u * t * a + 3.0 * u * t * t * b + t * t * t * end).to_pos2()
            }));
        }
        at = stroke.end().into();
        points.push(at);
    }
    points.iter_mut().for_each(|point| point.y = closer(point.y));
    points
}

/// The layers of a drawing, brought closer together; boxes stay as high as they are.
fn closer(y: f32) -> f32 {
    let (layer, within) = ((y - MARGIN.1).div_euclid(STEP.1), (y - MARGIN.1).rem_euclid(STEP.1));
    let below = (within - BOX.1).max(0.0) * CLOSER;
    MARGIN.1 * CLOSER + layer * (BOX.1 + (STEP.1 - BOX.1) * CLOSER) + within.min(BOX.1) + below
}

/// The view in which all can be seen, in the middle.
fn fit(size: Vec2, room: Vec2) -> View {
    let zoom = ((room.x - 24.0) / size.x.max(1.0)).min((room.y - 8.0) / size.y.max(1.0)).clamp(LEAST, FITS);
    // In few steps, so that letters need not be drawn anew at every size.
    let zoom = ((zoom * 40.0).floor() / 40.0).max(LEAST);
    View { zoom, offset: (size * zoom - room) / 2.0 }
}

fn zoom(view: &mut View, factor: f32, at: Vec2) {
    let to = (view.zoom * factor).clamp(LEAST, MOST);
    view.offset = (view.offset + at) * (to / view.zoom) - at;
    view.zoom = to;
}

/// Drag, wheel and pinch. Returns whether the view changed.
fn look_around(ui: &Ui, response: &Response, rect: Rect, view: &mut View) -> bool {
    let before = (view.zoom, view.offset);
    if response.dragged() {
        view.offset -= response.drag_delta();
        ui.ctx().set_cursor_icon(egui::CursorIcon::Grabbing);
    }
    if let Some(at) = response.hover_pos() {
        let (pinch, scroll, sideways) =
            ui.input(|input| (input.zoom_delta(), input.smooth_scroll_delta(), input.modifiers.shift));
        if sideways {
            view.offset -= scroll;
        } else if pinch != 1.0 {
            zoom(view, pinch, at - rect.min);
        } else if scroll.y != 0.0 {
            zoom(view, (scroll.y / 300.0).exp(), at - rect.min);
        }
    }
    before != (view.zoom, view.offset)
}

/// Arrow keys lead to the nearest node in their direction, Enter to its place in the text.
fn walk(
    ui: &Ui,
    id: Id,
    sheet: &Sheet,
    chosen: &mut Option<usize>,
    view: &mut Option<View>,
) -> Option<usize> {
    let filter = EventFilter { vertical_arrows: true, horizontal_arrows: true, ..EventFilter::default() };
    ui.memory_mut(|memory| memory.set_focus_lock_filter(id, filter));
    let pressed = |key| ui.input(|input| input.key_pressed(key));
    let ways = [
        (Key::ArrowDown, vec2(0.0, 1.0)),
        (Key::ArrowUp, vec2(0.0, -1.0)),
        (Key::ArrowRight, vec2(1.0, 0.0)),
        (Key::ArrowLeft, vec2(-1.0, 0.0)),
    ];
    for (key, way) in ways {
        if pressed(key) {
            *chosen = match *chosen {
                Some(from) => neighbour(&sheet.boxes, from, way).or(*chosen),
                None => (!sheet.boxes.is_empty()).then_some(0),
            };
        }
    }
    if pressed(Key::Home) {
        *view = None;
    }
    chosen.filter(|_| pressed(Key::Enter))
}

/// The nearest box in a direction; what lies aside counts as further away.
fn neighbour(boxes: &[Rect], from: usize, way: Vec2) -> Option<usize> {
    let start = boxes.get(from)?.center();
    let distance = |to: &Rect| {
        let delta = to.center() - start;
        let (along, aside) = (delta.dot(way), delta.dot(way.rot90()).abs());
        (along > 1.0 && along > 0.25 * aside).then_some(along + 3.0 * aside)
    };
    let found = boxes.iter().enumerate().filter_map(|(index, to)| Some((index, distance(to)?)));
    found.min_by(|a, b| a.1.total_cmp(&b.1)).map(|(index, _)| index)
}

fn keep_in_view(view: &mut View, sheet: &Sheet, node: usize, room: Vec2) {
    let Some(place) = sheet.boxes.get(node) else { return };
    let (low, high) = (place.min.to_vec2() * view.zoom, place.max.to_vec2() * view.zoom);
    view.offset = view.offset.max(high - room + Vec2::splat(12.0)).min(low - Vec2::splat(12.0));
}

/// The ground: dots that move with the view.
fn dots(painter: &Painter, rect: Rect, view: View) {
    let step = 28.0 * view.zoom.max(0.6);
    let phase = vec2(view.offset.x.rem_euclid(step), view.offset.y.rem_euclid(step));
    let ink = LINE.gamma_multiply(0.55);
    let count = |length: f32| (length / step).ceil() as usize + 1;
    for row in 0..count(rect.height()) {
        for column in 0..count(rect.width()) {
            let at = rect.min - phase + vec2(column as f32, row as f32) * step;
            painter.rect_filled(Rect::from_center_size(at, Vec2::splat(1.2)), 0, ink);
        }
    }
}

/// A pane's part of a sheet.
struct Canvas<'a> {
    painter: &'a Painter,
    origin: Pos2,
    zoom: f32,
    rect: Rect,
}

impl Canvas<'_> {
    fn at(&self, place: Pos2) -> Pos2 {
        self.origin + place.to_vec2() * self.zoom
    }

    fn lines(&self, sheet: &Sheet, remarks: &Remarks<'_>, lit: Option<usize>) {
        let nodes = &sheet.reading.preset.nodes;
        for (index, ((edge, way), bounds)) in
            sheet.edges.iter().zip(&sheet.ways).zip(&sheet.bounds).enumerate()
        {
            let bounds = Rect::from_min_max(self.at(bounds.min), self.at(bounds.max));
            if !bounds.expand(8.0).intersects(self.rect) {
                continue;
            }
            let points: Vec<Pos2> = way.iter().map(|point| self.at(*point)).collect();
            let of_lit = lit.is_some_and(|node| node == edge.from.node || node == edge.to);
            let meter = match (edge.flow, nodes.get(edge.from.node)) {
                (Flow::Audio, Some(from)) => remarks.levels.of(&from.name, Some(edge.from.port)),
                _ => Meter::default(),
            };
            self.line(edge.flow, points, levels::height(meter.level + edge.gain), of_lit);
            if self.zoom >= DETAILED
                && !edge.label.is_empty()
                && let Some(label) = sheet.labels.get(index)
            {
                let ink = if of_lit { INK } else { FAINT };
                self.label(*label, &edge.label, ink);
            }
        }
    }

    fn line(&self, flow: Flow, points: Vec<Pos2>, height: f32, lit: bool) {
        let scale = self.zoom.clamp(0.5, 1.2);
        let faded = |ink: Color32| if lit { ink } else { ink.gamma_multiply(0.62) };
        match flow {
            Flow::Audio => {
                let ink = theme::mix(RAIL, theme::glow(height), if height > 0.0 { 1.0 } else { 0.0 });
                let ink = if lit { theme::mix(ink, INK, 0.25) } else { ink };
                let width = (THIN + (WIDE - THIN) * height.powf(1.6)) * scale;
                if height > 0.45 {
                    let halo = Stroke::new(width + 7.0 * scale, theme::glow(height).gamma_multiply(0.10));
                    self.painter.add(Shape::line(points.clone(), halo));
                }
                self.painter.add(Shape::line(points, Stroke::new(width, ink)));
            }
            Flow::Notes => {
                self.painter.extend(Shape::dotted_line(&points, faded(AMBER), 6.0 * scale, 1.3 * scale));
            }
            Flow::Packets => {
                let stroke = Stroke::new(1.4 * scale, faded(DIM));
                self.painter.extend(Shape::dashed_line(&points, stroke, 9.0 * scale, 4.0 * scale));
            }
            Flow::Modulation => {
                let stroke = Stroke::new(1.3 * scale, faded(VIOLET));
                self.painter.extend(Shape::dashed_line(&points, stroke, 4.5 * scale, 3.5 * scale));
            }
        }
    }

    fn label(&self, place: Pos2, text: &str, ink: Color32) {
        let galley = self.painter.layout_no_wrap(text.to_string(), theme::font(self.type_size(10.5)), ink);
        let place = Rect::from_center_size(self.at(place), galley.size());
        self.painter.rect_filled(place.expand2(vec2(3.0, 0.0)), 3, NIGHT.gamma_multiply(0.8));
        self.painter.galley(place.min, galley, ink);
    }

    /// Type grows with the drawing in steps of half a point.
    fn type_size(&self, size: f32) -> f32 {
        (2.0 * size * self.zoom).round() / 2.0
    }

    fn nodes(&self, sheet: &Sheet, remarks: &Remarks<'_>, lit: Option<usize>, chosen: Option<usize>) {
        for (index, (entry, place)) in sheet.reading.preset.nodes.iter().zip(&sheet.boxes).enumerate() {
            let rect = Rect::from_min_size(self.at(place.min), place.size() * self.zoom);
            if !rect.intersects(self.rect) {
                continue;
            }
            let failed = remarks.failed.iter().any(|(name, _)| *name == entry.name);
            let mark = remarks.marked.iter().find(|(name, _)| *name == entry.name);
            let meter = remarks.levels.of(&entry.name, None);
            let current = remarks.current == Some(entry.name.as_str());
            let fill = if lit == Some(index) { LIT } else { RAISED };
            let round = 6.0 * self.zoom;
            let height = levels::height(meter.level);
            if height > 0.3 && sheet.heard.get(index) == Some(&true) {
                let halo = theme::glow(height).gamma_multiply(0.05 + 0.06 * height);
                self.painter.rect_filled(rect.expand(4.0 * self.zoom), round + 4.0, halo);
            }
            self.painter.rect_filled(rect, round, fill);
            let edge = match (failed, mark) {
                (true, _) | (_, Some((_, true))) => Stroke::new(1.5, ROSE),
                (_, Some((_, false))) => Stroke::new(1.2, AMBER),
                _ if chosen == Some(index) => Stroke::new(1.8, AURORA),
                _ if current => Stroke::new(1.3, DIM),
                _ if lit == Some(index) => Stroke::new(1.0, DIM),
                _ => Stroke::new(1.0, RAIL),
            };
            self.painter.rect_stroke(rect, round, edge, egui::StrokeKind::Inside);
            if self.zoom < LEGIBLE {
                continue;
            }
            let idle = !remarks.levels.runs(&entry.name);
            let faint = idle || failed;
            if self.zoom < DETAILED {
                let top = (rect.height() - 5.0 * self.zoom - 12.0).max(0.0) / 2.0 / self.zoom - 2.0;
                self.word(
                    rect,
                    &entry.name,
                    13.5f32.max(10.0 / self.zoom),
                    if faint { FAINT } else { INK },
                    top,
                    1.0,
                );
                if sheet.heard.get(index) == Some(&true) {
                    self.meter(rect, meter);
                }
                continue;
            }
            self.word(rect, &entry.name, 13.5, if faint { FAINT } else { INK }, 7.0, 1.0);
            self.word(rect, entry.kind.name, 11.0, FAINT, 26.0, 0.62);
            let figure = match (failed, idle) {
                (true, _) => ("failed".to_string(), ROSE),
                (_, true) => ("idle".to_string(), FAINT),
                _ => (levels::print(meter.peak), DIM),
            };
            let heard = sheet.heard.get(index) == Some(&true);
            if heard || failed || idle {
                let at = rect.right_top() + vec2(-10.0, 26.0) * self.zoom;
                self.painter.text(
                    at,
                    Align2::RIGHT_TOP,
                    figure.0,
                    theme::font(self.type_size(11.0)),
                    figure.1,
                );
            }
            if heard {
                self.meter(rect, meter);
            }
        }
    }

    /// A line in a box: its size and its top in points of the sheet, and the part of the box's width that it has.
    fn word(&self, rect: Rect, text: &str, size: f32, ink: Color32, top: f32, part: f32) {
        let font = theme::font(self.type_size(size));
        let mut job = egui::text::LayoutJob::simple_singleline(text.to_string(), font, ink);
        let width = (rect.width() - 18.0 * self.zoom) * part;
        job.wrap = egui::text::TextWrapping::truncate_at_width(width);
        let at = rect.min + vec2(9.0, top) * self.zoom;
        self.painter.galley(at, self.painter.layout_job(job), ink);
    }

    fn meter(&self, rect: Rect, meter: Meter) {
        let rail = Rect::from_min_size(
            rect.left_bottom() + vec2(10.0, -9.0) * self.zoom,
            vec2(rect.width() - 20.0 * self.zoom, 2.5 * self.zoom),
        );
        self.painter.rect_filled(rail, 1, RAIL.gamma_multiply(0.7));
        let height = levels::height(meter.level);
        if height > 0.0 {
            let bar = Rect::from_min_size(rail.min, vec2(rail.width() * height, rail.height()));
            let ends = [theme::TEAL, theme::glow(height)];
            self.painter.add(Shape::gradient_rect(bar, egui::Direction::LeftToRight, ends));
        }
        let peak = levels::height(meter.peak);
        if peak > 0.0 {
            let ink = if meter.peak > 0.0 { ROSE } else { INK };
            let x = rail.left() + rail.width() * peak;
            self.painter.vline(x, rail.y_range().expand(1.5 * self.zoom), Stroke::new(1.5 * self.zoom, ink));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::screen::{self, Screen};
    use super::*;
    use crate::reading::Piece;

    #[test]
    fn arrow_keys_lead_to_what_lies_there() {
        let place = |x: f32, y: f32| Rect::from_min_size(pos2(x, y), vec2(136.0, 52.0));
        let boxes = [place(0.0, 0.0), place(160.0, 0.0), place(10.0, 94.0), place(400.0, 94.0)];
        assert_eq!(neighbour(&boxes, 0, vec2(1.0, 0.0)), Some(1));
        assert_eq!(neighbour(&boxes, 0, vec2(0.0, 1.0)), Some(2));
        assert_eq!(neighbour(&boxes, 2, vec2(1.0, 0.0)), Some(3));
        assert_eq!(neighbour(&boxes, 0, vec2(-1.0, 0.0)), None);
        assert_eq!(neighbour(&boxes, 9, vec2(1.0, 0.0)), None);
    }

    #[test]
    fn the_view_goes_with_who_walks_and_stays_with_who_looks_around() {
        let reading = Reading::of(&Piece::first(), &auralis_nodes::catalogue()).unwrap();
        let (reading, levels) = (Arc::new(reading), Levels::default());
        let remarks = Remarks { levels: &levels, failed: &[], marked: &[], current: None };
        let (mut screen, mut graph) = (Screen::default(), GraphView::default());
        let mut draw = |graph: &mut GraphView, events| {
            screen.show(events, |ui| drop(graph.show(ui, Some(&reading), &remarks)));
        };
        draw(&mut graph, Vec::new());
        let sheet = graph.sheet.as_ref().unwrap();
        let view = fit(sheet.size, screen::SIZE);
        let first = (sheet.boxes[0].center().to_vec2() * view.zoom - view.offset).to_pos2();
        draw(&mut graph, screen::click(first));
        draw(&mut graph, Vec::new());
        assert_eq!(graph.chosen, Some(0));
        let away = View { zoom: MOST, offset: vec2(5_000.0, 5_000.0) };
        graph.view = Some(away);
        draw(&mut graph, Vec::new());
        assert_eq!(graph.view.unwrap().offset, away.offset);
        for key in [Key::ArrowDown, Key::ArrowUp, Key::ArrowRight] {
            draw(&mut graph, screen::press(key));
        }
        assert!(graph.chosen != Some(0) && graph.view.unwrap().offset.length() < 3_000.0, "{:?}", graph.view);
    }

    #[test]
    fn layers_come_closer_and_boxes_stay_as_high() {
        let top = |layer: usize| MARGIN.1 + layer as f32 * STEP.1;
        for layer in 0..4 {
            assert!((closer(top(layer) + BOX.1) - closer(top(layer)) - BOX.1).abs() < 1e-3);
            let gap = closer(top(layer + 1)) - closer(top(layer) + BOX.1);
            assert!((gap - CLOSER * (STEP.1 - BOX.1)).abs() < 1e-3);
        }
    }

    #[test]
    fn zooming_keeps_what_is_under_the_pointer() {
        let mut view = View { zoom: 1.0, offset: vec2(30.0, 40.0) };
        let at = vec2(100.0, 50.0);
        let before = (view.offset + at) / view.zoom;
        zoom(&mut view, 1.5, at);
        assert!(((view.offset + at) / view.zoom - before).length() < 1e-3);
        zoom(&mut view, 1e9, at);
        assert_eq!(view.zoom, MOST);
    }

    #[test]
    fn a_fitted_graph_is_in_the_middle_and_inside() {
        let view = fit(vec2(1_000.0, 500.0), vec2(600.0, 400.0));
        let shown = vec2(1_000.0, 500.0) * view.zoom;
        assert!(shown.x <= 600.0 && shown.y <= 400.0);
        assert!((view.offset + (vec2(600.0, 400.0) - shown) / 2.0).length() < 1e-3);
        assert!(fit(vec2(0.0, 0.0), vec2(0.0, 0.0)).zoom >= LEAST);
    }
}
