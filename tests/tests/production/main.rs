//! A station in production, attacked at its real doors: tokens that are forged, expired or of another key, names and origins
//! that are not its own, proxies that lie, addresses that lead up, and too many requests.
#![cfg(unix)]

mod tokens;

use auralis_tests::presets::RAIN;
use auralis_tests::{Answer, Listener, Server, Tokens, Wire};
use serde_json::{Value as Json, json};
use tungstenite::client::IntoClientRequest;

/// Rates that no test meets by chance.
const UNHURRIED: [&str; 6] = ["--status-rate", "0", "--metrics-rate", "0", "--control-rate", "0"];
/// A name under which nobody is the operator.
const STRANGER: (&str, &str) = ("Host", "radio.test");

fn station(tokens: &Tokens, more: &[&str]) -> Server {
    let keys = tokens.file();
    let arguments = [&["--env", "production", "--log-level", "debug", "--auth-keys", &keys], more].concat();
    Server::start_with(&[("rain", RAIN)], &arguments)
}

fn ask(server: &Server, first: &str, head: &[(&str, &str)], body: &str) -> Answer {
    Wire::connect(server.port()).ask(first, head, body)
}

/// Asks as a stranger, with a token in the header.
fn bear(server: &Server, first: &str, token: &str, body: &str) -> Answer {
    ask(server, first, &[STRANGER, ("Authorization", &format!("Bearer {token}"))], body)
}

/// Holds that an answer is an error with a status, that its detail has some words, and names a challenge.
#[track_caller]
fn refused(answer: &Answer, status: u16, words: &str) {
    let said = answer.json();
    assert_eq!(answer.status, status, "{answer:?}");
    assert!(said["error"].is_string() && said["detail"].as_str().unwrap().contains(words), "{said}");
    let challenge = answer.header("www-authenticate").unwrap_or_default();
    assert!(challenge.starts_with("Bearer realm=\"auralis\", "), "{answer:?}");
}

const CONTROL: &str = "POST /api/v1/control";
const QUIETER: &str = "{\"params\":{\"level\":-20}}";

#[test]
fn no_way_to_write_an_address_goes_around_the_gate() {
    let tokens = Tokens::new("hs256");
    let server = station(&tokens, &UNHURRIED);
    let listener = tokens.issue("listener", &[]);
    for station in ["", "/s/rain"] {
        for path in ["/api/v1/control", "/api/status", "/api/v1/status", "/metrics", "/api/metrics"] {
            let control = path == "/api/v1/control";
            let (methods, body) = if control { (&["POST"][..], QUIETER) } else { (&["GET", "HEAD"][..], "") };
            let (name, rest) = path.rsplit_once('/').unwrap();
            for written in [
                format!("{station}{path}"),
                format!("{station}{path}/"),
                format!("{station}{path}//"),
                format!("{station}/{path}"),
                format!("/{station}{path}"),
                format!("/s/{path}"),
                format!("/s/rain{station}{path}"),
                format!("{station}{name}//{rest}"),
                format!("{station}{name}/./{rest}"),
                format!("{station}{name}/%{:02x}{}", rest.as_bytes()[0], &rest[1..]),
                format!("{station}{path}?"),
                format!("{station}{path};x"),
                format!("http://radio.test{station}{path}/"),
            ] {
                for method in methods {
                    let first = format!("{method} {written}");
                    let status = ask(&server, &first, &[STRANGER], body).status;
                    assert!(matches!(status, 401 | 404 | 405), "{first}: {status}");
                    let status = bear(&server, &first, &listener, body).status;
                    assert!(!control || matches!(status, 403..=405), "{first}: {status}");
                }
            }
        }
    }
    assert_eq!(server.get("/api/v1/controls")["controls"][0]["value"], -12.0, "nobody turned it");
}

