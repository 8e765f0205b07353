//! What a hand does to something that has a place from 0 to 1: drag, wheel, arrow keys, double click, a typed value. How
//! it looks is [`super::knob`]'s affair.

use egui::{Align, Event, EventFilter, Id, Key, Layout, Rect, Response, Sense, Ui};
use nice_plug::prelude::{Param, ParamSetter};

/// Points of way for a whole turn.
const TRAVEL: f32 = 180.0;
/// How much finer it gets with the shift key.
const FINE: f32 = 0.1;
/// A step of the wheel or an arrow key.
const STEP: f32 = 0.02;
/// How long what was set is shown before it has come back from the host, in seconds.
const ECHO: f64 = 0.25;

/// What was done in one frame.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Deed {
    /// A gesture began.
    pub began: bool,
    /// The new place.
    pub to: Option<f32>,
    /// Back to the default.
    pub reset: bool,
    /// A value, as it was typed.
    pub typed: Option<String>,
    /// The gesture goes on.
    pub held: bool,
    /// The gesture ended.
    pub ended: bool,
}

/// What a dial remembers between frames.
#[derive(Debug, Clone, Default)]
struct Memory {
    /// What was set, and until when it is shown.
    set: Option<(f32, f64)>,
    /// A value that is being typed.
    typing: Option<String>,
}

/// A dial as it was found in this frame.
pub struct Dial {
    /// For painting: whether it is under the pointer, has the keyboard.
    pub response: Response,
    /// Where it is to be shown, 0 to 1.
    pub way: f32,
    /// What was done.
    pub deed: Deed,
    /// Whether a value is being typed: [`Dial::type_in`] has a place for it then.
    pub typing: bool,
    id: Id,
}

impl Dial {
    /// Takes what was done over `rect` to something that stands at `way`.
    pub fn of(ui: &Ui, id: Id, rect: Rect, way: f32) -> Self {
        let response = ui.interact(rect, id, Sense::click_and_drag());
        let now = ui.input(|input| input.time);
        let mut memory: Memory = ui.data(|data| data.get_temp(id)).unwrap_or_default();
        let shown = memory.set.filter(|(_, until)| now < *until).map_or(way, |(set, _)| set);
        let mut dial =
            Self { way: shown, deed: Deed::default(), typing: memory.typing.is_some(), response, id };
        if dial.response.clicked() || dial.response.drag_started() {
            dial.response.request_focus();
        }
        if dial.response.double_clicked() {
            dial.deed.reset = true;
            memory.set = None;
        } else {
            dial.drag(ui);
            dial.wheel(ui);
            if dial.response.has_focus() && !dial.typing {
                dial.press(ui, &mut memory);
            }
        }
        if let Some(to) = dial.deed.to {
            dial.way = to.clamp(0.0, 1.0);
            dial.deed.to = Some(dial.way);
            memory.set = Some((dial.way, now + ECHO));
        }
        ui.data_mut(|data| data.insert_temp(id, memory));
        dial
    }

    fn drag(&mut self, ui: &Ui) {
        self.deed.began = self.response.drag_started();
        self.deed.ended = self.response.drag_stopped();
        self.deed.held = self.response.dragged();
        if self.deed.held {
            let delta = self.response.drag_delta();
            let fine = if ui.input(|input| input.modifiers.shift) { FINE } else { 1.0 };
            let way = (delta.x - delta.y) / TRAVEL * fine;
            // What is held stays where it is while nothing moves, however long.
            self.deed.to = Some(self.way + way);
        }
    }

    fn wheel(&mut self, ui: &Ui) {
        if !self.response.hovered() {
            return;
        }
        let turned = ui.input_mut(|input| {
            let turned: f32 = input.events.iter().map(wheel_lines).sum();
            if turned != 0.0 {
                // What is turned here scrolls nothing else.
                input.smooth_scroll_delta = egui::Vec2::ZERO;
            }
            turned * if input.modifiers.shift { FINE } else { 1.0 }
        });
        if turned != 0.0 {
            self.deed.to = Some(self.way + turned * STEP);
        }
    }

