//! The chunks of an SF2 file: found and measured against the file's length before anything is read or allocated.
//! Control side only.

use std::io::{Error, Read, Seek, SeekFrom};

/// Where a chunk's content lies in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// First byte.
    pub start: u64,
    /// Bytes.
    pub length: u64,
}

/// What is wrong with a file, in words that follow its name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Broken(pub String);

impl Broken {
    /// From words.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl From<Error> for Broken {
    fn from(error: Error) -> Self {
        Self(format!("cannot be read: {error}"))
    }
}

/// The parts of an SF2 file that a synthesiser needs.
#[derive(Debug)]
pub struct Parts {
    /// Sample data, 16-bit.
    pub samples: Span,
    /// The seven tables of `pdta`, in the order of [`TABLES`].
    pub tables: [Span; 7],
}

/// Names and sizes of records of the tables (SoundFont 2.04, chapter 7).
pub const TABLES: [([u8; 4], u64); 7] = [
    (*b"phdr", 38),
    (*b"pbag", 4),
    (*b"pgen", 4),
    (*b"inst", 22),
    (*b"ibag", 4),
    (*b"igen", 4),
    (*b"shdr", 46),
];

/// Largest sample data: rustysynth keeps all of it in memory.
const MOST_SAMPLE_BYTES: u64 = 1 << 30;

/// Most chunks in one list: a well-made file has about ten.
const MOST_CHUNKS: usize = 64;

/// Most records in a table, besides the one that ends it.
const MOST_RECORDS: u64 = 1 << 16;

struct Chunk {
    id: [u8; 4],
    /// The form of a list, zeros elsewhere.
    form: [u8; 4],
    content: Span,
}

/// Reads a chunk's header at a place; the chunk must end before `end`.
fn chunk(file: &mut (impl Read + Seek), at: u64, end: u64) -> Result<Chunk, Broken> {
    if end - at < 8 {
        return Err(Broken::new("is cut off within a chunk's header"));
    }
    file.seek(SeekFrom::Start(at))?;
    let mut header = [0; 8];
    file.read_exact(&mut header)?;
    let [a, b, c, d, size @ ..] = header;
    let (id, length) = ([a, b, c, d], u64::from(u32::from_le_bytes(size)));
    if length > end - at - 8 {
        let name = id.escape_ascii();
        return Err(Broken::new(format!(
            "is cut off: its chunk `{name}` should have {length} bytes and {} are there",
            end - at - 8
        )));
    }
    let mut form = [0; 4];
    let list = matches!(&id, b"RIFF" | b"LIST");
    if list {
        if length < 4 {
            return Err(Broken::new("has an empty list"));
        }
        file.read_exact(&mut form)?;
    }
    let skip = if list { 4 } else { 0 };
    Ok(Chunk { id, form, content: Span { start: at + 8 + skip, length: length - skip } })
}

/// The chunks within a span. Chunks are padded to even lengths.
fn chunks(file: &mut (impl Read + Seek), within: Span) -> Result<Vec<Chunk>, Broken> {
    let (mut at, end) = (within.start, within.start + within.length);
    let mut found = Vec::new();
    // A single byte may be left over where padding was counted wrong.
    while end - at > 1 {
        if found.len() == MOST_CHUNKS {
            return Err(Broken::new(format!("has more than {MOST_CHUNKS} chunks in one list")));
        }
        let chunk = chunk(file, at, end)?;
        let after = chunk.content.start + chunk.content.length;
        at = (after + after % 2).min(end);
        found.push(chunk);
    }
    Ok(found)
}

impl Parts {
    /// Finds the parts of a file, reading only headers.
    ///
    /// # Errors
    /// What keeps the file from being an SF2 SoundFont.
    pub fn find(file: &mut (impl Read + Seek)) -> Result<Self, Broken> {
        let length = file.seek(SeekFrom::End(0))?;
        let foreign = || Broken::new("is no SoundFont: it does not begin with RIFF and sfbk");
        if length < 12 {
            return Err(foreign());
        }
        let whole = chunk(file, 0, length).map_err(|error| {
            let mut id = [0; 4];
            let begins = file.seek(SeekFrom::Start(0)).is_ok() && file.read_exact(&mut id).is_ok();
            if begins && &id == b"RIFF" { error } else { foreign() }
        })?;
        if (&whole.id, &whole.form) != (b"RIFF", b"sfbk") {
            return Err(foreign());
        }
        let lists = chunks(file, whole.content)?;
        let mut list = |form: &[u8; 4]| {
            let found = lists.iter().find(|chunk| &chunk.id == b"LIST" && &chunk.form == form);
            let missing = || Broken::new(format!("has no list `{}`", form.escape_ascii()));
            chunks(file, found.ok_or_else(missing)?.content)
        };
        let (data, parameters) = (list(b"sdta")?, list(b"pdta")?);
        let find = |chunks: &[Chunk], id: &[u8; 4]| {
            let found = chunks.iter().find(|chunk| &chunk.id == id);
            let missing = || Broken::new(format!("has no chunk `{}`", id.escape_ascii()));
            found.map(|chunk| chunk.content).ok_or_else(missing)
        };
        let samples = find(&data, b"smpl")?;
        if samples.length > MOST_SAMPLE_BYTES {
            return Err(Broken::new(format!(
                "has {} MB of samples; at most 1024 can be used",
                samples.length >> 20
            )));
        }
        let mut start = [0; 4];
        if samples.length >= 4 {
            file.seek(SeekFrom::Start(samples.start))?;
            file.read_exact(&mut start)?;
        }
        if &start == b"OggS" {
            return Err(Broken::new("is compressed (SF3); only uncompressed SF2 can be played"));
        }
        let mut tables = [samples; 7];
        for (table, (id, size)) in tables.iter_mut().zip(TABLES) {
            *table = find(&parameters, &id)?;
            // Indices are 16 bits wide: no table has use for more records.
            let most = size * (MOST_RECORDS + 1);
            if !(size..=most).contains(&table.length) || !table.length.is_multiple_of(size) {
                return Err(Broken::new(format!("has a damaged table `{}`", id.escape_ascii())));
            }
        }
        Ok(Self { samples, tables })
    }
}

/// Reads a span into memory; it lies within the file.
pub fn read(file: &mut (impl Read + Seek), span: Span) -> Result<Vec<u8>, Broken> {
    let mut bytes = vec![0; span.length as usize];
    file.seek(SeekFrom::Start(span.start))?;
    file.read_exact(&mut bytes)?;
    Ok(bytes)
}
