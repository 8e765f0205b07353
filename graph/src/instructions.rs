//! The instruction set that vectors are computed with: the best that the machine has, or a lesser one, to compare.
//! The samples are the same with all.

use fearless_simd::Level;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Which of those that the machine has.
static CHOSEN: AtomicUsize = AtomicUsize::new(0);

/// The instruction set in use.
pub fn level() -> Level {
    match CHOSEN.load(Ordering::Relaxed) {
        0 => Level::new(),
        chosen => available().get(chosen).map_or_else(Level::new, |(_, level)| *level),
    }
}

/// Names of the instruction sets that this machine has, the best first.
pub fn names() -> Vec<&'static str> {
    available().into_iter().map(|(name, _)| name).collect()
}

/// Chooses an instruction set by name, for all that is made from now on. Returns whether the machine has it.
#[must_use]
pub fn choose(name: &str) -> bool {
    let place = available().into_iter().position(|(known, _)| known == name);
    CHOSEN.store(place.unwrap_or(0), Ordering::Relaxed);
    place.is_some()
}

#[cfg(target_arch = "x86_64")]
pub(crate) fn available() -> Vec<(&'static str, Level)> {
    let best = Level::new();
    let levels = [
        ("avx512", best.as_avx512().map(Level::Avx512)),
        ("avx2", best.as_avx2().map(Level::Avx2)),
        ("sse4.2", best.as_sse4_2().map(Level::Sse4_2)),
        ("sse2", best.as_sse2().map(Level::Sse2)),
    ];
    levels.into_iter().filter_map(|(name, level)| Some((name, level?))).collect()
}

#[cfg(not(target_arch = "x86_64"))]
pub(crate) fn available() -> Vec<(&'static str, Level)> {
    vec![("best", Level::new())]
}
