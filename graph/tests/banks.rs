//! Recursions that run side by side, and one of them that fails: the others sound as they would without it.

mod plain;

use auralis_graph::command::{Failure, Report};
use auralis_graph::engine::{Bank, Context, Io, Recursion, STRIDE};
use auralis_graph::lanes::Lanes;
use auralis_graph::param::ParamSpec;
use auralis_graph::port::Ports;
use auralis_graph::testing::measure::peak;
use auralis_graph::testing::{build_text, render_blocks};
use auralis_graph::{Catalogue, Kind, Node, NodeError, Prepare, Prepared, Processor, Status};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A one-pole low-pass that may fail.
struct Smooth {
    fails: Option<Fails>,
    frame: i64,
    memory: Vec<[f32; 1]>,
    share: [f32; 1],
}

/// Where it panics, from frame 1,000 on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Fails {
    Process,
    Recursions,
    Late,
    Stride,
    Greedy,
}

#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
struct SmoothConfig {
    fails: Option<Fails>,
}

enum Pole {}

impl Recursion<1, 1, 1> for Pole {
    #[inline(always)]
    fn stride<V: Lanes>(memory: &mut [V; 1], [share]: &[V; 1], [x]: &[[V; STRIDE]; 1]) -> [V; STRIDE] {
        let mut out = *x;
        for y in &mut out {
            memory[0] = memory[0] + (*y - memory[0]) * *share;
            *y = memory[0];
        }
        out
    }
}

enum Broken {}

impl Recursion<1, 1, 1> for Broken {
    #[inline(always)]
    fn stride<V: Lanes>(_: &mut [V; 1], _: &[V; 1], _: &[[V; STRIDE]; 1]) -> [V; STRIDE] {
        panic!("a recursion breaks")
    }
}

impl Node for Smooth {
    const KIND: &'static str = "smooth";
    const ABOUT: &'static str = "A low-pass.";
    const EXAMPLE: &'static str = "";
    const PARAMS: &'static [ParamSpec] = &[ParamSpec::ratio("share", 0.1)];
    type Config = SmoothConfig;

    fn ports(_: &SmoothConfig) -> Ports {
        Ports::effect()
    }

    fn recursive(_: &SmoothConfig) -> bool {
        true
    }

    fn prepare(config: &SmoothConfig, cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        let memory = vec![[0.0]; usize::from(cx.inputs[0])];
        Ok(Prepared::new(Self { fails: config.fails, frame: 0, memory, share: [0.1] }))
    }
}

impl Smooth {
    fn fails(&self, how: Fails) -> bool {
        self.frame >= 1_000 && self.fails == Some(how)
    }
}

impl Processor for Smooth {
    fn process(&mut self, cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        self.frame = cx.frame;
        self.share = [io.param(0).first()];
        assert!(!self.fails(Fails::Process), "a node breaks");
        Status::Recursions
    }

    fn recursions<'a>(&'a mut self, bank: &mut Bank<'a>) {
        let [late, stride, greedy] = [Fails::Late, Fails::Stride, Fails::Greedy].map(|how| self.fails(how));
        assert!(!self.fails(Fails::Recursions), "a node breaks before it has added anything");
        let input = bank.input(0);
        for (channel, memory) in self.memory.iter_mut().enumerate() {
            match stride {
                false => {
                    bank.add::<Pole, _, _, _>((0, channel), memory, &self.share, [input.channel(channel)])
                }
                true => {
                    bank.add::<Broken, _, _, _>((0, channel), memory, &self.share, [input.channel(channel)])
                }
            }
        }
        assert!(!late, "a node breaks when it has added all");
        for _ in 0..if greedy { 100 } else { 0 } {
            bank.add::<Through, _, _, _>((0, 0), &mut [], &[], [input.channel(0)]);
        }
    }

    fn reset(&mut self) {
        self.memory.fill([0.0]);
    }
}

