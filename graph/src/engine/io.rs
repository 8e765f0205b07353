//! What a processor sees of its node's ports and parameters in one quantum. Audio thread.

use super::cell::MAX_PARAMS;
use super::memory::{Memory, NOTHING};
use super::schedule::{Plug, Segment, Step};
use crate::dsp::{Block, QUANTUM};
use crate::note::NoteEvent;
use crate::packet::{Packet, PacketBuffer};

/// A parameter's value in one quantum, as the processor is to use it.
#[derive(Debug, Clone, Copy)]
pub enum Param<'a> {
    /// The same in all frames.
    Constant(f32),
    /// One value for each frame: the parameter glides or is modulated.
    Signal(&'a Block),
}

impl Param<'_> {
    /// The value at a frame of the quantum.
    #[inline]
    pub fn at(&self, frame: usize) -> f32 {
        match self {
            Param::Constant(value) => *value,
            Param::Signal(block) => block[frame],
        }
    }

    /// The value at the first frame, for what is only looked at once a quantum.
    #[inline]
    pub fn first(&self) -> f32 {
        self.at(0)
    }

    /// Writes all 64 values.
    #[inline]
    pub fn fill(&self, out: &mut [f32; QUANTUM]) {
        match self {
            Param::Constant(value) => out.fill(*value),
            Param::Signal(block) => out.copy_from_slice(&block.0),
        }
    }
}

/// A parameter as the engine keeps it: a constant, or a block that holds while `signal` is set.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ParamValue {
    pub value: f32,
    pub signal: bool,
}

/// The ports and parameters of one node in one quantum.
pub struct Io<'a> {
    pub(crate) segment: &'a Segment,
    pub(crate) memory: &'a Memory,
    pub(crate) step: &'a Step,
    pub(crate) params: &'a [ParamValue],
    pub(crate) signals: &'a [Block; MAX_PARAMS],
}

impl<'a> Io<'a> {
    /// A parameter, by its index in [`crate::Node::PARAMS`].
    #[inline]
    pub fn param(&self, index: usize) -> Param<'a> {
        let param = self.params[index];
        if param.signal { Param::Signal(&self.signals[index]) } else { Param::Constant(param.value) }
    }

    /// Whether the step has any input port.
    pub(crate) fn has_inputs(&self) -> bool {
        self.step.inputs.len > 0
    }

    #[inline]
    fn plug_in(&self, port: usize) -> Plug {
        self.segment.list(&self.segment.plugs, self.step.inputs)[port]
    }

    #[inline]
    fn plug_out(&self, port: usize) -> Plug {
        self.segment.list(&self.segment.plugs, self.step.outputs)[port]
    }

    /// An audio input port.
    ///
    /// # Panics
    /// If there is no such port.
    #[inline]
    pub fn input(&self, port: usize) -> AudioIn<'a> {
        AudioIn::of(self.segment, self.memory, self.step, port)
    }

    /// An audio output port.
    ///
    /// # Panics
    /// If there is no such port.
    #[inline]
    pub fn output(&mut self, port: usize) -> AudioOut<'_> {
        let plug = self.plug_out(port);
        AudioOut {
            memory: self.memory,
            wires: &self.segment.wires[plug.start as usize..][..plug.len as usize],
        }
    }

    /// The note events of a notes input, by frame.
    #[inline]
    pub fn notes(&self, port: usize) -> &'a [NoteEvent] {
        self.memory.notes(self.plug_in(port).start).events()
    }

    /// Sends a note event from a notes output.
    ///
    /// # Errors
    /// Gives the event back when the port has sent all it can in one quantum; keep it for the next.
    #[inline]
    pub fn send(&mut self, port: usize, event: NoteEvent) -> Result<(), NoteEvent> {
        // SAFETY: the buffer is this step's output; the reference ends with this call, and `&mut self` keeps
        // another one from being made meanwhile.
        let notes = unsafe { self.memory.notes_mut(self.plug_out(port).start) };
        notes.push(event)
    }

    /// The packets of a packets input, oldest first.
    #[inline]
    pub fn packets(&self, port: usize) -> &'a PacketBuffer {
        self.memory.packets(self.plug_in(port).start)
    }

    /// Sends a packet from a packets output. Returns false when the port has sent all it can in one quantum.
    #[must_use]
    pub fn send_packet(&mut self, port: usize, packet: Packet<'_>) -> bool {
        // SAFETY: as in `send`.
        let packets = unsafe { self.memory.packets_mut(self.plug_out(port).start) };
        packets.push(packet)
    }
}

/// An audio input in one quantum.
#[derive(Clone, Copy)]
pub struct AudioIn<'a> {
    memory: &'a Memory,
    wires: &'a [u32],
}

impl<'a> AudioIn<'a> {
    #[inline]
    pub(crate) fn of(segment: &'a Segment, memory: &'a Memory, step: &Step, port: usize) -> Self {
        let plug = segment.list(&segment.plugs, step.inputs)[port];
        let wires = &segment.wires[plug.start as usize..][..plug.len as usize];
        Self { memory, wires }
    }

    /// Number of channels.
    #[inline]
    pub fn channels(&self) -> usize {
        self.wires.len()
    }

    /// One channel; zeros where it is silent.
    ///
    /// # Panics
    /// If there is no such channel.
    #[inline]
    pub fn channel(&self, index: usize) -> &'a Block {
        self.memory.block(self.wires[index])
    }

    /// Whether anything is connected, be it silent. An optional input that is not may stand for another one.
    #[inline]
    pub fn is_connected(&self) -> bool {
        self.wires.iter().any(|wire| *wire != NOTHING)
    }

    /// Whether every channel is silent, so that nothing needs to be computed from it.
    #[inline]
    pub fn is_silent(&self) -> bool {
        self.wires.iter().all(|wire| self.memory.is_silent(*wire))
    }
}

/// An audio output in one quantum. What is not written holds what an earlier node left there.
pub struct AudioOut<'a> {
    memory: &'a Memory,
    wires: &'a [u32],
}

impl AudioOut<'_> {
    /// Number of channels.
    #[inline]
    pub fn channels(&self) -> usize {
        self.wires.len()
    }

    /// One channel to write.
    ///
    /// # Panics
    /// If there is no such channel.
    #[inline]
    pub fn channel(&mut self, index: usize) -> &mut Block {
        // SAFETY: the wire is this step's output, and the borrow of `self` keeps a second reference away.
        unsafe { self.memory.block_mut(self.wires[index]) }
    }

    /// Two channels to write at once.
    ///
    /// # Panics
    /// If the port is not stereo.
    #[inline]
    pub fn stereo(&mut self) -> (&mut Block, &mut Block) {
        let [left, right] = *self.wires else { panic!("`stereo` on a port that is not stereo") };
        // SAFETY: both wires are this step's outputs, and the compiler gives each output its own wire.
        unsafe { (self.memory.block_mut(left), self.memory.block_mut(right)) }
    }
}
