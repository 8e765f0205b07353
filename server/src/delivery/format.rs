//! How sound is sent.

use serde::Deserialize;

/// What a chunk is sent as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// JSON messages with base64.
    Json,
    /// Binary frames of 16-bit samples.
    Pcm16,
    /// Binary frames of Opus.
    Opus,
    /// Binary frames of FLAC.
    Flac,
}

impl Format {
    /// All there are.
    pub const ALL: [Self; 4] = [Self::Json, Self::Pcm16, Self::Opus, Self::Flac];

    /// The name in addresses and subprotocols.
    pub fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Pcm16 => "pcm16",
            Self::Opus => "opus",
            Self::Flac => "flac",
        }
    }

    /// The format of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }
}
