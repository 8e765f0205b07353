//! JSON over HTTP (contract, section 4).

use super::guard::{Caller, Right, ask_for, caller};
use super::site::NoStation;
use super::{Context, RETRY_AFTER, Site};
use crate::station::{ControlError, Fault, Request, now_micros};
use auralis_graph::param::Unit;
use serde_json::{Value as Json, json};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use warp::Filter;
use warp::http::StatusCode;
use warp::reject::Rejection;
use warp::reply::{Reply, Response};

/// Largest body of a request.
const MOST_BODY: u64 = 64 << 10;

/// A JSON answer.
pub fn answer(status: StatusCode, body: Json) -> Response {
    let mut response = warp::reply::with_status(warp::reply::json(&body), status).into_response();
    response.headers_mut().insert("cache-control", warp::http::HeaderValue::from_static("no-store"));
    response
}

/// The answer to one for whom there is no room now.
pub fn overloaded(detail: &str) -> Response {
    let code = Fault::ServerOverload.code();
    let body = json!({ "error": "Overloaded", "code": code, "detail": detail, "retry_after": RETRY_AFTER });
    let mut response = answer(StatusCode::SERVICE_UNAVAILABLE, body);
    response.headers_mut().insert("retry-after", RETRY_AFTER.into());
    response
}

/// All of `/api`.
pub fn routes(site: &Site) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone + use<> {
    let with = site.context();
    let reads = warp::get().or(warp::head()).unify();
    let status = warp::path!("api" / "status").and(reads).and(with.clone()).map(status);
    let health = warp::path!("api" / "v1" / "health").and(reads).and(with.clone()).map(health);
    let playing = warp::path!("api" / "v1" / "status").and(reads).and(with.clone()).map(playing);
    let controls = warp::path!("api" / "v1" / "controls").and(reads).and(with.clone()).map(controls);
    let presets =
        warp::path!("api" / "v1" / "presets").and(reads).and(caller()).and(with.clone()).then(presets);
    let control = warp::path!("api" / "v1" / "control")
        .and(warp::post())
        .and(caller())
        .and(warp::body::content_length_limit(MOST_BODY))
        .and(warp::body::bytes())
        .and(with)
        .then(control);
    status.or(health).unify().or(playing).unify().or(controls).unify().or(presets).unify().or(control).unify()
}

fn status(cx: Context) -> Response {
    let station = &cx.station;
    let [gen0, gen1, gen2] = station.stats.reclaimed.each_ref().map(|count| count.load(Ordering::Relaxed));
    let uses_soundfont = station.current().preset.nodes.iter().any(|node| node.kind.name == "soundfont");
    answer(
        StatusCode::OK,
        json!({
            "uptime_sec": station.uptime(),
            "active_connections": station.listeners.count(),
            "level_watchers": station.levels.watchers(),
            "buffer_depth": station.pcm.depth(),
            "device": "CPU",
            "soundfont_loaded": uses_soundfont,
            "synthesis_active": station.is_rendering(),
            "state_kept": station.is_kept(),
            "recording": cx.stations.recording(station),
            "muted": station.muted(),
            "relief": station.stats.relief.load(Ordering::Relaxed),
            "faults": station.stats.faults.load(Ordering::Relaxed),
            "gc_collections": { "gen0": gen0, "gen1": gen1, "gen2": gen2 },
            "timestamp": super::timestamp(now_micros()),
        }),
    )
}

fn health(cx: Context) -> Response {
    if cx.station.is_rendering() {
        return answer(StatusCode::OK, json!({ "status": "healthy", "service": "auralis" }));
    }
    let cause = json!({
        "status": "unhealthy",
        "service": "auralis",
        "error": "Unhealthy",
        "detail": "the render thread has stopped",
    });
    answer(StatusCode::SERVICE_UNAVAILABLE, cause)
}

fn playing(cx: Context) -> Response {
    let station = &cx.station;
    let sounding = station.sounding();
    let current = station.current();
    answer(
        StatusCode::OK,
        json!({
            "current_key": sounding.key.to_string(),
            "current_bpm": sounding.tempo,
            "current_intensity": sounding.intensity,
            "current_preset": current.id,
            "buffer_depth_ms": station.buffer_ms(),
            "active_clients": station.listeners.count(),
            "synthesis_latency_ms": station.stats.average_ms(),
            "phrases_generated": station.phrases(),
        }),
    )
}

fn controls(cx: Context) -> Response {
    let current = cx.station.current();
    let values = cx.station.params();
    let rows = current.preset.controls.iter().map(|control| {
        let (min, max) = (control.range.min, control.range.max);
        let unit = control.unit_label.clone().unwrap_or_else(|| control.unit.suffix().trim().to_string());
        let choices = if let Unit::Choice(words) = control.unit { Some(words) } else { None };
        json!({
            "name": control.name,
            "label": control.label,
            "unit": unit,
            "range": [min, max],
            "curve": control.range.curve.to_string(),
            "default": control.default,
            "value": values.get(&control.name),
            "switch": control.unit == Unit::Switch,
            "choices": choices,
        })
    });
    answer(StatusCode::OK, json!({ "controls": rows.collect::<Vec<_>>(), "preset": current.id }))
}

