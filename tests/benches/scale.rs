//! A graph of 5,000 nodes: what a second core gives, and what it costs to add two nodes while it plays.

mod measure;

use auralis_graph::node::Pace;
use auralis_graph::places::Places;
use auralis_graph::{Built, Options, Preset, Source, build};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use measure::{ProcessorTime, thread_time};
use std::fmt::Write as _;
use std::time::Duration;

/// Groups of 16 chains of sine, gain and filter, with a mixer and a gain behind each.
const GROUPS: usize = 100;
const CHAINS: usize = 16;
const NODES: usize = GROUPS * (CHAINS * 3 + 2);
const RATE: u32 = 48_000;

fn text(more: bool) -> String {
    let mut text = String::from("auralis: 1\nnodes:\n");
    for group in 0..GROUPS {
        for chain in 0..CHAINS {
            let (name, hertz, cutoff) =
                (format!("{group}_{chain}"), 110 + 7 * group + 20 * chain, 600 + 50 * chain);
            let _ = writeln!(text, "  s{name}: {{ type: oscillator, frequency: {hertz} Hz }}");
            let _ = writeln!(text, "  g{name}: {{ type: gain, in: s{name}, gain: -40 dB }}");
            let _ = writeln!(text, "  f{name}: {{ type: filter, in: g{name}, cutoff: {cutoff} Hz }}");
        }
        let chains: Vec<String> = (0..CHAINS).map(|chain| format!("f{group}_{chain}")).collect();
        let _ = writeln!(text, "  m{group}: {{ type: mix, in: [{}] }}", chains.join(", "));
        let _ = writeln!(text, "  a{group}: {{ type: gain, in: m{group}, gain: -6 dB }}");
    }
    let mut ends: Vec<String> = (0..GROUPS).map(|group| format!("a{group}")).collect();
    if more {
        text += "  fresh: { type: oscillator, frequency: 700 Hz, gain: -40 dB }\n";
        text += "  soft: { type: filter, in: fresh, cutoff: 1 kHz }\n";
        ends.push("soft".into());
    }
    let _ = writeln!(text, "  out: {{ type: output, in: [{}] }}", ends.join(", "));
    text
}

fn preset(more: bool) -> Preset {
    let source = Source::new("scale.yaml", text(more));
    Preset::read(&source, &auralis_nodes::catalogue(), &Places::anywhere()).expect("the preset is right")
}

fn built(threads: usize) -> Built {
    let preset = preset(false);
    let options = Options::render(RATE, preset.settings(), Places::anywhere());
    let options = Options { threads, pace: Pace::RealTime, ..options };
    let mut built = build(&preset, &auralis_nodes::catalogue(), &options).expect("it can be built");
    // Long enough for all nodes to be measured.
    for _ in 0..3 * NODES {
        built.engine.quantum();
    }
    built.editor.balance();
    settle(&mut built);
    assert_eq!(built.editor.balance(), threads, "it is spread over as many threads as it may be");
    built
}

fn threads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("threads");
    group.throughput(Throughput::Elements(NODES as u64 * 64));
    for (name, threads) in [("one", 1), ("two", 2)] {
        let mut built = built(threads);
        group.bench_function(name, |bencher| bencher.iter(|| built.engine.quantum()));
    }
    group.finish();
}

/// Seconds that go on until an edit is over.
fn settle(built: &mut Built) {
    for _ in 0..20 {
        built.engine.quantum();
    }
    assert!(built.editor.finish(Duration::ZERO), "the edit is over");
}

fn edits(criterion: &mut Criterion<ProcessorTime>) {
    let (catalogue, texts) = (auralis_nodes::catalogue(), [preset(true), preset(false)]);
    let mut built = built(1);
    let mut next = texts.iter().cycle();
    let mut edit = |built: &mut Built| {
        let preset = next.next().expect("they go round");
        let failed = Default::default();
        let began = thread_time();
        let edited = built.editor.edit(preset, &catalogue, preset.settings(), Places::anywhere(), &failed);
        let time = thread_time() - began;
        drop(edited.expect("it can be edited"));
        time
    };
    let mut group = criterion.benchmark_group("edit");
    group.bench_function("control thread", |bencher| {
        bencher.iter_custom(|runs| {
            let one = |_| {
                let time = edit(&mut built);
                settle(&mut built);
                time
            };
            (0..runs).map(one).sum()
        });
    });
    group.bench_function("next quantum, extra", |bencher| {
        bencher.iter_custom(|runs| {
            let quantum = |built: &mut Built| {
                let began = thread_time();
                built.engine.quantum();
                thread_time() - began
            };
            let one = |_| {
                let mut usual: Vec<Duration> = (0..31).map(|_| quantum(&mut built)).collect();
                usual.sort();
                edit(&mut built);
                let extra = quantum(&mut built).saturating_sub(usual[15]);
                settle(&mut built);
                extra.max(Duration::from_nanos(1))
            };
            (0..runs).map(one).sum()
        });
    });
    group.finish();
}

fn wall() -> Criterion {
    Criterion::default()
        .sample_size(50)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .without_plots()
}

fn processor() -> Criterion<ProcessorTime> {
    Criterion::default()
        .with_measurement(ProcessorTime)
        .sample_size(20)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(3))
        .without_plots()
}

criterion_group! { name = cores; config = wall(); targets = threads }
criterion_group! { name = changes; config = processor(); targets = edits }
criterion_main!(cores, changes);
