//! Who may do what: pages of other origins may not steer the station, and only this machine may change what
//! it plays.

use std::net::SocketAddr;
use warp::Filter;
use warp::http::{HeaderMap, HeaderValue};
use warp::reject::{Reject, Rejection};
use warp::reply::Response;

/// Where a request comes from.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    /// Whether it comes from this machine, by address and by the name it was asked under.
    pub operator: bool,
}

/// A page of another origin asked.
#[derive(Debug)]
pub struct ForeignOrigin;

impl Reject for ForeignOrigin {}

/// Lets a request pass unless a page of another origin sent it.
pub fn caller(origins: Vec<String>) -> impl Filter<Extract = (Caller,), Error = Rejection> + Clone {
    warp::addr::remote()
        .and(warp::header::optional::<String>("origin"))
        .and(warp::header::optional::<String>("host"))
        .and_then(move |address: Option<SocketAddr>, origin: Option<String>, host: Option<String>| {
            let verdict = judge(address, origin.as_deref(), host.as_deref(), &origins);
            std::future::ready(verdict.ok_or_else(|| warp::reject::custom(ForeignOrigin)))
        })
}

fn judge(
    address: Option<SocketAddr>,
    origin: Option<&str>,
    host: Option<&str>,
    origins: &[String],
) -> Option<Caller> {
    // Browsers always name the origin of a WebSocket and of what could change something; programs do not.
    if let Some(origin) = origin {
        let own = origin.split_once("://").map(|(_, rest)| rest) == host;
        if !own && !origins.iter().any(|allowed| allowed == origin) {
            return None;
        }
    }
    let here = address.is_some_and(|address| address.ip().to_canonical().is_loopback());
    // A name that somebody else's DNS points at this machine gives no rights (DNS rebinding).
    Some(Caller { operator: here && host.is_some_and(is_local_name) })
}

fn is_local_name(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    let name = name.trim_start_matches('[').trim_end_matches(']');
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Allows a listed origin's pages to read the answer.
pub fn with_cors(mut response: Response, request: &HeaderMap, origins: &[String]) -> Response {
    let headers = response.headers_mut();
    headers.insert("vary", HeaderValue::from_static("origin"));
    let listed =
        |origin: &&HeaderValue| origins.iter().any(|allowed| origin.as_bytes() == allowed.as_bytes());
    if let Some(origin) = request.get("origin").filter(listed) {
        headers.insert("access-control-allow-origin", origin.clone());
        headers.insert("access-control-allow-credentials", HeaderValue::from_static("true"));
        headers.insert("access-control-allow-methods", HeaderValue::from_static("GET, POST"));
        headers.insert("access-control-allow-headers", HeaderValue::from_static("content-type"));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn operator(address: &str, origin: Option<&str>, host: &str) -> Option<bool> {
        let address = address.parse().unwrap();
        judge(Some(address), origin, Some(host), &["http://friend:3000".into()]).map(|caller| caller.operator)
    }

    #[test]
    fn pages_of_other_origins_are_turned_away() {
        assert_eq!(operator("10.0.0.2:1", Some("http://radio:8000"), "radio:8000"), Some(false));
        assert_eq!(operator("10.0.0.2:1", Some("http://friend:3000"), "radio:8000"), Some(false));
        assert_eq!(operator("10.0.0.2:1", Some("http://evil"), "radio:8000"), None);
        assert_eq!(operator("10.0.0.2:1", Some("null"), "radio:8000"), None);
        assert_eq!(operator("10.0.0.2:1", None, "radio:8000"), Some(false));
    }

    #[test]
    fn only_this_machine_under_its_own_name_is_the_operator() {
        assert_eq!(operator("127.0.0.1:1", None, "localhost:8000"), Some(true));
        assert_eq!(operator("[::1]:1", None, "[::1]:8000"), Some(true));
        assert_eq!(operator("[::ffff:127.0.0.1]:1", None, "127.0.0.1"), Some(true));
        assert_eq!(operator("127.0.0.1:1", None, "rebound.example:8000"), Some(false));
        assert_eq!(
            operator("127.0.0.1:1", Some("http://rebound.example:8000"), "rebound.example:8000"),
            Some(false)
        );
        assert_eq!(operator("10.0.0.2:1", None, "localhost:8000"), Some(false));
    }
}
