//! Marks the stretches of code that run on the audio thread, so that a checker can hold them to their promise:
//! no allocation, no release of memory, no system call. Without the `testing` feature the mark is nothing.

/// Ends the stretch when dropped.
#[must_use]
pub(crate) struct Guard {
    #[cfg(feature = "testing")]
    _mark: crate::testing::realtime::Mark,
}

/// Starts a stretch of audio-thread code.
#[inline(always)]
pub(crate) fn enter() -> Guard {
    Guard {
        #[cfg(feature = "testing")]
        _mark: crate::testing::realtime::Mark::new(),
    }
}
