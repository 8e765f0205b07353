//! A station in production, attacked at its real doors: tokens that are forged, expired or of another key, names and origins
//! that are not its own, proxies that lie, addresses that lead up, and too many requests.
#![cfg(unix)]

use auralis_tests::presets::RAIN;
use auralis_tests::{Answer, Listener, Server, Tokens, Wire, now_and};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::Algorithm;
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
fn each_role_may_what_it_may_and_the_page_hears_of_it() {
    for algorithm in ["hs256", "rs256"] {
        let tokens = Tokens::new(algorithm);
        let server = station(&tokens, &UNHURRIED);
        let text = "auralis: 1\nnodes:\n  a: { type: noise, gain: -20 dB }\n  o: { type: output, in: a }\n";
        for (role, status, control, edit, may) in [
            ("", 401, 401, 403, json!(["listen"])),
            ("listener", 200, 403, 403, json!(["listen", "status", "metrics"])),
            ("controller", 200, 200, 403, json!(["listen", "status", "metrics", "control"])),
            ("admin", 200, 200, 200, json!(["listen", "status", "metrics", "control", "edit"])),
        ] {
            let token =
                if role.is_empty() { String::new() } else { tokens.issue(role, &["--subject", "Ann"]) };
            let bear = |first: &str, body: &str| match role {
                "" => ask(&server, first, &[STRANGER], body),
                _ => bear(&server, first, &token, body),
            };
            for path in ["/api/status", "/api/v1/status"] {
                assert_eq!(bear(&format!("GET {path}"), "").status, status, "{role} {path}");
            }
            let metrics = bear("GET /metrics", "").status;
            assert_eq!(metrics == 401, role.is_empty(), "{role}: {metrics}");
            assert_eq!(bear(CONTROL, QUIETER).status, control, "{role}");
            assert_eq!(bear("PUT /api/v1/graph", text).status, edit, "{role}");
            assert_eq!(bear("GET /api/v1/controls", "").status, 200, "whoever listens sees them");
            assert_eq!(bear("GET /api/v1/health", "").status, 200);
            let me = bear("GET /api/v1/me", "").json();
            assert_eq!(me["may"], may, "{me}");
            let named = if role.is_empty() { Json::Null } else { json!("Ann") };
            assert_eq!(
                (&me["role"], &me["subject"]),
                (&if role.is_empty() { Json::Null } else { json!(role) }, &named)
            );
        }
        refused(&ask(&server, CONTROL, &[STRANGER], QUIETER), 401, "takes a token of the role controller");
        let token = tokens.issue("listener", &[]);
        refused(&bear(&server, CONTROL, &token, QUIETER), 403, "takes a token of the role controller");
        // This machine is the operator.
        let here = ask(&server, "GET /api/v1/me", &[], "").json();
        assert_eq!(
            (&here["role"], here["may"].as_array().map(Vec::len)),
            (&json!("admin"), Some(5)),
            "{here}"
        );
    }
}

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
fn tokens_that_are_no_good_grant_nothing() {
    let tokens = Tokens::new("hs256");
    tokens.add_key("rs256");
    let server = station(&tokens, &UNHURRIED);
    let [ours, public] = &tokens.keys()[..] else { panic!("two keys") };
    let kid = ours["kid"].as_str();
    let secret = BASE64.decode(ours["k"].as_str().unwrap()).unwrap();
    let good = json!({ "exp": now_and(60), "roles": ["admin"] });
    let with = |name: &str, value: Json| {
        let mut claims = good.clone();
        claims[name] = value;
        claims
    };
    let signed = |claims: &Json| Tokens::forge(Algorithm::HS256, kid, claims, &secret);
    assert_eq!(bear(&server, "GET /api/status", &signed(&good), "").status, 200, "the claims are good");
    let unnamed = Tokens::forge(Algorithm::HS256, None, &good, &secret);
    assert_eq!(bear(&server, "GET /api/status", &unnamed, "").status, 200, "a key need not be named");

    let [head, body, signature] =
        signed(&good).split('.').map(str::to_string).collect::<Vec<_>>().try_into().unwrap();
    let none = BASE64.encode(json!({ "alg": "none", "typ": "JWT", "kid": kid }).to_string());
    let other = BASE64.encode(with("roles", json!(["admin", "king"])).to_string());
    let modulus = BASE64.decode(public["n"].as_str().unwrap()).unwrap();
    let confused = |secret: &[u8]| Tokens::forge(Algorithm::HS256, public["kid"].as_str(), &good, secret);
    for (token, words) in [
        ("".to_string(), "no JSON Web Token"),
        ("x".to_string(), "no JSON Web Token"),
        ("a.b.c".to_string(), "JSON Web Token"),
        ("é.é.é".to_string(), "JSON Web Token"),
        (format!("{none}.{body}."), "HS256 or RS256"),
        (format!("{none}.{body}.{signature}"), "HS256 or RS256"),
        (format!("{head}.{body}."), "signature is wrong"),
        (format!("{head}.{body}"), "JSON Web Token"),
        (format!("{head}.{other}.{signature}"), "signature is wrong"),
        (format!("{head}.{body}.{signature}.x"), "JSON Web Token"),
        // The public key as a secret: the old confusion of algorithms.
        (confused(&modulus), "HS256 or RS256"),
        (confused(public["n"].as_str().unwrap().as_bytes()), "HS256 or RS256"),
        (Tokens::forge(Algorithm::HS512, kid, &good, &secret), "HS256 or RS256"),
        (
            Tokens::forge(Algorithm::HS256, Some("nobody's"), &good, &secret),
            "a key that this station does not have",
        ),
        (
            Tokens::forge(Algorithm::HS256, kid, &good, b"another secret, of thirty bytes or more"),
            "signature is wrong",
        ),
        (Tokens::new("hs256").issue("admin", &[]), "a key that this station does not have"),
        (signed(&with("exp", json!(now_and(-60)))), "has expired"),
        (signed(&with("exp", json!("tomorrow"))), "`exp` in seconds"),
        (signed(&with("exp", Json::Null)), "`exp` in seconds"),
        (signed(&json!({ "roles": ["admin"] })), "`exp` in seconds"),
        (signed(&with("nbf", json!(now_and(3600)))), "not valid yet"),
        (signed(&with("nbf", json!("then"))), "must be"),
        (signed(&with("iat", json!(now_and(3600)))), "not valid yet"),
        (signed(&with("aud", json!("elsewhere"))), "not for auralis"),
        (signed(&with("roles", json!(["king"]))), "`roles`"),
        (signed(&with("roles", json!("admin"))), "`roles`"),
        (signed(&with("roles", json!([7, null]))), "`roles`"),
        (signed(&with("station", json!(5))), "`station`"),
    ] {
        let answer = bear(&server, "GET /api/status", &token, "");
        refused(&answer, 401, words);
        assert!(answer.header("www-authenticate").unwrap().contains("invalid_token"), "{answer:?}");
        assert!(!answer.body.contains("king") && !answer.body.contains("nobody's"), "{answer:?}");
        let socket =
            Listener::try_join(&server, &format!("/ws/stream?token={token}"), &[("host", "radio.test")]);
        assert!(token.contains('é') || socket.is_err_and(|status| status == 401), "{token}");
    }
    // Of another station.
    let elsewhere = tokens.issue("admin", &["--station", "elsewhere"]);
    refused(&bear(&server, "GET /api/status", &elsewhere, ""), 401, "for another station");
    let brief = tokens.issue("listener", &["--days", "0.00002"]);
    std::thread::sleep(std::time::Duration::from_secs(14));
    refused(&bear(&server, "GET /api/status", &brief, ""), 401, "has expired");
    assert_eq!(ask(&server, "GET /api/v1/health", &[STRANGER], "").status, 200);
}

