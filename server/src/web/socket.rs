//! WebSockets are opened here: who asks, in which format, from which chunk on.

use super::api::answer;
use super::guard::{Caller, caller};
use super::session::{self, Visit};
use super::{Context, Site};
use crate::delivery::Format;
use crate::front::{Peer, Wire};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::json;
use tungstenite::handshake::server::create_response;
use warp::Filter;
use warp::http::{HeaderMap, HeaderValue, Request, StatusCode};
use warp::reject::Rejection;
use warp::reply::Response;

/// What the names of our subprotocols begin with.
const PROTOCOL: &str = "auralis.";

/// What a client asks for in the address.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Query {
    from: Option<u64>,
    format: Option<Wish>,
}

/// What of the sound a client asks for.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Wish {
    /// Not at all: a page that is paused follows what plays.
    None,
    #[serde(untagged)]
    Sound(Format),
}

/// `/ws/stream` and `/ws/audio/{client_id}`.
pub fn routes(site: &Site) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone + use<> {
    let unnamed = warp::path!("ws" / "stream").map(|| None);
    let named = warp::path!("ws" / "audio" / String).map(Some);
    unnamed
        .or(named)
        .unify()
        .and(warp::get())
        .and(caller())
        .and(warp::query::<Query>())
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional::<OnUpgrade>())
        .and(warp::ext::optional::<Peer>())
        .and(site.context())
        .map(|id, caller, query, headers, upgrade, peer, context| {
            open(context, Asked { id, caller, query, headers, peer }, upgrade)
        })
}

/// Who asks for what.
struct Asked {
    id: Option<String>,
    caller: Caller,
    query: Query,
    headers: HeaderMap,
    peer: Option<Peer>,
}

fn open(context: Context, asked: Asked, upgrade: Option<OnUpgrade>) -> Response {
    let mut request = Request::new(());
    *request.headers_mut() = asked.headers;
    let (Some(upgrade), Ok(response)) = (upgrade, create_response(&request)) else {
        let detail = "this address speaks WebSocket (RFC 6455, version 13)";
        let mut refusal =
            answer(StatusCode::BAD_REQUEST, json!({ "error": "Bad request", "detail": detail }));
        refusal.headers_mut().insert("sec-websocket-version", HeaderValue::from_static("13"));
        return refusal;
    };
    let mut response = response.map(|()| Default::default());
    let protocol = subprotocol(request.headers());
    if let Some(value) =
        protocol.and_then(|format| HeaderValue::try_from(format!("{PROTOCOL}{}", format.name())).ok())
    {
        response.headers_mut().insert("sec-websocket-protocol", value);
    }
    let format = match asked.query.format {
        Some(Wish::None) => None,
        Some(Wish::Sound(format)) => Some(format),
        None => Some(protocol.unwrap_or(Format::Json)),
    };
    let wanted = format.map(|format| context.station.want(format)).transpose();
    let wanted = match wanted {
        Ok(wanted) => wanted,
        Err(error) => {
            let body = json!({ "error": "Bad request", "detail": error.to_string() });
            return answer(StatusCode::BAD_REQUEST, body);
        }
    };
    let Asked { id, caller, query, peer, .. } = asked;
    tokio::spawn(async move {
        // Who does not wait for the answer is gone.
        let Ok(upgraded) = upgrade.await else { return };
        let Ok(parts) = upgraded.downcast::<TokioIo<Wire>>() else { return };
        let cable = parts.io.into_inner().into();
        let visit = Visit { id, caller, format, wanted, from: query.from };
        session::enter(context, cable, parts.read_buf.to_vec(), visit).await;
        drop(peer);
    });
    response
}

/// The first of the subprotocols that a client offers which is ours.
fn subprotocol(headers: &HeaderMap) -> Option<Format> {
    let offered = headers.get_all("sec-websocket-protocol").iter().filter_map(|value| value.to_str().ok());
    let mut names = offered.flat_map(|value| value.split(',')).map(str::trim);
    names.find_map(|name| Format::named(name.strip_prefix(PROTOCOL)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_subprotocol_that_is_known_counts() {
        let offered = |values: &[&'static str]| {
            let headers =
                values.iter().map(|value| ("sec-websocket-protocol", HeaderValue::from_static(value)));
            let headers = headers.map(|(name, value)| (warp::http::HeaderName::from_static(name), value));
            subprotocol(&headers.collect())
        };
        assert_eq!(offered(&[]), None);
        assert_eq!(offered(&["chat, auralis.mp7", "auralis.pcm16, auralis.json"]), Some(Format::Pcm16));
        assert_eq!(offered(&["json", "auralis."]), None);
    }
}
