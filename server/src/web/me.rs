//! What the one who asks may do (contract, section 4): the page shows what follows from it.

use super::api::answer;
use super::guard::{Caller, Right, caller};
use serde_json::json;
use warp::Filter;
use warp::http::StatusCode;
use warp::reject::Rejection;
use warp::reply::Response;

/// `/api/v1/me`.
pub fn routes() -> impl Filter<Extract = (Response,), Error = Rejection> + Clone {
    let reads = warp::get().or(warp::head()).unify();
    warp::path!("api" / "v1" / "me").and(reads).and(caller()).map(me)
}

fn me(caller: Caller) -> Response {
    let may: Vec<&str> = Right::ALL.into_iter().filter(|right| caller.may(*right)).map(Right::name).collect();
    let grant = caller.grant();
    let role = if caller.here { Some("admin") } else { grant.map(|grant| grant.role.name()) };
    answer(
        StatusCode::OK,
        json!({
            "role": role,
            "may": may,
            "subject": grant.and_then(|grant| grant.subject.as_ref()),
            "station": grant.and_then(|grant| grant.station.as_ref()),
            "expires": grant.map(|grant| grant.until),
            "refused": caller.refused.map(|error| error.to_string()),
        }),
    )
}
