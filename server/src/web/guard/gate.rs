//! The gate before the routes: each request is judged here, and each answer leaves by it.

use super::caller::Policy;
use super::credentials::{self, Carrier};
use super::place::{Counted, Place, leads_up};
use super::throttle::Throttle;
use super::{Caller, headers, hosts, origin};
use crate::access::{Grant, KeyFile, TokenError};
use crate::front::{Answers, Peer, Request, is_here};
use crate::settings::{HostName, Settings};
use crate::web::api::{answer, overloaded};
use crate::web::site;
use hyper::service::Service;
use serde_json::json;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use warp::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use warp::reply::{Reply, Response};

/// Longest life of a cookie, in seconds: what browsers allow.
const LONGEST_COOKIE: u64 = 400 * 24 * 3600;

/// What is watched over at the gate.
#[derive(Debug)]
pub struct Watch {
    policy: Policy,
    /// The name of the default station.
    default: String,
    production: bool,
    keys: Option<KeyFile>,
    hosts: Vec<HostName>,
    origins: Vec<String>,
    status: Option<Throttle>,
    metrics: Option<Throttle>,
    control: Option<Throttle>,
    stations: Option<Throttle>,
}

/// The gate, and the routes behind it.
#[derive(Debug, Clone)]
pub struct Gate<S> {
    watch: Arc<Watch>,
    routes: S,
}

impl Watch {
    /// By the settings; `keys` check tokens.
    pub fn new(settings: &Settings, default: &str, keys: Option<KeyFile>) -> Self {
        let [status, metrics, control, stations] =
            settings.rates().map(|rate| Throttle::new(rate, Instant::now()));
        Self {
            policy: Policy::of(settings),
            default: default.into(),
            production: settings.is_production(),
            keys,
            hosts: settings.doors.trusted_hosts.clone(),
            origins: settings.cors_origins.clone(),
            status,
            metrics,
            control,
            stations,
        }
    }

    /// Finds out who asks.
    ///
    /// # Errors
    /// The answer, where the request goes no further.
    fn judge(&self, request: &Request, peer: &Peer) -> Result<Caller, Refusal> {
        let (method, uri, headers) = (request.method(), request.uri(), request.headers());
        let host = headers.get("host").and_then(|host| host.to_str().ok());
        // A name that somebody else's DNS points at this machine gives no rights (DNS rebinding), nor does a proxy on it.
        let here = peer.direct && is_here(peer.address) && host.is_some_and(hosts::is_local);
        if !here && !hosts::is_trusted(host, &self.hosts) {
            let detail = "the station is not known under the name that the request has in `Host`";
            return Err(refuse(StatusCode::BAD_REQUEST, "Bad request", detail));
        }
        if leads_up(uri.path()) {
            return Err(refuse(StatusCode::NOT_FOUND, "Not found", "there is nothing under this address"));
        }
        let place = Place::of(uri.path(), &self.default);
        self.count(&place, method, peer, here)?;
        if place.is_ours() && !origin::may_ask(headers, peer.secure, &self.origins) {
            let detail = "pages of this origin may not use the station";
            return Err(refuse(StatusCode::FORBIDDEN, "Forbidden", detail));
        }
        if let Some(answer) = origin::preflight(method, headers) {
            return Err(Box::new(answer));
        }
        let found = credentials::token(
            headers,
            uri.query().filter(|_| matches!(*method, Method::GET | Method::HEAD)),
        );
        let verdict = found.map(|(token, carrier)| (self.check(token), token, carrier));
        match &verdict {
            // What a browser kept may have expired meanwhile: then it is nobody's.
            Some((Err(error), _, Carrier::Header | Carrier::Address)) => return Err(no_good(*error)),
            Some((Ok(grant), token, Carrier::Address)) if place.is_page() => {
                return Err(moved(uri, token, grant, peer.secure));
            }
            _ => {}
        }
        let caller =
            Caller::new(peer.address, here, &place, verdict.map(|(verdict, ..)| verdict), self.policy);
        match place.right().filter(|right| !caller.may(*right)) {
            None => Ok(caller),
            Some(right) => Err(lacks(&caller, right)),
        }
    }

    fn check(&self, token: &str) -> Result<Grant, TokenError> {
        self.keys.as_ref().ok_or(TokenError::NoKeys)?.check(token)
    }

    fn count(&self, place: &Place<'_>, method: &Method, peer: &Peer, here: bool) -> Result<(), Refusal> {
        let throttle = match place.counted(method) {
            Some(Counted::Status) => &self.status,
            Some(Counted::Metrics) => &self.metrics,
            Some(Counted::Control) => &self.control,
            // A page of the operator's may make them for everybody who opens it.
            Some(Counted::Stations) if !here => &self.stations,
            Some(Counted::Stations) | None => return Ok(()),
        };
        // To ask beforehand is not to ask.
        let Some(throttle) = throttle.as_ref().filter(|_| method != Method::OPTIONS) else { return Ok(()) };
        throttle.pass(peer.counted(), Instant::now()).map_err(too_often)
    }
}

