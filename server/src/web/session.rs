//! One listener's WebSocket: the task that hears what its client says, and writes where the client is slow. Chunks and
//! what is said to all are written by the threads that deliver. A slow listener only slows itself.

use super::Context;
use super::guard::{Caller, Right};
use super::messages::{FromClient, config, pong};
use super::report::Counted;
use crate::delivery::{Cable, Chair, Format, Line, Pumped, Wanted, text_frame};
use crate::limit::TokenBucket;
use crate::station::{Fault, Listener, ListenerError, Shared};
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tungstenite::error::{CapacityError, ProtocolError};
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role, WebSocketContext};
use tungstenite::{Error, Message};

/// The server pings this often.
const PING: Duration = Duration::from_secs(30);
/// A client from which nothing came for so long is gone.
const SILENCE: Duration = Duration::from_secs(60);
/// Messages of a client in a second, and at once.
const MESSAGES_PER_SECOND: f64 = 40.0;
const MESSAGES_AT_ONCE: f64 = 80.0;
/// Messages beyond that after which a client is thrown out.
const MOST_IGNORED: u32 = 2000;
/// Messages that are heard, and bytes that are read, in one go before others have their turn.
const TURN: usize = 32;
const MOUTHFUL: usize = 4 << 10;
/// How long a client may take to answer a farewell, and how many bytes it may go on to send meanwhile.
const FAREWELL: Duration = Duration::from_secs(5);
const MOST_PASSED_OVER: usize = 16 << 20;

/// Who comes, and what for.
pub struct Visit {
    /// The name that it gave itself.
    pub id: Option<String>,
    /// Who it is.
    pub caller: Caller,
    /// The sound that it asks for.
    pub format: Option<Format>,
    /// The same, being made for it.
    pub wanted: Option<Wanted>,
    /// The chunk to go on from.
    pub from: Option<u64>,
}

/// Takes a client in whose handshake is over; `read` is what it has sent since.
pub async fn enter(context: Context, cable: Cable, read: Vec<u8>, visit: Visit) {
    let station = Arc::clone(&context.station);
    let from = visit.caller.address;
    let sound = visit.format.into();
    let seat = match &visit.id {
        Some(id) => station.seat(id, sound),
        None => station.seat_unnamed("listener", sound),
    };
    // One who is refused hears why over a line of its own.
    let listener = match &seat {
        Ok(seat) => Arc::clone(&seat.listener),
        Err(_) => Arc::new(Listener::new("", sound, Arc::clone(station.figures()))),
    };
    let socket = WebSocketContext::from_partially_read(read, Role::Server, Some(config()));
    let audience = &station.audience;
    let format = visit.format.filter(|_| seat.is_ok());
    let hearing = format.map(|_| station.hear());
    let kept = station.kept();
    let cursor = visit.from.filter(|from| kept.contains(from)).unwrap_or_else(|| station.pcm.live());
    let line = Arc::new(Line::new(cable, listener, format, cursor, audience.next_word()));
    let session = |chair| Session {
        chair,
        socket,
        stopping: context.stopping,
        caller: visit.caller,
        messages: TokenBucket::new(MESSAGES_AT_ONCE, MESSAGES_PER_SECOND, std::time::Instant::now()),
        reported: Counted::default(),
        ignored: 0,
        warned: false,
        station: Arc::clone(&station),
        _wanted: visit.wanted,
    };
    match seat {
        Ok(seat) => {
            let id = &seat.listener.id;
            tracing::debug!("{id} listens from {from}");
            session(audience.seat(line)).run().await;
            drop(hearing);
            tracing::debug!("{id} is gone");
        }
        Err(refused) => session(audience.seat(line)).refuse(&refused).await,
    }
}

/// The connection is over.
enum Gone {
    /// Nobody is there any more.
    Lost,
    /// The client is told why.
    Dismissed(CloseCode, &'static str),
}

/// What a session turns to next.
enum Turn {
    Stop,
    Heard,
    Pump,
    Time,
}

struct Session {
    station: Arc<Shared>,
    chair: Chair,
    socket: WebSocketContext,
    stopping: watch::Receiver<bool>,
    caller: Caller,
    messages: TokenBucket,
    reported: Counted,
    /// Messages that were too many, and whether that was said.
    ignored: u32,
    warned: bool,
    _wanted: Option<Wanted>,
}

/// A line as the protocol reads and writes it.
struct Ends<'a> {
    line: &'a Line,
    /// Bytes that may still be read in this turn. The protocol reads on until a message has ended, which may be never.
    left: usize,
}

