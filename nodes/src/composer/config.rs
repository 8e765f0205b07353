//! What a preset says about its composer: structural configuration, its defaults and its checks. Control side.

use super::chain::{self, Chain};
use super::harmony::DEGREES;
use auralis_graph::NodeError;
use auralis_graph::quantity::{Measure, Quantity};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;

/// Structural configuration of a composer.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct ComposerConfig {
    /// Length of a phrase: `8 bars` or `16 bars`.
    pub phrase: PhraseLength,
    /// When a change of key, intensity or seed takes hold: at the next `phrase`, `bar` or `beat`.
    pub follow: Follow,
    /// Every so many phrases (2 to 64) one returns note for note; a new one is chosen every 48 phrases (24 long ones).
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 2, max = 64))]
    pub refrain: Option<u32>,
    /// Chord transitions of the preset's own: 7 rows (from i, ii, III, iv, v, VI, VII) of 7 probabilities (to the
    /// same); each row sums to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transitions: Option<[[f64; DEGREES]; DEGREES]>,
    /// Whether the second degree of a minor key carries a diminished triad instead of a minor one.
    pub diminished: bool,
    /// How readily triads take on sevenths, ninths and suspensions, from 0 (never) to 1; intensity adds to it.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub colour: f64,
    /// Whether a minor key may now and then borrow a chord from outside: V, i with a major seventh, VI with a
    /// minor seventh and ninth.
    pub borrow: bool,
    /// Bars that a chord lasts, 1 to 4; left out, 1 to 4 by intensity.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 4))]
    pub chord_bars: Option<u8>,
    /// How chords are played: `auto` (each section chooses), `held` (common tones sound on), `struck` (anew each
    /// time), `rolled` (from below), `broken` (one tone after the other).
    pub texture: Texture,
    /// Most voices of a chord, 2 to 6; less intensity thins them out.
    #[schemars(range(min = 2, max = 6))]
    pub voices: u8,
    /// Whether the bass may hold the tonic under changing chords: `auto` (some sections), `never`, `always`.
    pub pedal: Pedal,
    /// MIDI key around which chords lie, 48 to 72.
    #[schemars(range(min = 48, max = 72))]
    pub chords_at: u8,
    /// MIDI key around which the melody moves, 55 to 90.
    #[schemars(range(min = 55, max = 90))]
    pub melody_at: u8,
    /// MIDI key around which the bass lies, 30 to 46.
    #[schemars(range(min = 30, max = 46))]
    pub bass_at: u8,
    /// Semitones between the lowest and the highest note of a melody, 16 (a tenth) to 24.
    #[schemars(range(min = 16, max = 24))]
    pub melody_range: u8,
    /// How busy the melody is beside the rest, 0.25 to 2; 1 goes with the intensity.
    #[schemars(range(min = 0.25, max = 2.0))]
    pub melody_density: f64,
    /// How far sections depart from each other in density and register, from 0 (all alike) to 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub contrast: f64,
    /// How much onsets and velocities breathe, from 0 (machine) to 1 (loose); onsets move by some milliseconds.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub humanize: f64,
}

impl Default for ComposerConfig {
    fn default() -> Self {
        Self {
            phrase: PhraseLength::Eight,
            follow: Follow::Phrase,
            refrain: None,
            transitions: None,
            diminished: false,
            colour: 0.5,
            borrow: true,
            chord_bars: None,
            texture: Texture::Auto,
            voices: 5,
            pedal: Pedal::Auto,
            chords_at: 60,
            melody_at: 76,
            bass_at: 38,
            melody_range: 16,
            melody_density: 1.0,
            contrast: 0.5,
            humanize: 0.5,
        }
    }
}

