//! Tokens: JSON Web Tokens (RFC 7519) whose claims are exp, and perhaps nbf, iat, sub, aud, roles and station.

use super::Role;
use super::jwk::{Key, Signer};
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Header, Validation, decode, decode_header, encode, get_current_timestamp};
use serde_json::{Map, Value as Json, json};
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How far clocks may be apart, in seconds.
const LEEWAY: u64 = 10;
/// For whom tokens are, where they say so.
const AUDIENCE: &str = "auralis";

/// What a token grants.
#[derive(Debug, Clone)]
pub struct Grant {
    /// What its bearer may do.
    pub role: Role,
    /// Who that is.
    pub subject: Option<String>,
    /// The station that it is for; all of them where none is named.
    pub station: Option<String>,
    /// When it ends, in seconds since the Unix epoch.
    pub until: u64,
    /// The life of the key that signed it.
    key: Weak<()>,
}

impl Grant {
    /// Whether it has not ended, nor its key been taken out.
    pub fn holds(&self) -> bool {
        self.key.strong_count() > 0 && get_current_timestamp() <= self.until.saturating_add(LEEWAY)
    }

    /// The time until it has ended.
    pub fn left(&self) -> Duration {
        let end = self.until.saturating_add(LEEWAY + 1);
        Duration::from_secs(end.saturating_sub(get_current_timestamp()))
    }
}

/// Why a token grants nothing. None of its words is the token's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It is no token.
    #[error("this is no JSON Web Token")]
    Shape,
    /// It is signed in a way that does not count, or not at all.
    #[error("the token is not signed as keys of this station sign: by HS256 or RS256, each key by its own")]
    Algorithm,
    /// Its key is not known.
    #[error("the token was signed by a key that this station does not have")]
    Key,
    /// The signature is another one.
    #[error("the token's signature is wrong")]
    Signature,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    Early,
    /// It is for somebody else.
    #[error("the token is not for auralis: its `aud` is another")]
    Audience,
    /// It is for another station.
    #[error("the token is for another station")]
    Station,
    /// A claim cannot be read.
    #[error(
        "the token's claims must be `exp` in seconds, `roles` with listener, controller or admin, and perhaps `station`"
    )]
    Claims,
    /// The station has no keys.
    #[error("this station takes no tokens: it was started without --auth-keys")]
    NoKeys,
}

/// What a token shall grant.
#[derive(Debug, Clone)]
pub struct Wish {
    /// What its bearer may do.
    pub role: Role,
    /// Seconds until it ends.
    pub seconds: u64,
    /// Who that is.
    pub subject: Option<String>,
    /// The station that it is for; all of them where none is named.
    pub station: Option<String>,
}

/// Makes a token.
///
/// # Errors
/// The key cannot sign.
pub fn issue(wish: &Wish, signer: &Signer) -> Result<String, String> {
    let now = get_current_timestamp();
    let mut claims = json!({
        "iat": now,
        "exp": now.saturating_add(wish.seconds),
        "aud": AUDIENCE,
        "roles": [wish.role.name()],
    });
    let optional = [("sub", &wish.subject), ("station", &wish.station)];
    for (name, value) in optional.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
        claims[name] = json!(value);
    }
    let mut header = Header::new(signer.algorithm.known());
    header.kid.clone_from(&signer.id);
    encode(&header, &claims, &signer.encoding).map_err(|error| format!("the key cannot sign: {error}"))
}

pub(super) fn verify(token: &str, keys: &[Key]) -> Result<Grant, TokenError> {
    let header = decode_header(token).map_err(|error| match error.kind() {
        // Among them `none`: jsonwebtoken does not know it.
        ErrorKind::Json(_) if token.split('.').count() == 3 => TokenError::Algorithm,
        _ => TokenError::Shape,
    })?;
    // What must be understood and is not (RFC 7515, section 4.1.11).
    if header.crit.is_some() {
        return Err(TokenError::Shape);
    }
    let is_its = |key: &&Key| header.kid.is_none() || key.id == header.kid;
    let named: Vec<&Key> = keys.iter().filter(is_its).collect();
    if named.is_empty() {
        return Err(TokenError::Key);
    }
    let mut blame = TokenError::Algorithm;
    // What a key checks is said by the key, never by the token.
    for key in named.into_iter().filter(|key| key.algorithm.known() == header.alg) {
        match verify_by(token, key) {
            Err(TokenError::Signature) => blame = TokenError::Signature,
            verdict => return verdict,
        }
    }
    Err(blame)
}

fn verify_by(token: &str, key: &Key) -> Result<Grant, TokenError> {
    let mut validation = Validation::new(key.algorithm.known());
    validation.leeway = LEEWAY;
    validation.validate_nbf = true;
    validation.set_audience(&[AUDIENCE]);
    let decoded = decode::<Map<String, Json>>(token, &key.decoding, &validation);
    let claims = decoded.map_err(|error| match error.kind() {
        ErrorKind::InvalidSignature => TokenError::Signature,
        ErrorKind::ExpiredSignature => TokenError::Expired,
        ErrorKind::ImmatureSignature => TokenError::Early,
        ErrorKind::InvalidAudience => TokenError::Audience,
        ErrorKind::MissingRequiredClaim(_) | ErrorKind::InvalidClaimFormat(_) | ErrorKind::Json(_) => {
            TokenError::Claims
        }
        ErrorKind::InvalidAlgorithm => TokenError::Algorithm,
        _ => TokenError::Shape,
    })?;
    read(&claims.claims, key).ok_or(TokenError::Claims)?
}

/// What claims grant that a key has signed; nothing where one cannot be read.
fn read(claims: &Map<String, Json>, key: &Key) -> Option<Result<Grant, TokenError>> {
    let seconds = |value: &Json| value.as_u64().or_else(|| value.as_f64().map(|seconds| seconds as u64));
    let text = |name: &str| match claims.get(name) {
        None | Some(Json::Null) => Some(None),
        Some(Json::String(text)) => Some(Some(text.clone())),
        Some(_) => None,
    };
    let issued = claims.get("iat").map_or(Some(0), seconds)?;
    if issued > get_current_timestamp() + LEEWAY {
        return Some(Err(TokenError::Early));
    }
    let roles = claims.get("roles")?.as_array()?;
    // Roles of others may stand beside ours.
    let role = roles.iter().filter_map(|role| Role::named(role.as_str()?)).max()?;
    Some(Ok(Grant {
        role,
        subject: text("sub")?,
        station: text("station")?,
        until: seconds(claims.get("exp")?)?,
        key: Arc::downgrade(&key.life),
    }))
}
