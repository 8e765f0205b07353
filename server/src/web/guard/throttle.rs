//! How often an address may ask (contract, section 4): a token bucket for each, in bounded memory. Any thread; the lock is
//! held for a look at a map.
#![allow(clippy::disallowed_types, reason = "the tasks that answer requests lock")]

use crate::front::household;
use crate::limit::TokenBucket;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Addresses that are known at once. More than these within a minute share one bucket.
const MOST: usize = 1 << 15;
/// Between two looks for addresses that need not be known any longer.
const SWEEP: Duration = Duration::from_secs(1);

/// A limit on requests.
#[derive(Debug)]
pub struct Throttle {
    per_minute: f64,
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    addresses: HashMap<IpAddr, TokenBucket>,
    /// Of all who came when there was no room.
    crowd: TokenBucket,
    swept: Instant,
}

impl Throttle {
    /// So many requests of an address at once, and in each minute in the long run; 0 is any number.
    pub fn new(per_minute: u32, now: Instant) -> Option<Self> {
        if per_minute == 0 {
            return None;
        }
        let per_minute = f64::from(per_minute);
        let known = Known { addresses: HashMap::new(), crowd: full(per_minute, now), swept: now };
        Some(Self { per_minute, known: Mutex::new(known) })
    }

    /// Counts a request of an address.
    ///
    /// # Errors
    /// It is one too many; the time after which another may come.
    pub fn pass(&self, address: IpAddr, now: Instant) -> Result<(), Duration> {
        let address = household(address);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let known = &mut *known;
        if known.addresses.len() >= MOST && now.saturating_duration_since(known.swept) >= SWEEP {
            known.swept = now;
            // One whose bucket is full is as good as new.
            known.addresses.retain(|_, bucket| bucket.level(now) < self.per_minute);
        }
        let room = known.addresses.len() < MOST || known.addresses.contains_key(&address);
        let bucket = match room {
            true => known.addresses.entry(address).or_insert_with(|| full(self.per_minute, now)),
            false => &mut known.crowd,
        };
        if bucket.consume(1.0, now) { Ok(()) } else { Err(bucket.wait(1.0, now)) }
    }
}

fn full(per_minute: f64, now: Instant) -> TokenBucket {
    TokenBucket::new(per_minute, per_minute / 60.0, now)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    fn known(throttle: &Throttle) -> usize {
        throttle.known.lock().unwrap().addresses.len()
    }

    #[test]
    fn each_address_has_its_own_share() {
        let start = Instant::now();
        let throttle = Throttle::new(30, start).unwrap();
        let ask = |last, at: u64| throttle.pass([192, 0, 2, last].into(), start + Duration::from_secs(at));
        assert!((0..30).all(|_| ask(1, 0).is_ok()));
        assert_eq!(ask(1, 0), Err(Duration::from_secs(2)));
        assert!(ask(2, 0).is_ok(), "others have their own");
        assert!(ask(1, 1).is_err() && ask(1, 2).is_ok() && ask(1, 2).is_err());
        assert!(Throttle::new(0, start).is_none());
        let v6 = |last| throttle.pass(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last).into(), start);
        assert!(
            (0..30).all(|last| v6(last).is_ok()) && v6(30).is_err(),
            "a household of IPv6 is one address"
        );
    }

    #[test]
    fn a_flood_of_addresses_takes_bounded_memory_and_leaves_those_who_were_there_alone() {
        let start = Instant::now();
        let throttle = Throttle::new(10, start).unwrap();
        let regular: IpAddr = [192, 0, 2, 1].into();
        assert!(throttle.pass(regular, start).is_ok());
        let flood = |count: u32, at| {
            let passed =
                (0..count).filter(|n| throttle.pass(Ipv4Addr::from(0x0a00_0000 + n).into(), at).is_ok());
            passed.count()
        };
        let passed = flood(4 * MOST as u32, start);
        assert_eq!((known(&throttle), passed), (MOST, MOST - 1 + 10), "those without room share a bucket");
        assert!(
            (0..9).all(|_| throttle.pass(regular, start).is_ok()) && throttle.pass(regular, start).is_err()
        );
        // When the flood is over, nothing is left of it.
        let later = start + Duration::from_secs(61);
        assert!(throttle.pass([203, 0, 113, 1].into(), later).is_ok());
        assert_eq!(known(&throttle), 1);
    }
}
