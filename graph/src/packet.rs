//! Encoded chunks between nodes. Fixed capacity, real-time safe once made.

/// What the bytes of a packet are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PacketFormat {
    /// Signed 16-bit little-endian samples, channels interleaved.
    Pcm16,
    /// A JSON `audio` message with the samples in base64, ready to be sent.
    Pcm16Json,
}

/// One encoded chunk and when it sounds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Packet<'a> {
    /// What the bytes are.
    pub format: PacketFormat,
    /// Number of the chunk since the engine's reset, from 0.
    pub index: u64,
    /// First frame of the chunk since the engine's reset.
    pub frame: u64,
    /// Frames in the chunk.
    pub frames: u32,
    /// Channels.
    pub channels: u16,
    /// The chunk.
    pub bytes: &'a [u8],
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    format: PacketFormat,
    index: u64,
    frame: u64,
    frames: u32,
    channels: u16,
    start: usize,
    end: usize,
}

/// The packets of one port and quantum.
#[derive(Debug)]
pub struct PacketBuffer {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
    packets: usize,
    limit: usize,
}

impl PacketBuffer {
    /// Allocates room for `packets` packets of `bytes` bytes together; the only allocation.
    pub fn new(packets: usize, bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), entries: Vec::with_capacity(packets), packets, limit: bytes }
    }

    /// Empties the buffer.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }

    /// The packets, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = Packet<'_>> {
        self.entries.iter().map(|entry| Packet {
            format: entry.format,
            index: entry.index,
            frame: entry.frame,
            frames: entry.frames,
            channels: entry.channels,
            bytes: &self.bytes[entry.start..entry.end],
        })
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Copies a packet in. Returns false, and takes nothing, when there is no room.
    #[must_use]
    pub fn push(&mut self, packet: Packet<'_>) -> bool {
        let start = self.bytes.len();
        let end = start + packet.bytes.len();
        if end > self.limit || self.entries.len() == self.packets {
            return false;
        }
        self.bytes.extend_from_slice(packet.bytes);
        let Packet { format, index, frame, frames, channels, .. } = packet;
        self.entries.push(Entry { format, index, frame, frames, channels, start, end });
        true
    }
}
