//! What one player gets, for as long as it listens.

use super::icy::Icy;
use crate::delivery::Player;
use crate::web::guard::{Caller, Right};
use futures_util::{Stream, stream};
use hyper::body::Bytes;
use std::convert::Infallible;
use tokio::sync::watch;

/// An answer that does not end by itself.
pub struct Body {
    player: Player,
    caller: Caller,
    icy: Option<Icy>,
    stopping: watch::Receiver<bool>,
}

impl Body {
    /// For a player and who has it, with titles in between where it asked for them; it ends when `stopping` becomes
    /// true.
    pub fn new(player: Player, caller: Caller, icy: Option<Icy>, stopping: watch::Receiver<bool>) -> Self {
        Self { player, caller, icy, stopping }
    }

    /// The bytes, piece by piece.
    pub fn bytes(self) -> impl Stream<Item = Result<Bytes, Infallible>> + Send + Sync + 'static {
        stream::unfold(self, |mut body| async move {
            // A token may end while its bearer listens.
            if !body.caller.may(Right::Listen) {
                return None;
            }
            let bytes = tokio::select! {
                biased;
                _ = body.stopping.wait_for(|stop| *stop) => None,
                bytes = body.player.next() => bytes,
            }?;
            let bytes = match &mut body.icy {
                Some(icy) => icy.weave(bytes, &body.player.title()),
                None => bytes,
            };
            Some((Ok(bytes), body))
        })
    }
}
