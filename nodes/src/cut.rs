//! A low cut or a high cut that can be off, for the wet paths of effects and the ends of the equalizer. Audio
//! thread, but for `new`; allocates nothing after that.

use crate::channels;
use auralis_graph::dsp::{Block, QUANTUM};
use auralis_graph::engine::Param;
use fundsp::audionode::AudioNode;
use fundsp::svf::{FixedSvf, HighpassMode, LowpassMode, SvfMode, SvfParams};

/// A cut that lets low frequencies go.
pub type LowCut = Cut<HighpassMode<f64>>;
/// A cut that lets high frequencies go.
pub type HighCut = Cut<LowpassMode<f64>>;

/// Sections of 12 dB an octave (A. Simper's trapezoidal state-variable filter), alike for several channels.
/// It is off at one frequency, the end of its parameter, and fades in and out there: a filter that is switched
/// clicks.
pub struct Cut<M: SvfMode<f64>> {
    /// Each section's filters, one for each channel.
    filters: Box<[FixedSvf<f64, M>]>,
    sections: &'static [Section],
    channels: usize,
    off: f32,
    highest: f32,
    frequency: f32,
    q: f32,
    /// How much of it is heard: 0 off, 1 on.
    share: f32,
    step: f32,
    /// Whether it has to be on or off at once.
    fresh: bool,
}

/// Q of a maximally flat cut.
pub const FLAT: f32 = 0.707;

/// The Q of a section: a fixed part, and one that follows that of the whole.
#[derive(Debug, Clone, Copy)]
pub struct Section {
    fixed: f64,
    follows: f64,
}

/// 12 dB an octave.
pub const GENTLE: [Section; 1] = [Section { fixed: 0.0, follows: 1.0 }];

/// 24 dB an octave, a Butterworth filter where the whole is flat. One section takes all of a resonance.
pub const STEEP: [Section; 2] =
    [Section { fixed: 0.541_196_1, follows: 0.0 }, Section { fixed: 0.0, follows: 1.847_759_1 }];

/// Length of the fade at the end in seconds.
const FADE: f64 = 0.02;

impl<M: SvfMode<f64>> Cut<M> {
    /// With the given sections for each channel, and off at `off` Hz.
    pub fn new(channels: usize, sample_rate: u32, off: f32, sections: &'static [Section]) -> Self {
        let rate = f64::from(sample_rate);
        let params = SvfParams { sample_rate: rate, cutoff: 1_000.0, q: f64::from(FLAT), gain: 1.0 };
        let filter = FixedSvf::new(M::default(), &params);
        Self {
            filters: vec![filter; channels * sections.len()].into(),
            sections,
            channels,
            off,
            highest: (rate * 0.49) as f32,
            frequency: 0.0,
            q: 0.0,
            share: 0.0,
            step: (1.0 / (FADE * rate)) as f32,
            fresh: true,
        }
    }

    /// Whether it changes nothing in this quantum.
    fn is_off(&self, frequency: Param<'_>) -> bool {
        let off = matches!(frequency, Param::Constant(hertz) if hertz == self.off);
        off && (self.fresh || self.share == 0.0)
    }

    /// Sets it for the next frame.
    #[inline]
    pub fn aim(&mut self, frequency: f32, q: f32) {
        let on = frequency != self.off;
        if self.fresh {
            self.share = if on { 1.0 } else { 0.0 };
            self.fresh = false;
        } else if on {
            self.share = (self.share + self.step).min(1.0);
        } else if self.share > 0.0 {
            self.share = (self.share - self.step).max(0.0);
            if self.share == 0.0 {
                self.filters.iter_mut().for_each(AudioNode::reset);
            }
        }
        if on && (frequency != self.frequency || q != self.q) {
            self.frequency = frequency;
            self.q = q;
            let cutoff = f64::from(frequency.min(self.highest));
            for (filters, section) in self.filters.chunks_exact_mut(self.channels).zip(self.sections) {
                let q = section.fixed + section.follows * f64::from(q);
                filters.iter_mut().for_each(|filter| filter.set_cutoff_q(cutoff, q));
            }
        }
    }

    /// Filters a quantum of all channels.
    pub fn quantum(&mut self, frequency: Param<'_>, q: Param<'_>, sound: &mut [Block]) {
        if self.is_off(frequency) {
            self.fresh = false;
            return;
        }
        if let (Param::Constant(frequency), Param::Constant(q)) = (frequency, q)
            && frequency != self.off
            && (self.fresh || self.share == 1.0)
        {
            self.aim(frequency, q);
            let sections = self.filters.chunks_exact_mut(self.channels);
            return sections.for_each(|filters| channels::filter(filters, sound));
        }
        for frame in 0..QUANTUM {
            self.aim(frequency.at(frame), q.at(frame));
            for (channel, block) in sound.iter_mut().enumerate() {
                block[frame] = self.tick(channel, block[frame]);
            }
        }
    }

    /// Filters one sample of a channel.
    #[inline]
    pub fn tick(&mut self, channel: usize, x: f32) -> f32 {
        if self.share == 0.0 {
            return x;
        }
        let sections = self.filters.iter_mut().skip(channel).step_by(self.channels);
        let y = sections.fold(x, |x, filter| filter.filter_mono(x));
        if self.share == 1.0 { y } else { x + (y - x) * self.share }
    }

    /// Forgets all signal.
    pub fn reset(&mut self) {
        self.filters.iter_mut().for_each(AudioNode::reset);
        self.fresh = true;
    }
}
