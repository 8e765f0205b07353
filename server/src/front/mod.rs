//! The front door: accepts connections, holds them to limits, and hands what they ask to the routes. A connection that
//! dawdles, or one too many from an address, costs nobody else anything.

mod crowd;
mod held;
mod prompt;
mod proxies;
mod redirect;
mod tls;
mod wire;

pub use crowd::Limits;
pub use proxies::{Asker, Proxies};
pub use redirect::Redirect;
pub use tls::{Tls, TlsError};
pub use wire::Wire;

use crowd::{Crowd, Place};
use held::Held;
use hyper::body::{Body, Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use prompt::Prompt;
use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use warp::reply::Response;

/// Longest that the head of a request may take: who sends it byte by byte holds nothing.
const HEAD: Duration = Duration::from_secs(10);
/// Largest head of a request, in bytes: the least that hyper takes.
const MOST_HEAD: usize = 8 << 10;
/// Who takes nothing of what is sent to it for so long is left.
#[cfg(target_os = "linux")]
const TAKEN: Duration = Duration::from_secs(60);
/// Pause where the system has no room for another connection.
const BREATH: Duration = Duration::from_millis(50);

/// A request as it comes over a connection.
pub type Request = warp::http::Request<Prompt>;

/// What answers every request. Who asks is a [`Peer`] in the request's extensions.
pub trait Answers: Clone + Send + Sync + 'static {
    /// The answer to a request.
    fn answer(&self, request: Request) -> impl Future<Output = Response> + Send;

    /// The answer to one who is one too many, whatever it asks for.
    fn turn_away(&self, request: Request) -> Response;
}

/// Who is at the other end of the connection over which a request came.
#[derive(Debug, Clone)]
pub struct Peer {
    asker: Asker,
    /// What it takes up, until the last of what it asked for is over.
    _place: Arc<Place>,
    _visit: Option<Arc<Place>>,
    /// Told when the connection is to end, whatever is still to be said.
    over: Arc<Notify>,
}

impl Peer {
    /// Ends the connection without another word: for one that takes nothing.
    pub fn hang_up(&self) {
        self.over.notify_one();
    }
}

impl Deref for Peer {
    type Target = Asker;

    fn deref(&self) -> &Asker {
        &self.asker
    }
}

/// A door, and how it is kept.
#[derive(Debug)]
pub struct Door {
    /// Where connections come.
    pub listener: TcpListener,
    /// How many there may be.
    pub limits: Limits,
    /// What they are wrapped in, if anything.
    pub tls: Option<Tls>,
    /// Whose word counts about who asks.
    pub proxies: Proxies,
}

/// What a connection takes up, and how it is ended.
struct Stay {
    place: Arc<Place>,
    over: Arc<Notify>,
}

/// What the tasks of all connections share.
struct House<A> {
    crowd: Crowd,
    tls: Option<Tls>,
    proxies: Proxies,
    answers: A,
    stopping: watch::Receiver<bool>,
}

/// Serves until `stopping` becomes true, and then until the open requests are answered.
pub async fn serve(door: Door, answers: impl Answers, mut stopping: watch::Receiver<bool>) {
    let Door { listener, limits, tls, proxies } = door;
    let crowd = Crowd::new(limits);
    let house = Arc::new(House { crowd, tls, proxies, answers, stopping: stopping.clone() });
    let mut open = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // Those that are over are let go, with the memory that they had.
            Some(_) = open.join_next() => continue,
            _ = stopping.wait_for(|stop| *stop) => break,
        };
        let (stream, address) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // Who hangs up before it was let in is no trouble; without free descriptors others must leave first.
                tracing::debug!("a connection was not accepted: {error}");
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        // Those behind a proxy are counted one by one, by what they ask.
        let many = house.proxies.include(address.ip());
        let place = house.crowd.enter(address.ip(), many);
        let full = place.is_none();
        if let Some(place) = place.or_else(|| house.crowd.apologise()) {
            open.spawn(Arc::clone(&house).connection(stream, address, Arc::new(place), full));
        }
    }
    drop(listener);
    while open.join_next().await.is_some() {}
}

