//! The `auralis` program: a station in the browser, offline renders, and tools for preset authors.

pub mod adjust;
pub mod cli;
pub mod drawing;
pub mod midi_file;
pub mod reference;
pub mod settings;
pub mod state;
pub mod station;
mod watch;
pub mod web;
