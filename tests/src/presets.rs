//! Presets of several tests: what sounds is known, and one control turns it.

/// Pink noise, and its level.
pub const RAIN: &str = "auralis: 1
name: Test Rain
nodes:
  hiss: { type: noise, colour: pink }
  level: { type: gain, in: hiss, gain: -12 dB }
  out: { type: output, in: level }
expose:
  level: { to: level.gain, label: Level }
";

/// A steady tone, and its level.
pub const TONE: &str = "auralis: 1
name: Tone
nodes:
  tone: { type: oscillator, frequency: 440 Hz, gain: -20 dB }
  out: { type: output, in: tone }
expose:
  level: { to: tone.gain, label: Level }
";

/// A tone that is there all the time, and phrases of 16 seconds.
pub const PULSE: &str = "auralis: 1
name: Pulse
tempo: 120
nodes:
  composer: { type: composer, phrase: 8 bars }
  voice: { type: synth, in: composer.chords, voices: 4, gain: -30 dB }
  tone: { type: oscillator, frequency: 440 Hz, gain: -20 dB }
  out: { type: output, in: [tone, voice] }
expose:
  tone: { to: tone.gain, label: Tone }
";