#[test]
fn names_origins_and_addresses_that_are_not_ours_are_turned_away() {
    let tokens = Tokens::new("hs256");
    let more = ["--trusted-hosts", "radio.test,*.example.org", "--cors-origins", "https://friend.test"];
    let server = station(&tokens, &[&more[..], &UNHURRIED].concat());
    for (host, status) in [
        ("radio.test", 200),
        ("RADIO.TEST:8000", 200),
        ("a.example.org", 200),
        ("localhost", 200),
        ("example.org", 400),
        ("evil.test", 400),
        ("radio.test.evil.test", 400),
        ("radio.test:x", 400),
        ("", 400),
    ] {
        let answer = ask(&server, "GET /api/v1/health", &[("Host", host)], "");
        assert_eq!((answer.status, answer.json().is_object()), (status, true), "{host}: {answer:?}");
    }
    // A name that somebody points at this machine makes nobody its operator (DNS rebinding).
    let rebound = ask(&server, "GET /api/v1/me", &[("Host", "a.example.org")], "").json();
    assert_eq!(rebound["role"], Json::Null, "{rebound}");

    let admin = tokens.issue("admin", &[]);
    let from = |origin: &str, path: &str| {
        let cookie = format!("auralis_token={admin}");
        ask(&server, path, &[STRANGER, ("Origin", origin), ("Cookie", &cookie)], QUIETER)
    };
    for origin in ["http://evil.test", "null", "https://radio.test.evil.test", "http://radio.test:81"] {
        let answer = from(origin, CONTROL);
        assert_eq!((answer.status, answer.json()["error"].as_str()), (403, Some("Forbidden")), "{origin}");
        assert_eq!(answer.header("access-control-allow-origin"), None);
        let socket = Listener::try_join(&server, "/ws/stream", &[("host", "radio.test"), ("origin", origin)]);
        assert_eq!(socket.err(), Some(403), "{origin}");
    }
    assert_eq!(from("http://radio.test", CONTROL).status, 200);
    let friend = from("https://friend.test", CONTROL);
    assert_eq!(
        (friend.status, friend.header("access-control-allow-origin")),
        (200, Some("https://friend.test"))
    );
    assert_eq!(friend.header("access-control-allow-credentials"), Some("true"));
    let preflight = |origin: &str| {
        let head = [STRANGER, ("Origin", origin), ("Access-Control-Request-Method", "POST")];
        ask(&server, "OPTIONS /api/v1/control", &head, "")
    };
    let answer = preflight("https://friend.test");
    assert_eq!((answer.status, answer.header("access-control-allow-methods")), (204, Some("GET, POST")));
    assert!(answer.header("access-control-allow-headers").unwrap().contains("authorization"));
    assert_eq!(preflight("https://evil.test").status, 403);

    for path in [
        "/../etc/passwd",
        "/client/../Cargo.toml",
        "/client/%2e%2e/Cargo.toml",
        "/client/%2E./Cargo.toml",
        "/client/%252e%252e%252fCargo.toml",
        "/client/..%5c..%5cCargo.toml",
        "/client/..\\Cargo.toml",
        "/client/%00",
        "/client//etc/passwd",
        "/s/%2e%2e/api/v1/status",
        "/%25252525252e%25252525252e/",
    ] {
        let answer = bear(&server, &format!("GET {path}"), &admin, "");
        assert_eq!(
            (answer.status, answer.json()["error"].as_str()),
            (404, Some("Not found")),
            "{path}: {answer:?}"
        );
    }
}

#[test]
fn proxies_are_believed_where_they_are_trusted() {
    let tokens = Tokens::new("hs256");
    let server =
        station(&tokens, &["--trusted-proxies", "127.0.0.1, 10.0.0.0/8", "--clients-per-address", "3"]);
    let role = |head: &[(&str, &str)]| ask(&server, "GET /api/v1/me", head, "").json()["role"].clone();
    // A proxy asks for others, whatever it says of itself.
    for head in [
        &[("X-Forwarded-For", "203.0.113.9")][..],
        &[("X-Forwarded-For", "127.0.0.1")],
        &[("X-Forwarded-For", "127.0.0.1, 203.0.113.9")],
        &[("Forwarded", "for=127.0.0.1")],
        &[],
    ] {
        assert_eq!(role(head), Json::Null, "{head:?}");
    }
    // Each client has its own share of the rate, and of connections.
    let status =
        |client: &str| ask(&server, "GET /api/status", &[STRANGER, ("X-Forwarded-For", client)], "").status;
    for turn in 0..10 {
        assert_eq!(status(&format!("198.51.100.{turn}, 203.0.113.1, 10.1.2.3")), 401, "{turn}");
    }
    assert_eq!(status("203.0.113.1"), 429, "what stands before it is the client's own word");
    assert_eq!(status("203.0.113.2"), 401);
    let join = |client: &str| {
        let listener = Listener::try_join(&server, "/ws/stream", &[("x-forwarded-for", client)]);
        listener.map(|mut listener| {
            listener.chunks(1);
            listener
        })
    };
    let mut held: Vec<Listener> = (0..3).map(|_| join("203.0.113.3").unwrap()).collect();
    assert_eq!(join("203.0.113.3").err(), Some(503));
    assert!(join("203.0.113.4").is_ok());
    held.pop();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while join("203.0.113.3").is_err() {
        assert!(std::time::Instant::now() < deadline, "a place that is left is nobody's");
    }
    server.wait_until_said(&["203.0.113.1 asked for /api/status and got 429"]);
    // HTTPS at the proxy is HTTPS.
    let head = [STRANGER, ("X-Forwarded-For", "203.0.113.5"), ("X-Forwarded-Proto", "https")];
    let page = ask(&server, "GET /", &head, "");
    assert_eq!(page.header("strict-transport-security"), Some("max-age=31536000; includeSubDomains"));

    // Where none is trusted, a request that was passed on is nobody's.
    let server = station(&tokens, &UNHURRIED);
    for head in [("X-Forwarded-For", "127.0.0.1"), ("Via", "1.1 proxy"), ("Forwarded", "for=127.0.0.1")] {
        let me = ask(&server, "GET /api/v1/me", &[head], "").json();
        assert_eq!(me["role"], Json::Null, "{head:?}");
    }
    assert_eq!(ask(&server, "GET /api/v1/me", &[], "").json()["role"], "admin");
}

