//! Ogg pages (RFC 3533) with Opus (RFC 7845) or FLAC (RFC 9639, section 10.1). On the rendering thread.
//!
//! Pages are made once and every listener gets the same bytes behind a header of his own, as Icecast does it: serial
//! and running numbers are the stream's. Where a listener joins, his players see numbers that begin in the middle.

use super::{Packets, flac, opus};

/// Ogg's sum: no reflection, nothing added.
const CRC: crc::Crc<u32> = crc::Crc::<u32>::new(&crc::Algorithm {
    width: 32,
    poly: 0x04c1_1db7,
    init: 0,
    refin: false,
    refout: false,
    xorout: 0,
    check: 0x89a1_897f,
    residue: 0,
});

/// Flags of a page.
const CONTINUED: u8 = 1;
const FIRST: u8 = 2;
/// The position of a page on which no packet ends.
const NOWHERE: u64 = u64::MAX;
/// Parts of up to 255 bytes that a page has at most.
const MOST_PARTS: usize = 255;
/// Bytes of a page's head, without the lengths of its parts.
const HEAD: usize = 27;
/// The header takes the pages 0 and 1.
const FIRST_NUMBER: u32 = 2;
/// Samples at 48,000 Hz that an Opus decoder needs until what came before no longer matters (RFC 7845, section 4.2).
const CONVERGENCE: usize = 3_840;

/// What is written by: the number of the next page, and the pages of a chunk.
#[derive(Debug)]
struct Pages {
    serial: u32,
    number: u32,
    out: Vec<u8>,
}

impl Pages {
    fn new(serial: u32) -> Self {
        Self { serial, number: FIRST_NUMBER, out: Vec::new() }
    }

    /// The pages of a header: each packet alone on its page.
    fn header(serial: u32, packets: &[&[u8]]) -> Vec<u8> {
        let mut pages = Self { serial, number: 0, out: Vec::new() };
        for packet in packets {
            let flags = if pages.number == 0 { FIRST } else { 0 };
            pages.write(packet, std::iter::once((packet.len(), 0)), flags);
        }
        pages.out
    }

    /// The pages of a chunk, whose packets end at the positions given.
    fn chunk(&mut self, packets: &Packets, position: impl Fn(usize) -> u64) -> &[u8] {
        self.out.clear();
        let lengths = packets.iter().enumerate().map(|(i, packet)| (packet.len(), position(i)));
        self.write(packets.bytes(), lengths, 0);
        &self.out
    }

    /// Writes packets that lie one behind the other, given by length and position, as few pages as there can be.
    fn write(&mut self, bytes: &[u8], packets: impl Iterator<Item = (usize, u64)>, mut flags: u8) {
        let mut parts = [0; MOST_PARTS];
        let (mut count, mut position, mut rest) = (0, NOWHERE, bytes);
        for (length, end) in packets {
            // A packet ends with a part of less than 255 bytes, be it of none.
            for part in 0..=length / 255 {
                if count == MOST_PARTS {
                    rest = self.page(flags, position, &parts, rest);
                    (count, position) = (0, NOWHERE);
                    flags = if part > 0 { CONTINUED } else { 0 };
                }
                parts[count] = (length - part * 255).min(255) as u8;
                count += 1;
            }
            position = end;
        }
        if count > 0 {
            self.page(flags, position, &parts[..count], rest);
        }
    }

    /// Writes one page with the bytes of its parts; what is left of them.
    fn page<'a>(&mut self, flags: u8, position: u64, parts: &[u8], bytes: &'a [u8]) -> &'a [u8] {
        let (body, rest) = bytes.split_at(parts.iter().map(|part| usize::from(*part)).sum());
        let start = self.out.len();
        self.out.extend(b"OggS\0");
        self.out.push(flags);
        self.out.extend(position.to_le_bytes());
        self.out.extend(self.serial.to_le_bytes());
        self.out.extend(self.number.to_le_bytes());
        self.out.extend([0; 4]);
        self.out.push(parts.len() as u8);
        self.out.extend(parts);
        self.out.extend(body);
        let sum = CRC.checksum(&self.out[start..]);
        self.out[start + 22..start + 26].copy_from_slice(&sum.to_le_bytes());
        self.number = self.number.wrapping_add(1);
        rest
    }

    /// Makes room for so many bytes of packets, so that no chunk has to.
    fn reserve(&mut self, packets: usize, bytes: usize) {
        let parts = packets + bytes / 255;
        self.out.reserve(bytes + parts + (parts / MOST_PARTS + 1) * HEAD);
    }
}

