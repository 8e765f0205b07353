//! Any text as a preset: no panic, no hang, and what is accepted has one canonical form.
#![no_main]

use auralis_graph::Catalogue;
use auralis_graph::testing::reading::hold;
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

static CATALOGUE: LazyLock<Catalogue> = LazyLock::new(auralis_nodes::catalogue);

fuzz_target!(|text: &str| {
    hold(text, &CATALOGUE);
});
