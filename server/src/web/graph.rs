//! The graph that plays, as text: to read, to check and to edit it (contract, section 4). For the operator only.

use super::Context;
use super::api::answer;
use super::guard::{Caller, caller};
use crate::station::{Shared, StationError};
use auralis_graph::diagnostic::Diagnostics;
use serde_json::json;
use std::sync::Arc;
use warp::Filter;
use warp::http::StatusCode;
use warp::hyper::body::Bytes;
use warp::reject::Rejection;
use warp::reply::Response;

/// Largest text of a preset from the network.
const MOST_TEXT: u64 = 1 << 20;

/// `/api/v1/graph` and `/api/v1/check`.
pub fn routes(context: Context) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone {
    let who = caller(context.station.settings.cors_origins.clone());
    let with = warp::any().map(move || Arc::clone(&context.station));
    let body = warp::body::content_length_limit(MOST_TEXT).and(warp::body::bytes());
    let show = warp::path!("api" / "v1" / "graph").and(warp::get()).and(who.clone()).and(with.clone());
    let edit = warp::path!("api" / "v1" / "graph").and(warp::put()).and(who.clone()).and(body);
    let check = warp::path!("api" / "v1" / "check").and(warp::post()).and(who).and(body);
    let edit = edit.and(with.clone()).then(|caller, body, station| work(caller, body, station, edited));
    let check = check.and(with).then(|caller, body, station| work(caller, body, station, checked));
    show.map(shown).or(edit).unify().or(check).unify()
}

fn shown(caller: Caller, station: Arc<Shared>) -> Response {
    if !caller.operator {
        return forbidden();
    }
    let current = station.current();
    let body = json!({
        "preset": current.id,
        "edition": current.edition,
        "text": current.preset.source.text(),
        "canonical": current.preset.expand(),
    });
    answer(StatusCode::OK, body)
}

/// Has a text worked on by a thread that may block: nodes load files.
async fn work(
    caller: Caller,
    body: Bytes,
    station: Arc<Shared>,
    work: fn(&Arc<Shared>, String) -> Response,
) -> Response {
    if !caller.operator {
        return forbidden();
    }
    let Ok(text) = String::from_utf8(body.to_vec()) else {
        let detail = "this is not text; presets are written in UTF-8";
        return answer(StatusCode::BAD_REQUEST, json!({ "error": "Malformed request", "detail": detail }));
    };
    // The blocking task only fails if it panics, which has been reported by the panic itself.
    tokio::task::spawn_blocking(move || work(&station, text)).await.unwrap_or_else(|_| {
        let detail = "the station could not answer";
        answer(StatusCode::INTERNAL_SERVER_ERROR, json!({ "error": "Internal error", "detail": detail }))
    })
}

fn edited(station: &Arc<Shared>, text: String) -> Response {
    match station.edit_text(text) {
        Ok(edited) => {
            let body = json!({ "status": "edited", "prepared": edited.prepared, "anew": edited.anew });
            answer(StatusCode::OK, body)
        }
        Err(StationError::Preset(mistakes)) => refused(&mistakes),
        Err(error) => {
            let body = json!({ "error": "Preset refused", "detail": error.to_string() });
            let busy = matches!(error, StationError::Busy);
            answer(
                if busy { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::UNPROCESSABLE_ENTITY },
                body,
            )
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
    });
    answer(StatusCode::UNPROCESSABLE_ENTITY, body)
}

fn forbidden() -> Response {
    let detail = "graphs are read and edited from the machine that the station runs on";
    answer(StatusCode::FORBIDDEN, json!({ "error": "Forbidden", "detail": detail }))
}
