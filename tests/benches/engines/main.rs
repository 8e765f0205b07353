//! What a node costs in this engine and in others: a thousand that do nothing, and a thousand that sound. All run in
//! this one process, one after the other, on one core.
//!
//! The graph that sounds has 20 groups of 16 chains (sine, gain of -6 dB, low-pass), a mixer and a gain behind each
//! group: 1,000 nodes. Every engine's nodes run the kernels of `kernels.rs`, in mono; `Auralis` is a preset of the
//! catalogue's nodes, stereo from the mixers on, with parameters that could move, levels and a look for what is no
//! number at every door.

mod dasp;
mod fire;
mod fun;
mod kernels;
#[path = "../measure/mod.rs"]
mod measure;
mod ours;

use auralis_graph::instructions;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use dasp::Dasp;
use fire::Fire;
use fun::Fun;
use measure::ProcessorTime;
use std::hint::black_box;
use std::time::Duration;

/// Nodes of the graph that does nothing.
const NODES: usize = 1000;

/// Nodes times frames: what one block computes.
fn work(nodes: usize, frames: usize) -> Throughput {
    Throughput::Elements((nodes * frames) as u64)
}

fn empty(criterion: &mut Criterion<ProcessorTime>) {
    let mut group = criterion.benchmark_group("empty");
    let quanta = |frames: usize| Throughput::Elements((NODES * frames / 64) as u64);
    group.throughput(quanta(64));
    let mut auralis = ours::empty(NODES);
    group.bench_function("Auralis", |bencher| bencher.iter(|| auralis.engine.quantum()));
    let mut fun = Fun::empty(NODES);
    group.bench_function("fundsp Net", |bencher| bencher.iter(|| black_box(fun.block())));
    let mut dasp = Dasp::empty(NODES);
    group.bench_function("dasp_graph", |bencher| bencher.iter(|| black_box(dasp.block())));
    group.throughput(Throughput::Elements(NODES as u64));
    let mut fire = Fire::empty(NODES);
    group.bench_function("Firewheel (128 frames)", |bencher| bencher.iter(|| black_box(fire.block())));
    group.finish();
}

fn sounding(criterion: &mut Criterion<ProcessorTime>) {
    let mut group = criterion.benchmark_group("sounding");
    group.throughput(work(kernels::NODES, 64));
    let (mut auralis, mut same) = (ours::catalogue(), ours::same_kernels());
    let (mut fun, mut own, mut dasp) = (Fun::sounding(), Fun::own_units(), Dasp::sounding());
    let mut fire = Fire::sounding();
    // An engine that left something out would be quick. fundsp starts its own sines at phases of its own.
    let level = |mut block: Box<dyn FnMut() -> f32 + '_>| {
        let energy: f64 = (0..2000).map(|_| f64::from(block()).powi(2)).sum();
        10.0 * energy.log10()
    };
    let wanted = level(Box::new(|| {
        same.engine.quantum();
        same.engine.output()[0][63]
    }));
    let ours = level(Box::new(|| {
        auralis.engine.quantum();
        auralis.engine.output()[0][63]
    }));
    for (name, level) in [
        ("the catalogue", ours),
        ("fundsp", level(Box::new(|| fun.block()))),
        ("fundsp's own", level(Box::new(|| own.block()))),
        ("dasp_graph", level(Box::new(|| dasp.block()))),
        ("Firewheel", level(Box::new(|| fire.block()))),
    ] {
        assert!((level - wanted).abs() < 3.0, "{name} sounds at {level} dB, not at {wanted} dB");
    }
    group.bench_function("Auralis", |bencher| bencher.iter(|| auralis.engine.quantum()));
    if instructions::choose("avx2") {
        let mut auralis = ours::catalogue();
        group.bench_function("Auralis, AVX2", |bencher| bencher.iter(|| auralis.engine.quantum()));
    }
    assert!(instructions::choose(instructions::names()[0]));
    group.bench_function("dasp_graph", |bencher| bencher.iter(|| black_box(dasp.block())));
    group.bench_function("Auralis, the same kernels", |bencher| bencher.iter(|| same.engine.quantum()));
    group.bench_function("fundsp Net", |bencher| bencher.iter(|| black_box(fun.block())));
    group.bench_function("fundsp Net, its own units", |bencher| bencher.iter(|| black_box(own.block())));
    group.throughput(work(kernels::NODES, fire::BLOCK));
    group.bench_function("Firewheel (128 frames)", |bencher| bencher.iter(|| black_box(fire.block())));
    group.finish();
}

fn settings() -> Criterion<ProcessorTime> {
    Criterion::default()
        .with_measurement(ProcessorTime)
        .sample_size(50)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .without_plots()
}

criterion_group! { name = benches; config = settings(); targets = empty, sounding }
criterion_main!(benches);
