//! `eq`: two shelves, three peaks and two cuts.

use crate::blend::INAUDIBLE;
use crate::channels;
use crate::cut::{Cut, FLAT, GENTLE, HighCut, LowCut, STEEP};
use auralis_graph::dsp::{Block, QUANTUM, db_to_gain};
use auralis_graph::engine::{Context, Io, Param};
use auralis_graph::param::{Curve, ParamSpec, Unit};
use auralis_graph::port::Ports;
use auralis_graph::{Node, NodeError, Prepare, Prepared, Processor, Status, Tail, places::Places};
use fundsp::audionode::AudioNode;
use fundsp::svf::{BellMode, FixedSvf, HighshelfMode, LowshelfMode, SvfMode, SvfParams};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const LOW_CUT: usize = 0;
const LOW_SHELF: usize = 2;
const PEAKS: [usize; 3] = [5, 8, 11];
const HIGH_SHELF: usize = 14;
const HIGH_CUT: usize = 17;

const LOW_CUT_OFF: f32 = 10.0;
const HIGH_CUT_OFF: f32 = 22_000.0;

/// A parametric equalizer.
pub struct Eq {
    low_cut: LowCut,
    low_shelf: Band<LowshelfMode<f64>>,
    peaks: [Band<BellMode<f64>>; 3],
    high_shelf: Band<HighshelfMode<f64>>,
    high_cut: HighCut,
    sound: Box<[Block]>,
    /// Frames since anything audible came out.
    quiet: u32,
    /// Frames of quiet after which nothing is left in the filters.
    settled: u32,
}

/// Structural configuration.
#[derive(Debug, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct EqConfig {
    /// How steep the cuts are: 12 or 24 dB an octave.
    slope: u8,
}

impl Default for EqConfig {
    fn default() -> Self {
        Self { slope: 12 }
    }
}

