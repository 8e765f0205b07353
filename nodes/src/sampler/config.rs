//! The structural configuration of `sampler`, and what is wrong with it. Control side only.

use super::decode::{self, Header};
use super::sound::{Cycle, Sound};
use crate::shelf::Shelf;
use auralis_graph::NodeError;
use auralis_graph::places::{Asset, Content, Embedded, Places, Version};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{self, Deserializer, Visitor};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// The sound behind `file: default`: a bowed glass on C4, made by the recipe of the default SoundFont.
pub static DEFAULT: &[u8] = include_bytes!("../../assets/glass.wav");

/// Sounds that someone plays, by what was read, loop and crossfade.
static SOUNDS: Shelf<(Content, Loop, f64), Sound> = Shelf::new();

/// Bytes of all sounds that someone plays.
pub fn held() -> usize {
    SOUNDS.sum(Sound::bytes)
}

/// What is played, and how it repeats.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct SamplerConfig {
    /// A WAV or FLAC file, mono or stereo; `default` is a bowed glass on C4 that loops as a whole.
    pub file: String,
    /// The key at which the file sounds as it was recorded: a note such as `C4` (60) or `F#3`, or a number.
    pub root: Key,
    /// The lowest key that sounds; samplers with ranges of their own, one above the other, make one instrument.
    pub lowest: Key,
    /// The highest key that sounds.
    pub highest: Key,
    /// What repeats while a note is held: `off`, `whole`, or `{ start: 0.5, end: 2.5 }` in seconds.
    #[serde(rename = "loop")]
    pub cycle: Loop,
    /// Seconds before the loop's end that are blended into what lies before its start.
    #[schemars(range(min = 0.0, max = 30.0))]
    pub crossfade: f64,
    /// Whether a note plays to the end of the file, whenever it is released.
    pub one_shot: bool,
    /// Most notes at once, 1 to 64; then the oldest makes room.
    #[schemars(range(min = 1, max = 64))]
    pub voices: i64,
}

impl Default for SamplerConfig {
    fn default() -> Self {
        Self {
            file: "default".into(),
            root: Key(60.0),
            lowest: Key(0.0),
            highest: Key(127.0),
            cycle: Loop::Word(Word::Off),
            crossfade: 0.0,
            one_shot: false,
            voices: 16,
        }
    }
}

/// What repeats.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(untagged, expecting = "a loop is `off`, `whole` or { start: …, end: … } in seconds")]
pub enum Loop {
    /// `off` or `whole`.
    Word(Word),
    /// From one place to another.
    Part(Part),
}

/// Loops without numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Word {
    /// Nothing repeats.
    Off,
    /// The whole file repeats.
    Whole,
}

/// A part of a file in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Part {
    /// Where the loop starts.
    pub start: f64,
    /// Where it ends.
    pub end: f64,
}

/// A MIDI key, written as a number or as a note.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Key(pub f64);

impl JsonSchema for Key {
    fn schema_name() -> Cow<'static, str> {
        "Key".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "anyOf": [
                { "type": "number", "minimum": 0, "maximum": 127 },
                { "type": "string", "pattern": "^[A-Ga-g][#b]?-?[0-9]$" }
            ]
        })
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Reader;
        impl Visitor<'_> for Reader {
            type Value = Key;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key from 0 to 127, or a note such as C4 (60), F#3 or Bb2")
            }

            fn visit_i64<E: de::Error>(self, value: i64) -> Result<Key, E> {
                self.visit_f64(value as f64)
            }

            fn visit_u64<E: de::Error>(self, value: u64) -> Result<Key, E> {
                self.visit_f64(value as f64)
            }

            fn visit_f64<E: de::Error>(self, value: f64) -> Result<Key, E> {
                let legal = (0.0..=127.0).contains(&value);
                if legal {
                    Ok(Key(value))
                } else {
                    Err(E::invalid_value(de::Unexpected::Float(value), &self))
                }
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Key, E> {
                let key = key_of(text).filter(|key| (0..=127).contains(key));
                key.map(|key| Key(f64::from(key)))
                    .ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_any(Reader)
    }
}

/// The MIDI key of a note's name; C4 is 60.
fn key_of(text: &str) -> Option<i32> {
    let mut letters = text.chars();
    let step = match letters.next()?.to_ascii_uppercase() {
        'C' => 0,
        'D' => 2,
        'E' => 4,
        'F' => 5,
        'G' => 7,
        'A' => 9,
        'B' => 11,
        _ => return None,
    };
    let rest = letters.as_str();
    let (shift, octave) = match rest.chars().next()? {
        '#' => (1, &rest[1..]),
        'b' => (-1, &rest[1..]),
        _ => (0, rest),
    };
    let octave: i32 = octave.parse().ok().filter(|octave| (-1..=9).contains(octave))?;
    Some((octave + 1) * 12 + step + shift)
}