#[test]
fn keys_rotate_while_the_station_plays() {
    let tokens = Tokens::new("hs256");
    let server = station(&tokens, &UNHURRIED);
    let status = |token: &str| bear(&server, "GET /api/status", token, "").status;
    let mut listener = Listener::join(&server, "/ws/stream");
    listener.chunks(1);
    let old = tokens.issue("listener", &[]);
    assert_eq!(status(&old), 200);

    // A new key signs once it is the first; the old one checks until it is taken out.
    let name = tokens.add_key("rs256");
    server.wait_until_said(&["keys.json was read anew: 2 keys"]);
    let by_name = tokens.issue("listener", &["--key", &name]);
    let mut keys = tokens.keys();
    keys.reverse();
    tokens.set_keys(&keys);
    let new = tokens.issue("listener", &[]);
    assert_eq!([status(&old), status(&by_name), status(&new)], [200; 3]);
    keys.pop();
    tokens.set_keys(&keys);
    server.signal("HUP");
    server.wait_until_said(&["was read anew: 1 keys"]);
    assert_eq!([status(&old), status(&by_name), status(&new)], [401, 200, 200]);

    // The public part alone checks, and signs nothing.
    for name in ["d", "p", "q"] {
        keys[0].as_object_mut().unwrap().remove(name);
    }
    tokens.set_keys(&keys);
    server.signal("HUP");
    server.wait_until_said(&["was read anew: 1 keys"]);
    assert_eq!(status(&new), 200);
    // Who publishes keys may sign for others, too.
    let foreign = json!({ "kty": "EC", "alg": "ES256", "use": "sig", "crv": "P-256", "kid": "e" });
    tokens.set_keys(&[vec![foreign], keys.to_vec()].concat());
    server.wait_until_said(&["key 1 (e)", "it is left out", "was read anew: 1 keys"]);
    assert_eq!(status(&new), 200);
    // What is no good changes nothing.
    tokens.set_keys(&[json!({ "kty": "oct", "k": "c2hvcnQ" })]);
    server.wait_until_said(&["the keys in use stay", "key 1: its secret `k` has less than 32 bytes"]);
    assert_eq!(status(&new), 200);
    listener.chunks(3);
}

