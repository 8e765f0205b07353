//! How evenly a graph computes that takes half of one core in real time: the time of each block of a long run, paced by
//! the clock. `cargo xtask steady` runs it for ten minutes.

mod score;

#[path = "../measure/clock.rs"]
mod clock;

use auralis_graph::node::Pace;
use auralis_graph::testing::places;
use auralis_graph::{Built, Options, Preset, Source, build};
use clock::thread_time;
use std::process::ExitCode;
use std::time::{Duration, Instant};

const RATE: u32 = 48_000;
const BLOCK: usize = 512;
/// Part of one core that the graph is to take, and by how much it may be missed.
const LOAD: f64 = 0.5;
const MISS: f64 = 0.04;
/// What 99.9% of the blocks may take, as a multiple of the median.
const MOST: f64 = 2.0;
/// Minutes where nobody says how many.
const MINUTES: f64 = 0.25;
/// Blocks for which a graph plays before it is measured, and for which it is measured to find its size: some seconds.
const WARM_UP: usize = 200;
const SAMPLE: usize = 300;

/// Blocks that are computed several times, and how often: what a block takes at least is its own, and not the machine's.
const AGAIN: usize = 60 * RATE as usize / BLOCK;
const TIMES: usize = 3;

/// What a block took.
#[derive(Debug, Clone, Copy)]
struct Block {
    time: Duration,
    /// How often the system took the core away, and had to find memory, meanwhile.
    interrupted: i64,
    faults: i64,
}

fn main() -> ExitCode {
    let minutes = std::env::var("AURALIS_STEADY_MINUTES").ok().and_then(|minutes| minutes.parse().ok());
    let minutes: f64 = minutes.unwrap_or(MINUTES);
    let (strands, mut built) = sized();
    let blocks = (minutes * 60.0 * f64::from(RATE) / BLOCK as f64).ceil() as usize;
    println!("{} nodes ({strands} strands), {blocks} blocks of {BLOCK} frames", score::nodes(strands));
    let blocks = play(&mut built, blocks, true);
    let even = report(&blocks);
    print_own_work(strands, blocks.len().min(AGAIN));
    match even {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// A graph that takes so much as it is to, and how many strands it has.
fn sized() -> (usize, Built) {
    let mut strands = 8;
    let mut best = None;
    for _ in 0..5 {
        let mut built = built(strands);
        let load = load(&play(&mut built, SAMPLE, true));
        println!("{strands} strands take {:.0}% of a core", load * 100.0);
        let close = (load - LOAD).abs() < MISS;
        best = Some((strands, built));
        if close {
            break;
        }
        strands = ((strands as f64 * LOAD / load).round() as usize).max(1);
    }
    best.expect("a graph was measured")
}

fn built(strands: usize) -> Built {
    let (catalogue, places) = (auralis_nodes::catalogue(), places());
    let source = Source::new("steady.yaml", score::text(strands));
    let preset = Preset::read(&source, &catalogue, &places).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let options = Options::render(RATE, preset.settings(), places);
    let options = Options { threads: 1, pace: Pace::RealTime, ..options };
    let mut built = build(&preset, &catalogue, &options).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let (mut left, mut right) = ([0.0; BLOCK], [0.0; BLOCK]);
    (0..WARM_UP).for_each(|_| built.engine.render(&mut left, &mut right));
    built
}

/// Plays blocks, as an audio device asks for them or at once.
fn play(built: &mut Built, blocks: usize, paced: bool) -> Vec<Block> {
    let (mut left, mut right) = ([0.0; BLOCK], [0.0; BLOCK]);
    let mut played = Vec::with_capacity(blocks);
    let mut due = Instant::now();
    for _ in 0..blocks {
        let (before, began) = (troubles(), thread_time());
        built.engine.render(&mut left, &mut right);
        let (time, after) = (thread_time() - began, troubles());
        played.push(Block { time, interrupted: after.0 - before.0, faults: after.1 - before.1 });
        due += Duration::from_secs_f64(BLOCK as f64 / f64::from(RATE));
        if paced {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
        }
    }
    played
}

/// Prints how even the work itself is, whatever else the machine does: the least time of each block.
fn print_own_work(strands: usize, blocks: usize) {
    let times: Vec<Vec<Block>> = (0..TIMES).map(|_| play(&mut built(strands), blocks, false)).collect();
    let least = |block: usize| times.iter().map(|times| times[block].time).min().unwrap_or_default();
    let mut least: Vec<Duration> = (0..blocks).map(least).collect();
    least.sort();
    let [p50, p99, p999, most] = [0.5, 0.99, 0.999, 1.0]
        .map(|share| least[((blocks as f64 * share) as usize).min(blocks - 1)].as_secs_f64() * 1e3);
    println!(
        "the least of {TIMES} times of {blocks} blocks: p50 {p50:.3} ms, p99 {p99:.3} ms, p99.9 {p999:.3} ms, \
         longest {most:.3} ms; p99.9 over p50: {:.2}",
        p999 / p50
    );
}

/// Part of a core that blocks took.
fn load(blocks: &[Block]) -> f64 {
    let time: Duration = blocks.iter().map(|block| block.time).sum();
    time.as_secs_f64() / (blocks.len() as f64 * BLOCK as f64 / f64::from(RATE))
}

/// Prints what the blocks took. Returns whether they are as even as they must be.
fn report(blocks: &[Block]) -> bool {
    let mut sorted = blocks.to_vec();
    sorted.sort_by_key(|block| block.time);
    let at = |share: f64| sorted[((sorted.len() as f64 * share) as usize).min(sorted.len() - 1)].time;
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    let [p50, p99, p999, most] = [0.5, 0.99, 0.999, 1.0].map(|share| millis(at(share)));
    println!("load {:.1}% of a core; a block sounds {:.2} ms", load(blocks) * 100.0, BLOCK as f64 / 48.0);
    println!("p50 {p50:.3} ms, p99 {p99:.3} ms, p99.9 {p999:.3} ms, longest {most:.3} ms");
    let ratio = p999 / p50;
    println!("p99.9 over p50: {ratio:.2} (at most {MOST})");
    let slow = sorted.iter().filter(|block| millis(block.time) > MOST * p50);
    let (interrupted, faulted) = (
        slow.clone().filter(|block| block.interrupted > 0).count(),
        slow.clone().filter(|block| block.faults > 0).count(),
    );
    println!(
        "{} blocks took more than that: of these {interrupted} were interrupted, {faulted} waited for memory",
        slow.count()
    );
    ratio <= MOST
}

/// How often the system took the core away from this thread, and how often it had to find memory for it.
#[cfg(target_os = "linux")]
fn troubles() -> (i64, i64) {
    // SAFETY: all bits zero are a value of this plain structure.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: the kernel writes one rusage, and ours is one.
    unsafe { libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage) };
    (usage.ru_nivcsw, usage.ru_minflt + usage.ru_majflt)
}

#[cfg(not(target_os = "linux"))]
fn troubles() -> (i64, i64) {
    (0, 0)
}
