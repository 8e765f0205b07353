//! TLS (rustls) around what is accepted. Certificates are read anew while connections stay. Any thread.

use rustls::ServerConfig;
use rustls::pki_types::pem::{Error as PemError, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// Longest that a handshake may take: who dawdles holds nothing.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// A certificate and its key, as they lie in their files.
#[derive(Debug, Clone)]
pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    now: watch::Sender<Arc<ServerConfig>>,
}

/// Why there can be no TLS.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read, or is no PEM file.
    #[error("the {what} {} cannot be used: {why}", path.display())]
    File {
        /// What should be in it.
        what: &'static str,
        /// Where it should be.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The two are not of each other, or of a kind that is not known.
    #[error("the certificate {} and the key {} cannot be used: {why}", certificate.display(), key.display())]
    Pair {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong with them.
        why: String,
    },
}

impl Tls {
    /// Reads a certificate (with those of its issuers behind it) and its key, both PEM.
    ///
    /// # Errors
    /// What is wrong with a file, or with the two together.
    pub fn load(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let now = watch::Sender::new(Arc::new(read(certificate, key)?));
        Ok(Self { certificate: certificate.to_path_buf(), key: key.to_path_buf(), now })
    }

    /// The files.
    pub fn files(&self) -> Vec<PathBuf> {
        vec![self.certificate.clone(), self.key.clone()]
    }

    /// Reads the files anew, for connections from now on; where they cannot be used, what was read before
    /// stays. Returns whether they can.
    pub fn renew(&self) -> bool {
        match read(&self.certificate, &self.key) {
            Ok(config) => {
                self.now.send_replace(Arc::new(config));
                tracing::info!("the certificate {} was read anew", self.certificate.display());
                true
            }
            Err(error) => {
                tracing::error!("the certificate in use stays: {error}");
                false
            }
        }
    }

    /// Shakes hands.
    ///
    /// # Errors
    /// The other end speaks no TLS, or takes too long.
    pub async fn greet(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let config = Arc::clone(&self.now.borrow());
        let handshake = TlsAcceptor::from(config).accept(stream);
        timeout(HANDSHAKE, handshake).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }
}

fn read(certificate: &Path, key: &Path) -> Result<ServerConfig, TlsError> {
    let file = |what, path: &Path, why: String| TlsError::File { what, path: path.to_path_buf(), why };
    let chain = CertificateDer::pem_file_iter(certificate).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let chain = chain.map_err(|error| file("certificate", certificate, blame(error, "CERTIFICATE")))?;
    if chain.is_empty() {
        return Err(file("certificate", certificate, blame(PemError::NoItemsFound, "CERTIFICATE")));
    }
    let secret = PrivateKeyDer::from_pem_file(key);
    let secret = secret.map_err(|error| file("key", key, blame(error, "PRIVATE KEY")))?;
    let pair = |error: rustls::Error| TlsError::Pair {
        certificate: certificate.to_path_buf(),
        key: key.to_path_buf(),
        why: match error {
            rustls::Error::InconsistentKeys(_) => "they do not belong together".into(),
            error => error.to_string(),
        },
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.map_err(pair)?.with_no_client_auth().with_single_cert(chain, secret);
    let mut config = config.map_err(pair)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// What is wrong with a PEM file. What is in it is not for anybody's eyes.
fn blame(error: PemError, section: &str) -> String {
    match error {
        PemError::Io(error) => error.to_string(),
        PemError::NoItemsFound => format!("there is no section `BEGIN {section}` in it; it must be PEM"),
        _ => "it is not PEM".into(),
    }
}
