//! What hands are for: the settings of the piece, its controls, and the levels of its sources. All of it moves the host's
//! parameters. Control side.

use super::knob::{self, Fader, Knob, KnobSize};
use super::levels::{self, Levels};
use super::theme::{self, DEEP, GAP, LINE};
use crate::desk::Desk;
use crate::params::{CENTRE, InstrumentParams};
use crate::reading::Reading;
use crate::slots::{SlotShape, bend};
use auralis_graph::music::{self, Mode};
use auralis_graph::param::Unit;
use egui::{Align, Id, Key, Layout, Margin, ScrollArea, Ui, vec2};
use nice_plug::prelude::{BoolParam, IntParam, Param, ParamSetter};
use std::hash::{BuildHasher, RandomState};

/// How high it is.
pub const HEIGHT: f32 = 200.0;
/// The width of what belongs to the piece, and of one fader.
const PIECE: f32 = 392.0;
const FADER: f32 = 54.0;
/// The largest seed that the host's parameter holds.
const SEEDS: i32 = 65_535;

/// See the module.
#[derive(Default)]
pub struct Deck {
    /// A seed that is being typed.
    seed: Option<String>,
}

impl Deck {
    /// Draws it over the whole width.
    pub fn show(
        &mut self,
        ui: &mut Ui,
        desk: &Desk,
        params: &InstrumentParams,
        setter: &ParamSetter<'_>,
        reading: Option<&Reading>,
        levels: &Levels,
    ) {
        let buses = reading.map_or(0, |reading| reading.buses.len());
        let mix = if buses == 0 { 0.0 } else { (buses as f32 * FADER).max(84.0) + 28.0 };
        ui.spacing_mut().item_spacing = vec2(GAP, GAP);
        ui.with_layout(Layout::left_to_right(Align::Min), |ui| {
            let height = ui.available_height();
            card(ui, vec2(PIECE, height), "Piece", |ui| self.piece(ui, desk, params, setter));
            let gap = if buses == 0 { 0.0 } else { mix + GAP };
            let width = (ui.available_width() - gap).max(120.0);
            card(ui, vec2(width, height), "Controls", |ui| controls(ui, params, setter, reading));
            if buses > 0 {
                let width = ui.available_width();
                card(ui, vec2(width, height), "Mix", |ui| faders(ui, params, setter, reading, levels));
            }
        });
    }

    fn piece(&mut self, ui: &mut Ui, desk: &Desk, params: &InstrumentParams, setter: &ParamSetter<'_>) {
        let written = desk.written();
        ui.add_space(((ui.available_height() - KnobSize::LARGE.cell.y) / 2.0).max(0.0));
        ui.with_layout(Layout::left_to_right(Align::Min), |ui| {
            ui.vertical(|ui| {
                ui.set_width(172.0);
                ui.spacing_mut().item_spacing = vec2(6.0, 9.0);
                ui.horizontal(|ui| {
                    let key = written.key.to_string();
                    let tonic = key.split(' ').next().unwrap_or("");
                    choice(ui, "key", 62.0, setter, &params.key, tonic, &music::Key::TONICS);
                    let modes = Mode::ALL.map(Mode::name);
                    choice(ui, "mode", 104.0, setter, &params.mode, written.key.mode.name(), &modes);
                });
                ui.horizontal(|ui| self.seed(ui, setter, &params.seed, written.seed));
                for (param, words) in
                    [(&params.free, "Play while stopped"), (&params.through, "Play through loops")]
                {
                    toggle(ui, setter, param, words);
                }
            });
            ui.spacing_mut().item_spacing.x = 0.0;
            ui.add_space(8.0);
            self.knobs(ui, params, setter, written.intensity);
        });
    }

    fn knobs(&mut self, ui: &mut Ui, params: &InstrumentParams, setter: &ParamSetter<'_>, intensity: f32) {
        let size = KnobSize { cell: vec2(88.0, KnobSize::LARGE.cell.y), ..KnobSize::LARGE };
        let print = |way: f32| match params.tempo.preview_plain(way) {
            0.0 => "as host".into(),
            more => format!("{more:+.1} bpm").replace('-', "\u{2212}"),
        };
        let tempo = Knob {
            id: Id::unique("tempo"),
            name: "Tempo",
            print: &print,
            way: params.tempo.unmodulated_normalized_value(),
            origin: params.tempo.default_normalized_value(),
            bipolar: true,
            about: "Beats per minute more than the host's",
        };
        let read = |text: &str| params.tempo.string_to_normalized_value(&text.replace('\u{2212}', "-"));
        tempo.show(ui, size).apply(setter, &params.tempo, |way| way, read);
        let place = |way: f32| bend(way, intensity, CENTRE);
        let print = |way: f32| format!("{:.0} %", 100.0 * way);
        let knob = Knob {
            id: Id::unique("intensity"),
            name: "Intensity",
            print: &print,
            way: bend(params.intensity.unmodulated_normalized_value(), CENTRE, intensity),
            origin: intensity,
            bipolar: false,
            about: "From sparse to dense",
        };
        let read = |text: &str| params.intensity.string_to_normalized_value(text);
        knob.show(ui, size).apply(setter, &params.intensity, place, read);
    }

