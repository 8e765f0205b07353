//! Reads WAV and FLAC files into memory, by symphonia. Control side only; whatever the file holds, the answer is a
//! sound or an error in words.

use auralis_graph::places::Asset;
use std::fs::File;
use std::io::Cursor;
use symphonia::core::codecs::audio::AudioDecoderOptions;
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::Hint;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::meta::MetadataOptions;

/// A recording: one or two channels of equal length.
#[derive(Debug, Clone, PartialEq)]
pub struct Recording {
    /// Samples by channel.
    pub channels: Vec<Vec<f32>>,
    /// Frames per second.
    pub rate: u32,
}

/// What is known of a file before it is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// Frames per second.
    pub rate: u32,
    /// Frames, if the file says so.
    pub frames: Option<u64>,
}

/// Longest recording in seconds: all of it is kept in memory.
const MOST_SECONDS: u64 = 600;
/// Legal rates.
const RATES: std::ops::RangeInclusive<u32> = 4_000..=384_000;
/// Largest file in bytes.
const MOST_BYTES: u64 = 1 << 30;

/// What is wrong with a file, in words that follow its name.
pub type Refusal = String;

/// Reads a file's header.
///
/// # Errors
/// What keeps it from being played.
pub fn header(asset: &Asset) -> Result<Header, Refusal> {
    let source = open(asset)?;
    guarded(|| probe(source).map(|(_, header)| header))
}

/// Decodes a file.
///
/// # Errors
/// What keeps it from being played.
pub fn file(asset: &Asset) -> Result<Recording, Refusal> {
    let source = open(asset)?;
    guarded(|| decode(source))
}

/// Decodes bytes.
#[cfg(test)]
pub fn bytes(bytes: impl AsRef<[u8]> + Send + Sync + 'static) -> Result<Recording, Refusal> {
    guarded(|| decode(Box::new(Cursor::new(bytes))))
}

fn open(asset: &Asset) -> Result<Box<dyn MediaSource>, Refusal> {
    let path = match asset {
        Asset::File(path) => path,
        Asset::Embedded(embedded) => return Ok(Box::new(Cursor::new(embedded.bytes))),
    };
    let unreadable = |error| format!("cannot be read: {error}");
    let file = File::open(path).map_err(unreadable)?;
    let length = file.metadata().map_err(unreadable)?.len();
    if length > MOST_BYTES {
        return Err(format!("has {} MB; a sample may have {}", length >> 20, MOST_BYTES >> 20));
    }
    Ok(Box::new(file))
}

/// Finds the format and its audio track.
fn probe(mut source: Box<dyn MediaSource>) -> Result<(Box<dyn FormatReader>, Header), Refusal> {
    let mut first = [0; 4];
    let read = source.read_exact(&mut first).and_then(|()| source.rewind());
    // FLAC files may begin with the tags of another format.
    if read.is_err() || !(matches!(&first, b"RIFF" | b"fLaC") || first.starts_with(b"ID3")) {
        return Err("is neither WAV nor FLAC".into());
    }
    let stream = MediaSourceStream::new(source, Default::default());
    let format = symphonia::default::get_probe()
        .probe(&Hint::new(), stream, FormatOptions::default(), MetadataOptions::default())
        .map_err(|error| describe(&error))?;
    let track = format.default_track(TrackType::Audio).ok_or_else(nothing)?;
    let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
    let parameters = parameters.ok_or_else(nothing)?;
    let rate = parameters.sample_rate.unwrap_or(0);
    if !RATES.contains(&rate) {
        return Err(format!(
            "has {rate} frames a second; {} to {} can be played",
            RATES.start(),
            RATES.end()
        ));
    }
    let channels = parameters.channels.as_ref().map_or(0, |channels| channels.count());
    if !(1..=2).contains(&channels) {
        return Err(format!("has {channels} channels; mono and stereo can be played"));
    }
    let header = Header { rate, frames: track.num_frames };
    if header.frames.is_some_and(|frames| frames > MOST_SECONDS * u64::from(rate)) {
        return Err(too_long());
    }
    Ok((format, header))
}

fn too_long() -> Refusal {
    format!("is longer than {} minutes", MOST_SECONDS / 60)
}

fn describe(error: &Error) -> Refusal {
    match error {
        Error::Unsupported(what) => format!("is of a kind that cannot be played ({what})"),
        Error::IoError(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => "is cut off".into(),
        error => format!("is damaged ({error})"),
    }
}

fn decode(source: Box<dyn MediaSource>) -> Result<Recording, Refusal> {
    let (mut format, header) = probe(source)?;
    let track = format.default_track(TrackType::Audio).ok_or_else(nothing)?;
    let id = track.id;
    let parameters = track.codec_params.as_ref().and_then(|parameters| parameters.audio());
    let mut decoder = symphonia::default::get_codecs()
        .make_audio_decoder(parameters.ok_or_else(nothing)?, &AudioDecoderOptions::default())
        .map_err(|error| describe(&error))?;
    let most = (MOST_SECONDS * u64::from(header.rate)) as usize;
    let mut channels: Vec<Vec<f32>> = Vec::new();
    let mut interleaved: Vec<f32> = Vec::new();
    while let Some(packet) = format.next_packet().map_err(|error| describe(&error))? {
        if packet.track_id != id {
            continue;
        }
        let decoded = decoder.decode(&packet).map_err(|error| describe(&error))?;
        let count = decoded.spec().channels().count();
        if decoded.frames() == 0 {
            continue;
        }
        if channels.is_empty() {
            channels.resize(count, Vec::new());
        }
        if count != channels.len() || !(1..=2).contains(&count) || decoded.spec().rate() != header.rate {
            return Err("is damaged (its channels or its rate change within)".into());
        }
        if channels[0].len() + decoded.frames() > most {
            return Err(too_long());
        }
        decoded.copy_to_vec_interleaved(&mut interleaved);
        for frame in interleaved.chunks_exact(count) {
            for (channel, sample) in channels.iter_mut().zip(frame) {
                // Float files may hold what is no sound.
                channel.push(if sample.is_finite() { sample.clamp(-8.0, 8.0) } else { 0.0 });
            }
        }
    }
    let frames = channels.first().map_or(0, Vec::len);
    if header.frames.is_some_and(|expected| (frames as u64) < expected) {
        let whole = header.frames.unwrap_or(0) as f64 / f64::from(header.rate);
        let there = frames as f64 / f64::from(header.rate);
        return Err(format!("is cut off or damaged: {there:.2} s of its {whole:.2} s can be read"));
    }
    if frames < 2 {
        return Err(nothing());
    }
    Ok(Recording { channels, rate: header.rate })
}

fn nothing() -> Refusal {
    "has no sound in it".into()
}

/// Some numbers in a header make symphonia's arithmetic overflow, which panics where overflow is checked.
fn guarded<T>(work: impl FnOnce() -> Result<T, Refusal>) -> Result<T, Refusal> {
    // What was half read is dropped with the panic: nothing broken is seen again.
    let done = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
    done.unwrap_or_else(|_| Err("is damaged (its header makes no sense)".into()))
}
