//! What the host can automate. Ids and their order never change: sessions and automation hang on them.

use crate::desk::Desk;
use crate::editor::extent::Extent;
use crate::state::Kept;
use auralis_graph::music::{Key, Mode};
use nice_plug::prelude::*;
use std::sync::Arc;

/// Slots for a preset's controls.
pub const SLOTS: usize = 64;
/// Levels of a preset's sources.
pub const BUSES: usize = 8;
/// Where a slot of the general instrument leaves the preset's own value: in the middle.
pub const CENTRE: f32 = 0.5;
/// The lowest level of a bus in dB: silence.
pub const SILENT_BUS: f32 = -60.0;

/// What a parameter says that leaves the preset's own setting.
const AS_WRITTEN: &str = "As written";

/// All of the instrument's parameters, and what a session keeps of it.
#[derive(Params)]
pub struct InstrumentParams {
    /// The piece, and what was heard of it.
    #[persist = "piece"]
    pub kept: Kept,
    /// How large the editor is.
    #[persist = "editor"]
    pub extent: Extent,
    /// Silence, in time.
    #[id = "bypass"]
    pub bypass: BoolParam,
    /// The tonic; 0 leaves the preset's.
    #[id = "key"]
    pub key: IntParam,
    /// The mode; 0 leaves the preset's.
    #[id = "mode"]
    pub mode: IntParam,
    /// Beats per minute more than the host's.
    #[id = "tempo"]
    pub tempo: FloatParam,
    /// Intensity, as a slot.
    #[id = "intensity"]
    pub intensity: FloatParam,
    /// The seed; 0 leaves the preset's.
    #[id = "seed"]
    pub seed: IntParam,
    /// Whether the music goes on while the host stands still.
    #[id = "free"]
    pub free: BoolParam,
    /// Whether a loop of the host repeats what it holds, or the music goes on through it.
    #[id = "through"]
    pub through: BoolParam,
    /// Levels of the preset's sources.
    #[nested(array, group = "Mix")]
    pub buses: [Bus; BUSES],
    /// The preset's controls.
    #[nested(array, group = "Controls")]
    pub slots: Vec<Slot>,
    /// Counts edits of the text, so that a host knows that there is something to be saved.
    #[id = "edits"]
    pub edits: IntParam,
}

/// The level of a source.
#[derive(Params)]
pub struct Bus {
    /// In dB, on top of what the preset says.
    #[id = "bus"]
    pub level: FloatParam,
}

/// A place for a control.
#[derive(Params)]
pub struct Slot {
    /// From 0 to 1.
    #[id = "slot"]
    pub place: FloatParam,
}

impl InstrumentParams {
    /// The parameters of an instrument; texts of values come from what plays at its desk.
    pub fn new(desk: &Arc<Desk>) -> Self {
        let choice = |name: &str, words: Vec<String>| {
            let most = words.len() as i32 - 1;
            let words: Arc<[String]> = words.into();
            let known = Arc::clone(&words);
            IntParam::new(name, 0, IntRange::Linear { min: 0, max: most })
                .with_value_to_string(Arc::new(move |index| {
                    words.get(index as usize).cloned().unwrap_or_default()
                }))
                .with_string_to_value(Arc::new(move |text| {
                    let wanted = text.trim();
                    known.iter().position(|word| word.eq_ignore_ascii_case(wanted)).map(|at| at as i32)
                }))
        };
        let as_written = || std::iter::once(AS_WRITTEN.to_string());
        let tonics = as_written().chain(Key::TONICS.iter().map(ToString::to_string)).collect();
        let modes = as_written().chain(Mode::ALL.iter().map(|mode| mode.name().to_string())).collect();
        Self {
            kept: Kept::new(desk),
            extent: Extent::default(),
            bypass: BoolParam::new("Bypass", false).make_bypass(),
            key: choice("Key", tonics),
            mode: choice("Mode", modes),
            tempo: FloatParam::new("Tempo Offset", 0.0, FloatRange::Linear { min: -60.0, max: 60.0 })
                .with_step_size(0.01)
                .with_unit(" BPM"),
            intensity: intensity(desk),
            seed: IntParam::new("Seed", 0, IntRange::Linear { min: 0, max: 65_535 })
                .with_value_to_string(Arc::new(|seed| match seed {
                    0 => AS_WRITTEN.into(),
                    seed => seed.to_string(),
                }))
                .with_string_to_value(Arc::new(|text| match text.trim() {
                    text if text.eq_ignore_ascii_case(AS_WRITTEN) => Some(0),
                    text => text.parse().ok(),
                })),
            free: BoolParam::new("Play While Stopped", false),
            through: BoolParam::new("Play Through Loops", false),
            buses: std::array::from_fn(|index| Bus { level: bus(desk, index) }),
            slots: (0..desk.controls_by_name().map_or(SLOTS, |controls| controls.len().min(SLOTS)))
                .map(|index| Slot { place: slot(desk, index) })
                .collect(),
            edits: IntParam::new("Edits", 0, IntRange::Linear { min: 0, max: i32::MAX >> 8 })
                .hide()
                .non_automatable(),
        }
    }
}

fn intensity(desk: &Arc<Desk>) -> FloatParam {
    let (shown, read) = (Arc::clone(desk), Arc::clone(desk));
    FloatParam::new("Intensity", CENTRE, FloatRange::Linear { min: 0.0, max: 1.0 })
        .with_value_to_string(Arc::new(move |n| {
            format!("{:.0} %", 100.0 * crate::slots::bend(n, CENTRE, shown.written().intensity))
        }))
        .with_string_to_value(Arc::new(move |text| {
            let percent: f32 = text.trim().trim_end_matches('%').trim().parse().ok()?;
            Some(crate::slots::bend(percent / 100.0, read.written().intensity, CENTRE))
        }))
}

fn bus(desk: &Arc<Desk>, index: usize) -> FloatParam {
    let desk = Arc::clone(desk);
    FloatParam::new(format!("Bus {}", index + 1), 0.0, FloatRange::Linear { min: SILENT_BUS, max: 12.0 })
        .with_value_to_string(Arc::new(move |db| {
            let level = if db <= SILENT_BUS { "-inf dB".into() } else { format!("{db:.1} dB") };
            match desk.reading().and_then(|reading| reading.buses.get(index).cloned()) {
                Some(name) => format!("{name}: {level}"),
                None => level,
            }
        }))
        .with_string_to_value(Arc::new(|text| {
            let level = text.rsplit(':').next()?.trim().trim_end_matches("dB").trim();
            if level == "-inf" { Some(SILENT_BUS) } else { level.parse().ok() }
        }))
}

fn slot(desk: &Arc<Desk>, index: usize) -> FloatParam {
    let (shown, read) = (Arc::clone(desk), Arc::clone(desk));
    let named = desk.controls_by_name().and_then(|controls| controls.get(index).cloned());
    let (name, centre) = match named {
        Some(control) => (control.label.clone(), control.range.position(control.default)),
        None => (format!("Slot {}", index + 1), CENTRE),
    };
    FloatParam::new(name, centre, FloatRange::Linear { min: 0.0, max: 1.0 })
        .with_value_to_string(Arc::new(move |n| match shown.shape(index) {
            Some(shape) => shape.print(n),
            None => format!("{n:.3}"),
        }))
        .with_string_to_value(Arc::new(move |text| match read.shape(index) {
            Some(shape) => shape.read(text),
            None => text.trim().parse().ok(),
        }))
}
