//! A listener over a real WebSocket.

use crate::server::Server;
use crate::wire::Wire;
use base64::Engine;
use serde_json::{Value as Json, json};
use std::time::{Duration, Instant};
use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::HandshakeError;
use tungstenite::protocol::WebSocket;
use tungstenite::{Error, Message};

/// Whatever a station has to say it says within this time.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection to a station.
pub struct Listener {
    socket: WebSocket<Wire>,
}

/// What a listener hears.
#[derive(Debug, Clone, PartialEq)]
pub enum Heard {
    /// A JSON message.
    Text(Json),
    /// A binary frame.
    Binary(Vec<u8>),
    /// A ping frame, which has been answered.
    Ping,
    /// The end, with code and reason where one was given.
    End(Option<(u16, String)>),
}

impl Listener {
    /// Connects to an address such as `/ws/stream`.
    ///
    /// # Panics
    /// The station refuses.
    pub fn join(server: &Server, path: &str) -> Self {
        Self::try_join(server, path, &[]).unwrap_or_else(|status| panic!("{path} is refused: {status}"))
    }

    /// The same with more headers; the HTTP status where the station refuses.
    ///
    /// # Errors
    /// The HTTP status of the refusal.
    ///
    /// # Panics
    /// The station does not answer.
    pub fn try_join(server: &Server, path: &str, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        Self::over(Wire::connect(server.port()), server, path, headers)
    }

    /// Connects over a line that is there.
    ///
    /// # Errors
    /// The HTTP status of a refusal.
    ///
    /// # Panics
    /// The station does not answer.
    pub fn over(
        wire: impl Into<Wire>,
        server: &Server,
        path: &str,
        headers: &[(&'static str, &str)],
    ) -> Result<Self, u16> {
        let url = server.url(path).replacen("http", "ws", 1);
        let mut request = url.into_client_request().expect("a request");
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().expect("a header"));
        }
        match tungstenite::client(request, wire.into()) {
            Ok((socket, _)) => Ok(Self { socket }),
            Err(HandshakeError::Failure(Error::Http(answer))) => Err(answer.status().as_u16()),
            Err(error) => panic!("{path}: {error}"),
        }
    }

    /// The next thing that is heard.
    ///
    /// # Panics
    /// Nothing is, for a long time.
    pub fn hear(&mut self) -> Heard {
        match self.socket.read() {
            Ok(Message::Text(text)) => {
                Heard::Text(serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}")))
            }
            Ok(Message::Binary(bytes)) => Heard::Binary(bytes.to_vec()),
            Ok(Message::Ping(_)) => Heard::Ping,
            Ok(Message::Close(frame)) => {
                // The answer to it is sent by flushing; whoever is gone needs none.
                let _ = self.socket.flush();
                Heard::End(frame.map(|frame| (frame.code.into(), frame.reason.to_string())))
            }
            Ok(other) => panic!("{other:?} was not expected"),
            Err(Error::Io(error)) if error.kind() == std::io::ErrorKind::WouldBlock => {
                panic!("nothing was heard for {PATIENCE:?}")
            }
            Err(_) => Heard::End(None),
        }
    }

    /// Listens on in the background until the connection ends.
    pub fn stay(mut self) {
        std::thread::spawn(move || while !matches!(self.hear(), Heard::End(_)) {});
    }

    /// Listens until a JSON message of this type comes.
    ///
    /// # Panics
    /// None does.
    #[track_caller]
    pub fn wait(&mut self, kind: &str) -> Json {
        self.wait_for(|message| message["type"] == kind)
    }

    /// Listens until a JSON message comes for which this is true.
    ///
    /// # Panics
    /// None does.
    #[track_caller]
    pub fn wait_for(&mut self, wanted: impl Fn(&Json) -> bool) -> Json {
        let deadline = Instant::now() + PATIENCE;
        let mut passed = Vec::new();
        while Instant::now() < deadline {
            match self.hear() {
                Heard::Text(message) if wanted(&message) => return message,
                Heard::Text(message) if message["type"] != "audio" => passed.push(message),
                Heard::Text(_) | Heard::Binary(_) | Heard::Ping => {}
                Heard::End(why) => panic!("the station hung up: {why:?}; before that: {passed:#?}"),
            }
        }
        panic!("it did not come; instead: {passed:#?}")
    }

    /// Listens until the connection ends: code and reason.
    ///
    /// # Panics
    /// It does not.
    #[track_caller]
    pub fn wait_for_end(&mut self) -> Option<(u16, String)> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Heard::End(why) = self.hear() {
                return why;
            }
        }
        panic!("the station does not hang up")
    }

    /// The next chunks of sound in JSON: number and samples as bytes.
    ///
    /// # Panics
    /// They do not come.
    #[track_caller]
    pub fn chunks(&mut self, count: usize) -> Vec<(u64, Vec<u8>)> {
        let mut chunks = Vec::new();
        while chunks.len() < count {
            let message = self.wait("audio");
            let data = message["data"].as_str().expect("data is a text");
            let bytes = base64::engine::general_purpose::STANDARD.decode(data).expect("data is base64");
            chunks.push((message["chunk_index"].as_u64().expect("a chunk has a number"), bytes));
        }
        chunks
    }

    /// Says something.
    ///
    /// # Panics
    /// The connection is broken.
    #[track_caller]
    pub fn say(&mut self, message: &Json) {
        self.send(Message::text(message.to_string())).expect("the connection is broken");
    }

    /// Sends a message as it is.
    ///
    /// # Errors
    /// The connection is broken.
    pub fn send(&mut self, message: Message) -> Result<(), Error> {
        self.socket.send(message)
    }

    /// Sends a control and gives the answer: an update, or an error.
    ///
    /// # Panics
    /// There is none.
    #[track_caller]
    pub fn control(&mut self, change: &Json) -> Json {
        let mut message = json!({ "type": "control" });
        let fields = change.as_object().expect("a change is an object");
        fields.iter().for_each(|(name, value)| message[name] = value.clone());
        self.say(&message);
        // That this listener has not read for a while is no answer.
        let answers = |message: &Json| message["type"] == "error" && message["code"] != "BUFFER_OVERRUN";
        self.wait_for(|message| message["type"] == "generation_update" || answers(message))
    }
}
