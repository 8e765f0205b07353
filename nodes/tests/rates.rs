//! The effects at every rate that an engine runs at, while all their parameters jump: within bounds, on time, and
//! silent again afterwards.

mod probe;

use auralis_graph::chance::Chance;
use auralis_graph::command::When;
use auralis_graph::param::{Amount, ParamSpec};
use auralis_graph::testing::measure::peak;
use auralis_graph::testing::realtime::{self, CheckedAllocator};
use probe::{built, catalogue, frames, noise};

#[global_allocator]
static ALLOCATOR: CheckedAllocator = CheckedAllocator;

const EFFECTS: [&str; 13] = [
    "chorus, voices: 1",
    "chorus, voices: 4",
    "compressor, detector: rms",
    "compressor",
    "delay",
    "delay, ping_pong: true, change: tape",
    "eq",
    "eq, slope: 24",
    "limiter",
    "meter",
    "reverb",
    "reverb, space: chamber",
    "reverb, space: cathedral",
];

/// The own parameters of an effect that make no sound by themselves.
fn params(effect: &str) -> Vec<&'static ParamSpec> {
    let name = effect.split(',').next().unwrap_or_default();
    let kind = *catalogue().get(name).unwrap();
    kind.params.iter().collect()
}

#[test]
fn effects_stand_any_rate_and_any_movement_and_come_to_rest() {
    for rate in [8_000, 22_050, 44_100, 96_000, 192_000, 384_000] {
        for effect in EFFECTS {
            let count = rate as usize / 2;
            let sound = [noise(1, count), noise(2, count)];
            let mut built = built(&sound, &format!("y: {{ in: x, type: {effect} }}"), rate);
            let mut chance = Chance::new(u64::from(rate)).named(effect);
            realtime::take_violations();
            let mut highest = 0.0f32;
            for _ in 0..40 {
                for spec in params(effect) {
                    let value = match chance.below(3) {
                        0 => spec.range.min,
                        1 => spec.range.max,
                        _ => spec.range.value(chance.unit()),
                    };
                    let when = When::Frame(built.engine.frame() + i64::from(chance.below(count as u32 / 40)));
                    built.controller.set_param("y", spec.name, Amount::Value(value), when).unwrap();
                }
                let heard = frames(&mut built, count / 40);
                highest = highest.max(peak(&heard[0])).max(peak(&heard[1]));
            }
            assert_eq!(realtime::take_violations(), 0, "{effect} at {rate}");
            // Five bands of 18 dB may stand at one frequency, and a resonant cut beside them.
            let most = if effect.starts_with("eq") { 1e6 } else { 100.0 };
            assert!(highest < most, "{effect} at {rate}: {highest}");
            assert_eq!(built.controller.report(), None, "{effect} at {rate}");
            // Without feedback, and at its smallest, everything ends.
            for spec in params(effect) {
                let rests = if spec.range.min <= 0.0 && spec.range.max > 0.0 { 0.0 } else { spec.default };
                built.controller.set_param("y", spec.name, Amount::Value(rests), When::Now).unwrap();
            }
            frames(&mut built, rate as usize * 3);
            let rest = frames(&mut built, rate as usize / 10);
            assert!(peak(&rest[0]) == 0.0 && peak(&rest[1]) == 0.0, "{effect} at {rate}");
        }
    }
}
