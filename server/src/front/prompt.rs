//! The body of a request, which comes within a time: who sends it byte by byte holds nothing for long.

use super::Peer;
use hyper::body::{Body, Bytes, Frame, Incoming, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Sleep, sleep};

/// Longest that a body may take: the largest text of a preset over a slow line.
const PATIENCE: Duration = Duration::from_secs(60);

/// A body and who sends it.
#[derive(Debug)]
pub struct Prompt {
    body: Incoming,
    /// The end of patience, if there is anything to wait for.
    until: Option<Pin<Box<Sleep>>>,
    peer: Peer,
}

impl Prompt {
    /// What a peer begins to send.
    pub fn new(body: Incoming, peer: Peer) -> Self {
        let until = (!body.is_end_stream()).then(|| Box::pin(sleep(PATIENCE)));
        Self { body, until, peer }
    }
}

impl Body for Prompt {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        if self.until.as_mut().is_some_and(|until| until.as_mut().poll(cx).is_ready()) {
            // The connection ends, and this with it.
            self.until = None;
            self.peer.hang_up();
        }
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
