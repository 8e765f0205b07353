//! One listener's WebSocket: chunks and events out, wishes in. A slow listener only slows itself.

use super::Context;
use super::guard::{Caller, caller};
use super::messages::{FromClient, pcm_frame, pong};
use crate::station::{Fault, Listener, ListenerError, Shared};
use auralis_graph::packet::PacketFormat;
use auralis_nodes::ring_buffer::Read;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use serde::Deserialize;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::{broadcast, watch};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, timeout};
use warp::Filter;
use warp::reject::Rejection;
use warp::reply::{Reply, Response};
use warp::ws::{Message, WebSocket, Ws};

/// The server pings this often.
const PING: Duration = Duration::from_secs(30);
/// A client from which nothing came for so long is gone.
const SILENCE: Duration = Duration::from_secs(60);
/// Largest message of a client.
const MOST_MESSAGE: usize = 64 << 10;
/// Chunks sent in one go before anything else is looked at: the client's queue.
const QUEUE: usize = 5;

/// WebSocket close codes (RFC 6455, section 7.4.1).
mod close {
    pub const NORMAL: u16 = 1000;
    pub const POLICY: u16 = 1008;
    pub const TRY_AGAIN_LATER: u16 = 1013;
}

/// What a client asks for in the address.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Query {
    from: Option<u64>,
    #[serde(default)]
    format: Format,
}

/// How the sound is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Format {
    /// JSON messages with base64.
    #[default]
    Json,
    /// Binary frames of 16-bit samples.
    Pcm16,
    /// Not at all: a page that is paused follows what plays.
    None,
}

/// `/ws/stream` and `/ws/audio/{client_id}`.
pub fn routes(context: Context) -> impl Filter<Extract = (Response,), Error = Rejection> + Clone {
    let origins = context.station.settings.cors_origins.clone();
    let unnamed = warp::path!("ws" / "stream").map(|| None);
    let named = warp::path!("ws" / "audio" / String).map(Some);
    unnamed.or(named).unify().and(warp::ws()).and(caller(origins)).and(warp::query::<Query>()).map(
        move |id: Option<String>, ws: Ws, caller: Caller, query: Query| {
            let context = context.clone();
            ws.max_message_size(MOST_MESSAGE)
                .max_frame_size(MOST_MESSAGE)
                .on_upgrade(move |socket| enter(socket, context, id, caller, query))
                .into_response()
        },
    )
}

async fn enter(socket: WebSocket, context: Context, id: Option<String>, caller: Caller, query: Query) {
    let station = Arc::clone(&context.station);
    let id = id.unwrap_or_else(|| station.listeners.invent());
    match station.seat(&id) {
        Ok(seat) => {
            tracing::debug!("{id} listens");
            let cursor =
                query.from.filter(|from| (station.pcm.oldest()..=station.pcm.written()).contains(from));
            let (sink, stream) = socket.split();
            let session = Session {
                cursor: cursor.unwrap_or_else(|| station.pcm.live()),
                written: station.subscribe(),
                events: station.events(),
                stopping: context.stopping,
                listener: Arc::clone(&seat.listener),
                operator: caller.operator,
                format: query.format,
                station,
                sink,
            };
            session.run(stream).await;
            tracing::debug!("{id} is gone");
        }
        Err(refused) => refuse(socket, refused).await,
    }
}

async fn refuse(mut socket: WebSocket, refused: ListenerError) {
    let (fault, close) = match refused {
        ListenerError::Full(_) => (Fault::ServerOverload, close::TRY_AGAIN_LATER),
        ListenerError::Name | ListenerError::Taken(_) => (Fault::InvalidControl, close::POLICY),
    };
    let farewell = async {
        // Whoever is gone already need not be told.
        let _ = socket.send(Message::text(fault.message(&refused.to_string()))).await;
        let _ = socket.send(Message::close_with(close, refused.to_string())).await;
        // The close is complete once the other side has answered it.
        while let Some(Ok(_)) = socket.next().await {}
    };
    let _ = timeout(Duration::from_secs(5), farewell).await;
}

/// The connection is over.
struct Gone;

/// What a session turns to next.
enum Turn {
    Stop(bool),
    Heard(Option<Result<Message, warp::Error>>),
    Silence,
    Ping,
    Event(Result<Arc<str>, broadcast::error::RecvError>),
    Chunks(bool),
}

struct Session {
    station: Arc<Shared>,
    listener: Arc<Listener>,
    sink: SplitSink<WebSocket, Message>,
    cursor: u64,
    written: watch::Receiver<u64>,
    events: broadcast::Receiver<Arc<str>>,
    stopping: watch::Receiver<bool>,
    operator: bool,
    format: Format,
}

