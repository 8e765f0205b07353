//! What tests of nodes and presets share: building from a text, rendering in blocks of any size, measuring, and
//! the checker of the audio thread. Only with the feature `testing`; not part of the product.

pub mod measure;
pub mod memory;
pub mod reading;
pub mod realtime;

use crate::catalogue::Catalogue;
use crate::command::Change;
use crate::places::Places;
use crate::plan::{Built, Options, Socket, build};
use crate::preset::Preset;
use crate::source::Source;
use std::path::PathBuf;
use tempfile::TempDir;

/// Rate of tests that name none.
pub const RATE: u32 = 48_000;

/// Reads a preset that must be right.
///
/// # Panics
/// With the rendered diagnostics, if it is not.
pub fn read(text: &str, catalogue: &Catalogue) -> Preset {
    let source = Source::new("test.yaml", text);
    Preset::read(&source, catalogue, &Places::anywhere())
        .unwrap_or_else(|mistakes| panic!("\n{mistakes}\n{text}"))
}

thread_local! {
    static FOLDER: TempDir = TempDir::with_prefix("auralis-").expect("a temporary folder can be made");
}

/// A folder of this thread's own, and so of one test: it goes when the thread ends.
pub fn folder() -> PathBuf {
    FOLDER.with(|folder| folder.path().to_path_buf())
}

/// Places whose preset folder is [`folder`], so that sinks write nowhere else.
pub fn places() -> Places {
    Places { preset: Some(folder()), ..Places::anywhere() }
}

/// Builds a preset that must be right, for a render at [`RATE`].
///
/// # Panics
/// With the rendered diagnostics, if it cannot be built.
pub fn build_text(text: &str, catalogue: &Catalogue) -> Built {
    build_at(text, catalogue, RATE, Socket::Render)
}

/// Builds a preset that must be right, for a socket and rate.
///
/// # Panics
/// With the rendered diagnostics, if it cannot be built.
pub fn build_at(text: &str, catalogue: &Catalogue, sample_rate: u32, socket: Socket) -> Built {
    let preset = read(text, catalogue);
    let settings = preset.settings();
    let options = Options { socket, ..Options::render(sample_rate, settings, places()) };
    build(&preset, catalogue, &options).unwrap_or_else(|mistakes| panic!("\n{mistakes}\n{text}"))
}

/// The music breaks off and goes on at a tick.
pub fn seek(tick: i64) -> Change {
    Change::Locate { tick: tick as f64, jump: true }
}

/// Renders frames in blocks whose lengths repeat those given.
pub fn render_blocks(built: &mut Built, frames: usize, blocks: &[usize]) -> [Vec<f32>; 2] {
    let (mut left, mut right) = (vec![0.0; frames], vec![0.0; frames]);
    let mut done = 0;
    for length in blocks.iter().cycle() {
        if done == frames {
            break;
        }
        let end = (done + (*length).max(1)).min(frames);
        built.engine.render(&mut left[done..end], &mut right[done..end]);
        done = end;
    }
    [left, right]
}

/// Renders seconds of a preset.
///
/// # Panics
/// As [`build_text`].
pub fn render(text: &str, catalogue: &Catalogue, seconds: f64) -> [Vec<f32>; 2] {
    let frames = (seconds * f64::from(RATE)) as usize;
    render_blocks(&mut build_text(text, catalogue), frames, &[512])
}
