//! A recording made ready for playing: its loop with its crossfade, and enough frames around both that reading never
//! asks where it is. Made on the control side.

use super::decode::Recording;
use super::kernel::REACH;

/// Frames of one stretch, with [`REACH`] more on either side.
#[derive(Debug)]
struct Stretch {
    left: Vec<f32>,
    right: Vec<f32>,
}

/// A recording as it is played.
#[derive(Debug)]
pub struct Sound {
    /// From the start to the end of the loop, or of the recording; goes on into the loop.
    head: Stretch,
    /// One pass of the loop; before and behind it lie its end and its beginning.
    cycle: Option<Stretch>,
    /// Frames of the head.
    end: usize,
    /// Frames of the loop, 0 without one.
    cycle_frames: usize,
    /// Frames per second.
    pub rate: f64,
}

/// Frames from start to end, and how many before the end are crossfaded into what lies before the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cycle {
    /// First frame.
    pub start: usize,
    /// One past the last frame.
    pub end: usize,
    /// Frames of the crossfade; at most `start` and half of the loop.
    pub fade: usize,
}

/// Frames over which a recording that stops while it sounds is faded out.
const LAST: usize = 128;

/// Where a voice is in a sound.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Place {
    /// Frames from the start of the head, or of the loop.
    at: f64,
    looping: bool,
}

impl Place {
    /// The beginning.
    pub const START: Self = Self { at: 0.0, looping: false };
}

impl Sound {
    /// Bytes of its samples.
    pub fn bytes(&self) -> usize {
        let stretches = [Some(&self.head), self.cycle.as_ref()].into_iter().flatten();
        stretches.map(|stretch| (stretch.left.len() + stretch.right.len()) * size_of::<f32>()).sum()
    }

    /// From a recording and its loop.
    pub fn new(recording: &Recording, cycle: Option<Cycle>) -> Self {
        let mut channels = recording.channels.clone();
        let end = cycle.map_or(channels[0].len(), |cycle| cycle.end);
        for channel in &mut channels {
            match cycle {
                Some(cycle) => crossfade(channel, cycle),
                None => fade_out(channel),
            }
            channel.truncate(end);
        }
        let start = cycle.map_or(0, |cycle| cycle.start);
        let frame = |channel: &[f32], index: isize| -> f32 {
            let index = match usize::try_from(index) {
                Ok(index) if index < end => index,
                Ok(index) if cycle.is_some() => start + (index - start) % (end - start),
                _ => return 0.0,
            };
            channel[index]
        };
        let reach = REACH as isize;
        let head = |channel: &Vec<f32>| (-reach..end as isize + reach).map(|i| frame(channel, i)).collect();
        let looped = |channel: &Vec<f32>| {
            let length = (end - start) as isize;
            (-reach..length + reach).map(|i| channel[start + i.rem_euclid(length) as usize]).collect()
        };
        let (left, right) = (&channels[0], &channels[channels.len() - 1]);
        Self {
            head: Stretch { left: head(left), right: head(right) },
            cycle: cycle.map(|_| Stretch { left: looped(left), right: looped(right) }),
            end,
            cycle_frames: cycle.map_or(0, |_| end - start),
            rate: f64::from(recording.rate),
        }
    }

    /// How long it lasts when it is read once, as it was recorded.
    pub fn seconds(&self) -> f64 {
        self.end as f64 / self.rate
    }

    /// The sound at a place, read at a speed; moves the place on. None at the end.
    #[inline]
    pub fn read(&self, place: &mut Place, speed: f64, kernel: &super::kernel::Kernel) -> Option<(f32, f32)> {
        let limit = if place.looping { self.cycle_frames } else { self.end };
        if place.at >= limit as f64 {
            if self.cycle_frames == 0 {
                return None;
            }
            let past = if place.looping { place.at } else { place.at - self.end as f64 };
            *place = Place { at: past % self.cycle_frames as f64, looping: true };
        }
        let stretch = if place.looping { self.cycle.as_ref().unwrap_or(&self.head) } else { &self.head };
        let frame = place.at as usize;
        let sound = kernel.read(&stretch.left, &stretch.right, REACH + frame, place.at - frame as f64);
        place.at += speed;
        Some(sound)
    }
}

/// Blends the end of the loop into what lies before its start, at equal gain: the two are alike in a good loop.
fn crossfade(channel: &mut [f32], cycle: Cycle) {
    for index in 0..cycle.fade {
        let part = (index as f32 + 1.0) / (cycle.fade as f32 + 1.0);
        let (to, from) = (cycle.end - cycle.fade + index, cycle.start - cycle.fade + index);
        channel[to] = channel[to] * (1.0 - part) + channel[from] * part;
    }
}

fn fade_out(channel: &mut [f32]) {
    let last = LAST.min(channel.len() / 2);
    let from = channel.len() - last;
    for (index, sample) in channel[from..].iter_mut().enumerate() {
        *sample *= 1.0 - (index as f32 + 1.0) / last as f32;
    }
}
