//! The host's time: from its transport, block by block, to what the engine's position needs to be told. Audio thread.

use auralis_graph::command::Change;
use auralis_graph::music::TICKS_PER_QUARTER;
use auralis_graph::settings::{MAX_TEMPO, MIN_TEMPO, Setting};

/// What the host says of time at the first frame of a block.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Moment {
    /// Whether its transport runs.
    pub playing: bool,
    /// Quarter notes per minute, if it has a tempo.
    pub tempo: Option<f64>,
    /// Its position in quarter notes, if it has one.
    pub quarters: Option<f64>,
    /// Its loop in quarter notes, if one is on.
    pub looped: Option<(f64, f64)>,
}

/// What the user asks for besides.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Manner {
    /// Whether the music goes on while the host stands still.
    pub free: bool,
    /// Whether it goes on through loops.
    pub through: bool,
    /// Beats per minute more than the host's.
    pub offset: f64,
    /// The tempo where the host has none.
    pub written: f64,
}

impl Manner {
    /// The tempo of the host, and that of the music.
    pub fn tempo(self, moment: &Moment) -> (f64, f64) {
        let sane = |tempo: &f64| tempo.is_finite() && *tempo > 0.0;
        let host = moment.tempo.filter(sane).unwrap_or(self.written);
        (host, (host + self.offset).clamp(MIN_TEMPO, MAX_TEMPO))
    }
}

/// Where an engine stands, and where the host is expected.
pub struct Follower {
    ticks_per_frame: f64,
    /// The engine's position: a frame, its tick, and what it was told of how time goes on from there.
    frame: i64,
    tick: f64,
    playing: bool,
    tempo: f64,
    /// Where the host is expected; nowhere after it stood still.
    expected: Option<Expected>,
    /// Quarter notes by which the music is ahead of the host, since it went on through loops.
    ahead: f64,
}

/// Where the host is expected after a block.
#[derive(Debug, Clone, Copy)]
struct Expected {
    frame: i64,
    quarters: f64,
    /// The tempo that it had at the start of the block, and the block's length.
    tempo: f64,
    frames: usize,
}

/// A host that is off by more than this, in quarter notes, has jumped; by less it counts differently.
const JUMP: f64 = 0.004;
/// The position is set right where it is off by more than this part of a frame.
const OFF: f64 = 0.5;
/// Farthest position in quarter notes that is followed: some thousand years.
const FARTHEST: f64 = 1e11;

impl Follower {
    /// Of an engine that stands at `tick` in a frame, plays, and was told of a tempo.
    pub fn new(sample_rate: u32, frame: i64, tick: f64, tempo: f64) -> Self {
        let ticks_per_frame = TICKS_PER_QUARTER as f64 / 60.0 / f64::from(sample_rate);
        Self { ticks_per_frame, frame, tick, playing: true, tempo, expected: None, ahead: 0.0 }
    }

    /// The engine's position in a frame, in ticks.
    pub fn tick_at(&self, frame: i64) -> f64 {
        let rate = if self.playing { self.tempo * self.ticks_per_frame } else { 0.0 };
        self.tick + (frame - self.frame) as f64 * rate
    }

    /// Whether time goes on.
    pub fn is_playing(&self) -> bool {
        self.playing
    }

    /// The tempo that the engine was told of.
    pub fn tempo(&self) -> f64 {
        self.tempo
    }

    /// Follows the host through a block of frames.
    pub fn follow(
        &mut self,
        moment: &Moment,
        manner: Manner,
        frame: i64,
        frames: usize,
        mut tell: impl FnMut(Change),
    ) {
        let (host, tempo) = manner.tempo(moment);
        let tick = self.tick_at(frame);
        if tempo != self.tempo {
            tell(Change::Setting(Setting::Tempo(tempo)));
            // The engine counts a tempo from whole ticks; here it counts from this frame.
            self.locate(frame, tick, false, &mut tell);
            self.tempo = tempo;
        }
        // First whether time goes on: where commands come late, places know by how much they are.
        let playing = moment.playing || manner.free;
        if playing != self.playing {
            (self.tick, self.frame, self.playing) = (self.tick_at(frame), frame, playing);
            tell(if playing { Change::Play } else { Change::Stop });
        }
        let quarters = moment.quarters.filter(|at| at.is_finite() && at.abs() < FARTHEST);
        let Some(quarters) = quarters.filter(|_| moment.playing) else {
            self.expected = None;
            return;
        };
        let scale = TICKS_PER_QUARTER as f64 * tempo / host;
        self.pursue(quarters, host, moment.looped, manner, scale, frame, &mut tell);
        let advance = self.quarters_in(frames, host);
        let (frame, quarters) = (frame + frames as i64, quarters + advance);
        self.expected = Some(Expected { frame, quarters, tempo: host, frames });
    }

