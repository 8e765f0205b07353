//! Where the music is: the map from frames to musical position. Plain values of fixed size, real-time safe.

use crate::dsp::QUANTUM;
use crate::music::TICKS_PER_QUARTER;

/// From `frame` on the position runs from `tick` at `tempo`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Anchor {
    /// Frame of the engine's clock, which counts from 0 at reset.
    pub frame: i64,
    /// Musical position at that frame, in ticks of 960 to the quarter note.
    pub tick: f64,
    /// The same position in seconds since position 0, as played so far.
    pub seconds: f64,
    /// Quarter notes per minute.
    pub tempo: f64,
    /// Whether the position advances.
    pub playing: bool,
    /// Whether the position does not follow from the one before (a seek, a loop, a start).
    pub jump: bool,
}

/// A stretch of a quantum in which the position runs evenly.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Segment {
    /// First frame within the quantum.
    pub from: usize,
    /// One past the last frame within the quantum.
    pub to: usize,
    /// Position at `from`, in ticks.
    pub tick: f64,
    /// Ticks per frame; 0 while stopped.
    pub ticks_per_frame: f64,
    /// Quarter notes per minute.
    pub tempo: f64,
    /// Whether the position advances.
    pub playing: bool,
    /// Whether the position jumped at `from`.
    pub jump: bool,
}

impl Segment {
    /// The first frame within this segment whose position is at or after `tick`, if there is one.
    pub fn frame_of(&self, tick: i64) -> Option<usize> {
        if !self.playing {
            return None;
        }
        let ahead = tick as f64 - self.tick;
        let frames = if ahead <= 0.0 { 0.0 } else { (ahead / self.ticks_per_frame - 1e-6).ceil() };
        let frame = self.from as f64 + frames;
        (frame < self.to as f64).then_some(frame as usize)
    }

    /// Position at the end of the segment, in ticks.
    pub fn end_tick(&self) -> f64 {
        self.tick + self.ticks_per_frame * (self.to - self.from) as f64
    }
}

/// The recent past of the position, as anchors. The newest is the present and future.
#[derive(Debug, Clone)]
pub struct Timeline {
    anchors: [Anchor; Timeline::KEPT],
    len: usize,
    sample_rate: f64,
}

impl Timeline {
    /// Anchors kept: nodes behind latency see the position as it was.
    const KEPT: usize = 64;

    /// A position that starts at tick 0 in frame 0 and is playing.
    pub fn new(sample_rate: u32, tempo: f64) -> Self {
        let anchor = Anchor { frame: 0, tick: 0.0, seconds: 0.0, tempo, playing: true, jump: true };
        Self { anchors: [anchor; Self::KEPT], len: 1, sample_rate: f64::from(sample_rate) }
    }

    /// Forgets the past and starts at `tick` in `frame`.
    pub fn restart(&mut self, anchor: Anchor) {
        self.anchors[0] = Anchor { jump: true, ..anchor };
        self.len = 1;
    }

    fn kept(&self) -> &[Anchor] {
        &self.anchors[..self.len]
    }

    /// The newest anchor.
    pub fn last(&self) -> Anchor {
        self.anchors[self.len - 1]
    }

    /// Adds an anchor, at or after the frame of the last; the same frame replaces it.
    pub fn push(&mut self, anchor: Anchor) {
        let last = self.last();
        if anchor.frame <= last.frame {
            self.anchors[self.len - 1] =
                Anchor { frame: last.frame, jump: anchor.jump || last.jump, ..anchor };
            return;
        }
        if self.len == Self::KEPT {
            self.anchors.copy_within(1.., 0);
            self.len -= 1;
        }
        self.anchors[self.len] = anchor;
        self.len += 1;
    }

    fn rate(&self, anchor: &Anchor) -> f64 {
        if !anchor.playing {
            return 0.0;
        }
        anchor.tempo * (TICKS_PER_QUARTER as f64 / 60.0) / self.sample_rate
    }

    fn anchor_at(&self, frame: i64) -> &Anchor {
        let after = self.kept().partition_point(|anchor| anchor.frame <= frame);
        &self.kept()[after.max(1) - 1]
    }

    /// Position in ticks at a frame not older than the kept anchors.
    pub fn tick_at(&self, frame: i64) -> f64 {
        let anchor = self.anchor_at(frame);
        anchor.tick + (frame as f64 - anchor.frame as f64) * self.rate(anchor)
    }

    /// Ticks by which the position advances in so many frames, as it does now.
    pub fn ticks_in(&self, frames: i64) -> f64 {
        frames as f64 * self.rate(&self.last())
    }

    /// Tempo at a frame not older than the kept anchors, in quarter notes per minute.
    pub fn tempo_at(&self, frame: i64) -> f64 {
        self.anchor_at(frame).tempo
    }

    /// Seconds since position 0 at a frame.
    pub fn seconds_at(&self, frame: i64) -> f64 {
        let anchor = self.anchor_at(frame);
        let elapsed = (frame as f64 - anchor.frame as f64) / self.sample_rate;
        anchor.seconds + if anchor.playing { elapsed } else { 0.0 }
    }

    /// The first frame, from the newest anchor on, whose position is at or after `tick`; none while stopped.
    pub fn frame_of(&self, tick: i64) -> Option<i64> {
        let last = self.last();
        let rate = self.rate(&last);
        if rate == 0.0 {
            return None;
        }
        let ahead = tick as f64 - last.tick;
        let frames = if ahead <= 0.0 { 0.0 } else { (ahead / rate - 1e-6).ceil() };
        Some(last.frame + frames as i64)
    }

