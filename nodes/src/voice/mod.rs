//! The voice of `synth`: its patch and its mathematics, in one place for every backend.
//!
//! Everything is written once, for one voice (`f32`) and for lanes of sixteen ([`wide::Wide`]), with arithmetic that
//! is the same to the bit on every instruction set. The single voice is what a backend on other hardware is held
//! against.
//!
//! A voice is its [`state::Voice`], and a patch the plain numbers of [`patch::Patch`] (looked at once a step of 16
//! frames) and [`patch::Tracks`] (looked at in every frame). For each step:
//!
//! 1. [`control`] takes pitch, envelopes, LFO, glide and expression to the step's end, and sets the lines along which
//!    the filter's angle and the two channels' factors get there.
//! 2. [`render`] runs both oscillators at twice the rate ([`shape`]), bends them, halves the rate ([`halfband`]), adds
//!    sub oscillator and noise, filters ([`svf`]), and adds the voice to left and right.
//!
//! Notes cut a step where they start and end: each part of it is a step of its own, of fewer frames. The sum of all
//! voices goes through [`guard`]. Nothing here allocates, and nothing knows of notes.

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
