//! The structural configuration of `soundfont`, and what is wrong with it. Control side only.

use super::font::{Program, Source};
use auralis_graph::NodeError;
use auralis_graph::places::Places;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Which font, which programs, and how precisely they are played.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct SoundfontConfig {
    /// The font: `default` (ships with Auralis), `system` (the machine's General MIDI font), or an .sf2 file.
    pub file: String,
    /// Bank of all channels, from 0; in General MIDI fonts 128 holds the drum kits.
    #[schemars(range(min = 0, max = 16_383))]
    pub bank: i64,
    /// Program of all channels, from 0.
    #[schemars(range(min = 0, max = 127))]
    pub program: i64,
    /// Bank and program of single channels (0 to 15), such as `{ 2: { program: 8 } }`; what is left out is as above.
    pub channels: BTreeMap<u8, ChannelConfig>,
    /// Frames within which a note lands: 8, 16 or 32.
    #[schemars(extend("enum" = [8, 16, 32]))]
    pub precision: i64,
    /// Most voices at once, 8 to 256; a note may need two or more, and the quietest makes room for a new one.
    #[schemars(range(min = 8, max = 256))]
    pub voices: i64,
    /// Size of the reverb's room, from 0 (a chamber) to 1 (a hall that rings 8 s).
    #[schemars(range(min = 0.0, max = 1.0))]
    pub reverb_size: f64,
    /// How much the reverb's walls swallow of the treble, from 0 to 1.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub reverb_damping: f64,
}

/// What one channel plays.
#[derive(Debug, Clone, Copy, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ChannelConfig {
    /// Bank, from 0.
    #[schemars(range(min = 0, max = 16_383))]
    pub bank: Option<i64>,
    /// Program, from 0.
    #[schemars(range(min = 0, max = 127))]
    pub program: Option<i64>,
}

impl Default for SoundfontConfig {
    fn default() -> Self {
        Self {
            file: "default".into(),
            bank: 0,
            program: 0,
            channels: BTreeMap::new(),
            precision: 32,
            voices: 128,
            reverb_size: 0.5,
            reverb_damping: 0.5,
        }
    }
}

impl SoundfontConfig {
    /// The font that `file` names.
    ///
    /// # Errors
    /// As [`Source::find`].
    pub fn source(&self, places: &Places) -> Result<Source, NodeError> {
        Source::find(&self.file, places)
    }

    /// Bank and program of a channel, as written.
    pub fn program_of(&self, channel: u8) -> (i64, i64) {
        let own = self.channels.get(&channel).copied().unwrap_or_default();
        (own.bank.unwrap_or(self.bank), own.program.unwrap_or(self.program))
    }

    /// Everything that is wrong. Reads the font's tables, not its samples.
    pub fn check(&self, places: &Places) -> Vec<NodeError> {
        let mut errors = self.check_numbers();
        if !errors.is_empty() {
            return errors;
        }
        match self.source(places).and_then(|source| Ok((source.programs()?, source.name()))) {
            Ok((programs, name)) => errors.extend(self.check_programs(&programs, &name)),
            Err(error) => errors.push(error),
        }
        errors
    }

    fn check_numbers(&self) -> Vec<NodeError> {
        let mut errors = Vec::new();
        let mut demand = |holds: bool, key, message: &str| {
            if !holds {
                errors.push(NodeError::new(message).at(key));
            }
        };
        demand((0..=16_383).contains(&self.bank), "bank", "a bank is a number from 0 to 16383");
        demand((0..=127).contains(&self.program), "program", "a program is a number from 0 to 127");
        let legal = [8, 16, 32].contains(&self.precision);
        demand(legal, "precision", "notes land within 8, 16 or 32 frames");
        demand((8..=256).contains(&self.voices), "voices", "there can be 8 to 256 voices");
        demand((0.0..=1.0).contains(&self.reverb_size), "reverb_size", "a room's size is between 0 and 1");
        demand((0.0..=1.0).contains(&self.reverb_damping), "reverb_damping", "damping is between 0 and 1");
        for (channel, own) in &self.channels {
            let message = format!(
                "channel {channel}: channels count from 0 to 15; the composer's chords, melody and bass are 0, 1 and 2"
            );
            demand(*channel < 16, "channels", &message);
            let bank = own.bank.is_none_or(|bank| (0..=16_383).contains(&bank));
            demand(bank, "channels", &format!("channel {channel}: a bank is a number from 0 to 16383"));
            let program = own.program.is_none_or(|program| (0..=127).contains(&program));
            demand(program, "channels", &format!("channel {channel}: a program is a number from 0 to 127"));
        }
        errors
    }

    /// The programs that the font lacks.
    fn check_programs(&self, programs: &[Program], font: &str) -> Vec<NodeError> {
        let lacks = |(bank, program): (i64, i64)| {
            !programs.iter().any(|(b, p, _)| (i64::from(*b), i64::from(*p)) == (bank, program))
        };
        let mut errors = Vec::new();
        // Where every channel has a program of its own, that of the others is of no matter.
        let shared = (0..16).find(|channel| {
            self.channels.get(channel).is_none_or(|own| own.bank.is_none() && own.program.is_none())
        });
        if shared.is_some() && lacks((self.bank, self.program)) {
            let key = if programs.iter().any(|(bank, ..)| i64::from(*bank) == self.bank) {
                "program"
            } else {
                "bank"
            };
            errors.push(missing(self.bank, self.program, programs, font).at(key));
        }
        for channel in self.channels.keys().filter(|channel| Some(**channel) != shared) {
            let (bank, program) = self.program_of(*channel);
            if lacks((bank, program)) {
                let error = missing(bank, program, programs, font);
                let message = format!("channel {channel}: {}", error.message);
                errors.push(NodeError { message, ..error }.at("channels"));
            }
        }
        errors
    }
}

fn missing(bank: i64, program: i64, programs: &[Program], font: &str) -> NodeError {
    let banks: Vec<u16> = {
        let mut banks: Vec<u16> = programs.iter().map(|(bank, ..)| *bank).collect();
        banks.dedup();
        banks
    };
    let mut of_bank: Vec<_> = programs.iter().filter(|(b, ..)| i64::from(*b) == bank).collect();
    if of_bank.is_empty() {
        let list: Vec<String> = banks.iter().take(16).map(ToString::to_string).collect();
        let help = format!("its banks are {}", list.join(", "));
        return NodeError::new(format!("{font} has no bank {bank}")).help(help);
    }
    // The nearest by number, in order.
    of_bank.sort_by_key(|(_, p, _)| (i64::from(*p) - program).abs());
    of_bank.truncate(16);
    of_bank.sort_by_key(|(_, p, _)| *p);
    let list: Vec<String> = of_bank.iter().map(|(_, p, name)| format!("{p} {}", name.trim())).collect();
    let help = format!("programs count from 0; it has {}", list.join(", "));
    NodeError::new(format!("{font} has no program {program} in bank {bank}")).help(help)
}

impl SoundfontConfig {
    /// The error for a program that a font lacks, where it shows only after loading.
    pub fn lacks(&self, channel: u8, font: &str) -> NodeError {
        let (bank, program) = self.program_of(channel);
        NodeError::new(format!("{font} has no program {program} in bank {bank}")).at("program")
    }
}