impl Session {
    async fn run(mut self, mut stream: SplitStream<WebSocket>) {
        if self.greet().await.is_err() {
            return;
        }
        let mut ping = interval_at(Instant::now() + PING, PING);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let silence = sleep(SILENCE);
        tokio::pin!(silence);
        loop {
            let turn = tokio::select! {
                biased;
                stopped = self.stopping.changed() => Turn::Stop(stopped.is_err() || *self.stopping.borrow()),
                message = stream.next() => Turn::Heard(message),
                () = &mut silence => Turn::Silence,
                _ = ping.tick() => Turn::Ping,
                event = self.events.recv() => Turn::Event(event),
                changed = self.written.changed() => Turn::Chunks(changed.is_ok()),
            };
            let outcome = match turn {
                Turn::Stop(true) => {
                    let _ = self.send(Message::close_with(close::NORMAL, "the station ends")).await;
                    Err(Gone)
                }
                Turn::Stop(false) => Ok(()),
                Turn::Heard(Some(Ok(message))) => {
                    silence.as_mut().reset(Instant::now() + SILENCE);
                    self.hear(message).await
                }
                // Closed, broken, or a message that is too large.
                Turn::Heard(_) | Turn::Silence => Err(Gone),
                Turn::Ping => self.send(Message::ping(Vec::new())).await,
                Turn::Event(Ok(event)) => self.send(Message::text(&*event)).await,
                // Too slow for events: the next one says what is true by then.
                Turn::Event(Err(broadcast::error::RecvError::Lagged(_))) => Ok(()),
                Turn::Event(Err(broadcast::error::RecvError::Closed)) | Turn::Chunks(false) => Err(Gone),
                Turn::Chunks(true) => self.send_chunks().await,
            };
            if outcome.is_err() {
                return;
            }
        }
    }

    async fn greet(&mut self) -> Result<(), Gone> {
        self.send(Message::text(self.station.generation_update())).await?;
        self.send(Message::text(self.station.status())).await?;
        self.written.mark_changed();
        Ok(())
    }

    async fn send(&mut self, message: Message) -> Result<(), Gone> {
        let bytes = message.as_bytes().len() as u64;
        self.listener.bytes.fetch_add(bytes, Ordering::Relaxed);
        // A client that takes nothing for so long is gone.
        match timeout(SILENCE, self.sink.send(message)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(Gone),
        }
    }

    async fn send_chunks(&mut self) -> Result<(), Gone> {
        for _ in 0..QUEUE {
            let ring = match self.format {
                Format::Json => &self.station.messages,
                Format::Pcm16 => &self.station.pcm,
                Format::None => return Ok(()),
            };
            let message = match ring.read(&mut self.cursor) {
                Read::Waiting => return Ok(()),
                Read::Moved(passed) => {
                    self.listener.dropped.fetch_add(passed, Ordering::Relaxed);
                    let text = format!("too slow: {passed} chunks were left out");
                    Message::text(Fault::BufferOverrun.message(&text))
                }
                Read::Chunk(chunk) => {
                    self.listener.sent.fetch_add(1, Ordering::Relaxed);
                    match chunk.format {
                        // The messages are made by the station and are text.
                        PacketFormat::Pcm16Json => {
                            Message::text(String::from_utf8_lossy(&chunk.bytes).into_owned())
                        }
                        PacketFormat::Pcm16 => {
                            let micros = self.station.due_micros(chunk.index);
                            Message::binary(pcm_frame(ring.sample_rate(), chunk.index, micros, &chunk.bytes))
                        }
                    }
                }
            };
            self.send(message).await?;
        }
        // There may be more: look again after everything else had its turn.
        self.written.mark_changed();
        Ok(())
    }

    async fn hear(&mut self, message: Message) -> Result<(), Gone> {
        if message.is_close() {
            return Err(Gone);
        }
        if message.is_ping() || message.is_pong() {
            return Ok(());
        }
        let said = message.to_str().map_err(|()| "it is binary; messages are JSON text".to_string());
        let said = said.and_then(|text| serde_json::from_str(text).map_err(|wrong| wrong.to_string()));
        let said: FromClient = match said {
            Ok(said) => said,
            Err(wrong) => {
                let text = format!("not a message of the protocol: {wrong}");
                return self.send(Message::text(Fault::InvalidControl.message(&text))).await;
            }
        };
        match said {
            FromClient::Ping { client_time } => self.send(Message::text(pong(&client_time))).await,
            FromClient::StatusRequest => {
                if !self.station.is_rendering() {
                    let text = "rendering has stopped; the station is silent";
                    self.send(Message::text(Fault::SynthesisFailed.message(text))).await?;
                }
                self.send(Message::text(self.station.status())).await
            }
            FromClient::Report(report) => {
                self.listener.underruns.store(report.underruns, Ordering::Relaxed);
                self.listener.buffer_ms.store(report.buffer_ms.clamp(0.0, 1e9) as u64, Ordering::Relaxed);
                let lag = self.station.pcm.live().saturating_sub(report.played_chunk_index);
                self.listener.lag.store(lag, Ordering::Relaxed);
                Ok(())
            }
            FromClient::Control(request) => {
                // Everybody hears of a change by its event, this client too.
                match super::api::apply(&self.station, *request, self.operator).await {
                    Ok(()) => Ok(()),
                    Err(refused) => {
                        self.send(Message::text(Fault::InvalidControl.message(&refused.to_string()))).await
                    }
                }
            }
        }
    }
}
