//! In which way somebody listens.

use super::{Container, Format};

/// A way to listen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sound {
    /// A page that is paused: it hears what is said, and no sound.
    None,
    /// JSON messages.
    Json,
    /// Binary frames of samples.
    Pcm16,
    /// Binary frames of Opus.
    Opus,
    /// Binary frames of FLAC.
    Flac,
    /// A player's stream of Opus in Ogg.
    StreamOpus,
    /// The same of FLAC in Ogg.
    StreamOga,
    /// The same of FLAC.
    StreamFlac,
    /// The same of samples.
    StreamWav,
}

impl Sound {
    /// All there are.
    pub const ALL: [Self; 9] = [
        Self::None,
        Self::Json,
        Self::Pcm16,
        Self::Opus,
        Self::Flac,
        Self::StreamOpus,
        Self::StreamOga,
        Self::StreamFlac,
        Self::StreamWav,
    ];

    /// The name in figures.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Json => "json",
            Self::Pcm16 => "pcm16",
            Self::Opus => "opus",
            Self::Flac => "flac",
            Self::StreamOpus => "stream_opus",
            Self::StreamOga => "stream_oga",
            Self::StreamFlac => "stream_flac",
            Self::StreamWav => "stream_wav",
        }
    }
}

impl From<Option<Format>> for Sound {
    fn from(format: Option<Format>) -> Self {
        match format {
            None => Self::None,
            Some(Format::Json) => Self::Json,
            Some(Format::Pcm16) => Self::Pcm16,
            Some(Format::Opus) => Self::Opus,
            Some(Format::Flac) => Self::Flac,
        }
    }
}

impl From<Container> for Sound {
    fn from(container: Container) -> Self {
        match container {
            Container::OggOpus => Self::StreamOpus,
            Container::OggFlac => Self::StreamOga,
            Container::Flac => Self::StreamFlac,
            Container::Wav => Self::StreamWav,
        }
    }
}
