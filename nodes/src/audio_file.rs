//! Writing sound to WAV and FLAC files. Blocks on I/O: never on the audio thread.

use auralis_graph::chance::Chance;
use flac_codec::encode::{FlacSampleWriter, Options};
use hound::{SampleFormat, WavSpec, WavWriter};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::borrow::Cow;
use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

/// Container and compression, by the file's ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// RIFF WAVE, uncompressed.
    Wav,
    /// FLAC, lossless.
    Flac,
}

impl Container {
    /// By the ending of a path.
    ///
    /// # Errors
    /// [`FileError::Ending`] where it is neither `.wav` nor `.flac`.
    pub fn of(path: &Path) -> Result<Self, FileError> {
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        match ending.as_str() {
            "wav" | "wave" => Ok(Self::Wav),
            "flac" => Ok(Self::Flac),
            _ => Err(FileError::Ending(path.display().to_string())),
        }
    }
}

/// How samples are stored: written as 16, 24 or 32f.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "serde_json::Value", into = "serde_json::Value")]
pub enum Depth {
    /// 16-bit integers, dithered.
    Int16,
    /// 24-bit integers.
    #[default]
    Int24,
    /// 32-bit floats; WAV only.
    Float32,
}

impl TryFrom<Json> for Depth {
    type Error = String;

    fn try_from(value: Json) -> Result<Self, String> {
        match value {
            Json::String(text) => text.parse(),
            other => other.to_string().parse(),
        }
    }
}

impl From<Depth> for Json {
    fn from(depth: Depth) -> Json {
        match depth {
            Depth::Float32 => "32f".into(),
            depth => depth.bits().into(),
        }
    }
}

impl JsonSchema for Depth {
    fn schema_name() -> Cow<'static, str> {
        "Depth".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "enum": [16, 24, "32f"] })
    }
}

impl Depth {
    /// Bits of a sample.
    pub fn bits(self) -> u16 {
        match self {
            Self::Int16 => 16,
            Self::Int24 => 24,
            Self::Float32 => 32,
        }
    }
}

impl std::str::FromStr for Depth {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "16" => Ok(Self::Int16),
            "24" => Ok(Self::Int24),
            "32f" | "32" => Ok(Self::Float32),
            _ => Err("a depth is 16, 24 or 32f".into()),
        }
    }
}

/// What is in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Format {
    /// Frames per second.
    pub sample_rate: u32,
    /// Channels, 1 to 8.
    pub channels: u16,
    /// How samples are stored.
    pub depth: Depth,
}

/// Why a file cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Neither `.wav` nor `.flac`.
    #[error("`{0}` ends in neither .wav nor .flac")]
    Ending(String),
    /// FLAC stores integers.
    #[error("FLAC has no 32-bit floats: choose 16 or 24 bits, or .wav")]
    FlacFloat,
    /// A WAV file holds at most 4 GB.
    #[error("a WAV file cannot grow beyond 4 GB: choose .flac, fewer bits, or a shorter length")]
    TooLong,
    /// The system refused.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// WAV.
    #[error("WAV: {0}")]
    Wav(hound::Error),
    /// FLAC.
    #[error("FLAC: {0}")]
    Flac(#[from] flac_codec::Error),
}

impl From<hound::Error> for FileError {
    fn from(error: hound::Error) -> Self {
        match error {
            hound::Error::IoError(error) => Self::Io(error),
            other => Self::Wav(other),
        }
    }
}

enum Writer {
    Wav(WavWriter<BufWriter<File>>),
    Flac(Box<FlacSampleWriter<BufWriter<File>>>),
}

/// A sound file that is being written.
pub struct AudioFile {
    writer: Writer,
    format: Format,
    frames: u64,
    dither: Chance,
    integers: Vec<i32>,
}

impl std::fmt::Debug for AudioFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AudioFile").field("format", &self.format).field("frames", &self.frames).finish()
    }
}

