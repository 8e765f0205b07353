//! What a processor knows of time and of the piece in one quantum. Audio thread.

use crate::music::TICKS_PER_QUARTER;
use crate::settings::{Overrides, Settings, SettingsLog};
use crate::transport::{Segment, Timeline};

/// Time and settings as one node sees them: behind latency they are as late as the node's inputs.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Frames per second.
    pub sample_rate: f32,
    /// Clock of the quantum's first frame, counted since reset. Behind latency it is that much earlier: below
    /// 0 until the first sound arrives.
    pub frame: i64,
    /// Whether there are no deadlines.
    pub offline: bool,
    pub(crate) timeline: &'a Timeline,
    pub(crate) log: &'a SettingsLog,
    pub(crate) overrides: Overrides,
    /// Steps by which the audio thread is relieved of work.
    pub(crate) relief: u8,
}

impl Context<'_> {
    /// Voices that an instrument may sound of those that it could: fewer while the machine does not keep up.
    pub fn voices(&self, limit: usize) -> usize {
        super::pressure::voices(limit, self.relief)
    }

    /// The settings in force.
    pub fn settings(&self) -> Settings {
        self.overrides.apply(self.log.current())
    }

    /// The settings that were in force at a musical position, as far back as [`SettingsLog::CAPACITY`] says.
    pub fn settings_at(&self, tick: i64) -> Settings {
        let current = self.log.current();
        // A node with a tempo of its own counts its own ticks; the log counts the piece's.
        let tick = match self.overrides.tempo {
            Some(own) => (tick as f64 * current.tempo / own) as i64,
            None => tick,
        };
        self.overrides.apply(self.log.at(tick))
    }

    /// Quarter notes per minute at the start of the quantum, the node's own if it has one.
    pub fn tempo(&self) -> f64 {
        self.overrides.tempo.unwrap_or_else(|| self.timeline.tempo_at(self.frame))
    }

    /// Musical position of the quantum's first frame in ticks.
    pub fn tick(&self) -> f64 {
        match self.overrides.tempo {
            Some(own) => self.timeline.seconds_at(self.frame) * own * (TICKS_PER_QUARTER as f64 / 60.0),
            None => self.timeline.tick_at(self.frame),
        }
    }

    /// The stretches of this quantum in which the position runs evenly; nearly always one.
    pub fn segments(&self) -> impl Iterator<Item = Segment> + '_ {
        self.timeline.segments(self.frame).map(move |segment| match self.overrides.tempo {
            Some(own) => {
                let start = self.frame + segment.from as i64;
                let per_second = own * (TICKS_PER_QUARTER as f64 / 60.0);
                let rate = if segment.playing { per_second / f64::from(self.sample_rate) } else { 0.0 };
                let tick = self.timeline.seconds_at(start) * per_second;
                Segment { tick, ticks_per_frame: rate, tempo: own, ..segment }
            }
            None => segment,
        })
    }
}
