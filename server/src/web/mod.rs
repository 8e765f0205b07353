//! The station's face: pages, JSON over HTTP, and the WebSocket that carries the sound.

mod api;
mod client;
mod graph;
mod guard;
mod levels;
mod messages;
mod session;

use crate::settings::Settings;
use crate::station::Shared;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;
use warp::Filter;
use warp::http::HeaderMap;
use warp::reply::Response;

pub use auralis_nodes::encoder::timestamp;

/// What every handler gets.
#[derive(Clone)]
pub struct Context {
    /// The station.
    pub station: Arc<Shared>,
    /// True once the program is to end.
    pub stopping: watch::Receiver<bool>,
}

/// Opens the port.
///
/// # Errors
/// What the system says, for example that the port is taken.
pub async fn listen(settings: &Settings) -> std::io::Result<TcpListener> {
    TcpListener::bind(SocketAddr::new(settings.host, settings.port)).await
}

/// Serves until `stopping` becomes true, and then until the open requests are answered.
pub async fn serve(listener: TcpListener, station: Arc<Shared>, stopping: watch::Receiver<bool>) {
    let context = Context { station, stopping: stopping.clone() };
    let mut stop = stopping;
    let stopped = async move {
        // An error means that nobody can stop us any more: the program is ending.
        let _ = stop.wait_for(|stop| *stop).await;
    };
    warp::serve(routes(context)).incoming(listener).graceful(stopped).run().await;
}

fn routes(context: Context) -> impl Filter<Extract = (Response,), Error = std::convert::Infallible> + Clone {
    let production = context.station.settings.is_production();
    let origins = context.station.settings.cors_origins.clone();
    session::routes(context.clone())
        .or(api::routes(context.clone()))
        .unify()
        .or(graph::routes(context.clone()))
        .unify()
        .or(levels::routes(context.clone()))
        .unify()
        .or(client::routes(production))
        .unify()
        .recover(api::recover)
        .unify()
        .and(warp::header::headers_cloned())
        .map(move |response, headers: HeaderMap| guard::with_cors(response, &headers, &origins))
}
