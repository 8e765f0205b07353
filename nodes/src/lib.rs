//! The nodes of Auralis. A node is one file or one folder, and one line in [`catalogue`]; its YAML, validation,
//! schema, reference, automation and widgets follow from that.

mod gain;
mod midi;
mod mix;
mod noise;
mod output;
mod pan;
mod sampler;
mod shelf;
mod soundfont;

use auralis_graph::{Catalogue, Kind};

/// Every node that a preset can use.
pub fn catalogue() -> Catalogue {
    Catalogue::new([
        Kind::of::<gain::Gain>(),
        Kind::of::<midi::MidiIn>(),
        Kind::of::<midi::MidiOut>(),
        Kind::of::<mix::Mix>(),
        Kind::of::<noise::Noise>(),
        Kind::of::<output::Output>(),
        Kind::of::<pan::Pan>(),
        Kind::of::<sampler::Sampler>(),
        Kind::of::<soundfont::Soundfont>(),
    ])
}
