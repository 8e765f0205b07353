//! Tokens as the program issues them, and as somebody forges them.

use crate::program::Room;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value as Json, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// A file of keys in a room of its own.
pub struct Tokens(Room);

/// The name of the file.
const FILE: &str = "keys.json";

impl Tokens {
    /// With a first key of an algorithm, `hs256` or `rs256`.
    ///
    /// # Panics
    /// The program makes none.
    pub fn new(algorithm: &str) -> Self {
        let tokens = Self(Room::new());
        tokens.add_key(algorithm);
        tokens
    }

    /// Where the file is.
    pub fn file(&self) -> String {
        self.0.path(FILE).display().to_string()
    }

    /// Appends a key; gives its name.
    ///
    /// # Panics
    /// The program refuses.
    pub fn add_key(&self, algorithm: &str) -> String {
        self.0.run(&["token", "--new-key", algorithm, "--key-file", FILE]).ok().trim().to_string()
    }

    /// The keys in the file.
    ///
    /// # Panics
    /// It has none.
    pub fn keys(&self) -> Vec<Json> {
        let set: Json = serde_json::from_slice(&self.0.bytes(FILE)).expect("keys are JSON");
        set["keys"].as_array().expect("a list of keys").clone()
    }

    /// Puts these keys into the file.
    pub fn set_keys(&self, keys: &[Json]) {
        self.0.put(FILE, json!({ "keys": keys }).to_string());
    }

    /// A token of a role, with more arguments for the program.
    ///
    /// # Panics
    /// The program refuses.
    #[track_caller]
    pub fn issue(&self, role: &str, more: &[&str]) -> String {
        let arguments = ["token", "--role", role, "--key-file", FILE];
        let said = self.0.run(&arguments.iter().chain(more).copied().collect::<Vec<_>>());
        said.ok().trim().to_string()
    }

    /// A token with any header and claims, signed with a secret as the algorithm of the header says.
    ///
    /// # Panics
    /// The algorithm does not sign with secrets.
    pub fn forge(algorithm: Algorithm, kid: Option<&str>, claims: &Json, secret: &[u8]) -> String {
        let mut header = Header::new(algorithm);
        header.kid = kid.map(str::to_string);
        encode(&header, claims, &EncodingKey::from_secret(secret)).expect("a token")
    }
}

/// Seconds since the Unix epoch, and some more.
///
/// # Panics
/// The clock is before 1970.
pub fn now_and(seconds: i64) -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs();
    i64::try_from(now).expect("a clock") + seconds
}
