//! Who listens: names, limits and counters.

use crate::delivery::{Format, Sound, Wanted};
use crate::encoding::EncodingError;
use crate::metrics::Figures;
use crate::station::Tenure;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Instant;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Places at a private station: those of its listener, and what is left of a line that broke.
const AT_PRIVATE: usize = 4;

/// One listener's figures.
#[derive(Debug)]
pub struct Listener {
    /// Its name.
    pub id: String,
    /// How it listens.
    pub sound: Sound,
    /// When it came.
    pub since: Instant,
    /// Chunks sent to it.
    pub sent: AtomicU64,
    /// Chunks it was moved past because it was too slow.
    pub dropped: AtomicU64,
    /// Bytes sent to it.
    pub bytes: AtomicU64,
    /// Underruns that it reported.
    pub underruns: AtomicU64,
    /// Milliseconds in its buffer, as it last reported; [`Listener::UNMEASURED`] before that.
    pub buffer_ms: AtomicI64,
    /// Chunks by which it plays behind the clock, as it last reported.
    pub lag: AtomicU64,
    /// Microseconds to the station and back, as it last reported; [`Listener::UNMEASURED`] before that.
    pub round_trip: AtomicI64,
    /// Microseconds by which its ear is behind the station's clock, as it last reported, below zero where it is ahead;
    /// [`Listener::UNMEASURED`] before that.
    pub delay: AtomicI64,
    /// The figures of its station, which count the same.
    figures: Arc<Figures>,
}

impl Listener {
    /// In place of what a listener has not reported.
    pub const UNMEASURED: i64 = i64::MIN;

    /// Somebody who has just come.
    pub fn new(id: &str, sound: Sound, figures: Arc<Figures>) -> Self {
        Self {
            id: id.into(),
            sound,
            figures,
            since: Instant::now(),
            sent: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            underruns: AtomicU64::new(0),
            buffer_ms: AtomicI64::new(Self::UNMEASURED),
            lag: AtomicU64::new(0),
            round_trip: AtomicI64::new(Self::UNMEASURED),
            delay: AtomicI64::new(Self::UNMEASURED),
        }
    }

    /// Notes chunks that were sent to it.
    pub fn was_sent(&self, chunks: u64) {
        self.sent.fetch_add(chunks, Ordering::Relaxed);
        self.figures.sent(self.sound).chunks.inc_by(chunks);
    }

    /// Notes bytes that were sent to it.
    pub fn was_written(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        self.figures.sent(self.sound).bytes.inc_by(bytes);
    }

    /// Notes that it was moved past chunks, because it was too slow.
    pub fn was_moved(&self, past: u64) {
        self.dropped.fetch_add(past, Ordering::Relaxed);
        self.figures.overflows.inc();
        self.figures.dropped.inc_by(past);
    }
}

/// Why somebody cannot listen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListenerError {
    /// A name that breaks the rule.
    #[error("a client id has 1 to 64 letters, digits, _ and -")]
    Name,
    /// A name that is in use.
    #[error("the client id `{0}` is already connected")]
    Taken(String),
    /// As many listen as may.
    #[error("the station is full ({0} listeners); come back later")]
    Full(usize),
}

/// Why sound is not sent in a format.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// The operator switched it off.
    #[error("this station sends no Opus")]
    Off,
    /// It cannot be encoded so.
    #[error("this station cannot be sent so: {0}")]
    Encoding(#[from] EncodingError),
}

/// The places for listeners of all stations together.
#[derive(Debug, Clone)]
pub struct House {
    free: Arc<Semaphore>,
    places: usize,
}

impl House {
    /// With so many places.
    pub fn new(places: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(places)), places }
    }

    fn enter(&self) -> Result<OwnedSemaphorePermit, ListenerError> {
        Arc::clone(&self.free).try_acquire_owned().map_err(|_| ListenerError::Full(self.places))
    }
}

/// Everybody who listens to a station.
#[derive(Debug)]
pub struct Listeners {
    list: Mutex<HashMap<String, Arc<Listener>>>,
    house: House,
    places: usize,
    named: AtomicU64,
    figures: Arc<Figures>,
}

/// A listener's place; leaving it frees the name.
#[derive(Debug)]
pub struct Seat {
    listeners: Arc<super::Shared>,
    /// The figures of who sits here.
    pub listener: Arc<Listener>,
    _place: OwnedSemaphorePermit,
}

