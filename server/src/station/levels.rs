//! How loud every node is, for those who watch: taken by the render thread some twenty times in a second of sound,
//! told when the sound is due. Who does not watch pays nothing.

use super::{Current, Shared, lock, now_micros};
use auralis_graph::controller::LevelWatch;
use auralis_graph::dsp::QUANTUM;
use auralis_graph::plan::Editor;
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;
use tokio::sync::broadcast;

/// Times in a second of sound at which levels are taken.
const TIMES: u32 = 20;
/// Those that may watch at once.
const MOST_WATCHERS: usize = 16;
/// Frames that wait until they are due: two seconds, more than rendering is ever ahead.
const WAITING: usize = 2 * TIMES as usize;
/// Levels are told in half dB, as one byte: 255 is +12 dB, 1 is -115 dB, 0 is silence.
const LOUDEST: f32 = 12.0;

/// The levels of one moment.
#[derive(Debug)]
pub struct LevelFrame {
    /// What plays: the preset's name, and how often it was edited.
    pub preset: String,
    /// See `preset`.
    pub edition: u64,
    /// One byte for each output that is measured, in the engine's order.
    pub levels: Box<[u8]>,
    /// When it is heard, in microseconds since the Unix epoch.
    due: i64,
}

/// The way from the render thread to those who watch.
pub struct Levels {
    watchers: AtomicUsize,
    frames: broadcast::Sender<Arc<LevelFrame>>,
}

impl Default for Levels {
    fn default() -> Self {
        Self { watchers: AtomicUsize::new(0), frames: broadcast::Sender::new(WAITING) }
    }
}

impl Levels {
    /// How many watch.
    pub fn watchers(&self) -> usize {
        self.watchers.load(Ordering::Acquire)
    }
}

/// Somebody who watches, until this is dropped.
pub struct Watching {
    station: Arc<Shared>,
    frames: broadcast::Receiver<Arc<LevelFrame>>,
}

impl Watching {
    /// The next levels, once their sound is due; none when the station is gone. Who is slow misses some.
    pub async fn next(&mut self) -> Option<Arc<LevelFrame>> {
        loop {
            match self.frames.recv().await {
                Ok(frame) => {
                    let wait = u64::try_from(frame.due - now_micros()).unwrap_or(0);
                    tokio::time::sleep(Duration::from_micros(wait)).await;
                    return Some(frame);
                }
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }

    /// The nodes that failed and are silent.
    pub fn muted(&self) -> BTreeSet<String> {
        self.station.muted()
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.station.levels.watchers.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Shared {
    /// Begins to watch; none where too many do.
    pub fn watch_levels(self: &Arc<Self>) -> Option<Watching> {
        let more = |watchers: usize| (watchers < MOST_WATCHERS).then_some(watchers + 1);
        self.levels.watchers.fetch_update(Ordering::AcqRel, Ordering::Acquire, more).ok()?;
        Some(Watching { station: Arc::clone(self), frames: self.levels.frames.subscribe() })
    }
}

/// The render thread's end: has what plays measured while somebody watches.
#[derive(Default)]
pub struct Gauge {
    /// Whose engine is watched.
    watch: Option<(Weak<Mutex<Editor>>, LevelWatch)>,
    quanta: u32,
}

impl Gauge {
    /// Before a chunk: looks whether anybody watches, and at what.
    pub fn tend(&mut self, shared: &Shared) {
        if shared.levels.watchers() == 0 {
            self.watch = None;
            return;
        }
        let playing = lock(&shared.current);
        let same = |editor: &Weak<Mutex<Editor>>| std::ptr::eq(editor.as_ptr(), Arc::as_ptr(&playing.editor));
        if !self.watch.as_ref().is_some_and(|(editor, _)| same(editor)) {
            self.watch = Some((Arc::downgrade(&playing.editor), playing.controller.watch_levels()));
        }
    }

    /// After a quantum of what is watched, which is heard so many quanta after a chunk begins.
    pub fn after_quantum(&mut self, shared: &Shared, chunk: u64, quanta: u32) {
        let rate = shared.settings.sample_rate;
        self.quanta += 1;
        if self.watch.is_none() || self.quanta < (rate / TIMES / QUANTUM as u32).max(1) {
            return;
        }
        self.quanta = 0;
        let after = i64::from(quanta) * QUANTUM as i64 * 1_000_000 / i64::from(rate);
        let Current { id, edition, controller, .. } = shared.current();
        let frame = LevelFrame {
            preset: id,
            edition,
            levels: controller.take_levels().map(to_byte).collect(),
            due: shared.due_micros(chunk) + after,
        };
        // Without watchers nobody needs to know.
        let _ = shared.levels.frames.send(Arc::new(frame));
    }
}

fn to_byte(amplitude: f32) -> u8 {
    if amplitude <= 0.0 {
        return 0;
    }
    let steps = 2.0 * (20.0 * amplitude.log10() - LOUDEST) + 255.0;
    steps.round().clamp(1.0, 255.0) as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_told_to_half_a_decibel_and_silence_as_nothing() {
        assert_eq!([0.0, -0.0].map(to_byte), [0, 0]);
        assert_eq!([1.0, 0.5012, 3.9811, 100.0, 1e-30].map(to_byte), [231, 219, 255, 255, 1]);
    }
}
