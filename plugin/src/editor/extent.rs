//! How large the editor is, for as long as a session remembers. Any thread.

use nice_plug::params::persist::PersistentField;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// The smallest editor in which everything has its place, in points.
pub const LEAST: (f32, f32) = (900.0, 600.0);
/// The largest one that is taken from a session: it may come from a larger screen, or be no session at all.
const MOST: (f32, f32) = (7_680.0, 4_320.0);

/// What a session keeps of the editor.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Measures {
    /// Width in points.
    pub width: f32,
    /// Height in points.
    pub height: f32,
    /// How much larger than the system has it.
    pub zoom: f32,
}

impl Default for Measures {
    fn default() -> Self {
        Self { width: 1_280.0, height: 800.0, zoom: 1.0 }
    }
}

impl Measures {
    /// The nearest measures that make sense.
    fn sane(self) -> Self {
        let within = |value: f32, least: f32, most: f32| {
            if value.is_finite() { value.clamp(least, most) } else { least }
        };
        Self {
            width: within(self.width, LEAST.0, MOST.0),
            height: within(self.height, LEAST.1, MOST.1),
            zoom: if self.zoom.is_finite() { self.zoom.clamp(0.5, 4.0) } else { 1.0 },
        }
    }
}

/// See the module. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Extent(Arc<[AtomicU32; 3]>);

impl Default for Extent {
    fn default() -> Self {
        let extent = Self(Arc::default());
        extent.store(Measures::default());
        extent
    }
}

impl Extent {
    /// The measures.
    pub fn load(&self) -> Measures {
        let [width, height, zoom] = &*self.0;
        let number = |cell: &AtomicU32| f32::from_bits(cell.load(Ordering::Relaxed));
        Measures { width: number(width), height: number(height), zoom: number(zoom) }
    }

    /// Keeps other measures.
    pub fn store(&self, measures: Measures) {
        let measures = measures.sane();
        let numbers = [measures.width, measures.height, measures.zoom];
        for (cell, number) in self.0.iter().zip(numbers) {
            cell.store(number.to_bits(), Ordering::Relaxed);
        }
    }
}

impl<'a> PersistentField<'a, Measures> for Extent {
    fn set(&self, measures: Measures) {
        self.store(measures);
    }

    fn map<F, R>(&self, f: F) -> R
    where
        F: Fn(&Measures) -> R,
    {
        f(&self.load())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_session_has_kept_opens_a_window_that_can_be_used() {
        let extent = Extent::default();
        extent.store(Measures { width: f32::NAN, height: -1.0, zoom: 0.0 });
        assert_eq!(extent.load(), Measures { width: LEAST.0, height: LEAST.1, zoom: 0.5 });
        extent.store(Measures { width: 1_000.0, height: 700.0, zoom: 2.0 });
        assert_eq!(extent.clone().load(), Measures { width: 1_000.0, height: 700.0, zoom: 2.0 });
    }
}
