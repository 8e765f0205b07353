//! What `cargo xtask new-node` writes builds and passes: its templates are compiled here as they stand.

#[path = "../../xtask/templates/node.rs"]
#[allow(unreachable_pub, reason = "it is written for a library")]
mod template;
#[path = "../../xtask/templates/test.rs"]
mod test;

use auralis_graph::testing::read;
use auralis_graph::{Catalogue, Kind};

fn catalogue() -> Catalogue {
    let all = auralis_nodes::catalogue();
    Catalogue::new(all.iter().copied().chain([Kind::of::<template::Template>()]))
}

#[test]
fn the_example_of_a_new_node_runs_without_a_warning() {
    let kind = *catalogue().get("template").unwrap();
    let nodes: String = kind.example.trim().lines().map(|line| format!("  {line}\n")).collect();
    let preset = read(&format!("auralis: 1\nnodes:\n{nodes}"), &catalogue());
    assert!(preset.warnings.is_empty(), "{}", preset.warnings);
}
