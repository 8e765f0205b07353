//! The browser client's files, embedded in the program.

use include_dir::{Dir, include_dir};
use warp::Filter;
use warp::http::{HeaderValue, StatusCode};
use warp::reject::Rejection;
use warp::reply::{Reply, Response};

static FILES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/client");

/// `/`, `/debug` and `/client/{file}`.
pub fn routes(production: bool) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone {
    let index = warp::path::end().map(|| "index.html".to_string());
    let debug = warp::path!("debug").map(|| "debug.html".to_string());
    let named =
        warp::path("client").and(warp::path::tail()).map(|tail: warp::path::Tail| tail.as_str().to_string());
    let reads = warp::get().or(warp::head()).unify();
    // The address first: what is not there is not found, by whatever method.
    index
        .or(debug)
        .unify()
        .or(named)
        .unify()
        .and(reads)
        .and_then(move |path: String| std::future::ready(file(&path, production)))
}

fn file(path: &str, production: bool) -> Result<Response, Rejection> {
    let file = FILES.get_file(path).ok_or_else(warp::reject::not_found)?;
    let ending = path.rsplit('.').next().unwrap_or_default();
    let kind = match ending {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "json" | "webmanifest" => "application/json",
        _ => "application/octet-stream",
    };
    let mut response = file.contents().into_response();
    *response.status_mut() = StatusCode::OK;
    let caching = if production { "max-age=3600" } else { "no-cache" };
    let headers = response.headers_mut();
    headers.insert("content-type", HeaderValue::from_static(kind));
    headers.insert("cache-control", HeaderValue::from_static(caching));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    Ok(response)
}
