//! The nodes of Auralis. A node is one file or one folder, and one line in [`catalogue`]; its YAML, validation,
//! schema, reference, automation and widgets follow from that.

pub mod audio_file;
pub mod encoder;
pub mod file_sink;
mod gain;
mod midi;
mod mix;
mod noise;
mod output;
mod pan;
pub mod ring_buffer;

use auralis_graph::{Catalogue, Kind};

/// Every node that a preset can use.
pub fn catalogue() -> Catalogue {
    Catalogue::new([
        Kind::of::<encoder::Encoder>(),
        Kind::of::<file_sink::FileSink>(),
        Kind::of::<gain::Gain>(),
        Kind::of::<midi::MidiIn>(),
        Kind::of::<midi::MidiOut>(),
        Kind::of::<mix::Mix>(),
        Kind::of::<noise::Noise>(),
        Kind::of::<output::Output>(),
        Kind::of::<pan::Pan>(),
        Kind::of::<ring_buffer::RingBuffer>(),
    ])
}