/// What a listener's header says of a stream of Ogg Opus.
#[derive(Debug, Clone, Copy)]
pub struct OpusHead {
    serial: u32,
    /// Frames at 48,000 Hz that a player leaves out.
    skip: u16,
}

impl OpusHead {
    /// What a listener gets first; tags are (name, value).
    pub fn header(&self, tags: &[(&str, &str)]) -> Vec<u8> {
        // Version 1, two channels, no gain, left and right.
        let mut head = b"OpusHead\x01\x02".to_vec();
        head.extend(self.skip.to_le_bytes());
        head.extend(opus::RATE.to_le_bytes());
        head.extend([0; 3]);
        let mut tag_packet = b"OpusTags".to_vec();
        tag_packet.extend(comments(tags));
        Pages::header(self.serial, &[&head, &tag_packet])
    }
}

/// Ogg Opus.
#[derive(Debug)]
pub struct OpusPages {
    pages: Pages,
    /// Of the last packet's end, with what a player leaves out.
    position: u64,
    skip: u16,
}

impl OpusPages {
    /// For an encoder that begins at a chunk, whose first frame is at a position of the station's, in frames at
    /// 48,000 Hz. The serial number is any that no stream of the same station had.
    pub fn new(serial: u32, encoder: &opus::OpusEncoder, position: u64) -> Self {
        // A player leaves out what the encoder delays. For one that joins, it does as well to leave out more.
        let skip = u16::try_from(encoder.delay().max(CONVERGENCE)).unwrap_or(u16::MAX);
        let more = usize::from(skip).saturating_sub(encoder.delay()) as u64;
        let mut pages = Pages::new(serial);
        let (packets, bytes) = encoder.most();
        pages.reserve(packets, bytes);
        Self { pages, position: position.wrapping_add(more), skip }
    }

    /// What its headers say.
    pub fn head(&self) -> OpusHead {
        OpusHead { serial: self.pages.serial, skip: self.skip }
    }

    /// The page of a chunk; nothing where it has no packets.
    pub fn page(&mut self, packets: &Packets) -> &[u8] {
        let before = self.position;
        let end = |i: usize| before.wrapping_add(((i + 1) * opus::PACKET) as u64);
        if let Some(last) = packets.len().checked_sub(1) {
            self.position = end(last);
        }
        self.pages.chunk(packets, end)
    }
}

/// What a listener's header says of a stream of FLAC, in Ogg or as it is.
#[derive(Debug, Clone, Copy)]
pub struct FlacHead {
    serial: u32,
    format: flac::FlacFormat,
}

impl FlacHead {
    /// What a listener of Ogg FLAC gets first; tags are (name, value).
    pub fn ogg(&self, tags: &[(&str, &str)]) -> Vec<u8> {
        // Version 1.0, one more packet of header.
        let mut head = b"\x7fFLAC\x01\x00\x00\x01fLaC".to_vec();
        head.extend(self.format.stream_info(&flac::Extent::default()));
        Pages::header(self.serial, &[&head, &flac::comment_block(tags)])
    }

    /// What a listener of the native stream gets first.
    pub fn native(&self, tags: &[(&str, &str)]) -> Vec<u8> {
        self.format.header(tags)
    }
}

/// Ogg FLAC.
#[derive(Debug)]
pub struct FlacPages {
    pages: Pages,
    format: flac::FlacFormat,
    chunk_frames: usize,
}

