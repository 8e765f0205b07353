//! Playlists with the address of a stream, for players that want a file.

use super::{Asked, formats};
use crate::web::Context;
use crate::web::api::answer;
use serde_json::json;
use warp::http::{HeaderValue, StatusCode};
use warp::reply::{Reply, Response};

/// How a playlist is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Lines, each an address.
    M3u,
    /// Numbered entries.
    Pls,
}

/// A playlist with one stream: of `?format=`, the station's first where that says nothing.
pub fn playlist(cx: &Context, kind: Kind, asked: &Asked) -> Response {
    let format = asked.query.get("format");
    let Some(format) = formats(cx).find(|known| format.is_none_or(|format| format == known)) else {
        return refuse(&format!("`format` is one of {}", formats(cx).collect::<Vec<_>>().join(", ")));
    };
    let host = asked.headers.get("host").and_then(|host| host.to_str().ok()).filter(|host| is_host(host));
    let Some(host) = host else {
        return refuse("the request needs a header `Host` that says under which name this server is known");
    };
    let path = asked.folder();
    let scheme = if asked.peer.as_ref().is_some_and(|peer| peer.secure) { "https" } else { "http" };
    // Players cannot send headers: a token that opened the playlist opens the stream.
    let token = asked.query.get("token").filter(|token| token.bytes().all(is_legal));
    let token = token.map(|token| format!("?token={token}")).unwrap_or_default();
    let url = format!("{scheme}://{host}{path}/stream.{format}{token}");
    let (text, content) =
        written(kind, &url, &cx.station.current().preset.title().replace(['\r', '\n'], " "));
    let mut response = text.into_response();
    let head = response.headers_mut();
    head.insert("content-type", HeaderValue::from_static(content));
    head.insert("cache-control", HeaderValue::from_static("no-store"));
    response
}

fn written(kind: Kind, url: &str, title: &str) -> (String, &'static str) {
    match kind {
        Kind::M3u => (format!("#EXTM3U\n#EXTINF:-1,{title}\n{url}\n"), "audio/x-mpegurl"),
        Kind::Pls => {
            let text = format!(
                "[playlist]\nNumberOfEntries=1\nFile1={url}\nTitle1={title}\nLength1=-1\nVersion=2\n"
            );
            (text, "audio/x-scpls")
        }
    }
}

fn refuse(detail: &str) -> Response {
    answer(StatusCode::BAD_REQUEST, json!({ "error": "Bad request", "detail": detail }))
}

/// Whether it can stand in an address: a name or number, and a port.
fn is_host(host: &str) -> bool {
    !host.is_empty() && host.bytes().all(is_legal)
}

/// Whether a letter means nothing else in an address than itself.
fn is_legal(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte)
}
