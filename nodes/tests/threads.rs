//! One graph on several threads: the same samples on any number of them.

use auralis_graph::chance::Chance;
use auralis_graph::node::Pace;
use auralis_graph::testing::{RATE, places, read};
use auralis_graph::{Built, Catalogue, Options, build};
use auralis_nodes::catalogue;
use std::fmt::Write as _;

/// So much that it is worth several threads: chains of waves, filters and echoes in groups, and a loop.
fn large(groups: usize) -> String {
    let mut text = String::from("auralis: 1\nseed: 3\nnodes:\n  slow: { type: lfo, rate: 2 Hz }\n");
    for group in 0..groups {
        for chain in 0..8 {
            let name = format!("{group}_{chain}");
            let hertz = 55 + 13 * group + 31 * chain;
            let _ = writeln!(text, "  w{name}: {{ type: oscillator, wave: saw, frequency: {hertz} Hz }}");
            let cutoff = if chain % 3 == 0 { "{ from: slow, min: 200 Hz, max: 4 kHz }" } else { "900 Hz" };
            let _ = writeln!(text, "  f{name}: {{ type: filter, in: w{name}, cutoff: {cutoff} }}");
            let _ = writeln!(text, "  g{name}: {{ type: gain, in: f{name}, gain: -30 dB }}");
        }
        let chains: Vec<String> = (0..8).map(|chain| format!("g{group}_{chain}")).collect();
        let _ = writeln!(text, "  m{group}: {{ type: mix, in: [{}] }}", chains.join(", "));
        let _ = writeln!(text, "  e{group}: {{ type: delay, in: m{group}, time: 30 ms, feedback: 0.3 }}");
    }
    let groups: Vec<String> = (0..groups).map(|group| format!("e{group}")).collect();
    let _ =
        writeln!(text, "  all: {{ type: mix, in: [{}, {{ from: round, gain: -6 dB }}] }}", groups.join(", "));
    text += "  round: { type: delay, in: all, time: 50 ms, mix: 1 }\n";
    text + "  out: { type: output, in: all }\n"
}

