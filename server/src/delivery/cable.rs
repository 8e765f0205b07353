//! The bare connection under a line: read and written without waiting, from any thread, within TLS or not.

use super::lock;
use crate::front::Wire;
use rustls::ServerConnection;
use socket2::SockRef;
use std::io::{self, ErrorKind, IoSlice, Read, Write};
use std::net::Shutdown;
use std::sync::Mutex;
use tokio::io::Interest;
use tokio::net::TcpStream;

/// A connection.
#[derive(Debug)]
pub struct Cable {
    tcp: TcpStream,
    tls: Option<Mutex<Tls>>,
}

/// What of TLS is between the connection and who uses it.
#[derive(Debug)]
struct Tls {
    connection: ServerConnection,
    /// Whether there may be something to read that has left the connection already.
    unread: bool,
}

/// What became of bytes that were to be written.
#[derive(Debug, Clone, Copy)]
pub struct Written {
    /// How many of them were taken.
    pub taken: usize,
    /// Whether bytes that were taken wait until the connection takes more.
    pub waits: bool,
}

/// The connection as rustls reads and writes it.
struct Ends<'a>(&'a TcpStream);

impl From<Wire> for Cable {
    fn from(wire: Wire) -> Self {
        match wire {
            Wire::Plain(tcp) => Self { tcp, tls: None },
            Wire::Secure(stream) => {
                let (tcp, connection) = stream.into_inner();
                Self { tcp, tls: Some(Mutex::new(Tls { connection, unread: true })) }
            }
        }
    }
}

impl Cable {
    /// Reads what has come, without waiting.
    ///
    /// # Errors
    /// `WouldBlock` where nothing has, else what became of the connection.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.tls {
            None => self.tcp.try_read(buffer),
            Some(tls) => lock(tls).read(&self.tcp, buffer),
        }
    }

    /// Writes as much as goes, without waiting.
    ///
    /// # Errors
    /// What became of the connection.
    pub fn write(&self, bytes: &[u8]) -> io::Result<Written> {
        match &self.tls {
            None => {
                let taken = unless_full(self.tcp.try_write(bytes))?;
                Ok(Written { taken, waits: false })
            }
            Some(tls) => lock(tls).write(&self.tcp, bytes),
        }
    }

    /// Writes what was taken and waits; gives whether some still does.
    ///
    /// # Errors
    /// What became of the connection.
    pub fn flush(&self) -> io::Result<bool> {
        self.tls.as_ref().map_or(Ok(false), |tls| lock(tls).flush(&self.tcp))
    }

    /// Lets no more bytes wait unsent in the system than so many, where the system can hold to that.
    pub fn queue(&self, bytes: usize) {
        #[cfg(any(target_os = "android", target_os = "linux"))]
        {
            // Where it is refused, more waits.
            let most = u32::try_from(bytes).unwrap_or(u32::MAX);
            let _ = SockRef::from(&self.tcp).set_tcp_notsent_lowat(most);
        }
        #[cfg(not(any(target_os = "android", target_os = "linux")))]
        let _ = bytes;
    }

    /// Resolves when there may be something to read.
    pub async fn readable(&self) {
        if self.tls.as_ref().is_some_and(|tls| lock(tls).unread) {
            return;
        }
        // An error is found by reading.
        let _ = self.tcp.readable().await;
    }

    /// Resolves when the connection may take more.
    pub async fn writable(&self) {
        // An error is found by writing.
        let _ = self.tcp.ready(Interest::WRITABLE).await;
    }

    /// Tells the other end that nothing more comes.
    pub fn end(&self) {
        // Where that fails the other end knows already.
        if let Some(tls) = &self.tls {
            let mut tls = lock(tls);
            tls.connection.send_close_notify();
            let _ = tls.flush(&self.tcp);
        }
        let _ = SockRef::from(&self.tcp).shutdown(Shutdown::Write);
    }
}

impl Tls {
    fn read(&mut self, tcp: &TcpStream, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.connection.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.unread = false,
                read => {
                    self.unread = read.is_ok();
                    return read;
                }
            }
            // Nothing at all is the other end's farewell: the reader says how it went.
            self.connection.read_tls(&mut Ends(tcp))?;
            let heard = self.connection.process_new_packets().map_err(io::Error::other);
            // There may be something to say to it: an alert, a new key.
            self.flush(tcp)?;
            heard?;
        }
    }

    fn write(&mut self, tcp: &TcpStream, bytes: &[u8]) -> io::Result<Written> {
        // So no more waits here than was once taken.
        if self.flush(tcp)? {
            return Ok(Written { taken: 0, waits: true });
        }
        let taken = self.connection.writer().write(bytes)?;
        Ok(Written { taken, waits: self.flush(tcp)? })
    }

    /// Writes what waits; gives whether some still does.
    fn flush(&mut self, tcp: &TcpStream) -> io::Result<bool> {
        while self.connection.wants_write() {
            if unless_full(self.connection.write_tls(&mut Ends(tcp)))? == 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// That a connection takes nothing now is no error.
fn unless_full(written: io::Result<usize>) -> io::Result<usize> {
    match written {
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        written => written,
    }
}

impl Read for Ends<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buffer)
    }
}

impl Write for Ends<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn write_vectored(&mut self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.0.try_write_vectored(parts)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