#[test]
fn who_asks_too_often_waits() {
    let tokens = Tokens::new("hs256");
    let server = station(&tokens, &["--control-rate", "3"]);
    let token = tokens.issue("controller", &[]);
    for (first, body, allowed) in
        [("GET /api/status", "", 10), ("GET /metrics", "", 5), (CONTROL, QUIETER, 3)]
    {
        let statuses: Vec<u16> =
            (0..allowed + 1).map(|_| bear(&server, first, &token, body).status).collect();
        assert!(statuses[..allowed].iter().all(|status| *status != 429), "{first}: {statuses:?}");
        let answer = bear(&server, first, &token, body);
        let said = answer.json();
        assert_eq!((answer.status, &said["error"]), (429, &json!("Rate limit exceeded")), "{first}: {said}");
        let after = said["retry_after"].as_u64().unwrap();
        assert!((1..=60).contains(&after), "{said}");
        assert_eq!(answer.header("retry-after"), Some(after.to_string().as_str()));
    }
    // The two ways to the status count as one, and all else is free.
    assert_eq!(bear(&server, "GET /api/v1/status", &token, "").status, 429);
    assert!((0..30).all(|_| ask(&server, "GET /api/v1/health", &[STRANGER], "").status == 200));
    // In development nobody counts.
    let server = Server::start(&[("rain", RAIN)]);
    assert!((0..30).all(|_| ask(&server, "GET /api/status", &[], "").status == 200));
}

#[test]
fn every_answer_in_production_has_its_headers() {
    let tokens = Tokens::new("hs256");
    let server = station(&tokens, &[]);
    for first in [
        "GET /",
        "GET /client/app.js",
        "GET /nowhere",
        "GET /api/status",
        "GET /%2e%2e/",
        "POST /",
        "GET /api/v1/me",
    ] {
        let answer = ask(&server, first, &[STRANGER], "");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("x-xss-protection", "1; mode=block"),
        ] {
            assert_eq!(answer.header(name), Some(value), "{first}");
        }
        assert!(
            answer.header("content-security-policy").unwrap().contains("frame-ancestors 'none'"),
            "{first}"
        );
        assert_eq!(answer.header("strict-transport-security"), None, "this is not HTTPS");
    }
}

#[test]
fn secrets_are_in_no_log() {
    let tokens = Tokens::new("hs256");
    tokens.add_key("rs256");
    let server = station(&tokens, &["--listen", "token"]);
    let token = tokens.issue("admin", &["--subject", "Ann"]);
    let forged = format!("{}x", tokens.issue("controller", &[]));
    let mut secrets: Vec<String> = vec![token.clone(), forged.clone()];
    for token in [&token, &forged] {
        secrets.extend(token.split('.').map(str::to_string));
        for path in ["/", "/nowhere", "/api/v1/me", "/api/v1/controls", "/ws/stream", "/%2e%2e/"] {
            ask(&server, &format!("GET {path}?token={token}"), &[STRANGER], "");
            bear(&server, &format!("GET {path}"), token, "");
            ask(
                &server,
                &format!("GET {path}"),
                &[STRANGER, ("Cookie", &format!("auralis_token={token}"))],
                "",
            );
        }
        bear(&server, CONTROL, token, QUIETER);
        let url = format!("ws://127.0.0.1:{}/ws/stream?token={token}", server.port());
        drop(tungstenite::client(url.into_client_request().unwrap(), Wire::connect(server.port())));
        // A request that is cut, and one that is none.
        use std::io::Write;
        Wire::connect(server.port()).write_all(format!("GET /?token={token} HT").as_bytes()).unwrap();
        Wire::connect(server.port()).write_all(format!("\u{1}?token={token}\r\n\r\n").as_bytes()).unwrap();
    }
    for key in tokens.keys() {
        let parts = ["k", "d", "p", "q"].into_iter().filter_map(|name| key[name].as_str());
        secrets.extend(parts.map(str::to_string));
    }
    tokens.set_keys(&[json!({ "kty": "oct", "kid": "b", "k": format!("{}!", secrets[2]) })]);
    let mut server = server;
    let mut log = server.wait_until_said(&["the keys in use stay"]);
    server.end("TERM");
    log += &server.said_since();
    assert!(log.contains("asked for") && log.contains("listens from"), "the log is whole: {log}");
    for secret in secrets.iter().filter(|secret| secret.len() > 20) {
        assert!(!log.contains(secret.as_str()), "{secret} is in the log:\n{log}");
    }
}
