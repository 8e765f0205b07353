//! A graph of 5,000 nodes: what a second core gives, and what it costs to add two nodes while it plays.

mod measure;

use auralis_graph::node::Pace;
use auralis_graph::places::Places;
use auralis_graph::plan::Editor;
use auralis_graph::{Built, Catalogue, Engine, Options, Preset, Source, build};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use measure::{ProcessorTime, thread_time};
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};
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
    settle(&mut built.engine, &mut built.editor);
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

/// Goes on until an edit is over.
fn settle(engine: &mut Engine, editor: &mut Editor) {
    for _ in 0..20 {
        engine.quantum();
    }
    assert!(editor.finish(Duration::ZERO), "the edit is over");
}

/// Adds two nodes and takes them away again, in turns. Returns the processor time of that.
fn edit(editor: &mut Editor, preset: &Preset, catalogue: &Catalogue) -> Duration {
    let began = thread_time();
    let edited = editor.edit(preset, catalogue, preset.settings(), Places::anywhere(), &Default::default());
    let time = thread_time() - began;
    drop(edited.expect("it can be edited"));
    time
}

fn edits(criterion: &mut Criterion<ProcessorTime>) {
    let (catalogue, texts) = (auralis_nodes::catalogue(), [preset(true), preset(false)]);
    let mut built = built(1);
    let mut next = texts.iter().cycle();
    let mut group = criterion.benchmark_group("edit");
    group.bench_function("control thread", |bencher| {
        bencher.iter_custom(|runs| {
            let one = |_| {
                let preset = next.next().expect("they go round");
                let time = edit(&mut built.editor, preset, &catalogue);
                settle(&mut built.engine, &mut built.editor);
                time
            };
            (0..runs).map(one).sum()
        });
    });
    // As in a program, where the editor is on another thread and core; that which runs the engine keeps its caches.
    let Built { mut engine, mut editor, .. } = built;
    let (wanted, done) = (AtomicU32::new(0), AtomicU32::new(0));
    let wait_for = |number: &AtomicU32, least: u32| {
        while number.load(Ordering::Acquire) < least {
            std::hint::spin_loop();
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 1.. {
                wait_for(&wanted, number);
                if number == OVER || wanted.load(Ordering::Acquire) == OVER {
                    return;
                }
                while editor.sweep() > 0 {
                    std::hint::spin_loop();
                }
                edit(&mut editor, next.next().expect("they go round"), &catalogue);
                done.store(number, Ordering::Release);
            }
        });
        group.bench_function("next quantum, extra", |bencher| {
            bencher.iter_custom(|runs| {
                let quantum = |engine: &mut Engine| {
                    let began = thread_time();
                    engine.quantum();
                    thread_time() - began
                };
                // The edit is taken by the quantum in which the editor is done, or by the one after it; the dearer one
                // is compared with those that ran while the editor worked.
                let one = |_| {
                    let number = wanted.fetch_add(1, Ordering::AcqRel) + 1;
                    let mut usual = vec![quantum(&mut engine)];
                    while done.load(Ordering::Acquire) < number {
                        usual.push(quantum(&mut engine));
                    }
                    let last = quantum(&mut engine).max(usual[usual.len() - 1]);
                    let extra = last.saturating_sub(median(&mut usual));
                    (0..20).for_each(|_| engine.quantum());
                    extra
                };
                let mut extra: Vec<Duration> = (0..runs).map(one).collect();
                median(&mut extra).max(Duration::from_nanos(1)) * runs as u32
            });
        });
        wanted.store(OVER, Ordering::Release);
    });
    group.finish();
}

fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// So many edits there never are.
const OVER: u32 = u32::MAX;

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
