//! The files of a preset's state: who holds the folder, where position 0 is, the journal, and what came of its
//! beginning, so that the start of a station does not take longer with the years.

use super::{StateError, shown};
use auralis_graph::journal::{Entry, Journal, Turn};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// What a station keeps besides the journal, in `station.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Record {
    /// The instant of position 0, in UTC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epoch: Option<String>,
    /// What `--epoch` asked for when that instant was taken.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<String>,
    /// The settings that the preset's text, or the operator, begins with.
    #[serde(default)]
    pub settings: Vec<Entry>,
    /// Where the preset's text has the controls.
    #[serde(default)]
    pub controls: BTreeMap<String, f32>,
    /// What listeners asked for and the composer has not taken yet, at the moment at which it will.
    #[serde(default)]
    pub wishes: Vec<Entry>,
}

/// What came of the beginning of a journal, in `checkpoint.json`. It may be lost: then the whole journal is read.
#[derive(Debug, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Bytes of the journal that it stands for.
    pub bytes: u64,
    /// Lines of the journal that it stands for.
    pub lines: usize,
    /// The last of these lines, by which a journal that is another one is known.
    pub last: String,
    /// Where time is counted from.
    pub turn: Option<Turn>,
    /// What is still in force, and what composers look back to.
    pub entries: Vec<Entry>,
}

/// The paths of a state.
#[derive(Debug, Clone)]
pub struct Paths {
    folder: PathBuf,
}

impl Paths {
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf() }
    }

    pub fn folder(&self) -> &Path {
        &self.folder
    }

    pub fn journal(&self) -> PathBuf {
        self.folder.join("journal.jsonl")
    }

    pub fn record(&self) -> PathBuf {
        self.folder.join("station.json")
    }

    pub fn checkpoint(&self) -> PathBuf {
        self.folder.join("checkpoint.json")
    }

    /// Takes the folder for this process, for as long as the file is kept; makes it where it is not there.
    pub fn hold(&self) -> Result<io::Result<File>, StateError> {
        let path = self.folder.join("lock");
        let open = || {
            std::fs::create_dir_all(&self.folder)?;
            OpenOptions::new().create(true).read(true).write(true).truncate(false).open(&path)
        };
        let mut file = match open() {
            Ok(file) => file,
            Err(error) => return Ok(Err(error)),
        };
        match file.try_lock() {
            Ok(()) => {
                // Only for whoever is refused.
                let _ = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
                Ok(Ok(file))
            }
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _ = file.take(20).read_to_string(&mut holder);
                let holder = holder.parse().map_or(String::new(), |id: u32| format!(" (process {id})"));
                Err(StateError::InUse { folder: shown(&self.folder), holder })
            }
            Err(TryLockError::Error(error)) => Ok(Err(error)),
        }
    }
}

/// Reads a file of JSON; none where there is no file.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> io::Result<Option<Result<T, StateError>>> {
    match std::fs::read(path) {
        Ok(bytes) => {
            let damaged = |error: serde_json::Error| StateError::Damaged {
                file: shown(path),
                message: error.to_string(),
            };
            Ok(Some(serde_json::from_slice(&bytes).map_err(damaged)))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Puts a file of JSON in the place of another one, whole or not at all.
pub fn replace_json(path: &Path, value: &impl Serialize) -> io::Result<()> {
    let draft = path.with_extension("draft");
    let mut file = File::create(&draft)?;
    serde_json::to_writer(&mut file, value)?;
    file.write_all(b"\n")?;
    file.sync_all()?;
    std::fs::rename(draft, path)
}

/// A journal as it lies on disk.
#[derive(Debug, Default)]
pub struct Written {
    /// What it says.
    pub journal: Journal,
    /// Its whole lines, in bytes.
    pub bytes: u64,
    /// How many they are.
    pub lines: usize,
    /// How many of them no checkpoint stands for.
    pub fresh: usize,
    /// The bytes of a last line that was not written to its end.
    pub torn: u64,
    /// Whether the last line is whole but for its line break.
    pub unbroken: bool,
}

/// Reads a journal: what a checkpoint says of its beginning, and the lines behind that.
pub fn read_journal(paths: &Paths) -> io::Result<Result<Written, StateError>> {
    let path = paths.journal();
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Ok(Written::default())),
        Err(error) => return Err(error),
    };
    let length = file.metadata()?.len();
    let mut written = match read_json::<Checkpoint>(&paths.checkpoint())? {
        Some(Ok(checkpoint)) if stands_for(&checkpoint, &mut file)? => Written {
            journal: Journal::resumed(checkpoint.turn, checkpoint.entries),
            bytes: checkpoint.bytes,
            lines: checkpoint.lines,
            ..Written::default()
        },
        _ => Written::default(),
    };
    file.seek(SeekFrom::Start(written.bytes))?;
    let mut bytes = Vec::new();
    file.take(length - written.bytes).read_to_end(&mut bytes)?;
    Ok(written
        .read(&bytes)
        .map(|()| written)
        .map_err(|message| StateError::Damaged { file: shown(&path), message }))
}