/// Bytes of sound that a WAV file takes, with room for its header.
const MOST_WAV_BYTES: u64 = u32::MAX as u64 - 4096;

impl AudioFile {
    /// Creates a file, or empties one that is there.
    ///
    /// # Errors
    /// An ending or depth that does not fit, or what the system says.
    pub fn create(path: &Path, container: Container, format: Format) -> Result<Self, FileError> {
        let Format { sample_rate, channels, depth } = format;
        let writer = match container {
            Container::Wav => {
                let sample_format =
                    if depth == Depth::Float32 { SampleFormat::Float } else { SampleFormat::Int };
                let spec = WavSpec { channels, sample_rate, bits_per_sample: depth.bits(), sample_format };
                Writer::Wav(WavWriter::create(path, spec)?)
            }
            Container::Flac if depth == Depth::Float32 => return Err(FileError::FlacFloat),
            Container::Flac => {
                let bits = u32::from(depth.bits());
                let options = Options::default().overwrite();
                let writer =
                    FlacSampleWriter::create(path, options, sample_rate, bits, channels as u8, None)?;
                Writer::Flac(Box::new(writer))
            }
        };
        Ok(Self { writer, format, frames: 0, dither: Chance::new(0), integers: Vec::new() })
    }

    /// Frames that a file of this kind can hold.
    pub fn most_frames(container: Container, format: Format) -> u64 {
        match container {
            Container::Wav => {
                MOST_WAV_BYTES / (u64::from(format.channels) * u64::from(format.depth.bits() / 8))
            }
            // 36 bits count the samples of a FLAC stream.
            Container::Flac => (1 << 36) - 1,
        }
    }

    /// Frames written.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    /// Writes frames, interleaved. Integers are clipped at full scale; 16-bit ones are dithered with
    /// triangular noise, except where all channels are exactly silent.
    ///
    /// # Errors
    /// The file would become too long, or what the system says.
    pub fn write(&mut self, interleaved: &[f32]) -> Result<(), FileError> {
        let channels = usize::from(self.format.channels);
        let container = match self.writer {
            Writer::Wav(_) => Container::Wav,
            Writer::Flac(_) => Container::Flac,
        };
        let frames = (interleaved.len() / channels) as u64;
        if self.frames + frames > Self::most_frames(container, self.format) {
            return Err(FileError::TooLong);
        }
        self.frames += frames;
        if let (Writer::Wav(writer), Depth::Float32) = (&mut self.writer, self.format.depth) {
            return Ok(interleaved.iter().try_for_each(|x| writer.write_sample(*x))?);
        }
        self.integers.clear();
        let full = f64::from((1u32 << (self.format.depth.bits() - 1)) - 1);
        for frame in interleaved.chunks_exact(channels) {
            let silent = frame.iter().all(|x| *x == 0.0);
            for x in frame {
                let noise = if self.format.depth == Depth::Int16 && !silent {
                    // The sum of two even draws is triangular, one step wide each way (TPDF).
                    f64::from(self.dither.unit()) - f64::from(self.dither.unit())
                } else {
                    0.0
                };
                let scaled = f64::from(*x) * full + noise;
                let rounded = scaled + 0.5f64.copysign(scaled);
                self.integers.push(rounded.clamp(-full - 1.0, full) as i32);
            }
        }
        match &mut self.writer {
            Writer::Wav(writer) => self.integers.iter().try_for_each(|x| writer.write_sample(*x))?,
            Writer::Flac(writer) => writer.write(&self.integers)?,
        }
        Ok(())
    }

    /// Makes what was written so far readable, should the program end here (WAV only; FLAC always is).
    ///
    /// # Errors
    /// What the system says.
    pub fn flush(&mut self) -> Result<(), FileError> {
        match &mut self.writer {
            Writer::Wav(writer) => Ok(writer.flush()?),
            Writer::Flac(_) => Ok(()),
        }
    }

