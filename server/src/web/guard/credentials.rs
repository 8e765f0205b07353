//! The token of a request: in a header, in the address or in a cookie. It is never logged.

use warp::http::{HeaderMap, HeaderValue};

/// The cookie's name, and the name in an address.
const COOKIE: &str = "auralis_token";
const QUERY: &str = "token";

/// Where a token stood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Carrier {
    /// `Authorization: Bearer`.
    Header,
    /// `?token=`.
    Address,
    /// The cookie.
    Cookie,
}

/// The token of a request, and where it stood: what is said by hand counts before what the browser keeps.
pub fn token<'a>(headers: &'a HeaderMap, query: Option<&'a str>) -> Option<(&'a str, Carrier)> {
    let header = bearer(headers).map(|token| (token, Carrier::Header));
    let address = || in_query(query?).map(|token| (token, Carrier::Address));
    let cookie = || in_cookies(headers).map(|token| (token, Carrier::Cookie));
    header.or_else(address).or_else(cookie)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    // What cannot be read is no token, and is said to be none.
    let text = headers.get("authorization")?.to_str().unwrap_or("bearer");
    let (scheme, token) = text.split_once(' ').unwrap_or((text, ""));
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// Tokens have no letter that would be encoded.
fn in_query(query: &str) -> Option<&str> {
    query
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .find(|(name, _)| *name == QUERY)
        .map(|(_, token)| token)
}

fn in_cookies(headers: &HeaderMap) -> Option<&str> {
    let lines = headers.get_all("cookie").iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(name, _)| *name == COOKIE).map(|(_, token)| token.trim_matches('"'))
}

/// An address without its token.
pub fn without_token(path: &str, query: &str) -> String {
    let is_token = |pair: &&str| pair.split('=').next() == Some(QUERY);
    let rest: Vec<&str> = query.split('&').filter(|pair| !is_token(pair)).collect();
    // A path that begins with two slashes would be a host.
    let path = format!("/{}", path.trim_start_matches('/'));
    if rest.is_empty() { path } else { format!("{path}?{}", rest.join("&")) }
}

/// A cookie that keeps a token for some seconds; none keeps nothing.
pub fn cookie(token: &str, seconds: u64, secure: bool) -> Option<HeaderValue> {
    let secure = if secure { "; Secure" } else { "" };
    let text = format!("{COOKIE}={token}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_by_hand_counts_before_what_is_kept() {
        let mut headers = HeaderMap::new();
        assert_eq!(token(&headers, Some("format=json&from=3")), None);
        headers.insert("cookie", HeaderValue::from_static("a=b; auralis_token=C; d"));
        assert_eq!(token(&headers, None), Some(("C", Carrier::Cookie)));
        assert_eq!(token(&headers, Some("from=3&token=A")), Some(("A", Carrier::Address)));
        headers.insert("authorization", HeaderValue::from_static("bearer H"));
        assert_eq!(token(&headers, Some("token=A")), Some(("H", Carrier::Header)));
        headers.insert("authorization", HeaderValue::from_static("Basic xyz"));
        assert_eq!(token(&headers, None), Some(("C", Carrier::Cookie)), "that is for somebody else");
    }

    #[test]
    fn an_address_loses_its_token_and_nothing_else() {
        assert_eq!(without_token("/", "token=x"), "/");
        assert_eq!(
            without_token("/s/a/", "format=json&token=x&tokens=2&token"),
            "/s/a/?format=json&tokens=2"
        );
        assert_eq!(without_token("//evil.example/", "token=x"), "/evil.example/");
    }
}
