//! Another preset takes the place of what plays. Control side.

use super::playing::{Coming, Playing};
use super::{AHEAD, Change, Current, Shared, StationError, id_of, lock, read, starting_settings};
use crate::state::{Keeper, Resumed, StateError};
use auralis_graph::Preset;
use auralis_library::{self as library, Loaded};
use std::sync::Arc;

/// A preset that is built, and that the render thread does not know yet.
pub struct Prepared {
    playing: Box<Playing>,
    current: Current,
}

impl Shared {
    /// Loads another preset and builds it.
    ///
    /// # Errors
    /// The preset cannot be found or has mistakes, a node cannot be prepared, or its state is in use.
    pub fn prepare(&self, id: &str) -> Result<Prepared, StationError> {
        let loaded = library::find(id)?;
        let preset = Arc::new(read(&loaded, &self.kit.catalogue, &self.settings)?);
        let keeper = self.states.of(id, &loaded)?;
        self.build(&id_of(id, &loaded), preset, loaded, keeper)
    }

    pub(super) fn build(
        &self,
        id: &str,
        preset: Arc<Preset>,
        loaded: Loaded,
        keeper: Arc<Keeper>,
    ) -> Result<Prepared, StationError> {
        let piece = starting_settings(&self.settings, &preset);
        let (playing, current) =
            Playing::new(&self.settings, &self.kit.catalogue, id, preset, piece, loaded, keeper)?;
        Ok(Prepared { playing: Box::new(playing), current })
    }

    /// Hands a preset to the render thread, which fades over to it, with what is wished for with it.
    ///
    /// # Errors
    /// What was kept of it cannot be gone on from: what plays goes on.
    pub fn play_next(self: &Arc<Self>, prepared: Prepared, with: &Change) -> Result<(), StationError> {
        let Prepared { mut playing, current } = prepared;
        // Who sleeps takes nothing over, and would find it long past when it wakes.
        self.wake_and_wait();
        let at = self.pcm.written() + AHEAD;
        let resumed = self.resume_at(&current, at)?;
        playing.begin(&resumed.start);
        let (path, editor) = (current.path.clone(), Arc::clone(&current.editor));
        *lock(&self.next) = Some(Coming { playing, current, resumed, with: with.clone(), at });
        self.watch(path.as_deref(), &editor);
        Ok(())
    }

    /// Takes a piece up at where it is by the time that a frame is due.
    ///
    /// # Errors
    /// What was kept of it goes on where the clock has not been.
    pub(super) fn resume_at(&self, current: &Current, index: u64) -> Result<Resumed, StateError> {
        let epoch = current.keeper.epoch(self.settings.epoch);
        let passed = epoch.map_or(0, |epoch| self.due_micros(index) - epoch);
        let piece = starting_settings(&self.settings, &current.preset);
        current.keeper.resume(passed.max(0) as f64 / 1e6, &current.preset, piece)
    }

    /// Calls off what is about to play, if that is another preset than the one of a name, which plays.
    pub(super) fn call_off(self: &Arc<Self>, others_than: &str) {
        let unwanted = lock(&self.next).take_if(|next| next.current.id != *others_than);
        if unwanted.is_some() {
            let current = self.current();
            self.watch(current.path.as_deref(), &current.editor);
        }
    }
}

impl Prepared {
    /// The same, as a preset that is going on: with the number of its edition, and what its file said.
    pub(super) fn after(mut self, before: &Current) -> Self {
        self.current.edition = before.edition + 1;
        self.current.written = Arc::clone(&before.written);
        self
    }
}
