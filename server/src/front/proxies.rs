//! Proxies in front of the station: whose word counts about who asks, and how.

use ipnet::IpNet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use warp::http::HeaderMap;

/// Headers in which somebody on the way says that a request is not its own.
const TRACES: [&str; 5] = ["forwarded", "x-forwarded-for", "x-real-ip", "x-forwarded-host", "via"];

/// Addresses of proxies that are believed.
#[derive(Debug, Clone, Default)]
pub struct Proxies(Vec<IpNet>);

/// Who asks, as far as that is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asker {
    /// The address that counts for limits, rights and the log.
    pub address: IpAddr,
    /// Whether the way to it is TLS.
    pub secure: bool,
    /// Whether the connection is its own: nobody has passed the request on.
    pub direct: bool,
}

impl Asker {
    /// The address that limits count. Who was passed on without one is somebody, but not this machine.
    pub fn counted(&self) -> IpAddr {
        let nobody = !self.direct && super::is_here(self.address);
        if nobody { Ipv4Addr::UNSPECIFIED.into() } else { self.address }
    }
}

impl Proxies {
    /// Those of some networks.
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether an address is that of such a proxy.
    pub fn include(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// Who sent a request that came over a connection from an address.
    pub fn asker(&self, address: IpAddr, secure: bool, headers: &HeaderMap) -> Asker {
        let direct = !TRACES.iter().any(|trace| headers.contains_key(*trace));
        let nearest = address.to_canonical();
        if !self.include(nearest) {
            return Asker { address: nearest, secure, direct };
        }
        let way = way(headers);
        // From the nearest to the farthest, as long as each is believed about the one before it.
        let mut known = nearest;
        for hop in way.hops.iter().rev() {
            // One who hides is somebody behind the last who is known.
            let Some(hop) = hop else { break };
            known = *hop;
            if !self.include(known) {
                break;
            }
        }
        Asker { address: known, secure: secure || way.secure, direct: false }
    }
}

/// What proxies say of a request's way.
#[derive(Debug, Default, PartialEq, Eq)]
struct Way {
    /// Where it was, the farthest first; nothing for one that has no address.
    hops: Vec<Option<IpAddr>>,
    /// Whether the nearest proxy was asked over TLS.
    secure: bool,
}

fn way(headers: &HeaderMap) -> Way {
    let values = |name: &str| -> Vec<String> {
        // Who asked may have written bytes into it that are no text: what the proxies added is still there.
        let values = headers.get_all(name).iter().map(|value| String::from_utf8_lossy(value.as_bytes()));
        values.flat_map(|value| value.split(',').map(|part| part.trim().into()).collect::<Vec<_>>()).collect()
    };
    let elements = values("forwarded");
    let old = values("x-forwarded-for");
    let secure = |word: Option<&str>| word.is_some_and(|word| word.eq_ignore_ascii_case("https"));
    let by_old = Way {
        hops: old.iter().map(|text| address(text)).collect(),
        secure: secure(values("x-forwarded-proto").last().map(String::as_str)),
    };
    if elements.is_empty() {
        return by_old;
    }
    let by_new = Way {
        hops: elements.iter().map(|element| address(part(element, "for")?)).collect(),
        secure: secure(elements.last().and_then(|element| part(element, "proto"))),
    };
    if old.is_empty() || by_old.hops == by_new.hops {
        return Way { secure: by_new.secure || by_old.secure, ..by_new };
    }
    // A proxy writes one of the two, and who asked may have written the other: nobody knows which.
    Way { hops: Vec::new(), secure: false }
}

/// A parameter of an element of `Forwarded` (RFC 7239, section 4).
fn part<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    let pairs = element.split(';').filter_map(|pair| pair.split_once('='));
    let (_, value) = { pairs }.find(|(key, _)| key.trim().eq_ignore_ascii_case(name))?;
    Some(value.trim().trim_matches('"'))
}

