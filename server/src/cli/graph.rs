//! `auralis graph`: a preset as a drawing.

use super::{Failure, Outcome, print};
use crate::drawing::{self, Form};
use auralis_library as library;

/// Draw a preset's graph as dot, Mermaid or SVG.
#[derive(Debug, clap::Args)]
pub struct Graph {
    /// The preset.
    preset: String,
    /// How it is drawn.
    #[arg(long, value_enum, default_value_t = Form::Dot)]
    format: Form,
    /// Write to this file instead of standard output; its ending chooses the form: .dot, .mmd, .svg.
    #[arg(short, long, value_name = "FILE")]
    output: Option<std::path::PathBuf>,
}

impl Graph {
    pub(super) fn run(self) -> Outcome {
        let loaded = library::find(&self.preset)?;
        let preset = loaded.preset(&auralis_nodes::catalogue())?;
        let ending = self
            .output
            .as_deref()
            .and_then(|path| path.extension())
            .map(|e| e.to_string_lossy().to_lowercase());
        let form = match ending.as_deref() {
            Some("dot" | "gv") => Form::Dot,
            Some("mmd" | "md") => Form::Mermaid,
            Some("svg") => Form::Svg,
            _ => self.format,
        };
        let text = drawing::draw(&preset, form);
        match self.output {
            None => print(text.trim_end()),
            Some(path) => std::fs::write(&path, text)
                .map_err(|error| Failure::Message(format!("cannot write {}: {error}", path.display()))),
        }
    }
}
