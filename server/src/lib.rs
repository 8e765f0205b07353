//! The `auralis` program: a station in the browser, offline renders, and tools for preset authors.

mod access;
pub mod adjust;
pub mod cli;
pub mod delivery;
pub mod drawing;
pub mod encoding;
pub mod front;
pub mod limit;
pub mod memory;
pub mod metrics;
pub mod midi_file;
pub mod pool;
pub mod recording;
pub mod reference;
mod renewal;
pub mod settings;
pub mod state;
pub mod station;
pub mod stations;
mod watch;
pub mod web;
