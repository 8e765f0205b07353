//! What the host's parameters ask for, as plain values. Real-time safe.

use crate::params::{BUSES, CENTRE, InstrumentParams, SLOTS};
use crate::slots::bend;
use auralis_graph::music::{Key, Mode};
use auralis_graph::settings::Settings;
use nice_plug::params::Param;

/// The parameters at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Wishes {
    /// Silence, in time.
    pub bypass: bool,
    /// Whether the music goes on while the host stands still.
    pub free: bool,
    /// Whether it goes on through loops.
    pub through: bool,
    /// Beats per minute more than the host's.
    pub tempo: f64,
    /// Levels of sources, in dB.
    pub buses: [f32; BUSES],
    /// Slots, 0 to 1.
    pub slots: [f32; SLOTS],
    tonic: Option<u8>,
    mode: Option<Mode>,
    intensity: f32,
    seed: u64,
}

impl Wishes {
    /// The parameters of an instrument now, the host's modulation included.
    pub fn of(params: &InstrumentParams) -> Self {
        let mut slots = [CENTRE; SLOTS];
        for (n, slot) in slots.iter_mut().zip(&params.slots) {
            *n = slot.place.value();
        }
        Self {
            bypass: params.bypass.value(),
            free: params.free.value(),
            through: params.through.value(),
            tempo: f64::from(params.tempo.value()),
            buses: std::array::from_fn(|index| params.buses[index].level.value()),
            slots,
            tonic: (params.key.value() - 1).try_into().ok(),
            mode: usize::try_from(params.mode.value() - 1).ok().and_then(|at| Mode::ALL.get(at).copied()),
            intensity: params.intensity.value(),
            // What modulates it for a moment is not meant.
            seed: params.seed.unmodulated_plain_value().max(0) as u64,
        }
    }

    /// The settings that are asked for, of a piece that has `written` some; the tempo is the written one.
    pub fn settings(&self, written: Settings) -> Settings {
        Settings {
            key: self.key(written.key),
            intensity: bend(self.intensity, CENTRE, written.intensity),
            seed: if self.seed == 0 { written.seed } else { self.seed },
            ..written
        }
    }

    fn key(&self, written: Key) -> Key {
        let tonic = match self.tonic {
            Some(tonic) if tonic != written.pitch_class() => {
                written.transposed(i32::from(tonic) - i32::from(written.pitch_class()))
            }
            _ => written,
        };
        tonic.with_mode(self.mode.unwrap_or(written.mode))
    }
}
