//! Which station a request is for: every route exists at the root, for the default station, and under `/s/{name}`.

use crate::station::Shared;
use crate::stations::Stations;
use std::sync::Arc;
use tokio::sync::watch;
use warp::Filter;
use warp::http::{Extensions, HeaderValue, StatusCode, Uri};
use warp::reject::{Reject, Rejection};
use warp::reply::{Reply, Response};

/// What the routes stand on.
#[derive(Clone)]
pub struct Site {
    /// All stations.
    pub stations: Arc<Stations>,
}

/// What every handler gets.
#[derive(Clone)]
pub struct Context {
    /// The station that was asked for.
    pub station: Arc<Shared>,
    /// All stations.
    pub stations: Arc<Stations>,
    /// True once the station is to end.
    pub stopping: watch::Receiver<bool>,
}

/// The name of a station in an address.
#[derive(Debug, Clone)]
pub struct Named(pub String);

/// No station has this name.
#[derive(Debug)]
pub struct NoStation;

impl Reject for NoStation {}

impl Site {
    /// The station that a request is for, and what else its handler gets.
    pub fn context(&self) -> impl Filter<Extract = (Context,), Error = Rejection> + Clone + use<> {
        let Self { stations } = self.clone();
        warp::ext::optional::<Named>().and_then(move |named: Option<Named>| {
            let station = match named {
                None => Some(Arc::clone(stations.default())),
                Some(Named(name)) => stations.get(&name),
            };
            let stations = Arc::clone(&stations);
            let context = station.map(|station| Context { stopping: station.ending(), station, stations });
            std::future::ready(context.ok_or_else(|| warp::reject::custom(NoStation)))
        })
    }
}

/// The station that a path names, and the path within it: `/s/{name}/rest` is `/rest` of that station. The gate judges
/// by this, and the routes are reached by it.
pub fn named(path: &str) -> Option<(&str, &str)> {
    let path = path.strip_prefix("/s/")?;
    let named = path.split_at(path.find('/').unwrap_or(path.len()));
    Some(named).filter(|(name, _)| !name.is_empty())
}

/// Takes the station out of an address.
pub fn forward(address: &mut Uri, extensions: &mut Extensions) {
    let Some((name, rest)) = named(address.path()).filter(|(_, rest)| !rest.is_empty()) else { return };
    let query = address.query().map(|query| format!("?{query}")).unwrap_or_default();
    let Ok(inner) = format!("{rest}{query}").parse() else { return };
    extensions.insert(Named(name.to_string()));
    *address = inner;
}

/// `/s/{name}` without a slash: the page's own addresses begin behind one.
pub fn slash() -> impl Filter<Extract = (Response,), Error = Rejection> + Clone {
    let reads = warp::get().or(warp::head()).unify();
    let query = warp::query::raw().or(warp::any().map(String::new)).unify();
    warp::path!("s" / String).and(reads).and(query).map(|name: String, query: String| {
        let mut response = StatusCode::PERMANENT_REDIRECT.into_response();
        let query = if query.is_empty() { query } else { format!("?{query}") };
        if let Ok(to) = HeaderValue::try_from(format!("/s/{name}/{query}")) {
            response.headers_mut().insert("location", to);
        }
        response
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_station_is_taken_out_of_its_address() {
        let forwarded = |address: &str| {
            let (mut uri, mut extensions) = (address.parse().unwrap(), Extensions::new());
            forward(&mut uri, &mut extensions);
            (uri.to_string(), extensions.remove::<Named>().map(|Named(name)| name))
        };
        assert_eq!(forwarded("/s/rain/ws/stream?from=3"), ("/ws/stream?from=3".into(), Some("rain".into())));
        assert_eq!(forwarded("/s/rain/"), ("/".into(), Some("rain".into())));
        assert_eq!(forwarded("/s/rain"), ("/s/rain".into(), None));
        assert_eq!(forwarded("/api/status"), ("/api/status".into(), None));
        assert_eq!(forwarded("/s/a/s/b/x").0, "/s/b/x", "a station has no stations");
        assert_eq!(forwarded("/s//x"), ("/s//x".into(), None), "that is the name of none");
        assert_eq!(forwarded("/s/a//x").0, "//x", "slashes are as they were written");
    }
}
