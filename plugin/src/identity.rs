//! What this instrument is: the general one, or one made of a preset by the factory.

/// A piece that a build was made for.
#[derive(Debug, Clone, Copy)]
pub struct Made {
    /// Its text.
    pub text: &'static str,
    /// The files that it names, with their bytes.
    pub assets: &'static [(&'static str, &'static [u8])],
}

/// The instrument's name.
pub const NAME: &str = "Auralis";
/// Who makes it.
pub const VENDOR: &str = "Auralis";
/// CLAP's id of it.
pub const CLAP_ID: &str = "org.auralis.instrument";
/// VST3's id of it.
pub const VST3_ID: [u8; 16] = *b"AuralisInstrumen";
/// The piece that it plays and nothing else; none for the general instrument.
pub const MADE: Option<Made> = None;
