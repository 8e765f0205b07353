//! How many connections there are, together and from each address. Any thread; the lock is held for a look at a map.
#![allow(clippy::disallowed_types, reason = "the tasks that accept connections lock")]

use super::household;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// Connections at once that are told why they are turned away; more are just closed.
const APOLOGIES: usize = 64;

/// What holds for connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Connections at once, of all addresses together.
    pub connections: usize,
    /// Connections at once from one address; this machine's own are not counted.
    pub per_address: usize,
}

/// Everybody who is connected.
#[derive(Debug, Clone)]
pub struct Crowd {
    limits: Limits,
    count: Arc<Mutex<Count>>,
}

#[derive(Debug, Default)]
struct Count {
    inside: usize,
    turned_away: usize,
    from: HashMap<IpAddr, usize>,
}

/// A connection's place; dropping it gives it to the next.
#[derive(Debug)]
pub struct Place {
    count: Arc<Mutex<Count>>,
    what: What,
}

#[derive(Debug)]
enum What {
    /// A connection, of an address or of one who speaks for many.
    Inside(Option<IpAddr>),
    /// What somebody behind a proxy asks for.
    Visit(IpAddr),
    /// A connection that is only told that there is no room.
    TurnedAway,
}

impl Crowd {
    /// Nobody yet.
    pub fn new(limits: Limits) -> Self {
        Self { limits, count: Arc::default() }
    }

    /// A place for a connection from an address, if there is one. One who speaks for many may have as many as there are.
    pub fn enter(&self, address: IpAddr, many: bool) -> Option<Place> {
        let mut count = lock(&self.count);
        if count.inside >= self.limits.connections {
            return None;
        }
        let most = if super::is_here(address) { usize::MAX } else { self.limits.per_address };
        let from = if many { None } else { Some(count.one_more(address, most)?) };
        count.inside += 1;
        Some(self.place(What::Inside(from)))
    }

    /// A place for what an address asks for by way of a proxy, if there is one.
    pub fn visit(&self, address: IpAddr) -> Option<Place> {
        let from = lock(&self.count).one_more(address, self.limits.per_address)?;
        Some(self.place(What::Visit(from)))
    }

    /// A place only to be told that there is none.
    pub fn apologise(&self) -> Option<Place> {
        let mut count = lock(&self.count);
        if count.turned_away >= APOLOGIES {
            return None;
        }
        count.turned_away += 1;
        Some(self.place(What::TurnedAway))
    }

    fn place(&self, what: What) -> Place {
        Place { count: Arc::clone(&self.count), what }
    }
}

impl Count {
    /// Counts one more of an address, unless there are too many.
    fn one_more(&mut self, address: IpAddr, most: usize) -> Option<IpAddr> {
        let from = household(address);
        let others = self.from.entry(from).or_default();
        if *others >= most {
            return None;
        }
        *others += 1;
        Some(from)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut count = lock(&self.count);
        let from = match self.what {
            What::TurnedAway => {
                count.turned_away -= 1;
                None
            }
            What::Inside(from) => {
                count.inside -= 1;
                from
            }
            What::Visit(from) => Some(from),
        };
        let Some(from) = from else { return };
        if let Some(others) = count.from.get_mut(&from) {
            *others -= 1;
            if *others == 0 {
                count.from.remove(&from);
            }
        }
    }
}

fn lock(count: &Mutex<Count>) -> std::sync::MutexGuard<'_, Count> {
    count.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crowd(connections: usize, per_address: usize) -> Crowd {
        Crowd::new(Limits { connections, per_address })
    }

    #[test]
    fn an_address_takes_no_more_than_its_share_and_gives_it_back() {
        let crowd = crowd(100, 2);
        let from = |address: &str| crowd.enter(address.parse().unwrap(), false);
        let places = [from("10.0.0.1"), from("10.0.0.1")];
        assert!(places.iter().all(Option::is_some));
        assert!(from("10.0.0.1").is_none() && from("::ffff:10.0.0.1").is_none());
        assert!(from("10.0.0.2").is_some(), "others have their own");
        drop(places);
        assert!(from("10.0.0.1").is_some());
        let _one = (from("2001:db8::1"), from("2001:db8::2"));
        assert!(from("2001:db8::3").is_none(), "a household of IPv6 is one address");
        let here: Vec<_> = (0..10).map(|_| from("127.0.0.1")).collect();
        assert!(here.iter().all(Option::is_some), "this machine's own are not counted");
    }

    #[test]
    fn the_house_fills_and_those_outside_are_told_up_to_a_number() {
        let crowd = crowd(3, 10);
        let inside: Vec<_> = (0..3).map(|_| crowd.enter([127, 0, 0, 1].into(), false)).collect();
        assert!(inside.iter().all(Option::is_some) && crowd.enter([10, 0, 0, 1].into(), false).is_none());
        let told: Vec<_> = (0..APOLOGIES + 1).map_while(|_| crowd.apologise()).collect();
        assert_eq!(told.len(), APOLOGIES);
        drop((inside, told));
        assert!(crowd.enter([10, 0, 0, 1].into(), false).is_some() && crowd.apologise().is_some());
        assert_eq!(lock(&crowd.count).from.len(), 0, "nothing is kept of who is gone");
    }

    #[test]
    fn those_behind_a_proxy_are_counted_one_by_one() {
        let crowd = crowd(3, 2);
        let proxy = [10, 0, 0, 1].into();
        let connections: Vec<_> = (0..4).map(|_| crowd.enter(proxy, true)).collect();
        assert_eq!(connections.iter().flatten().count(), 3, "the house is full");
        let visit = |last| crowd.visit([203, 0, 113, last].into());
        let visits = [visit(1), visit(1), visit(2)];
        assert!(visits.iter().all(Option::is_some) && visit(1).is_none());
        drop(visits);
        assert!(visit(1).is_some());
        drop(connections);
        let count = lock(&crowd.count);
        assert_eq!((count.inside, count.from.len()), (0, 0));
    }
}
