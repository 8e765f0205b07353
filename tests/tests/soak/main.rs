//! A station's life in fast motion: hours of its time, rendered offline as fast as it goes, with an edit each minute
//! and listeners who turn its controls. Memory does not grow, no node fails, nothing clicks, no chunk is missing.
//!
//! The test command runs two minutes, with an edit each second; `cargo xtask soak` runs a day. `AURALIS_SOAK_MINUTES`
//! says how long.

mod score;
mod station;

use auralis_graph::testing::memory::{CountedAllocator, live};
use auralis_tests::Trend;
use score::Score;
use station::{RATE, Station};
use std::time::{Duration, Instant};

#[global_allocator]
static ALLOCATOR: CountedAllocator = CountedAllocator;

/// Fewest edits of a run: it takes some rounds to see what grows.
const FEWEST_EDITS: f64 = 120.0;
/// Bytes that may come on top over a run, after its first quarter, of what the allocator was asked for: two minutes
/// without a leak make 0.1 kB, with one of 64 bytes an edit 4.6 kB.
const MORE_LIVE: f64 = 3e3;
/// As much of what the system has given: it gives by pages, and takes back when it likes.
const MORE_RESIDENT: f64 = 4e6;

/// Rounds, with an edit each second, before memory is looked at: tables grow to their size while graphs come and go.
const WARM_UP: usize = 10;

/// Rest behind a round of edits: what something holds for less is no leak.
const MOMENT: Duration = Duration::from_millis(300);

/// Memory that the system has given, in bytes; none where it cannot be asked.
fn resident() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find(|line| line.starts_with("VmRSS:"))?;
    line.split_whitespace().nth(1)?.parse().ok().map(|kilobytes: f64| kilobytes * 1024.0)
}

/// What was measured of memory, one point for each round of the score.
#[derive(Default)]
struct Memory {
    live: Trend,
    resident: Trend,
}

impl Memory {
    fn print(&self) {
        println!("\n| memory | after the first quarter | at the end | grew by | may grow by |");
        println!("| --- | --- | --- | --- | --- |");
        for (name, trend, most) in
            [("allocated", &self.live, MORE_LIVE), ("resident", &self.resident, MORE_RESIDENT)]
        {
            let [first, last] = [trend.first(), trend.last()].map(|bytes| bytes / 1e6);
            let [growth, most] = [trend.growth(), most].map(|bytes| bytes / 1e3);
            println!("| {name} | {first:.3} MB | {last:.3} MB | {growth:.1} kB | {most:.0} kB |");
        }
    }

    fn check(&self) {
        for (name, trend, most) in
            [("allocated", &self.live, MORE_LIVE), ("resident", &self.resident, MORE_RESIDENT)]
        {
            let growth = trend.growth();
            assert!(growth <= most, "{name} memory grew by {:.1} kB: something leaks", growth / 1e3);
        }
    }
}

#[test]
fn a_station_that_is_edited_for_hours_keeps_its_memory_and_its_sound() {
    let minutes = std::env::var("AURALIS_SOAK_MINUTES")
        .ok()
        .map_or(2.0, |minutes| minutes.parse::<f64>().expect("AURALIS_SOAK_MINUTES is a number of minutes"));
    let every = (minutes * 60.0 / FEWEST_EDITS).clamp(1.0, 60.0);
    let edits = ((minutes * 60.0 / every).round() as usize).max(1);
    let score = Score::new();
    let mut station = Station::start(score.graph(0));
    let (mut memory, mut round) = (Memory::default(), Vec::new());
    let warm_up = WARM_UP * score.length();
    for edit in 1..=warm_up {
        station.play(RATE as usize, edit);
        station.edit(score.graph(edit), edit);
    }
    let began = Instant::now();
    println!("{minutes} minutes of a station's time, {edits} edits; a round has {}", score.length());
    for edit in warm_up + 1..=warm_up + edits {
        station.play((every * f64::from(RATE)) as usize, edit);
        station.edit(score.graph(edit), edit);
        round.push((live() as f64, resident().unwrap_or_default()));
        if edit % score.length() == 0 {
            // What is held for a moment is no leak, and edits of a second of the station's time come quickly.
            std::thread::sleep(MOMENT);
            round.push((live() as f64, resident().unwrap_or_default()));
            let least = |of: fn(&(f64, f64)) -> f64| round.iter().map(of).fold(f64::INFINITY, f64::min);
            memory.live.push(least(|point| point.0));
            memory.resident.push(least(|point| point.1));
            round.clear();
            let (hours, wall) = ((edit - warm_up) as f64 * every / 3600.0, began.elapsed().as_secs_f64());
            println!(
                "{hours:7.2} h in {wall:6.0} s ({:.0}x): allocated {:.3} MB, resident {:.1} MB; {}",
                hours * 3600.0 / wall,
                memory.live.last() / 1e6,
                memory.resident.last() / 1e6,
                station.heard
            );
        }
    }
    memory.print();
    memory.check();
}
