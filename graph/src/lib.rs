//! The framework of Auralis: a preset is a program, this crate is its compiler and the machine that runs it.
//!
//! ```text
//! YAML text -> Preset -> (verify) -> build -> Engine <- Controller (any thread)
//!              spans     diagnostics schedule audio thread
//! ```
//!
//! A node author needs [`node`], [`param`], [`port`], [`note`] and [`engine::Io`]; a socket needs [`Preset`],
//! [`plan::build`], [`Engine`] and [`Controller`]. No concrete node lives here.

pub mod catalogue;
pub mod chance;
pub mod command;
pub mod controller;
pub mod diagnostic;
pub mod drawing;
pub mod dsp;
pub mod engine;
pub mod expose;
pub mod instructions;
pub mod journal;
pub mod lanes;
#[cfg(all(test, loom))]
mod models;
pub mod music;
pub mod node;
pub mod note;
pub mod packet;
pub mod param;
pub mod places;
pub mod plan;
pub mod port;
pub mod preset;
pub mod quantity;
mod realtime;
pub mod render;
pub mod settings;
pub mod source;
pub mod sync;
#[cfg(feature = "testing")]
pub mod testing;
pub mod transport;
pub mod units;
mod voices;
pub mod yaml;

pub use catalogue::{Catalogue, Kind};
pub use controller::{Controller, Tap};
pub use engine::Engine;
pub use node::{Node, NodeError, Prepare, Prepared, Processor, Status, Tail};
pub use plan::{Built, Options, Socket, build};
pub use preset::Preset;
pub use source::Source;
pub use voices::Voices;
