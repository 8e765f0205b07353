//! The figures: where each comes from, what it must reach, and who else is measured with it.

use super::{Measured, Results};
use std::fmt::Write as _;

/// Instruction sets, the widest first, as the bench of the voices names them.
pub const LEVELS: [&str; 6] = ["AVX-512", "AVX2", "NEON", "SSE4.2", "SSE2", "no vectors"];

/// How a median becomes the figure.
#[derive(Debug, Clone, Copy)]
enum Unit {
    /// Nanoseconds for one element, with so many decimals.
    Nanoseconds(usize),
    /// Microseconds for one pass.
    Microseconds,
    /// Milliseconds for one pass.
    Milliseconds,
    /// Elements are frames at so many a second: how much faster than they sound.
    TimesRealTime(f64),
    /// Elements are voices times frames at so many a second: voices in real time.
    Voices(f64),
    /// The median is in bytes.
    Megabytes,
    /// The bench keeps bytes as nanoseconds.
    Kilobytes,
    /// The bench keeps seconds as what they are.
    Seconds,
    /// The bench keeps a number as nanoseconds.
    Count,
    /// How many times as fast as another bench of the group.
    Speedup(&'static str),
    /// Elements are frames at so many a second: how much of their time they take, in percent.
    Load(f64),
}

impl Unit {
    fn of(self, measured: Measured, other: impl Fn(&str) -> Option<Measured>) -> f64 {
        let Measured { median, elements } = measured;
        match self {
            Unit::Speedup(than) => other(than).map_or(0.0, |other| other.median / median),
            Unit::Nanoseconds(_) => median / elements,
            Unit::Microseconds => median / 1e3,
            Unit::Milliseconds => median / 1e6,
            Unit::TimesRealTime(rate) | Unit::Voices(rate) => elements / rate / (median / 1e9),
            Unit::Megabytes => median / 1e6,
            Unit::Kilobytes => median / 1024.0,
            Unit::Seconds => median / 1e9,
            Unit::Count => median,
            Unit::Load(rate) => 100.0 * (median / 1e9) / (elements / rate),
        }
    }

