//! Who asks, and what they may.

use super::place::Place;
use crate::access::{Grant, TokenError};
use crate::settings::{Listen, Settings};
use std::net::IpAddr;
use std::time::Duration;
use warp::Filter;
use warp::reject::Rejection;

/// What somebody may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Right {
    /// Hear the station, and see what it plays.
    Listen,
    /// See how it is.
    Status,
    /// See its figures.
    Metrics,
    /// Turn its controls.
    Control,
    /// Change its graph, its preset, and which stations there are.
    Edit,
}

impl Right {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Listen, Self::Status, Self::Metrics, Self::Control, Self::Edit];

    /// The name on the page.
    pub fn name(self) -> &'static str {
        match self {
            Self::Listen => "listen",
            Self::Status => "status",
            Self::Metrics => "metrics",
            Self::Control => "control",
            Self::Edit => "edit",
        }
    }

    /// The least role that has it.
    pub fn role(self) -> crate::access::Role {
        use crate::access::Role;
        match self {
            Self::Listen | Self::Status | Self::Metrics => Role::Listener,
            Self::Control => Role::Controller,
            Self::Edit => Role::Admin,
        }
    }
}

/// For what a role is asked.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// Whether it is for status, metrics and control.
    closed: bool,
    /// Whether it is for listening.
    listen: bool,
}

impl Policy {
    /// The policy of some settings.
    pub fn of(settings: &Settings) -> Self {
        let listen = settings.doors.listen == Listen::Token;
        Self { closed: settings.is_production() || listen, listen }
    }
}

/// Who asks.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The address that counts.
    pub address: IpAddr,
    /// What a token of theirs grants at this station.
    grant: Option<Grant>,
    /// Why a token of theirs, if there is one, grants nothing.
    pub refused: Option<TokenError>,
    /// Whether it is this machine, by address and by the name it was asked under.
    pub here: bool,
    /// Whether the station is private: who knows it may turn its controls.
    private: bool,
    policy: Policy,
}

impl Caller {
    /// Who sent a request to a place, with a token or without. `here` says whether it came from this machine.
    pub fn new(
        address: IpAddr,
        here: bool,
        place: &Place<'_>,
        token: Option<Result<Grant, TokenError>>,
        policy: Policy,
    ) -> Self {
        let for_this =
            |grant: &Grant| grant.station.as_deref().is_none_or(|station| station == place.station);
        let (grant, refused) = match token {
            None => (None, None),
            Some(Ok(grant)) if for_this(&grant) => (Some(grant), None),
            Some(Ok(_)) => (None, Some(TokenError::Station)),
            Some(Err(error)) => (None, Some(error)),
        };
        Self { address, grant, refused, here, private: place.is_private(), policy }
    }

    /// Whether they may do something, now: a token may end while its bearer listens.
    pub fn may(&self, right: Right) -> bool {
        let asked = match right {
            Right::Listen => self.policy.listen,
            Right::Control if self.private => self.policy.listen,
            Right::Status | Right::Metrics | Right::Control => self.policy.closed,
            Right::Edit => true,
        };
        // Whoever may hear a private station may turn it.
        let takes = if self.private && right == Right::Control { Right::Listen } else { right };
        !asked || self.here || self.grant().is_some_and(|grant| grant.role >= takes.role())
    }

    /// How long they may listen; nothing where that does not hang on a token.
    pub fn listens_for(&self) -> Option<Duration> {
        let grant = self.grant.as_ref().filter(|_| self.policy.listen && !self.here);
        grant.map(Grant::left)
    }

    /// What a token of theirs grants now.
    pub fn grant(&self) -> Option<&Grant> {
        self.grant.as_ref().filter(|grant| grant.holds())
    }
}

/// Who sent the request: it has passed the gate.
pub fn caller() -> impl Filter<Extract = (Caller,), Error = Rejection> + Copy {
    warp::ext::get::<Caller>()
}