impl ComposerConfig {
    /// All mistakes, each with the key at fault.
    pub fn check(&self) -> Vec<NodeError> {
        let mut found = Vec::new();
        let mut within = |key: &'static str, value: f64, least: f64, most: f64, what: &str| {
            // Written so that NaN is refused too.
            if !(least..=most).contains(&value) {
                let message = format!("`{key}` is {value}, but {what} from {least} to {most}");
                found.push(NodeError::new(message).at(key));
            }
        };
        if let Some(refrain) = self.refrain {
            within("refrain", f64::from(refrain), 2.0, 64.0, "a refrain returns every so many phrases,");
        }
        if let Some(bars) = self.chord_bars {
            within("chord_bars", f64::from(bars), 1.0, 4.0, "a chord lasts bars");
        }
        within("colour", self.colour, 0.0, 1.0, "it goes");
        within("voices", f64::from(self.voices), 2.0, 6.0, "a chord has voices");
        within("chords_at", f64::from(self.chords_at), 48.0, 72.0, "chords lie around MIDI keys");
        within("melody_at", f64::from(self.melody_at), 55.0, 90.0, "melodies lie around MIDI keys");
        within("bass_at", f64::from(self.bass_at), 30.0, 46.0, "the bass lies around MIDI keys");
        within("melody_range", f64::from(self.melody_range), 16.0, 24.0, "a melody spans semitones");
        within("melody_density", self.melody_density, 0.25, 2.0, "it goes");
        within("contrast", self.contrast, 0.0, 1.0, "it goes");
        within("humanize", self.humanize, 0.0, 1.0, "it goes");
        if let Some(rows) = &self.transitions {
            found.extend(Chain::new(rows).err().map(|error| error.at("transitions")));
        }
        found
    }

    /// The chord transitions: the preset's own or the ambient ones.
    pub fn transitions(&self) -> &[[f64; DEGREES]; DEGREES] {
        self.transitions.as_ref().unwrap_or(&chain::AMBIENT)
    }
}

/// How many bars make a phrase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PhraseLength {
    /// 8 bars.
    Eight,
    /// 16 bars.
    Sixteen,
}

impl PhraseLength {
    /// Number of bars.
    pub fn bars(self) -> usize {
        match self {
            PhraseLength::Eight => 8,
            PhraseLength::Sixteen => 16,
        }
    }
}

impl Serialize for PhraseLength {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{} bars", self.bars()))
    }
}

impl<'de> Deserialize<'de> for PhraseLength {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Given {
            Number(f64),
            Text(String),
            Other(serde::de::IgnoredAny),
        }
        let bars = match Given::deserialize(deserializer)? {
            Given::Number(bars) => Some(bars),
            Given::Text(text) => Quantity::parse(&text)
                .ok()
                .filter(|quantity| matches!(quantity.measure, Measure::Bare | Measure::Bars))
                .map(|quantity| quantity.value),
            Given::Other(_) => None,
        };
        match bars {
            Some(8.0) => Ok(PhraseLength::Eight),
            Some(16.0) => Ok(PhraseLength::Sixteen),
            _ => Err(serde::de::Error::custom("a phrase is `8 bars` or `16 bars` long")),
        }
    }
}

impl JsonSchema for PhraseLength {
    fn schema_name() -> Cow<'static, str> {
        "PhraseLength".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": ["8 bars", "16 bars", 8, 16] })
    }
}

/// The grid on which changes of settings take hold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Follow {
    /// At the next phrase.
    #[default]
    Phrase,
    /// At the next bar.
    Bar,
    /// At the next beat.
    Beat,
}

/// How chords are played.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Texture {
    /// Each section chooses.
    #[default]
    Auto,
    /// Common tones sound on from chord to chord.
    Held,
    /// Every chord is struck anew.
    Struck,
    /// From the lowest voice to the highest, then held.
    Rolled,
    /// One tone after the other.
    Broken,
}

/// Whether the bass holds the tonic under changing chords.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Pedal {
    /// In some sections.
    #[default]
    Auto,
    /// Nowhere.
    Never,
    /// Everywhere.
    Always,
}
