//! A station's sound as one stream of bytes for all players of a kind: a task copies chunks from the ring once, and
//! every player gets the same bytes, only while there are any.

use super::encoder::Head;
use super::{Format, Outlets, Wanted, lock};
use crate::encoding::wav;
use crate::front::Peer;
use crate::station::{Hearing, ListenerError, Seat, Shared};
use auralis_nodes::ring_buffer::ChunkRing;
use hyper::body::Bytes;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, Weak};
use tokio::sync::{oneshot, watch};

/// Sound that is handed on at once, in seconds: smaller pieces would cost each player more.
const PIECE: f64 = 0.2;
/// Seconds that a player gets at once, as far as they are there: so it need not wait until its buffer has filled.
const BACKLOG: f64 = 2.0;
/// Seconds that are kept for players that take them late.
const KEPT: f64 = 5.0;
/// Who has taken nothing for so many seconds of sound is gone.
const SILENCE: f64 = 60.0;

/// What a stream of bytes is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Container {
    /// Ogg pages of Opus.
    OggOpus,
    /// Ogg pages of FLAC.
    OggFlac,
    /// FLAC's own stream.
    Flac,
    /// 16-bit samples behind the head of a WAV file.
    Wav,
}

impl Container {
    const COUNT: usize = 4;

    /// The format that it carries; plain samples need none.
    pub fn format(self) -> Option<Format> {
        match self {
            Self::OggOpus => Some(Format::Opus),
            Self::OggFlac | Self::Flac => Some(Format::Flac),
            Self::Wav => None,
        }
    }

    /// Its chunks; none before somebody wanted its format.
    fn ring(self, station: &Shared) -> Option<&ChunkRing> {
        let framing = match self {
            Self::OggOpus | Self::OggFlac => 1,
            Self::Flac => 2,
            Self::Wav => return Some(&station.pcm),
        };
        station.audience.outlets.of(self.format()?).framing(framing)
    }

    /// What a player gets before the first chunk, with tags as (name, value) where there is room for them.
    fn header(self, outlets: &Outlets, rate: u32, tags: &[(&str, &str)]) -> Vec<u8> {
        match (self, self.format().map_or(Head::None, |format| outlets.of(format).head())) {
            (Self::OggOpus, Head::Opus(head)) => head.header(tags),
            (Self::OggFlac, Head::Flac(head)) => head.ogg(tags),
            (Self::Flac, Head::Flac(head)) => head.native(tags),
            _ => wav::header(rate).to_vec(),
        }
    }
}

/// The streams of a station that somebody hears.
#[derive(Debug, Default)]
pub struct Casts(Mutex<[Weak<Cast>; Container::COUNT]>);

/// One stream.
#[derive(Debug)]
struct Cast {
    reel: Mutex<Reel>,
    /// Counts pieces.
    news: watch::Sender<u64>,
    players: Mutex<Vec<Weak<Seated>>>,
    /// Seconds of a chunk.
    seconds: f64,
    /// Dropped with the cast: then the task ends.
    _end: oneshot::Sender<()>,
}

/// The last pieces.
#[derive(Debug, Default)]
struct Reel {
    pieces: VecDeque<Piece>,
    title: Arc<str>,
}

#[derive(Debug, Clone)]
struct Piece {
    /// The number of its first chunk, and of the first that is no more in it.
    first: u64,
    end: u64,
    bytes: Bytes,
}

/// What the cast knows of a player.
#[derive(Debug)]
struct Seated {
    seat: Seat,
    /// The next chunk; none before the first piece.
    next: AtomicU64,
    peer: Option<Peer>,
}

/// One who hears a stream.
#[derive(Debug)]
pub struct Player {
    cast: Arc<Cast>,
    seated: Arc<Seated>,
    news: watch::Receiver<u64>,
    header: Option<Bytes>,
    _hearing: Hearing,
    _wanted: Option<Wanted>,
}

/// Who has not begun.
const NOWHERE: u64 = u64::MAX;

impl Player {
    /// Begins to hear a station, behind a header with tags as (name, value). Within a runtime.
    ///
    /// # Errors
    /// The station is full.
    pub fn join(
        station: &Arc<Shared>,
        container: Container,
        wanted: Option<Wanted>,
        tags: &[(&str, &str)],
        peer: Option<Peer>,
    ) -> Result<Self, ListenerError> {
        let seat = station.seat_unnamed("radio", container.into())?;
        let hearing = station.hear();
        let cast = station.audience.casts.of(station, container);
        let seated = Arc::new(Seated { seat, next: AtomicU64::new(NOWHERE), peer });
        lock(&cast.players).push(Arc::downgrade(&seated));
        let header = container.header(&station.audience.outlets, station.pcm.sample_rate(), tags);
        let news = cast.news.subscribe();
        Ok(Self { cast, seated, news, header: Some(header.into()), _hearing: hearing, _wanted: wanted })
    }

    /// The next bytes: whole pages or frames. None once the stream has ended.
    pub async fn next(&mut self) -> Option<Bytes> {
        let bytes = match self.header.take() {
            Some(header) => header,
            None => loop {
                self.news.borrow_and_update();
                if let Some(bytes) = self.cast.take(&self.seated) {
                    break bytes;
                }
                self.news.changed().await.ok()?;
            },
        };
        self.seated.seat.listener.was_written(bytes.len() as u64);
        Some(bytes)
    }

