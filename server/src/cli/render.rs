//! `auralis render`: a preset to files, faster than it sounds.

use super::part::{Part, refuse};
use super::summary::Summary;
use super::{Failure, Outcome, on_terminal, print, signals};
use crate::adjust::{self, Sets};
use crate::midi_file;
use auralis_graph::journal::Journal;
use auralis_graph::plan::Options;
use auralis_graph::quantity::{Measure, Quantity};
use auralis_graph::render::{Render as Rendering, StartAt};
use auralis_graph::{Catalogue, Preset};
use auralis_library as library;
use auralis_nodes::audio_file::{AudioFile, Container, Depth, Format};
use indicatif::{ProgressBar, ProgressStyle};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

const EXAMPLES: &str = "Examples:
  auralis render night_drift -o drift.flac --length 10m --set intensity=0.8
  auralis render mine.yaml -o later.wav --length 30s --from 2h --midi later.mid";

/// Render a preset to a sound file.
///
/// The same preset, seed and settings give the same samples every time, whatever --block says, and the same as a
/// station or a host plays.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Render {
    /// The preset.
    preset: String,
    /// The file; its ending says whether it is .wav or .flac.
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// How much to render, such as 60s, 10m or 1h.
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = duration)]
    length: f64,
    /// Start this far into the piece; notes that sound there are sounding.
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = duration)]
    from: f64,
    /// Play this much unheard before --from, so that tails are as they would be. Where --controls notes that a station
    /// began to play, nothing from before that is.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = duration)]
    preroll: f64,
    /// After the length, release all notes and go on until their tails have faded, 60 s at most.
    #[arg(long)]
    tail: bool,
    /// Frames per second, 8000 to 384000.
    #[arg(long, value_name = "HZ", default_value_t = 44_100, value_parser = clap::value_parser!(u32).range(8_000..=384_000))]
    rate: u32,
    /// Bits of a sample: 16, 24 or 32f (32f for .wav only).
    #[arg(long, value_name = "BITS", default_value = "24")]
    bits: Depth,
    /// Frames to ask of the engine at once; the samples do not depend on it.
    #[arg(long, value_name = "FRAMES", default_value_t = 1024, value_parser = clap::value_parser!(u32).range(1..=65_536))]
    block: u32,
    /// The root of all chance.
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// Set key, tempo, meter, intensity, an exposed control or a parameter: --set key="C minor" --set pad.gain=-9.
    #[arg(long = "set", value_name = "NAME=VALUE")]
    sets: Vec<String>,
    /// Changes over time: a journal as JSON lines, such as {"tick":3840,"intensity":0.8}, or the journal.jsonl of a
    /// station's state: what was heard is rendered again.
    #[arg(long, value_name = "FILE")]
    controls: Option<PathBuf>,
    /// Write the notes that are played to this MIDI file too.
    #[arg(long, value_name = "FILE")]
    midi: Option<PathBuf>,
    /// Write each source alone, through all effects, into this folder too.
    #[arg(long, value_name = "DIR")]
    stems: Option<PathBuf>,
}

pub(super) fn duration(text: &str) -> Result<f64, String> {
    let quantity = Quantity::parse(text)?;
    match quantity.measure {
        Measure::Seconds | Measure::Bare if (0.0..=1e10).contains(&quantity.value) => Ok(quantity.value),
        _ => Err("a time is such as 90s, 10m or 1.5h".into()),
    }
}

/// Frames that are written at once.
const CHUNK: usize = 65_536;
/// Longest tail in seconds.
const LONGEST_TAIL: usize = 60;
/// A tail has faded when a whole second stays below this amplitude (-90 dB).
const FADED: f32 = 3.2e-5;

/// Everything that a rendering of this command needs.
struct Job<'a> {
    preset: &'a Preset,
    catalogue: &'a Catalogue,
    options: Options,
    journal: Journal,
    interrupted: &'a AtomicBool,
}

impl Render {
    pub(super) fn run(self) -> Outcome {
        let container = Container::of(&self.output).map_err(|error| Failure::Message(error.to_string()))?;
        let catalogue = auralis_nodes::catalogue();
        let loaded = library::find(&self.preset)?;
        let sets = Sets::read(&self.sets, self.seed).map_err(Failure::Message)?;
        let mut preset = Preset::read_as(&loaded.source, &catalogue, &loaded.places, &sets.settings)?;
        super::show_warnings(&preset.warnings);
        sets.apply(&mut preset).map_err(Failure::Message)?;
        let journal = self.journal(&preset)?;
        let options = Options::render(self.rate, preset.settings(), loaded.places.clone());
        let interrupted = signals::flag()?;
        let job = Job { preset: &preset, catalogue: &catalogue, options, journal, interrupted: &interrupted };
        let format = Format { sample_rate: self.rate, channels: 2, depth: self.bits };
        let frames = (self.length * f64::from(self.rate)).round() as u64;
        if frames == 0 && container == Container::Flac && !self.tail {
            return Err(Failure::Message(
                "a FLAC file cannot be empty: choose a --length above 0, or .wav".into(),
            ));
        }
        if frames > AudioFile::most_frames(container, format) {
            let most = AudioFile::most_frames(container, format) as f64 / f64::from(self.rate) / 3600.0;
            let what = match container {
                Container::Wav => "a WAV file (4 GB at most) takes",
                Container::Flac => "a FLAC file takes",
            };
            return Err(Failure::Message(format!("{what} at most {most:.1} h at this rate and depth")));
        }
        // To be told that a file cannot be written should not take an hour.
        let midi = self.midi.as_deref().map(|path| Ok::<_, Failure>((path, Part::of(path)?))).transpose()?;
        self.sound(&job, &self.output, container, frames, None)?;
        if let Some((path, part)) = midi {
            self.notes(&job, path, part)?;
        }
        if let Some(folder) = &self.stems {
            self.stems(&job, folder, container, frames)?;
        }
        Ok(())
    }

