//! The checker of the audio thread. While an engine runs a quantum, this thread may not allocate, release
//! memory or make a system call; whatever does is recorded with its place and fails the test that asks.
//!
//! Memory is watched by a global allocator that the test binary installs:
//! ```text
//! #[global_allocator]
//! static ALLOCATOR: CheckedAllocator = CheckedAllocator;
//! ```
//! System calls (I/O, waiting, contended locks) are watched on Linux x86-64 by the kernel's Syscall User
//! Dispatch, which turns each into a signal while a byte of this thread says so. Locks without contention make
//! no system call; clippy's `disallowed-types` keeps them out of the code instead.
//!
//! Only a program with that allocator is watched: what others measure is the engine, and not its checker.

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

thread_local! {
    static IN_AUDIO: Cell<bool> = const { Cell::new(false) };
    static VIOLATIONS: Cell<usize> = const { Cell::new(0) };
}

static PRINTED: AtomicUsize = AtomicUsize::new(0);

/// Whether this program has the allocator that watches.
static WATCHED: AtomicBool = AtomicBool::new(false);

/// Violations printed with their place; further ones are only counted.
const MOST_PRINTED: usize = 5;

/// Marks a stretch of audio-thread code while it lives. The engine makes it; tests of unusual code may too.
#[derive(Debug)]
pub struct Mark {
    outer: bool,
    watches: bool,
}

impl Mark {
    /// Starts the stretch.
    #[allow(clippy::new_without_default)]
    pub fn new() -> Self {
        let outer = IN_AUDIO.replace(true);
        let watches = !outer && WATCHED.load(Ordering::Relaxed);
        if watches {
            syscalls::watch();
        }
        Self { outer, watches }
    }
}

impl Drop for Mark {
    fn drop(&mut self) {
        if self.watches {
            syscalls::release();
        }
        IN_AUDIO.set(self.outer);
    }
}

/// What this thread did in marked stretches that it must not, since the last call.
pub fn take_violations() -> usize {
    let caught = syscalls::take_caught();
    if let Some(number) = caught {
        eprintln!("system call {number} on the audio thread");
    }
    VIOLATIONS.take() + usize::from(caught.is_some())
}

fn violation(what: &str, bytes: usize) {
    // A panic allocates and writes what happened: it is a failure of its own.
    if std::thread::panicking() {
        return;
    }
    // What follows allocates and writes: not to be watched.
    IN_AUDIO.set(false);
    syscalls::release();
    VIOLATIONS.set(VIOLATIONS.get() + 1);
    if PRINTED.fetch_add(1, Ordering::Relaxed) < MOST_PRINTED {
        eprintln!("{what} of {bytes} bytes on the audio thread:\n{}", Backtrace::force_capture());
    }
    IN_AUDIO.set(true);
    syscalls::watch();
}

/// A global allocator that records what the audio thread asks of it.
#[derive(Debug, Clone, Copy)]
pub struct CheckedAllocator;

// SAFETY: every call is handed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for CheckedAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !WATCHED.load(Ordering::Relaxed) {
            WATCHED.store(true, Ordering::Relaxed);
        }
        if IN_AUDIO.get() {
            violation("allocation", layout.size());
        }
        // SAFETY: the caller's contract is the system allocator's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, ptr: *mut u8, layout: Layout) {
        if IN_AUDIO.get() {
            violation("release", layout.size());
        }
        // SAFETY: as above.
        unsafe { System.dealloc(ptr, layout) }
    }

    unsafe fn realloc(&self, ptr: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        if IN_AUDIO.get() {
            violation("reallocation", new_size);
        }
        // SAFETY: as above.
        unsafe { System.realloc(ptr, layout, new_size) }
    }
}

#[cfg(all(target_os = "linux", target_arch = "x86_64", not(miri)))]
mod syscalls {
    use std::cell::{Cell, UnsafeCell};
    use std::sync::Once;

    const PR_SET_SYSCALL_USER_DISPATCH: libc::c_int = 59;
    const DISPATCH_OFF: libc::c_ulong = 0;
    const DISPATCH_ON: libc::c_ulong = 1;
    const ALLOW: u8 = 0;
    const BLOCK: u8 = 1;

    thread_local! {
        static SELECTOR: UnsafeCell<u8> = const { UnsafeCell::new(ALLOW) };
        static CAUGHT: Cell<i64> = const { Cell::new(-1) };
    }

    static INSTALL: Once = Once::new();

    fn select(value: u8) {
        // SAFETY: the byte is this thread's own; the kernel only reads it.
        SELECTOR.with(|selector| unsafe { selector.get().write_volatile(value) });
    }

    extern "C" fn on_sigsys(_signal: libc::c_int, info: *mut libc::siginfo_t, context: *mut libc::c_void) {
        select(ALLOW);
        // SAFETY: the kernel hands over valid pointers. For SIGSYS the union holds address, number and
        // architecture behind the three leading integers (siginfo.h, `_sigsys`): the number is at byte 24.
        let number = unsafe { *info.cast::<u8>().add(24).cast::<i32>() };
        CAUGHT.set(i64::from(number));
        // SAFETY: as above; the call is made again, now allowed: `syscall` is two bytes long.
        unsafe { (*context.cast::<libc::ucontext_t>()).uc_mcontext.gregs[libc::REG_RIP as usize] -= 2 };
    }

    fn install() {
        // SAFETY: a zeroed sigaction with these two fields set is valid.
        unsafe {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = on_sigsys as *const () as usize;
            action.sa_flags = libc::SA_SIGINFO;
            libc::sigaction(libc::SIGSYS, &raw const action, std::ptr::null_mut());
        }
    }

    pub fn watch() {
        INSTALL.call_once(install);
        let selector = SELECTOR.with(UnsafeCell::get);
        // SAFETY: the selector outlives the stretch: `release` switches the dispatch off on the same thread.
        // A kernel without it answers with an error, and only memory is watched.
        unsafe { libc::prctl(PR_SET_SYSCALL_USER_DISPATCH, DISPATCH_ON, 0usize, 0usize, selector) };
        select(BLOCK);
    }

    pub fn release() {
        select(ALLOW);
        // SAFETY: takes no pointers.
        unsafe { libc::prctl(PR_SET_SYSCALL_USER_DISPATCH, DISPATCH_OFF, 0usize, 0usize, 0usize) };
    }

    pub fn take_caught() -> Option<i64> {
        let number = CAUGHT.replace(-1);
        (number >= 0).then_some(number)
    }
}

#[cfg(not(all(target_os = "linux", target_arch = "x86_64", not(miri))))]
mod syscalls {
    pub fn watch() {}
    pub fn release() {}
    pub fn take_caught() -> Option<i64> {
        None
    }
}
