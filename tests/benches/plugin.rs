//! The instrument in a host: what a block costs, how soon an instance is heard, what a large session does to what plays.

mod measure;

use auralis_tests::bundles;
use auralis_tests::clap_host::{Event, Library, Time};
use criterion::{Criterion, Throughput, criterion_group};
use measure::ProcessorTime;
use measure::bytes::Bytes;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

const RATE: f64 = 48_000.0;
const BLOCK: usize = 512;
/// The default preset's time.
const PLAYING: Time = Time { playing: true, tempo: 66.0, from: 0.0, looped: None };
const STOPPED: Time = Time { playing: false, ..PLAYING };

/// Set in a process that shall only say how long its first instance takes, in nanoseconds.
const COLD: &str = "AURALIS_BENCH_COLD";

fn blocks(criterion: &mut Criterion<ProcessorTime>) {
    let library = Library::load(bundles::clap());
    let mut instance = library.instance();
    let mut active = instance.activate(RATE, BLOCK as u32);
    // A minute in all sounds.
    let mut quarters = 66.0;
    let mut group = criterion.benchmark_group("plugin");
    group.throughput(Throughput::Elements(BLOCK as u64));
    group.bench_function("a block of the default preset", |bencher| {
        bencher.iter(|| {
            active.render(BLOCK, &[BLOCK], Time { from: quarters, ..PLAYING }, &[]);
            quarters += BLOCK as f64 / RATE / 60.0 * PLAYING.tempo;
        });
    });
    group.finish();
    instance.deactivate(active);
}

/// How long the first instance of this process takes to its first sound.
fn first_sound() -> Duration {
    let library = Library::load(bundles::clap());
    let began = Instant::now();
    let mut instance = library.instance();
    let mut active = instance.activate(RATE, BLOCK as u32);
    let mut from = 0.0;
    while active.render(BLOCK, &[BLOCK], Time { from, ..PLAYING }, &[])[0].iter().all(|x| *x == 0.0) {
        from += BLOCK as f64 / RATE / 60.0 * PLAYING.tempo;
    }
    let took = began.elapsed();
    instance.deactivate(active);
    took
}

fn instances(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("plugin");
    group.bench_function("instantiation to first sound", |bencher| {
        bencher.iter_custom(|runs| {
            let this = std::env::current_exe().expect("a bench is a program");
            let cold = || {
                let said = Command::new(&this).env(COLD, "1").output().expect("the bench runs");
                let nanoseconds = String::from_utf8_lossy(&said.stdout).trim().parse();
                Duration::from_nanos(nanoseconds.expect("the bench says a number"))
            };
            (0..runs).map(|_| cold()).sum()
        });
    });
    group.finish();
}

/// A preset of a thousand nodes, which sounds by itself, with a megabyte of remarks.
fn large() -> String {
    let mut text = String::from("auralis: 1\nnodes:\n");
    let mut ends = Vec::new();
    for n in 0..499 {
        let _ = writeln!(text, "  s{n}: {{ type: oscillator, frequency: {} Hz, gain: -60 dB }}", 100 + n);
        let _ = writeln!(text, "  f{n}: {{ type: filter, in: s{n}, cutoff: 2 kHz }}");
        ends.push(format!("f{n}"));
    }
    let _ = writeln!(text, "  out: {{ type: output, in: [{}] }}", ends.join(", "));
    text += &"# a remark of some length, as an author writes them\n".repeat(20_000);
    text
}

/// Loads the large session into an instance that plays silence: how long until it is heard, and the longest block.
fn load() -> (Duration, Duration) {
    let library = Library::load(bundles::clap());
    let mut instance = library.instance();
    instance.load_piece("silence", "auralis: 1\nnodes: { keys: { type: midi_in }, voice: { type: synth, in: keys }, out: { type: output, in: voice } }");
    let mut active = instance.activate(RATE, BLOCK as u32);
    active.render(4 * BLOCK, &[BLOCK], STOPPED, &[(0, Event::Off(0, 60))]);
    let player = std::thread::spawn(move || {
        let (mut longest, mut heard) = (Duration::ZERO, None);
        while heard.is_none() {
            let began = Instant::now();
            let sound = active.render(BLOCK, &[BLOCK], STOPPED, &[]);
            longest = longest.max(began.elapsed());
            heard = sound[0].iter().any(|x| *x != 0.0).then(Instant::now);
            std::thread::sleep(Duration::from_millis(2));
        }
        (active, longest, heard)
    });
    let text = large();
    let began = Instant::now();
    instance.load_piece("large", &text);
    let (active, longest, heard) = player.join().expect("the player plays");
    instance.deactivate(active);
    (heard.map_or(Duration::ZERO, |heard| heard - began), longest)
}

fn sessions(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("plugin");
    group.bench_function("load of a large session", |bencher| {
        bencher.iter_custom(|runs| (0..runs).map(|_| load().0).sum());
    });
    group.bench_function("longest block meanwhile", |bencher| {
        bencher.iter_custom(|runs| (0..runs).map(|_| load().1).sum());
    });
    group.finish();
}

fn size(criterion: &mut Criterion<Bytes>) {
    let font = Path::new(env!("CARGO_MANIFEST_DIR")).join("../soundfonts/auralis.sf2");
    let bytes = |path: &Path| path.metadata().expect("the file is there").len() as f64;
    let mut group = criterion.benchmark_group("plugin");
    group.bench_function("size", |bencher| {
        bencher.iter_custom(|runs| (bytes(bundles::clap()) - bytes(&font)) * runs as f64);
    });
    group.finish();
}

fn quick() -> Criterion<ProcessorTime> {
    Criterion::default()
        .with_measurement(ProcessorTime)
        .sample_size(30)
        .warm_up_time(Duration::from_secs(2))
        .measurement_time(Duration::from_secs(5))
        .without_plots()
}

fn slow() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_secs(3))
        .without_plots()
}

fn bytes() -> Criterion<Bytes> {
    Criterion::default()
        .with_measurement(Bytes)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(10))
        .measurement_time(Duration::from_millis(100))
        .without_plots()
}

criterion_group! { name = steady; config = quick(); targets = blocks }
criterion_group! { name = starts; config = slow(); targets = instances, sessions }
criterion_group! { name = files; config = bytes(); targets = size }

fn main() {
    if std::env::var_os(COLD).is_some() {
        return println!("{}", first_sound().as_nanos());
    }
    steady();
    starts();
    files();
    Criterion::default().configure_from_args().final_summary();
}