    /// The seed as a number, and a die.
    fn seed(&mut self, ui: &mut Ui, setter: &ParamSetter<'_>, param: &IntParam, written: u64) {
        let value = param.unmodulated_plain_value();
        ui.label(egui::RichText::new("Seed").size(theme::SMALL + 0.5).color(theme::DIM));
        let mut text = self.seed.clone().unwrap_or_else(|| match value {
            0 => String::new(),
            value => value.to_string(),
        });
        let field = egui::TextEdit::singleline(&mut text)
            .hint_text(written.to_string())
            .margin(vec2(8.0, 4.0))
            .desired_width(82.0);
        let response = ui.add(field).on_hover_text("What the text has, or a number of your own");
        if response.changed() {
            self.seed = Some(text.clone());
        }
        if response.lost_focus()
            && self.seed.take().is_some()
            && !ui.input(|input| input.key_pressed(Key::Escape))
        {
            let seed = seed_of(&text, value);
            if seed != value {
                set(setter, param, seed);
            }
        }
        if knob::die(ui).on_hover_text("Another piece: a new seed").clicked() {
            let chance = RandomState::new().hash_one(ui.input(|input| input.time.to_bits()));
            self.seed = None;
            set(setter, param, (chance % SEEDS as u64) as i32 + 1);
        }
    }
}

/// The seed that was typed: 0, as it is written, where there is nothing; the one before where it is no number.
fn seed_of(text: &str, before: i32) -> i32 {
    match text.trim() {
        "" => 0,
        text => text.parse().map_or(before, |seed: i64| seed.clamp(0, i64::from(SEEDS)) as i32),
    }
}

/// A pane with a caption.
fn card(ui: &mut Ui, size: egui::Vec2, caption: &str, add: impl FnOnce(&mut Ui)) {
    let (rect, _) = ui.allocate_exact_size(size, egui::Sense::hover());
    ui.painter().rect_filled(rect, theme::ROUND, DEEP);
    ui.painter().rect_stroke(rect, theme::ROUND, egui::Stroke::new(1.0, LINE), egui::StrokeKind::Inside);
    let inner = rect - Margin { left: 14, right: 14, top: 10, bottom: 8 };
    let mut child = ui.new_child(
        egui::UiBuilder::new().max_rect(inner).id_salt(caption).layout(Layout::top_down(Align::Min)),
    );
    child.set_clip_rect(ui.clip_rect().intersect(rect));
    child.label(theme::caption(caption));
    child.add_space(4.0);
    add(&mut child);
}

/// The preset's controls, each behind its slot.
fn controls(ui: &mut Ui, params: &InstrumentParams, setter: &ParamSetter<'_>, reading: Option<&Reading>) {
    let slots = reading.map_or(&[][..], |reading| &reading.slots);
    if slots.is_empty() {
        let rect = ui.available_rect_before_wrap();
        knob::say(ui.painter(), rect, "The text exposes no controls");
        return;
    }
    let width = ui.available_width();
    let room = width / slots.len() as f32;
    let large = room >= KnobSize::LARGE.cell.x;
    let mut size = if large { KnobSize::LARGE } else { KnobSize::SMALL };
    // Where there is room they stand further apart.
    let a_row = (width / size.cell.x).floor().max(1.0).min(slots.len() as f32);
    size.cell.x = (width / a_row).min(size.cell.x * 1.4).floor();
    if large {
        ui.add_space(((ui.available_height() - size.cell.y) / 2.0).max(0.0));
    }
    ScrollArea::vertical().id_salt("controls").auto_shrink(false).show(ui, |ui| {
        ui.spacing_mut().item_spacing = vec2(0.0, 2.0);
        ui.with_layout(Layout::left_to_right(Align::Min).with_main_wrap(true), |ui| {
            if large {
                ui.add_space(((width - slots.len() as f32 * size.cell.x) / 2.0).floor().max(0.0));
            }
            for (index, (shape, slot)) in slots.iter().zip(&params.slots).enumerate() {
                let origin = shape.origin();
                let print = |way: f32| print(shape, way);
                let range = shape.control.range;
                let knob = Knob {
                    id: Id::unique(("slot", index)),
                    name: &shape.control.label,
                    print: &print,
                    way: shape.way(slot.place.unmodulated_normalized_value()),
                    origin,
                    bipolar: range.min < 0.0 && range.max > 0.0 && range.min == -range.max,
                    about: "",
                };
                let deed = knob.show(ui, size);
                deed.apply(setter, &slot.place, |way| shape.place_of(way), |text| read(shape, text));
            }
        });
    });
}

/// Whether a control is a number from 0 to 1 without a unit: shown in percent.
fn is_part(shape: &SlotShape) -> bool {
    let control = &shape.control;
    control.unit == Unit::Plain
        && control.unit_label.is_none()
        && (control.range.min, control.range.max) == (0.0, 1.0)
}

