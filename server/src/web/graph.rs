//! The graph that plays, as text: to read, to check and to edit it (contract, section 4). For the operator only.

use super::api::answer;
use super::guard::{Caller, Right, ask_for, caller};
use super::{Context, Site};
use crate::drawing;
use crate::station::{Edited, Shared, StationError};
use auralis_graph::Source;
use auralis_graph::diagnostic::Diagnostics;
use auralis_graph::preset::{Outlined, outline};
use serde_json::{Value as Json, json};
use std::sync::Arc;
use warp::Filter;
use warp::http::StatusCode;
use warp::hyper::body::Bytes;
use warp::reject::Rejection;
use warp::reply::Response;

/// Largest text of a preset from the network.
const MOST_TEXT: u64 = 1 << 20;

/// `/api/v1/graph` and what belongs to it: `/api/v1/check`, `/api/v1/undo`, `/api/v1/redo`.
pub fn routes(site: &Site) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone + use<> {
    let who = caller();
    let with = site.context().map(|context: Context| context.station);
    let body = warp::body::content_length_limit(MOST_TEXT).and(warp::body::bytes());
    let show = warp::path!("api" / "v1" / "graph").and(warp::get()).and(who).and(with.clone());
    let edit = warp::path!("api" / "v1" / "graph").and(warp::put()).and(who).and(body);
    let check = warp::path!("api" / "v1" / "check").and(warp::post()).and(who).and(body);
    let back = warp::path!("api" / "v1" / "undo").map(|| true);
    let forth = warp::path!("api" / "v1" / "redo").map(|| false);
    let step = back.or(forth).unify().and(warp::post()).and(who).and(with.clone()).then(stepped);
    let edit = edit.and(with.clone()).then(|caller, body, station| work(caller, body, station, edited));
    let check = check.and(with).then(|caller, body, station| work(caller, body, station, checked));
    show.then(shown).or(edit).unify().or(check).unify().or(step).unify()
}

/// A large graph takes a while to draw.
async fn shown(caller: Caller, station: Arc<Shared>) -> Response {
    if !caller.may(Right::Edit) {
        return forbidden();
    }
    blocking(move || graph(&station)).await
}

fn graph(station: &Shared) -> Response {
    let current = station.current();
    let (undo, redo) = station.reach();
    let body = json!({
        "preset": current.id,
        "edition": current.edition,
        "text": current.preset.source.text(),
        "canonical": current.preset.expand(),
        "drawing": drawing::for_page(&current.preset, &current.controller),
        "nodes": places(&current.preset.source),
        "muted": station.muted(),
        "undo": undo,
        "redo": redo,
    });
    answer(StatusCode::OK, body)
}

/// Goes back to the text that played before, or forth again.
async fn stepped(back: bool, caller: Caller, station: Arc<Shared>) -> Response {
    if !caller.may(Right::Edit) {
        return forbidden();
    }
    blocking(move || outcome(if back { station.undo() } else { station.redo() })).await
}

/// Has a text worked on.
async fn work(
    caller: Caller,
    body: Bytes,
    station: Arc<Shared>,
    work: fn(&Arc<Shared>, String) -> Response,
) -> Response {
    if !caller.may(Right::Edit) {
        return forbidden();
    }
    let Ok(text) = String::from_utf8(body.to_vec()) else {
        let detail = "this is not text; presets are written in UTF-8";
        return answer(StatusCode::BAD_REQUEST, json!({ "error": "Malformed request", "detail": detail }));
    };
    blocking(move || work(&station, text)).await
}

/// Has work done by a thread that may block: nodes load files.
pub async fn blocking(work: impl FnOnce() -> Response + Send + 'static) -> Response {
    // The blocking task only fails if it panics, which has been reported by the panic itself.
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|_| {
        let detail = "the station could not answer";
        answer(StatusCode::INTERNAL_SERVER_ERROR, json!({ "error": "Internal error", "detail": detail }))
    })
}

fn edited(station: &Arc<Shared>, text: String) -> Response {
    outcome(station.edit_text(text))
}

fn outcome(edited: Result<Edited, StationError>) -> Response {
    match edited {
        Ok(edited) => {
            let body = json!({ "status": "edited", "prepared": edited.prepared, "anew": edited.anew });
            answer(StatusCode::OK, body)
        }
        Err(StationError::Preset(mistakes)) => refused(&mistakes),
        Err(error) => {
            let body = json!({ "error": "Preset refused", "detail": error.to_string() });
            let status = match error {
                StationError::Busy => StatusCode::SERVICE_UNAVAILABLE,
                StationError::NoText | StationError::Replaced => StatusCode::CONFLICT,
                _ => StatusCode::UNPROCESSABLE_ENTITY,
            };
            answer(status, body)
        }
    }
}

fn checked(station: &Arc<Shared>, text: String) -> Response {
    match station.check_text(text) {
        Ok(preset) => {
            let body = json!({
                "status": "right",
                "diagnostics": preset.warnings.to_json(),
                "canonical": preset.expand(),
                "nodes": places(&preset.source),
            });
            answer(StatusCode::OK, body)
        }
        Err(mistakes) => refused(&mistakes),
    }
}

fn refused(mistakes: &Diagnostics) -> Response {
    let body = json!({
        "error": "Preset refused",
        "detail": "the preset has mistakes",
        "diagnostics": mistakes.to_json(),
        "text": mistakes.render(false),
        "nodes": places(mistakes.source()),
    });
    answer(StatusCode::UNPROCESSABLE_ENTITY, body)
}

/// Where the nodes of a text stand, right or not.
fn places(source: &Source) -> Vec<Json> {
    let place = |node: Outlined| {
        let at = source.position(node.at.start);
        let end = node.whole.start + source.slice(node.whole).trim_end().len() as u32;
        let end = source.position(end).line;
        json!({ "name": node.name, "line": at.line, "column": at.column, "end_line": end })
    };
    outline(source).into_iter().map(place).collect()
}

/// That the operator alone may.
pub fn forbidden() -> Response {
    let detail =
        "graphs are read and edited from the machine that the station runs on, or with an admin's token";
    let mut response = answer(StatusCode::FORBIDDEN, json!({ "error": "Forbidden", "detail": detail }));
    ask_for(&mut response, Right::Edit);
    response
}
