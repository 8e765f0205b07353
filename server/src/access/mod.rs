//! Who may do what (contract, section 4): tokens that carry roles, and the keys that sign them.

mod fresh_key;
mod jwk;
mod keys;
mod token;

pub use fresh_key::append;
pub use jwk::{Algorithm, KeysError, Signer};
pub use keys::KeyFile;
pub use token::{Grant, TokenError, Wish, issue};

/// What a token's bearer may do; each may what those before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub enum Role {
    /// Listen, and see the status and the metrics.
    Listener,
    /// Turn the controls.
    Controller,
    /// Change graphs, presets and stations.
    Admin,
}

impl Role {
    const ALL: [Self; 3] = [Self::Listener, Self::Controller, Self::Admin];

    /// The name in tokens.
    pub fn name(self) -> &'static str {
        match self {
            Self::Listener => "listener",
            Self::Controller => "controller",
            Self::Admin => "admin",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }
}
