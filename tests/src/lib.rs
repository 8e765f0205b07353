//! What the tests of the whole product share: the real program, real listeners, a real browser, and a line between
//! them that can be cut. Everything that is started here is ended when it is dropped.

mod browser;
pub mod bundles;
pub mod clap_host;
#[cfg(unix)]
mod display;
pub mod ears;
mod events;
pub mod hosts;
mod http;
mod line;
mod listener;
pub mod page;
pub mod presets;
mod program;
mod server;
pub mod sound;
mod text;
mod tokens;
mod trend;
mod wire;

pub use browser::{Browser, Held, Key, Screen};
#[cfg(unix)]
pub use display::Display;
pub use events::Events;
pub use http::agent;
pub use line::{Line, Weather};
pub use listener::{Heard, Listener};
pub use program::{Room, Said, collect, finish, program, signal, wait};
pub use server::Server;
pub use tokens::{Tokens, now_and};
pub use trend::Trend;
pub use wire::{Answer, Wire};