/// An address, perhaps with a port.
fn address(text: &str) -> Option<IpAddr> {
    let alone = text.trim_start_matches('[').trim_end_matches(']').parse().ok();
    let address = alone.or_else(|| text.parse().ok().map(|address: SocketAddr| address.ip()))?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use warp::http::{HeaderName, HeaderValue};

    fn asker(nearest: &str, lines: &[(&'static str, &'static str)]) -> Asker {
        let proxies = Proxies::new(vec!["127.0.0.0/8".parse().unwrap(), "10.1.0.0/16".parse().unwrap()]);
        let headers = lines
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect();
        proxies.asker(nearest.parse().unwrap(), false, &headers)
    }

    fn address(nearest: &str, lines: &[(&'static str, &'static str)]) -> String {
        asker(nearest, lines).address.to_string()
    }

    #[test]
    fn strangers_are_not_believed() {
        for lines in [
            [("x-forwarded-for", "127.0.0.1"), ("x-forwarded-proto", "https")],
            [("forwarded", "for=127.0.0.1;proto=https"), ("via", "1.1 me")],
        ] {
            let asker = asker("203.0.113.9", &lines);
            assert_eq!((asker.address.to_string().as_str(), asker.secure), ("203.0.113.9", false));
        }
    }

    #[test]
    fn the_nearest_stranger_is_who_asks() {
        let xff = "x-forwarded-for";
        assert_eq!(address("127.0.0.1", &[(xff, "198.51.100.7")]), "198.51.100.7");
        // What the one who asks has written itself stands on the left.
        assert_eq!(address("127.0.0.1", &[(xff, "127.0.0.1, 198.51.100.7")]), "198.51.100.7");
        assert_eq!(
            address("127.0.0.1", &[(xff, "127.0.0.1"), (xff, "198.51.100.7, 10.1.2.3")]),
            "198.51.100.7"
        );
        assert_eq!(address("::ffff:127.0.0.1", &[(xff, "[2001:db8::1]:443")]), "2001:db8::1");
        assert_eq!(address("127.0.0.1", &[(xff, "198.51.100.7:1234")]), "198.51.100.7");
        for unreadable in ["198.51.100.7, unknown", "198.51.100.7, ", "x"] {
            assert_eq!(address("127.0.0.1", &[(xff, unreadable)]), "127.0.0.1", "{unreadable}");
        }
        let new = "forwarded";
        assert_eq!(
            address("10.1.0.1", &[(new, "for=127.0.0.1, For=\"[2001:db8::1]:7\";proto=https")]),
            "2001:db8::1"
        );
        assert_eq!(address("10.1.0.1", &[(new, "for=_hidden")]), "10.1.0.1");
        assert!(asker("10.1.0.1", &[(new, "for=1.2.3.4;proto=https")]).secure);
        assert!(asker("10.1.0.1", &[(xff, "1.2.3.4"), ("x-forwarded-proto", "http, https")]).secure);
        assert!(!asker("10.1.0.1", &[(xff, "1.2.3.4"), ("x-forwarded-proto", "https, http")]).secure);
    }

    #[test]
    fn two_headers_that_disagree_name_nobody() {
        let lines = [("forwarded", "for=198.51.100.7;proto=https"), ("x-forwarded-for", "203.0.113.9")];
        let asker = asker("127.0.0.1", &lines);
        assert_eq!((asker.address.to_string().as_str(), asker.secure), ("127.0.0.1", false));
        let lines = [("forwarded", "for=203.0.113.9"), ("x-forwarded-for", "203.0.113.9")];
        assert_eq!(address("127.0.0.1", &lines), "203.0.113.9");
    }

    #[test]
    fn who_is_passed_on_without_an_address_is_not_this_machine() {
        assert_eq!(asker("127.0.0.1", &[("forwarded", "for=_x")]).counted(), Ipv4Addr::UNSPECIFIED);
        assert_eq!(asker("192.0.2.1", &[]).counted().to_string(), "192.0.2.1");
        let mut headers = HeaderMap::new();
        let value = HeaderValue::from_bytes(b"\xFF, 198.51.100.7").unwrap();
        headers.insert("x-forwarded-for", value);
        let proxies = Proxies::new(vec!["127.0.0.0/8".parse().unwrap()]);
        let asker = proxies.asker("127.0.0.1".parse().unwrap(), false, &headers);
        assert_eq!(asker.counted().to_string(), "198.51.100.7");
    }

    #[test]
    fn who_has_been_passed_on_is_not_direct() {
        assert!(asker("192.0.2.1", &[]).direct);
        assert!(!asker("127.0.0.1", &[]).direct, "a proxy asks for others");
        for trace in TRACES {
            assert!(!asker("192.0.2.1", &[(trace, "127.0.0.1")]).direct, "{trace}");
        }
    }
}