impl<'a> Ends<'a> {
    fn of(line: &'a Line) -> Self {
        Self { line, left: MOUTHFUL }
    }
}

impl Read for Ends<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(ErrorKind::WouldBlock.into());
        }
        let most = buffer.len().min(self.left);
        let read = self.line.read(&mut buffer[..most])?;
        self.left -= read;
        Ok(read)
    }
}

impl Write for Ends<'_> {
    fn write(&mut self, frames: &[u8]) -> io::Result<usize> {
        self.line.say(frames).map(|()| frames.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Session {
    async fn run(mut self) {
        if self.say(&self.station.generation_update()).is_err() || self.say(&self.station.status()).is_err() {
            return;
        }
        let mut heard = Instant::now();
        let mut ping = heard + PING;
        let over = self.caller.listens_for().and_then(|time| heard.checked_add(time));
        loop {
            let stuck = match self.chair.pump() {
                Pumped::Even => false,
                Pumped::Stuck => true,
                Pumped::Broken => return,
            };
            let line = &self.chair.line;
            let turn = tokio::select! {
                biased;
                _ = self.stopping.wait_for(|stop| *stop) => Turn::Stop,
                () = line.readable() => Turn::Heard,
                () = line.writable(), if stuck => Turn::Pump,
                () = line.stuck.notified() => Turn::Pump,
                () = sleep_until(over.into_iter().fold(ping.min(heard + SILENCE), Instant::min)) => Turn::Time,
            };
            let outcome = match turn {
                Turn::Stop => return self.part(CloseCode::Normal, "the station ends").await,
                Turn::Pump => Ok(()),
                Turn::Heard => {
                    heard = Instant::now();
                    self.hear_all().await
                }
                Turn::Time if over.is_some_and(|over| over <= Instant::now()) => {
                    Err(Gone::Dismissed(CloseCode::Policy, "the token has expired"))
                }
                Turn::Time if !self.caller.may(Right::Listen) => {
                    Err(Gone::Dismissed(CloseCode::Policy, "the token's key has been taken out"))
                }
                Turn::Time if heard.elapsed() >= SILENCE => Err(Gone::Lost),
                Turn::Time => {
                    ping = Instant::now() + PING;
                    self.send(Message::Ping(Default::default()))
                }
            };
            match outcome {
                Ok(()) => {}
                Err(Gone::Lost) => return,
                Err(Gone::Dismissed(code, reason)) => return self.part(code, reason).await,
            }
        }
    }

    async fn refuse(self, refused: &ListenerError) {
        let (fault, close) = match refused {
            ListenerError::Full(_) => (Fault::ServerOverload, CloseCode::Again),
            ListenerError::Name | ListenerError::Taken(_) => (Fault::InvalidControl, CloseCode::Policy),
        };
        if self.say(&fault.message(&refused.to_string())).is_ok() {
            self.part(close, &refused.to_string()).await;
        }
    }

    fn say(&self, text: &str) -> Result<(), Gone> {
        self.chair.line.say(&text_frame(text)).map_err(|_| Gone::Lost)
    }

    fn send(&mut self, message: Message) -> Result<(), Gone> {
        self.socket.write(&mut Ends::of(&self.chair.line), message).map_err(|_| Gone::Lost)
    }

    /// Says why it is over, and waits until the other end has heard it: to close over what has not been read would take
    /// the words back.
    async fn part(mut self, code: CloseCode, reason: &str) {
        let line = &self.chair.line;
        line.hush();
        let farewell = CloseFrame { code, reason: reason.into() };
        let said = self.socket.close(&mut Ends::of(line), Some(farewell));
        if !matches!(said, Ok(()) | Err(Error::ConnectionClosed)) {
            return;
        }
        let heard = async {
            while line.flush() == Pumped::Stuck {
                line.writable().await;
            }
            line.end();
            let mut passed_over = vec![0; MOST_PASSED_OVER / 1024];
            for _ in 0..1024 {
                match line.read(&mut passed_over) {
                    Ok(0) => return,
                    Ok(_) => tokio::task::yield_now().await,
                    Err(error) if error.kind() == ErrorKind::WouldBlock => line.readable().await,
                    Err(_) => return,
                }
            }
        };
        // Who does not hang up is left.
        let _ = timeout(FAREWELL, heard).await;
    }

    /// Hears what has come.
    async fn hear_all(&mut self) -> Result<(), Gone> {
        let line = Arc::clone(&self.chair.line);
        let mut ends = Ends::of(&line);
        for _ in 0..TURN {
            match self.socket.read(&mut ends) {
                Ok(message) => self.hear(message).await?,
                Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock && ends.left > 0 => {
                    return Ok(());
                }
                Err(Error::Io(error)) if error.kind() == ErrorKind::WouldBlock => {
                    // So much that is still no message counts as one.
                    self.count()?;
                    break;
                }
                Err(error) => return Err(blame(&error)),
            }
        }
        // There is more: others first.
        tokio::task::yield_now().await;
        Ok(())
    }

    /// Counts a message; false if it is one too many, and not to be heard.
    fn count(&mut self) -> Result<bool, Gone> {
        let now = std::time::Instant::now();
        if !self.messages.consume(1.0, now) {
            return self.ignore().map(|()| false);
        }
        // Who has come to rest in between is told anew.
        self.warned &= self.messages.level(now) < MESSAGES_AT_ONCE / 2.0;
        Ok(true)
    }

    async fn hear(&mut self, message: Message) -> Result<(), Gone> {
        if !self.count()? {
            return Ok(());
        }
        let said = match FromClient::read(&message) {
            None => return Ok(()),
            Some(Ok(said)) => said,
            Some(Err(wrong)) => {
                let text = format!("not a message of the protocol: {wrong}");
                return self.say(&Fault::InvalidControl.message(&text));
            }
        };
        match said {
            FromClient::Ping { client_time } => self.say(&pong(&client_time)),
            FromClient::StatusRequest => {
                if !self.station.is_rendering() {
                    let text = "rendering has stopped; the station is silent";
                    self.say(&Fault::SynthesisFailed.message(text))?;
                }
                self.say(&self.station.status())
            }
            FromClient::Report(report) => {
                let listener = &self.chair.line.listener;
                self.reported.note(&report, listener, &self.station, std::time::Instant::now());
                Ok(())
            }
            FromClient::Control(request) => {
                if !self.caller.may(Right::Control) {
                    let text = "the controls are turned with a token of the role controller";
                    return self.say(&Fault::InvalidControl.message(text));
                }
                // Everybody hears of a change by its event, this client too.
                let operator = self.caller.may(Right::Edit);
                match super::api::apply(&self.station, *request, operator).await {
                    Ok(()) => Ok(()),
                    Err(refused) => self.say(&Fault::InvalidControl.message(&refused.to_string())),
                }
            }
        }
    }

    /// Passes over a message that is one too many, says so once, and has enough at some time.
    fn ignore(&mut self) -> Result<(), Gone> {
        self.ignored += 1;
        if self.ignored > MOST_IGNORED {
            return Err(Gone::Dismissed(CloseCode::Policy, "too many messages"));
        }
        if std::mem::replace(&mut self.warned, true) {
            return Ok(());
        }
        let text = format!("too many messages: at most {MESSAGES_PER_SECOND} a second are heard");
        self.say(&Fault::InvalidControl.message(&text))
    }
}

/// What comes of a connection that cannot be read.
fn blame(error: &Error) -> Gone {
    match error {
        Error::Capacity(CapacityError::MessageTooLong { .. }) => {
            Gone::Dismissed(CloseCode::Size, "a message has at most 64 kB")
        }
        Error::Utf8(_) => Gone::Dismissed(CloseCode::Invalid, "texts are UTF-8"),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Gone::Lost,
        Error::Protocol(_) => Gone::Dismissed(CloseCode::Protocol, "this is no WebSocket"),
        _ => Gone::Lost,
    }
}
