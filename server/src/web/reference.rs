//! What the server answers to, described for programs: OpenAPI, from the page in docs.

use super::api::answer;
use auralis_graph::yaml::parse;
use serde_json::Value as Json;
use std::sync::LazyLock;
use warp::Filter;
use warp::http::StatusCode;
use warp::reject::Rejection;
use warp::reply::Response;

/// The description, with the version of the program. Text that cannot be read would be told by the tests.
static OPENAPI: LazyLock<Json> = LazyLock::new(|| {
    let read = parse(include_str!("../../../docs/openapi.yaml"));
    let mut description = read.map(|(root, _)| root.to_json()).unwrap_or_default();
    description["info"]["version"] = env!("CARGO_PKG_VERSION").into();
    description
});

/// `/api/openapi.json`.
pub fn routes() -> impl Filter<Extract = (Response,), Error = Rejection> + Clone {
    let reads = warp::get().or(warp::head()).unify();
    warp::path!("api" / "openapi.json").and(reads).map(|| answer(StatusCode::OK, OPENAPI.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_description_is_read_without_a_mistake() {
        let (_, mistakes) = parse(include_str!("../../../docs/openapi.yaml")).unwrap();
        assert!(mistakes.is_empty(), "{mistakes:?}");
        assert_eq!(OPENAPI["openapi"], "3.1.0");
    }
}