    fn show(self, value: f64) -> String {
        match self {
            Unit::Nanoseconds(decimals) => format!("{value:.decimals$} ns"),
            Unit::Microseconds => format!("{value:.2} us"),
            Unit::Milliseconds if value < 1.0 => format!("{value:.3} ms"),
            Unit::Milliseconds => format!("{value:.1} ms"),
            Unit::TimesRealTime(_) => format!("{value:.0}x"),
            Unit::Voices(_) => thousands(value),
            Unit::Megabytes => format!("{value:.1} MB"),
            Unit::Kilobytes => format!("{value:.1} kB"),
            Unit::Seconds => format!("{value:.2} s"),
            Unit::Count => format!("{value:.0}"),
            Unit::Speedup(_) => format!("{value:.2}x"),
            Unit::Load(_) => format!("{value:.1}%"),
        }
    }
}

fn thousands(value: f64) -> String {
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// What a figure must reach.
#[derive(Debug, Clone, Copy)]
enum Goal {
    AtMost(f64),
    Below(f64),
    AtLeast(f64),
}

impl Goal {
    fn is_met(self, value: f64) -> bool {
        match self {
            Goal::AtMost(most) => value <= most,
            Goal::Below(limit) => value < limit,
            Goal::AtLeast(least) => value >= least,
        }
    }
}

/// A line of the table.
struct Figure {
    what: &'static str,
    group: &'static str,
    bench: &'static str,
    unit: Unit,
    goal: Goal,
    /// The goal as it is printed.
    required: &'static str,
    peers: &'static [&'static str],
}

/// Engines that are measured with this one.
const ENGINES: &[&str] = &["dasp_graph", "fundsp Net", "fundsp Net, its own units", "Firewheel (128 frames)"];

const FIGURES: &[Figure] = &[
    Figure {
        what: "an empty node of 1,000, for a quantum of 64 frames",
        group: "empty",
        bench: "Auralis",
        unit: Unit::Nanoseconds(1),
        goal: Goal::AtMost(5.0),
        required: "<= 5 ns",
        peers: ENGINES,
    },
    Figure {
        what: "1,000 small nodes (sine, gain, filter, mix), per node and sample",
        group: "sounding",
        bench: "Auralis",
        unit: Unit::Nanoseconds(2),
        goal: Goal::AtMost(1.5),
        required: "<= 1.5 ns",
        peers: ENGINES,
    },
    Figure {
        what: "the same on AVX2",
        group: "sounding",
        bench: "Auralis, AVX2",
        unit: Unit::Nanoseconds(2),
        goal: Goal::AtMost(0.45),
        required: "<= 0.45 ns (aim 0.3)",
        peers: &[],
    },
    Figure {
        what: "5,000 small nodes on two cores, times as fast as on one",
        group: "threads",
        bench: "two",
        unit: Unit::Speedup("one"),
        goal: Goal::AtLeast(1.8),
        required: ">= 1.8x",
        peers: &[],
    },
    Figure {
        what: "adding two nodes to 5,000 while they play, control thread",
        group: "edit",
        bench: "control thread",
        unit: Unit::Milliseconds,
        goal: Goal::AtMost(3.0),
        required: "<= 3 ms",
        peers: &[],
    },
    Figure {
        what: "the same, extra time of the next quantum",
        group: "edit",
        bench: "next quantum, extra",
        unit: Unit::Microseconds,
        goal: Goal::AtMost(20.0),
        required: "<= 20 us",
        peers: &[],
    },
    Figure {
        what: "the same, nodes with the peers' kernels",
        group: "sounding",
        bench: "Auralis, the same kernels",
        unit: Unit::Nanoseconds(2),
        goal: Goal::AtMost(1.5),
        required: "<= 1.5 ns",
        peers: &[],
    },
    Figure {
        what: "voices of `synth`, AVX-512, in real time at 48 kHz",
        group: "voices",
        bench: "AVX-512",
        unit: Unit::Voices(48_000.0),
        goal: Goal::AtLeast(8_000.0),
        required: ">= 8,000",
        peers: &[],
    },
    Figure {
        what: "voices of `synth`, AVX2",
        group: "voices",
        bench: "AVX2",
        unit: Unit::Voices(48_000.0),
        goal: Goal::AtLeast(5_000.0),
        required: ">= 5,000",
        peers: &["SSE2"],
    },
    Figure {
        what: "default preset, text to file, times real time",
        group: "render",
        bench: "Auralis",
        unit: Unit::TimesRealTime(44_100.0),
        goal: Goal::AtLeast(60.0),
        required: ">= 60x (aim 120x)",
        peers: &["FluidSynth, the same notes"],
    },
    Figure {
        what: "phrase of 8 s composed and rendered",
        group: "phrase",
        bench: "8 s",
        unit: Unit::Milliseconds,
        goal: Goal::Below(100.0),
        required: "< 100 ms",
        peers: &[],
    },
    Figure {
        what: "notes of a phrase ten years in",
        group: "composer",
        bench: "a phrase ten years in",
        unit: Unit::Milliseconds,
        goal: Goal::Below(10.0),
        required: "< 10 ms",
        peers: &[],
    },
    Figure {
        what: "ring buffer, write of a chunk",
        group: "chunks",
        bench: "write",
        unit: Unit::Microseconds,
        goal: Goal::Below(1.0),
        required: "< 1 us",
        peers: &[],
    },
    Figure {
        what: "ring buffer, read of a chunk",
        group: "chunks",
        bench: "read",
        unit: Unit::Microseconds,
        goal: Goal::Below(1.0),
        required: "< 1 us",
        peers: &[],
    },
    Figure {
        what: "encoding of a chunk of 100 ms as base64 JSON",
        group: "chunks",
        bench: "encode",
        unit: Unit::Microseconds,
        goal: Goal::Below(50.0),
        required: "< 50 us",
        peers: &[],
    },
    Figure {
        what: "`auralis serve`, resident memory",
        group: "serve",
        bench: "resident memory",
        unit: Unit::Megabytes,
        goal: Goal::Below(100.0),
        required: "< 100 MB",
        peers: &[],
    },
    Figure {
        what: "`auralis serve`, start to the first chunk heard",
        group: "serve",
        bench: "start to first chunk",
        unit: Unit::Milliseconds,
        goal: Goal::Below(1000.0),
        required: "< 1 s",
        peers: &[],
    },
    Figure {
        what: "preset of 10,000 nodes, parsed and checked",
        group: "check",
        bench: "10,000 nodes",
        unit: Unit::Milliseconds,
        goal: Goal::Below(250.0),
        required: "< 250 ms",
        peers: &[],
    },
    Figure {
        what: "10,000 listeners of Opus at 128 kbit/s on one core, processor time of a listener's second",
        group: "crowd",
        bench: "opus 10000, us",
        unit: Unit::Microseconds,
        goal: Goal::AtMost(75.0),
        required: "<= 75 us",
        peers: &["Icecast, 500 players of MP3", "bare sends of 1600 bytes"],
    },
    Figure {
        what: "those of them who waited longer than 200 ms for a chunk",
        group: "crowd",
        bench: "opus 10000, gaps",
        unit: Unit::Count,
        goal: Goal::AtMost(0.0),
        required: "0",
        peers: &[],
    },
    Figure {
        what: "memory of one of them",
        group: "crowd",
        bench: "opus 10000, bytes",
        unit: Unit::Kilobytes,
        goal: Goal::AtMost(16.0),
        required: "<= 16 kB",
        peers: &["Icecast, a player"],
    },
    Figure {
        what: "5,000 listeners of base64 JSON on one core, processor time of a listener's second",
        group: "crowd",
        bench: "json 5000, us",
        unit: Unit::Microseconds,
        goal: Goal::AtMost(115.0),
        required: "<= 115 us",
        peers: &["bare sends of 25600 bytes"],
    },
    Figure {
        what: "those of them who waited longer than 200 ms",
        group: "crowd",
        bench: "json 5000, gaps",
        unit: Unit::Count,
        goal: Goal::AtMost(0.0),
        required: "0",
        peers: &[],
    },
    Figure {
        what: "1,000 connections at once, until all of them play",
        group: "crowd",
        bench: "pcm16 1000, join",
        unit: Unit::Seconds,
        goal: Goal::Below(2.0),
        required: "< 2 s",
        peers: &["Icecast, 500 players"],
    },
    Figure {
        what: "1,000 listeners, 99 of 100 chunks are late by at most",
        group: "crowd",
        bench: "pcm16 1000, late",
        unit: Unit::Milliseconds,
        goal: Goal::Below(20.0),
        required: "< 20 ms",
        peers: &[],
    },
    Figure {
        what: "private stations of the default preset in real time, one core",
        group: "crowd",
        bench: "private",
        unit: Unit::Count,
        goal: Goal::AtLeast(40.0),
        required: ">= 40",
        peers: &[],
    },
    Figure {
        what: "a control to its generation_update",
        group: "crowd",
        bench: "control to update",
        unit: Unit::Milliseconds,
        goal: Goal::Below(20.0),
        required: "< 20 ms",
        peers: &[],
    },
    Figure {
        what: "a control of timbre to the rendered sound",
        group: "crowd",
        bench: "control to sound",
        unit: Unit::Milliseconds,
        goal: Goal::Below(250.0),
        required: "< 250 ms",
        peers: &[],
    },
    Figure {
        what: "default preset in the plugin, blocks of 512 frames at 48 kHz, of one core",
        group: "plugin",
        bench: "a block of the default preset",
        unit: Unit::Load(48_000.0),
        goal: Goal::AtMost(5.0),
        required: "<= 5%",
        peers: &[],
    },
    Figure {
        what: "the plugin, first instance of a process to its first sound",
        group: "plugin",
        bench: "instantiation to first sound",
        unit: Unit::Milliseconds,
        goal: Goal::Below(150.0),
        required: "< 150 ms",
        peers: &[],
    },
    Figure {
        what: "the plugin, load of a session of 1,000 nodes and 1 MB to its first sound",
        group: "plugin",
        bench: "load of a large session",
        unit: Unit::Milliseconds,
        goal: Goal::Below(300.0),
        required: "< 300 ms",
        peers: &[],
    },
    Figure {
        what: "the longest block of 512 frames (10.7 ms) meanwhile",
        group: "plugin",
        bench: "longest block meanwhile",
        unit: Unit::Milliseconds,
        goal: Goal::Below(10.6),
        required: "none late",
        peers: &[],
    },
    Figure {
        what: "the plugin with its editor, without the SoundFont",
        group: "plugin",
        bench: "size",
        unit: Unit::Megabytes,
        goal: Goal::AtMost(15.0),
        required: "<= 15 MB",
        peers: &[],
    },
];

/// The table in Markdown.
pub fn table(results: &Results) -> String {
    let mut text =
        String::from("| figure | Auralis | required | peers in the same run |\n| --- | --- | --- | --- |\n");
    for figure in FIGURES {
        let of_group = |bench: &str| results.get(figure.group, bench);
        let measured = of_group(figure.bench);
        // An instruction set that the machine does not have is nothing missing.
        if measured.is_none() && (figure.group == "voices" || figure.bench.ends_with("AVX2")) {
            continue;
        }
        let shown = measured.map_or("not measured".to_string(), |measured| {
            let value = figure.unit.of(measured, of_group);
            let shown = figure.unit.show(value);
            if figure.goal.is_met(value) { shown } else { format!("**{shown}, missed**") }
        });
        let of_peer = |peer: &&str| {
            let value = figure.unit.of(results.get(figure.group, peer)?, of_group);
            Some(format!("{peer} {}", figure.unit.show(value)))
        };
        let peers: Vec<String> = figure.peers.iter().filter_map(of_peer).collect();
        let peers = peers.join("; ");
        let space = if peers.is_empty() { "" } else { " " };
        let _ = writeln!(text, "| {} | {shown} | {} |{space}{peers} |", figure.what, figure.required);
    }
    text
}