impl FlacPages {
    /// For an encoder. The serial number is any that no stream of the same station had.
    pub fn new(serial: u32, encoder: &flac::FlacEncoder) -> Self {
        let mut pages = Pages::new(serial);
        let (packets, bytes) = encoder.most();
        pages.reserve(packets, bytes);
        Self { pages, format: encoder.format(), chunk_frames: encoder.chunk_frames() }
    }

    /// What its headers say.
    pub fn head(&self) -> FlacHead {
        FlacHead { serial: self.pages.serial, format: self.format }
    }

    /// The pages of the chunk with an index.
    pub fn page(&mut self, index: u64, packets: &Packets) -> &[u8] {
        let start = index.wrapping_mul(self.chunk_frames as u64);
        let block = self.format.block();
        self.pages.chunk(packets, |i| start.wrapping_add(((i + 1) * block) as u64))
    }
}

/// Tags as Vorbis has them: who wrote the stream, then each `NAME=value`.
pub(super) fn comments(tags: &[(&str, &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    text(&mut out, concat!("Auralis ", env!("CARGO_PKG_VERSION")));
    out.extend((tags.len() as u32).to_le_bytes());
    for (name, value) in tags {
        text(&mut out, &format!("{name}={value}"));
    }
    out
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u32).to_le_bytes());
    out.extend(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pages in some bytes: flags, position, number, parts, body.
    fn pages(mut bytes: &[u8]) -> Vec<(u8, u64, u32, usize, usize)> {
        let mut pages = Vec::new();
        while !bytes.is_empty() {
            let parts = usize::from(bytes[26]);
            let body: usize = bytes[27..27 + parts].iter().map(|part| usize::from(*part)).sum();
            let position = u64::from_le_bytes(bytes[6..14].try_into().unwrap());
            let number = u32::from_le_bytes(bytes[18..22].try_into().unwrap());
            let (mut page, rest) = (bytes[..27 + parts + body].to_vec(), &bytes[27 + parts + body..]);
            let sum = u32::from_le_bytes(page[22..26].try_into().unwrap());
            page[22..26].fill(0);
            assert_eq!((&page[..5], CRC.checksum(&page)), (&b"OggS\0"[..], sum));
            pages.push((page[5], position, number, parts, body));
            bytes = rest;
        }
        pages
    }

    fn written(lengths: &[usize]) -> Vec<(u8, u64, u32, usize, usize)> {
        let bytes = vec![1; lengths.iter().sum()];
        let mut writer = Pages::new(5);
        writer.write(&bytes, lengths.iter().zip(100..).map(|(length, end)| (*length, end)), 0);
        pages(&writer.out)
    }

    #[test]
    fn the_sum_is_oggs() {
        assert_eq!(CRC.checksum(b"123456789"), 0x89a1_897f);
    }

    #[test]
    fn packets_of_a_chunk_share_a_page_that_tells_where_the_last_one_ends() {
        assert_eq!(written(&[]), []);
        assert_eq!(written(&[0]), [(0, 100, 2, 1, 0)]);
        assert_eq!(written(&[320, 254, 255]), [(0, 102, 2, 5, 829)]);
    }

    #[test]
    fn what_is_too_long_for_a_page_goes_on_in_the_next_one() {
        // 255 parts are full with 65,025 bytes; a packet of just as many ends with a part of none.
        assert_eq!(written(&[65_024]), [(0, 100, 2, 255, 65_024)]);
        assert_eq!(written(&[65_025]), [(0, NOWHERE, 2, 255, 65_025), (CONTINUED, 100, 3, 1, 0)]);
        // One that ends where the page does, and one that begins with the next.
        assert_eq!(written(&[65_024, 10]), [(0, 100, 2, 255, 65_024), (0, 101, 3, 1, 10)]);
        // 64,000 bytes are 251 parts: four of the second packet still find room.
        let both = [(0, 100, 2, 255, 64_000 + 4 * 255), (CONTINUED, 101, 3, 247, 64_000 - 4 * 255)];
        assert_eq!(written(&[64_000, 64_000]), both);
    }
}
