//! What control threads ask of a running engine, and what it tells them. Plain values of fixed size.

use crate::note::NoteEvent;
use crate::param::Amount;
use crate::settings::Setting;

/// A node of a running graph, by a number that it keeps through all edits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct NodeId(pub(crate) u32);

/// Something to be done while the graph runs.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Change {
    /// A setting of the piece.
    Setting(Setting),
    /// A control that the preset exposes, by its slot, in its own unit.
    Control {
        /// Place in the preset's `expose`, from 0.
        index: u16,
        /// New value, in the control's unit.
        value: f32,
    },
    /// A parameter of a node.
    Param {
        /// The node.
        node: NodeId,
        /// Index among the node's parameters, the common ones last.
        param: u16,
        /// New value.
        amount: Amount,
    },
    /// A note for a node that takes notes from outside.
    Note {
        /// The node.
        node: NodeId,
        /// The event; its offset counts from the frame at which the command is due.
        event: NoteEvent,
    },
    /// The position advances.
    Play,
    /// The position stands still.
    Stop,
    /// The position goes to a place, which need not be a whole tick: a host knows no ticks. With `jump` what is held is
    /// released and composers find their place anew; without it only the clock is set right, by next to nothing.
    Locate {
        /// The place, in ticks.
        tick: f64,
        /// Whether the music breaks off and goes on there.
        jump: bool,
    },
}

impl Change {
    /// Whether it means something else, or nothing, where the graph is another one.
    pub(crate) fn is_for_a_graph(self) -> bool {
        matches!(self, Self::Control { .. } | Self::Param { .. } | Self::Note { .. })
    }
}

/// When a command is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// As soon as it arrives: changes of settings and controls at the next whole tick, so that the journal
    /// can name the moment; all else in the first frame that has not been computed.
    Now,
    /// At a frame of the engine's clock; at once if that has passed.
    Frame(i64),
    /// At a musical position; if that has passed at once, or at the next whole tick as for [`When::Now`]; never if
    /// the position stands still.
    Tick(i64),
}

/// A change and its moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Command {
    /// When it is due.
    pub when: When,
    /// What is to be done.
    pub change: Change,
}

/// What a node did that no node may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// It yielded NaN or infinity.
    NotFinite,
    /// It panicked.
    Panicked,
    /// It took longer than all nodes may take together, time and again.
    TooSlow,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::NotFinite => "it yielded NaN or infinity",
            Self::Panicked => "it panicked",
            Self::TooSlow => "it takes longer to compute than it sounds",
        })
    }
}

/// What [`Report::Relieved`] means for who listens.
pub fn describe_relief(steps: u8) -> &'static str {
    match steps {
        0 => "the machine keeps up again: everything sounds",
        1 => "the machine does not keep up: instruments sound half their voices at most",
        2 => "the machine does not keep up: instruments sound a quarter of their voices at most",
        3 => "the machine does not keep up: instruments sound an eighth of their voices at most",
        _ => "the machine does not keep up: nodes of low priority are silent",
    }
}

/// What [`Report::Stalled`] means for who listens.
pub const STALLED: &str = "a thread that helps does not come back: the sound pauses until it does; \
     the less else runs on this machine the sooner it comes";
/// What [`Report::Waited`] means for who listens.
pub const WAITED: &str = "a thread that helps was held up, as by other work of this machine: for some seconds one does \
     all the work";

/// What a running engine tells the control side.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Report {
    /// A setting or control took hold: the entries of the journal.
    Applied {
        /// Musical position.
        tick: i64,
        /// Frame of the engine's clock.
        frame: i64,
        /// What changed.
        change: Change,
        /// The edition of the graph that it is about, for [`crate::Controller::control_of`].
        edition: u32,
    },
    /// A node failed and is silent from now on, until an edit prepares it anew.
    Failed {
        /// The node.
        node: NodeId,
        /// Frame of the engine's clock.
        frame: i64,
        /// What it did.
        failure: Failure,
    },
    /// The machine does not keep up, or does again: instruments sound half as many voices with each step, and at the
    /// last, [`crate::engine::MOST_RELIEF`], nodes of low priority are silent.
    Relieved {
        /// Steps now; 0 is the whole sound.
        steps: u8,
        /// Frame of the engine's clock.
        frame: i64,
    },
    /// A worker kept the audio thread waiting for longer than a quantum sounds: for some seconds it does all by itself.
    Waited {
        /// Frame of the engine's clock.
        frame: i64,
    },
    /// A worker does not come back from what it has begun: silence, until it does.
    Stalled {
        /// Frame of the engine's clock, which stands still.
        frame: i64,
    },
    /// It came back, and the graph goes on where it was.
    Resumed {
        /// Frame of the engine's clock.
        frame: i64,
        /// Quanta of silence that were given meanwhile.
        missed: u32,
    },
}