    /// Completes and closes the file.
    ///
    /// # Errors
    /// What the system says.
    pub fn finish(self) -> Result<(), FileError> {
        match self.writer {
            Writer::Wav(writer) => Ok(writer.finalize()?),
            Writer::Flac(writer) => Ok(writer.finalize()?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn place(name: &str) -> PathBuf {
        auralis_graph::testing::folder().join(name)
    }

    #[test]
    fn what_is_written_can_be_read_to_the_bit_of_its_depth() {
        let sound: Vec<f32> = (0..20_000).map(|i| ((i / 2) as f32 * 0.05).sin() * 0.5).collect();
        for (name, depth, step) in [
            ("a.wav", Depth::Int16, 1.6 / 32_767.0),
            ("b.wav", Depth::Int24, 0.6 / 8_388_607.0),
            ("c.wav", Depth::Float32, 0.0),
            ("d.flac", Depth::Int16, 1.6 / 32_767.0),
            ("e.flac", Depth::Int24, 0.6 / 8_388_607.0),
        ] {
            let path = place(name);
            let container = Container::of(&path).unwrap();
            let format = Format { sample_rate: 48_000, channels: 2, depth };
            let mut file = AudioFile::create(&path, container, format).unwrap();
            sound.chunks(1_234).for_each(|part| file.write(part).unwrap());
            assert_eq!(file.frames(), 10_000);
            file.finish().unwrap();
            let read: Vec<f32> = match container {
                Container::Wav if depth == Depth::Float32 => {
                    hound::WavReader::open(&path).unwrap().samples::<f32>().map(Result::unwrap).collect()
                }
                Container::Wav => {
                    let full = ((1u32 << (depth.bits() - 1)) - 1) as f32;
                    let mut reader = hound::WavReader::open(&path).unwrap();
                    reader.samples::<i32>().map(|x| x.unwrap() as f32 / full).collect()
                }
                Container::Flac => {
                    let full = ((1u32 << (depth.bits() - 1)) - 1) as f32;
                    let mut reader = flac_codec::decode::FlacSampleReader::open(&path).unwrap();
                    let mut samples = Vec::new();
                    reader.read_to_end(&mut samples).unwrap();
                    samples.into_iter().map(|x| x as f32 / full).collect()
                }
            };
            assert_eq!(read.len(), sound.len(), "{name}");
            assert!(read.iter().zip(&sound).all(|(a, b)| (a - b).abs() <= step), "{name}");
        }
    }

    #[test]
    fn silence_stays_digital_silence_and_too_loud_is_clipped() {
        let path = place("silence.wav");
        let format = Format { sample_rate: 44_100, channels: 1, depth: Depth::Int16 };
        let mut file = AudioFile::create(&path, Container::Wav, format).unwrap();
        file.write(&[0.0, 0.0, 7.0, -7.0]).unwrap();
        file.finish().unwrap();
        let read: Vec<i16> = hound::WavReader::open(&path).unwrap().samples().map(Result::unwrap).collect();
        assert_eq!(read, [0, 0, 32_767, -32_768]);
    }

    #[test]
    fn what_does_not_fit_is_refused_in_words() {
        let wrong = Container::of(Path::new("x.mp3")).unwrap_err().to_string();
        assert_eq!(wrong, "`x.mp3` ends in neither .wav nor .flac");
        let format = Format { sample_rate: 44_100, channels: 2, depth: Depth::Float32 };
        let refused = AudioFile::create(&place("x.flac"), Container::Flac, format).unwrap_err();
        assert!(refused.to_string().contains("FLAC has no 32-bit floats"));
        assert!(AudioFile::create(Path::new("/nowhere/x.wav"), Container::Wav, format).is_err());
        assert_eq!(AudioFile::most_frames(Container::Wav, format), (u64::from(u32::MAX) - 4096) / 8);
    }
}