    fn journal(&self, preset: &Preset) -> Result<Journal, Failure> {
        let Some(path) = &self.controls else { return Ok(Journal::default()) };
        let shown = path.display();
        let failed = |error: String| Failure::Message(format!("{shown}: {error}"));
        let text = std::fs::read_to_string(path).map_err(|error| failed(error.to_string()))?;
        let journal = Journal::parse(&text).map_err(|error| failed(error.to_string()))?;
        journal.check(preset).map_err(failed)?;
        Ok(journal)
    }

    /// Renders to a file beside the goal and moves it there once it is whole: half a file is of no use.
    fn sound(
        &self,
        job: &Job<'_>,
        path: &Path,
        container: Container,
        frames: u64,
        what: Option<&str>,
    ) -> Outcome {
        let part = Part::of(path)?;
        let format = Format { sample_rate: self.rate, channels: 2, depth: self.bits };
        let mut file =
            AudioFile::create(part.path(), container, format).map_err(|error| refuse(path, error))?;
        let begun = Instant::now();
        let summary = self.write(job, path, &mut file, frames, what)?;
        file.finish().map_err(|error| refuse(path, error))?;
        part.keep()?;
        summary.print(&path.display().to_string(), begun.elapsed().as_secs_f64(), self.rate)
    }

    fn write(
        &self,
        job: &Job<'_>,
        path: &Path,
        file: &mut AudioFile,
        frames: u64,
        what: Option<&str>,
    ) -> Result<Summary, Failure> {
        let from = StartAt { seconds: self.from, preroll: self.preroll };
        let mut rendering = Rendering::new(job.preset, job.catalogue, &job.options, &job.journal, from)?;
        rendering.set_block(self.block as usize);
        let bar = progress(frames, what);
        let (mut left, mut right) = (vec![0.0f32; CHUNK], vec![0.0f32; CHUNK]);
        let mut interleaved = Vec::with_capacity(CHUNK * 2);
        let mut summary = Summary::new(self.rate);
        let mut pass = |rendering: &mut Rendering, n: usize, summary: &mut Summary| -> Result<f32, Failure> {
            rendering.render(&mut left[..n], &mut right[..n]);
            interleaved.clear();
            interleaved.extend(left[..n].iter().zip(&right[..n]).flat_map(|(l, r)| [*l, *r]));
            file.write(&interleaved).map_err(|error| refuse(path, error))?;
            if job.interrupted.load(Ordering::Acquire) {
                return Err(Failure::Message(format!("interrupted: {} is not written", path.display())));
            }
            summary.add(&left[..n], &right[..n]);
            bar.inc(n as u64);
            Ok(interleaved.iter().fold(0.0, |peak, x| peak.max(x.abs())))
        };
        let mut done = 0;
        while done < frames {
            let n = usize::try_from(frames - done).unwrap_or(CHUNK).min(CHUNK);
            pass(&mut rendering, n, &mut summary)?;
            done += n as u64;
        }
        if self.tail {
            rendering.stop();
            for _ in 0..LONGEST_TAIL {
                let peak = pass(&mut rendering, (self.rate as usize).min(CHUNK), &mut summary)?;
                if peak < FADED {
                    break;
                }
            }
        }
        bar.finish_and_clear();
        Ok(summary)
    }

    fn notes(&self, job: &Job<'_>, path: &Path, part: Part) -> Outcome {
        let bytes =
            midi_file::render(job.preset, job.catalogue, &job.options, &job.journal, self.from, self.length)?;
        std::fs::write(part.path(), bytes).map_err(|error| refuse(path, error))?;
        part.keep()?;
        print(path.display())
    }

    /// Every source alone, with all others muted: together they are the whole, as far as the effects are linear.
    fn stems(&self, job: &Job<'_>, folder: &Path, container: Container, frames: u64) -> Outcome {
        let failed = |error| Failure::Message(format!("cannot make {}: {error}", folder.display()));
        std::fs::create_dir_all(folder).map_err(failed)?;
        let ending = self.output.extension().unwrap_or_default().to_string_lossy().into_owned();
        for source in job.preset.sources() {
            let mut alone = job.preset.clone();
            adjust::solo(&mut alone, source);
            let name = &job.preset.nodes[source].name;
            let path = folder.join(format!("{name}.{ending}"));
            let (options, journal) = (job.options.clone(), job.journal.clone());
            let job = Job { preset: &alone, options, journal, ..*job };
            self.sound(&job, &path, container, frames, Some(name))?;
        }
        Ok(())
    }
}

fn progress(frames: u64, what: Option<&str>) -> ProgressBar {
    if !on_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(frames);
    let style = ProgressStyle::with_template("{msg}{wide_bar} {percent}% {eta}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    bar.set_message(what.map(|name| format!("{name} ")).unwrap_or_default());
    bar
}
