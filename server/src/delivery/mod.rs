//! From a station to its listeners: what is said to all is made once, and written to each connection as it is. Threads
//! of their own go along the connections; whoever takes nothing waits by itself. See `line.rs` for one connection, and
//! `cast.rs` for players that hear a stream of bytes.
#![allow(
    clippy::disallowed_types,
    reason = "threads that write to sockets lock; none of them computes sound"
)]

mod audience;
mod cable;
mod cast;
mod encoder;
mod format;
mod line;
mod outlet;
mod sender;
mod sound;

pub use audience::{Audience, Chair, Punctuality};
pub use cable::Cable;
pub use cast::{Container, Player};
pub use format::Format;
pub use line::{Line, Pumped};
pub use outlet::{Outlets, Plan, Taps, Wanted};
pub use sender::Senders;
pub use sound::Sound;

use tungstenite::protocol::frame::FrameHeader;
use tungstenite::protocol::frame::coding::{Data, OpCode};

/// Appends the head of a WebSocket message from a server (RFC 6455, section 5.2): the rest is the message itself.
fn head(kind: Data, length: usize, out: &mut Vec<u8>) {
    let header = FrameHeader { opcode: OpCode::Data(kind), ..FrameHeader::default() };
    // Writing to memory does not fail, and the header has nothing illegal.
    let _ = header.format(length as u64, out);
}

/// A text as it goes over a WebSocket.
pub fn text_frame(text: &str) -> Vec<u8> {
    let mut frame = Vec::with_capacity(text.len() + 10);
    head(Data::Text, text.len(), &mut frame);
    frame.extend_from_slice(text.as_bytes());
    frame
}

/// Locks, also after a thread panicked with the lock held: the values inside are whole at every moment.
fn lock<T>(mutex: &std::sync::Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
