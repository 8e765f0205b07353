//! What several nodes hold in memory at once, such as fonts: each is loaded once, and freed with its last user.
//! Control side only: loading waits for others who load.

use std::sync::{Arc, PoisonError, Weak};

#[allow(clippy::disallowed_types)] // Only control threads come here, to load files.
type Guarded<T> = std::sync::Mutex<T>;

/// Things that someone uses, by what they were made from.
#[derive(Debug)]
pub struct Shelf<K, V>(Guarded<Vec<(K, Weak<V>)>>);

impl<K: PartialEq, V> Shelf<K, V> {
    /// An empty one.
    pub const fn new() -> Self {
        Self(Guarded::new(Vec::new()))
    }

    /// The thing that is made from the key; two who want it at once load it once.
    ///
    /// # Errors
    /// Those of loading.
    pub fn get<E>(&self, key: K, load: impl FnOnce() -> Result<V, E>) -> Result<Arc<V>, E> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(_, thing)| thing.strong_count() > 0);
        let found = kept.iter().find(|(other, _)| *other == key).and_then(|(_, thing)| thing.upgrade());
        if let Some(thing) = found {
            return Ok(thing);
        }
        let thing = Arc::new(load()?);
        kept.push((key, Arc::downgrade(&thing)));
        Ok(thing)
    }

    /// The sum of something over all things that someone uses.
    pub fn sum(&self, weigh: impl Fn(&V) -> usize) -> usize {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().filter_map(|(_, thing)| thing.upgrade()).map(|thing| weigh(&thing)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_is_made_once_while_it_is_used_and_anew_when_no_one_did() {
        let shelf = Shelf::new();
        let make = |text: &str| shelf.get(1, || Ok::<_, ()>(text.to_string())).unwrap();
        let (first, second) = (make("first"), make("second"));
        assert!(Arc::ptr_eq(&first, &second));
        assert_eq!(*shelf.get(2, || Ok::<_, ()>("other".into())).unwrap(), "other");
        shelf.get(2, || Ok::<_, ()>("other".into())).unwrap();
        assert_eq!(shelf.sum(String::len), 5, "of what is used");
        drop((first, second));
        assert_eq!(*make("third"), "third");
    }

    #[test]
    fn a_failure_is_not_kept() {
        let shelf = Shelf::new();
        assert_eq!(shelf.get(1, || Err::<u32, _>("broken")), Err("broken"));
        assert_eq!(shelf.get(1, || Ok::<_, &str>(5)).map(|five| *five), Ok(5));
    }
}