    /// What plays.
    pub fn title(&self) -> Arc<str> {
        Arc::clone(&lock(&self.cast.reel).title)
    }
}

impl Casts {
    /// The stream of a kind; it begins with the first player.
    fn of(&self, station: &Arc<Shared>, container: Container) -> Arc<Cast> {
        let mut casts = lock(&self.0);
        let place = &mut casts[container as usize];
        if let Some(cast) = place.upgrade() {
            return cast;
        }
        let (end, ended) = oneshot::channel();
        let seconds = station.pcm.seconds_per_chunk();
        let cast = Arc::new(Cast {
            reel: Mutex::new(Reel { title: station.title().into(), ..Reel::default() }),
            news: watch::Sender::new(0),
            players: Mutex::default(),
            seconds,
            _end: end,
        });
        *place = Arc::downgrade(&cast);
        let live = station.pcm.live();
        let copy = Copying {
            station: Arc::clone(station),
            container,
            cast: Arc::downgrade(&cast),
            next: live.saturating_sub((BACKLOG / seconds) as u64),
            open: Piece { first: 0, end: 0, bytes: Bytes::new() },
            gathered: Vec::new(),
        };
        tokio::spawn(copy.run(ended));
        cast
    }
}

impl Cast {
    /// The next piece for a player; one that is too slow goes on with the last one.
    fn take(&self, player: &Seated) -> Option<Bytes> {
        let reel = lock(&self.reel);
        let (oldest, last) = (reel.pieces.front()?, reel.pieces.back()?);
        let mut next = player.next.load(Ordering::Relaxed);
        if next == NOWHERE {
            next = self.beginning(last).max(oldest.first);
        }
        if next < oldest.first {
            player.seat.listener.was_moved(last.first - next);
            next = last.first;
        }
        let piece = reel.pieces.iter().find(|piece| next < piece.end);
        player.next.store(piece.map_or(next, |piece| piece.end), Ordering::Relaxed);
        let piece = piece?;
        player.seat.listener.was_sent(piece.end - piece.first);
        Some(piece.bytes.clone())
    }

    /// The chunk from which one hears who comes now.
    fn beginning(&self, last: &Piece) -> u64 {
        last.end.saturating_sub((BACKLOG / self.seconds) as u64)
    }

    /// Gives a piece to all.
    fn publish(&self, piece: Piece, title: String) {
        let (end, beginning) = (piece.end, self.beginning(&piece));
        {
            let mut reel = lock(&self.reel);
            reel.pieces.push_back(piece);
            let kept = end.saturating_sub((KEPT / self.seconds) as u64);
            while reel.pieces.front().is_some_and(|piece| piece.end <= kept) {
                reel.pieces.pop_front();
            }
            if *reel.title != *title {
                reel.title = title.into();
            }
        }
        self.news.send_modify(|pieces| *pieces += 1);
        let longest = (SILENCE / self.seconds) as u64;
        lock(&self.players).retain(|player| {
            let Some(player) = player.upgrade() else { return false };
            // Who has not begun is to begin from now on.
            let begun =
                player.next.compare_exchange(NOWHERE, beginning, Ordering::Relaxed, Ordering::Relaxed);
            let next = begun.err().unwrap_or(beginning);
            if end.saturating_sub(next) > longest {
                // Whoever takes nothing is not asked for the next piece, and would not hear of it.
                player.peer.iter().for_each(Peer::hang_up);
            }
            true
        });
    }
}

/// The task that copies chunks from the ring.
struct Copying {
    station: Arc<Shared>,
    container: Container,
    cast: Weak<Cast>,
    /// The next chunk.
    next: u64,
    /// The piece that is being gathered.
    open: Piece,
    gathered: Vec<u8>,
}

impl Copying {
    async fn run(mut self, mut ended: oneshot::Receiver<()>) {
        let mut written = self.station.subscribe();
        loop {
            written.borrow_and_update();
            self.copy();
            let changed = tokio::select! {
                changed = written.changed() => changed,
                _ = &mut ended => return,
            };
            if changed.is_err() {
                return;
            }
        }
    }

    /// Copies what there is, and hands it on once it is long enough.
    fn copy(&mut self) {
        let (Some(ring), Some(cast)) = (self.container.ring(&self.station), self.cast.upgrade()) else {
            return;
        };
        // What has left the ring, or was never made, is left out.
        self.next = self.next.max(ring.oldest());
        while let Some(chunk) = ring.get(self.next) {
            if self.gathered.is_empty() {
                self.open.first = self.next;
            }
            self.gathered.extend_from_slice(&chunk.bytes);
            self.next += 1;
            self.open.end = self.next;
        }
        let seconds = (self.open.end - self.open.first) as f64 * cast.seconds;
        let begins = lock(&cast.reel).pieces.is_empty();
        if !self.gathered.is_empty() && (begins || seconds > PIECE - cast.seconds / 2.0) {
            let bytes = std::mem::take(&mut self.gathered).into();
            cast.publish(Piece { bytes, ..self.open }, self.station.title());
        }
    }
}
