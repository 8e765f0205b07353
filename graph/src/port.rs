//! What a node takes and gives: ports of audio, notes or packets. Control side only.

/// What flows through a port.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum PortKind {
    /// Audio or modulation: channels of `f32`, 64 frames a quantum.
    Audio {
        /// How many channels.
        channels: Channels,
        /// Set on outputs made to modulate; they have no `gain` and `mute`. Others modulate as bipolar.
        control: Option<Polarity>,
    },
    /// Note events.
    Notes {
        /// Most events an output sends in one quantum; not read on inputs.
        capacity: u16,
    },
    /// Encoded chunks.
    Packets {
        /// What an output sends; none on inputs.
        flow: Option<PacketFlow>,
    },
}

/// How large and how frequent the packets of an output are, at any sample rate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PacketFlow {
    /// Seconds of sound in a packet.
    pub seconds: f64,
    /// Most bytes for each frame of sound.
    pub frame_bytes: f64,
    /// Most bytes besides.
    pub extra_bytes: u32,
}

impl PacketFlow {
    /// Frames in a packet: seconds times rate, rounded, at least 1.
    pub fn frames(&self, sample_rate: u32) -> u32 {
        (self.seconds * f64::from(sample_rate)).round().max(1.0) as u32
    }

    /// Most bytes of a packet.
    pub fn bytes(&self, sample_rate: u32) -> usize {
        (f64::from(self.frames(sample_rate)) * self.frame_bytes).ceil() as usize + self.extra_bytes as usize
    }
}

/// The number of channels of an audio port.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Channels {
    /// This many: 1 is mono, 2 stereo.
    Exactly(u16),
    /// An input: as many as its widest source, 1 where nothing is connected.
    AsConnected,
    /// An output: as many as the node's input port of this index.
    LikeInput(u8),
}

/// What a source's numbers range over when it modulates a parameter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Polarity {
    /// From 0 to 1.
    Unipolar,
    /// From -1 to 1.
    Bipolar,
}

/// A port of a node kind.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PortSpec {
    /// Its key in the YAML. The first input is also `in`.
    pub name: &'static str,
    /// What flows.
    pub kind: PortKind,
    /// Whether an input may stay unconnected without a warning.
    pub optional: bool,
    /// One sentence for the reference.
    pub about: &'static str,
}

impl PortSpec {
    /// An audio port with a fixed number of channels.
    pub const fn audio(name: &'static str, channels: u16) -> Self {
        Self::new(name, PortKind::Audio { channels: Channels::Exactly(channels), control: None })
    }

    /// An audio input as wide as its widest source.
    pub const fn audio_as_connected(name: &'static str) -> Self {
        Self::new(name, PortKind::Audio { channels: Channels::AsConnected, control: None })
    }

    /// An audio output as wide as an input.
    pub const fn audio_like(name: &'static str, input: u8) -> Self {
        Self::new(name, PortKind::Audio { channels: Channels::LikeInput(input), control: None })
    }

    /// A mono output made for modulation.
    pub const fn control(name: &'static str, polarity: Polarity) -> Self {
        Self::new(name, PortKind::Audio { channels: Channels::Exactly(1), control: Some(polarity) })
    }

    /// A notes port; an output sends at most 256 events a quantum.
    pub const fn notes(name: &'static str) -> Self {
        Self::new(name, PortKind::Notes { capacity: 256 })
    }

    /// A packets input.
    pub const fn packets_in(name: &'static str) -> Self {
        Self::new(name, PortKind::Packets { flow: None })
    }

    /// A packets output.
    pub const fn packets_out(name: &'static str, flow: PacketFlow) -> Self {
        Self::new(name, PortKind::Packets { flow: Some(flow) })
    }

    /// Lets an input stay unconnected without a warning.
    pub const fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Sets the sentence for the reference.
    pub const fn about(mut self, about: &'static str) -> Self {
        self.about = about;
        self
    }

    const fn new(name: &'static str, kind: PortKind) -> Self {
        Self { name, kind, optional: false, about: "" }
    }

    /// Whether audio flows here.
    pub fn is_audio(&self) -> bool {
        matches!(self.kind, PortKind::Audio { .. })
    }

    /// What the port's numbers range over when it modulates; none where no audio flows.
    pub fn polarity(&self) -> Option<Polarity> {
        match self.kind {
            PortKind::Audio { control, .. } => Some(control.unwrap_or(Polarity::Bipolar)),
            _ => None,
        }
    }

    /// A word for what flows, for diagnostics and the reference.
    pub fn flow(&self) -> &'static str {
        match self.kind {
            PortKind::Audio { .. } => "audio",
            PortKind::Notes { .. } => "notes",
            PortKind::Packets { .. } => "packets",
        }
    }
}

/// The ports of a node with a given configuration.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Ports {
    /// Inputs; the first is what `in` connects.
    pub inputs: Vec<PortSpec>,
    /// Outputs; the first is what the node's bare name refers to.
    pub outputs: Vec<PortSpec>,
}

impl Ports {
    /// From lists.
    pub fn new(inputs: impl Into<Vec<PortSpec>>, outputs: impl Into<Vec<PortSpec>>) -> Self {
        Self { inputs: inputs.into(), outputs: outputs.into() }
    }

    /// Audio through, as wide as it comes: `in` to `out`.
    pub fn effect() -> Self {
        Self::new([PortSpec::audio_as_connected("in")], [PortSpec::audio_like("out", 0)])
    }

    /// Notes to stereo audio: an instrument.
    pub fn instrument() -> Self {
        Self::new([PortSpec::notes("in")], [PortSpec::audio("out", 2)])
    }

    /// Whether the node makes audio to be heard, and so has `gain` and `mute`.
    pub fn audible(&self) -> bool {
        self.outputs.iter().any(|port| matches!(port.kind, PortKind::Audio { control: None, .. }))
    }
}
