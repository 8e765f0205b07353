//! Music: the default preset from text to file by the program itself, beside FluidSynth with the same notes and the
//! same font; eight seconds of it in this process; and a phrase composed ten years into a piece.

mod measure;

use auralis_graph::engine::Start;
use auralis_graph::music::TICKS_PER_QUARTER;
use auralis_graph::places::Places;
use auralis_graph::settings::Settings;
use auralis_graph::{Options, Preset, Source, build};
use auralis_nodes::composer::{ComposerConfig, Phrase, Score};
use auralis_tests::program;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use measure::ProcessorTime;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// Frames per second of the stream format.
const RATE: u32 = 44_100;
/// Seconds that are rendered to a file.
const SECONDS: u64 = 60;
/// Frames of the contract's phrase of 8 s.
const PHRASE: usize = 352_800;
/// Where in the piece the phrase is taken: everybody plays by then.
const POSITION: f64 = 600.0;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn preset() -> PathBuf {
    root().join("presets/night_drift.yaml")
}

/// Runs a program to its end, each time anew: its processor time, that of all its threads.
fn time(group: &mut BenchmarkGroup<'_, ProcessorTime>, name: &str, command: &mut Command) {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|runs| {
            let start = children_time();
            for _ in 0..runs {
                let status = command.status().expect("the program starts");
                assert!(status.success(), "{command:?} ended with {status}");
            }
            children_time() - start
        });
    });
}

/// Processor time of all programs that this one ran to their ends.
#[cfg(unix)]
fn children_time() -> Duration {
    // SAFETY: a zeroed rusage is valid.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes one rusage, and ours is one.
    let status = unsafe { libc::getrusage(libc::RUSAGE_CHILDREN, &raw mut usage) };
    assert_eq!(status, 0, "the system knows the usage of children");
    let time = |time: libc::timeval| Duration::new(time.tv_sec as u64, 1000 * time.tv_usec as u32);
    time(usage.ru_utime) + time(usage.ru_stime)
}

/// The time that passes.
#[cfg(not(unix))]
fn children_time() -> Duration {
    static BEGIN: std::sync::LazyLock<std::time::Instant> = std::sync::LazyLock::new(std::time::Instant::now);
    BEGIN.elapsed()
}

fn to_file(criterion: &mut Criterion<ProcessorTime>) {
    let folder = TempDir::new().expect("no temporary folder");
    let at = |name: &str| folder.path().join(name);
    let render = || {
        let mut command = Command::new(program());
        command.arg("render").arg(preset()).arg("--length").arg(format!("{SECONDS}s"));
        command.arg("--output").arg(at("ours.wav"));
        command
    };
    let notes = render().arg("--midi").arg(at("notes.mid")).stdout(Stdio::null()).status();
    assert!(notes.expect("the program starts").success(), "the preset can be rendered");
    let mut group = criterion.benchmark_group("render");
    group.throughput(Throughput::Elements(SECONDS * u64::from(RATE)));
    time(&mut group, "Auralis", &mut render());
    let there = Command::new("fluidsynth").arg("--version").stdout(Stdio::null()).status();
    if there.is_ok_and(|status| status.success()) {
        let mut command = Command::new("fluidsynth");
        command.args(["-n", "-i", "-q", "-T", "wav", "-r", &RATE.to_string(), "-F"]).arg(at("theirs.wav"));
        command.arg(root().join("soundfonts/auralis.sf2")).arg(at("notes.mid"));
        let status = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
        assert!(status.expect("FluidSynth starts").success(), "FluidSynth plays the notes");
        let frames = std::fs::metadata(at("theirs.wav")).map_or(0, |file| file.len() / 4);
        // A preset without notes is nothing that FluidSynth could play.
        if frames > SECONDS * u64::from(RATE) / 2 {
            group.throughput(Throughput::Elements(frames));
            time(&mut group, "FluidSynth, the same notes", &mut command);
        }
    }
    group.finish();
}

fn phrase(criterion: &mut Criterion<ProcessorTime>) {
    let catalogue = auralis_nodes::catalogue();
    let text = std::fs::read_to_string(preset()).expect("the preset can be read");
    let (source, places) = (Source::new("night_drift.yaml", text), Places::beside(&preset()));
    let preset = Preset::read(&source, &catalogue, &places).expect("the preset is right");
    let settings = preset.settings();
    let options = Options::render(RATE, settings, places);
    let mut built = build(&preset, &catalogue, &options).expect("it can be built");
    let start = Start {
        tick: POSITION * settings.tempo / 60.0 * TICKS_PER_QUARTER as f64,
        seconds: POSITION,
        ..Start::beginning(settings)
    };
    let (mut left, mut right) = (vec![0.0; PHRASE], vec![0.0; PHRASE]);
    let mut group = criterion.benchmark_group("phrase");
    group.throughput(Throughput::Elements(PHRASE as u64));
    group.bench_function("8 s", |bencher| {
        bencher.iter(|| {
            built.engine.reset(&start);
            built.engine.render(&mut left, &mut right);
            black_box(left[PHRASE - 1])
        });
    });
    group.finish();
    assert!(left.iter().any(|x| *x != 0.0), "the phrase sounds");
}

fn composer(criterion: &mut Criterion<ProcessorTime>) {
    let settings = Settings::default();
    let score = Score::new(&ComposerConfig::default(), settings.meter, "composer").expect("it is right");
    let seconds_per_phrase = score.grid().ticks as f64 / TICKS_PER_QUARTER as f64 * 60.0 / settings.tempo;
    let ten_years = (10.0 * 365.25 * 86_400.0 / seconds_per_phrase) as i64;
    let (mut number, mut phrase) = (ten_years, Phrase::default());
    let mut group = criterion.benchmark_group("composer");
    group.bench_function("a phrase ten years in", |bencher| {
        bencher.iter(|| {
            score.compose(&settings, number, &mut phrase);
            number += 1;
            black_box(phrase.notes.len())
        });
    });
    group.finish();
    assert!(!phrase.chords.is_empty(), "there is music in ten years");
}

fn settings() -> Criterion<ProcessorTime> {
    Criterion::default()
        .with_measurement(ProcessorTime)
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .without_plots()
}

criterion_group! { name = benches; config = settings(); targets = to_file, phrase, composer }
criterion_main!(benches);
