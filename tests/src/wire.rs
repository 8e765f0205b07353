//! The bare connection to a station: plain, or within TLS as a client has it. Requests are sent as they are written, and
//! answers read by hand, so that a test can send what no well-behaved client would.

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::Value as Json;
use std::io::{Read, Result, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// Whatever a station has to say it says within this time.
const PATIENCE: Duration = Duration::from_secs(20);

/// A connection.
pub enum Wire {
    /// As it is.
    Plain(TcpStream),
    /// Within TLS.
    Secure(Box<StreamOwned<ClientConnection, TcpStream>>),
}

/// What a station answers.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The head as it came, without its first line.
    pub head: String,
    /// The body.
    pub body: String,
}

impl Wire {
    /// Connects to a port of this machine.
    ///
    /// # Panics
    /// Nobody listens.
    pub fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the station does not listen");
        stream.into()
    }

    /// Shakes hands with `localhost` over a connection, believing only one certificate.
    ///
    /// # Errors
    /// What became of the handshake.
    ///
    /// # Panics
    /// It is no certificate.
    pub fn secure(stream: TcpStream, believed: &CertificateDer<'static>) -> Result<Self> {
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut roots = RootCertStore::empty();
        roots.add(believed.clone()).expect("a certificate");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config = config.expect("versions of TLS").with_root_certificates(roots).with_no_client_auth();
        let name = ServerName::try_from("localhost").expect("a name");
        let mut connection = ClientConnection::new(Arc::new(config), name).map_err(std::io::Error::other)?;
        let mut stream = stream;
        while connection.is_handshaking() {
            connection.complete_io(&mut stream)?;
        }
        Ok(Self::Secure(Box::new(StreamOwned::new(connection, stream))))
    }

    /// The address of this end.
    ///
    /// # Panics
    /// The system has forgotten it.
    pub fn address(&self) -> SocketAddr {
        let stream = match self {
            Self::Plain(stream) => stream,
            Self::Secure(stream) => &stream.sock,
        };
        stream.local_addr().expect("a connection has an address")
    }

    /// Sends a request (a first line, then more lines of its head), and gives the answer. The connection ends with it.
    ///
    /// # Panics
    /// The station does not answer.
    #[track_caller]
    pub fn ask(mut self, first: &str, head: &[(&str, &str)], body: &str) -> Answer {
        let lines: String = head.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let host = if head.iter().any(|(name, _)| *name == "Host") { "" } else { "Host: localhost\r\n" };
        let length = body.len();
        let request = format!(
            "{first} HTTP/1.1\r\n{host}{lines}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        self.write_all(request.as_bytes()).expect("the request is not taken");
        let mut said = Vec::new();
        // A connection that is cut behind the answer has said it.
        let _ = self.read_to_end(&mut said);
        let said = String::from_utf8_lossy(&said);
        let (head, body) =
            said.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{first}: no answer: {said}"));
        let (first, head) = head.split_once("\r\n").unwrap_or((head, ""));
        let status = first.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        Answer { status, head: head.to_string(), body: body.to_string() }
    }
}

impl Answer {
    /// A header, whatever the case of its name.
    pub fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().filter_map(|line| line.split_once(':'));
        { lines }.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// The body as JSON.
    ///
    /// # Panics
    /// It is none.
    #[track_caller]
    pub fn json(&self) -> Json {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

impl From<TcpStream> for Wire {
    fn from(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).expect("a line has timeouts");
        Self::Plain(stream)
    }
}

impl Read for Wire {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        match self {
            Self::Plain(stream) => stream.read(buffer),
            Self::Secure(stream) => stream.read(buffer),
        }
    }
}

impl Write for Wire {
    fn write(&mut self, bytes: &[u8]) -> Result<usize> {
        match self {
            Self::Plain(stream) => stream.write(bytes),
            Self::Secure(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> Result<()> {
        match self {
            Self::Plain(stream) => stream.flush(),
            Self::Secure(stream) => stream.flush(),
        }
    }
}
