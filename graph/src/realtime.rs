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

/// Gives the calling thread real-time priority where the system grants it, or takes it back. Control side.
pub(crate) fn prioritise(real_time: bool) {
    // Miri knows no priorities.
    if !cfg!(miri)
        && let Err(error) = set_priority(real_time)
    {
        tracing::debug!(?error, "a worker runs without real-time priority");
    }
}

/// A little above the lowest: drivers and their threads go first.
#[cfg(unix)]
fn set_priority(real_time: bool) -> Result<(), thread_priority::Error> {
    use thread_priority::{
        NormalThreadSchedulePolicy, RealtimeThreadSchedulePolicy, ThreadPriority, ThreadPriorityValue,
        ThreadSchedulePolicy, set_thread_priority_and_policy, thread_native_id,
    };
    let (priority, policy) = if real_time {
        let low = ThreadPriorityValue::try_from(5).map(ThreadPriority::Crossplatform);
        let fifo = ThreadSchedulePolicy::Realtime(RealtimeThreadSchedulePolicy::Fifo);
        (low.unwrap_or(ThreadPriority::Min), fifo)
    } else {
        (ThreadPriority::Min, ThreadSchedulePolicy::Normal(NormalThreadSchedulePolicy::Other))
    };
    set_thread_priority_and_policy(thread_native_id(), priority, policy)
}

#[cfg(not(unix))]
fn set_priority(real_time: bool) -> Result<(), thread_priority::Error> {
    use thread_priority::{ThreadPriority, set_current_thread_priority};
    set_current_thread_priority(if real_time { ThreadPriority::Max } else { ThreadPriority::Min })
}
