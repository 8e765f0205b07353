//! What is measured: as JSON, as text for Prometheus, and pushed to the page of charts (contract, section 4).

mod push;
mod scrape;
mod seen;

use super::api::answer;
use super::graph::{blocking, forbidden};
use super::guard::{Caller, Right, caller};
use super::site::{Context, Site};
use push::Pushes;
use seen::Seen;
use serde_json::json;
use warp::Filter;
use warp::http::{HeaderValue, StatusCode};
use warp::reject::Rejection;
use warp::reply::{Reply, Response};

/// What Prometheus reads.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";

/// `/api/metrics`, `/metrics`, `/api/v1/figures` and `/api/v1/reclaim`.
pub fn routes(site: &Site) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone + use<> {
    let with = site.context();
    let reads = warp::get().or(warp::head()).unify();
    let pushes = Pushes::default();
    let json = warp::path!("api" / "metrics").and(reads).and(with.clone());
    let text = warp::path!("metrics").and(reads).and(with.clone());
    let figures = warp::path!("api" / "v1" / "figures").and(warp::get()).and(caller()).and(with.clone());
    let reclaim = warp::path!("api" / "v1" / "reclaim").and(warp::post()).and(caller()).and(with);
    json.then(metrics)
        .or(text.then(exposed))
        .unify()
        .or(figures.map(move |caller, cx| pushes.open(caller, cx)))
        .unify()
        .or(reclaim.then(reclaimed))
        .unify()
}

async fn metrics(cx: Context) -> Response {
    blocking(move || answer(StatusCode::OK, Seen::now(&cx).json(&cx))).await
}

async fn exposed(cx: Context) -> Response {
    blocking(move || match scrape::text(&cx.stations, &Seen::now(&cx)) {
        Ok(text) => {
            let mut response = text.into_response();
            let headers = response.headers_mut();
            headers.insert("content-type", HeaderValue::from_static(EXPOSITION));
            headers.insert("cache-control", HeaderValue::from_static("no-store"));
            response
        }
        Err(error) => {
            tracing::error!("the figures cannot be told: {error}");
            let body = json!({ "error": "Internal error", "detail": "the figures cannot be told" });
            answer(StatusCode::INTERNAL_SERVER_ERROR, body)
        }
    })
    .await
}

/// Gives back what can be.
async fn reclaimed(caller: Caller, cx: Context) -> Response {
    if !caller.may(Right::Edit) {
        return forbidden();
    }
    blocking(move || {
        let before = cx.stations.memory().snapshot();
        let reclaimed = cx.stations.reclaim();
        let freed = before.resident.saturating_sub(cx.stations.memory().snapshot().resident);
        let body = json!({
            "status": "reclaimed",
            "reclaimed": reclaimed,
            "freed_mb": seen::mb(freed as f64),
            "gc_collections": seen::collections(&cx.station),
        });
        answer(StatusCode::OK, body)
    })
    .await
}
