//! SoundFonts in memory: found, checked, loaded, and shared by all who play them. Control side only.

use super::oversample::{FACTOR, oversampled};
use super::riff::{Broken, Parts, Span, read};
use super::tables::Tables;
use crate::shelf::Shelf;
use auralis_graph::NodeError;
use auralis_graph::places::{Asset, Content, Places, Version};
use rustysynth::{LoopMode, SoundFont};
use std::fs::File;
use std::io::{Cursor, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The font that ships with the program.
pub static SHIPPED: &[u8] = include_bytes!("../../../soundfonts/auralis.sf2");

/// Silent frames behind the sample data: a sample may reach to its very end, and players read one frame more.
const BEHIND: usize = 64;

/// What a preset's `file` means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The font that ships with the program.
    Shipped,
    /// A file, of the machine or within the program around this one.
    Asset(Asset),
}

/// A font in memory.
#[derive(Debug)]
pub struct Font {
    /// What rustysynth plays.
    pub sound: Arc<SoundFont>,
    /// What it is called in messages.
    pub name: String,
}

/// Bank and program of a font, counted from 0, with its name.
pub type Program = (u16, u16, String);

impl Source {
    /// Finds what `file` names.
    ///
    /// # Errors
    /// Where it was looked for, and what would help.
    pub fn find(file: &str, places: &Places) -> Result<Self, NodeError> {
        match file {
            "default" => Ok(Self::Shipped),
            // An instrument may bring along what was the font of the machine it was made on.
            "system" if places.embedded(file).is_none() => {
                system_font().map(Asset::File).map(Self::Asset).map_err(NodeError::of_file)
            }
            path => places.find(path, "soundfonts").map(Self::Asset).map_err(|error| {
                let help =
                    "`default` is the font that ships with Auralis, `system` the machine's General MIDI font";
                error.of_node("file").help(help)
            }),
        }
    }

    /// What it is called in messages.
    pub fn name(&self) -> String {
        match self {
            Self::Shipped => "the default font".into(),
            Self::Asset(asset) => format!("`{asset}`"),
        }
    }

    /// The programs of the font, by bank and number; reads and checks only its tables.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn programs(&self) -> Result<Vec<Program>, NodeError> {
        let programs = || -> Result<Vec<Program>, Broken> {
            let tables = match self {
                Self::Shipped => tables(&mut Cursor::new(SHIPPED))?,
                Self::Asset(Asset::File(path)) => tables(&mut File::open(path)?)?,
                Self::Asset(Asset::Embedded(embedded)) => tables(&mut Cursor::new(embedded.bytes))?,
            };
            let entry = |entry: super::tables::Entry| (entry.bank, entry.program, entry.name);
            let mut programs: Vec<Program> = tables.1.presets.into_iter().map(entry).collect();
            programs.sort();
            Ok(programs)
        };
        programs().map_err(|broken| self.refuse(&broken))
    }

    fn refuse(&self, broken: &Broken) -> NodeError {
        let found = NodeError::new(format!("{} {broken}", self.name())).at("file");
        found.help("choose another SoundFont (.sf2)").of_file()
    }

    /// What it holds now; none for the shipped one, which is always the same.
    fn content(&self) -> Result<Option<Content>, NodeError> {
        match self {
            Self::Shipped => Ok(None),
            Self::Asset(asset) => asset.content().map(Some).map_err(|error| self.refuse(&error.into())),
        }
    }

    /// The file as it is now; none for what lies within a program.
    ///
    /// # Errors
    /// That it cannot be read.
    pub fn version(&self) -> Result<Option<Version>, NodeError> {
        Ok(self.content()?.and_then(|content| content.version().cloned()))
    }

    /// The font, shared with everyone in this process who plays the same file.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub fn load(&self) -> Result<Arc<Font>, NodeError> {
        FONTS.get(self.content()?, || {
            let sound = match self {
                Self::Shipped => load_shipped(),
                Self::Asset(Asset::File(path)) => File::open(path).map_err(Broken::from).and_then(load),
                Self::Asset(Asset::Embedded(embedded)) => load(Cursor::new(embedded.bytes)),
            };
            let sound = Arc::new(sound.map_err(|broken| self.refuse(&broken))?);
            Ok(Font { sound, name: self.name() })
        })
    }
}

/// Fonts that someone plays; None is the shipped one.
static FONTS: Shelf<Option<Content>, Font> = Shelf::new();

/// Bytes of the samples of all fonts that someone plays.
pub fn held() -> usize {
    FONTS.sum(|font| size_of_val(font.sound.get_wave_data()))
}

/// The machine's General MIDI font.
fn system_font() -> Result<PathBuf, NodeError> {
    if let Some(path) = std::env::var_os("AURALIS_SOUNDFONT").filter(|path| !path.is_empty()) {
        let path = PathBuf::from(path);
        return if path.is_file() {
            Ok(path)
        } else {
            let message = format!("AURALIS_SOUNDFONT names `{}`, and there is no such file", path.display());
            Err(NodeError::new(message).at("file").help("let it name an .sf2 file, or unset it"))
        };
    }
    first_font(&["/usr/share/sounds/sf2", "/usr/share/soundfonts"])
}

/// The font of the first folder that has one.
pub(super) fn first_font(folders: &[&str]) -> Result<PathBuf, NodeError> {
    let found = folders.iter().find_map(|folder| best_in(Path::new(folder)));
    found.ok_or_else(|| {
        NodeError::new(format!("there is no General MIDI font in {}", folders.join(" or "))).at("file").help(
            "install one (Debian: fluid-soundfont-gm or timgm6mb-soundfont), let AURALIS_SOUNDFONT name an \
             .sf2 file, or use `default`",
        )
    })
}

