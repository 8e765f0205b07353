//! One file of a recording. After every chunk it is a whole FLAC file, so that nothing has to be mended if the program
//! is killed.

use crate::encoding::EncodingError;
use crate::encoding::flac::{Extent, FlacEncoder, FlacFormat, MAGIC};
use auralis_nodes::encoder::timestamp;
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// Letters of an instant up to its seconds.
const TO_SECONDS: usize = "2026-01-31T20:00:00".len();

/// Why nothing can be written.
#[derive(Debug, thiserror::Error)]
pub enum TapeError {
    /// What the system says.
    #[error("{}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// What the encoder says.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
}

/// A file that is being written.
pub struct Tape {
    file: File,
    path: PathBuf,
    format: FlacFormat,
    chunks: u64,
    extent: Extent,
    sum: md5::Context,
    /// Bytes of the file that are whole.
    whole: u64,
    pcm: Vec<u8>,
}

impl Tape {
    /// Begins a file in a folder, which is made where it is missing. It is called by the instant at which its first
    /// chunk is due, in microseconds since the Unix epoch, and takes no other's place.
    pub fn begin(
        folder: &Path,
        due: i64,
        encoder: &FlacEncoder,
        tags: &[(&str, String)],
    ) -> Result<Self, TapeError> {
        let instant = timestamp(due);
        let name = instant.get(..TO_SECONDS).unwrap_or(&instant).replace(':', "-");
        let failed = |path: &Path, error| TapeError::File { path: path.into(), error };
        std::fs::create_dir_all(folder).map_err(|error| failed(folder, error))?;
        let (file, path) = (1..)
            .map(|number| match number {
                1 => folder.join(format!("{name}Z.flac")),
                number => folder.join(format!("{name}Z-{number}.flac")),
            })
            .find_map(|path| match OpenOptions::new().write(true).create_new(true).open(&path) {
                Err(error) if error.kind() == ErrorKind::AlreadyExists => None,
                opened => Some(opened.map(|file| (file, path.clone())).map_err(|error| failed(&path, error))),
            })
            .unwrap_or_else(|| Err(failed(folder, ErrorKind::AlreadyExists.into())))?;
        let format = encoder.format();
        let date = [("DATE", instant)];
        let tags: Vec<(&str, &str)> =
            tags.iter().chain(&date).map(|(name, value)| (*name, value.as_str())).collect();
        let header = format.header(&tags);
        let mut tape = Self {
            file,
            path,
            format,
            chunks: 0,
            extent: Extent::default(),
            sum: md5::Context::new(),
            whole: 0,
            pcm: Vec::new(),
        };
        if let Err(error) = tape.append(&header) {
            tape.drop_empty();
            return Err(failed(&tape.path, error));
        }
        Ok(tape)
    }

    /// Its name.
    pub fn file_name(&self) -> &Path {
        self.path.file_name().map_or(&self.path, Path::new)
    }

    /// Appends a chunk. Where that fails the file ends with the chunk before.
    pub fn write(&mut self, encoder: &mut FlacEncoder, samples: &[i16]) -> Result<(), TapeError> {
        let packets = encoder.encode(self.chunks, samples)?;
        let mut extent = self.extent;
        for frame in packets.iter() {
            let bytes = frame.len() as u32;
            let (shortest, longest) = extent.frame_bytes;
            let shortest = if shortest == 0 { bytes } else { shortest.min(bytes) };
            extent.frame_bytes = (shortest, longest.max(bytes));
        }
        extent.samples += samples.len() as u64 / 2;
        self.pcm.clear();
        self.pcm.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        let mut sum = self.sum.clone();
        sum.consume(&self.pcm);
        extent.sum = sum.clone().finalize().0;
        let written = self.append(packets.bytes()).and_then(|()| self.rewrite(&extent));
        written.map_err(|error| TapeError::File { path: self.path.clone(), error })?;
        (self.extent, self.sum) = (extent, sum);
        self.chunks += 1;
        Ok(())
    }

    /// Ends it: it is on the disk then.
    pub fn finish(self) -> Result<(), TapeError> {
        if self.chunks == 0 {
            self.drop_empty();
            return Ok(());
        }
        self.file.sync_all().map_err(|error| TapeError::File { path: self.path, error })
    }

    /// Writes at the end, all or nothing.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        let written = self.file.seek(SeekFrom::Start(self.whole)).and_then(|_| self.file.write_all(bytes));
        match written {
            Ok(()) => self.whole += bytes.len() as u64,
            // Where even that fails, decoders leave out a frame that is cut.
            Err(_) => drop(self.file.set_len(self.whole)),
        }
        written
    }

    /// Says at the beginning how much there is.
    fn rewrite(&mut self, extent: &Extent) -> io::Result<()> {
        self.file.seek(SeekFrom::Start(MAGIC as u64))?;
        self.file.write_all(&self.format.stream_info(extent))
    }

    fn drop_empty(&self) {
        // One that cannot be removed is a file without sound.
        let _ = std::fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use flac_codec::decode::{FlacSampleReader, Verified, verify};

    /// Half past eight, in microseconds.
    const DUE: i64 = 1_800_045_000_000_000;

    fn chunk(number: i16) -> Vec<i16> {
        (0..8_820).map(|i: i16| i.wrapping_mul(number)).collect()
    }

    fn decoded(path: &Path) -> Vec<i32> {
        let mut samples = Vec::new();
        FlacSampleReader::open(path).unwrap().read_to_end(&mut samples).unwrap();
        samples
    }

    #[test]
    fn after_every_chunk_it_is_a_whole_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut encoder = FlacEncoder::new(44_100, 4_410).unwrap();
        let tags = [("TITLE", "Rain".to_string())];
        let mut tape = Tape::begin(&folder.path().join("rain"), DUE, &encoder, &tags).unwrap();
        let path = folder.path().join("rain").join(tape.file_name());
        assert!(path.ends_with("rain/2027-01-15T20-30-00Z.flac"), "{}", path.display());
        let mut whole = Vec::new();
        for number in 0..5 {
            tape.write(&mut encoder, &chunk(number)).unwrap();
            whole.extend(chunk(number).into_iter().map(i32::from));
            assert_eq!(verify(&path).unwrap(), Verified::MD5Match);
            assert!(decoded(&path) == whole, "after chunk {number}");
        }
        tape.finish().unwrap();
        assert!(decoded(&path) == whole);
    }

    #[test]
    fn no_file_takes_the_place_of_another_and_none_is_without_sound() {
        let folder = tempfile::tempdir().unwrap();
        let mut encoder = FlacEncoder::new(44_100, 4_410).unwrap();
        for number in 1..3 {
            let mut tape = Tape::begin(folder.path(), DUE, &encoder, &[]).unwrap();
            tape.write(&mut encoder, &chunk(number)).unwrap();
            tape.finish().unwrap();
        }
        Tape::begin(folder.path(), DUE, &encoder, &[]).unwrap().finish().unwrap();
        let names = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
        let mut names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
        names.sort();
        assert_eq!(names, ["2027-01-15T20-30-00Z-2.flac", "2027-01-15T20-30-00Z.flac"]);
        let second = decoded(&folder.path().join(&names[0]));
        assert!(second == chunk(2).into_iter().map(i32::from).collect::<Vec<_>>());
    }
}
