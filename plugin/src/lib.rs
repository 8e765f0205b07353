//! Auralis as a CLAP and VST3 instrument.
//!
//! ```text
//! host, editor -> Desk -> builder (a thread of its own) -> Player (the host's audio thread)
//! ```
//!
//! [`desk`] is where what is asked for and what plays meet; [`plugin`] is the wrapper's side.

mod builder;
pub mod desk;
pub mod editor;
pub mod gauges;
pub mod identity;
pub mod params;
pub mod player;
pub mod plugin;
pub mod reading;
pub mod slots;
pub mod state;
pub mod wishes;

use nice_plug::prelude::*;
use plugin::Auralis;

nice_export_clap!(Auralis);
nice_export_vst3!(Auralis);
