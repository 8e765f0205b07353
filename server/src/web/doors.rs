//! The station's doors: its ports, its certificate, the keys of its tokens; opened by the settings, and kept.

use super::guard::{Gate, Watch};
use super::routes;
use super::site::Site;
use crate::access::{KeyFile, KeysError};
use crate::front::{self, Door, Limits, Proxies, Redirect, Tls, TlsError};
use crate::renewal::renew;
use crate::settings::Settings;
use crate::stations::Stations;
use hyper_util::service::TowerToHyperService;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Connections besides those of listeners: pages, controls, metrics.
const SPARE: usize = 1000;

/// The doors, open.
pub struct Doors {
    main: TcpListener,
    tls: Option<Tls>,
    redirect: Option<TcpListener>,
    keys: Option<KeyFile>,
}

/// Why a door cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum DoorError {
    /// The system says no, for example that the port is taken.
    #[error("cannot listen on {address}: {source}")]
    Port {
        /// Where.
        address: SocketAddr,
        /// What it says.
        source: std::io::Error,
    },
    /// The certificate or its key is not there, or no good.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// The keys of tokens are not there, or no good.
    #[error("the keys of tokens cannot be used: {0}")]
    Keys(#[from] KeysError),
}

impl Doors {
    /// Reads the certificate and the keys, and opens nothing.
    ///
    /// # Errors
    /// What is wrong with them.
    pub fn check(settings: &Settings) -> Result<(), DoorError> {
        Self::read(settings).map(drop)
    }

    fn read(settings: &Settings) -> Result<(Option<Tls>, Option<KeyFile>), DoorError> {
        let doors = &settings.doors;
        let tls = match (&doors.certificate, &doors.key) {
            (Some(certificate), Some(key)) if doors.tls => Some(Tls::load(certificate, key)?),
            _ => None,
        };
        let keys = doors.auth_keys.as_deref().map(KeyFile::load).transpose()?;
        Ok((tls, keys))
    }

    /// Reads the certificate and the keys, and opens the ports that the settings name.
    ///
    /// # Errors
    /// What is wrong with the certificate, the keys or a port.
    pub async fn open(settings: &Settings) -> Result<Self, DoorError> {
        let (tls, keys) = Self::read(settings)?;
        let doors = &settings.doors;
        if settings.is_production() && keys.is_none() {
            tracing::warn!(
                "without --auth-keys nobody but this machine sees the status or turns the controls"
            );
        }
        if settings.is_production() && settings.host.is_loopback() && doors.trusted_proxies.is_empty() {
            tracing::warn!(
                "only this machine reaches the station: if something on it forwards others' requests, name it with \
                 --trusted-proxies, or they count as the operator's"
            );
        }
        let listen = |port| async move {
            let address = SocketAddr::new(settings.host, port);
            TcpListener::bind(address).await.map_err(|source| DoorError::Port { address, source })
        };
        let main = listen(settings.port).await?;
        let redirect = match doors.redirect_port {
            Some(port) => Some(listen(port).await?),
            None => None,
        };
        Ok(Self { main, tls, redirect, keys })
    }

    /// Where a browser finds the station.
    ///
    /// # Errors
    /// The system has forgotten the port.
    pub fn url(&self) -> std::io::Result<String> {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        Ok(format!("{scheme}://{}", shown(self.main.local_addr()?)))
    }

    /// Where it finds the way to HTTPS, if there is such a door.
    ///
    /// # Errors
    /// The system has forgotten the port.
    pub fn redirect(&self) -> std::io::Result<Option<String>> {
        let address = self.redirect.as_ref().map(TcpListener::local_addr).transpose()?;
        Ok(address.map(|address| format!("http://{}", shown(address))))
    }

    /// Serves until `stopping` becomes true, and then until the open requests are answered.
    pub async fn serve(self, stations: Arc<Stations>, stopping: watch::Receiver<bool>) {
        let Settings { max_clients, clients_per_address, ref doors, .. } = stations.settings;
        let limits = Limits { connections: max_clients + SPARE, per_address: clients_per_address };
        let proxies = Proxies::new(doors.trusted_proxies.clone());
        if let Some(tls) = self.tls.clone() {
            tokio::spawn(renew(tls.files(), move || tls.renew()));
        }
        if let Some(keys) = self.keys.clone() {
            tokio::spawn(renew(vec![keys.path().to_path_buf()], move || keys.renew()));
        }
        let port = self.main.local_addr().map(|address| address.port());
        if let (Some(listener), Ok(port)) = (self.redirect, port) {
            let door = Door { listener, limits, tls: None, proxies: Proxies::default() };
            tokio::spawn(front::serve(door, Redirect { port }, stopping.clone()));
        }
        let watch = Watch::new(&stations.settings, stations.default_name(), self.keys);
        let site = Site { stations };
        let gate = Gate::new(watch, TowerToHyperService::new(warp::service(routes(&site))));
        front::serve(Door { listener: self.main, limits, tls: self.tls, proxies }, gate, stopping).await;
    }
}

/// An address as one types it into a browser of this machine.
fn shown(address: SocketAddr) -> String {
    match address.ip().is_unspecified() {
        true => format!("localhost:{}", address.port()),
        false => address.to_string(),
    }
}
