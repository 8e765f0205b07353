//! Keys as they lie in a file: a JSON Web Key Set (RFC 7517). What is wrong with one is said without what is in it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use jsonwebtoken::{DecodingKey, DecodingKeyKind, EncodingKey};
use rsa::pkcs1::EncodeRsaPrivateKey;
use rsa::{BigUint, RsaPrivateKey};
use serde_json::{Map, Value as Json};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The shortest secret of HS256, in bytes (RFC 7518, section 3.2), and the shortest modulus of RS256 (section 3.3).
const SHORTEST_SECRET: usize = 32;
const SHORTEST_MODULUS: usize = 256;

/// How a key signs. A key has one way, so that nobody can make another of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Algorithm {
    /// HMAC with SHA-256: who can check tokens can make them.
    Hs256,
    /// RSA with SHA-256: the public part can only check them.
    Rs256,
}

impl Algorithm {
    /// The same in jsonwebtoken's words.
    pub(super) fn known(self) -> jsonwebtoken::Algorithm {
        match self {
            Self::Hs256 => jsonwebtoken::Algorithm::HS256,
            Self::Rs256 => jsonwebtoken::Algorithm::RS256,
        }
    }

    /// The name in files.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Hs256 => "HS256",
            Self::Rs256 => "RS256",
        }
    }
}

/// Why a file of keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// It cannot be read or written.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// What is written anew cannot be given to its owner, who could read it no more.
    #[error("{} cannot be given back to its owner: {source}; call `auralis token --new-key` as that user", path.display())]
    Owner {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is no set of keys.
    #[error("{}: this is no JSON Web Key Set, {{\"keys\": [...]}}; `auralis token --new-key hs256` makes one", path.display())]
    Set {
        /// The file.
        path: PathBuf,
    },
    /// A key in it is no good.
    #[error("{}, key {number}{}: {why}", path.display(), name.as_ref().map(|name| format!(" ({name})")).unwrap_or_default())]
    Key {
        /// The file.
        path: PathBuf,
        /// Its place, from 1.
        number: usize,
        /// Its `kid`, where it has one.
        name: Option<String>,
        /// What is wrong with it.
        why: &'static str,
    },
    /// No key in it signs.
    #[error("{}: {why}", path.display())]
    Signer {
        /// The file.
        path: PathBuf,
        /// What is missing.
        why: String,
    },
}

/// A key that checks tokens.
pub(super) struct Key {
    pub id: Option<String>,
    pub algorithm: Algorithm,
    pub decoding: DecodingKey,
    /// Ends when the key is taken out: what it has signed grants nothing from then on.
    pub life: Arc<()>,
}

impl Key {
    /// Goes on as the same key among those before, if there is one.
    pub fn follow(&mut self, before: &[Self]) {
        if let Some(same) = before.iter().find(|key| key.is(self)) {
            self.life = Arc::clone(&same.life);
        }
    }

    fn is(&self, other: &Self) -> bool {
        use DecodingKeyKind::{RsaModulusExponent as Rsa, SecretOrDer as Secret};
        let same = match (self.decoding.kind(), other.decoding.kind()) {
            (Secret(one), Secret(another)) => one == another,
            (Rsa { n, e }, Rsa { n: modulus, e: exponent }) => (n, e) == (modulus, exponent),
            _ => false,
        };
        same && (&self.id, self.algorithm) == (&other.id, other.algorithm)
    }
}

/// A key that signs tokens.
pub struct Signer {
    pub(super) id: Option<String>,
    pub(super) algorithm: Algorithm,
    pub(super) encoding: EncodingKey,
}

impl Signer {
    /// The first key of a file, or the one of a name.
    ///
    /// # Errors
    /// What is wrong with the file, that it has no such key, or only the public part.
    pub fn read(path: &Path, id: Option<&str>) -> Result<Self, KeysError> {
        let set = read_set(path)?;
        // All of them: whoever issues tokens hears of a file that the station would refuse.
        read_keys(path, &set)?;
        let missing = |why| KeysError::Signer { path: path.to_path_buf(), why };
        let is_meant =
            |key: &&Map<String, Json>| signs(key) && id.is_none_or(|id| text(key, "kid") == Some(id));
        let keys = set.iter().filter_map(Json::as_object);
        let key = { keys }.find(is_meant).ok_or_else(|| match id {
            Some(id) => missing(format!("there is no key `{id}`")),
            None => missing("there are no keys; `auralis token --new-key hs256` makes one".into()),
        })?;
        let (algorithm, encoding) = encoding(key).map_err(|why| missing(why.into()))?;
        Ok(Self { id: text(key, "kid").map(str::to_string), algorithm, encoding })
    }
}

/// The entries of a file of keys.
pub(super) fn read_set(path: &Path) -> Result<Vec<Json>, KeysError> {
    let bytes = std::fs::read(path).map_err(|source| KeysError::File { path: path.to_path_buf(), source })?;
    // serde's own words could have a piece of a key in them.
    let set = serde_json::from_slice::<Json>(&bytes).ok();
    let keys = set.and_then(|mut set| match set.get_mut("keys")?.take() {
        Json::Array(keys) => Some(keys),
        _ => None,
    });
    keys.ok_or_else(|| KeysError::Set { path: path.to_path_buf() })
}

