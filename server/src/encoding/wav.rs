//! WAV without an end.

/// The head of a WAV stream of 16-bit stereo at a rate in Hz. Its lengths are the greatest that can be written,
/// by which players know that it goes on.
pub fn header(rate: u32) -> [u8; 44] {
    let mut head = [0; 44];
    let mut put = |at: usize, bytes: &[u8]| head[at..at + bytes.len()].copy_from_slice(bytes);
    put(0, b"RIFF");
    put(4, &u32::MAX.to_le_bytes());
    put(8, b"WAVEfmt ");
    put(16, &16u32.to_le_bytes());
    // PCM, two channels.
    put(20, &1u16.to_le_bytes());
    put(22, &2u16.to_le_bytes());
    put(24, &rate.to_le_bytes());
    put(28, &(rate.saturating_mul(4)).to_le_bytes());
    put(32, &4u16.to_le_bytes());
    put(34, &16u16.to_le_bytes());
    put(36, b"data");
    put(40, &u32::MAX.to_le_bytes());
    head
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_head_says_what_sounds_and_that_it_does_not_end() {
        let head = super::header(44_100);
        assert_eq!(head[..12], *b"RIFF\xff\xff\xff\xffWAVE");
        assert_eq!(head[20..24], [1, 0, 2, 0]);
        assert_eq!(head[24..32], [&44_100u32.to_le_bytes()[..], &176_400u32.to_le_bytes()].concat());
        assert_eq!(head[36..], *b"data\xff\xff\xff\xff");
    }
}