    /// An anchor that continues the position at `frame`, the first of a whole tick, with another tempo. It counts
    /// from the tick and not from the frame: the position follows from the journal alone, ten years on as well.
    pub fn with_tempo(&self, frame: i64, tempo: f64) -> Anchor {
        let last = self.last();
        let frame = frame.max(last.frame);
        let (at, seconds) = (self.tick_at(frame), self.seconds_at(frame));
        let whole = (at + 1e-3).floor();
        let tick = whole + (at - whole) * (tempo / last.tempo);
        Anchor { frame, tick, seconds, tempo, playing: last.playing, jump: false }
    }

    /// An anchor that goes to `tick` at `frame`. After a jump, seconds are those of the new position at the present
    /// tempo; else they go on.
    pub fn with_place(&self, frame: i64, tick: f64, jump: bool) -> Anchor {
        let last = self.last();
        let frame = frame.max(last.frame);
        let seconds = match jump {
            true => tick / TICKS_PER_QUARTER as f64 * 60.0 / last.tempo,
            false => self.seconds_at(frame),
        };
        Anchor { frame, tick, seconds, jump, ..last }
    }

    /// An anchor that starts or stops the position at `frame`.
    pub fn with_playing(&self, frame: i64, playing: bool) -> Anchor {
        let last = self.last();
        let frame = frame.max(last.frame);
        let (tick, seconds) = (self.tick_at(frame), self.seconds_at(frame));
        Anchor { frame, tick, seconds, tempo: last.tempo, playing, jump: playing != last.playing }
    }

    /// The segments of the quantum that starts at `frame`.
    pub fn segments(&self, frame: i64) -> impl Iterator<Item = Segment> + '_ {
        let end = frame + QUANTUM as i64;
        let first = self.kept().partition_point(|anchor| anchor.frame <= frame).max(1) - 1;
        let mut index = first;
        std::iter::from_fn(move || {
            let anchor = self.kept().get(index).filter(|anchor| anchor.frame < end)?;
            let next = self.kept().get(index + 1).map_or(end, |next| next.frame.min(end));
            let start = anchor.frame.max(frame);
            index += 1;
            Some(Segment {
                from: (start - frame) as usize,
                to: (next.max(start) - frame) as usize,
                tick: anchor.tick + (start as f64 - anchor.frame as f64) * self.rate(anchor),
                ticks_per_frame: self.rate(anchor),
                tempo: anchor.tempo,
                playing: anchor.playing,
                jump: anchor.jump && anchor.frame >= frame,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn position_runs_by_tempo_and_a_change_continues_it() {
        let mut timeline = Timeline::new(48_000, 120.0);
        assert_eq!(timeline.tick_at(24_000), 960.0);
        assert_eq!(timeline.frame_of(960), Some(24_000));
        timeline.push(timeline.with_tempo(24_000, 60.0));
        assert_eq!(timeline.tick_at(72_000), 1920.0);
        assert_eq!(timeline.tick_at(12_000), 480.0, "the past is kept");
        assert_eq!(timeline.seconds_at(72_000), 1.5);
    }

    #[test]
    fn many_changes_of_tempo_leave_the_position_where_the_journal_says() {
        use crate::journal::{Entry, Journal, JournalChange};
        use crate::settings::{Setting, Settings};
        let piece = Settings::default();
        let (mut timeline, mut journal) = (Timeline::new(44_100, piece.tempo), Journal::default());
        for change in 1..20_000 {
            let (tick, tempo) = (change * 611, if change % 2 == 0 { 60.0 } else { 173.1 });
            let frame = timeline.frame_of(tick).unwrap();
            timeline.push(timeline.with_tempo(frame, tempo));
            journal.push(Entry { tick, change: JournalChange::Setting(Setting::Tempo(tempo)) });
        }
        let frame = timeline.last().frame + 1000;
        let off = timeline.tick_at(frame) - journal.tick_at(frame as f64 / 44_100.0, piece);
        assert!(off.abs() < 1e-3, "{off} ticks");
    }

    #[test]
    fn a_quantum_is_cut_where_the_position_turns() {
        let mut timeline = Timeline::new(48_000, 120.0);
        timeline.push(timeline.with_place(100, 0.0, true));
        timeline.push(timeline.with_playing(110, false));
        let segments: Vec<Segment> = timeline.segments(64).collect();
        let cuts: Vec<_> = segments.iter().map(|s| (s.from, s.to, s.playing, s.jump)).collect();
        assert_eq!(cuts, [(0, 36, true, false), (36, 46, true, true), (46, 64, false, true)]);
        assert_eq!(segments[1].tick, 0.0);
        assert_eq!(segments[2].ticks_per_frame, 0.0);
        assert_eq!(timeline.segments(128).count(), 1);
    }

    #[test]
    fn ten_years_in_a_tick_still_has_its_frame() {
        let timeline = Timeline::new(44_100, 70.0);
        let ten_years = 44_100i64 * 86_400 * 3653;
        let tick = timeline.tick_at(ten_years).ceil() as i64;
        let frame = timeline.frame_of(tick).unwrap();
        assert!(frame >= ten_years && frame < ten_years + 40, "{frame}");
        assert!(timeline.tick_at(frame) >= tick as f64 - 1e-3);
    }

    #[test]
    fn segments_and_timeline_agree_on_the_frame_of_a_tick() {
        let timeline = Timeline::new(44_100, 70.0);
        for tick in (1..100_000).step_by(37) {
            let frame = timeline.frame_of(tick).unwrap();
            let quantum = frame / 64 * 64;
            let segment = timeline.segments(quantum).next().unwrap();
            assert_eq!(segment.frame_of(tick), Some((frame - quantum) as usize), "{tick}");
        }
    }
}
