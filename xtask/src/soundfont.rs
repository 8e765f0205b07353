//! `cargo xtask soundfont`: makes the default SoundFont and the sampler's own sound from their recipe, or checks that
//! the committed files are what it makes.

use auralis_soundfonts::sf2::Font;
use auralis_soundfonts::{font, tone};
use std::path::Path;

/// Largest size of the font: it is part of every binary.
const MOST_BYTES: usize = 8_000_000;

#[derive(clap::Args)]
pub struct Arguments {
    /// Writes nothing: fails if a file is not what the recipe makes.
    #[arg(long)]
    check: bool,
}

/// Runs the chore.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    let font = font();
    let bytes = font.bytes();
    if !arguments.check {
        list(&font);
    }
    if bytes.len() >= MOST_BYTES {
        return Err(format!("the font has {} bytes; at most {MOST_BYTES} are wanted", bytes.len()));
    }
    for (name, bytes) in [("soundfonts/auralis.sf2", bytes), ("nodes/assets/glass.wav", tone::wav())] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name);
        let failed = |error| format!("{name}: {error}");
        if !arguments.check {
            std::fs::write(&path, &bytes).map_err(failed)?;
            println!("{} bytes in {name}", bytes.len());
        } else if std::fs::read(&path).map_err(failed)? != bytes {
            return Err(format!("{name} is not what the recipe makes: run cargo xtask soundfont"));
        }
    }
    Ok(())
}

fn list(font: &Font) {
    for program in &font.programs {
        let mut samples: Vec<usize> = program.zones.iter().map(|zone| zone.sample).collect();
        samples.dedup();
        let kilobytes: usize = samples.iter().map(|sample| font.samples[*sample].frames.len() / 500).sum();
        println!("{:3} {:20} {:3} samples {kilobytes:6} kB", program.program, program.name, samples.len());
    }
}
