//! Tokens and their keys: what each role may, what is forged, expired or of another key, and stations for guests.

use super::{CONTROL, QUIETER, STRANGER, UNHURRIED, ask, bear, refused, station};
use auralis_tests::{Listener, Tokens, Wire, now_and};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::Algorithm;
use serde_json::{Value as Json, json};
use std::io::{Read, Write};

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
fn who_listens_by_a_key_that_is_taken_out_is_told_so() {
    let tokens = Tokens::new("hs256");
    let server = station(&tokens, &["--listen", "token"]);
    let join = |token: &str| {
        let headers = [("host", "radio.test")];
        Listener::try_join(&server, &format!("/ws/stream?format=json&token={token}"), &headers).unwrap()
    };
    let old = tokens.issue("controller", &[]);
    let open = |path: &str| {
        let mut wire = Wire::connect(server.port());
        write!(wire, "GET {path}?token={old} HTTP/1.1\r\nHost: radio.test\r\n\r\n").unwrap();
        wire.read_exact(&mut [0; 512]).unwrap();
        wire
    };
    let (mut gone, pushed) = (join(&old), ["/stream.wav", "/api/v1/figures"].map(open));
    let name = tokens.add_key("hs256");
    server.wait_until_said(&["was read anew: 2 keys"]);
    let mut stays = join(&tokens.issue("controller", &["--key", &name]));
    let mut keys = tokens.keys();
    tokens.set_keys(&keys.split_off(1));
    server.wait_until_said(&["was read anew: 1 keys"]);

    gone.wait("generation_update");
    let answer = gone.control(&json!({ "intensity": 0.75 }));
    assert!(answer["message"].as_str().unwrap().contains("role controller"), "{answer}");
    // What is pushed and what is played ends at once, WebSockets at their next ping.
    for mut wire in pushed {
        let mut said = Vec::new();
        wire.read_to_end(&mut said).unwrap();
        assert!(said.ends_with(b"\r\n0\r\n\r\n"), "it ends as it should");
    }
    assert_eq!(gone.wait_for_end(), Some((1008, "the token's key has been taken out".to_string())));
    assert_eq!(stays.control(&json!({ "intensity": 0.5 }))["type"], "generation_update");
}
