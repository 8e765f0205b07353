//! The instruction set that vectors are computed with: the best that the machine has, or a lesser one, to compare.
//! The samples are the same with all.

use fearless_simd::Level;
use std::sync::OnceLock;

static CHOSEN: OnceLock<Level> = OnceLock::new();

/// The instruction set in use. Real-time safe.
#[inline]
pub fn level() -> Level {
    CHOSEN.get().copied().unwrap_or_else(Level::new)
}

/// Names of the instruction sets that this machine has, the best first.
pub fn names() -> Vec<&'static str> {
    available().into_iter().map(|(name, _)| name).collect()
}

/// Chooses an instruction set by name, for all that is made from now on. Returns whether the machine has it and none was
/// chosen before.
#[must_use]
pub fn choose(name: &str) -> bool {
    let named = available().into_iter().find(|(known, _)| *known == name);
    named.is_some_and(|(_, level)| CHOSEN.set(level).is_ok())
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