    /// Quarter notes in so many frames.
    fn quarters_in(&self, frames: usize, tempo: f64) -> f64 {
        frames as f64 * tempo * self.ticks_per_frame / TICKS_PER_QUARTER as f64
    }

    /// Goes where the host is; `scale` is ticks of the music for a quarter note of the host.
    #[allow(clippy::too_many_arguments, reason = "what the host says, what the user says, and when")]
    fn pursue(
        &mut self,
        quarters: f64,
        host: f64,
        looped: Option<(f64, f64)>,
        manner: Manner,
        scale: f64,
        frame: i64,
        tell: &mut impl FnMut(Change),
    ) {
        let here = self.tick_at(frame);
        let frame_ticks = self.tempo * self.ticks_per_frame;
        let expected = self.expected.filter(|expected| expected.frame == frame);
        if let Some(expected) = expected {
            // Where in the block before the tempo changed nobody says.
            let slack = JUMP + self.quarters_in(expected.frames, (host - expected.tempo).abs());
            if (quarters - expected.quarters).abs() <= slack {
                // With an offset the music has a pace of its own.
                let aim = (quarters + self.ahead) * scale;
                let off = (aim - here).abs();
                if manner.offset == 0.0 && off > OFF * frame_ticks {
                    self.locate(frame, aim, off > slack * scale, tell);
                }
                return;
            }
        }
        if let (true, Some(expected), Some((start, end))) = (manner.through, expected, looped)
            && expected.quarters >= end - JUMP
            && quarters >= start - JUMP
            && quarters < expected.quarters
        {
            self.ahead += expected.quarters - quarters;
            return;
        }
        self.ahead = 0.0;
        let aim = quarters * scale;
        if (aim - here).abs() > OFF * frame_ticks {
            self.locate(frame, aim, true, tell);
        }
    }

