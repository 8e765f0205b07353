//! New keys, appended to a file that nobody else may read.

use super::jwk::{Algorithm, KeysError, read_keys, read_set};
use auralis_nodes::encoder::timestamp;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use rsa::rand_core::{OsRng, RngCore};
use rsa::traits::{PrivateKeyParts, PublicKeyParts};
use rsa::{BigUint, RsaPrivateKey};
use serde_json::{Value as Json, json};
use std::io::Write;
use std::path::Path;

/// Bits of a new RSA key's modulus.
const BITS: usize = 3072;

/// Makes a key and appends it to a file of keys, which is made where there is none; gives its name. The file can be read
/// by its owner alone (mode 0600), who stays the same.
///
/// # Errors
/// The file is no set of keys, or cannot be written, or given to its owner.
pub fn append(path: &Path, algorithm: Algorithm) -> Result<String, KeysError> {
    // A link stays one.
    let whole = path.canonicalize();
    let path = whole.as_deref().unwrap_or(path);
    let failed = |source: std::io::Error| KeysError::File { path: path.to_path_buf(), source };
    let mut keys = match read_set(path) {
        Err(KeysError::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => Vec::new(),
        keys => keys?,
    };
    read_keys(path, &keys)?;
    let day = timestamp(crate::station::now_micros());
    let id = format!("{}-{}", day.get(..10).unwrap_or(&day), BASE64.encode(random::<6>()));
    keys.push(fresh(&id, algorithm).map_err(std::io::Error::other).map_err(failed)?);
    let text = format!("{:#}\n", json!({ "keys": keys }));
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // A file of tempfile's is its owner's alone.
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.as_file().sync_all()).map_err(failed)?;
    #[cfg(unix)]
    if let Ok(before) = std::fs::metadata(path) {
        use std::os::unix::fs::{MetadataExt, fchown};
        let owner = |source| KeysError::Owner { path: path.to_path_buf(), source };
        fchown(file.as_file(), Some(before.uid()), Some(before.gid())).map_err(owner)?;
    }
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(id)
}

fn fresh(id: &str, algorithm: Algorithm) -> Result<Json, rsa::Error> {
    let name = algorithm.name();
    match algorithm {
        Algorithm::Hs256 => {
            let secret = BASE64.encode(random::<48>());
            Ok(json!({ "kty": "oct", "kid": id, "alg": name, "use": "sig", "k": secret }))
        }
        Algorithm::Rs256 => {
            let key = RsaPrivateKey::new(&mut OsRng, BITS)?;
            let text = |number: &BigUint| BASE64.encode(number.to_bytes_be());
            let [p, q] = [0, 1].map(|index| key.primes().get(index).map(text));
            Ok(json!({
                "kty": "RSA", "kid": id, "alg": name, "use": "sig",
                "n": text(key.n()), "e": text(key.e()), "d": text(key.d()), "p": p, "q": q,
            }))
        }
    }
}

fn random<const COUNT: usize>() -> [u8; COUNT] {
    let mut bytes = [0; COUNT];
    OsRng.fill_bytes(&mut bytes);
    bytes
}