/// An answer that is given at the gate.
type Refusal = Box<Response>;

fn refuse(status: StatusCode, title: &str, detail: &str) -> Refusal {
    Box::new(answer(status, json!({ "error": title, "detail": detail })))
}

fn too_often(wait: Duration) -> Refusal {
    let seconds = (wait.as_secs_f64().ceil() as u64).max(1);
    let detail = format!("this address asks too often; ask again in {seconds} s");
    let body = json!({ "error": "Rate limit exceeded", "detail": detail, "retry_after": seconds });
    let mut response = answer(StatusCode::TOO_MANY_REQUESTS, body);
    response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    Box::new(response)
}

/// The answer to a token that grants nothing.
fn no_good(error: TokenError) -> Refusal {
    let mut refusal = refuse(StatusCode::UNAUTHORIZED, "Unauthorized", &error.to_string());
    challenge(&mut refusal, &format!("error=\"invalid_token\", error_description=\"{}\"", plain(error)));
    refusal
}

/// The answer to one who may not.
fn lacks(caller: &Caller, right: super::Right) -> Refusal {
    let role = right.role().name();
    let wants = format!("this takes a token of the role {role}");
    if caller.grant().is_some() {
        let mut refusal = refuse(StatusCode::FORBIDDEN, "Forbidden", &wants);
        ask_for(&mut refusal, right);
        return refusal;
    }
    let detail = match caller.refused {
        Some(error) => format!("{wants}: {error}"),
        None => format!("{wants}: `Authorization: Bearer TOKEN`"),
    };
    let mut refusal = refuse(StatusCode::UNAUTHORIZED, "Unauthorized", &detail);
    challenge(&mut refusal, &format!("scope=\"{role}\""));
    refusal
}

/// Says which role would do for a right, to one whose own does not.
pub fn ask_for(refusal: &mut Response, right: super::Right) {
    challenge(refusal, &format!("error=\"insufficient_scope\", scope=\"{}\"", right.role().name()));
}

/// An error's words as they may stand between quotes in a header (RFC 6750, section 3).
fn plain(error: TokenError) -> String {
    error.to_string().replace(['"', '\\'], "'")
}

fn challenge(response: &mut Response, parameters: &str) {
    if let Ok(value) = HeaderValue::try_from(format!("Bearer realm=\"auralis\", {parameters}")) {
        response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
    }
}

/// Moves a token from a page's address into a cookie, so that it is neither shown nor shared with the address.
fn moved(uri: &warp::http::Uri, token: &str, grant: &Grant, secure: bool) -> Refusal {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let seconds = grant.until.saturating_sub(now).min(LONGEST_COOKIE);
    let place = credentials::without_token(uri.path(), uri.query().unwrap_or_default());
    let mut response = StatusCode::SEE_OTHER.into_response();
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    if let (Some(cookie), Ok(place)) =
        (credentials::cookie(token, seconds, secure), HeaderValue::try_from(place))
    {
        headers.insert(header::SET_COOKIE, cookie);
        headers.insert(header::LOCATION, place);
    }
    Box::new(response)
}

impl<S> Gate<S> {
    /// Before some routes.
    pub fn new(watch: Watch, routes: S) -> Self {
        Self { watch: Arc::new(watch), routes }
    }

    fn dress(&self, mut response: Response, headers: &HeaderMap, secure: bool) -> Response {
        origin::dress(&mut response, origin::listed(headers, &self.watch.origins));
        if self.watch.production {
            headers::dress(&mut response, secure);
        }
        response
    }
}

impl<S> Answers for Gate<S>
where
    S: Service<Request, Response = Response, Error = Infallible, Future: Send>
        + Clone
        + Send
        + Sync
        + 'static,
{
    async fn answer(&self, request: Request) -> Response {
        // The door names who asks; a request that did not come by it is nobody's.
        let Some(peer) = request.extensions().get::<Peer>().cloned() else {
            return *refuse(
                StatusCode::INTERNAL_SERVER_ERROR,
                "Internal error",
                "the station could not answer",
            );
        };
        let asked = request.headers().clone();
        let response = match self.watch.judge(&request, &peer) {
            Ok(caller) => {
                let (mut head, body) = request.into_parts();
                head.extensions.insert(caller);
                site::forward(&mut head.uri, &mut head.extensions);
                let request = Request::from_parts(head, body);
                let Ok(response) = self.routes.call(request).await;
                response
            }
            Err(refusal) => {
                // Behind the path there may be a token, and a station's name may be a secret.
                let (status, path) = (refusal.status().as_u16(), Place::of(request.uri().path(), "").path);
                tracing::debug!("{} asked for {path} and got {status}", peer.address);
                *refusal
            }
        };
        self.dress(response, &asked, peer.secure)
    }

    fn turn_away(&self, request: Request) -> Response {
        let mut response = overloaded("too many connections; come back later");
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
        let secure = request.extensions().get::<Peer>().is_some_and(|peer| peer.secure);
        self.dress(response, request.headers(), secure)
    }
}