#[test]
fn who_may_hear_a_private_station_may_turn_it_by_every_way() {
    let tokens = Tokens::new("hs256");
    let more = [&UNHURRIED[..], &["--listen", "token", "--private-stations", "2"]].concat();
    let server = station(&tokens, &more);
    let token = tokens.issue("listener", &[]);
    let made = bear(&server, "POST /api/v1/stations", &token, "{}");
    assert_eq!(made.status, 201, "{made:?}");
    let folder = made.json()["path"].as_str().unwrap().trim_end_matches('/').to_string();
    let controlled = bear(&server, &format!("POST {folder}/api/v1/control"), &token, "{\"intensity\":0.25}");
    assert_eq!(controlled.status, 200, "{controlled:?}");
    let address = format!("{folder}/ws/stream?format=none&token={token}");
    let mut listener = Listener::try_join(&server, &address, &[("host", "radio.test")]).unwrap();
    listener.say(&json!({ "type": "control", "intensity": 0.75 }));
    listener.wait_for(|message| message["pending"]["intensity"] == 0.75);
    // The station of all is not theirs to turn.
    assert_eq!(bear(&server, CONTROL, &token, QUIETER).status, 403);
}

#[test]
fn files_of_keys_and_wishes_that_are_no_good_are_named_without_what_is_in_them() {
    use std::os::unix::fs::PermissionsExt;
    let tokens = Tokens::new("hs256");
    let mode = std::fs::metadata(tokens.file()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let room = auralis_tests::Room::new();
    let secret = BASE64.encode([7; 48]);
    let key = |more: Json| {
        let mut key = json!({ "kty": "oct", "kid": "a", "k": secret });
        more.as_object().unwrap().iter().for_each(|(name, value)| key[name] = value.clone());
        json!({ "keys": [key] }).to_string()
    };
    let twice = json!({ "keys": [{ "kty": "oct", "kid": "a", "k": secret }, { "kty": "oct", "kid": "a", "k": secret }] });
    for (contents, words) in [
        (secret.clone(), "no JSON Web Key Set"),
        (json!({ "keys": secret }).to_string(), "no JSON Web Key Set"),
        (json!({ "keys": [secret] }).to_string(), "key 1: it is no JSON object"),
        (key(json!({ "kty": "EC" })), "key 1 (a): its `kty` must be oct"),
        (key(json!({ "alg": "HS512" })), "has `alg` HS256"),
        (key(json!({ "k": "c2hvcnQ" })), "less than 32 bytes"),
        (key(json!({ "k": format!("{secret}!") })), "must be a secret in base64url"),
        (key(json!({ "kty": "RSA", "n": secret, "e": "AQAB" })), "less than 2048 bits"),
        (twice.to_string(), "key 2 (a): another key has this `kid`"),
        (json!({ "keys": [] }).to_string(), "there are no keys"),
    ] {
        room.put("bad.json", &contents);
        let said = room.run(&["token", "--role", "admin", "--key-file", "bad.json"]);
        said.fails(1, &["bad.json", words]);
        assert!(!said.err.contains(&secret), "{}", said.err);
        if !words.starts_with("there are") {
            let said = room.run(&["serve", "--port", "0", "--auth-keys", "bad.json"]);
            said.fails(1, &["the keys of tokens cannot be used: bad.json", words]);
            assert!(!said.err.contains(&secret), "{}", said.err);
        }
    }
    room.run(&["token", "--role", "admin"]).fails(1, &["--key-file or AURALIS_AUTH_KEYS"]);
    room.run(&["token", "--role", "king", "--key-file", "x"]).fails(2, &["listener, controller, admin"]);
    for days in ["0", "-1", "NaN", "36501"] {
        let said = room.run(&["token", "--role", "admin", &format!("--days={days}"), "--key-file", "x"]);
        said.fails(2, &["more than 0 to 36500"]);
    }
}

#[test]
fn a_station_for_guests_lets_them_in_by_address_and_by_cookie() {
    let tokens = Tokens::new("hs256");
    let server = station(&tokens, &["--listen", "token"]);
    let token = tokens.issue("listener", &[]);
    let join = |query: &str, headers: &[(&'static str, &str)]| {
        let headers = [&[("host", "radio.test")], headers].concat();
        Listener::try_join(&server, &format!("/ws/stream{query}"), &headers)
            .map(|mut listener| listener.chunks(1).len())
    };
    assert_eq!(join("", &[]), Err(401));
    assert_eq!(join(&format!("?format=json&token={token}"), &[]), Ok(1));
    assert_eq!(join("", &[("cookie", &format!("a=b; auralis_token={token}"))]), Ok(1));
    assert_eq!(join("", &[("cookie", "auralis_token=x.y.z")]), Err(401));
    assert_eq!(join("", &[("authorization", &format!("Bearer {token}"))]), Ok(1));
    refused(&ask(&server, "GET /api/v1/controls", &[STRANGER], ""), 401, "role listener");
    for path in ["/", "/client/app.js", "/api/v1/health", "/api/v1/me"] {
        assert_eq!(ask(&server, &format!("GET {path}"), &[STRANGER], "").status, 200, "{path}");
    }

    // The page's address loses its token, which the browser keeps where no script reads it.
    let moved = ask(&server, &format!("GET /?format=json&token={token}"), &[STRANGER], "");
    assert_eq!((moved.status, moved.header("location")), (303, Some("/?format=json")), "{moved:?}");
    let cookie = moved.header("set-cookie").unwrap();
    assert!(cookie.starts_with(&format!("auralis_token={token}; ")), "{cookie}");
    for part in ["Path=/", "HttpOnly", "SameSite=Strict", "Max-Age=259"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure"), "over HTTP it would not be kept");
    refused(&ask(&server, "GET /?token=x.y.z", &[STRANGER], ""), 401, "JSON Web Token");
    let me = ask(&server, "GET /api/v1/me", &[STRANGER, ("Cookie", "auralis_token=x.y.z")], "").json();
    assert_eq!((&me["may"], me["refused"].is_string()), (&json!([]), true), "{me}");
    let nothing =
        ask(&server, "POST /api/v1/control", &[STRANGER, ("Cookie", "auralis_token=x.y.z")], QUIETER);
    refused(&nothing, 401, "JSON Web Token");

    // Whose time is over is told so, and listens no longer; nor do listeners turn controls.
    let brief = tokens.issue("listener", &["--days", "0.00002"]);
    let headers = [("host", "radio.test")];
    let mut guest =
        Listener::try_join(&server, &format!("/ws/stream?format=json&token={brief}"), &headers).unwrap();
    guest.wait("generation_update");
    let answer = guest.control(&json!({ "bpm": 100 }));
    assert_eq!(answer["code"], "INVALID_CONTROL", "{answer}");
    assert!(answer["message"].as_str().unwrap().contains("role controller"), "{answer}");
    assert_eq!(guest.wait_for_end(), Some((1008, "the token has expired".to_string())));
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
