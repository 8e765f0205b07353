//! The instruments, one module a family. Each function synthesises one patch; equal calls give equal patches.

mod bells;
mod breath;
mod drone;
mod mallets;
mod pads;
mod piano;
mod plucked;
mod strings;
mod tines;

pub use strings::rubbed_glass;

use crate::patch::Patch;

/// The programs of bank 0, in order.
pub const PROGRAMS: [fn() -> Patch; 16] = [
    piano::felt_piano,
    bells::glass_bells,
    pads::warm_pad,
    pads::airy_pad,
    tines::tine_piano,
    strings::strings,
    breath::choir,
    plucked::harp,
    plucked::bass,
    mallets::kalimba,
    mallets::vibraphone,
    drone::drone,
    bells::celesta,
    strings::bowed_glass,
    breath::flute,
    plucked::sub,
];
