//! From a preset to a running engine: prune to what the socket plays, prepare every node, compensate latency,
//! assign buffers. Control side only.

mod analysis;
mod arrangement;
mod buffers;
mod build;
mod drafting;
mod edit;
#[cfg(debug_assertions)]
mod flow;
mod layout;
mod nodes;
mod part;
mod partition;
mod program;
mod socket;
mod topology;
mod union;
mod wiring;

pub use build::{Built, Offers, Options, build, threads};
pub use edit::{EditError, Edited, Editor};
pub use socket::Socket;

pub(crate) use analysis::{Order, WidthMismatch, Widths, order, reached, widths};
pub(crate) use topology::Topology;