/// The keys that check tokens.
pub(super) fn read_keys(path: &Path, set: &[Json]) -> Result<Vec<Key>, KeysError> {
    let mut keys: Vec<Key> = Vec::new();
    // For other algorithms: beside keys of ours they are no mistake (RFC 7517, section 5).
    let mut foreign = Vec::new();
    for (index, entry) in set.iter().enumerate() {
        let name = entry.get("kid").and_then(Json::as_str).map(str::to_string);
        let no_good =
            |why| KeysError::Key { path: path.to_path_buf(), number: index + 1, name: name.clone(), why };
        let entry = entry.as_object().ok_or_else(|| no_good("it is no JSON object"))?;
        if !signs(entry) {
            continue;
        }
        if let Some(why) = algorithm(entry).err().filter(|_| entry.contains_key("kty")) {
            foreign.push(no_good(why));
            continue;
        }
        if name.is_some() && keys.iter().any(|key| key.id == name) {
            return Err(no_good("another key has this `kid`"));
        }
        keys.push(key(entry).map_err(no_good)?);
    }
    if keys.is_empty() && !foreign.is_empty() {
        return Err(foreign.swap_remove(0));
    }
    foreign.iter().for_each(|why| tracing::warn!("{why}: it is left out"));
    Ok(keys)
}

/// Whether a key is for signatures: providers of identity publish others beside them.
fn signs(key: &Map<String, Json>) -> bool {
    text(key, "use").is_none_or(|usage| usage == "sig")
}

fn text<'a>(key: &'a Map<String, Json>, name: &str) -> Option<&'a str> {
    key.get(name).and_then(Json::as_str)
}

fn algorithm(key: &Map<String, Json>) -> Result<Algorithm, &'static str> {
    match (text(key, "kty"), text(key, "alg")) {
        (Some("oct"), None | Some("HS256")) => Ok(Algorithm::Hs256),
        (Some("RSA"), None | Some("RS256")) => Ok(Algorithm::Rs256),
        (Some("oct"), _) => Err("a key of `kty` oct has `alg` HS256"),
        (Some("RSA"), _) => Err("a key of `kty` RSA has `alg` RS256"),
        _ => Err("its `kty` must be oct (for HS256) or RSA (for RS256)"),
    }
}

fn bytes(key: &Map<String, Json>, name: &str, wants: &'static str) -> Result<Vec<u8>, &'static str> {
    text(key, name).and_then(|text| BASE64.decode(text.trim_end_matches('=')).ok()).ok_or(wants)
}

fn secret(key: &Map<String, Json>) -> Result<Vec<u8>, &'static str> {
    let secret = bytes(key, "k", "its `k` must be a secret in base64url")?;
    if secret.len() < SHORTEST_SECRET {
        return Err("its secret `k` has less than 32 bytes");
    }
    Ok(secret)
}

fn key(key: &Map<String, Json>) -> Result<Key, &'static str> {
    let algorithm = algorithm(key)?;
    let decoding = match algorithm {
        Algorithm::Hs256 => DecodingKey::from_secret(&secret(key)?),
        Algorithm::Rs256 => {
            let modulus = bytes(key, "n", "its `n` must be a modulus in base64url")?;
            let exponent = bytes(key, "e", "its `e` must be an exponent in base64url")?;
            let length = modulus.iter().skip_while(|byte| **byte == 0).count();
            if length < SHORTEST_MODULUS {
                return Err("its modulus `n` has less than 2048 bits");
            }
            DecodingKey::from_rsa_raw_components(&modulus, &exponent)
        }
    };
    Ok(Key { id: text(key, "kid").map(str::to_string), algorithm, decoding, life: Arc::default() })
}

fn encoding(key: &Map<String, Json>) -> Result<(Algorithm, EncodingKey), &'static str> {
    let algorithm = algorithm(key)?;
    let encoding = match algorithm {
        Algorithm::Hs256 => EncodingKey::from_secret(&secret(key)?),
        Algorithm::Rs256 => {
            const WANTS: &str =
                "the key that would sign has no private part (`d`, `p`, `q`): it only checks tokens";
            let number = |name| bytes(key, name, WANTS).map(|bytes| BigUint::from_bytes_be(&bytes));
            let primes = vec![number("p")?, number("q")?];
            let whole = RsaPrivateKey::from_components(number("n")?, number("e")?, number("d")?, primes);
            let whole = whole.ok().filter(|key| key.validate().is_ok());
            let der = whole.and_then(|key| key.to_pkcs1_der().ok());
            EncodingKey::from_rsa_der(der.ok_or("the key that would sign is no RSA key")?.as_bytes())
        }
    };
    Ok((algorithm, encoding))
}