impl SamplerConfig {
    fn asset(&self, places: &Places) -> Result<Asset, NodeError> {
        if self.file == "default" {
            return Ok(Asset::Embedded(Embedded { name: "default", bytes: DEFAULT }));
        }
        let found = places.find(&self.file, "samples");
        found.map_err(|error| error.of_node("file").help("`default` is the sound that ships with Auralis"))
    }

    fn refuse(asset: &Asset, refusal: &str) -> NodeError {
        let help = "a sampler plays WAV and FLAC files, mono or stereo, of at most 10 minutes";
        NodeError::new(format!("`{asset}` {refusal}")).at("file").help(help).of_file()
    }

    fn content(asset: &Asset) -> Result<Content, NodeError> {
        asset.content().map_err(|error| Self::refuse(asset, &format!("cannot be read: {error}")))
    }

    /// The file as it is now; none for what lies within a program.
    ///
    /// # Errors
    /// That it is not there or cannot be read.
    pub fn version(&self, places: &Places) -> Result<Option<Version>, NodeError> {
        Ok(Self::content(&self.asset(places)?)?.version().cloned())
    }

    /// The recording with its loop, shared with everyone in this process who plays the same.
    ///
    /// # Errors
    /// That the file is not there, or what is wrong with it or with the loop.
    pub fn sound(&self, places: &Places) -> Result<Arc<Sound>, NodeError> {
        let asset = self.asset(places)?;
        SOUNDS.get((Self::content(&asset)?, self.cycle, self.crossfade), || {
            let recording = decode::file(&asset).map_err(|refusal| Self::refuse(&asset, &refusal))?;
            let cycle = self.cycle(recording.rate, recording.channels[0].len())?;
            Ok(Sound::new(&recording, cycle))
        })
    }

    /// The loop in frames of a recording.
    ///
    /// # Errors
    /// If it does not lie within.
    pub fn cycle(&self, rate: u32, frames: usize) -> Result<Option<Cycle>, NodeError> {
        let frame = |seconds: f64| (seconds * f64::from(rate)).round() as usize;
        let (start, end) = match self.cycle {
            Loop::Word(Word::Off) => return Ok(None),
            Loop::Word(Word::Whole) => (0, frames),
            Loop::Part(part) => (frame(part.start), frame(part.end)),
        };
        let length = frames as f64 / f64::from(rate);
        if end > frames || end < start + 16 {
            let message = "a loop starts before it ends, and ends within the file";
            return Err(NodeError::new(message).at("loop").help(format!("the file lasts {length:.3} s")));
        }
        let fade = frame(self.crossfade);
        if fade > start || fade > (end - start) / 2 {
            let most = start.min((end - start) / 2) as f64 / f64::from(rate);
            let message = "a crossfade is no longer than half of the loop and what lies before it";
            return Err(NodeError::new(message).at("crossfade").help(format!("here at most {most:.3} s")));
        }
        Ok(Some(Cycle { start, end, fade }))
    }

    /// Everything that is wrong. Reads the file's header, not its sound.
    pub fn check(&self, places: &Places) -> Vec<NodeError> {
        let mut errors = Vec::new();
        let mut demand = |holds: bool, key, message: &str| {
            if !holds {
                errors.push(NodeError::new(message).at(key));
            }
        };
        demand((1..=64).contains(&self.voices), "voices", "there can be 1 to 64 voices");
        demand((0.0..=30.0).contains(&self.crossfade), "crossfade", "a crossfade lasts 0 to 30 seconds");
        let looped = self.cycle != Loop::Word(Word::Off);
        demand(looped || self.crossfade == 0.0, "crossfade", "a crossfade needs a `loop`");
        demand(
            !(looped && self.one_shot),
            "one_shot",
            "a one-shot ends with its file, and a loop never ends",
        );
        let range = self.lowest.0 <= self.highest.0;
        demand(range, "lowest", "the lowest key lies above the highest: nothing would sound");
        if let Loop::Part(part) = self.cycle {
            let legal = (0.0..=600.0).contains(&part.start) && (0.0..=600.0).contains(&part.end);
            demand(legal, "loop", "a loop lies between 0 and 600 seconds");
        }
        if !errors.is_empty() {
            return errors;
        }
        let checked = self.asset(places).and_then(|asset| {
            let header = decode::header(&asset).map_err(|refusal| Self::refuse(&asset, &refusal))?;
            match header {
                Header { rate, frames: Some(frames) } => self.cycle(rate, frames as usize).map(|_| ()),
                Header { .. } => Ok(()),
            }
        });
        errors.extend(checked.err());
        errors
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notes_have_their_keys() {
        for (text, key) in
            [("C4", 60), ("a4", 69), ("F#3", 54), ("Bb2", 46), ("C-1", 0), ("G9", 127), ("Cb4", 59)]
        {
            assert_eq!(key_of(text), Some(key), "{text}");
        }
        for text in ["", "H3", "C", "C#", "C44", "4C", "C4x"] {
            assert_eq!(key_of(text), None, "{text}");
        }
    }
}
