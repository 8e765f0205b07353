//! The voice of `synth`: its patch and its mathematics, in one place for every backend. Written once for one voice
//! and for lanes of sixteen ([`wide::Wide`]); only arithmetic that is the same everywhere to the bit.

pub mod adsr;
pub mod control;
pub mod guard;
pub mod halfband;
pub mod patch;
pub mod render;
pub mod shape;
pub mod state;
pub mod svf;
pub mod wide;

#[cfg(test)]
mod tests;