impl<A: Answers> House<A> {
    /// One connection, until it ends or becomes a WebSocket.
    async fn connection(self: Arc<Self>, stream: TcpStream, from: SocketAddr, place: Arc<Place>, full: bool) {
        // Chunks are whole messages: there is nothing to gather.
        let _ = stream.set_nodelay(true);
        // Who is not there any more, or takes nothing of an answer, says nothing of it: the system notices.
        #[cfg(target_os = "linux")]
        let _ = socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(TAKEN));
        let mut stopping = self.stopping.clone();
        let wire = tokio::select! {
            wire = self.greet(stream) => wire,
            _ = stopping.wait_for(|stop| *stop) => return,
        };
        let wire = match wire {
            Ok(wire) => wire,
            Err(error) => return tracing::debug!("{from} shook no hands: {error}"),
        };
        let over = Arc::new(Notify::new());
        let ending = Arc::clone(&over);
        let service = service_fn(move |request| {
            let house = Arc::clone(&self);
            let stay = Stay { place: Arc::clone(&place), over: Arc::clone(&over) };
            async move { Ok::<_, Infallible>(house.answer(request, from.ip(), stay, full).await) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD)
            .max_buf_size(MOST_HEAD)
            .serve_connection(TokioIo::new(wire), service)
            .with_upgrades();
        tokio::pin!(connection);
        let mut ends = async || {
            tokio::select! {
                ended = &mut connection => return ended,
                _ = stopping.wait_for(|stop| *stop) => {}
            }
            connection.as_mut().graceful_shutdown();
            connection.as_mut().await
        };
        let ended = tokio::select! {
            ended = ends() => ended,
            () = ending.notified() => return tracing::debug!("{from} takes nothing: it is left"),
        };
        if let Err(error) = ended {
            tracing::debug!("the connection of {from} broke: {error}");
        }
    }

    async fn greet(&self, stream: TcpStream) -> io::Result<Wire> {
        match &self.tls {
            None => Ok(Wire::Plain(stream)),
            Some(tls) => tls.greet(stream).await.map(|stream| Wire::Secure(Box::new(stream))),
        }
    }

    async fn answer(
        &self,
        request: warp::http::Request<Incoming>,
        from: IpAddr,
        Stay { place, over }: Stay,
        mut full: bool,
    ) -> warp::http::Response<impl Body<Data = Bytes, Error = warp::Error> + use<A>> {
        let asker = self.proxies.asker(from, self.tls.is_some(), request.headers());
        let mut visit = None;
        if !full && self.proxies.include(from) {
            visit = self.crowd.visit(asker.counted()).map(Arc::new);
            full = visit.is_none();
        }
        let peer = Peer { asker, _place: place, _visit: visit, over };
        let mut request = request.map(|body| Prompt::new(body, peer.clone()));
        request.extensions_mut().insert(peer.clone());
        let response = match full {
            true => self.answers.turn_away(request),
            false => self.answers.answer(request).await,
        };
        response.map(|body| Held { body, _peer: peer })
    }
}

/// Whether an address is this machine's own.
pub fn is_here(address: IpAddr) -> bool {
    address.to_canonical().is_loopback()
}

/// What counts as one address: whoever has one of IPv6 has the 2^64 beside it as well.
pub fn household(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => Ipv6Addr::from_bits(address.to_bits() >> 64 << 64).into(),
        v4 => v4,
    }
}

/// The name in a `Host` header, without the port; IPv6 addresses keep their brackets. Nothing where the port is none.
pub fn host_name(host: &str) -> Option<&str> {
    let end = if host.starts_with('[') { host.find(']')? + 1 } else { host.find(':').unwrap_or(host.len()) };
    let (name, rest) = host.split_at(end);
    let port = rest.is_empty() || rest.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    port.then_some(name)
}
