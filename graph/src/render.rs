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
    block: usize,
    /// Frames until it is looked at whether the graph is worth more threads.
    unbalanced: usize,
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
    /// Builds the preset and plays up to the start; latency is taken out. Where the journal notes a station, nothing
    /// is played from before it began: its listeners heard no tails from there either.
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
        let start = (from.seconds - from.preroll).max(journal.begun_before(from.seconds));
        let mut render = Self::of_notes(preset, catalogue, options, journal, start)?;
        let unheard = ((from.seconds - start) * f64::from(options.sample_rate)).round() as usize;
        let mut rest = unheard + render.built.engine.latency() as usize;
        let (mut left, mut right) = (vec![0.0; MOST], vec![0.0; MOST]);
        while rest > 0 {
            let n = rest.min(MOST);
            render.render(&mut left[..n], &mut right[..n]);
            rest -= n;
        }
        Ok(render)
    }

    /// Builds the preset for its notes, from some seconds after position 0: nothing is taken out.
    ///
    /// # Errors
    /// As [`build`].
    pub fn of_notes(
        preset: &Preset,
        catalogue: &Catalogue,
        options: &Options,
        journal: &Journal,
        seconds: f64,
    ) -> Result<Self, Diagnostics> {
        let mut built = build(preset, catalogue, options)?;
        let tick = journal.tick_at(seconds, options.settings);
        built.engine.reset(&journal.start_at(tick, preset, options.settings));
        let ahead = journal.commands_after(tick, preset).collect();
        Ok(Self { built, ahead, block: MOST, unbalanced: options.sample_rate as usize })
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
            if self.unbalanced < left.len() {
                self.built.editor.balance();
                self.unbalanced = self.built.engine.sample_rate() as usize;
            }
            self.unbalanced -= left.len();
        }
    }

    /// Renders one quantum and gives the notes that left in it. Not to be mixed with [`Render::render`].
    pub fn quantum(&mut self) -> &[NoteOut] {
        self.tell();
        self.built.engine.quantum();
        self.built.engine.notes_out()
    }

    /// Stops the position, so that composers release what they hold and only tails sound on.
    pub fn stop(&mut self) {
        // What has not been told yet lies behind the end.
        self.ahead.clear();
        let stop = Command { when: crate::command::When::Now, change: crate::command::Change::Stop };
        let sent = self.built.controller.send(stop);
        debug_assert!(sent.is_ok(), "an engine that is rendered takes its commands");
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
