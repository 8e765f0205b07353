//! The sound that the sampler plays when it is given none: one cycle of the bowed glass, as a WAV file.

use crate::instruments::rubbed_glass;

/// Key of the sound: C4.
pub const KEY: u8 = 60;

/// The file: mono, 16-bit, about a second and a half at 22 kHz, which repeats without a seam.
pub fn wav() -> Vec<u8> {
    let wave = rubbed_glass(KEY, 22_050.0);
    let (frames, _) = wave.quantised();
    let cycle = wave.cycle.unwrap_or(0..frames.len());
    let data: Vec<u8> = frames[cycle].iter().flat_map(|frame| frame.to_le_bytes()).collect();
    let mut file = b"RIFF".to_vec();
    file.extend((36 + data.len() as u32).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    file.extend(wave.rate.to_le_bytes());
    file.extend((wave.rate * 2).to_le_bytes());
    file.extend(b"\x02\0\x10\0data");
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    file
}
