//! The station: its ring of chunks, the encoding of one, and the program itself: how soon it is heard, and the memory
//! that it takes.

mod listener;
#[path = "../measure/mod.rs"]
mod measure;

use auralis_graph::packet::{Packet, PacketFormat};
use auralis_nodes::encoder::{ChunkHeader, MessageEncoder, interleave};
use auralis_nodes::ring_buffer::{ChunkRing, Read};
use criterion::{Criterion, criterion_group, criterion_main};
use listener::Station;
use measure::{ProcessorTime, bytes::Bytes};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Frames of a chunk of 100 ms.
const FRAMES: usize = 4_410;
/// Bytes of a chunk: stereo, 16 bits.
const BYTES: usize = 4 * FRAMES;
/// Chunks that a ring holds by default.
const CHUNKS: usize = 30;

fn chunks(criterion: &mut Criterion<ProcessorTime>) {
    let mut group = criterion.benchmark_group("chunks");
    let ring = ChunkRing::new(CHUNKS, BYTES, 44_100, 0.1);
    let mut writer = ring.writer();
    let bytes = vec![0x5a; BYTES];
    let packet = Packet {
        format: PacketFormat::Pcm16,
        index: 0,
        frame: 0,
        frames: FRAMES as u32,
        channels: 2,
        bytes: &bytes,
    };
    group.bench_function("write", |bencher| {
        bencher.iter(|| assert!(writer.write(&ring, black_box(&packet)).is_some()));
    });
    group.bench_function("read", |bencher| {
        let mut cursor = ring.oldest();
        bencher.iter(|| {
            match ring.read(&mut cursor) {
                Read::Chunk(chunk) => black_box(chunk.bytes.len()),
                Read::Waiting | Read::Moved(_) => unreachable!("nobody writes"),
            };
            if cursor == ring.written() {
                cursor = ring.oldest();
            }
        });
    });
    let wave = |step: f32| (0..FRAMES).map(|frame| 0.5 * (frame as f32 * step).sin()).collect::<Vec<f32>>();
    let (left, right) = (wave(0.05), wave(0.07));
    let mut pcm = Vec::with_capacity(BYTES);
    let mut encoder = MessageEncoder::new(BYTES);
    let header = ChunkHeader { index: 1, sample_rate: 44_100, channels: 2, micros: 1_700_000_000_000_000 };
    group.bench_function("encode", |bencher| {
        bencher.iter(|| {
            pcm.clear();
            interleave(&[black_box(&left), &right], &mut pcm);
            black_box(encoder.encode(&header, &pcm).map(<[u8]>::len))
        });
    });
    group.finish();
}

fn start(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("serve");
    group.bench_function("start to first chunk", |bencher| {
        bencher.iter_custom(|runs| {
            let mut sum = Duration::ZERO;
            for _ in 0..runs {
                let begin = Instant::now();
                let mut station = Station::start();
                station.listen().wait_for_chunks(1);
                sum += begin.elapsed();
            }
            sum
        });
    });
    group.finish();
}

fn resident(criterion: &mut Criterion<Bytes>) {
    let mut station = Station::start();
    let mut listener = station.listen();
    listener.wait_for_chunks(50);
    let mut group = criterion.benchmark_group("serve");
    group.bench_function("resident memory", |bencher| {
        bencher.iter_custom(|runs| {
            listener.wait_for_chunks(1);
            station.resident_bytes() * runs as f64
        });
    });
    group.finish();
}

fn quick() -> Criterion<ProcessorTime> {
    Criterion::default()
        .with_measurement(ProcessorTime)
        .sample_size(30)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .without_plots()
}

fn slow() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_secs(4))
        .without_plots()
}

fn bytes() -> Criterion<Bytes> {
    Criterion::default()
        .with_measurement(Bytes)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_secs(1))
        .without_plots()
}

criterion_group! { name = in_process; config = quick(); targets = chunks }
criterion_group! { name = program; config = slow(); targets = start }
criterion_group! { name = memory_of; config = bytes(); targets = resident }
criterion_main!(in_process, program, memory_of);
