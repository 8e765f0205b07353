//! The door that only says where the other one is: HTTP, to HTTPS.

use super::{Answers, Request};
use warp::http::{HeaderValue, StatusCode, header};
use warp::reply::{Reply, Response};

/// Longest name of a host (RFC 1035, section 2.3.4).
const LONGEST_NAME: usize = 253;

/// Sends everybody to the same address over HTTPS, on a port.
#[derive(Debug, Clone)]
pub struct Redirect {
    /// The port.
    pub port: u16,
}

impl Answers for Redirect {
    async fn answer(&self, request: Request) -> Response {
        let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let place = host.and_then(|host| place(host, self.port, path)).map(HeaderValue::try_from);
        let Some(Ok(place)) = place else {
            return closing(
                StatusCode::BAD_REQUEST,
                "this address is HTTPS only, and the request names no host",
            );
        };
        let mut response = closing(StatusCode::PERMANENT_REDIRECT, "this address is HTTPS only");
        response.headers_mut().insert(header::LOCATION, place);
        response
    }

    fn turn_away(&self, _: Request) -> Response {
        closing(StatusCode::SERVICE_UNAVAILABLE, "too many connections; come back later")
    }
}

fn closing(status: StatusCode, detail: &str) -> Response {
    let title = status.canonical_reason().unwrap_or_default();
    let body = serde_json::json!({ "error": title, "detail": detail });
    let mut response = warp::reply::with_status(warp::reply::json(&body), status).into_response();
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// The same address over HTTPS; nothing where the host has no name.
fn place(host: &str, port: u16, path: &str) -> Option<String> {
    let name = super::host_name(host)?;
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(is_plain) || !path.starts_with('/') {
        return None;
    }
    let port = if port == 443 { String::new() } else { format!(":{port}") };
    Some(format!("https://{name}{port}{path}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_https_keeps_name_and_path() {
        let place = |host, port| place(host, port, "/s/a?x=1");
        assert_eq!(place("radio.example", 443).as_deref(), Some("https://radio.example/s/a?x=1"));
        assert_eq!(place("radio.example:80", 8443).as_deref(), Some("https://radio.example:8443/s/a?x=1"));
        assert_eq!(place("[::1]:80", 443).as_deref(), Some("https://[::1]/s/a?x=1"));
        assert_eq!(place("[::1]", 8443).as_deref(), Some("https://[::1]:8443/s/a?x=1"));
        for wrong in ["", ":80", "a/b", "a@b", "a b", "evil.example\\@x", &"a".repeat(300)] {
            assert_eq!(place(wrong, 443), None, "{wrong}");
        }
        assert_eq!(
            super::place("radio.example", 443, "//evil.example"),
            Some("https://radio.example//evil.example".into())
        );
    }
}
