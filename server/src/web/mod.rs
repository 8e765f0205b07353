//! The stations' face: pages, JSON over HTTP, the WebSockets and streams that carry the sound.

mod api;
mod client;
mod doors;
mod graph;
mod guard;
mod levels;
mod me;
mod messages;
mod metrics;
mod radio;
mod reference;
mod report;
mod session;
mod site;
mod socket;
mod stations;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

pub use auralis_nodes::encoder::timestamp;
pub use doors::Doors;

use site::{Context, Named, Site};
use std::convert::Infallible;
use warp::Filter;
use warp::reply::Response;

/// Seconds after which it is worth to try again where there is no room.
const RETRY_AFTER: u64 = 30;

/// Everything that can be asked for. Groups of routes are boxed: as one type they are too deep for the compiler.
fn routes(
    site: &Site,
) -> impl Filter<Extract = (Response,), Error = Infallible, Future: Send> + Clone + Send + Sync + 'static + use<>
{
    let production = site.stations.settings.is_production();
    let groups = [
        socket::routes(site).boxed(),
        api::routes(site).boxed(),
        stations::routes(site).boxed(),
        graph::routes(site).boxed(),
        levels::routes(site).boxed(),
        radio::routes(site).boxed(),
        me::routes().boxed(),
        metrics::routes(site).boxed(),
        reference::routes().boxed(),
        client::routes(production).boxed(),
    ];
    let routes = groups.into_iter().fold(site::slash().boxed(), |all, group| group.or(all).unify().boxed());
    routes.recover(api::recover).unify()
}
