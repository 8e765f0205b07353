//! Who may do what (contract, section 4). Each request passes the gate, which finds out who asks and lets through what is
//! allowed; the routes hear of it as a [`Caller`].

mod caller;
mod credentials;
mod gate;
mod headers;
mod hosts;
mod origin;
mod place;
mod throttle;

pub use caller::{Caller, Right, caller};
pub use gate::{Gate, Watch, ask_for};
