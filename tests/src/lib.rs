//! What the tests of the whole product share: the real program, a real browser, and a line between them that can be
//! cut. Everything that is started here is ended when it is dropped.

mod browser;
mod http;
mod line;
mod server;
mod text;

pub use browser::{Browser, Key, Screen};
pub use line::Line;
pub use server::{Server, program};
