//! What the encoders make, heard by programs that others wrote: ffmpeg, mpv, and the crate `ogg`. It is also watched
//! that nothing allocates on the rendering thread.

mod containers;
mod ears;
mod opus;
mod realtime;

use auralis_graph::testing::realtime::CheckedAllocator;

#[global_allocator]
static ALLOCATOR: CheckedAllocator = CheckedAllocator;
