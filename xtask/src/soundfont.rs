//! `cargo xtask soundfont`: makes the default SoundFont from its recipe, or checks that the committed one is it.

use std::path::{Path, PathBuf};

/// Largest size of the font: it is part of every binary.
const MOST_BYTES: usize = 8_000_000;

#[derive(clap::Args)]
pub struct Arguments {
    /// Where to write it.
    #[arg(long, short)]
    output: Option<PathBuf>,
    /// Writes nothing: fails if the file is not what the recipe makes.
    #[arg(long)]
    check: bool,
}

/// Runs the chore.
pub fn run(arguments: &Arguments) -> Result<(), String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../soundfonts/auralis.sf2");
    let path = arguments.output.clone().unwrap_or(root);
    let font = auralis_soundfonts::font();
    let bytes = font.bytes();
    if arguments.check {
        let kept = std::fs::read(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        if kept != bytes {
            return Err(format!(
                "{} is not what the recipe makes: run cargo xtask soundfont",
                path.display()
            ));
        }
        return Ok(());
    }
    for program in &font.programs {
        let mut samples: Vec<usize> = program.zones.iter().map(|zone| zone.sample).collect();
        samples.dedup();
        let kilobytes: usize = samples.iter().map(|sample| font.samples[*sample].frames.len() / 500).sum();
        println!("{:3} {:20} {:3} samples {kilobytes:6} kB", program.program, program.name, samples.len());
    }
    if bytes.len() >= MOST_BYTES {
        return Err(format!("the font has {} bytes; at most {MOST_BYTES} are wanted", bytes.len()));
    }
    std::fs::write(&path, &bytes).map_err(|error| format!("{}: {error}", path.display()))?;
    println!("{} bytes in {}", bytes.len(), path.display());
    Ok(())
}
