//! What happens when the machine does not keep up: in real time nodes are muted or shed, offline never.

mod plain;

use auralis_graph::command::{Failure, Report, When};
use auralis_graph::engine::{Context, Io, MOST_RELIEF};
use auralis_graph::node::Pace;
use auralis_graph::param::{Amount, ParamSpec};
use auralis_graph::places::Places;
use auralis_graph::port::{PortSpec, Ports};
use auralis_graph::testing::{RATE, read};
use auralis_graph::{
    Built, Catalogue, Kind, Node, NodeError, Options, Prepare, Prepared, Processor, Status, build,
};
use std::time::{Duration, Instant};

/// A steady 1, for which it takes a part of the time that it sounds.
struct Burden;

impl Node for Burden {
    const KIND: &'static str = "burden";
    const ABOUT: &'static str = "Takes its time.";
    const EXAMPLE: &'static str = "";
    const PARAMS: &'static [ParamSpec] = &[ParamSpec::ratio("load", 0.0), ParamSpec::ratio("more", 0.0)];
    type Config = auralis_graph::node::NoConfig;

    fn ports(_: &Self::Config) -> Ports {
        Ports::new([], [PortSpec::audio("out", 1)])
    }

    fn prepare(_: &Self::Config, _: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        Ok(Prepared::new(Burden))
    }
}

impl Processor for Burden {
    fn process(&mut self, cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        let quantum = Duration::from_secs_f32(64.0 / cx.sample_rate);
        let (began, time) = (Instant::now(), quantum.mul_f32(io.param(0).first() + io.param(1).first()));
        while began.elapsed() < time {
            std::hint::spin_loop();
        }
        // As many voices as it may have.
        io.output(0).channel(0).fill(cx.voices(64) as f32 / 64.0);
        Status::Active
    }

    fn reset(&mut self) {}
}

fn catalogue() -> Catalogue {
    Catalogue::new(plain::catalogue().iter().copied().chain([Kind::of::<Burden>()]))
}

fn built(nodes: &str, pace: Pace) -> Built {
    let catalogue = catalogue();
    let preset = read(&format!("auralis: 1\nnodes:\n{nodes}"), &catalogue);
    let options = Options { pace, ..Options::render(RATE, preset.settings(), Places::anywhere()) };
    build(&preset, &catalogue, &options).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// The last sample of each of so many quanta.
fn run(built: &mut Built, quanta: usize) -> Vec<f32> {
    let quantum = |_| {
        built.engine.quantum();
        built.engine.output()[0][63]
    };
    (0..quanta).map(quantum).collect()
}

fn reports(built: &Built) -> Vec<Report> {
    std::iter::from_fn(|| built.controller.report()).collect()
}

const SLOW: &str = "  a: { type: burden }
  slow: { type: burden, load: 1, more: 1 }
  out: { type: output, in: [a, { from: slow, gain: -20 dB }] }
";

#[test]
fn a_node_that_takes_longer_than_it_sounds_is_muted_with_a_fade_and_named() {
    let mut built = built(SLOW, Pace::RealTime);
    let sound = run(&mut built, 60);
    let failed = reports(&built).into_iter().find_map(|report| match report {
        Report::Failed { node, failure, .. } => Some((built.controller.node_name(node).to_string(), failure)),
        _ => None,
    });
    assert_eq!(failed, Some(("slow".to_string(), Failure::TooSlow)));
    assert!((sound[0] - 1.1).abs() < 1e-3 && (sound[59] - 1.0).abs() < 1e-3, "{sound:?}");
    let steepest = sound.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max);
    assert!(steepest < 0.02, "it does not fade: {sound:?}");
}

#[test]
fn overload_takes_voices_first_then_what_has_a_low_priority_and_gives_all_back() {
    let nodes = "  a: { type: burden, load: 0.6 }
  b: { type: burden, load: 0.6, priority: low }
  out: { type: output, in: [a, b] }
";
    let mut built = built(nodes, Pace::RealTime);
    let sound = run(&mut built, 64 * 6);
    let steps: Vec<u8> = reports(&built)
        .into_iter()
        .filter_map(|report| if let Report::Relieved { steps, .. } = report { Some(steps) } else { None })
        .collect();
    assert_eq!(steps, (1..=MOST_RELIEF).collect::<Vec<u8>>());
    // Both with all voices, with half of them, a quarter, an eighth; then the one without the other.
    for (window, level) in [(0, 2.0), (1, 1.0), (2, 0.5), (3, 0.25)] {
        let at = sound[64 * window + 32];
        assert!((at - level).abs() < 1e-3, "{at} in window {window}");
    }
    assert!((sound[64 * 5] - 0.125).abs() < 1e-3, "{}", sound[64 * 5]);
    for node in ["a", "b"] {
        built.controller.set_param(node, "load", Amount::Value(0.0), When::Now).unwrap();
    }
    let sound = run(&mut built, 64 * 61 * usize::from(MOST_RELIEF));
    assert!((sound.last().unwrap() - 2.0).abs() < 1e-3, "{:?}", sound.last());
    assert!(matches!(reports(&built).last(), Some(Report::Relieved { steps: 0, .. })));
}

#[test]
fn offline_nothing_is_too_slow_and_nothing_is_shed() {
    let nodes = "  a: { type: burden, load: 1, more: 1 }
  b: { type: burden, load: 1, priority: low }
  out: { type: output, in: [a, b] }
";
    let mut built = built(nodes, Pace::Offline);
    let sound = run(&mut built, 64 * 6);
    assert!(sound.iter().all(|x| *x == 2.0));
    assert_eq!(reports(&built), []);
}

#[test]
fn a_mute_that_comes_while_a_node_is_shed_stays_when_it_is_not() {
    let nodes = "  a: { type: burden, load: 0.6 }
  b: { type: burden, load: 0.6, priority: low }
  out: { type: output, in: [a, b] }
";
    let mut built = built(nodes, Pace::RealTime);
    run(&mut built, 64 * 6);
    built.controller.set_param("b", "mute", Amount::Value(1.0), When::Now).unwrap();
    for node in ["a", "b"] {
        built.controller.set_param(node, "load", Amount::Value(0.0), When::Now).unwrap();
    }
    let sound = run(&mut built, 64 * 61 * usize::from(MOST_RELIEF));
    assert!((sound.last().unwrap() - 1.0).abs() < 1e-3, "{:?}", sound.last());
}
