//! How the editor looks: night, ink and one light. Colours, spacing and type in one place.

use egui::epaint::Shadow;
use egui::style::{ScrollStyle, WidgetVisuals};
use egui::{Color32, CornerRadius, FontFamily, FontId, Margin, Stroke, TextStyle, vec2};

/// Behind everything.
pub const NIGHT: Color32 = Color32::from_rgb(7, 10, 16);
/// Panes.
pub const DEEP: Color32 = Color32::from_rgb(12, 17, 26);
/// What stands on a pane: nodes, fields, buttons.
pub const RAISED: Color32 = Color32::from_rgb(20, 28, 41);
/// The same under the pointer.
pub const LIT: Color32 = Color32::from_rgb(29, 40, 57);
/// Lines between panes.
pub const LINE: Color32 = Color32::from_rgb(31, 38, 50);
/// Rails, tracks, borders of fields.
pub const RAIL: Color32 = Color32::from_rgb(43, 52, 67);
/// What is read.
pub const INK: Color32 = Color32::from_rgb(236, 230, 218);
/// What is read second.
pub const DIM: Color32 = Color32::from_rgb(163, 168, 180);
/// What is there if one looks for it.
pub const FAINT: Color32 = Color32::from_rgb(112, 121, 137);
/// The one light: what sounds, what is chosen, where the keyboard is.
pub const AURORA: Color32 = Color32::from_rgb(143, 211, 165);
/// The same, unlit.
pub const TEAL: Color32 = Color32::from_rgb(47, 112, 112);
/// Notes, warnings.
pub const AMBER: Color32 = Color32::from_rgb(239, 191, 122);
/// Mistakes, failures, overload.
pub const ROSE: Color32 = Color32::from_rgb(240, 146, 140);
/// Modulation.
pub const VIOLET: Color32 = Color32::from_rgb(167, 159, 224);

/// The grid: distances are multiples of this.
pub const GAP: f32 = 8.0;
/// Corners of panes and fields.
pub const ROUND: u8 = 6;

/// A size of type, in points.
pub fn font(size: f32) -> FontId {
    FontId::new(size, FontFamily::Proportional)
}

/// Type in which letters are of one width.
pub fn mono(size: f32) -> FontId {
    FontId::new(size, FontFamily::Monospace)
}

/// Captions and units.
pub const SMALL: f32 = 11.5;
/// Text.
pub const BODY: f32 = 13.5;
/// The text of a preset: its letters are eight points wide, so that all are drawn alike.
pub const CODE: f32 = 13.288;
/// The piece's title.
pub const TITLE: f32 = 25.0;

/// Between two colours: 0 is the first.
pub fn mix(from: Color32, to: Color32, way: f32) -> Color32 {
    let way = way.clamp(0.0, 1.0);
    let channel = |a: u8, b: u8| (f32::from(a) + (f32::from(b) - f32::from(a)) * way).round() as u8;
    Color32::from_rgba_premultiplied(
        channel(from.r(), to.r()),
        channel(from.g(), to.g()),
        channel(from.b(), to.b()),
        channel(from.a(), to.a()),
    )
}

/// The colour of a level, 0 to 1: from deep water to the northern light.
pub fn glow(height: f32) -> Color32 {
    if height < 0.55 { mix(LINE, TEAL, height / 0.55) } else { mix(TEAL, AURORA, (height - 0.55) / 0.3) }
}

/// Dresses egui.
pub fn wear(ctx: &egui::Context) {
    ctx.set_theme(egui::Theme::Dark);
    ctx.all_styles_mut(dress);
}

fn dress(style: &mut egui::Style) {
    style.text_styles = [
        (TextStyle::Small, font(SMALL)),
        (TextStyle::Body, font(BODY)),
        (TextStyle::Button, font(BODY)),
        (TextStyle::Heading, font(TITLE)),
        (TextStyle::Monospace, mono(CODE)),
    ]
    .into();
    style.animation_time = 0.1;
    let spacing = &mut style.spacing;
    spacing.item_spacing = vec2(GAP, GAP);
    spacing.button_padding = vec2(10.0, 4.0);
    spacing.interact_size = vec2(28.0, 26.0);
    spacing.combo_width = 60.0;
    spacing.menu_margin = Margin::same(6);
    spacing.scroll = ScrollStyle { bar_width: 7.0, floating_width: 3.0, ..ScrollStyle::floating() };
    style.interaction.selectable_labels = false;
    let visuals = &mut style.visuals;
    visuals.dark_mode = true;
    visuals.panel_fill = NIGHT;
    visuals.window_fill = RAISED;
    visuals.window_stroke = Stroke::new(1.0, RAIL);
    visuals.window_corner_radius = CornerRadius::same(ROUND);
    visuals.menu_corner_radius = CornerRadius::same(ROUND);
    visuals.popup_shadow =
        Shadow { offset: [0, 6], blur: 18, spread: 0, color: Color32::from_black_alpha(140) };
    visuals.extreme_bg_color = NIGHT;
    visuals.faint_bg_color = DEEP;
    visuals.text_edit_bg_color = Some(NIGHT);
    visuals.selection.bg_fill = Color32::from_rgb(33, 66, 66);
    visuals.selection.stroke = Stroke::new(1.0, AURORA);
    visuals.hyperlink_color = AURORA;
    visuals.warn_fg_color = AMBER;
    visuals.error_fg_color = ROSE;
    visuals.text_cursor.stroke = Stroke::new(1.5, AURORA);
    visuals.weak_text_color = Some(FAINT);
    let widget = |fill, edge, ink| WidgetVisuals {
        bg_fill: fill,
        weak_bg_fill: fill,
        bg_stroke: Stroke::new(1.0, edge),
        corner_radius: CornerRadius::same(ROUND),
        fg_stroke: Stroke::new(1.0, ink),
        expansion: 0.0,
    };
    let widgets = &mut visuals.widgets;
    widgets.noninteractive = widget(DEEP, LINE, DIM);
    widgets.inactive = widget(RAISED, LINE, INK);
    widgets.hovered = widget(LIT, RAIL, INK);
    // What has the keyboard looks as if it were pressed: the light runs around it.
    widgets.active = widget(LIT, AURORA, INK);
    widgets.open = widget(LIT, RAIL, INK);
}

/// The ring around what has the keyboard.
pub fn focus_ring(painter: &egui::Painter, rect: egui::Rect) {
    let stroke = Stroke::new(1.5, AURORA);
    painter.rect_stroke(rect, CornerRadius::same(ROUND), stroke, egui::StrokeKind::Outside);
}

/// Brings to sight what the keyboard has just come to.
pub fn come_into_view(ui: &egui::Ui, response: &egui::Response, rect: egui::Rect) {
    if response.gained_focus() {
        ui.scroll_to_rect(rect, None);
    }
}

/// A caption in small capitals, wide apart.
pub fn caption(text: &str) -> egui::RichText {
    egui::RichText::new(text.to_uppercase()).size(10.0).color(FAINT).extra_letter_spacing(1.6)
}
