//! How much memory the program holds: a global allocator that counts, over the checker of the audio thread.
//! ```text
//! #[global_allocator]
//! static ALLOCATOR: CountedAllocator = CountedAllocator;
//! ```

use super::realtime::CheckedAllocator;
use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicUsize, Ordering};

static LIVE: AtomicUsize = AtomicUsize::new(0);
static MOST: AtomicUsize = AtomicUsize::new(0);

/// Bytes that are allocated now, by all threads.
pub fn live() -> usize {
    LIVE.load(Ordering::Relaxed)
}

/// The most bytes that were allocated at once while `run` ran, beyond those before.
pub fn most(run: impl FnOnce()) -> usize {
    let before = live();
    MOST.store(before, Ordering::Relaxed);
    run();
    MOST.load(Ordering::Relaxed).saturating_sub(before)
}

/// A global allocator that counts what is allocated.
#[derive(Debug, Clone, Copy)]
pub struct CountedAllocator;

fn add(bytes: usize) {
    let live = LIVE.fetch_add(bytes, Ordering::Relaxed) + bytes;
    MOST.fetch_max(live, Ordering::Relaxed);
}

fn take(bytes: usize) {
    LIVE.fetch_sub(bytes, Ordering::Relaxed);
}

// SAFETY: every call is handed on unchanged.
unsafe impl GlobalAlloc for CountedAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add(layout.size());
        // SAFETY: the caller's contract is the other allocator's.
        unsafe { CheckedAllocator.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        take(layout.size());
        // SAFETY: as above.
        unsafe { CheckedAllocator.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        add(new_size);
        take(layout.size());
        // SAFETY: as above.
        unsafe { CheckedAllocator.realloc(ptr, layout, new_size) }
    }
}
