//! The stations of this server: which there are, and one for a listener alone (contract, section 7).

use super::api::{answer, object, overloaded};
use super::graph::blocking;
use super::guard::{Caller, caller};
use super::{Context, Site};
use crate::settings::BPM;
use crate::station::{ControlError, Shared};
use crate::stations::{PrivateError, Wish};
use serde_json::{Map, Value as Json, json};
use std::sync::Arc;
use warp::Filter;
use warp::http::StatusCode;
use warp::hyper::body::Bytes;
use warp::reject::Rejection;
use warp::reply::Response;

/// Largest wish.
const MOST_BODY: u64 = 4 << 10;

/// `/api/v1/stations`.
pub fn routes(site: &Site) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone + use<> {
    let path = warp::path!("api" / "v1" / "stations");
    let list = path.and(warp::get()).and(caller()).and(site.context()).then(list);
    let body = warp::body::content_length_limit(MOST_BODY).and(warp::body::bytes());
    let make = path.and(warp::post()).and(caller()).and(body).and(site.context()).then(make);
    list.or(make).unify()
}

/// Who is there. The library is read for it.
async fn list(_: Caller, cx: Context) -> Response {
    blocking(move || listed(&cx)).await
}

fn listed(cx: &Context) -> Response {
    let row = |(name, station): (String, Arc<Shared>)| {
        let current = station.current();
        json!({
            "name": name,
            "path": format!("/s/{name}/"),
            "default": Arc::ptr_eq(&station, cx.stations.default()),
            "preset": current.id,
            "preset_name": current.preset.title(),
            "active_clients": station.listeners.count(),
            "asleep": station.is_asleep(),
        })
    };
    let private = json!({
        "count": cx.stations.private_count(),
        "most": cx.stations.settings.private_stations,
        "presets": if cx.stations.settings.private_stations > 0 { cx.stations.listed() } else { Vec::new() },
    });
    let stations: Vec<Json> = cx.stations.public().into_iter().map(row).collect();
    answer(StatusCode::OK, json!({ "stations": stations, "private": private, "load": cx.stations.load() }))
}

async fn make(_: Caller, body: Bytes, cx: Context) -> Response {
    let wish = match object(&body, "preset, seed, key, bpm, intensity").map(read) {
        Ok(Ok(wish)) => wish,
        Ok(Err(error)) => {
            let body =
                json!({ "error": "Invalid station", "detail": error.to_string(), "field": error.at() });
            return answer(StatusCode::UNPROCESSABLE_ENTITY, body);
        }
        Err(refused) => return *refused,
    };
    let stations = cx.stations;
    let made = tokio::task::spawn_blocking(move || stations.make_private(&wish)).await;
    match made {
        Ok(Ok(id)) => {
            let body =
                json!({ "station": id, "path": format!("/s/{id}/"), "ws": format!("/s/{id}/ws/stream") });
            answer(StatusCode::CREATED, body)
        }
        Ok(Err(error)) => refuse(&error),
        // It panicked, which has been reported by the panic itself.
        Err(_) => {
            let body = json!({ "error": "Internal error", "detail": "the station could not be made" });
            answer(StatusCode::INTERNAL_SERVER_ERROR, body)
        }
    }
}

/// What a listener wishes for.
fn read(fields: Map<String, Json>) -> Result<Wish, ControlError> {
    let mut wish = Wish::default();
    for (name, value) in fields {
        match name.as_str() {
            "preset" => {
                let text = value.as_str().ok_or_else(|| ControlError::field(&name, "must be a text"))?;
                wish.preset = Some(text.to_string());
            }
            "seed" => {
                let wants = || ControlError::field(&name, "must be a whole number from 0");
                wish.seed = Some(value.as_u64().ok_or_else(wants)?);
            }
            "key" => wish.key = Some(ControlError::key(&value)?),
            "bpm" => wish.bpm = Some(ControlError::number(&name, &value, BPM)?),
            "intensity" => wish.intensity = Some(ControlError::number(&name, &value, 0.0..=1.0)? as f32),
            _ => {
                let fields = "is no field; there are preset, seed, key, bpm, intensity";
                return Err(ControlError::field(&name.chars().take(64).collect::<String>(), fields));
            }
        }
    }
    Ok(wish)
}

fn refuse(error: &PrivateError) -> Response {
    let detail = error.to_string();
    let refused = |title: &str| json!({ "error": title, "detail": detail });
    match error {
        PrivateError::Off => answer(StatusCode::FORBIDDEN, refused("Forbidden")),
        PrivateError::Preset(_) => {
            let mut body = refused("Invalid station");
            body["field"] = "preset".into();
            answer(StatusCode::UNPROCESSABLE_ENTITY, body)
        }
        PrivateError::Full(_) | PrivateError::Overload => overloaded(&detail),
        PrivateError::Station(_) => answer(StatusCode::INTERNAL_SERVER_ERROR, refused("Internal error")),
    }
}
