//! Who listens: names, limits and counters.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// One listener's figures.
#[derive(Debug)]
pub struct Listener {
    /// Its name.
    pub id: String,
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
    /// Milliseconds in its buffer, as it last reported.
    pub buffer_ms: AtomicU64,
    /// Chunks by which it plays behind the clock, as it last reported.
    pub lag: AtomicU64,
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

/// Everybody who listens.
#[derive(Debug)]
pub struct Listeners {
    list: Mutex<HashMap<String, Arc<Listener>>>,
    limit: usize,
    named: AtomicU64,
}

/// A listener's place; leaving it frees the name.
#[derive(Debug)]
pub struct Seat {
    listeners: Arc<super::Shared>,
    /// The figures of who sits here.
    pub listener: Arc<Listener>,
}

impl Listeners {
    /// For at most `limit` at once.
    pub fn new(limit: usize) -> Self {
        Self { list: Mutex::new(HashMap::new()), limit, named: AtomicU64::new(0) }
    }

    /// How many listen.
    pub fn count(&self) -> usize {
        super::lock(&self.list).len()
    }

    /// A name that nobody has.
    pub fn invent(&self) -> String {
        format!("listener-{}", self.named.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn enter(&self, id: &str) -> Result<Arc<Listener>, ListenerError> {
        let legal = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if id.is_empty() || id.len() > 64 || !id.bytes().all(legal) {
            return Err(ListenerError::Name);
        }
        let mut list = super::lock(&self.list);
        if list.contains_key(id) {
            return Err(ListenerError::Taken(id.into()));
        }
        if list.len() >= self.limit {
            return Err(ListenerError::Full(self.limit));
        }
        let listener = Arc::new(Listener {
            id: id.into(),
            since: Instant::now(),
            sent: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            underruns: AtomicU64::new(0),
            buffer_ms: AtomicU64::new(0),
            lag: AtomicU64::new(0),
        });
        list.insert(id.into(), Arc::clone(&listener));
        Ok(listener)
    }
}

impl super::Shared {
    /// Gives a listener a place.
    ///
    /// # Errors
    /// A name that is illegal or taken, or a full station.
    pub fn seat(self: &Arc<Self>, id: &str) -> Result<Seat, ListenerError> {
        let listener = self.listeners.enter(id)?;
        Ok(Seat { listeners: Arc::clone(self), listener })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        super::lock(&self.listeners.listeners.list).remove(&self.listener.id);
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
        let listeners = Listeners::new(2);
        for wrong in ["", "a b", "é", "a/b", &"x".repeat(65)] {
            assert_eq!(listeners.enter(wrong).unwrap_err(), ListenerError::Name, "{wrong}");
        }
        assert!(listeners.enter(&"x".repeat(64)).is_ok());
        assert!(listeners.enter("A-z_9").is_ok());
        assert_eq!(listeners.enter("A-z_9").unwrap_err(), ListenerError::Taken("A-z_9".into()));
        assert_eq!(listeners.enter("other").unwrap_err(), ListenerError::Full(2));
        assert_ne!(listeners.invent(), listeners.invent());
    }
}
