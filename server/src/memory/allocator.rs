//! What the allocator tells, where it is glibc's, and what it can be asked to give back. Control side: it locks its heaps,
//! which no thread that renders touches.

/// What the allocator has, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Heap {
    /// In use.
    pub used: u64,
    /// Free, and not given back to the system.
    pub free: u64,
}

#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod glibc {
    use super::Heap;

    pub fn heap() -> Option<Heap> {
        // SAFETY: mallinfo2 takes nothing, returns a value, and locks what it reads (MT-Safe init).
        let told = unsafe { libc::mallinfo2() };
        // Blocks of their own mapping (hblkhd) are used as a whole.
        Some(Heap { used: (told.uordblks + told.hblkhd) as u64, free: told.fordblks as u64 })
    }

    pub fn trim() -> bool {
        // SAFETY: malloc_trim gives back pages that nothing is allocated on, and locks each heap meanwhile (MT-Safe).
        unsafe { libc::malloc_trim(0) == 1 }
    }
}

#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
mod glibc {
    use super::Heap;

    pub fn heap() -> Option<Heap> {
        None
    }

    pub fn trim() -> bool {
        false
    }
}

/// What the allocator has; none where it does not tell.
pub fn heap() -> Option<Heap> {
    glibc::heap()
}

/// Has free memory given back to the system. Returns whether there was any.
pub fn trim() -> bool {
    glibc::trim()
}

#[cfg(all(test, target_os = "linux", target_env = "gnu"))]
mod tests {
    use super::*;

    #[test]
    fn what_is_allocated_is_told() {
        let _turn = crate::memory::turn();
        let used = || heap().unwrap().used;
        let before = used();
        // Other tests take and give meanwhile, far less than this.
        let block = std::hint::black_box(vec![1_u8; 256 << 20]);
        let with = used();
        assert!(with >= before + (192 << 20), "{before} {with}");
        drop(block);
        let after = used();
        assert!(after + (192 << 20) <= with, "{with} {after}");
    }
}
