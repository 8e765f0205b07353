//! Rendering offline: from any position, with a journal, with the latency taken out. Control side: it loads,
//! allocates and takes as long as it takes.

use crate::catalogue::Catalogue;
use crate::command::Command;
use crate::diagnostic::Diagnostics;
use crate::engine::NoteOut;
use crate::journal::Journal;
use crate::plan::{Built, Options, build};
use crate::preset::Preset;
use std::collections::VecDeque;

/// A preset that is being rendered.
#[derive(Debug)]
pub struct Render {
    built: Built,
    /// Changes that the engine has not been told of.
    ahead: VecDeque<Command>,
    /// Frames of the engine's clock that lie before the first frame of the result.
    before: i64,
    block: usize,
}

/// Where a rendering starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct StartAt {
    /// Seconds after position 0.
    pub seconds: f64,
    /// Seconds to play unheard before that, so that tails and slow filters are as they would be.
    pub preroll: f64,
}

impl StartAt {
    /// Position 0.
    pub const BEGINNING: StartAt = StartAt { seconds: 0.0, preroll: 0.0 };
}

/// Frames after which the engine is told of further changes.
const MOST: usize = 1024;

impl Render {
    /// Builds the preset and plays up to the start.
    ///
    /// # Errors
    /// As [`build`].
    pub fn new(
        preset: &Preset,
        catalogue: &Catalogue,
        options: &Options,
        journal: &Journal,
        from: StartAt,
    ) -> Result<Self, Diagnostics> {
        let mut built = build(preset, catalogue, options)?;
        let rate = f64::from(options.sample_rate);
        let seconds = (from.seconds - from.preroll).max(0.0);
        let tick = journal.tick_at(seconds, options.settings);
        built.engine.reset(&journal.start_at(tick, preset, options.settings));
        let ahead = journal.commands_after(tick, preset).collect();
        let unheard = ((from.seconds - seconds) * rate).round() as i64;
        let before = unheard + i64::from(built.engine.latency());
        let mut render = Self { built, ahead, before, block: MOST };
        let (mut left, mut right) = (vec![0.0; MOST], vec![0.0; MOST]);
        let mut rest = before as usize;
        while rest > 0 {
            let n = rest.min(MOST);
            render.render(&mut left[..n], &mut right[..n]);
            rest -= n;
        }
        Ok(render)
    }

    /// Sets how many frames at most are asked of the engine at once. The samples do not depend on it.
    pub fn set_block(&mut self, frames: usize) {
        self.block = frames.clamp(1, MOST);
    }

    /// What was built.
    pub fn built(&self) -> &Built {
        &self.built
    }

    /// Renders the next frames of stereo.
    ///
    /// # Panics
    /// If the two slices differ in length.
    pub fn render(&mut self, left: &mut [f32], right: &mut [f32]) {
        for (left, right) in left.chunks_mut(self.block).zip(right.chunks_mut(self.block)) {
            self.tell();
            self.built.engine.render(left, right);
        }
    }

    /// Renders one quantum and gives the notes that left in it, with frames counted from the start of the
    /// result. Not to be mixed with [`Render::render`].
    pub fn quantum(&mut self) -> impl Iterator<Item = NoteOut> + '_ {
        self.tell();
        self.built.engine.quantum();
        let before = self.before;
        self.built.engine.notes_out().iter().map(move |note| NoteOut { frame: note.frame - before, ..*note })
    }

    /// Hands on the changes of the next seconds, as many as the engine takes.
    fn tell(&mut self) {
        let horizon = self.built.engine.tick() + 4.0 * 960.0;
        while let Some(command) = self.ahead.front() {
            let near = match command.when {
                crate::command::When::Tick(tick) => (tick as f64) < horizon,
                _ => true,
            };
            if !near || self.built.controller.send(*command).is_err() {
                break;
            }
            self.ahead.pop_front();
        }
    }
}
