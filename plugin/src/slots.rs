//! Slots: the fixed places in a host's list of parameters that a preset's controls are mapped to, in text order. Plain
//! values; what the host sees of a slot is a number from 0 to 1, with the preset's own value at the slot's default.

use auralis_graph::preset::Control;

/// A control as a slot moves it.
#[derive(Debug, Clone, PartialEq)]
pub struct SlotShape {
    /// The control.
    pub control: Control,
    /// Where the slot leaves the preset's value untouched.
    centre: f32,
    /// Where the control's default lies in its range, 0 to 1.
    origin: f32,
}

impl SlotShape {
    /// A control behind a slot whose default is `centre`, 0 to 1.
    pub fn new(control: Control, centre: f32) -> Self {
        let origin = control.range.position(control.default);
        Self { control, centre, origin }
    }

    /// Where the slot leaves the preset's value untouched.
    pub fn centre(&self) -> f32 {
        self.centre
    }

    /// The control's value where the slot stands at `n`, 0 to 1. Real-time safe.
    pub fn value(&self, n: f32) -> f32 {
        if n == self.centre { self.control.default } else { self.control.range.value(self.way(n)) }
    }

    /// Where in the control's range, 0 to 1, the slot's place lies.
    pub fn way(&self, n: f32) -> f32 {
        bend(n, self.centre, self.origin)
    }

    /// Where the slot stands for a place in the control's range: the inverse of [`SlotShape::way`].
    pub fn place_of(&self, way: f32) -> f32 {
        bend(way, self.origin, self.centre)
    }

    /// Where in the control's range its default lies, 0 to 1.
    pub fn origin(&self) -> f32 {
        self.origin
    }

    /// Where the slot stands for a value of the control.
    pub fn place(&self, value: f32) -> f32 {
        self.place_of(self.control.range.position(value))
    }

    /// The value at `n` as a reader sees it, to four digits.
    pub fn print(&self, n: f32) -> String {
        let shown = self.control.print(four_digits(self.value(n)));
        match &self.control.unit_label {
            Some(unit) => format!("{shown} {unit}"),
            None => shown,
        }
    }

    /// Where the slot stands for what a reader wrote, such as `1.2 kHz` or `40 %`.
    pub fn read(&self, text: &str) -> Option<f32> {
        let value = self.control.read(text)?;
        Some(self.place(value))
    }
}

fn four_digits(value: f32) -> f32 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let value = f64::from(value);
    let scale = 10f64.powf(3.0 - value.abs().log10().floor());
    ((value * scale).round() / scale) as f32
}

/// The straight way from 0 to 1 by way of (`knee`, `height`).
pub fn bend(n: f32, knee: f32, height: f32) -> f32 {
    let n = n.clamp(0.0, 1.0);
    if n <= knee {
        if knee > 0.0 { n / knee * height } else { height }
    } else {
        height + (n - knee) / (1.0 - knee) * (1.0 - height)
    }
}
