//! The figures, pushed each second as server-sent events: one connection in place of many requests.

use super::seen::Seen;
use crate::delivery::Sound;
use crate::station::{Listener, Shared};
use crate::web::api::answer;
use crate::web::guard::{Caller, Right};
use crate::web::site::Context;
use futures_util::stream;
use serde_json::{Value as Json, json};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{MissedTickBehavior, interval, timeout};
use warp::http::{HeaderValue, StatusCode};
use warp::reply::{Reply, Response};
use warp::sse::Event;

/// Pages that are pushed to at once.
const MOST: usize = 16;
/// The time between two events.
const EVERY: Duration = Duration::from_secs(1);
/// Who takes nothing for so long is gone.
const SILENCE: Duration = Duration::from_secs(60);
/// Listeners that are shown, at most.
const SHOWN: usize = 200;

/// Who is pushed to.
#[derive(Debug, Clone)]
pub struct Pushes(Arc<Semaphore>);

impl Default for Pushes {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(MOST)))
    }
}

impl Pushes {
    /// Begins to push. The table of listeners is the operator's.
    pub fn open(&self, caller: Caller, cx: Context) -> Response {
        let Ok(place) = Arc::clone(&self.0).try_acquire_owned() else {
            let detail = "too many pages show figures; close one";
            return answer(StatusCode::SERVICE_UNAVAILABLE, json!({ "error": "Busy", "detail": detail }));
        };
        let (tell, told) = mpsc::channel(1);
        tokio::spawn(async move {
            push(cx, caller, tell).await;
            drop(place);
        });
        let events = stream::unfold(told, |mut told: mpsc::Receiver<Event>| async move {
            let event = told.recv().await?;
            Some((Ok::<_, Infallible>(event), told))
        });
        let mut response = warp::sse::reply(events).into_response();
        response.headers_mut().insert("cache-control", HeaderValue::from_static("no-store"));
        response
    }
}

async fn push(cx: Context, caller: Caller, tell: mpsc::Sender<Event>) {
    let mut stopping = cx.stopping.clone();
    let mut tick = interval(EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = tell.closed() => return,
            _ = stopping.wait_for(|stop| *stop) => return,
            _ = tick.tick() => {}
        }
        // A token may end while its bearer looks.
        if !caller.may(Right::Metrics) {
            return;
        }
        let (cx, operator) = (cx.clone(), caller.may(Right::Edit));
        // The blocking task only fails if it panics, which has been reported by the panic itself.
        let Ok(body) = tokio::task::spawn_blocking(move || message(&cx, operator)).await else { return };
        let event = Event::default().data(body.to_string());
        if !matches!(timeout(SILENCE, tell.send(event)).await, Ok(Ok(()))) {
            return;
        }
    }
}

fn message(cx: &Context, operator: bool) -> Json {
    let seen = Seen::now(cx);
    let mut body = seen.json(cx);
    let station = |(name, sight): (&String, &crate::stations::Sight)| {
        json!({
            "name": name,
            "stations": sight.stations,
            "asleep": sight.asleep,
            "listeners": sight.listeners.iter().sum::<usize>(),
            "buffer_depth": sight.depth,
            "listener_buffer_ms": sight.buffers.mean(),
            "muted": sight.muted,
            "relief": sight.relief,
        })
    };
    body["sights"] = seen.sights.iter().map(station).collect();
    if operator {
        body["clients"] = clients(cx);
    }
    body
}

/// The listeners of public stations, one after the other.
fn clients(cx: &Context) -> Json {
    let of = |(name, station): (String, Arc<Shared>)| {
        let listeners = station.listeners.all();
        listeners.into_iter().map(move |listener| client(&name, &listener)).collect::<Vec<_>>()
    };
    cx.stations.public().into_iter().flat_map(of).take(SHOWN).collect()
}

fn client(station: &str, listener: &Listener) -> Json {
    let measured = |value: i64| (value != Listener::UNMEASURED).then_some(value);
    let ms = |micros: i64| measured(micros).map(|micros| micros as f64 / 1000.0);
    let sound: Sound = listener.sound;
    json!({
        "station": station,
        "id": listener.id,
        "format": sound.name(),
        "connected_sec": listener.since.elapsed().as_secs(),
        "sent_chunks": listener.sent.load(Relaxed),
        "sent_bytes": listener.bytes.load(Relaxed),
        "dropped_chunks": listener.dropped.load(Relaxed),
        "underruns": listener.underruns.load(Relaxed),
        "buffer_ms": measured(listener.buffer_ms.load(Relaxed)),
        "lag_chunks": listener.lag.load(Relaxed),
        "round_trip_ms": ms(listener.round_trip.load(Relaxed)),
        "delay_ms": ms(listener.delay.load(Relaxed)),
    })
}
