//! What this instrument is: the general one, or one made of a preset by the factory (`build.rs`).

mod built {
    include!(concat!(env!("OUT_DIR"), "/identity.rs"));
}

/// A piece that a build was made for.
#[derive(Debug, Clone, Copy)]
pub struct Made {
    /// Its text.
    pub text: &'static str,
    /// The files that it names, as it names them, with their bytes.
    pub assets: &'static [(&'static str, &'static [u8])],
}

/// The instrument's name.
pub const NAME: &str = built::NAME;
/// Who makes it.
pub const VENDOR: &str = built::VENDOR;
/// CLAP's id of it.
pub const CLAP_ID: &str = built::CLAP_ID;
/// VST3's id of it.
pub const VST3_ID: [u8; 16] = built::VST3_ID;
/// The piece that it plays and nothing else; none for the general instrument.
pub const MADE: Option<Made> = built::MADE;