    fn locate(&mut self, frame: i64, tick: f64, jump: bool, tell: &mut impl FnMut(Change)) {
        (self.frame, self.tick) = (frame, tick);
        tell(Change::Locate { tick, jump });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RATE: u32 = 48_000;
    const MANNER: Manner = Manner { free: false, through: false, offset: 0.0, written: 120.0 };

    fn follower() -> Follower {
        Follower::new(RATE, 0, 0.0, 120.0)
    }

    fn at(quarters: f64) -> Moment {
        Moment { playing: true, tempo: Some(120.0), quarters: Some(quarters), looped: None }
    }

    fn told(follower: &mut Follower, moment: Moment, manner: Manner, frame: i64) -> Vec<Change> {
        let mut changes = Vec::new();
        follower.follow(&moment, manner, frame, 512, |change| changes.push(change));
        changes
    }

    fn quarters(frame: i64) -> f64 {
        frame as f64 / f64::from(RATE) * 2.0
    }

    #[test]
    fn a_host_that_goes_on_evenly_needs_nothing_said() {
        let mut follower = follower();
        for block in 0..10_000 {
            let frame = block * 512;
            // Hosts count in their own ways: what is off by less than half a frame is rounding.
            let wobble = if block % 2 == 0 { 1e-6 } else { -1e-6 };
            let said = told(&mut follower, at(quarters(frame) + wobble), MANNER, frame);
            assert!(said.is_empty(), "{block}: {said:?}");
        }
    }

    #[test]
    fn it_stops_and_starts_where_the_host_does() {
        let mut follower = follower();
        let stopped = Moment { playing: false, ..at(0.0) };
        assert_eq!(told(&mut follower, stopped, MANNER, 0), [Change::Stop]);
        assert!(told(&mut follower, Moment { quarters: Some(9.0), ..stopped }, MANNER, 512).is_empty());
        let started = told(&mut follower, at(8.5), MANNER, 1024);
        assert_eq!(started, [Change::Play, Change::Locate { tick: 8160.0, jump: true }]);
        assert_eq!(follower.tick_at(1024 + 24_000), 8160.0 + 960.0);
    }

    #[test]
    fn it_goes_on_by_itself_where_that_is_asked_for() {
        let mut follower = follower();
        let free = Manner { free: true, ..MANNER };
        assert!(told(&mut follower, Moment::default(), free, 0).is_empty());
        assert_eq!(follower.tick_at(24_000), 960.0);
        assert_eq!(told(&mut follower, at(4.0), free, 512), [Change::Locate { tick: 3840.0, jump: true }]);
    }

    #[test]
    fn jumps_backwards_are_jumps_and_loops_may_be_played_through() {
        let loop_of_a_bar = |quarters| Moment { looped: Some((0.0, 4.0)), ..at(quarters) };
        for through in [false, true] {
            let mut follower = follower();
            let manner = Manner { through, ..MANNER };
            let wrap = 96_256;
            for frame in (0..wrap).step_by(512) {
                assert!(told(&mut follower, loop_of_a_bar(quarters(frame)), manner, frame).is_empty());
            }
            let after = quarters(wrap) - 4.0;
            let said = told(&mut follower, loop_of_a_bar(after), manner, wrap);
            match through {
                false => assert_eq!(said, [Change::Locate { tick: after * 960.0, jump: true }]),
                true => {
                    assert!(said.is_empty(), "{said:?}");
                    assert!(
                        told(&mut follower, loop_of_a_bar(after + quarters(512)), manner, wrap + 512)
                            .is_empty()
                    );
                    let cut = told(&mut follower, at(100.0), manner, wrap + 1024);
                    assert_eq!(cut, [Change::Locate { tick: 96_000.0, jump: true }]);
                }
            }
        }
    }

    #[test]
    fn a_change_of_tempo_keeps_the_place() {
        let mut follower = follower();
        told(&mut follower, at(0.0), MANNER, 0);
        let slower = Moment { tempo: Some(60.0), ..at(quarters(512)) };
        let said = told(&mut follower, slower, MANNER, 512);
        let tick = quarters(512) * 960.0;
        assert_eq!(said[0], Change::Setting(Setting::Tempo(60.0)));
        assert!(matches!(said[1], Change::Locate { tick: at, jump: false } if (at - tick).abs() < 1e-9));
        assert!((follower.tick_at(512 + 48_000) - tick - 960.0).abs() < 1e-9);
    }

    #[test]
    fn an_offset_gives_the_music_a_pace_of_its_own() {
        let mut follower = follower();
        let faster = Manner { offset: 30.0, ..MANNER };
        for frame in (0..48_000).step_by(512) {
            let said = told(&mut follower, at(quarters(frame)), faster, frame);
            assert_eq!(said.len(), if frame == 0 { 2 } else { 0 }, "{said:?}");
        }
        assert!((follower.tick_at(48_000) - 2400.0).abs() < 1e-6, "150 BPM");
        let said = told(&mut follower, at(8.0), faster, 48_128);
        assert_eq!(said, [Change::Locate { tick: 8.0 * 1200.0, jump: true }]);
    }

    #[test]
    fn an_offset_that_ends_is_a_jump_back_to_the_host() {
        let mut follower = follower();
        for frame in (0..96_000).step_by(512) {
            told(&mut follower, at(quarters(frame)), Manner { offset: 30.0, ..MANNER }, frame);
        }
        let frame = 96_256;
        let said = told(&mut follower, at(quarters(frame)), MANNER, frame);
        let tick = quarters(frame) * 960.0;
        assert!(
            matches!(said.last(), Some(Change::Locate { tick: at, jump: true }) if (at - tick).abs() < 1e-6)
        );
    }

    #[test]
    fn a_tempo_that_steps_within_a_block_is_no_jump() {
        let mut follower = follower();
        for frame in (0..48_640).step_by(512) {
            told(&mut follower, at(quarters(frame)), MANNER, frame);
        }
        // In the middle of the last block it became 180.
        let moment = Moment { tempo: Some(180.0), ..at(quarters(48_640 - 256) + 256.0 / 48_000.0 * 3.0) };
        let said = told(&mut follower, moment, MANNER, 48_640);
        assert!(!said.iter().any(|change| matches!(change, Change::Locate { jump: true, .. })), "{said:?}");
        assert!((follower.tick_at(48_640) - moment.quarters.unwrap() * 960.0).abs() < 1e-6);
    }

    #[test]
    fn what_no_host_should_say_is_not_followed() {
        let mut follower = follower();
        for (frame, odd) in [f64::NAN, f64::INFINITY, -1e300, 1e18].into_iter().enumerate() {
            let moment =
                Moment { playing: true, tempo: Some(odd), quarters: Some(odd), looped: Some((odd, odd)) };
            told(&mut follower, moment, MANNER, frame as i64 * 512);
            assert!(follower.tick_at(1_000_000).is_finite());
            assert!((MIN_TEMPO..=MAX_TEMPO).contains(&follower.tempo));
        }
    }
}
