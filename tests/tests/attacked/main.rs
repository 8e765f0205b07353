//! A station under attack, at its real doors. While somebody else dawdles, floods, lies or vanishes, another listener hears
//! every chunk, and the station's memory stays within what is stated.
#![cfg(target_os = "linux")]

mod doors;
mod siege;
mod sockets;
