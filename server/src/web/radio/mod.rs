//! The station for radio players: streams that do not end, over plain HTTP, and playlists that name them (contract,
//! section 7).

mod body;
mod icy;
mod playlist;

use super::api::{answer, overloaded};
use super::guard::{Caller, caller};
use super::{Context, Named, Site};
use crate::delivery::{Container, Player};
use crate::front::Peer;
use crate::station::Shared;
use body::Body;
use icy::Icy;
use playlist::Kind;
use serde_json::json;
use std::collections::HashMap;
use std::str::FromStr;
use warp::Filter;
use warp::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use warp::reject::Rejection;
use warp::reply::{Reply, Response};

/// The formats of a station's streams, the best for a player first.
fn formats(cx: &Context) -> impl Iterator<Item = &'static str> {
    let opus = cx.station.settings.opus.then_some("opus");
    opus.into_iter().chain(["flac", "oga", "wav"])
}

/// What there is to be asked for.
#[derive(Debug, Clone, Copy)]
enum Wish {
    Sound(Container),
    Playlist(Kind),
    /// Which many look for, and is not there.
    Mp3,
}

impl FromStr for Wish {
    type Err = ();

    fn from_str(name: &str) -> Result<Self, ()> {
        Ok(match name {
            "stream.opus" | "stream.ogg" => Self::Sound(Container::OggOpus),
            "stream.flac" => Self::Sound(Container::Flac),
            "stream.oga" => Self::Sound(Container::OggFlac),
            "stream.wav" => Self::Sound(Container::Wav),
            "stream.m3u" => Self::Playlist(Kind::M3u),
            "stream.pls" => Self::Playlist(Kind::Pls),
            "stream.mp3" => Self::Mp3,
            _ => return Err(()),
        })
    }
}

/// What the address and the headers say.
struct Asked {
    caller: Caller,
    query: HashMap<String, String>,
    headers: HeaderMap,
    named: Option<Named>,
    peer: Option<Peer>,
}

impl Asked {
    /// What stands before the routes of the station that is asked.
    fn folder(&self) -> String {
        self.named.as_ref().map(|Named(name)| format!("/s/{name}")).unwrap_or_default()
    }
}

/// `/stream.opus` and its fellows.
pub fn routes(site: &Site) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone + use<> {
    warp::path::param::<Wish>()
        .and(warp::path::end())
        .and(warp::get().or(warp::head()).unify())
        .and(caller())
        .and(warp::method())
        .and(warp::query::<HashMap<String, String>>())
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional::<Peer>())
        .and(warp::ext::optional::<Named>())
        .and(site.context())
        .map(|wish, caller, method, query, headers, peer, named, cx| {
            let asked = Asked { caller, query, headers, named, peer };
            match wish {
                Wish::Sound(container) => sound(&cx, container, &asked, method == Method::GET),
                Wish::Playlist(kind) => playlist::playlist(&cx, kind, &asked),
                Wish::Mp3 => none("this station sends no MP3: open one of `streams`", &cx, &asked),
            }
        })
}

/// There is no such stream.
fn none(detail: &str, cx: &Context, asked: &Asked) -> Response {
    let streams = formats(cx).map(|format| format!("{}/stream.{format}", asked.folder())).collect::<Vec<_>>();
    answer(StatusCode::NOT_FOUND, json!({ "error": "Not found", "detail": detail, "streams": streams }))
}

/// A stream, for one who listens, or only its head.
fn sound(cx: &Context, container: Container, asked: &Asked, listens: bool) -> Response {
    let station = &cx.station;
    let icy = asked.headers.get("icy-metadata").is_some_and(|value| value.as_bytes().trim_ascii() == b"1");
    let wanted = match container.format().map(|format| station.want(format)).transpose() {
        Ok(wanted) => wanted,
        Err(error) => return none(&error.to_string(), cx, asked),
    };
    let mut response = match listens {
        false => warp::reply().into_response(),
        true => {
            let tags = station.tags();
            let tags: Vec<(&str, &str)> = tags.iter().map(|(name, value)| (*name, value.as_str())).collect();
            match Player::join(station, container, wanted, &tags, asked.peer.clone()) {
                Ok(player) => {
                    let icy = icy.then(Icy::default);
                    let body = Body::new(player, asked.caller.clone(), icy, cx.stopping.clone());
                    warp::reply::stream(body.bytes()).into_response()
                }
                Err(full) => return overloaded(&full.to_string()),
            }
        }
    };
    let head = response.headers_mut();
    let fixed = [
        ("content-type", content_type(container)),
        ("cache-control", "no-store"),
        ("accept-ranges", "none"),
        ("x-content-type-options", "nosniff"),
    ];
    for (name, value) in fixed {
        head.insert(name, HeaderValue::from_static(value));
    }
    for (name, value) in about(station, container) {
        // A control character cannot be in a header.
        let value: String = value.chars().filter(|letter| !letter.is_control()).collect();
        if let Ok(value) = HeaderValue::try_from(value.into_bytes()) {
            head.insert(HeaderName::from_static(name), value);
        }
    }
    if icy {
        head.insert("icy-metaint", icy::EVERY.into());
    }
    response
}

fn content_type(container: Container) -> &'static str {
    match container {
        Container::OggOpus | Container::OggFlac => "audio/ogg",
        Container::Flac => "audio/flac",
        Container::Wav => "audio/wav",
    }
}

fn name(station: &Shared) -> String {
    station.name().map_or_else(|| station.current().preset.title().to_string(), str::to_string)
}

/// What players show of the station, as Icecast's headers have it.
fn about(station: &Shared, container: Container) -> Vec<(&'static str, String)> {
    let info = station.current().preset.info.clone();
    let mut about = vec![("icy-name", name(station)), ("icy-pub", "0".into())];
    if !info.tags.is_empty() {
        about.push(("icy-genre", info.tags.join(", ")));
    }
    about.extend(info.description.map(|text| ("icy-description", text)));
    let bits = match container {
        Container::OggOpus => Some(station.settings.opus_bitrate),
        Container::Wav => Some(station.pcm.sample_rate().saturating_mul(32)),
        // It depends on the sound.
        Container::OggFlac | Container::Flac => None,
    };
    about.extend(bits.map(|bits| ("icy-br", (bits / 1000).to_string())));
    about
}
