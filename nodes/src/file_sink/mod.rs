//! `file_sink`: sound to a file, written by a thread of its own. The audio side only fills a ring.

mod writer;

pub use writer::SinkState;

use crate::audio_file::{Container, Depth, Format};
use auralis_graph::dsp::QUANTUM;
use auralis_graph::engine::{Context, Io};
use auralis_graph::node::{Pace, Role};
use auralis_graph::places::Places;
use auralis_graph::port::{PortSpec, Ports};
use auralis_graph::{Node, NodeError, Prepare, Prepared, Processor, Status};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use writer::FileWriter;

/// Seconds of sound that wait for the disk in real time.
const WAITING: usize = 10;

/// Hands frames to the writing thread.
pub struct FileSink {
    ring: rtrb::Producer<[f32; 2]>,
    writer: FileWriter,
    state: Arc<SinkState>,
    offline: bool,
}

/// Structural configuration.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
pub struct FileSinkConfig {
    /// The file, .wav or .flac, beside the preset unless it is an absolute path.
    file: String,
    /// Bits of a sample: 16, 24 or 32f.
    #[serde(default)]
    depth: Depth,
    /// Whether a file that is there is replaced; else the new one gets a number.
    #[serde(default)]
    overwrite: bool,
}

impl Node for FileSink {
    const KIND: &'static str = "file_sink";
    const ABOUT: &'static str = "Writes sound to a WAV or FLAC file.

It runs in renders and stations. A file that is already there is kept, and the new one gets a number, unless
`overwrite` says so. When a WAV file reaches its largest size the sound goes on in the next one. If the disk is too
slow in real time, what does not fit is left out and counted; a render waits instead.";
    const EXAMPLE: &'static str = "
hiss: { type: noise, gain: -20 dB }
tape: { type: file_sink, in: hiss, file: take.flac, depth: 24, overwrite: true }";
    const ROLE: Role = Role::FileSink;
    type Config = FileSinkConfig;

    fn ports(_config: &FileSinkConfig) -> Ports {
        Ports::new([PortSpec::audio("in", 2)], [])
    }

    fn check(config: &FileSinkConfig, places: &Places) -> Vec<NodeError> {
        if places.confined.is_some() {
            return vec![NodeError::new("a preset from the network may not write files")];
        }
        container(config).err().into_iter().collect()
    }

    fn prepare(config: &FileSinkConfig, cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        let container = container(config)?;
        let path = match &cx.places.preset {
            Some(folder) => folder.join(&config.file),
            None => PathBuf::from(&config.file),
        };
        let format = Format { sample_rate: cx.sample_rate, channels: 2, depth: config.depth };
        let (ring, frames) = rtrb::RingBuffer::new(cx.sample_rate as usize * WAITING);
        let state = Arc::new(SinkState::default());
        let writer = FileWriter::start(path, container, format, config.overwrite, frames, Arc::clone(&state))
            .map_err(|error| NodeError::new(error.to_string()).at("file"))?;
        cx.publish(Arc::clone(&state));
        let offline = cx.pace == Pace::Offline;
        Ok(Prepared::new(FileSink { ring, writer, state, offline }))
    }
}

fn container(config: &FileSinkConfig) -> Result<Container, NodeError> {
    let container = Container::of(Path::new(&config.file)).map_err(|error| {
        NodeError::new(error.to_string()).at("file").help("name the file with its ending")
    })?;
    if container == Container::Flac && config.depth == Depth::Float32 {
        return Err(NodeError::new("FLAC has no 32-bit floats")
            .at("depth")
            .help("choose 16 or 24, or a .wav"));
    }
    Ok(container)
}

impl Processor for FileSink {
    fn process(&mut self, cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        let input = io.input(0);
        let (left, right) = (input.channel(0), input.channel(1));
        // Behind latency the first frames lie before position 0: a file starts at 0.
        let first = usize::try_from(-cx.frame).unwrap_or(0).min(QUANTUM);
        for frame in first..QUANTUM {
            let mut sample = [left[frame], right[frame]];
            while let Err(rtrb::PushError::Full(back)) = self.ring.push(sample) {
                if !self.offline || self.writer.is_finished() {
                    self.state.missed.fetch_add(1, Ordering::Relaxed);
                    break;
                }
                // Offline there are no deadlines: wait for the disk.
                std::thread::sleep(Duration::from_millis(1));
                sample = back;
            }
        }
        Status::Silent
    }

    fn reset(&mut self) {}
}