/// Whether a checkpoint is one of this journal.
fn stands_for(checkpoint: &Checkpoint, file: &mut File) -> io::Result<bool> {
    let last = format!("{}\n", checkpoint.last);
    let Some(from) = checkpoint.bytes.checked_sub(last.len() as u64) else { return Ok(false) };
    let mut found = Vec::new();
    file.seek(SeekFrom::Start(from))?;
    file.take(last.len() as u64).read_to_end(&mut found)?;
    Ok(found == last.as_bytes())
}

impl Written {
    fn read(&mut self, bytes: &[u8]) -> Result<(), String> {
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let (whole, rest) = bytes.split_at(end);
        let line = |bytes: &[u8]| bytes.iter().filter(|byte| **byte == b'\n').count() + self.lines + 1;
        let text = std::str::from_utf8(whole)
            .map_err(|error| format!("line {}: this is not text", line(&whole[..error.valid_up_to()])))?;
        self.journal.read(text, self.lines).map_err(|error| error.to_string())?;
        self.fresh = text.lines().count();
        self.lines += self.fresh;
        self.bytes += end as u64;
        let last = std::str::from_utf8(rest).ok().filter(|last| !last.trim().is_empty());
        if last.is_some_and(|last| self.journal.read(last, self.lines).is_ok()) {
            self.unbroken = true;
            self.lines += 1;
        } else {
            self.torn = rest.len() as u64;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINES: [&str; 3] =
        [r#"{"tick":0,"tempo":70.0}"#, r#"{"tick":960,"tempo":90.0}"#, r#"{"tick":1920,"intensity":0.25}"#];

    #[test]
    fn a_checkpoint_stands_for_its_own_journal_only() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::new(folder.path());
        std::fs::write(paths.journal(), LINES.join("\n") + "\n").unwrap();
        let whole = read_journal(&paths).unwrap().unwrap();
        assert_eq!((whole.lines, whole.fresh, whole.journal.end()), (3, 3, 1920));
        let mut beginning = Journal::parse(&LINES[..2].join("\n")).unwrap();
        beginning.compact(Default::default());
        let checkpoint = Checkpoint {
            bytes: LINES[..2].join("\n").len() as u64 + 1,
            lines: 2,
            last: LINES[1].into(),
            turn: beginning.turn(),
            entries: beginning.entries().to_vec(),
        };
        replace_json(&paths.checkpoint(), &checkpoint).unwrap();
        let resumed = read_journal(&paths).unwrap().unwrap();
        assert_eq!((resumed.lines, resumed.fresh, resumed.bytes), (3, 1, whole.bytes));
        assert_eq!(
            resumed.journal.tick_at(60.0, Default::default()),
            whole.journal.tick_at(60.0, Default::default())
        );
        // Somebody has edited the journal: now it is the journal that counts.
        std::fs::write(paths.journal(), LINES.join("\n").replace("90.0", "80.0") + "\n").unwrap();
        assert_eq!(read_journal(&paths).unwrap().unwrap().fresh, 3);
        std::fs::write(paths.checkpoint(), "{").unwrap();
        assert_eq!(read_journal(&paths).unwrap().unwrap().fresh, 3);
    }

    #[test]
    fn a_last_line_without_its_break_counts_if_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let paths = Paths::new(folder.path());
        for (text, lines, torn, unbroken) in [
            (LINES.join("\n"), 3, 0, true),
            (LINES.join("\n") + "\n{\"ti", 3, 4, false),
            ("{\"tick".into(), 0, 6, false),
            (String::new(), 0, 0, false),
        ] {
            std::fs::write(paths.journal(), &text).unwrap();
            let read = read_journal(&paths).unwrap().unwrap();
            assert_eq!((read.lines, read.torn, read.unbroken), (lines, torn, unbroken), "{text}");
        }
        std::fs::write(paths.journal(), b"{\"tick\":1,\"seed\":1}\n\xff\n{}\n").unwrap();
        let damaged = read_journal(&paths).unwrap().unwrap_err().to_string();
        assert!(damaged.contains("line 2: this is not text"), "{damaged}");
    }
}
