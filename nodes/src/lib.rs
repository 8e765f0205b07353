//! The nodes of Auralis. A node is one file or one folder, and one line in [`catalogue`]; its YAML, validation,
//! schema, reference, automation and widgets follow from that.

mod envelope;
mod filter;
mod gain;
mod lfo;
mod midi;
mod mix;
mod noise;
mod oscillator;
mod output;
mod pan;
pub mod synth;
mod voice;

use auralis_graph::{Catalogue, Kind};

/// Every node that a preset can use.
pub fn catalogue() -> Catalogue {
    Catalogue::new([
        Kind::of::<envelope::Envelope>(),
        Kind::of::<filter::Filter>(),
        Kind::of::<gain::Gain>(),
        Kind::of::<lfo::Lfo>(),
        Kind::of::<midi::MidiIn>(),
        Kind::of::<midi::MidiOut>(),
        Kind::of::<mix::Mix>(),
        Kind::of::<noise::Noise>(),
        Kind::of::<oscillator::Oscillator>(),
        Kind::of::<output::Output>(),
        Kind::of::<pan::Pan>(),
        Kind::of::<synth::Synth>(),
    ])
}
