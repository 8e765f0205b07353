//! How one control moves several parameters. Plain values; the mapping is real-time safe.

use crate::command::NodeId;
use crate::param::Range;

/// The parameters that a control moves.
#[derive(Debug, Clone, PartialEq)]
pub struct ControlMap {
    /// Each with its own way along.
    pub targets: Vec<ControlTarget>,
}

/// One parameter that a control moves.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ControlTarget {
    /// The node.
    pub node: NodeId,
    /// Index among the node's parameters.
    pub param: u16,
    /// The stretch that the control's 0 to 1 travels; none where the control has the parameter's own unit.
    pub stretch: Option<Range>,
}

impl ControlTarget {
    /// The parameter's value when the control stands at `value`.
    pub fn value(&self, value: f32) -> f32 {
        match &self.stretch {
            Some(range) => range.value(value),
            None => value,
        }
    }
}
