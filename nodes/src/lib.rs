//! The nodes of Auralis. A node is one file or one folder, and one line in [`catalogue`]; its YAML, validation,
//! schema, reference, automation and widgets follow from that.

pub mod audio_file;
mod blend;
mod channels;
mod chorus;
pub mod composer;
mod compressor;
mod cut;
mod delay;
pub mod encoder;
mod envelope;
mod eq;
pub mod file_sink;
mod filter;
mod gain;
mod kaiser;
mod lfo;
mod limiter;
mod line;
pub mod loudness;
pub mod meter;
mod midi;
mod mix;
mod noise;
mod oscillator;
mod output;
mod pan;
mod reverb;
pub mod ring_buffer;
mod sampler;
mod shelf;
mod soundfont;
pub mod synth;
mod true_peak;
mod voice;
mod window;

use auralis_graph::{Catalogue, Kind};

/// What nodes hold in common, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Held {
    /// Samples of SoundFonts.
    pub fonts: usize,
    /// Recordings.
    pub recordings: usize,
}

/// What the nodes of this process hold in common. Control side: waits for one who loads.
pub fn held() -> Held {
    Held { fonts: soundfont::held(), recordings: sampler::held() }
}

/// Every node that a preset can use.
pub fn catalogue() -> Catalogue {
    Catalogue::new([
        Kind::of::<chorus::Chorus>(),
        Kind::of::<composer::Composer>(),
        Kind::of::<compressor::Compressor>(),
        Kind::of::<delay::Delay>(),
        Kind::of::<encoder::Encoder>(),
        Kind::of::<envelope::Envelope>(),
        Kind::of::<eq::Eq>(),
        Kind::of::<file_sink::FileSink>(),
        Kind::of::<filter::Filter>(),
        Kind::of::<gain::Gain>(),
        Kind::of::<lfo::Lfo>(),
        Kind::of::<limiter::Limiter>(),
        Kind::of::<meter::Meter>(),
        Kind::of::<midi::MidiIn>(),
        Kind::of::<midi::MidiOut>(),
        Kind::of::<mix::Mix>(),
        Kind::of::<noise::Noise>(),
        Kind::of::<oscillator::Oscillator>(),
        Kind::of::<output::Output>(),
        Kind::of::<pan::Pan>(),
        Kind::of::<reverb::Reverb>(),
        Kind::of::<ring_buffer::RingBuffer>(),
        Kind::of::<sampler::Sampler>(),
        Kind::of::<soundfont::Soundfont>(),
        Kind::of::<synth::Synth>(),
    ])
}
