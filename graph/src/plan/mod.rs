//! From a preset to a running engine: prune to what the socket plays, prepare every node, compensate latency,
//! assign buffers. Control side only.

mod analysis;
mod assembly;
mod buffers;
mod build;
mod route;
mod socket;
mod wiring;

pub use build::{Built, Options, build};
pub use socket::Socket;

pub(crate) use analysis::{Order, WidthMismatch, Widths, order, reached, widths};
