//! What the audio thread says of itself, for the eye. All relaxed atomics.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// See the module.
#[derive(Debug, Default)]
pub struct Gauges {
    load: AtomicU32,
    peak_load: AtomicU32,
    voices: AtomicU32,
    latency: AtomicU32,
    playing: AtomicBool,
    tempo: AtomicU64,
}

/// Seconds over which the load is averaged.
const SPAN: f32 = 0.5;

impl Gauges {
    /// Notes a block: how long it took, how long it sounds, both in seconds, and what sounds. Audio thread.
    pub fn note(&self, took: f32, sounds: f32, voices: u32, playing: bool) {
        if sounds > 0.0 {
            let part = took / sounds;
            let way = (sounds / SPAN).min(1.0);
            let load = self.load();
            self.load.store((load + (part - load) * way).to_bits(), Ordering::Relaxed);
            if part > f32::from_bits(self.peak_load.load(Ordering::Relaxed)) {
                self.peak_load.store(part.to_bits(), Ordering::Relaxed);
            }
        }
        self.voices.store(voices, Ordering::Relaxed);
        self.playing.store(playing, Ordering::Relaxed);
    }

    /// Notes what the host was told of latency, in frames.
    pub fn set_latency(&self, frames: u32) {
        self.latency.store(frames, Ordering::Relaxed);
    }

    /// The part of real time that the last blocks took to compute, 0 to 1.
    pub fn load(&self) -> f32 {
        f32::from_bits(self.load.load(Ordering::Relaxed))
    }

    /// The most that one block took of its own time since this was last asked.
    pub fn take_peak_load(&self) -> f32 {
        f32::from_bits(self.peak_load.swap(0, Ordering::Relaxed))
    }

    /// Voices that sound.
    pub fn voices(&self) -> u32 {
        self.voices.load(Ordering::Relaxed)
    }

    /// Frames of latency that the host has been told of.
    pub fn latency(&self) -> u32 {
        self.latency.load(Ordering::Relaxed)
    }

    /// Whether time goes on.
    pub fn is_playing(&self) -> bool {
        self.playing.load(Ordering::Relaxed)
    }

    /// Notes the host's tempo in quarter notes per minute, 0 where it has none. Audio thread.
    pub fn set_tempo(&self, tempo: f64) {
        self.tempo.store(tempo.to_bits(), Ordering::Relaxed);
    }

    /// The host's tempo, if it has one.
    pub fn tempo(&self) -> Option<f64> {
        Some(f64::from_bits(self.tempo.load(Ordering::Relaxed))).filter(|tempo| *tempo > 0.0)
    }
}
