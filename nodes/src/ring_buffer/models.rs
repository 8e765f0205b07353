//! The ring under loom: one writer and readers, in every order that the language allows. `cargo xtask loom`.

use super::*;
use auralis_graph::packet::{Packet, PacketFormat};
use loom::thread;
use std::sync::Arc;

/// A ring of two chunks and one buffer to spare, and some chunks in it.
fn ring(chunks: u64) -> (Arc<ChunkRing>, ChunkWriter) {
    let ring = Arc::new(ChunkRing::new(2, 8, 44_100, 0.1));
    let mut writer = ring.writer();
    (0..chunks).for_each(|index| assert_eq!(write(&ring, &mut writer, index), Some(index)));
    (ring, writer)
}

/// Writes a chunk whose bytes are its index.
fn write(ring: &ChunkRing, writer: &mut ChunkWriter, index: u64) -> Option<u64> {
    let bytes = index.to_le_bytes();
    let packet =
        Packet { format: PacketFormat::Pcm16, index, frame: 0, frames: 1, channels: 2, bytes: &bytes };
    writer.write(ring, &packet)
}

/// What a reader finds at a cursor is the chunk, whole, or it has really left the ring.
fn read(ring: &ChunkRing, cursor: &mut u64) {
    let at = *cursor;
    match ring.read(cursor) {
        Read::Chunk(chunk) => {
            assert_eq!((chunk.index, chunk.bytes.as_slice()), (at, at.to_le_bytes().as_slice()));
            assert_eq!(*cursor, at + 1);
        }
        Read::Waiting => assert_eq!(*cursor, at),
        Read::Moved(passed) => {
            // The chunk that takes its place is counted when it is there.
            assert!(ring.written() >= at + 2, "chunk {at} had not left");
            assert_eq!(*cursor, at + passed);
        }
    }
}

/// Runs a model in all orders in which threads are interrupted so often at most: of more there is no end.
fn model(interruptions: usize, run: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(interruptions);
    builder.check(run);
}

#[test]
fn a_reader_finds_whole_chunks_while_the_writer_goes_round() {
    model(3, || {
        let (ring, mut writer) = ring(2);
        let reading = Arc::clone(&ring);
        let reader = thread::spawn(move || {
            let mut cursor = 0;
            (0..3).for_each(|_| read(&reading, &mut cursor));
        });
        for _ in 0..3 {
            let index = ring.written();
            // A reader that holds a buffer costs at most its chunk.
            write(&ring, &mut writer, index);
        }
        reader.join().expect("the reader ends");
    });
}

#[test]
fn two_readers_hold_the_same_chunk() {
    model(2, || {
        let (ring, mut writer) = ring(1);
        let readers: Vec<_> = (0..2)
            .map(|_| {
                let ring = Arc::clone(&ring);
                thread::spawn(move || read(&ring, &mut 0))
            })
            .collect();
        for _ in 0..2 {
            let index = ring.written();
            write(&ring, &mut writer, index);
        }
        readers.into_iter().for_each(|reader| reader.join().expect("the reader ends"));
    });
}

#[test]
fn a_held_chunk_stays_whole_and_the_writer_never_waits() {
    model(3, || {
        let (ring, mut writer) = ring(1);
        let reading = Arc::clone(&ring);
        let reader = thread::spawn(move || {
            let Some(chunk) = reading.get(0) else { return };
            thread::yield_now();
            assert_eq!(chunk.bytes, 0u64.to_le_bytes());
        });
        let written = (0..3).filter(|_| write(&ring, &mut writer, ring.written()).is_some()).count() as u64;
        assert_eq!(ring.written(), 1 + written);
        assert_eq!(ring.missed(), 3 - written);
        reader.join().expect("the reader ends");
        // The pins are gone: nothing is missed any more.
        (0..4).for_each(|_| assert!(write(&ring, &mut writer, ring.written()).is_some()));
    });
}