/// A control's value for its place, as it is read.
fn print(shape: &SlotShape, way: f32) -> String {
    let place = shape.place_of(way);
    match is_part(shape) {
        true => format!("{:.0} %", 100.0 * shape.value(place)),
        false => shape.print(place).replace('-', "\u{2212}"),
    }
}

/// The slot's place for what was typed.
fn read(shape: &SlotShape, text: &str) -> Option<f32> {
    let text = text.trim().replace('\u{2212}', "-");
    match text.strip_suffix('%') {
        Some(percent) if is_part(shape) => Some(shape.place(percent.trim().parse::<f32>().ok()? / 100.0)),
        // Nobody types more than the whole and means it.
        _ if is_part(shape) => {
            let part: f32 = text.parse().ok()?;
            Some(shape.place(if part > 1.0 { part / 100.0 } else { part }))
        }
        _ => shape.read(&text),
    }
}

/// A fader for each source.
fn faders(
    ui: &mut Ui,
    params: &InstrumentParams,
    setter: &ParamSetter<'_>,
    reading: Option<&Reading>,
    shown: &Levels,
) {
    let buses = reading.map_or(&[][..], |reading| &reading.buses);
    ui.with_layout(Layout::left_to_right(Align::Min), |ui| {
        ui.spacing_mut().item_spacing.x = 0.0;
        let cell = vec2(fader_width(ui.available_width(), buses.len()), ui.available_height());
        for (index, (name, bus)) in buses.iter().zip(&params.buses).enumerate() {
            let meter = shown.of(name, None);
            let print = |way: f32| {
                let text = bus.level.normalized_value_to_string(way, true);
                text.rsplit(": ").next().unwrap_or("").replace('-', "\u{2212}")
            };
            let fader = Fader {
                id: Id::unique(("bus", index)),
                name,
                print: &print,
                way: bus.level.unmodulated_normalized_value(),
                origin: bus.level.default_normalized_value(),
                level: (levels::height(meter.level), levels::height(meter.peak)),
            };
            let read = |text: &str| bus.level.string_to_normalized_value(&text.replace('\u{2212}', "-"));
            fader.show(ui, cell).apply(setter, &bus.level, |way| way, read);
        }
    });
}

/// How wide each fader is: where there is little room they stand closer, so that all can be seen.
fn fader_width(room: f32, faders: usize) -> f32 {
    FADER.min(room / faders.max(1) as f32)
}

/// A parameter of words; the first leaves what is written.
fn choice(
    ui: &mut Ui,
    id: &str,
    width: f32,
    setter: &ParamSetter<'_>,
    param: &IntParam,
    written: &str,
    words: &[&str],
) {
    let value = param.unmodulated_plain_value();
    let chosen = usize::try_from(value - 1).ok().and_then(|index| words.get(index));
    let (text, ink) = match chosen {
        Some(word) => (*word, theme::AURORA),
        None => (written, theme::INK),
    };
    let mut to = value;
    let combo = egui::ComboBox::from_id_salt(id).width(width).height(340.0).truncate();
    combo.selected_text(egui::RichText::new(text).color(ink)).show_ui(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        ui.selectable_value(&mut to, 0, format!("As written ({written})"));
        for (index, word) in words.iter().enumerate() {
            ui.selectable_value(&mut to, index as i32 + 1, *word);
        }
    });
    if to != value {
        set(setter, param, to);
    }
}

fn toggle(ui: &mut Ui, setter: &ParamSetter<'_>, param: &BoolParam, words: &str) {
    let on = param.unmodulated_plain_value();
    if knob::switch(ui, on, words).clicked() {
        set(setter, param, !on);
    }
}

/// A gesture of one step.
pub fn set<P: Param>(setter: &ParamSetter<'_>, param: &P, value: P::Plain) {
    setter.begin_set_parameter(param);
    setter.set_parameter(param, value);
    setter.end_set_parameter(param);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::editor::extent::LEAST;
    use crate::params::BUSES;

    #[test]
    fn a_seed_is_a_number_nothing_or_as_before() {
        for (text, seed) in
            [("12", 12), (" 7 ", 7), ("", 0), ("  ", 0), ("0", 0), ("-3", 0), ("99999999", SEEDS)]
        {
            assert_eq!(seed_of(text, 5), seed, "{text:?}");
        }
        for text in ["x", "1O", "1.5", "99999999999999999999"] {
            assert_eq!(seed_of(text, 5), 5, "{text:?}");
        }
    }

    #[test]
    fn all_faders_find_room_in_the_smallest_window() {
        assert_eq!(fader_width(1_000.0, 2), FADER);
        let room = LEAST.0 - PIECE - 120.0 - 2.0 * GAP - 24.0 - 28.0;
        let width = fader_width(room, BUSES);
        assert!(width * BUSES as f32 <= room && width > 32.0, "{width}");
    }
}
