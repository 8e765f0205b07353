//! The ring from the outside, and under threads.

use super::ring::SPARE;
use super::*;
use auralis_graph::packet::{Packet, PacketFormat};
use std::sync::atomic::{AtomicBool, Ordering};

fn packet(bytes: &[u8]) -> Packet<'_> {
    Packet { format: PacketFormat::Pcm16, index: 0, frame: 0, frames: 1, channels: 2, bytes }
}

fn write(ring: &ChunkRing, writer: &mut ChunkWriter, value: u64) -> Option<u64> {
    writer.write(ring, &packet(&[value.to_le_bytes(); 4].concat()))
}

#[test]
fn each_reader_has_its_own_cursor_and_indices_count_up() {
    let ring = ChunkRing::new(4, 64, 44_100, 0.1);
    let mut writer = ring.writer();
    assert!(ring.is_empty());
    for value in 0..3 {
        assert_eq!(write(&ring, &mut writer, value), Some(value));
    }
    let (mut a, mut b) = (0, 2);
    let mut seen = Vec::new();
    while let Read::Chunk(chunk) = ring.read(&mut a) {
        seen.push((chunk.index, chunk.bytes[0]));
    }
    assert_eq!(seen, [(0, 0), (1, 1), (2, 2)]);
    assert!(matches!(ring.read(&mut b), Read::Chunk(chunk) if chunk.index == 2));
    assert!(matches!(ring.read(&mut b), Read::Waiting));
}

#[test]
fn a_slow_reader_is_moved_to_the_live_edge_and_counted() {
    let ring = ChunkRing::new(4, 64, 44_100, 0.1);
    let mut writer = ring.writer();
    (0..10).for_each(|value| assert!(write(&ring, &mut writer, value).is_some()));
    ring.set_live(8);
    let mut cursor = 1;
    assert!(matches!(ring.read(&mut cursor), Read::Moved(7)));
    assert_eq!((cursor, ring.overflows()), (8, 1));
    assert!(matches!(ring.read(&mut cursor), Read::Chunk(chunk) if chunk.index == 8));
}

#[test]
fn depth_health_and_clear() {
    let ring = ChunkRing::new(6, 64, 44_100, 0.1);
    let mut writer = ring.writer();
    let mut healths = Vec::new();
    for value in 0..6 {
        healths.push(ring.health());
        write(&ring, &mut writer, value);
    }
    use Health::*;
    assert_eq!(healths, [Emergency, Low, Low, Healthy, Healthy, Full]);
    assert!(ring.is_full());
    ring.set_live(4);
    assert_eq!((ring.depth(), ring.is_full()), (2, false));
    ring.clear();
    assert!(ring.is_empty() && ring.get(5).is_none());
    assert_eq!(write(&ring, &mut writer, 6), Some(6));
    assert!(ring.get(6).is_some());
}

#[test]
fn held_chunks_stay_whole_and_the_writer_goes_on_without_waiting() {
    let ring = ChunkRing::new(2, 64, 44_100, 0.1);
    let mut writer = ring.writer();
    let mut held = Vec::new();
    for value in 0..SPARE as u64 {
        write(&ring, &mut writer, value).unwrap();
        held.push(ring.get(value).unwrap());
    }
    // Two more are in the ring; then every buffer is held.
    assert!(write(&ring, &mut writer, 100).is_some() && write(&ring, &mut writer, 101).is_some());
    let before = ring.missed();
    let missed = (0..3).filter(|_| write(&ring, &mut writer, 7).is_none()).count();
    assert!(missed == 0 || ring.missed() == before + missed as u64);
    for (value, chunk) in held.iter().enumerate() {
        assert_eq!(chunk.bytes[0] as usize, value);
    }
    drop(held);
    assert!(write(&ring, &mut writer, 9).is_some());
    assert!(writer.write(&ring, &packet(&[0; 65])).is_none(), "too large for this ring");
}

#[test]
fn readers_on_other_threads_never_see_a_torn_chunk() {
    let ring = ChunkRing::new(3, 64, 44_100, 0.1);
    let mut writer = ring.writer();
    let stop = AtomicBool::new(false);
    let rounds = if cfg!(miri) { 200 } else { 200_000 };
    std::thread::scope(|scope| {
        let readers: Vec<_> = (0..2)
            .map(|_| {
                scope.spawn(|| {
                    let (mut cursor, mut read) = (0, 0u64);
                    while !stop.load(Ordering::Relaxed) {
                        match ring.read(&mut cursor) {
                            Read::Chunk(chunk) => {
                                let value = chunk.index.to_le_bytes();
                                assert!(chunk.bytes.chunks(8).all(|part| part == value), "torn");
                                read += 1;
                            }
                            Read::Waiting => std::thread::yield_now(),
                            Read::Moved(_) => {}
                        }
                    }
                    read
                })
            })
            .collect();
        for _ in 0..rounds {
            let index = ring.written();
            write(&ring, &mut writer, index);
            ring.set_live(index);
        }
        // Let the readers catch up before they are told to stop.
        std::thread::sleep(std::time::Duration::from_millis(20));
        stop.store(true, Ordering::Relaxed);
        for reader in readers {
            assert!(reader.join().unwrap() > 0);
        }
    });
}
