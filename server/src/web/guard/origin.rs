//! Pages of other origins may not use the station, unless they are listed (CORS).

use warp::http::{HeaderMap, HeaderValue, Method, StatusCode};
use warp::reply::{Reply, Response};

/// Seconds for which a browser may remember what a listed origin may do.
const REMEMBERED: &str = "600";

/// Whether a request comes from the station's own pages, from a listed origin, or from no page at all. Browsers always name
/// the origin of a WebSocket and of what could change something; programs do not.
pub fn may_ask(headers: &HeaderMap, secure: bool, origins: &[String]) -> bool {
    let Some(origin) = headers.get("origin") else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let host = headers.get("host").and_then(|host| host.to_str().ok());
    // Where the last piece of the way is not ours, TLS may have ended before it.
    let own = origin.split_once("://").is_some_and(|(scheme, rest)| {
        Some(rest) == host && (scheme == "https" || (scheme == "http" && !secure))
    });
    own || origins.iter().any(|allowed| allowed == origin)
}

/// The answer to a browser that asks beforehand what another origin's page may do.
pub fn preflight(method: &Method, headers: &HeaderMap) -> Option<Response> {
    let asks = method == Method::OPTIONS
        && headers.contains_key("origin")
        && headers.contains_key("access-control-request-method");
    asks.then(|| StatusCode::NO_CONTENT.into_response())
}

/// Allows a listed origin's pages to read the answer. `listed` is the origin of the request, if it is that of one.
pub fn dress(response: &mut Response, listed: Option<&HeaderValue>) {
    let headers = response.headers_mut();
    headers.append("vary", HeaderValue::from_static("origin"));
    let Some(origin) = listed else { return };
    headers.insert("access-control-allow-origin", origin.clone());
    for (name, value) in [
        ("access-control-allow-credentials", "true"),
        ("access-control-allow-methods", "GET, POST"),
        ("access-control-allow-headers", "content-type, authorization"),
        ("access-control-expose-headers", "retry-after"),
        ("access-control-max-age", REMEMBERED),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
}

/// The origin of a request, where it is listed.
pub fn listed<'a>(headers: &'a HeaderMap, origins: &[String]) -> Option<&'a HeaderValue> {
    let origin = headers.get("origin")?;
    origins.iter().any(|allowed| origin.as_bytes() == allowed.as_bytes()).then_some(origin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_other_origins_are_turned_away() {
        let may = |origin: &'static str, secure| {
            let mut headers = HeaderMap::new();
            headers.insert("host", HeaderValue::from_static("radio:8000"));
            if !origin.is_empty() {
                headers.insert("origin", HeaderValue::from_static(origin));
            }
            may_ask(&headers, secure, &["http://friend:3000".into()])
        };
        for origin in ["", "https://radio:8000", "http://friend:3000"] {
            assert!(may(origin, false) && may(origin, true), "{origin}");
        }
        assert!(
            may("http://radio:8000", false) && !may("http://radio:8000", true),
            "nobody listens in on pages of HTTPS"
        );
        for origin in ["http://evil", "null", "http://radio", "ftp://radio:8000", "http://friend:3000.evil"] {
            assert!(!may(origin, false), "{origin}");
        }
    }
}