/// The font of a folder that is meant to be the default, else the first by name.
fn best_in(folder: &Path) -> Option<PathBuf> {
    let entries = std::fs::read_dir(folder).ok()?;
    let mut files: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.is_file() && path.extension().is_some_and(|end| end.eq_ignore_ascii_case("sf2")))
        .collect();
    files.sort();
    let preferred = ["default-GM.sf2", "default.sf2", "FluidR3_GM.sf2"];
    let preferred = preferred.iter().find_map(|name| files.iter().position(|path| path.ends_with(name)));
    if files.is_empty() { None } else { Some(files.swap_remove(preferred.unwrap_or(0))) }
}

fn tables(file: &mut (impl Read + Seek)) -> Result<(Parts, Tables), Broken> {
    let parts = Parts::find(file)?;
    let tables = Tables::read(file, &parts)?;
    Ok((parts, tables))
}

fn load_shipped() -> Result<SoundFont, Broken> {
    let mut file = Cursor::new(SHIPPED);
    let (parts, mut tables) = tables(&mut file)?;
    tables.oversample(FACTOR as u32);
    let dense = oversampled(&read(&mut file, parts.samples)?);
    build(&dense[..], dense.len() as u64, &tables)
}

/// Loads a font from a file as it is.
pub(super) fn load(mut file: impl Read + Seek) -> Result<SoundFont, Broken> {
    let (parts, tables) = tables(&mut file)?;
    let Span { start, length } = parts.samples;
    let length = length - length % 2;
    file.seek(SeekFrom::Start(start))?;
    build(file.take(length), length, &tables)
}

/// Has rustysynth read sample data of a length in bytes and tables, as one well-made file.
fn build(samples: impl Read, length: u64, tables: &Tables) -> Result<SoundFont, Broken> {
    let list = tables.list()?;
    let behind = vec![0u8; 2 * BEHIND];
    let smpl = length as u32 + behind.len() as u32;
    let mut head = b"RIFF\0\0\0\0sfbkLIST\x10\0\0\0INFOifil\x04\0\0\0\x02\0\x01\0LIST".to_vec();
    head.extend((smpl + 12).to_le_bytes());
    head.extend(b"sdtasmpl");
    head.extend(smpl.to_le_bytes());
    let mut tail = b"LIST".to_vec();
    tail.extend((list.len() as u32).to_le_bytes());
    tail.extend(list);
    let mut whole = Cursor::new(head).chain(samples).chain(Cursor::new(behind)).chain(Cursor::new(tail));
    SoundFont::new(&mut whole).map_err(|error| Broken::new(format!("cannot be played: {error}")))
}

impl Font {
    /// The number that rustysynth gives a program of a bank; none if the font lacks it.
    pub fn program(&self, bank: u16, program: u16) -> Option<usize> {
        let wanted = (i32::from(bank), i32::from(program));
        let presets = self.sound.get_presets();
        // The last one wins, as in rustysynth.
        presets.iter().rposition(|preset| (preset.get_bank_number(), preset.get_patch_number()) == wanted)
    }

    /// The highest pitch of a program (a number from [`Font::program`]), as a MIDI key with bend, at which no loop is
    /// shorter than one step through it: above, rustysynth would leave the sample. There nothing could be heard: a
    /// loop of one step or less sounds at or above the sample rate.
    pub fn highest_pitch(&self, program: usize, sample_rate: u32) -> f64 {
        let headers = self.sound.get_sample_headers();
        let mut highest = f64::INFINITY;
        for outer in self.sound.get_presets()[program].get_regions() {
            for inner in self.sound.get_instruments()[outer.get_instrument_id()].get_regions() {
                let mut length = inner.get_sample_end_loop() - inner.get_sample_start_loop();
                if inner.get_sample_modes() == LoopMode::NoLoop || length <= 0 {
                    // One step leaves any sample, and stays within the arithmetic.
                    length = i32::MAX;
                }
                let rate =
                    f64::from(headers[inner.get_sample_id()].get_sample_rate()) / f64::from(sample_rate);
                let tune = f64::from(outer.get_coarse_tune() + inner.get_coarse_tune())
                    + f64::from(outer.get_fine_tune() + inner.get_fine_tune()) * 0.01;
                // Semitones that the loop can be raised, with a little room for rounding.
                let room = 12.0 * (f64::from(length) / rate).log2() - tune - 0.05;
                let moved = |outer: i32, inner: i32| f64::from((outer + inner).abs()) * 0.01;
                let swing = PRESSURE_DEPTH
                    + moved(outer.get_vibrato_lfo_to_pitch(), inner.get_vibrato_lfo_to_pitch())
                    + moved(outer.get_modulation_lfo_to_pitch(), inner.get_modulation_lfo_to_pitch())
                    + moved(
                        outer.get_modulation_envelope_to_pitch(),
                        inner.get_modulation_envelope_to_pitch(),
                    );
                let scale = f64::from(outer.get_scale_tuning() + inner.get_scale_tuning()) * 0.01;
                let pitch = match scale > 0.0 {
                    true => f64::from(inner.get_root_key()) + room / scale - swing,
                    false if room < 0.0 => f64::NEG_INFINITY,
                    false => continue,
                };
                highest = highest.min(pitch);
            }
        }
        highest
    }
}

/// Semitones of vibrato at full pressure (SoundFont 2.04, 8.4.5).
const PRESSURE_DEPTH: f64 = 0.5;