async fn presets(caller: Caller, cx: Context) -> Response {
    let station = Arc::clone(&cx.station);
    let read = move || auralis_library::list(station.catalogue());
    // The blocking task only fails if it panics, which has been reported by the panic itself.
    let list = tokio::task::spawn_blocking(read).await.unwrap_or_default();
    let current = cx.station.current().id;
    answer(
        StatusCode::OK,
        json!({ "presets": list, "current": current, "may_choose": caller.may(Right::Edit) }),
    )
}

async fn control(caller: Caller, body: warp::hyper::body::Bytes, cx: Context) -> Response {
    let fields = match object(&body, "key, bpm, intensity, params, preset") {
        Ok(fields) => fields,
        Err(refused) => return *refused,
    };
    // Its fields are any JSON: nothing can be wrong with them yet.
    let request: Request = serde_json::from_value(Json::Object(fields)).unwrap_or_default();
    match apply(&cx.station, request, caller.may(Right::Edit)).await {
        Ok(()) => {
            let update: Json = serde_json::from_str(&cx.station.generation_update()).unwrap_or_default();
            answer(
                StatusCode::OK,
                json!({ "status": "updated", "params": update["params"], "generation": update }),
            )
        }
        Err(error) => refuse(&error),
    }
}

/// The JSON object that a body is, or what to answer if it is none.
pub fn object(body: &[u8], fields: &str) -> Result<serde_json::Map<String, Json>, Box<Response>> {
    serde_json::from_slice(body).map_err(|error| {
        let detail = format!("the body is no JSON object of {fields}: {error}");
        Box::new(answer(StatusCode::BAD_REQUEST, json!({ "error": "Malformed request", "detail": detail })))
    })
}

/// Checks and does what a request asks; loading a preset happens on a thread that may block.
pub async fn apply(
    station: &Arc<crate::station::Shared>,
    request: Request,
    operator: bool,
) -> Result<(), ControlError> {
    let station = Arc::clone(station);
    let work = move || {
        let change = station.check(&request, operator)?;
        station.apply(&change)
    };
    // The blocking task only fails if it panics, which has been reported by the panic itself.
    tokio::task::spawn_blocking(work).await.unwrap_or(Err(ControlError::Busy))
}

fn refuse(error: &ControlError) -> Response {
    let (status, title) = match error {
        ControlError::Field { .. } | ControlError::Nothing => {
            (StatusCode::UNPROCESSABLE_ENTITY, "Invalid control")
        }
        ControlError::Preset(_) => (StatusCode::UNPROCESSABLE_ENTITY, "Preset refused"),
        ControlError::Forbidden => (StatusCode::FORBIDDEN, "Forbidden"),
        ControlError::Busy => (StatusCode::SERVICE_UNAVAILABLE, "Busy"),
    };
    let mut response =
        answer(status, json!({ "error": title, "detail": error.to_string(), "field": error.at() }));
    if status == StatusCode::FORBIDDEN {
        ask_for(&mut response, Right::Edit);
    }
    response
}

/// Every rejection becomes JSON.
pub async fn recover(rejection: Rejection) -> Result<Response, Infallible> {
    use warp::reject;
    let (status, title, detail) = if rejection.is_not_found() {
        (StatusCode::NOT_FOUND, "Not found", "there is nothing under this address")
    } else if rejection.find::<NoStation>().is_some() {
        (StatusCode::NOT_FOUND, "Not found", "there is no station of this name, or it has ended")
    } else if rejection.find::<reject::PayloadTooLarge>().is_some() {
        (StatusCode::PAYLOAD_TOO_LARGE, "Too large", "a request has at most 64 kB, a preset 1 MB")
    } else if rejection.find::<reject::LengthRequired>().is_some() {
        (StatusCode::LENGTH_REQUIRED, "Length required", "the request needs a Content-Length")
    } else if rejection.find::<reject::MissingHeader>().is_some()
        || rejection.find::<reject::InvalidHeader>().is_some()
    {
        (StatusCode::BAD_REQUEST, "Bad request", "a header is missing or not valid")
    } else if rejection.find::<reject::InvalidQuery>().is_some() {
        (
            StatusCode::BAD_REQUEST,
            "Bad request",
            "the query is not valid: `from` is a chunk's number, `format` is json, pcm16, opus, flac or none",
        )
    } else if rejection.find::<reject::MethodNotAllowed>().is_some() {
        (StatusCode::METHOD_NOT_ALLOWED, "Method not allowed", "this address does not take this method")
    } else {
        tracing::error!("a request failed: {rejection:?}");
        (StatusCode::INTERNAL_SERVER_ERROR, "Internal error", "the station could not answer")
    };
    Ok(answer(status, json!({ "error": title, "detail": detail })))
}
