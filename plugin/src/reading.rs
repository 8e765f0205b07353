//! A piece: a text to be played, and what is read from it. Control side.

use crate::identity::MADE;
use crate::params::{BUSES, CENTRE, SLOTS};
use crate::slots::SlotShape;
use auralis_graph::diagnostic::Diagnostics;
use auralis_graph::places::Places;
use auralis_graph::preset::Control;
use auralis_graph::{Catalogue, Preset, Source};
use serde::{Deserialize, Serialize, Serializer};
use std::path::PathBuf;
use std::sync::Arc;

/// A text to be played.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Piece {
    /// The whole preset.
    pub text: String,
    /// What it is called where it does not say so itself: the file's or the library's name.
    pub name: String,
    /// The folder beside which its files lie; none where it is no file.
    #[serde(serialize_with = "lossy")]
    pub folder: Option<PathBuf>,
    /// The files that it was made from when it was last heard.
    #[serde(default)]
    pub assets: Vec<Asset>,
}

/// A file that a piece names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asset {
    /// Where it lay.
    #[serde(serialize_with = "lossy")]
    pub path: PathBuf,
    /// The BLAKE3 hash of its bytes, in hexadecimal.
    pub hash: String,
}

/// Writes a path as text even where it is none: a session is worth more than one letter of a path.
fn lossy<'a, P, S>(path: &'a P, serializer: S) -> Result<S::Ok, S::Error>
where
    P: Clone + Into<Option<PathBuf>> + 'a,
    S: Serializer,
{
    let path: Option<PathBuf> = path.clone().into();
    path.map(|path| path.to_string_lossy().into_owned()).serialize(serializer)
}

/// A text that was read, whether or not it is played yet.
#[derive(Debug, Clone)]
pub struct Reading {
    /// It.
    pub preset: Arc<Preset>,
    /// Its controls by slot.
    pub slots: Arc<[SlotShape]>,
    /// The names of the nodes whose levels the host's "Bus" parameters move, in order.
    pub buses: Arc<[String]>,
}

impl Piece {
    /// What an instrument begins with.
    pub fn first() -> Self {
        let text = match MADE {
            Some(made) => made.text,
            None => auralis_library::shipped_text(auralis_library::DEFAULT).unwrap_or_default(),
        };
        Self { text: text.into(), name: auralis_library::DEFAULT.into(), folder: None, assets: Vec::new() }
    }

    /// Where its files are looked for. What is missing silences only the nodes that are made of it.
    pub fn places(&self) -> Places {
        let embedded = MADE.map_or(&[][..], |made| made.assets);
        Places { embedded, forgiving: true, preset: self.folder.clone(), ..Places::anywhere() }
    }

    /// Whether it is a further text of the same preset, and not another one.
    pub fn continues(&self, other: &Self) -> bool {
        (&self.name, &self.folder) == (&other.name, &other.folder)
    }
}

impl Reading {
    /// Reads a piece.
    ///
    /// # Errors
    /// All mistakes.
    pub fn of(piece: &Piece, catalogue: &Catalogue) -> Result<Self, Diagnostics> {
        let source = Source::new(piece.name.clone(), piece.text.clone());
        let preset = Preset::read(&source, catalogue, &piece.places())?;
        let shape = |control: &Control| {
            let centre = match MADE {
                Some(_) => control.range.position(control.default),
                None => CENTRE,
            };
            SlotShape::new(control.clone(), centre)
        };
        let slots = preset.controls.iter().take(SLOTS).map(shape).collect();
        let buses = preset.sources().into_iter().take(BUSES).map(|node| preset.nodes[node].name.clone());
        Ok(Self { buses: buses.collect(), slots, preset: Arc::new(preset) })
    }
}
