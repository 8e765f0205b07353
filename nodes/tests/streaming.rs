//! Encoder, ring and file sink behind a real graph: the bytes are the sound.

use auralis_graph::node::Pace;
use auralis_graph::places::Places;
use auralis_graph::plan::{Options, Socket, build};
use auralis_graph::testing::{read, render_blocks};
use auralis_graph::{Built, Preset, Source};
use auralis_nodes::catalogue;
use auralis_nodes::encoder::{decode, to_i16};
use auralis_nodes::file_sink::SinkState;
use auralis_nodes::ring_buffer::{ChunkRing, Read};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;

const RATE: u32 = 44_100;

fn folder(name: &str) -> PathBuf {
    let folder = auralis_graph::testing::folder().join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

fn built(nodes: &str, socket: Socket, folder: PathBuf) -> Built {
    let text = format!("auralis: 1\nseed: 5\nnodes:\n{nodes}");
    let preset = read(&text, &catalogue());
    let places = Places { preset: Some(folder), ..Places::default() };
    let epoch = Some(1_700_000_000_000_000);
    let options =
        Options { socket, epoch, pace: Pace::Offline, ..Options::render(RATE, preset.settings(), places) };
    build(&preset, &catalogue(), &options).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// What the graph sounds like, as 16-bit samples.
fn reference(nodes: &str, frames: usize) -> Vec<i16> {
    let text = format!("{nodes}  out: {{ type: output, in: n }}\n");
    let [left, right] = render_blocks(&mut built(&text, Socket::Render, folder("ref")), frames, &[512]);
    left.iter().zip(&right).flat_map(|(l, r)| [to_i16(*l), to_i16(*r)]).collect()
}

fn samples(bytes: &[u8]) -> Vec<i16> {
    bytes.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

const SOUND: &str = "  n: { type: noise, colour: pink }\n";

#[test]
fn chunks_of_the_contract_hold_the_sound_and_their_place() {
    let text = format!(
        "{SOUND}  e: {{ type: encoder, in: n }}\n  r: {{ type: ring_buffer, in: e, capacity: 2 s }}\n"
    );
    let mut built = built(&text, Socket::Server, folder("pcm"));
    let (name, ring) = built.offers.of::<ChunkRing>().next().unwrap();
    assert_eq!((name, ring.capacity(), ring.seconds_per_chunk()), ("r", 20, 0.1));
    for _ in 0..RATE / 64 {
        built.engine.quantum();
    }
    assert_eq!(ring.written(), 9, "a second lacks less than a chunk");
    let expected = reference(SOUND, 44_100);
    let mut cursor = 0;
    while let Read::Chunk(chunk) = ring.read(&mut cursor) {
        assert_eq!((chunk.frames, chunk.bytes.len(), chunk.frame), (4_410, 17_640, chunk.index * 4_410));
        let at = chunk.frame as usize * 2;
        assert!(samples(&chunk.bytes) == expected[at..at + 8_820], "chunk {}", chunk.index);
    }
    assert_eq!(cursor, 9);
}

#[test]
fn json_chunks_are_messages_of_the_protocol() {
    let text = format!(
        "{SOUND}  e: {{ type: encoder, in: n, format: json }}\n  r: {{ type: ring_buffer, in: e }}\n"
    );
    let mut built = built(&text, Socket::Server, folder("json"));
    let (_, ring) = built.offers.of::<ChunkRing>().next().unwrap();
    for _ in 0..RATE / 64 {
        built.engine.quantum();
    }
    let expected = reference(SOUND, 44_100);
    for index in 0..9 {
        let chunk = ring.get(index).unwrap();
        let (header, pcm) = decode(&chunk.bytes).unwrap();
        assert_eq!((header.index, header.sample_rate, header.channels), (index, RATE, 2));
        let at = index as usize * 8_820;
        assert!(samples(&pcm) == expected[at..at + 8_820]);
        let json: serde_json::Value = serde_json::from_slice(&chunk.bytes).unwrap();
        assert_eq!(json["timestamp"], format!("2023-11-14T22:13:20.{index}00000Z"));
    }
}

#[test]
fn a_preset_without_a_ring_gets_one_behind_its_output() {
    let text = format!("{SOUND}  out: {{ type: output, in: n }}\n");
    let mut built = built(&text, Socket::Server, folder("added"));
    let (_, ring) = built.offers.of::<ChunkRing>().next().unwrap();
    assert_eq!(ring.capacity(), 30);
    (0..70).for_each(|_| built.engine.quantum());
    assert_eq!(ring.written(), 1);
}

#[test]
fn a_file_holds_the_sound_and_an_old_one_is_kept() {
    let folder = folder("files");
    for name in ["tape.wav", "tape-2.wav"] {
        let text = format!("{SOUND}  s: {{ type: file_sink, in: n, file: tape.wav, depth: 32f }}\n");
        let mut built = built(&text, Socket::Render, folder.clone());
        let (_, state): (_, Arc<SinkState>) = built.offers.of().next().unwrap();
        (0..2_000).for_each(|_| built.engine.quantum());
        drop(built);
        assert_eq!(state.written.load(Ordering::Relaxed), 128_000);
        assert_eq!(state.missed.load(Ordering::Relaxed), 0);
        let mut reader = hound::WavReader::open(folder.join(name)).unwrap();
        let read: Vec<f32> = reader.samples().map(Result::unwrap).collect();
        let expected = reference(SOUND, 128_000);
        assert!(read.iter().map(|x| to_i16(*x)).eq(expected), "{name}");
    }
}

#[test]
fn a_render_waits_for_the_disk_instead_of_losing_sound() {
    let text = format!("{SOUND}  s: {{ type: file_sink, in: n, file: long.flac, overwrite: true }}\n");
    let mut built = built(&text, Socket::Render, folder("long"));
    let (_, state): (_, Arc<SinkState>) = built.offers.of().next().unwrap();
    // More than the ring between both threads holds.
    let quanta = RATE as usize * 25 / 64;
    (0..quanta).for_each(|_| built.engine.quantum());
    drop(built);
    assert_eq!(state.written.load(Ordering::Relaxed), quanta as u64 * 64);
    assert_eq!(state.missed.load(Ordering::Relaxed), 0);
}

#[test]
fn a_preset_from_the_network_may_not_write_files() {
    let text =
        "auralis: 1\nnodes:\n  n: { type: noise }\n  s: { type: file_sink, in: n, file: /tmp/x.wav }\n";
    let places = Places { confined: Some(Vec::new()), ..Places::default() };
    let refused = Preset::read(&Source::new("net", text), &catalogue(), &places).unwrap_err().to_string();
    assert!(refused.contains("a preset from the network may not write files"), "{refused}");
}
