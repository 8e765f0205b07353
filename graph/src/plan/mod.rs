//! From a preset to a running engine: prune to what the socket plays, prepare every node, compensate latency,
//! assign buffers. Control side only.

mod analysis;
mod arrangement;
mod assembly;
mod buffers;
mod build;
mod edit;
mod part;
mod partition;
mod socket;
mod wiring;

pub use build::{Built, Offers, Options, build, threads};
pub use edit::{EditError, Edited, Editor};
pub use socket::Socket;

pub(crate) use analysis::{Order, WidthMismatch, Widths, order, reached, widths};
