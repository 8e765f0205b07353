//! The description of the routes: true of the routes that there are, and of what they answer.

use auralis_tests::hosts::python;
use auralis_tests::presets::TONE;
use auralis_tests::{Server, agent};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What does not end, or is no HTTP, and is asked for by other tests.
const ENDLESS: &str = "^/(stream|ws/|api/v1/(levels|figures))";

/// The sources of the web server.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").flatten().map(|entry| entry.path());
    entries.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

/// The paths that `warp::path!` has, `{}` for what varies.
fn routes() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../server/src/web");
    let texts = sources(&folder).into_iter().map(|path| std::fs::read_to_string(path).expect("a source"));
    let mut routes = BTreeSet::new();
    for text in texts {
        for rest in text.split("warp::path!(").skip(1) {
            let inside = rest.split(')').next().unwrap_or_default();
            let part = |part: &str| match part.trim().strip_prefix('"') {
                Some(name) => name.trim_end_matches('"').to_string(),
                None => "{}".to_string(),
            };
            let parts: Vec<String> = inside.split(" / ").map(part).collect();
            routes.insert(format!("/{}", parts.join("/")));
        }
    }
    routes
}

#[test]
fn the_description_names_all_routes_and_no_others() {
    let server = Server::start(&[("tone", TONE)]);
    let description = server.get("/api/openapi.json");
    let paths = description["paths"].as_object().expect("paths");
    let general = |path: &String| {
        let part = |part: &str| if part.starts_with('{') { "{}".to_string() } else { part.to_string() };
        path.split('/').map(part).collect::<Vec<_>>().join("/")
    };
    let described: BTreeSet<String> = paths.keys().map(general).collect();
    let routes = routes();
    assert!(routes.len() >= 18, "{routes:?}");
    // Every route exists below `/s/{name}`; that address itself leads there.
    let missing: Vec<&String> =
        routes.iter().filter(|path| !described.contains(*path) && *path != "/s/{}").collect();
    assert!(missing.is_empty(), "not in docs/openapi.yaml: {missing:?}");
    for (path, operations) in paths {
        let address = path.replace("{file}", "app.js").replace("{client_id}", "ear");
        for method in operations.as_object().expect("operations").keys().filter(|name| *name != "parameters")
        {
            let status = asked(&server, method, &address);
            assert!(status != 404 && status != 405 && status < 500, "{method} {address}: {status}");
        }
        let status = asked(&server, "delete", &address);
        assert!(matches!(status, 400 | 404 | 405), "DELETE {address}: {status}");
    }
}

/// The status of an answer; its body is not waited for.
fn asked(server: &Server, method: &str, path: &str) -> u16 {
    let method = method.to_uppercase();
    let request = ureq::http::Request::builder().method(method.as_str()).uri(server.url(path));
    agent().run(request.body("").expect("a request")).expect("an answer").status().as_u16()
}

#[test]
fn answers_to_made_up_requests_are_as_described() {
    let server = Server::start_with(&[("tone", TONE)], &["--private-stations", "1"]);
    // That it makes no more private stations is a busy server's answer, and no mistake of it.
    server.room().put(
        "schemathesis.toml",
        "[checks.not_a_server_error]\nexpected-statuses = [\"2xx\", \"3xx\", \"4xx\", 503]\n",
    );
    let output = Command::new(python("schemas"))
        .args(["-m", "schemathesis.cli", "run", &server.url("/api/openapi.json")])
        .args(["--url", &server.url("")])
        .args(["--exclude-path-regex", ENDLESS])
        .args(["--checks", CHECKS])
        .args(["--phases", "examples,coverage,fuzzing"])
        .args(["--max-examples", "50", "--seed", "1", "--generation-database", "none", "--no-color"])
        .current_dir(server.room().path(""))
        .env("NO_PROXY", "*")
        .output()
        .expect("Python starts");
    let said = [output.stdout, output.stderr].concat();
    let said = String::from_utf8_lossy(&said);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("Fuzzing"), "{said}");
    let health: Json = server.get("/api/v1/health");
    assert_eq!(health["status"], "healthy", "it has survived that");
}

/// What must hold.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
                      response_headers_conformance,response_schema_conformance,negative_data_rejection";
