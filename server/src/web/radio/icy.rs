//! Titles between the bytes of a stream, as Shoutcast has them: after every so many bytes one that gives the length in
//! units of 16, and so many units of text; none where nothing is new.

use hyper::body::Bytes;
use std::sync::Arc;

/// Bytes from one title to the next.
pub const EVERY: u32 = 16_000;
/// Bytes of a unit.
const UNIT: usize = 16;
/// Bytes of a text, at most.
const MOST: usize = 255 * UNIT;

/// Where one player is.
#[derive(Debug)]
pub struct Icy {
    /// Bytes to the next title.
    left: usize,
    told: Option<Arc<str>>,
}

impl Default for Icy {
    fn default() -> Self {
        Self { left: EVERY as usize, told: None }
    }
}

impl Icy {
    /// Puts what plays between the bytes of a stream, where it belongs.
    pub fn weave(&mut self, bytes: Bytes, title: &Arc<str>) -> Bytes {
        if bytes.len() < self.left {
            self.left -= bytes.len();
            return bytes;
        }
        let mut woven = Vec::with_capacity(bytes.len() + UNIT + title.len());
        let mut rest = bytes.as_ref();
        while rest.len() >= self.left {
            let (before, after) = rest.split_at(self.left);
            woven.extend_from_slice(before);
            if self.told.as_ref() == Some(title) {
                woven.push(0);
            } else {
                block(title, &mut woven);
                self.told = Some(Arc::clone(title));
            }
            (self.left, rest) = (EVERY as usize, after);
        }
        self.left -= rest.len();
        woven.extend_from_slice(rest);
        woven.into()
    }
}

/// Appends a title with its length.
fn block(title: &str, out: &mut Vec<u8>) {
    const FRAME: (&str, &str) = ("StreamTitle='", "';");
    // The first `';` would end it: there is no way to write one.
    let mut text = title.replace('\'', "\u{2019}");
    text.retain(|letter| !letter.is_control());
    text.truncate(text.floor_char_boundary(MOST - FRAME.0.len() - FRAME.1.len()));
    let text = [FRAME.0, &text, FRAME.1].concat();
    let units = text.len().div_ceil(UNIT);
    out.push(units as u8);
    out.extend_from_slice(text.as_bytes());
    out.resize(out.len() + units * UNIT - text.len(), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a player makes of it: the sound, and the titles with where they stand.
    fn unweave(mut bytes: &[u8]) -> (Vec<u8>, Vec<(usize, String)>) {
        let (mut sound, mut titles) = (Vec::new(), Vec::new());
        while bytes.len() >= EVERY as usize {
            sound.extend_from_slice(&bytes[..EVERY as usize]);
            bytes = &bytes[EVERY as usize..];
            let length = usize::from(bytes[0]) * UNIT;
            if length > 0 {
                let text = String::from_utf8(bytes[1..=length].to_vec()).unwrap();
                titles.push((sound.len(), text.trim_end_matches('\0').to_string()));
            }
            bytes = &bytes[1 + length..];
        }
        sound.extend_from_slice(bytes);
        (sound, titles)
    }

    #[test]
    fn titles_stand_where_they_belong_and_only_where_they_are_new() {
        let sound: Vec<u8> = (0..100_000u32).map(|i| (i % 251) as u8).collect();
        for size in [1, 999, 16_000, 16_001, 40_000, 100_000] {
            let (mut icy, mut out) = (Icy::default(), Vec::new());
            let (first, second): (Arc<str>, Arc<str>) = ("Rain".into(), "It's dry".into());
            for (at, piece) in sound.chunks(size).enumerate() {
                let title = if at * size < 50_000 { &first } else { &second };
                out.extend_from_slice(&icy.weave(Bytes::copy_from_slice(piece), title));
            }
            let (heard, titles) = unweave(&out);
            assert!(heard == sound, "pieces of {size}");
            assert_eq!(titles[0], (16_000, "StreamTitle='Rain';".into()));
            let later: Vec<&str> = titles[1..].iter().map(|(_, title)| title.as_str()).collect();
            let wanted: &[&str] = if size == 100_000 { &[] } else { &["StreamTitle='It\u{2019}s dry';"] };
            assert_eq!(later, wanted, "pieces of {size}");
        }
    }

    #[test]
    fn a_title_that_is_too_long_is_cut_between_letters() {
        let mut out = Vec::new();
        block(&"é\n".repeat(5_000), &mut out);
        assert_eq!((out[0], out.len()), (255, 1 + MOST));
        let text = std::str::from_utf8(&out[1..]).unwrap();
        assert!(text.starts_with("StreamTitle='éé") && text.trim_end_matches('\0').ends_with("é';"));
    }
}