fn built(text: &str, catalogue: &Catalogue, threads: usize) -> Built {
    let preset = read(text, catalogue);
    let options =
        Options { threads, pace: Pace::Offline, ..Options::render(RATE, preset.settings(), places()) };
    build(&preset, catalogue, &options).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// So many blocks, and over how many threads they came to be rendered at most: costs are measured, and on a machine that
/// does other work as well a graph may be taken back to one for a while.
fn render(built: &mut Built, blocks: usize) -> (Vec<u32>, usize) {
    let (mut left, mut right) = ([0.0; 512], [0.0; 512]);
    let (mut bits, mut threads) = (Vec::new(), 1);
    for _ in 0..blocks {
        built.engine.render(&mut left, &mut right);
        bits.extend(left.iter().chain(&right).map(|x| x.to_bits()));
        threads = threads.max(built.editor.balance());
    }
    (bits, threads)
}

#[test]
fn a_large_graph_gives_the_same_samples_on_any_number_of_threads() {
    let (text, catalogue) = (large(40), catalogue());
    let (alone, threads) = render(&mut built(&text, &catalogue, 1), 250);
    assert_eq!(threads, 1);
    assert!(alone.iter().any(|bits| f32::from_bits(*bits).abs() > 0.01));
    for most in [2, 3, 8] {
        let (spread, threads) = render(&mut built(&text, &catalogue, most), 250);
        assert_eq!(threads, most, "it was not spread");
        let apart = alone.iter().zip(&spread).position(|(a, b)| a != b);
        assert_eq!(apart, None, "{most} threads");
    }
}

#[test]
fn a_small_graph_stays_on_one_thread() {
    let text = "auralis: 1\nnodes:\n  a: { type: oscillator }\n  out: { type: output, in: a }\n";
    let (_, threads) = render(&mut built(text, &catalogue(), 8), 50);
    assert_eq!(threads, 1);
}

#[test]
fn an_edit_of_a_graph_on_several_threads_is_that_of_one_on_one() {
    let (before, catalogue) = (large(30), catalogue());
    let after = before.replace("type: delay, in: m7, time: 30 ms", "type: delay, in: m7, time: 41 ms");
    let after = after.replace("  g3_3: { type: gain", "  g3_3: { type: filter, mode: high");
    let rendered = [1, 4].map(|threads| {
        let mut built = built(&before, &catalogue, threads);
        let (mut bits, spread) = render(&mut built, 250);
        assert_eq!(spread, threads);
        built.editor.finish(std::time::Duration::ZERO);
        let preset = read(&after, &catalogue);
        let none = Default::default();
        let edited = built.editor.edit(&preset, &catalogue, preset.settings(), places(), &none);
        edited.unwrap_or_else(|error| panic!("{error}"));
        bits.extend(render(&mut built, 50).0);
        bits
    });
    let apart = rendered[0].iter().zip(&rendered[1]).position(|(a, b)| a != b);
    assert_eq!(apart, None);
}

/// The same graph with something else in some places: nodes that come, go, hear others or are of another kind.
fn varied(text: &str, chance: &mut Chance) -> String {
    let mut lines: Vec<String> = text.lines().map(String::from).collect();
    let groups = lines.iter().filter(|line| line.starts_with("  m")).count() as u32;
    for number in 0..1 + chance.below(6) {
        let (group, chain) = (chance.below(groups), chance.below(8));
        let name = format!("{group}_{chain}");
        let place = |lines: &[String], start: &str| lines.iter().position(|line| line.starts_with(start));
        let gain = place(&lines, &format!("  g{name}:"));
        let Some(gain) = gain else { continue };
        match chance.below(5) {
            // A node more in a chain.
            0 => {
                lines[gain] = lines[gain].replace("in: f", &format!("in: x{number}_"));
                let pass = format!("  x{number}_{name}: {{ type: filter, mode: high, in: f{name} }}");
                let first = place(&lines, "  slow").expect("it has an lfo");
                lines.insert(first, pass);
            }
            // A chain that hears another one's wave.
            1 => {
                let other = format!("in: w{}_{}", chance.below(groups), chance.below(8));
                let filter = place(&lines, &format!("  f{name}:")).expect("each chain has a filter");
                lines[filter] = lines[filter].replace(&format!("in: w{name}"), &other);
            }
            // Another kind.
            2 => lines[gain] = lines[gain].replace("type: gain", "type: pan, pan: 0.3"),
            // A source more of a group, from another one.
            3 => {
                let mix = place(&lines, &format!("  m{group}:")).expect("each group has a mix");
                let other = format!("in: [g{}_{}, ", chance.below(groups), chance.below(8));
                lines[mix] = lines[mix].replace("in: [", &other);
            }
            // Another level.
            _ => lines[gain] = lines[gain].replace("-30 dB", "-34 dB"),
        }
    }
    lines.join("\n") + "\n"
}

#[test]
fn any_edits_give_the_same_samples_however_the_steps_lie() {
    let (plain, catalogue) = (large(24), catalogue());
    let rendered = [1, 3].map(|threads| {
        let mut chance = Chance::new(5);
        let mut built = built(&plain, &catalogue, threads);
        let (mut bits, spread) = render(&mut built, 250);
        assert_eq!(spread, threads);
        for _ in 0..40 {
            let preset = read(&varied(&plain, &mut chance), &catalogue);
            let none = Default::default();
            let edited = built.editor.edit(&preset, &catalogue, preset.settings(), places(), &none);
            edited.unwrap_or_else(|error| panic!("{error}"));
            bits.extend(render(&mut built, 4).0);
        }
        bits
    });
    let apart = rendered[0].iter().zip(&rendered[1]).position(|(a, b)| a != b);
    assert_eq!(apart, None);
}
