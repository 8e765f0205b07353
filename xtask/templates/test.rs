//! `template`, measured. Say what it must sound like, and hold it here.

use auralis_graph::testing::measure::level_db;
use auralis_graph::testing::render;
use auralis_nodes::catalogue;

#[test]
fn without_any_amount_the_sound_passes_unchanged() {
    let nodes = |rest: &str| format!("auralis: 1\nnodes:\n  n: {{ type: noise, gain: -20 dB }}\n{rest}");
    let plain = render(&nodes("  out: { type: output, in: n }\n"), &catalogue(), 0.5);
    let through = "  t: { type: template, in: n, amount: 0 }\n  out: { type: output, in: t }\n";
    assert!(render(&nodes(through), &catalogue(), 0.5) == plain);
    let folded = "  t: { type: template, in: n, amount: 1 }\n  out: { type: output, in: t }\n";
    let [left, _] = render(&nodes(folded), &catalogue(), 0.5);
    assert!((level_db(&left) - level_db(&plain[0]) - 3.5).abs() < 0.1, "{}", level_db(&left));
}
