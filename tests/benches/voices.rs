//! Voices of `synth` in real time on one core at 48 kHz, in blocks of 512 frames, through a real engine: for each
//! instruction set that the machine has. Every part of the patch but drive is in use.

mod measure;

use auralis_graph::command::When;
use auralis_graph::node::Pace;
use auralis_graph::note::NoteEvent;
use auralis_graph::places::Places;
use auralis_graph::{Built, Catalogue, Kind, Options, Preset, Source, build};
use auralis_nodes::synth::{Instructions, Synth};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fearless_simd::Level;
use measure::ProcessorTime;
use std::hint::black_box;
use std::time::Duration;

const RATE: u32 = 48_000;
const BLOCK: usize = 512;
const VOICES: usize = 2048;

enum Avx2 {}

impl Instructions for Avx2 {
    fn level() -> Level {
        #[cfg(target_arch = "x86_64")]
        return Level::new().as_avx2().map_or(Level::baseline(), Level::Avx2);
        #[cfg(not(target_arch = "x86_64"))]
        Level::baseline()
    }
}

enum Baseline {}

impl Instructions for Baseline {
    fn level() -> Level {
        Level::baseline()
    }
}

enum Best {}

impl Instructions for Best {
    fn level() -> Level {
        Level::new()
    }
}

fn name(level: Level) -> &'static str {
    match level {
        #[cfg(target_arch = "x86_64")]
        Level::Avx512(_) => "AVX-512",
        #[cfg(target_arch = "x86_64")]
        Level::Avx2(_) => "AVX2",
        #[cfg(target_arch = "x86_64")]
        Level::Sse4_2(_) => "SSE4.2",
        #[cfg(target_arch = "x86_64")]
        Level::Sse2(_) => "SSE2",
        #[cfg(target_arch = "aarch64")]
        Level::Neon(_) => "NEON",
        _ => "no vectors",
    }
}

/// An engine in which all voices sound.
fn sounding<I: Instructions>() -> Built {
    let text = format!(
        "auralis: 1
nodes:
  keys: {{ type: midi_in }}
  pad:
    type: synth
    in: keys
    voices: {VOICES}
    osc1_shape: 2
    osc2_shape: 3
    osc2_width: 0.4
    sub_level: -12 dB
    noise_level: -30 dB
    filter_envelope: 2
    lfo_pitch: 4 ct
    lfo_cutoff: 0.3
    lfo_pan: 0.2
    gain: -40 dB
  out: {{ type: output, in: pad }}
"
    );
    let catalogue = Catalogue::new([
        Kind::of::<Synth<I>>(),
        // The rest of the graph as it is.
        *auralis_nodes::catalogue().get("midi_in").expect("the catalogue has it"),
        *auralis_nodes::catalogue().get("output").expect("the catalogue has it"),
    ]);
    let preset = Preset::read(&Source::new("voices.yaml", &text), &catalogue, &Places::anywhere())
        .expect("it is right");
    let settings = preset.settings();
    let options = Options::render(RATE, settings, Places::anywhere());
    let options = Options { pace: Pace::RealTime, ..options };
    let mut built = build(&preset, &catalogue, &options).expect("it can be built");
    for note in 0..VOICES as u32 {
        let event = NoteEvent::on(0, 0, note, 36.0 + (note * 7 % 48) as f32, 0.8);
        built.controller.note("keys", event, When::Now).expect("there is room");
        if note % 64 == 63 {
            built.engine.quantum();
        }
    }
    built
}

fn measure<I: Instructions>(criterion: &mut Criterion<ProcessorTime>) {
    let level = name(I::level());
    let mut built = sounding::<I>();
    let (mut left, mut right) = ([0.0; BLOCK], [0.0; BLOCK]);
    let mut block = || {
        built.engine.render(&mut left, &mut right);
        black_box(left[0]);
    };
    let mut group = criterion.benchmark_group("voices");
    group.throughput(Throughput::Elements((VOICES * BLOCK) as u64));
    group.bench_function(level, |bencher| bencher.iter(&mut block));
    group.finish();
}

fn voices(criterion: &mut Criterion<ProcessorTime>) {
    measure::<Best>(criterion);
    if name(Level::new()) != "AVX2" {
        measure::<Avx2>(criterion);
    }
    measure::<Baseline>(criterion);
}

fn settings() -> Criterion<ProcessorTime> {
    Criterion::default()
        .with_measurement(ProcessorTime)
        .sample_size(30)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(3))
        .without_plots()
}

criterion_group! { name = benches; config = settings(); targets = voices }
criterion_main!(benches);
