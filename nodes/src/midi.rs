//! `midi_in` and `midi_out`: notes from and to the world outside.

use auralis_graph::engine::{Context, Io};
use auralis_graph::node::Role;
use auralis_graph::note::NoteEvent;
use auralis_graph::port::{PortSpec, Ports};
use auralis_graph::{Node, NodeError, Prepare, Prepared, Processor, Status, places::Places};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which channels pass, and where they go.
#[derive(Debug, Default, Deserialize, Serialize, JsonSchema)]
#[serde(default)]
pub struct ChannelConfig {
    /// MIDI channel, 1 to 16; all where it is left out.
    #[schemars(range(min = 1, max = 16))]
    channel: Option<u8>,
}

impl ChannelConfig {
    fn check(&self) -> Vec<NodeError> {
        let legal = self.channel.is_none_or(|channel| (1..=16).contains(&channel));
        if legal { Vec::new() } else { vec![NodeError::new("a MIDI channel is 1 to 16").at("channel")] }
    }

    /// The channel as events count it, from 0.
    fn index(&self) -> Option<u8> {
        self.channel.map(|channel| channel - 1)
    }
}

/// Notes from a keyboard or a host.
pub struct MidiIn {
    channel: Option<u8>,
}

impl Node for MidiIn {
    const KIND: &'static str = "midi_in";
    const ABOUT: &'static str =
        "Notes that are played: from the host in a DAW, from a MIDI keyboard in `auralis play`.

Where nobody plays (a station, a render) it is silent. With `channel` it takes one MIDI channel, else all.";
    const EXAMPLE: &'static str = "
keys: { type: midi_in }
thru: { type: midi_out, in: keys }";
    const ROLE: Role = Role::NotesIn;
    type Config = ChannelConfig;

    fn ports(_config: &ChannelConfig) -> Ports {
        Ports::new([], [PortSpec::notes("out")])
    }

    fn check(config: &ChannelConfig, _places: &Places) -> Vec<NodeError> {
        config.check()
    }

    fn prepare(config: &ChannelConfig, _cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        Ok(Prepared::new(MidiIn { channel: config.index() }))
    }
}

impl Processor for MidiIn {
    fn process(&mut self, _cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        for event in io.notes(0) {
            if self.channel.is_none_or(|channel| channel == event.channel) {
                // The output holds fewer events than the inbox: what does not fit in one quantum is more
                // than a MIDI cable carries in a second.
                let _ = io.send(0, *event);
            }
        }
        Status::Asleep
    }

    fn reset(&mut self) {}
}

/// Notes to a host, a device or a MIDI file.
pub struct MidiOut {
    channel: Option<u8>,
}

impl Node for MidiOut {
    const KIND: &'static str = "midi_out";
    const ABOUT: &'static str = "Sends notes out: to the host in a DAW, to a MIDI device in `auralis play`.

They leave together with the audio that they belong to. With `channel` all go to one MIDI channel, else each keeps
its own.";
    const EXAMPLE: &'static str = "
keys: { type: midi_in, channel: 1 }
thru: { type: midi_out, in: keys, channel: 3 }";
    const ROLE: Role = Role::NotesOut;
    type Config = ChannelConfig;

    fn ports(_config: &ChannelConfig) -> Ports {
        Ports::new([PortSpec::notes("in")], [PortSpec::notes("out").about("The same notes, as they leave.")])
    }

    fn check(config: &ChannelConfig, _places: &Places) -> Vec<NodeError> {
        config.check()
    }

    fn prepare(config: &ChannelConfig, _cx: &mut Prepare<'_>) -> Result<Prepared, NodeError> {
        Ok(Prepared::new(MidiOut { channel: config.index() }))
    }
}

impl Processor for MidiOut {
    fn process(&mut self, _cx: &Context<'_>, io: &mut Io<'_>) -> Status {
        for event in io.notes(0) {
            let channel = self.channel.unwrap_or(event.channel);
            // More notes in one quantum than a MIDI cable carries in a second: the rest is dropped.
            let _ = io.send(0, NoteEvent { channel, ..*event });
        }
        Status::Asleep
    }

    fn reset(&mut self) {}
}
