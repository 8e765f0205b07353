//! `meter`: passes sound on and shows how loud it is to whoever looks.

use crate::loudness::Loudness;
use auralis_graph::dsp::{QUANTUM, gain_to_db};
use auralis_graph::engine::{Context, Io};
use auralis_graph::node::{NoConfig, Role};
use auralis_graph::port::Ports;
use auralis_graph::{Node, NodeError, Prepare, Prepared, Processor, Status};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// What a meter shows. One thread measures, any number look: every reading is whole, but two of them need not
/// be of the same quantum. Lock-free.
#[derive(Debug)]
pub struct Levels {
    channels: Box<[ChannelLevels]>,
    momentary: AtomicU32,
    short_term: AtomicU32,
    integrated: AtomicU32,
    range: AtomicU32,
    true_peak: AtomicU32,
}

#[derive(Debug)]
struct ChannelLevels {
    peak: AtomicU32,
    rms: AtomicU32,
}

fn number(value: f32) -> AtomicU32 {
    AtomicU32::new(value.to_bits())
}

fn show(at: &AtomicU32, value: f32) {
    at.store(value.to_bits(), Ordering::Relaxed);
}

fn look(at: &AtomicU32) -> f32 {
    f32::from_bits(at.load(Ordering::Relaxed))
}

impl Levels {
    fn new(channels: usize) -> Self {
        let silent = || ChannelLevels { peak: number(f32::NEG_INFINITY), rms: number(f32::NEG_INFINITY) };
        Self {
            channels: (0..channels).map(|_| silent()).collect(),
            momentary: number(f32::NEG_INFINITY),
            short_term: number(f32::NEG_INFINITY),
            integrated: number(f32::NEG_INFINITY),
            range: number(0.0),
            true_peak: number(f32::NEG_INFINITY),
        }
    }

    /// Number of channels.
    pub fn channels(&self) -> usize {
        self.channels.len()
    }

    /// Peak of a channel in dB below full scale: up at once, down by 12 dB a second.
    ///
    /// # Panics
    /// If there is no such channel.
    pub fn peak(&self, channel: usize) -> f32 {
        look(&self.channels[channel].peak)
    }

    /// Level of a channel over some 300 ms, in dB: root mean square, so a full sine shows -3.
    ///
    /// # Panics
    /// If there is no such channel.
    pub fn rms(&self, channel: usize) -> f32 {
        look(&self.channels[channel].rms)
    }

    /// Loudness of the last 400 ms in LUFS; -inf for silence.
    pub fn momentary(&self) -> f32 {
        look(&self.momentary)
    }

    /// Loudness of the last 3 s in LUFS; -inf for silence.
    pub fn short_term(&self) -> f32 {
        look(&self.short_term)
    }

    /// Loudness since the start in LUFS, by the gates of EBU R 128; -inf where all was silent.
    pub fn integrated(&self) -> f32 {
        look(&self.integrated)
    }

    /// Loudness range since the start in LU (EBU Tech 3342).
    pub fn range(&self) -> f32 {
        look(&self.range)
    }

    /// The highest true peak since the start, in dBTP.
    pub fn true_peak(&self) -> f32 {
        look(&self.true_peak)
    }
}

/// Measures what passes.
pub struct Meter {
    levels: Arc<Levels>,
    loudness: Loudness,
    /// Peak and mean square of each channel.
    meters: Box<[(f32, f32)]>,
    /// What is left of a peak and of a power after a quantum.
    peak_keeps: f32,
    power_keeps: f32,
    /// Quanta of silence, and after how many all readings rest.
    silent: u32,
    rest: u32,
}

/// Fall of the peak in dB a second.
const FALL: f32 = 12.0;
/// Time constant of the power in seconds.
const POWER_LAG: f32 = 0.3;

impl Node for Meter {
    const KIND: &'static str = "meter";
    const ABOUT: &'static str = "Passes sound on and shows its peak, level, loudness and true peak.

It changes nothing and may stand anywhere, also at the end of a branch that leads nowhere else. Loudness is by ITU-R
BS.1770 and EBU R 128: momentary (400 ms), short-term (3 s), integrated since the start, and the loudness range.
Mono counts as one channel, so it reads 3 LU less than the same sound on both sides.";
    const EXAMPLE: &'static str = "
hiss: { type: noise, colour: pink, gain: -6 dB }
level: { type: meter, in: hiss }
out: { type: output, in: level }";
    const ROLE: Role = Role::Meter;
    type Config = NoConfig;

    fn ports(_config: &NoConfig) -> Ports {
        Ports::effect()
    }

    fn prepare(_config: &NoConfig, cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        let channels = usize::from(cx.inputs[0]);
        let levels = Arc::new(Levels::new(channels));
        cx.publish(Arc::clone(&levels));
        let quantum = QUANTUM as f32 / cx.sample_rate as f32;
        // Until the peak has fallen from full scale to -120 dB.
        let rest = (10.0 / quantum) as u32;
        Ok(Prepared::new(Meter {
            levels,
            loudness: Loudness::new(channels, cx.sample_rate),
            meters: vec![(0.0, 0.0); channels].into(),
            peak_keeps: 10f32.powf(-FALL * quantum / 20.0),
            power_keeps: (-quantum / POWER_LAG).exp(),
            silent: rest,
            rest,
        }))
    }
}

impl Meter {
    fn show_loudness(&self) {
        let (levels, loudness) = (&self.levels, &self.loudness);
        show(&levels.momentary, loudness.momentary() as f32);
        show(&levels.short_term, loudness.short_term() as f32);
        show(&levels.integrated, loudness.integrated() as f32);
        show(&levels.range, loudness.range() as f32);
    }

    fn show_channels(&self) {
        for (shown, (peak, power)) in self.levels.channels.iter().zip(&self.meters) {
            show(&shown.peak, gain_to_db(*peak));
            show(&shown.rms, gain_to_db(power.sqrt()));
        }
        show(&self.levels.true_peak, gain_to_db(self.loudness.true_peak()));
    }

    /// Forgets what the falling readings hold, once nothing can be seen of it.
    fn settle(&mut self) {
        self.meters.fill((0.0, 0.0));
        self.show_channels();
    }
}

impl Processor for Meter {
    fn process(&mut self, _cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        let input = io.input(0);
        self.silent = if input.is_silent() { self.silent.saturating_add(1) } else { 0 };
        if self.silent >= self.rest {
            self.settle();
            return Status::Asleep;
        }
        for (channel, (peak, power)) in self.meters.iter_mut().enumerate() {
            let block = input.channel(channel);
            let highest = block.iter().fold(0.0f32, |highest, x| highest.max(x.abs()));
            let mean = block.iter().map(|x| x * x).sum::<f32>() / QUANTUM as f32;
            *peak = highest.max(*peak * self.peak_keeps);
            *power = mean + (*power - mean) * self.power_keeps;
        }
        if self.loudness.take(&input) {
            self.show_loudness();
        }
        self.show_channels();
        if input.is_silent() {
            return Status::Silent;
        }
        let mut output = io.output(0);
        for channel in 0..output.channels() {
            *output.channel(channel) = *input.channel(channel);
        }
        Status::Active
    }

    fn reset(&mut self) {
        self.loudness.reset();
        self.silent = self.rest;
        self.settle();
        self.show_loudness();
    }
}
