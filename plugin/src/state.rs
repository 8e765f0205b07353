//! What a session keeps besides parameters: the whole text, where its files lay, and their hashes. Control side.

use crate::desk::Desk;
use crate::identity::MADE;
use crate::reading::Piece;
use nice_plug::params::persist::PersistentField;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The form in which sessions are written.
const FORMAT: u32 = 1;

/// The kept field of the parameters: it reads from the desk and writes to it.
pub struct Kept(Arc<Desk>);

/// What a session keeps. What later versions add has defaults, so that old sessions are read.
#[derive(Debug, Serialize, Deserialize)]
pub struct Session {
    format: u32,
    piece: Piece,
}

impl Kept {
    /// Of an instrument.
    pub fn new(desk: &Arc<Desk>) -> Self {
        Self(Arc::clone(desk))
    }
}

impl<'a> PersistentField<'a, Session> for Kept {
    fn set(&self, session: Session) {
        // An instrument of its own plays its own piece, in whatever version it is installed.
        if MADE.is_none() {
            self.0.restore(session.piece);
        }
    }

    fn map<F, R>(&self, f: F) -> R
    where
        F: Fn(&Session) -> R,
    {
        f(&Session { format: FORMAT, piece: self.0.piece() })
    }
}
