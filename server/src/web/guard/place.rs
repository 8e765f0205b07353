//! What is asked for, by its address.

use super::Right;
use crate::web::site;
use warp::http::Method;

/// Where controls are turned.
const CONTROL: &str = "/api/v1/control";
/// Where stations are listed, and made for listeners.
const STATIONS: &str = "/api/v1/stations";

/// A place among the routes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    /// The station that is meant.
    pub station: &'a str,
    /// The path within the station's routes, without a slash at its end: the routes pass over one, and so does this.
    pub path: &'a str,
}

/// What is counted, so that nobody asks too often.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counted {
    /// Requests for the status.
    Status,
    /// Requests for the metrics.
    Metrics,
    /// Changes.
    Control,
    /// Private stations.
    Stations,
}

impl<'a> Place<'a> {
    /// What a path means: every route exists at the root, for the default station, and per station, under `/s/{name}`.
    pub fn of(path: &'a str, default: &'a str) -> Self {
        let (station, path) = site::named(path).unwrap_or((default, path));
        Self { station, path: path.trim_end_matches('/') }
    }

    /// Whether it belongs to a private station: who knows its id may turn its controls.
    pub fn is_private(&self) -> bool {
        crate::stations::is_private(self.station)
    }

    /// The right that it takes; nothing where there is nothing to protect, or the route asks by itself.
    pub fn right(&self) -> Option<Right> {
        match self.path {
            "/api/v1/health" | "/api/v1/me" | "/api/openapi.json" => None,
            _ if self.is_page() || self.path.starts_with("/client/") => None,
            "/api/status" | "/api/v1/status" => Some(Right::Status),
            "/api/metrics" | "/metrics" | "/api/v1/figures" => Some(Right::Metrics),
            CONTROL if self.is_private() => Some(Right::Listen),
            CONTROL => Some(Right::Control),
            _ => Some(Right::Listen),
        }
    }

    /// What of it is counted.
    pub fn counted(&self, method: &Method) -> Option<Counted> {
        // What is pushed is asked for once.
        if self.path == "/api/v1/figures" {
            return None;
        }
        match self.right()? {
            Right::Status => Some(Counted::Status),
            Right::Metrics => Some(Counted::Metrics),
            // Of a private station too, where it takes no more than to listen.
            _ if self.path == CONTROL => Some(Counted::Control),
            _ if self.path == STATIONS && method == Method::POST => Some(Counted::Stations),
            _ => None,
        }
    }

    /// Whether it is a page that somebody opens.
    pub fn is_page(&self) -> bool {
        matches!(self.path, "" | "/debug")
    }

    /// Whether pages of other origins may not ask for it.
    pub fn is_ours(&self) -> bool {
        self.right().is_some() || self.path == "/api/v1/me"
    }
}

/// Whether a path leads up, in any of the ways to write that: no route of ours does.
pub fn leads_up(path: &str) -> bool {
    let mut path = path.to_string();
    // Encoded once, twice or three times.
    for _ in 0..3 {
        if path.split(['/', '\\']).any(|part| part == "..") {
            return true;
        }
        let decoded = decode(&path);
        if decoded == path {
            return false;
        }
        path = decoded;
    }
    // Whoever encodes more often means no good.
    true
}

/// A path with what is percent-encoded decoded once.
fn decode(path: &str) -> String {
    let mut decoded = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, tail @ ..] = rest {
        let code = tail.get(..2).and_then(|code| std::str::from_utf8(code).ok());
        let code = code.filter(|_| *first == b'%').and_then(|code| u8::from_str_radix(code, 16).ok());
        decoded.push(code.unwrap_or(*first));
        rest = if code.is_some() { &tail[2..] } else { tail };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIN: &str = "first";

    #[test]
    fn routes_are_the_same_at_the_root_and_per_station() {
        for (path, station, right) in [
            ("/api/v1/control", MAIN, Some(Right::Control)),
            ("/s/night/api/v1/control", "night", Some(Right::Control)),
            ("/s/night", "night", None),
            ("/s/night/", "night", None),
            ("/s/night/metrics", "night", Some(Right::Metrics)),
            ("/api/v1/control/", MAIN, Some(Right::Control)),
            ("/s/night/api/status//", "night", Some(Right::Status)),
            ("/s/other/metrics/", "other", Some(Right::Metrics)),
            ("/s//metrics", MAIN, Some(Right::Listen)),
            ("/ws/stream", MAIN, Some(Right::Listen)),
            ("/s/night/ws/audio/a", "night", Some(Right::Listen)),
            ("/api/v1/health", MAIN, None),
            ("/client/app.js", MAIN, None),
            ("/whatever", MAIN, Some(Right::Listen)),
            (
                "/s/00112233445566778899aabbccddeeff/api/v1/control",
                "00112233445566778899aabbccddeeff",
                Some(Right::Listen),
            ),
        ] {
            let place = Place::of(path, MAIN);
            assert_eq!((place.station, place.right()), (station, right), "{path}");
        }
    }

    #[test]
    fn figures_that_are_pushed_are_not_counted_nor_are_stations_that_are_listed() {
        let of = |method, path| Place::of(path, "night").counted(&method);
        assert_eq!(of(Method::GET, "/api/metrics"), Some(Counted::Metrics));
        assert_eq!(Place::of("/s/night/api/v1/figures", MAIN).right(), Some(Right::Metrics));
        assert_eq!(of(Method::GET, "/s/night/api/v1/figures"), None);
        assert_eq!(of(Method::POST, "/s/night/api/v1/stations/"), Some(Counted::Stations));
        assert_eq!(of(Method::GET, "/api/v1/stations"), None);
    }

    #[test]
    fn what_leads_up_is_seen_in_every_coat() {
        for path in [
            "/..",
            "/client/../x",
            "/client/%2e%2e/x",
            "/client/.%2E/x",
            "/client/%252e%252e%252fx",
            "/client/%25252e%25252e/x",
            "/client/..%5cx",
            "/client/..\\x",
            "/%2525252525252e",
        ] {
            assert!(leads_up(path), "{path}");
        }
        for path in ["/", "/client/a..b.js", "/client/...", "/client/%41", "/%", "/%zz", "/%2", "/é%c3"] {
            assert!(!leads_up(path), "{path}");
        }
    }
}