    fn press(&mut self, ui: &Ui, memory: &mut Memory) {
        let arrows = EventFilter { vertical_arrows: true, horizontal_arrows: true, ..EventFilter::default() };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(self.id, arrows));
        let pressed = |key| ui.input(|input| input.key_pressed(key));
        let fine = if ui.input(|input| input.modifiers.shift) { FINE } else { 1.0 };
        let steps = [
            (Key::ArrowUp, STEP),
            (Key::ArrowRight, STEP),
            (Key::ArrowDown, -STEP),
            (Key::ArrowLeft, -STEP),
            (Key::PageUp, 5.0 * STEP),
            (Key::PageDown, -5.0 * STEP),
        ];
        for (key, step) in steps {
            // Keys may come faster than frames.
            let times = ui.input(|input| input.num_presses(key));
            if times > 0 {
                self.deed.to = Some(self.way + times as f32 * step * fine);
            }
        }
        for (key, end) in [(Key::Home, 0.0), (Key::End, 1.0)] {
            if pressed(key) {
                self.deed.to = Some(end);
            }
        }
        if pressed(Key::Delete) || pressed(Key::Backspace) {
            self.deed.reset = true;
            memory.set = None;
        }
        // What types a value needs no Enter before.
        let begun = ui.input(|input| {
            input.events.iter().find_map(|event| match event {
                Event::Text(text)
                    if text.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '.')) =>
                {
                    Some(text.clone())
                }
                _ => None,
            })
        });
        if pressed(Key::Enter) {
            memory.typing = Some(String::new());
        } else if begun.is_some() {
            memory.typing = begun;
        }
    }

    /// Tells what it is and where it stands, for those who do not see it.
    pub fn tell(&self, name: &str, value: &str) {
        let way = f64::from(self.way);
        self.response.widget_info(|| egui::WidgetInfo::slider(true, way, format!("{name}: {value}")));
    }

    /// The field for a typed value, over `rect`. Call it where [`Dial::typing`].
    pub fn type_in(&mut self, ui: &mut Ui, rect: Rect) {
        let Some(mut memory) = ui.data(|data| data.get_temp::<Memory>(self.id)) else { return };
        let Some(mut text) = memory.typing.take() else { return };
        let id = self.id.with("typed");
        let field = egui::TextEdit::singleline(&mut text)
            .id(id)
            .font(super::theme::font(super::theme::SMALL))
            .margin(egui::vec2(4.0, 2.0))
            .align(egui::Align2::CENTER_CENTER)
            .cursor_at_end(true);
        // In a place of its own: what stands around it is laid out as if it were not there.
        let mut place =
            ui.new_child(egui::UiBuilder::new().max_rect(rect).layout(Layout::top_down(Align::Center)));
        place.spacing_mut().interact_size.y = rect.height();
        let response = place.add(field.desired_width(rect.width() - 8.0));
        let first = ui.data_mut(|data| {
            let first: &mut bool = data.get_temp_mut_or(id, true);
            std::mem::replace(first, false)
        });
        if first {
            response.request_focus();
            memory.typing = Some(text);
        } else if response.lost_focus() || !response.has_focus() {
            let left = ui.input(|input| input.key_pressed(Key::Escape));
            self.deed.typed = (!left && !text.trim().is_empty()).then_some(text);
            memory.set = None;
            ui.data_mut(|data| data.remove::<bool>(id));
            self.response.request_focus();
        } else {
            memory.typing = Some(text);
        }
        ui.data_mut(|data| data.insert_temp(self.id, memory));
    }
}

/// Lines that a wheel was turned, upwards.
fn wheel_lines(event: &Event) -> f32 {
    match event {
        Event::MouseWheel { unit: egui::MouseWheelUnit::Point, delta, .. } => delta.y / 40.0,
        Event::MouseWheel { delta, .. } => delta.y,
        _ => 0.0,
    }
}

impl Deed {
    /// Does it to a parameter of the host. `place` leads from the dial's place to the parameter's own, 0 to 1, and
    /// `read` understands what was typed.
    pub fn apply<P: Param>(
        &self,
        setter: &ParamSetter<'_>,
        param: &P,
        place: impl Fn(f32) -> f32,
        read: impl Fn(&str) -> Option<f32>,
    ) {
        if self.began {
            setter.begin_set_parameter(param);
        }
        let typed = self.typed.as_deref().and_then(read);
        let to = match self.reset {
            true => Some(param.default_normalized_value()),
            false => typed.or_else(|| self.to.map(place)),
        };
        if let Some(to) = to {
            self.set(setter, param, to);
        }
        if self.ended {
            setter.end_set_parameter(param);
        }
    }

    fn set<P: Param>(&self, setter: &ParamSetter<'_>, param: &P, to: f32) {
        // What does not come of a drag is a gesture by itself.
        let held = !self.reset && self.typed.is_none() && self.held;
        if !held {
            setter.begin_set_parameter(param);
        }
        setter.set_parameter_normalized(param, to.clamp(0.0, 1.0));
        if !held {
            setter.end_set_parameter(param);
        }
    }
}