/// The frequency, gain and Q of a band.
const fn band(
    [frequency, gain, q]: [&'static str; 3],
    hertz: f32,
    flat: f32,
    [first, second, third]: [&'static str; 3],
) -> [ParamSpec; 3] {
    [
        ParamSpec::hertz(frequency, 20.0, 20_000.0, hertz).about(first),
        ParamSpec::decibels(gain, -18.0, 18.0, 0.0).about(second),
        ParamSpec::new(q, Unit::Plain, 0.1, 18.0, flat).curve(Curve::Exponential).about(third),
    ]
}

const PEAK: [&str; 3] = [
    "Middle of the peak.",
    "Boost or dip at the middle; 0 is off.",
    "Narrowness: 0.7 is wide, 5 a third of an octave.",
];
const LOW: [ParamSpec; 3] = band(
    ["low_freq", "low_gain", "low_q"],
    120.0,
    FLAT,
    [
        "Middle of the low shelf's slope.",
        "Gain of all below; 0 is off.",
        "Steepness of the slope; above 0.7 it overshoots.",
    ],
);
const PEAK_1: [ParamSpec; 3] = band(["peak1_freq", "peak1_gain", "peak1_q"], 300.0, 1.0, PEAK);
const PEAK_2: [ParamSpec; 3] = band(["peak2_freq", "peak2_gain", "peak2_q"], 1_000.0, 1.0, PEAK);
const PEAK_3: [ParamSpec; 3] = band(["peak3_freq", "peak3_gain", "peak3_q"], 4_000.0, 1.0, PEAK);
const HIGH: [ParamSpec; 3] = band(
    ["high_freq", "high_gain", "high_q"],
    8_000.0,
    FLAT,
    [
        "Middle of the high shelf's slope.",
        "Gain of all above; 0 is off.",
        "Steepness of the slope; above 0.7 it overshoots.",
    ],
);

const fn cut_q(name: &'static str) -> ParamSpec {
    ParamSpec::new(name, Unit::Plain, 0.3, 10.0, FLAT)
        .curve(Curve::Exponential)
        .about("Resonance of the cut: 0.7 is flat, more lifts its edge.")
}

impl Node for Eq {
    const KIND: &'static str = "eq";
    const ABOUT: &'static str = "A parametric equalizer: two cuts, two shelves, three peaks.

Every band is off where it does nothing (gains at 0 dB, cuts at the ends of their ranges), and then costs nothing.
A low cut clears the floor under pads; a low shelf makes room for a bass; narrow dips tame resonances; a wide, small
lift at 8 kHz and up gives air. All bands can be modulated, without zipper noise, since the filters keep their
sound while they move.";
    const EXAMPLE: &'static str = "
hiss: { type: noise, colour: pink, gain: -12 dB }
shaped: { type: eq, in: hiss, low_cut: 40 Hz, peak1_gain: -3 dB, high_freq: 9 kHz, high_gain: 2 dB }
out: { type: output, in: shaped }";
    const PARAMS: &'static [ParamSpec] = &[
        ParamSpec::hertz("low_cut", LOW_CUT_OFF, 2_000.0, LOW_CUT_OFF)
            .about("Takes away what is below; off at its lowest."),
        cut_q("low_cut_q"),
        LOW[0],
        LOW[1],
        LOW[2],
        PEAK_1[0],
        PEAK_1[1],
        PEAK_1[2],
        PEAK_2[0],
        PEAK_2[1],
        PEAK_2[2],
        PEAK_3[0],
        PEAK_3[1],
        PEAK_3[2],
        HIGH[0],
        HIGH[1],
        HIGH[2],
        ParamSpec::hertz("high_cut", 200.0, HIGH_CUT_OFF, HIGH_CUT_OFF)
            .about("Takes away what is above; off at its highest."),
        cut_q("high_cut_q"),
    ];
    type Config = EqConfig;

    fn ports(_config: &EqConfig) -> Ports {
        Ports::effect()
    }

    fn check(config: &EqConfig, _places: &Places) -> Vec<NodeError> {
        if matches!(config.slope, 12 | 24) {
            return Vec::new();
        }
        vec![NodeError::new("cuts fall by 12 or 24 dB an octave").at("slope").help("write `slope: 24`")]
    }

    fn prepare(config: &EqConfig, cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        let (channels, rate) = (usize::from(cx.outputs[0]), cx.sample_rate);
        let sections = if config.slope == 24 { &STEEP[..] } else { &GENTLE[..] };
        let settled = rate / 5;
        let eq = Eq {
            low_cut: Cut::new(channels, rate, LOW_CUT_OFF, sections),
            low_shelf: Band::new(channels, rate),
            peaks: std::array::from_fn(|_| Band::new(channels, rate)),
            high_shelf: Band::new(channels, rate),
            high_cut: Cut::new(channels, rate, HIGH_CUT_OFF, sections),
            sound: vec![Block::SILENCE; channels].into(),
            quiet: settled,
            settled,
        };
        // The highest and narrowest peak at the lowest frequency rings down by 120 dB in 11 s.
        Ok(Prepared::new(eq).tail(Tail::Frames(11 * u64::from(rate))))
    }
}

impl Eq {
    fn forget(&mut self) {
        self.low_cut.reset();
        self.low_shelf.reset();
        self.peaks.iter_mut().for_each(Band::reset);
        self.high_shelf.reset();
        self.high_cut.reset();
        self.quiet = self.settled;
    }
}

impl Processor for Eq {
    fn process(&mut self, _cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        let input = io.input(0);
        if input.is_silent() && self.quiet >= self.settled {
            self.forget();
            return Status::Asleep;
        }
        for (channel, sound) in self.sound.iter_mut().enumerate() {
            *sound = *input.channel(channel);
        }
        let three = |first: usize| [io.param(first), io.param(first + 1), io.param(first + 2)];
        let sound = &mut self.sound;
        self.low_cut.quantum(io.param(LOW_CUT), io.param(LOW_CUT + 1), sound);
        self.low_shelf.quantum(three(LOW_SHELF), sound);
        for (peak, first) in self.peaks.iter_mut().zip(PEAKS) {
            peak.quantum(three(first), sound);
        }
        self.high_shelf.quantum(three(HIGH_SHELF), sound);
        self.high_cut.quantum(io.param(HIGH_CUT), io.param(HIGH_CUT + 1), sound);
        let mut output = io.output(0);
        for (channel, sound) in self.sound.iter().enumerate() {
            *output.channel(channel) = *sound;
        }
        let ringing = || self.sound.iter().flat_map(|block| block.iter()).any(|x| x.abs() > INAUDIBLE);
        let audible = !input.is_silent() || ringing();
        self.quiet = if audible { 0 } else { self.quiet + QUANTUM as u32 };
        Status::Active
    }

    fn reset(&mut self) {
        self.forget();
    }
}

/// A band with a gain (A. Simper's trapezoidal state-variable filter), alike for several channels. At 0 dB it
/// passes what comes to the bit, so it can rest there.
struct Band<M: SvfMode<f64>> {
    filters: Box<[FixedSvf<f64, M>]>,
    highest: f32,
    /// Frequency, gain in dB and Q that the filters are set to.
    set: [f32; 3],
    resting: bool,
}

impl<M: SvfMode<f64>> Band<M> {
    fn new(channels: usize, sample_rate: u32) -> Self {
        let rate = f64::from(sample_rate);
        let params = SvfParams { sample_rate: rate, cutoff: 1_000.0, q: 1.0, gain: 1.0 };
        Self {
            filters: vec![FixedSvf::new(M::default(), &params); channels].into(),
            highest: (rate * 0.49) as f32,
            set: [0.0; 3],
            resting: true,
        }
    }

    fn reset(&mut self) {
        self.filters.iter_mut().for_each(AudioNode::reset);
        self.resting = true;
    }

    #[inline]
    fn aim(&mut self, to: [f32; 3]) {
        if to == self.set {
            return;
        }
        self.set = to;
        let [frequency, gain, q] = to;
        let (cutoff, gain) = (f64::from(frequency.min(self.highest)), f64::from(db_to_gain(gain)));
        self.filters.iter_mut().for_each(|filter| filter.set_cutoff_q_gain(cutoff, f64::from(q), gain));
    }

    fn quantum(&mut self, [frequency, gain, q]: [Param<'_>; 3], sound: &mut [Block]) {
        if let Param::Constant(0.0) = gain {
            if !self.resting {
                self.reset();
            }
            return;
        }
        self.resting = false;
        let at = |frame: usize| [frequency.at(frame), gain.at(frame), q.at(frame)];
        if let (Param::Constant(_), Param::Constant(_), Param::Constant(_)) = (frequency, gain, q) {
            self.aim(at(0));
            channels::filter(&mut self.filters, sound);
            return;
        }
        for frame in 0..QUANTUM {
            self.aim(at(frame));
            for (filter, block) in self.filters.iter_mut().zip(sound.iter_mut()) {
                block[frame] = filter.filter_mono(block[frame]);
            }
        }
    }
}
