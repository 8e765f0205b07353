//! Reading and checking a preset of 10,000 nodes: spans, parameters, units, connections, modulation, loops.

mod measure;

use auralis_graph::places::Places;
use auralis_graph::{Preset, Source};
use criterion::{Criterion, criterion_group, criterion_main};
use measure::ProcessorTime;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

/// Nodes of the preset.
const NODES: usize = 10_000;
/// Nodes of one branch, below.
const BRANCH: usize = 8;

/// Branches of eight nodes of all sorts, and a bus that takes them all.
fn text() -> String {
    let mut text = String::from("auralis: 1\nname: Ten Thousand\nkey: D dorian\ntempo: 64\nnodes:\n");
    let branches = (NODES - 2) / BRANCH;
    for branch in 0..branches {
        let _ = write!(
            text,
            "  lfo{branch}: {{ type: lfo, rate: 0.0{} Hz }}
  low{branch}:
    type: oscillator
    wave: saw
    frequency: {} Hz
    detune: 4 ct
    gain: -18 dB
  high{branch}: {{ type: oscillator, frequency: 1.2 kHz, gain: -24 dB }}
  sum{branch}: {{ type: mix, in: [low{branch}, {{ from: high{branch}, gain: -3 dB }}], width: 80 % }}
  soft{branch}:
    type: filter
    in: sum{branch}
    mode: low
    slope: 24 dB
    cutoff: {{ from: lfo{branch}, min: 300 Hz, max: 2 kHz }}
    resonance: {{ value: 0.2, from: lfo{branch}, depth: 10 % }}
  echo{branch}: {{ type: delay, in: soft{branch}, time: 3/16, feedback: 35 %, mix: 0.3 }}
  place{branch}: {{ type: pan, in: low{branch}, pan: -0.3 }}
  level{branch}: {{ type: gain, in: [echo{branch}, place{branch}], gain: -40 dB }}
",
            branch % 9 + 1,
            55 + branch % 400,
        );
    }
    let levels: Vec<String> = (0..branches).map(|branch| format!("level{branch}")).collect();
    for extra in 0..NODES - 2 - branches * BRANCH {
        let _ = writeln!(text, "  more{extra}: {{ type: gain, in: level{extra} }}");
    }
    let _ = writeln!(text, "  master: {{ type: limiter, in: [{}], ceiling: -1 dB }}", levels.join(", "));
    text.push_str("  out: { type: output, in: master }\n");
    text
}

fn check(criterion: &mut Criterion<ProcessorTime>) {
    let catalogue = auralis_nodes::catalogue();
    let source = Source::new("large.yaml", text());
    let read = || Preset::read(&source, &catalogue, &Places::anywhere()).expect("the preset is right");
    assert_eq!(read().nodes.len(), NODES);
    let mut group = criterion.benchmark_group("check");
    group.bench_function("10,000 nodes", |bencher| bencher.iter(|| black_box(read())));
    group.finish();
}

fn settings() -> Criterion<ProcessorTime> {
    Criterion::default()
        .with_measurement(ProcessorTime)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .without_plots()
}

criterion_group! { name = benches; config = settings(); targets = check }
criterion_main!(benches);
