//! The keys that a station knows, read anew when their file changes. Any thread.

use super::jwk::{Key, KeysError, read_keys, read_set};
use super::token::{Grant, TokenError, verify};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;

/// A file of keys, and what was read of it.
#[derive(Clone)]
pub struct KeyFile {
    path: PathBuf,
    now: watch::Sender<Arc<[Key]>>,
}

impl std::fmt::Debug for KeyFile {
    /// Without the keys.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyFile").field("path", &self.path).finish_non_exhaustive()
    }
}

impl KeyFile {
    /// Reads a file of keys.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn load(path: &Path) -> Result<Self, KeysError> {
        let now = watch::Sender::new(read(path)?.into());
        Ok(Self { path: path.to_path_buf(), now })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the file anew; where it cannot be used, what was read before stays. What keys have signed that are in it no
    /// more grants nothing from now on. Returns whether it can be used.
    pub fn renew(&self) -> bool {
        match read(&self.path) {
            Ok(mut keys) => {
                let count = keys.len();
                self.now.send_modify(|now| {
                    keys.iter_mut().for_each(|key| key.follow(now));
                    *now = keys.into();
                });
                tracing::info!("{} was read anew: {count} keys", self.path.display());
                true
            }
            Err(error) => {
                tracing::error!("the keys in use stay: {error}");
                false
            }
        }
    }

    /// What a token grants.
    ///
    /// # Errors
    /// Why it grants nothing.
    pub fn check(&self, token: &str) -> Result<Grant, TokenError> {
        let keys = Arc::clone(&self.now.borrow());
        verify(token, &keys)
    }
}

fn read(path: &Path) -> Result<Vec<Key>, KeysError> {
    let keys = read_keys(path, &read_set(path)?)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let others = |data: std::fs::Metadata| data.permissions().mode() & 0o077 != 0;
        if std::fs::metadata(path).is_ok_and(others) {
            tracing::warn!("others on this machine may read the keys in {}: chmod 600", path.display());
        }
    }
    Ok(keys)
}
