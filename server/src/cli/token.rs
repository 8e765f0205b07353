//! `auralis token`: tokens, and the keys that sign them.

use super::{Failure, Outcome, print};
use crate::access::{Algorithm, Role, Signer, Wish, append, issue};
use crate::settings::environment;
use std::path::PathBuf;

/// The variable that names the file of keys, for the station as well.
const VARIABLE: &str = "AURALIS_AUTH_KEYS";
/// Seconds in a day.
const DAY: f64 = 86_400.0;
/// Longest life of a token, in days.
const LONGEST: f64 = 36_500.0;

/// Issue a token that says what its bearer may do at a station, or make the keys that sign tokens.
///
/// A station that is started with --auth-keys FILE (or AURALIS_AUTH_KEYS) takes tokens that a key of this file has signed.
/// The first key signs, all of them check: so a key is replaced by appending a new one, putting it first, and
/// taking the old one out once its tokens have expired. Running stations read the file anew.
///
///   auralis token --new-key hs256 --key-file keys.json
///   auralis token --role controller --days 30 --key-file keys.json
///
/// A token is given by a header (Authorization: Bearer TOKEN) or in the address of the page (?token=TOKEN).
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Token {
    /// What the bearer may do: listener is to listen and to see the status, controller also to turn the controls, admin
    /// also to change the preset.
    #[arg(long, value_enum, required_unless_present = "new_key")]
    role: Option<Role>,
    /// Days until it expires, more than 0 to 36500.
    #[arg(long, value_name = "DAYS", default_value_t = 30.0, value_parser = days)]
    days: f64,
    /// The station that it is for [default: all].
    #[arg(long, value_name = "NAME")]
    station: Option<String>,
    /// Who the bearer is.
    #[arg(long, value_name = "NAME")]
    subject: Option<String>,
    /// The file of keys [default: AURALIS_AUTH_KEYS].
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
    /// The key that signs, by its `kid` [default: the first].
    #[arg(long, value_name = "KID")]
    key: Option<String>,
    /// Append a new key to the file, which is made where there is none (mode 0600), and print its `kid`.
    #[arg(long, value_enum, value_name = "ALGORITHM", conflicts_with_all = ["role", "station", "subject", "key"])]
    new_key: Option<Algorithm>,
}

fn days(text: &str) -> Result<f64, String> {
    let days = text.parse().ok().filter(|days| *days > 0.0 && *days <= LONGEST);
    days.ok_or_else(|| "must be a number of days, more than 0 to 36500".into())
}

impl Token {
    pub(super) fn run(self) -> Outcome {
        let file = match self.key_file {
            Some(file) => file,
            None => {
                let variables = environment().map_err(|error| Failure::Message(error.to_string()))?;
                let file = variables.get(VARIABLE).filter(|file| !file.is_empty()).map(PathBuf::from);
                file.ok_or_else(|| {
                    Failure::Message(format!("name the file of keys by --key-file or {VARIABLE}"))
                })?
            }
        };
        let failed = |error: crate::access::KeysError| Failure::Message(error.to_string());
        if let Some(algorithm) = self.new_key {
            return print(append(&file, algorithm).map_err(failed)?);
        }
        let signer = Signer::read(&file, self.key.as_deref()).map_err(failed)?;
        // clap has seen to it that there is one.
        let role = self.role.unwrap_or(Role::Listener);
        let seconds = (self.days * DAY).ceil() as u64;
        let wish = Wish { role, seconds, subject: self.subject, station: self.station };
        print(issue(&wish, &signer).map_err(Failure::Message)?)
    }
}