impl Listeners {
    /// Of a station in a house, who count in these figures.
    pub fn new(tenure: Tenure, house: House, figures: Arc<Figures>) -> Self {
        let places = if tenure == Tenure::Private { AT_PRIVATE } else { house.places };
        Self { list: Mutex::default(), house, places, named: AtomicU64::new(0), figures }
    }

    /// How many listen.
    pub fn count(&self) -> usize {
        super::lock(&self.list).len()
    }

    /// Everybody.
    pub fn all(&self) -> Vec<Arc<Listener>> {
        super::lock(&self.list).values().cloned().collect()
    }

    /// A name for somebody of a kind, which nobody was given before.
    fn invent(&self, kind: &str) -> String {
        format!("{kind}-{}", self.named.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn enter(&self, id: &str, sound: Sound) -> Result<(Arc<Listener>, OwnedSemaphorePermit), ListenerError> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if id.is_empty() || id.len() > 64 || !id.bytes().all(legal) {
            return Err(ListenerError::Name);
        }
        let mut list = super::lock(&self.list);
        if list.contains_key(id) {
            return Err(ListenerError::Taken(id.into()));
        }
        if list.len() >= self.places {
            return Err(ListenerError::Full(self.places));
        }
        let place = self.house.enter()?;
        let listener = Arc::new(Listener::new(id, sound, Arc::clone(&self.figures)));
        list.insert(id.into(), Arc::clone(&listener));
        self.figures.connects.inc();
        Ok((listener, place))
    }
}

impl super::Shared {
    /// Has the sound encoded in a format until what this returns is dropped. Control side.
    ///
    /// # Errors
    /// The operator does not want it, or the format cannot carry this station's chunks.
    pub fn want(&self, format: Format) -> Result<Wanted, FormatError> {
        if format == Format::Opus && !self.settings.opus {
            return Err(FormatError::Off);
        }
        Ok(self.audience.outlets.of(format).want()?)
    }

    /// Gives a listener a place, who hears it in some way.
    ///
    /// # Errors
    /// A name that is illegal or taken, or a full station.
    pub fn seat(self: &Arc<Self>, id: &str, sound: Sound) -> Result<Seat, ListenerError> {
        let (listener, place) = self.listeners.enter(id, sound)?;
        self.wake();
        Ok(Seat { listeners: Arc::clone(self), listener, _place: place })
    }

    /// Gives a place to a listener of a kind, who has no name of its own.
    ///
    /// # Errors
    /// A full station.
    pub fn seat_unnamed(self: &Arc<Self>, kind: &str, sound: Sound) -> Result<Seat, ListenerError> {
        loop {
            match self.seat(&self.listeners.invent(kind), sound) {
                // Somebody calls himself so.
                Err(ListenerError::Taken(_)) => {}
                seat => return seat,
            }
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        super::lock(&self.listeners.listeners.list).remove(&self.listener.id);
        self.listener.figures.disconnects.inc();
    }
}

impl std::fmt::Debug for super::Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("listeners", &self.listeners).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_checked_and_the_house_fills() {
        let figures = crate::metrics::Metrics::new().unwrap().of(None);
        let (house, large) = (House::new(2), House::new(9));
        let of = |tenure| Listeners::new(tenure, house.clone(), Arc::clone(&figures));
        let listeners = of(Tenure::Heard);
        let mut seated = Vec::new();
        let mut enter = |id: &str| listeners.enter(id, Sound::Json).map(|place| seated.push(place));
        for wrong in ["", "a b", "é", "a/b", &"x".repeat(65)] {
            assert_eq!(enter(wrong).unwrap_err(), ListenerError::Name, "{wrong}");
        }
        assert!(enter(&"x".repeat(64)).is_ok());
        assert!(enter("A-z_9").is_ok());
        assert_eq!(enter("A-z_9").unwrap_err(), ListenerError::Taken("A-z_9".into()));
        assert_eq!(enter("other").unwrap_err(), ListenerError::Full(2));
        let full = of(Tenure::Private).enter("A-z_9", Sound::Json).map(drop).unwrap_err();
        assert_eq!(full, ListenerError::Full(2), "of all stations");
        seated.clear();
        let private = Listeners::new(Tenure::Private, large, Arc::clone(&figures));
        let entered = ["a", "b", "c", "d", "e"].map(|id| private.enter(id, Sound::Json).map(drop));
        assert_eq!(entered, [Ok(()), Ok(()), Ok(()), Ok(()), Err(ListenerError::Full(4))]);
        assert_eq!(figures.connects.get(), 6, "who is refused has not come");
        assert_ne!(listeners.invent("radio"), listeners.invent("radio"));
    }
}
