//! What threads share: the standard library's and crossbeam's types. Built with `--cfg loom` they are loom's, which
//! runs a model of the threads in every order that the language allows: `cargo xtask loom`.

#[cfg(loom)]
pub use loom::{cell, sync::atomic};

#[cfg(not(loom))]
pub use std::sync::atomic;

#[cfg(not(loom))]
pub(crate) use crossbeam_queue::ArrayQueue;
#[cfg(loom)]
pub(crate) use modelled::ArrayQueue;

/// Cells whose uses a model can watch. In the product they are pointers, and no more.
#[cfg(not(loom))]
pub mod cell {
    /// [`std::cell::UnsafeCell`], with a name for each use that can last.
    #[derive(Debug)]
    pub struct UnsafeCell<T>(std::cell::UnsafeCell<T>);

    impl<T> UnsafeCell<T> {
        /// A cell with a value.
        pub fn new(value: T) -> Self {
            Self(std::cell::UnsafeCell::new(value))
        }

        /// A use that reads.
        #[inline]
        pub fn get(&self) -> ConstPtr<T> {
            ConstPtr(self.0.get())
        }

        /// A use that writes.
        #[inline]
        pub fn get_mut(&self) -> MutPtr<T> {
            MutPtr(self.0.get())
        }
    }

    /// A use of a cell that reads, while it lives.
    #[derive(Debug)]
    pub struct ConstPtr<T>(*const T);

    impl<T> ConstPtr<T> {
        /// What is in the cell.
        ///
        /// # Safety
        /// Nobody writes to the cell while the reference lives.
        #[inline]
        pub unsafe fn deref(&self) -> &T {
            // SAFETY: by the contract above.
            unsafe { &*self.0 }
        }
    }

    /// A use of a cell that writes, while it lives.
    #[derive(Debug)]
    pub struct MutPtr<T>(*mut T);

    impl<T> MutPtr<T> {
        /// What is in the cell.
        ///
        /// # Safety
        /// Nobody else looks into the cell while the reference lives.
        #[allow(clippy::mut_from_ref)]
        #[inline]
        pub unsafe fn deref(&self) -> &mut T {
            // SAFETY: by the contract above.
            unsafe { &mut *self.0 }
        }
    }
}

/// The queue as a model sees it: crossbeam's is taken at its word, which is that of a queue behind a lock.
#[cfg(loom)]
mod modelled {
    use std::collections::VecDeque;

    #[derive(Debug)]
    pub struct ArrayQueue<T> {
        entries: loom::sync::Mutex<VecDeque<T>>,
        capacity: usize,
    }

    impl<T> ArrayQueue<T> {
        pub fn new(capacity: usize) -> Self {
            Self { entries: loom::sync::Mutex::new(VecDeque::new()), capacity }
        }

        pub fn push(&self, value: T) -> Result<(), T> {
            let mut entries = self.entries.lock().expect("no model panics inside");
            if entries.len() == self.capacity {
                return Err(value);
            }
            entries.push_back(value);
            Ok(())
        }

        pub fn pop(&self) -> Option<T> {
            self.entries.lock().expect("no model panics inside").pop_front()
        }
    }
}
