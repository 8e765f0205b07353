//! A screen that nobody sees, for tests.

use egui::{Context, Event, Key, Modifiers, PointerButton, Pos2, RawInput, Rect, Ui, Vec2, vec2};

/// How large it is.
pub const SIZE: Vec2 = vec2(900.0, 600.0);

/// See the module.
#[derive(Default)]
pub struct Screen {
    ctx: Context,
    time: f64,
}

impl Screen {
    /// Draws, a thirtieth of a second later, after these events.
    pub fn show(&mut self, events: Vec<Event>, draw: impl FnMut(&mut Ui)) {
        self.time += 1.0 / 30.0;
        let input = RawInput {
            screen_rect: Some(Rect::from_min_size(Pos2::ZERO, SIZE)),
            time: Some(self.time),
            events,
            ..RawInput::default()
        };
        self.ctx.run_ui(input, draw).drop_without_applying_deltas();
    }

    /// Where that is which has the keyboard.
    pub fn focused(&self) -> Option<Rect> {
        let id = self.ctx.memory(|memory| memory.focused())?;
        Some(self.ctx.read_response(id)?.rect)
    }
}

/// A key goes down and up.
pub fn press(key: Key) -> Vec<Event> {
    press_with(Modifiers::NONE, key)
}

/// The same while others are down.
pub fn press_with(modifiers: Modifiers, key: Key) -> Vec<Event> {
    let event = |pressed| Event::Key { key, physical_key: None, pressed, repeat: false, modifiers };
    vec![event(true), event(false)]
}

/// Something is typed.
pub fn text(text: &str) -> Vec<Event> {
    vec![Event::Text(text.into())]
}

/// The pointer goes to a place and clicks.
pub fn click(pos: Pos2) -> Vec<Event> {
    let button = |pressed| Event::PointerButton {
        pos,
        button: PointerButton::Primary,
        pressed,
        modifiers: Modifiers::NONE,
    };
    vec![Event::PointerMoved(pos), button(true), button(false)]
}
