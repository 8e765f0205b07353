//! How loud every node is, as it sounds: pushed to the operator's page as server-sent events (contract, section 4). The
//! connection is the watching: when it ends, however it does, so does the measuring.

use super::api::answer;
use super::graph::forbidden;
use super::guard::{Caller, Right, caller};
use super::{Context, Site};
use crate::station::{LevelFrame, Watching};
use base64::Engine;
use futures_util::stream;
use serde_json::json;
use std::convert::Infallible;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use warp::Filter;
use warp::http::{HeaderValue, StatusCode};
use warp::reject::Rejection;
use warp::reply::{Reply, Response};
use warp::sse::Event;

/// Events that wait for a connection which takes none.
const WAITING: usize = 4;
/// Who takes nothing for so long is gone.
const SILENCE: Duration = Duration::from_secs(60);

/// `/api/v1/levels`.
pub fn routes(site: &Site) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone + use<> {
    warp::path!("api" / "v1" / "levels").and(warp::get()).and(caller()).and(site.context()).map(levels)
}

fn levels(caller: Caller, cx: Context) -> Response {
    if !caller.may(Right::Edit) {
        return forbidden();
    }
    let Some(watching) = cx.station.watch_levels() else {
        let detail = "too many pages show levels; close one";
        return answer(StatusCode::SERVICE_UNAVAILABLE, json!({ "error": "Busy", "detail": detail }));
    };
    let (tell, told) = mpsc::channel(WAITING);
    tokio::spawn(push(watching, caller, tell, cx.stopping));
    let events = stream::unfold(told, |mut told: mpsc::Receiver<Event>| async move {
        let event = told.recv().await?;
        Some((Ok::<_, Infallible>(event), told))
    });
    // A comment now and then, so that a connection that broke is noticed where nothing sounds.
    let mut response = warp::sse::reply(warp::sse::keep_alive().stream(events)).into_response();
    response.headers_mut().insert("cache-control", HeaderValue::from_static("no-store"));
    response
}

/// Hands levels on until nobody takes them, nobody may, or the program is to end.
async fn push(
    mut watching: Watching,
    caller: Caller,
    tell: mpsc::Sender<Event>,
    mut stopping: watch::Receiver<bool>,
) {
    loop {
        let frame = tokio::select! {
            () = tell.closed() => return,
            _ = stopping.wait_for(|stop| *stop) => return,
            frame = watching.next() => frame,
        };
        let Some(frame) = frame.filter(|_| caller.may(Right::Edit)) else { return };
        let event = Event::default().data(message(&frame, &watching));
        if !matches!(timeout(SILENCE, tell.send(event)).await, Ok(Ok(()))) {
            return;
        }
    }
}

fn message(frame: &LevelFrame, watching: &Watching) -> String {
    json!({
        "preset": frame.preset,
        "edition": frame.edition,
        "levels": base64::engine::general_purpose::STANDARD.encode(&frame.levels),
        "muted": watching.muted(),
    })
    .to_string()
}
