//! What answers say to browsers in production (contract, section 4).

use warp::http::HeaderValue;
use warp::reply::Response;

/// Of every answer. The page uses nothing but its own files and its own station.
const ALWAYS: [(&str, &str); 5] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("x-xss-protection", "1; mode=block"),
    ("referrer-policy", "same-origin"),
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; media-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
];
/// Of those over TLS: browsers come by HTTPS only, for a year.
const HSTS: &str = "max-age=31536000; includeSubDomains";

/// Dresses an answer.
pub fn dress(response: &mut Response, secure: bool) {
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if secure {
        headers.insert("strict-transport-security", HeaderValue::from_static(HSTS));
    }
}