/// Gives what it gets.
enum Through {}

impl Recursion<0, 0, 1> for Through {
    #[inline(always)]
    fn stride<V: Lanes>(_: &mut [V; 0], _: &[V; 0], [x]: &[[V; STRIDE]; 1]) -> [V; STRIDE] {
        *x
    }
}

const COUNT: usize = 10;

/// Low-passes of one tone that run side by side, of which one may fail and one is heard; beside them a tone.
fn text(bad: usize, fails: &str, heard: usize) -> String {
    let mut text = "auralis: 1\nnodes:\n  t: { type: tone, freq: 300 Hz }\n".to_string();
    text += "  other: { type: tone, freq: 500 Hz, gain: -12 dB }\n";
    for index in 0..COUNT {
        let fails = if index == bad { format!(", fails: {fails}") } else { String::new() };
        let mute = if index == heard { "" } else { ", mute: true" };
        text += &format!(
            "  s{index}: {{ type: smooth, in: t, share: {}{mute}{fails} }}\n",
            0.05 * (index + 1) as f32
        );
    }
    let all: Vec<String> = (0..COUNT).map(|index| format!("s{index}")).collect();
    text + &format!("  out: {{ type: output, in: [other, {}] }}\n", all.join(", "))
}

/// What is heard, and which nodes failed.
fn play(bad: usize, fails: &str, heard: usize) -> (Vec<f32>, Vec<String>) {
    let catalogue = Catalogue::new(plain::catalogue().iter().copied().chain([Kind::of::<Smooth>()]));
    let mut built = build_text(&text(bad, fails, heard), &catalogue);
    let [left, _] = render_blocks(&mut built, 9_600, &[512]);
    let failed = std::iter::from_fn(|| built.controller.report()).filter_map(|report| match report {
        Report::Failed { node, failure: Failure::Panicked, frame: 1_024 } => {
            Some(built.controller.node_name(node).to_string())
        }
        Report::Failed { .. } => panic!("{report:?}"),
        _ => None,
    });
    let failed = failed.collect();
    (left, failed)
}

#[test]
fn a_node_that_panics_among_its_like_falls_silent_alone() {
    for fails in ["process", "recursions", "late", "greedy"] {
        // The first, one in the middle, and the last, whose turn it is when the recursions run.
        for bad in [0, 4, COUNT - 1] {
            for heard in [0, 3, 5, COUNT - 1] {
                let (sound, failed) = play(bad, fails, heard);
                assert_eq!(failed, [format!("s{bad}")], "{fails}");
                let (whole, none) = play(COUNT, "", heard);
                assert_eq!(none, [""; 0]);
                if heard != bad {
                    assert!(sound == whole, "s{bad} fails ({fails}) and s{heard} sounds otherwise");
                    continue;
                }
                let step =
                    |x: &[f32]| x.windows(2).fold(0.0f32, |most, pair| most.max((pair[1] - pair[0]).abs()));
                assert!(
                    sound[..1_024] == whole[..1_024] && step(&sound[960..]) < 1.5 * step(&whole),
                    "{fails}"
                );
                let (rest, all) = (peak(&sound[4_000..]), peak(&whole[4_000..]));
                assert!(rest > 0.1 && rest < 0.5 * all, "it is heard or nothing is: {rest} of {all}");
            }
        }
    }
}

#[test]
fn arithmetic_that_panics_silences_all_that_ran_side_by_side_and_nothing_else() {
    let (sound, mut failed) = play(4, "stride", 2);
    failed.sort();
    assert_eq!(failed, (0..COUNT).map(|index| format!("s{index}")).collect::<Vec<_>>());
    assert!(sound.iter().all(|x| x.is_finite()));
    let rest = peak(&sound[4_000..]);
    assert!((rest - 0.5 * 10f32.powf(-12.0 / 20.0)).abs() < 0.01, "the other tone: {rest}");
}
