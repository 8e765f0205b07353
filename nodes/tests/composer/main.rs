//! The composer: its theory, its music, and how it plays under a transport that moves.

mod follow;
mod freshness;
mod hands;
mod harmony;
mod limits;
mod melody;
mod play;
mod scores;

use auralis_graph::testing::realtime::CheckedAllocator;

#[global_allocator]
static ALLOCATOR: CheckedAllocator = CheckedAllocator;
